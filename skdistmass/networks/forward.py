"""Output of dense networks: NumPy for a few stars, compiled and in threads for many, equal to the last bit.

Loading the compiler takes longer than thousands of stars in NumPy, and a star must have one value whatever
the table it stands in. So both ways do the same IEEE operations in the same order: sums run through the
inputs one by one, and the exponential is the one written here, not that of a library.
"""

from __future__ import annotations

import math
import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

ACTIVATION_NAMES = ("relu", "tanh", "logistic", "identity", "softplus", "elu", "silu")
# Up to this many rows in NumPy; above, threads take this many at a time.
NUMPY_ROWS = 1024
THREAD_ROWS = 32_768

# Adding 1.5 * 2 ** 52 rounds a number to an integer and leaves that integer in its lowest bits.
ROUND = 6755399441055744.0
LOG2_E = 1.4426950408889634
LN2_HIGH, LN2_LOW = 0.6931471803691238, 1.9082149292705877e-10
MAX_EXPONENT = 700.0
EXP_SERIES = tuple(1.0 / math.factorial(n) for n in range(13, -1, -1))
# ln(1 + e) = 2 artanh(r) with r = e / (2 + e) <= 1/3 for e <= 1.
LOG1P_SERIES = tuple(2.0 / (2 * n + 1) for n in range(17))


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


def exponential(x: FloatArray) -> FloatArray:
    """Exponential to 1e-16: 2 ** k times the Taylor series of the rest.

    Parameters
    ----------
    x : ndarray
        Exponents, clipped at ±700.

    Returns
    -------
    ndarray
        Exponentials.
    """
    x = np.clip(x, -MAX_EXPONENT, MAX_EXPONENT)
    power = x * LOG2_E + ROUND
    k = power - ROUND
    rest = (x - k * LN2_HIGH) - k * LN2_LOW
    series = np.full_like(rest, EXP_SERIES[0])
    for coefficient in EXP_SERIES[1:]:
        series *= rest
        series += coefficient
    return series * ((power.view(np.int64) + 1023) << 52).view(np.float64)


def _logistic(z: FloatArray) -> FloatArray:
    return 1.0 - 1.0 / (exponential(z) + 1.0)


def _softplus(z: FloatArray) -> FloatArray:
    e = exponential(-np.abs(z))
    ratio = e / (2.0 + e)
    value, square = np.where(z > 0, z, 0.0), ratio * ratio
    for coefficient in LOG1P_SERIES:
        value += coefficient * ratio
        ratio *= square
    return value


ACTIVATIONS = {
    "relu": lambda z: np.where(z > 0, z, 0.0),
    "tanh": lambda z: 1.0 - 2.0 / (exponential(2.0 * z) + 1.0),
    "logistic": _logistic,
    "identity": lambda z: z,
    "softplus": _softplus,
    "elu": lambda z: np.where(z > 0, z, exponential(-np.abs(z)) - 1.0),
    "silu": lambda z: z * _logistic(z),
}


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


def _output_numpy(scaled, coefs, intercepts, activation):
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


def _output_compiled(X, mean, scale, coefs, intercepts, activation):
    from skdistmass.networks import kernel

    n_networks = len(coefs[0])
    layers = [part.reshape(n_networks, -1) for pair in zip(coefs, intercepts, strict=True) for part in pair]
    thetas = np.ascontiguousarray(np.concatenate(layers, axis=1))
    sizes = np.array([coefs[0].shape[1], *(bias.shape[1] for bias in intercepts)])
    code, output = kernel.ACTIVATION_CODES[activation], np.empty(len(X))

    def fill(start):
        part = slice(start, start + THREAD_ROWS)
        rows = np.ascontiguousarray(X[part], dtype=np.float64)
        kernel.mean_output(thetas, sizes, code, rows, mean, scale, output[part])

    starts, n_threads = range(0, len(X), THREAD_ROWS), count_threads()
    if len(starts) == 1 or n_threads == 1:
        for start in starts:
            fill(start)
    else:
        with ThreadPoolExecutor(n_threads) as pool:
            list(pool.map(fill, starts))
    return output
