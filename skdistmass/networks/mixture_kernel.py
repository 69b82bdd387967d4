"""Gaussian mixtures, compiled: in the operations, and the order, of `skdistmass.networks.mixture`."""

from __future__ import annotations

import numpy as np

from skdistmass.compiled import entry_point
from skdistmass.networks.kernel import BLOCK, _exp, _fill, _inlined, _load_scaled
from skdistmass.physics.statistics import mixture_quantile


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
    work = np.empty((4, BLOCK))
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
        for term in terms:
            for b in range(BLOCK):
                term[b] -= best[b]
            _exp(term, work[2], work[3])
            for b in range(BLOCK):
                sums[b] += work[2, b]
        for b in range(start, stop):
            top[b], total[b] = best[b - start], sums[b - start]


# Python runs it for a few stars, the compiler makes it the inside of a loop over many.
_quantile = _inlined(mixture_quantile)


@entry_point("quantiles of distributions")
def mixture_quantiles(means, widths, weights, levels, normal, out):
    """Quantiles of Gaussian mixtures.

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
    for star in range(len(means)):
        own = star if len(levels) > 1 else 0
        for k in range(levels.shape[1]):
            out[star, k] = _quantile(means[star], widths[star], weights[star], levels[own, k], normal[own, k])
