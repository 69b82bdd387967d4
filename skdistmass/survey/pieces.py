"""Pieces of a survey table, whose rows are filled together, and the loop that fills them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from skdistmass._version import __version__
from skdistmass.survey.compute import fill_catalog
from skdistmass.survey.duplicates import repeated_stars
from skdistmass.survey.models import CatalogModels
from skdistmass.survey.options import CatalogOptions
from skdistmass.survey.parts import Parts, Piece
from skdistmass.survey.read import StarReader
from skdistmass.survey.unread import KeptColumns, warn_of_missing_columns
from skdistmass.tables.open import table_format
from skdistmass.tables.parquet import arrow_table
from skdistmass.tables.parquet_folder import parquet_files, row_group_rows
from skdistmass.tables.write import meta_json

if TYPE_CHECKING:
    import pyarrow as pa
    from astropy.table import Table

Item = TypeVar("Item")

CHUNK_ROWS = 2**17
"""Rows of a piece: some hundred megabytes."""

# Text takes long to read.
_NOT_USED = ("TELESCOPE", "FIELD", "MEMBER")


def list_pieces(n_rows: int, rows: int, whole_groups: Path | None = None) -> list[Piece]:
    """Divide a table into pieces.

    Parameters
    ----------
    n_rows : int
        Rows of the table.
    rows : int
        Rows of a piece; the last one may have fewer.
    whole_groups : Path, optional
        The table itself, if it is Parquet and shall not be cut inside of row groups, which are read as a
        whole, or across files: then the pieces have at least `rows` rows, or those of a file.

    Returns
    -------
    list of Piece
        The pieces, in order.
    """
    if whole_groups is None or not (whole_groups.is_dir() or table_format(whole_groups) == "parquet"):
        starts = range(0, n_rows, rows)
        return [Piece(i, start, min(start + rows, n_rows)) for i, start in enumerate(starts)]
    pieces: list[Piece] = []
    start = stop = 0
    for file in parquet_files(whole_groups):
        for group in [*row_group_rows(file), None]:
            if stop > start and (group is None or stop - start >= rows):
                pieces.append(Piece(len(pieces), start, stop))
                start = stop
            stop += group or 0
    return pieces


_END: Any = object()


def ahead(items: Iterable[Item]) -> Iterator[Item]:
    """Make the next item in a thread while one is used.

    Parameters
    ----------
    items : iterable
        The items; at most one is made before it is asked for.

    Yields
    ------
    object
        The items, in order.
    """
    iterator = iter(items)
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, iterator, _END)
        while True:
            item = coming.result()
            if item is _END:
                return
            coming = pool.submit(next, iterator, _END)
            yield item
            del item  # Forgotten before the next one is waited for.


@dataclass
class CatalogJob:
    """The road of a catalogue: a table in pieces, and what fills each of them.

    Parameters
    ----------
    source : path or table
        The survey table.
    reader : StarReader
        The open table.
    models : CatalogModels
        Loaded models.
    options : CatalogOptions
        Rules and naming.
    rows : int, default=131072
        Rows of a piece.
    by_file : bool, default=False
        Whether the pieces must not be cut inside of row groups or across files of Parquet.
    """

    source: Any
    reader: StarReader
    models: CatalogModels
    options: CatalogOptions
    rows: int = CHUNK_ROWS
    by_file: bool = False

    def __post_init__(self) -> None:
        """List the pieces, and leave out the columns of the table that the catalogue does not use."""
        self.is_path = isinstance(self.source, str | Path)
        whole_groups = Path(self.source) if self.by_file and self.is_path else None
        self.pieces = list_pieces(self.reader.n_rows, self.rows, whole_groups)
        self.kept = KeptColumns(self.source, self.options.keep) if self.options.keep else None
        self.used = self.reader.select([name for name in self.reader.names if name not in _NOT_USED])

    def is_kept(self, client: Any = None) -> bool:
        """Tell whether finished pieces are kept: there are several, of a table that can be found again.

        Parameters
        ----------
        client : distributed.Client, optional
            The cluster that fills them.

        Returns
        -------
        bool
            True if so.
        """
        return self.by_file or client is not None or (self.is_path and len(self.pieces) > 1)

    def warn(self) -> None:
        """Log which columns the table lacks for the distances of all rows."""
        if self.models.distance is not None or self.models.isochrone is not None:
            warn_of_missing_columns(self.reader, self.source)

    def identity(self, kind: str) -> str:
        """Name what the finished pieces depend on, by a hash: those of another one are never taken over.

        Parameters
        ----------
        kind : str
            Format of the catalogue.

        Returns
        -------
        str
            The hash.
        """
        import joblib

        files = _source_stamp(Path(self.source)) if self.is_path else ""
        models = vars(self.models).keys()
        rules = [(name, value) for name, value in vars(self.options).items() if name not in models]
        facts = (__version__, files, self.pieces, joblib.hash(self.models), repr(rules), kind)
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]

    def fill(self, pieces: Sequence[Piece]) -> Iterator[Table]:
        """Fill pieces one after the other; those of one size that follow each other are read in one pass.

        Parameters
        ----------
        pieces : sequence of Piece
            The pieces, in order.

        Yields
        ------
        astropy.table.Table
            The catalogue of the next piece.
        """
        repeated = repeated_stars(self.reader, self.rows) if pieces and len(self.pieces) > 1 else None

        def fill(stars: Table, piece: Piece, kept: Table | None) -> Table:
            mask = None if repeated is None else repeated[piece.start : piece.stop]
            return fill_catalog(stars, self.models, self.options, mask, kept)

        while pieces:
            n_run = _length_of_run(pieces, self.reader.n_rows)
            _, start, stop = pieces[0]
            # A map, unlike a loop, has forgotten a block when it makes the next one.
            kept = self.kept.blocks(stop - start, start) if self.kept else repeat(None)
            yield from map(fill, self.used.blocks(stop - start, start), pieces[:n_run], kept)
            pieces = pieces[n_run:]

    def fill_parts(self, pieces: Sequence[Piece], parts: Parts) -> Iterator[Piece]:
        """Fill pieces and keep them.

        Parameters
        ----------
        pieces : sequence of Piece
            The pieces, in order.
        parts : Parts
            Where to keep them.

        Yields
        ------
        Piece
            Each piece, when it is done.
        """
        for piece, catalog in zip(pieces, ahead(map(as_arrow, self.fill(pieces))), strict=False):
            parts.write(piece, catalog)
            yield piece


@dataclass(frozen=True)
class PieceReader:
    """The columns of a table that are wanted for its pieces, read by its path, in any process.

    Attributes
    ----------
    path : Path
        The table.
    stamp : str
        Its `_source_stamp`.
    columns : list of str
        Canonical names of the columns that are read.
    keep : tuple of str
        Names in the table of the columns that go unchanged into the catalogue.
    """

    path: Path
    stamp: str
    columns: list[str]
    keep: tuple[str, ...] = ()

    @classmethod
    def of(cls, job: CatalogJob, columns: list[str]) -> PieceReader:
        """Read these columns of the table of a catalogue.

        Parameters
        ----------
        job : CatalogJob
            The road of the catalogue.
        columns : list of str
            Canonical names.

        Returns
        -------
        PieceReader
            The reader, small enough to be part of every task.
        """
        path = Path(job.source)
        return cls(path.resolve(), _source_stamp(path), columns, tuple(job.options.keep))

    def read(self, piece: Piece) -> Table:
        """Read the wanted columns of a piece.

        Parameters
        ----------
        piece : Piece
            The piece.

        Returns
        -------
        astropy.table.Table
            Its rows.
        """
        # Opening a folder means to look into all of its files: a worker does it once.
        reader = _open_folder(self.path, self.stamp) if self.path.is_dir() else StarReader(self.path)
        return next(reader.select(self.columns).blocks(piece.stop - piece.start, piece.start))

    def read_kept(self, piece: Piece) -> Table | None:
        """Read the columns of a piece that go unchanged into the catalogue.

        Parameters
        ----------
        piece : Piece
            The piece.

        Returns
        -------
        astropy.table.Table or None
            Its rows; None without such columns.
        """
        if not self.keep:
            return None
        return next(KeptColumns(self.path, self.keep).blocks(piece.stop - piece.start, piece.start))


@lru_cache(maxsize=1)
def _open_folder(path: Path, stamp: str) -> StarReader:
    return StarReader(path)


def _length_of_run(pieces: Sequence[Piece], n_rows: int) -> int:
    """Count the pieces from the first on that one pass in blocks of its size gives."""
    _, first, stop = pieces[0]
    size = stop - first
    for number, piece in enumerate(pieces):
        start = first + number * size
        if (piece.start, piece.stop) != (start, min(start + size, n_rows)):
            return number
    return len(pieces)


def _source_stamp(source: Path) -> str:
    """Hash the names, sizes and times of the files of a table.

    Parameters
    ----------
    source : Path
        File, or folder of Parquet files.

    Returns
    -------
    str
        The hash.
    """
    stats = [(str(file), file.stat()) for file in parquet_files(source.resolve())]
    return hashlib.sha256(repr([(name, s.st_size, s.st_mtime_ns) for name, s in stats]).encode()).hexdigest()


def as_arrow(catalog: Table) -> pa.Table:
    """Make an Arrow table of a piece, with units, descriptions and metadata.

    Parameters
    ----------
    catalog : astropy.table.Table
        The piece.

    Returns
    -------
    pyarrow.Table
        The same table.
    """
    return arrow_table(catalog, meta_json(catalog.meta))


def join_blocks(blocks: Sequence[Table]) -> Table:
    """Join the pieces of a catalogue.

    Parameters
    ----------
    blocks : sequence of astropy.table.Table
        The pieces, in order.

    Returns
    -------
    astropy.table.Table
        The catalogue.
    """
    from astropy.table import Column, Table

    if len(blocks) == 1:
        return blocks[0]
    catalog = Table(meta=blocks[0].meta)
    for name, column in blocks[0].columns.items():
        data = np.concatenate([block[name] for block in blocks])
        catalog[name] = Column(data, unit=column.unit, description=column.description)
    return catalog
