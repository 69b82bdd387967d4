"""Full-batch training of small dense networks: one compiled loss, SciPy's L-BFGS, several starts.

The loss of ``n`` rows is

    L(theta) = sum_i w_i rho(f_theta(x_i) - y_i) / sum_i w_i + alpha * sum(kernels ** 2)

with rho(r) = r ** 2, or, beyond ``delta``, Huber's linear continuation 2 delta |r| - delta ** 2.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from scipy.optimize import minimize
from threadpoolctl import threadpool_limits

# Starts compete on at most this many rows; only the winner sees the whole table.
SCREENING_ROWS = 20_000
# XLA compiles once per table shape (about half a second): worth it for large tables only.
XLA_MIN_ROWS = 100_000
SQUARED_ERROR = 1e30  # a Huber threshold no residual reaches

ACTIVATIONS = {
    "relu": tf.nn.relu,
    "tanh": tf.tanh,
    "logistic": tf.sigmoid,
    "identity": tf.identity,
    "softplus": tf.nn.softplus,
    "elu": tf.nn.elu,
    "silu": tf.nn.silu,
}


class Solution(NamedTuple):
    """Weights of one trained network and how the solver ended."""

    weights: list[np.ndarray]
    loss: float
    n_iter: int
    converged: bool
    loss_curve: list[float]


def layer_shapes(sizes: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Shapes of kernels and biases, in Keras's order, of a network with these layer sizes."""
    return [shape for n_in, n_out in zip(sizes, sizes[1:], strict=False) for shape in ((n_in, n_out), (n_out,))]


