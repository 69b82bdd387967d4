"""The catalogue on a cluster: over a Dask dataframe, an LSDB catalogue, or files, one task for each piece."""

from __future__ import annotations

import importlib
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from skdistmass.columns import INPUT_COLUMNS
from skdistmass.survey.compute import fill_catalog
from skdistmass.survey.duplicates import find_repeated, key_columns, needs_whole_table, star_keys
from skdistmass.survey.models import CatalogModels, load_models
from skdistmass.survey.options import CatalogOptions
from skdistmass.survey.parts import Parts, Piece
from skdistmass.survey.pieces import CHUNK_ROWS, CatalogJob, PieceReader, as_arrow
from skdistmass.survey.read import StarReader, read_stars
from skdistmass.tables.parquet import arrow_table

if TYPE_CHECKING:
    from astropy.table import Table

_NANNY = "distributed.nanny"


def distribute_catalog(stars: Any, *, chunk_rows: int = CHUNK_ROWS, **options: Any) -> Any:
    """Build the catalogue of a survey table, lazily and in parts.

    Parameters
    ----------
    stars : path, dask.dataframe.DataFrame or lsdb.Catalog
        Survey table: a file or a folder of Parquet files, that every worker can read; a Dask dataframe in
        canonical units; or an LSDB catalogue.
    chunk_rows : int, default=131072
        Rows of a partition, at least; for files only.
    **options
        Models, rules and columns: the fields of `CatalogOptions`.

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
    skdistmass.write_catalog : Writes it, with `connect` on a cluster.

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
    require("dask.dataframe", "dask")
    chosen = CatalogOptions(**options)
    if isinstance(stars, str | Path):
        reader = StarReader(stars)
        return _from_files(CatalogJob(stars, reader, load_models(chosen), chosen, chunk_rows, by_file=True))
    if chosen.keep:
        raise ValueError("keep needs the path of a table; join the columns of a Dask dataframe by its index")
    if hasattr(stars, "hc_structure"):
        return _from_lsdb(stars, _Filler(load_models(chosen), chosen))
    if hasattr(stars, "map_partitions"):
        return _from_dask(stars, _Filler(load_models(chosen), chosen))
    raise TypeError(
        f"stars must be a path, a Dask dataframe or an LSDB catalogue; received a {type(stars).__name__}"
    )


def fill_parts(client: Any, job: CatalogJob, pieces: list[Piece], parts: Parts) -> Iterator[Piece]:
    """Fill pieces on a cluster and keep them: the other runner of `CatalogJob.fill_parts`.

    Parameters
    ----------
    client : distributed.Client
        The cluster; its workers write the pieces, and nothing else comes back.
    job : CatalogJob
        The road of the catalogue; its table must be a path.
    pieces : list of Piece
        The pieces.
    parts : Parts
        Where to keep them.

    Yields
    ------
    Piece
        Each piece, in any order, when it is done.

    Raises
    ------
    TypeError
        If the table is in the memory of this process.
    """
    if not job.is_path:
        raise TypeError(
            "a cluster needs the path of a table that its workers can read; received a table in memory"
        )
    distributed, dask = require("distributed", "dask"), require("dask", "dask")
    shared, masks = _shared(_Filler.of(job)), _masks(job)
    make = dask.delayed(_make_part)
    tasks = [make(shared, parts, piece, masks[piece.number]) for piece in pieces]
    futures = dict(zip(client.compute(tasks), pieces, strict=True))
    try:
        for future in distributed.as_completed(list(futures)):
            future.result()
            yield futures[future]
    finally:
        client.cancel(list(futures))


def write_hats(
    source: Path,
    output: Path,
    name: str,
    models: CatalogModels,
    options: CatalogOptions,
    progress: bool | None = None,
) -> None:
    """Write the catalogue of a HATS catalogue as a HATS catalogue, with LSDB.

    Parameters
    ----------
    source, output : Path
        Folders of the two.
    name : str
        Name of the catalogue.
    models : CatalogModels
        Loaded models.
    options : CatalogOptions
        Rules and naming.
    progress : bool, optional
        Whether to show a progress bar; by default on a terminal only.

    Raises
    ------
    ImportError
        If LSDB is not installed.
    """
    lsdb = require("lsdb", "lsdb")
    catalog = _from_lsdb(lsdb.open_catalog(source, columns="all"), _Filler(models, options))
    shown = sys.stderr.isatty() if progress is None else progress
    catalog.write_catalog(output, catalog_name=name, as_collection=False, progress_bar=shown)


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
        _quiet_end(),
        distributed.LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=":0") as cluster,
        distributed.Client(cluster) as client,
    ):
        try:
            yield client
        finally:
            logging.getLogger(_NANNY).setLevel(logging.ERROR)


@contextmanager
def _quiet_end() -> Iterator[None]:
    """Restore the log level of Dask's nannies, who warn of each worker that takes its time to end."""
    logger = logging.getLogger(_NANNY)
    level = logger.level
    try:
        yield
    finally:
        logger.setLevel(level)


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
    """What a worker needs to build a part of the catalogue: models, options, and a path of the table."""

    def __init__(self, models: CatalogModels, options: CatalogOptions, source: PieceReader | None = None):
        if models.isochrone is not None:
            # A worker has the cores that the cluster gives it.
            models = replace(models, isochrone=models.isochrone.with_threads(1))
        self.models, self.options, self.source = models, options, source

    @classmethod
    def of(cls, job: CatalogJob) -> _Filler:
        return cls(job.models, job.options, PieceReader.of(job, job.used.names))

    def fill(self, stars: Table, repeated: Any = None, kept: Table | None = None) -> Table:
        return fill_catalog(stars, self.models, self.options, repeated, kept)

    def fill_piece(self, piece: Piece, repeated: Any = None) -> Table:
        if self.source is None:
            raise ValueError("a piece is filled from a path")
        return self.fill(self.source.read(piece), repeated, self.source.read_kept(piece))

    def template(self, names: list[str]) -> Table:
        """Catalogue of one star of which nothing is known: its columns are those of every part."""
        from astropy.table import Table

        missing = {"float": np.nan, "int": 0, "str": ""}
        stars = Table({name: [missing[INPUT_COLUMNS[name].kind]] for name in names})
        kept = None if self.source is None else self.source.read_kept(Piece(0, 0, 1))
        return self.fill(stars, np.zeros(1, dtype=bool), kept)


