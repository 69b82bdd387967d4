"""Gaussian mixtures, compiled: in the operations, and the order, of `skdistmass.networks.mixture`."""

from __future__ import annotations

import numpy as np

from skdistmass.compiled import entry_point
from skdistmass.networks.activation_kernel import BLOCK, _exp, _fill, _inlined, _tanh
from skdistmass.networks.activations import (
    INVERSE_ROOT_2PI,
    LAST_OTHER_STEP,
    LAST_STEP,
    LOG_WIDTHS,
    MAX_TURNS,
)
from skdistmass.networks.kernel import _dense, _load_scaled
from skdistmass.physics.statistics import normal_tail


@_inlined
def _log_gaussian(scaled, mean, cholesky, log_weight, whitened, out):
    """Log density of one Gaussian of a mixture at each star of a block; `whitened` is room."""
    n_features = len(mean)
    _fill(out, 0, 0.0)
    for j in range(n_features):
        _fill(whitened, 0, 0.0)
        for i in range(n_features):
            factor, middle = cholesky[i * n_features + j], mean[i]
            if factor == 0.0:
                continue
            for b in range(BLOCK):
                whitened[b] += factor * (scaled[i, b] - middle)
        for b in range(BLOCK):
            out[b] += whitened[b] * whitened[b]
    for b in range(BLOCK):
        out[b] = out[b] * -0.5 + log_weight


@entry_point("the domains of the models")
def mixture_sums(rows, center, scale, limit, means, choleskys, log_weights, top, total):
    """Sum a Gaussian mixture, as `skdistmass.networks.mixture` does.

    Parameters
    ----------
    rows : ndarray of shape (n_samples, n_features)
        Features.
    center, scale, means, log_weights
        As in `mixture_log_density`.
    choleskys : ndarray of shape (n_components, n_features * n_features)
        Its Cholesky factors, flat.
    limit : float
        Largest size of a scaled feature.
    top : ndarray of shape (n_samples,)
        Receives the log density of the densest Gaussian.
    total : ndarray of shape (n_samples,)
        Receives the sum of all Gaussians in units of the densest.
    """
    n_components, n_features = means.shape
    scaled, terms = np.empty((n_features, BLOCK)), np.empty((n_components, BLOCK))
    work = np.empty((3, BLOCK))
    best, sums = work[0], work[1]
    for start in range(0, len(rows), BLOCK):
        stop = min(start + BLOCK, len(rows))
        _load_scaled(rows, start, stop, center, scale, scaled)
        for i in range(n_features):
            for b in range(BLOCK):
                scaled[i, b] = min(max(scaled[i, b], -limit), limit)
        _fill(best, 0, -np.inf)
        for c in range(n_components):
            _log_gaussian(scaled, means[c], choleskys[c], log_weights[c], work[2], terms[c])
            for b in range(BLOCK):
                best[b] = max(best[b], terms[c, b])
        _fill(sums, 0, 0.0)
        for c in range(n_components):  # a loop over the array itself would give rows of unknown strides
            term = terms[c]
            for b in range(BLOCK):
                sums[b] += _exp(term[b] - best[b])
        for b in range(start, stop):
            top[b], total[b] = best[b - start], sums[b - start]


@_inlined
def _load_held(column, limits, row):
    """Hold an input at its borders and scale it; what is left of the block becomes zero."""
    low, high, center, scale = limits
    for b in range(len(column)):
        row[b] = (min(max(column[b], low), high) - center) / scale
    _fill(row, len(column), 0.0)


@_inlined
def _mixture_of_block(outputs, top, total):
    """Make widths of log widths and weights of log weights, in place; the others are room."""
    n = len(outputs) // 3
    for b in range(BLOCK):
        top[b] = outputs[2 * n, b]
    for k in range(1, n):
        for b in range(BLOCK):
            top[b] = max(top[b], outputs[2 * n + k, b])
    _fill(total, 0, 0.0)
    for k in range(n):
        width, weight = outputs[n + k], outputs[2 * n + k]
        for b in range(BLOCK):
            width[b] = _exp(min(max(width[b], LOG_WIDTHS[0]), LOG_WIDTHS[1]))
            weight[b] = _exp(weight[b] - top[b])
            total[b] += weight[b]
    for k in range(2 * n, 3 * n):
        for b in range(BLOCK):
            outputs[k, b] /= total[b]


@entry_point("the errors of the models")
def mixture_outputs(rows, prediction, limits, theta, sizes, means, widths, weights):
    """Mixtures from a network with one hidden layer, as `skdistmass.networks.mixture` does.

    Parameters
    ----------
    rows : ndarray of shape (n_samples, n_features)
        First inputs.
    prediction : ndarray of shape (n_samples,)
        Last input.
    limits : ndarray of shape (4, n_features + 1)
        Borders of the inputs, what to subtract from them and what to divide by.
    theta : ndarray of shape (n_parameters,)
        Weights of the network.
    sizes : ndarray of int of shape (3,)
        Layer sizes.
    means, widths, weights : ndarray of shape (n_samples, n_components)
        Receive the mixtures.
    """
    n_inputs, hidden, n = sizes[0], sizes[1], means.shape[1]
    inputs, neurons = np.empty((n_inputs, BLOCK)), np.empty((hidden, BLOCK))
    outputs, room = np.empty((3 * n, BLOCK)), np.empty((2, BLOCK))
    for start in range(0, len(prediction), BLOCK):
        stop = min(start + BLOCK, len(prediction))
        for i in range(n_inputs - 1):
            _load_held(rows[start:stop, i], limits[:, i], inputs[i])
        _load_held(prediction[start:stop], limits[:, n_inputs - 1], inputs[n_inputs - 1])
        _dense(theta, 0, inputs, neurons)
        for j in range(hidden):
            _tanh(neurons[j])
        _dense(theta, (n_inputs + 1) * hidden, neurons, outputs)
        _mixture_of_block(outputs, room[0], room[1])
        for k in range(n):
            for b in range(start, stop):
                means[b, k] = outputs[k, b - start]
                widths[b, k] = outputs[n + k, b - start]
                weights[b, k] = outputs[2 * n + k, b - start]


