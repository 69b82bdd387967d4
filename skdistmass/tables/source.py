"""The interface of an open table, what the formats have in common, and tables in memory."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skdistmass.columns import column_ucd

if TYPE_CHECKING:
    from astropy.table import Table

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


def parse_meta(text: str | bytes, path: Path | str) -> dict[str, Any]:
    """Read the metadata that a file carries.

    Parameters
    ----------
    text : str or bytes
        JSON under `META_KEY`.
    path : Path or str
        The file or table, for the message.

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
    """Give the values of a column that is to be written: NaN, 0 or "" for masked ones, text for objects.

    Parameters
    ----------
    table : astropy.table.Table
        Table.
    name : str
        Name of the column.

    Returns
    -------
    ndarray
        Numbers or text that every format can hold: dates as text, without signs that end it.

    Raises
    ------
    ValueError
        If its name has control characters, or it holds neither numbers nor text.
    """
    column = table[name]
    values = getattr(column, "value", column)
    values = np.asarray(np.ma.getdata(getattr(values, "unmasked", values)))
    if values.dtype.kind == "O" and isinstance(column, np.ndarray):
        values = np.array([as_text(value) for value in values.ravel().tolist()], str).reshape(values.shape)
    elif values.dtype.kind == "M":
        values = np.where(np.isnat(values), "", values.astype(str))
    elif values.dtype.kind == "f" and values.itemsize not in (4, 8):
        values = values.astype(np.float32 if values.itemsize < 4 else np.float64)
    is_text, is_array = values.dtype.kind in "SU", isinstance(column, np.ndarray)
    if not is_array or values.dtype.kind not in "SUbiuf" or (is_text and values.ndim > 1):
        what = values.dtype if is_array else type(column).__name__
        raise ValueError(
            f"column `{name}` must hold numbers, or one text a row; it holds {what} of shape {values.shape}"
        )
    if any(sign < " " or sign in "\x7f\x85\u2028\u2029" for sign in name):
        raise ValueError(f"the column name {name!r} must have no control characters; rename the column")
    mask = getattr(column, "mask", None)
    if mask is not None and np.any(mask):
        values = values.copy()
        values[np.asarray(mask)] = np.nan if values.dtype.kind == "f" else values.dtype.type()
    return _without_stops(values) if is_text else values


def _without_stops(values: NDArray) -> NDArray:
    """Take NUL out of text, and write halves of characters as escapes: no format can hold them."""
    words = values.tolist()
    if values.dtype.kind == "S":
        return np.array([word.replace(b"\0", b"") for word in words]) if b"\0" in b"".join(words) else values
    try:
        if b"\0" not in "".join(words).encode():
            return values
    except UnicodeEncodeError:
        words = [word.encode("utf-8", "backslashreplace").decode() for word in words]
    return np.array([word.replace("\0", "") for word in words], dtype=str)


def signed_integers(values: NDArray, name: str) -> NDArray:
    """Integers of a type that FITS and VOTable have.

    Parameters
    ----------
    values : ndarray
        Values of a column.
    name : str
        Its name, for the message.

    Returns
    -------
    ndarray
        The same values, unsigned integers but bytes in the next larger signed type.

    Raises
    ------
    ValueError
        If some are too large for 64 bits with a sign.
    """
    wider = {"i1": "i2", "u2": "i4", "u4": "i8", "u8": "i8"}.get(values.dtype.str[1:])
    if values.dtype.str[1:] == "u8" and len(rows := np.flatnonzero(values > np.iinfo(np.int64).max)):
        raise ValueError(
            f"column `{name}` must hold integers below 2**63 in this format; it has {values.flat[rows[0]]}; "
            "write CSV or Parquet"
        )
    return values if wider is None else values.astype(wider)


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
    # Astropy gives the metadata of our FITS files as the text that they are.
    meta = parse_meta(meta, label) if isinstance(meta, str) else dict(meta)
    return TableSource(label, list(table.colnames), len(table), fetch, meta)


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


def decode_bytes(values: NDArray[np.bytes_]) -> NDArray[np.str_]:
    """Text of bytes; what is no UTF-8 is taken for Latin-1, so that two names stay two.

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
    return np.array([as_text(value) for value in values.ravel().tolist()], dtype=str).reshape(values.shape)


def as_text(value: object) -> str:
    """Text of one value, "" where there is none; bytes that are no UTF-8 are taken for Latin-1.

    Parameters
    ----------
    value : object
        The value.

    Returns
    -------
    str
        The text.
    """
    # pandas' NA answers no question, not even whether it is itself.
    if value is None or type(value).__name__ in ("NAType", "NaTType", "MaskedConstant"):
        return ""
    if isinstance(value, float) and value != value:
        return ""
    if not isinstance(value, bytes):
        return str(value)
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


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
