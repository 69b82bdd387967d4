"""ECSV tables: CSV with a header that tells types, units and descriptions."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from skdistmass.tables.atomic import open_binary
from skdistmass.tables.source import (
    RawColumn,
    TableSource,
    column_labels,
    column_values,
    quiet_astropy,
    table_source,
)
from skdistmass.tables.text import count_records, records_source
from skdistmass.tables.text_records import Dialect, next_line, open_text, records, text_of

if TYPE_CHECKING:
    from astropy.table import Table

_MAGIC = "# %ECSV"
_HEADER_CHARACTERS = 2**23  # at most; YAML needs a thousand times the memory and minutes for more
_NUMBER = re.compile(r"(float|int|uint)(16|32|64|8)")
_VECTOR = re.compile(r"((?:float|int|uint)(?:16|32|64|8))\[([1-9]\d*)\]")
_NEEDS_QUOTES = re.compile(r'[\s"#\x00-\x1f]|^$')


def is_ecsv(path: Path) -> bool:
    """Tell whether a text file begins as ECSV files do.

    Parameters
    ----------
    path : Path
        The file, plain or compressed by gzip.

    Returns
    -------
    bool
        True if so; False for a file that cannot be read.
    """
    try:
        with open_text(path) as stream:
            return stream.read(len(_MAGIC)) == _MAGIC
    except (OSError, EOFError, UnicodeDecodeError, zlib.error):
        return False  # Reading it as text will say what is wrong.


def open_ecsv(path: Path) -> TableSource:
    """Open an ECSV table.

    Parameters
    ----------
    path : Path
        The file, plain or compressed by gzip.

    Returns
    -------
    TableSource
        The open table, read record by record; with columns that only astropy knows (times, coordinates,
        lists), the table as astropy reads it.

    Raises
    ------
    ValueError
        If the file is damaged.
    """
    try:
        header, skip = _header(path)
    except Exception as error:  # YAML has errors of its own, and tags may run any constructor of astropy.
        raise ValueError(f"{path}: not a readable ECSV file ({_short(error)})") from error
    columns = header.get("datatype") if isinstance(header, dict) else None
    if not isinstance(columns, list) or not all(isinstance(c, dict) and "name" in c for c in columns):
        raise ValueError(f"{path}: not a readable ECSV file (its header lists no columns)")
    try:
        meta = dict(header.get("meta") or {})  # an ordered map of YAML is a list of pairs
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: not a readable ECSV file (its meta is no mapping)") from error
    if "__serialized_columns__" in meta or not all(map(_is_simple, columns)):
        return _open_with_astropy(path)
    names = tuple(str(column["name"]) for column in columns)
    dialect = Dialect("utf-8-sig", header.get("delimiter", " "), names, skip)
    given = next(records(path, replace(dialect, skip=skip - 1)), None)
    if given is None or tuple(given) != names:
        raise ValueError(f"{path}: not a readable ECSV file (the names {given} are not those of its header)")
    counted = count_records(path, dialect)
    plain = records_source(path, dialect, counted)
    entries = dict(zip(names, columns, strict=True))

    def typed(block: Mapping[str, RawColumn], kinds: Mapping[str, str]) -> dict[str, RawColumn]:
        return {name: _typed(block[name], entries[name], path) for name in kinds}

    def fetch(kinds: Mapping[str, str], rows: slice) -> dict[str, RawColumn]:
        return typed(plain.fetch({name: _kind(entries[name]) for name in kinds}, rows), kinds)

    def fetch_blocks(kinds: Mapping[str, str], first: int, size: int) -> Iterator[dict[str, RawColumn]]:
        for block in plain.blocks({name: _kind(entries[name]) for name in kinds}, first, size):
            yield typed(block, kinds)

    return TableSource(path.name, list(names), counted.n_rows, fetch, meta, fetch_blocks=fetch_blocks)


def write_ecsv(table: Table, path: Path, meta: str) -> None:
    """Write a table as an ECSV file.

    Parameters
    ----------
    table : astropy.table.Table
        The table.
    path : Path
        File to write, compressed if its name ends in .gz.
    meta : str
        Metadata as JSON.

    Notes
    -----
    Text is quoted where a reader would take it for something else: with blanks, quotes, "#" or line ends.
    """
    from astropy.table import Column, Table

    template, cells = Table(meta=json.loads(meta)), []
    for name in table.colnames:
        values = column_values(table, name)
        if values.dtype.kind == "S":
            values = text_of(values).astype(str)
        labels = column_labels(table, name)
        template[name] = Column(values[:0], description=labels.description or None)
        if labels.unit:
            template[name].unit = labels.unit
        cells.append(_cells(values))
    header = StringIO()
    template.write(header, format="ascii.ecsv")
    with open_binary(path) as stream:
        stream.write(header.getvalue().encode())
        stream.writelines((" ".join(row) + "\n").encode() for row in zip(*cells, strict=True))


def _cells(values: NDArray) -> list[str]:
    if values.ndim > 1:
        return [_quoted(json.dumps(row, separators=(",", ":"))) for row in values.tolist()]
    if values.dtype.kind in "US":
        return [_quoted(word) for word in values.tolist()]
    return values.astype(str).tolist()


def _quoted(word: str) -> str:
    return '"' + word.replace('"', '""') + '"' if _NEEDS_QUOTES.search(word) else word


def _header(path: Path) -> tuple[dict[str, Any], int]:
    """Read the header, and count the lines before the first row."""
    from astropy.io.misc import yaml

    lines, n_characters = [], 0
    with open_text(path) as stream:
        for line in iter(partial(next_line, stream), ""):
            n_characters += len(line)
            if not line.startswith("#"):
                break
            if n_characters > _HEADER_CHARACTERS:
                raise ValueError(f"its header has more than {_HEADER_CHARACTERS} characters")
            lines.append(line[2:].rstrip("\r\n"))
    header = yaml.load("\n".join(line for line in lines if not line.startswith("%")))
    return header, len(lines) + 1


def _is_simple(column: dict[str, Any]) -> bool:
    kind, subtype = str(column.get("datatype")), column.get("subtype")
    if kind == "string" and subtype is not None:
        return _VECTOR.fullmatch(str(subtype)) is not None
    return subtype is None and (kind in ("string", "bool") or _NUMBER.fullmatch(kind) is not None)


def _kind(column: dict[str, Any]) -> str:
    found = _NUMBER.fullmatch(column["datatype"])
    return "str" if found is None else "float" if found[1] == "float" else "int"


def _typed(raw: RawColumn, column: dict[str, Any], path: Path) -> RawColumn:
    unit = str(column.get("unit") or "")
    values, mask = raw.values, raw.mask
    if column.get("subtype") is not None:
        return RawColumn(_vectors(values, column, path), None, unit)
    if column["datatype"] == "bool":
        words = np.array([word.strip().lower() for word in values.tolist()], dtype=str)
        return RawColumn(words == "true", (words == "") if (words == "").any() else None, unit)
    if values.dtype.kind == "O" and column["datatype"] != "string":
        return RawColumn(values, mask, unit)  # Some word is no number: the column names it.
    if column["datatype"] not in ("string", "uint64"):
        with np.errstate(over="ignore"):
            values = values.astype(np.dtype(column["datatype"]))
    return RawColumn(values, mask, unit)


def _vectors(values: NDArray, column: dict[str, Any], path: Path) -> NDArray:
    kind, size = _VECTOR.findall(str(column["subtype"]))[0]
    dtype = np.dtype(kind)
    empty = [np.nan if dtype.kind == "f" else 0] * int(size)
    try:
        rows = [json.loads(word) if word.strip() else empty for word in values.tolist()]
        rows = [[empty[0] if value is None else value for value in row] for row in rows]
        return np.array(rows, dtype=dtype).reshape(len(rows), int(size))
    except (ValueError, TypeError) as error:
        message = f"{path}: column `{column['name']}` must have {size} numbers a row ({error})"
        raise ValueError(message) from error


def _open_with_astropy(path: Path) -> TableSource:
    from astropy.table import Table

    try:
        with quiet_astropy():
            table = Table.read(path, format="ascii.ecsv")
    except (ValueError, OSError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path}: not a readable ECSV file ({_short(error)})") from error
    return table_source(table, path.name)


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
