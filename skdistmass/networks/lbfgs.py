"""Full-batch training of dense networks: one compiled loss, SciPy's L-BFGS, several starts on all cores.

Minimised is the loss of `skdistmass.networks.kernel` with weights that sum to one, plus ``alpha``
times the sum of the squared kernels. A second-order method (Levenberg-Marquardt) was tried as well: its
matrix costs as much as ten to thirty gradients, and on the networks at hand it ended later and no lower.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import OptimizeResult, minimize
from threadpoolctl import threadpool_limits

from skdistmass.networks import kernel
from skdistmass.networks.activation_kernel import ACTIVATION_CODES
from skdistmass.networks.forward import count_threads
from skdistmass.networks.solution import Solution, constant_solution
from skdistmass.networks.training_table import Block
from skdistmass.physics.statistics import weighted_robust_sigma
from skdistmass.progress import Report

# Starts compete on at most this many rows; only the winner sees the whole table.
SCREENING_ROWS = 20_000
# Below this many rows threads take whole runs, above they share the rows of one.
SHARED_ROWS = 60_000

FloatArray = NDArray[np.float64]


class Settings(NamedTuple):
    """Architecture and solver settings, as `DistanceRegressor` documents them.

    Parameters
    ----------
    sizes : tuple of int
        Layer sizes from input to output.
    activation : str
        Key of `ACTIVATION_CODES`.
    alpha : float
        L2 penalty of the kernels.
    max_iter : int
        Iterations of the final run.
    tol : float
        Relative decrease of the loss, and gradient, at which the solver stops.
    n_restarts : int
        Number of starts.
    epsilon : float or None
        Huber threshold in units of the residuals' robust scatter; None for squared error.
    """

    sizes: tuple[int, ...]
    activation: str
    alpha: float
    max_iter: int
    tol: float
    n_restarts: int
    epsilon: float | None

    @classmethod
    def from_parameters(cls, n_features: int, parameters: dict[str, Any]) -> Settings:
        """Take what this solver needs from the parameters of a regressor.

        Parameters
        ----------
        n_features : int
            Number of features.
        parameters : dict
            Checked constructor parameters of `DistanceRegressor`.

        Returns
        -------
        Settings
            The settings.
        """
        own = {name: parameters[name] for name in ("activation", "alpha", "max_iter", "tol", "n_restarts")}
        return cls(
            sizes=(n_features, *parameters["hidden_layer_sizes"], 1),
            epsilon=parameters["epsilon"] if parameters["loss"] == "huber" else None,
            **own,
        )


def layer_shapes(sizes: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Shapes of kernels and biases, in Keras's order, of a network with these layer sizes.

    Parameters
    ----------
    sizes : tuple of int
        Layer sizes from input to output.

    Returns
    -------
    list of tuple of int
        The shapes.
    """
    return [shape for pair in itertools.pairwise(sizes) for shape in (pair, pair[1:])]


