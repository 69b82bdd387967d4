import argparse
import json
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from astropy.table import Table

from skdistmass.cli_train import add_train_arguments
from skdistmass.columns import BITS, FEATURES
from skdistmass.estimators.distance import DistanceRegressor
from skdistmass.estimators.mass import MassRegressor
from skdistmass.estimators.pruning import NoSecondModeWarning
from skdistmass.models import UntrustedModelError, load_model
from skdistmass.simulate import make_survey
from skdistmass.survey.catalog import build_catalog
from skdistmass.survey.clusters import cluster_distances
from skdistmass.training import (
    distance_training_set,
    mass_training_set,
    split_by_star,
    train_distance,
    train_mass,
)
from skdistmass.training.metrics import table_by_log_g, table_of_clusters

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

NETWORK = {"n_restarts": 1, "max_iter": 150, "random_state": 0}
STAR_BAD = 1 << 23


@pytest.fixture(scope="module")
def survey():
    return make_survey(6000, random_state=5)


@pytest.fixture(scope="module")
def stars(survey):
    return survey[0]


@pytest.fixture(scope="module")
def labels(survey):
    """Seismic masses of the giants with 5 % errors."""
    stars, truth = survey
    first = np.unique(np.asarray(stars["APOGEE_ID"]), return_index=True)[1]
    rows = np.sort(first[np.asarray(truth["log_g"])[first] < 3.4])
    mass = np.asarray(truth["mass"])[rows]
    noisy = mass * (1 + 0.05 * np.random.default_rng(0).standard_normal(len(rows)))
    return Table({"APOGEE_ID": stars["APOGEE_ID"][rows], "MASS": noisy, "MASS_ERR": 0.05 * noisy})


@pytest.fixture(scope="module")
def trained(stars):
    return train_distance(stars, estimator=DistanceRegressor(**NETWORK))


@pytest.fixture(scope="module")
def trained_mass(stars, labels):
    return train_mass(stars, labels, estimator=MassRegressor(**NETWORK))


def no_fit(*args, **kwargs):
    raise AssertionError("fitting started")


@pytest.fixture
def never_fitted(monkeypatch):
    """Fail if anything is fitted: errors have to come before."""
    monkeypatch.setattr("skdistmass.estimators.network.NetworkRegressor.fit", no_fit)


def column(stars, name):
    return np.asarray(stars[name], dtype=float)


# The training set of distances


def test_every_cut_is_what_its_name_says(stars):
    training_set = distance_training_set(stars, clusters=False)
    chosen = stars[training_set.rows]
    assert np.all(np.isfinite(training_set.X))
    assert not np.any(np.asarray(chosen["ASPCAPFLAG"]) & STAR_BAD)
    parallax, error = column(chosen, "GAIAEDR3_PARALLAX"), column(chosen, "GAIAEDR3_PARALLAX_ERROR")
    assert np.all(parallax > 0)
    assert np.all(error < 0.15 * parallax)
    assert np.array_equal(training_set.X, np.column_stack([column(chosen, name) for name in FEATURES]))
    counts = [step.n_stars for step in training_set.steps]
    assert counts[0] == len(stars)
    assert counts == sorted(counts, reverse=True)
    assert counts[-1] == len(training_set) == len(set(training_set.rows.tolist()))


def test_a_wider_cut_keeps_more_and_the_right_ones(stars):
    default = distance_training_set(stars, clusters=False)
    for cut in (
        {"max_parallax_error": 0.3},
        {"max_extinction": 1.0},
        {"min_extinction": -0.1},
        {"drop_star_bad": False},
    ):
        wider = distance_training_set(stars, clusters=False, **cut)
        assert len(wider) > len(default), cut
        assert set(default.rows) < set(wider.rows), cut
    single = distance_training_set(stars, clusters=False, keep_duplicates=False)
    assert len(single) < len(default)
    assert len(set(single.ids.tolist())) == len(single)


def test_magnitudes_errors_and_weights_follow_from_the_distances(stars):
    training_set = distance_training_set(stars, clusters=False)
    chosen = stars[training_set.rows]
    distance = column(chosen, "GAIAEDR3_R_MED_PHOTOGEO")
    extinction = column(chosen, "K") - 5 * np.log10(distance / 10) - training_set.y
    assert np.all((extinction > -1e-6) & (extinction < 0.5))
    half_range = 0.5 * (column(chosen, "GAIAEDR3_R_HI_PHOTOGEO") - column(chosen, "GAIAEDR3_R_LO_PHOTOGEO"))
    expected = np.hypot(2.1714724 * half_range / distance, column(chosen, "K_ERR"))
    assert np.allclose(training_set.y_error, expected)
    assert np.allclose(training_set.sample_weight, 1 / (expected**2 + 0.1**2))


