"""Training of mixture-density networks: a compiled likelihood of residuals, minimised with L-BFGS.

The last layer of the network gives a Gaussian mixture for each star: K means, K log standard deviations and K
log weights, all in units of the residuals' scatter. A residual r with the 1σ error e of its label has the
likelihood

    (1 - ε) sum_k w_k N(r; m_k, s_k² + e²) + ε N(r; 0, B² + e²)

The label's error widens every Gaussian, so that the mixture describes the star and not its noisy label. The
last term, of fixed weight and width, takes the few per cent of failed labels and is dropped afterwards.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import minimize
from threadpoolctl import threadpool_limits

from skdistmass.compiled import entry_point
from skdistmass.networks.activation_kernel import _TANH, BLOCK, _fill, _inlined
from skdistmass.networks.activations import LOG_WIDTHS
from skdistmass.networks.kernel import _backward, _forward, _load
from skdistmass.networks.lbfgs import layer_shapes, split_weights

if TYPE_CHECKING:
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

FAILED_SHARE = 0.01
"""Share of failed labels in the likelihood."""
FAILED_WIDTH = 6.0
"""Their standard deviation in units of the residuals' scatter."""


_LOG_ROOT_2PI = 0.5 * math.log(2.0 * math.pi)


@_inlined
def _log_normal_density(residual, variance):
    return -0.5 * (residual * residual / variance + math.log(variance)) - _LOG_ROOT_2PI


@_inlined
def _star(outputs, errors, work, b, residual, noise, failed_share):
    """Return minus the log likelihood of star `b`; leave its derivatives by the outputs in `errors`."""
    n = len(work) // 2
    top, norm = outputs[2 * n, b], 0.0
    for k in range(1, n):
        top = max(top, outputs[2 * n + k, b])
    for k in range(n):
        norm += math.exp(outputs[2 * n + k, b] - top)
    failed = math.log(failed_share) + _log_normal_density(residual, FAILED_WIDTH**2 + noise * noise)
    best = failed
    for k in range(n):
        log_width = min(max(outputs[n + k, b], LOG_WIDTHS[0]), LOG_WIDTHS[1])
        variance = math.exp(2.0 * log_width) + noise * noise
        log_weight = outputs[2 * n + k, b] - top - math.log(norm)
        work[n + k] = log_weight
        log_weight += math.log(1.0 - failed_share)
        work[k] = log_weight + _log_normal_density(residual - outputs[k, b], variance)
        best = max(best, work[k])
    total = math.exp(failed - best)
    for k in range(n):
        total += math.exp(work[k] - best)
    shares = 1.0 - math.exp(failed - best) / total
    for k in range(n):
        share = math.exp(work[k] - best) / total
        raw = outputs[n + k, b]
        width2 = math.exp(2.0 * min(max(raw, LOG_WIDTHS[0]), LOG_WIDTHS[1]))
        variance, off = width2 + noise * noise, residual - outputs[k, b]
        errors[k, b] = -share * off / variance
        inside = LOG_WIDTHS[0] < raw < LOG_WIDTHS[1]
        errors[n + k, b] = share * (1.0 - off * off / variance) * width2 / variance if inside else 0.0
        errors[2 * n + k, b] = math.exp(work[n + k]) * shares - share
    return -best - math.log(total)


@entry_point("the likelihood of the errors")
def sum_likelihood(theta, sizes, features, residual, noise, failed_share, sums):
    """Sum minus the log likelihood of residuals, and its gradient.

    Parameters
    ----------
    theta : ndarray of shape (n_parameters,)
        Weights of a network with tanh in its hidden layers.
    sizes : ndarray of int of shape (n_layers,)
        Layer sizes; the last is three times the number of Gaussians.
    features : ndarray of shape (n_features, n_samples)
        Scaled features, transposed.
    residual, noise : ndarray of shape (n_samples,)
        Label minus prediction and 1σ error of the label, in units of the residuals' scatter.
    failed_share : float
        Share of failed labels.
    sums : ndarray of shape (1 + n_parameters,)
        Receives the sum and its gradient.
    """
    n_layers, width = len(sizes), sizes.max()
    layers, slopes = np.empty((n_layers, width, BLOCK)), np.empty((n_layers, width, BLOCK))
    errors, scratch = np.empty((2, width, BLOCK)), np.empty(BLOCK)
    work = np.empty(2 * (sizes[n_layers - 1] // 3))
    for i in range(len(sums)):
        sums[i] = 0.0
    for start in range(0, len(residual), BLOCK):
        stop = min(start + BLOCK, len(residual))
        _load(features, start, stop, layers[0])
        _forward(theta, sizes, _TANH, layers, slopes)
        for j in range(sizes[n_layers - 1]):
            _fill(errors[0, j], 0, 0.0)
        for b in range(stop - start):
            star = residual[start + b], noise[start + b], failed_share
            sums[0] += _star(layers[n_layers - 1], errors[0], work, b, *star)
        _backward(theta, sizes, _TANH, layers, slopes, errors, scratch, sums[1:])


def fit_mixture_network(
    features: FloatArray,
    residual: FloatArray,
    noise: FloatArray,
    hidden: int,
    start: FloatArray,
    alpha: float,
    failed_share: float = FAILED_SHARE,
    max_iter: int = 300,
) -> list[FloatArray]:
    """Train a network with one hidden layer (tanh) by maximum likelihood.

    Parameters
    ----------
    features : ndarray of shape (n_samples, n_features)
        Scaled features.
    residual, noise : ndarray of shape (n_samples,)
        Label minus prediction and 1σ error of the label, in units of the residuals' scatter.
    hidden : int
        Neurons of the hidden layer.
    start : ndarray of shape (3 * n_components,)
        Mixture from which all stars start: means, log standard deviations, log weights.
    alpha : float
        L2 penalty of the kernels.
    failed_share : float, default=0.01
        Share of failed labels.
    max_iter : int, default=300
        Iterations at most.

    Returns
    -------
    list of ndarray
        Kernel and bias of both layers.
    """
    sizes = (features.shape[1], hidden, len(start))
    rng = np.random.default_rng(0)
    kernels = rng.normal(0.0, 0.5 / np.sqrt(sizes[0]), sizes[:2]), rng.normal(0.0, 0.05, sizes[1:])
    biases = rng.normal(0.0, 0.5, hidden), start
    theta = np.concatenate([part.ravel() for pair in zip(kernels, biases, strict=True) for part in pair])
    penalty = np.concatenate([np.full(np.prod(s), alpha * (len(s) == 2)) for s in layer_shapes(sizes)])
    table = np.ascontiguousarray(features.T), residual, noise

    def loss(theta: FloatArray) -> tuple[float, FloatArray]:
        sums = np.empty(1 + len(theta))
        sum_likelihood(theta, np.array(sizes), *table, failed_share, sums)
        sums /= len(residual)
        return sums[0] + penalty @ theta**2, sums[1:] + 2.0 * penalty * theta

    options = {"maxiter": max_iter, "maxcor": 20, "ftol": 1e-8, "gtol": 1e-6}
    with threadpool_limits(1, user_api="blas"):
        result = minimize(  # type: ignore[call-overload]  # its stubs know no float of NumPy
            loss, theta, jac=True, method="L-BFGS-B", options=options
        )
    return split_weights(result.x, sizes)
