import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import ndtr

from skdistmass.physics.statistics import normal_tail, robust_sigma


def test_robust_sigma_of_a_gaussian():
    values = np.random.default_rng(0).normal(3.0, 2.0, 100_000)
    assert robust_sigma(values) == pytest.approx(2.0, rel=0.02)
    # Exactly: the median absolute deviation of 1 ... 5 is 1.
    assert robust_sigma([1, 2, 3, 4, 5]) == pytest.approx(1.4826)


def test_robust_sigma_ignores_outliers_and_missing_values():
    values = np.append(np.random.default_rng(0).normal(0.0, 2.0, 10_000), np.full(1000, 1e9))
    assert robust_sigma(values) == pytest.approx(2.0, rel=0.15)
    assert robust_sigma([1, 2, 3, np.nan, 4, 5, np.inf]) == pytest.approx(1.4826)
    assert np.isnan(robust_sigma([np.nan]))
    assert np.isnan(robust_sigma([]))


def test_normal_tail_against_an_independent_library():
    z = np.linspace(-37.0, 37.0, 20001)
    assert_allclose(normal_tail(z, np.exp(-0.5 * z * z)), ndtr(-np.abs(z)), rtol=1e-12)
