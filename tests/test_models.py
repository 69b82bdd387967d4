"""Shipped models: their hashes, cards and content, and the command that shows them."""

import hashlib
import json
import pickletools
import subprocess
import sys
from importlib import resources

import joblib
import numpy as np
import pandas as pd
import pytest
from joblib import numpy_pickle
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

from skdistmass import (
    TrainingDomain,
    list_models,
    load_model,
    load_predictor,
    make_survey,
)
from skdistmass.cli import main
from skdistmass.columns import FEATURES
from skdistmass.estimators.inference import with_feature_names
from skdistmass.estimators.persistence import FORMAT
from skdistmass.models.label_scales import read_scales
from skdistmass.models.load import read_registry
from skdistmass.survey.flags import clean_inputs

REGISTRY = read_registry()
NAMES = sorted(REGISTRY)
SPECTROSCOPIC = [name for name in NAMES if REGISTRY[name]["card"]["kind"] != "MassToAge"]
FOLDER = resources.files("skdistmass.models")


# What ships


def test_the_models_of_the_catalogue_ship():
    assert {"distance", "mass", "age", "age-initial"} <= set(NAMES)
    assert list_models() == NAMES
    shipped = {file.name for file in FOLDER.iterdir() if file.name.endswith(".joblib")}
    assert shipped == {entry["file"] for entry in (*REGISTRY.values(), *read_scales().values())}


@pytest.mark.parametrize("name", NAMES)
def test_hash_is_that_of_the_registry(name):
    content = (FOLDER / REGISTRY[name]["file"]).read_bytes()
    assert hashlib.sha256(content).hexdigest() == REGISTRY[name]["sha256"]
    assert load_model(name).sha256_ == REGISTRY[name]["sha256"]
    assert len(content) < 500_000


@pytest.mark.parametrize("name", NAMES)
def test_card_is_complete(name):
    card = REGISTRY[name]["card"]
    assert load_model(name).card_ == card
    assert type(load_model(name)).__name__ == card["kind"]
    for key in ("target", "target_unit", "domain", "error_model", "made_by", "date"):
        assert card[key], key
    assert {"numpy", "scikit-learn", "scikeras", "keras", "tensorflow", "skdistmass"} <= set(card["versions"])
    assert sum(card["training_set"].values()) > 100
    assert any("Stone-Martinez" in citation for citation in card["citation"])
    assert len(card["citation"]) >= 2
    assert card["test_metrics"]
    json.dumps(card)


@pytest.mark.parametrize("name", SPECTROSCOPIC)
def test_card_of_a_network_of_spectra(name):
    card, model = REGISTRY[name]["card"], load_model(name)
    assert card["features"] == dict(zip(FEATURES, ("K", "dex", "dex", "dex", "dex"), strict=True))
    assert list(card["features"]) == list(FEATURES)
    assert model.n_features_in_ == 5
    assert sum(card["training_set"].values()) == card["n_training"] == model.error_model_.n_stars
    assert list(model.feature_names_in_) == list(FEATURES)
    # A fifth of the stars is the test part.
    assert card["n_test"] / (card["n_test"] + card["n_training"]) == pytest.approx(0.2, abs=0.02)
    assert "scale" in card
    assert model.error_model_.held_out
    metrics = card["test_metrics"]
    assert metrics["all"]["n"] == card["n_test"]
    assert abs(metrics["all"]["offset"]) <= 0.02
    assert 0.03 < metrics["all"]["robust_sigma"] <= 0.12
    assert 0.60 < metrics["all"].get("within_1_sigma", metrics.get("within_1_sigma")) < 0.76
    for low, high in card["feature_ranges"].values():
        assert low < high
    assert np.mean(next(zip(*card["feature_ranges"].values(), strict=True))) < 1e4


