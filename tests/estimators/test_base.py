"""The shared network: training, weights, the NumPy forward pass, and what is pickled."""

import itertools
import pickle
import pickletools
import subprocess
import sys
import textwrap

import joblib
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone, is_regressor
from sklearn.ensemble import VotingRegressor
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import RobustScaler, StandardScaler

from skdistmass import DistanceRegressor, MassRegressor, MassToAge, TrainingDomain, load_model, save_model
from skdistmass.estimators.domain import OutsideDomainWarning, without_domain_warning
from skdistmass.networks.activations import ACTIVATION_NAMES
from skdistmass.networks.forward import NUMPY_ROWS

FEATURES = ["TEFF", "LOGG", "M_H", "C_FE", "N_FE"]
REGRESSORS = (DistanceRegressor, MassRegressor)
# Keras traces its training again for each network, which takes seconds.
SLOW_ADAM = pytest.param("adam", marks=pytest.mark.slow)
SLOW_ADAM_HUBER = pytest.param("adam", "huber", marks=pytest.mark.slow)
QUICK = {"hidden_layer_sizes": (4,), "n_restarts": 1, "max_iter": 20, "batch_size": 100, "random_state": 0}


def features(n_stars, seed=0):
    rng = np.random.default_rng(seed)
    log_g = rng.uniform(1.0, 3.4, n_stars)
    columns = [4000 + 350 * log_g, log_g, rng.normal(-0.2, 0.3, n_stars)]
    columns += [rng.normal(0.0, 0.1, n_stars), rng.normal(0.2, 0.15, n_stars)]
    columns[0] = columns[0] + rng.normal(0, 80, n_stars)
    return np.column_stack(columns)


def magnitude(X):
    """A smooth absolute magnitude [mag]."""
    return 2.4 * X[:, 1] - 8.0 + 0.6 * X[:, 2] - 0.2 * np.sin(2.0 * X[:, 1])


def mass(X):
    """A smooth mass [Msun]."""
    return np.exp(0.2 + 1.2 * (X[:, 4] - X[:, 3]) - 0.1 * X[:, 2])


def labels(kind, X):
    return mass(X) if kind is MassRegressor else magnitude(X)


@pytest.fixture(scope="module")
def table():
    X = features(300)
    rng = np.random.default_rng(1)
    return X, magnitude(X) + rng.normal(0, 0.1, 300), rng.uniform(20.0, 400.0, 300)


@pytest.fixture(scope="module")
def fitted(table):
    return DistanceRegressor(**QUICK | {"max_iter": 200}).fit(*table)


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


@pytest.mark.parametrize("solver", ["lbfgs", "adam"])
def test_numpy_and_keras_agree_after_fit(solver, table):
    settings = QUICK | {"n_members": 2, "solver": solver, "max_iter": 5}
    model = DistanceRegressor(**settings).fit(*table)
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


def test_adam_trains_the_network_of_the_pipeline(table, monkeypatch):
    spy = KerasSpy(monkeypatch)
    model = DistanceRegressor(**QUICK | {"solver": "adam", "max_iter": 2, "n_members": 2}).fit(*table)
    network = model.pipeline_[-1]
    assert [call["model"] for call in spy.calls] == network.member_models_
    assert network.history_["val_loss"] == model.validation_curve_ == spy.calls[0]["history"]["val_loss"]


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


def test_order_of_rows_does_not_matter(table):
    order = np.random.default_rng(3).permutation(len(table[0]))
    for settings in ({}, {"solver": "adam", "max_iter": 3}):
        model = DistanceRegressor(**QUICK | settings).fit(*table)
        shuffled = DistanceRegressor(**QUICK | settings).fit(*(part[order] for part in table))
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


def test_adam_holds_a_validation_part_out(table, monkeypatch):
    spy = KerasSpy(monkeypatch)
    settings = QUICK | {"solver": "adam", "max_iter": 2, "validation_fraction": 0.25, "batch_size": 50}
    DistanceRegressor(**settings).fit(*table)
    (call,) = spy.calls
    X_validation, y_validation, weight_validation = call["validation_data"]
    assert len(X_validation) == 75
    assert len(call["X"]) == 225
    assert call["batch_size"] == 50
    everything = np.column_stack([np.vstack([call["X"], X_validation]), np.append(call["y"], y_validation)])
    assert len(np.unique(everything, axis=0)) == 300
    weights = np.append(call["sample_weight"], weight_validation)
    assert_allclose(np.sort(weights / weights.sum()), np.sort(table[2] / table[2].sum()))


