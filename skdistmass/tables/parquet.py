"""Parquet: reading one file, or a folder of files as Dask, Spark and HATS write it; writing one file."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from skdistmass.tables.parquet_folder import (
    as_type,
    check_names,
    common_type,
    in_unit,
    parquet_files,
    partition_values,
    readable,
)
from skdistmass.tables.source import (
    META_KEY,
    RawColumn,
    TableSource,
    column_labels,
    column_values,
    decode_bytes,
    parse_meta,
)

if TYPE_CHECKING:
    import pyarrow as pa
    from astropy.table import Table

ROW_GROUP_ROWS = 2**18
"""Rows of a row group of a Parquet file."""

_BUFFER_BYTES = 2**20  # of the packed data of a column that are in memory at a time
_DOWN_UP = (
    ("down", "up"),
    ("low", "high"),
    ("lower", "upper"),
    ("minus", "plus"),
    ("lo", "hi"),
    ("neg", "pos"),
)
_BATCH_ROWS = 2**16
_INTEGER = re.compile(r"0|-?[1-9]\d{0,17}")  # such as are written; 007 is a name
_ASTROPY_LABELS = ("unit", "description")
_FLOATS = {"halffloat": "f2", "float": "f4", "double": "f8"}  # Arrow's names of them


def open_parquet(path: Path) -> TableSource:
    """Open a Parquet table.

    Parameters
    ----------
    path : Path
        A file, or a folder of files with the same columns, in whichever order, type or unit: each is read in
        the unit of the first file and as the kind that is wanted. Columns in names of folders, as Hive writes
        them, follow those of the files.

    Returns
    -------
    TableSource
        The open table.

    Raises
    ------
    ValueError
        If a file is damaged, or the files of a folder differ in their columns.
    """
    parts = _Parts(path, parquet_files(path))
    meta = parse_meta((parts.schema.metadata or {}).get(META_KEY.encode(), b"{}"), path)
    n_rows = sum(n_rows for _, _, n_rows in parts.groups)
    return TableSource(path.name, parts.names, n_rows, parts.fetch, meta, fetch_blocks=parts.fetch_blocks)


class _Parts:
    """The files of a table, and their row groups as (file, number in the file, number of rows)."""

    def __init__(self, root: Path, files: list[Path]):
        import pyarrow.parquet as pq

        self.groups: list[tuple[Path, int, int]] = []
        self.schemas: dict[Path, pa.Schema] = {}
        for file in files:
            with readable(file):
                metadata = pq.read_metadata(file)
                self.schemas[file] = metadata.schema.to_arrow_schema()
            rows = [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)]
            self.groups += [(file, i, n_rows) for i, n_rows in enumerate(rows)]
        check_names(files, list(self.schemas.values()))
        self.first, self.schema = files[0], self.schemas[files[0]]
        self.partitions = {file: partition_values(root, file) for file in files}
        keys = dict.fromkeys(key for values in self.partitions.values() for key in values)
        self.keys = [key for key in keys if key not in self.schema.names]
        self.names = [*self.schema.names, *self.keys]
        self.units = {
            name: {file: _unit(schema.field(name)) for file, schema in self.schemas.items()}
            for name in set(self.schema.names)
            if all(schema.names.count(name) == 1 for schema in self.schemas.values())
        }

    def _types(self, kinds: Mapping[str, str]) -> dict[str, pa.DataType]:
        return {
            name: common_type([schema.field(name).type for schema in self.schemas.values()], kind)
            if name in self.units
            else self._key_type(name, kind)
            for name, kind in kinds.items()
        }

    def _key_type(self, name: str, kind: str) -> pa.DataType:
        """Choose the type of a column that stands in the names of folders: integers where all are."""
        import pyarrow as pa

        words = {word for values in self.partitions.values() if (word := values.get(name)) is not None}
        whole = words and all(_INTEGER.fullmatch(word) for word in words)
        return pa.int64() if whole and kind != "str" else pa.string()

    def _batches(self, types: Mapping[str, pa.DataType], first: int) -> Iterator[pa.Table]:
        """Give all rows from row `first` on, in pieces of any size."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        row, stored = 0, [name for name in types if name not in self.keys]
        for file, group, n_rows in self.groups:
            if row + n_rows <= first:
                row += n_rows
                continue
            with readable(file), pq.ParquetFile(file, buffer_size=_BUFFER_BYTES) as opened:
                stop = row + n_rows
                for batch in opened.iter_batches(_BATCH_ROWS, [group], stored):
                    piece = pa.Table.from_batches([batch.slice(min(max(first - row, 0), len(batch)))])
                    piece.validate(full=True)  # Text that is no UTF-8 comes to light here.
                    yield self._as_planned(piece, types, file)
                    row += len(batch)
                if row != stop:
                    raise OSError(f"{n_rows} rows are declared, {n_rows - stop + row} are there")

    def _as_planned(self, piece: pa.Table, types: Mapping[str, pa.DataType], file: Path) -> pa.Table:
        import pyarrow as pa

        columns = {}
        for name, wanted in types.items():
            if name in self.keys:
                value = self.partitions[file].get(name)
                columns[name] = pa.chunked_array([pa.array([value] * piece.num_rows, pa.string())])
                columns[name] = columns[name].cast(wanted)
                continue
            column = as_type(piece.column(name), wanted, name, file)
            columns[name] = in_unit(column, self.units[name], name, file, self.first)
        return pa.table(columns)

    def fetch_blocks(self, kinds: Mapping[str, str], first: int, size: int) -> Iterator[dict[str, RawColumn]]:
        return map(self._columns, _regroup(self._batches(self._types(kinds), first), size))

    def _columns(self, table: pa.Table) -> dict[str, RawColumn]:
        units = {
            name: self.units[name][self.first] if name in self.units else "" for name in table.schema.names
        }
        return {name: from_arrow(table.column(name), unit) for name, unit in units.items()}

    def fetch(self, kinds: Mapping[str, str], rows: slice) -> dict[str, RawColumn]:
        import pyarrow as pa

        if rows.stop > rows.start:
            return next(self.fetch_blocks(kinds, rows.start, rows.stop - rows.start))
        return self._columns(pa.schema(list(self._types(kinds).items())).empty_table())


