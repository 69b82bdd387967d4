"""Stars, dust, metals and dredge-up of the model Galaxy."""

from itertools import pairwise

import numpy as np
import pytest

from skdistmass.physics.galaxy import (
    POPULATIONS,
    age_metallicity_relation,
    dredge_up_change,
    dust_extinction,
    galactocentric_position,
    mix_carbon_nitrogen,
    stellar_density,
)


def test_dredge_up_is_monotone_in_mass_and_keeps_carbon_plus_nitrogen():
    mass = np.linspace(0.7, 5, 50)
    change = dredge_up_change(mass, 2.5, 0.0, 3)
    assert (np.diff(change) < 0).all()
    assert dredge_up_change(1.0, 4.4, 0.0, 1) == 0
    assert np.isnan(dredge_up_change(np.nan, 2.5, 0.0, 3))
    c_fe, n_fe = mix_carbon_nitrogen(0.1, 0.05, change)
    np.testing.assert_allclose(c_fe - n_fe, 0.05 + change, atol=1e-12)
    solar = 10 ** (8.43 - 7.83)
    np.testing.assert_allclose(solar * 10**c_fe + 10**n_fe, solar * 10**0.1 + 10**0.05)


def test_dust_against_adaptive_quadrature():
    from scipy.integrate import quad

    def slow(glon, glat, distance):
        def density(s):
            radius, height = galactocentric_position(glon, glat, 1000 * s)
            return 0.08 * np.exp(-(radius - 8.2) / 3.2 - abs(height) / 0.125)

        nearest = 8.2 * np.cos(np.radians(glon))
        edges = [0.0, 0.5, 2.0, min(max(nearest, 2.0), distance / 1000), distance / 1000]
        return sum(quad(density, *pair, limit=200)[0] for pair in pairwise(edges))

    for place in [(0, 0.5, 12000), (30, 2, 5000), (180, -8, 9000), (90, 60, 3000), (10, -4, 20000)]:
        assert float(dust_extinction(*place)) == pytest.approx(slow(*place), rel=0.01)
    assert 1.5 < dust_extinction(0.0, 0.0, 8200.0) < 3.5  # A_K toward the centre, Fritz et al. 2011: 2.4
    nearer, farther = dust_extinction([45.0, 45.0], [3.0, 3.0], [1000.0, 2000.0])
    assert 0 < nearer < farther


def test_densities():
    thin = POPULATIONS[2]
    ratio = stellar_density(thin, 8.2, 0.32) / stellar_density(thin, 8.2, 0.0)
    assert float(ratio) == pytest.approx(np.exp(-1))
    local = [float(stellar_density(p, 8.2, 0.0)) for p in POPULATIONS]
    assert sum(local[:3]) == pytest.approx(1.0)
    assert local[3:5] == pytest.approx([0.1, 0.005], rel=0.02)
    assert np.isnan(stellar_density(thin, np.nan, 0.0))
    inner, _ = age_metallicity_relation(thin, 5.0, 6.2)
    outer, _ = age_metallicity_relation(thin, 5.0, 10.2)
    assert float(inner - outer) == pytest.approx(0.24)
