"""What the models say of one star: distance, mass and age as distributions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from skdistmass.physics import photometry
from skdistmass.plots._drawing import COLORS, REFERENCE_COLOR, Display
from skdistmass.plots._quantities import PARSECS_PER_KPC, quantity
from skdistmass.plots._stars import Stars

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skdistmass.estimators.isochrone import IsochroneDistance
    from skdistmass.plots._stars import Catalog

_N_POINTS = 400
_REACH = 4.5  # standard deviations to either side
_AGE_LIMITS = (0.1, 40.0)  # Gyr
_AGE_TICKS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 40)
_LABELS = ("TEFF", "LOGG", "M_H")
_MAGNITUDES = ("ABS_MAG", "ABS_MAG_ERR", "MAG", "EXTINCTION")
_COLUMNS = (*_LABELS, *_MAGNITUDES, "GAIAEDR3_DIST", "MASS", "MASS_ERR", "AGE")


class PosteriorDisplay(Display):
    """Distance, mass and age of one star from the networks and from isochrones, as probability densities.

    Parameters
    ----------
    star : dict of str to float
        Columns of the catalogue for this star, in the units of the axes; errors of the age as "AGE_ERR_UP"
        and "AGE_ERR_DOWN" [dex].
    isochrone : dict of str to ndarray, optional
        "distance" [kpc] and "density" [1/kpc]; "mass" [Msun] and "age" [Gyr] as 16th, 50th and 84th
        percentiles.
    name : str, default=""
        Name of the star.

    Attributes
    ----------
    ax_ : ndarray of Axes of shape (1, 3)
        Axes that were drawn into: distance, mass, age.
    figure_ : matplotlib.figure.Figure
        The figure they belong to.
    """

    def __init__(
        self, star: dict[str, float], isochrone: dict[str, NDArray[np.float64]] | None = None, name: str = ""
    ):
        self.star, self.isochrone, self.name = star, isochrone, name

    @classmethod
    def from_catalog(
        cls,
        catalog: Catalog,
        row: int,
        *,
        isochrone: IsochroneDistance | None = None,
        ax: NDArray[Any] | None = None,
    ) -> PosteriorDisplay:
        """Draw one star of a catalogue.

        Parameters
        ----------
        catalog : path, astropy.table.Table or pandas.DataFrame
            The stars.
        row : int
            Row of the star.
        isochrone : IsochroneDistance, optional
            Adds the posterior from isochrones.
        ax : ndarray of 3 Axes, optional
            Axes to draw into.

        Returns
        -------
        PosteriorDisplay
            The drawn display. Values that the catalogue lacks are not drawn.

        Raises
        ------
        ValueError
            If there is no such row.
        """
        stars = Stars(catalog)
        if not 0 <= row < len(stars):
            raise ValueError(f"row must be between 0 and {len(stars) - 1}; received {row}.")
        star = {name: float(stars.values(name)[row]) for name in _COLUMNS if name in stars}
        if "AGE_ERR" in stars:
            star["AGE_ERR_UP"], star["AGE_ERR_DOWN"] = np.abs(stars.column("AGE_ERR")[row]).tolist()
        name = str(stars.column("APOGEE_ID")[row]) if "APOGEE_ID" in stars else f"row {row}"
        posterior = None if isochrone is None else _isochrone_posterior(isochrone, star)
        return cls(star, posterior, name).plot(ax)

    def plot(self, ax: NDArray[Any] | None = None) -> PosteriorDisplay:
        """Draw.

        Parameters
        ----------
        ax : ndarray of 3 Axes, optional
            Axes to draw into.

        Returns
        -------
        PosteriorDisplay
            The drawn display.
        """
        panels = self._panels(ax, (1, 3), (11.0, 3.8))[0]
        self.n_shown_ = 1
        self._draw_distance(panels[0])
        mass, error = self._get("MASS"), self._get("MASS_ERR")
        self._draw_normal(panels[1], "MASS", mass, error, error)
        up, down = self._get("AGE_ERR_UP"), self._get("AGE_ERR_DOWN")
        self._draw_normal(panels[2], "AGE", np.log10(self._get("AGE")), up, down)
        for panel, name in zip(panels, ("DISTANCE", "MASS", "AGE"), strict=True):
            shown = quantity(name)
            panel.set(xlabel=shown.label, ylim=(0, None), yticks=[])
            if panel.get_legend_handles_labels()[1]:
                panel.legend(loc="upper right", fontsize="small", frameon=False)
                panel.set_ylim(0, 1.45 * panel.get_ylim()[1])
            else:
                panel.text(0.5, 0.5, "no value", transform=panel.transAxes, ha="center")
        if panels[2].get_legend() is not None:
            panels[2].set_xscale("log")
            ends = np.clip(panels[2].get_xlim(), *_AGE_LIMITS)
            panels[2].set_xticks(_AGE_TICKS, [f"{tick:g}" for tick in _AGE_TICKS])
            panels[2].minorticks_off()
            panels[2].set_xlim(*ends)
        panels[0].set_ylabel("probability density")
        panels[1].set_title(self.name)
        return self

    def _get(self, name: str) -> float:
        return self.star.get(name, np.nan)

    def _draw_distance(self, panel: Any) -> None:
        magnitude, error = self._get("ABS_MAG"), self._get("ABS_MAG_ERR")
        seen = self._get("MAG") - self._get("EXTINCTION")
        if np.isfinite(magnitude + error + seen):
            grid = magnitude + error * np.linspace(-_REACH, _REACH, _N_POINTS)
            density = np.exp(-0.5 * ((grid - magnitude) / error) ** 2) / (error * np.sqrt(2 * np.pi))
            distance = photometry.distance(self._get("MAG"), self._get("EXTINCTION"), grid) / PARSECS_PER_KPC
            density *= photometry.MAG_PER_FRACTION / distance
            panel.fill_between(distance, density, color=COLORS[0], alpha=0.3)
            panel.plot(distance, density, color=COLORS[0], label="network")
        if self.isochrone is not None and np.isfinite(self.isochrone["density"]).any():
            shown = self.isochrone["density"] > 1e-3 * np.nanmax(self.isochrone["density"])
            x, y = self.isochrone["distance"][shown], self.isochrone["density"][shown]
            panel.plot(x, y, color=COLORS[2], label="isochrones")
        if np.isfinite(self._get("GAIAEDR3_DIST")):
            panel.axvline(self._get("GAIAEDR3_DIST"), color=REFERENCE_COLOR, linestyle="--", label="Gaia")

    def _draw_normal(self, panel: Any, name: str, centre: float, up: float, down: float) -> None:
        """Two halves of Gaussians that meet at the value; of the age in its logarithm, per dex."""
        if np.isfinite(centre) and min(up, down) > 0:
            step = np.linspace(-3.2, 3.2, _N_POINTS)
            x = centre + step * np.where(step > 0, up, down)
            density = np.exp(-0.5 * step**2) * np.sqrt(2 / np.pi) / (up + down)
            x = 10.0**x if name == "AGE" else x
            label = "network" if name == "MASS" else "mass and metallicity"
            panel.fill_between(x, density, color=COLORS[0], alpha=0.3)
            panel.plot(x, density, color=COLORS[0], label=label)
        if self.isochrone is not None and np.isfinite(self.isochrone[name.lower()]).all():
            low, median, high = self.isochrone[name.lower()]
            height = 0.5 * (panel.get_ylim()[1] if np.isfinite(centre) else 1.0)
            bar = {"color": COLORS[2], "marker": "s", "capsize": 4, "label": "isochrones, 68 %"}
            panel.errorbar([median], [height], xerr=[[median - low], [high - median]], **bar)


def _isochrone_posterior(
    isochrone: IsochroneDistance, star: dict[str, float]
) -> dict[str, NDArray[np.float64]]:
    isochrone = isochrone if hasattr(isochrone, "magnitudes_") else isochrone.fit()
    X = np.array([[star[name] for name in _LABELS]])
    magnitudes = isochrone.magnitudes_
    density = isochrone.predict_pdf(X)[0]
    unit = photometry.distance(star.get("MAG", np.nan), star.get("EXTINCTION", np.nan), magnitudes)
    distance = unit / PARSECS_PER_KPC
    summary = isochrone.predict_posterior(X).iloc[0]
    posterior = {
        "distance": distance,
        "density": density * photometry.MAG_PER_FRACTION / distance,
    }
    for name in ("mass", "age"):
        posterior[name] = np.array([summary[f"{name}_{part}"] for part in ("p16", "median", "p84")])
    return posterior
