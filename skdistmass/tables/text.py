"""Text tables: records of any common dialect, read as a stream, and CSV, written after RFC 4180."""

from __future__ import annotations

import csv
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from io import TextIOWrapper
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import numpy as np

from skdistmass.tables.atomic import open_binary
from skdistmass.tables.clean import MISSING_WORDS, text_of
from skdistmass.tables.source import RawColumn, TableSource, column_values, open_bytes

if TYPE_CHECKING:
    from astropy.table import Table

_DELIMITERS = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a bar", " ": "blanks"}
_LINE_CHARACTERS = 2**24  # at most; a longer line is no row of a table
_COMMA_NUMBER = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?")
_MAYBE_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}")
_POINT_NUMBER = re.compile(r"[+-]?\d*\.\d+([eE][+-]?\d+)?")


@dataclass(frozen=True)
class Dialect:
    """How a text table is written.

    Attributes
    ----------
    encoding : str
        Encoding of the text.
    delimiter : str
        Between the fields; " " stands for any number of blanks.
    names : tuple of str
        Names of the columns.
    skip : int
        Lines before the first row.
    decimal : str, default="."
        Decimal mark.
    """

    encoding: str
    delimiter: str
    names: tuple[str, ...]
    skip: int
    decimal: str = "."


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
    n_rows, dialect = _survey(path, dialect)
    return records_source(path, dialect, n_rows)


def records_source(path: Path, dialect: Dialect, n_rows: int) -> TableSource:
    """Give the records of a text file as columns on demand.

    Parameters
    ----------
    path : Path
        The file.
    dialect : Dialect
        How it is written.
    n_rows : int
        Number of its records.

    Returns
    -------
    TableSource
        The open table. Columns of kind "" hold integers or floats if all their values are, else text.
    """
    names = list(dialect.names)
    known: dict[str, str] = {}

    def fetch(kinds: Mapping[str, str], rows: slice) -> dict[str, RawColumn]:
        if rows.stop > rows.start:
            return next(fetch_blocks(kinds, rows.start, rows.stop - rows.start))
        return {name: _as_column([], kind or "float", dialect.decimal) for name, kind in kinds.items()}

    def fetch_blocks(kinds: Mapping[str, str], first: int, size: int) -> Iterator[dict[str, RawColumn]]:
        places = {name: names.index(name) for name in kinds}
        if unknown := [name for name, kind in kinds.items() if not kind and name not in known]:
            known.update(_infer_kinds(path, dialect, unknown))
        kinds = {name: kind or known[name] for name, kind in kinds.items()}
        rows = islice(records(path, dialect), first, None)
        for _ in range(first, n_rows, size):
            block = list(islice(rows, size))
            yield {
                name: _as_column([row[place] for row in block], kinds[name], dialect.decimal)
                for name, place in places.items()
            }

    return TableSource(path.name, names, n_rows, fetch, fetch_blocks=fetch_blocks)


def records(path: Path, dialect: Dialect) -> Iterator[list[str]]:
    """Give the records of a text table.

    Parameters
    ----------
    path : Path
        The file.
    dialect : Dialect
        How it is written.

    Yields
    ------
    list of str
        The fields of a record; lines without anything are none.

    Raises
    ------
    ValueError
        If a record has more or fewer fields than the header, or a quote is out of place.
    """
    n_fields, number = len(dialect.names), -1
    try:
        with open_text(path, dialect.encoding) as stream:
            for _ in range(dialect.skip):
                _next_line(stream)
            reader = _reader(_lines(stream, dialect.delimiter), dialect.delimiter)
            for record in reader:
                if len(record) == n_fields:
                    number += 1
                    yield record
                elif len(record) == n_fields + 1 and not record[-1].strip():
                    number += 1
                    yield record[:-1]  # A row may end in a delimiter.
                elif record and (len(record) > 1 or record[0].strip()):
                    line = dialect.skip + reader.line_num
                    raise ValueError(
                        f"{path}: row {number + 1} (it ends in line {line}) has {len(record)} fields, the "
                        f"header has {n_fields}; quote fields that hold {_DELIMITERS[dialect.delimiter]}"
                    )
    except csv.Error as error:
        place = f"row {number + 1} (about line {dialect.skip + reader.line_num})"
        raise ValueError(f"{path}: {place}: a quote is not closed or out of place ({error})") from error
    except UnicodeDecodeError as error:
        raise _not_decodable(path, error) from error
    except (EOFError, OSError, zlib.error) as error:
        raise ValueError(f"{path}: not a readable table, perhaps truncated ({error})") from error


def open_text(path: Path, encoding: str = "utf-8-sig") -> TextIO:
    """Open a text file, plain or compressed by gzip.

    Parameters
    ----------
    path : Path
        The file.
    encoding : str, default="utf-8-sig"
        Its encoding.

    Returns
    -------
    text file
        The stream; line ends are left as they are.
    """
    return TextIOWrapper(open_bytes(path), encoding=encoding, newline="")


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
        arrays |= {part: pa.array(column, from_pandas=True) for part, column in parts.items()}
    with open_binary(path) as stream:
        delimiter = "\t" if ".tsv" in path.suffixes else ","
        arrow_csv.write_csv(pa.table(arrays), stream, arrow_csv.WriteOptions(delimiter=delimiter))


