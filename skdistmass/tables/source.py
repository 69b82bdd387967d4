"""What the formats of tables have in common: their suffixes, and one small interface to read them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from astropy.table import Table

FORMATS: Mapping[str, str] = {
    ".fits": "fits",
    ".fit": "fits",
    ".csv": "csv",
    ".tsv": "csv",
    ".ecsv": "ecsv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".vot": "votable",
    ".votable": "votable",
    ".xml": "votable",
}
"""Format by suffix of the file name; `.gz` may follow."""

META_KEY = "SKDMETA"
"""Keyword under which a file carries the metadata of its table, as JSON."""


class RawColumn(NamedTuple):
    """Values as a file holds them, where they are missing (None: not told) and their unit ("": none)."""

    values: NDArray
    mask: NDArray[np.bool_] | None = None
    unit: str = ""


@dataclass
class TableSource:
    """A table that gives its columns on demand.

    Attributes
    ----------
    label : str
        Name for messages and provenance.
    names : list of str
        Names of the columns.
    n_rows : int
        Number of rows.
    fetch : callable
        `fetch(kinds, rows)` gives a dict of `RawColumn`. The keys of `kinds` are the names of the columns to
        fetch, its values the kind that is wanted ("float", "int", "str", or "" for what the file has); `rows`
        is a slice with bounds and no step.
    meta : dict
        Metadata that the file carries.
    widths : dict of str to int
        Bytes that the file reserves for a value of its columns of text, where it does.
    fetch_blocks : callable, optional
        `fetch_blocks(kinds, first, size)` gives blocks of `size` rows, from row `first` to the last, where
        that is faster or needs less memory than to fetch one block after the other.
    """

    label: str
    names: list[str]
    n_rows: int
    fetch: Callable[[Mapping[str, str], slice], dict[str, RawColumn]]
    meta: dict[str, Any] = field(default_factory=dict)
    widths: dict[str, int] = field(default_factory=dict)
    fetch_blocks: Callable[[Mapping[str, str], int, int], Iterator[dict[str, RawColumn]]] | None = None

    def blocks(self, kinds: Mapping[str, str], first: int, size: int) -> Iterator[dict[str, RawColumn]]:
        """Give the rows of the table in blocks.

        Parameters
        ----------
        kinds : mapping of str to str
            Columns and kinds, as in `fetch`.
        first : int
            Row to begin with.
        size : int
            Rows of a block; the last one may have fewer.

        Yields
        ------
        dict of str to RawColumn
            The columns of one block.
        """
        if self.fetch_blocks is not None:
            yield from self.fetch_blocks(kinds, first, size)
            return
        for start in range(first, self.n_rows, size):
            yield self.fetch(kinds, slice(start, min(start + size, self.n_rows)))


IsComplete = Callable[[Sequence[str]], bool]
"""Tells from the names of its columns whether a table is the one that is looked for."""


def table_format(path: str | Path, allowed: Iterable[str] | None = None) -> str:
    """Format of a file by its suffix.

    Parameters
    ----------
    path : str or Path
        File name.
    allowed : iterable of str, optional
        Formats to choose from, all by default.

    Returns
    -------
    str
        "fits", "csv", "ecsv", "parquet" or "votable".

    Raises
    ------
    ValueError
        If the suffix belongs to none of them.

    Examples
    --------
    >>> table_format("stars.fits.gz")
    'fits'
    """
    suffixes = [suffix.lower() for suffix in Path(path).suffixes]
    if suffixes and suffixes[-1] == ".gz":
        suffixes.pop()
    found = FORMATS.get(suffixes[-1] if suffixes else "")
    allowed = set(FORMATS.values()) if allowed is None else set(allowed)
    if found not in allowed:
        known = ", ".join(suffix for suffix, name in FORMATS.items() if name in allowed)
        raise ValueError(f"{path}: unknown table format; the file name must end in one of {known}")
    return found


def choose_table(tables: Sequence[tuple[Sequence[str], int]], is_complete: IsComplete) -> int:
    """Which of the tables in one file to read.

    Parameters
    ----------
    tables : sequence of (names, n_rows)
        Names of the columns and number of rows of each table.
    is_complete : callable
        Tells whether the names are those that are looked for.

    Returns
    -------
    int
        Index of the first table with rows that is complete; failing that, of the first with rows; or 0.
    """
    filled = [index for index, (_, n_rows) in enumerate(tables) if n_rows > 0]
    complete = [index for index in filled if is_complete(tables[index][0])]
    return (complete or filled or [0])[0]


@contextmanager
def quiet_astropy() -> Iterator[None]:
    """Silence what astropy says about units and damaged files: both are dealt with by the caller.

    Yields
    ------
    None
        Nothing; the warnings are silent inside the `with` block.
    """
    from astropy.units import UnitsWarning
    from astropy.utils.exceptions import AstropyWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnitsWarning)
        warnings.simplefilter("ignore", AstropyWarning)
        yield


def column_values(table: Table, name: str) -> NDArray:
    """Give the values of a column as a plain array: NaN, 0 or "" for masked ones, text for objects.

    Parameters
    ----------
    table : astropy.table.Table
        Table.
    name : str
        Name of the column.

    Returns
    -------
    ndarray
        The values.
    """
    column = table[name]
    values = np.asarray(np.ma.getdata(getattr(column, "value", column)))
    if values.dtype.kind == "O":
        values = np.array(["" if value is None else str(value) for value in values.tolist()], dtype=str)
    mask = getattr(column, "mask", None)
    if mask is not None and np.any(mask):
        values = values.copy()
        values[np.asarray(mask)] = np.nan if values.dtype.kind == "f" else values.dtype.type()
    return values


def column_labels(table: Table, name: str) -> tuple[str, str]:
    """Give unit and description of a column.

    Parameters
    ----------
    table : astropy.table.Table
        Table.
    name : str
        Name of the column.

    Returns
    -------
    unit, description : str
        Both "" where there is none.
    """
    column = table[name]
    unit = "" if column.info.unit is None else str(column.info.unit)
    return unit, column.info.description or ""