def glorot_uniform(sizes: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Draw start values, flat: Glorot-uniform kernels, small uniform biases (ReLU kinks spread over the data)."""
    parts = []
    for n_in, n_out in zip(sizes, sizes[1:], strict=False):
        bound = np.sqrt(6.0 / (n_in + n_out))
        parts += [rng.uniform(-bound, bound, n_in * n_out), rng.uniform(-bound, bound, n_out)]
    return np.concatenate(parts)


def _split(theta, sizes: tuple[int, ...]) -> list:
    weights, start = [], 0
    for shape in layer_shapes(sizes):
        stop = start + int(np.prod(shape))
        weights.append(theta[start:stop].reshape(shape) if isinstance(theta, np.ndarray) else tf.reshape(theta[start:stop], shape))
        start = stop
    return weights


@functools.cache
def compiled_loss(sizes: tuple[int, ...], activation: str, jit_compile: bool):
    """Compile the loss and its gradient once for an architecture; any number of rows fits the same program."""
    nonlinearity = ACTIVATIONS[activation]
    float64 = tf.float64
    signature = [
        tf.TensorSpec([None], float64),
        tf.TensorSpec([sizes[0], None], float64),
        tf.TensorSpec([None], float64),
        tf.TensorSpec([None], float64),
        tf.TensorSpec([], float64),
        tf.TensorSpec([], float64),
    ]

    @tf.function(input_signature=signature, jit_compile=jit_compile, autograph=False)
    def loss_and_gradient(theta, features, target, weight, alpha, delta):
        with tf.GradientTape() as tape:
            tape.watch(theta)
            parameters = _split(theta, sizes)
            kernels, biases = parameters[::2], parameters[1::2]
            # Features run down, stars across: rows of the table stay contiguous for every vector operation.
            layer = features
            for i, (kernel, bias) in enumerate(zip(kernels, biases, strict=True)):
                layer = tf.matmul(kernel, layer, transpose_a=True) + bias[:, None]
                if i < len(kernels) - 1:
                    layer = nonlinearity(layer)
            residual = tf.abs(layer[0] - target)
            inlier = tf.minimum(residual, delta)
            # For |r| <= delta this is r ** 2, beyond it 2 delta |r| - delta ** 2; finite for any delta.
            loss = tf.reduce_sum(weight * inlier * (2.0 * residual - inlier))
            loss += alpha * tf.add_n([tf.reduce_sum(kernel * kernel) for kernel in kernels])
        return loss, tape.gradient(loss, theta)

    return loss_and_gradient


class _Objective:
    """The compiled loss bound to one table, as SciPy's minimiser calls it."""

    def __init__(self, sizes, activation, X, y, sample_weight, alpha):
        self._function = compiled_loss(sizes, activation, jit_compile=len(X) >= XLA_MIN_ROWS)
        self._features = tf.constant(np.ascontiguousarray(X.T), tf.float64)
        self._target = tf.constant(y, tf.float64)
        self._weight = tf.constant(sample_weight / sample_weight.sum(), tf.float64)
        self._alpha = tf.constant(alpha, tf.float64)

    def minimize(self, theta, max_iter, tol, delta=SQUARED_ERROR):
        curve = []
        delta = tf.constant(delta, tf.float64)

        def evaluate(theta):
            loss, gradient = self._function(
                tf.constant(theta), self._features, self._target, self._weight, self._alpha, delta
            )
            return float(loss), gradient.numpy()

        def record(intermediate_result):
            curve.append(float(intermediate_result.fun))

        options = {"maxiter": max_iter, "maxfun": 3 * max_iter, "ftol": tol, "gtol": tol, "maxcor": 20}
        # SciPy's own algebra is on vectors of some dozen weights: threads would only wait for each other.
        with threadpool_limits(1, user_api="blas"):
            result = minimize(evaluate, theta, jac=True, method="L-BFGS-B", options=options, callback=record)
        return result, curve


def _weighted_median(values, weights):
    order = np.argsort(values, kind="stable")
    cumulative = np.cumsum(weights[order])
    return values[order][np.searchsorted(cumulative, 0.5 * cumulative[-1])]


def robust_scale(residual, sample_weight) -> float:
    """Weighted median absolute deviation, scaled to a Gaussian's standard deviation."""
    centre = _weighted_median(residual, sample_weight)
    return 1.4826 * float(_weighted_median(np.abs(residual - centre), sample_weight))


def _forward(weights, activation, X):
    layer = tf.constant(X, tf.float64)
    for i in range(0, len(weights), 2):
        layer = tf.matmul(layer, tf.constant(weights[i], tf.float64)) + tf.constant(weights[i + 1], tf.float64)
        if i < len(weights) - 2:
            layer = ACTIVATIONS[activation](layer)
    return layer.numpy()[:, 0]


def train(X, y, sample_weight, *, sizes, activation, alpha, max_iter, tol, n_restarts, epsilon, rng) -> Solution:
    """Train one network from several starts.

    Every start runs a fifth of the iterations on at most ``SCREENING_ROWS`` rows; the one with the
    lowest loss goes on over all rows. With ``epsilon``, a second run from there uses Huber's loss with the
    threshold ``epsilon`` times the robust scatter of the residuals.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Scaled features.
    y, sample_weight : ndarray of shape (n_samples,)
        Scaled target and non-negative weights.
    sizes : tuple of int
        Layer sizes from input to output.
    activation : str
        Key of `ACTIVATIONS`.
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
    rng : numpy.random.Generator
        Source of the start values and of the screening rows.

    Returns
    -------
    Solution
        The trained network.
    """
    whole = _Objective(sizes, activation, X, y, sample_weight, alpha)
    screen = whole
    if len(X) > SCREENING_ROWS:
        rows = np.sort(rng.choice(len(X), SCREENING_ROWS, replace=False))
        if sample_weight[rows].sum() > 0:
            screen = _Objective(sizes, activation, X[rows], y[rows], sample_weight[rows], alpha)
    starts = [glorot_uniform(sizes, rng) for _ in range(n_restarts)]
    screening_iter = max_iter if screen is not whole else max(1, max_iter // 5)
    if n_restarts > 1 or screen is not whole:
        screened = [screen.minimize(theta, screening_iter, tol)[0] for theta in starts]
        best = min(screened, key=lambda result: result.fun).x
    else:
        best = starts[0]
    result, curve = whole.minimize(best, max_iter, tol)
    if epsilon is not None:
        residual = _forward(_split(result.x, sizes), activation, X) - y
        scale = robust_scale(residual, sample_weight)
        if scale > 0:
            result, more = whole.minimize(result.x, max_iter, tol, delta=epsilon * scale)
            curve += more
    return Solution(_split(result.x, sizes), float(result.fun), max(1, len(curve)), bool(result.success), curve)
