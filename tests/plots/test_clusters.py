"""Star clusters: distances against the literature, ages."""

import numpy as np
import pytest
from astropy.table import Table

from skdistmass.plots import ClusterAgeDisplay, ClusterDistanceDisplay


@pytest.fixture
def stars():
    """Five members of M67 (0.9 kpc), four of N188 (1.7 kpc), two of M92 and a field star."""
    member = ["M67"] * 5 + ["NGC 188"] * 4 + ["M92"] * 2 + [""]
    ratio = np.array([1.0, 1.05, 1.1, 1.15, 1.2, 0.9, 0.9, 0.9, 0.9, 1.0, 1.0, 1.0])
    distance = ratio * np.array([900.0] * 5 + [1700.0] * 4 + [8200.0] * 2 + [500.0])
    age = np.array([4e9] * 5 + [7.1e9] * 4 + [12e9] * 3)
    age[4] = np.nan
    return Table({"MEMBER": member, "DISTANCE": distance, "AGE": age, "BITMASK": np.zeros(12, dtype=int)})


def test_mean_distances_of_clusters_with_three_members(stars):
    display = ClusterDistanceDisplay.from_catalog(stars)
    means = {mean.name: mean for mean in display.means["DISTANCE"]}
    assert set(means) == {"M67", "N188"}
    assert means["M67"].offset == pytest.approx(0.1)
    assert means["M67"].scatter == pytest.approx(np.std([1.0, 1.05, 1.1, 1.15, 1.2]))
    assert means["N188"].offset == pytest.approx(-0.1)
    points = display.ax_.containers[0].lines[0]
    np.testing.assert_allclose(np.sort(points.get_xdata()), [0.9, 1.7])
    assert display.ax_.get_xscale() == "log"
    assert display.ax_.get_xlabel() == "adopted distance [kpc]"
    assert "2 clusters: median +0.000, std 0.100" in display.ax_.get_title()
    assert display.n_shown_ == 9


def test_each_column_of_distances_has_a_panel(stars):
    stars["NMSU_DIST"] = 1.2 * stars["DISTANCE"]
    display = ClusterDistanceDisplay.from_catalog(stars)
    assert display.ax_.shape == (1, 2)
    offsets = {mean.name: mean.offset for mean in display.means["NMSU_DIST"]}
    assert offsets == pytest.approx({"M67": 1.1 * 1.2 - 1, "N188": 0.9 * 1.2 - 1})
    assert display.ax_[0, 0].get_ylim() == display.ax_[0, 1].get_ylim()


def test_own_clusters_and_members_are_taken(stars):
    stars.remove_column("MEMBER")
    own = Table({"name": ["Alpha"], "distance": [1000.0], "age": [4.0]})
    member = ["Alpha"] * 5 + [""] * 7
    display = ClusterDistanceDisplay.from_catalog(stars, member, clusters=own)
    assert display.means["DISTANCE"][0].offset == pytest.approx(0.99 - 1)


def test_no_cluster_is_an_error(stars):
    stars["MEMBER"] = ["M92"] * 2 + [""] * 10
    with pytest.raises(ValueError, match=r"no cluster with a known distance has 3 members.*2 members of 12"):
        ClusterDistanceDisplay.from_catalog(stars)
    with pytest.raises(ValueError, match="no cluster has 3 members with an age"):
        ClusterAgeDisplay.from_catalog(stars)


def test_ages_of_each_cluster_beside_the_literature(stars):
    other = np.full(12, 2.0)
    display = ClusterAgeDisplay.from_catalog(stars, others={"other": other})
    panels = {panel.get_title(): panel for panel in display.ax_.ravel()}
    assert set(panels) == {"M67: 4 stars", "N188: 4 stars"}
    first = panels["M67: 4 stars"]
    literature = next(line for line in first.lines if line.get_label() == "literature")
    assert literature.get_xdata()[0] == pytest.approx(np.log10(4e9))
    np.testing.assert_allclose(display.log_ages["M67"]["age"], np.log10(4e9))
    np.testing.assert_allclose(display.log_ages["M67"]["other"], np.log10(2e9))
    assert "age: σ = 0.00 dex" in [text.get_text() for text in first.get_legend().get_texts()]
    assert first.get_xlabel() == r"$\log_{10}$(age / yr) [dex]"
    assert display.n_shown_ == 8


def test_only_the_richest_clusters_are_shown(stars):
    stars["AGE"][4] = 4e9
    display = ClusterAgeDisplay.from_catalog(stars, max_clusters=1)
    assert list(display.log_ages) == ["M67"]
