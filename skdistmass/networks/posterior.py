"""Gaussian mixtures, one for each star: the distributions of what the networks predict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from skdistmass.networks.activations import ACTIVATIONS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    FloatArray = NDArray[np.float64]

LOG_WIDTHS = (-2.0, 3.0)
"""Range of the log standard deviations, in units of the residuals' scatter."""
BLOCK_ROWS = 8192


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
        return _sum(self.weights * self.means)

    def std(self) -> FloatArray:
        """Return the standard deviation of each distribution.

        Returns
        -------
        ndarray of shape (n_samples,)
            The standard deviations.
        """
        off = self.means - self.mean()[:, None]
        return np.sqrt(_sum(self.weights * (self.widths**2 + off**2)))

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
        from scipy.special import ndtri

        from skdistmass.networks.likelihood import mixture_quantiles

        levels = np.atleast_1d(np.asarray(levels, dtype=np.float64))
        if levels.ndim != 1 or not np.all((levels > 0) & (levels < 1)):
            raise ValueError(f"quantiles must lie between 0 and 1; received {levels.tolist()}.")
        out = np.empty((len(self), len(levels)))
        arrays = (np.ascontiguousarray(part) for part in (self.means, self.widths, self.weights))
        mixture_quantiles(*arrays, levels, ndtri(levels), out)
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
        return sum(weight * ndtr((points - mean) / width) for mean, width, weight in self._components())[:, 0]

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
        return Mixture(self.means, np.hypot(self.widths, added), self.weights)

    def _components(self) -> list[tuple[FloatArray, FloatArray, FloatArray]]:
        """Mean, width and weight of each Gaussian, as columns."""
        parts = (self.means, self.widths, self.weights)
        return [tuple(part[:, k, None] for part in parts) for k in range(self.means.shape[1])]


def _sum(terms: FloatArray) -> FloatArray:
    """Sum over the Gaussians, in their order."""
    total = terms[:, 0].copy()
    for k in range(1, terms.shape[1]):
        total += terms[:, k]
    return total


def mixture_network(
    inputs: Sequence[NDArray[np.floating]],
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
    inputs : sequence of ndarray of shape (n_samples,)
        Inputs, one array each.
    low, high, center, scale : ndarray of shape (n_inputs,)
        Borders at which inputs are held; what to subtract from them and what to divide by.
    coefs, intercepts : list of ndarray
        Kernel and bias of each layer; the last gives means, log widths and log weights.

    Returns
    -------
    Mixture
        The mixtures; that of a star does not depend on the others.
    """
    n_components = len(intercepts[-1]) // 3
    means, widths, weights = np.empty((3, len(inputs[0]), n_components))
    for start in range(0, len(means), BLOCK_ROWS):
        part = slice(start, start + BLOCK_ROWS)
        layer = np.stack(
            [np.clip(column[part], *limits) for column, *limits in zip(inputs, low, high, strict=True)]
        )
        layer = (layer - center[:, None]) / scale[:, None]
        for kernel, bias in zip(coefs, intercepts, strict=True):
            layer = layer if kernel is coefs[0] else ACTIVATIONS["tanh"](layer)
            total = np.repeat(bias[:, None], layer.shape[1], axis=1)
            # One input after the other: a sum that is the same to the last bit in any table.
            for row, values in zip(kernel, layer, strict=True):
                total += row[:, None] * values
            layer = total
        mean, log_width, log_weight = np.split(layer, 3)
        weight = np.exp(log_weight - log_weight.max(axis=0))
        means[part], widths[part] = mean.T, np.exp(np.clip(log_width, *LOG_WIDTHS)).T
        weights[part] = (weight / sum(weight)).T
    return Mixture(means, widths, weights)
