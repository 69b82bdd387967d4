"""Sinks of a catalogue: its pieces become one file of any format, or a folder of Parquet files."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skdistmass.columns import CATALOG_COLUMNS
from skdistmass.survey.pieces import CHUNK_ROWS, CatalogJob, ahead
from skdistmass.tables.atomic import open_binary
from skdistmass.tables.fits import FitsWriter
from skdistmass.tables.parquet import from_arrow, write_parquet
from skdistmass.tables.source import META_KEY, encode
from skdistmass.tables.write import meta_json, write_table

if TYPE_CHECKING:
    import pyarrow as pa
    from astropy.table import Table

Observer = Callable[[Mapping[str, ArrayLike]], object]


def observed(tables: Iterable[pa.Table], observe: Observer | None) -> Iterator[pa.Table]:
    """Show the numbers of each piece to an observer.

    Parameters
    ----------
    tables : iterable of pyarrow.Table
        Pieces of a catalogue.
    observe : callable or None
        Called with the columns of numbers (dict of arrays) of each piece.

    Yields
    ------
    pyarrow.Table
        The same pieces.
    """
    import pyarrow as pa

    for table in tables:
        if observe is not None:
            fields = [field for field in table.schema if not pa.types.is_string(field.type)]
            observe({field.name: from_arrow(table.column(field.name)).values for field in fields})
        yield table


def write_whole(tables: Iterator[pa.Table], path: Path, kind: str, job: CatalogJob) -> None:
    """Write the pieces of a catalogue as one file.

    Parameters
    ----------
    tables : iterator of pyarrow.Table
        The pieces, in order. FITS and Parquet take one after the other, the other formats all at once.
    path : Path
        File to write.
    kind : {"fits", "parquet", "ecsv", "votable"}
        Its format.
    job : CatalogJob
        Its road; FITS needs the number of rows and the widths of the text before the first row.
    """
    if kind == "parquet":
        write_parquet(tables, path)
    elif kind == "fits":
        with open_binary(path) as stream:
            writer = None
            for chunk in ahead(_as_table(table, text="S") for table in tables):
                if writer is None:
                    widths = _text_widths(job)
                    writer = FitsWriter(stream, chunk, job.reader.n_rows, meta_json(chunk.meta), widths)
                writer.append(chunk)
            if writer is not None:
                writer.close()
    else:
        import pyarrow as pa

        write_table(_as_table(pa.concat_tables(tables)), path, format=kind)


def replace_folder(finished: Path, path: Path) -> None:
    """Give a folder its name; one that has it now is removed.

    Parameters
    ----------
    finished : Path
        The folder.
    path : Path
        Its name.
    """
    former = finished.with_name("former")
    if path.exists():
        path.rename(former)
    finished.rename(path)
    shutil.rmtree(former, ignore_errors=True)


def _as_table(chunk: pa.Table, text: str = "U") -> Table:
    """Make an astropy table, with text as characters ("U") or, where it is ASCII, as bytes ("S")."""
    import json

    import pyarrow as pa
    from astropy.table import Column, Table

    columns = {}
    for field in chunk.schema:
        cells = chunk.column(field.name)
        values = _ascii_bytes(cells) if text == "S" and pa.types.is_string(field.type) else None
        if values is None:
            values = from_arrow(cells).values
            values = values.astype(str) if values.dtype.kind == "O" else values
        labels = {key.decode(): value.decode() for key, value in (field.metadata or {}).items()}
        columns[field.name] = Column(
            values, unit=labels.get("unit"), description=labels.get("description"), copy=False
        )
    return Table(columns, meta=json.loads(chunk.schema.metadata[META_KEY.encode()]), copy=False)


def _ascii_bytes(cells: pa.ChunkedArray) -> NDArray[np.bytes_] | None:
    """Give a column of text as bytes of one width, without Python objects; None if it is not ASCII."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if cells.null_count or not len(cells) or not pc.all(pc.string_is_ascii(cells)).as_py():
        return None
    width = max(pc.max(pc.binary_length(cells)).as_py(), 1)
    padded = pc.ascii_rpad(pa.concat_arrays(cells.chunks), width, padding="\0")
    return np.frombuffer(padded.buffers()[2], f"S{width}", len(padded), padded.offset * width)


def _text_widths(job: CatalogJob) -> dict[str, int]:
    """Width of the columns of text in a FITS file: what the table reserves, or its longest value."""
    reader = job.reader
    text: tuple[str, ...] = ("APOGEE_ID", "APSTAR_ID")
    names = [name for name in text if name in reader.names]
    known = {name: reader.text_width(name) for name in names}
    unknown = [name for name in names if known[name] is None]
    widths = {name: width for name, width in known.items() if width is not None}
    if unknown:
        _widen(widths, reader.select(unknown).blocks(CHUNK_ROWS))
    widths = {CATALOG_COLUMNS[name].name_in(job.options.columns): width for name, width in widths.items()}
    if job.kept is not None:
        _widen(widths, job.kept.blocks(CHUNK_ROWS))
    return widths


def _widen(widths: dict[str, int], blocks: Iterable[Table]) -> None:
    """Make room for the text of a table."""
    for block in blocks:
        for name in block.colnames:
            values = np.asarray(block[name])
            if values.dtype.kind == "U":
                widths[name] = max(widths.get(name, 1), encode(values).dtype.itemsize)
