import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.exceptions import UnsetMetadataPassedError
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from skdistmass.estimators.distance import DistanceRegressor
from skdistmass.estimators.pruning import (
    BinaryPruner,
    NoSecondModeWarning,
    distance_residual,
    valley_between_modes,
)

EQUAL_TWIN = 2.5 * np.log10(2.0)  # two equal stars [mag]

# Networks without a pipeline are checked in `tests/test_common.py`.
SMALL_NETWORK = DistanceRegressor(hidden_layer_sizes=(4,), max_iter=12, n_restarts=1)
CHECKED = [
    BinaryPruner(LinearRegression()),
    BinaryPruner(LinearRegression(), where="all", threshold=0.5, n_passes=2),
    BinaryPruner(make_pipeline(StandardScaler(), SMALL_NETWORK), cv=2),
]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@parametrize_with_checks(CHECKED)
def test_common_checks(estimator, check):
    check(estimator)


def main_sequence(n_stars=3000, twins=300, scatter=0.08, seed=0):
    """Draw dwarfs on a linear main sequence; the first `twins` of them are equal binaries."""
    rng = np.random.default_rng(seed)
    X = np.column_stack([rng.uniform(4500, 6000, n_stars), rng.uniform(4.1, 4.7, n_stars)])
    y = 4.5 - 2e-3 * (X[:, 0] - 5000) + rng.normal(0.0, scatter, n_stars)
    y[:twins] -= EQUAL_TWIN
    return X, y


def test_residual_of_an_equal_binary_is_that_of_twice_the_light():
    # Twice the light at the same apparent magnitude is a factor sqrt(2) in distance.
    assert distance_residual(4.0 - EQUAL_TWIN, 4.0) == pytest.approx(1 - np.sqrt(0.5))
    assert distance_residual([5.0], [5.0 - EQUAL_TWIN])[0] == pytest.approx(1 - np.sqrt(2.0))


def test_twins_go_and_the_bias_of_single_stars_with_them():
    X, y = main_sequence()
    before = LinearRegression().fit(X, y)
    pruner = BinaryPruner(LinearRegression()).fit(X, y)
    assert not pruner.support_[:300].any()
    assert pruner.support_[300:].mean() > 0.99
    truth = 4.5 - 2e-3 * (X[:, 0] - 5000)
    # A tenth of equal twins shifts the mean by a tenth of 0.753 mag.
    assert np.mean(before.predict(X) - truth) == pytest.approx(-0.0753, abs=0.01)
    assert abs(np.mean(pruner.predict(X) - truth)) < 0.01
    assert pruner.has_second_mode_ is None
    assert pruner.threshold_ == 0.13


def test_giants_stay_unless_all_stars_may_go():
    X, y = main_sequence()
    X[::2, 1] = 2.5
    dwarfs = BinaryPruner(LinearRegression()).fit(X, y)
    assert dwarfs.support_[:300:2].all()
    assert not dwarfs.support_[1:300:2].any()
    assert not BinaryPruner(LinearRegression(), where="all").fit(X, y).support_[:300].any()
    assert BinaryPruner(LinearRegression(), dwarf_log_g=5.0).fit(X, y).support_.all()
    swapped = BinaryPruner(LinearRegression(), log_g_column=0).fit(X[:, ::-1], y)
    assert np.array_equal(swapped.support_, dwarfs.support_)


def test_auto_threshold_lies_between_the_modes():
    X, y = main_sequence()
    pruner = BinaryPruner(LinearRegression(), threshold="auto").fit(X, y)
    # Residuals: singles at 1 - 10^(0.2 * 0.075) = -0.035 with a width of 0.04, twins at 0.27.
    assert 0.07 < pruner.threshold_ < 0.22
    assert pruner.has_second_mode_
    assert pruner.support_[:300].sum() < 6
    assert pruner.support_[300:].mean() > 0.99


@pytest.mark.parametrize("seed", range(5))
def test_one_mode_is_not_taken_for_two(seed):
    X, y = main_sequence(twins=0, seed=seed)
    with pytest.warns(NoSecondModeWarning, match="no second mode.*keeps every star"):
        pruner = BinaryPruner(LinearRegression(), threshold="auto").fit(X, y)
    assert pruner.support_.all()
    assert pruner.threshold_ == np.inf
    assert pruner.has_second_mode_ is False
    assert np.allclose(pruner.predict(X), LinearRegression().fit(X, y).predict(X))


def test_valley_needs_a_second_mode_above_the_first_and_enough_stars():
    rng = np.random.default_rng(1)
    main, other = rng.normal(0.0, 0.03, 5000), rng.normal(0.28, 0.02, 500)
    assert 0.10 < valley_between_modes(np.append(main, other)) < 0.25
    assert valley_between_modes(np.append(main, -other)) is None
    assert valley_between_modes(np.append(main[:40], other[:40])) is None
    assert valley_between_modes(np.full(500, 0.01)) is None


