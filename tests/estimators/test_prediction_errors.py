"""Errors of predictions by the shared regressor, and warnings of stars far from its training set."""

import pickle

import numpy as np
import pandas as pd
import pytest
from giants import QUICK, features, magnitude
from numpy.testing import assert_allclose, assert_array_equal

from skdistmass import DistanceRegressor, TrainingDomain, load_model
from skdistmass.estimators.domain import OutsideDomainWarning, without_domain_warning

FEATURES = ["TEFF", "LOGG", "M_H", "C_FE", "N_FE"]


# Errors of predictions


@pytest.fixture(scope="module")
def noisy():
    """Stars whose scatter depends on log g, and a model with errors from held-out ones."""
    rng = np.random.default_rng(4)
    X = features(6000, seed=5)
    sigma = 0.35 - 0.22 * X[:, 1] + 0.045 * X[:, 1] ** 2
    y = magnitude(X) + rng.normal(size=6000) * sigma
    model = DistanceRegressor(**QUICK | {"max_iter": 150}).fit(X[:1000], y[:1000])
    return model.calibrate(X[1000:3000], y[1000:3000]), X[3000:], y[3000:], sigma[3000:]


def test_errors_cover(noisy):
    model, X, y, sigma = noisy
    prediction, error = model.predict(X, return_std=True)
    assert model.error_model_.held_out
    assert model.error_model_.n_stars == 2000
    assert np.all(error > 0)
    assert np.ptp(sigma) > 0.08
    within = np.abs(y - prediction) < error
    # 68.3 %, with 3σ of the count in 3000 and in about 1000 stars, and 3 % for the quadratic.
    assert np.mean(within) == pytest.approx(0.683, abs=0.03)
    for low, high in ((1.0, 1.8), (1.8, 2.6), (2.6, 3.4)):
        part = (X[:, 1] >= low) & (X[:, 1] < high)
        assert np.mean(within[part]) == pytest.approx(0.683, abs=0.06)
    assert np.median(error / sigma) == pytest.approx(1.0, abs=0.06)
    assert np.mean(np.abs(y - prediction) < 2 * error) == pytest.approx(0.954, abs=0.02)


def test_training_errors_say_so(table):
    model = DistanceRegressor(**QUICK).fit(*table)
    assert not model.error_model_.held_out
    prediction, error = model.predict(table[0], return_std=True)
    assert_array_equal(prediction, model.predict(table[0]))
    assert np.mean(np.abs(table[1] - prediction) < error) == pytest.approx(0.683, abs=0.05)


def test_calibrate_takes_predictions_of_other_models(noisy):
    model, X, y, _ = noisy
    copy = pickle.loads(pickle.dumps(model))
    copy.calibrate(X, y, prediction=y + 0.5)
    assert_allclose(copy.predict(X, return_std=True)[1], 0.5, atol=1e-6)
    with pytest.raises(ValueError, match=r"prediction must have the shape of y, \(3000,\); received \(3,\)"):
        copy.calibrate(X, y, prediction=y[:3])
    with pytest.raises(ValueError, match=r"prediction .*finite.*2 of 3000.*first: row 5"):
        copy.calibrate(X, y, prediction=np.where(np.isin(np.arange(3000), (5, 9)), np.nan, y))


def test_one_feature_has_one_error():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 1))
    model = DistanceRegressor(**QUICK).fit(x, x[:, 0] + rng.normal(0, 0.2, 300))
    error = model.predict(x, return_std=True)[1]
    assert np.ptp(error) == 0
    assert error[0] == pytest.approx(0.2, rel=0.2)


def test_error_depends_on_the_named_column(noisy):
    """Errors of held-out stars cover at both ends of log g, in whatever column it stands."""
    _, X, y, _ = noisy
    frame = pd.DataFrame(X, columns=FEATURES)
    low, high = X[:, 1] < 1.4, X[:, 1] > 3.0
    shuffled = FEATURES[::-1]
    for table, settings in (
        (frame[shuffled], {}),
        (frame[shuffled].rename(columns={"LOGG": "log_g"}), {}),
        (frame[shuffled].to_numpy(), {"error_feature": 3}),
        (X, {"error_feature": "LOGG"}),
    ):
        rows = np.arange(3000) < 1000
        model = DistanceRegressor(**QUICK | {"max_iter": 150}, **settings).fit(table[rows], y[rows])
        model.calibrate(table[~rows], y[~rows])
        prediction, error = model.predict(table, return_std=True)
        within = np.abs(y - prediction) < error
        # 3σ of the count in some 500 stars is 0.06.
        for part in (low, high):
            assert np.mean(within[~rows & part]) == pytest.approx(0.683, abs=0.06)
        assert np.median(error[low]) > 1.25 * np.median(error[high])


def test_error_feature_that_is_not_there(table):
    X, y, _ = table
    frame = pd.DataFrame(X, columns=["a", "b", "c", "d", "e"])
    assert np.ptp(DistanceRegressor(**QUICK).fit(frame, y).predict(frame, return_std=True)[1]) == 0
    with pytest.raises(ValueError, match=r"error_feature must be one of the columns .*received 'LOG'"):
        DistanceRegressor(**QUICK, error_feature="LOG").fit(frame, y)
    for index in (5, -1):
        with pytest.raises(
            ValueError, match=rf"error_feature must be the index .* 5 columns; received {index}"
        ):
            DistanceRegressor(**QUICK, error_feature=index).fit(X, y)
    with pytest.raises(ValueError, match=r"error_feature must be the name or the index .*received 1\.5"):
        DistanceRegressor(**QUICK, error_feature=1.5).fit(X, y)


# Stars far from the training set


def test_predictions_far_outside_the_domain_warn(table):
    X, y, _ = table
    frame = pd.DataFrame(X, columns=FEATURES)
    model = DistanceRegressor(**QUICK).fit(frame, y)
    hot = frame.copy()
    hot.loc[[7, 9], "TEFF"] = 48_000.0
    model.predict(hot)  # without a domain nobody knows
    model.domain_ = TrainingDomain().fit(frame)
    model.predict(frame)
    for call in (model.predict, lambda stars: model.predict_distance(stars, 10.0, 0.1)):
        with pytest.warns(
            OutsideDomainWarning, match=r"2 of 300 .*first: row 7.*TEFF .*received 48000"
        ) as warned:
            call(hot)
        assert len(warned) == 1
    with without_domain_warning():
        model.predict(hot)


def test_shipped_models_warn_of_a_temperature_in_the_wrong_unit():
    with pytest.warns(OutsideDomainWarning, match="TEFF"):
        load_model("mass").predict([[4.8, 2.5, 0.0, -0.1, 0.2]])
