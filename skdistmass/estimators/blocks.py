"""Training on tables larger than memory: the loss and its gradient as a sum over blocks of rows."""

from __future__ import annotations

import functools
import numbers
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from sklearn.utils import check_random_state
from threadpoolctl import threadpool_limits

from skdistmass.estimators import _lbfgs
from skdistmass.estimators._network_output import count_threads
from skdistmass.estimators.uncertainty import ErrorModel


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
        self.block_rows = block_rows

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Give X, y and the weights of one block after the other."""
        import pyarrow.dataset as ds

        names = [*self.features, self.target, *([self.error] if self.error else [])]
        files = ds.dataset(self.path, format="parquet")
        for batch in files.to_batches(columns=names, batch_size=self.block_rows):
            table = np.column_stack([batch.column(name).to_numpy(zero_copy_only=False) for name in names])
            table = table.astype(np.float64, copy=False)
            good = np.isfinite(table).all(axis=1)
            if self.error:
                good &= table[:, -1] > 0
            rows = table[good]
            weight = rows[:, -1] ** -2.0 if self.error else np.ones(len(rows))
            yield rows[:, : len(self.features)], rows[:, len(self.features)], weight


def fit_blocks(estimator, blocks: Iterable, scratch=None):
    """Train a network on a table that is given in blocks of rows.

    Parameters
    ----------
    estimator : DistanceRegressor, MassRegressor or MassToAge
        Estimator with ``solver="lbfgs"``; it is fitted in place.
    blocks : iterable of (X, y, sample_weight)
        Blocks of rows, such as `ParquetBlocks` or a list. It is gone through once.
    scratch : path, optional
        Folder for the scaled blocks (8 bytes a number), by default the system's temporary one. They are
        read again at each step of the solver, from memory if the system has room for them there.

    Returns
    -------
    estimator
        The fitted estimator.

    Raises
    ------
    ValueError
        If the solver is another one, or fewer than 2 rows have a positive weight.

    Notes
    -----
    The loss is that of `fit`, to rounding. Starts compete on a random part of the rows; that part also gives
    the threshold of Huber's loss, and the error model, which `calibrate` replaces.

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
    seed = estimator.random_state
    if not isinstance(seed, numbers.Integral):
        seed = check_random_state(seed).randint(2**31 - 1)
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        table = _Spool(Path(folder), np.random.default_rng(seed))
        for X, y, weight in blocks:
            table.append(*_as_network_sees(estimator, X, y, weight))
        if table.n_rows < 2:
            raise ValueError(f"fit needs at least 2 rows of positive weight; received {table.n_rows}.")
        mean, scale = table.standardise()
        _train(estimator, table, mean, scale, np.random.SeedSequence(seed).spawn(estimator.n_members))
    rows = table.sample
    residual = rows[:, -2] - estimator._network_output(rows[:, :-2])
    estimator.error_model_ = ErrorModel.fit(estimator._error_coordinate(rows[:, :-2]), residual, rows[:, -1])
    return estimator


def _as_network_sees(estimator, X, y, weight):
    X, y = np.asarray(X, dtype=np.float64), np.asarray(y, dtype=np.float64)
    weight = np.ones(len(y)) if weight is None else np.asarray(weight, dtype=np.float64)
    if not (
        np.isfinite(X).all() and np.isfinite(y).all() and np.isfinite(weight).all() and (weight >= 0).all()
    ):
        raise ValueError("X, y and sample_weight of a block have to be finite, and the weights not negative.")
    used = weight > 0
    y, weight = estimator._target_to_network(y[used], weight[used])
    return X[used], y, weight


