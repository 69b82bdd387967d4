"""The catalogue of a survey table: one row for each row, in memory or written, here or on a cluster."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skdistmass.progress import follow
from skdistmass.survey.models import load_models
from skdistmass.survey.options import CatalogOptions, check_target
from skdistmass.survey.parts import Parts, hold
from skdistmass.survey.pieces import CHUNK_ROWS, CatalogJob, as_arrow, join_blocks
from skdistmass.survey.read import StarReader
from skdistmass.survey.sinks import Observer, observed, replace_folder, write_whole
from skdistmass.tables.fits_header import check_fits_names
from skdistmass.tables.parquet_folder import is_hats

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from astropy.table import Table


def build_catalog(stars: str | Path | Table | pd.DataFrame, **options: Any) -> Table:
    """Build the catalogue of a survey table.

    Parameters
    ----------
    stars : path, astropy.table.Table or pandas.DataFrame
        Survey table, anything `read_stars` reads.
    **options
        Models, rules and columns: the fields of `CatalogOptions`, such as ``isochrone=False``.

    Returns
    -------
    astropy.table.Table
        One row for each row of `stars`, in the same order, with units, descriptions and provenance
        (``meta``). A value that cannot be had is NaN and BITMASK says why.

    Raises
    ------
    MissingColumnsError
        If the table lacks one of TEFF, LOGG, M_H, C_FE, N_FE.
    TypeError
        If there is no such option.
    ValueError
        If the table is empty, an argument is not one of its choices or a model does not fit its place.

    See Also
    --------
    write_catalog : Writes it, whatever the size of the table.
    skdistmass.survey.options.CatalogOptions : The options and their defaults.

    Examples
    --------
    >>> from skdistmass import build_catalog, make_survey
    >>> stars, truth = make_survey(200, random_state=0)
    >>> catalog = build_catalog(stars)
    >>> len(catalog) == len(stars), str(catalog["DISTANCE"].unit)
    (True, 'pc')
    """
    _refuse_lazy(stars)
    chosen = CatalogOptions(**options)
    job = CatalogJob(stars, StarReader(stars), load_models(chosen), chosen)
    job.warn()
    return join_blocks(list(job.fill(job.pieces)))


def write_catalog(
    source: str | Path | Table | pd.DataFrame,
    output: str | Path,
    *,
    overwrite: bool = False,
    format: str | None = None,
    chunk_rows: int = CHUNK_ROWS,
    progress: bool | None = None,
    observe: Observer | None = None,
    client: Any = None,
    **options: Any,
) -> Path:
    """Build the catalogue of a survey table and write it, piece by piece.

    Memory does not grow with the table when FITS, Parquet or CSV become FITS or Parquet. The other formats
    are held in memory as a whole.

    Parameters
    ----------
    source : path, astropy.table.Table or pandas.DataFrame
        Survey table, anything `read_stars` reads, or a folder of Parquet files, or a HATS catalogue.
    output : str or Path
        File to write: .fits, .fits.gz, .parquet, .ecsv, .vot; or a folder of Parquet files, if `source` is
        a folder too and the name has no such suffix. A HATS catalogue becomes a HATS catalogue.
    overwrite : bool, default=False
        Whether to replace an existing file or folder.
    format : {"fits", "ecsv", "parquet", "votable", "folder"}, optional
        Format, by default that of the suffix of `output`.
    chunk_rows : int, default=131072
        Rows in memory at a time. What is written does not depend on it, but for the files of a folder, which
        have at least as many: row groups and files of the source are not divided.
    progress : bool, optional
        Whether to show a progress bar; by default on a terminal only.
    observe : callable, optional
        Called with the columns of the catalogue (dict of arrays, without text) for one piece after the other.
    client : distributed.Client, optional
        Dask cluster that fills the pieces (`skdistmass.survey.dask.connect`), every worker of which can read
        `source` and write beside `output`; by default this process does, one after the other.
    **options
        Models, rules and columns: the fields of `CatalogOptions`.

    Returns
    -------
    Path
        What was written.

    Raises
    ------
    ValueError
        As in `build_catalog` and `write_table`, if `chunk_rows` is not positive, or if the catalogue would
        replace its source.
    FileExistsError
        If the output exists and must not be replaced.
    OutputInUseError
        If another process is writing it.

    See Also
    --------
    skdistmass.build_catalog : The catalogue in memory.
    skdistmass.survey.dask.distribute_catalog : The catalogue as a Dask dataframe, or of one.

    Notes
    -----
    A catalogue appears under its name when it is complete. If the source is a path, its finished pieces are
    kept in the folder ``<output>.parts`` until then, and the same call goes on after them, whatever ended
    the first. Without the column EXTRATARG the rows of one star can lie in any piece: a first pass over
    APOGEE_ID and SNR finds them, with 25 bytes of memory a row.

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
    _refuse_lazy(source)
    if chunk_rows < 1:
        raise ValueError(f"chunk_rows must be a positive integer; received {chunk_rows!r}")
    chosen = CatalogOptions(**options)
    path, kind = check_target(source, output, overwrite, format, client)
    if chosen.samples and kind not in ("parquet", "folder"):
        raise ValueError(f"{path}: samples (--samples) are columns of lists, which Parquet holds; not {kind}")
    models = load_models(chosen)
    if kind == "folder" and isinstance(source, str | Path) and is_hats(Path(source)):
        from skdistmass.survey.dask import write_hats

        with hold(path) as folder:
            write_hats(Path(source), folder / "hats", path.name, models, chosen, progress)
            replace_folder(folder / "hats", path)
        return path
    by_file = kind == "folder" or client is not None
    job = CatalogJob(source, StarReader(source), models, chosen, int(chunk_rows), by_file)
    job.warn()
    if kind == "fits" and job.kept:
        check_fits_names(job.kept.names)
    with hold(path) as folder:
        check_target(source, output, overwrite, format, client)  # Another process may have just finished.
        if job.is_kept(client):
            _write_from_parts(job, folder, path, kind, progress, observe, client)
        else:
            tables = observed(_with_bar(map(as_arrow, job.fill(job.pieces)), job, 0, progress), observe)
            _write_file(tables, folder, path, kind, job)
    return path


