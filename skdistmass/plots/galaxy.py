"""Maps of the Galaxy: where the stars are, and how old or metal-rich."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from skdistmass.physics.galaxy import SUN_HEIGHT, SUN_RADIUS
from skdistmass.plots._drawing import (
    REFERENCE_COLOR,
    Display,
    Limits,
    add_colorbar,
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

    from skdistmass.plots._stars import Catalog

# Axes of each plane, the places of the Sun and of the Galactic centre in it.
_PLANES = {
    "xy": (("X_GAL", "Y_GAL"), (-SUN_RADIUS, 0.0)),
    "rz": (("R_GAL", "Z_GAL"), (SUN_RADIUS, SUN_HEIGHT)),
}


class GalaxyMapDisplay(Display):
    """Stars in the plane of the Galaxy, or in radius and height, coloured by age or another quantity.

    Parameters
    ----------
    x_values, y_values : ndarray of shape (n_samples,)
        Galactocentric coordinates [kpc].
    color_values : ndarray of shape (n_samples,) or None
        Quantity that gives the colour.
    plane : {"xy", "rz"}, default="xy"
        The Galaxy from above, or its radius and height.
    color : str or None
        Name of the quantity.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        Axes that were drawn into.
    figure_ : matplotlib.figure.Figure
        The figure they belong to.
    n_shown_ : int
        Number of stars that the figure shows.
    """

    def __init__(
        self,
        x_values: NDArray[np.float64],
        y_values: NDArray[np.float64],
        color_values: NDArray[np.float64] | None = None,
        *,
        plane: str = "xy",
        color: str | None = None,
    ):
        self.x_values, self.y_values, self.color_values = x_values, y_values, color_values
        self.plane, self.color = plane, color

    @classmethod
    def from_catalog(
        cls,
        catalog: Catalog,
        *,
        color: str | None = "AGE",
        plane: str = "xy",
        ra: ArrayLike | None = None,
        dec: ArrayLike | None = None,
        distance: str = "DISTANCE",
        rows: ArrayLike | None = None,
        quality: bool = True,
        ax: Axes | None = None,
        **style: Any,
    ) -> GalaxyMapDisplay:
        """Draw the map of a catalogue.

        Parameters
        ----------
        catalog : path, astropy.table.Table or pandas.DataFrame
            The stars.
        color : str or None, default="AGE"
            Quantity that gives the colour; None for the number of stars.
        plane : {"xy", "rz"}, default="xy"
            The Galaxy from above, with the Sun at negative X, or Galactocentric radius and height.
        ra, dec : array-like of shape (n_samples,), optional
            Right ascension and declination [deg]; by default the columns GLON and GLAT, or RA and DEC.
        distance : str, default="DISTANCE"
            Column of the distances, such as "WEIGHTED_DIST".
        rows : array-like of bool of shape (n_samples,) or of int, optional
            Stars to show, all by default.
        quality : bool, default=True
            Leave out stars with a quality bit that forbids the distance or the quantity.
        ax : matplotlib.axes.Axes, optional
            Axes to draw into.
        **style : dict
            Passed to `plot`.

        Returns
        -------
        GalaxyMapDisplay
            The drawn display.

        Raises
        ------
        ValueError
            If the plane is not one of the two.
        MissingColumnsError
            If the catalogue has no sky positions and none are given.
        """
        if plane not in _PLANES:
            raise ValueError(f"plane must be one of {tuple(_PLANES)}; received {plane!r}.")
        stars = Stars(catalog, {"RA": ra, "DEC": dec}, distance)
        names = [*_PLANES[plane][0], *([color] if color else [])]
        good = stars.usable(*names, distance, rows=rows, quality=quality)
        x, y = (stars.values(name)[good] for name in names[:2])
        colors = stars.values(color)[good] if color else None
        return cls(x, y, colors, plane=plane, color=color).plot(ax, **style)

    def plot(
        self, ax: Axes | None = None, *, limits: tuple[Limits, Limits] | None = None, **style: Any
    ) -> GalaxyMapDisplay:
        """Draw.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Axes to draw into.
        limits : tuple of two tuples of float, optional
            Ranges of the two axes [kpc], lower value first; by default nearly all stars and the Sun.
        **style : dict
            "cmap", "vmin" and "vmax" of the colours.

        Returns
        -------
        GalaxyMapDisplay
            The drawn display.
        """
        ax = self._panels(ax, size=(6.0, 5.0))[0, 0]
        self.n_shown_ = len(self.x_values)
        (x, y), sun = _PLANES[self.plane]
        limits = limits or (limits_of(self.x_values, sun[0]), limits_of(self.y_values, sun[1]))
        drawn = draw_stars(ax, self.x_values, self.y_values, limits, self.color_values, **style)
        ax.plot(*sun, "o", color="white", mec=REFERENCE_COLOR, mew=2.0, ms=8, label="Sun", linestyle="none")
        if self.plane == "xy":
            ax.plot(0, 0, "X", color="white", mec="black", ms=9, label="Galactic centre", linestyle="none")
        set_axis(ax, "x", quantity(x), limits[0])
        set_axis(ax, "y", quantity(y), limits[1])
        ax.set_aspect("equal" if self.plane == "xy" else "auto", adjustable="box")
        ax.set_title(n_stars(self.n_shown_))
        ax.legend(loc="best", fontsize="small")
        add_colorbar(ax, drawn, quantity(self.color) if self.color else None)
        return self
