"""Errors of predictions, measured on the residuals of stars: 1σ errors and whole distributions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from skdistmass.columns import MAX_GIANT_LOG_G, as_floats
from skdistmass.estimators.persistence import StablePickle
from skdistmass.networks.forward import NetworkPass
from skdistmass.networks.mixture import Mixture, mixture_network, ordered_sum
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


HIDDEN_NEURONS = 16
PENALTY = 1e-3
"""L2 penalty of the network of distributions, from `FULL_STARS` stars on."""
FULL_STARS = 3500
"""Fewer stars are penalised more each, so that all of them together are as much."""
MIN_STARS = 500
"""Fewer held-out stars give one distribution for all."""
# Means, log widths and log weights, in units of the residuals' scatter, that training starts from.
_START = np.array([0.0, 0.3, -0.3, -0.4, 0.3, 0.3, 0.0, -1.0, -1.0])
_OUTERMOST = 0.002  # share of the stars on either side beyond which features count as those of the border
# Probabilities of the ends of the 68 % interval, half of which is the 1σ error.
ONE_SIGMA = (0.15865525393145707, 0.8413447460685429)
SPARSE = 0.1
"""Share of the calibration stars, those of the lowest density, from which on errors are widened."""
# Log densities below the border that count in the widening; further out the ensemble's spread tells more.
MAX_DEPTH = 5.0
SMALL_ERROR = 0.2
"""Up to this share of the error without them, errors of features are propagated by the gradient alone."""


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
    widening : tuple of two or three floats
        Standard deviation that is added where training stars are rare: per root of the log density below
        `sparse`, per unit of the ensemble's spread, and the most of the first for dwarfs and subgiants.
    sparse : float
        Log density of training stars below which errors are widened.
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
    widening: tuple[float, ...]
    sparse: float
    n_stars: int

    @classmethod
    def fit(
        cls,
        X: FloatArray,
        prediction: FloatArray,
        residual: FloatArray,
        noise: FloatArray,
        x_error: FloatArray | None = None,
        widening: tuple[float, ...] = (0.0, 0.0),
        sparse: float = -1e300,
    ) -> ResidualDistribution:
        """Train the network by maximum likelihood on stars that no fit has seen.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            Features.
        prediction, residual : ndarray of shape (n_samples,)
            Prediction, and label minus prediction.
        noise : ndarray of shape (n_samples,)
            1σ errors of the labels, and what else is not part of the distribution.
        x_error : ndarray of shape (n_features,), default=None
            Typical errors of the features; None for zeros.
        widening, sparse : tuple of float, float
            As in the class; kept as a record.

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
        penalty = PENALTY * max(1.0, FULL_STARS / len(residual))
        weights = fit_mixture_network(scaled, residual / unit, noise / unit, HIDDEN_NEURONS, _START, penalty)
        return cls(
            coefs=weights[::2],
            intercepts=weights[1::2],
            center=center,
            scale=scale,
            low=low,
            high=high,
            unit=float(unit),
            x_error=np.zeros(X.shape[1]) if x_error is None else np.asarray(x_error, dtype=np.float64),
            widening=tuple(map(float, widening)),
            sparse=float(sparse),
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
        borders = self.low, self.high, self.center, self.scale
        residual = mixture_network(X, prediction, *borders, self.coefs, self.intercepts)
        means = prediction[:, None] + self.unit * residual.means
        return Mixture(means, self.unit * residual.widths, residual.weights)


class DistributionInference:
    """Distributions of the target, from what the calibration stars left."""

    distribution_: ResidualDistribution | None = None

    error_model_: ErrorModel

    if TYPE_CHECKING:  # of the classes that this one is mixed into

        def _network_output(self, X: NDArray[np.floating]) -> FloatArray: ...
        def _network_pass(self, X: NDArray[np.floating], gradient: bool = False) -> NetworkPass: ...
        def _network_to_target(self, network_output: FloatArray) -> FloatArray: ...
        def _error_coordinate(self, X: NDArray[np.floating]) -> FloatArray: ...
        def _checked(self, X: Any) -> NDArray[np.floating]: ...

    def _grid_to_network(self, grid: FloatArray) -> tuple[FloatArray, FloatArray | float]:
        """Values of the target as the network sees them, and the derivative of that map."""
        return grid, 1.0

    def _derived_distribution(self, X: FloatArray) -> tuple[FloatArray, Mixture] | None:
        """Prediction and distribution of a class that predicts in a way of its own; None for all others."""
        return None

    def _mixture(
        self,
        X: NDArray[np.floating],
        passed: NetworkPass,
        X_error: ArrayLike | None = None,
        log_density: FloatArray | None = None,
    ) -> Mixture:
        """Distribution of what the network fits, at checked features with what it gives there."""
        if self.distribution_ is None:
            sigma = self.error_model_.predict(self._error_coordinate(X))
            mixture = Mixture(passed.output[:, None], sigma[:, None], np.ones((len(X), 1)))
        else:
            mixture = self.distribution_.at(X, passed.output)
            mixture = mixture.widened(self._widening(X, passed.spread, log_density))
        if X_error is None:
            return mixture
        return mixture.widened(self._input_error(X, passed, X_error, mixture))

    def _widening(
        self, X: NDArray[np.floating], spread: FloatArray, log_density: FloatArray | None
    ) -> FloatArray:
        """Return what to add in quadrature where training stars are rare: by density and spread."""
        domain, head = getattr(self, "domain_", None), self.distribution_
        if domain is None or head is None or not any(head.widening):
            return np.zeros(len(X))
        if log_density is None:
            log_density = domain.density_checked(X)
        log_g = self._error_coordinate(X)
        return widening_by_density(spread, log_density, log_g, head.widening, head.sparse)

    def _input_error(
        self, X: NDArray[np.floating], passed: NetworkPass, X_error: ArrayLike, without: Mixture
    ) -> FloatArray:
        """Propagate the part of the features' errors that training stars do not have."""
        errors = np.broadcast_to(as_floats(X_error), X.shape)
        bad = np.flatnonzero((errors < 0).any(axis=1))
        if bad.size:
            raise ValueError(
                f"X_error must not be negative; received {bad.size} of {len(X)} rows that are (first: row "
                f"{bad[0]}). NaN stands for an error that is not known."
            )
        typical = 0.0 if self.distribution_ is None else self.distribution_.x_error
        excess = np.sqrt(np.clip(np.nan_to_num(errors) ** 2 - np.square(typical), 0.0, None))
        slopes = passed.gradient * excess
        error = np.sqrt(ordered_sum(slopes * slopes))
        rows = np.flatnonzero(error > SMALL_ERROR * without.std())
        # Gauss-Hermite with three points along the gradient: exact for polynomials of degree five.
        steps = np.sqrt(3.0) * excess[rows] * (slopes[rows] / error[rows, None])
        above, below = (self._network_output(X[rows] + s) - passed.output[rows] for s in (steps, -steps))
        error[rows] = np.sqrt((above**2 + below**2) / 6.0 - ((above + below) / 6.0) ** 2)
        return error


def widening_by_density(
    spread: FloatArray, log_density: FloatArray, log_g: FloatArray, widening: tuple[float, ...], sparse: float
) -> FloatArray:
    """Return what to add to errors where training stars are rare.

    Parameters
    ----------
    spread : ndarray of shape (n_samples,)
        Standard deviation of the ensemble's outputs.
    log_density : ndarray of shape (n_samples,)
        Log density of the training stars.
    log_g : ndarray of shape (n_samples,)
        Surface gravity [dex].
    widening, sparse : tuple of float, float
        As in `ResidualDistribution`.

    Returns
    -------
    ndarray of shape (n_samples,)
        Standard deviation to add in quadrature, zero where training stars are not rare.
    """
    added = np.zeros(len(spread))
    rows = np.flatnonzero(log_density < sparse)
    depth = np.minimum(sparse - log_density[rows], MAX_DEPTH)
    by_depth = widening[0] * np.sqrt(depth)
    if len(widening) > 2:
        # Isochrones, which anchor the models, and real stars agree there.
        held = log_g[rows] >= MAX_GIANT_LOG_G
        by_depth = np.where(held, np.minimum(by_depth, widening[2]), by_depth)
    added[rows] = np.hypot(by_depth, widening[1] * spread[rows])
    return added


def checked_errors(name: str, values: ArrayLike, shape: tuple[int, ...]) -> FloatArray:
    """Return 1σ errors as an array.

    Parameters
    ----------
    name : str
        What the errors are, for messages.
    values : array-like
        1σ errors.
    shape : tuple of int
        Shape that they must have.

    Returns
    -------
    ndarray
        The errors.

    Raises
    ------
    ValueError
        If they have another shape, or one is negative or not finite.
    """
    errors = as_floats(values)
    if errors.shape != shape:
        raise ValueError(f"{name} must have the shape {shape}; received {errors.shape}.")
    bad = np.flatnonzero(~(np.isfinite(errors) & (errors >= 0)).reshape(len(errors), -1).all(axis=1))
    if bad.size:
        raise ValueError(
            f"{name} must be finite and not negative; received {bad.size} of {len(errors)} rows that are not "
            f"(first: row {bad[0]})."
        )
    return errors
