"""Label scales: what they recover, where they stop, and what they refuse."""

import json
import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline

from skdistmass import LabelScale, MassRegressor, load_label_scale, load_model, save_model
from skdistmass.columns import FEATURES
from skdistmass.models.label_scales import list_label_scales, read_scales

SLOPES = np.array([[40.0, 10.0, -5.0], [0.05, 0.03, 0.02], [-0.02, 0.01, 0.04]])

NOISE = np.array([15.0, 0.04, 0.02])


@pytest.fixture
def pairs():
    """Stars with labels in two sets: differences linear in the scaled coordinates, noise and failures."""
    rng = np.random.default_rng(1)
    X = np.column_stack(
        [
            rng.uniform(4000, 5200, 600),
            rng.uniform(1, 3.4, 600),
            rng.uniform(-0.6, 0.4, 600),
            rng.normal(0, 0.1, 600),
            rng.normal(0.2, 0.1, 600),
        ]
    )
    middle, half = np.array([4600, 2.2, -0.1]), np.array([600, 1.2, 0.5])
    difference = [25.0, 0.08, -0.03] + (X[:, :3] - middle) / half @ SLOPES.T
    noise = rng.normal(0, NOISE, (600, 3))
    return X, difference, X[:, :3] + difference + noise


def test_the_difference_is_found_within_its_noise(pairs):
    X, difference, y = pairs
    scale = LabelScale().fit(X, y)
    found = scale.transform(X)
    # Three standard errors of a plane at a corner of its range: 3 sqrt((1 + 3 * 3) / 600) of the noise.
    assert (np.abs(found[:, :3] - X[:, :3] - difference) < 0.387 * NOISE).all()
    assert (np.abs(found[:, :3] - X[:, :3] - difference).mean(axis=0) < 0.1 * NOISE).all()
    assert_array_equal(found[:, 3:], X[:, 3:])
    assert_allclose(scale.scatter_, NOISE, rtol=0.12)
    assert (np.abs(scale.offset_ - [25.0, 0.08, -0.03]) < [5.0, 0.012, 0.005]).all()
    assert scale.n_stars_.tolist() == [600, 600, 600]


def test_a_tenth_of_failures_does_not_bend_it(pairs):
    X, difference, y = pairs
    y = y.copy()
    y[::10] += [900.0, 1.5, 1.0]
    found = LabelScale().fit(X, y).transform(X)
    assert np.abs(found[:, 1] - X[:, 1] - difference[:, 1]).max() < 0.03
    squares = np.linalg.lstsq(np.column_stack([np.ones(600), X[:, :3]]), y[:, 1] - X[:, 1], rcond=None)[0]
    plain = np.column_stack([np.ones(600), X[:, :3]]) @ squares
    assert np.abs(plain - difference[:, 1]).mean() > 0.1


def test_missing_labels_are_left_out_and_stay_missing(pairs):
    X, _, y = (values.copy() for values in pairs)
    whole = LabelScale().fit(X, y)
    y[:200, 1] = np.nan
    X[0, 3] = np.nan
    scale = LabelScale().fit(X, y)
    assert scale.n_stars_.tolist() == [600, 400, 600]
    assert_allclose(scale.coef_[[0, 2]], whole.coef_[[0, 2]])
    broken = X[:3].copy()
    broken[1, 0] = np.nan
    found = scale.transform(broken)
    assert np.isnan(found[1, :3]).all()
    assert_array_equal(found[1, 3:], broken[1, 3:])
    assert np.isnan(found[0, 3])


def test_outside_the_range_the_correction_is_that_of_the_border(pairs):
    X, _, y = pairs
    scale = LabelScale(degree=2).fit(X, y)
    border, far = np.array([[5188.0, 2.2, 0.0, 0, 0]]), np.array([[9000.0, 2.2, 0.0, 0, 0]])
    border[0, 0] = scale.high_[0]
    assert_allclose(scale.transform(far)[0, :3] - far[0, :3], scale.transform(border)[0, :3] - border[0, :3])
    stars = np.array(
        [[4600, 2.2, 0, 0, 0], [9000, 2.2, 0, 0, 0], [4600, 4.4, 0, 0, 0], [4600, np.nan, 0, 0, 0]]
    )
    assert scale.extrapolated(stars).tolist() == [False, True, True, True]
    assert scale.extrapolated(X).mean() < 0.02


