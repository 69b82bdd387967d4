"""Star clusters: distances against the literature, and ages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from skdistmass.physics.constants import YEARS_PER_GYR
from skdistmass.plots._drawing import COLORS, REFERENCE_COLOR, Display, limits_of, n_stars
from skdistmass.plots._quantities import PARSECS_PER_KPC, quantity
from skdistmass.plots._stars import Stars
from skdistmass.survey.clusters import load_clusters, match_clusters
from skdistmass.training.evaluation import MIN_MEMBERS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from astropy.table import Table
    from numpy.typing import ArrayLike, NDArray

    from skdistmass.plots._stars import Catalog

_AGE_BINS = np.arange(8.0, 10.26, 0.05)  # log10 yr, as in Figure 17 of the paper


class ClusterMean(NamedTuple):
    """Distances of the members of one cluster, as fractions of the adopted one.

    Parameters
    ----------
    name : str
        Name of the cluster.
    n_members : int
        Number of members with a distance.
    distance : float
        Adopted distance [kpc].
    offset : float
        Mean distance of the members over the adopted one, less 1.
    scatter : float
        Standard deviation of the members' distances over the adopted one.
    """

    name: str
    n_members: int
    distance: float
    offset: float
    scatter: float


class ClusterDistanceDisplay(Display):
    """Fractional error of the mean distance of star clusters, one panel for each column of distances.

    Figure 5 of the paper; the bars are the standard deviation of the members; long ones leave the panel.

    Parameters
    ----------
    means : mapping of str to list of ClusterMean
        Clusters by the name of the distances.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes or ndarray of Axes of shape (1, n_panels)
        Axes that were drawn into.
    figure_ : matplotlib.figure.Figure
        The figure they belong to.
    n_shown_ : int
        Number of members in the first panel.
    """

    def __init__(self, means: Mapping[str, list[ClusterMean]]):
        self.means = dict(means)

    @classmethod
    def from_catalog(
        cls,
        catalog: Catalog,
        member: ArrayLike | None = None,
        *,
        distances: tuple[str, ...] = ("DISTANCE", "NMSU_DIST"),
        clusters: Table | None = None,
        quality: bool = True,
        ax: NDArray[Any] | None = None,
    ) -> ClusterDistanceDisplay:
        """Draw the clusters of a catalogue.

        Parameters
        ----------
        catalog : path, astropy.table.Table or pandas.DataFrame
            The stars.
        member : array-like of str of shape (n_samples,), optional
            Name of the cluster of each star, "" for none; the column MEMBER of the catalogue by default.
        distances : tuple of str, default=("DISTANCE", "NMSU_DIST")
            Columns to show; those that the catalogue lacks are left out.
        clusters : astropy.table.Table, optional
            Clusters with "name" and "distance" [pc]; those of `load_clusters` by default.
        quality : bool, default=True
            Leave out stars with a quality bit that forbids the distance. Luminous members of metal-poor
            clusters often lie outside the domain of the model.
        ax : ndarray of Axes, optional
            Axes to draw into, one for each column.

        Returns
        -------
        ClusterDistanceDisplay
            The drawn display.

        Raises
        ------
        ValueError
            If no cluster has three members with a distance.
        """
        stars = Stars(catalog, {"MEMBER": member})
        clusters = load_clusters() if clusters is None else clusters
        row = match_clusters(stars.column("MEMBER"), clusters)
        means = {}
        for name in (name for name in distances if name in stars):
            good = stars.usable(name, quality=quality) & (row >= 0)
            means[name] = _cluster_means(row[good], stars.values(name)[good], clusters)
        if not any(means.values()):
            raise ValueError(
                f"no cluster with a known distance has {MIN_MEMBERS} members with a distance among the "
                f"{np.count_nonzero(row >= 0)} members of {len(stars)} stars."
            )
        return cls(means).plot(ax)

    def plot(self, ax: NDArray[Any] | None = None) -> ClusterDistanceDisplay:
        """Draw.

        Parameters
        ----------
        ax : ndarray of Axes, optional
            Axes to draw into, one for each column of distances.

        Returns
        -------
        ClusterDistanceDisplay
            The drawn display.
        """
        n_panels = len(self.means)
        panels = self._panels(ax, (1, n_panels), (1.4 + 4.2 * n_panels, 4.2), sharey=True)[0]
        self.n_shown_ = sum(mean.n_members for mean in next(iter(self.means.values())))
        reach = 0.2
        for panel, (name, means) in zip(panels, self.means.items(), strict=True):
            distance, offset, scatter = np.array([mean[2:] for mean in means]).reshape(-1, 3).T
            panel.axhline(0.0, color="0.4", linewidth=1)
            panel.errorbar(distance, offset, scatter, fmt="o", color=COLORS[0], ms=5, elinewidth=1, capsize=2)
            panel.set_xscale("log")
            panel.set_xticks(*[[t for t in (1, 2, 5, 10, 20, 50)]] * 2)
            panel.set(xlabel="adopted distance [kpc]", title=quantity(name).symbol)
            if means:
                text = f"{len(means)} clusters: median {np.median(offset):+.3f}, std {offset.std():.3f}"
                panel.set_title(f"{quantity(name).symbol}\n{text}")
                panel.set_xlim(distance.min() / 1.4, distance.max() * 1.4)
                reach = max(reach, float(np.max(np.abs(offset) + np.median(scatter))))
        panels[0].set(ylabel="mean distance / adopted − 1", ylim=(-1.1 * reach, 1.1 * reach))
        return self


def _cluster_means(
    row: NDArray[np.int64], distance: NDArray[np.float64], clusters: Table
) -> list[ClusterMean]:
    means = []
    for number in np.unique(row):
        adopted = float(clusters["distance"][number]) / PARSECS_PER_KPC
        members = distance[row == number] / adopted
        if len(members) >= MIN_MEMBERS and np.isfinite(adopted):
            name = str(clusters["name"][number])
            means.append(
                ClusterMean(name, len(members), adopted, float(members.mean() - 1), float(members.std()))
            )
    return means


class ClusterAgeDisplay(Display):
    """Histograms of the ages of cluster members, one panel a cluster, with the literature's age.

    Figure 17 of the paper.

    Parameters
    ----------
    log_ages : mapping of str to mapping of str to ndarray
        For each cluster, ages of its members by method [log10 yr].
    literature : mapping of str to float
        Adopted age of each cluster [log10 yr]; NaN for none.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes or ndarray of Axes of shape (n_rows, n_columns)
        Axes that were drawn into.
    figure_ : matplotlib.figure.Figure
        The figure they belong to.
    n_shown_ : int
        Number of members with an age of the first method.

    See Also
    --------
    KielDisplay : With ``color="LOG_AGE"`` and the members of one cluster as `rows`, Figure 18 of the paper.
    """

    def __init__(
        self, log_ages: Mapping[str, Mapping[str, NDArray[np.float64]]], literature: Mapping[str, float]
    ):
        self.log_ages, self.literature = dict(log_ages), dict(literature)

    @classmethod
    def from_catalog(
        cls,
        catalog: Catalog,
        member: ArrayLike | None = None,
        *,
        age: str = "AGE",
        others: Mapping[str, ArrayLike] | None = None,
        clusters: Table | None = None,
        max_clusters: int = 9,
        quality: bool = True,
        ax: NDArray[Any] | None = None,
    ) -> ClusterAgeDisplay:
        """Draw the ages of the clusters of a catalogue.

        Parameters
        ----------
        catalog : path, astropy.table.Table or pandas.DataFrame
            The stars.
        member : array-like of str of shape (n_samples,), optional
            Name of the cluster of each star, "" for none; the column MEMBER of the catalogue by default.
        age : str, default="AGE"
            Column of the ages.
        others : mapping of str to array-like of shape (n_samples,), optional
            Ages of other methods by name [Gyr].
        clusters : astropy.table.Table, optional
            Clusters with "name" and "age" [Gyr]; those of `load_clusters` by default.
        max_clusters : int, default=9
            Number of clusters to show, those with the most members.
        quality : bool, default=True
            Leave out stars with a quality bit that forbids the age.
        ax : ndarray of Axes, optional
            Axes to draw into, one for each cluster.

        Returns
        -------
        ClusterAgeDisplay
            The drawn display.

        Raises
        ------
        ValueError
            If no cluster has three members with an age.
        """
        stars = Stars(catalog, {"MEMBER": member})
        clusters = load_clusters() if clusters is None else clusters
        row = match_clusters(stars.column("MEMBER"), clusters)
        good = stars.usable(f"LOG_{age}", quality=quality) & (row >= 0)
        found, counts = np.unique(row[good], return_counts=True)
        order = np.argsort(-counts, kind="stable")[:max_clusters]
        chosen = [number for number in found[order] if np.count_nonzero(row[good] == number) >= MIN_MEMBERS]
        if not chosen:
            raise ValueError(f"no cluster has {MIN_MEMBERS} members with an age among {len(stars)} stars.")
        methods = {quantity(age).symbol: stars.values(f"LOG_{age}")}
        for name, values in (others or {}).items():
            methods[name] = np.log10(YEARS_PER_GYR * quantity("AGE").given(values))
        log_ages, literature = {}, {}
        for number in chosen:
            name, here = str(clusters["name"][number]), good & (row == number)
            log_ages[name] = {
                method: values[here & np.isfinite(values)] for method, values in methods.items()
            }
            literature[name] = float(np.log10(YEARS_PER_GYR * clusters["age"][number]))
        return cls(log_ages, literature).plot(ax)

    def plot(self, ax: NDArray[Any] | None = None) -> ClusterAgeDisplay:
        """Draw.

        Parameters
        ----------
        ax : ndarray of Axes, optional
            Axes to draw into, one for each cluster.

        Returns
        -------
        ClusterAgeDisplay
            The drawn display.
        """
        shape = _grid(len(self.log_ages)) if ax is None else (1, len(self.log_ages))
        size = (1.0 + 3.2 * shape[1], 0.9 + 2.3 * shape[0])
        panels = self._panels(ax, shape, size, sharex=True)
        self.n_shown_ = sum(len(next(iter(methods.values()))) for methods in self.log_ages.values())
        for panel, (name, methods) in zip(panels.ravel(), self.log_ages.items(), strict=False):
            self._draw(panel, name, methods)
        for panel in panels.ravel()[len(self.log_ages) :]:
            panel.set_visible(False)
        for panel in panels.ravel()[: len(self.log_ages)][-shape[1] :]:
            panel.set_xlabel(quantity("LOG_AGE").label)
            panel.tick_params(labelbottom=True)
        for panel in panels[:, 0]:
            panel.set_ylabel("stars per bin")
        return self

    def _draw(self, panel: Any, name: str, methods: Mapping[str, NDArray[np.float64]]) -> None:
        for (method, values), color in zip(methods.items(), COLORS, strict=False):
            label = f"{method}: σ = {values.std():.2f} dex" if values.size else f"{method}: none"
            style = {"histtype": "stepfilled", "alpha": 0.65} if color == COLORS[0] else {"histtype": "step"}
            panel.hist(values, _AGE_BINS, color=color, label=label, linewidth=1.8, **style)
        if np.isfinite(self.literature[name]):
            line = {"color": REFERENCE_COLOR, "linewidth": 1.8, "label": "literature"}
            panel.axvline(self.literature[name], ymax=0.6, **line)
        everything = np.concatenate(list(methods.values()))
        known = [self.literature[name]] if np.isfinite(self.literature[name]) else []
        panel.set_title(f"{name}: {n_stars(len(next(iter(methods.values()))))}")
        panel.set_xlim(*limits_of(np.clip(everything, _AGE_BINS[0], _AGE_BINS[-1]), 8.5, 10.2, *known))
        panel.set_ylim(0, 1.6 * max(panel.get_ylim()[1], 1))
        panel.yaxis.get_major_locator().set_params(integer=True)
        panel.legend(loc="upper left", fontsize="small", frameon=False)


def _grid(n_panels: int) -> tuple[int, int]:
    """Rows and columns for a number of panels."""
    columns = int(np.ceil(np.sqrt(n_panels)))
    return int(np.ceil(n_panels / columns)), columns