_normal_tail = _inlined(normal_tail)
# A lane is a star whose quantile at one level is looked for. Rows of the lanes of a block: the point, the two
# ends between which the quantile lies, the least width, the level; then the probability below the point, the
# density and its slope there, and by how much more than need be the point moved.


@_inlined
def _gaussians_below(lanes, n, parts):
    """Sum up probability below, density and its slope at the point of each of `n` lanes."""
    x, below, density, slope = lanes[0], lanes[5], lanes[6], lanes[7]
    for row in range(5, 8):
        _fill(lanes[row], 0, 0.0)
    for k in range(parts.shape[1]):
        mean, inverse_width, weight = parts[0, k], parts[1, k], parts[2, k]
        for b in range(n):
            z = (x[b] - mean[b]) * inverse_width[b]
            e = _exp(-0.5 * z * z)
            tail = _normal_tail(z, e)
            below[b] += weight[b] * (tail if z < 0.0 else 1.0 - tail)
            e *= weight[b] * inverse_width[b]
            density[b] += e
            slope[b] -= e * (z * inverse_width[b])


@_inlined
def _step(lanes, n, bisect):
    """Move the point of each of `n` lanes; the last row tells by how much more than need be."""
    x, low, high, least, level = lanes[0], lanes[1], lanes[2], lanes[3], lanes[4]
    below, density, slope, left = lanes[5], lanes[6], lanes[7], lanes[8]
    for b in range(n):
        off = below[b] - level[b]
        low[b] = low[b] if off > 0.0 else max(low[b], x[b])
        high[b] = min(high[b], x[b]) if off > 0.0 else high[b]
        newton = off / (density[b] * INVERSE_ROOT_2PI)
        bend = 0.5 * newton * slope[b] / density[b]
        near = abs(bend) < 0.5
        following = x[b] - newton / (1.0 - bend) if near else x[b] - newton
        good = (density[b] > 0.0) & (following >= low[b]) & (following <= high[b]) & (not bisect)
        new = following if good else 0.5 * (low[b] + high[b]) + 0.0 * off  # NaN stays NaN
        left[b] = abs(new - x[b]) - (LAST_STEP if good & near else LAST_OTHER_STEP) * least[b]
        x[b] = new


@_inlined
def _load_lanes(means, widths, weights, level, normal, lanes, parts):
    """Copy the mixtures of a block, with the first point and the ends between which the quantile lies."""
    x, low, high, least, own_level = lanes[0], lanes[1], lanes[2], lanes[3], lanes[4]
    _fill(x, 0, 0.0)
    _fill(low, 0, np.inf)
    _fill(high, 0, -np.inf)
    _fill(least, 0, np.inf)
    stride = 1 if len(level) > 1 else 0
    for b in range(len(means)):
        own_level[b] = level[b * stride]
    for k in range(means.shape[1]):
        for b in range(len(means)):
            parts[0, k, b], parts[1, k, b], parts[2, k, b] = means[b, k], 1.0 / widths[b, k], weights[b, k]
            own = means[b, k] + normal[b * stride] * widths[b, k]
            x[b] += weights[b, k] * own
            low[b], high[b] = min(low[b], own), max(high[b], own)
            least[b] = min(least[b], widths[b, k])


@_inlined
def _close_ranks(lanes, n, parts, star, out):
    """Store the points of `n` lanes and keep those that still move, side by side; return their number."""
    n_moving = 0
    for b in range(n):
        out[star[b]] = lanes[0, b]
        if lanes[8, b] > 0.0:
            star[n_moving] = star[b]
            for row in range(5):
                lanes[row, n_moving] = lanes[row, b]
            for row in range(3):
                for k in range(parts.shape[1]):
                    parts[row, k, n_moving] = parts[row, k, b]
            n_moving += 1
    return n_moving


@entry_point("quantiles of distributions")
def mixture_quantiles(means, widths, weights, levels, normal, out):
    """Quantiles of Gaussian mixtures, as `skdistmass.networks.mixture` does.

    Parameters
    ----------
    means, widths, weights : ndarray of shape (n_samples, n_components)
        The mixtures.
    levels : ndarray of shape (n_samples, n_levels) or (1, n_levels)
        Probabilities.
    normal : ndarray of the same shape
        Quantiles of the standard normal distribution at these.
    out : ndarray of shape (n_samples, n_levels)
        Receives the quantiles.
    """
    lanes, parts = np.empty((9, BLOCK)), np.empty((3, means.shape[1], BLOCK))
    star = np.empty(BLOCK, dtype=np.int64)
    for start in range(0, len(means), BLOCK):
        stop = min(start + BLOCK, len(means))
        own = slice(start, stop) if len(levels) > 1 else slice(0, 1)
        for k in range(levels.shape[1]):
            mixtures = means[start:stop], widths[start:stop], weights[start:stop]
            _load_lanes(*mixtures, levels[own, k], normal[own, k], lanes, parts)
            n = stop - start
            for b in range(n):
                star[b] = start + b
            for turn in range(MAX_TURNS):
                _gaussians_below(lanes, n, parts)
                _step(lanes, n, turn % 4 == 3)
                n = _close_ranks(lanes, n, parts, star, out[:, k])
                if n == 0:
                    break
