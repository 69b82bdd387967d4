"""What all figures share: axes to draw into, densities of stars, medians in bins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from skdistmass.plots._quantities import Quantity

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

# Both are told apart by colour-blind readers and in grey; the density of stars never looks like a quantity.
DENSITY_MAP = "cividis"
QUANTITY_MAP = "viridis"

COLORS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
"""Colours of lines and histograms that colour-blind readers tell apart (Okabe & Ito)."""

REFERENCE_COLOR = "#D55E00"
"""Colour of thresholds, relations and values to compare with."""

FEW_STARS = 3000
"""Up to this number stars are dots, beyond it their density is drawn."""

MIN_BIN_STARS = 10
"""Bins with fewer stars have no median."""

# Outermost stars, as a share, that an axis need not show.
_BEYOND_AXIS = 0.002
_MARGIN = 0.04
_N_CELLS = (40, 240)
# Beyond this number of panels, finding room for their labels takes longer than drawing the stars.
_MANY_PANELS = 12


class Limits(NamedTuple):
    """Range of an axis, lower value first."""

    low: float
    high: float


class Display:
    """Base of the displays.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes or ndarray of Axes
        Axes that were drawn into, one for each panel.
    figure_ : matplotlib.figure.Figure
        The figure they belong to.
    n_shown_ : int
        Number of stars that the figure shows; the outermost 0.2 % at each end of an axis may lie beyond it.
    """

    ax_: Axes | NDArray[Any]
    figure_: Figure
    n_shown_: int

    def _panels(
        self,
        ax: Axes | NDArray[Any] | None,
        shape: tuple[int, int] = (1, 1),
        size: tuple[float, float] = (5.2, 4.2),
        **share: Any,
    ) -> NDArray[Any]:
        """Make the axes, or take those that are given.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, ndarray of Axes, or None
            Axes to draw into.
        shape : tuple of int, default=(1, 1)
            Rows and columns of panels.
        size : tuple of float, default=(5.2, 4.2)
            Width and height of a new figure [inch].
        **share : bool or str
            `sharex` and `sharey` of the panels of a new figure.

        Returns
        -------
        ndarray of Axes of the given shape
            One for each panel.
        """
        n_panels = shape[0] * shape[1]
        if ax is None:
            if n_panels > _MANY_PANELS:
                share["gridspec_kw"] = _fixed_margins(*size)
            else:
                share["layout"] = "constrained"
            panels = _pyplot().subplots(*shape, figsize=size, squeeze=False, **share)[1]
        else:
            panels = np.array(ax, dtype=object)
            if panels.size != n_panels:
                raise ValueError(f"ax must hold {n_panels} axes, one a panel; received {panels.size}.")
            panels = panels.reshape(shape)
        self.ax_ = panels[0, 0] if n_panels == 1 else panels
        self.figure_ = panels[0, 0].figure
        return panels


def _fixed_margins(width: float, height: float) -> dict[str, float]:
    """Place of a grid of panels whose inner axes have no labels, in a figure of this size [inch]."""
    outer = {
        "left": 0.95 / width,
        "right": 1 - 0.75 / width,
        "bottom": 0.55 / height,
        "top": 1 - 0.3 / height,
    }
    return outer | {"wspace": 0.07, "hspace": 0.2}


def _pyplot() -> Any:
    try:
        from matplotlib import pyplot
    except ImportError as error:
        raise ImportError(
            "figures need matplotlib; install it with: python -m pip install 'skdistmass[plots]'"
        ) from error
    return pyplot


def limits_of(values: NDArray[np.float64], *more: float) -> Limits:
    """Choose the range of an axis so that it shows nearly all stars, with a margin.

    Parameters
    ----------
    values : ndarray of shape (n_samples,)
        Finite values.
    *more : float
        Values that have to lie inside.

    Returns
    -------
    Limits
        The range; (0, 1) if there is nothing to show.
    """
    if not values.size and not more:
        return Limits(0.0, 1.0)
    ends = np.quantile(values, [_BEYOND_AXIS, 1 - _BEYOND_AXIS]) if values.size > FEW_STARS else values
    ends = np.append(ends, more)
    low, high = float(ends.min()), float(ends.max())
    margin = _MARGIN * (high - low) or 0.5
    return Limits(low - margin, high + margin)


def n_stars(count: int) -> str:
    """Write a number of stars.

    Parameters
    ----------
    count : int
        Number of stars.

    Returns
    -------
    str
        The number with its noun.

    Examples
    --------
    >>> n_stars(733901), n_stars(1)
    ('733,901 stars', '1 star')
    """
    return f"{count:,} star" + ("" if count == 1 else "s")


def set_axis(ax: Axes, which: Literal["x", "y"], shown: Quantity, limits: Limits, label: bool = True) -> None:
    """Label an axis and let it run in its direction.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        The panel.
    which : {"x", "y"}
        Which of its axes.
    shown : Quantity
        The quantity on it.
    limits : Limits
        Its range.
    label : bool, default=True
        Whether to write the label.
    """
    low, high = limits
    ends = (high, low) if shown.reversed else (low, high)
    if which == "x":
        ax.set_xlim(ends)
        ax.set_xlabel(shown.label if label else "")
    else:
        ax.set_ylim(ends)
        ax.set_ylabel(shown.label if label else "")


def draw_stars(
    ax: Axes,
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    limits: tuple[Limits, Limits],
    color: NDArray[np.float64] | None = None,
    n_cells: int | None = None,
    **style: Any,
) -> ScalarMappable | None:
    """Draw stars: as dots if they are few, else their density or the median of a quantity in each cell.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        The panel.
    x, y : ndarray of shape (n_samples,)
        Finite positions.
    limits : tuple of Limits
        Ranges of the two axes.
    color : ndarray of shape (n_samples,), optional
        Quantity that gives the colour.
    n_cells : int, optional
        Cells along each axis; by default dots for few stars, else cells by the number of stars.
    **style : dict
        "cmap", "vmin" and "vmax" of the colours.

    Returns
    -------
    matplotlib.cm.ScalarMappable or None
        What a colour bar is for; None for dots of one colour.
    """
    n_cells = cells_for(len(x)) if n_cells is None else n_cells
    if color is None:
        if n_cells is None:
            ax.plot(
                x, y, "o", color=COLORS[0], ms=_dot_size(len(x)) ** 0.5, mew=0, alpha=0.6, rasterized=True
            )
            return None
        return _draw_image(
            ax, _counts(x, y, limits, n_cells), limits, {"cmap": DENSITY_MAP, "norm": "log"} | style
        )
    if color.size:
        low, high = np.quantile(color, [0.02, 0.98])
        style = {"vmin": float(low), "vmax": float(high)} | style
    style = {"cmap": QUANTITY_MAP} | style
    if n_cells is None:
        return ax.scatter(x, y, c=color, s=_dot_size(len(x)), linewidths=0, rasterized=True, **style)
    return _draw_image(ax, cell_medians(x, y, color, limits, n_cells), limits, style)


def _dot_size(count: int) -> float:
    return float(np.clip(8000 / max(count, 1), 5.0, 40.0))


def cells_for(count: int) -> int | None:
    """Choose how fine a grid for a number of stars is.

    Parameters
    ----------
    count : int
        Number of stars.

    Returns
    -------
    int or None
        Cells along each axis; None for so few stars that they are better drawn as dots.
    """
    return None if count <= FEW_STARS else int(np.clip(3.0 * count ** (1 / 3), *_N_CELLS))


def _cells(
    x: NDArray[np.float64], y: NDArray[np.float64], limits: tuple[Limits, Limits], n: int
) -> NDArray[np.int64]:
    """Cell of each star in a grid of n by n; those outside come last, in cell n²."""
    place = []
    for values, (low, high) in zip((y, x), limits[::-1], strict=True):
        place.append(np.floor((values - low) * (n / (high - low))))
    inside = (place[0] >= 0) & (place[0] < n) & (place[1] >= 0) & (place[1] < n)
    return np.where(inside, place[0] * n + place[1], n * n).astype(np.int64)


def _counts(
    x: NDArray[np.float64], y: NDArray[np.float64], limits: tuple[Limits, Limits], n: int
) -> NDArray[np.float64]:
    counts = np.bincount(_cells(x, y, limits, n), minlength=n * n + 1)[:-1].reshape(n, n)
    return np.where(counts > 0, counts, np.nan)


def cell_medians(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    values: NDArray[np.float64],
    limits: tuple[Limits, Limits],
    n_cells: int,
) -> NDArray[np.float64]:
    """Median of a quantity in each cell of a grid.

    Parameters
    ----------
    x, y, values : ndarray of shape (n_samples,)
        Positions, and the quantity.
    limits : tuple of Limits
        Ranges of the two axes.
    n_cells : int
        Cells along each axis.

    Returns
    -------
    ndarray of shape (n_cells, n_cells)
        Lower median by row (y) and column (x); NaN where there is no star.
    """
    n = n_cells
    cell = _cells(x, y, limits, n)
    order = np.lexsort((values, cell))
    counts = np.bincount(cell, minlength=n * n + 1)
    start = np.cumsum(counts) - counts
    filled = np.flatnonzero(counts[:-1])
    medians = np.full(n * n, np.nan)
    medians[filled] = values[order[start[filled] + (counts[filled] - 1) // 2]]
    return medians.reshape(n, n)


def _draw_image(
    ax: Axes, image: NDArray[np.float64], limits: tuple[Limits, Limits], style: dict[str, Any]
) -> ScalarMappable:
    return ax.imshow(
        image,
        origin="lower",
        aspect="auto",
        interpolation="nearest",
        extent=(*limits[0], *limits[1]),
        **style,
    )


def share_colors(drawn: list[ScalarMappable]) -> None:
    """Give several panels one scale of colours.

    Parameters
    ----------
    drawn : list of matplotlib.cm.ScalarMappable
        What was drawn; at least one.
    """
    low, high = np.array([each.get_clim() for each in drawn], dtype=float).T
    for each in drawn:
        each.set_clim(low.min(), high.max())


def add_colorbar(ax: Axes | NDArray[Any], drawn: ScalarMappable | None, shown: Quantity | None) -> None:
    """Put a colour bar beside one or several panels.

    Parameters
    ----------
    ax : matplotlib.axes.Axes or ndarray of Axes
        The panels.
    drawn : matplotlib.cm.ScalarMappable or None
        What it is for; None for nothing.
    shown : Quantity or None
        Quantity that gives the colour; None for the number of stars.
    """
    if drawn is None:
        return
    panels = np.atleast_2d(np.array(ax, dtype=object))
    label = "stars per cell" if shown is None else shown.label
    room = 0.15 / panels.shape[1] ** 0.5
    panels[0, 0].figure.colorbar(drawn, ax=ax, label=label, fraction=room, pad=0.02)


def draw_median(
    ax: Axes, x: NDArray[np.float64], y: NDArray[np.float64], limits: Limits, n_bins: int = 12
) -> None:
    """Draw the running median of y, with its 16th and 84th percentiles as a band.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        The panel.
    x, y : ndarray of shape (n_samples,)
        Finite positions.
    limits : Limits
        Range of x.
    n_bins : int, default=12
        Number of bins of x; those with fewer than 10 stars are left out.
    """
    edges = np.linspace(*limits, n_bins + 1)
    place = np.searchsorted(edges, x) - 1
    parts = {i: y[place == i] for i in range(n_bins)}
    shown = [i for i in range(n_bins) if parts[i].size >= MIN_BIN_STARS]
    if not shown:
        return
    centre = (edges[:-1] + edges[1:])[shown] / 2
    low, median, high = np.array([np.quantile(parts[i], [0.16, 0.5, 0.84]) for i in shown]).T
    ax.plot(centre, median, color="white", linewidth=4.0)
    ax.plot(centre, median, color=REFERENCE_COLOR, linewidth=2.0, label="median, 16-84 %")
    for edge in (low, high):
        ax.plot(centre, edge, color=REFERENCE_COLOR, linewidth=1.0, linestyle=":")
