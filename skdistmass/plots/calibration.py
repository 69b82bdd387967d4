"""Whether predicted errors are as large as the real ones: coverage of intervals, and the PIT."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from skdistmass.columns import as_floats
from skdistmass.plots._drawing import COLORS, REFERENCE_COLOR, Display, n_stars
from skdistmass.plots._quantities import quantity
from skdistmass.plots._stars import Stars

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from skdistmass.plots._stars import Catalog

_N_BARS = 20
_LEVELS = np.linspace(0.02, 0.98, 49)
ONE_SIGMA = 0.6827
"""Share of a Gaussian within one standard deviation of its mean."""


class CalibrationDisplay(Display):
    """Coverage of central intervals against their nominal probability, and the histogram of the PIT.

    The PIT (probability integral transform) is the predicted probability of a value below the true one; it is
    uniform if the predicted distributions are right. A hump in the middle means errors that are too large.

    Parameters
    ----------
    pit : ndarray of shape (n_samples,)
        PIT of each star, between 0 and 1.
    title : str, default=""
        What was predicted.

    Attributes
    ----------
    ax_ : ndarray of Axes of shape (1, 2)
        Axes that were drawn into: coverage, PIT.
    figure_ : matplotlib.figure.Figure
        The figure they belong to.
    n_shown_ : int
        Number of stars.
    coverage_ : float
        Share of the stars within the predicted 1σ errors; 0.68 if these are right.
    """

    def __init__(self, pit: NDArray[np.float64], title: str = ""):
        self.pit, self.title = pit, title

    @classmethod
    def from_predictions(
        cls,
        truth: ArrayLike,
        prediction: ArrayLike,
        error: ArrayLike,
        *,
        title: str = "",
        ax: NDArray[Any] | None = None,
    ) -> CalibrationDisplay:
        """Draw the calibration of predictions with Gaussian errors.

        Parameters
        ----------
        truth, prediction : array-like of shape (n_samples,)
            True and predicted values. Rows with NaN are left out.
        error : array-like of shape (n_samples,) or (n_samples, 2)
            1σ errors in the same unit; upward and downward if they differ, for two half-Gaussians of equal
            weight.
        title : str, default=""
            What was predicted.
        ax : ndarray of 2 Axes, optional
            Axes to draw into.

        Returns
        -------
        CalibrationDisplay
            The drawn display.

        Raises
        ------
        ValueError
            If no row has all values and a positive error.

        Notes
        -----
        The PIT is Φ((truth - prediction) / σ), with σ the error on the side of the truth.
        """
        from scipy.special import ndtr

        difference = as_floats(truth) - as_floats(prediction)
        errors = as_floats(error)
        sigma = errors if errors.ndim == 1 else np.where(difference > 0, errors[:, 0], errors[:, 1])
        good = np.isfinite(difference) & (sigma > 0) & np.isfinite(sigma)
        if not good.any():
            raise ValueError(
                f"none of the {len(difference)} rows has truth, prediction and a positive error."
            )
        return cls(ndtr(difference[good] / sigma[good]), title).plot(ax)

    @classmethod
    def from_catalog(
        cls,
        catalog: Catalog,
        truth: ArrayLike,
        *,
        column: str = "DISTANCE",
        rows: ArrayLike | None = None,
        quality: bool = True,
        ax: NDArray[Any] | None = None,
    ) -> CalibrationDisplay:
        """Draw the calibration of a column of a catalogue against true values.

        Parameters
        ----------
        catalog : path, astropy.table.Table or pandas.DataFrame
            The stars.
        truth : array-like of shape (n_samples,)
            True values, row by row, in the unit of the axis, or with a unit of their own: distances in kpc,
            masses in Msun, ages in Gyr, magnitudes in mag.
        column : str, default="DISTANCE"
            "DISTANCE", "WEIGHTED_DIST", "ABS_MAG", a mass or an age; the catalogue has the errors.
        rows : array-like of bool of shape (n_samples,) or of int, optional
            Stars to show, all by default.
        quality : bool, default=True
            Leave out stars with a quality bit that forbids the quantity.
        ax : ndarray of 2 Axes, optional
            Axes to draw into.

        Returns
        -------
        CalibrationDisplay
            The drawn display. Ages are compared as logarithms, as their errors are.
        """
        stars = Stars(catalog, {"TRUTH": quantity(column).given(truth)})
        good = stars.usable(column, "TRUTH", rows=rows, quality=quality)
        true, value = stars.values("TRUTH")[good], stars.values(column)[good]
        if column.startswith("AGE"):
            error = np.abs(stars.column("AGE_ERR")[good])
            true, value = np.log10(true), np.log10(value)
        elif column.startswith("MASS"):
            error = stars.values("MASS_ERR")[good]
        else:
            error = stars.column(f"{column}_ERR")[good] / quantity(column).scale
        return cls.from_predictions(true, value, error, title=quantity(column).symbol, ax=ax)

    def plot(self, ax: NDArray[Any] | None = None) -> CalibrationDisplay:
        """Draw.

        Parameters
        ----------
        ax : ndarray of 2 Axes, optional
            Axes to draw into.

        Returns
        -------
        CalibrationDisplay
            The drawn display.
        """
        left, right = self._panels(ax, (1, 2), (8.6, 4.2))[0]
        self.n_shown_ = len(self.pit)
        distance = np.sort(np.abs(2 * self.pit - 1))
        covered = np.searchsorted(distance, _LEVELS, side="right") / len(distance)
        self.coverage_ = float(np.mean(distance <= ONE_SIGMA))
        left.plot([0, 1], [0, 1], color=REFERENCE_COLOR, linestyle="--", label="right errors")
        left.plot(_LEVELS, covered, color=COLORS[0], linewidth=2, label="these errors")
        left.plot(
            ONE_SIGMA, self.coverage_, "o", color=COLORS[0], label=f"1σ: {self.coverage_:.1%} of the stars"
        )
        left.set(xlim=(0, 1), ylim=(0, 1), xlabel="nominal probability of the central interval")
        left.set_ylabel("share of the stars inside")
        left.set_title(f"{self.title}: {n_stars(self.n_shown_)}" if self.title else n_stars(self.n_shown_))
        left.legend(loc="upper left", frameon=False)
        right.hist(self.pit, _N_BARS, range=(0, 1), density=True, color=COLORS[0], alpha=0.75)
        right.axhline(1.0, color=REFERENCE_COLOR, linestyle="--", label="right errors")
        right.legend(loc="upper center", frameon=False)
        right.set(xlim=(0, 1), xlabel="PIT: predicted probability below the truth", ylabel="density")
        return self
