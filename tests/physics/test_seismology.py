"""Scaling relations, and masses of the six sets of labels with their errors."""

import numpy as np
import pandas as pd
import pytest

from skdistmass.physics import seismology as seis
from skdistmass.physics.gaia_radius import CORRECTIONS


def simulated_giants(n, seed=0):
    """Frequencies of giants of known mass and radius, from the scaling relations with f = 1."""
    rng = np.random.default_rng(seed)
    mass, radius, teff = rng.uniform(0.8, 2.2, n), rng.uniform(5, 15, n), rng.uniform(4400, 5000, n)
    nu_max = 3076.0 * mass / radius**2 / np.sqrt(teff / 5772.0)
    return mass, radius, teff, nu_max, 135.146 * np.sqrt(mass / radius**3)


class TestScaling:
    def test_sun(self):
        for reference in (*seis.SOLAR_REFERENCES.values(), seis.MOSSER_REFERENCE):
            assert seis.seismic_mass(*reference, 5772.0, reference=reference) == pytest.approx(1.0)
            assert seis.seismic_radius(*reference, 5772.0, reference=reference) == pytest.approx(1.0)

    def test_inverts_density_and_gravity(self):
        mass, radius, teff, nu_max, delta_nu = simulated_giants(1000)
        np.testing.assert_allclose(seis.seismic_mass(nu_max, delta_nu, teff), mass, rtol=1e-12)
        np.testing.assert_allclose(seis.seismic_radius(nu_max, delta_nu, teff), radius, rtol=1e-12)

    def test_factor_lowers_mass_as_fourth_power(self):
        whole, corrected = seis.seismic_mass(30.0, 4.0, 4800.0, [1.0, 0.97])
        assert corrected / whole == pytest.approx(0.97**4)

    def test_missing_and_negative(self):
        mass = seis.seismic_mass(
            [np.nan, -1.0, 0.0, 30.0, 30.0], [4.0, 4.0, 4.0, np.nan, 4.0], [4800.0] * 4 + [-5.0]
        )
        assert np.isnan(mass).all()

    def test_errors_by_monte_carlo(self):
        rng = np.random.default_rng(1)
        nu, delta, teff = (
            v * (1 + s * rng.normal(size=400_000)) for v, s in ((30, 0.01), (4, 0.006), (4800, 0.011))
        )
        mass, radius = seis.seismic_mass(nu, delta, teff), seis.seismic_radius(nu, delta, teff)
        assert seis.mass_fractional_error(0.01, 0.006, 0.011) == pytest.approx(np.std(np.log(mass)), rel=0.01)
        assert seis.radius_fractional_error(0.01, 0.006, 0.011) == pytest.approx(
            np.std(np.log(radius)), rel=0.01
        )


class TestSeismicMasses:
    @pytest.mark.parametrize("correction", CORRECTIONS)
    @pytest.mark.parametrize("radius_corrected", [False, True])
    def test_errors_by_monte_carlo(self, correction, radius_corrected):
        rng = np.random.default_rng(3)
        n, state = 50_000, "RGB"
        centre, errors = (60.0, 6.0, 4800.0), (0.6, 0.03, 50.0)
        draws = [value + error * rng.normal(size=n) for value, error in zip(centre, errors, strict=True)]
        settings = {"correction": correction, "radius_corrected": radius_corrected}
        drawn = seis.seismic_masses(*draws, 2.7, -0.1, state, **settings)
        labels = seis.seismic_masses(
            *centre, 2.7, -0.1, state, nu_max_error=0.6, delta_nu_error=0.03, teff_error=50.0, **settings
        )
        assert np.std(np.log(drawn.mass)) == pytest.approx(labels.mass_fractional_error, rel=0.03)
        assert np.std(np.log(drawn.radius)) == pytest.approx(labels.radius_fractional_error, rel=0.03)

    def test_error_without_correction_slope_is_the_formula(self):
        # White's factor is constant below 4700 K, so that the chain is the bare scaling relation.
        labels = seis.seismic_masses(
            60.0,
            6.0,
            4500.0,
            2.7,
            0.0,
            "RGB",
            nu_max_error=0.6,
            delta_nu_error=0.03,
            teff_error=45.0,
            correction="TW",
        )
        assert labels.mass_fractional_error == pytest.approx(
            seis.mass_fractional_error(0.01, 0.005, 0.01), rel=1e-6
        )
        assert labels.radius_fractional_error == pytest.approx(
            seis.radius_fractional_error(0.01, 0.005, 0.01), rel=1e-6
        )

    def test_missing_errors_and_states(self):
        labels = seis.seismic_masses([60.0, 60.0, np.nan], 6.0, 4800.0, 2.7, 0.0, ["RGB", "", "RC"])
        assert np.isfinite(labels.mass).tolist() == [True, False, False]
        assert np.isnan(labels.mass_fractional_error).all()
        only_mosser = seis.seismic_masses(60.0, 6.0, 4800.0, np.nan, np.nan, "", correction="MO")
        assert np.isfinite(only_mosser.mass)

    def test_pipeline_changes_the_zero_point(self):
        ours = seis.seismic_masses(60.0, 6.0, 4600.0, 2.7, 0.0, "RGB", correction="TW")
        theirs = seis.seismic_masses(60.0, 6.0, 4600.0, 2.7, 0.0, "RGB", correction="TW", pipeline="CAN")
        assert theirs.mass / ours.mass == pytest.approx((3076 / 3140) ** 3 * (134.88 / 135.146) ** 4)

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({"correction": "XX"}, "`correction` must be one of .* received 'XX'"),
            ({"pipeline": "FOO"}, "`pipeline` must be one of .*'SYD'.* received 'FOO'"),
        ],
    )
    def test_unknown_settings(self, settings, message):
        with pytest.raises(ValueError, match=message):
            seis.seismic_masses(60.0, 6.0, 4800.0, 2.7, 0.0, "RGB", **settings)

    def test_real_giants(self, real_file):
        stars = pd.read_csv(real_file("kepler_giants.csv")).dropna(subset=["NU_MAX", "MASS_APOKASC3"])
        inputs = [stars[c] for c in ("NU_MAX", "DELTA_NU", "TEFF", "LOGG", "FE_H", "EVSTATE")]
        ratio = {
            name: seis.seismic_masses(*inputs, correction=name).mass / stars["MASS_APOKASC3"].to_numpy()
            for name in CORRECTIONS
        }
        branch = (stars["EVSTATE"] == "RGB").to_numpy()
        for name, limit in {"SS": 0.03, "MO": 0.08, "TW": 0.06}.items():
            assert abs(np.nanmedian(ratio[name][branch]) - 1) < limit
