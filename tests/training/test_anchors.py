"""Anchors: simulated stars in the fits, and nowhere else; the last fit on all stars."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skdistmass.columns import FEATURES
from skdistmass.estimators.distance import DistanceRegressor
from skdistmass.estimators.domain import TrainingDomain
from skdistmass.estimators.mass import MassRegressor
from skdistmass.models.load import load_model, load_predictor
from skdistmass.physics.statistics import robust_sigma
from skdistmass.simulate import make_survey
from skdistmass.survey.duplicates import hash_ids
from skdistmass.training import (
    TrainingSet,
    add_anchors,
    anchor_table,
    distance_training_set,
    mass_training_set,
    train_distance,
    train_mass,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

NETWORK = {"n_restarts": 1, "max_iter": 150, "random_state": 0, "activation": "tanh"}
STAR_BAD = 1 << 23


@pytest.fixture(scope="module")
def simulation():
    return make_survey(6000, random_state=11)


@pytest.fixture(scope="module")
def candidates(simulation):
    return anchor_table(*simulation, free_abundances=0.0)


@pytest.fixture(scope="module")
def giants(stars):
    """Real stars that know nothing of dwarfs."""
    everything = distance_training_set(stars, clusters=False)
    rows = everything.X[:, 1] < 3.5
    chosen = {name: getattr(everything, name)[rows] for name in ("X", "y", "y_error", "sample_weight")}
    return TrainingSet(
        kind="distance",
        **chosen,
        ids=everything.ids[rows],
        rows=everything.rows[rows],
        source=everything.source[rows],
        steps=everything.steps,
    )


@pytest.fixture(scope="module")
def anchored(giants, candidates):
    return add_anchors(giants, candidates, width=0.2, border=2.0)


@pytest.fixture(scope="module")
def model(anchored):
    return train_distance(
        anchored,
        estimator=DistanceRegressor(hidden_layer_sizes=(12,), **NETWORK),
        threshold=None,
        calibration="out_of_fold",
    )


def test_candidates_are_single_stars_with_good_spectra_and_their_truth(simulation, candidates):
    stars, truth = simulation
    seen = {tuple(row): k for k, row in enumerate(np.column_stack([stars[name] for name in FEATURES]))}
    rows = np.array([seen[tuple(row)] for row in np.column_stack([candidates[name] for name in FEATURES])])
    assert not np.asarray(truth["is_binary"])[rows].any()
    assert not (np.asarray(stars["ASPCAPFLAG"])[rows] & STAR_BAD).any()
    assert_allclose(candidates["mass"], np.asarray(truth["mass"])[rows])
    assert_allclose(candidates["absolute_magnitude"], np.asarray(truth["absolute_magnitude"])[rows])
    assert len(np.unique(np.asarray(stars["APOGEE_ID"])[rows])) == len(rows)


def test_carbon_and_nitrogen_at_large_touch_metal_poor_stars_alone(simulation, candidates):
    free = anchor_table(*simulation, free_abundances=1.0)
    poor = np.asarray(candidates["M_H"]) < -0.6
    for name in ("C_FE", "N_FE"):
        assert_array_equal(free[name][~poor], candidates[name][~poor])
        assert np.std(free[name][poor]) > 2 * np.std(candidates[name][poor])
    assert_array_equal(free["LOGG"], candidates["LOGG"])


def test_anchors_are_where_the_tenth_real_star_is_far(anchored):
    chosen = anchored.anchors.rows(anchored.X)
    scale = np.array([150.0, 0.15, 0.15, 0.10, 0.15])
    rng = np.random.default_rng(0)
    for k in rng.choice(len(anchored.anchors), 50, replace=False):
        difference = (anchored.X - anchored.anchors.X[k]) / scale
        tenth = np.sort(np.sqrt((difference**2).sum(axis=1)))[9]
        assert (k in chosen) == (tenth > 2.0)
    X, y, weight = anchored.fit_rows(np.arange(len(anchored)))
    assert_array_equal(X[: len(anchored)], anchored.X)
    assert_allclose(weight[len(anchored) :], 1 / 0.2**2)
    assert len(X) == len(y) == len(anchored) + len(chosen)


def test_fewer_real_stars_have_more_anchors(anchored):
    half = anchored.anchors.rows(anchored.X[::2])
    assert set(anchored.anchors.rows(anchored.X)) < set(half)


def test_anchors_hold_dwarfs_that_real_giants_know_nothing_of(giants, model, survey):
    stars, truth = survey
    X = np.column_stack([np.asarray(stars[name], dtype=float) for name in FEATURES])
    rows = np.isfinite(X).all(axis=1) & (np.asarray(truth["log_g"]) > 4.2) & ~np.asarray(truth["is_binary"])
    rows &= (np.asarray(stars["ASPCAPFLAG"]) & STAR_BAD) == 0
    magnitude = np.asarray(truth["absolute_magnitude"])[rows]
    without = train_distance(
        giants,
        estimator=DistanceRegressor(hidden_layer_sizes=(12,), **NETWORK),
        threshold=None,
        calibration="out_of_fold",
    )
    error, before = (
        10 ** (0.2 * (magnitude - found.estimator.predict(X[rows]))) - 1 for found in (model, without)
    )
    assert abs(np.median(error)) < 0.05
    assert robust_sigma(error) < 0.10
    assert np.median(np.abs(before)) > 5 * np.median(np.abs(error))


def test_anchors_enter_neither_test_nor_errors_nor_identifiers(anchored, giants, model):
    assert len(model.test) + (model.part == "training").sum() == len(giants)
    assert model.estimator.error_model_.n_stars == (model.part == "training").sum()
    known = np.unique(hash_ids(giants.ids[model.part == "training"]))
    assert_array_equal(model.estimator.training_ids_, known)
    assert model.card["n_training"] == (model.part == "training").sum()
    used = anchored.anchors.rows(anchored.X[model.part == "training"])
    assert model.card["anchors"]["n"] == len(used)


def test_two_domains(anchored, model):
    dwarfs = anchored.anchors.X[anchored.anchors.X[:, 1] > 4.3]
    assert isinstance(model.estimator.anchored_domain_, TrainingDomain)
    assert model.estimator.domain_.contains(anchored.X).mean() > 0.97
    assert model.estimator.domain_.contains(dwarfs).mean() < 0.02
    assert model.estimator.anchored_domain_.contains(dwarfs).mean() > 0.95
    assert not model.estimator.anchored_domain_.contains(dwarfs + np.array([0, 2.0, 0, 0, 0])).any()


def test_the_file_keeps_both_domains(model, tmp_path):
    model.save(tmp_path / "distance.joblib")
    X = model.training_set.X[:50]
    again = load_model(tmp_path / "distance.joblib")
    assert_array_equal(again.anchored_domain_.contains(X), model.estimator.anchored_domain_.contains(X))
    predictor = load_predictor(tmp_path / "distance.joblib")
    for name in ("domain_", "anchored_domain_"):
        found, expected = getattr(predictor, name), getattr(again, name)
        assert_array_equal(found.density_checked(X), expected.score_samples(X))
        assert found.offset_ == expected.offset_
    assert_array_equal(predictor.predict(X), again.predict(X))


def test_masses_have_fractional_widths(stars, labels, candidates):
    real = mass_training_set(stars[np.isin(stars["APOGEE_ID"], labels["APOGEE_ID"])], labels)
    anchored = add_anchors(real, candidates, width=0.3, border=3.0, max_anchors=400)
    _, y, weight = anchored.fit_rows(np.arange(len(real)))
    assert len(y) == len(real) + 400
    assert_allclose(weight[len(real) :], 1 / (0.3 * y[len(real) :]) ** 2)
    result = train_mass(anchored, estimator=MassRegressor(**NETWORK), calibration="out_of_fold")
    dwarfs = candidates[np.asarray(candidates["LOGG"]) > 4.2]
    found = result.estimator.predict(np.column_stack([dwarfs[name] for name in FEATURES]))
    assert abs(np.median(found / np.asarray(dwarfs["mass"]) - 1)) < 0.1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"width": 0.0}, "width must be positive"),
        ({"border": -1.0}, "border must be positive"),
        ({"scales": (1.0, 2.0)}, "scales must be 5 positive numbers"),
    ],
)
def test_settings_of_anchors(giants, candidates, settings, message):
    with pytest.raises(ValueError, match=message):
        add_anchors(giants, candidates, **settings)


def test_tables_of_anchors(giants, candidates, simulation):
    broken = candidates.copy()
    broken["LOGG"][3] = np.nan
    with pytest.raises(ValueError, match=r"`LOGG` of the anchors must be finite; 1 of .*first: row 3"):
        add_anchors(giants, broken)
    broken.remove_column("absolute_magnitude")
    broken["LOGG"][3] = 2.0
    with pytest.raises(ValueError, match="anchors need the column `absolute_magnitude`"):
        add_anchors(giants, broken)
    with pytest.raises(ValueError, match="the same rows; received 6000 and 5999"):
        anchor_table(simulation[0], simulation[1][1:])
    with pytest.raises(ValueError, match="free_abundances must be a share"):
        anchor_table(*simulation, free_abundances=1.5)


def test_refit_takes_all_stars_and_keeps_what_was_measured(giants):
    settings = {"threshold": None, "calibration": "out_of_fold"}
    network = DistanceRegressor(**NETWORK)
    before = train_distance(giants, estimator=network, **settings)
    after = train_distance(giants, estimator=network, refit=True, **settings)
    assert_array_equal(after.measured.predict(giants.X), before.estimator.predict(giants.X))
    assert after.metrics == before.metrics
    assert after.estimator.error_model_ == before.estimator.error_model_
    expected = DistanceRegressor(**NETWORK).fit(giants.X, giants.y, sample_weight=giants.sample_weight)
    assert_array_equal(after.estimator.predict(giants.X), expected.predict(giants.X))
    assert_array_equal(after.estimator.training_ids_, np.unique(hash_ids(giants.ids)))
    assert "all" in after.card["refit"]
    assert "refit" not in before.card
    assert before.measured is None


def test_in_two_parts_dwarfs_are_held_and_the_card_tells_it(giants, candidates):
    network = DistanceRegressor(hidden_layer_sizes=(8,), **NETWORK)
    corrected = add_anchors(giants, candidates, border=2.0, correction=(6,))
    model = train_distance(corrected, estimator=network, where="all").estimator
    assert model.hidden_layer_sizes == (14,)
    assert model.card_["anchors"]["correction"] == [6]
    assert model.card_["n_pruned"] > 0
    inputs = np.column_stack([candidates[name] for name in FEATURES])
    dwarfs = inputs[:, 1] > 4.2
    error = model.predict(inputs[dwarfs]) - np.asarray(candidates["absolute_magnitude"])[dwarfs]
    assert abs(np.median(error)) < 0.1
