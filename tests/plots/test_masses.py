"""Histograms of mass at low and high surface gravity."""

import numpy as np
import pytest

from skdistmass.columns import LABEL_SETS
from skdistmass.plots import MassHistogramDisplay
from skdistmass.tables.aliases import MissingColumnsError


def test_six_panels_uncorrected_left_and_corrected_right(catalog):
    display = MassHistogramDisplay.from_catalog(catalog)
    assert display.ax_.shape == (3, 2)
    titles = [panel.get_title() for panel in display.ax_.ravel()]
    assert titles == [f"mass, {label_set}" for label_set in LABEL_SETS]
    assert all("UNCOR" in panel.get_title() for panel in display.ax_[:, 0])
    assert display.ax_[2, 0].get_xlabel() == r"mass [$M_\odot$]"


def test_histograms_are_normalised_and_lines_are_medians(catalog, usable):
    display = MassHistogramDisplay.from_catalog(catalog, ["MASS"], log_g_edges=(1.0, 2.0, 3.5))
    log_g = np.asarray(catalog["LOGG"])
    low = usable & (log_g >= 1) & (log_g < 2)
    high = usable & (log_g >= 2) & (log_g < 3.5)
    medians = [line.get_xdata()[0] for line in display.ax_.lines if line.get_linestyle() == "--"]
    np.testing.assert_allclose(medians, [np.median(catalog["MASS"][rows]) for rows in (low, high)])
    for patch in display.ax_.patches:
        x, y = patch.get_xy().T
        assert np.sum(y[1:-1:2] * np.diff(x[::2])[: len(y[1:-1:2])]) == pytest.approx(1.0, abs=0.01)
    assert display.n_shown_ == low.sum() + high.sum()
    texts = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert texts[0].endswith(f"{low.sum():,} stars")


def test_without_the_six_sets_there_is_one_panel(catalog):
    display = MassHistogramDisplay.from_catalog(catalog["LOGG", "MASS", "BITMASK"])
    assert display.ax_.get_title() == "mass"


def test_wrong_questions_are_errors(catalog):
    with pytest.raises(ValueError, match="log_g_edges must be three increasing numbers"):
        MassHistogramDisplay.from_catalog(catalog, log_g_edges=(3, 2, 1))
    with pytest.raises(MissingColumnsError, match="MASS"):
        MassHistogramDisplay.from_catalog(catalog["LOGG", "TEFF"])
