"""Writing of tables, whole or not at all, with units, descriptions and provenance."""

from __future__ import annotations

import gzip
import json
import os
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from skdistmass.tables.fits_writer import FitsWriter
from skdistmass.tables.parquet import regroup
from skdistmass.tables.source import META_KEY, column_labels, column_values, quiet_astropy, table_format

if TYPE_CHECKING:
    import pyarrow as pa
    from astropy.table import Table

FORMATS = ("fits", "ecsv", "parquet", "votable")
"""Formats that can be written."""

ROW_GROUP_ROWS = 2**18
"""Rows of a row group of a Parquet file."""


def check_output(path: str | Path, overwrite: bool = False, format: str | None = None) -> Path:
    """Check that a table can be written, before the work that makes it.

    Parameters
    ----------
    path : str or Path
        File to write.
    overwrite : bool, default=False
        Whether an existing file may be replaced.
    format : {"fits", "ecsv", "parquet", "votable"}, optional
        Format, by default that of the suffix of `path`.

    Returns
    -------
    Path
        The file to write.

    Raises
    ------
    ValueError
        If the format is unknown.
    FileExistsError
        If the file exists and must not be replaced.
    FileNotFoundError
        If its folder does not exist.
    OSError
        If the folder cannot be written to, or `path` is a folder.
    """
    path = Path(path)
    output_format(path, format)
    if path.is_dir():
        raise IsADirectoryError(f"{path}: a folder; the name of a file is expected")
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path}: exists; give overwrite=True (--overwrite) to replace it")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path}: its folder {path.parent} does not exist; make it first")
    probe = _temporary(path)
    try:
        probe.touch()
    except OSError as error:
        raise type(error)(f"{path}: cannot write into the folder {path.parent} ({error.strerror})") from error
    finally:
        probe.unlink(missing_ok=True)
    return path


def write_table(table: Table, path: str | Path, overwrite: bool = False, format: str | None = None) -> Path:
    """Write a table with its units, descriptions and metadata, atomically.

    The file appears under its name when it is complete; a failure or an interruption leaves nothing behind.

    Parameters
    ----------
    table : astropy.table.Table
        Numbers, text and columns of shape (n_samples, k). `meta` must be made of what JSON knows.
    path : str or Path
        File to write: .fits (or .fits.gz), .ecsv, .parquet, .vot, .votable or .xml.
    overwrite : bool, default=False
        Whether to replace an existing file.
    format : {"fits", "ecsv", "parquet", "votable"}, optional
        Format, by default that of the suffix of `path`.

    Returns
    -------
    Path
        The file that was written.

    Raises
    ------
    ValueError
        If the format is unknown or `meta` cannot be JSON.
    FileExistsError
        If the file exists and must not be replaced.
    OSError
        If the file cannot be written.

    See Also
    --------
    skdistmass.survey.read.read_catalog : Reads catalogues in all these formats.

    Notes
    -----
    Descriptions are TCOMMn cards in FITS, and field metadata in Parquet beside the unit. Metadata is JSON in
    the card SKDMETA of FITS, an INFO of that name in VOTable, the schema's metadata in Parquet. FITS has
    short values as cards of their own besides.
    """
    path = check_output(path, overwrite, format)
    write = _WRITERS[output_format(path, format)]
    meta = meta_json(table.meta)
    with new_file(path) as temporary:
        write(table, temporary, meta)
    return path


@contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """Give the name of a file to write, which gets its own name when it is complete and vanishes otherwise.

    Parameters
    ----------
    path : Path
        Name that the file gets if the `with` block ends well.

    Yields
    ------
    Path
        Name under which to write it.
    """
    temporary = _temporary(path)
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def output_format(path: str | Path, format: str | None = None) -> str:
    """Format in which a file is written.

    Parameters
    ----------
    path : str or Path
        File to write.
    format : {"fits", "ecsv", "parquet", "votable"}, optional
        Format, by default that of the suffix of `path`.

    Returns
    -------
    str
        The format.

    Raises
    ------
    ValueError
        If it is unknown.
    """
    if format is None:
        return table_format(path, FORMATS)
    if format not in FORMATS:
        raise ValueError(f"format must be one of {', '.join(FORMATS)}; got {format!r}")
    return format


