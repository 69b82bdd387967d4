"""Folders of Parquet files as one table: which files belong to it, and of which type its columns are."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from skdistmass.tables.clean import MISSING_WORDS, convert_unit

if TYPE_CHECKING:
    import pyarrow as pa

_SUFFIXES = (".parquet", ".pq")
_THUMBNAIL = "data_thumbnail.parquet"  # of HATS: some rows of every file, once more
_HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"


def parquet_files(path: Path) -> list[Path]:
    """List the Parquet files of a table.

    Parameters
    ----------
    path : Path
        A file, or a folder that holds files at any depth.

    Returns
    -------
    list of Path
        The files in order of their names, numbers in them counting as numbers. Names that begin with a dot or
        an underscore do not belong to the table, nor do those in folders with such names, nor thumbnails.
    """
    if not path.is_dir():
        return [path]
    if is_hats(path):
        path = _main_table(path)
    files = [file for file in path.rglob("*") if file.suffix.lower() in _SUFFIXES and file.is_file()]
    parts = {file: file.relative_to(path).parts for file in files}
    belonging = [file for file in files if not any(p[0] in "._" for p in parts[file])]
    return sorted((file for file in belonging if file.name != _THUMBNAIL), key=_natural)


@contextmanager
def readable(file: Path) -> Iterator[None]:
    """Read a file; what Arrow says of a damaged one becomes an error that names it.

    Parameters
    ----------
    file : Path
        The file.

    Yields
    ------
    None
        Nothing.

    Raises
    ------
    ValueError
        If it is damaged.
    """
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, OSError) as error:
        raise ValueError(f"{file}: not a readable Parquet file, perhaps truncated ({error})") from error


def row_group_rows(file: Path) -> list[int]:
    """Count the rows of the row groups of a Parquet file.

    Parameters
    ----------
    file : Path
        The file.

    Returns
    -------
    list of int
        Number of rows of each.
    """
    import pyarrow.parquet as pq

    with readable(file):
        metadata = pq.read_metadata(file)
    return [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)]


def is_hats(path: Path) -> bool:
    """Tell whether a folder is a HATS catalogue.

    Parameters
    ----------
    path : Path
        Folder.

    Returns
    -------
    bool
        True if so.
    """
    return any((path / name).is_file() for name in ("collection.properties", "hats.properties", "properties"))


def _main_table(path: Path) -> Path:
    collection = path / "collection.properties"
    if collection.is_file():
        # A collection has the catalogue beside its margins and indices, each in a folder.
        lines = collection.read_text(encoding="utf-8").splitlines()
        names = [line.split("=", 1)[1].strip() for line in lines if line.startswith("hats_primary_table_url")]
        path = path / names[0] if names else path
    return path / "dataset" if (path / "dataset").is_dir() else path


def _natural(file: Path) -> list[tuple[int, int, str]]:
    words = re.split(r"(\d+)", str(file))
    return [(1, int(word), "") if word.isdigit() else (0, 0, word) for word in words]


def partition_values(root: Path, file: Path) -> dict[str, str | None]:
    """Read the columns that stand in the names of the folders of a file, `KEY=value`, as Hive writes them.

    Parameters
    ----------
    root : Path
        Folder of the table.
    file : Path
        One of its files.

    Returns
    -------
    dict of str to str or None
        Values by name; none for a HATS catalogue, whose folders name pieces of the sky.
    """
    if not root.is_dir() or is_hats(root) or is_hats(root.parent):
        return {}
    pairs = [part.split("=", 1) for part in file.relative_to(root).parts[:-1] if "=" in part]
    return {unquote(key): None if value == _HIVE_NULL else unquote(value) for key, value in pairs}


def check_names(files: Sequence[Path], schemas: Sequence[pa.Schema]) -> None:
    """Refuse files that do not have the same columns, in whichever order.

    Parameters
    ----------
    files : sequence of Path
        Files of one table.
    schemas : sequence of pyarrow.Schema
        Their schemas.

    Raises
    ------
    ValueError
        If a file lacks a column or has one more; the message names both.
    """
    first = set(schemas[0].names)
    for file, schema in zip(files[1:], schemas[1:], strict=True):
        if set(schema.names) != first:
            odd = sorted(set(schema.names) ^ first)
            raise ValueError(
                f"{file}: its columns differ from those of {files[0]}, in one table: "
                f"{', '.join(f'`{name}`' for name in odd[:5])} {'is' if len(odd) == 1 else 'are'} in one only"
            )


def common_type(types: Sequence[pa.DataType], kind: str) -> pa.DataType:
    """Choose the type in which a column of several files is read.

    Parameters
    ----------
    types : sequence of pyarrow.DataType
        Its types in the files.
    kind : {"float", "int", "str", ""}
        Kind that is wanted, "" for what the files have.

    Returns
    -------
    pyarrow.DataType
        The type itself where all have the same; else one that loses nothing that is wanted.
    """
    import pyarrow as pa

    plain = {t.value_type if pa.types.is_dictionary(t) else t for t in types}
    known = {t for t in plain if not pa.types.is_null(t)}
    if len(known) == 1:
        return next(iter(known))
    if not known:
        return {"int": pa.int64(), "str": pa.string()}.get(kind, pa.float64())
    if kind == "float" or (kind == "" and all(_is_number(t) for t in known)):
        whole = kind == "" and all(pa.types.is_integer(t) or pa.types.is_boolean(t) for t in known)
        return pa.int64() if whole else pa.float64()
    if kind == "int":
        return pa.int64()
    return pa.string()


def _is_number(kind: Any) -> bool:
    import pyarrow as pa

    return pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)


def _is_text(kind: Any) -> bool:
    import pyarrow as pa

    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def as_type(column: pa.ChunkedArray, wanted: pa.DataType, name: str, file: Path) -> pa.ChunkedArray:
    """Convert a column of one file to the type of the table.

    Parameters
    ----------
    column : pyarrow.ChunkedArray
        The column.
    wanted : pyarrow.DataType
        Type of the table.
    name : str
        Name of the column, for the message.
    file : Path
        The file, for the message.

    Returns
    -------
    pyarrow.ChunkedArray
        The column in that type.

    Raises
    ------
    ValueError
        If some value has no like in that type.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if column.type == wanted:
        return column
    try:
        if pa.types.is_floating(column.type) and pa.types.is_integer(wanted):
            # pandas makes floats of integers where one is missing; beyond 2**53 they are others.
            column = pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
            if (pc.max(pc.abs(column)).as_py() or 0) > 2**53:
                raise pa.ArrowInvalid("identifiers as floats have lost their last digits")
        if pa.types.is_boolean(column.type) and pa.types.is_floating(wanted):
            column = column.cast(pa.int8())
        if _is_text(column.type) and _is_number(wanted):
            words = pc.utf8_trim_whitespace(column)
            missing = pc.is_in(pc.utf8_lower(words), pa.array(sorted(MISSING_WORDS), words.type))
            column = pc.if_else(missing, pa.scalar(None, words.type), words)
        return column.cast(wanted)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        message = f"{file}: column `{name}` is {column.type} here and cannot be {wanted} as in the table"
        raise ValueError(f"{message} ({error})") from error


def in_unit(
    column: pa.ChunkedArray, units: Mapping[Path, str], name: str, file: Path, first: Path
) -> pa.ChunkedArray:
    """Convert a column of one file to the unit of the first file.

    Parameters
    ----------
    column : pyarrow.ChunkedArray
        The column.
    units : mapping of Path to str
        Its unit in the files, "" for none.
    name : str
        Name of the column, for the message.
    file, first : Path
        The file of the column, and the first of the table.

    Returns
    -------
    pyarrow.ChunkedArray
        The column in that unit.

    Raises
    ------
    ValueError
        If only one of the two files tells a unit, or they are of different kinds.
    """
    import pyarrow as pa

    if units[file] == units[first]:
        return column
    if not units[file] or not units[first]:
        without, other = (file, first) if not units[file] else (first, file)
        raise ValueError(
            f"{without}: column `{name}` has no unit, in {other} it has {units[other]!r}; give it one"
        )
    try:
        values = convert_unit(column.to_numpy(), units[file], units[first], name)
    except ValueError as error:
        raise ValueError(f"{file}: {error}, as in {first}") from error
    return pa.chunked_array([pa.array(values, column.type, from_pandas=True)])
