"""The published recipes: split, fit, report, files and command."""

import argparse
import json
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from astropy.table import Table

from skdistmass.cli.train import add_train_arguments
from skdistmass.columns import BITS, FEATURES
from skdistmass.estimators.distance import DistanceRegressor
from skdistmass.estimators.mass import MassRegressor
from skdistmass.estimators.pruning import NoSecondModeWarning
from skdistmass.models.load import UntrustedModelError, load_model
from skdistmass.simulate import make_survey
from skdistmass.survey.catalog import build_catalog
from skdistmass.training import (
    distance_training_set,
    split_by_star,
    train_distance,
    train_mass,
)
from skdistmass.training.evaluation import table_by_log_g, table_of_clusters

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
        solver="adam", max_iter=8, batch_size=256, learning_rate_init=0.02, random_state=0
    )
    model = train_distance(distance_training_set(stars), estimator=network)
    assert model.metrics["all"]["mad_sigma"] < 0.25
    assert len(model.estimator.loss_curve_) <= 8


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
        "import sys, skdistmass.cli.train; "
        "print([m for m in ('numpy', 'astropy', 'sklearn', 'tensorflow') if m in sys.modules])"
    )
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert output.strip() == "[]"
