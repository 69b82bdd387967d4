"""Anchors: simulated stars of known magnitude and mass that hold a model where no real star trains it.

A network that is trained on real stars alone extrapolates where there are none. Anchors are single stars of a
simulated survey, with observed labels, whose truth is known from isochrones. They enter a fit only where no
real training star is near, with the weight of what isochrones are worth. They train and are never tested: the
parts of the split, metrics, error model and identifiers of a model are those of its real stars.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skdistmass.columns import FEATURES, as_floats
from skdistmass.survey.flags import clean_inputs
from skdistmass.training.training_set import TrainingSet

if TYPE_CHECKING:
    from astropy.table import Table

FloatArray = NDArray[np.float64]

NEARNESS_SCALES = (150.0, 0.15, 0.15, 0.10, 0.15)
"""Differences of TEFF [K], LOGG, M_H, C_FE, N_FE [dex] that count as 1: some three label errors."""

N_NEIGHBORS = 10
"""A star is as near as this real training star, counted by distance."""

FREE_BELOW = -0.6
"""[M/H] [dex] below which carbon and nitrogen of some anchors are drawn at large."""

# Ranges of [C/Fe] and [N/Fe] of the giants of globular clusters [dex] (Meszaros et al. 2015, AJ 149, 153).
_FREE_RANGES = {"C_FE": (-0.5, 0.4), "N_FE": (-0.4, 1.0)}
_LABELS = {"distance": "absolute_magnitude", "mass": "mass"}


@dataclass(frozen=True)
class Anchors:
    """Candidates for anchors, and where and how much they count.

    Parameters
    ----------
    X : ndarray of shape (n_candidates, 5)
        TEFF [K], LOGG, M_H, C_FE, N_FE [dex], as observed.
    y : ndarray of shape (n_candidates,)
        True absolute Ks magnitudes [mag] or current masses [Msun].
    width : ndarray of shape (n_candidates,)
        What the isochrones are worth, as 1σ in the unit of `y`.
    border : ndarray of shape (n_candidates,)
        Distance, in units of `scales`, beyond which each candidate anchors.
    scales : ndarray of shape (5,)
        Differences of the features that count as 1.
    n_neighbors : int
        The distance of a candidate is that to this real training star.
    max_anchors : int or None
        At most so many anchors enter a fit, the first ones.
    correction : tuple of int or None
        Hidden layers of the network that corrects a model of the real stars; None for one network of all.

    See Also
    --------
    add_anchors : Makes them from a table.
    """

    X: FloatArray
    y: FloatArray
    width: FloatArray
    border: FloatArray
    scales: FloatArray
    n_neighbors: int
    max_anchors: int | None
    correction: tuple[int, ...] | None = None

    def __len__(self) -> int:
        return len(self.y)

    def distance(self, X: FloatArray) -> FloatArray:
        """Measure how far the candidates are from real training stars.

        Parameters
        ----------
        X : ndarray of shape (n_samples, 5)
            Features of the real stars of the fit.

        Returns
        -------
        ndarray of shape (n_candidates,)
            Distance to the `n_neighbors`-th nearest star, in units of the scales.
        """
        from sklearn.neighbors import NearestNeighbors

        n_neighbors = min(self.n_neighbors, len(X))
        tree = NearestNeighbors(n_neighbors=n_neighbors).fit(X / self.scales)
        return tree.kneighbors(self.X / self.scales)[0][:, -1]

    def rows(self, X: FloatArray) -> NDArray[np.intp]:
        """Choose the candidates that anchor a fit on real stars.

        Parameters
        ----------
        X : ndarray of shape (n_samples, 5)
            Features of the real stars of the fit.

        Returns
        -------
        ndarray of int of shape (n_anchors,)
            The candidates farther than the border.
        """
        return np.flatnonzero(self.distance(X) > self.border)[: self.max_anchors]

    def extend(
        self, X: FloatArray, y: FloatArray, weight: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Append the anchors to the real stars of a fit.

        Parameters
        ----------
        X : ndarray of shape (n_samples, 5)
            Features of the real stars.
        y : ndarray of shape (n_samples,)
            Their labels.
        weight : ndarray of shape (n_samples,)
            Their weights, 1/σ².

        Returns
        -------
        X, y, weight : ndarray
            Real stars, then anchors.
        """
        rows = self.rows(X)
        return (
            np.vstack([X, self.X[rows]]),
            np.concatenate([y, self.y[rows]]),
            np.concatenate([weight, 1.0 / self.width[rows] ** 2]),
        )


