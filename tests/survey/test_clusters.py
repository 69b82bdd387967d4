import numpy as np
import pandas as pd
import pytest
from astropy import units
from astropy.table import Table

from skdistmass.simulate.clusters import CLUSTERS as SIMULATED
from skdistmass.survey.clusters import (
    as_cluster_table,
    cluster_distances,
    cluster_key,
    load_clusters,
    match_clusters,
    read_clusters,
)


def test_table_has_every_cluster_of_the_paper():
    clusters = load_clusters()
    measured = clusters[np.isfinite(clusters["distance"])]
    assert len(measured) == 38  # Table 1 of Stone-Martinez et al. 2024
    assert len(set(clusters["name"])) == len(clusters)
    assert clusters["distance"].unit == "pc"
    assert clusters["age"].unit == "Gyr"
    assert np.all((measured["distance"] > 500) & (measured["distance"] < 30000))
    fraction = measured["distance_error"] / measured["distance"]
    assert np.all((fraction >= 0.07) & (fraction <= 0.10))
    ages = clusters["age"][np.isfinite(clusters["age"])]
    assert np.all((ages > 1.0) & (ages < 13.8))


def test_distances_and_ages_agree_with_those_of_the_simulated_survey():
    clusters = load_clusters()
    rows = match_clusters([cluster.name for cluster in SIMULATED])
    assert np.all(rows >= 0)
    assert np.allclose(clusters["distance"][rows], [cluster.distance for cluster in SIMULATED])
    known = np.isfinite(clusters["age"][rows])
    assert known.sum() > 15
    assert np.allclose(clusters["age"][rows][known], np.array([cluster.age for cluster in SIMULATED])[known])


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("NGC 6341", "M92"),
        ("n6341", "M92"),
        ("Messier 92", "M92"),
        ("NGC0104", "47TUC"),
        ("47 Tuc", "47TUC"),
        ("NGC_188", "N188"),
        ("omega Cen", "Omegacen"),
        ("ω Cen", "Omegacen"),
        ("NGC5139", "Omegacen"),
        ("Palomar 5", "Pal5"),
        (" M67 ", "M67"),
        ("NGC 2682", "M67"),
    ],
)
def test_clusters_are_known_by_all_their_names(written, name):
    clusters = load_clusters()
    assert clusters["name"][match_clusters([written])[0]] == name


def test_field_stars_and_strangers_have_no_distance():
    distance, error = cluster_distances(np.array(["", "M31", "M92", "N6819", "m9"]))
    assert np.array_equal(np.isfinite(distance), [False, False, True, False, False])
    assert np.array_equal(np.isfinite(error), np.isfinite(distance))
    assert distance[2] == 8200.0
    assert len(cluster_distances(np.array([], dtype=str))[0]) == 0


def test_own_table_replaces_the_shipped_one():
    own = Table({"name": ["NGC 6341", "Hyades"], "distance": [8500.0, 47.0], "distance_error": [100.0, 1.0]})
    distance, error = cluster_distances(["M92", "M13", "hyades"], own)
    assert np.array_equal(distance, [8500.0, np.nan, 47.0], equal_nan=True)
    assert np.array_equal(error, [100.0, np.nan, 1.0], equal_nan=True)
    frame = pd.DataFrame({"name": ["M92"], "distance": [8500.0]})
    assert cluster_distances(["M92"], frame, fractional_error=0.1)[1][0] == pytest.approx(850.0)
    in_kpc = Table({"name": ["M92"], "distance": [8.5] * units.kpc})
    assert cluster_distances(["M92"], in_kpc)[0][0] == pytest.approx(8500.0)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"name": ["M92"], "dist": [8200.0]}, "lacks distance; it needs .* and has name, dist"),
        ({"name": ["M92"], "distance": [8.2]}, "looks like kpc"),
        ({"name": ["M92"], "distance": [8200.0], "distance_error": [0.0]}, "positive error.*M92"),
        ({"name": ["M92", "NGC 6341", "N6341"], "distance": [8200.0] * 3}, "has N6341 in rows 1 and 2"),
    ],
)
def test_own_table_that_cannot_be_right_is_refused(table, message):
    with pytest.raises(ValueError, match=message):
        cluster_distances(["M92"], Table(table))


@pytest.mark.parametrize("suffix", ["csv", "ecsv", "fits"])
def test_own_table_is_read_from_a_file(tmp_path, suffix):
    path = tmp_path / f"clusters.{suffix}"
    table = Table({"name": ["M92", "M67"], "distance": [8300.0, 860.0]})
    if suffix == "ecsv":
        table["distance"].unit = "pc"
    table.write(path)
    clusters = read_clusters(path)
    assert cluster_distances(["M67"], clusters)[0][0] == 860.0
    assert np.allclose(clusters["distance_error"], 0.085 * clusters["distance"])


def test_missing_distance_of_own_table_is_nan():
    masked = Table({"name": ["M92", "M67"], "distance": np.ma.array([8300.0, 0.0], mask=[False, True])})
    assert np.isnan(as_cluster_table(masked)["distance"][1])


def test_key_ignores_signs_and_leading_zeros():
    assert cluster_key("NGC-0362") == cluster_key("n 362") == "N362"
    assert cluster_key("M 5") != cluster_key("M 55")


def test_most_clusters_of_real_members_are_known(real_file):
    frame = pd.read_csv(real_file("cluster_stars.csv"))
    column = next(name for name in frame.columns if name.upper() in ("CLUSTER", "MEMBER"))
    names = frame[column].dropna().unique()
    assert np.mean(match_clusters(names) >= 0) > 0.5
