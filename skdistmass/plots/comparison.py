"""Ages, masses or distances of a catalogue against those of another one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from skdistmass.physics.statistics import robust_sigma
from skdistmass.plots._drawing import REFERENCE_COLOR, Display, add_colorbar, draw_stars, limits_of, n_stars
from skdistmass.plots._matched import PeerComparison, compare_with
from skdistmass.plots._quantities import quantity
from skdistmass.plots._stars import Stars
from skdistmass.survey.read_catalog import read_catalog
from skdistmass.training.peers import read_peer

if TYPE_CHECKING:
    from astropy.table import Table
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike, NDArray

    from skdistmass.columns.peers import CatalogQuantity
    from skdistmass.plots._stars import Catalog


class ComparisonDisplay(Display):
    """One quantity against the same quantity of another catalogue, star by star.

    Figure 16 of the paper, with ages.

    Parameters
    ----------
    ours, other : ndarray of shape (n_samples,)
        Values in the unit of the axis.
    column : str, default="AGE"
        Name of the quantity.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        Axes that were drawn into.
    figure_ : matplotlib.figure.Figure
        The figure they belong to.
    n_shown_ : int
        Number of stars with both values.
    offset_, scatter_ : float
        Median and robust standard deviation of log10(ours / other) [dex].
    """

    def __init__(self, ours: NDArray[np.float64], other: NDArray[np.float64], column: str = "AGE"):
        self.ours, self.other, self.column = ours, other, column

    @classmethod
    def from_catalog(
        cls,
        catalog: Catalog,
        other: ArrayLike | str,
        *,
        column: str = "AGE",
        rows: ArrayLike | None = None,
        quality: bool = True,
        ax: Axes | None = None,
        **style: Any,
    ) -> ComparisonDisplay:
        """Draw a column of a catalogue against other values.

        Parameters
        ----------
        catalog : path, astropy.table.Table or pandas.DataFrame
            The stars.
        other : array-like of shape (n_samples,) or str
            Other values, row by row, in the unit of the axis, or with a unit of their own: ages in Gyr,
            distances in kpc, masses in Msun; or another column of the catalogue, of the same kind.
        column : str, default="AGE"
            Column to show.
        rows : array-like of bool of shape (n_samples,) or of int, optional
            Stars to show, all by default.
        quality : bool, default=True
            Leave out stars with a quality bit that forbids the quantity.
        ax : matplotlib.axes.Axes, optional
            Axes to draw into.
        **style : dict
            Passed to `plot`.

        Returns
        -------
        ComparisonDisplay
            The drawn display.
        """
        if isinstance(other, str):
            stars, name = Stars(catalog), other
            style = {"other_label": quantity(other).label} | style
        else:
            name = "OTHER"
            stars = Stars(catalog, {name: quantity(column).given(other)})
        good = stars.usable(column, name, rows=rows, quality=quality)
        good &= (stars.values(name) > 0) & (stars.values(column) > 0)
        return cls(stars.values(column)[good], stars.values(name)[good], column).plot(ax, **style)

    @classmethod
    def from_peer(
        cls,
        catalog: Catalog,
        other: Catalog,
        *,
        column: CatalogQuantity = "AGE",
        on: str = "APOGEE_ID",
        ax: Axes | None = None,
        **style: Any,
    ) -> ComparisonDisplay:
        """Draw a column of a catalogue against a catalogue of others, in its own units and with its own cuts.

        Parameters
        ----------
        catalog : path, astropy.table.Table or pandas.DataFrame
            The stars.
        other : path, astropy.table.Table or pandas.DataFrame
            Another catalogue as it was published: one of `skdistmass.columns.peers.PEERS`, or DistMass.
        column : {"DISTANCE", "MASS", "AGE"}, default="AGE"
            Quantity to show.
        on : str, default="APOGEE_ID"
            Identifier that both have.
        ax : matplotlib.axes.Axes, optional
            Axes to draw into.
        **style : dict
            Passed to `plot`.

        Returns
        -------
        ComparisonDisplay
            The drawn display: stars of both recommended cuts.

        Raises
        ------
        ValueError
            If no such star has the quantity in both.
        """
        table, peer = read_catalog(catalog), read_peer(other)
        for comparison in compare_with(table, peer, on):
            if comparison.quantity == column:
                return cls.from_comparison(table, comparison, peer.peer.name, ax=ax, **style)
        raise ValueError(
            f"{peer.peer.name} has {', '.join(peer.quantities)} to compare; no star has {column} "
            "in both catalogues, inside both recommended cuts."
        )

    @classmethod
    def from_comparison(
        cls,
        catalog: Table,
        comparison: PeerComparison,
        name: str = "the other catalogue",
        *,
        ax: Axes | None = None,
        **style: Any,
    ) -> ComparisonDisplay:
        """Draw stars that are matched already.

        Parameters
        ----------
        catalog : astropy.table.Table
            Our catalogue, with canonical names and units.
        comparison : PeerComparison
            The stars, and the other values.
        name : str, default="the other catalogue"
            What the other catalogue is called.
        ax : matplotlib.axes.Axes, optional
            Axes to draw into.
        **style : dict
            Passed to `plot`.

        Returns
        -------
        ComparisonDisplay
            The drawn display.
        """
        shown = quantity(comparison.quantity)
        ours = np.asarray(catalog[comparison.quantity], dtype=float)[comparison.rows] / shown.scale
        style = {"other_label": f"{shown.symbol} of {name} [{shown.unit}]"} | style
        return cls(ours, comparison.other / shown.scale, comparison.quantity).plot(ax, **style)

    def plot(
        self, ax: Axes | None = None, *, other_label: str | None = None, log: bool = True, **style: Any
    ) -> ComparisonDisplay:
        """Draw.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Axes to draw into.
        other_label : str, optional
            Label of the axis of the other values, with its unit; by default the quantity and "other
            catalogue".
        log : bool, default=True
            Logarithmic axes; a constant fractional error is then the same everywhere.
        **style : dict
            "cmap" of the density.

        Returns
        -------
        ComparisonDisplay
            The drawn display.
        """
        ax = self._panels(ax, size=(5.6, 4.6))[0, 0]
        self.n_shown_ = len(self.ours)
        shown = quantity(self.column)
        x, y = (np.log10(self.other), np.log10(self.ours)) if log else (self.other, self.ours)
        limits = limits_of(np.concatenate([x, y]))
        drawn = draw_stars(ax, x, y, (limits, limits), **style)
        ax.plot(limits, limits, color=REFERENCE_COLOR, linewidth=1.6, label="equal")
        difference = np.log10(self.ours / self.other)
        self.offset_ = float(np.median(difference)) if difference.size else np.nan
        self.scatter_ = robust_sigma(difference)
        ax.set(xlim=limits, ylim=limits, ylabel=shown.label)
        ax.set_xlabel(other_label or f"{shown.symbol} of the other catalogue [{shown.unit}]")
        if log:
            _label_powers(ax, limits)
        numbers = f"median {self.offset_:+.2f}, robust σ {self.scatter_:.2f} dex".replace("-", "−")
        ax.set_title(f"{n_stars(self.n_shown_)}: {numbers}", fontsize="medium")
        ax.legend(loc="upper left")
        add_colorbar(ax, drawn, None)
        return self


def _label_powers(ax: Axes, limits: tuple[float, float]) -> None:
    """Label axes that hold logarithms with the values themselves."""
    decades = np.arange(np.floor(limits[0]), np.ceil(limits[1]) + 1)
    digits = (1, 2, 5) if limits[1] - limits[0] > 0.7 else (1, 1.5, 2, 3, 5, 7)
    values = np.sort(np.outer(10.0**decades, digits).ravel())
    values = values[(np.log10(values) > limits[0]) & (np.log10(values) < limits[1])]
    texts = [f"{value:g}" for value in values]
    ax.set_xticks(np.log10(values), texts)
    ax.set_yticks(np.log10(values), texts)
