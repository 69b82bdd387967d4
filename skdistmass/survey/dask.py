"""The catalogue on a cluster: over a Dask dataframe, an LSDB catalogue, or files, one task for each part."""

from __future__ import annotations

import importlib
import shutil
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sklearn.base import clone

from skdistmass.columns import INPUT_COLUMNS
from skdistmass.survey.catalog import BLOCK_ROWS, CatalogSettings, fill_catalog, join_blocks, prepare_catalog
from skdistmass.survey.flags import find_repeated, key_columns, needs_whole_table, star_keys
from skdistmass.survey.models import CatalogModels
from skdistmass.survey.read import StarReader, read_stars
from skdistmass.tables.parquet import arrow_table, row_group_rows
from skdistmass.tables.parquet_folder import is_hats, parquet_files
from skdistmass.tables.source import table_format
from skdistmass.tables.write import meta_json

if TYPE_CHECKING:
    from astropy.table import Table

PARTITION_ROWS = 2**18
"""Rows of a partition, at least, where files are read; row groups of Parquet files are not divided."""


def distribute_catalog(
    stars: Any, *, partition_rows: int = PARTITION_ROWS, columns: str = "released", **options: Any
) -> Any:
    """Build the catalogue of a survey table, lazily and in parts.

    Parameters
    ----------
    stars : path, dask.dataframe.DataFrame or lsdb.Catalog
        Survey table: a file or a folder of Parquet files, that every worker can read; a Dask dataframe in
        canonical units; or an LSDB catalogue.
    partition_rows : int, default=262144
        Rows of a partition, at least; for files only.
    columns : {"released", "paper", "cas"}, default="released"
        Naming of the columns.
    **options
        Models and rules: the other keyword arguments of `build_catalog`.

    Returns
    -------
    dask.dataframe.DataFrame or lsdb.Catalog
        One row for each row of `stars`, in the same order, not computed yet. Its columns are those of
        `build_catalog`; AGE_ERR is a column of pairs. An LSDB catalogue also keeps its positions.

    Raises
    ------
    ImportError
        If Dask is not installed.
    MissingColumnsError
        If the table lacks one of TEFF, LOGG, M_H, C_FE, N_FE.
    ValueError
        As in `build_catalog`.

    See Also
    --------
    write_distributed : Writes it too.

    Notes
    -----
    The rows of one star lie in one partition of an LSDB catalogue. Elsewhere, without the column EXTRATARG,
    one task finds the rows of stars that have a better row; it needs 25 bytes of memory a row.

    Examples
    --------
    >>> import dask.dataframe as dd
    >>> from skdistmass import make_survey
    >>> stars, _ = make_survey(200, random_state=0)
    >>> frame = dd.from_pandas(stars.to_pandas(), npartitions=4)
    >>> catalog = distribute_catalog(frame, isochrone=False)
    >>> catalog.npartitions, str(catalog.dtypes["DISTANCE"])
    (4, 'float32')
    """
    return _distribute(stars, _prepare(columns=columns, **options), partition_rows)


