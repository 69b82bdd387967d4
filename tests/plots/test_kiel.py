"""Kiel, Hertzsprung-Russell and metallicity diagrams, and the coverage by a training set."""

import numpy as np
import pytest

from skdistmass.plots import CoverageDisplay, KielDisplay


def count(panel):
    """Stars in the density of a panel."""
    return np.nansum(np.ma.filled(panel.images[0].get_array().astype(float), np.nan))


def test_kiel_diagram_has_hot_stars_left_and_giants_on_top(catalog):
    display = KielDisplay.from_catalog(catalog)
    ax = display.ax_
    assert ax.get_xlim()[0] > 6000 > 4000 > ax.get_xlim()[1]
    assert ax.get_ylim()[0] > 4.5 > 1 > ax.get_ylim()[1]
    assert ax.get_xlabel() == r"$T_\mathrm{eff}$ [K]"
    assert ax.get_title() == "4,900 stars"
    assert display.n_shown_ == 4900
    assert count(ax) == pytest.approx(4900, rel=0.01)
    assert display.figure_.axes[1].get_ylabel() == "stars per cell"


def test_image_stands_at_the_place_of_its_stars(catalog):
    """Stars in one corner of the plane are drawn there, also with reversed axes."""
    corner = (np.asarray(catalog["TEFF"]) > 6000) & (np.asarray(catalog["LOGG"]) < 1)
    rows = np.flatnonzero(corner)
    image = KielDisplay.from_catalog(catalog, rows=rows, quality=False).plot(
        limits=((3000.0, 7000.0), (0.0, 5.0)), n_cells=40
    )
    drawn = image.ax_.images[0].get_array()
    assert np.ma.count_masked(np.ma.masked_invalid(drawn[:8, 30:])) < 80
    assert np.ma.masked_invalid(drawn[8:]).mask.all()
    assert np.ma.masked_invalid(drawn[:, :30]).mask.all()
    assert image.ax_.images[0].get_extent() == [3000.0, 7000.0, 0.0, 5.0]


def test_colour_is_the_quantity_with_its_unit(catalog, usable):
    display = KielDisplay.from_catalog(catalog, color="MASS", vmin=1.0, vmax=2.0)
    assert display.n_shown_ == usable.sum()
    assert display.figure_.axes[1].get_ylabel() == r"mass [$M_\odot$]"
    image = display.ax_.images[0]
    assert image.get_clim() == (1.0, 2.0)
    assert image.get_cmap().name == "viridis"
    values = np.ma.masked_invalid(image.get_array()).compressed()
    assert 0.8 <= values.min() < values.max() <= 2.5


def test_cluster_by_age_is_dots_with_logarithmic_ages(catalog):
    members = np.arange(1000, 1200)
    display = KielDisplay.from_catalog(catalog, color="LOG_AGE", rows=members, title="N7789")
    giants = members[np.isfinite(catalog["AGE"][members])]
    dots = display.ax_.collections[0]
    np.testing.assert_allclose(dots.get_array(), np.log10(catalog["AGE"][giants]))
    np.testing.assert_allclose(dots.get_offsets()[:, 0], catalog["TEFF"][giants])
    assert display.ax_.get_title() == f"N7789: {len(giants)} stars"


def test_marked_stars_are_those_asked_for(catalog):
    marked = np.zeros(len(catalog), dtype=bool)
    marked[90:120] = True  # the first ten of them are bad
    display = KielDisplay.from_catalog(catalog, y="ABS_MAG", highlight=marked, highlight_label="clusters")
    dots = display.ax_.lines[0]
    np.testing.assert_allclose(dots.get_xdata(), catalog["TEFF"][100:120])
    np.testing.assert_allclose(dots.get_ydata(), catalog["ABS_MAG"][100:120])
    assert display.ax_.get_legend().get_texts()[0].get_text() == "clusters: 20 stars"
    assert display.ax_.get_ylim()[0] > display.ax_.get_ylim()[1]


def test_given_axes_are_used(catalog):
    from matplotlib import pyplot as plt

    figure, ax = plt.subplots()
    display = KielDisplay.from_catalog(catalog, x="M_H", ax=ax, colorbar=False)
    assert display.ax_ is ax
    assert display.figure_ is figure
    assert len(figure.axes) == 1
    assert ax.get_xlim()[0] < ax.get_xlim()[1]


@pytest.mark.parametrize("training", ["distance", np.arange(1000, 1500)])
def test_coverage_shows_all_and_training_stars_in_the_same_ranges(catalog, training):
    display = CoverageDisplay.from_catalog(catalog, training)
    assert display.ax_.shape == (2, 2)
    assert (display.n_shown_, display.n_training_) == (4900, 500)
    for left, right in display.ax_:
        assert left.get_xlim() == right.get_xlim()
        assert left.get_ylim() == right.get_ylim()
        assert count(left) == pytest.approx(4900, rel=0.02)
        assert count(right) == pytest.approx(500, rel=0.02)
        assert left.images[0].get_array().shape == right.images[0].get_array().shape
    assert [panel.get_xlabel() for panel in display.ax_[:, 0]] == [r"$T_\mathrm{eff}$ [K]", "[M/H] [dex]"]
    assert display.ax_[0, 1].get_title() == "training: 500 stars"


def test_coverage_without_training_stars_says_what_to_give(catalog):
    with pytest.raises(ValueError, match=r"none of the 5000 rows is a training star.*training_set.rows"):
        CoverageDisplay.from_catalog(catalog, "mass")
    with pytest.raises(ValueError, match="training must be one of"):
        CoverageDisplay.from_catalog(catalog, "ages")
