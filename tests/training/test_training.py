"""The published recipes: split, fit, report, files and command."""

import json
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from astropy.table import Table
from sklearn.model_selection import KFold, cross_val_predict

from skdistmass.cli import main
from skdistmass.columns import BITS, FEATURES
from skdistmass.estimators.age import MassToAge, isochrone_ages
from skdistmass.estimators.distance import DistanceRegressor
from skdistmass.estimators.mass import MassRegressor
from skdistmass.estimators.pruning import NoSecondModeWarning
from skdistmass.models.load import load_model
from skdistmass.physics.statistics import MAD_TO_SIGMA, robust_sigma
from skdistmass.report import describe_model
from skdistmass.simulate import make_survey
from skdistmass.survey.catalog import build_catalog
from skdistmass.survey.duplicates import hash_ids
from skdistmass.training import (
    TrainingSet,
    distance_training_set,
    split_by_star,
    train_age,
    train_distance,
    train_mass,
)
from skdistmass.training.evaluation import table_by_log_g, table_of_clusters
from skdistmass.training.split import star_folds

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

NETWORK = {"n_restarts": 1, "max_iter": 150, "random_state": 0}


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
        assert MAD_TO_SIGMA * np.median(np.abs(fraction[rows & single])) < limit
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


@pytest.mark.slow
def test_published_protocol(stars):
    network = DistanceRegressor(
        solver="adam", max_iter=12, batch_size=256, learning_rate_init=0.02, random_state=0
    )
    model = train_distance(distance_training_set(stars), estimator=network)
    assert model.metrics["all"]["robust_sigma"] < 0.25
    assert len(model.estimator.loss_curve_) <= 12


def test_mass_model(survey, trained_mass):
    truth = survey[1]
    test = trained_mass.test
    fraction = np.asarray(test["MASS"]) / np.asarray(truth["mass"])[np.asarray(test["ROW"])] - 1
    assert robust_sigma(fraction) < 0.12
    assert abs(np.median(fraction)) < 0.02
    assert test["MASS"].unit == "solMass"
    assert trained_mass.clusters is None
    assert trained_mass.card["training_set"] == {"APOKASC": int(np.sum(trained_mass.part == "training"))}