def test_card_names_the_errors_that_the_package_promises():
    mass = REGISTRY["mass"]["card"]["test_metrics"]["all"]
    assert mass["robust_sigma"] <= 0.077
    assert mass["std"] <= 0.135
    published = REGISTRY["mass"]["card"]["test_metrics"]["APOKASC-3"]
    assert published["robust_sigma"] <= 0.067
    assert published["std"] <= 0.090
    assert abs(published["offset"]) <= 0.01
    distance = REGISTRY["distance"]["card"]["test_metrics"]
    assert distance["RGB against R_MED_PHOTOGEO"]["robust_sigma"] <= 0.075
    assert distance["giants against DIST_MIGLIO"]["robust_sigma"] <= 0.052
    for reference in ("RGB against R_MED_PHOTOGEO", "giants against DIST_MIGLIO"):
        assert abs(distance[reference]["offset"]) <= 0.02


@pytest.mark.parametrize("name", SPECTROSCOPIC)
def test_center_of_the_training_is_inside_the_domain(name):
    model = load_model(name)
    assert isinstance(model.domain_, TrainingDomain)
    assert_allclose(model.domain_.center_, model.scaler_mean_, rtol=1.0)
    middle = (
        model.domain_.means_[np.argmax(model.domain_.log_weights_)] * model.domain_.scale_
        + model.domain_.center_
    )
    assert model.domain_.contains([middle])[0]
    assert model.training_ids_.dtype == np.uint64
    assert (
        len(np.unique(model.training_ids_))
        == len(model.training_ids_)
        <= REGISTRY[name]["card"]["n_training"] + REGISTRY[name]["card"]["n_test"] * ("refit" in model.card_)
    )


@pytest.mark.parametrize("name", NAMES)
def test_card_in_the_file_is_that_of_the_registry(name):
    model = joblib.load(str(FOLDER / REGISTRY[name]["file"]))
    assert type(model).__name__ == REGISTRY[name]["card"]["kind"]
    assert model.card_ == load_predictor(name).card_ == REGISTRY[name]["card"]


@pytest.mark.parametrize("name", NAMES)
def test_joblib_gives_the_working_estimator(name):
    model, loaded = joblib.load(str(FOLDER / REGISTRY[name]["file"])), load_model(name)
    X = model.scaler_mean_ + model.scaler_scale_ * np.linspace(-1, 1, 7)[:, None]
    for found, expected in zip(model.predict(X, True), loaded.predict(X, True), strict=True):
        assert_array_equal(found, expected)
    assert clone(model).get_params() == loaded.get_params()


@pytest.mark.parametrize("name", NAMES)
def test_pickle_refers_to_arrays_builtins_and_one_function(name, monkeypatch):
    found = set()
    find_class = numpy_pickle.NumpyUnpickler.find_class

    def record(unpickler, module, attribute):
        found.add((module, attribute))
        return find_class(unpickler, module, attribute)

    monkeypatch.setattr(numpy_pickle.NumpyUnpickler, "find_class", record)
    joblib.load(str(FOLDER / REGISTRY[name]["file"]))
    assert {attribute for module, attribute in found if module.startswith("joblib")} <= {"NumpyArrayWrapper"}
    numpy_names = {attribute for module, attribute in found if module.startswith("numpy")}
    assert numpy_names <= {"dtype", "ndarray", "scalar", "_reconstruct", "_frombuffer"}
    others = {names for names in found if names[0].split(".")[0] not in ("numpy", "joblib")}
    assert others == {("skdistmass.estimators.persistence", "rebuild")}


def test_first_bytes_are_a_plain_pickle():
    # An independent look with pickletools: up to the first array every opcode can be read.
    content = (FOLDER / REGISTRY["mass"]["file"]).read_bytes()
    found = []
    try:
        for opcode, argument, _ in pickletools.genops(content):
            if argument is not None and opcode.name not in ("FRAME", "MEMOIZE"):
                found.append(argument)
    except (ValueError, KeyError):
        pass  # raw bytes of an array follow
    # Protocol 4, which every supported Python reads, the function, the format and the class.
    assert found[:5] == [4, "skdistmass.estimators.persistence", "rebuild", FORMAT, "MassRegressor"]


