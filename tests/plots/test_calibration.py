"""Coverage and PIT of predicted errors."""

import numpy as np
import pytest
from astropy import units
from astropy.table import Column, Table
from scipy.stats import norm

from skdistmass.plots import CalibrationDisplay


@pytest.mark.parametrize("ratio", [0.5, 1.0, 2.0])
def test_coverage_of_errors_that_are_too_small_right_and_too_large(ratio):
    rng = np.random.default_rng(0)
    truth = rng.normal(0.0, 1.0, 40_000)
    display = CalibrationDisplay.from_predictions(truth, np.zeros(truth.size), np.full(truth.size, ratio))
    assert display.coverage_ == pytest.approx(2 * norm.cdf(ratio) - 1, abs=0.01)
    curve = next(line for line in display.ax_[0, 0].lines if line.get_label() == "these errors")
    expected = 2 * norm.cdf(ratio * norm.ppf((1 + curve.get_xdata()) / 2)) - 1
    np.testing.assert_allclose(curve.get_ydata(), expected, atol=0.012)


def test_pit_of_right_errors_is_uniform():
    rng = np.random.default_rng(1)
    display = CalibrationDisplay.from_predictions(rng.normal(size=40_000), np.zeros(40_000), np.ones(40_000))
    heights = np.array([bar.get_height() for bar in display.ax_[0, 1].patches])
    np.testing.assert_allclose(heights, 1.0, atol=0.1)


def test_errors_of_ages_count_in_dex_upward_and_downward(catalog, usable):
    """Truth 0.2 dex above or 0.1 dex below lies exactly at the error that the catalogue gives."""
    age = np.asarray(catalog["AGE"]) / 1e9
    above = np.arange(len(catalog)) % 2 == 0
    truth = age * np.where(above, 10**0.1999, 10**-0.0999)
    display = CalibrationDisplay.from_catalog(catalog, truth, column="AGE")
    assert display.n_shown_ == (usable & np.isfinite(age)).sum()
    assert display.coverage_ == 1.0
    np.testing.assert_allclose(np.unique(display.pit.round(3)), [0.159, 0.841])


def test_distances_and_masses_of_a_catalogue(catalog):
    distance = CalibrationDisplay.from_catalog(catalog, np.asarray(catalog["GAIAEDR3_DIST"]) / 1000)
    assert distance.coverage_ == pytest.approx(0.683, abs=0.03)
    mass = CalibrationDisplay.from_catalog(catalog, 1.05 * np.asarray(catalog["MASS"]), column="MASS")
    np.testing.assert_allclose(mass.pit, norm.cdf(0.5))
    assert mass.ax_[0, 0].get_title() == "mass: 4,700 stars"


def test_truth_in_another_unit_masked_or_of_a_table(catalog):
    kpc = np.asarray(catalog["GAIAEDR3_DIST"], dtype=float) / 1000
    expected = CalibrationDisplay.from_catalog(catalog, kpc)
    for truth in (Column(1000 * kpc, unit="pc"), 1000 * kpc * units.pc, kpc * units.kpc):
        np.testing.assert_allclose(
            CalibrationDisplay.from_catalog(catalog, truth).pit, expected.pit, atol=1e-9
        )
    hidden = np.ma.array(kpc, mask=np.arange(len(kpc)) % 2 == 0)
    hidden.data[::2] = -9999.0
    without = CalibrationDisplay.from_catalog(catalog, np.where(hidden.mask, np.nan, kpc))
    np.testing.assert_array_equal(CalibrationDisplay.from_catalog(catalog, hidden).pit, without.pit)
    with pytest.raises(ValueError, match="`TRUTH` must be one column; received a table"):
        CalibrationDisplay.from_catalog(catalog, Table({"distance": kpc, "cluster": ["a"] * len(kpc)}))


def test_rows_without_errors_are_left_out_and_none_is_an_error():
    display = CalibrationDisplay.from_predictions([1.0, 1.0, np.nan], [1.0, 1.0, 1.0], [0.1, 0.0, 0.1])
    assert display.n_shown_ == 1
    with pytest.raises(ValueError, match="none of the 1 rows"):
        CalibrationDisplay.from_predictions([1.0], [1.0], [np.nan])