def _make_part(filler: _Filler, parts: Parts, piece: Piece, repeated: Any = None) -> int:
    parts.write(piece, as_arrow(filler.fill_piece(piece, repeated)))
    return piece.number


def _as_frame(catalog: Table, index: Any = None) -> pd.DataFrame:
    """Give a catalogue as a frame; text and pairs of numbers become Arrow columns."""
    table = arrow_table(catalog, "{}")
    columns: dict[str, Any] = {name: np.asarray(catalog[name]) for name in catalog.colnames}
    for name, values in columns.items():
        if values.ndim > 1 or values.dtype.kind in "SU":
            columns[name] = pd.arrays.ArrowExtensionArray(table.column(name))
    return pd.DataFrame(columns, index=index)


def _shared(filler: Any) -> Any:
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
        keys = [dask.delayed(_frame_keys)(part, keyed.columns, keyed.names) for part in stars.to_delayed()]
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
    for name in reversed([name for name in position if name not in catalog]):
        catalog.insert(0, name, stars[name])
    return catalog


def _from_files(job: CatalogJob) -> Any:
    import dask
    import dask.dataframe as dd

    filler, masks = _Filler.of(job), _masks(job)
    shared, fill = _shared(filler), dask.delayed(_fill_piece)
    frames = [fill(shared, piece, masks[piece.number]) for piece in job.pieces]
    meta = _as_frame(filler.template(job.reader.names))[:0]
    return dd.from_delayed(frames, meta=meta, verify_meta=False)


def _fill_piece(filler: _Filler, piece: Piece, repeated: Any = None) -> pd.DataFrame:
    return _as_frame(filler.fill_piece(piece, repeated))


def _masks(job: CatalogJob) -> list[Any]:
    """Rows of stars that have a better row, for each piece; None where each piece tells it alone."""
    import dask

    if not needs_whole_table(job.reader.names):
        return [None] * len(job.pieces)
    source = _shared(PieceReader.of(job, key_columns(job.reader.names)))
    return _repeated([dask.delayed(_piece_keys)(source, piece) for piece in job.pieces])


def _piece_keys(source: PieceReader, piece: Piece) -> Any:
    return star_keys(source.read(piece))


def _frame_keys(stars: pd.DataFrame, columns: list[str], names: list[str]) -> Any:
    if not len(stars):
        return np.empty(0, np.uint64), np.empty(0, np.float32)
    return star_keys(read_stars(stars[columns], columns=names))


def _repeated(keys: list[Any]) -> list[Any]:
    """Find the rows of stars that have a better row, from the keys of all parts, for each part."""
    import dask

    masks = dask.delayed(_split_repeated)(keys)
    return [masks[number] for number in range(len(keys))]


def _split_repeated(keys: list[Any]) -> list[Any]:
    stars, snr = zip(*keys, strict=True)
    ends = np.cumsum([len(part) for part in stars])
    return np.split(find_repeated(np.concatenate(stars), np.concatenate(snr)), ends[:-1])
