"""Output of dense networks: NumPy for a few stars, compiled and in threads for many, equal to the last bit.

Loading the compiler takes longer than thousands of stars in NumPy, and a star must have one value whatever
the table it stands in. So both ways do the same IEEE operations in the same order: sums run through the
inputs one by one, and the exponential is the one written here, not that of a library.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from skdistmass.networks.activations import ACTIVATIONS, SLOPES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

Result = TypeVar("Result")

# Up to this many rows in NumPy; above, threads take this many at a time.
NUMPY_ROWS = 1024
THREAD_ROWS = 32_768
# Larger numbers, or sums of their squares, leave the range of float64.
_LARGEST_NUMBER = 1e100


def count_threads() -> int:
    """Cores at hand; workers of a joblib pool announce their share of them as OMP_NUM_THREADS.

    Returns
    -------
    int
        Number of threads to use.
    """
    announced = os.environ.get("OMP_NUM_THREADS", "")
    if announced.isdigit() and int(announced) > 0:
        return int(announced)
    import joblib

    return joblib.cpu_count()


def run_in_threads(function: Callable[[int], Result], starts: Sequence[int]) -> list[Result]:
    """Call a function for each block of rows, in as many threads as there are cores.

    Parameters
    ----------
    function : callable
        Takes the first row of a block.
    starts : sequence of int
        First rows of the blocks.

    Returns
    -------
    list
        What it returns, in order.
    """
    if len(starts) < 2 or (n_threads := count_threads()) == 1:
        return [function(start) for start in starts]
    with ThreadPoolExecutor(min(n_threads, len(starts))) as pool:
        return list(pool.map(function, starts))


def check_magnitude(name: str, values: NDArray[np.floating]) -> None:
    """Refuse numbers whose squares, or sums of them, leave the range of float64.

    Parameters
    ----------
    name : str
        What the values are, for the message.
    values : ndarray of shape (n_samples,) or (n_samples, n_columns)
        Finite numbers.

    Raises
    ------
    ValueError
        If a number is beyond 1e100.
    """
    if values.size and max(-float(values.min()), float(values.max())) > _LARGEST_NUMBER:
        large = np.abs(values) > _LARGEST_NUMBER
        rows = np.flatnonzero(large.reshape(len(values), -1).any(axis=1))
        raise ValueError(
            f"{name} must lie within ±{_LARGEST_NUMBER:g}, beyond which float64 overflows; received "
            f"{rows.size} of {len(values)} rows that do not (first: row {rows[0]}, {values[large][0]:g}). "
            "Check the unit."
        )


@dataclass(frozen=True)
class NetworkPass:
    """What one pass through an ensemble of networks gives.

    Parameters
    ----------
    output : ndarray of shape (n_samples,)
        Mean output of the members.
    spread : ndarray of shape (n_samples,) or (0,)
        Standard deviation of their outputs; empty if it was not asked for.
    gradient : ndarray of shape (n_samples, n_features) or (0, n_features)
        Derivatives of `output` by the features; empty if they were not asked for.
    """

    output: FloatArray
    spread: FloatArray
    gradient: FloatArray


def network_output(
    X: NDArray[np.floating],
    mean: FloatArray,
    scale: FloatArray,
    coefs: list[FloatArray],
    intercepts: list[FloatArray],
    activation: str,
) -> FloatArray:
    """Mean output of the networks of an ensemble.

    Parameters
    ----------
    X, mean, scale, coefs, intercepts, activation
        As in `network_pass`.

    Returns
    -------
    ndarray of shape (n_samples,)
        Output; that of a row does not depend on the rows beside it.
    """
    return network_pass(X, mean, scale, coefs, intercepts, activation).output


def network_pass(
    X: NDArray[np.floating],
    mean: FloatArray,
    scale: FloatArray,
    coefs: list[FloatArray],
    intercepts: list[FloatArray],
    activation: str,
    *,
    spread: bool = False,
    gradient: bool = False,
) -> NetworkPass:
    """Mean output of the networks of an ensemble, with its spread and gradient.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Features, float32 or float64.
    mean, scale : ndarray of shape (n_features,)
        What to subtract from the features and what to divide by.
    coefs, intercepts : list of ndarray
        Kernels of shape (n_networks, n_in, n_out) and biases of shape (n_networks, n_out) of each layer.
    activation : str
        One of `ACTIVATION_NAMES`.
    spread, gradient : bool, default=False
        Whether these are wanted as well.

    Returns
    -------
    NetworkPass
        Output, spread and gradient; those of a row do not depend on the rows beside it.
    """
    n_rows, n_features = X.shape
    passed = NetworkPass(
        np.empty(n_rows),
        np.empty(n_rows if spread else 0),
        np.empty((n_rows if gradient else 0, n_features)),
    )
    if n_rows <= NUMPY_ROWS:
        scaled = (np.asarray(X, dtype=np.float64) - mean) / scale
        _pass_numpy(passed, scaled, scale, coefs, intercepts, activation)
    else:
        _pass_compiled(passed, X, mean, scale, coefs, intercepts, activation)
    return passed


def _pass_numpy(
    passed: NetworkPass,
    scaled: FloatArray,
    scale: FloatArray,
    coefs: list[FloatArray],
    intercepts: list[FloatArray],
    activation: str,
) -> None:
    layer, slopes = scaled[None], []
    for i, (kernel, bias) in enumerate(zip(coefs, intercepts, strict=True)):
        total = np.repeat(bias[:, None, :], len(scaled), axis=1)
        for j in range(kernel.shape[1]):
            total += kernel[:, j, None, :] * layer[:, :, j, None]
        last = i == len(coefs) - 1
        layer = total if last else ACTIVATIONS[activation](total)
        if len(passed.gradient) and not last:
            slopes.append(SLOPES[activation](total))
    members = layer[:, :, 0]
    passed.output[:] = _sum(members) / len(members)
    if len(passed.spread):
        passed.spread[:] = np.sqrt(_sum((members - passed.output) ** 2) / len(members))
    if len(passed.gradient):
        passed.gradient[:] = _gradient_numpy(coefs, slopes, len(scaled)) / len(members) / scale


def _gradient_numpy(coefs: list[FloatArray], slopes: list[FloatArray], n_rows: int) -> FloatArray:
    """Sum of the members' derivatives by the scaled features, from the slopes of their hidden layers."""
    error = np.ones((len(coefs[0]), n_rows, 1))
    for i in range(len(coefs) - 1, -1, -1):
        total = np.zeros((len(error), n_rows, coefs[i].shape[1]))
        for k in range(coefs[i].shape[2]):
            total += coefs[i][:, None, :, k] * error[:, :, k, None]
        error = total * slopes[i - 1] if i else total
    return _sum(error)


