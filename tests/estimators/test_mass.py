"""MassRegressor: what it fits, in log mass or mass, and its errors."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skdistmass import DistanceRegressor, MassRegressor, load_model

QUICK = {"hidden_layer_sizes": (4,), "n_restarts": 1, "max_iter": 60, "random_state": 0}


@pytest.fixture(scope="module")
def giants():
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.uniform(4000, 5000, 500), rng.uniform(1, 3, 500), rng.normal(0, 0.2, (500, 3))])
    mass = np.exp(0.2 + 1.2 * X[:, 4])
    fraction = rng.uniform(0.03, 0.1, 500)
    y = mass * (1 + fraction * rng.normal(size=500))
    return X, y, 1.0 / (fraction * y) ** 2, mass


def test_log_mass_is_the_network_of_the_logarithm(giants):
    X, y, weight, _ = giants
    model = MassRegressor(**QUICK).fit(X, y, sample_weight=weight)
    # σ(ln M) = σ(M) / M, so 1/σ² of the logarithm is M² as much.
    logarithm = DistanceRegressor(**QUICK).fit(X, np.log(y), sample_weight=weight * y**2)
    assert_array_equal(model.predict(X), np.exp(logarithm.predict(X)))
    assert_allclose(model.pipeline_.predict(X), np.log(model.predict(X)), atol=1e-6)


def test_mass_is_the_plain_network(giants):
    X, y, weight, _ = giants
    model = MassRegressor(target="mass", **QUICK).fit(X, y, sample_weight=weight)
    plain = DistanceRegressor(**QUICK).fit(X, y, sample_weight=weight)
    assert_array_equal(model.predict(X), plain.predict(X))
    assert_array_equal(model.predict(X, return_std=True)[1], plain.predict(X, return_std=True)[1])


@pytest.mark.parametrize("target", ["log_mass", "mass"])
def test_masses_are_recovered(target, giants):
    X, y, weight, mass = giants
    predicted = MassRegressor(target=target, **QUICK).fit(X, y, sample_weight=weight).predict(X)
    assert np.all(predicted > 0)
    assert np.std(predicted / mass - 1) < 0.04
    assert abs(np.median(predicted / mass - 1)) < 0.01


def test_log_mass_is_positive_everywhere(giants):
    X, y, weight, _ = giants
    model = MassRegressor(activation="identity", **QUICK).fit(X, y, sample_weight=weight)
    far = X + np.array([0, 0, 0, 0, -30.0])
    assert np.all(model.predict(far) > 0)
    assert MassRegressor(target="mass", activation="identity", **QUICK).fit(X, y).predict(far).min() < 0


def test_error_is_propagated_through_the_exponential(giants):
    X, y, weight, _ = giants
    model = MassRegressor(**QUICK).fit(X, y, sample_weight=weight)
    mass, error = model.predict(X, return_std=True)
    log_error = model.error_model_.predict(X[:, 1])
    draws = np.exp(np.log(mass) + np.random.default_rng(1).normal(size=(20_000, len(X))) * log_error)
    # To first order; the next is σ² of about 0.07² with 20,000 draws.
    assert_allclose(error, draws.std(axis=0), rtol=0.035)
    assert np.mean(np.abs(y - mass) < error) == pytest.approx(0.683, abs=0.03)


def test_errors_cover_held_out_stars(giants):
    X, y, weight, _ = giants
    for target in ("log_mass", "mass"):
        model = MassRegressor(target=target, **QUICK).fit(X[:200], y[:200], sample_weight=weight[:200])
        model.calibrate(X[200:350], y[200:350])
        mass, error = model.predict(X[350:], return_std=True)
        # 150 stars to calibrate and 150 to count: 0.05 together, twice.
        assert np.mean(np.abs(y[350:] - mass) < error) == pytest.approx(0.683, abs=0.1)


def test_extrapolation_does_not_warn(giants):
    X, y, _, _ = giants
    model = MassRegressor(**QUICK | {"activation": "identity"}).fit(X, y)
    far = np.vstack([X[0], X[0] + [0, 0, 0, 0, 1e6]])
    mass, error = model.predict(far, return_std=True)
    assert np.isfinite(mass[0])
    assert mass[1] > 1e10
    assert error[1] > 0


def test_masses_must_be_positive(giants):
    X, y, _, _ = giants
    wrong = y.copy()
    wrong[[4, 9]] = -0.3
    with pytest.raises(
        ValueError, match=r"y \[Msun\] must be positive.*2 of 500 .*first: row 4, -0.3.*target='mass'"
    ):
        MassRegressor(**QUICK).fit(X, wrong)
    MassRegressor(target="mass", **QUICK | {"max_iter": 2}).fit(X, wrong)
    with pytest.raises(ValueError, match=r"target must be one of \('log_mass', 'mass'\); received 'age'"):
        MassRegressor(target="age").fit(X, y)


def test_class_documents_its_settings():
    text = MassRegressor.__doc__
    for name in MassRegressor().get_params():
        assert f"\n{name} : " in text


def test_shipped_model_gives_masses_of_giants():
    # Giants rich in nitrogen for their carbon are massive (Martig et al. 2016, MNRAS 456, 3655).
    mass = load_model("mass").predict([[4700.0, 2.6, 0.0, 0.05, 0.05], [4800.0, 2.6, 0.0, -0.15, 0.4]])
    assert 0.8 < mass[0] < 1.4 < mass[1] < 3.0
