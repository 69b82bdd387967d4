import numpy as np
import pytest
from numpy.testing import assert_allclose

from skdistmass.physics.coordinates import ecliptic_latitude, galactic_latitude


def test_galactic_latitude_agrees_with_astropy():
    from astropy.coordinates import SkyCoord

    rng = np.random.default_rng(0)
    ra, dec = rng.uniform(0, 360, 500), np.degrees(np.arcsin(rng.uniform(-1, 1, 500)))
    expected = SkyCoord(ra, dec, unit="deg").galactic.b.deg
    assert_allclose(galactic_latitude(ra, dec), expected, atol=1e-4)
    assert np.isnan(galactic_latitude(np.nan, 10.0))


class TestEclipticLatitude:
    def test_against_astropy(self):
        coordinates = pytest.importorskip("astropy.coordinates")
        rng = np.random.default_rng(2)
        ra, dec = rng.uniform(0, 360, 300), np.rad2deg(np.arcsin(rng.uniform(-1, 1, 300)))
        frame = coordinates.BarycentricMeanEcliptic(equinox="J2000")
        expected = coordinates.SkyCoord(ra, dec, unit="deg").transform_to(frame).lat.deg
        np.testing.assert_allclose(ecliptic_latitude(ra, dec), expected, rtol=0, atol=0.1 / 3600)

    def test_landmarks_and_missing(self):
        latitude = ecliptic_latitude(
            [0.0, 270.0, 90.0, np.nan, 10.0], [0.0, 66.560709, 23.439279, 5.0, np.inf]
        )
        np.testing.assert_allclose(latitude[:3], [0.0, 90.0, 0.0], atol=1e-5)
        assert np.isnan(latitude[3:]).all()


def test_what_is_no_position_has_no_latitude():
    ra, dec = (
        np.array([6e31, 361.0, 10.0, 10.0, 360.0, -90.0]),
        np.array([7.0, 7.0, 677.0, -90.1, -90.0, 90.0]),
    )
    for latitude in (galactic_latitude, ecliptic_latitude):
        np.testing.assert_array_equal(np.isnan(latitude(ra, dec)), [True, True, True, True, False, False])
