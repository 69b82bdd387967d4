"""The catalogue of a table that is larger than memory: read, filled and written in chunks of rows."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skdistmass._version import __version__
from skdistmass.columns import CATALOG_COLUMNS
from skdistmass.survey.catalog import (
    BLOCK_ROWS,
    CatalogSettings,
    catalog_blocks,
    join_blocks,
    prepare_catalog,
)
from skdistmass.survey.models import CatalogModels
from skdistmass.survey.read import StarReader
from skdistmass.tables.atomic import new_file, open_binary
from skdistmass.tables.clean import encode
from skdistmass.tables.fits import FitsWriter
from skdistmass.tables.parquet import arrow_table, from_arrow, write_parquet
from skdistmass.tables.parquet_folder import parquet_files
from skdistmass.tables.write import check_output, meta_json, output_format, write_table

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from astropy.table import Table

CHUNK_ROWS = BLOCK_ROWS
"""Rows of a chunk: some hundred megabytes."""

Observer = Callable[[Mapping[str, ArrayLike]], object]


def write_catalog(
    source: str | Path | Table | pd.DataFrame,
    output: str | Path,
    *,
    overwrite: bool = False,
    format: str | None = None,
    chunk_rows: int = CHUNK_ROWS,
    progress: bool | None = None,
    observe: Observer | None = None,
    **options: Any,
) -> Path:
    """Build the catalogue of a survey table and write it, in chunks of rows.

    Memory does not grow with the table when FITS, Parquet or CSV become FITS or Parquet. The other formats
    are held in memory as a whole.

    Parameters
    ----------
    source : path, astropy.table.Table or pandas.DataFrame
        Survey table, anything `read_stars` reads, or a folder of Parquet files.
    output : str or Path
        File to write: .fits, .fits.gz, .parquet, .ecsv, .vot.
    overwrite : bool, default=False
        Whether to replace an existing file.
    format : {"fits", "ecsv", "parquet", "votable"}, optional
        Format, by default that of the suffix of `output`.
    chunk_rows : int, default=131072
        Rows of a chunk. The file does not depend on it.
    progress : bool, optional
        Whether to show a progress bar; by default on a terminal only.
    observe : callable, optional
        Called with the columns of the catalogue (dict of arrays, without text) for one chunk after the other.
    **options
        Models and rules: the keyword arguments of `build_catalog`.

    Returns
    -------
    Path
        The file that was written.

    Raises
    ------
    ValueError
        As in `build_catalog` and `write_table`, or if `chunk_rows` is not positive.
    FileExistsError
        If the file exists and must not be replaced.

    See Also
    --------
    skdistmass.build_catalog : The catalogue in memory.
    skdistmass.survey.dask : The catalogue on a cluster.

    Notes
    -----
    A file appears under its name when it is complete. Of a Parquet file in the making the finished chunks are
    kept in the folder ``<output>.parts``, and the same call goes on after them; an interruption of the other
    formats leaves nothing behind. Without the column EXTRATARG the rows of one star can lie in any chunk: a
    first pass over APOGEE_ID and SNR finds them, with 25 bytes of memory a row.

    Examples
    --------
    >>> import tempfile
    >>> from skdistmass import make_survey, read_catalog
    >>> stars, _ = make_survey(300, random_state=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = write_catalog(stars, f"{folder}/catalog.fits", chunk_rows=100, isochrone=False)
    ...     len(read_catalog(path))
    300
    """
    if chunk_rows < 1:
        raise ValueError(f"chunk_rows has to be a positive integer; received {chunk_rows!r}.")
    path = check_output(output, overwrite, format)
    models, settings = prepare_catalog(**options)
    observe = observe or (lambda columns: None)
    job = _Job(StarReader(source), models, settings, int(chunk_rows), progress, observe)
    kind = output_format(path, format)
    if kind == "fits":
        _write_fits(job, path)
    elif kind == "parquet":
        _write_parquet(job, path, source)
    else:
        catalog = join_blocks(list(job.blocks()))
        job.observe(_numbers(catalog))
        write_table(catalog, path, overwrite, format)
    return path


def parts_folder(output: str | Path) -> Path:
    """Name the folder of the finished chunks of a Parquet file in the making.

    Parameters
    ----------
    output : str or Path
        The file.

    Returns
    -------
    Path
        The folder.
    """
    return Path(output).with_name(f"{Path(output).name}.parts")


@dataclass
class _Job:
    reader: StarReader
    models: CatalogModels
    settings: CatalogSettings
    chunk_rows: int
    progress: bool | None
    observe: Observer

    def blocks(self, first: int = 0) -> Iterator[Table]:
        """Give the catalogue from row `first` on, chunk by chunk, with a progress bar."""
        from tqdm import tqdm

        size, n_rows = self.chunk_rows, self.reader.n_rows
        chunks = catalog_blocks(self.reader, self.models, self.settings, block_rows=size, first=first)
        hidden = None if self.progress is None else not self.progress
        with tqdm(total=n_rows, initial=first, unit=" rows", unit_scale=True, disable=hidden) as bar:

            def counted(chunk):
                bar.update(len(chunk))
                return chunk

            yield from map(counted, chunks)

    def text_widths(self) -> dict[str, int]:
        """Width of the columns of text in a FITS file, which must be known before its rows."""
        names = [name for name in ("APOGEE_ID", "APSTAR_ID") if name in self.reader.names]
        widths = {name: self.reader.text_width(name) for name in names}
        unknown = [name for name in names if widths[name] is None]
        widths |= dict.fromkeys(unknown, 1)
        for stars in self.reader.select(unknown).blocks(self.chunk_rows) if unknown else ():
            for name in unknown:
                widths[name] = max(widths[name], encode(np.asarray(stars[name])).dtype.itemsize)
        return {CATALOG_COLUMNS[name].name_in(self.settings.columns): widths[name] for name in names}


def _numbers(catalog: Table) -> dict[str, NDArray]:
    arrays = {name: np.asarray(column) for name, column in catalog.columns.items()}
    return {name: values for name, values in arrays.items() if values.dtype.kind not in "SU"}


def _write_fits(job: _Job, path: Path) -> None:
    with new_file(path) as temporary, open_binary(temporary) as stream:
        writer = None
        for chunk in job.blocks():
            if writer is None:
                meta = meta_json(chunk.meta)
                writer = FitsWriter(stream, chunk, job.reader.n_rows, meta, job.text_widths())
            writer.append(chunk)
            job.observe(_numbers(chunk))
        writer.close()


def _write_parquet(job: _Job, path: Path, source: Any) -> None:
    if not isinstance(source, str | Path):
        with new_file(path) as temporary:
            write_parquet(_observed((_as_arrow(chunk) for chunk in job.blocks()), job.observe), temporary)
        return
    parts = _Parts(parts_folder(path), _identity(job, Path(source)))
    try:
        first = parts.n_rows
        if first < job.reader.n_rows:
            for table in map(_as_arrow, job.blocks(first)):
                parts.append(table)
        with new_file(path) as temporary:
            write_parquet(_observed(parts.tables(), job.observe), temporary)
    except ValueError:
        parts.remove()  # The input is not what it should be: going on would end in the same error.
        raise
    parts.remove()


def _as_arrow(chunk: Table) -> pa.Table:
    return arrow_table(chunk, meta_json(chunk.meta))


def _observed(tables: Iterable[pa.Table], observe: Observer) -> Iterator[pa.Table]:
    import pyarrow as pa

    for table in tables:
        fields = [field for field in table.schema if not pa.types.is_string(field.type)]
        observe({field.name: from_arrow(table.column(field.name))[0] for field in fields})
        yield table


class _Parts:
    """Finished chunks of a catalogue, one file each, that a later run can go on from.

    Parameters
    ----------
    folder : Path
        Folder of the files.
    identity : dict
        What the catalogue depends on. Chunks of another one are removed.
    """

    def __init__(self, folder: Path, identity: dict[str, Any]):
        self.folder, note = folder, folder / "identity.json"
        text = json.dumps(identity, indent=1)
        if folder.exists() and not (note.exists() and note.read_text(encoding="utf-8") == text):
            self.remove()
        folder.mkdir(exist_ok=True)
        note.write_text(text, encoding="utf-8")
        self.files: list[Path] = []
        self.n_rows = 0
        while (rows := self._rows(self._next())) is not None:
            self.files.append(self._next())
            self.n_rows += rows

    def _next(self) -> Path:
        return self.folder / f"rows-{self.n_rows:012d}.arrow"

    @staticmethod
    def _rows(file: Path) -> int | None:
        import pyarrow as pa

        try:
            return _read_arrow(file).num_rows
        except (OSError, pa.ArrowException):  # Not there, or cut off when the machine went down.
            return None

    def append(self, table: pa.Table) -> None:
        import pyarrow as pa

        file = self._next()
        with new_file(file) as temporary, pa.ipc.new_file(str(temporary), table.schema) as writer:
            writer.write_table(table)
        self.files.append(file)
        self.n_rows += table.num_rows

    def tables(self) -> Iterator[pa.Table]:
        yield from map(_read_arrow, self.files)

    def remove(self) -> None:
        shutil.rmtree(self.folder)


def _read_arrow(file: Path) -> pa.Table:
    import pyarrow as pa

    with pa.OSFile(str(file)) as stream, pa.ipc.open_file(stream) as reader:
        return reader.read_all()


def _identity(job: _Job, source: Path) -> dict[str, Any]:
    """Describe what the chunks depend on: the input file, the models, the settings and this version."""
    import joblib

    stats = [(str(file), file.stat()) for file in parquet_files(source.resolve())]
    files = [(name, stat.st_size, stat.st_mtime_ns) for name, stat in stats]
    return {
        "version": __version__,
        "source": str(source.resolve()),
        "files": joblib.hash(files),
        "rows": job.reader.n_rows,
        "chunk_rows": job.chunk_rows,
        "models": joblib.hash(job.models),
        "settings": repr(job.settings),
    }