def _next_line(stream: TextIO) -> str:
    line = stream.readline(_LINE_CHARACTERS)
    if len(line) == _LINE_CHARACTERS:
        raise csv.Error(f"a line has more than {_LINE_CHARACTERS} characters")
    return line


def _lines(stream: TextIO, delimiter: str) -> Iterator[str]:
    lines = iter(partial(_next_line, stream), "")
    return (line.strip(" ") for line in lines) if delimiter == " " else lines


def _reader(lines: Iterator[str], delimiter: str) -> Any:
    # Strict: a quote that opens a field must close it, else a lone one would swallow rows.
    return csv.reader(lines, delimiter=delimiter, strict=True, skipinitialspace=delimiter != "\t")


def _as_column(values: list[str], kind: str, decimal: str) -> RawColumn:
    if kind == "str":
        return RawColumn(np.array(values, dtype=object))
    if decimal == ",":
        values = [value.replace(",", ".") if _COMMA_NUMBER.fullmatch(value) else value for value in values]
    try:
        return _converted(values, int if kind == "int" else float)
    except (ValueError, OverflowError):
        # Some value is not of its kind. As text, each is judged on its own and can be named.
        return RawColumn(np.array(values, dtype=object))


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
            sample = list(islice(iter(partial(_next_line, stream), ""), 20))
    except UnicodeDecodeError as error:
        raise _not_decodable(path, error) from error
    except (EOFError, OSError, csv.Error, zlib.error) as error:
        raise ValueError(f"{path}: not a readable table ({error})") from error
    delimiter = _delimiter(path, header, sample)
    names = _fields(header, delimiter)
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
    for line in iter(partial(_next_line, stream), ""):
        if line.strip() and not line.startswith("#"):
            return before, line
        before.append(line)
    return before, ""


def _encoding(path: Path) -> str:
    with open_bytes(path) as stream:
        start = stream.read(4096)
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    if b"\0" in start:
        looks = "UTF-16 without a byte order mark" if start.count(b"\0") > len(start) // 4 else "binary data"
        raise ValueError(f"{path}: no text in UTF-8; it looks like {looks}: convert it to UTF-8")
    return "utf-8-sig"


def _not_decodable(path: Path, error: UnicodeDecodeError) -> ValueError:
    found = error.object[error.start : error.start + 1]
    return ValueError(
        f"{path}: the text is not {error.encoding.upper()} (byte {found.hex()}); it looks like Latin-1 or "
        f"Windows-1252: convert it, as with iconv -f WINDOWS-1252 -t UTF-8"
    )


def _fields(line: str, delimiter: str) -> list[str]:
    line = line.strip(" \r\n") if delimiter == " " else line
    try:
        fields: list[str] = next(_reader(iter([line]), delimiter), [])
    except csv.Error:
        return []
    fields = [field.strip() for field in fields]
    return fields[:-1] if len(fields) > 1 and not fields[-1] else fields


def _delimiter(path: Path, header: str, sample: list[str]) -> str:
    """Choose the delimiter under which the header has several fields, and the first rows as many."""
    first = "\t" if ".tsv" in path.suffixes else ","
    order = sorted((delimiter for delimiter in _DELIMITERS if delimiter != " "), key=lambda d: d != first)
    several = [delimiter for delimiter in order if len(_fields(header, delimiter)) > 1]
    if not several:
        blank = len(_fields(header, " ")) > 1
        return " " if blank and _fits(header, sample, " ") else first
    fitting = [delimiter for delimiter in several if _fits(header, sample, delimiter)]
    if first in several and (first in fitting or not fitting):
        return first
    if len(fitting) > 1 or (not fitting and len(several) > 1):
        listed = " and ".join(_DELIMITERS[delimiter] for delimiter in fitting or several)
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


def _survey(path: Path, dialect: Dialect) -> tuple[int, Dialect]:
    """Count the records, and tell the decimal mark from all of them: it must not depend on the chunk."""
    n_rows, commas, points = 0, 0, 0
    for record in records(path, dialect):
        n_rows += 1
        if "," in "".join(record):
            # A comma before three digits may divide thousands: it tells nothing.
            numbers = [value for value in record if _COMMA_NUMBER.fullmatch(value)]
            commas += sum(not _MAYBE_THOUSANDS.fullmatch(value) for value in numbers)
        points = points or sum(_POINT_NUMBER.fullmatch(value) is not None for value in record)
    if commas and not points:
        dialect = replace(dialect, decimal=",")
    return n_rows, dialect


def _infer_kinds(path: Path, dialect: Dialect, names: list[str]) -> dict[str, str]:
    """Tell which columns hold integers, numbers or text, from all rows: it must not depend on the chunk."""
    kinds = dict.fromkeys(names, "int")
    places = {name: dialect.names.index(name) for name in names}
    for record in records(path, dialect):
        for name in names:
            while kinds[name] != "str":
                column = _as_column([record[places[name]]], kinds[name], dialect.decimal)
                if column.values.dtype.kind != "O":
                    break
                kinds[name] = "float" if kinds[name] == "int" else "str"
    return kinds
