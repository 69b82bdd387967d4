"""Stars of a catalogue and of one of others, matched and inside the recommended cuts of both."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from skdistmass.columns import CATALOG_COLUMNS, MAX_AGE_GYR, good_stars
from skdistmass.physics.constants import YEARS_PER_GYR
from skdistmass.physics.statistics import robust_sigma
from skdistmass.training.peers import quantity_errors

if TYPE_CHECKING:
    from astropy.table import Table
    from numpy.typing import NDArray

    from skdistmass.columns.peers import CatalogQuantity, Peer
    from skdistmass.training.peers import PeerCatalog, PeerValues


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
    comparisons: list[PeerComparison] = []
    if not (place >= 0).any():
        return comparisons
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
