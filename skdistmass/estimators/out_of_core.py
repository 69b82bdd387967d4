"""Training on tables larger than memory: blocks of rows, from Parquet or any iterable."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from skdistmass.columns import as_floats
from skdistmass.estimators.base import NetworkRegressor
from skdistmass.estimators.uncertainty import ErrorModel
from skdistmass.networks import lbfgs as _lbfgs
from skdistmass.networks.out_of_core import table_on_disk
from skdistmass.networks.solution import unscaled
from skdistmass.progress import progress_bar

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import ArrayLike, NDArray

    FloatArray = NDArray[np.float64]

Network = TypeVar("Network", bound=NetworkRegressor)

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
        self,
        path: str | Path,
        features: Sequence[str],
        target: str,
        error: str | None = None,
        block_rows: int = 2**20,
    ):
        self.path, self.features, self.target, self.error = Path(path), list(features), target, error
        self._names = [*self.features, target, *([error] if error else [])]
        self.block_rows = block_rows

    def __iter__(self) -> Iterator[tuple[FloatArray, FloatArray, FloatArray]]:
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

    def _columns(self, batch: pa.RecordBatch) -> tuple[FloatArray, FloatArray, FloatArray]:
        table = np.column_stack([batch.column(name).to_numpy(zero_copy_only=False) for name in self._names])
        table = table.astype(np.float64, copy=False)
        good = np.isfinite(table).all(axis=1)
        if self.error:
            good &= table[:, -1] > 0
        rows = table[good]
        weight = rows[:, -1] ** -2.0 if self.error else np.ones(len(rows))
        return rows[:, : len(self.features)], rows[:, len(self.features)], weight


def fit_blocks(estimator: Network, blocks: Iterable, scratch: str | Path | None = None) -> Network:
    """Train a network on a table that is given in blocks of rows.

    Parameters
    ----------
    estimator : DistanceRegressor, MassRegressor or MassToAge
        Regressor with ``solver="lbfgs"``; it is fitted in place.
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
    replaces it. `ParquetBlocks` gives the columns their names; otherwise they are in canonical order.

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
        raise ValueError(f"solver must be 'lbfgs' for fit_blocks; received {estimator.solver!r}.")
    method = getattr(estimator, "method", "network")
    if method != "network":
        raise ValueError(f"method must be 'network' for fit_blocks; received {method!r}.")
    settings = estimator._network_settings()
    seeds = np.random.SeedSequence(settings["random_state"]).spawn(settings["n_members"])
    rows = (_as_network_sees(estimator, X, y, weight) for X, y, weight in blocks)
    with table_on_disk(rows, scratch) as table:
        if table.n_rows < 2:
            raise ValueError(f"fit needs at least 2 rows of positive weight; received {table.n_rows}.")
        sample = next(iter(table)).head(ERROR_MODEL_ROWS)
        X_scaler, y_scaler = table.standardise()
        n_features = len(X_scaler.mean_)
        n_steps = len(seeds) * settings["max_iter"] * (2 if settings["loss"] == "huber" else 1)
        with progress_bar(n_steps, settings["verbose"]) as report:
            own = _lbfgs.Settings.from_parameters(n_features, settings)
            solutions = _lbfgs.train(table, own, seeds, report)
    y_moments = y_scaler.mean_[0], y_scaler.scale_[0]
    members = [unscaled(solution.weights, *y_moments) for solution in solutions]
    estimator.n_features_in_ = n_features
    if hasattr(estimator, "feature_names_in_"):
        del estimator.feature_names_in_
    if isinstance(blocks, ParquetBlocks):
        estimator.feature_names_in_ = np.array(blocks.features, dtype=object)
    estimator._keep(X_scaler, members, solutions)
    X = sample.features.T
    residual = sample.target - estimator._network_output(X)
    estimator.error_model_ = ErrorModel.fit(estimator._error_coordinate(X), residual, sample.weight)
    return estimator


def _as_network_sees(
    estimator: NetworkRegressor, X: ArrayLike, y: ArrayLike, weight: ArrayLike | None
) -> tuple[FloatArray, FloatArray, FloatArray]:
    table, labels = as_floats(X), as_floats(y)
    weights = np.ones(len(labels)) if weight is None else as_floats(weight)
    finite = all(np.isfinite(part).all() for part in (table, labels, weights))
    if not finite or (weights < 0).any():
        raise ValueError("X, y and sample_weight of a block must be finite, and the weights not negative.")
    return estimator._checked_for_network(table, labels, weights)
