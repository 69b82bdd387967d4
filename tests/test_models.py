"""Shipped models: their hashes, cards and content; and model files of users."""

import hashlib
import json
import pickletools
import subprocess
import sys
from importlib import resources

import joblib
import numpy as np
import pytest
from joblib import numpy_pickle
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from skdistmass import (
    DistanceRegressor,
    MassToAge,
    TrainingDomain,
    list_models,
    load_model,
    load_predictor,
    save_model,
)
from skdistmass.cli import main
from skdistmass.columns import FEATURES
from skdistmass.models.load import UntrustedModelError, read_registry
from skdistmass.models.serialize import to_plain

REGISTRY = read_registry()
NAMES = sorted(REGISTRY)
SPECTROSCOPIC = [name for name in NAMES if REGISTRY[name]["card"]["kind"] != "MassToAge"]
FOLDER = resources.files("skdistmass.models")


@pytest.fixture(scope="module")
def own_model():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 5))
    model = DistanceRegressor(hidden_layer_sizes=(3,), n_restarts=1, max_iter=5, random_state=0).fit(
        X, X[:, 1]
    )
    model.domain_ = TrainingDomain().fit(X)
    return model, X


@pytest.fixture
def own_file(own_model, tmp_path):
    path = tmp_path / "mine.joblib"
    save_model(own_model[0], path, {"kind": "DistanceRegressor", "target": "ABS_MAG"})
    return path


# What ships


def test_the_models_of_the_catalogue_ship():
    assert {"distance", "mass", "age", "age-initial"} <= set(NAMES)
    assert list_models() == NAMES
    shipped = {file.name for file in FOLDER.iterdir() if file.name.endswith(".joblib")}
    assert shipped == {entry["file"] for entry in REGISTRY.values()}


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
    assert mass["robust_sigma"] <= 0.080
    assert mass["std"] <= 0.145
    distance = REGISTRY["distance"]["card"]["test_metrics"]
    assert distance["RGB against R_MED_PHOTOGEO"]["robust_sigma"] <= 0.078
    assert distance["giants against DIST_MIGLIO"]["robust_sigma"] <= 0.055
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
        <= REGISTRY[name]["card"]["n_training"]
    )


@pytest.mark.parametrize("name", NAMES)
def test_pickle_refers_to_arrays_and_builtins_only(name, monkeypatch):
    found = set()
    find_class = numpy_pickle.NumpyUnpickler.find_class

    def record(unpickler, module, attribute):
        found.add((module, attribute))
        return find_class(unpickler, module, attribute)

    monkeypatch.setattr(numpy_pickle.NumpyUnpickler, "find_class", record)
    joblib.load(str(FOLDER / REGISTRY[name]["file"]))
    assert {module.split(".")[0] for module, _ in found} <= {"numpy", "joblib"}
    assert {attribute for module, attribute in found if module.startswith("joblib")} <= {"NumpyArrayWrapper"}
    numpy_names = {attribute for module, attribute in found if module.startswith("numpy")}
    assert numpy_names <= {"dtype", "ndarray", "scalar", "_reconstruct", "_frombuffer"}


def test_first_bytes_are_a_plain_pickle():
    # An independent look with pickletools: up to the first array every opcode can be read.
    content = (FOLDER / REGISTRY["mass"]["file"]).read_bytes()
    strings = []
    try:
        for opcode, argument, _ in pickletools.genops(content):
            if opcode.name in ("SHORT_BINUNICODE", "BINUNICODE"):
                strings.append(argument)
    except (ValueError, KeyError):
        pass  # raw bytes of an array follow
    assert strings[:3] == ["skdistmass class", "MassRegressor", "state"]


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
    expected = model.pipeline_.predict(X)
    predicted = model.predict(X)
    if model.__dict__.get("target") == "log_mass":
        predicted = np.log(predicted)
    assert_allclose(predicted, expected, atol=1e-6)


# Trust