def test_labels_agree_with_the_truth_whatever_the_source(survey):
    stars, truth = survey
    stars = stars.copy()
    stars["MY_DIST"], stars["MY_DIST_ERR"] = (
        np.asarray(truth["distance"]),
        0.05 * np.asarray(truth["distance"]),
    )
    for source, scatter in (("photogeo", 0.25), ("geo", 0.25), ("edsd", 0.25), ("MY_DIST", 0.06)):
        training_set = distance_training_set(stars, distance_source=source, clusters=False)
        difference = training_set.y - np.asarray(truth["absolute_magnitude_system"])[training_set.rows]
        assert abs(np.median(difference)) < 0.02, source
        assert np.std(difference) < scatter, source
    # An own column needs no Gaia at all.
    bare = stars["APOGEE_ID", "TEFF", "LOGG", "M_H", "C_FE", "N_FE", "K", "AK_WISE", "MY_DIST", "MY_DIST_ERR"]
    own = distance_training_set(bare, distance_source="MY_DIST", max_parallax_error=None)
    assert len(own) > 4000
    assert set(own.source.tolist()) == {"MY_DIST"}


def test_zero_points_are_those_of_the_survey(survey):
    stars, truth = survey
    zero = distance_training_set(stars, distance_source="edsd", zero_point=0.0, clusters=False)
    auto = distance_training_set(stars, distance_source="edsd", clusters=False)
    # Subtracting a zero point Z makes a star fainter by (5 / ln 10) (-Z) / parallax for small errors.
    chosen = stars[zero.rows]
    parallax, error = column(chosen, "GAIAEDR3_PARALLAX"), column(chosen, "GAIAEDR3_PARALLAX_ERROR")
    precise = error < 0.02 * parallax
    used = -(auto.y - zero.y) * parallax * np.log(10) / 5
    true = np.asarray(truth["parallax_zero_point"])[zero.rows]
    assert np.median(used[precise]) == pytest.approx(np.median(true[precise]), abs=0.01)
    bare = stars.copy()
    bare.remove_column("GAIAEDR3_PHOT_G_MEAN_MAG")
    default = distance_training_set(bare, distance_source="edsd", clusters=False)
    used = -(default.y - zero.y) * parallax * np.log(10) / 5
    assert np.median(used[precise]) == pytest.approx(-0.017, abs=0.001)


def test_cluster_members_come_back_with_the_distance_of_their_cluster(stars):
    without = distance_training_set(stars, clusters=False)
    with_clusters = distance_training_set(stars)
    added = with_clusters.source == "cluster"
    assert added.sum() > 10
    assert set(with_clusters.rows) - set(without.rows) == set(with_clusters.rows[added].tolist())
    chosen = stars[with_clusters.rows[added]]
    distance, _ = cluster_distances(np.asarray(chosen["MEMBER"]).astype(str))
    modulus = column(chosen, "K") - with_clusters.y[added]
    extinction = modulus - 5 * np.log10(distance / 10)
    assert np.all((extinction >= -1e-6) & (extinction < 0.5))
    fraction = with_clusters.y_error[added] / 2.1714724
    assert np.all((fraction >= 0.07) & (fraction < 0.11))
    assert with_clusters.steps[-1].n_stars == len(with_clusters) == len(without) + added.sum()

    own = Table({"name": ["M13"], "distance": [7100.0], "distance_error": [50.0]})
    of_one = distance_training_set(stars, clusters=own)
    back = stars[of_one.rows[of_one.source == "cluster"]]
    assert set(np.asarray(back["MEMBER"]).astype(str).tolist()) <= {"M13"}


def test_steps_can_be_printed(stars):
    text = str(distance_training_set(stars))
    assert "6000  rows of the table" in text
    assert "parallax error < 15 %" in text
    assert "cluster members that the parallax cut removed" in text


# Bad input, before any fit


