"""Text tables: records of any common dialect, read as a stream, and CSV, written after RFC 4180."""

from __future__ import annotations

import csv
import re
import zlib
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

import numpy as np

from skdistmass.tables.atomic import open_binary, open_bytes
from skdistmass.tables.clean import MISSING_WORDS
from skdistmass.tables.source import RawColumn, TableSource, column_values
from skdistmass.tables.text_records import (
    DELIMITERS,
    Dialect,
    Place,
    blocks,
    csv_reader,
    next_line,
    not_decodable,
    open_text,
    text_of,
)

if TYPE_CHECKING:
    from astropy.table import Table
    from numpy.typing import NDArray

_COMMA_NUMBER = re.compile(r"([+-]?\d*),(\d+([eE][+-]?\d+)?)")
_MAYBE_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}")
_POINT_NUMBER = re.compile(r"[+-]?\d*\.\d+([eE][+-]?\d+)?")
_EXCEL_HINT = re.compile(r"\"?sep=.\"?\s*", re.IGNORECASE)  # before the header
_MISSING = sorted({word for name in MISSING_WORDS for word in (name, name.upper(), name.title())} | {"NaN"})


class Counted(NamedTuple):
    """What one pass through a text table tells.

    Attributes
    ----------
    n_rows : int
        Number of its records.
    places : list of Place
        Where its blocks begin.
    has_commas : bool
        Whether a comma can be inside a field.
    """

    n_rows: int
    places: list[Place]
    has_commas: bool


def open_csv(path: Path) -> TableSource:
    """Open a text table with a header: CSV, TSV, or fields between semicolons, bars or blanks.

    Parameters
    ----------
    path : Path
        The file, plain or compressed by gzip.

    Returns
    -------
    TableSource
        The open table.

    Raises
    ------
    ValueError
        If a record has more or fewer fields than the header, a quote is not closed, or the encoding, the
        delimiter or the decimal mark cannot be told.
    """
    dialect = _detect(path)
    counted = count_records(path, dialect)
    if counted.has_commas:
        dialect = replace(dialect, decimal=_decimal_mark(path, dialect))
    return records_source(path, dialect, counted)


def count_records(path: Path, dialect: Dialect) -> Counted:
    """Count the records of a text table, and check each.

    Parameters
    ----------
    path : Path
        The file.
    dialect : Dialect
        How it is written.

    Returns
    -------
    Counted
        The number, and where to begin for a record.

    Raises
    ------
    ValueError
        If a record has more or fewer fields than the header, or a quote is out of place.
    """
    n_rows, has_commas = 0, False
    places: list[Place] = []
    for block in blocks(path, dialect, range(min(len(dialect.names), 1))):
        if not places or block.place != places[-1]:
            places.append(block.place)
        n_rows += block.fields.num_rows
        has_commas = has_commas or block.has_commas
    return Counted(n_rows, places, has_commas)