def _sum(members: FloatArray) -> FloatArray:
    """Sum over the networks, in their order."""
    total = np.zeros(members.shape[1:])
    for member in members:
        total += member
    return total


def _pass_compiled(
    passed: NetworkPass,
    X: NDArray,
    mean: NDArray,
    scale: NDArray,
    coefs: list[FloatArray],
    intercepts: list[FloatArray],
    activation: str,
) -> None:
    from skdistmass.networks import kernel
    from skdistmass.networks.activation_kernel import ACTIVATION_CODES

    n_networks = len(coefs[0])
    layers = [part.reshape(n_networks, -1) for pair in zip(coefs, intercepts, strict=True) for part in pair]
    thetas = np.ascontiguousarray(np.concatenate(layers, axis=1))
    sizes = np.array([coefs[0].shape[1], *(bias.shape[1] for bias in intercepts)])
    code = ACTIVATION_CODES[activation]

    def fill(start: int) -> None:
        part = slice(start, start + THREAD_ROWS)
        rows = np.ascontiguousarray(X[part], dtype=np.float64)
        results = passed.output[part], passed.spread[part], passed.gradient[part]
        kernel.mean_output(thetas, sizes, code, rows, mean, scale, *results)

    run_in_threads(fill, range(0, len(X), THREAD_ROWS))
