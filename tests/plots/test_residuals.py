"""Residuals with the threshold of binaries, and deviations against surface gravity."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from skdistmass import BinaryPruner
from skdistmass.plots import DeviationDisplay, ResidualDisplay


def line(ax, label):
    return next(line for line in ax.lines if line.get_label() == label)


def test_dwarfs_and_their_residuals_are_shown(catalog):
    display = ResidualDisplay.from_catalog(catalog)
    dwarfs = (np.asarray(catalog["LOGG"]) >= 3.5) & (np.arange(len(catalog)) >= 100)
    residual = 1 - np.asarray(catalog["DISTANCE"]) / np.asarray(catalog["GAIAEDR3_DIST"])
    plane, bars = display.ax_.ravel()
    np.testing.assert_allclose(plane.lines[0].get_ydata(), residual[dwarfs])
    np.testing.assert_allclose(plane.lines[0].get_xdata(), catalog["GAIAEDR3_DIST"][dwarfs] / 1000)
    assert plane.get_xlabel() == "Gaia distance [kpc]"
    assert plane.get_ylim() == bars.get_ylim()
    assert display.n_shown_ == dwarfs.sum()
    assert display.n_beyond_ == (residual[dwarfs] > 0.13).sum()
    assert sum(bar.get_width() for bar in bars.patches) == (np.abs(residual[dwarfs]) < 0.6).sum()
    assert plane.lines[1].get_ydata()[0] == 0.13


def test_residuals_of_a_pruner_show_its_threshold():
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.uniform(5000, 6000, 500), rng.uniform(4.0, 4.6, 500)])
    y = 5.0 - 0.001 * (X[:, 0] - 5500) + rng.normal(0, 0.05, 500)
    y[:50] -= 0.75
    pruner = BinaryPruner(LinearRegression(), threshold=0.2).fit(X, y)
    display = ResidualDisplay.from_pruner(pruner, y)
    assert display.n_beyond_ == (~pruner.support_).sum() == 50
    plane = display.ax_[0, 0]
    np.testing.assert_array_equal(plane.lines[0].get_ydata(), pruner.residual_)
    assert plane.lines[1].get_ydata()[0] == 0.2
    assert plane.get_xlabel() == r"$M_{K_\mathrm{s}}$ [mag]"


def test_pruner_that_found_no_second_mode_has_no_line():
    display = ResidualDisplay(np.ones(10), np.zeros(10), np.inf).plot()
    assert len(display.ax_[0, 0].lines) == 1
    assert display.n_beyond_ == 0


def test_deviation_is_the_robust_sigma_of_each_bin():
    rng = np.random.default_rng(0)
    log_g = rng.uniform(1.0, 4.0, 60_000)
    truth = rng.uniform(1.0, 3.0, log_g.size)
    sigma = np.where(log_g < 2.5, 0.2, 0.05)
    noisy = truth * (1 + sigma * rng.standard_normal(log_g.size))
    display = DeviationDisplay.from_predictions(
        log_g, {"network": noisy, "exact": truth}, truth, 0.03 * truth, reference_label="Gaia"
    )
    network = line(display.ax_, "network")
    expected = np.where(network.get_xdata() < 2.5, 0.2, 0.05)
    np.testing.assert_allclose(network.get_ydata(), expected, rtol=0.05)
    np.testing.assert_allclose(line(display.ax_, "exact").get_ydata(), 0.0, atol=1e-12)
    np.testing.assert_allclose(line(display.ax_, "Gaia").get_ydata(), 0.03)
    np.testing.assert_allclose(line(display.ax_, "Gaia").get_xdata(), network.get_xdata())
    # Quartiles of |deviation| of a Gaussian: 0.319 and 1.150 standard deviations.
    quartiles = [
        other.get_ydata()
        for other in display.ax_.lines
        if other.get_linestyle() == "--" and len(other.get_xdata())
    ]
    np.testing.assert_allclose(quartiles[0], 0.319 * expected, rtol=0.08)
    np.testing.assert_allclose(quartiles[1], 1.150 * expected, rtol=0.05)
    assert display.ax_.get_xlim()[0] > display.ax_.get_xlim()[1]
    assert display.ax_.get_ylim()[0] == 0


def test_catalogue_is_compared_with_gaia_where_it_may_be_used(catalog):
    display = DeviationDisplay.from_catalog(
        catalog, reference_error=0.05 * np.asarray(catalog["GAIAEDR3_DIST"])
    )
    assert display.n_shown_ == 4900
    np.testing.assert_allclose(line(display.ax_, "distance").get_ydata(), 0.1, rtol=0.2)
    np.testing.assert_allclose(line(display.ax_, "error of Gaia").get_ydata(), 0.05)


def test_methods_without_common_stars_are_an_error():
    with pytest.raises(ValueError, match="none of the 2 stars has all of a, b and a reference"):
        DeviationDisplay.from_predictions([2, 3], {"a": [1, np.nan], "b": [np.nan, 1]}, [1, 1])