def records_source(path: Path, dialect: Dialect, counted: Counted) -> TableSource:
    """Give the records of a text file as columns on demand.

    Parameters
    ----------
    path : Path
        The file.
    dialect : Dialect
        How it is written.
    counted : Counted
        Its records.

    Returns
    -------
    TableSource
        The open table. Columns of kind "" hold integers or floats if all their values are, else text.
    """
    import pyarrow as pa

    names = list(dialect.names)
    known: dict[str, str] = {}

    def fetch(kinds: Mapping[str, str], rows: slice) -> dict[str, RawColumn]:
        if rows.stop > rows.start:
            return next(fetch_blocks(kinds, rows.start, rows.stop - rows.start))
        none = pa.array([], pa.string())
        return {name: _as_column(none, kind or "float", dialect.decimal) for name, kind in kinds.items()}

    def fetch_blocks(kinds: Mapping[str, str], first: int, size: int) -> Iterator[dict[str, RawColumn]]:
        if unknown := [name for name, kind in kinds.items() if not kind and name not in known]:
            known.update(_infer_kinds(path, dialect, unknown))
        kinds = {name: kind or known[name] for name, kind in kinds.items()}
        columns = {name: names.index(name) for name in kinds}
        place = counted.places[max(bisect_right([place.row for place in counted.places], first) - 1, 0)]
        found = (block.fields for block in blocks(path, dialect, sorted(set(columns.values())), place))
        for fields in islice(_of_size(found, first - place.row, size), -(-(counted.n_rows - first) // size)):
            yield {
                name: _as_column(fields[str(column)], kinds[name], dialect.decimal)
                for name, column in columns.items()
            }

    return TableSource(path.name, names, counted.n_rows, fetch, fetch_blocks=fetch_blocks)


def _of_size(tables: Iterable[Any], skip: int, size: int) -> Iterator[Any]:
    """Cut consecutive tables anew: without the first `skip` rows, into tables of `size` rows."""
    import pyarrow as pa

    waiting: list[Any] = []
    for table in tables:
        rest, skip = table.slice(skip), max(skip - table.num_rows, 0)
        while rest.num_rows:
            waiting.append(rest.slice(0, size - sum(part.num_rows for part in waiting)))
            rest = rest.slice(waiting[-1].num_rows)
            if sum(part.num_rows for part in waiting) == size:
                yield pa.concat_tables(waiting)
                waiting = []
    if waiting:
        yield pa.concat_tables(waiting)


def write_csv(table: Table, path: Path, meta: str) -> None:
    """Write a table as CSV after RFC 4180, with nothing where a value is missing.

    Parameters
    ----------
    table : astropy.table.Table
        The table. One column of shape (n_samples, k) becomes k columns, `<name>_1` and so on.
    path : Path
        File to write, compressed if its name ends in .gz.
    meta : str
        Metadata as JSON; CSV has no place for it.
    """
    import pyarrow as pa
    import pyarrow.csv as arrow_csv

    del meta
    arrays = {}
    for name in table.colnames:
        values = column_values(table, name)
        if values.dtype.kind in "SU":
            arrays[name] = pa.array(text_of(values), pa.string())
            continue
        values = values.astype(values.dtype.newbyteorder("="), copy=False)
        parts = {name: values}
        if values.ndim > 1:
            flat = values.reshape(len(values), -1)
            parts = {f"{name}_{i + 1}": np.ascontiguousarray(flat[:, i]) for i in range(flat.shape[1])}
        # Nothing in a column alone would be an empty line, which is no row.
        alone = len(table.colnames) == 1
        arrays |= {part: pa.array(column, from_pandas=not alone) for part, column in parts.items()}
    with open_binary(path) as stream:
        delimiter = "\t" if ".tsv" in path.suffixes else ","
        arrow_csv.write_csv(pa.table(arrays), stream, arrow_csv.WriteOptions(delimiter=delimiter))


def _as_column(text: Any, kind: str, decimal: str) -> RawColumn:
    """Convert fields, an array of text of pyarrow, to a kind, if all of them can be."""
    if kind == "str":
        return RawColumn(_objects(text))
    if decimal == ",":
        import pyarrow.compute as pc

        text = pc.replace_substring_regex(text, f"^{_COMMA_NUMBER.pattern}$", r"\1.\2")
    found = _as_arrow_converts(text, kind)
    if found is not None:
        return found
    values = text.to_pylist()
    try:
        return _converted(values, int if kind == "int" else float)
    except (ValueError, OverflowError):
        # Some value is not of its kind. As text, each is judged on its own and can be named.
        return RawColumn(_objects(text))


def _objects(text: Any) -> NDArray:
    return np.asarray(text.to_numpy(zero_copy_only=False), dtype=object)


def _as_arrow_converts(text: Any, kind: str) -> RawColumn | None:
    """Convert fields by pyarrow; None if some are no numbers to it, or are not to Python."""
    import pyarrow as pa
    import pyarrow.compute as pc

    missing = pc.is_in(text, pa.array(_MISSING))
    try:
        numbers = pc.if_else(missing, None, text).cast(pa.int64() if kind == "int" else pa.float64())
    except pa.ArrowInvalid:
        return None
    mask = np.asarray(missing.to_numpy(zero_copy_only=False), dtype=bool) if pc.any(missing).as_py() else None
    if kind == "int":
        if pc.any(pc.match_substring(text, "x", ignore_case=True)).as_py():
            return None  # 0x10
        return RawColumn(np.asarray(numbers.fill_null(0).to_numpy(zero_copy_only=False), np.int64), mask)
    values = np.asarray(numbers.fill_null(np.nan).to_numpy(zero_copy_only=False), dtype=np.float64)
    if not np.isfinite(values if mask is None else values[~mask]).all():
        return None  # nan(12) and the like
    return RawColumn(values, mask)


def _converted(values: list[str], convert: type) -> RawColumn:
    empty, dtype = (0, np.int64) if convert is int else (np.nan, np.float64)
    if "_" in "".join(values):
        raise ValueError("Python reads 1_000 as a number; a table does not")
    try:
        return RawColumn(np.array([convert(value) for value in values], dtype=dtype))
    except ValueError:
        missing = [value.strip().lower() in MISSING_WORDS for value in values]
        numbers = [empty if gone else convert(value) for value, gone in zip(values, missing, strict=True)]
        return RawColumn(np.array(numbers, dtype=dtype), np.array(missing, dtype=bool))


def _detect(path: Path) -> Dialect:
    """Tell encoding, delimiter and names from the first lines."""
    try:
        encoding = _encoding(path)
        with open_text(path, encoding) as stream:
            comments, header = _header_line(stream)
            sample = list(islice(iter(partial(next_line, stream), ""), 20))
    except UnicodeDecodeError as error:
        raise not_decodable(path, error) from error
    except (EOFError, OSError, csv.Error, zlib.error) as error:
        raise ValueError(f"{path}: not a readable table ({error})") from error
    delimiter = _delimiter(path, header, sample)
    names = _fields(header, delimiter)
    if header.strip() and not names:
        raise ValueError(f"{path}: the header cannot be read: a quote in it is not closed or out of place")
    skip = len(comments) + 1
    if names and all(_is_number(name) for name in names):
        header = comments[-1].lstrip("# ") if comments else ""
        if len(_fields(header, delimiter)) != len(names):
            raise ValueError(
                f"{path}: the first line has numbers ({', '.join(names[:3])} ...); a header with the names "
                "of the columns is expected"
            )
        names, skip = _fields(header, delimiter), len(comments)
    return Dialect(encoding, delimiter, tuple(names), skip)


def _header_line(stream: TextIO) -> tuple[list[str], str]:
    before: list[str] = []
    for line in iter(partial(next_line, stream), ""):
        if line.strip() and not line.startswith("#") and not _EXCEL_HINT.fullmatch(line):
            return before, line
        before.append(line)
    return before, ""


def _encoding(path: Path) -> str:
    with open_bytes(path) as stream:
        start = stream.read(4096)
    if start.startswith((b"\xff\xfe\0\0", b"\0\0\xfe\xff")):
        return "utf-32"
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    if b"\0" in start:
        looks = "UTF-16 without a byte order mark" if start.count(b"\0") > len(start) // 4 else "binary data"
        raise ValueError(f"{path}: no text in UTF-8; it looks like {looks}: convert it to UTF-8")
    return "utf-8-sig"


def _fields(line: str, delimiter: str) -> list[str]:
    line = line.strip(" \r\n") if delimiter == " " else line
    try:
        fields: list[str] = next(csv_reader(iter([line]), delimiter), [])
    except csv.Error:
        return []
    fields = [field.strip() for field in fields]
    return fields[:-1] if len(fields) > 1 and not fields[-1] else fields


def _delimiter(path: Path, header: str, sample: list[str]) -> str:
    """Choose the delimiter under which the header has several fields, and the first rows as many."""
    first = "\t" if ".tsv" in path.suffixes else ","
    order = sorted((delimiter for delimiter in DELIMITERS if delimiter != " "), key=lambda d: d != first)
    several = [delimiter for delimiter in order if len(_fields(header, delimiter)) > 1]
    if not several:
        n_fields = len(_fields(header, " "))
        if n_fields > 1 and not _fits(header, sample, " "):
            raise ValueError(
                f"{path}: the delimiter cannot be told: blanks divide the header into {n_fields} names, and "
                "not the rows alike; quote fields that hold blanks, or write a CSV with commas"
            )
        return " " if n_fields > 1 else first
    fitting = [delimiter for delimiter in several if _fits(header, sample, delimiter)]
    if first in several and (first in fitting or not fitting):
        return first
    if len(fitting) > 1 or (not fitting and len(several) > 1):
        listed = " and ".join(DELIMITERS[delimiter] for delimiter in fitting or several)
        raise ValueError(f"{path}: the delimiter cannot be told: {listed} would do; write a CSV with commas")
    return (fitting or several)[0]


def _fits(header: str, sample: list[str], delimiter: str) -> bool:
    n_fields = len(_fields(header, delimiter))
    rows = [line for line in sample if line.strip()]
    return all(len(_fields(line, delimiter)) in (0, n_fields - 1, n_fields) for line in rows)


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _decimal_mark(path: Path, dialect: Dialect) -> str:
    """Tell the decimal mark from all records: it must not depend on the chunk."""
    import pyarrow.compute as pc

    def n_matches(column: Any, pattern: re.Pattern[str]) -> int:
        return pc.sum(pc.match_substring_regex(column, f"^{pattern.pattern}$")).as_py() or 0

    commas = points = 0
    for block in blocks(path, dialect, range(len(dialect.names))):
        for column in block.fields.columns:
            # A comma before three digits may divide thousands: it tells nothing.
            commas += n_matches(column, _COMMA_NUMBER) - n_matches(column, _MAYBE_THOUSANDS)
            points += n_matches(column, _POINT_NUMBER)
    return "," if commas and not points else "."


def _infer_kinds(path: Path, dialect: Dialect, names: Sequence[str]) -> dict[str, str]:
    """Tell which columns hold integers, numbers or text, from all rows: it must not depend on the chunk."""
    import pyarrow.compute as pc

    kinds, long = dict.fromkeys(names, "int"), set()
    columns = {name: dialect.names.index(name) for name in names}
    for block in blocks(path, dialect, sorted(set(columns.values()))):
        for name in names:
            text = block.fields[str(columns[name])]
            while kinds[name] != "str":
                if _as_column(text, kinds[name], dialect.decimal).values.dtype.kind != "O":
                    break
                kinds[name] = "float" if kinds[name] == "int" else "str"
            if pc.any(pc.match_substring_regex(text, r"^[+-]?\d{16,}$")).as_py():
                long.add(name)
    # Identifiers of many digits among other numbers stay text: floats would change them.
    return {name: "str" if kind == "float" and name in long else kind for name, kind in kinds.items()}
