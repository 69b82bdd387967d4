"""[C/N] against mass, metallicity, age, surface gravity and place in the Galaxy."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from skdistmass.physics.giants import SPOO_INTERCEPT, SPOO_RANGE, SPOO_SLOPE
from skdistmass.plots._drawing import (
    Display,
    Limits,
    add_colorbar,
    cells_for,
    draw_median,
    draw_stars,
    limits_of,
    n_stars,
    set_axis,
    share_colors,
)
from skdistmass.plots._quantities import quantity
from skdistmass.plots._stars import Stars

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike, NDArray

    from skdistmass.plots._stars import Catalog

_EDGES: dict[str, tuple[float, ...]] = {
    "LOGG": (1.0, 1.5, 2.0, 2.5, 3.0, 3.5),
    "M_H": (-0.5, -0.3, -0.1, 0.1, 0.3),
    "MASS": (0.8, 1.0, 1.2, 1.5, 2.0),
}


class CarbonNitrogenDisplay(Display):
    """[C/N] against another quantity, in panels of a third.

    Figures 7 to 10, 13 and 15 of the paper are of this kind; see `from_catalog` for what to ask for.

    Parameters
    ----------
    panels : list of list of dict
        For each row and column of panels: "x", "c_n" and "color" (ndarray or None), "title", and "error", the
        median error of "x" (NaN for none).
    against : sequence of str
        Quantity across, for each column of panels.
    color : str or None
        Quantity that gives the colour.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes or ndarray of Axes of shape (n_rows, n_columns)
        Axes that were drawn into.
    figure_ : matplotlib.figure.Figure
        The figure they belong to.
    n_shown_ : int
        Number of stars in all panels of the first quantity.
    """

    def __init__(self, panels: list[list[dict[str, Any]]], against: Sequence[str], color: str | None = None):
        self.panels, self.against, self.color = panels, tuple(against), color

    @classmethod
    def from_catalog(
        cls,
        catalog: Catalog,
        against: str | Sequence[str] = "MASS",
        *,
        by: str | None = None,
        edges: Sequence[float] | None = None,
        color: str | None = None,
        error: str | None = None,
        rows: ArrayLike | None = None,
        quality: bool = True,
        ra: ArrayLike | None = None,
        dec: ArrayLike | None = None,
        ax: Axes | NDArray[Any] | None = None,
        **style: Any,
    ) -> CarbonNitrogenDisplay:
        """Draw [C/N] of a catalogue or of a survey table.

        Parameters
        ----------
        catalog : path, astropy.table.Table or pandas.DataFrame
            The stars.
        against : str or sequence of str, default="MASS"
            Quantity across: a mass, "M_H", "LOGG", "LOG_AGE", "R_GAL" (Galactocentric radius). Several make a
            panel each, side by side.
        by : str, optional
            Quantity whose bins are the panels: "LOGG", "M_H", "MASS" or another.
        edges : sequence of float, optional
            Edges of these bins, in the unit of the axis; by default those of the paper for the three.
        color : str, optional
            Quantity that gives the colour; by default the number of stars.
        error : str, optional
            Column of the errors of the quantity across, such as "MASS_ERR", for one bar in each panel.
        rows : array-like of bool of shape (n_samples,) or of int, optional
            Stars to show, such as subgiants before the first dredge-up; all by default.
        quality : bool, default=True
            Leave out stars with a quality bit that forbids one of the quantities.
        ra, dec : array-like of shape (n_samples,), optional
            Right ascension and declination [deg], for "R_GAL" of a catalogue without these columns.
        ax : matplotlib.axes.Axes or ndarray of Axes, optional
            Axes to draw into, one for each panel.
        **style : dict
            Passed to `plot`.

        Returns
        -------
        CarbonNitrogenDisplay
            The drawn display.

        Raises
        ------
        ValueError
            If `edges` are needed and not given.
        """
        names = (against,) if isinstance(against, str) else tuple(against)
        stars = Stars(catalog, {"RA": ra, "DEC": dec})
        bins = _bins(by, edges)
        grid: list[list[dict[str, Any]]] = [[] for _ in bins]
        for name in names:
            needed = [name, "C_N", *(extra for extra in (by, color) if extra)]
            good = np.flatnonzero(stars.usable(*needed, rows=rows, quality=quality))
            place = stars.values(by)[good] if by else np.zeros(len(good))
            for line, (low, high) in zip(grid, bins, strict=True):
                part = good[(place >= low) & (place < high)]
                line.append(
                    {
                        "x": stars.values(name)[part],
                        "c_n": stars.values("C_N")[part],
                        "color": stars.values(color)[part] if color else None,
                        "title": _bin_title(by, low, high),
                        "error": _median(stars.values(error)[part]) if error else np.nan,
                    }
                )
        return cls(grid, names, color).plot(ax, **style)

    def plot(
        self,
        ax: Axes | NDArray[Any] | None = None,
        *,
        median: bool = True,
        spoo: bool = False,
        **style: Any,
    ) -> CarbonNitrogenDisplay:
        """Draw.

        Parameters
        ----------
        ax : matplotlib.axes.Axes or ndarray of Axes, optional
            Axes to draw into, one for each panel.
        median : bool, default=True
            Draw the running median and the 16th and 84th percentiles of [C/N].
        spoo : bool, default=False
            Draw the relation of age and [C/N] of star clusters, where `against` is "LOG_AGE".
        **style : dict
            "cmap", "vmin" and "vmax" of the colours.

        Returns
        -------
        CarbonNitrogenDisplay
            The drawn display.
        """
        # One quantity: its panels go side by side. Several: one column each.
        single = len(self.against) == 1
        grid = [[line[0] for line in self.panels]] if single else self.panels
        names = self.against * len(grid[0]) if single else self.against
        shape = (len(grid), len(grid[0]))
        size = (1.6 + (3.4 if shape[1] < 3 else 2.5) * shape[1], 1.2 + (2.8 if single else 1.7) * shape[0])
        panels = self._panels(ax, shape, size)
        self.n_shown_ = sum(len(line[0]["x"]) for line in self.panels)
        style = self._shared_colors() | style
        style["n_cells"] = cells_for(max(len(panel["x"]) for line in grid for panel in line))
        y_limits = limits_of(np.concatenate([panel["c_n"] for line in grid for panel in line]))
        drawn = []
        for column, name in enumerate(names):
            # One range for all columns that show masses, or all that show ages.
            kind = name.split("_")[0]
            same = [line[i]["x"] for line in grid for i, other in enumerate(names) if other.startswith(kind)]
            limits = limits_of(np.concatenate(same)), y_limits
            for row in range(shape[0]):
                panel_ax, panel = panels[row, column], grid[row][column]
                drawn.append(draw_stars(panel_ax, panel["x"], panel["c_n"], limits, panel["color"], **style))
                if median:
                    draw_median(panel_ax, panel["x"], panel["c_n"], limits[0])
                if spoo:
                    _draw_spoo(panel_ax)
                _draw_error(panel_ax, panel["error"], limits)
                set_axis(panel_ax, "x", quantity(name), limits[0], label=row == shape[0] - 1)
                set_axis(panel_ax, "y", quantity("C_N"), y_limits, label=column == 0)
                _set_titles(panel_ax, panel, single)
        if images := [each for each in drawn if each is not None]:
            share_colors(images)
            add_colorbar(panels, images[0], quantity(self.color) if self.color else None)
        labelled = [each for each in panels.ravel() if each.get_legend_handles_labels()[1]]
        if labelled:
            labelled[0].legend(loc="best", fontsize="small")
        return self

    def _shared_colors(self) -> dict[str, float]:
        """One scale of colours for all panels."""
        every = [panel for line in self.panels for panel in line if len(panel["x"])]
        if self.color and every:
            low, high = np.quantile(np.concatenate([panel["color"] for panel in every]), [0.02, 0.98])
            return {"vmin": float(low), "vmax": float(high)}
        return {}


def _set_titles(ax: Axes, panel: dict[str, Any], single: bool) -> None:
    """Name the bin above each panel, or at the start of each line of panels."""
    title = n_stars(len(panel["x"]))
    if single and panel["title"]:
        title = f"{panel['title']}\n{title}"
    elif not single and panel["title"] and ax.get_ylabel():
        ax.set_ylabel(f"{panel['title']}\n{ax.get_ylabel()}")
    ax.set_title(title, fontsize="medium" if single else "small")
    ax.label_outer(remove_inner_ticks=False)


def _draw_error(ax: Axes, error: float, limits: tuple[Limits, Limits]) -> None:
    """Bar of the median error in the lower left corner."""
    if np.isfinite(error):
        x, y = (low + 0.08 * (high - low) for low, high in limits)
        ax.errorbar([x + error], [y], xerr=[error], color="black", capsize=3, marker="o", ms=3)


def _median(values: NDArray[np.float64]) -> float:
    values = values[np.isfinite(values)]
    return float(np.median(values)) if values.size else np.nan


def _draw_spoo(ax: Axes) -> None:
    ages = np.array(SPOO_RANGE)
    c_n = (ages - SPOO_INTERCEPT) / SPOO_SLOPE
    ax.plot(ages, c_n, "k--", linewidth=2.0, label="Spoo et al. 2022")


def _bins(by: str | None, edges: Sequence[float] | None) -> list[tuple[float, float]]:
    if by is None:
        return [(-np.inf, np.inf)]
    edges = _EDGES.get(by) if edges is None else edges
    if edges is None or len(edges) < 2 or np.any(np.diff(edges) <= 0):
        raise ValueError(f"edges of {by} must be two or more increasing numbers; received {edges!r}.")
    return list(pairwise(edges))


def _bin_title(by: str | None, low: float, high: float) -> str:
    if by is None:
        return ""
    shown = quantity(by)
    unit = f" {shown.unit}" if shown.unit not in ("", "dex") else ""
    return f"{low:g} ≤ {shown.symbol} < {high:g}{unit}".replace("-", "−")
