"""The regressors inside scikit-learn's own tools, and inside those of other packages."""

import numpy as np
import pandas as pd
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import BaggingRegressor, StackingRegressor, VotingRegressor
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    RandomizedSearchCV,
    cross_val_predict,
    learning_curve,
)
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdistmass import DistanceRegressor, MassRegressor

QUICK = {"hidden_layer_sizes": (3,), "n_restarts": 1, "max_iter": 15, "random_state": 0, "activation": "tanh"}
FEATURES = ["TEFF", "LOGG", "M_H", "C_FE", "N_FE"]
REGRESSORS = [DistanceRegressor(**QUICK), MassRegressor(**QUICK)]


@pytest.fixture(scope="module")
def table():
    """60 stars: a positive target that follows log g."""
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.normal(4700, 200, 60), rng.uniform(1, 3, 60), rng.normal(0, 0.1, (60, 3))])
    return X, 0.5 + 0.4 * X[:, 1] + rng.normal(0, 0.01, 60), rng.uniform(0.5, 2.0, 60)


def in_pipeline(model):
    return make_pipeline(StandardScaler(), model)


def in_grid_search(model):
    return GridSearchCV(model, {"alpha": [1e-4, 10.0]}, cv=2)


def in_halving_search(model):
    return HalvingGridSearchCV(model, {"alpha": [1e-4, 10.0]}, cv=2, min_resources=20, random_state=0)


def in_randomized_search(model):
    return RandomizedSearchCV(model, {"alpha": [1e-4, 1e-3, 1e-2]}, n_iter=2, cv=2, random_state=0)


def in_stacking(model):
    return StackingRegressor([("network", model), ("line", LinearRegression())], cv=2)


def in_voting(model):
    return VotingRegressor([("network", model), ("line", LinearRegression())])


def in_bagging(model):
    return BaggingRegressor(model, n_estimators=2, random_state=0)


def with_log_target(model):
    return TransformedTargetRegressor(model, func=np.exp, inverse_func=np.log)


@pytest.mark.parametrize("model", REGRESSORS, ids=lambda model: type(model).__name__)
@pytest.mark.parametrize(
    "wrap",
    [
        in_pipeline,
        in_grid_search,
        in_halving_search,
        in_randomized_search,
        in_stacking,
        in_voting,
        in_bagging,
        with_log_target,
    ],
)
def test_learns_inside(wrap, model, table):
    X, y, _ = table
    fitted = wrap(clone(model)).fit(X, y)
    assert fitted.score(X, y) > 0.9
    assert_array_equal(wrap(clone(model)).fit(X, y).predict(X), fitted.predict(X))


def test_search_finds_the_setting_that_predicts_better(table):
    X, y, _ = table
    for search in (in_grid_search, in_halving_search):
        assert search(DistanceRegressor(**QUICK)).fit(X, y).best_params_ == {"alpha": 1e-4}


def test_several_targets(table):
    X, y, _ = table
    targets = np.column_stack([y, -2.0 * y])
    fitted = MultiOutputRegressor(DistanceRegressor(**QUICK)).fit(X, targets)
    assert_array_equal(fitted.predict(X)[:, 0], DistanceRegressor(**QUICK).fit(X, y).predict(X))
    assert fitted.score(X, targets) > 0.9


def test_out_of_fold_predictions_and_learning_curve(table):
    X, y, weight = table
    predicted = cross_val_predict(DistanceRegressor(**QUICK), X, y, cv=3, params={"sample_weight": weight})
    assert np.corrcoef(predicted, y)[0, 1] > 0.9
    _, _, scores = learning_curve(DistanceRegressor(**QUICK), X, y, cv=2, train_sizes=[0.5, 1.0])
    assert scores[-1].min() > 0.8


def test_importance_is_that_of_the_feature_that_matters(table):
    X, y, _ = table
    model = DistanceRegressor(**QUICK).fit(X, y)
    importance = permutation_importance(model, X, y, n_repeats=3, random_state=0).importances_mean
    assert np.argmax(importance) == 1
    assert importance[1] > 10 * np.abs(np.delete(importance, 1)).max()


def test_partial_dependence_is_drawn(table):
    matplotlib = pytest.importorskip("matplotlib", reason="plots need matplotlib")
    matplotlib.use("Agg")
    from sklearn.inspection import PartialDependenceDisplay

    X, y, _ = table
    frame = pd.DataFrame(X, columns=FEATURES)
    model = DistanceRegressor(**QUICK).fit(frame, y)
    display = PartialDependenceDisplay.from_estimator(model, frame, ["LOGG"], grid_resolution=5)
    (line,) = display.lines_.ravel()
    assert np.all(np.diff(line.get_ydata()) > 0)
    matplotlib.pyplot.close("all")


