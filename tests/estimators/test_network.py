"""The shared network: forward pass and pipeline, weights and seeds, and both solvers."""

import itertools
import os
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from giants import QUICK, features, labels, magnitude
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone, is_regressor
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from skdistmass import DistanceRegressor, MassRegressor
from skdistmass.networks.activations import ACTIVATION_NAMES
from skdistmass.networks.forward import NUMPY_ROWS

FEATURES = ["TEFF", "LOGG", "M_H", "C_FE", "N_FE"]
REGRESSORS = (DistanceRegressor, MassRegressor)
# Keras traces its training again for each network, which takes seconds.
SLOW_ADAM = pytest.param("adam", marks=pytest.mark.slow)


def with_random_weights(activation, sizes, n_members, seed=0):
    """A model whose arrays are set by hand: what `predict` and `pipeline_` say of the same weights."""
    rng = np.random.default_rng(seed)
    model = DistanceRegressor(activation=activation, hidden_layer_sizes=sizes, n_members=n_members)
    model.n_features_in_ = 5
    X = features(200)
    model.scaler_mean_, model.scaler_scale_ = X.mean(axis=0), X.std(axis=0)
    widths = (5, *sizes, 1)
    shapes = list(itertools.pairwise(widths))
    model.coefs_ = [rng.normal(size=(n_members, *shape)) for shape in shapes]
    model.intercepts_ = [rng.normal(size=(n_members, shape[1])) for shape in shapes]
    return model


# The forward pass and the pipeline


@pytest.mark.parametrize("activation", ACTIVATION_NAMES)
def test_numpy_and_keras_agree(activation):
    X = np.vstack([features(200, seed=2), [[2e4, -3.0, -6.0, 4.0, -4.0]]])
    for sizes in ((6,), (5, 4), (4, 3, 2)):
        for n_members in (1, 3):
            model = with_random_weights(activation, sizes, n_members)
            expected = model.pipeline_.predict(X)
            assert np.ptp(expected) > 0.01
            assert_allclose(model.predict(X), expected, rtol=1e-9, atol=1e-9)


class KerasSpy:
    """Records what Keras is given to train and to validate on."""

    def __init__(self, monkeypatch):
        import keras

        self.calls = []
        train = keras.Model.fit

        def record(model, X, y, **kwargs):
            history = train(model, X, y, **kwargs)
            self.calls.append({"model": model, "X": X, "y": y, **kwargs, "history": history.history})
            return history

        monkeypatch.setattr(keras.Model, "fit", record)


ADAM = QUICK | {
    "solver": "adam",
    "n_members": 2,
    "max_iter": 2,
    "validation_fraction": 0.25,
    "batch_size": 50,
}


@pytest.fixture(scope="module")
def adam(table):
    """A model of two members trained with adam, and what Keras was given; shared: change copies only."""
    with pytest.MonkeyPatch.context() as patch:
        spy = KerasSpy(patch)
        return DistanceRegressor(**ADAM).fit(*table), spy.calls


@pytest.mark.parametrize("solver", ["lbfgs", "adam"])
def test_numpy_and_keras_agree_after_fit(solver, table, adam):
    model = adam[0] if solver == "adam" else DistanceRegressor(**ADAM | {"solver": solver}).fit(*table)
    assert_allclose(model.predict(table[0]), model.pipeline_.predict(table[0]), rtol=0, atol=1e-6)


def test_pipeline_is_scaler_and_keras_regressor(fitted, table):
    from scikeras.wrappers import KerasRegressor

    X, y, _ = table
    pipeline = fitted.pipeline_
    assert type(pipeline) is Pipeline
    scaler, network = pipeline.named_steps["standardscaler"], pipeline.named_steps["kerasregressor"]
    assert isinstance(scaler, StandardScaler)
    assert isinstance(network, KerasRegressor)
    assert is_regressor(network)
    scaled = scaler.transform(X)
    assert_allclose(scaled, (X - fitted.scaler_mean_) / fitted.scaler_scale_, rtol=1e-12)
    assert_allclose(scaler.inverse_transform(scaled), X)
    assert_allclose(network.predict(scaled), fitted.predict(X), atol=1e-9)
    assert [layer.units for layer in network.model_.layers[1:]] == [4, 1]
    assert pipeline.score(X, y) > 0.95
    assert_array_equal(pipeline.predict(X), fitted.pipeline_.predict(X))