def test_no_gaia_columns(stars, never_fitted):
    bare = stars.copy()
    bare.remove_columns([name for name in stars.colnames if name.startswith("GAIAEDR3")])
    with pytest.raises(ValueError, match="labelled with Gaia") as error:
        train_distance(bare)
    assert "GAIAEDR3_PARALLAX [mas]" in str(error.value)
    assert "GAIAEDR3_R_MED_PHOTOGEO [pc]" in str(error.value)


@pytest.mark.parametrize("value", [np.nan, -0.5])
def test_no_positive_parallax(stars, value, never_fitted):
    spoilt = stars.copy()
    spoilt["GAIAEDR3_PARALLAX"] = value
    with pytest.raises(
        ValueError, match=r"`GAIAEDR3_PARALLAX` \[mas\] has no positive value: of the \d+ usable"
    ):
        train_distance(spoilt)


def test_errors_of_zero_or_below(stars, labels, never_fitted):
    spoilt = stars.copy()
    spoilt["GAIAEDR3_PARALLAX_ERROR"][:] = 0.0
    with pytest.raises(
        ValueError, match=r"`GAIAEDR3_PARALLAX_ERROR` \[mas\] must be positive; \d+ of \d+ .*first: row"
    ):
        train_distance(spoilt)
    spoilt = stars.copy()
    spoilt["GAIAEDR3_R_HI_PHOTOGEO"] = spoilt["GAIAEDR3_R_LO_PHOTOGEO"]
    with pytest.raises(ValueError, match="error of the photogeo distance must be positive"):
        train_distance(spoilt)
    for value in (0.0, -0.1):
        wrong = labels.copy()
        wrong["MASS_ERR"][7] = value
        with pytest.raises(ValueError, match=rf"`MASS_ERR` must be positive; 1 of .*row 7, 2M\S+, {value:g}"):
            train_mass(stars, wrong)


def test_identifiers_that_do_not_match(stars, labels, never_fitted):
    other = labels.copy()
    other["APOGEE_ID"] = [f"KIC{i:08d}" for i in range(len(other))]
    with pytest.raises(ValueError, match=r"0 of \d+ labels match one of 6000 stars .*'2M.*'KIC0000"):
        train_mass(stars, other)


def test_too_few_stars(stars, labels, never_fitted):
    with pytest.raises(
        ValueError, match=r"(?s)stars are left to train on; at least 100 are needed.*rows of the table"
    ):
        train_distance(stars[:60])
    with pytest.raises(ValueError, match=r"(?s)at least 100 are needed.*with one of the 50 labels"):
        train_mass(stars, labels[:50])
    with pytest.raises(ValueError, match="at least 100000 are needed"):
        distance_training_set(stars, min_stars=100_000)


def test_constant_columns(stars, labels, never_fitted):
    constant = stars.copy()
    constant["C_FE"] = 0.1
    with pytest.raises(ValueError, match=r"`C_FE` \[dex\] is 0.1 for all \d+ training stars"):
        train_distance(constant)
    one_mass = labels.copy()
    one_mass["MASS"], one_mass["MASS_ERR"] = 1.2, 0.05
    with pytest.raises(ValueError, match=r"the mass \[Msun\] is 1.2 for all"):
        train_mass(stars, one_mass)


def test_kiloparsecs_for_parsecs(survey, never_fitted):
    stars, truth = survey
    spoilt = stars.copy()
    for part in ("MED", "LO", "HI"):
        spoilt[f"GAIAEDR3_R_{part}_PHOTOGEO"] = np.asarray(stars[f"GAIAEDR3_R_{part}_PHOTOGEO"]) / 1000
    with pytest.raises(ValueError, match=r"photogeo distance must be in pc.*looks like distances in kpc"):
        train_distance(spoilt)
    spoilt["D"], spoilt["D_ERR"] = np.asarray(truth["distance"]) / 1000, 0.01
    without = spoilt.copy()
    without.remove_columns([name for name in stars.colnames if name.startswith("GAIAEDR3")])
    with pytest.raises(ValueError, match=r"column `D` \[pc\] gives absolute Ks magnitudes .* kpc"):
        train_distance(without, distance_source="D", max_parallax_error=None)
    with pytest.raises(ValueError, match="needs one of errors"):
        train_distance(spoilt, distance_source="SNR")
    own = Table({"name": ["M13"], "distance": [7.1]})
    with pytest.raises(ValueError, match="looks like kpc"):
        train_distance(stars, clusters=own)


