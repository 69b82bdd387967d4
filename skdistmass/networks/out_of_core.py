"""Training on tables larger than memory: the loss and its gradient as a sum over blocks of rows."""

from __future__ import annotations

import itertools
import numbers
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from sklearn.utils import check_random_state

from skdistmass.estimators.uncertainty import ErrorModel
from skdistmass.networks import lbfgs as _lbfgs
from skdistmass.networks import training_table as _rows
from skdistmass.networks.training_table import Block, BlockwiseScaler

if TYPE_CHECKING:
    import pyarrow as pa

# A part of the rows is in memory at once: 10⁹ rows are 4 million a part, 200 MB.
N_PARTS = 256
ERROR_MODEL_ROWS = 20_000


class ParquetBlocks:
    """Features, target and weights of the stars of Parquet files, in blocks of rows.

    Parameters
    ----------
    path : str or Path
        A file or a folder of files.
    features : sequence of str
        Columns of the features.
    target : str
        Column of the target.
    error : str, optional
        Column of the 1σ error of the target; the weights are 1/σ². By default all weigh the same.
    block_rows : int, default=1048576
        Rows of a block.

    Notes
    -----
    Rows with a missing value, or an error that is not positive, are left out.
    """

    def __init__(
        self, path, features: Sequence[str], target: str, error: str | None = None, block_rows=2**20
    ):
        self.path, self.features, self.target, self.error = Path(path), list(features), target, error
        self._names = [*self.features, target, *([error] if error else [])]
        self.block_rows = block_rows

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Give X, y and the weights of one block after the other."""
        import pyarrow.dataset as ds

        for file in ds.dataset(self.path, format="parquet").files:
            yield from map(self._columns, self._batches(file))

    def _batches(self, file: str) -> Iterator[pa.RecordBatch]:
        import pyarrow.parquet as pq

        # A dataset would read far ahead of what is asked for, a file would keep what it has read.
        for group in range(pq.read_metadata(file).num_row_groups):
            with pq.ParquetFile(file, buffer_size=2**20) as opened:
                yield from opened.iter_batches(self.block_rows, [group], self._names)

    def _columns(self, batch: pa.RecordBatch) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        table = np.column_stack([batch.column(name).to_numpy(zero_copy_only=False) for name in self._names])
        table = table.astype(np.float64, copy=False)
        good = np.isfinite(table).all(axis=1)
        if self.error:
            good &= table[:, -1] > 0
        rows = table[good]
        weight = rows[:, -1] ** -2.0 if self.error else np.ones(len(rows))
        return rows[:, : len(self.features)], rows[:, len(self.features)], weight


def fit_blocks(estimator, blocks: Iterable, scratch=None):
    """Train a network on a table that is given in blocks of rows.

    Parameters
    ----------
    estimator : DistanceRegressor, MassRegressor or MassToAge
        Estimator with ``solver="lbfgs"``; it is fitted in place.
    blocks : iterable of (X, y, sample_weight)
        Blocks of rows, such as `ParquetBlocks` or a list. It is gone through once.
    scratch : path, optional
        Folder for the table (8 bytes a number, twice), by default the system's temporary one. It is read
        again at each step of the solver, from memory if the system has room for it there.

    Returns
    -------
    estimator
        The fitted estimator.

    Raises
    ------
    ValueError
        If the solver is another one, there is no network to train, or fewer than 2 rows have a positive
        weight.

    Notes
    -----
    The network is that of `fit` on the whole table, to the last bit, however the rows are cut into blocks and
    ordered, for an integer `random_state`. The error model is measured on 20,000 rows, until `calibrate`
    replaces it.

    Examples
    --------
    >>> import numpy as np
    >>> from skdistmass import DistanceRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(600, 5))
    >>> y = X[:, 0] - X[:, 1]
    >>> blocks = [(X[rows], y[rows], None) for rows in (slice(0, 350), slice(350, 600))]
    >>> model = fit_blocks(DistanceRegressor(random_state=0), blocks)
    >>> bool(np.std(model.predict(X) - y) < 0.05)
    True
    """
    estimator._check_settings()
    if estimator.solver != "lbfgs":
        raise ValueError(f"fit_blocks needs solver='lbfgs'; received {estimator.solver!r}.")
    if getattr(estimator, "method", "network") != "network":
        raise ValueError(f"fit_blocks needs method='network'; received {estimator.method!r}.")
    seed = estimator.random_state
    if not isinstance(seed, numbers.Integral):
        seed = check_random_state(seed).randint(2**31 - 1)
    seeds = np.random.SeedSequence(seed).spawn(estimator.n_members)
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        parts = _Parts(Path(folder))
        for X, y, weight in blocks:
            parts.append(*_as_network_sees(estimator, X, y, weight))
        table = _Table(Path(folder) / "table", parts.merged())
        if table.n_rows < 2:
            raise ValueError(f"fit needs at least 2 rows of positive weight; received {table.n_rows}.")
        sample = next(iter(table)).head(ERROR_MODEL_ROWS)
        X_scaler, y_scaler = table.standardise()
        estimator.n_features_in_ = len(X_scaler.mean_)
        vars(estimator).pop("feature_names_in_", None)
        solutions = _lbfgs.train(table, _settings(estimator), seeds)
    y_moments = y_scaler.mean_[0], y_scaler.scale_[0]
    members = [_lbfgs.unscaled(solution.weights, *y_moments) for solution in solutions]
    estimator._keep(X_scaler, members, solutions)
    X = sample.features.T
    residual = sample.target - estimator._network_output(X)
    estimator.error_model_ = ErrorModel.fit(estimator._error_coordinate(X), residual, sample.weight)
    return estimator


def _settings(estimator):
    names = ("activation", "alpha", "max_iter", "tol", "n_restarts")
    return _lbfgs.Settings(
        sizes=(estimator.n_features_in_, *estimator._layer_sizes(), 1),
        epsilon=estimator.epsilon if estimator.loss == "huber" else None,
        **{name: getattr(estimator, name) for name in names},
    )


def _as_network_sees(estimator, X, y, weight):
    X, y = np.asarray(X, dtype=np.float64), np.asarray(y, dtype=np.float64)
    weight = np.ones(len(y)) if weight is None else np.asarray(weight, dtype=np.float64)
    if not (
        np.isfinite(X).all() and np.isfinite(y).all() and np.isfinite(weight).all() and (weight >= 0).all()
    ):
        raise ValueError("X, y and sample_weight of a block have to be finite, and the weights not negative.")
    return X, *estimator._target_to_network(y, weight)


class _Parts:
    """Rows (features, target, weight) on disk, parted by the first bits of their hash."""

    def __init__(self, folder: Path):
        self._files = [folder / f"part-{number}" for number in range(N_PARTS)]
        self._n_columns = 0

    def append(self, X, y, weight):
        rows = np.column_stack([X, y, weight])
        self._n_columns = rows.shape[1]
        part_of = _rows.row_hash(rows[:, :-1]) >> np.uint64(64 - N_PARTS.bit_length() + 1)
        order = np.argsort(part_of, kind="stable")
        ends = np.searchsorted(part_of[order], np.arange(N_PARTS + 1))
        for file, (start, stop) in zip(self._files, itertools.pairwise(ends), strict=True):
            with file.open("ab") as stream:
                stream.write(rows[order[start:stop]])

    def merged(self):
        """Give all rows in the order of their hash, identical ones merged, part by part."""
        for file in self._files:
            if not file.exists():
                continue
            rows = np.fromfile(file).reshape(-1, self._n_columns)
            file.unlink()
            yield np.column_stack(_rows.merge_identical_rows(rows[:, :-2], rows[:, -2], rows[:, -1]))


class _Table:
    """A training table on disk: gone through, it gives its blocks."""

    def __init__(self, file: Path, parts: Iterable[np.ndarray]):
        self._file, self.n_rows, self._n_columns = file, 0, 0
        with file.open("wb") as stream:
            for rows in _of_block_size(parts):
                stream.write(np.ascontiguousarray(rows.T))
                self.n_rows += len(rows)
                self._n_columns = rows.shape[1]

    def _blocks(self, mode: str) -> Iterator[np.ndarray]:
        for rows in _rows.block_slices(self.n_rows):
            shape, offset = (self._n_columns, rows.stop - rows.start), 8 * self._n_columns * rows.start
            yield np.memmap(self._file, np.float64, mode, offset, shape)

    def __iter__(self) -> Iterator[Block]:
        # Copied only if written to, which nobody does; the compiled loss knows writable arrays alone.
        for block in map(np.asarray, self._blocks("c")):
            yield Block(block[:-2], block[-2], block[-1])

    def standardise(self) -> tuple[BlockwiseScaler, BlockwiseScaler]:
        """Scale features and target; return their scalers."""
        scalers, parts = (BlockwiseScaler(), BlockwiseScaler()), (slice(None, -2), slice(-2, -1))
        for block in self._blocks("r"):
            for scaler, part in zip(scalers, parts, strict=True):
                scaler.add_block(block[part].T, block[-1])
        for block in self._blocks("r+"):
            for scaler, part in zip(scalers, parts, strict=True):
                block[part] = scaler.transform(block[part].T).T
        return scalers


def _of_block_size(parts: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Cut rows that come in parts of any size into blocks."""
    held = None
    for rows in parts:
        held = rows if held is None else np.concatenate([held, rows])
        while len(held) >= _rows.BLOCK_ROWS:
            yield held[: _rows.BLOCK_ROWS]
            held = held[_rows.BLOCK_ROWS :]
    if held is not None and len(held):
        yield held