def test_all_models_load_without_tensorflow():
    code = (
        "import sys, skdistmass\n"
        "for name in skdistmass.list_models():\n"
        "    model = skdistmass.load_model(name)\n"
        "    model.predict([[4800.0, 2.5, 0.0, 0.0, 0.1][: model.n_features_in_]])\n"
        "assert not {'tensorflow', 'keras', 'scikeras'} & set(sys.modules)\n"
    )
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("name", NAMES)
def test_keras_agrees_with_shipped_networks(name):
    model = load_model(name)
    rng = np.random.default_rng(0)
    X = model.scaler_mean_ + model.scaler_scale_ * rng.normal(size=(200, model.n_features_in_))
    predicted = model.predict(X)
    expected = model.pipeline_.predict(with_feature_names(model, X))
    if model.__dict__.get("target") == "log_mass":
        predicted = np.log(predicted)
    assert_allclose(predicted, expected, atol=1e-6)


@pytest.mark.parametrize("name", SPECTROSCOPIC)
def test_columns_in_another_order_are_refused_and_arrays_are_welcome(name):
    X = pd.DataFrame([[4800.0, 2.5, 0.0, 0.0, 0.1]], columns=FEATURES)
    for model in (load_model(name), load_predictor(name)):
        expected = model.predict(X)
        assert_array_equal(model.predict(X.to_numpy()), expected)
        assert_array_equal(model.predict(X.to_numpy().tolist()), expected)
        with pytest.raises(ValueError, match=r"feature names should match|must have the columns"):
            model.predict(X[list(FEATURES[::-1])])


@pytest.mark.parametrize("name", ["distance", "mass"])
def test_anchored_models_know_dwarfs_and_luminous_giants(name):
    model, (stars, truth) = load_model(name), make_survey(4000, random_state=77)
    inputs = clean_inputs(stars)
    good = inputs.usable & (np.asarray(stars["ASPCAPFLAG"]) & (1 << 23) == 0)
    single = good & ~(np.asarray(truth["is_binary"]) & (np.asarray(truth["phase"]) == 1))
    held = model.domain_.contains(inputs.features[good]) | model.anchored_domain_.contains(
        inputs.features[good]
    )
    assert held.mean() > 0.97
    # Seismic masses of Kepler subgiants, which hold the model there, are 5 % above those of isochrones.
    subgiants = 0.08 if name == "mass" else 0.05
    for low, high, offset in ((4.2, 5.5, 0.02), (3.5, 4.2, subgiants), (-1.0, 1.5, 0.04)):
        rows = single & (inputs.features[:, 1] > low) & (inputs.features[:, 1] < high)
        found = model.predict(inputs.features[rows])
        if name == "mass":
            error = found / np.asarray(truth["mass"])[rows] - 1
        else:
            error = 10 ** (0.2 * (np.asarray(truth["absolute_magnitude_system"])[rows] - found)) - 1
        assert abs(np.median(error)) < offset


# The command


@pytest.mark.parametrize("name", NAMES)
def test_command_shows_the_card(name, capsys):
    assert main(["models", name]) == 0
    text, card = capsys.readouterr().out, REGISTRY[name]["card"]
    assert REGISTRY[name]["sha256"] in text
    for value in (
        card["kind"],
        card["target_unit"],
        card["domain"],
        card["error_model"],
        *card["citation"],
        *card["features"],
    ):
        assert value in text
    for source, number in card["training_set"].items():
        assert f"{number} {source}" in text
    for metric in card["test_metrics"]:
        assert metric in text


def test_command_lists_the_models(capsys):
    assert main(["models"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == NAMES
    assert main(["models", "unknown"]) == 1
    assert "there is no shipped model 'unknown'" in capsys.readouterr().err