@pytest.mark.parametrize("container", ["pandas", "polars"])
def test_scaled_features_in_a_data_frame(container, table):
    pytest.importorskip(container, reason=f"set_output needs {container}")
    X, y, _ = table
    frame = pd.DataFrame(X, columns=FEATURES)
    pipeline = in_pipeline(DistanceRegressor(**QUICK)).set_output(transform=container).fit(frame, y)
    assert list(pipeline[-1].feature_names_in_) == FEATURES
    # The outer scaler adds up the columns of a frame in another order than those of an array.
    expected = in_pipeline(DistanceRegressor(**QUICK)).fit(X, y).predict(X)
    assert_allclose(pipeline.predict(frame), expected, rtol=1e-9)


# The user's global configuration


@pytest.mark.parametrize("solver", ["lbfgs", pytest.param("adam", marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    "configuration",
    [{"enable_metadata_routing": True}, {"transform_output": "pandas"}, {"transform_output": "polars"}],
    ids=str,
)
def test_global_configuration_stays_outside(configuration, solver, table):
    if "polars" in configuration.values():
        pytest.importorskip("polars", reason="this configuration needs polars")
    settings = QUICK | {"solver": solver, "max_iter": 2}
    expected = DistanceRegressor(**settings).fit(*table)
    with sklearn.config_context(**configuration):
        model = DistanceRegressor(**settings).fit(*table)
        assert_array_equal(model.predict(table[0]), expected.predict(table[0]))
        assert_allclose(model.pipeline_.predict(table[0]), expected.predict(table[0]), atol=1e-6)


def test_weights_are_routed_through_search_and_pipeline(table):
    X, y, weight = table
    weight = np.where(np.arange(60) % 3, weight, 0.0)
    y = np.where(weight > 0, y, 50.0)
    with sklearn.config_context(enable_metadata_routing=True):
        model = DistanceRegressor(**QUICK).set_fit_request(sample_weight=True)
        model.set_score_request(sample_weight=True)
        pipeline = make_pipeline(StandardScaler().set_fit_request(sample_weight=True), model)
        search = GridSearchCV(pipeline, {"distanceregressor__alpha": [1e-4, 10.0]}, cv=2)
        search.fit(X, y, sample_weight=weight)
        assert search.best_params_ == {"distanceregressor__alpha": 1e-4}
        assert search.best_score_ > 0.8
        voting = VotingRegressor([("a", model), ("b", clone(model))]).fit(X, y, sample_weight=weight)
    used = weight > 0
    alone = DistanceRegressor(**QUICK).fit(X[used], y[used], sample_weight=weight[used])
    assert_array_equal(voting.predict(X), alone.predict(X))


def test_predicted_errors_are_routed(table):
    X, y, _ = table
    with sklearn.config_context(enable_metadata_routing=True):
        model = DistanceRegressor(**QUICK).set_predict_request(return_std=True)
        pipeline = make_pipeline(StandardScaler(), model).fit(X, y)
        prediction, error = pipeline.predict(X, return_std=True)
    assert prediction.shape == error.shape == (60,)
    assert np.all(error > 0)


# Other packages


def test_conformal_intervals_of_mapie(table):
    regression = pytest.importorskip("mapie.regression", reason="MAPIE is not installed")
    X, y, _ = table
    model = DistanceRegressor(**QUICK).fit(X[:30], y[:30])
    conformal = regression.SplitConformalRegressor(model, confidence_level=0.8, prefit=True)
    _, intervals = conformal.conformalize(X[30:], y[30:]).predict_interval(X[30:])
    covered = (intervals[:, 0, 0] <= y[30:]) & (y[30:] <= intervals[:, 1, 0])
    # The quantile is that of these 30 residuals: 80 % of them and the finite-sample correction.
    assert 0.8 <= np.mean(covered) <= 0.9


def test_skops_keeps_the_model(table):
    skops = pytest.importorskip("skops.io", reason="skops is not installed")
    model = DistanceRegressor(**QUICK).fit(*table)
    stored = skops.dumps(model)
    untrusted = skops.get_untrusted_types(data=stored)
    assert {name.split(".")[0] for name in untrusted} <= {"skdistmass"}
    loaded = skops.loads(stored, trusted=untrusted)
    assert_array_equal(loaded.predict(table[0], return_std=True), model.predict(table[0], return_std=True))


class TaskCounter:
    """Callback of scikit-learn 1.9 that counts the tasks of a fit."""

    n_setups = n_begun = n_ended = 0

    def setup(self, estimator, context):
        self.n_setups += 1

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context, **arguments):
        self.n_begun += 1

    def on_fit_task_end(self, estimator, context, **arguments):
        self.n_ended += 1


def test_callbacks_of_a_search(table):
    pytest.importorskip("sklearn.callback", reason="callbacks came with scikit-learn 1.9")
    X, y, _ = table
    counter = TaskCounter()
    search = in_grid_search(DistanceRegressor(**QUICK)).set_callbacks(counter).fit(X, y)
    assert counter.n_setups == 1
    # Two settings on two splits, and what holds them together.
    assert counter.n_begun == counter.n_ended >= 4
    assert_array_equal(search.predict(X), in_grid_search(DistanceRegressor(**QUICK)).fit(X, y).predict(X))
