"""Kiel, Hertzsprung-Russell and metallicity diagrams, and the coverage of all stars by a training set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from skdistmass.plots._drawing import (
    REFERENCE_COLOR,
    Display,
    add_colorbar,
    cells_for,
    draw_stars,
    limits_of,
    n_stars,
    set_axis,
)
from skdistmass.plots._quantities import quantity
from skdistmass.plots._stars import Stars

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike, NDArray

    from skdistmass.plots._drawing import Limits
    from skdistmass.plots._stars import Catalog

_PLANES = (("TEFF", "LOGG"), ("M_H", "LOGG"))
_TRAINING_BITS = {
    "distance": ("DISTANCE_TRAINING",),
    "mass": ("MASS_LABEL_APOKASC", "MASS_LABEL_BERGER", "MASS_LABEL_SERENELLI"),
}


class KielDisplay(Display):
    r"""Stars in the plane of effective temperature and surface gravity, or in a plane like it.

    Many stars are drawn as a density, few as dots; with `color` as the median of a quantity in each cell.
    Figures 1, 2, 3b, 6, 11 and 18 of the paper are of this kind.

    Parameters
    ----------
    x_values, y_values : ndarray of shape (n_samples,)
        Positions in the units of the axes.
    color_values : ndarray of shape (n_samples,) or None
        Quantity that gives the colour.
    highlight : ndarray of bool of shape (n_samples,) or None
        Stars to mark.
    x, y, color : str
        Names of the quantities; `color` may be None.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        Axes that were drawn into.
    figure_ : matplotlib.figure.Figure
        The figure they belong to.
    n_shown_ : int
        Number of stars that the figure shows.

    See Also
    --------
    CoverageDisplay : All stars beside those of a training set.

    Examples
    --------
    >>> from skdistmass import make_survey
    >>> from skdistmass.plots import KielDisplay
    >>> display = KielDisplay.from_catalog(make_survey(200, random_state=0)[0])
    >>> display.ax_.get_ylabel()
    '$\\log\\,g$ [dex]'
    """

    def __init__(
        self,
        x_values: NDArray[np.float64],
        y_values: NDArray[np.float64],
        color_values: NDArray[np.float64] | None = None,
        highlight: NDArray[np.bool_] | None = None,
        *,
        x: str = "TEFF",
        y: str = "LOGG",
        color: str | None = None,
    ):
        self.x_values, self.y_values, self.color_values = x_values, y_values, color_values
        self.highlight = highlight
        self.x, self.y, self.color = x, y, color

    @classmethod
    def from_catalog(
        cls,
        catalog: Catalog,
        *,
        x: str = "TEFF",
        y: str = "LOGG",
        color: str | None = None,
        rows: ArrayLike | None = None,
        highlight: ArrayLike | None = None,
        quality: bool = True,
        ax: Axes | None = None,
        **style: Any,
    ) -> KielDisplay:
        """Draw the diagram of a catalogue or of a survey table.

        Parameters
        ----------
        catalog : path, astropy.table.Table or pandas.DataFrame
            The stars.
        x : str, default="TEFF"
            Quantity across; "M_H" for a metallicity diagram.
        y : str, default="LOGG"
            Quantity upwards; "ABS_MAG" for a Hertzsprung-Russell diagram.
        color : str, optional
            Quantity that gives the colour: "MASS", "AGE", "LOG_AGE", "C_N", "M_H" or any column; by default
            the number of stars.
        rows : array-like of bool of shape (n_samples,) or of int, optional
            Stars to show, all by default.
        highlight : array-like of bool of shape (n_samples,) or of int, optional
            Stars to mark, such as members of clusters or suspected binaries.
        quality : bool, default=True
            Leave out stars with a quality bit that forbids one of the quantities.
        ax : matplotlib.axes.Axes, optional
            Axes to draw into.
        **style : dict
            Passed to `plot`.

        Returns
        -------
        KielDisplay
            The drawn display.
        """
        stars = Stars(catalog)
        names = [x, y] + ([color] if color else [])
        good = stars.usable(*names, rows=rows, quality=quality)
        marked = None if highlight is None else stars.rows(highlight)[good]
        colors = stars.values(color)[good] if color else None
        display = cls(stars.values(x)[good], stars.values(y)[good], colors, marked, x=x, y=y, color=color)
        return display.plot(ax, **style)

    def plot(
        self,
        ax: Axes | None = None,
        *,
        limits: tuple[Limits, Limits] | None = None,
        highlight_label: str = "marked",
        colorbar: bool = True,
        n_cells: int | None = None,
        title: str = "",
        **style: Any,
    ) -> KielDisplay:
        """Draw.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Axes to draw into.
        limits : tuple of two tuples of float, optional
            Ranges of the two axes, lower value first; by default nearly all stars.
        highlight_label : str, default="marked"
            What the marked stars are.
        colorbar : bool, default=True
            Whether to add a colour bar.
        n_cells : int, optional
            Cells along each axis; by default dots for few stars, else cells by the number of stars.
        title : str, default=""
            Goes before the number of stars.
        **style : dict
            "cmap", "vmin" and "vmax" of the colours.

        Returns
        -------
        KielDisplay
            The drawn display.
        """
        ax = self._panels(ax)[0, 0]
        limits = limits or (limits_of(self.x_values), limits_of(self.y_values))
        drawn = draw_stars(ax, self.x_values, self.y_values, limits, self.color_values, n_cells, **style)
        self.n_shown_ = len(self.x_values)
        set_axis(ax, "x", quantity(self.x), limits[0])
        set_axis(ax, "y", quantity(self.y), limits[1])
        ax.set_title(f"{title}: {n_stars(self.n_shown_)}" if title else n_stars(self.n_shown_))
        if colorbar:
            add_colorbar(ax, drawn, quantity(self.color) if self.color else None)
        if self.highlight is not None:
            self._draw_marked(ax, self.highlight, highlight_label)
        return self

    def _draw_marked(self, ax: Axes, marked: NDArray[np.bool_], label: str) -> None:
        count = int(np.count_nonzero(marked))
        size = np.clip(60.0 / max(count, 1) ** 0.5, 1.5, 5.0)
        ax.plot(
            self.x_values[marked],
            self.y_values[marked],
            "o",
            color=REFERENCE_COLOR,
            markersize=size,
            markeredgewidth=0,
            rasterized=True,
            label=f"{label}: {n_stars(count)}",
        )
        ax.legend(loc="best", markerscale=max(5.0 / size, 1.0))


class CoverageDisplay(Display):
    """Density of all stars and of the training stars, in the Kiel and in the metallicity diagram.

    Figures 1 and 11 of the paper.

    Parameters
    ----------
    labels : dict of str to ndarray of shape (n_samples,)
        TEFF [K], LOGG and M_H [dex] of all stars.
    training : ndarray of bool of shape (n_samples,)
        Which of them are training stars.

    Attributes
    ----------
    ax_ : ndarray of Axes of shape (2, 2)
        Axes that were drawn into: all stars to the left, training stars to the right; Kiel above metallicity.
    figure_ : matplotlib.figure.Figure
        The figure they belong to.
    n_shown_, n_training_ : int
        Number of stars, and of training stars among them.

    See Also
    --------
    KielDisplay : One such diagram.
    """

    def __init__(self, labels: dict[str, NDArray[np.float64]], training: NDArray[np.bool_]):
        self.labels, self.training = labels, training

    @classmethod
    def from_catalog(
        cls,
        catalog: Catalog,
        training: ArrayLike | str = "distance",
        *,
        rows: ArrayLike | None = None,
        quality: bool = True,
        ax: NDArray[Any] | None = None,
        **style: Any,
    ) -> CoverageDisplay:
        """Draw the coverage of a catalogue by a training set.

        Parameters
        ----------
        catalog : path, astropy.table.Table or pandas.DataFrame
            All stars.
        training : {"distance", "mass"}, array-like of bool of shape (n_samples,) or of int
            Training stars: those that BITMASK calls so, or a mask or numbers of rows, such as `rows` of a
            training set.
        rows : array-like of bool of shape (n_samples,) or of int, optional
            Stars to show, all by default.
        quality : bool, default=True
            Leave out bad spectra and repeated stars; training stars stay.
        ax : ndarray of 4 Axes, optional
            Axes to draw into.
        **style : dict
            Passed to `plot`.

        Returns
        -------
        CoverageDisplay
            The drawn display.

        Raises
        ------
        ValueError
            If no row is a training star.
        """
        stars = Stars(catalog)
        if isinstance(training, str):
            if training not in _TRAINING_BITS:
                raise ValueError(
                    f"training must be one of {tuple(_TRAINING_BITS)}, a mask or numbers of rows; received "
                    f"{training!r}."
                )
            chosen = stars.has_bits(*_TRAINING_BITS[training])
        else:
            chosen = stars.rows(training)
        if not chosen.any():
            raise ValueError(
                f"none of the {len(stars)} rows is a training star; give their rows, such as "
                "`training=training_set.rows`."
            )
        names = ("TEFF", "LOGG", "M_H")
        good = stars.usable(*names, rows=rows, quality=quality)
        good |= stars.usable(*names, rows=rows, quality=False) & chosen
        return cls({name: stars.values(name)[good] for name in names}, chosen[good]).plot(ax, **style)

    def plot(self, ax: NDArray[Any] | None = None, **style: Any) -> CoverageDisplay:
        """Draw.

        Parameters
        ----------
        ax : ndarray of 4 Axes, optional
            Axes to draw into.
        **style : dict
            "cmap" of the colours.

        Returns
        -------
        CoverageDisplay
            The drawn display.
        """
        panels = self._panels(ax, (2, 2), (9.6, 8.0))
        n_cells = cells_for(len(self.training))
        everyone = np.ones(len(self.training), dtype=bool)
        for row, (x, y) in zip(panels, _PLANES, strict=True):
            limits = limits_of(self.labels[x]), limits_of(self.labels[y])
            for panel, title, part in zip(row, ("all", "training"), (everyone, self.training), strict=True):
                shown = KielDisplay(self.labels[x][part], self.labels[y][part], x=x, y=y)
                shown.plot(panel, limits=limits, n_cells=n_cells, title=title, **style)
        self.n_shown_, self.n_training_ = len(self.training), int(self.training.sum())
        return self
