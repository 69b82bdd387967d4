"""A catalogue beside one of others and beside relations of the literature, on the same stars."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from skdistmass.columns import FEATURES
from skdistmass.physics.statistics import robust_sigma
from skdistmass.plots._matched import PeerComparison, compare_with
from skdistmass.plots._quantities import quantity
from skdistmass.report.figures import Picture, draw_picture
from skdistmass.training.peers import SpooRegressor, martig_regressor

if TYPE_CHECKING:
    from astropy.table import Table
    from numpy.typing import NDArray

    from skdistmass.columns.peers import Peer
    from skdistmass.report.contents import Contents
    from skdistmass.training.peers import PeerCatalog

_MIN_FOR_FIT = 100
_FOLDS = 5


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

    symbol = quantity(one.quantity).symbol
    return draw_picture(
        f"{symbol.capitalize()} and {peer.name}",
        f"{symbol} of this catalogue against that of {peer.name}, star by star; a line where they are equal.",
        lambda: ComparisonDisplay.from_comparison(table, one, peer.name),
    )
