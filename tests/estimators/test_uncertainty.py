"""The robust scatter and the error model."""

import numpy as np
from numpy.testing import assert_allclose

from skdistmass.estimators.uncertainty import MAX_BINS, MIN_BIN_STARS, ErrorModel


def sample(n_stars, seed=0):
    rng = np.random.default_rng(seed)
    log_g = rng.uniform(1.0, 3.0, n_stars)
    sigma = 0.3 - 0.2 * log_g + 0.04 * log_g**2
    return log_g, sigma * rng.normal(size=n_stars)


def test_quadratic_is_recovered():
    model = ErrorModel.fit(*sample(100_000), held_out=True)
    at = np.linspace(1.1, 2.9, 19)
    assert_allclose(model.predict(at), 0.3 - 0.2 * at + 0.04 * at**2, rtol=0.05)
    assert model.held_out
    assert model.n_stars == 100_000


def test_error_stays_at_its_edge():
    model = ErrorModel.fit(*sample(5000))
    assert 1.0 < model.low < 1.1
    assert 2.9 < model.high < 3.0
    far = model.predict([-100.0, model.low, model.high, 100.0])
    assert far[0] == far[1]
    assert far[2] == far[3]
    assert np.all(far > 0)


def test_error_is_positive_where_the_quadratic_is_not():
    log_g, _ = sample(4000)
    rng = np.random.default_rng(1)
    sigma = np.where(log_g > 2.0, 1e-3, 10 * (2.0 - log_g) + 1e-3)
    model = ErrorModel.fit(log_g, sigma * rng.normal(size=4000))
    at = np.linspace(1, 3, 101)
    assert np.polyval(model.coefficients, at).min() < 0
    assert model.predict(at).min() == model.floor > 0


def test_offset_counts_as_error():
    log_g, _ = sample(1000)
    assert_allclose(ErrorModel.fit(log_g, np.full(1000, -0.2)).predict(log_g), 0.2, rtol=1e-9)


def test_bins_hold_enough_stars():
    for n_stars, degree in (
        (3, 0),
        (2 * MIN_BIN_STARS - 1, 0),
        (2 * MIN_BIN_STARS, 1),
        (MIN_BIN_STARS * 3, 2),
    ):
        assert len(ErrorModel.fit(*sample(n_stars)).coefficients) == degree + 1
    assert MAX_BINS * MIN_BIN_STARS <= 1000


def test_stars_of_no_weight_are_left_out():
    log_g, residual = sample(400)
    weight = np.ones(400)
    weight[::2] = 0.0
    spoilt = np.where(weight > 0, residual, 50.0)
    weighted = ErrorModel.fit(log_g, spoilt, weight)
    assert weighted == ErrorModel.fit(log_g[1::2], residual[1::2])


def test_coordinate_of_any_scale():
    log_g, residual = sample(2000)
    expected = ErrorModel.fit(log_g, residual).predict(log_g)
    # Another feature may stand where log g does, a temperature or a time.
    assert_allclose(ErrorModel.fit(log_g + 1e6, residual).predict(log_g + 1e6), expected, rtol=0.02)
    assert len(ErrorModel.fit(np.full(500, 2.0), residual[:500]).coefficients) == 1
