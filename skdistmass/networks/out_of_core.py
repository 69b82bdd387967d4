"""Training tables larger than memory: parted, ordered, merged and scaled on disk, read in blocks."""

from __future__ import annotations

import contextlib
import itertools
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from skdistmass.networks import training_table as _rows
from skdistmass.networks.training_table import Block, BlockwiseScaler

FloatArray = NDArray[np.float64]

# A part of the rows is in memory at once: 10⁹ rows are 4 million a part, 200 MB.
N_PARTS = 256


@contextlib.contextmanager
def table_on_disk(
    blocks: Iterable[tuple[FloatArray, FloatArray, FloatArray]], scratch: str | Path | None = None
) -> Iterator[DiskTable]:
    """Bring blocks of rows into the canonical order, in a temporary file.

    Parameters
    ----------
    blocks : iterable of (X, y, sample_weight)
        Blocks of rows; gone through once.
    scratch : path, optional
        Folder for the table (8 bytes a number, twice), by default the system's temporary one.

    Yields
    ------
    DiskTable
        The table; it is removed at the end.
    """
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        parts = _Parts(Path(folder))
        for X, y, weight in blocks:
            parts.append(X, y, weight)
        yield DiskTable(Path(folder) / "table", parts.merged())


class _Parts:
    """Rows (features, target, weight) on disk, parted by the first bits of their hash."""

    def __init__(self, folder: Path):
        self._files = [folder / f"part-{number}" for number in range(N_PARTS)]
        self._n_columns = 0

    def append(self, X: FloatArray, y: FloatArray, weight: FloatArray) -> None:
        rows = np.column_stack([X, y, weight])
        self._n_columns = rows.shape[1]
        part_of = _rows.row_hash(rows[:, :-1]) >> np.uint64(64 - N_PARTS.bit_length() + 1)
        order = np.argsort(part_of, kind="stable")
        ends = np.searchsorted(part_of[order], np.arange(N_PARTS + 1))
        for file, (start, stop) in zip(self._files, itertools.pairwise(ends), strict=True):
            with file.open("ab") as stream:
                stream.write(rows[order[start:stop]].data)

    def merged(self) -> Iterator[FloatArray]:
        """Give all rows in the order of their hash, identical ones merged, part by part."""
        for file in self._files:
            if not file.exists():
                continue
            rows = np.fromfile(file).reshape(-1, self._n_columns)
            file.unlink()
            yield np.column_stack(_rows.merge_identical_rows(rows[:, :-2], rows[:, -2], rows[:, -1]))


class DiskTable:
    """A training table on disk: gone through, it gives its blocks.

    Parameters
    ----------
    file : Path
        File to write.
    parts : iterable of ndarray of shape (n_rows, n_columns)
        Features, target and weight of rows in their order, in parts of any size.
    """

    def __init__(self, file: Path, parts: Iterable[FloatArray]):
        self._file, self.n_rows, self._n_columns = file, 0, 0
        with file.open("wb") as stream:
            for rows in _of_block_size(parts):
                stream.write(np.ascontiguousarray(rows.T).data)
                self.n_rows += len(rows)
                self._n_columns = rows.shape[1]

    def _blocks(self, mode: Literal["r", "r+", "c"]) -> Iterator[FloatArray]:
        for rows in _rows.block_slices(self.n_rows):
            shape, offset = (self._n_columns, rows.stop - rows.start), 8 * self._n_columns * rows.start
            yield np.memmap(self._file, np.float64, mode, offset, shape)

    def __iter__(self) -> Iterator[Block]:
        # Copied only if written to, which nobody does; the compiled loss knows writable arrays alone.
        for block in map(np.asarray, self._blocks("c")):
            yield Block(block[:-2], block[-2], block[-1])

    def standardise(self) -> tuple[BlockwiseScaler, BlockwiseScaler]:
        """Scale features and target.

        Returns
        -------
        tuple of BlockwiseScaler
            Scaler of the features and that of the target.
        """
        scalers, parts = (BlockwiseScaler(), BlockwiseScaler()), (slice(None, -2), slice(-2, -1))
        for block in self._blocks("r"):
            for scaler, part in zip(scalers, parts, strict=True):
                scaler.add_block(block[part].T, block[-1])
        for block in self._blocks("r+"):
            for scaler, part in zip(scalers, parts, strict=True):
                block[part] = scaler.transform(block[part].T).T
        return scalers


def _of_block_size(parts: Iterable[FloatArray]) -> Iterator[FloatArray]:
    """Cut rows that come in parts of any size into blocks."""
    held: FloatArray | None = None
    for rows in parts:
        held = rows if held is None else np.concatenate([held, rows])
        while len(held) >= _rows.BLOCK_ROWS:
            yield held[: _rows.BLOCK_ROWS]
            held = held[_rows.BLOCK_ROWS :]
    if held is not None and len(held):
        yield held