def test_pipeline_can_be_cloned_and_fitted(fitted, table):
    X, y, weight = table
    pipeline = clone(fitted.pipeline_)
    pipeline.fit(X, y, standardscaler__sample_weight=weight, kerasregressor__sample_weight=weight)
    assert pipeline.score(X, y) > 0.95
    assert cross_val_score(pipeline, X, y, cv=2).min() > 0.9


def test_pipeline_is_the_one_that_was_fitted(table):
    X, y, weight = table
    frame = pd.DataFrame(X, columns=FEATURES)
    model = DistanceRegressor(**QUICK).fit(frame, y, sample_weight=weight)
    pipeline = model.pipeline_
    assert model.pipeline_ is pipeline
    assert list(pipeline.feature_names_in_) == FEATURES
    assert pipeline[0].n_samples_seen_ == pytest.approx(weight.sum())
    assert pipeline[-1].history_["loss"] == model.loss_curve_
    loaded = pickle.loads(pickle.dumps(model))
    assert loaded.pipeline_ is loaded.pipeline_ is not pipeline
    for other in (pipeline, loaded.pipeline_):
        assert_array_equal(other.predict(frame), pipeline.predict(frame))
        with pytest.raises(ValueError, match="feature names"):
            other.predict(frame[FEATURES[::-1]])
    model.fit(X, y)
    assert model.pipeline_ is not pipeline
    assert not hasattr(model.pipeline_[0], "feature_names_in_")


def test_cloned_pipeline_takes_series_as_weights(table):
    X, y, weight = table
    frame, index = pd.DataFrame(X, columns=FEATURES), np.arange(300)[::-1] + 7
    model = DistanceRegressor(**QUICK).fit(frame, y, sample_weight=weight)
    series = pd.Series(weight, index=index)
    names = ("standardscaler__sample_weight", "kerasregressor__sample_weight")
    again = clone(model.pipeline_).fit(frame.set_index(index), y, **dict.fromkeys(names, series))
    expected = clone(model.pipeline_).fit(X, y, **dict.fromkeys(names, weight))
    assert_array_equal(again.predict(frame), expected.predict(X))
    assert list(again.feature_names_in_) == FEATURES


def test_adam_trains_the_network_of_the_pipeline(adam):
    model, calls = adam
    network = model.pipeline_[-1]
    assert [call["model"] for call in calls] == network.member_models_
    assert network.history_["val_loss"] == model.validation_curve_ == calls[0]["history"]["val_loss"]


def test_rows_do_not_depend_on_their_neighbours(fitted):
    X = features(NUMPY_ROWS + 700, seed=3)
    prediction, error = fitted.predict(X, return_std=True)
    order = np.random.default_rng(0).permutation(len(X))
    assert_array_equal(fitted.predict(X[order]), prediction[order])
    for row in (0, 1, NUMPY_ROWS - 1, NUMPY_ROWS, len(X) - 1):
        assert fitted.predict(X[row : row + 1])[0] == prediction[row]
        assert fitted.predict(X[row : row + 1], return_std=True)[1][0] == error[row]


def test_members_are_averaged(table):
    model = DistanceRegressor(**QUICK | {"n_members": 3}).fit(*table)
    alone = []
    for member in range(3):
        one = clone(model)
        one.__dict__.update(model.__dict__)
        one.coefs_ = [kernel[member : member + 1] for kernel in model.coefs_]
        one.intercepts_ = [bias[member : member + 1] for bias in model.intercepts_]
        alone.append(one.predict(table[0]))
    assert_allclose(model.predict(table[0]), np.mean(alone, axis=0), rtol=1e-12)
    assert np.std(alone, axis=0).max() > 1e-3


# Weights, rows and seeds


@pytest.mark.parametrize("kind", REGRESSORS)
def test_weight_zero_is_no_row(kind, table):
    X, weight = table[0], table[2].copy()
    y = labels(kind, X)
    weight[::3] = 0.0
    y[::3] *= 2.0
    kept = weight > 0
    weighted = kind(**QUICK).fit(X, y, sample_weight=weight)
    removed = kind(**QUICK).fit(X[kept], y[kept], sample_weight=weight[kept])
    assert_array_equal(weighted.predict(X, return_std=True), removed.predict(X, return_std=True))
    assert_array_equal(weighted.scaler_mean_, removed.scaler_mean_)


