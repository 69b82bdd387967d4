"""The interface of an open table, what the formats have in common, and tables in memory."""

from __future__ import annotations

import gzip
import json
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from skdistmass.columns import column_ucd

if TYPE_CHECKING:
    from astropy.table import Table

FORMATS: Mapping[str, str] = {
    ".fits": "fits",
    ".fit": "fits",
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "text",
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
    masks: dict[str, str] = field(default_factory=dict)

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
        "fits", "csv", "text", "ecsv", "parquet" or "votable"; "text" is only read.

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


def parse_meta(text: str | bytes, path: Path) -> dict[str, Any]:
    """Read the metadata that a file carries.

    Parameters
    ----------
    text : str or bytes
        JSON under `META_KEY`.
    path : Path
        The file, for the message.

    Returns
    -------
    dict
        The metadata.

    Raises
    ------
    ValueError
        If it is no JSON object.
    """
    try:
        meta = json.loads(text)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path}: its metadata {META_KEY} is no JSON ({error}); remove it") from error
    if not isinstance(meta, dict):
        raise ValueError(f"{path}: its metadata {META_KEY} must be a JSON object; remove it")
    return meta


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


class ColumnLabels(NamedTuple):
    """What a file says of a column: unit, description and UCD, each "" where there is none."""

    unit: str
    description: str
    ucd: str


def column_labels(table: Table, name: str) -> ColumnLabels:
    """Give unit, description and UCD of a column.

    Parameters
    ----------
    table : astropy.table.Table
        Table.
    name : str
        Name of the column.

    Returns
    -------
    ColumnLabels
        The labels; the UCD is that of `meta` of the column, else that of the columns of its name.
    """
    info = table[name].info
    unit = "" if info.unit is None else str(info.unit)
    return ColumnLabels(unit, info.description or "", str((info.meta or {}).get("ucd") or column_ucd(name)))


def table_source(table: Any, label: str) -> TableSource:
    """Open an astropy table.

    Parameters
    ----------
    table : astropy.table.Table
        The table.
    label : str
        Its name, for messages.

    Returns
    -------
    TableSource
        The open table.
    """

    def fetch(kinds: Mapping[str, str], rows: slice) -> dict[str, RawColumn]:
        return {name: _from_astropy(table[name][rows]) for name in kinds}

    meta = table.meta.get(META_KEY, table.meta)
    return TableSource(label, list(table.colnames), len(table), fetch, dict(meta))


def _from_astropy(column: Any) -> RawColumn:
    if not isinstance(column, np.ndarray):
        # Coordinates, times and the like are no numbers of one unit.
        kind = type(column).__name__
        return RawColumn(np.array([f"{kind} {value}" for value in column], dtype=object))
    unit = getattr(column, "unit", None)
    values = getattr(column, "value", column)
    mask = np.ma.getmaskarray(values) if np.ma.isMaskedArray(values) else getattr(values, "mask", None)
    mask = np.asarray(mask) if mask is not None and np.any(mask) else None
    values = getattr(values, "unmasked", values)
    return RawColumn(np.asarray(np.ma.getdata(values)), mask, "" if unit is None else str(unit))


def open_bytes(path: Path) -> BinaryIO:
    """Open a file to read its bytes, decompressed if it is compressed by gzip.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    binary file object
        The stream.
    """
    with path.open("rb") as stream:
        is_gzip = stream.read(2) == b"\x1f\x8b"
    return cast(BinaryIO, gzip.open(path)) if is_gzip else path.open("rb")


def decode_bytes(values: NDArray[np.bytes_]) -> NDArray[np.str_]:
    """Text of bytes; what is no UTF-8 becomes an escape, so that two names stay two.

    Parameters
    ----------
    values : ndarray of bytes
        Bytes.

    Returns
    -------
    ndarray of str
        The text.
    """
    width = values.dtype.itemsize
    if not width or not values.size:
        return values.astype(str)
    codes = np.ascontiguousarray(values).view(np.uint8).reshape(*values.shape, width)
    if codes.max() < 128:
        # One ASCII byte is one code point: widening the bytes is many times faster than decoding.
        return codes.astype(np.uint32).view(f"U{width}").reshape(values.shape)
    return np.char.decode(values, "utf-8", errors="backslashreplace")


def encode(
    text: NDArray[np.str_], encoding: str = "ascii", errors: str = "backslashreplace"
) -> NDArray[np.bytes_]:
    """Bytes of text, as wide as the longest of them needs.

    Parameters
    ----------
    text : ndarray of str
        Text.
    encoding, errors : str
        As in `str.encode`; for characters that are not ASCII.

    Returns
    -------
    ndarray of bytes
        The encoded text.
    """
    width = text.dtype.itemsize // 4
    if not width or not text.size:
        return np.char.encode(text, encoding, errors)
    codes = np.ascontiguousarray(text).view(np.uint32).reshape(-1, width)
    if codes.max() >= 128:
        return np.char.encode(text, encoding, errors)
    # A code point below 128 is one byte in either encoding: this is many times faster than encoding.
    width = int(max(np.flatnonzero(codes.any(axis=0)), default=0)) + 1
    return codes[:, :width].astype(np.uint8).view(f"S{width}").reshape(text.shape)


def text_of(values: NDArray) -> NDArray:
    """Give values of a table as text objects.

    Parameters
    ----------
    values : ndarray
        Text or bytes.

    Returns
    -------
    ndarray of object
        The same as `str`.
    """
    decoded = decode_bytes(values) if values.dtype.kind == "S" else values
    return np.array(decoded.tolist(), dtype=object)
