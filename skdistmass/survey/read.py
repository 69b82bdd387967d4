"""Reading of survey tables into tables with canonical columns."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from skdistmass.columns import (
    INPUT_COLUMNS,
    REQUIRED,
    CatalogColumn,
    Column,
)
from skdistmass.physics.coordinates import galactic_latitude
from skdistmass.tables.aliases import ColumnPlan, Combination, MissingColumnsError
from skdistmass.tables.open import open_source
from skdistmass.tables.source import RawColumn

if TYPE_CHECKING:
    import pandas as pd
    from astropy.table import Table

_LOG = logging.getLogger("skdistmass")
_APSTAR_PARTS = ("TELESCOPE", "FIELD", "APOGEE_ID")
_APSTAR_FORM = "apogee.{}.stars.{}.{}"


def read_stars(
    source: str | Path | Table | pd.DataFrame | NDArray,
    columns: Iterable[str] | None = None,
    rows: slice | None = None,
) -> Table:
    """Read a table of stars, whatever its format and the release its names come from.

    Parameters
    ----------
    source : path, astropy.table.Table, pandas.DataFrame or structured ndarray
        FITS (the first extension that has the columns), CSV, ECSV, VOTable or Parquet by the suffix of the
        file name, or a table in memory, which is not changed.
    columns : iterable of str, optional
        Columns to read, all of them then needed. Names that are not in `INPUT_COLUMNS` are looked up in the
        table as they are, and their values are left as they are. By default every column of `INPUT_COLUMNS`
        that the table has; only TEFF, LOGG, M_H, C_FE and N_FE are needed.
    rows : slice, optional
        Rows to read, all by default. Of FITS and Parquet files the others are not read.

    Returns
    -------
    astropy.table.Table
        Canonical columns with canonical units, in the order of the input, with all its rows. Missing floats
        are NaN (the survey's -9999, magnitudes of 99.999, masked values), missing flags and identifiers 0,
        missing text "". `meta` has the name of the source ("source") and its number of rows ("source_rows").

    Raises
    ------
    MissingColumnsError
        If needed columns are not there; it lists them, their aliases, and what was found.
    FileNotFoundError
        If there is no such file.
    ValueError
        For a table without rows, a damaged file, an unknown format, text in a column of numbers, a unit of
        another kind, or two columns that stand for the same quantity.
    TypeError
        If `source` is no table.

    Notes
    -----
    C_FE and N_FE are made from [X/H] - [Fe/H] where the table has only those, APSTAR_ID from its parts, and
    GLAT from RA and DEC.

    Examples
    --------
    >>> import pandas as pd
    >>> values = {"teff": [4800.0], "logg": [2.4], "feh": [-0.1], "c_fe": [0.0], "n_fe": [-9999.0]}
    >>> frame = pd.DataFrame(values)
    >>> stars = read_stars(frame)
    >>> stars.colnames
    ['TEFF', 'LOGG', 'M_H', 'C_FE', 'N_FE']
    >>> stars["TEFF"].unit, stars["N_FE"][0]
    (Unit("K"), np.float64(nan))
    """
    return StarReader(source, columns).read(rows)


class StarReader:
    """A table of stars that is open for reading, at once or in blocks of rows.

    Parameters
    ----------
    source : path, astropy.table.Table, pandas.DataFrame or structured ndarray
        The table; see `read_stars`.
    columns : iterable of str, optional
        Columns to read; see `read_stars`.

    Attributes
    ----------
    label : str
        Name of the table, for messages and provenance.
    n_rows : int
        Number of its rows.

    Examples
    --------
    >>> from skdistmass import make_survey
    >>> reader = StarReader(make_survey(250, random_state=0)[0])
    >>> [len(stars) for stars in reader.blocks(100)]
    [100, 100, 50]
    """

    def __init__(
        self, source: str | Path | Table | pd.DataFrame | NDArray, columns: Iterable[str] | None = None
    ):
        wanted, extras = _split_wanted(columns)
        needed = REQUIRED if columns is None else tuple(wanted)
        opened = open_source(source, lambda names: not _plan(names, wanted, extras).missing(needed))
        plan = _plan(opened.names, wanted, extras)
        if missing := plan.missing(needed):
            raise MissingColumnsError(opened.label, missing, opened.names)
        plan.check_duplicates(opened.label)
        if opened.n_rows == 0:
            raise ValueError(f"{opened.label}: the table has no rows")
        self._opened, self._plan = opened, plan
        self.label, self.n_rows = opened.label, opened.n_rows
        _LOG.info("%s: %d rows; columns %s", self.label, self.n_rows, plan.describe())

    @property
    def names(self) -> list[str]:
        """Canonical columns that the table gives."""
        return self._plan.names

    @property
    def columns(self) -> list[str]:
        """Columns of the table that are read for them."""
        masks = self._opened.masks
        return [*self._plan.kinds, *(masks[name] for name in self._plan.kinds if name in masks)]

    def select(self, columns: Iterable[str]) -> StarReader:
        """Read fewer columns of the same table.

        Parameters
        ----------
        columns : iterable of str
            Canonical columns, of `names`.

        Returns
        -------
        StarReader
            A reader of them.
        """
        reader = copy(self)
        reader._plan = _plan(self._opened.names, _split_wanted(columns)[0])
        return reader

    def read(self, rows: slice | None = None) -> Table:
        """Read rows.

        Parameters
        ----------
        rows : slice, optional
            Rows to read, all by default.

        Returns
        -------
        astropy.table.Table
            The rows, as `read_stars` gives them.
        """
        rows = _bounds(rows, self.n_rows)
        return self._as_table(self._opened.fetch(self._plan.kinds, rows), rows.start)

    def blocks(self, size: int, first: int = 0) -> Iterator[Table]:
        """Read the rows in blocks, one after the other.

        Parameters
        ----------
        size : int
            Rows of a block; the last one may have fewer.
        first : int, default=0
            Row to begin with.

        Yields
        ------
        astropy.table.Table
            The rows of a block.
        """
        # A map, unlike a loop, has forgotten a block when it reads the next one.
        yield from map(self._as_table, self._opened.blocks(self._plan.kinds, first, size), count(first, size))

    def text_width(self, name: str) -> int | None:
        """Tell how long the values of a column of text can be.

        Parameters
        ----------
        name : str
            Canonical name of one of `names`.

        Returns
        -------
        int or None
            Number of characters that the table reserves; None if it does not tell.
        """
        parts = (name,) if name in self._plan.found else _APSTAR_PARTS
        known = [self._opened.widths.get(self._plan.source(part)) for part in parts]
        widths = [width for width in known if width is not None]
        if len(widths) < len(parts):
            return None
        return sum(widths) + (0 if name in self._plan.found else len(_APSTAR_FORM.format("", "", "")))

    def _as_table(self, raw: Mapping[str, RawColumn], first_row: int) -> Table:
        arrays = self._plan.assemble(raw, self.label, first_row)
        return as_table(arrays, INPUT_COLUMNS, {"source": self.label, "source_rows": self.n_rows})


def _apstar_id(telescope: NDArray, field: NDArray, apogee_id: NDArray) -> NDArray[np.str_]:
    """Join the identifier of the combined spectrum of a star.

    Parameters
    ----------
    telescope, field, apogee_id : ndarray of str of shape (n_samples,)
        Telescope, field and star.

    Returns
    -------
    ndarray of str of shape (n_samples,)
        `apogee.<telescope>.stars.<field>.<apogee_id>`, "" where a part is missing.

    Examples
    --------
    >>> _apstar_id(["apo25m"], ["K21_071+10"], ["2M00000002+7417074"])
    array(['apogee.apo25m.stars.K21_071+10.2M00000002+7417074'], dtype='<U...')
    """
    parts = [np.asarray(part, dtype=str) for part in (telescope, field, apogee_id)]
    # "apogee." + telescope + ".stars." + field + "." + star
    joined: NDArray[np.str_] = np.full(parts[0].shape, "")
    for before, part in zip(_APSTAR_FORM.split("{}"), [*parts, np.array("")], strict=True):
        joined = np.char.add(np.char.add(joined, before), part)
    joined[(parts[0] == "") | (parts[1] == "") | (parts[2] == "")] = ""
    return joined


_COMBINATIONS = (
    Combination("APSTAR_ID", _APSTAR_PARTS, _apstar_id),
    Combination("GLAT", ("RA", "DEC"), galactic_latitude),
)


def _plan(names: Sequence[str], wanted: Mapping[str, Column], extras: Sequence[str] = ()) -> ColumnPlan:
    return ColumnPlan(names, wanted, extras, _COMBINATIONS)


def _split_wanted(columns: Iterable[str] | None) -> tuple[dict[str, Column], list[str]]:
    if columns is None:
        return dict(INPUT_COLUMNS), []
    if isinstance(columns, str):
        raise TypeError(f"columns must be a list of names; got the string {columns!r}")
    names = list(columns)
    wanted = {name.upper(): INPUT_COLUMNS[name.upper()] for name in names if name.upper() in INPUT_COLUMNS}
    return wanted, [name for name in names if name.upper() not in INPUT_COLUMNS]


def _bounds(rows: slice | None, n_rows: int) -> slice:
    if rows is None:
        return slice(0, n_rows)
    if not isinstance(rows, slice):
        raise TypeError(f"rows must be a slice; got {type(rows).__name__}")
    start, stop, step = rows.indices(n_rows)
    if step != 1:
        raise ValueError(f"rows must be a slice without a step; got {rows}")
    return slice(start, max(start, stop))


def as_table(
    arrays: Mapping[str, NDArray], columns: Mapping[str, Column | CatalogColumn], meta: dict[str, Any]
) -> Table:
    """Make a table of canonical columns with their units and descriptions.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        Values by name.
    columns : mapping of str to Column or CatalogColumn
        What is known of the columns; others have neither unit nor description.
    meta : dict
        Metadata of the table.

    Returns
    -------
    astropy.table.Table
        The table; the arrays are not copied.
    """
    from astropy.table import Column as TableColumn
    from astropy.table import Table

    table = Table(meta=meta)
    for name, values in arrays.items():
        column = columns.get(name)
        unit = (column.unit or None) if column is not None else None
        description = column.description if column is not None else None
        table[name] = TableColumn(values, unit=unit, description=description, copy=False)
    return table
