"""Training in blocks of rows: the network is that of the table in memory, to the last bit."""

import os

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from skdistmass import DistanceRegressor, MassRegressor, MassToAge
from skdistmass.estimators import out_of_core as blocks
from skdistmass.estimators.out_of_core import ParquetBlocks, fit_blocks
from skdistmass.networks import lbfgs as _lbfgs
from skdistmass.networks import training_table as _rows

SETTINGS = {"random_state": 0, "activation": "tanh", "hidden_layer_sizes": (4,)}


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


def assert_same_network(one, other):
    assert one.loss_curve_ == other.loss_curve_
    assert (one.loss_, one.n_iter_, one.converged_) == (other.loss_, other.n_iter_, other.converged_)
    for name in ("scaler_mean_", "scaler_scale_"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    for name in ("coefs_", "intercepts_"):
        for a, b in zip(getattr(one, name), getattr(other, name), strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    "estimator",
    [
        DistanceRegressor(random_state=0),
        DistanceRegressor(**SETTINGS, loss="huber", n_members=2),
        MassRegressor(**SETTINGS, n_restarts=1),
    ],
)
@pytest.mark.parametrize("sizes", [(20_000, 2**18), (500, 2**18), (300, 350)], ids=str)
def test_network_is_that_in_memory(estimator, sizes, table, monkeypatch):
    monkeypatch.setattr(_lbfgs, "SCREENING_ROWS", sizes[0])
    monkeypatch.setattr(_rows, "BLOCK_ROWS", sizes[1])
    X, y, weight = table
    expected = clone(estimator).fit(X, y, weight)
    for n_blocks in (1, 6):
        assert_same_network(fit_blocks(clone(estimator), cut(table, n_blocks)), expected)


def test_a_fit_in_blocks_forgets_the_one_before(table):
    X, y, _ = table
    frame = pd.DataFrame(X, columns=["TEFF", "LOGG", "M_H", "C_FE", "N_FE"])
    model = fit_blocks(DistanceRegressor(**SETTINGS).fit(frame, y), [table])
    assert not hasattr(model, "feature_names_in_")
    np.testing.assert_array_equal(model.predict(X), DistanceRegressor(**SETTINGS).fit(*table).predict(X))


def test_repeated_rows_in_different_blocks_are_one_row(table):
    X, y, weight = table
    halves = [(X, y, 0.5 * weight), (X[::-1], y[::-1], 0.5 * weight[::-1])]
    assert_same_network(
        fit_blocks(DistanceRegressor(**SETTINGS), halves), DistanceRegressor(**SETTINGS).fit(X, y, weight)
    )


def test_errors_of_a_small_table_are_those_in_memory(table):
    model, expected = MassRegressor(**SETTINGS), MassRegressor(**SETTINGS).fit(*table)
    fit_blocks(model, cut(table, 3))
    assert model.error_model_ == expected.error_model_
    assert model.n_features_in_ == expected.n_features_in_ == 5
    np.testing.assert_array_equal(model.predict(table[0]), expected.predict(table[0]))


def test_errors_of_a_large_table_are_those_of_a_sample(table, monkeypatch):
    monkeypatch.setattr(blocks, "ERROR_MODEL_ROWS", 600)
    model = fit_blocks(MassRegressor(**SETTINGS), cut(table, 3))
    assert model.error_model_.n_stars == 600
    errors = [m.error_model_.predict(table[0][:, 1]) for m in (model, MassRegressor(**SETTINGS).fit(*table))]
    np.testing.assert_allclose(*errors, rtol=0.4)


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
    model = fit_blocks(MassRegressor(**SETTINGS), parts, scratch=tmp_path)
    assert np.std(model.predict(X[kept]) / y[kept] - 1) < 0.06
    assert os.listdir(tmp_path) == ["in"]


def test_partitions_of_a_dask_dataframe(table):
    dataframe = pytest.importorskip("dask.dataframe")
    X, y, weight = table
    frame = pd.DataFrame(X).assign(y=y, weight=weight)
    partitions = dataframe.from_pandas(frame, npartitions=5).partitions
    parts = (part.compute() for part in partitions)
    model = fit_blocks(
        MassRegressor(**SETTINGS),
        ((part.iloc[:, :5].to_numpy(), part.y.to_numpy(), part.weight.to_numpy()) for part in parts),
    )
    assert_same_network(model, MassRegressor(**SETTINGS).fit(X, y, weight))


def test_what_cannot_be_trained(table):
    X, y, weight = table
    with pytest.raises(ValueError, match="solver must be 'lbfgs'"):
        fit_blocks(DistanceRegressor(solver="adam"), [table])
    with pytest.raises(ValueError, match="at least 2 rows of positive weight; received 0"):
        fit_blocks(DistanceRegressor(), [(X, y, 0 * weight)])
    with pytest.raises(ValueError, match=r"method must be 'network' .*received 'interpolate'"):
        fit_blocks(MassToAge(method="interpolate"), [table])
    with pytest.raises(ValueError, match="finite"):
        fit_blocks(DistanceRegressor(), [(X * np.nan, y, weight)])
