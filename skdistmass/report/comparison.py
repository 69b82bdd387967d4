"""A catalogue beside one of others and beside relations of the literature, on the same stars."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from skdistmass.columns import CATALOG_COLUMNS, FEATURES, MAX_AGE_GYR, good_stars
from skdistmass.physics.constants import YEARS_PER_GYR
from skdistmass.physics.statistics import robust_sigma
from skdistmass.plots._quantities import quantity
from skdistmass.report.figures import Picture, draw_picture
from skdistmass.report.peers import SpooRegressor, martig_regressor, quantity_errors

if TYPE_CHECKING:
    from astropy.table import Table
    from numpy.typing import NDArray

    from skdistmass.columns.peers import CatalogQuantity, Peer
    from skdistmass.report.contents import Contents
    from skdistmass.report.peers import PeerCatalog, PeerValues

_MIN_FOR_FIT = 100
_FOLDS = 5


class PeerComparison(NamedTuple):
    """One quantity of the stars in common.

    Attributes
    ----------
    quantity : str
        "DISTANCE", "MASS" or "AGE".
    rows : ndarray of int of shape (n_common,)
        The stars, as rows of our catalogue: those of both recommended cuts.
    other : ndarray of shape (n_common,)
        The other catalogue's values, in the units of ours.
    offset, scatter : float
        Median and robust standard deviation of log10(ours / other) [dex].
    within_1_sigma : float
        Share of stars whose difference is within the two errors added in quadrature (0.68 if both are right
        and independent); NaN without errors.
    """

    quantity: CatalogQuantity
    rows: NDArray[np.intp]
    other: NDArray[np.float64]
    offset: float
    scatter: float
    within_1_sigma: float


def compare_with(catalog: Table, other: PeerCatalog, on: str = "APOGEE_ID") -> list[PeerComparison]:
    """Compare a catalogue of ours with one of others, star by star.

    Parameters
    ----------
    catalog : astropy.table.Table
        Our catalogue, with canonical names and units.
    other : PeerCatalog
        The other one.
    on : str, default="APOGEE_ID"
        Identifier that both have.

    Returns
    -------
    list of PeerComparison
        One for each quantity that both have for at least one star inside both recommended cuts; ages beyond
        14.5 Gyr of the other catalogue are left out, as they are of ours.
    """
    place = other.rows_of(catalog, on)
    comparisons = []
    for name, theirs in other.quantities.items():
        if name not in catalog.colnames:
            continue
        good = (place >= 0) & good_stars(catalog, name.lower())  # type: ignore[arg-type]
        good &= theirs.advised[place] & np.isfinite(theirs.value[place])
        good &= _told_by_ours(catalog, other.peer, name)
        if name == "AGE":
            good &= theirs.value[place] <= MAX_AGE_GYR * YEARS_PER_GYR
        rows = np.flatnonzero(good)
        if rows.size:
            comparisons.append(_compare(catalog, theirs, name, rows, place[rows]))
    return comparisons


def _told_by_ours(catalog: Table, peer: Peer, quantity: CatalogQuantity) -> NDArray[np.bool_]:
    """Apply the cuts of the other catalogue that our columns can tell, such as the metallicity."""
    good = np.ones(len(catalog), dtype=bool)
    for cut in peer.cuts:
        name = next((column for column in cut.columns if column in CATALOG_COLUMNS), None)
        if quantity in cut.quantities and name in catalog.colnames:
            told = np.asarray(catalog[name], dtype=float)
            good &= (told >= cut.low) & (told <= cut.high)
    return good


def _compare(
    catalog: Table, theirs: PeerValues, quantity: CatalogQuantity, rows: NDArray, place: NDArray
) -> PeerComparison:
    ours, other = np.asarray(catalog[quantity], dtype=float)[rows], theirs.value[place]
    difference = np.log10(ours / other)
    own_upper, own_lower = (
        part[rows] for part in quantity_errors(catalog, quantity, np.asarray(catalog[quantity]))
    )
    # The error on the side of the other value counts.
    own = np.where(other > ours, own_upper, own_lower)
    error = np.hypot(own, np.where(other > ours, theirs.lower[place], theirs.upper[place]))
    known = np.isfinite(error)
    within = np.abs(ours - other)[known] < error[known]
    return PeerComparison(
        quantity,
        rows,
        other,
        float(np.median(difference)),
        robust_sigma(difference),
        float(np.mean(within)) if known.any() else np.nan,
    )


class ReferenceScore(NamedTuple):
    """How a relation of the literature fares against the other catalogue, on the same stars.

    Attributes
    ----------
    name : str
        The relation.
    n : int
        Stars that it has a value for.
    offset, scatter : float
        Median and robust standard deviation of log10(relation / other) [dex].
    ours : float
        The scatter of our values for these stars [dex].
    """

    name: str
    n: int
    offset: float
    scatter: float
    ours: float


def reference_scores(catalog: Table, comparison: PeerComparison) -> list[ReferenceScore]:
    """Put relations of the literature beside ours.

    Parameters
    ----------
    catalog : astropy.table.Table
        Our catalogue.
    comparison : PeerComparison
        The stars in common, and the other catalogue's values.

    Returns
    -------
    list of ReferenceScore
        Masses and ages: the form of Martig et al. 2016, fitted to the other catalogue and judged on stars
        that it was not fitted to. Ages: the relation of Spoo et al. 2022. Nothing for distances.
    """
    if comparison.quantity == "DISTANCE":
        return []
    X = np.column_stack([np.asarray(catalog[name], dtype=float)[comparison.rows] for name in FEATURES])
    target = np.log10(comparison.other)
    ours = np.log10(np.asarray(catalog[comparison.quantity], dtype=float)[comparison.rows]) - target
    scores = []
    if len(X) >= _MIN_FOR_FIT:
        from sklearn.model_selection import KFold, cross_val_predict

        folds = KFold(_FOLDS, shuffle=True, random_state=0)
        fitted = cross_val_predict(martig_regressor(), X, target, cv=folds)
        name = f"form of Martig et al. 2016, fitted to the other catalogue ({_FOLDS} folds)"
        scores.append(_score(name, fitted - target, ours))
    if comparison.quantity == "AGE":
        log_age = SpooRegressor().fit(X).predict(X)
        scores.append(_score("[C/N] relation of Spoo et al. 2022", log_age - target, ours))
    return [score for score in scores if score.n]


def _score(name: str, difference: NDArray[np.float64], ours: NDArray[np.float64]) -> ReferenceScore:
    known = np.isfinite(difference)
    if not known.any():
        return ReferenceScore(name, 0, np.nan, np.nan, np.nan)
    offset, scatter = float(np.median(difference[known])), robust_sigma(difference[known])
    return ReferenceScore(name, int(known.sum()), offset, scatter, robust_sigma(ours[known]))


class OtherCatalog(NamedTuple):
    """A catalogue of others beside ours, as a page shows it.

    Attributes
    ----------
    peer : Peer
        Which one.
    n_matched : int
        Stars in common.
    rows : list of tuple
        Quantity, ours or relation, number of stars, offset and scatter [dex], share within the errors or
        None, scatter of ours for these stars [dex].
    cuts : list of str
        What was cut, in words.
    pictures : list of Picture
        Ours against theirs.
    """

    peer: Peer
    n_matched: int
    rows: list[tuple[str, str, int, float, float, float | None, float]]
    cuts: list[str]
    pictures: list[Picture]


def compare_catalogs(contents: Contents, other: PeerCatalog, on: str = "APOGEE_ID") -> OtherCatalog:
    """Compare for a page.

    Parameters
    ----------
    contents : Contents
        Our catalogue.
    other : PeerCatalog
        The other one.
    on : str, default="APOGEE_ID"
        Identifier that both have.

    Returns
    -------
    OtherCatalog
        Tables and figures.

    Raises
    ------
    ValueError
        If no star is in both, inside both recommended cuts.
    """
    table = contents.table
    n_matched = int(np.count_nonzero(other.rows_of(table, on) >= 0))
    comparisons = compare_with(table, other, on)
    if not comparisons:
        raise ValueError(
            f"{other.peer.name} has no distance, mass or age of a star of {contents.label} inside both "
            f"recommended cuts; {n_matched} stars have the same {on}."
        )
    rows: list[tuple[str, str, int, float, float, float | None, float]] = []
    for one in comparisons:
        name = one.quantity.lower()
        rows.append(
            (name, "this catalogue", len(one.rows), one.offset, one.scatter, one.within_1_sigma, one.scatter)
        )
        rows += [
            (name, score.name, score.n, score.offset, score.scatter, None, score.ours)
            for score in reference_scores(table, one)
        ]
    cuts = [f"{cut.reason} ({', '.join(cut.quantities).lower()})" for cut in other.peer.cuts]
    pictures = [_picture(table, other.peer, one) for one in comparisons]
    return OtherCatalog(other.peer, n_matched, rows, cuts, pictures)


def _picture(table: Table, peer: Peer, one: PeerComparison) -> Picture:
    from skdistmass.plots import ComparisonDisplay

    shown = quantity(one.quantity)
    values = np.full(len(table), np.nan)
    values[one.rows] = one.other / shown.scale
    label = f"{shown.symbol} of {peer.name} [{shown.unit}]"
    return draw_picture(
        f"{shown.symbol.capitalize()} and {peer.name}",
        f"{shown.symbol} of this catalogue against that of {peer.name}, star by star, with a line where they "
        "are equal.",
        lambda: ComparisonDisplay.from_catalog(table, values, column=one.quantity, other_label=label),
    )