@pytest.mark.parametrize("name", ["distance", "age"])
def test_a_changed_byte_is_refused(name, tmp_path):
    content = bytearray((FOLDER / REGISTRY[name]["file"]).read_bytes())
    copy = tmp_path / "copy.joblib"
    copy.write_bytes(content)
    assert load_model(copy).sha256_ == REGISTRY[name]["sha256"]
    content[len(content) // 2] ^= 1
    copy.write_bytes(content)
    with pytest.raises(
        UntrustedModelError, match=r"copy.joblib is not one of the shipped models \(SHA-256 [0-9a-f]{64}\)"
    ):
        load_model(copy)
    with pytest.raises(UntrustedModelError, match=r"copy.joblib is not one of the shipped models"):
        load_predictor(copy)


def test_a_damaged_installation_is_refused(monkeypatch):
    from skdistmass.models import load

    registry = {"mass": REGISTRY["mass"] | {"sha256": "0" * 64}}
    monkeypatch.setattr(load, "read_registry", lambda: registry)
    monkeypatch.setattr(joblib, "load", lambda *_: pytest.fail("unpickled before the hash was checked"))
    for trusted in (False, True):
        with pytest.raises(UntrustedModelError, match=r"shipped model 'mass' is damaged.*Reinstall"):
            load_model("mass", trusted=trusted)


def test_unknown_files_need_trust(own_model, own_file, monkeypatch):
    model, X = own_model
    trusted = load_model(own_file, trusted=True)
    assert_array_equal(trusted.predict(X), model.predict(X))
    assert_array_equal(trusted.domain_.predict(X), model.domain_.predict(X))
    assert trusted.card_ == {"kind": "DistanceRegressor", "target": "ABS_MAG"}
    assert trusted.sha256_ == hashlib.sha256(own_file.read_bytes()).hexdigest()
    monkeypatch.setattr(joblib, "load", lambda *_: pytest.fail("unpickled without trust"))
    for path in (own_file, str(own_file)):
        with pytest.raises(UntrustedModelError, match=r"trusted=True \(command line: --trust-models\)"):
            load_model(path)


def test_files_that_are_no_models(tmp_path, own_file):
    with pytest.raises(ValueError, match=r"there is no model 'nothing'.*distance, mass"):
        load_model("nothing")
    with pytest.raises(ValueError, match="there is no model"):
        load_model(tmp_path)
    text = tmp_path / "text.joblib"
    text.write_text("not a pickle")
    with pytest.raises(ValueError, match="cannot be read as a model"):
        load_model(text, trusted=True)
    text.write_bytes(own_file.read_bytes()[:-200])
    with pytest.raises(ValueError, match="cannot be read as a model"):
        load_model(text, trusted=True)
    text.write_bytes(b"")
    with pytest.raises(ValueError, match="cannot be read as a model"):
        load_model(text, trusted=True)
    joblib.dump({"a": 1}, text)
    with pytest.raises(ValueError, match="holds a dict without a card"):
        load_model(text, trusted=True)


def test_save_model(own_model, tmp_path):
    model, _ = own_model
    path = tmp_path / "model.joblib"
    digest = save_model(model, path, {"kind": "DistanceRegressor", "numbers": (1, 2)})
    assert digest == hashlib.sha256(path.read_bytes()).hexdigest()
    assert [file.name for file in tmp_path.iterdir()] == ["model.joblib"]
    # What was loaded can be saved again, and the file is the same.
    assert save_model(load_model(path, trusted=True), tmp_path / "again.joblib", model.card_) == digest
    with pytest.raises(NotFittedError):
        save_model(DistanceRegressor(), tmp_path / "unfitted.joblib", {})
    with pytest.raises(TypeError):
        save_model(model, tmp_path / "bad.joblib", {"array": np.zeros(3)})
    with pytest.raises(OSError, match="missing"):
        save_model(model, tmp_path / "missing" / "model.joblib", {})
    assert sorted(file.name for file in tmp_path.iterdir()) == ["again.joblib", "model.joblib"]


def test_settings_that_a_file_does_not_know_have_their_defaults(own_file):
    stored = joblib.load(own_file)
    del stored["state"]["activation"]
    del stored["state"]["domain_"]["state"]["contamination"]
    joblib.dump(stored, own_file)
    model = load_model(own_file, trusted=True)
    assert (model.activation, model.domain_.contamination) == ("relu", 0.01)


def test_pickled_estimators_load_too(own_model, tmp_path):
    class Own(DistanceRegressor):
        pass

    model, X = own_model
    model = clone(model).fit(X, X[:, 1])
    model.card_ = {"kind": "DistanceRegressor"}
    joblib.dump(model, tmp_path / "pickled.joblib")
    again = load_model(tmp_path / "pickled.joblib", trusted=True)
    assert_array_equal(again.predict(X), model.predict(X))
    with pytest.raises(
        ValueError, match=r"pickled.joblib does not hold the arrays of a network.* use load_model"
    ):
        load_predictor(tmp_path / "pickled.joblib", trusted=True)
    # What is not of this package stays an object, with its class.
    assert isinstance(to_plain(Own()), Own)


def test_interpolating_model_can_be_saved(tmp_path):
    model = MassToAge.from_isochrones(method="interpolate")
    save_model(model, tmp_path / "table.joblib", {"kind": "MassToAge"})
    again = load_model(tmp_path / "table.joblib", trusted=True)
    assert again.predict_age([1.2], [0.0]).age == model.predict_age([1.2], [0.0]).age
    with pytest.raises(ValueError, match="interpolating MassToAge"):
        load_predictor(tmp_path / "table.joblib", trusted=True)


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