def test_adam_stops_early(monkeypatch):
    spy = KerasSpy(monkeypatch)
    X = features(80)
    y = np.random.default_rng(0).normal(size=80)  # nothing to learn
    settings = QUICK | {"solver": "adam", "max_iter": 300, "n_iter_no_change": 3, "learning_rate_init": 0.05}
    model = DistanceRegressor(**settings).fit(X, y)
    validation_loss = spy.calls[0]["history"]["val_loss"]
    assert 4 <= model.n_iter_ < 100
    assert model.converged_
    assert model.n_iter_ == len(validation_loss) == len(model.loss_curve_)
    assert np.argmin(validation_loss) == model.best_epoch_ == model.n_iter_ - 4
    assert model.validation_curve_ == validation_loss
    assert model.loss_ == pytest.approx(min(validation_loss))
    assert not DistanceRegressor(**settings | {"max_iter": 2}).fit(X, y).converged_
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


# Composition with scikit-learn


def test_pandas_names_and_order(table):
    X, y, weight = table
    frame = pd.DataFrame(X, columns=FEATURES)
    model = DistanceRegressor(**QUICK).fit(frame, pd.Series(y), sample_weight=pd.Series(weight))
    assert list(model.feature_names_in_) == FEATURES
    assert_array_equal(model.predict(frame), DistanceRegressor(**QUICK).fit(*table).predict(X))
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame[FEATURES[::-1]])
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame.rename(columns={"M_H": "FE_H"}))


def test_single_precision(fitted, table):
    X, y, weight = table
    single = fitted.predict(X.astype(np.float32))
    assert single.dtype == np.float64
    assert_allclose(single, fitted.predict(X), atol=1e-4)
    model = DistanceRegressor(**QUICK).fit(*(part.astype(np.float32) for part in (X, y, weight)))
    assert_allclose(
        model.predict(X.astype(np.float32)),
        DistanceRegressor(**QUICK).fit(X, y, weight).predict(X),
        atol=0.02,
    )


def test_composes_with_scikit_learn(table):
    X, y, weight = table
    model = DistanceRegressor(**QUICK)
    pipeline = make_pipeline(RobustScaler(), clone(model))
    pipeline.fit(X, y, distanceregressor__sample_weight=weight)
    assert pipeline.score(X, y) > 0.9
    assert min(cross_val_score(model, X, y, cv=2, params={"sample_weight": weight})) > 0.9
    out_of_fold = cross_val_predict(model, X, y, cv=2)
    assert np.corrcoef(out_of_fold, y)[0, 1] > 0.95
    voting = VotingRegressor([("a", model), ("b", clone(model).set_params(random_state=1))])
    voting.fit(X, y, sample_weight=weight)
    members = [member.predict(X) for member in voting.estimators_]
    assert_allclose(voting.predict(X), np.mean(members, axis=0))


@pytest.mark.slow
def test_grid_search_in_two_processes(table):
    X, y, weight = table
    grid = {"hidden_layer_sizes": [(2,), (4, 3)], "alpha": [1e-4, 10.0]}
    search = GridSearchCV(DistanceRegressor(**QUICK), grid, cv=2, n_jobs=2).fit(X, y, sample_weight=weight)
    assert search.best_params_["alpha"] == 1e-4
    assert search.best_score_ > 0.9
    alone = DistanceRegressor(**QUICK | search.best_params_).fit(X, y, sample_weight=weight)
    assert_array_equal(search.predict(X), alone.predict(X))


def test_clone_is_unfitted(fitted, table):
    copy = clone(fitted)
    assert copy.get_params() == fitted.get_params()
    for use in (lambda: copy.predict(table[0]), lambda: copy.pipeline_, lambda: copy.calibrate(*table[:2])):
        with pytest.raises(NotFittedError):
            use()


# Files and processes


def referenced(pickled):
    """Modules and names that a pickle of protocol 3 refers to."""
    return {argument for code, argument, _ in pickletools.genops(pickled) if code.name == "GLOBAL"}


