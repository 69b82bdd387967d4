"""Output of dense networks: NumPy for a few stars, compiled and in threads for many, equal to the last bit.

Loading the compiler takes longer than thousands of stars in NumPy, and a star must have one value whatever
the table it stands in. So both ways do the same IEEE operations in the same order: sums run through the
inputs one by one, and the exponential is the one written here, not that of a library.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from skdistmass.networks.activations import ACTIVATIONS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

Result = TypeVar("Result")

# Up to this many rows in NumPy; above, threads take this many at a time.
NUMPY_ROWS = 1024
THREAD_ROWS = 32_768


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
    X : ndarray of shape (n_samples, n_features)
        Features, float32 or float64.
    mean, scale : ndarray of shape (n_features,)
        What to subtract from the features and what to divide by.
    coefs, intercepts : list of ndarray
        Kernels of shape (n_networks, n_in, n_out) and biases of shape (n_networks, n_out) of each layer.
    activation : str
        One of `ACTIVATION_NAMES`.

    Returns
    -------
    ndarray of shape (n_samples,)
        Output; that of a row does not depend on the rows beside it.
    """
    if len(X) <= NUMPY_ROWS:
        scaled = (np.asarray(X, dtype=np.float64) - mean) / scale
        return _output_numpy(scaled, coefs, intercepts, ACTIVATIONS[activation])
    return _output_compiled(X, mean, scale, coefs, intercepts, activation)


def _output_numpy(
    scaled: NDArray,
    coefs: list[FloatArray],
    intercepts: list[FloatArray],
    activation: Callable[[NDArray], NDArray],
) -> NDArray[np.float64]:
    n_networks = len(coefs[0])
    layer = scaled[None]
    for i, (kernel, bias) in enumerate(zip(coefs, intercepts, strict=True)):
        total = np.repeat(bias[:, None, :], len(scaled), axis=1)
        for j in range(kernel.shape[1]):
            total += kernel[:, j, None, :] * layer[:, :, j, None]
        layer = activation(total) if i < len(coefs) - 1 else total
    output = np.zeros(len(scaled))
    for member in layer[:, :, 0]:
        output += member
    return output / n_networks


def _output_compiled(
    X: NDArray,
    mean: NDArray,
    scale: NDArray,
    coefs: list[FloatArray],
    intercepts: list[FloatArray],
    activation: str,
) -> NDArray[np.float64]:
    from skdistmass.networks import kernel

    n_networks = len(coefs[0])
    layers = [part.reshape(n_networks, -1) for pair in zip(coefs, intercepts, strict=True) for part in pair]
    thetas = np.ascontiguousarray(np.concatenate(layers, axis=1))
    sizes = np.array([coefs[0].shape[1], *(bias.shape[1] for bias in intercepts)])
    code, output = kernel.ACTIVATION_CODES[activation], np.empty(len(X))

    def fill(start: int) -> None:
        part = slice(start, start + THREAD_ROWS)
        rows = np.ascontiguousarray(X[part], dtype=np.float64)
        kernel.mean_output(thetas, sizes, code, rows, mean, scale, output[part])

    run_in_threads(fill, range(0, len(X), THREAD_ROWS))
    return output
