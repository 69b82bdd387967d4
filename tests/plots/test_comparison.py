"""One catalogue against another."""

import numpy as np
import pytest

from skdistmass.plots import ComparisonDisplay


def test_ages_twice_as_high_are_offset_by_0_3_dex(catalog, usable):
    other = np.asarray(catalog["AGE"]) / 1e9 / 2
    rows = np.arange(len(catalog)) < 3000
    display = ComparisonDisplay.from_catalog(catalog, other, rows=rows, other_label="age, other [Gyr]")
    shown = usable & np.isfinite(other) & rows
    assert display.n_shown_ == shown.sum()
    assert display.offset_ == pytest.approx(np.log10(2))
    assert display.scatter_ == pytest.approx(0.0, abs=1e-9)
    assert display.ax_.get_xlabel() == "age, other [Gyr]"
    assert display.ax_.get_ylabel() == "age [Gyr]"
    assert display.ax_.get_xlim() == display.ax_.get_ylim()
    dots, equal = display.ax_.lines
    np.testing.assert_allclose(dots.get_ydata() - dots.get_xdata(), np.log10(2))
    np.testing.assert_array_equal(equal.get_xdata(), equal.get_ydata())
    assert "median +0.30, robust σ 0.00 dex" in display.ax_.get_title()


def test_logarithmic_axes_are_labelled_with_the_values(catalog):
    display = ComparisonDisplay.from_catalog(catalog, np.asarray(catalog["AGE"]) / 1e9)
    places, texts = display.ax_.get_xticks(), [text.get_text() for text in display.ax_.get_xticklabels()]
    np.testing.assert_allclose(10**places, np.array(texts, dtype=float), rtol=1e-9)
    assert {"1", "10"} <= set(texts)


def test_another_column_of_the_catalogue_and_linear_axes(catalog):
    display = ComparisonDisplay.from_catalog(catalog, "GAIAEDR3_DIST", column="DISTANCE", log=False)
    assert display.n_shown_ == 4900
    assert display.ax_.get_xlabel() == "Gaia distance [kpc]"
    assert display.scatter_ == pytest.approx(0.1 / np.log(10), rel=0.1)
    drawn = np.ma.masked_invalid(display.ax_.images[0].get_array())
    assert drawn.sum() == pytest.approx(4900, rel=0.02)
