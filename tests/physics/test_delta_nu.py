"""Corrections of the large separation, against the published relations and independent models."""

import json
from importlib import resources

import numpy as np
import pandas as pd
import pytest

from skdistmass.physics import delta_nu as sep
from skdistmass.physics import seismology as seis


class TestWhiteAndMosser:
    def test_white_polynomial_and_edges(self):
        # White+ 2011 at 5000 K: -4.29 · 0.25 + 4.84 · 0.5 - 0.35.
        assert sep.white_correction(5000.0) == pytest.approx(0.9975)
        assert sep.white_correction(3900.0) == sep.white_correction(4700.0)
        assert sep.white_correction(7500.0) == sep.white_correction(6700.0)
        assert np.isnan(sep.white_correction(np.nan))

    def test_mosser_is_continuous_at_order_fifteen(self):
        delta = sep.mosser_delta_nu(np.array([14.999999, 15.000001]) * 4.0, 4.0)
        np.testing.assert_allclose(delta, 4.0 * 1.038, rtol=1e-7)

    def test_mosser_sun(self):
        # The Sun has n = 3050/135.1 = 22.6, and the reference 138.8 µHz is its asymptotic separation.
        assert sep.mosser_delta_nu(3050.0, 135.1) == pytest.approx(138.8, rel=0.003)


class TestSharma:
    def test_known_behaviour(self):
        # Sharma+ 2016, fig. 3: Δν of branch stars falls short by 1-4 %, that of clump stars by less than 1 %.
        branch = sep.sharma_correction(
            [4500.0, 4700.0, 4900.0], [2.3, 2.6, 3.0], [0.1, 0.0, -0.3], 1.1, "RGB"
        )
        assert ((branch > 0.955) & (branch < 0.99)).all()
        clump = sep.sharma_correction([4700.0, 4800.0], 2.42, [0.1, -0.2], [1.2, 1.0], "RC")
        assert (np.abs(clump - 1) < 0.01).all()

    def test_mass_is_a_fixed_point(self):
        rng = np.random.default_rng(0)
        mass, radius, teff = (
            rng.uniform(0.8, 2.2, 2000),
            rng.uniform(5, 15, 2000),
            rng.uniform(4400, 5000, 2000),
        )
        nu_max = 3076.0 * mass / radius**2 / np.sqrt(teff / 5772.0)
        delta_nu = 135.146 * np.sqrt(mass / radius**3)
        log_g = 4.438 + np.log10(mass / radius**2)
        state = np.where(np.arange(2000) % 2, "RGB", "RC")
        corrected, factor = seis.sharma_mass(nu_max, delta_nu, teff, log_g, -0.1, state)
        assert np.isfinite(corrected).all()
        np.testing.assert_allclose(corrected, mass * factor**4, rtol=1e-10)
        again = sep.sharma_correction(teff, log_g, -0.1, corrected, state)
        np.testing.assert_allclose(again, factor, rtol=1e-10)

    def test_iteration_converges_everywhere(self):
        axes = [10.0, 100.0], [2.0, 9.0], [3800.0, 4500.0, 5200.0], [1.0, 2.4, 3.3], [-2.5, -1.0, 0.0, 0.5]
        nu_max, delta_nu, teff, log_g, fe_h = (axis.ravel() for axis in np.meshgrid(*axes))
        for state in sep.EVOLUTIONARY_STATES:
            mass, factor = seis.sharma_mass(nu_max, delta_nu, teff, log_g, fe_h, state)
            again = sep.sharma_correction(teff, log_g, fe_h, mass, state)
            np.testing.assert_allclose(again, factor, rtol=1e-8)
            assert ((factor > 0.9) & (factor < 1.05)).all()

    def test_outside_is_nearest_edge_and_told(self):
        content = json.loads((resources.files("skdistmass.data") / "sharma_fdnu.json").read_text())
        hottest = content["states"]["RGB"]["high"][0]
        edge, beyond = sep.sharma_correction([hottest, hottest + 500], 2.9, -0.3, 1.2, "RGB")
        assert edge == beyond
        inside = sep.in_sharma_domain([4800.0, hottest + 1], 2.9, -0.3, 1.2, "RGB")
        assert inside.tolist() == [True, False]

    def test_empty_corner_of_the_box_is_outside(self):
        # No giant branch is both that cool and that poor in metals, though each value occurs.
        assert not sep.in_sharma_domain(4300.0, 3.0, -2.0, 1.0, "RGB")

    def test_missing_and_unknown_state(self):
        factor = sep.sharma_correction([4700.0, np.nan, 4700.0], 2.5, 0.0, 1.2, ["AGB", "RGB", "nan"])
        assert np.isnan(factor).all()
        assert np.isnan(sep.sharma_correction(4700.0, 2.5, 0.0, 1.2, [None, float("nan"), ""])).all()
        assert not sep.in_sharma_domain(4700.0, np.nan, 0.0, 1.2, "RGB")

    def test_shipped_file(self):
        content = json.loads((resources.files("skdistmass.data") / "sharma_fdnu.json").read_text())
        assert {"quantity", "inputs", "source", "citation", "made_by"} <= content.keys()
        for fit in content["states"].values():
            assert fit["held_out"]["robust_sigma"] < 0.0015
            assert abs(fit["held_out"]["median"]) < 2e-4

    def test_table_is_reproduced(self, real_file):
        stars = pd.read_csv(real_file("apo_k2.csv")).dropna(subset=["fdnu"])
        factor = sep.sharma_correction(stars["teff"], stars["logg"], stars["feh"], stars["mass"], stars["ev"])
        misfit = factor * stars["fdnu"].to_numpy() - 1
        assert np.median(np.abs(misfit)) < 0.001
        assert np.quantile(np.abs(misfit), 0.9) < 0.004

    def test_agrees_with_independent_models(self, real_file):
        # APOKASC-2 corrected Δν with other stellar models (Serenelli+, in Pinsonneault+ 2018).
        stars = pd.read_csv(real_file("kepler_giants.csv")).dropna(subset=["NU_MAX", "EVSTATE"])
        mass, factor = seis.sharma_mass(
            *(stars[c] for c in ("NU_MAX", "DELTA_NU", "TEFF", "LOGG", "FE_H", "EVSTATE"))
        )
        theirs = (stars["MASS_APOKASC2"] / (mass / factor**4)) ** 0.25
        misfit = (factor / theirs - 1).to_numpy()
        assert abs(np.median(misfit)) < 0.01
        assert 1.4826 * np.median(np.abs(misfit - np.median(misfit))) < 0.006
