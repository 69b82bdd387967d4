"""Distributions of one star."""

import numpy as np
import pytest

from skdistmass import IsochroneDistance
from skdistmass.plots import PosteriorDisplay

GIANT = {"TEFF": 4800.0, "LOGG": 2.5, "M_H": 0.0, "ABS_MAG": -1.6, "ABS_MAG_ERR": 0.15, "MAG": 10.0}
GIANT |= {"EXTINCTION": 0.1, "GAIAEDR3_DIST": 1.95, "MASS": 1.2, "MASS_ERR": 0.1}
GIANT |= {"AGE": 5.0, "AGE_ERR_UP": 0.2, "AGE_ERR_DOWN": 0.1}


def curve(panel, label):
    return next(line for line in panel.lines if line.get_label() == label).get_data()


def test_densities_integrate_to_one():
    display = PosteriorDisplay(GIANT).plot()
    for panel, label in zip(display.ax_.ravel()[:2], ("network", "network"), strict=True):
        x, density = (values[np.argsort(curve(panel, label)[0])] for values in curve(panel, label))
        assert np.trapezoid(density, x) == pytest.approx(1.0, abs=0.005)
    x, density = curve(display.ax_[0, 2], "mass and metallicity")
    assert np.trapezoid(density, np.log10(x)) == pytest.approx(1.0, abs=0.005)


def test_distance_peaks_at_the_distance_modulus_and_gaia_is_marked():
    panel = PosteriorDisplay(GIANT).plot().ax_[0, 0]
    x, density = curve(panel, "network")
    assert x[np.argmax(density)] == pytest.approx(10 ** (0.2 * (9.9 + 1.6) + 1) / 1000, rel=0.01)
    assert curve(panel, "Gaia")[0][0] == 1.95
    assert panel.get_xlabel() == "distance [kpc]"


def test_age_is_asymmetric_on_a_logarithmic_axis():
    panel = PosteriorDisplay(GIANT).plot().ax_[0, 2]
    assert panel.get_xscale() == "log"
    x, density = curve(panel, "mass and metallicity")
    peak = density.max()
    assert x[np.argmax(density)] == pytest.approx(5.0, rel=0.01)
    half = x[density > peak * np.exp(-0.5)]
    assert np.log10(half[-1] / 5.0) == pytest.approx(0.2, abs=0.005)
    assert np.log10(5.0 / half[0]) == pytest.approx(0.1, abs=0.005)


def test_missing_values_are_said_to_be_missing():
    star = GIANT | {"MASS": np.nan, "AGE": np.nan}
    display = PosteriorDisplay(star).plot()
    for panel in display.ax_.ravel()[1:]:
        assert [text.get_text() for text in panel.texts] == ["no value"]
    assert not display.ax_[0, 0].texts


def test_star_of_a_catalogue_with_isochrones(catalog):
    stars = catalog[:3].copy()
    for name in ("TEFF", "LOGG", "M_H", "MAG", "EXTINCTION"):
        stars[name][1] = GIANT[name]
    display = PosteriorDisplay.from_catalog(stars, 1, isochrone=IsochroneDistance(n_jobs=1))
    assert display.ax_[0, 1].get_title() == "2M000001"
    x, density = display.isochrone["distance"], display.isochrone["density"]
    order = np.argsort(x)
    assert np.trapezoid(density[order], x[order]) == pytest.approx(1.0, abs=0.02)
    bar = next(c for c in display.ax_[0, 1].containers if c.get_label() == "isochrones, 68 %")
    assert bar.lines[0].get_xdata()[0] == display.isochrone["mass"][1]
    with pytest.raises(ValueError, match="row must be between 0 and 4999; received 5000"):
        PosteriorDisplay.from_catalog(catalog, 5000)
