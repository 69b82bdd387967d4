"""What the regressors share: habits of scikit-learn, pickles, settings and bad input."""

import pickle
import pickletools
import subprocess
import sys
import textwrap

import joblib
import numpy as np
import pandas as pd
import pytest
from giants import QUICK, labels
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.ensemble import VotingRegressor
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import RobustScaler

from skdistmass import DistanceRegressor, MassRegressor, MassToAge, save_model

FEATURES = ["TEFF", "LOGG", "M_H", "C_FE", "N_FE"]
REGRESSORS = (DistanceRegressor, MassRegressor)
# Keras traces its training again for each network, which takes seconds.
SLOW_ADAM = pytest.param("adam", marks=pytest.mark.slow)
SLOW_ADAM_HUBER = pytest.param("adam", "huber", marks=pytest.mark.slow)


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