def anchor_table(stars: Table, truth: Table, *, free_abundances: float = 0.5, random_state: int = 0) -> Table:
    """Choose the stars of a simulated survey that can be anchors.

    Parameters
    ----------
    stars, truth : astropy.table.Table
        Simulated survey, as `skdistmass.make_survey` gives it.
    free_abundances : float, default=0.5
        Share of the stars with [M/H] < -0.6 whose [C/Fe] and [N/Fe] are drawn at large. Isochrones say
        nothing of these two, and metal-poor giants of globular clusters have nitrogen that no simulated field
        star has: anchors tell a model not to read magnitudes out of it.
    random_state : int, default=0
        Seed of that draw.

    Returns
    -------
    astropy.table.Table
        Single stars with good spectra, complete inputs and no better row: the five features as observed (with
        their noise), and the true "absolute_magnitude" [mag] and "mass" [Msun].

    Raises
    ------
    ValueError
        If the tables differ in length or `free_abundances` is not a share.

    Examples
    --------
    >>> from skdistmass import make_survey
    >>> from skdistmass.training import anchor_table
    >>> candidates = anchor_table(*make_survey(1000, random_state=0))
    >>> candidates.colnames[-2:], len(candidates) > 500
    (['absolute_magnitude', 'mass'], True)
    """
    from astropy.table import Table

    if len(stars) != len(truth):
        raise ValueError(f"stars and truth must have the same rows; received {len(stars)} and {len(truth)}.")
    if not 0 <= free_abundances <= 1:
        raise ValueError(f"free_abundances must be a share from 0 to 1; received {free_abundances!r}.")
    inputs = clean_inputs(stars)
    rows = np.flatnonzero((inputs.flags == 0) & ~np.asarray(truth["is_binary"], dtype=bool))
    table = Table(dict(zip(FEATURES, inputs.features[rows].T.copy(), strict=True)))
    rng = np.random.default_rng(random_state)
    free = (rng.random(len(rows)) < free_abundances) & (np.asarray(table["M_H"]) < FREE_BELOW)
    for name, limits in _FREE_RANGES.items():
        table[name][free] = rng.uniform(*limits, np.count_nonzero(free))
    for name, unit in (("absolute_magnitude", "mag"), ("mass", "solMass")):
        table[name] = np.asarray(truth[name], dtype=float)[rows]
        table[name].unit = unit
    return table


def add_anchors(
    training_set: TrainingSet,
    candidates: Table,
    *,
    width: ArrayLike | None = None,
    border: ArrayLike = 2.0,
    scales: Sequence[float] = NEARNESS_SCALES,
    n_neighbors: int = N_NEIGHBORS,
    max_anchors: int | None = None,
    correction: Sequence[int] | None = None,
) -> TrainingSet:
    """Let simulated stars hold a model where the stars of a training set do not.

    Parameters
    ----------
    training_set : TrainingSet
        Real stars, with weights 1/σ².
    candidates : astropy.table.Table
        Table of `anchor_table`, or one of your own: the features and "absolute_magnitude" [mag] or "mass"
        [Msun].
    width : float or array-like of shape (n_candidates,), optional
        What the isochrones are worth, 1σ: in mag for distances (default 0.2), as a fraction of the mass for
        masses (default 0.15). Weights are 1/width².
    border : float or array-like of shape (n_candidates,), default=2.0
        Distance to the 10th nearest real star, in units of `scales`, beyond which a candidate anchors. Half
        of the stars of the shipped models have their 10th neighbour within 0.6, 99 % within 2.5.
    scales : sequence of 5 floats, default=(150.0, 0.15, 0.15, 0.10, 0.15)
        Differences of TEFF [K], LOGG, M_H, C_FE, N_FE [dex] that count as 1.
    n_neighbors : int, default=10
        Number of the neighbour that tells the distance.
    max_anchors : int, optional
        At most so many anchors, the first ones of the table.
    correction : sequence of int, optional
        Train in two parts: the model on the real stars alone, then a network with these hidden layers on what
        it leaves of real stars and anchors (`skdistmass.training.correction`). The anchors then take nothing
        from the real stars. By default one network learns all.

    Returns
    -------
    TrainingSet
        The same real stars; `train_distance` and `train_mass` choose the anchors for each fit, also for each
        fold, by its own real stars.

    Raises
    ------
    ValueError
        If a number is not positive, a column is missing or not finite, or a mass is not positive.

    Examples
    --------
    >>> from skdistmass import make_survey
    >>> from skdistmass.training import add_anchors, anchor_table, distance_training_set
    >>> real = distance_training_set(make_survey(2000, random_state=0)[0])
    >>> anchored = add_anchors(real, anchor_table(*make_survey(2000, random_state=1)), border=3.0)
    >>> len(anchored) == len(real), 100 < len(anchored.anchors.rows(real.X)) < 1500
    (True, True)
    """
    width = (0.2 if training_set.kind == "distance" else 0.15) if width is None else width
    scale = np.asarray(scales, dtype=float)
    if scale.shape != (len(FEATURES),) or not (scale > 0).all():
        raise ValueError(f"scales must be {len(FEATURES)} positive numbers; received {scales!r}.")
    for name, value in {"width": width, "border": border, "n_neighbors": n_neighbors}.items():
        if not (np.asarray(value) > 0).all():
            raise ValueError(f"{name} must be positive; received {value!r}.")
    label = _LABELS[training_set.kind]
    X = np.column_stack([_column(candidates, name) for name in FEATURES])
    y = _column(candidates, label)
    if training_set.kind == "mass" and not (y > 0).all():
        raise ValueError("the masses of anchors [Msun] must be positive.")
    widths, borders = (np.broadcast_to(np.asarray(v, dtype=float), y.shape).copy() for v in (width, border))
    sigma = widths if training_set.kind == "distance" else widths * y
    layers = None if correction is None else tuple(int(width) for width in correction)
    anchors = Anchors(X, y, sigma, borders, scale, int(n_neighbors), max_anchors, layers)
    about: dict[str, Any] = {"width": np.unique(widths).tolist(), "border": np.unique(borders).tolist()}
    about |= {"scales": scale.tolist(), "n_neighbors": int(n_neighbors)}
    if layers is not None:
        about["correction"] = list(layers)
    return replace(training_set, anchors=anchors, settings={**training_set.settings, "anchors": about})


def _column(table: Table, name: str) -> FloatArray:
    if name not in table.colnames:
        raise ValueError(f"anchors need the column `{name}`; the table has {', '.join(table.colnames)}.")
    values = as_floats(table[name])
    bad = np.flatnonzero(~np.isfinite(values))
    if bad.size:
        raise ValueError(
            f"column `{name}` of the anchors must be finite; {bad.size} of {len(values)} values are not "
            f"(first: row {bad[0]})."
        )
    return values
