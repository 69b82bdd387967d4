"""1σ errors of predictions, measured on the residuals of stars."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from skdistmass.estimators.persistence import StablePickle

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