@pytest.mark.parametrize("logarithm", [np.log10, np.log])
def test_log_masses_for_masses(stars, labels, logarithm, never_fitted):
    wrong = labels.copy()
    wrong["MASS"] = logarithm(np.asarray(labels["MASS"]))
    with pytest.raises(ValueError, match=r"`MASS` \[Msun\] must hold masses.*looks like the logarithm"):
        train_mass(stars, wrong)


def test_other_wrong_labels(stars, labels, never_fitted):
    grams = labels.copy()
    grams["MASS"] = np.asarray(labels["MASS"]) * 1.989e33
    with pytest.raises(ValueError, match="must hold masses in solar masses; their median is"):
        train_mass(stars, grams)
    per_cent = labels.copy()
    per_cent["MASS_ERR"] = 5.0
    with pytest.raises(ValueError, match="looks like per cent"):
        train_mass(stars, per_cent)
    with pytest.raises(ValueError, match="labels are needed"):
        train_mass(stars)
    with pytest.raises(ValueError, match="needs one of errors: there is none of MASS_ERR"):
        train_mass(stars, labels["APOGEE_ID", "MASS"])
    with pytest.raises(ValueError, match="MASS_APOKASC3"):
        train_mass(stars, labels, mass_column="MASS_APOKASC3", error_column="MASS_ERR")


def test_arguments_that_do_not_fit(stars, labels, never_fitted):
    with pytest.raises(ValueError, match="estimator has to be a DistanceRegressor; received a MassRegressor"):
        train_distance(stars, estimator=MassRegressor())
    with pytest.raises(ValueError, match="split has to be three positive shares"):
        train_distance(stars, split=(0.8, 0.2, 0.0))
    training_set = distance_training_set(stars)
    with pytest.raises(ValueError, match="a mass model needs mass labels"):
        train_mass(training_set)
    with pytest.raises(ValueError, match="max_extinction cannot be given with a TrainingSet"):
        train_distance(training_set, max_extinction=0.3)


# The training set of masses


def test_masses_are_joined_by_identifier_in_any_order(stars, labels):
    mixed = labels[np.random.default_rng(1).permutation(len(labels))]
    training_set = mass_training_set(stars, mixed)
    ids = np.asarray(labels["APOGEE_ID"]).astype(str)
    of_star = dict(zip(ids.tolist(), np.asarray(labels["MASS"]).tolist(), strict=True))
    assert all(
        of_star[name] == mass for name, mass in zip(training_set.ids.tolist(), training_set.y, strict=True)
    )
    assert np.allclose(training_set.sample_weight, 1 / (0.05 * training_set.y) ** 2)
    assert np.array_equal(np.asarray(stars["APOGEE_ID"]).astype(str)[training_set.rows], training_set.ids)


def test_the_best_label_of_a_star_counts_and_its_source_gives_the_bit(stars, labels):
    second = labels.copy()
    second["MASS"] = 2.0 * np.asarray(labels["MASS"])
    second["MASS_ERR"] = np.where(np.arange(len(labels)) % 2, 0.01, 0.09) * np.asarray(second["MASS"])
    both = Table(
        {
            name: np.concatenate([np.asarray(labels[name]), np.asarray(second[name])])
            for name in ("APOGEE_ID", "MASS", "MASS_ERR")
        }
    )
    both["FROM"] = ["APOKASC"] * len(labels) + ["16"] * len(labels)
    training_set = mass_training_set(stars, both, source_column="FROM")
    doubled = training_set.y_error / training_set.y < 0.02
    assert np.array_equal(training_set.source == "BERGER", doubled)
    assert np.array_equal(training_set.source_bits, np.where(doubled, 16, 8))
    assert 0.3 < doubled.mean() < 0.7
    with pytest.raises(ValueError, match="source has to name one of APOKASC"):
        mass_training_set(stars, labels, source="GAIA")


def test_mass_cuts(stars, labels):
    wide = labels.copy()
    wide["MASS_ERR"] = np.where(np.arange(len(labels)) % 3 == 0, 0.2, 0.05) * np.asarray(labels["MASS"])
    default = mass_training_set(stars, wide)
    assert np.all(default.y_error < 0.1 * default.y)
    assert len(mass_training_set(stars, wide, max_mass_error=0.25)) > 1.3 * len(default)
    assert mass_training_set(stars, wide, max_log_g=2.0).X[:, 1].max() <= 2.0
    fractional = labels.copy()
    fractional["MASS_FRAC_ERR"] = 0.05
    fractional.remove_column("MASS_ERR")
    assert np.allclose(
        mass_training_set(stars, fractional).y_error, 0.05 * mass_training_set(stars, labels).y
    )


