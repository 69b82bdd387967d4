"""Robust statistics of samples."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skdistmass.columns import as_floats

Values = TypeVar("Values", float, NDArray[np.float64])

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
    sample = as_floats(values)
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

    residual = as_floats(residual)
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


# Tail of the normal distribution over exp(-z ** 2 / 2): u P(1 - 2 u) with u = 4 / (|z| + 4). P is a Chebyshev
# interpolation of degree 17, its relative error below 5e-13: its even and its odd powers, highest first.
_TAIL_SCALE = 4.0
_TAIL_EVEN = (
    1.498766786678234e-08,
    -8.030905913134429e-08,
    1.1090724658842372e-07,
    -4.398766349874721e-07,
    3.332382435304922e-05,
    -0.0008699207831884484,
    0.015099143502204721,
    0.09678435019373943,
    0.18882128260388745,
)
_TAIL_ODD = (
    -2.2313932996413698e-08,
    2.248660260607328e-07,
    -1.4496382973537739e-06,
    8.768472770475629e-06,
    -5.776766287351488e-05,
    0.00040770344149527684,
    -0.001885047127915013,
    -0.046630464494171006,
    -0.15197416049294676,
)


def normal_tail(z: Values, exponential: Values) -> Values:
    """Probability that a normal deviate is further out than one, on the same side.

    Plain arithmetic, which the compiler takes for numbers as NumPy does for arrays, to the last bit.

    Parameters
    ----------
    z : float or ndarray
        Deviates in units of the standard deviation.
    exponential : float or ndarray
        exp(-z² / 2) of these.

    Returns
    -------
    float or ndarray
        The probabilities, from 0 to 0.5.

    Examples
    --------
    >>> round(normal_tail(-2.0, np.exp(-2.0)).item(), 7)
    0.0227501
    """
    u = _TAIL_SCALE / (abs(z) + _TAIL_SCALE)
    t = 1.0 - 2.0 * u
    square = t * t
    even, odd = _TAIL_EVEN[0] * square + _TAIL_EVEN[1], _TAIL_ODD[0] * square + _TAIL_ODD[1]
    for n in range(2, len(_TAIL_EVEN)):  # the compiler unrolls loops over numbers, and short ones, only
        even = even * square + _TAIL_EVEN[n]
        odd = odd * square + _TAIL_ODD[n]
    return exponential * (u * (even + t * odd))