def test_labels_by_name(pairs):
    X, difference, y = pairs
    frame = pd.DataFrame(X, columns=FEATURES)
    scale = LabelScale(columns=["LOGG"]).fit(frame, y[:, 1])
    assert_allclose(scale.transform(frame)[:, 1], X[:, 1] + difference[:, 1], rtol=0, atol=0.387 * NOISE[1])
    assert_array_equal(scale.transform(frame)[:, 0], X[:, 0])
    assert list(scale.get_feature_names_out()) == list(FEATURES)
    for columns in (["NOTHING"], [7], [1, 1]):
        with pytest.raises(ValueError, match="columns must name different columns of X"):
            LabelScale(columns=columns).fit(frame, y[:, : len(columns)])


def test_before_a_fitted_model_and_before_one_to_be_fitted(pairs):
    X, _, y = pairs
    scale = LabelScale().fit(X, y)
    model = load_model("mass")
    assert_array_equal(make_pipeline(scale, model).predict(X), model.predict(scale.transform(X)))
    mass = 1.0 + 0.1 * (X[:, 1] - 2)
    network = MassRegressor(n_restarts=1, max_iter=20, random_state=0)
    fitted = make_pipeline(FrozenEstimator(scale), network).fit(X, mass)
    expected = MassRegressor(n_restarts=1, max_iter=20, random_state=0).fit(scale.transform(X), mass)
    assert_allclose(fitted.predict(X), expected.predict(scale.transform(X)))


def test_files_are_read_without_running_them(pairs, tmp_path):
    X, _, y = pairs
    scale = LabelScale(degree=2).fit(X, y)
    save_model(scale, tmp_path / "mine.joblib", {"from": "ours", "to": "theirs"})
    again = load_label_scale(tmp_path / "mine.joblib")
    assert_array_equal(again.transform(X), scale.transform(X))
    assert again.card_ == {"from": "ours", "to": "theirs"}
    assert b"label_scale" not in pickle.dumps(scale)  # by the name of the class, wherever it lives
    save_model(load_model("mass"), tmp_path / "mass.joblib", {"target": "MASS"})
    with pytest.raises(ValueError, match="must hold a LabelScale; it holds a MassRegressor"):
        load_label_scale(tmp_path / "mass.joblib")
    with pytest.raises(ValueError, match=r"there is no model 'nothing'.*dr16-dwarfs"):
        load_label_scale("nothing")
    scale.coef_ = scale.coef_[:, :3]
    save_model(scale, tmp_path / "damaged.joblib", {})
    with pytest.raises(ValueError, match=r"coef_ must have shape \(3, 7\); received \(3, 3\)"):
        load_label_scale(tmp_path / "damaged.joblib")


@pytest.mark.parametrize("name", list_label_scales())
def test_shipped_scales(name):
    scale, card = load_label_scale(name), read_scales()[name]["card"]
    assert scale.card_ == card
    json.dumps(card)
    assert list(scale.feature_names_in_) == list(FEATURES)
    assert all(entry["n"] > 60 for entry in card["labels"].values())
    assert len(card["citation"]) >= 1


def test_shipped_scales_do_what_was_measured():
    giant, dwarf = np.array([[4300.0, 1.9, -0.1, 0.0, 0.2]]), np.array([[5900.0, 4.2, 0.0, 0.0, 0.0]])
    names = list(FEATURES)
    giant, dwarf = pd.DataFrame(giant, columns=names), pd.DataFrame(dwarf, columns=names)
    moved = load_label_scale("dr16-giants").transform(giant) - giant.to_numpy()
    difference = np.abs(moved - [0.0, 0.0, -0.027, -0.035, 0.0])
    assert (difference < [15.0, 0.03, 0.012, 0.02, 0.03]).all()
    # DR16 gravities of dwarfs are 0.05 dex above those of asteroseismology.
    moved = load_label_scale("dr16-dwarfs").transform(dwarf) - dwarf.to_numpy()
    assert -0.10 < moved[0, 1] < -0.02
    assert not moved[0, [0, 2, 3, 4]].any()
    assert load_label_scale("dr16-dwarfs").extrapolated(giant).all()
    assert load_label_scale("dr12-dwarfs").card_["labels"]["LOGG"]["offset"] < -0.2
