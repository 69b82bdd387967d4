"""Robust statistics of samples."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

MAD_TO_SIGMA = 1.4826
"""Standard deviation of a Gaussian over its median absolute deviation, to four digits."""


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


def weighted_median(values: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
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
    >>> float(weighted_median(np.array([1.0, 2.0, 3.0]), np.array([1.0, 1.0, 5.0])))
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
    centre = weighted_median(values, weights)
    return MAD_TO_SIGMA * float(weighted_median(np.abs(values - centre), weights))
