"""The stars of a catalogue as arrays, one column at a time: a figure reads no more than it shows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from skdistmass.columns import (
    BITS,
    CATALOG_COLUMNS,
    INPUT_COLUMNS,
    CatalogColumn,
    Column,
    as_floats,
    canonical_catalog_name,
)
from skdistmass.physics.coordinates import convert_frame
from skdistmass.physics.galaxy import SUN_RADIUS, galactocentric_position
from skdistmass.plots._quantities import PARSECS_PER_KPC, quantity
from skdistmass.survey.flags import duplicates, star_bad
from skdistmass.tables.aliases import MissingColumnsError, match_columns
from skdistmass.tables.clean import clean_column
from skdistmass.tables.open import open_source

if TYPE_CHECKING:
    import pandas as pd
    from astropy.table import Table
    from numpy.typing import ArrayLike, NDArray

    Catalog: TypeAlias = str | Path | Table | pd.DataFrame

_MADE = ("C_N", "R_GAL", "Z_GAL", "X_GAL", "Y_GAL")


class Stars:
    """Columns of a catalogue or of a survey table in canonical names and the units of the axes.

    Parameters
    ----------
    catalog : path, astropy.table.Table or pandas.DataFrame
        A catalogue in any of its namings, or a survey table.
    columns : dict of str to array-like of shape (n_samples,), optional
        Values that the table lacks or that go before its own, such as "RA" and "DEC" [deg] or "MEMBER"; None
        for one that is not given.
    distance : str, default="DISTANCE"
        Column of the distances for positions in the Galaxy.
    """

    def __init__(
        self,
        catalog: Catalog,
        columns: dict[str, ArrayLike | None] | None = None,
        distance: str = "DISTANCE",
    ):
        self._opened = open_source(catalog, lambda names: bool(set(names) & {"TEFF", "teff"}))
        self._distance = distance
        self._known = {
            name: hits[0] for name, hits in match_columns(self._opened.names, INPUT_COLUMNS).items()
        }
        for name in self._opened.names:
            self._known[canonical_catalog_name(name) or name] = name
        self._cache: dict[str, NDArray] = {}
        self._values: dict[str, NDArray[np.float64]] = {}
        for name, values in (columns or {}).items():
            if values is not None:
                self._cache[name] = self._given(name, values)

    def __len__(self) -> int:
        return self._opened.n_rows

    def __contains__(self, name: str) -> bool:
        return name in self._cache or name in self._known

    @property
    def names(self) -> list[str]:
        """Columns of the table, by canonical name where they have one."""
        return list(self._known)

    def _given(self, name: str, values: ArrayLike) -> NDArray:
        if hasattr(values, "colnames") or getattr(getattr(values, "dtype", None), "names", None):
            raise ValueError(f"`{name}` must be one column; received a table. Give one of its columns.")
        if name == "MEMBER":
            array: NDArray = np.asarray(np.ma.filled(values, "") if np.ma.isMA(values) else values, dtype=str)
        else:
            array = as_floats(values)
        if array.shape != (len(self),):
            raise ValueError(
                f"`{name}` must have one value for each of the {len(self)} rows of the catalogue; received "
                f"shape {array.shape}."
            )
        return array

    def column(self, name: str) -> NDArray:
        """Give a column as the table has it, in canonical units.

        Parameters
        ----------
        name : str
            Canonical name, or that of a column which the catalogue does not define.

        Returns
        -------
        ndarray of shape (n_samples, ...)
            Its values; NaN where missing.

        Raises
        ------
        MissingColumnsError
            If the table lacks it.
        """
        if name not in self._cache:
            if name not in self._known:
                raise MissingColumnsError(self._opened.label, [name], self._opened.names)
            self.load(name)
        return self._cache[name]

    def load(self, *names: str) -> None:
        """Read columns in one pass over the table, which is faster than one after the other.

        Parameters
        ----------
        *names : str
            Columns to come; those that the table lacks are left out.
        """
        wanted = {
            self._known[name]: name for name in names if name in self._known and name not in self._cache
        }
        columns: dict[str, Column | CatalogColumn] = {
            actual: CATALOG_COLUMNS.get(name) or INPUT_COLUMNS.get(name) or Column(name, "", "")
            for actual, name in wanted.items()
        }
        kinds = {actual: column.kind for actual, column in columns.items()}
        for actual, raw in self._opened.fetch(kinds, slice(0, len(self))).items() if wanted else ():
            column = columns[actual]
            raw = raw if column.unit or column.kind != "float" else raw._replace(unit="")
            self._cache[wanted[actual]] = clean_column(raw, column, actual)

    def values(self, name: str) -> NDArray[np.float64]:
        """Give a quantity in the unit of its axis.

        Parameters
        ----------
        name : str
            A column, or a quantity that is made from columns: see `Quantity`.

        Returns
        -------
        ndarray of shape (n_samples,)
            Its values; NaN where missing.
        """
        if name not in self._values:
            self._values[name] = self._value(name)
        return self._values[name]

    def _value(self, name: str) -> NDArray[np.float64]:
        if name in _MADE and name not in self:
            return self._made(name)
        if name.startswith("LOG_AGE") and name not in self:
            age = np.asarray(self.column(name.removeprefix("LOG_")), dtype=float)
            return np.log10(age, out=np.full(len(age), np.nan), where=age > 0)
        values = np.asarray(self.column(name), dtype=float)
        if values.ndim == 2:
            values = values[:, 1]  # NMSU_DIST of the published file: maximum, median and mean of the PDF.
        return values / quantity(name).scale

    def _made(self, name: str) -> NDArray[np.float64]:
        if name == "C_N":
            return self.values("C_FE") - self.values("N_FE")
        glon, glat = self.galactic_position()
        distance = np.asarray(self.column(self._distance), dtype=float)
        if name in ("R_GAL", "Z_GAL"):
            return galactocentric_position(glon, glat, distance)[name == "Z_GAL"]
        along = distance / PARSECS_PER_KPC * np.cos(np.radians(glat))
        if name == "X_GAL":
            return along * np.cos(np.radians(glon)) - SUN_RADIUS
        return along * np.sin(np.radians(glon))

    def galactic_position(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Give Galactic longitude and latitude [deg], from RA and DEC where the table has only those.

        Returns
        -------
        glon, glat : ndarray of shape (n_samples,)
            Galactic coordinates [deg].

        Raises
        ------
        MissingColumnsError
            If the table has no position on the sky.
        """
        if "GLON" in self and "GLAT" in self:
            return np.asarray(self.column("GLON"), float), np.asarray(self.column("GLAT"), float)
        if "GLON" not in self._cache:
            ra, dec = (np.asarray(self.column(name), dtype=float) for name in ("RA", "DEC"))
            known = np.isfinite(ra) & np.isfinite(dec)
            glon, glat = np.full(len(self), np.nan), np.full(len(self), np.nan)
            glon[known], glat[known] = convert_frame(ra[known], dec[known], "icrs", "galactic")
            self._cache["GLON"], self._cache["GLAT"] = glon, glat
        return self._cache["GLON"], self._cache["GLAT"]

    def usable(self, *names: str, rows: ArrayLike | None = None, quality: bool = True) -> NDArray[np.bool_]:
        """Tell which stars have all of the given quantities, and may be used for them.

        Parameters
        ----------
        *names : str
            Quantities.
        rows : array-like of bool of shape (n_samples,) or of int, optional
            Stars to choose from, all by default.
        quality : bool, default=True
            Leave out stars with a quality bit that forbids one of the quantities.

        Returns
        -------
        ndarray of bool of shape (n_samples,)
            True for a star to show.

        Raises
        ------
        ValueError
            If there is none.
        """
        known = self.rows(rows)
        for name in names:
            known &= np.isfinite(self.values(name))
        good = known
        if quality:
            forbidden = 0
            for name in names:
                forbidden |= quantity(name).forbidden
            good = known & ((self._bits() & forbidden) == 0)
        if not good.any():
            flagged = int(np.count_nonzero(known))
            hint = f"; {flagged} have a quality bit, `quality=False` shows them" if flagged else ""
            raise ValueError(
                f"{self._opened.label}: none of {len(self)} rows has {', '.join(names)} to show{hint}."
            )
        return good

    def rows(self, rows: ArrayLike | None) -> NDArray[np.bool_]:
        """Turn a choice of rows into a mask.

        Parameters
        ----------
        rows : array-like of bool of shape (n_samples,) or of int, or None
            Mask, or numbers of rows; None for all.

        Returns
        -------
        ndarray of bool of shape (n_samples,)
            A new mask.

        Raises
        ------
        ValueError
            If a mask has another length, or a row is not there.
        """
        if rows is None:
            return np.ones(len(self), dtype=bool)
        chosen = np.asarray(rows)
        if chosen.dtype == bool and chosen.shape == (len(self),):
            return chosen.copy()
        if chosen.dtype.kind in "iu" and chosen.ndim == 1 and np.all((chosen >= 0) & (chosen < len(self))):
            mask = np.zeros(len(self), dtype=bool)
            mask[chosen] = True
            return mask
        raise ValueError(
            f"rows must be a mask of shape ({len(self)},) or numbers of rows below {len(self)}; received "
            f"{chosen.dtype} of shape {chosen.shape}."
        )

    def has_bits(self, *names: str) -> NDArray[np.bool_]:
        """Tell which stars have one of the given bits of BITMASK.

        Parameters
        ----------
        *names : str
            Names of `skdistmass.columns.BITS`.

        Returns
        -------
        ndarray of bool of shape (n_samples,)
            True where one of them is set.
        """
        return (self._bits() & sum(BITS[name][0] for name in names)) != 0

    def _bits(self) -> NDArray[np.int64]:
        """Bits of the catalogue, or what the survey's own flags say of the rows."""
        if "BITMASK" in self:
            return self.column("BITMASK")
        if "_BITS" not in self._cache:
            from astropy.table import Table

            names = ("ASPCAPFLAG", "FLAG_BAD", "EXTRATARG", "APOGEE_ID", "SNR")
            flags = Table({name: self.column(name) for name in names if name in self})
            bits = np.zeros(len(self), dtype=np.int64)
            if flags.colnames:
                bits[star_bad(flags)] |= BITS["STAR_BAD"][0]
                bits[duplicates(flags)] |= BITS["DUPLICATE"][0]
            self._cache["_BITS"] = bits
        return self._cache["_BITS"]
