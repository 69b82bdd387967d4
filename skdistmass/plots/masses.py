"""Distributions of mass at low and high surface gravity, for the six sets of mass labels."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from skdistmass.columns import LABEL_SETS
from skdistmass.plots._drawing import COLORS, Display, Limits, limits_of, n_stars, set_axis
from skdistmass.plots._quantities import quantity
from skdistmass.plots._stars import Stars
from skdistmass.tables.aliases import MissingColumnsError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    from skdistmass.plots._stars import Catalog

_N_BARS = 40


class MassHistogramDisplay(Display):
    """Normalised histograms of mass below and above a surface gravity, one panel for each set of masses.

    Figures 12 and 14 of the paper: in one region of the Galaxy both should agree. Vertical lines are medians.

    Parameters
    ----------
    masses : mapping of str to tuple of two ndarray
        For each column of masses, those of stars of low and of high surface gravity [Msun].
    log_g_edges : sequence of three float
        Surface gravities [dex]: low stars from the first to the second, high stars from there to the third.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes or ndarray of Axes of shape (n_rows, n_columns)
        Axes that were drawn into; in two columns, masses not corrected and corrected with Gaia radii.
    figure_ : matplotlib.figure.Figure
        The figure they belong to.
    n_shown_ : int
        Number of stars in the first panel.
    """

    def __init__(
        self,
        masses: Mapping[str, tuple[NDArray[np.float64], NDArray[np.float64]]],
        log_g_edges: Sequence[float],
    ):
        self.masses, self.log_g_edges = dict(masses), tuple(log_g_edges)

    @classmethod
    def from_catalog(
        cls,
        catalog: Catalog,
        masses: Sequence[str] | None = None,
        *,
        log_g_edges: Sequence[float] = (1.0, 2.3, 3.5),
        rows: ArrayLike | None = None,
        quality: bool = True,
        ax: NDArray[Any] | None = None,
    ) -> MassHistogramDisplay:
        """Draw the masses of a catalogue, or of a table of mass labels.

        Parameters
        ----------
        catalog : path, astropy.table.Table or pandas.DataFrame
            The stars.
        masses : sequence of str, optional
            Columns of masses; by default those of the six label sets that the table has, or MASS.
        log_g_edges : sequence of three float, default=(1.0, 2.3, 3.5)
            Surface gravities [dex] of the low stars from the first to the second, of the high ones from there
            to the third.
        rows : array-like of bool of shape (n_samples,) or of int, optional
            Stars to show, such as those of one range of distance; all by default.
        quality : bool, default=True
            Leave out stars with a quality bit that forbids the mass.
        ax : ndarray of Axes, optional
            Axes to draw into, one for each column of masses.

        Returns
        -------
        MassHistogramDisplay
            The drawn display.

        Raises
        ------
        MissingColumnsError
            If the table has no masses.
        ValueError
            If the edges do not increase.
        """
        edges = np.asarray(log_g_edges, dtype=float)
        if edges.shape != (3,) or np.any(np.diff(edges) <= 0):
            raise ValueError(f"log_g_edges must be three increasing numbers [dex]; received {log_g_edges!r}.")
        stars = Stars(catalog)
        if masses is None:
            six = [f"MASS_{label_set}" for label_set in LABEL_SETS if f"MASS_{label_set}" in stars]
            masses = six or ["MASS"]
        if missing := [name for name in masses if name not in stars]:
            raise MissingColumnsError("the figure of masses", missing, stars.names)
        log_g = stars.values("LOGG")
        parts = {}
        for name in masses:
            good = stars.usable(name, "LOGG", rows=rows, quality=quality)
            parts[name] = tuple(
                stars.values(name)[good & (log_g >= low) & (log_g < high)]
                for low, high in pairwise(edges.tolist())
            )
        return cls(parts, edges.tolist()).plot(ax)

    def plot(self, ax: NDArray[Any] | None = None) -> MassHistogramDisplay:
        """Draw.

        Parameters
        ----------
        ax : ndarray of Axes, optional
            Axes to draw into, one for each column of masses.

        Returns
        -------
        MassHistogramDisplay
            The drawn display.
        """
        columns = 2 if len(self.masses) > 1 else 1
        shape = (-(-len(self.masses) // columns), columns)
        if ax is not None:
            shape = (1, len(self.masses))
        panels = self._panels(ax, shape, (0.8 + 4.0 * shape[1], 1.0 + 2.3 * shape[0]), sharex=True)
        self.n_shown_ = sum(len(part) for part in next(iter(self.masses.values())))
        everything = np.concatenate([part for pair in self.masses.values() for part in pair])
        low, high = limits_of(everything)
        limits = Limits(max(low, 0.0), high)
        for panel, (name, pair) in zip(panels.ravel(), self.masses.items(), strict=False):
            self._draw(panel, name, pair, limits)
        for panel in panels.ravel()[len(self.masses) :]:
            panel.set_visible(False)
        for number, panel in enumerate(panels.ravel()[: len(self.masses)]):
            last = number + shape[1] >= len(self.masses)
            set_axis(panel, "x", quantity("MASS"), limits, label=last)
            panel.set_ylabel(r"stars per $M_\odot$, normalised" if number % shape[1] == 0 else "")
        return self

    def _draw(self, panel: Any, name: str, pair: tuple[NDArray, NDArray], limits: Limits) -> None:
        for i, (part, color) in enumerate(zip(pair, COLORS, strict=False)):
            low, high = self.log_g_edges[i : i + 2]
            label = rf"{low:g} ≤ $\log\,g$ < {high:g}: {n_stars(len(part))}"
            if not part.size:
                panel.plot([], [], color=color, label=label)
                continue
            bars = int(np.clip(len(part) ** 0.5, 8, _N_BARS))
            panel.hist(
                part, np.linspace(*limits, bars + 1), density=True, histtype="step", color=color, lw=1.8
            )
            panel.axvline(np.median(part), color=color, linestyle="--", linewidth=1.4)
            panel.plot([], [], color=color, label=label)
        panel.set_title(quantity(name).symbol, fontsize="medium")
        panel.legend(loc="upper right", fontsize="small", frameon=False)