def _refuse_lazy(stars: Any) -> None:
    if hasattr(stars, "map_partitions"):
        raise TypeError(
            f"stars must be a table in memory or a path; received a {type(stars).__module__.split('.')[0]} "
            f"{type(stars).__name__}. skdistmass.distribute_catalog(stars) makes its catalogue, lazily"
        )


def _write_from_parts(
    job: CatalogJob, folder: Path, path: Path, kind: str, progress: bool | None, observe: Any, client: Any
) -> None:
    """Write a catalogue by way of its finished pieces, after those of an earlier run."""
    # Workers of a cluster have other current folders.
    parts = Parts((folder / job.identity(kind)).resolve(), ".parquet" if kind == "folder" else ".arrow")
    parts.open()
    try:
        todo = [piece for piece in job.pieces if not parts.is_done(piece)]
        if client is None:
            done = job.fill_parts(todo, parts)
        else:
            from skdistmass.survey.dask import fill_parts

            done = fill_parts(client, job, todo, parts)
        for _ in _with_bar(done, job, len(job.pieces) - len(todo), progress):
            pass
        sizes = [piece.stop - piece.start for piece in job.pieces]
        tables = observed(map(parts.read, job.pieces), observe)
        if kind != "folder":
            tables = follow(tables, sizes, "writing", job.reader.n_rows, shown=progress)
            _write_file(tables, folder, path, kind, job)
            parts.remove()
            return
        for _ in tables if observe else ():
            pass
        replace_folder(parts.folder, path)
    except BaseException as error:
        # Wrong input would end in the same error again.
        if isinstance(error, ValueError) or not job.is_path or not any(parts.folder.glob("part.*")):
            parts.remove()
        else:
            error.add_note(f"finished rows are in {folder}; the same command goes on after them")
        raise


def _write_file(tables: Iterator[pa.Table], folder: Path, path: Path, kind: str, job: CatalogJob) -> None:
    temporary = folder / path.name
    try:
        write_whole(tables, temporary, kind, job)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _with_bar(items: Iterator[Any], job: CatalogJob, n_done: int, progress: bool | None) -> Iterator[Any]:
    """Show a progress bar over pieces; their numbers of rows are taken in order."""
    sizes, n_rows = [piece.stop - piece.start for piece in job.pieces], job.reader.n_rows
    done = min(n_done * sizes[0], n_rows)
    return follow(items, sizes[n_done:], "catalogue", n_rows, done=done, shown=progress)