def _temporary(path: Path) -> Path:
    # In the same folder, so that the last step is a rename; with the suffixes, since .gz is chosen by them.
    return path.with_name(f".{uuid.uuid4().hex}.part{''.join(path.suffixes[-2:])}")


def meta_json(meta: Mapping[str, Any]) -> str:
    """Metadata of a table as JSON.

    Parameters
    ----------
    meta : mapping
        Metadata.

    Returns
    -------
    str
        JSON.

    Raises
    ------
    ValueError
        If it cannot be JSON.
    """
    try:
        return json.dumps(dict(meta), default=_plain)
    except (TypeError, ValueError) as error:
        raise ValueError(f"the metadata of the table must be what JSON can hold ({error})") from error


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} is not")


def _write_fits(table: Table, path: Path, meta: str) -> None:
    with open_binary(path) as stream:
        writer = FitsWriter(stream, table, len(table), meta)
        writer.append(table)
        writer.close()


@contextmanager
def open_binary(path: Path) -> Iterator[IO[bytes]]:
    """Open a file to write bytes, compressed if its name ends in .gz.

    Parameters
    ----------
    path : Path
        File to write.

    Yields
    ------
    binary file
        Where to write.
    """
    with path.open("wb") as stream:
        if path.suffix != ".gz":
            yield stream
            return
        # Without name and time: the same table makes the same file.
        with gzip.GzipFile("", "wb", fileobj=stream, mtime=0) as compressed:
            yield compressed


def _write_ecsv(table: Table, path: Path, meta: str) -> None:
    from astropy.table import Column, Table

    plain = Table(meta=json.loads(meta))
    for name in table.colnames:
        unit, description = column_labels(table, name)
        plain[name] = Column(column_values(table, name), description=description or None)
        if unit:
            plain[name].unit = unit
    plain.write(path, format="ascii.ecsv")


def _write_votable(table: Table, path: Path, meta: str) -> None:
    from astropy.io.votable import tree
    from astropy.table import Column, Table

    plain = Table()
    for name in table.colnames:
        values = column_values(table, name)
        unit, description = column_labels(table, name)
        if values.dtype.kind == "U" and all(word.isascii() for word in values.tolist()):
            values = np.char.encode(values, "ascii")
        plain[name] = Column(values, description=description or None)
        if unit:
            plain[name].unit = unit
    with quiet_astropy():
        document = tree.VOTableFile.from_table(plain)
        document.resources[0].infos.append(tree.Info(name=META_KEY, value=meta))
        document.to_xml(str(path), tabledata_format="binary2")


def _write_parquet(table: Table, path: Path, meta: str) -> None:
    write_parquet([arrow_table(table, meta)], path)


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
    with pq.ParquetWriter(path, first.schema, use_dictionary=coded) as writer:
        for table in regroup(chain([first], tables), ROW_GROUP_ROWS):
            writer.write_table(table.combine_chunks(), row_group_size=ROW_GROUP_ROWS)


def arrow_table(table: Table, meta: str) -> pa.Table:
    """Make an Arrow table with units and descriptions as metadata of the fields.

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

    fields, arrays = [], []
    for name in table.colnames:
        array = _arrow_array(column_values(table, name))
        unit, description = column_labels(table, name)
        fields.append(pa.field(name, array.type, metadata={"unit": unit, "description": description}))
        arrays.append(array)
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields, metadata={META_KEY: meta}))


def _arrow_array(values: NDArray) -> pa.Array:
    import pyarrow as pa

    if values.dtype.kind == "S":
        values = np.char.decode(values, "utf-8", "replace")
    if values.dtype.kind == "U":
        return pa.array(values.tolist(), pa.string())
    values = values.astype(values.dtype.newbyteorder("="), copy=False)
    if values.ndim == 1:
        return pa.array(values)
    size = int(np.prod(values.shape[1:]))
    return pa.FixedSizeListArray.from_arrays(pa.array(np.ascontiguousarray(values).ravel()), size)


_WRITERS: Mapping[str, Callable[[Table, Path, str], None]] = {
    "fits": _write_fits,
    "ecsv": _write_ecsv,
    "parquet": _write_parquet,
    "votable": _write_votable,
}