def _regroup(tables: Iterable[pa.Table], size: int) -> Iterator[pa.Table]:
    """Join and cut tables into tables of one size.

    Parameters
    ----------
    tables : iterable of pyarrow.Table
        Pieces of one table, in order.
    size : int
        Rows of each table that is given; the last one may have fewer.

    Yields
    ------
    pyarrow.Table
        The same rows.
    """
    import pyarrow as pa

    pending, n_pending = [], 0
    for table in tables:
        pending.append(table)
        n_pending += table.num_rows
        while n_pending >= size:
            joined = pa.concat_tables(pending)
            yield joined.slice(0, size)
            pending, n_pending = [joined.slice(size)], n_pending - size
    if n_pending:
        yield pa.concat_tables(pending)


def _unit(field: pa.Field) -> str:
    return (field.metadata or {}).get(b"unit", b"").decode("utf-8", "replace")


def from_arrow(chunks: pa.ChunkedArray, unit: str = "") -> RawColumn:
    """Give the values of a column of an Arrow table.

    Parameters
    ----------
    chunks : pyarrow.ChunkedArray
        The column; lists and structs of as many numbers in each row become a second axis.
    unit : str, default=""
        Its unit.

    Returns
    -------
    RawColumn
        Values, mask and unit.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    mask = np.concatenate([~_valid(chunk) for chunk in chunks.chunks]) if chunks.null_count else None
    if pa.types.is_dictionary(chunks.type):
        chunks = chunks.cast(chunks.type.value_type)
    if pa.types.is_fixed_size_list(chunks.type) and mask is None:
        values = _numpy_values(pa.chunked_array([chunks.combine_chunks().flatten()]))
        return RawColumn(values.reshape(len(chunks), chunks.type.list_size), None, unit)
    if pa.types.is_nested(chunks.type):
        return RawColumn(_vectors(chunks), None, unit)
    if mask is not None and (pa.types.is_integer(chunks.type) or pa.types.is_boolean(chunks.type)):
        # Never through float: identifiers have 19 digits.
        chunks = pc.fill_null(chunks, False if pa.types.is_boolean(chunks.type) else 0)
    return RawColumn(_numpy_values(chunks), mask, unit)


def _numpy_values(chunks: pa.ChunkedArray) -> NDArray:
    """Copy the values of a column, NaN for null in floats."""
    import pyarrow as pa

    if not (pa.types.is_floating(chunks.type) or pa.types.is_integer(chunks.type)) or not chunks.num_chunks:
        values = chunks.to_numpy()
        return values if values.flags.writeable else values.copy()
    # From their buffers: Arrow's own way imports pandas, which takes as long as a small catalogue.
    kind = str(chunks.type)
    dtype = np.dtype(_FLOATS.get(kind, kind))
    parts = []
    for chunk in chunks.chunks:
        values = np.frombuffer(chunk.buffers()[1], dtype)[chunk.offset : chunk.offset + len(chunk)]
        parts.append(np.where(_valid(chunk), values, dtype.type(np.nan)) if chunk.null_count else values)
    return np.concatenate(parts)


def _valid(chunk: pa.Array) -> NDArray[np.bool_]:
    """Say which values are not null."""
    bits = chunk.is_valid()
    unpacked = np.unpackbits(np.frombuffer(bits.buffers()[1], np.uint8), bitorder="little")
    return unpacked[bits.offset : bits.offset + len(bits)].astype(bool)


def _vectors(chunks: pa.ChunkedArray) -> NDArray:
    import pyarrow as pa

    rows = chunks.to_pylist()
    if pa.types.is_struct(chunks.type):
        names = [field.name for field in chunks.type]
        # Errors come upward first; some writers sort the names.
        names = names[::-1] if tuple(name.lower() for name in names) in _DOWN_UP else names
        rows = [row if row is None else [row[name] for name in names] for row in rows]
    sizes = {len(row) for row in rows if row is not None}
    numbers = all(part is None or isinstance(part, int | float) for row in rows if row for part in row)
    if len(sizes) != 1 or not numbers:
        return np.array([str(row) for row in rows], dtype=object)
    blank = [None] * sizes.pop()
    return np.array([blank if row is None else row for row in rows], dtype=np.float64)


def write_parquet(tables: Iterable[pa.Table], path: Path) -> None:
    """Write the pieces of a table as one Parquet file; its row groups do not depend on the pieces.

    Parameters
    ----------
    tables : iterable of pyarrow.Table
        Pieces of the table, at least one, with the schema of the first.
    path : Path
        File to write.
    """
    import pyarrow.parquet as pq

    tables = iter(tables)
    first = next(tables)
    # Hardly a float repeats: a dictionary of them only costs time.
    coded = [
        field.name for field in first.schema if not str(field.type).startswith(("float", "double", "fixed"))
    ]
    widths: dict[str, int] = {}
    # The schema is stored at the end, when the widths of text are known that astropy asks for.
    plain = first.schema.with_metadata(None)
    with pq.ParquetWriter(path, plain, use_dictionary=coded, store_schema=False) as writer:
        for table in _regroup(chain([first], tables), ROW_GROUP_ROWS):
            writer.write_table(table.combine_chunks(), row_group_size=ROW_GROUP_ROWS)
            _widen(widths, table)
        lengths = {f"table::len::{name}": str(width) for name, width in widths.items()}
        schema = first.schema.with_metadata({**(first.schema.metadata or {}), **lengths})
        stored = base64.b64encode(schema.serialize().to_pybytes())
        writer.add_key_value_metadata({"ARROW:schema": stored.decode()})


def _widen(widths: dict[str, int], table: pa.Table) -> None:
    import pyarrow as pa
    import pyarrow.compute as pc

    for field in table.schema:
        if pa.types.is_string(field.type):
            width = pc.max(pc.utf8_length(table.column(field.name))).as_py() or 1
            widths[field.name] = max(width, widths.get(field.name, 1))


def arrow_table(table: Table, meta: str) -> pa.Table:
    """Make an Arrow table with units, descriptions and UCDs as metadata of the fields, and null for NaN.

    Parameters
    ----------
    table : astropy.table.Table
        Numbers, text and columns of shape (n_samples, k).
    meta : str
        Metadata of the table as JSON.

    Returns
    -------
    pyarrow.Table
        The same table.
    """
    import pyarrow as pa

    fields, arrays, columns = [], [], []
    for name in table.colnames:
        array = _arrow_array(column_values(table, name))
        labels = {key: value for key, value in column_labels(table, name)._asdict().items() if value}
        fields.append(pa.field(name, array.type, metadata=labels))
        arrays.append(array)
        columns.append({"name": name} | {key: labels[key] for key in _ASTROPY_LABELS if key in labels})
    metadata = {META_KEY: meta, "table_meta_yaml": _yaml({"datatype": columns, "meta": json.loads(meta)})}
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields, metadata=metadata))


def _yaml(header: dict[str, Any]) -> str:
    """Header of a table as astropy's reader of Parquet wants it: JSON is YAML, but for two things."""
    text = json.dumps(header, ensure_ascii=False)
    # What YAML does not print it does not read, and characters beyond its first plane have no short escape.
    return "".join(c if c.isprintable() and ord(c) < 2**16 else f"\\U{ord(c):08x}" for c in text)


