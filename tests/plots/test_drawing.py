"""Densities, medians in cells and bins, axes."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from skdistmass.plots import _drawing as drawing
from skdistmass.plots._quantities import quantity

LIMITS = drawing.Limits(0.0, 1.0), drawing.Limits(0.0, 2.0)


def test_density_counts_every_star_once():
    rng = np.random.default_rng(0)
    x, y = rng.random(20_000), 2 * rng.random(20_000)
    drawn = drawing.draw_stars(plt.figure().add_subplot(), x, y, LIMITS)
    image = drawn.get_array()
    expected = np.histogram2d(y, x, bins=image.shape, range=[LIMITS[1], LIMITS[0]])[0]
    np.testing.assert_array_equal(np.nan_to_num(np.ma.filled(image, 0.0)), expected)
    assert drawn.get_extent() == [0.0, 1.0, 0.0, 2.0]
    assert drawn.norm.__class__.__name__ == "LogNorm"
    assert drawn.get_cmap().name == "cividis"


def test_stars_beyond_the_limits_are_not_counted():
    x = np.append(np.full(5000, 0.5), [-0.1, 1.0, 7.0])
    drawn = drawing.draw_stars(plt.figure().add_subplot(), x, x, LIMITS)
    assert np.nansum(np.ma.filled(drawn.get_array(), np.nan)) == 5000


def test_cells_hold_the_median_of_their_stars():
    x = np.array([0.1, 0.1, 0.1, 0.9, 0.9])
    y = np.array([0.1, 0.1, 0.1, 1.9, 1.9])
    values = np.array([3.0, 1.0, 50.0, 7.0, 5.0])
    medians = drawing.cell_medians(x, y, values, LIMITS, 2)
    np.testing.assert_array_equal(medians, [[3.0, np.nan], [np.nan, 5.0]])


def test_few_stars_are_dots_and_many_an_image():
    few, many = np.linspace(0, 1, drawing.FEW_STARS), np.linspace(0, 1, drawing.FEW_STARS + 1)
    ax = plt.figure().add_subplot()
    assert drawing.draw_stars(ax, few, few, LIMITS) is None
    np.testing.assert_array_equal(ax.lines[0].get_xdata(), few)
    dots = drawing.draw_stars(ax, few, few, LIMITS, color=few)
    assert dots.get_offsets().shape == (len(few), 2)
    np.testing.assert_array_equal(dots.get_array(), few)
    assert dots.get_cmap().name == "viridis"
    assert drawing.draw_stars(ax, many, many, LIMITS).get_array().ndim == 2


@pytest.mark.parametrize(("name", "ends"), [("LOGG", (5.0, 0.0)), ("M_H", (0.0, 5.0))])
def test_axes_run_in_the_direction_of_the_field(name, ends):
    ax = plt.figure().add_subplot()
    drawing.set_axis(ax, "y", quantity(name), drawing.Limits(0.0, 5.0))
    assert ax.get_ylim() == ends
    assert ax.get_ylabel() == quantity(name).label


def test_limits_leave_out_single_outliers_of_many_stars():
    values = np.append(np.random.default_rng(0).normal(size=100_000), 1e6)
    low, high = drawing.limits_of(values)
    assert -4 < low < -2.8
    assert 2.8 < high < 4
    assert drawing.limits_of(np.array([1.0, 2.0]), 4.0)[1] > 4.0
    assert drawing.limits_of(np.array([])) == (0.0, 1.0)


def test_running_median_follows_the_stars():
    x = np.linspace(0, 1, 12_000)
    ax = plt.figure().add_subplot()
    drawing.draw_median(ax, x, 3 * x, drawing.Limits(0.0, 1.0))
    line = next(line for line in ax.lines if line.get_label().startswith("median"))
    np.testing.assert_allclose(line.get_ydata(), 3 * line.get_xdata(), atol=0.01)
    assert len(line.get_xdata()) == 12


def test_bins_of_few_stars_have_no_median():
    x = np.append(np.full(20, 0.2), np.full(9, 0.8))
    ax = plt.figure().add_subplot()
    drawing.draw_median(ax, x, x, drawing.Limits(0.0, 1.0), n_bins=2)
    assert [len(line.get_xdata()) for line in ax.lines] == [1, 1, 1, 1]


def test_colours_are_told_apart_by_colour_blind_readers():
    """Blue, orange, ... differ in lightness or lie far apart for red-green blindness (Viénot et al. 1999)."""
    from matplotlib.colors import to_rgb

    deuteranopia = np.array([[0.29275, 0.70725, 0.0], [0.29275, 0.70725, 0.0], [-0.02234, 0.02234, 1.0]])
    linear = np.array([to_rgb(color) for color in drawing.COLORS[:3]]) ** 2.2
    seen = np.clip(linear @ deuteranopia.T, 0, 1) ** (1 / 2.2)
    distances = [np.linalg.norm(seen[i] - seen[j]) for i in range(3) for j in range(i)]
    assert min(distances) > 0.25


def test_axes_can_be_given_and_their_number_is_checked():
    _, axes = plt.subplots(1, 3)
    panels = drawing.Display()._panels(axes, (1, 3))
    assert panels[0, 2] is axes[2]
    with pytest.raises(ValueError, match=r"ax must hold 2 axes, one a panel; received 3"):
        drawing.Display()._panels(axes, (1, 2))


def test_matplotlib_is_asked_for_by_name(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"skdistmass\[plots\]"):
        drawing.Display()._panels(None)