class _Spool:
    """Blocks of rows on disk (features, target, weight), a random sample of them, and their moments."""

    def __init__(self, folder: Path, rng: np.random.Generator):
        self.folder, self._rng = folder, rng
        self.n_rows, self._weight, self._mean, self._square = 0, 0.0, 0.0, 0.0
        self.files: list[Path] = []
        self.sample, self._keys = None, np.empty(0)

    def append(self, X, y, weight):
        if not len(y):
            return
        rows = np.column_stack([X, y, weight])
        file = self.folder / f"{len(self.files)}.npy"
        np.save(file, np.ascontiguousarray(rows.T))
        self.files.append(file)
        self.n_rows += len(rows)
        total = weight.sum()
        mean = weight @ rows[:, :-1] / total
        # Means and squares of two parts joined: Chan, Golub & LeVeque 1979.
        step, joined = mean - self._mean, self._weight + total
        self._square = (
            self._square + weight @ (rows[:, :-1] - mean) ** 2 + step**2 * (self._weight * total / joined)
        )
        self._mean, self._weight = self._mean + step * (total / joined), joined
        self._keep(rows)

    def _keep(self, rows):
        keys = np.concatenate([self._keys, self._rng.random(len(rows))])
        rows = rows if self.sample is None else np.concatenate([self.sample, rows])
        kept = np.argsort(keys)[: _lbfgs.SCREENING_ROWS]
        self.sample, self._keys = rows[kept], keys[kept]

    def standardise(self):
        """Scale the blocks; return weighted mean and standard deviation of features and target."""
        scale = np.sqrt(self._square / self._weight)
        scale = np.where(scale > 10 * np.finfo(float).eps * np.abs(self._mean), scale, 1.0)
        for file in self.files:
            rows = np.load(file)
            rows[:-1] = (rows[:-1] - self._mean[:, None]) / scale[:, None]
            np.save(file, rows)
        return self._mean, scale


class _BlockObjective(_lbfgs.Objective):
    """The loss over all blocks: the mean of their losses by weight. The sample gives the residuals' scale."""

    def __init__(self, settings, files, sample):
        super().__init__(settings, sample[:, :-2], sample[:, -2], sample[:, -1])
        self._files = files

    def evaluate(self, theta, delta=_lbfgs.kernel.SQUARED_ERROR, share=None):
        total, weights = np.zeros(1 + len(theta)), 0.0
        for file in self._files:
            rows = np.asarray(np.load(file, mmap_mode="c"))
            block = _lbfgs.Objective(self.settings._replace(alpha=0.0), rows[:-2].T, rows[-2], rows[-1])
            loss, gradient = block.evaluate(theta, delta, share)
            weight = rows[-1].sum()
            total += weight * np.append(loss, gradient)
            weights += weight
        total /= weights
        return total[0] + self._penalty @ (theta * theta), total[1:] + 2.0 * self._penalty * theta


def _train(estimator, table, mean, scale, seeds):
    """Train as `_lbfgs.train` does, and keep the weights in the units of the table."""
    n_features = len(mean) - 1
    sizes = (n_features, *estimator._layer_sizes(), 1)
    epsilon = estimator.epsilon if estimator.loss == "huber" else None
    settings = _lbfgs.Settings(
        sizes,
        estimator.activation,
        estimator.alpha,
        estimator.max_iter,
        estimator.tol,
        estimator.n_restarts,
        epsilon,
    )
    sample = table.sample.copy()
    sample[:, :-1] = (sample[:, :-1] - mean) / scale
    whole = _BlockObjective(settings, table.files, sample)
    if table.n_rows > len(sample):
        screen, screening_iter = (
            _lbfgs.Objective(settings, sample[:, :-2], sample[:, -2], sample[:, -1]),
            settings.max_iter,
        )
    else:
        screen, screening_iter = whole, max(1, settings.max_iter // 5)
    n_threads = count_threads()
    generators = [np.random.default_rng(seed) for seed in seeds]
    starts = [[_lbfgs.glorot_uniform(sizes, rng) for _ in range(settings.n_restarts)] for rng in generators]
    with ThreadPoolExecutor(n_threads) as pool, threadpool_limits(1, user_api="blas"):
        best = [own[0] for own in starts]
        if settings.n_restarts > 1 or screen is not whole:
            best = _lbfgs._screen(screen, starts, screening_iter, pool)
        share = functools.partial(_lbfgs._share_chunks, pool, n_threads)
        solutions = [_lbfgs._finish(whole, theta, share) for theta in best]
    estimator.n_features_in_ = n_features
    estimator.scaler_mean_, estimator.scaler_scale_ = mean[:-1], scale[:-1]
    layers = [solution.weights for solution in solutions]
    for weights in layers:
        weights[-2], weights[-1] = weights[-2] * scale[-1], weights[-1] * scale[-1] + mean[-1]
    estimator.coefs_ = [np.stack(layer) for layer in zip(*(weights[::2] for weights in layers), strict=True)]
    estimator.intercepts_ = [
        np.stack(layer) for layer in zip(*(weights[1::2] for weights in layers), strict=True)
    ]
    estimator.n_iter_ = max(solution.n_iter for solution in solutions)
    estimator.loss_ = float(np.mean([solution.loss for solution in solutions]))
    estimator.loss_curve_ = solutions[0].loss_curve
    estimator.converged_ = all(solution.converged for solution in solutions)
