"""Distance residuals: unresolved binaries, and the scatter against surface gravity."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from skdistmass.columns import as_floats
from skdistmass.physics.statistics import MAD_TO_SIGMA
from skdistmass.plots._drawing import (
    COLORS,
    REFERENCE_COLOR,
    Display,
    Limits,
    add_colorbar,
    draw_stars,
    limits_of,
    n_stars,
    set_axis,
)
from skdistmass.plots._quantities import Quantity, quantity
from skdistmass.plots._stars import Stars
from skdistmass.training.evaluation import BIN_WIDTH, MIN_BIN_STARS, table_by_log_g

if TYPE_CHECKING:
    from collections.abc import Mapping

    from astropy.table import Table
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike, NDArray

    from skdistmass.estimators.pruning import BinaryPruner
    from skdistmass.plots._stars import Catalog

# Two equal stars have a residual of 0.29: beyond one there is nothing to see.
_RESIDUAL_LIMITS = Limits(-0.6, 0.6)
_RESIDUAL = Quantity("residual", r"residual $1 - d_\mathrm{model}/d_\mathrm{label}$")
_N_BARS = (30, 120)
PUBLISHED_THRESHOLD = 0.13
"""Fractional residual beyond which the paper calls a dwarf a binary (section 4.1.1)."""


class ResidualDisplay(Display):
    """Fractional distance residuals, with the threshold beyond which a star looks like a binary.

    Figure 3a of the paper, with the distribution of the residuals beside it.

    Parameters
    ----------
    x_values : ndarray of shape (n_samples,)
        Quantity across, in the unit of its axis.
    residual : ndarray of shape (n_samples,)
        1 - d_model / d_label.
    threshold : float
        Largest residual of a star that stays.
    x : str, default="GAIAEDR3_DIST"
        Name of the quantity across.

    Attributes
    ----------
    ax_ : ndarray of Axes of shape (1, 2)
        Axes that were drawn into: residuals, and their distribution.
    figure_ : matplotlib.figure.Figure
        The figure they belong to.
    n_shown_, n_beyond_ : int
        Number of stars, and of stars beyond the threshold.

    See Also
    --------
    skdistmass.BinaryPruner : Trains without the stars beyond the threshold.
    """

    def __init__(
        self,
        x_values: NDArray[np.float64],
        residual: NDArray[np.float64],
        threshold: float,
        x: str = "GAIAEDR3_DIST",
    ):
        self.x_values, self.residual, self.threshold, self.x = x_values, residual, threshold, x

    @classmethod
    def from_catalog(
        cls,
        catalog: Catalog,
        *,
        threshold: float = PUBLISHED_THRESHOLD,
        x: str = "GAIAEDR3_DIST",
        distance: str = "DISTANCE",
        reference: str = "GAIAEDR3_DIST",
        min_log_g: float = 3.5,
        rows: ArrayLike | None = None,
        quality: bool = True,
        ax: NDArray[Any] | None = None,
    ) -> ResidualDisplay:
        """Draw the residuals of the dwarfs of a catalogue.

        Parameters
        ----------
        catalog : path, astropy.table.Table or pandas.DataFrame
            The stars.
        threshold : float, default=0.13
            Largest residual of a star that stays.
        x : str, default="GAIAEDR3_DIST"
            Quantity across.
        distance, reference : str
            Columns of the distances of the model and of those to compare with [pc].
        min_log_g : float, default=3.5
            Surface gravity from which on stars are shown [dex]; ``-numpy.inf`` for all.
        rows : array-like of bool of shape (n_samples,) or of int, optional
            Stars to show, all by default.
        quality : bool, default=True
            Leave out stars with a quality bit that forbids one of the quantities.
        ax : ndarray of 2 Axes, optional
            Axes to draw into.

        Returns
        -------
        ResidualDisplay
            The drawn display.
        """
        stars = Stars(catalog)
        good = stars.usable(x, distance, reference, "LOGG", rows=rows, quality=quality)
        good &= stars.values("LOGG") >= min_log_g
        residual = 1.0 - stars.values(distance)[good] / stars.values(reference)[good]
        return cls(stars.values(x)[good], residual, threshold, x).plot(ax)

    @classmethod
    def from_pruner(
        cls, pruner: BinaryPruner, absolute_magnitude: ArrayLike, ax: NDArray[Any] | None = None
    ) -> ResidualDisplay:
        """Draw the residuals of a fitted pruner.

        Parameters
        ----------
        pruner : BinaryPruner
            Fitted pruner.
        absolute_magnitude : array-like of shape (n_samples,)
            The labels that it was fitted to [mag].
        ax : ndarray of 2 Axes, optional
            Axes to draw into.

        Returns
        -------
        ResidualDisplay
            The drawn display, with all stars of the fit.
        """
        labels = as_floats(absolute_magnitude, "mag")
        return cls(labels, pruner.residual_, pruner.threshold_, "ABS_MAG").plot(ax)

    def plot(self, ax: NDArray[Any] | None = None, **style: Any) -> ResidualDisplay:
        """Draw.

        Parameters
        ----------
        ax : ndarray of 2 Axes, optional
            Axes to draw into.
        **style : dict
            "cmap" of the density.

        Returns
        -------
        ResidualDisplay
            The drawn display.
        """
        plane, bars = self._panels(ax, (1, 2), (8.6, 4.2), width_ratios=(3, 1))[0]
        self.n_shown_ = len(self.residual)
        self.n_beyond_ = int(np.count_nonzero(self.residual > self.threshold))
        limits = limits_of(self.x_values), _RESIDUAL_LIMITS
        drawn = draw_stars(plane, self.x_values, self.residual, limits, **style)
        set_axis(plane, "x", quantity(self.x), limits[0])
        set_axis(plane, "y", _RESIDUAL, limits[1])
        plane.set_title(n_stars(self.n_shown_))
        n_bars = int(np.clip(self.n_shown_**0.5, *_N_BARS))
        bars.hist(self.residual, n_bars, range=_RESIDUAL_LIMITS, orientation="horizontal", color=COLORS[0])
        set_axis(bars, "y", _RESIDUAL, limits[1], label=False)
        bars.tick_params(labelleft=False)
        bars.set_xlabel("stars per bin")
        share = self.n_beyond_ / max(self.n_shown_, 1)
        bars.set_title(f"{share:.1%} beyond")
        if np.isfinite(self.threshold):
            for panel in (plane, bars):
                line = panel.axhline(self.threshold, color=REFERENCE_COLOR, linewidth=1.8)
            line.set_label(f"{self.threshold:.2f}")
            bars.legend(loc="lower right", title="threshold")
        add_colorbar(np.array([plane, bars]), drawn, None)
        return self


class DeviationDisplay(Display):
    """Scatter of predictions around reference values against surface gravity, beside the reference's error.

    Figure 4 of the paper: the median absolute deviation as a standard deviation, with the quartiles of the
    absolute deviation.

    Parameters
    ----------
    tables : mapping of str to astropy.table.Table
        For each method, the result of `skdistmass.training.evaluation.table_by_log_g`.
    reference_table : tuple of two ndarray, optional
        Surface gravities [dex], and median fractional errors of the reference there.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        Axes that were drawn into.
    figure_ : matplotlib.figure.Figure
        The figure they belong to.
    n_shown_ : int
        Number of stars of the first method in bins that are shown.
    """

    def __init__(
        self,
        tables: Mapping[str, Table],
        reference_table: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None,
    ):
        self.tables, self.reference_table = dict(tables), reference_table

    @classmethod
    def from_predictions(
        cls,
        log_g: ArrayLike,
        predictions: Mapping[str, ArrayLike],
        reference: ArrayLike,
        reference_error: ArrayLike | None = None,
        *,
        ax: Axes | None = None,
        **style: Any,
    ) -> DeviationDisplay:
        """Draw the scatter of one or several methods.

        Parameters
        ----------
        log_g : array-like of shape (n_samples,)
            Surface gravity [dex].
        predictions : mapping of str to array-like of shape (n_samples,)
            Predicted distances or masses of each method, by its name.
        reference : array-like of shape (n_samples,)
            What they should be, in the same unit.
        reference_error : array-like of shape (n_samples,), optional
            Its 1σ errors, in the same unit.
        ax : matplotlib.axes.Axes, optional
            Axes to draw into.
        **style : dict
            Passed to `plot`.

        Returns
        -------
        DeviationDisplay
            The drawn display. Every method is shown on the stars that all of them have.

        Raises
        ------
        ValueError
            If no star has all values.
        """
        log_g, truth = as_floats(log_g), as_floats(reference)
        values = {name: as_floats(each) for name, each in predictions.items()}
        good = np.isfinite(log_g) & (truth > 0) & np.all([np.isfinite(v) for v in values.values()], axis=0)
        if not good.any():
            raise ValueError(
                f"none of the {len(log_g)} stars has all of {', '.join(values)} and a reference."
            )
        tables = {name: table_by_log_g(log_g[good], v[good] / truth[good] - 1) for name, v in values.items()}
        errors = None
        if reference_error is not None:
            errors = _median_errors(log_g[good], as_floats(reference_error)[good] / truth[good])
        return cls(tables, errors).plot(ax, **style)

    @classmethod
    def from_catalog(
        cls,
        catalog: Catalog,
        *,
        distances: tuple[str, ...] = ("DISTANCE", "NMSU_DIST"),
        reference: str = "GAIAEDR3_DIST",
        reference_error: ArrayLike | None = None,
        rows: ArrayLike | None = None,
        quality: bool = True,
        ax: Axes | None = None,
        **style: Any,
    ) -> DeviationDisplay:
        """Draw the scatter of the distances of a catalogue around Gaia's.

        Parameters
        ----------
        catalog : path, astropy.table.Table or pandas.DataFrame
            The stars.
        distances : tuple of str, default=("DISTANCE", "NMSU_DIST")
            Columns to show; those that the catalogue lacks are left out.
        reference : str, default="GAIAEDR3_DIST"
            Column to compare with.
        reference_error : array-like of shape (n_samples,), optional
            1σ errors of the reference [pc]; the catalogue does not have them.
        rows : array-like of bool of shape (n_samples,) or of int, optional
            Stars to show, such as test stars; all by default.
        quality : bool, default=True
            Leave out stars with a quality bit that forbids one of the distances.
        ax : matplotlib.axes.Axes, optional
            Axes to draw into.
        **style : dict
            Passed to `plot`.

        Returns
        -------
        DeviationDisplay
            The drawn display.
        """
        stars = Stars(catalog)
        names = [name for name in distances if name in stars]
        good = stars.usable("LOGG", reference, *names, rows=rows, quality=quality)
        predictions = {quantity(name).symbol: stars.values(name)[good] for name in names}
        if reference_error is not None:
            reference_error = as_floats(reference_error, "pc")[good] / quantity(reference).scale
        truth = stars.values(reference)[good]
        style = {"reference_label": "error of Gaia"} | style
        return cls.from_predictions(
            stars.values("LOGG")[good], predictions, truth, reference_error, ax=ax, **style
        )

    def plot(
        self, ax: Axes | None = None, *, reference_label: str = "error of the reference"
    ) -> DeviationDisplay:
        """Draw.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Axes to draw into.
        reference_label : str, default="error of the reference"
            What the line of the reference's errors is.

        Returns
        -------
        DeviationDisplay
            The drawn display.
        """
        ax = self._panels(ax)[0, 0]
        first = next(iter(self.tables.values()))
        self.n_shown_ = int(np.sum(first["n"]))
        highest = 0.0
        for (name, table), color in zip(self.tables.items(), COLORS, strict=False):
            centre = (np.asarray(table["log_g_low"]) + np.asarray(table["log_g_high"])) / 2
            ax.plot(centre, table["robust_sigma"], color=color, marker="o", ms=4, label=name)
            for quartile in ("deviation_p25", "deviation_p75"):
                ax.plot(centre, table[quartile], color=color, linestyle="--", linewidth=1)
            highest = max(highest, np.max(table["deviation_p75"], initial=0.0))
        if self.reference_table is not None:
            ax.plot(
                *self.reference_table, color=REFERENCE_COLOR, linewidth=2.5, alpha=0.8, label=reference_label
            )
            highest = max(highest, np.max(self.reference_table[1], initial=0.0))
        edges = np.concatenate([first["log_g_low"], first["log_g_high"]])
        set_axis(ax, "x", quantity("LOGG"), limits_of(edges))
        ax.set(ylim=(0, 1.45 * highest or 1.0), ylabel="fractional deviation")
        ax.plot([], [], color="0.3", linestyle="--", linewidth=1, label="quartiles of |deviation|")
        ax.legend(loc="upper center", ncols=2, fontsize="small", frameon=False)
        ax.set_title(f"{MAD_TO_SIGMA:.2f} × MAD: {n_stars(self.n_shown_)}")
        return self


def _median_errors(
    log_g: NDArray[np.float64], fraction: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Median fractional error of the reference in the bins of `table_by_log_g`."""
    known = np.isfinite(fraction)
    place = np.floor(log_g[known] / BIN_WIDTH).astype(int)
    shown = [i for i in np.unique(place) if np.count_nonzero(place == i) >= MIN_BIN_STARS]
    medians = [float(np.median(fraction[known][place == i])) for i in shown]
    return (np.array(shown) + 0.5) * BIN_WIDTH, np.array(medians)
