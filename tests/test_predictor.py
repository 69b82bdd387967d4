"""Networks without scikit-learn: the same numbers as the estimators, and clear errors."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from skdistmass import MassRegressor, list_models, load_model, load_predictor, save_model

STAR = [[4700.0, 2.5, 0.0, 0.0, 0.2]]


@pytest.mark.parametrize("name", list_models())
@pytest.mark.parametrize("n_rows", [1, 5000])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_predictions_are_those_of_the_estimator(name, n_rows, dtype):
    model, predictor = load_model(name), load_predictor(name)
    rng = np.random.default_rng(0)
    X = model.scaler_mean_ + model.scaler_scale_ * rng.normal(size=(n_rows, model.n_features_in_))
    X = X.astype(dtype)
    assert_array_equal(predictor.predict(X), model.predict(X))
    for found, expected in zip(predictor.predict(X, True), model.predict(X, return_std=True), strict=True):
        assert_array_equal(found, expected)
    assert (predictor.card_, predictor.sha256_) == (model.card_, model.sha256_)


@pytest.mark.parametrize("n_rows", [3, 3000])
def test_distributions_are_those_of_the_estimator(n_rows):
    model, predictor = load_model("mass"), load_predictor("mass")
    X = model.scaler_mean_ + model.scaler_scale_ * np.random.default_rng(1).normal(size=(n_rows, 5))
    errors = np.tile([150.0, 0.2, 0.1, 0.1, 0.1], (n_rows, 1))
    for name, arguments in (
        ("predict_quantiles", {"quantiles": [0.05, 0.5, 0.95]}),
        ("predict_pdf", {"grid": [0.8, 1.2, 2.0]}),
        ("sample_posterior", {"n_samples": 4, "random_state": 0}),
    ):
        found, expected = (
            getattr(either, name)(X, **arguments, X_error=errors) for either in (predictor, model)
        )
        assert_array_equal(found, expected)
    # Python's own erfc for a few stars, that of the compiler for many: the same star, the same error.
    few, many = (model.predict(table, return_std=True)[1][:3] for table in (X[:3], np.resize(X, (3000, 5))))
    assert_array_equal(few, many)


def test_distances_and_ages_are_those_of_the_estimator():
    arguments = {"apparent_mag": [10.0], "extinction": [0.1], "return_std": True}
    found, expected = (
        load("distance").predict_distance(STAR, **arguments) for load in (load_predictor, load_model)
    )
    assert_array_equal(found, expected)
    found, expected = (
        load("age").predict_age([1.1, 2.0, 11.0, 1.0], [0.0, -0.2, 0.0, -1.5], [0.1, 0.2, 0.1, 0.1])
        for load in (load_predictor, load_model)
    )
    assert found.age[0] > 1
    assert np.isnan(found.age[2])
    for name in vars(expected):
        assert_array_equal(getattr(found, name), getattr(expected, name))


def test_one_star_needs_neither_scikit_learn_nor_scipy_nor_pandas():
    code = (
        "import sys, numpy as np, skdistmass\n"
        f"mass, error = skdistmass.load_predictor('mass').predict({STAR}, return_std=True)\n"
        "age = skdistmass.load_predictor('age').predict_age(mass, [0.0], error).age\n"
        f"distance = skdistmass.load_predictor('distance').predict_distance({STAR}, 10.0, 0.1)\n"
        "assert np.isfinite([*mass, *error, *age, *distance]).all()\n"
        "heavy = {'sklearn', 'scipy', 'pandas', 'numba', 'tensorflow', 'astropy'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_tables_that_do_not_fit():
    predictor = load_predictor("mass")
    for X in (STAR[0], [STAR[0][:4]], np.zeros((2, 2, 5))):
        with pytest.raises(ValueError, match=r"X must have the shape \(n_samples, 5\)"):
            predictor.predict(X)
    X = np.repeat(STAR, 4, axis=0)
    X[2, 1], X[3, 4] = np.nan, np.inf
    with pytest.raises(ValueError, match=r"X must be finite; received 2 of 4 rows .*first: row 2\)"):
        predictor.predict(X)
    assert predictor.predict(np.empty((0, 5))).shape == (0,)


def test_names_of_columns_are_kept(tmp_path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(40, 3)), columns=["a", "b", "c"])
    model = MassRegressor(max_iter=5, random_state=0).fit(frame, np.exp(0.1 * frame.a))
    save_model(model, tmp_path / "own.joblib", {"kind": "MassRegressor"})
    predictor = load_predictor(tmp_path / "own.joblib", trusted=True)
    assert_array_equal(predictor.predict(frame), model.predict(frame))
    assert_array_equal(predictor.predict(frame.to_numpy()), model.predict(frame))
    with pytest.raises(ValueError, match=r"X must have the columns .*; received \['b', 'a', 'c'\]"):
        predictor.predict(frame[["b", "a", "c"]])


def test_a_catalogue_needs_neither_scikit_learn_nor_pandas(tmp_path):
    code = (
        "import sys, skdistmass\n"
        "from skdistmass.tables.write import write_table\n"
        "stars = skdistmass.make_survey(50, random_state=0)[0]\n"
        "write_table(stars, 'survey.fits')\n"
        "skdistmass.write_catalog('survey.fits', 'catalog.fits')\n"
        "heavy = {'sklearn', 'pandas', 'joblib', 'scipy.stats', 'scipy.interpolate', 'tensorflow', 'dask'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
