"""Gaussian mixtures: one of all training stars, and one for each star, which a network predicts.

The log density of the first is NumPy for a few stars, compiled for many, and equal to the last bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skdistmass.networks.activations import (
    ACTIVATIONS,
    INVERSE_ROOT_2PI,
    LAST_OTHER_STEP,
    LAST_STEP,
    LOG_WIDTHS,
    MAX_TURNS,
    exponential,
)
from skdistmass.networks.forward import NUMPY_ROWS
from skdistmass.physics.statistics import normal_tail

FloatArray = NDArray[np.float64]

# Beyond any star, and its square is still a number.
LARGEST = 1e100


def mixture_log_density(
    X: NDArray[np.floating],
    center: FloatArray,
    scale: FloatArray,
    means: FloatArray,
    choleskys: FloatArray,
    log_weights: FloatArray,
) -> FloatArray:
    """Log density of a Gaussian mixture in scaled features.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Features, float32 or float64.
    center, scale : ndarray of shape (n_features,)
        What to subtract from the features and what to divide by.
    means : ndarray of shape (n_components, n_features)
        Centres of the Gaussians.
    choleskys : ndarray of shape (n_components, n_features, n_features)
        Cholesky factors of their inverse covariances.
    log_weights : ndarray of shape (n_components,)
        Their log weights, with the normalisation.

    Returns
    -------
    ndarray of shape (n_samples,)
        Natural log of the density; that of a row does not depend on the rows beside it.
    """
    if len(X) <= NUMPY_ROWS:
        with np.errstate(over="ignore"):
            scaled = np.clip((X - center) / scale, -LARGEST, LARGEST)
        top, total = _sums_numpy(scaled, means, choleskys, log_weights)
    else:
        from skdistmass.networks.mixture_kernel import mixture_sums

        top, total = np.empty(len(X)), np.empty(len(X))
        rows = np.ascontiguousarray(X, dtype=np.float64)
        flat = choleskys.reshape(len(choleskys), -1)
        gaussians = map(np.ascontiguousarray, (means, flat, log_weights))
        mixture_sums(rows, center, scale, LARGEST, *gaussians, top, total)
    return top + np.log(total)


def _sums_numpy(
    scaled: FloatArray, means: FloatArray, choleskys: FloatArray, log_weights: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Log density of the densest Gaussian at each star, and the sum of all in units of that one."""
    features, terms = np.ascontiguousarray(scaled.T), np.empty((len(means), len(scaled)))
    # Sums of features one by one: the last bits of a product of matrices depend on how many rows it has.
    for term, mean, cholesky, log_weight in zip(terms, means, choleskys, log_weights, strict=True):
        distance = features - mean[:, None]
        term[:] = 0.0
        for column in cholesky.T:
            whitened = np.zeros(len(scaled))
            for value, factor in zip(distance, column, strict=True):
                whitened += factor * value
            term += whitened * whitened
        term *= -0.5
        term += log_weight
    top, total = terms.max(axis=0), np.zeros(len(scaled))
    for term in terms:
        total += exponential(term - top)
    return top, total


