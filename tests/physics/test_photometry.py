import numpy as np
import pytest
from numpy.testing import assert_allclose

from skdistmass.physics import photometry


def test_the_sun_at_ten_parsecs_and_elsewhere():
    # M_Ks of the Sun 3.27 mag (Willmer 2018); the modulus is 0 at 10 pc and 10 at 1 kpc.
    assert_allclose(photometry.distance([3.27, 13.27, 13.77], [0.0, 0.0, 0.5], 3.27), [10.0, 1000.0, 1000.0])


def test_distance_modulus_of_the_large_magellanic_cloud():
    # 18.477 mag is 49.59 kpc (Pietrzynski+ 2019).
    assert_allclose(photometry.distance(18.477, 0.0, 0.0), 49590, rtol=1e-3)


def test_distance_and_absolute_magnitude_are_inverse():
    rng = np.random.default_rng(0)
    mag, extinction, absolute = rng.uniform(5, 15, 100), rng.uniform(0, 1, 100), rng.uniform(-7, 5, 100)
    distance = photometry.distance(mag, extinction, absolute)
    assert_allclose(photometry.absolute_magnitude(mag, extinction, distance), absolute, atol=1e-12)


def test_magnitude_error_is_the_scatter_of_magnitudes_at_scattered_distances():
    rng = np.random.default_rng(1)
    distances = rng.normal(2000, 40, 200_000)
    scatter = photometry.absolute_magnitude(10.0, 0.1, distances).std()
    assert_allclose(photometry.absolute_magnitude_error(2000, 40), scatter, rtol=0.01)


def test_distance_error_is_the_scatter_of_distances_at_scattered_magnitudes():
    rng = np.random.default_rng(2)
    scatter = photometry.distance(10.0, 0.1, rng.normal(-1.6, 0.03, 200_000)).std()
    expected = photometry.distance_error(photometry.distance(10.0, 0.1, -1.6), 0.03)
    assert_allclose(expected, scatter, rtol=0.01)


def test_the_two_errors_are_inverse():
    error = photometry.absolute_magnitude_error(1234.0, 56.0)
    assert_allclose(photometry.distance_error(1234.0, error), 56.0)


def test_weighted_distance_is_the_mean_of_least_scatter():
    rng = np.random.default_rng(3)
    first, second = rng.normal(1000, 80, 100_000), rng.normal(1000, 40, 100_000)
    mean, error = photometry.weighted_distance(first, 80.0, second, 40.0)
    assert_allclose(mean.mean(), 1000, rtol=1e-3)
    assert_allclose(mean.std(), error[0], rtol=0.01)
    assert np.all(error < 40)


def test_weighted_distance_of_equal_errors_is_the_plain_mean():
    mean, error = photometry.weighted_distance(900.0, 50.0, 1100.0, 50.0)
    assert_allclose([mean, error], [1000.0, 50 / np.sqrt(2)])


@pytest.mark.parametrize(
    "unusable", [(np.nan, 10.0), (-5.0, 10.0), (500.0, 0.0), (500.0, np.nan), (np.inf, 10.0)]
)
def test_weighted_distance_falls_back_on_the_usable_one(unusable):
    assert_allclose(photometry.weighted_distance(800.0, 60.0, *unusable), [800.0, 60.0])
    assert_allclose(photometry.weighted_distance(*unusable, 800.0, 60.0), [800.0, 60.0])
    assert np.isnan(photometry.weighted_distance(*unusable, *unusable)).all()


def test_nan_in_nan_out_and_no_warning():
    bad = np.array([np.nan, 10.0, 10.0])
    assert_allclose(np.isnan(photometry.distance(bad, 0.1, 1.0)), [True, False, False])
    assert np.isnan(photometry.absolute_magnitude(10.0, 0.1, [np.nan, 0.0, -3.0])).all()
    assert np.isnan(photometry.absolute_magnitude_error([np.nan, 0.0, 100.0], [1.0, 1.0, -1.0])).all()
    assert np.isnan(photometry.distance_error([np.nan, -1.0, 100.0], [0.1, 0.1, -0.1])).all()
    assert np.isinf(photometry.distance(1e5, 0.0, 0.0))


def test_single_precision_input_is_computed_in_double():
    assert photometry.distance(np.float32(10), np.float32(0), np.float32(1)).dtype == np.float64


def test_inputs_are_not_changed():
    mag = np.array([10.0, np.nan])
    photometry.distance(mag, mag, mag)
    photometry.weighted_distance(mag, mag, mag, mag)
    assert mag[0] == 10.0