def test_out_of_fold_residuals_find_what_an_overfitted_model_hides():
    class Nearest(RegressorMixin, BaseEstimator):
        """Predicts a training star by itself."""

        def fit(self, X, y):
            self.X_, self.y_ = X, y
            return self

        def predict(self, X):
            return self.y_[np.argmin(np.abs(X[:, :1] - self.X_[:, 0]), axis=1)]

    X, y = main_sequence(n_stars=600, twins=60)
    assert BinaryPruner(Nearest()).fit(X, y).support_.all()
    folds = KFold(5, shuffle=True, random_state=0)
    pruner = BinaryPruner(Nearest(), cv=folds).fit(X, y)
    assert np.mean(~pruner.support_[:60]) > 0.8
    assert np.mean(~pruner.support_[60:]) < 0.25


def test_more_passes_remove_what_the_first_fit_was_drawn_to():
    X, y = main_sequence(twins=1200, scatter=0.05)
    y[:1200] += 0.75 * EQUAL_TWIN  # a third of the stars 0.19 mag too bright
    removed = [
        np.mean(~BinaryPruner(LinearRegression(), threshold=0.065, n_passes=n).fit(X, y).support_[:1200])
        for n in (1, 4)
    ]
    assert removed[1] > removed[0] + 0.05


def test_sample_weight_reaches_the_estimator():
    X, y = main_sequence()
    weight = np.ones(len(X))
    weight[:300] = 0.0
    pruner = BinaryPruner(LinearRegression(), threshold=0.9).fit(X, y, sample_weight=weight)
    assert np.allclose(pruner.predict(X), LinearRegression().fit(X[300:], y[300:]).predict(X))
    folds = BinaryPruner(LinearRegression(), threshold=0.9, cv=3).fit(X, y, sample_weight=weight)
    assert np.allclose(np.median(folds.residual_[300:]), 0.0, atol=0.01)


def pipeline():
    return make_pipeline(StandardScaler(), LinearRegression())


@pytest.mark.parametrize("cv", [None, 3])
def test_weights_reach_the_last_step_of_a_pipeline(cv):
    X, y = main_sequence(n_stars=600, twins=60)
    weight = np.where(np.arange(600) < 60, 0.0, 1.0)
    around = BinaryPruner(pipeline(), threshold=0.9, cv=cv).fit(X, y, sample_weight=weight)
    assert np.allclose(around.predict(X), LinearRegression().fit(X[60:], y[60:]).predict(X))
    nested = BinaryPruner(make_pipeline(StandardScaler(), pipeline()), threshold=0.9)
    assert np.allclose(nested.fit(X, y, sample_weight=pd.Series(weight)).predict(X), around.predict(X))
    with pytest.raises(TypeError, match="KNeighborsRegressor takes no sample_weight"):
        BinaryPruner(make_pipeline(StandardScaler(), KNeighborsRegressor())).fit(X, y, sample_weight=weight)


@pytest.mark.parametrize("cv", [None, 3])
def test_weights_are_routed_where_they_are_requested(cv):
    X, y = main_sequence(n_stars=600, twins=60)
    weight = np.where(np.arange(600) < 60, 0.0, 1.0)
    expected = LinearRegression().fit(X[60:], y[60:]).predict(X)
    with config_context(enable_metadata_routing=True):
        weighted = LinearRegression().set_fit_request(sample_weight=True)
        for inner in (
            weighted,
            make_pipeline(StandardScaler().set_fit_request(sample_weight=False), weighted),
        ):
            pruner = BinaryPruner(inner, threshold=0.9, cv=cv).fit(X, y, sample_weight=weight)
            assert np.allclose(pruner.predict(X), expected)
        unweighted = LinearRegression().set_fit_request(sample_weight=False)
        ignoring = BinaryPruner(unweighted, threshold=0.9, cv=cv).fit(X, y, sample_weight=weight)
        assert np.allclose(ignoring.predict(X), LinearRegression().fit(X, y).predict(X))
        assert BinaryPruner(LinearRegression()).fit(X, y).support_.sum() < 600
        with pytest.raises(UnsetMetadataPassedError, match="sample_weight"):
            BinaryPruner(LinearRegression()).fit(X, y, sample_weight=weight)
        outer = BinaryPruner(weighted, threshold=0.9).set_fit_request(sample_weight=True)
        search = GridSearchCV(outer.set_score_request(sample_weight=False), {"n_passes": [1, 2]}, cv=3)
        search.fit(X, y, sample_weight=weight)
        assert np.allclose(search.predict(X), expected)


