"""Training in blocks of rows: the loss, its gradient and its minimum are those of the table in memory."""

import os

import numpy as np
import pandas as pd
import pytest

from skdistmass import DistanceRegressor, MassRegressor
from skdistmass.estimators import _lbfgs, blocks
from skdistmass.estimators.blocks import ParquetBlocks, fit_blocks

TIGHT = {"tol": 1e-13, "max_iter": 5000, "random_state": 0, "activation": "tanh", "hidden_layer_sizes": (4,)}


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(1)
    X = np.column_stack(
        [rng.normal(4800, 300, 1200), rng.uniform(0.5, 3.4, 1200), rng.normal(0, 0.3, (1200, 3))]
    )
    y = np.exp(0.3 * X[:, 4] - 0.2 * X[:, 2] + 0.1 * X[:, 1] + 0.05 * rng.normal(size=1200))
    return X, y, rng.uniform(50, 500, 1200)


def cut(table, n_blocks):
    order = np.random.default_rng(2).permutation(len(table[1]))
    return [tuple(part[rows] for part in table) for rows in np.array_split(order, n_blocks)]


@pytest.mark.parametrize("activation", ["relu", "silu"])
@pytest.mark.parametrize("delta", [1e30, 0.3])
def test_loss_and_gradient_are_sums_over_blocks(activation, delta, table, tmp_path):
    X, y, weight = table
    X, y = (X - X.mean(0)) / X.std(0), (y - y.mean()) / y.std()
    settings = _lbfgs.Settings((5, 7, 3, 1), activation, 1e-2, 10, 1e-7, 1, None)
    whole = _lbfgs.Objective(settings, X, y, weight)
    files = []
    for number, (features, target, weights) in enumerate(cut((X, y, weight), 7)):
        files.append(tmp_path / f"{number}.npy")
        np.save(files[-1], np.ascontiguousarray(np.column_stack([features, target, weights]).T))
    parts = blocks._BlockObjective(settings, files, np.column_stack([X, y, weight])[:50])
    for seed in range(3):
        theta = _lbfgs.glorot_uniform(settings.sizes, np.random.default_rng(seed))
        loss, gradient = whole.evaluate(theta, delta)
        summed, summed_gradient = parts.evaluate(theta, delta)
        assert summed == pytest.approx(loss, rel=1e-13)
        np.testing.assert_allclose(summed_gradient, gradient, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("estimator", [DistanceRegressor(**TIGHT), MassRegressor(**TIGHT)])
def test_minimum_is_that_in_memory(estimator, table):
    X, y, weight = table
    loss = estimator.fit(X, y, weight).loss_
    prediction, error = estimator.predict(X, return_std=True)
    fit_blocks(estimator, cut(table, 6))
    assert estimator.loss_ == pytest.approx(loss, rel=1e-6)
    again, error_again = estimator.predict(X, return_std=True)
    np.testing.assert_allclose(again, prediction, rtol=1e-3)
    np.testing.assert_allclose(error_again, error, rtol=1e-2)
    assert estimator.n_features_in_ == 5


def test_moments_and_sample_of_a_large_table(table, monkeypatch, tmp_path):
    monkeypatch.setattr(_lbfgs, "SCREENING_ROWS", 400)
    X, y, weight = table
    spool = blocks._Spool(tmp_path, np.random.default_rng(0))
    for part in cut(table, 9):
        spool.append(*part)
    mean, scale = spool.standardise()
    both = np.column_stack([X, y])
    expected = np.average(both, axis=0, weights=weight)
    np.testing.assert_allclose(mean, expected, rtol=1e-12)
    np.testing.assert_allclose(
        scale**2, np.average((both - expected) ** 2, axis=0, weights=weight), rtol=1e-10
    )
    assert spool.sample.shape == (400, 7)
    assert len(np.unique(spool.sample[:, 0])) == 400
    assert abs(spool.sample[:, 1].mean() - X[:, 1].mean()) < 4 * X[:, 1].std() / 20


def test_large_tables_screen_on_a_sample(table, monkeypatch):
    monkeypatch.setattr(_lbfgs, "SCREENING_ROWS", 500)
    X, y, weight = table
    model = fit_blocks(DistanceRegressor(**TIGHT | {"n_members": 2, "loss": "huber"}), cut(table, 4))
    assert model.coefs_[0].shape == (2, 5, 4)
    residual = y - model.predict(X)
    assert np.std(residual) < 1.05 * np.std(y - DistanceRegressor(**TIGHT).fit(X, y, weight).predict(X))


def test_parquet_blocks(table, tmp_path):
    X, y, weight = table
    names = ["TEFF", "LOGG", "M_H", "C_FE", "N_FE"]
    frame = pd.DataFrame(X.astype(np.float32), columns=names).assign(MASS=y, MASS_ERR=weight**-0.5)
    frame.loc[17, "TEFF"] = np.nan
    frame.loc[18, "MASS_ERR"] = 0.0
    (tmp_path / "in").mkdir()
    frame[:700].to_parquet(tmp_path / "in" / "a.parquet")
    frame[700:].to_parquet(tmp_path / "in" / "b.parquet")
    parts = list(ParquetBlocks(tmp_path / "in", names, "MASS", "MASS_ERR", block_rows=500))
    assert max(len(part[1]) for part in parts) <= 500
    kept = np.delete(np.arange(1200), [17, 18])
    np.testing.assert_array_equal(np.concatenate([part[0] for part in parts]), X[kept].astype(np.float32))
    np.testing.assert_array_equal(np.concatenate([part[1] for part in parts]), y[kept])
    np.testing.assert_allclose(np.concatenate([part[2] for part in parts]), weight[kept], rtol=1e-12)
    model = fit_blocks(MassRegressor(**TIGHT), parts, scratch=tmp_path)
    assert np.std(model.predict(X[kept]) / y[kept] - 1) < 0.06
    assert os.listdir(tmp_path) == ["in"]


def test_what_cannot_be_trained(table):
    X, y, weight = table
    with pytest.raises(ValueError, match="solver='lbfgs'"):
        fit_blocks(DistanceRegressor(solver="adam"), [table])
    with pytest.raises(ValueError, match="at least 2 rows of positive weight; received 0"):
        fit_blocks(DistanceRegressor(), [(X, y, 0 * weight)])
    with pytest.raises(ValueError, match="finite"):
        fit_blocks(DistanceRegressor(), [(X * np.nan, y, weight)])