# Training


def test_split_keeps_a_star_together_and_its_shares(stars):
    ids = np.asarray(stars["APOGEE_ID"]).astype(str)
    part = split_by_star(ids, random_state=3)
    for name, share in (("training", 0.64), ("validation", 0.16), ("test", 0.20)):
        assert np.mean(part == name) == pytest.approx(share, abs=0.01)
    part_of = {}
    assert all(part_of.setdefault(star, p) == p for star, p in zip(ids.tolist(), part.tolist(), strict=True))
    order = np.random.default_rng(0).permutation(len(ids))
    assert np.array_equal(split_by_star(ids[order], random_state=3), part[order])
    assert not np.array_equal(split_by_star(ids, random_state=4), part)


def test_distance_model_is_as_good_as_the_survey_allows(survey, trained):
    truth = survey[1]
    test = trained.test
    single = ~np.asarray(truth["is_binary"])[np.asarray(test["ROW"])]
    magnitude = np.asarray(truth["absolute_magnitude"])[np.asarray(test["ROW"])]
    fraction = 10 ** (0.2 * (magnitude - np.asarray(test["ABS_MAG"]))) - 1
    log_g = np.asarray(test["LOGG"])
    for rows, limit in ((log_g > 2.5, 0.10), (log_g < 2.0, 0.20)):
        assert 1.4826 * np.median(np.abs(fraction[rows & single])) < limit
    assert 0.6 < trained.metrics["all"]["within_1_sigma"] < 0.76
    assert trained.metrics["kept"]["n"] < trained.metrics["all"]["n"] == len(test)


def test_what_is_left_out_of_the_training_looks_like_binaries(survey, trained):
    truth = survey[1]
    rows = trained.training_set.rows
    ratio = np.nan_to_num(np.asarray(truth["mass_ratio"])[rows])
    main_sequence = np.asarray(truth["phase"])[rows] == 1
    pruned, training = trained.part == "pruned", np.isin(trained.part, ["training", "pruned"])
    assert np.all(trained.training_set.X[pruned, 1] >= 3.5)
    assert pruned[training & main_sequence & (ratio > 0.8)].mean() > 0.8
    assert pruned[training & main_sequence & (ratio == 0)].mean() < 0.05
    everything = train_distance(trained.training_set, estimator=DistanceRegressor(**NETWORK), threshold=None)
    assert everything.pruner is None
    assert "kept" not in everything.metrics
    assert not np.any(everything.part == "pruned")


def test_auto_threshold_says_when_there_is_nothing_to_cut(survey):
    single = make_survey(2000, random_state=1, binary_fraction=0.0)[0]
    with pytest.warns(NoSecondModeWarning):
        model = train_distance(single, estimator=DistanceRegressor(**NETWORK), threshold="auto")
    assert json.dumps(model.card)
    assert not np.any(model.part == "pruned")


def test_same_seed_same_model(stars, trained):
    again = train_distance(stars, estimator=DistanceRegressor(**NETWORK))
    assert np.array_equal(np.asarray(again.test["ABS_MAG"]), np.asarray(trained.test["ABS_MAG"]))
    assert again.metrics == trained.metrics


def test_published_protocol(stars):
    network = DistanceRegressor(
        solver="adam", max_iter=5, batch_size=256, learning_rate_init=0.02, random_state=0
    )
    model = train_distance(distance_training_set(stars), estimator=network)
    assert model.metrics["all"]["mad_sigma"] < 0.25
    assert len(model.estimator.loss_curve_) <= 5


def test_mass_model(survey, trained_mass):
    truth = survey[1]
    test = trained_mass.test
    fraction = np.asarray(test["MASS"]) / np.asarray(truth["mass"])[np.asarray(test["ROW"])] - 1
    assert 1.4826 * np.median(np.abs(fraction - np.median(fraction))) < 0.12
    assert abs(np.median(fraction)) < 0.02
    assert test["MASS"].unit == "solMass"
    assert trained_mass.clusters is None
    assert trained_mass.card["training_set"] == {"APOKASC": int(np.sum(trained_mass.part == "training"))}


