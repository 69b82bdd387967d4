"""Shipped models: their hashes, cards and content; and model files of users."""

import copy
import hashlib
import importlib
import json
import pickle
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
from sklearn.exceptions import NotFittedError

from skdistmass import (
    BinaryPruner,
    DistanceRegressor,
    IsochroneDistance,
    MassToAge,
    TrainingDomain,
    list_models,
    load_model,
    load_predictor,
    make_survey,
    save_model,
)
from skdistmass.cli import main
from skdistmass.columns import FEATURES
from skdistmass.estimators.inference import with_feature_names
from skdistmass.estimators.persistence import _HOMES, FORMAT, rebuild
from skdistmass.models import load
from skdistmass.models.label_scales import read_scales
from skdistmass.models.load import UntrustedModelError, read_registry
from skdistmass.survey.flags import clean_inputs

REGISTRY = read_registry()
NAMES = sorted(REGISTRY)
SPECTROSCOPIC = [name for name in NAMES if REGISTRY[name]["card"]["kind"] != "MassToAge"]
FOLDER = resources.files("skdistmass.models")


class Derived(DistanceRegressor):
    """An estimator of a user, who gave it a class of their own."""


@pytest.fixture(scope="module")
def own_model():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 5))
    model = DistanceRegressor(hidden_layer_sizes=(3,), n_restarts=1, max_iter=5, random_state=0).fit(
        X, X[:, 1]
    )
    model.domain_ = TrainingDomain().fit(X)
    return model, X


def as_frame(X):
    return pd.DataFrame(X, columns=list("abcde"))


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


# Trust


def test_a_damaged_installation_is_refused(monkeypatch):
    registry = {"mass": REGISTRY["mass"] | {"sha256": "0" * 64}}
    monkeypatch.setattr(load, "read_registry", lambda: registry)
    monkeypatch.setattr(load, "read_stored", lambda _: pytest.fail("read before the hash was checked"))
    for trusted in (False, True):
        for route in (load_model, load_predictor):
            with pytest.raises(UntrustedModelError, match=r"shipped model 'mass' is damaged.*Reinstall"):
                route("mass", trusted=trusted)


def test_a_model_of_ones_own_needs_no_trust(own_model, own_file):
    model, X = own_model
    for path in (own_file, str(own_file)):
        again = load_model(path)
        assert_array_equal(again.predict(X), model.predict(X))
        assert_array_equal(again.domain_.predict(X), model.domain_.predict(X))
        assert_array_equal(load_predictor(path).predict(X), model.predict(X))
        assert again.card_ == {"kind": "DistanceRegressor", "target": "ABS_MAG"}
        assert again.sha256_ == hashlib.sha256(own_file.read_bytes()).hexdigest()


def test_a_class_of_ones_own_needs_trust(own_model, tmp_path):
    model, X = own_model
    derived = Derived(**model.get_params()).fit(X, X[:, 1])
    path = tmp_path / "derived.joblib"
    save_model(derived, path, {"kind": "Derived"})
    with pytest.raises(
        UntrustedModelError,
        match=r"derived.joblib cannot be read.*names .*test_models.Derived.*can run code.*trusted=True "
        r"\(command line: --trust-models\)",
    ):
        load_model(path)
    again = load_model(path, trusted=True)
    assert type(again) is Derived
    assert_array_equal(again.predict(X), derived.predict(X))
    with pytest.raises(ValueError, match=r"does not hold a network of this package.* use load_model"):
        load_predictor(path, trusted=True)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ValueError, match="cannot be read as a model"):
        load_model(path, trusted=True)


def test_files_that_are_no_models(tmp_path, own_file):
    with pytest.raises(ValueError, match=r"there is no model 'nothing'.*distance, mass"):
        load_model("nothing")
    with pytest.raises(ValueError, match="there is no model"):
        load_model(tmp_path)
    text = tmp_path / "text.joblib"
    for content in (b"not a pickle", own_file.read_bytes()[:-200], b"", b"\x80\x04."):
        text.write_bytes(content)
        for trusted in (False, True):
            with pytest.raises(ValueError, match=r"text.joblib cannot be read as a model"):
                load_model(text, trusted=trusted)
    joblib.dump({"a": 1}, text)
    with pytest.raises(ValueError, match="holds a dict without a card"):
        load_model(text)
    with pytest.raises(ValueError, match="does not hold a network"):
        load_predictor(text)


def outcome_of(route, path):
    """Name the class of what a route gives, or quote the ValueError that it raises."""
    try:
        return type(route(path)).__name__
    except ValueError as error:
        return str(error)


def test_every_truncation_and_changed_byte_is_a_clear_error_or_a_model(own_file):
    content, rng = own_file.read_bytes(), np.random.default_rng(0)
    changed = []
    for at in rng.integers(0, len(content), 150):
        changed += [
            content[:at],
            content[:at] + bytes([content[at] ^ rng.integers(1, 256)]) + content[at + 1 :],
        ]
    for one in changed:
        own_file.write_bytes(one)
        outcome = outcome_of(load_model, own_file)
        assert str(own_file) in outcome or outcome == "DistanceRegressor"