@pytest.mark.parametrize("kind", REGRESSORS)
def test_integer_weight_is_repetition(kind, table):
    X = table[0][:120]
    y = labels(kind, X)
    counts = np.random.default_rng(2).integers(1, 5, len(X))
    weighted = kind(**QUICK).fit(X, y, sample_weight=counts)
    repeated = kind(**QUICK).fit(np.repeat(X, counts, axis=0), np.repeat(y, counts))
    assert_array_equal(weighted.predict(X, return_std=True), repeated.predict(X, return_std=True))


def test_order_of_rows_does_not_matter(table, adam):
    order = np.random.default_rng(3).permutation(len(table[0]))
    for model in (DistanceRegressor(**QUICK).fit(*table), adam[0]):
        shuffled = clone(model).fit(*(part[order] for part in table))
        assert_array_equal(model.predict(table[0]), shuffled.predict(table[0]))


def test_only_ratios_of_weights_matter(table):
    X, y, weight = table
    model = DistanceRegressor(**QUICK).fit(X, y, sample_weight=weight)
    assert_array_equal(
        DistanceRegressor(**QUICK).fit(X, y, sample_weight=1024 * weight).predict(X), model.predict(X)
    )
    # Another factor rounds the weights, and the solver carries that along.
    assert_allclose(
        DistanceRegressor(**QUICK).fit(X, y, sample_weight=1e-5 * weight).predict(X),
        model.predict(X),
        atol=1e-6,
    )
    assert np.abs(DistanceRegressor(**QUICK).fit(X, y).predict(X) - model.predict(X)).max() > 1e-4


def test_scaler_honours_the_weights(table):
    X, y, weight = table
    model = DistanceRegressor(**QUICK).fit(X, y, sample_weight=weight)
    mean = np.average(X, axis=0, weights=weight)
    assert_allclose(model.scaler_mean_, mean, rtol=1e-10)
    assert_allclose(
        model.scaler_scale_, np.sqrt(np.average((X - mean) ** 2, axis=0, weights=weight)), rtol=1e-10
    )


def test_loss_honours_the_weights():
    X = np.repeat(features(60), 2, axis=0)
    y = np.tile([0.0, 1.0], 60)
    weight = np.tile([1.0, 9.0], 60)
    model = DistanceRegressor(**QUICK | {"alpha": 0.0}).fit(X, y, sample_weight=weight)
    assert_allclose(model.predict(X), 0.9, atol=1e-3)


@pytest.mark.parametrize("solver", ["lbfgs", SLOW_ADAM])
def test_seed_fixes_the_result(solver, table):
    settings = QUICK | {"solver": solver, "max_iter": 4}
    seeds = (5, 5, 6, np.random.RandomState(1), np.random.RandomState(1), np.random.RandomState(2))
    predictions = [
        DistanceRegressor(**settings | {"random_state": seed}).fit(*table).predict(table[0]) for seed in seeds
    ]
    assert_array_equal(predictions[0], predictions[1])
    assert np.abs(predictions[0] - predictions[2]).max() > 1e-3
    assert_array_equal(predictions[3], predictions[4])
    assert np.abs(predictions[3] - predictions[5]).max() > 1e-3


# The solvers and the loss


def test_adam_holds_a_validation_part_out(table, adam):
    call = adam[1][0]
    X_validation, y_validation, weight_validation = call["validation_data"]
    assert len(X_validation) == 75
    assert len(call["X"]) == 225
    assert call["batch_size"] == 50
    everything = np.column_stack([np.vstack([call["X"], X_validation]), np.append(call["y"], y_validation)])
    assert len(np.unique(everything, axis=0)) == 300
    weights = np.append(call["sample_weight"], weight_validation)
    assert_allclose(np.sort(weights / weights.sum()), np.sort(table[2] / table[2].sum()))