@pytest.mark.parametrize("kind", [DistanceRegressor, MassRegressor, MassToAge])
def test_pickle_holds_arrays_and_builtins(kind, table):
    X = table[0]
    model = kind(**QUICK | {"max_iter": 2})
    model.fit(X[:, :2] if kind is MassToAge else X, labels(kind, X))
    pickled = pickle.dumps(model, protocol=3)
    names = referenced(pickled)
    assert {name.split(".")[0].split(" ")[0] for name in names} <= {
        "skdistmass",
        "numpy",
        "builtins",
        "_codecs",
    }
    classes = {name.split(" ")[1] for name in names if name.startswith("skdistmass")}
    assert classes == {"rebuild"}
    assert_array_equal(pickle.loads(pickled).coefs_[0], model.coefs_[0])


PREDICTS_WITHOUT_TENSORFLOW = """
    import sys
    import joblib, numpy as np
    from skdistmass import load_model
    X = np.load("X.npy")
    models = [joblib.load("model.joblib"), load_model("saved.joblib", trusted=True)]
    predictions = [model.predict(X) for model in models]
    np.save("predictions.npy", predictions)
    heavy = {"tensorflow", "keras", "scikeras", "matplotlib", "dask"} & set(sys.modules)
    assert not heavy, heavy
"""


def run(code, folder):
    code = textwrap.dedent(code)
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    return result


def test_fresh_process_predicts_without_tensorflow(fitted, table, tmp_path):
    np.save(tmp_path / "X.npy", table[0])
    joblib.dump(fitted, tmp_path / "model.joblib")
    save_model(fitted, tmp_path / "saved.joblib", {"kind": "DistanceRegressor"})
    run(PREDICTS_WITHOUT_TENSORFLOW, tmp_path)
    for prediction in np.load(tmp_path / "predictions.npy"):
        assert_array_equal(prediction, fitted.predict(table[0]))


@pytest.mark.slow
def test_training_is_quiet(tmp_path):
    code = """
        import numpy as np
        from skdistmass import DistanceRegressor
        for n_stars in (60, 70, 80):
            X = np.random.default_rng(0).normal(size=(n_stars, 5))
            for solver in ("lbfgs", "adam"):
                model = DistanceRegressor(solver=solver, max_iter=2, n_restarts=2, random_state=0)
                model.fit(X, X[:, 1]).pipeline_.predict(X)
    """
    result = run(code, tmp_path)
    assert result.stdout == ""
    assert result.stderr == ""


# Settings and bad input


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"activation": "sigmoid"}, r"activation must be one of .*received 'sigmoid'"),
        ({"solver": "sgd"}, r"solver must be one of .*received 'sgd'"),
        ({"loss": "mse"}, r"loss must be one of .*received 'mse'"),
        ({"hidden_layer_sizes": (8, 0)}, r"hidden_layer_sizes must hold positive integers.*\(8, 0\)"),
        ({"hidden_layer_sizes": (8.5,)}, "hidden_layer_sizes"),
        ({"hidden_layer_sizes": "8"}, "hidden_layer_sizes"),
        ({"hidden_layer_sizes": None}, "hidden_layer_sizes"),
        ({"n_members": 0}, "n_members must be a positive integer; received 0"),
        ({"max_iter": 1.5}, "max_iter must be a positive integer; received 1.5"),
        ({"batch_size": -1}, "batch_size"),
        ({"alpha": -1e-4}, "alpha must be a non-negative number; received -0.0001"),
        ({"alpha": np.nan}, "alpha"),
        ({"epsilon": 0}, "epsilon must be a positive number; received 0"),
        ({"learning_rate_init": "fast"}, "learning_rate_init"),
        ({"validation_fraction": 1.0}, "validation_fraction must lie between 0 and 1; received 1.0"),
        ({"validation_fraction": "half"}, "validation_fraction"),
    ],
)
def test_settings_are_checked_in_fit(settings, message, table):
    model = DistanceRegressor(**settings)
    with pytest.raises(ValueError, match=message):
        model.fit(*table)


def test_bad_tables_are_refused(table, fitted):
    X, y, weight = table
    model = DistanceRegressor(**QUICK)
    broken = X.copy()
    broken[7, 2] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        model.fit(broken, y)
    with pytest.raises(ValueError, match="NaN"):
        fitted.predict(broken)
    broken[7, 2] = np.inf
    with pytest.raises(ValueError, match="infinity"):
        fitted.predict(broken)
    with pytest.raises(ValueError, match="expecting 5 features"):
        fitted.predict(X[:, :4])
    with pytest.raises(ValueError, match=r"[Nn]egative"):
        model.fit(X, y, sample_weight=-weight)
    with pytest.raises(ValueError, match="NaN"):
        model.fit(X, y, sample_weight=np.where(weight > 100, np.nan, weight))
    with pytest.raises(
        ValueError, match=r"at least 2 samples with positive sample_weight; received 1 of 300"
    ):
        model.fit(X, y, sample_weight=np.arange(300) == 3)
    with pytest.raises(ValueError, match="inconsistent"):
        model.fit(X, y[:-1])