def write_distributed(
    source: str | Path,
    output: str | Path,
    *,
    overwrite: bool = False,
    partition_rows: int = PARTITION_ROWS,
    progress: bool | None = None,
    **options: Any,
) -> Path:
    """Build the catalogue of a survey on a cluster and write it into a folder.

    Parameters
    ----------
    source : str or Path
        Survey table that every worker can read: a folder of Parquet files, a HATS catalogue, or a file.
    output : str or Path
        Folder to write: Parquet files in the order of the survey, or a HATS catalogue from a HATS catalogue.
    overwrite : bool, default=False
        Whether to replace an existing folder.
    partition_rows : int, default=262144
        Rows of a file, at least. A HATS catalogue keeps its partitions.
    progress : bool, optional
        Whether to show a progress bar; by default on a terminal only.
    **options
        Models and rules: the keyword arguments of `build_catalog`.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    FileExistsError
        If the folder exists and must not be replaced.
    ImportError
        If Dask, or LSDB for a HATS catalogue, is not installed.

    See Also
    --------
    connect : The cluster that does it; without one, the threads of this process.
    skdistmass.read_catalog : Reads the folder.

    Notes
    -----
    The folder appears under its name when it is complete.
    """
    source, path = Path(source), Path(output)
    if path.exists() and not (overwrite and path.is_dir()):
        raise FileExistsError(f"{path}: exists; give overwrite=True (--overwrite) to replace a folder")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path}: its folder {path.parent} does not exist; make it first")
    if path.is_dir() and source.resolve().is_relative_to(path.resolve()):
        raise ValueError(f"{path}: the catalogue would replace the table it is made from")
    filler = _prepare(**options)
    hidden = not (sys.stderr.isatty() if progress is None else progress)
    temporary = path.with_name(f".{uuid.uuid4().hex}.part")
    try:
        write = _write_hats if source.is_dir() and is_hats(source) else _write_parquet
        write(source, temporary, path.name, filler, partition_rows, hidden)
        if path.exists():
            shutil.rmtree(path)
        temporary.rename(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return path


def _write_parquet(source, temporary, name, filler, partition_rows, hidden):
    reader = StarReader(source)
    template = filler.template(reader.names)
    template.meta |= {"source": reader.label, "source_rows": reader.n_rows}
    schema = arrow_table(template, meta_json(template.meta)).schema
    catalog = _distribute(source, filler, partition_rows)
    written = catalog.to_parquet(
        str(temporary.resolve()), schema=schema, write_index=False, compute=False, write_metadata_file=False
    )
    _compute(written, hidden)


def _write_hats(source, temporary, name, filler, partition_rows, hidden):
    lsdb = require("lsdb", "lsdb")
    catalog = _distribute(lsdb.open_catalog(source, columns="all"), filler, partition_rows)
    catalog.write_catalog(temporary, catalog_name=name, as_collection=False, progress_bar=not hidden)


def _compute(task, hidden):
    distributed = importlib.util.find_spec("distributed") and importlib.import_module("distributed")
    try:
        client = distributed.get_client() if distributed else None
    except ValueError:  # No cluster.
        client = None
    if client is None:
        task.compute()
        return
    future = client.compute(task)
    if not hidden:
        distributed.progress(future, notebook=False)
    future.result()


@contextmanager
def connect(scheduler: str | None = None, workers: int | None = None) -> Iterator[Any]:
    """Connect to a Dask cluster, which then does the work of this module.

    Parameters
    ----------
    scheduler : str, optional
        Address of a scheduler, such as "tcp://10.0.0.1:8786"; by default a cluster is started here.
    workers : int, optional
        Number of workers of that cluster, by default one for each core.

    Yields
    ------
    distributed.Client
        The client.

    Raises
    ------
    ImportError
        If Dask is not installed.

    Notes
    -----
    Dask makes the C library of its workers hand memory back at once, and the next array pays for every page
    again: the catalogue takes 1.5 times as long. The cluster started here does not; on your own, set
    Dask's ``distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_`` to null before its workers start.
    """
    distributed = require("distributed", "dask")
    if scheduler:
        with distributed.Client(scheduler) as client:
            yield client
        return
    import dask

    keep_memory = {"distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_": None}
    with (
        dask.config.set(keep_memory),
        distributed.LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


def require(module: str, extra: str) -> Any:
    """Import an optional package.

    Parameters
    ----------
    module : str
        Its module.
    extra : str
        The extra of this package that installs it.

    Returns
    -------
    module
        The module.

    Raises
    ------
    ImportError
        If it is not installed; the message says how to install it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.split(".")[0]
        message = f"this needs {package}, which is not installed: pip install 'skdistmass[{extra}]' ({error})"
        raise ImportError(message) from error


class _Filler:
    """What a worker needs to build a part of the catalogue: models and settings."""

    def __init__(self, models: CatalogModels, settings: CatalogSettings):
        self.models, self.settings = models, settings

    def fill(self, stars: Table, repeated: Any = None) -> Table:
        return fill_catalog(stars, self.models, self.settings, repeated)

    def template(self, names: list[str]) -> Table:
        """Catalogue of one star of which nothing is known: its columns are those of every part."""
        from astropy.table import Table

        missing = {"float": np.nan, "int": 0, "str": ""}
        stars = Table({name: [missing[INPUT_COLUMNS[name].kind]] for name in names})
        return self.fill(stars, np.zeros(1, dtype=bool))


def _prepare(**options: Any) -> _Filler:
    require("dask.dataframe", "dask")
    models, settings = prepare_catalog(**options)
    if models.isochrone is not None:
        # A worker has the cores that the cluster gives it.
        models = replace(models, isochrone=clone(models.isochrone).set_params(n_jobs=1).fit())
    return _Filler(models, settings)


def _as_frame(catalog: Table, index: Any = None) -> pd.DataFrame:
    """Give a catalogue as a frame; text and pairs of numbers become Arrow columns."""
    table = arrow_table(catalog, "{}")
    columns = {name: np.asarray(catalog[name]) for name in catalog.colnames}
    for name, values in columns.items():
        if values.ndim > 1 or values.dtype.kind in "SU":
            columns[name] = pd.arrays.ArrowExtensionArray(table.column(name))
    return pd.DataFrame(columns, index=index)


def _distribute(stars: Any, filler: _Filler, partition_rows: int) -> Any:
    if isinstance(stars, str | Path):
        return _from_files(Path(stars), filler, partition_rows)
    if hasattr(stars, "hc_structure"):
        return _from_lsdb(stars, filler)
    if hasattr(stars, "map_partitions"):
        return _from_dask(stars, filler)
    raise TypeError(
        f"stars must be a path, a Dask dataframe or an LSDB catalogue; received a {type(stars).__name__}"
    )


def _shared(filler: _Filler) -> Any:
    """Make the models one node of the graph, not a part of every task."""
    import dask

    return dask.delayed(filler, pure=True, traverse=False)


def _from_dask(stars: Any, filler: _Filler) -> Any:
    import dask
    import dask.dataframe as dd

    reader = StarReader(_one_row(stars._meta))
    stars = stars[reader.columns]
    meta = _as_frame(filler.template(reader.names))[:0]
    parts = [stars]
    if needs_whole_table(reader.names):
        keyed = reader.select(key_columns(reader.names))
        keys = [dask.delayed(_frame_keys)(part, keyed.columns) for part in stars.to_delayed()]
        masks = [dask.delayed(pd.Series)(mask) for mask in _repeated(keys)]
        parts.append(dd.from_delayed(masks, meta=pd.Series(dtype=bool), verify_meta=False))
    first, *rest = parts
    return first.map_partitions(_fill_frame, _shared(filler), *rest, meta=meta, align_dataframes=False)


def _one_row(meta: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(meta).reset_index(drop=True).reindex([0])


def _fill_frame(stars: pd.DataFrame, filler: _Filler, repeated: Any = None) -> pd.DataFrame:
    if not len(stars):
        return _as_frame(filler.template(StarReader(_one_row(stars)).names))[:0]
    mask = None if repeated is None else np.asarray(repeated, dtype=bool)
    return _as_frame(filler.fill(read_stars(pd.DataFrame(stars)), mask), stars.index)


def _from_lsdb(stars: Any, filler: _Filler) -> Any:
    reader = StarReader(_one_row(stars._ddf._meta if hasattr(stars, "_ddf") else stars.meta))
    info = stars.hc_structure.catalog_info
    position = [info.ra_column, info.dec_column]
    stars = stars[list(dict.fromkeys([*position, *reader.columns]))]
    return stars.map_partitions(_fill_lsdb, filler, position)


def _fill_lsdb(stars: pd.DataFrame, filler: _Filler, position: list[str]) -> pd.DataFrame:
    catalog = _fill_frame(stars, filler)
    for place, name in enumerate(position):
        catalog.insert(place, name, stars[name])
    return catalog


def _from_files(path: Path, filler: _Filler, partition_rows: int) -> Any:
    import dask
    import dask.dataframe as dd

    reader = StarReader(path)
    pieces = _pieces(path, reader.n_rows, partition_rows)
    masks = [None] * len(pieces)
    if needs_whole_table(reader.names):
        columns = key_columns(reader.names)
        masks = _repeated([dask.delayed(_piece_keys)(*piece, columns) for piece in pieces])
    shared, fill = _shared(filler), dask.delayed(_fill_piece)
    frames = [fill(*piece, shared, mask) for piece, mask in zip(pieces, masks, strict=True)]
    meta = _as_frame(filler.template(reader.names))[:0]
    return dd.from_delayed(frames, meta=meta, verify_meta=False)


def _pieces(path: Path, n_rows: int, partition_rows: int) -> list[tuple[str, int, int]]:
    """Divide a table into pieces: file, first row, and row after the last."""
    if not path.is_dir() and table_format(path) != "parquet":
        starts = range(0, n_rows, partition_rows)
        return [(str(path.resolve()), start, min(start + partition_rows, n_rows)) for start in starts]
    pieces = []
    for file in parquet_files(path.resolve()):
        start = stop = 0
        for rows in [*row_group_rows(file), None]:
            if stop > start and (rows is None or stop - start >= partition_rows):
                pieces.append((str(file), start, stop))
                start = stop
            stop += rows or 0
    return pieces


def _piece_blocks(file: str, start: int, stop: int, columns: list[str] | None = None) -> Iterator[Table]:
    reader = StarReader(file)
    reader = reader.select(columns) if columns else reader
    for stars in reader.blocks(BLOCK_ROWS, start):
        yield stars[: stop - start]
        start += len(stars)
        if start >= stop:
            return


def _fill_piece(file: str, start: int, stop: int, filler: _Filler, repeated: Any = None) -> pd.DataFrame:
    blocks, done = [], 0
    for stars in _piece_blocks(file, start, stop):
        mask = None if repeated is None else repeated[done : done + len(stars)]
        blocks.append(filler.fill(stars, mask))
        done += len(stars)
    return _as_frame(join_blocks(blocks))


def _piece_keys(file: str, start: int, stop: int, columns: list[str]) -> Any:
    return _joined_keys([star_keys(stars) for stars in _piece_blocks(file, start, stop, columns)])


def _frame_keys(stars: pd.DataFrame, columns: list[str]) -> Any:
    if not len(stars):
        return np.empty(0, np.uint64), np.empty(0, np.float32)
    return star_keys(read_stars(stars[columns], columns=("APOGEE_ID", "SNR")[: len(columns)]))


def _joined_keys(parts: list[Any]) -> Any:
    keys, snr = zip(*parts, strict=True)
    return np.concatenate(keys), np.concatenate(snr)


def _repeated(keys: list[Any]) -> list[Any]:
    """Find the rows of stars that have a better row, from the keys of all parts, for each part."""
    import dask

    masks = dask.delayed(_split_repeated)(keys)
    return [masks[number] for number in range(len(keys))]


def _split_repeated(keys: list[Any]) -> list[Any]:
    ends = np.cumsum([len(part) for part, _ in keys])
    return np.split(find_repeated(*_joined_keys(keys)), ends[:-1])