@dataclass(frozen=True)
class Mixture:
    """Gaussian mixtures of one quantity, one for each star.

    Parameters
    ----------
    means, widths, weights : ndarray of shape (n_samples, n_components)
        Means, standard deviations and weights of the Gaussians; the weights of a star sum to one.
    """

    means: FloatArray
    widths: FloatArray
    weights: FloatArray

    def __len__(self) -> int:
        return len(self.means)

    def __getitem__(self, rows: NDArray) -> Mixture:
        return Mixture(self.means[rows], self.widths[rows], self.weights[rows])

    def mean(self) -> FloatArray:
        """Mean of each distribution.

        Returns
        -------
        ndarray of shape (n_samples,)
            The means.
        """
        return ordered_sum(self.weights * self.means)

    def std(self) -> FloatArray:
        """Return the standard deviation of each distribution.

        Returns
        -------
        ndarray of shape (n_samples,)
            The standard deviations.
        """
        off = self.means - self.mean()[:, None]
        return np.sqrt(ordered_sum(self.weights * (self.widths**2 + off**2)))

    def quantiles(self, levels: ArrayLike) -> FloatArray:
        """Quantiles of each distribution.

        Parameters
        ----------
        levels : array-like of shape (n_levels,)
            Probabilities between 0 and 1.

        Returns
        -------
        ndarray of shape (n_samples, n_levels)
            The quantiles.

        Raises
        ------
        ValueError
            If a level does not lie between 0 and 1.
        """
        wanted = np.atleast_1d(np.asarray(levels, dtype=np.float64))
        if wanted.ndim != 1 or not np.all((wanted > 0) & (wanted < 1)):
            raise ValueError(f"quantiles must lie between 0 and 1; received {wanted.tolist()}.")
        return self.quantiles_at(wanted[None])

    def quantiles_at(self, levels: FloatArray) -> FloatArray:
        """Quantiles at levels that each star has for itself.

        Parameters
        ----------
        levels : ndarray of shape (n_samples, n_levels) or (1, n_levels)
            Probabilities between 0 and 1.

        Returns
        -------
        ndarray of shape (n_samples, n_levels)
            The quantiles.
        """
        parts = [np.ascontiguousarray(part) for part in (self.means, self.widths, self.weights)]
        out = np.empty((len(self), levels.shape[1]))
        if len(levels) == 1:
            normal = np.array([[NormalDist().inv_cdf(level) for level in levels[0]]])
        else:
            from scipy.special import ndtri

            normal = ndtri(levels)
        if len(self) > NUMPY_ROWS:
            from skdistmass.networks.mixture_kernel import mixture_quantiles

            mixture_quantiles(*parts, np.ascontiguousarray(levels), normal, out)
            return out
        columns = [part.T for part in parts]
        for k in range(out.shape[1]):
            own = (np.broadcast_to(values[:, k], len(out)) for values in (levels, normal))
            out[:, k] = _quantiles_numpy(*columns, *own)
        return out

    def pdf(self, grid: ArrayLike) -> FloatArray:
        """Probability density of each distribution.

        Parameters
        ----------
        grid : array-like of shape (n_grid,) or (n_samples, n_grid)
            Where; the same for all stars, or a grid for each.

        Returns
        -------
        ndarray of shape (n_samples, n_grid)
            The density, per unit of the quantity.
        """
        points = np.atleast_2d(np.asarray(grid, dtype=np.float64))
        density = np.zeros(np.broadcast_shapes(points.shape, (len(self), 1)))
        for mean, width, weight in self._components():
            z = (points - mean) / width
            density += weight / (width * np.sqrt(2.0 * np.pi)) * np.exp(-0.5 * z * z)
        return density

    def cdf(self, values: ArrayLike) -> FloatArray:
        """Probability that the quantity is below a value.

        Parameters
        ----------
        values : array-like of shape (n_samples,)
            A value for each star.

        Returns
        -------
        ndarray of shape (n_samples,)
            The probabilities.
        """
        from scipy.special import ndtr

        points = np.asarray(values, dtype=np.float64)[:, None]
        total = np.zeros_like(points)
        for mean, width, weight in self._components():
            total += weight * ndtr((points - mean) / width)
        return total[:, 0]

    def sample(self, n_samples: int, rng: np.random.Generator) -> FloatArray:
        """Draw from each distribution.

        Parameters
        ----------
        n_samples : int
            Number of draws.
        rng : numpy.random.Generator
            Source of the numbers.

        Returns
        -------
        ndarray of shape (n_stars, n_samples)
            The draws.
        """
        uniform = rng.random((len(self), n_samples))
        edges = np.cumsum(self.weights, axis=1)[:, :-1]
        chosen = (uniform[:, :, None] > edges[:, None, :]).sum(axis=2)
        mean, width = (np.take_along_axis(part, chosen, axis=1) for part in (self.means, self.widths))
        return mean + width * rng.standard_normal((len(self), n_samples))

    def widened(self, error: ArrayLike) -> Mixture:
        """Distributions of the sum with an independent Gaussian error.

        Parameters
        ----------
        error : array-like of shape (n_samples,)
            1σ error to add.

        Returns
        -------
        Mixture
            The wider distributions.
        """
        added = np.asarray(error, dtype=np.float64)[:, None]
        return Mixture(self.means, np.sqrt(self.widths * self.widths + added * added), self.weights)

    def _components(self) -> list[tuple[FloatArray, FloatArray, FloatArray]]:
        """Mean, width and weight of each Gaussian, as columns."""
        columns = range(self.means.shape[1])
        return [(self.means[:, k, None], self.widths[:, k, None], self.weights[:, k, None]) for k in columns]


