"""Model files that want to run code or to break the reader: foreign objects, odd programs, damaged states."""

from __future__ import annotations

import contextlib
import functools
import io
import os
import pickle
import warnings
import zlib
from collections.abc import Callable, Iterator

import joblib
import numpy as np
from hostile_programs import CODE, SENTINEL, SHELL, malformed_files

from skdistmass import DistanceRegressor, TrainingDomain
from skdistmass.estimators.persistence import FORMAT, rebuild


class Calls:
    """Something whose pickle calls a function."""

    def __init__(self, function: Callable, *arguments: object):
        self.content = function, arguments

    def __reduce__(self) -> tuple:
        return self.content


class Sets:
    """Something whose pickle calls a function with a state to set, or items to add."""

    def __init__(self, *content: object):
        self.content = content

    def __reduce__(self) -> tuple:
        return self.content


@functools.cache
def model() -> DistanceRegressor:
    """Return a small fitted model with a domain and a card."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 5))
    made = DistanceRegressor(hidden_layer_sizes=(3,), n_restarts=1, max_iter=5, random_state=0).fit(
        X, X[:, 1]
    )
    made.domain_ = TrainingDomain().fit(X)
    made.card_ = {"kind": "DistanceRegressor"}
    return made


PAYLOADS = {
    "os.system": lambda: Calls(os.system, SHELL),
    "builtins.eval": lambda: Calls(eval, CODE),
    "builtins.exec": lambda: Calls(exec, CODE),
    "getattr": lambda: Calls(getattr, os, "system"),
    "open": lambda: Calls(open, SENTINEL, "w"),
    "functools.partial": lambda: functools.partial(os.system, SHELL),
    "partial called": lambda: Calls(functools.partial(eval, CODE)),
    "os.popen": lambda: Calls(os.popen, SHELL),
    "numpy load": lambda: Calls(np.load, SENTINEL),
    "numpy memmap": lambda: Calls(np.memmap, SENTINEL, "uint8", "w+", 0, (4,)),
    "numpy tofile": lambda: Calls(np.ndarray.tofile, np.zeros(2), SENTINEL),
    "joblib.load": lambda: Calls(joblib.load, SENTINEL),
    "pickle.loads": lambda: Calls(pickle.loads, pickle.dumps(Calls(os.system, SHELL))),
    "type": lambda: Calls(type, "Own", (), {}),
    "map": lambda: Calls(list, map(os.system, [SHELL])),
    "state setter": lambda: Sets(dict, (), None, None, iter([("a", Calls(os.system, SHELL))])),
    "other estimator": lambda: Calls(rebuild, FORMAT, "Pipeline", {"steps": []}),
    "class of another module": lambda: Calls(rebuild, FORMAT, "os.system", {SHELL: 1}),
    "state that is no dict": lambda: Calls(rebuild, FORMAT, "DistanceRegressor", [SHELL]),
    "too many arguments": lambda: Calls(rebuild, FORMAT, "DistanceRegressor", {}, os.system),
}
"""Objects whose unpickling would run something, by name."""


def placed(payload: object) -> Iterator[tuple[str, object]]:
    """Yield models with something foreign in each place where a model can hold anything."""
    yield "alone", payload
    for place in (
        "card_",
        "training_ids_",
        "coefs_",
        "error_model_",
        "domain_",
        "alpha",
        "feature_names_in_",
    ):
        state = vars(model()) | {place: payload}
        yield place, Calls(rebuild, FORMAT, "DistanceRegressor", state)
    state = vars(model()) | {"card_": {"kind": [{"a": (1, payload)}]}}
    yield "deep in the card", Calls(rebuild, FORMAT, "DistanceRegressor", state)
    array = np.empty(2, dtype=object)
    array[:] = [payload, "a"]
    yield (
        "array of objects",
        Calls(rebuild, FORMAT, "DistanceRegressor", state | {"card_": {}, "odd_": array}),
    )
    yield "first format", {"skdistmass class": "DistanceRegressor", "state": state}


def written(value: object, how: str | int) -> bytes:
    """Write a value with a compressor of joblib, or a protocol of pickle."""
    if isinstance(how, int):
        return pickle.dumps(value, how)
    buffer = io.BytesIO()
    joblib.dump(value, buffer, compress=(how, 1) if how else 0)
    return buffer.getvalue()


def foreign_files(n_files: int | None) -> list[tuple[str, bytes]]:
    """Return files that name, in one place or another, what is none of a model's; some of them, or all."""
    cases = [
        (f"{name}, {place}, {how!r}", value, how)
        for name, make in PAYLOADS.items()
        for place, value in placed(make())
        for how in ("", "zlib", "xz", 0, 2, 4, 5)
    ]
    step = 1 if n_files is None else max(1, len(cases) // n_files)
    files = []
    for name, value, how in cases[::step]:
        with warnings.catch_warnings(), contextlib.suppress(TypeError, pickle.PicklingError):
            # Deprecated objects warn, and some need a later protocol.
            warnings.simplefilter("ignore")
            files.append((name, written(value, how)))
    return files


def changed_states() -> Iterator[tuple[str, object]]:
    """Yield models of which an attribute is missing, or of another kind or shape."""
    state = vars(model())
    yield "newer format", Calls(rebuild, FORMAT + 1, "DistanceRegressor", state)
    yield "format as text", Calls(rebuild, "2", "DistanceRegressor", state)
    yield "format of a far future", Calls(rebuild, 2**70, "DistanceRegressor", state)
    changes: list[tuple[str, dict | None]] = [(f"without {name}", None) for name in ("coefs_", "intercepts_")]
    for name in ("scaler_mean_", "scaler_scale_", "error_model_", "n_features_in_"):
        changes.append((f"without {name}", None))
    kernels, biases = state["coefs_"], state["intercepts_"]
    changes += [
        ("kernel of another shape", {"coefs_": [kernels[0][:, :4], kernels[1]]}),
        ("kernel of two dimensions", {"coefs_": [kernels[0][0], kernels[1]]}),
        ("one layer too few", {"coefs_": kernels[:1]}),
        ("no layers", {"coefs_": [], "intercepts_": []}),
        ("kernel of text", {"coefs_": [kernels[0].astype(str), kernels[1]]}),
        ("kernel of integers", {"coefs_": [kernels[0].astype(int), kernels[1]]}),
        ("kernel that is no array", {"coefs_": [kernels[0].tolist(), kernels[1]]}),
        ("bias of another shape", {"intercepts_": [biases[0][:, :1], biases[1]]}),
        (
            "two outputs",
            {
                "coefs_": [kernels[0], np.repeat(kernels[1], 2, 2)],
                "intercepts_": [biases[0], np.ones((1, 2))],
            },
        ),
        ("NaN", {"scaler_mean_": np.full(5, np.nan)}),
        ("infinity", {"coefs_": [kernels[0] * np.inf, kernels[1]]}),
        ("scaler of another shape", {"scaler_scale_": np.ones(4)}),
        ("number of features as text", {"n_features_in_": "5"}),
        ("number of features", {"n_features_in_": 6}),
        ("activation", {"activation": "exec"}),
        ("error model that is a dict", {"error_model_": {"low": 0}}),
        ("domain that is text", {"domain_": "all"}),
        ("method hidden", {"predict": 1}),
        ("private name", {"__class__": "MassRegressor"}),
        ("card that is text", {"card_": "kind"}),
    ]
    for name, change in changes:
        kept = {k: v for k, v in state.items() if change is not None or not name.endswith(f" {k}")}
        yield name, Calls(rebuild, FORMAT, "DistanceRegressor", kept | (change or {}))
    domain = vars(state["domain_"])
    for name, change in (
        ("domain without means", {"means_": None}),
        ("domain of another shape", {"precisions_cholesky_": np.ones((1, 4, 4))}),
        ("domain of other stars", {"n_features_in_": 3}),
    ):
        odd = Calls(rebuild, FORMAT, "TrainingDomain", domain | change)
        yield name, Calls(rebuild, FORMAT, "DistanceRegressor", state | {"domain_": odd})
    for name, change in (("coefficients", ()), ("coefficients", ("1",)), ("low", np.nan), ("odd", 1)):
        odd = Calls(rebuild, FORMAT, "ErrorModel", vars(state["error_model_"]) | {name: change})
        yield (
            f"error model: {name}",
            Calls(rebuild, FORMAT, "DistanceRegressor", state | {"error_model_": odd}),
        )
    table = {"method": "interpolate", "n_features_in_": 2, "card_": {}, "points_": np.ones((3, 2))}
    yield "points without values", Calls(rebuild, FORMAT, "MassToAge", table)
    yield "points of another number", Calls(rebuild, FORMAT, "MassToAge", table | {"values_": np.ones(2)})


def damaged_files() -> Iterator[tuple[str, bytes]]:
    """Yield files of changed models, and one that is cut off."""
    yield "zlib that ends early", zlib.compress(pickle.dumps(model()))[:200]
    for name, value in changed_states():
        buffer = io.BytesIO()
        joblib.dump(value, buffer)
        yield name, buffer.getvalue()


def hostile_files(n_foreign: int | None = None) -> Iterator[tuple[str, bytes]]:
    """Yield hostile files with their names.

    Parameters
    ----------
    n_foreign : int, default=None
        How many of the files of `foreign_files`, evenly picked; all of them if None.

    Yields
    ------
    name : str
        What is hostile.
    content : bytes
        The file.
    """
    yield from foreign_files(n_foreign)
    yield from malformed_files()
    yield from damaged_files()