@pytest.mark.parametrize("output", ["default", "pandas"])
def test_tables_keep_their_names_and_name_the_gravity(output):
    X, y = main_sequence(n_stars=600, twins=60)
    table = pd.DataFrame({"LOGG": X[:, 1], "M_H": np.zeros(600), "TEFF": X[:, 0]})
    again = BinaryPruner(LinearRegression(), cv=3).fit(X, y)
    with config_context(transform_output=output):
        pruner = BinaryPruner(pipeline(), cv=3).fit(table, y)
        assert np.allclose(pruner.predict(table), again.predict(X))
    assert list(pruner.estimator_.feature_names_in_) == ["LOGG", "M_H", "TEFF"]
    assert np.array_equal(pruner.support_, again.support_)
    with pytest.raises(ValueError, match=r"column 'LOGG' of X; it has M_H, TEFF\. Set log_g_column"):
        BinaryPruner(LinearRegression()).fit(table[["M_H", "TEFF"]], y)
    own = table.rename(columns={"LOGG": "gravity"})
    by_name = BinaryPruner(LinearRegression(), log_g_column="gravity", cv=3).fit(own, y)
    assert np.array_equal(by_name.support_, again.support_)


def test_random_state_seeds_the_estimator_and_the_folds():
    X, y = main_sequence(n_stars=300, twins=30)
    network = make_pipeline(StandardScaler(), DistanceRegressor(max_iter=5, n_restarts=1))
    folds = KFold(3, shuffle=True)
    first, second, other = (
        BinaryPruner(network, threshold=0.5, cv=folds, random_state=seed).fit(X, y) for seed in (1, 1, 2)
    )
    assert np.array_equal(first.residual_, second.residual_)
    assert np.array_equal(first.predict(X), second.predict(X))
    assert not np.array_equal(first.residual_, other.residual_)
    # What was given stays as it was.
    assert network[-1].random_state is None
    assert folds.random_state is None


def test_works_in_model_selection():
    X, y = main_sequence(n_stars=400, twins=0)
    assert cross_val_score(BinaryPruner(LinearRegression()), X, y, cv=3).min() > 0.9
    search = GridSearchCV(
        BinaryPruner(LinearRegression()),
        {"threshold": [0.1, 0.5], "estimator__fit_intercept": [True, False]},
        cv=3,
    )
    search.fit(X, y)
    assert search.best_params_["estimator__fit_intercept"] is True
    assert clone(search.best_estimator_).get_params()["estimator__fit_intercept"] is True


def test_error_and_looks_binary_come_from_the_fitted_estimator():
    X, y = main_sequence(n_stars=600, twins=60)
    pruner = BinaryPruner(DistanceRegressor(max_iter=200, n_restarts=1, random_state=0)).fit(X, y)
    prediction, error = pruner.predict(X, return_std=True)
    assert np.array_equal(prediction, pruner.estimator_.predict(X))
    assert np.all(error > 0)
    assert np.array_equal(pruner.looks_binary(X, y, prediction), pruner.looks_binary(X, y))
    assert pruner.looks_binary(X, y)[:60].mean() > 0.9
    assert not pruner.looks_binary(np.column_stack([X[:, 0], np.full(600, 2.0)]), y).any()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"where": "giants"}, "where must be one of"),
        ({"threshold": 13}, "threshold must be 'auto' or a fraction.*received 13"),
        ({"threshold": "best"}, "received 'best'"),
        ({"n_passes": 0}, "n_passes must be a positive integer"),
        ({"log_g_column": 1.0}, "log_g_column must be the name or the number"),
        ({"dwarf_log_g": np.nan}, "dwarf_log_g must be a finite number"),
        ({"log_g_column": "log_g"}, "'log_g' of X; it has no names of columns"),
        ({"log_g_column": 7}, "column 7 of X, which has n_features = 2"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings, message):
    X, y = main_sequence(n_stars=50, twins=0)
    with pytest.raises(ValueError, match=message):
        BinaryPruner(LinearRegression(), **settings).fit(X, y)


def test_a_threshold_that_leaves_no_star_is_refused():
    class TooFaint(RegressorMixin, BaseEstimator):
        def fit(self, X, y):
            return self

        def predict(self, X):
            return np.full(len(X), 30.0)

    X, y = main_sequence(n_stars=50, twins=0)
    with pytest.raises(ValueError, match="leaves 0 of 50 stars"):
        BinaryPruner(TooFaint()).fit(X, y)


def test_no_warning_where_a_second_mode_exists():
    X, y = main_sequence()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        BinaryPruner(LinearRegression(), threshold="auto").fit(X, y)
