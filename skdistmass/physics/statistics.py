"""Robust statistics of samples."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

MAD_TO_SIGMA = 1.4826
"""Standard deviation of a Gaussian over its median absolute deviation, to four digits."""

# Where two modes are looked for: two equal stars are 0.75 mag brighter than one, a residual of 0.29.
_RESIDUAL_RANGE = (-0.6, 0.6)
_N_CELLS = 600
_MIN_MODE_STARS = 100
# The second mode has to stand this many times its own counting error above the minimum before it, and hold at
# least this fraction of the density of the first: noise makes lower ones.
_MIN_SIGNIFICANCE = 4.0
_MIN_HEIGHT = 0.01


def robust_sigma(values: ArrayLike) -> float:
    """Median absolute deviation from the median, scaled to the standard deviation of a Gaussian.

    Parameters
    ----------
    values : array-like
        Sample; NaN is left out.

    Returns
    -------
    float
        Robust standard deviation, in the unit of the values; NaN for an empty sample.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> round(robust_sigma(np.append(rng.normal(size=10_000), 1e6)), 1)
    1.0
    """
    sample = np.asarray(values, dtype=float)
    sample = sample[np.isfinite(sample)]
    if not sample.size:
        return np.nan
    return MAD_TO_SIGMA * float(np.median(np.abs(sample - np.median(sample))))


def _weighted_median(values: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    """Value at which half of the total weight is reached.

    Parameters
    ----------
    values, weights : ndarray of shape (n_samples,)
        Sample and non-negative weights.

    Returns
    -------
    float
        Weighted median, in the unit of the values.

    Examples
    --------
    >>> import numpy as np
    >>> float(_weighted_median(np.array([1.0, 2.0, 3.0]), np.array([1.0, 1.0, 5.0])))
    3.0
    """
    order = np.argsort(values, kind="stable")
    cumulative = np.cumsum(weights[order])
    return values[order][np.searchsorted(cumulative, 0.5 * cumulative[-1])]


def weighted_robust_sigma(values: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    """Weighted median absolute deviation, scaled to the standard deviation of a Gaussian.

    Parameters
    ----------
    values, weights : ndarray of shape (n_samples,)
        Sample and non-negative weights.

    Returns
    -------
    float
        Robust standard deviation, in the unit of the values.

    Examples
    --------
    >>> import numpy as np
    >>> weighted_robust_sigma(np.array([1.0, 2.0, 3.0, 9.0]), np.array([1.0, 1.0, 1.0, 0.0]))
    1.4826
    """
    centre = _weighted_median(values, weights)
    return MAD_TO_SIGMA * float(_weighted_median(np.abs(values - centre), weights))


def valley_between_modes(residual: ArrayLike) -> float | None:
    """Residual at the minimum between the main mode and the one of the binaries.

    Parameters
    ----------
    residual : array-like of shape (n_samples,)
        Fractional distance residuals.

    Returns
    -------
    float or None
        Where the density is lowest between the two modes; None if there is no second mode above the main one.

    Notes
    -----
    The density is a Gaussian kernel estimate with Silverman's bandwidth. A second mode counts if the number
    of stars by which it stands above the minimum is 4 times its own counting error and its density is at
    least 1 % of that of the main mode.

    References
    ----------
    Silverman B. W. 1986, Density Estimation for Statistics and Data Analysis, equation 3.31.

    Examples
    --------
    >>> import numpy as np
    >>> from skdistmass.physics.statistics import valley_between_modes
    >>> rng = np.random.default_rng(0)
    >>> single, binary = rng.normal(0.0, 0.04, 4000), rng.normal(0.27, 0.03, 800)
    >>> valley = valley_between_modes(np.append(single, binary))
    >>> 0.10 < valley < 0.20
    True
    >>> valley_between_modes(single) is None
    True
    """
    # Not at the top: a process that applies a model to a few stars starts faster without SciPy.
    from scipy.ndimage import gaussian_filter1d
    from scipy.signal import find_peaks

    residual = np.asarray(residual, dtype=float)
    residual = residual[(residual > _RESIDUAL_RANGE[0]) & (residual < _RESIDUAL_RANGE[1])]
    if residual.size < _MIN_MODE_STARS:
        return None
    low, high = np.percentile(residual, [25, 75])
    bandwidth = 0.9 * min(residual.std(), (high - low) / 1.34) * residual.size**-0.2
    counts, edges = np.histogram(residual, _N_CELLS, _RESIDUAL_RANGE)
    cell = edges[1] - edges[0]
    smoothed = gaussian_filter1d(counts.astype(float), max(bandwidth / cell, 1.0))
    modes, _ = find_peaks(smoothed)
    if not modes.size:
        return None
    main = modes[np.argmax(smoothed[modes])]
    # Number of stars that a kernel of this width averages over, for a density in stars a cell.
    window = 2.0 * np.sqrt(np.pi) * max(bandwidth / cell, 1.0)
    best = None
    for mode in modes[modes > main]:
        valley = main + int(np.argmin(smoothed[main : mode + 1]))
        rise = (smoothed[mode] - smoothed[valley]) * window
        significant = rise > _MIN_SIGNIFICANCE * np.sqrt(smoothed[mode] * window)
        if significant and smoothed[mode] > _MIN_HEIGHT * smoothed[main] and (best is None or rise > best[0]):
            best = rise, 0.5 * (edges[valley] + edges[valley + 1])
    return None if best is None else float(best[1])


# A step of Halley leaves the cube of its length times (2 + z ** 2) / 12, in units of the width: below 1e-7.
_LAST_STEP = 0.004
_INVERSE_ROOT_2PI, _ROOT_HALF = 1.0 / math.sqrt(2.0 * math.pi), math.sqrt(0.5)


def mixture_quantile(
    means: Sequence[float], widths: Sequence[float], weights: Sequence[float], level: float, normal: float
) -> float:
    """Quantile of a mixture of Gaussians, by Halley's steps between the quantiles of the Gaussians.

    Parameters
    ----------
    means, widths, weights : sequence of float
        Means, standard deviations and weights, which sum to one.
    level : float
        Probability between 0 and 1.
    normal : float
        Quantile of the standard normal distribution there.

    Returns
    -------
    float
        The quantile; NaN for a mixture with NaN.

    Examples
    --------
    >>> round(mixture_quantile([0.0, 4.0], [1.0, 1.0], [0.5, 0.5], 0.5, 0.0), 6)
    2.0
    """
    low, high, x, least = math.inf, -math.inf, 0.0, math.inf
    for k in range(len(means)):
        own = means[k] + normal * widths[k]
        low, high, x = min(low, own), max(high, own), x + weights[k] * own
        least = min(least, widths[k])
    for turn in range(200):
        below, density, slope = 0.0, 0.0, 0.0
        for k in range(len(means)):
            z = (x - means[k]) / widths[k]
            below += weights[k] * 0.5 * math.erfc(-z * _ROOT_HALF)
            own = weights[k] * math.exp(-0.5 * z * z) / widths[k]
            density += own
            slope -= own * z / widths[k]
        off = below - level
        if off > 0.0:
            high = min(high, x)
        else:
            low = max(low, x)
        new, accuracy = 0.5 * (low + high), 1e-7
        if density > 0.0:
            newton = off / (density * _INVERSE_ROOT_2PI)
            bend = 0.5 * newton * slope / density
            near = abs(bend) < 0.5
            following = x - newton / (1.0 - bend) if near else x - newton
            if low <= following <= high and turn % 4 < 3:  # steps to and fro end in a bisection
                new, accuracy = following, _LAST_STEP if near else 1e-7
        step = abs(new - x)
        x = new
        if not step > accuracy * least:
            break
    return x