# What a file can hold


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("compress", [0, "zlib", "gzip", "bz2", "lzma", "xz"])
def test_pickles_of_every_protocol_and_compression(own_model, tmp_path, protocol, compress):
    model, X = own_model
    model = clone(model).fit(as_frame(X), X[:, 1])
    model.card_ = {"kind": "DistanceRegressor"}
    joblib.dump(model, tmp_path / "one.joblib", compress=compress and (compress, 3), protocol=protocol)
    (tmp_path / "two.joblib").write_bytes(pickle.dumps(model, protocol))
    for name in ("one.joblib", "two.joblib"):
        again = load_model(tmp_path / name)
        assert_array_equal(again.predict(as_frame(X)), model.predict(as_frame(X)))
        assert_array_equal(load_predictor(tmp_path / name).feature_names_in_, list("abcde"))
        assert again.coefs_[0].flags.writeable


def test_either_name_of_the_core_of_numpy(own_file, own_model):
    model, X = own_model
    content = pickle.dumps(load_model(own_file), protocol=4)
    other = content.replace(b"\x16numpy._core.multiarray", b"\x15numpy.core.multiarray")
    if other == content:  # NumPy 1 writes the older name
        other = content.replace(b"\x15numpy.core.multiarray", b"\x16numpy._core.multiarray")
    assert other != content
    own_file.write_bytes(_without_frames(other))
    assert_array_equal(load_model(own_file).predict(X), model.predict(X))


def _without_frames(content):
    """Leave out the frames of a pickle, whose lengths no longer hold."""
    positions = [at for opcode, _, at in pickletools.genops(content) if opcode.name == "FRAME"]
    for at in reversed(positions):
        content = content[:at] + content[at + 9 :]
    return content


def test_save_model(own_model, tmp_path):
    model, _ = own_model
    path = tmp_path / "model.joblib"
    digest = save_model(model, path, {"kind": "DistanceRegressor", "numbers": (1, 2)})
    assert digest == hashlib.sha256(path.read_bytes()).hexdigest()
    assert [file.name for file in tmp_path.iterdir()] == ["model.joblib"]
    # What was loaded can be saved again, and the file is the same.
    assert save_model(load_model(path), tmp_path / "again.joblib", model.card_) == digest
    with pytest.raises(NotFittedError):
        save_model(DistanceRegressor(), tmp_path / "unfitted.joblib", {})
    with pytest.raises(TypeError):
        save_model(model, tmp_path / "bad.joblib", {"array": np.zeros(3)})
    with pytest.raises(OSError, match="missing"):
        save_model(model, tmp_path / "missing" / "model.joblib", {})
    odd = copy.deepcopy(model).set_params(random_state=np.random.RandomState(0))
    with pytest.raises(ValueError, match=r"DistanceRegressor cannot be saved.*random_state an integer"):
        save_model(odd, tmp_path / "odd.joblib", {})
    assert sorted(file.name for file in tmp_path.iterdir()) == ["again.joblib", "model.joblib"]


def test_settings_that_a_file_does_not_know_have_their_defaults(own_model, own_file):
    model, X = own_model
    state = model.__getstate__().copy() | {"card_": {}}
    state.pop("activation")
    state["domain_"] = Reduced("TrainingDomain", vars(model.domain_), without="contamination")
    joblib.dump(Reduced("DistanceRegressor", state), own_file)
    for again in (load_model(own_file), joblib.load(own_file)):
        assert (again.activation, again.domain_.contamination) == ("relu", 0.01)
        assert_array_equal(again.predict(X), model.predict(X))


class Reduced:
    """Something that is pickled as an estimator of a given state."""

    def __init__(self, name, state, without=None, format_version=FORMAT):
        kept = {key: value for key, value in state.items() if key != without}
        self.content = format_version, name, kept

    def __reduce__(self):
        return rebuild, self.content


def test_files_of_the_first_format(own_model, own_file):
    # They held a dict of the name and the attributes in place of each estimator.
    model, X = own_model

    def plain(value):
        if type(value).__name__ not in ("DistanceRegressor", "TrainingDomain", "ErrorModel"):
            return value
        state = {name: plain(part) for name, part in vars(value).items()}
        return {"skdistmass class": type(value).__name__, "state": state}

    named = clone(model).fit(as_frame(X), X[:, 1])
    for one, table in ((model, X), (named, as_frame(X))):
        one.card_ = {"kind": "DistanceRegressor"}
        joblib.dump(plain(one), own_file)
        assert_array_equal(load_model(own_file).predict(table), one.predict(table))
        assert_array_equal(load_predictor(own_file).predict(table), one.predict(table))
    assert load_model(own_file).error_model_ == named.error_model_


def test_interpolating_model_can_be_saved(tmp_path):
    model = MassToAge.from_isochrones(method="interpolate")
    save_model(model, tmp_path / "table.joblib", {"kind": "MassToAge"})
    again = load_model(tmp_path / "table.joblib")
    assert again.predict_age([1.2], [0.0]).age == model.predict_age([1.2], [0.0]).age
    with pytest.raises(ValueError, match="interpolating MassToAge"):
        load_predictor(tmp_path / "table.joblib")


def test_estimators_are_pickled_by_name():
    for name, home in _HOMES.items():
        assert getattr(importlib.import_module(home), name).__module__ == home
    pruner = BinaryPruner(DistanceRegressor(alpha=0.25))
    for one in (pruner, TrainingDomain(contamination=0.25), IsochroneDistance(n_sigma=3.0)):
        again = pickle.loads(pickle.dumps(one))
        assert repr(again) == repr(one) == repr(copy.deepcopy(one))
        assert pickle.dumps(one, 2).count(b"rebuild") >= 1
    assert b"rebuild" not in pickle.dumps(Derived(), 2)


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
