"""Model files of users: whom they are trusted, what they hold, and how old and damaged ones are read."""

import copy
import hashlib
import importlib
import pickle
import pickletools

import joblib
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from skdistmass import (
    BinaryPruner,
    DistanceRegressor,
    IsochroneDistance,
    MassToAge,
    TrainingDomain,
    load_model,
    load_predictor,
    save_model,
)
from skdistmass.estimators.persistence import _HOMES, FORMAT, rebuild
from skdistmass.models import load
from skdistmass.models.load import UntrustedModelError, read_registry

REGISTRY = read_registry()


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
        match=r"derived.joblib cannot be read.*names .*test_model_files.Derived.*can run code.*trusted=True "
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
