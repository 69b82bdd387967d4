"""Errors of predictions, measured on the residuals of stars: 1σ errors and whole distributions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from skdistmass.estimators.persistence import StablePickle
from skdistmass.networks.activations import ACTIVATIONS
from skdistmass.networks.posterior import LOG_WIDTHS, Mixture
from skdistmass.physics.statistics import robust_sigma

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    FloatArray = NDArray[np.float64]

MIN_BIN_STARS = 50
MAX_BINS = 20


@dataclass(frozen=True)
class ErrorModel(StablePickle):
    """Robust scatter of residuals as a quadratic in one coordinate (surface gravity).

    The quadratic is the published form of the distance error (Stone-Martinez et al., section 4.3). Outside
    the range of the stars it was measured on it stays at its value at the edge.

    Parameters
    ----------
    coefficients : tuple of float
        Polynomial coefficients, highest power first.
    low, high : float
        Range of the coordinate.
    floor : float
        Smallest error that was measured in any bin; the model does not go below it.
    held_out : bool
        Whether the stars were held out of the fit.
    n_stars : int
        Number of stars it was measured on.
    """

    coefficients: tuple[float, ...]
    low: float
    high: float
    floor: float
    held_out: bool
    n_stars: int

    @classmethod
    def fit(
        cls,
        coordinate: FloatArray,
        residual: FloatArray,
        sample_weight: FloatArray | None = None,
        held_out: bool = False,
    ) -> ErrorModel:
        """Measure the scatter of residuals in bins of equal numbers of stars.

        Parameters
        ----------
        coordinate : ndarray of shape (n_samples,)
            Surface gravity [dex] or another coordinate.
        residual : ndarray of shape (n_samples,)
            Label minus prediction.
        sample_weight : ndarray of shape (n_samples,), default=None
            Stars of zero weight are left out; otherwise every star counts the same.
        held_out : bool, default=False
            Whether the stars were held out of the fit; kept as a record.

        Returns
        -------
        ErrorModel
            The fitted model.
        """
        if sample_weight is not None:
            coordinate, residual = coordinate[sample_weight > 0], residual[sample_weight > 0]
        n_bins = int(np.clip(len(residual) // MIN_BIN_STARS, 1, MAX_BINS))
        bins = np.array_split(np.argsort(coordinate, kind="stable"), n_bins)
        centre = np.array([np.median(coordinate[b]) for b in bins])
        # The median offset counts as error too: around zero, not around the bin's own median.
        sigma = np.array([np.quantile(np.abs(residual[b]), 0.6827) for b in bins])
        degree = min(2, len(np.unique(centre)) - 1)
        # Fitted in a scaled coordinate: one far from zero would make the powers nearly equal.
        coefficients = np.polynomial.Polynomial.fit(centre, sigma, degree).convert().coef[::-1]
        return cls(
            coefficients=tuple(float(c) for c in coefficients),
            low=float(centre.min()),
            high=float(centre.max()),
            floor=float(sigma.min()),
            held_out=bool(held_out),
            n_stars=len(residual),
        )

    def predict(self, coordinate: ArrayLike) -> FloatArray:
        """Return the 1σ error at each coordinate.

        Parameters
        ----------
        coordinate : array-like of shape (n_samples,)
            Surface gravity [dex] or the coordinate of `fit`.

        Returns
        -------
        ndarray of shape (n_samples,)
            1σ error, positive.
        """
        inside = np.clip(coordinate, self.low, self.high)
        return np.maximum(np.polyval(self.coefficients, inside), self.floor)


HIDDEN_NEURONS = 8
PENALTY = 1e-3
MIN_STARS = 500
"""Fewer held-out stars give one distribution for all."""
# Means, log widths and log weights, in units of the residuals' scatter, that training starts from.
_START = np.array([0.0, 0.2, -0.3, 0.4, 0.0, -1.0])
_OUTERMOST = 0.002  # share of the stars on either side beyond which features count as those of the border
_BLOCK_ROWS = 8192


@dataclass(frozen=True)
class ResidualDistribution(StablePickle):
    """Distribution of label minus prediction at each star: a mixture of Gaussians from a small network.

    The inputs of the network are the features and the prediction, standardised and held at the borders of the
    stars it was trained on.

    Parameters
    ----------
    coefs, intercepts : list of ndarray
        Kernel and bias of each of the two layers.
    center, scale, low, high : ndarray of shape (n_features + 1,)
        Mean, standard deviation and borders of the inputs.
    unit : float
        Robust scatter of the residuals, the unit of the network's outputs.
    x_error : ndarray of shape (n_features,)
        Typical errors of the features, which the residuals already hold.
    widening : tuple of float
        Standard deviation that is added outside the training domain, per unit of log density below its
        border and per unit of the ensemble's spread.
    n_stars : int
        Number of stars it was trained on.
    """

    coefs: list[FloatArray]
    intercepts: list[FloatArray]
    center: FloatArray
    scale: FloatArray
    low: FloatArray
    high: FloatArray
    unit: float
    x_error: FloatArray
    widening: tuple[float, float]
    n_stars: int

    @classmethod
    def fit(
        cls,
        X: FloatArray,
        prediction: FloatArray,
        residual: FloatArray,
        noise: FloatArray,
        x_error: FloatArray | None = None,
        widening: tuple[float, float] = (0.0, 0.0),
    ) -> ResidualDistribution:
        """Train the network by maximum likelihood on stars that no fit has seen.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            Features.
        prediction, residual : ndarray of shape (n_samples,)
            Prediction, and label minus prediction.
        noise : ndarray of shape (n_samples,)
            1σ errors of the labels; the distribution is that of the star without them.
        x_error : ndarray of shape (n_features,), default=None
            Typical errors of the features; None for zeros.
        widening : tuple of float, default=(0.0, 0.0)
            As in the class.

        Returns
        -------
        ResidualDistribution
            The trained distribution.
        """
        from skdistmass.networks.likelihood import fit_mixture_network

        inputs = np.column_stack([X, prediction])
        low, high = np.quantile(inputs, [_OUTERMOST, 1.0 - _OUTERMOST], axis=0)
        spread = inputs.std(axis=0)
        center, scale = inputs.mean(axis=0), np.where(spread > 0, spread, 1.0)
        unit = max(robust_sigma(residual), 1e-9 * float(np.abs(prediction).max() + 1.0))
        scaled = (np.clip(inputs, low, high) - center) / scale
        weights = fit_mixture_network(scaled, residual / unit, noise / unit, HIDDEN_NEURONS, _START, PENALTY)
        return cls(
            coefs=weights[::2],
            intercepts=weights[1::2],
            center=center,
            scale=scale,
            low=low,
            high=high,
            unit=float(unit),
            x_error=np.zeros(X.shape[1]) if x_error is None else np.asarray(x_error, dtype=np.float64),
            widening=(float(widening[0]), float(widening[1])),
            n_stars=len(residual),
        )

    def at(self, X: NDArray[np.floating], prediction: FloatArray) -> Mixture:
        """Distribution of the target at each star.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            Features.
        prediction : ndarray of shape (n_samples,)
            Predictions, in the unit of the residuals.

        Returns
        -------
        Mixture
            The distributions; that of a star does not depend on the others.
        """
        n_components = len(self.intercepts[1]) // 3
        means, widths, weights = np.empty((3, len(X), n_components))
        for start in range(0, len(X), _BLOCK_ROWS):
            part = slice(start, start + _BLOCK_ROWS)
            columns = [*np.asarray(X[part], dtype=np.float64).T, prediction[part]]
            mean, log_width, log_weight = np.split(self._outputs(columns), 3)
            weight = np.exp(log_weight - log_weight.max(axis=0))
            means[part] = (prediction[part] + self.unit * mean).T
            widths[part] = (self.unit * np.exp(np.clip(log_width, *LOG_WIDTHS))).T
            weights[part] = (weight / sum(weight)).T
        return Mixture(means, widths, weights)

    def _outputs(self, columns: list[FloatArray]) -> FloatArray:
        """Run the network, sums taken one input after the other: the same to the last bit in any table."""
        layer = [
            (np.clip(column, low, high) - center) / scale
            for column, low, high, center, scale in zip(
                columns, self.low, self.high, self.center, self.scale, strict=True
            )
        ]
        for last, (kernel, bias) in enumerate(zip(self.coefs, self.intercepts, strict=True)):
            total = np.repeat(bias[:, None], len(layer[0]), axis=1)
            for row, values in zip(kernel, layer, strict=True):
                total += row[:, None] * values
            layer = total if last else ACTIVATIONS["tanh"](total)
        return layer