def glorot_uniform(sizes: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Draw start values, flat: Glorot-uniform kernels, and biases that spread ReLU kinks over the data.

    Parameters
    ----------
    sizes : tuple of int
        Layer sizes from input to output.
    rng : numpy.random.Generator
        Source of the numbers.

    Returns
    -------
    ndarray of shape (n_parameters,)
        Flat weights.
    """
    parts = []
    for n_in, n_out in itertools.pairwise(sizes):
        bound = np.sqrt(6.0 / (n_in + n_out))
        parts += [rng.uniform(-bound, bound, n_in * n_out), rng.uniform(-bound, bound, n_out)]
    return np.concatenate(parts)


def split_weights(theta: np.ndarray, sizes: tuple[int, ...]) -> list[np.ndarray]:
    """Cut the flat weights into kernels and biases.

    Parameters
    ----------
    theta : ndarray of shape (n_parameters,)
        Flat weights.
    sizes : tuple of int
        Layer sizes from input to output.

    Returns
    -------
    list of ndarray
        Kernel and bias of each layer.
    """
    shapes = layer_shapes(sizes)
    ends = np.cumsum([np.prod(shape) for shape in shapes])
    return [part.reshape(shape) for part, shape in zip(np.split(theta, ends[:-1]), shapes, strict=True)]


class Objective:
    """The compiled loss bound to one table, as SciPy's minimiser calls it.

    Parameters
    ----------
    settings : Settings
        Architecture and penalty.
    blocks : iterable of Block
        Scaled features, scaled target and weights; gone through at each evaluation.
    """

    def __init__(self, settings: Settings, blocks: Iterable[Block]):
        self.settings, self.blocks = settings, blocks
        self.n_rows, self._weight = 0, 0.0
        self.target_range = np.inf, -np.inf
        for block in blocks:
            self.n_rows += len(block.target)
            self._weight += float(block.weight.sum())
            low, high = self.target_range
            self.target_range = min(low, float(block.target.min())), max(high, float(block.target.max()))
        self._network = np.array(settings.sizes), ACTIVATION_CODES[settings.activation]
        shapes = layer_shapes(settings.sizes)
        self._penalty = np.concatenate([np.full(np.prod(s), settings.alpha * (len(s) == 2)) for s in shapes])

    def sample(self) -> Block:
        """Return the first rows of the table; in the order of their hash these are a random sample.

        Returns
        -------
        Block
            Up to `SCREENING_ROWS` rows.
        """
        return next(iter(self.blocks)).head(SCREENING_ROWS)

    def evaluate(
        self, theta: FloatArray, delta: float = kernel.SQUARED_ERROR, share: Callable | None = None
    ) -> tuple[float, FloatArray]:
        """Return loss and gradient; `share` calls a function of (first, last) chunks on several threads.

        Parameters
        ----------
        theta : ndarray of shape (n_parameters,)
            Flat weights.
        delta : float
            Huber threshold.
        share : callable, optional
            Shares the chunks.

        Returns
        -------
        loss : float
            Mean loss with the penalty.
        gradient : ndarray of shape (n_parameters,)
            Its gradient.
        """
        total = np.zeros(1 + len(theta))
        for block in self.blocks:
            n_chunks = -(-len(block.target) // kernel.CHUNK_ROWS)
            # Summed in the order of the chunks, whoever has worked them out.
            sums = np.empty((n_chunks, 1 + len(theta)))
            fill = functools.partial(_sum_chunks, (theta, *self._network, *block, delta), sums)
            if share is None:
                fill((0, n_chunks))
            else:
                share(fill, n_chunks)
            total += sums.sum(axis=0)
        total /= self._weight
        return total[0] + self._penalty @ (theta * theta), total[1:] + 2.0 * self._penalty * theta

    def minimize(
        self,
        theta: FloatArray,
        max_iter: int,
        delta: float = kernel.SQUARED_ERROR,
        share: Callable | None = None,
        report: Report | None = None,
    ) -> tuple[Any, list[float]]:
        """Run L-BFGS from `theta`; return SciPy's result and the loss of each iteration.

        Parameters
        ----------
        theta : ndarray of shape (n_parameters,)
            Flat weights.
        max_iter : int
            Iterations at most.
        delta : float
            Huber threshold.
        share : callable, optional
            As in `evaluate`.
        report : callable, optional
            Called with the loss after each iteration.

        Returns
        -------
        result : scipy.optimize.OptimizeResult
            Where it ended.
        curve : list of float
            Loss after each iteration.
        """
        tol = self.settings.tol
        curve: list[float] = []

        def record(intermediate_result: OptimizeResult) -> None:
            curve.append(float(intermediate_result.fun))
            if report is not None:
                report(curve[-1])

        options = {"maxiter": max_iter, "maxfun": 3 * max_iter, "ftol": tol, "gtol": tol, "maxcor": 20}
        result = minimize(  # type: ignore[call-overload]  # its stubs know no further arguments
            self.evaluate,
            theta,
            args=(delta, share),
            jac=True,
            method="L-BFGS-B",
            options=options,
            callback=record,
        )
        return result, curve

    def residual_scale(self, theta: FloatArray) -> float:
        """Robust scatter of the residuals of `sample`.

        Parameters
        ----------
        theta : ndarray of shape (n_parameters,)
            Flat weights.

        Returns
        -------
        float
            The scatter.
        """
        block = self.sample()
        output, rows = np.empty(len(block.target)), np.ascontiguousarray(block.features.T)
        zero, one = np.zeros(rows.shape[1]), np.ones(rows.shape[1])
        nothing = np.empty(0), np.empty((0, rows.shape[1]))
        kernel.mean_output(theta[None], *self._network, rows, zero, one, output, *nothing)
        return weighted_robust_sigma(output - block.target, block.weight)


def _sum_chunks(arguments: tuple, sums: NDArray, chunks: tuple[int, int]) -> None:
    kernel.sum_chunks(*arguments, chunks, sums)


def _finish(
    objective: Objective, report: Report | None, theta: FloatArray, share: Callable | None = None
) -> Solution:
    """Run to the end over all rows: with squared error, then, if asked for, with Huber's loss."""
    settings = objective.settings
    result, curve = objective.minimize(theta, settings.max_iter, share=share, report=report)
    scale = 0.0 if settings.epsilon is None else objective.residual_scale(result.x)
    if settings.epsilon is not None and scale > 0:
        delta = settings.epsilon * scale
        result, more = objective.minimize(result.x, settings.max_iter, delta, share, report)
        curve += more
    weights = split_weights(result.x, settings.sizes)
    return Solution(weights, float(result.fun), max(1, len(curve)), bool(result.success), curve)


def _map(pool: ThreadPoolExecutor, function: Callable, items: list) -> list:
    """Call `function` on each item, in threads if there are several."""
    return list(map(function, items) if len(items) == 1 else pool.map(function, items))


def _screen(
    objective: Objective, starts: list[list[FloatArray]], max_iter: int, pool: ThreadPoolExecutor
) -> list[FloatArray]:
    """Return the most promising start of each member, after `max_iter` iterations."""
    runs = [(member, start) for member, own in enumerate(starts) for start in own]
    results = _map(pool, lambda run: objective.minimize(run[1], max_iter)[0], runs)
    best: dict[int, Any] = {}
    for (member, _), result in zip(runs, results, strict=True):
        if member not in best or result.fun < best[member].fun:
            best[member] = result
    return [best[member].x for member in range(len(starts))]


def _share_chunks(
    pool: ThreadPoolExecutor, n_threads: int, function: Callable[[tuple[int, int]], None], n_chunks: int
) -> None:
    """Call `function` on contiguous parts of the chunks, one of them in this thread."""
    own, *others = itertools.pairwise(n_chunks * i // n_threads for i in range(n_threads + 1))
    running = [pool.submit(function, part) for part in others]
    function(own)
    for other in running:
        other.result()


def train(
    blocks: Iterable[Block],
    settings: Settings,
    seeds: Sequence[np.random.SeedSequence],
    report: Report | None = None,
) -> list[Solution]:
    """Train one network for each seed, each from several starts.

    Every start runs on at most `SCREENING_ROWS` rows; the one with the lowest loss goes on over all rows. In
    a table that is no larger, the starts run a fifth of the iterations over all of it. With ``epsilon``, a
    second run from there uses Huber's loss with the threshold ``epsilon`` times the robust scatter of the
    residuals, measured on so many rows too. Threads take a run each, or share the rows of a large table; the
    result does not depend on their number.

    Parameters
    ----------
    blocks : iterable of Block
        Scaled features, scaled target and weights, in blocks of `BLOCK_ROWS` rows, in the order of their
        hash.
    settings : Settings
        Architecture and solver settings.
    seeds : sequence of numpy.random.SeedSequence
        Seed of the start values of each network.
    report : callable, optional
        Called with the loss after each iteration of the runs over all rows, from several threads.

    Returns
    -------
    list of Solution
        The trained networks.
    """
    generators = [np.random.default_rng(seed) for seed in seeds]
    starts = [[glorot_uniform(settings.sizes, rng) for _ in range(settings.n_restarts)] for rng in generators]
    whole = screen = Objective(settings, blocks)
    if whole.target_range[0] == whole.target_range[1]:
        return [constant_solution(layer_shapes(settings.sizes), whole.target_range[0]) for _ in seeds]
    screening_iter = max(1, settings.max_iter // 5)
    if whole.n_rows > SCREENING_ROWS:
        screen, screening_iter = Objective(settings, [whole.sample()]), settings.max_iter
    n_threads = count_threads()
    # SciPy's own algebra is on vectors of some dozen weights: BLAS threads would only wait for each other.
    with ThreadPoolExecutor(n_threads) as pool, threadpool_limits(1, user_api="blas"):
        if settings.n_restarts > 1 or screen is not whole:
            best = _screen(screen, starts, screening_iter, pool)
        else:
            best = [own[0] for own in starts]
        if whole.n_rows < SHARED_ROWS or n_threads == 1:
            return _map(pool, functools.partial(_finish, whole, report), best)
        share = functools.partial(_share_chunks, pool, n_threads)
        return [_finish(whole, report, theta, share) for theta in best]
