"""Errors of distances against the truth of simulated giants."""

import numpy as np
import pytest

from skdistmass import build_catalog, make_survey
from skdistmass.columns import BITS


@pytest.fixture(scope="module")
def giants():
    """Distance, its error, extinction and true distance of single giants in the domain of the model."""
    stars, truth = make_survey(40_000, random_state=21)
    catalog = build_catalog(stars, masses="mass", isochrone=False)
    bad = BITS["STAR_BAD"][0] | BITS["OUTSIDE_DISTANCE_DOMAIN"][0]
    log_g, distance = np.asarray(stars["LOGG"]), np.asarray(catalog["DISTANCE"])
    chosen = (log_g > 1.5) & (log_g < 3.5) & np.isfinite(distance) & ~np.asarray(truth["is_binary"])
    chosen &= (np.asarray(catalog["BITMASK"]) & bad) == 0
    columns = catalog["DISTANCE"], catalog["DISTANCE_ERR"], catalog["EXTINCTION"], truth["distance"]
    return [np.asarray(column, dtype=float)[chosen] for column in columns]


# Without the errors of K and A_K the share falls with A_K, from .58 to .45.
@pytest.mark.slow
@pytest.mark.parametrize(
    ("low", "high"), [(-np.inf, 0.05), (0.05, 0.1), (0.1, 0.2), (0.2, 0.4), (0.4, np.inf)]
)
def test_distance_errors_hold_whatever_the_extinction(giants, low, high):
    distance, error, extinction, true = giants
    rows = (extinction >= low) & (extinction < high)
    assert rows.sum() > 400
    assert 0.58 < np.mean(np.abs(distance - true)[rows] < error[rows]) < 0.74