def _arrow_array(values: NDArray) -> pa.Array:
    import pyarrow as pa

    if values.dtype.kind == "S":
        values = decode_bytes(values)
    if values.dtype.kind == "U":
        return _text_array(values.tolist())
    values = values.astype(values.dtype.newbyteorder("="), copy=False)
    flat = _number_array(np.ascontiguousarray(values).ravel())
    if values.ndim == 1:
        return flat
    return pa.FixedSizeListArray.from_arrays(flat, int(np.prod(values.shape[1:])))


# From their buffers: `pa.array` imports pandas, which takes as long as a small catalogue.


def _text_array(values: list[str]) -> pa.Array:
    import pyarrow as pa

    encoded = [text.encode() for text in values]
    ends = np.cumsum([0, *map(len, encoded)])
    if ends[-1] > np.iinfo(np.int32).max:
        return pa.array(values, pa.large_string())
    offsets = pa.py_buffer(ends.astype(np.int32))
    return pa.StringArray.from_buffers(len(values), offsets, pa.py_buffer(b"".join(encoded)))


def _number_array(values: NDArray) -> pa.Array:
    """Make an Arrow array of the same memory, with null for NaN."""
    import pyarrow as pa

    if values.dtype.kind not in "fiu":
        return pa.array(values, from_pandas=True)
    missing = np.isnan(values)
    valid = pa.py_buffer(np.packbits(~missing, bitorder="little")) if missing.any() else None
    return pa.Array.from_buffers(
        pa.from_numpy_dtype(values.dtype), len(values), [valid, pa.py_buffer(values)], int(missing.sum())
    )