def test_adam_stops_early(monkeypatch, adam):
    spy = KerasSpy(monkeypatch)
    X = features(80)
    y = np.random.default_rng(0).normal(size=80)  # nothing to learn
    settings = QUICK | {"solver": "adam", "max_iter": 300, "n_iter_no_change": 3, "learning_rate_init": 0.05}
    model = DistanceRegressor(**settings).fit(X, y)
    validation_loss = spy.calls[0]["history"]["val_loss"]
    assert 4 <= model.n_iter_ < 100
    assert model.converged_
    assert not adam[0].converged_
    assert model.n_iter_ == len(validation_loss) == len(model.loss_curve_)
    assert np.argmin(validation_loss) == model.best_epoch_ == model.n_iter_ - 4
    assert model.validation_curve_ == validation_loss
    assert model.loss_ == pytest.approx(min(validation_loss))
    model.set_params(solver="lbfgs").fit(X, y)
    assert not hasattr(model, "validation_curve_")
    assert not hasattr(model, "best_epoch_")


@pytest.mark.parametrize("solver", ["lbfgs", "adam"])
def test_verbose_shows_the_loss(solver, table, capsys):
    settings = QUICK | {"solver": solver, "max_iter": 3}
    model = DistanceRegressor(**settings, verbose=True).fit(*table)
    assert "loss=" in capsys.readouterr().err
    assert_array_equal(model.predict(table[0]), DistanceRegressor(**settings).fit(*table).predict(table[0]))
    assert capsys.readouterr().err == ""


def test_adam_learns(table):
    settings = QUICK | {"solver": "adam", "max_iter": 15, "learning_rate_init": 0.05}
    assert DistanceRegressor(**settings).fit(*table).score(table[0], table[1]) > 0.95


@pytest.mark.parametrize("solver", ["lbfgs", SLOW_ADAM])
def test_huber_resists_outliers(solver):
    X = features(400)
    y = magnitude(X) + np.random.default_rng(0).normal(0, 0.05, 400)
    y[::20] += 6.0
    settings = QUICK | {"max_iter": 200, "solver": solver}
    settings |= {"max_iter": 25, "learning_rate_init": 0.05} if solver == "adam" else {}
    error = {
        loss: np.sqrt(
            np.mean((DistanceRegressor(loss=loss, **settings).fit(X, y).predict(X) - magnitude(X)) ** 2)
        )
        for loss in ("huber", "squared_error")
    }
    assert error["squared_error"] > 0.3
    assert error["huber"] < 0.35 * error["squared_error"]


def test_alpha_shrinks_the_kernels(table):
    X, y, _ = table
    size, spread = [], []
    for alpha in (1e-6, 1e-2, 10.0):
        model = DistanceRegressor(**QUICK | {"alpha": alpha, "max_iter": 200}).fit(X, y)
        size.append(sum(np.sum(kernel**2) for kernel in model.coefs_))
        spread.append(np.ptp(model.predict(X)))
    assert size[0] > size[1] > size[2]
    assert spread[2] < 0.05 * spread[0]


def test_solver_lowers_the_loss(table):
    model = DistanceRegressor(**QUICK | {"max_iter": 100}).fit(*table)
    assert model.n_iter_ == len(model.loss_curve_) <= 100
    assert np.all(np.diff(model.loss_curve_) <= 0)
    assert model.loss_ == model.loss_curve_[-1] < 0.3 * model.loss_curve_[0]
    # The loss is that of the standardised target with its penalty, recomputed from the weights.
    X, y, weight = table
    variance = np.average((y - np.average(y, weights=weight)) ** 2, weights=weight)
    *hidden, last = model.coefs_
    penalty = sum(np.sum(kernel**2) for kernel in hidden) + np.sum(last**2) / variance
    mean_square = np.average((model.predict(X) - y) ** 2, weights=weight) / variance
    assert model.loss_ == pytest.approx(mean_square + model.alpha * penalty, rel=1e-9)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_fits_in_threads_are_those_in_a_row_and_leave_the_environment_alone():
    X = features(60, seed=1)
    small = DistanceRegressor(hidden_layer_sizes=(2,), n_restarts=1, max_iter=1)

    def fit(seed):
        return clone(small).set_params(random_state=seed).fit(X, X[:, 1]).predict(X)

    expected, environment = [fit(0), fit(1)], dict(os.environ)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(fit, range(8)))
    assert dict(os.environ) == environment
    assert_array_equal(found[:2], expected)