def test_an_integer_is_one_hidden_layer(table):
    one = DistanceRegressor(**QUICK | {"hidden_layer_sizes": 4, "max_iter": 3}).fit(*table)
    assert_array_equal(
        one.predict(table[0]), DistanceRegressor(**QUICK | {"max_iter": 3}).fit(*table).predict(table[0])
    )
    none = DistanceRegressor(**QUICK | {"hidden_layer_sizes": ()}).fit(*table)
    slope, offset = none.coefs_[0][0, :, 0], none.intercepts_[0][0, 0]
    assert_allclose(
        none.predict(table[0]), (table[0] - none.scaler_mean_) / none.scaler_scale_ @ slope + offset
    )


@pytest.mark.parametrize(
    ("solver", "loss"),
    [("lbfgs", "squared_error"), ("lbfgs", "huber"), ("adam", "squared_error"), SLOW_ADAM_HUBER],
)
def test_constant_columns_and_targets(solver, loss, table):
    X = table[0].copy()
    X[:, 3] = 0.25
    settings = QUICK | {"solver": solver, "max_iter": 3, "loss": loss}
    model = DistanceRegressor(**settings).fit(X, np.full(len(X), 1.7), sample_weight=table[2])
    prediction, error = model.predict(X, return_std=True)
    assert_allclose(prediction, 1.7, rtol=1e-14)
    assert_allclose(error, 0.0, atol=1e-14)
    assert_allclose(MassRegressor(**settings).fit(X, np.full(len(X), 1.2)).predict(X), 1.2, rtol=1e-14)
    assert np.ptp(DistanceRegressor(**settings).fit(X, table[1]).predict(X)) > 0.1


@pytest.mark.parametrize("solver", ["lbfgs", SLOW_ADAM])
@pytest.mark.parametrize(
    "numbers",
    [
        {"random_state": np.int64(3)},
        {"alpha": np.float32(1e-3)},
        {"learning_rate_init": 1, "alpha": 0},
        {"hidden_layer_sizes": np.array([4]), "max_iter": np.int32(2), "verbose": np.False_},
    ],
    ids=str,
)
def test_numpy_numbers_are_numbers(numbers, solver, table):
    def plain(value):
        return value.tolist() if isinstance(value, (np.generic, np.ndarray)) else value

    settings = QUICK | {"solver": solver, "max_iter": 2}
    model = DistanceRegressor(**settings | numbers).fit(*table)
    expected = DistanceRegressor(**settings | {name: plain(v) for name, v in numbers.items()}).fit(*table)
    assert_array_equal(model.predict(table[0]), expected.predict(table[0]))
    assert np.isfinite(model.pipeline_.predict(table[0])).all()


@pytest.mark.parametrize("kind", REGRESSORS)
def test_numbers_that_overflow_are_refused(kind, table):
    X, y, weight = table[0], labels(kind, table[0]), table[2]
    model = kind(**QUICK).fit(X, y)
    for arguments, name in (
        ((X * 1e300, y), "X"),
        ((X, np.abs(y) * 1e300), "y"),
        ((X, y, weight * 1e300), "sample_weight"),
    ):
        with pytest.raises(ValueError, match=rf"^{name} must lie within .*300 of 300 rows .*first: row 0"):
            kind(**QUICK).fit(*arguments)
    with pytest.raises(ValueError, match=r"^X must lie within"):
        model.predict(X * 1e300)
    with pytest.raises(ValueError, match=r"^y must lie within"):
        model.calibrate(X, np.abs(y) * 1e300)


def test_another_backend_of_keras_is_named(tmp_path):
    code = """
        import os
        os.environ["KERAS_BACKEND"] = "torch"
        import numpy as np
        from skdistmass import DistanceRegressor, load_model
        X = np.random.default_rng(0).normal(size=(60, 5))
        load_model("mass").predict([[4800.0, 2.5, 0.0, -0.1, 0.2]])
        try:
            DistanceRegressor().fit(X, X[:, 1])
        except ImportError as error:
            print(error)
    """
    assert "backend must be 'tensorflow'" in (said := run(code, tmp_path).stdout)
    assert "received 'torch' from KERAS_BACKEND" in said


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
