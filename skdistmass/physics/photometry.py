"""Distances and absolute magnitudes from apparent magnitudes, with their errors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numpy.typing import ArrayLike, NDArray

from skdistmass.columns import as_floats

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
    m, a_k, absolute = (as_floats(v, "mag") for v in (apparent_mag, extinction, absolute_magnitude))
    modulus = m - a_k - absolute
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
    parsecs = positive(distance, "pc")
    return as_floats(apparent_mag, "mag") - as_floats(extinction, "mag") - 5 * np.log10(parsecs) + 5


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
    return MAG_PER_FRACTION * _not_negative(distance_error, "pc") / positive(distance, "pc")


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
    return positive(distance, "pc") * _not_negative(absolute_magnitude_error, "mag") / MAG_PER_FRACTION


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
    first, second = positive(distance_1, "pc"), positive(distance_2, "pc")
    weight_1, weight_2 = _weight(first, positive(error_1, "pc")), _weight(second, positive(error_2, "pc"))
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


def positive(values: ArrayLike, unit: str = "") -> NDArray[np.float64]:
    """Replace values that are not positive and finite by NaN.

    Parameters
    ----------
    values : array-like
        Numbers.
    unit : str, default=""
        Unit that quantities with another one are brought to.

    Returns
    -------
    ndarray
        The positive finite ones, NaN elsewhere.

    Examples
    --------
    >>> positive([2, 0, -1, np.inf])
    array([ 2., nan, nan, nan])
    """
    values = as_floats(values, unit)
    return np.where((values > 0) & np.isfinite(values), values, np.nan)


def _not_negative(values: ArrayLike, unit: str = "") -> NDArray[np.float64]:
    values = as_floats(values, unit)
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
    difference = as_floats(prediction, "mag") - as_floats(y, "mag")
    return 1.0 - 10.0 ** np.clip(-0.2 * difference, -300.0, 300.0)


# Distances of each star at which its posterior is worked out, and rows at a time.
_NODES = 65
_POSTERIOR_ROWS = 4096
_REACH = 4.5  # standard deviations


@dataclass(frozen=True)
class DistancePosterior:
    """Distribution of distance from a distribution of distance modulus and the likelihood of a parallax.

    Parameters
    ----------
    means, widths, weights : ndarray of shape (n_samples, n_components)
        Gaussians of the distance modulus [mag], m - A - M.
    parallax, parallax_error : ndarray of shape (n_samples,)
        Parallax without its zero point and its 1σ error [mas]; NaN for none.

    Notes
    -----
    The likelihood of the parallax is a Gaussian in the parallax, so that poor and negative ones count as
    they should; the distribution of the modulus takes the place of a prior.
    """

    means: NDArray[np.float64]
    widths: NDArray[np.float64]
    weights: NDArray[np.float64]
    parallax: NDArray[np.float64]
    parallax_error: NDArray[np.float64]

    def quantiles(self, levels: NDArray[np.float64]) -> NDArray[np.float64]:
        """Quantiles of the distance.

        Parameters
        ----------
        levels : ndarray of shape (n_levels,) or (n_samples, n_levels)
            Probabilities, the same for all stars or some for each.

        Returns
        -------
        ndarray of shape (n_samples, n_levels)
            The quantiles [pc].
        """
        wanted = np.broadcast_to(levels, (len(self.means), np.shape(levels)[-1]))
        found = np.empty(wanted.shape)
        for start in range(0, len(wanted), _POSTERIOR_ROWS):
            rows = slice(start, start + _POSTERIOR_ROWS)
            modulus, below, _ = self._on_nodes(rows)
            for k in range(wanted.shape[1]):
                level = wanted[rows, k, None]
                upper = np.clip((below < level).sum(axis=1, keepdims=True), 1, _NODES - 1)
                low, high = (np.take_along_axis(below, upper + step, axis=1) for step in (-1, 0))
                left, right = (np.take_along_axis(modulus, upper + step, axis=1) for step in (-1, 0))
                fraction = (level - low) / np.maximum(high - low, np.finfo(float).tiny)
                found[rows, k] = (left + fraction * (right - left))[:, 0]
        return 10.0 ** (1.0 + 0.2 * found)

    def mean(self) -> NDArray[np.float64]:
        """Mean distance.

        Returns
        -------
        ndarray of shape (n_samples,)
            The means [pc].
        """
        found = np.empty(len(self.means))
        for start in range(0, len(found), _POSTERIOR_ROWS):
            rows = slice(start, start + _POSTERIOR_ROWS)
            modulus, _, density = self._on_nodes(rows)
            found[rows] = (density * 10.0 ** (1.0 + 0.2 * modulus)).sum(axis=1) / density.sum(axis=1)
        return found

    def _on_nodes(self, rows: slice) -> tuple[NDArray[np.float64], ...]:
        """Moduli, probability below and relative density at each of them."""
        parallax, error = self.parallax[rows, None], self.parallax_error[rows, None]
        low, high = self._limits(rows)
        modulus = low + (high - low) * np.linspace(0.0, 1.0, _NODES)
        z = (1000.0 / 10.0 ** (1.0 + 0.2 * modulus) - parallax) / np.where(error > 0, error, np.nan)
        likelihood = -0.5 * np.where(np.isfinite(z), z, 0.0) ** 2
        density = np.zeros(modulus.shape)
        for mean, width, weight in zip(
            self.means[rows].T, self.widths[rows].T, self.weights[rows].T, strict=True
        ):
            off = (modulus - mean[:, None]) / width[:, None]
            density += (weight / width)[:, None] * np.exp(-0.5 * off * off)
        with np.errstate(divide="ignore"):
            log_density = np.log(density) + likelihood
        density = np.exp(log_density - log_density.max(axis=1, keepdims=True))
        below = np.cumsum(0.5 * (density[:, 1:] + density[:, :-1]), axis=1)
        below = np.hstack([np.zeros((len(below), 1)), below])
        return modulus, below / below[:, -1:], density

    def _limits(self, rows: slice) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Moduli between which both the network's and the parallax's distance are probable."""
        reach = _REACH * self.widths[rows]
        low, high = (self.means[rows] - reach).min(axis=1), (self.means[rows] + reach).max(axis=1)
        parallax, error = self.parallax[rows], _REACH * self.parallax_error[rows]
        with np.errstate(divide="ignore", invalid="ignore"):
            near = np.where(parallax + error > 0, 5.0 * np.log10(100.0 / (parallax + error)), -np.inf)
            far = np.where(parallax - error > 0, 5.0 * np.log10(100.0 / (parallax - error)), np.inf)
        known = np.isfinite(parallax) & (error > 0)
        nearest, farthest = np.maximum(low, near), np.minimum(high, far)
        # Where they exclude each other, all that lies between.
        apart = nearest >= farthest
        nearest, farthest = (
            np.where(apart, np.minimum(low, near), nearest),
            np.where(apart, np.maximum(high, far), farthest),
        )
        usable = known & np.isfinite(nearest) & np.isfinite(farthest)
        return np.where(usable, nearest, low)[:, None], np.where(usable, farthest, high)[:, None]
