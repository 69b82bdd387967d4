"""Quality of the rows of a survey table, told as bits: no row is ever dropped."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from skdistmass.columns import ASPCAPFLAG_BITS, BITS, EXTRATARG_BITS, FEATURES, INPUT_COLUMNS, PHYSICAL_RANGES
from skdistmass.survey.duplicates import hash_ids

if TYPE_CHECKING:
    from astropy.table import Table

    from skdistmass.survey.read import StarReader


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
    values = np.asarray(stars[name], dtype=float)
    return np.where(_unphysical(values, name), np.nan, values)


def _unphysical(values: NDArray[np.float64], name: str) -> NDArray[np.bool_]:
    low, high = PHYSICAL_RANGES.get(name, (-np.inf, np.inf))
    if name.endswith(("_ERR", "_ERROR")):
        return (values < 0) | np.isinf(values)
    return (values <= low) | (values >= high) | np.isinf(values)


def quality_flags(stars: Table, repeated: NDArray[np.bool_] | None = None) -> NDArray[np.int64]:
    """Flag rows whose inputs are missing, impossible, bad or superseded.

    Parameters
    ----------
    stars : astropy.table.Table of length n_samples
        Table with canonical columns, as `read_stars` gives it.
    repeated : ndarray of bool of shape (n_samples,), optional
        Rows of stars that have a better row, where `stars` are only a part of the table; by default those
        that `duplicates` finds.

    Returns
    -------
    ndarray of int64 of shape (n_samples,)
        Sum of these bits of `skdistmass.columns.BITS`: MISSING_INPUT where one of the five inputs of the
        networks is missing or cannot be physical; BAD_INPUT_VALUE where any number of the row cannot be
        physical (an infinity, a negative error, a value outside `PHYSICAL_RANGES`); STAR_BAD where the
        survey's pipeline says so; DUPLICATE for all rows of a star but the best.

    Notes
    -----
    DUPLICATE comes from EXTRATARG. In a table without that column the best row of those with one APOGEE_ID is
    the one of highest SNR, the first among equals or where there is no SNR. A blank APOGEE_ID repeats none.

    Examples
    --------
    >>> from astropy.table import Table
    >>> stars = Table({"TEFF": [4800.0], "LOGG": [2.4], "M_H": [0.0], "C_FE": [np.nan], "N_FE": [0.1]})
    >>> quality_flags(stars)
    array([256])
    """
    flags = np.zeros(len(stars), dtype=np.int64)
    for name in FEATURES:
        flags[np.isnan(physical_values(stars, name))] |= BITS["MISSING_INPUT"][0]
    for name in stars.colnames:
        if name in INPUT_COLUMNS and INPUT_COLUMNS[name].kind == "float":
            bad = _unphysical(np.asarray(stars[name], dtype=float), name)
            flags[bad] |= BITS["BAD_INPUT_VALUE"][0]
    flags[star_bad(stars)] |= BITS["STAR_BAD"][0]
    flags[duplicates(stars) if repeated is None else repeated] |= BITS["DUPLICATE"][0]
    return flags


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


def duplicates(stars: Table) -> NDArray[np.bool_]:
    """Find the rows of stars that have a better row.

    Parameters
    ----------
    stars : astropy.table.Table of length n_samples
        Table with canonical columns.

    Returns
    -------
    ndarray of bool of shape (n_samples,)
        True for all rows of a star but one; see `quality_flags`.

    Examples
    --------
    >>> from astropy.table import Table
    >>> duplicates(Table({"APOGEE_ID": ["a", "b", "a"], "SNR": [50.0, 80.0, 120.0]}))
    array([ True, False, False])
    """
    if "EXTRATARG" in stars.colnames:
        return (np.asarray(stars["EXTRATARG"]) & (1 << EXTRATARG_BITS["DUPLICATE"])) != 0
    if "APOGEE_ID" not in stars.colnames:
        return np.zeros(len(stars), dtype=bool)
    return find_repeated(*star_keys(stars))


def needs_whole_table(names: Collection[str]) -> bool:
    """Tell whether a part of a table is not enough to say which of its rows have a better one elsewhere.

    Parameters
    ----------
    names : collection of str
        Canonical columns of the table.

    Returns
    -------
    bool
        True if the survey does not tell it, in EXTRATARG, and there are identifiers to find it.
    """
    return "EXTRATARG" not in names and "APOGEE_ID" in names


def key_columns(names: Collection[str]) -> list[str]:
    """List the columns that `star_keys` needs.

    Parameters
    ----------
    names : collection of str
        Canonical columns of the table.

    Returns
    -------
    list of str
        APOGEE_ID, and SNR if the table has it.
    """
    return [name for name in ("APOGEE_ID", "SNR") if name in names]


def star_keys(stars: Table) -> tuple[NDArray[np.uint64], NDArray[np.floating]]:
    """Give what tells which rows are of one star, and which of them is the best.

    Parameters
    ----------
    stars : astropy.table.Table of length n_samples
        Table with APOGEE_ID, and SNR if it has that.

    Returns
    -------
    keys : ndarray of uint64 of shape (n_samples,)
        Hash of the identifier, 0 for a blank one.
    snr : ndarray of shape (n_samples,)
        Signal-to-noise ratio, negative infinity where there is none.
    """
    snr = np.asarray(stars["SNR"]) if "SNR" in stars.colnames else np.full(len(stars), np.nan, np.float32)
    return hash_ids(stars["APOGEE_ID"]), np.where(np.isnan(snr), snr.dtype.type(-np.inf), snr)


def find_repeated(keys: NDArray[np.uint64], snr: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Find all rows of a star but the best.

    Parameters
    ----------
    keys, snr : ndarray of shape (n_samples,)
        See `star_keys`.

    Returns
    -------
    ndarray of bool of shape (n_samples,)
        True for rows with a better one.

    Notes
    -----
    Of 10⁸ stars two different ones have the same key with a probability of 3 in 10,000.
    """
    repeated = np.zeros(len(keys), dtype=bool)
    # A part of the stars at a time, so that sorting needs little memory.
    part_of = (keys >> np.uint64(60)).astype(np.uint8)
    for part in range(16):
        rows = np.flatnonzero(part_of == part)
        # Best row of each star first: by star, then falling SNR, then position.
        rows = rows[np.lexsort((-snr[rows], keys[rows]))]
        repeated[rows[1:]] = keys[rows[1:]] == keys[rows[:-1]]
    return repeated & (keys != 0)


def repeated_stars(reader: StarReader, block_rows: int) -> NDArray[np.bool_] | None:
    """Find the rows of stars that have a better row in a table that is read in blocks.

    Parameters
    ----------
    reader : StarReader
        The open table.
    block_rows : int
        Rows to read at a time.

    Returns
    -------
    ndarray of bool of shape (n_rows,), or None
        What `duplicates` would say of the whole table; None if a block has all that is needed, in EXTRATARG.
    """
    if not needs_whole_table(reader.names):
        return None
    blocks = (star_keys(stars) for stars in reader.select(key_columns(reader.names)).blocks(block_rows))
    keys, snr = zip(*blocks, strict=True)
    return find_repeated(np.concatenate(keys), np.concatenate(snr))