def _quantiles_numpy(
    means: FloatArray, widths: FloatArray, weights: FloatArray, level: FloatArray, normal: FloatArray
) -> FloatArray:
    """Quantiles of mixtures (n_components, n_samples) by Halley's steps between those of the Gaussians."""
    own = means + normal * widths
    x = ordered_sum((weights * own).T)
    low, high, least = own.min(axis=0), own.max(axis=0), widths.min(axis=0)
    inverse = 1.0 / widths
    found, star = np.empty(len(x)), np.arange(len(x))
    for turn in range(MAX_TURNS):
        below, density, slope = np.zeros((3, len(x)))
        for mean, inverse_width, weight in zip(means, inverse, weights, strict=True):
            z = (x - mean) * inverse_width
            e = exponential(-0.5 * z * z)
            tail = normal_tail(z, e)
            below += weight * np.where(z < 0.0, tail, 1.0 - tail)
            e *= weight * inverse_width
            density += e
            slope -= e * (z * inverse_width)
        off = below - level
        low = np.where(off > 0.0, low, np.maximum(low, x))
        high = np.where(off > 0.0, np.minimum(high, x), high)
        with np.errstate(all="ignore"):  # where there is no density; a bisection follows
            newton = off / (density * INVERSE_ROOT_2PI)
            bend = 0.5 * newton * slope / density
            near = np.abs(bend) < 0.5
            following = np.where(near, x - newton / (1.0 - bend), x - newton)
        # Steps to and fro end in a bisection.
        good = (density > 0.0) & (following >= low) & (following <= high) & (turn % 4 < 3)
        new = np.where(good, following, 0.5 * (low + high) + 0.0 * off)  # NaN stays NaN
        moving = np.abs(new - x) > np.where(good & near, LAST_STEP, LAST_OTHER_STEP) * least
        found[star] = new
        if not moving.any():
            break
        means, inverse, weights = means[:, moving], inverse[:, moving], weights[:, moving]
        x, low, high, least = new[moving], low[moving], high[moving], least[moving]
        level, star = level[moving], star[moving]
    return found


def ordered_sum(terms: FloatArray) -> FloatArray:
    """Sum of each row, in the order of its columns.

    Parameters
    ----------
    terms : ndarray of shape (n_samples, n_terms)
        Terms.

    Returns
    -------
    ndarray of shape (n_samples,)
        Sums, to the last bit the same in any table.
    """
    total = terms[:, 0].copy()
    for k in range(1, terms.shape[1]):
        total += terms[:, k]
    return total


def mixture_network(
    X: NDArray[np.floating],
    prediction: FloatArray,
    low: FloatArray,
    high: FloatArray,
    center: FloatArray,
    scale: FloatArray,
    coefs: list[FloatArray],
    intercepts: list[FloatArray],
) -> Mixture:
    """Mixtures from a network with one hidden layer (tanh).

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        First inputs.
    prediction : ndarray of shape (n_samples,)
        Last input.
    low, high, center, scale : ndarray of shape (n_features + 1,)
        Borders at which inputs are held; what to subtract from them and what to divide by.
    coefs, intercepts : list of ndarray
        Kernel and bias of each layer; the last gives means, log widths and log weights.

    Returns
    -------
    Mixture
        The mixtures; that of a star does not depend on the others.
    """
    n_components = len(intercepts[-1]) // 3
    means, widths, weights = np.empty((3, len(X), n_components))
    if len(X) <= NUMPY_ROWS:
        layer = np.vstack([np.asarray(X, dtype=np.float64).T, prediction])
        layer = (np.clip(layer, low[:, None], high[:, None]) - center[:, None]) / scale[:, None]
        for kernel, bias in zip(coefs, intercepts, strict=True):
            layer = layer if kernel is coefs[0] else ACTIVATIONS["tanh"](layer)
            total = np.repeat(bias[:, None], layer.shape[1], axis=1)
            # One input after the other: a sum that is the same to the last bit in any table.
            for row, values in zip(kernel, layer, strict=True):
                total += row[:, None] * values
            layer = total
        mean, log_width, log_weight = np.split(layer, 3)
        weight = exponential(log_weight - log_weight.max(axis=0))
        means[:] = mean.T
        widths[:] = exponential(np.clip(log_width, *LOG_WIDTHS)).T
        weights[:] = (weight / ordered_sum(weight.T)).T
    else:
        from skdistmass.networks.mixture_kernel import mixture_outputs

        rows = np.ascontiguousarray(X, dtype=np.float64)
        theta = np.concatenate(
            [part.ravel() for pair in zip(coefs, intercepts, strict=True) for part in pair]
        )
        sizes = np.array([len(low), *map(len, intercepts)])
        mixture_outputs(
            rows, prediction, np.stack([low, high, center, scale]), theta, sizes, means, widths, weights
        )
    return Mixture(means, widths, weights)