def test_report_has_what_the_paper_shows(trained, trained_mass):
    text = trained.report()
    for part in (
        "stars  step",
        "parallax error < 15 %",
        "mad_sigma",
        "deviation_p75",
        "log² g",
        "median offset",
        "M13",
    ):
        assert part in text, part
    assert "σ_M/M =" in trained_mass.report()
    meta = trained.clusters.meta
    assert abs(meta["median_offset"]) < 0.1
    assert meta["std_of_offsets"] < 0.2
    assert meta["n_clusters"] == len(trained.clusters) > 10


def test_table_by_log_g_gives_the_quartiles_of_a_known_distribution():
    rng = np.random.default_rng(0)
    log_g = rng.uniform(1.0, 2.0, 40_000)
    fraction = 0.03 + np.where(log_g < 1.5, 0.2, 0.05) * rng.standard_normal(40_000)
    table = table_by_log_g(log_g, fraction)
    assert table["log_g_low"].tolist() == [1.0, 1.5]
    assert np.allclose(table["offset"], 0.03, atol=0.006)
    assert np.allclose(table["mad_sigma"], [0.2, 0.05], rtol=0.03)
    # Quartiles of |x| of a Gaussian: 0.3186 and 1.1503 σ.
    assert np.allclose(table["deviation_p25"], [0.0637, 0.0159], rtol=0.05)
    assert np.allclose(table["deviation_p75"], [0.2301, 0.0575], rtol=0.05)


def test_table_of_clusters_gives_offset_and_scatter():
    class Tenth:
        """Predict magnitudes of stars a tenth nearer than they are."""

        def predict(self, X):
            return X[:, 0] - 5 * np.log10(0.9)

    magnitude = np.array([1.0, 2.0, 3.0, 1.5, 2.5])
    distance = np.array([8000.0] * 3 + [900.0] * 2)
    members = SimpleNamespace(
        X=magnitude[:, None],
        apparent_mag=magnitude + 5 * np.log10(distance / 10) + 0.1,
        extinction=np.full(5, 0.1),
        name=np.array(["M5", "M5", "M5", "M67", "M67"]),
        distance=distance,
        rows=np.arange(5),
    )
    table = table_of_clusters(Tenth(), members, np.array([1, 4]))
    assert table["name"].tolist() == ["M5"]  # two members are not enough
    assert table["n_trained"][0] == 1
    assert table["offset"][0] == pytest.approx(-0.1)
    assert table["scatter"][0] == pytest.approx(0.0, abs=1e-12)


# Files, catalogue, command


def test_a_trained_model_works_in_the_catalogue(stars, trained, trained_mass, tmp_path):
    catalog = build_catalog(stars, distance=trained.estimator, masses=trained_mass.estimator)
    bit = BITS["DISTANCE_TRAINING"][0]
    trained_ids = set(trained.training_set.ids[trained.part == "training"].tolist())
    flagged = (np.asarray(catalog["BITMASK"]) & bit) != 0
    names = np.asarray(stars["APOGEE_ID"]).astype(str)
    assert np.array_equal(flagged, np.isin(names, list(trained_ids)))
    rows = np.asarray(trained.test["ROW"])
    assert np.allclose(catalog["ABS_MAG"][rows], trained.test["ABS_MAG"], atol=1e-4)

    files = trained.save(tmp_path) + trained_mass.save(tmp_path / "mine.joblib")
    assert [path.name for path in files] == [
        *("distance.joblib", "distance-test.ecsv", "distance-card.json"),
        *("mine.joblib", "mine-test.ecsv", "mine-card.json"),
    ]
    settings = {"distance": tmp_path / "distance.joblib", "masses": tmp_path / "mine.joblib"}
    with pytest.raises(UntrustedModelError):
        build_catalog(stars, **settings)
    again = build_catalog(stars, **settings, trusted=True)
    for name in ("DISTANCE", "DISTANCE_ERR", "MASS", "AGE", "BITMASK"):
        assert np.array_equal(catalog[name], again[name], equal_nan=True), name
    assert np.isfinite(catalog["DISTANCE"]).mean() > 0.9
    assert np.isfinite(catalog["LOG_DENSITY_MASS"]).mean() > 0.9


