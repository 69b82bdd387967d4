"""Clean inputs and quality flags per row: no row is ever dropped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from skdistmass.columns import ASPCAPFLAG_BITS, BITS, FEATURES, INPUT_COLUMNS, PHYSICAL_RANGES
from skdistmass.estimators.inference import with_feature_names
from skdistmass.survey.duplicates import duplicates, hash_ids, survey_duplicates

if TYPE_CHECKING:
    from astropy.table import Table

    from skdistmass.estimators.label_scale import LabelScale


_LARGEST = 1e30  # A number beyond measures nothing, and might not be one in single precision.


@dataclass(frozen=True)
class StarInputs:
    """Inputs of the models, cleaned and checked once.

    Parameters
    ----------
    columns : mapping of str to ndarray of shape (n_samples,)
        Columns by canonical name: float64 in the canonical unit with NaN for values that are missing or
        cannot be physical, integers and text as they were read.
    flags : ndarray of int64 of shape (n_samples,)
        Bits of `skdistmass.columns.BITS`, to which each later step adds its own.
    features : ndarray of shape (n_samples, 5)
        Inputs of the networks, in the order of `skdistmass.columns.FEATURES`.
    usable : ndarray of bool of shape (n_samples,)
        Rows that have all five.
    """

    columns: Mapping[str, NDArray]
    flags: NDArray[np.int64]
    features: NDArray[np.float64]
    usable: NDArray[np.bool_]

    def __getitem__(self, name: str) -> NDArray[np.float64]:
        """Values of a column of numbers; all NaN if the table lacks it."""
        return self.columns[name] if name in self.columns else np.full(len(self.flags), np.nan)

    def part(self, rows: slice) -> StarInputs:
        """Give the inputs of some rows, whose flags stay those of the whole.

        Parameters
        ----------
        rows : slice
            The rows.

        Returns
        -------
        StarInputs
            Views of the arrays.
        """
        columns = {name: values[rows] for name, values in self.columns.items()}
        return StarInputs(columns, self.flags[rows], self.features[rows], self.usable[rows])

    @cached_property
    def usable_features(self) -> NDArray[np.float64]:
        """Inputs of the networks [K, dex] in the usable rows."""
        return self.features if self.usable.all() else self.features[self.usable]

    @cached_property
    def usable_errors(self) -> NDArray[np.float64]:
        """1σ errors of the inputs of the networks [K, dex] in the usable rows; NaN for unknown ones."""
        errors = np.column_stack([self[f"{name}_ERR"] for name in FEATURES])
        return errors if self.usable.all() else errors[self.usable]

    @cached_property
    def hashed_ids(self) -> NDArray[np.uint64] | None:
        """Hashes of APOGEE_ID, by `hash_ids`; None if the table lacks it."""
        return hash_ids(self.columns["APOGEE_ID"]) if "APOGEE_ID" in self.columns else None

    def flag(self, name: str, where: NDArray[np.bool_]) -> None:
        """Set a bit, by its name, in some rows.

        Parameters
        ----------
        name : str
            Key of `skdistmass.columns.BITS`.
        where : ndarray of bool of shape (n_samples,)
            The rows.
        """
        self.flags[where] |= BITS[name][0]

    def has(self, name: str) -> NDArray[np.bool_]:
        """Tell which rows have a bit.

        Parameters
        ----------
        name : str
            Key of `skdistmass.columns.BITS`.

        Returns
        -------
        ndarray of bool of shape (n_samples,)
            True where it is set.
        """
        return (self.flags & BITS[name][0]) != 0


def clean_inputs(
    stars: Table, repeated: NDArray[np.bool_] | None = None, label_scale: LabelScale | None = None
) -> StarInputs:
    """Clean the columns of a survey table, and flag rows that are incomplete, impossible, bad or superseded.

    Parameters
    ----------
    stars : astropy.table.Table of length n_samples
        Table with canonical columns, as `read_stars` gives it; it is not changed.
    repeated : ndarray of bool of shape (n_samples,), optional
        Rows of stars that have a better row, where `stars` are only a part of the table; by default those
        that `duplicates` finds.
    label_scale : LabelScale, optional
        Scale that the five inputs of the networks, once clean, are brought to.

    Returns
    -------
    StarInputs
        With these bits: MISSING_INPUT where one of the five inputs of the networks is missing or cannot be
        physical; LABELS_EXTRAPOLATED where they are outside the range of the stars of the label scale;
        BAD_INPUT_VALUE where any number of the row cannot be physical (an infinity, a negative error, a value
        outside `PHYSICAL_RANGES`); STAR_BAD where the survey's pipeline says so; DUPLICATE for all rows of a
        star but the best.

    Examples
    --------
    >>> from astropy.table import Table
    >>> stars = Table({"TEFF": [4800.0], "LOGG": [2.4], "M_H": [0.0], "C_FE": [np.nan], "N_FE": [0.1]})
    >>> clean_inputs(stars).flags
    array([256])
    """
    flags = np.zeros(len(stars), dtype=np.int64)
    columns = {}
    for name in stars.colnames:
        values = np.asarray(stars[name])
        if name in INPUT_COLUMNS and INPUT_COLUMNS[name].kind == "float":
            values, bad = _clean(values, name)
            flags[bad] |= BITS["BAD_INPUT_VALUE"][0]
        columns[name] = values
    missing = np.full(len(stars), np.nan)
    features = np.column_stack([columns.get(name, missing) for name in FEATURES])
    extrapolated = np.zeros(len(stars), dtype=bool)
    if label_scale is not None and len(features):
        named = with_feature_names(label_scale, features)
        extrapolated, features = label_scale.extrapolated(named), label_scale.transform(named)
        columns |= dict(zip(FEATURES, features.T, strict=True))
    usable = np.isfinite(features).all(axis=1)
    flags[usable & extrapolated] |= BITS["LABELS_EXTRAPOLATED"][0]
    flags[~usable] |= BITS["MISSING_INPUT"][0]
    flags[star_bad(stars)] |= BITS["STAR_BAD"][0]
    flags[duplicates(stars) if repeated is None else repeated] |= BITS["DUPLICATE"][0]
    if repeated is not None and (told := survey_duplicates(stars)) is not None:
        flags[told] |= BITS["DUPLICATE"][0]
    return StarInputs(columns, flags, features, usable)


def physical_values(stars: Table, name: str) -> NDArray[np.float64]:
    """Give the values of a column, with NaN for those that cannot be physical.

    Parameters
    ----------
    stars : astropy.table.Table of length n_samples
        Table with canonical columns.
    name : str
        Canonical name of the column.

    Returns
    -------
    ndarray of shape (n_samples,)
        Values in the canonical unit; all NaN if the table lacks the column.

    Examples
    --------
    >>> from astropy.table import Table
    >>> physical_values(Table({"TEFF": [4800.0, -1.0]}), "TEFF")
    array([4800.,   nan])
    """
    if name not in stars.colnames:
        return np.full(len(stars), np.nan)
    return _clean(np.asarray(stars[name]), name)[0]


def _clean(values: NDArray, name: str) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Give values as float64 with NaN for impossible ones, and where those are."""
    values = values.astype(np.float64)
    low, high = PHYSICAL_RANGES.get(name, (-np.inf, np.inf))
    if name.endswith(("_ERR", "_ERROR")):
        bad = (values < 0) | (values > _LARGEST)
    else:
        bad = (values <= low) | (values >= high) | (np.abs(values) > _LARGEST)
    values[bad] = np.nan
    return values, bad


def star_bad(stars: Table) -> NDArray[np.bool_]:
    """Find the stars that the survey's pipeline calls bad.

    Parameters
    ----------
    stars : astropy.table.Table of length n_samples
        Table with canonical columns.

    Returns
    -------
    ndarray of bool of shape (n_samples,)
        True for bit 23 of ASPCAPFLAG, or FLAG_BAD; False without these columns.

    Examples
    --------
    >>> from astropy.table import Table
    >>> star_bad(Table({"ASPCAPFLAG": [0, 2**23 + 2**7]}))
    array([False,  True])
    """
    bad = np.zeros(len(stars), dtype=bool)
    if "ASPCAPFLAG" in stars.colnames:
        bad |= (np.asarray(stars["ASPCAPFLAG"]) & (1 << ASPCAPFLAG_BITS["STAR_BAD"])) != 0
    if "FLAG_BAD" in stars.colnames:
        bad |= np.asarray(stars["FLAG_BAD"]) != 0
    return bad
