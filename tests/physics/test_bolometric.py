"""Bolometric corrections in Ks, against the Sun and independent relations."""

import json
from importlib import resources

import numpy as np
import pytest

from skdistmass.physics import bolometric as bc
from skdistmass.physics import constants


def test_sun():
    # Willmer 2018, ApJS 236, 47, table 3: 2MASS Ks of the Sun, Vega system.
    assert bc.absolute_magnitude_from_radius(1.0, 5772.0, 4.438, 0.0) == pytest.approx(3.27, abs=0.05)


def test_solar_constants_belong_together():
    # IAU 2015 B2 defines M_bol = 0 as 3.0128e28 W; the nominal Sun follows from it. B3: 4 π R² σ T⁴ = L.
    zero_magnitude = 3.0128e28
    assert -2.5 * np.log10(constants.SOLAR_LUMINOSITY / zero_magnitude) == pytest.approx(
        constants.SOLAR_BOLOMETRIC_MAGNITUDE, abs=1e-3
    )
    sphere = 4 * np.pi * 6.957e8**2 * 5.670374e-8 * constants.SOLAR_EFFECTIVE_TEMPERATURE**4
    assert sphere == pytest.approx(constants.SOLAR_LUMINOSITY, rel=1e-3)


def test_red_clump():
    # A typical red-clump star, 1.1 Msun and 10.8 Rsun at 4800 K, has M_Ks near -1.61 (Hawkins+ 2017).
    assert bc.absolute_magnitude_from_radius(10.8, 4800.0, 2.42, 0.0) == pytest.approx(-1.61, abs=0.08)


def test_giants_of_measured_angular_diameter():
    # Arcturus: Ramirez & Allende Prieto 2011, ApJ 743, 135 (Teff, log g, [Fe/H], radius), parallax 88.83 mas.
    # Pollux: Heiter+ 2015, A&A 582, A49 (7.98 mas, 4858 K, 2.90, 0.13), parallax 96.54 mas.
    # K from Ducati 2002, Johnson's system; such bright stars are known to about 0.1 mag.
    radius = np.array([25.4, 107.5 * 7.98 / 96.54])
    expected = np.array([-2.95, -1.11]) + 5 * np.log10(np.array([88.83, 96.54]) / 100)
    value = bc.absolute_magnitude_from_radius(radius, [4286.0, 4858.0], [1.66, 2.90], [-0.52, 0.13])
    assert value == pytest.approx(expected, abs=0.15)


def test_nodes_are_reproduced_and_cells_are_linear():
    with (
        (resources.files("skdistmass.data") / "bolometric_corrections_ks.npz").open("rb") as stream,
        np.load(stream) as table,
    ):
        axes = [table[name] for name in ("teff", "log_g", "fe_h")]
        cube = table["bc_ks"]
        provenance = json.loads(str(table["provenance"]))
    grid = np.meshgrid(*axes, indexing="ij")
    np.testing.assert_allclose(bc.bolometric_correction_k(*grid), cube, rtol=1e-6)
    centre = bc.bolometric_correction_k(*[0.5 * (axis[3] + axis[4]) for axis in axes])
    assert centre == pytest.approx(cube[3:5, 3:5, 3:5].mean(), abs=1e-6)
    assert {"quantity", "source", "citation", "made_by"} <= provenance.keys()


@pytest.mark.parametrize(
    ("teff", "log_g", "fe_h"),
    [
        (2999.0, 2.0, 0.0),
        (8001.0, 2.0, 0.0),
        (5000.0, -0.6, 0.0),
        (5000.0, 5.6, 0.0),
        (5000.0, 2.0, -2.6),
        (5000.0, 2.0, 0.6),
        (np.nan, 2.0, 0.0),
        (5000.0, np.nan, 0.0),
        (5000.0, 2.0, np.inf),
    ],
)
def test_nan_outside(teff, log_g, fe_h):
    assert np.isnan(bc.bolometric_correction_k(teff, log_g, fe_h))
    assert np.isnan(bc.absolute_magnitude_from_radius(1.0, teff, log_g, fe_h))


def test_bad_radius_is_nan():
    assert np.isnan(bc.bolometric_magnitude([0.0, -1.0, np.nan], 5000.0)).all()
    assert np.isnan(bc.bolometric_magnitude(1.0, -5000.0))


def test_round_trip_and_shapes():
    rng = np.random.default_rng(0)
    radius, teff = rng.uniform(1, 50, (4, 50)), rng.uniform(3500, 5500, (4, 50))
    magnitude = bc.absolute_magnitude_from_radius(radius, teff, 2.0, -0.3)
    assert magnitude.shape == (4, 50)
    np.testing.assert_allclose(
        bc.radius_from_absolute_magnitude(magnitude, teff, 2.0, -0.3), radius, rtol=1e-12
    )


def test_error_by_monte_carlo():
    rng = np.random.default_rng(1)
    teff = rng.normal(4700.0, 60.0, 200_000)
    radius = 10.0 * (1 + rng.normal(0.0, 0.03, 200_000))
    drawn = bc.absolute_magnitude_from_radius(radius, teff, 2.4, -0.1)
    expected = bc.absolute_magnitude_error_from_radius(0.03, 4700.0, 60.0, 2.4, -0.1)
    assert drawn.std() == pytest.approx(expected, rel=0.02)