def test_label_set_names_the_columns_of_the_catalogue(stars, labels):
    model = train_mass(stars, labels, label_set="COR_MO", estimator=MassRegressor(**NETWORK))
    catalog = build_catalog(stars, distance=None, masses=model.estimator)
    assert {"MASS_COR_MO", "AGE_COR_MO"} <= set(catalog.colnames)
    assert "MASS" not in catalog.colnames
    with pytest.raises(ValueError, match="label_set has to be one of"):
        train_mass(stars, labels, label_set="MO")


def test_files_can_be_read_again(trained, tmp_path):
    trained.save(tmp_path)
    model = load_model(tmp_path / "distance.joblib", trusted=True)
    card = json.loads((tmp_path / "distance-card.json").read_text(encoding="utf-8"))
    assert model.card_ == card
    assert card["n_training"] + card["n_pruned"] + card["n_validation"] + card["n_test"] == len(
        trained.training_set
    )
    assert card["pruning"]["threshold"] == 0.13
    table = Table.read(tmp_path / "distance-test.ecsv")
    assert table["ABS_MAG"].unit == "mag"
    assert np.allclose(table["ABS_MAG"], model.predict(np.column_stack([table[name] for name in FEATURES])))
    with pytest.raises(FileExistsError, match="exists"):
        trained.save(tmp_path)
    trained.save(tmp_path, overwrite=True)
    with pytest.raises(FileNotFoundError, match="does not exist"):
        trained.save(tmp_path / "no" / "model.joblib")
    assert not list(tmp_path.glob("*.part*"))


def run(*arguments):
    parser = argparse.ArgumentParser()
    add_train_arguments(parser)
    args = parser.parse_args([str(argument) for argument in arguments])
    args.run(args)


@pytest.fixture(scope="module")
def survey_file(stars, tmp_path_factory):
    path = tmp_path_factory.mktemp("survey") / "survey.fits"
    stars.write(path)
    return path


def test_command_trains_a_distance_model(survey_file, tmp_path, capsys):
    out = tmp_path / "d.joblib"
    run(
        "distance",
        survey_file,
        "--out",
        out,
        "--report",
        "--seed",
        2,
        "--max-iter",
        60,
        "--max-extinction",
        0.3,
    )
    printed = capsys.readouterr()
    assert "A_K < 0.3 mag" in printed.out
    assert f"wrote {out}" in printed.out
    assert "train: fitting on" in printed.err
    model = load_model(out, trusted=True)
    assert model.get_params()["random_state"] == 2
    assert model.card_["cuts"]["max_extinction"] == 0.3
    with pytest.raises(FileExistsError):
        run("distance", survey_file, "--out", out)


def test_command_trains_a_mass_model_and_writes_its_report(survey_file, labels, tmp_path, capsys):
    labels.write(tmp_path / "labels.csv")
    report = tmp_path / "report.txt"
    settings = ("--labels", tmp_path / "labels.csv", "--hidden", "6,4", "--max-iter", 60, "--quiet")
    run("mass", survey_file, "-o", tmp_path, "--report", report, *settings)
    printed = capsys.readouterr()
    assert printed.err == ""
    assert "σ_M/M" in report.read_text(encoding="utf-8")
    assert load_model(tmp_path / "mass.joblib", trusted=True).hidden_layer_sizes == (6, 4)


def test_command_line_errors(survey_file, tmp_path, capsys, never_fitted):
    for arguments in (
        ("mass", survey_file, "-o", tmp_path),
        ("distance", survey_file),
        ("distance", survey_file, "-o", tmp_path, "--hidden", "eight"),
        ("distance", survey_file, "-o", tmp_path, "--threshold", "big"),
    ):
        with pytest.raises(SystemExit) as exit_code:
            run(*arguments)
        assert exit_code.value.code == 2
    with pytest.raises(FileNotFoundError):
        run("distance", tmp_path / "none.fits", "-o", tmp_path)
    with pytest.raises(FileNotFoundError):
        run("distance", survey_file, "-o", tmp_path / "no" / "d.joblib")
    assert not list(tmp_path.iterdir())


def test_command_module_is_light():
    code = (
        "import sys, skdistmass.cli_train; "
        "print([m for m in ('numpy', 'astropy', 'sklearn', 'tensorflow') if m in sys.modules])"
    )
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert output.strip() == "[]"
