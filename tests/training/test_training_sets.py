"""The stars and labels that a model is trained on."""

import numpy as np
import pytest
from astropy.table import Table

from skdistmass.columns import FEATURES
from skdistmass.survey.clusters import cluster_distances
from skdistmass.training import (
    TrainingSet,
    distance_training_set,
    mass_training_set,
    train_mass,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

STAR_BAD = 1 << 23


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
    with pytest.raises(ValueError, match="source must name one of APOKASC"):
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


def test_labels_in_lower_case_are_found(stars, labels):
    lower = Table({"apogee_id": labels["APOGEE_ID"], "mass": labels["MASS"], "mass_err": labels["MASS_ERR"]})
    expected, found = mass_training_set(stars, labels), mass_training_set(stars, lower)
    for name in ("X", "y", "y_error", "sample_weight", "ids", "rows"):
        assert np.array_equal(getattr(found, name), getattr(expected, name)), name
    twice = lower.copy()
    twice["Mass"] = lower["mass"]
    with pytest.raises(ValueError, match=r"columns `mass` and `Mass` both stand for MASS"):
        mass_training_set(stars, twice)


def test_units_of_labels_are_converted_and_msun_without(stars, labels):
    expected = mass_training_set(stars, labels)
    kilograms = labels.copy()
    for name in ("MASS", "MASS_ERR"):
        kilograms[name] = np.asarray(labels[name]) * 1.98841e30
        kilograms[name].unit = "kg"
    found = mass_training_set(stars, kilograms)
    assert np.allclose(found.y, expected.y, rtol=1e-4)
    assert np.allclose(found.y_error, expected.y_error, rtol=1e-4)
    metres = labels.copy()
    metres["MASS"].unit = "m"
    with pytest.raises(ValueError, match="column `MASS` must have a unit convertible to solMass; it has 'm'"):
        mass_training_set(stars, metres)


def test_masked_labels_are_missing_ones(stars, labels):
    masked = Table(labels, masked=True)
    masked["MASS"].mask[::2] = True
    found = mass_training_set(stars, masked)
    known = set(np.asarray(labels["APOGEE_ID"]).astype(str)[1::2].tolist())
    assert set(found.ids.tolist()) <= known
    assert len(found) > 0.9 * len(mass_training_set(stars, labels[1::2]))


@pytest.mark.parametrize("as_text", [False, True])
def test_join_by_an_identifier_that_the_survey_does_not_define(stars, labels, as_text):
    """Kepler numbers in both tables, one as integers, the other perhaps as text."""
    names = np.asarray(stars["APOGEE_ID"]).astype(str)
    numbers = 757_000 + np.unique(names, return_inverse=True)[1]
    of_star = dict(zip(names.tolist(), numbers.tolist(), strict=True))
    own = labels.copy()
    own["kic"] = [of_star[name] for name in np.asarray(labels["APOGEE_ID"]).astype(str).tolist()]
    if as_text:
        own["kic"] = own["kic"].astype(str)
    own.remove_column("APOGEE_ID")
    with_numbers = stars.copy()
    with_numbers["KIC"] = numbers
    found, expected = mass_training_set(with_numbers, own, id_column="KIC"), mass_training_set(stars, labels)
    assert np.array_equal(found.rows, expected.rows)
    assert np.array_equal(found.y, expected.y)
    assert np.array_equal(found.ids, expected.ids)
    with_numbers.remove_columns(["APOGEE_ID", "APSTAR_ID"])
    assert np.array_equal(
        mass_training_set(with_numbers, own, id_column="KIC").ids, numbers[found.rows].astype(str)
    )
    with pytest.raises(ValueError, match="KIC"):
        mass_training_set(stars, own, id_column="KIC")


# Training sets of labels of one's own


@pytest.fixture
def table(stars, survey):
    """Features, masses, states and a split of giants as a plain data frame."""
    truth = survey[1]
    frame = stars[list(FEATURES)].to_pandas()
    frame["id"] = np.asarray(stars["APOGEE_ID"]).astype(str)
    frame["label"] = np.asarray(truth["mass"])
    frame["error"] = 0.05 * frame.label
    frame["state"] = np.where(frame.LOGG < 2.3, "RGB", "")
    frame["test"] = frame.id.isin(np.unique(frame.id)[::5])
    return frame[frame.LOGG < 3.4].reset_index(drop=True)


def test_from_labels_keeps_what_the_table_says(table):
    found = TrainingSet.from_labels(
        table, kind="mass", source="mine", state_column="state", part_column="test", min_stars=10
    )
    used = table[table[list(FEATURES)].notna().all(axis=1)]
    assert np.array_equal(found.rows, used.index)
    assert np.array_equal(found.X, used[list(FEATURES)].to_numpy(float))
    assert np.array_equal(found.y, used.label)
    assert np.array_equal(found.sample_weight, 1 / used.error.to_numpy() ** 2)
    assert np.array_equal(found.ids, used.id.to_numpy(str))
    assert np.array_equal(found.state, used.state.to_numpy(str))
    assert np.array_equal(found.part == "test", used.test)
    assert set(found.source.tolist()) == {"mine"}
    assert found.steps[0].n_stars == len(table)


def test_from_labels_finds_columns_in_any_case_and_takes_weights(table):
    shuffled = table.rename(columns={"TEFF": "teff", "label": "Mass", "error": "MASS_err", "id": "KIC"})
    shuffled["w"] = np.arange(len(table)) % 3
    names = {"label_column": "MASS", "error_column": "mass_err", "id_column": "kic"}
    found = TrainingSet.from_labels(shuffled, kind="mass", weight_column="W", **names)
    assert np.array_equal(found.y, TrainingSet.from_labels(table, kind="mass").y)
    assert np.array_equal(found.sample_weight, (np.arange(len(table)) % 3)[found.rows])


def test_bits_of_mass_labels_follow_their_source(table):
    table["source"] = np.resize(["APOKASC-3", "Berger+ 2020", "Serenelli", "Miglio+ 2021"], len(table))
    found = TrainingSet.from_labels(table, kind="mass", source_column="source")
    assert np.array_equal(found.source_bits, np.resize([8, 16, 32, 0], len(table))[found.rows])


def test_from_labels_refuses_what_cannot_be_trained_on(table, never_fitted):
    def train(**changed):
        settings = {"kind": "mass"} | changed
        return TrainingSet.from_labels(table, **settings)

    with pytest.raises(ValueError, match="kind must be one of distance, mass; received 'age'"):
        train(kind="age")
    with pytest.raises(ValueError, match="NAME"):
        train(source_column="NAME")
    with pytest.raises(ValueError, match=r"must hold training, validation, test, or booleans.*first: row"):
        train(part_column="state")
    with pytest.raises(ValueError, match=r"(?s)at least 100000 are needed.*with a label and its error"):
        train(min_stars=100_000)
    table["w"] = -1.0
    with pytest.raises(ValueError, match=r"column `w` must hold weights.*first: row 0, -1"):
        train(weight_column="w")
    table["distance"] = 1000.0 + np.arange(len(table))
    with pytest.raises(ValueError, match="labels of a distance model are absolute magnitudes, not distances"):
        train(kind="distance", label_column="distance")
    table["error"] = 5.0
    with pytest.raises(ValueError, match="looks like per cent"):
        train()


def test_a_given_split_has_to_fit_the_calibration(table, never_fitted):
    halves = TrainingSet.from_labels(table, kind="mass", part_column="test")
    with pytest.raises(ValueError, match=r"needs stars of the parts test, training, validation; .* has test"):
        train_mass(halves)
    table["test"] = np.arange(len(table)) % 2 == 0
    table["id"] = np.repeat(np.arange(len(table)), 2)[: len(table)]
    mixed = TrainingSet.from_labels(table, kind="mass", part_column="test")
    with pytest.raises(ValueError, match=r"all rows of a star must be in one part; \d+ of \d+ stars"):
        train_mass(mixed, calibration="out_of_fold")