def test_report_has_what_the_paper_shows(trained, trained_mass):
    text = trained.report()
    for part in (
        "stars  step",
        "parallax error < 15 %",
        "robust_sigma",
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
    assert np.allclose(table["robust_sigma"], [0.2, 0.05], rtol=0.03)
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


@pytest.fixture(scope="module")
def own_labels(survey):
    """Absolute magnitudes of giants as a plain data frame, from two sources, with a split of its own."""
    stars, truth = survey
    frame = stars[list(FEATURES)].to_pandas()
    frame["id"] = np.asarray(stars["APOGEE_ID"]).astype(str)
    frame["label"] = np.asarray(truth["absolute_magnitude"]) + 0.1 * np.random.default_rng(0).normal(
        size=len(frame)
    )
    frame["error"] = 0.1
    frame["source"] = np.where(frame.index % 2, "Gaia", "seismic")
    frame["state"] = np.where(frame.LOGG.between(2.3, 2.6), "RC", "RGB")
    frame["test"] = frame.id.isin(np.unique(frame.id)[::5])
    return frame[(frame.LOGG < 3.5) & (frame.label < 4)].dropna().reset_index(drop=True)


@pytest.fixture(scope="module")
def out_of_fold(own_labels):
    training_set = TrainingSet.from_labels(
        own_labels, kind="distance", source_column="source", state_column="state", part_column="test"
    )
    return train_distance(
        training_set,
        estimator=DistanceRegressor(**NETWORK),
        threshold=None,
        calibration="out_of_fold",
        references=lambda model: {"own labels": 0.01 * np.array([-1.0, np.nan, 0.0, 3.0]), "nothing": [0.0]},
        about={"scale": "that of the simulation", "citation": ["Nobody 2020"]},
    )


def test_out_of_fold_errors_are_those_of_cross_validated_predictions(own_labels, out_of_fold):
    """The same fit and calibration written with scikit-learn alone, on the given split."""
    train = own_labels[~own_labels.test].drop_duplicates("id")
    assert len(train) < (~own_labels.test).sum()  # Some stars have several rows.
    unique = TrainingSet.from_labels(own_labels.drop_duplicates("id"), kind="distance", part_column="test")
    found = train_distance(
        unique, estimator=DistanceRegressor(**NETWORK), threshold=None, calibration="out_of_fold"
    ).estimator
    X, y, weight = (
        train[list(FEATURES)].to_numpy(float),
        train.label.to_numpy(),
        1 / train.error.to_numpy() ** 2,
    )
    folds = KFold(5, shuffle=True, random_state=0)
    plain = DistanceRegressor(**NETWORK)
    prediction = cross_val_predict(plain, X, y, cv=folds, params={"sample_weight": weight})
    plain.fit(X, y, sample_weight=weight).calibrate(X, y, prediction=prediction)
    assert all(np.array_equal(a, b) for a, b in zip(found.coefs_, plain.coefs_, strict=True))
    assert found.error_model_ == plain.error_model_
    assert found.error_model_.held_out
    assert np.array_equal(found.training_ids_, np.unique(hash_ids(train.id.to_numpy(str))))
    assert 0.6 < out_of_fold.metrics["all"]["within_1_sigma"] < 0.76


def test_folds_keep_a_star_together():
    ids = np.random.default_rng(0).integers(0, 300, 1000).astype(str)
    seen = np.zeros(len(ids), dtype=int)
    for others, fold in star_folds(ids, random_state=1):
        assert not set(ids[others].tolist()) & set(ids[fold].tolist())
        assert len(others) + len(fold) == len(ids)
        assert 40 < len(np.unique(ids[fold])) < 70
        seen[fold] += 1
    assert np.all(seen == 1)


def test_a_given_split_is_kept_and_metrics_are_by_group(own_labels, out_of_fold):
    assert np.array_equal(out_of_fold.part == "test", own_labels.test)
    metrics, card = out_of_fold.metrics, out_of_fold.card
    test = out_of_fold.test
    for name, column in (("Gaia", "source"), ("seismic", "source"), ("RC", "state"), ("RGB", "state")):
        rows = (own_labels[column] == name)[own_labels.test].to_numpy()
        errors = np.asarray(test["FRACTIONAL_ERROR"])[rows]
        assert metrics[name]["n"] == rows.sum()
        assert metrics[name]["offset"] == pytest.approx(np.median(errors), abs=1e-4)
        assert metrics[name]["std"] == pytest.approx(np.std(errors), abs=1e-4)
    assert {"log g 2.0-2.5", "log g 2.5-3.0"} <= set(metrics)
    assert set(metrics["RC"]) == {"n", "offset", "robust_sigma", "std", "within_1_sigma"}
    assert metrics["own labels"]["n"] == 3
    assert metrics["own labels"]["offset"] == 0.0
    assert card["test_metrics"] == metrics
    assert (card["n_training"], card["n_validation"]) == ((~own_labels.test).sum(), 0)
    assert card["training_set"]["Gaia"] + card["training_set"]["seismic"] == card["n_training"]
    assert card["scale"] == "that of the simulation"
    assert len(card["citation"]) == 2
    assert "out-of-fold" in card["error_model"]
    assert "mad_sigma" not in json.dumps(card)
    assert "own labels" in out_of_fold.report()


def test_out_of_fold_with_a_pruner_and_a_larger_test_part(stars):
    model = train_distance(
        stars, estimator=DistanceRegressor(**NETWORK), calibration="out_of_fold", test_size=0.4
    )
    share = np.mean(model.part == "test")
    assert share == pytest.approx(0.4, abs=0.01)
    assert not np.any(model.part == "validation")
    # Errors are measured on all stars of the training part, pruned ones among them.
    assert model.estimator.error_model_.n_stars == np.count_nonzero(model.part != "test")
    assert 0.6 < model.metrics["all"]["within_1_sigma"] < 0.76


def test_a_model_of_own_labels_describes_itself(out_of_fold):
    text = describe_model("mine", {"card": out_of_fold.card, "sha256": "0"})
    assert "test stars, RC: n" in text
    assert "robust_sigma" in text
    assert "Nobody 2020" in text


def test_relation_of_ages():
    model = train_age("initial", estimator=MassToAge(hidden_layer_sizes=(8,), max_iter=200, random_state=0))
    X, y = isochrone_ages("initial")
    expected = np.percentile(np.abs(model.predict(X) - y), 99)
    assert model.card_["test_metrics"]["residual_p99_dex"] == pytest.approx(expected, abs=1e-5)
    assert model.card_["features"]["MASS"] == "solMass (initial mass)"
    assert model.card_["kind"] == "MassToAge"
    assert model.predict_age([1.0], [0.0]).age == pytest.approx(10.0, rel=0.35)
    with pytest.raises(ValueError, match=r"mass (has to|must) be"):
        train_age("total")
    with pytest.raises(ValueError, match="estimator must be a MassToAge"):
        train_age(estimator=MassRegressor())


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
    again = build_catalog(stars, **settings)
    for name in ("DISTANCE", "DISTANCE_ERR", "MASS", "AGE", "BITMASK"):
        assert np.array_equal(catalog[name], again[name], equal_nan=True), name
    assert np.isfinite(catalog["DISTANCE"]).mean() > 0.9
    assert np.isfinite(catalog["LOG_DENSITY_MASS"]).mean() > 0.9


def test_label_set_names_the_columns_of_the_catalogue(stars, labels):
    model = train_mass(stars, labels, label_set="COR_MO", estimator=MassRegressor(**NETWORK))
    catalog = build_catalog(stars, distance=None, masses=model.estimator)
    assert {"MASS_COR_MO", "AGE_COR_MO"} <= set(catalog.colnames)
    assert "MASS" not in catalog.colnames
    with pytest.raises(ValueError, match="label_set must be one of"):
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
    assert main(["train", *(str(argument) for argument in arguments), "--debug"]) == 0


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
    assert "skdistmass: fitting on" in printed.err
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


def test_command_joins_masses_by_another_identifier(stars, labels, tmp_path, capsys):
    """`train mass --id-column KIC` with labels in lower case, and errors out of fold."""
    names = np.asarray(stars["APOGEE_ID"]).astype(str)
    numbers = dict(zip(np.unique(names).tolist(), range(1, len(names)), strict=False))
    table = stars.copy()
    table["KIC"] = [numbers[name] for name in names.tolist()]
    table.write(tmp_path / "stars.fits")
    own = Table({"mass": labels["MASS"], "mass_err": labels["MASS_ERR"]})
    own["kic"] = [numbers[name] for name in np.asarray(labels["APOGEE_ID"]).astype(str).tolist()]
    own.write(tmp_path / "labels.csv")
    settings = ("--id-column", "KIC", "--calibration", "out_of_fold", "--test-size", 0.3, "--max-iter", 40)
    run("mass", tmp_path / "stars.fits", "-o", tmp_path, "--labels", tmp_path / "labels.csv", *settings)
    assert "robust_sigma" in capsys.readouterr().out
    card = load_model(tmp_path / "mass.joblib", trusted=True).card_
    assert card["calibration"] == "out_of_fold"
    assert card["n_test"] / (card["n_test"] + card["n_training"]) == pytest.approx(0.3, abs=0.02)


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
        "import sys, skdistmass.cli.train; "
        "print([m for m in ('numpy', 'astropy', 'sklearn', 'tensorflow') if m in sys.modules])"
    )
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert output.strip() == "[]"
