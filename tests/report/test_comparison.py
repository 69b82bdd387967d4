"""A catalogue beside those of others: which stars, which cuts, which numbers."""

import numpy as np
import pandas as pd
import pytest

from skdistmass import build_catalog, read_catalog
from skdistmass.plots._matched import compare_with
from skdistmass.report.comparison import compare_catalogs, reference_scores
from skdistmass.report.contents import read_contents
from skdistmass.training.peers import read_peer


def other_of(catalog, factor=1.1, error=0.2):
    """astroNN's columns with distances that are larger by a factor, in another order and with strangers."""
    distance = np.asarray(catalog["DISTANCE"], dtype=float) * factor
    table = {"APOGEE_ID": np.asarray(catalog["APOGEE_ID"]), "weighted_dist": distance}
    table |= {"weighted_dist_error": error * distance, "age_lowess_correct": np.asarray(catalog["AGE"]) / 1e9}
    table |= {"age_total_error": np.full(len(catalog), 1.0)}
    return pd.DataFrame(table).drop_duplicates("APOGEE_ID", keep=False).sample(frac=0.5, random_state=0)


def test_stars_are_matched_and_compared(catalogue):
    table = read_catalog(catalogue)
    other = read_peer(other_of(table))
    distance, age = compare_with(table, other)
    assert (distance.quantity, age.quantity) == ("DISTANCE", "AGE")
    assert distance.offset == pytest.approx(-np.log10(1.1), abs=1e-6)
    assert distance.scatter == pytest.approx(0, abs=1e-6)
    assert distance.within_1_sigma == 1.0
    np.testing.assert_allclose(distance.other, 1.1 * np.asarray(table["DISTANCE"])[distance.rows], rtol=1e-6)
    assert np.all(np.asarray(table["M_H"])[age.rows] >= -0.5)


def test_display_shows_the_matched_stars(catalogue):
    pyplot = pytest.importorskip("matplotlib.pyplot")
    from skdistmass.plots import ComparisonDisplay

    table = read_catalog(catalogue)
    display = ComparisonDisplay.from_peer(table, other_of(table), column="DISTANCE")
    assert display.n_shown_ == len(compare_with(table, read_peer(other_of(table)))[0].rows)
    np.testing.assert_allclose(display.other, 1.1 * display.ours, rtol=1e-6)
    assert display.ours.max() < 100  # kpc
    assert display.ax_.get_xlabel() == "distance of astroNN [kpc]"
    pyplot.close(display.figure_)
    with pytest.raises(ValueError, match="astroNN has DISTANCE, AGE to compare; no star has MASS"):
        ComparisonDisplay.from_peer(table, other_of(table), column="MASS")


def test_ids_must_be_in_both(catalogue):
    table = read_catalog(catalogue)
    with pytest.raises(ValueError, match="need the identifier SDSS_ID"):
        read_peer(other_of(table)).rows_of(table, "SDSS_ID")


def test_references_stand_beside_ours(catalogue):
    table = read_catalog(catalogue)
    age = compare_with(table, read_peer(other_of(table)))[1]
    martig, spoo = reference_scores(table, age)
    assert martig.n == len(age.rows)
    assert 0 <= martig.ours < 0.01 < martig.scatter < spoo.scatter * 2
    c_n = np.asarray(table["C_FE"] - table["N_FE"], dtype=float)[age.rows]
    inside = (10.14 + 2.23 * c_n >= 8.62) & (10.14 + 2.23 * c_n <= 9.82)
    assert spoo.n == inside.sum()


def test_no_star_in_common_is_an_error(catalogue):
    strangers = other_of(read_catalog(catalogue)).assign(APOGEE_ID="2M0")
    with pytest.raises(ValueError, match="0 stars have the same APOGEE_ID"):
        compare_catalogs(read_contents(catalogue), read_peer(strangers))


def test_real_columns_of_astronn_and_starhorse(real_file):
    path = real_file("allstar_dr17_luminous.csv")
    table = read_catalog(build_catalog(path, masses=("mass",), isochrone=False))
    peer = read_peer(path)
    assert peer.peer.name == "astroNN"
    (distance, *_) = compare_with(table, peer)
    assert len(distance.rows) > 100
    assert abs(distance.offset) < 0.05
    assert distance.scatter < 0.08
