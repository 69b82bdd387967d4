"""Distances and absolute magnitudes from apparent magnitudes, with their errors."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numpy.typing import ArrayLike, NDArray

MAG_PER_FRACTION = 5 / np.log(10)
"""Magnitudes for a fractional distance error of one: dM = (5 / ln 10) dd / d."""


def distance(
    apparent_mag: ArrayLike, extinction: ArrayLike, absolute_magnitude: ArrayLike
) -> NDArray[np.float64]:
    r"""Distance from the distance modulus [pc].

    Parameters
    ----------
    apparent_mag : array-like
        Apparent magnitude [mag].
    extinction : array-like
        Extinction in the same band [mag].
    absolute_magnitude : array-like
        Absolute magnitude in the same band [mag].

    Returns
    -------
    ndarray
        Distance [pc], NaN where an input is NaN.

    Notes
    -----
    .. math:: d = 10^{1 + 0.2 (m - A - M)} \; \mathrm{pc}

    Examples
    --------
    >>> distance([10.0, 15.0], 0.0, [10.0, 5.0])
    array([  10., 1000.])
    """
    modulus = np.subtract(apparent_mag, extinction, dtype=float) - np.asarray(absolute_magnitude, dtype=float)
    with np.errstate(over="ignore", invalid="ignore"):
        return 10 ** (1 + 0.2 * modulus)


def absolute_magnitude(
    apparent_mag: ArrayLike, extinction: ArrayLike, distance: ArrayLike
) -> NDArray[np.float64]:
    r"""Absolute magnitude at a known distance [mag].

    Parameters
    ----------
    apparent_mag : array-like
        Apparent magnitude [mag].
    extinction : array-like
        Extinction in the same band [mag].
    distance : array-like
        Distance [pc].

    Returns
    -------
    ndarray
        Absolute magnitude [mag], NaN where an input is NaN or the distance is not positive.

    Notes
    -----
    .. math:: M = m - A - 5 \log_{10}(d / \mathrm{pc}) + 5

    Examples
    --------
    >>> absolute_magnitude(15.0, 0.0, [1000.0, -1.0])
    array([ 5., nan])
    """
    parsecs = positive(distance)
    return np.subtract(apparent_mag, extinction, dtype=float) - 5 * np.log10(parsecs) + 5


def absolute_magnitude_error(distance: ArrayLike, distance_error: ArrayLike) -> NDArray[np.float64]:
    r"""Error of an absolute magnitude that comes from a distance [mag].

    The same relation turns the error of a parallax into that of a magnitude.

    Parameters
    ----------
    distance : array-like
        Distance [pc].
    distance_error : array-like
        1σ error of the distance [pc].

    Returns
    -------
    ndarray
        1σ error of the absolute magnitude [mag], NaN where an input is NaN, the distance is not positive or
        the error is negative.

    Notes
    -----
    .. math:: \sigma_M = \frac{5}{\ln 10} \frac{\sigma_d}{d}

    Examples
    --------
    >>> absolute_magnitude_error(1000.0, 100.0).round(4)
    np.float64(0.2171)
    """
    return MAG_PER_FRACTION * _not_negative(distance_error) / positive(distance)


def distance_error(distance: ArrayLike, absolute_magnitude_error: ArrayLike) -> NDArray[np.float64]:
    r"""Error of a distance that comes from an absolute magnitude [pc].

    Parameters
    ----------
    distance : array-like
        Distance [pc].
    absolute_magnitude_error : array-like
        1σ error of the absolute magnitude [mag].

    Returns
    -------
    ndarray
        1σ error of the distance [pc], NaN where an input is NaN, the distance is not positive or the error is
        negative.

    Notes
    -----
    .. math:: \sigma_d = \frac{\ln 10}{5} \, d \, \sigma_M

    Examples
    --------
    >>> distance_error(1000.0, 0.2171).round(1)
    np.float64(100.0)
    """
    return positive(distance) * _not_negative(absolute_magnitude_error) / MAG_PER_FRACTION


def weighted_distance(
    distance_1: ArrayLike, error_1: ArrayLike, distance_2: ArrayLike, error_2: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    r"""Inverse-variance mean of two distances [pc].

    Parameters
    ----------
    distance_1 : array-like
        First distance, the network's [pc].
    error_1 : array-like
        1σ error of the first distance [pc].
    distance_2 : array-like
        Second distance, Gaia's [pc].
    error_2 : array-like
        1σ error of the second distance [pc].

    Returns
    -------
    distance : ndarray
        Weighted distance [pc]. Where one distance cannot be used (NaN, or a distance or an error that is not
        positive) it is the other alone; NaN where neither can.
    error : ndarray
        1σ error of the weighted distance [pc].

    Notes
    -----
    .. math::

        d = \frac{d_1 / \sigma_1^2 + d_2 / \sigma_2^2}{1 / \sigma_1^2 + 1 / \sigma_2^2}, \qquad
        \sigma = (1 / \sigma_1^2 + 1 / \sigma_2^2)^{-1/2}

    Examples
    --------
    >>> value, error = weighted_distance([100.0, 100.0], [10.0, 10.0], [110.0, np.nan], [10.0, np.nan])
    >>> value
    array([105., 100.])
    >>> error.round(2)
    array([ 7.07, 10.  ])
    """
    first, second = positive(distance_1), positive(distance_2)
    weight_1, weight_2 = _weight(first, positive(error_1)), _weight(second, positive(error_2))
    total = weight_1 + weight_2
    total = np.where(total > 0, total, np.nan)
    # A distance of no weight must not enter as 0 * NaN.
    mean = (
        np.where(weight_1 > 0, weight_1 * first, 0) + np.where(weight_2 > 0, weight_2 * second, 0)
    ) / total
    return mean, 1 / np.sqrt(total)


def _weight(value: NDArray[np.float64], error: NDArray[np.float64]) -> NDArray[np.float64]:
    weight = 1 / error**2
    return np.where(np.isfinite(weight) & np.isfinite(value), weight, 0.0)


def positive(values: ArrayLike) -> NDArray[np.float64]:
    """Replace values that are not positive and finite by NaN.

    Parameters
    ----------
    values : array-like
        Numbers.

    Returns
    -------
    ndarray
        The positive finite ones, NaN elsewhere.

    Examples
    --------
    >>> positive([2, 0, -1, np.inf])
    array([ 2., nan, nan, nan])
    """
    values = np.asarray(values, dtype=float)
    return np.where((values > 0) & np.isfinite(values), values, np.nan)


def _not_negative(values: ArrayLike) -> NDArray[np.float64]:
    values = np.asarray(values, dtype=float)
    return np.where(values >= 0, values, np.nan)


def distance_residual(y: npt.ArrayLike, prediction: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Fractional distance residual of absolute magnitudes.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        Absolute magnitudes of the labels [mag].
    prediction : array-like of shape (n_samples,)
        Absolute magnitudes of the model [mag].

    Returns
    -------
    ndarray of shape (n_samples,)
        1 - d_model / d_label; positive where the star is brighter than its spectrum says.

    Notes
    -----
    d ∝ 10^(-0.2 M), so that apparent magnitude and extinction cancel in the ratio.

    Examples
    --------
    >>> from skdistmass.physics.photometry import distance_residual
    >>> distance_residual([4.0, 3.2474], [4.0, 4.0]).round(3)
    array([0.   , 0.293])
    """
    difference = np.subtract(prediction, y, dtype=float)
    return 1.0 - 10.0 ** np.clip(-0.2 * difference, -300.0, 300.0)
