"""Models that ship with the package, and how model files are read and written."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from skdistmass.exceptions import UntrustedModelError
from skdistmass.models.serialize import MAX_BYTES, read_stored, to_estimator, to_predictor

__all__ = [
    "UntrustedModelError",
    "list_models",
    "load_model",
    "load_predictor",
    "read_model",
    "read_registry",
    "save_model",
]

REGISTRY = "registry.json"
PROTOCOL = 4
"""Of the pickles: every supported Python reads it."""


def read_registry() -> dict:
    """Read the registry of the shipped models.

    Returns
    -------
    dict
        For each model name its "file", "sha256" and "card".
    """
    return json.loads((resources.files("skdistmass.models") / REGISTRY).read_text(encoding="utf-8"))


def list_models() -> list[str]:
    """Return the names of the shipped models.

    Returns
    -------
    list of str
        Names for `load_model`.

    Examples
    --------
    >>> from skdistmass import list_models
    >>> "distance" in list_models()
    True
    """
    return sorted(read_registry())


def load_model(name: str | Path, trusted: bool = False) -> Any:
    """Load a fitted model: a shipped one by its name, or a file.

    Reading a model runs none of its content: a file may hold estimators of this package, arrays and builtins.

    Parameters
    ----------
    name : str or path-like
        Name of a shipped model (`list_models`) or path of a model file.
    trusted : bool, default=False
        Unpickle a file that holds something else, such as an estimator derived from ours. Such a pickle can
        run any code: say so only of files that you made or whose origin you trust.

    Returns
    -------
    estimator
        Fitted estimator with its `card_` (dict), and `domain_` (`TrainingDomain`) where it has one.

    Raises
    ------
    ValueError
        If there is no such model or file, or it is damaged, incomplete or of a newer format.
    UntrustedModelError
        If the file holds something else, or a shipped file is not the one the registry vouches for.

    Examples
    --------
    >>> from skdistmass import load_model
    >>> load_model("mass").card_["target"]
    'MASS'
    """
    return read_model(name, read_registry(), trusted)


def read_model(name: str | Path, registry: Mapping[str, Any], trusted: bool = False) -> Any:
    """Load a fitted estimator with a card: one of a registry by its name, or a file.

    Parameters
    ----------
    name : str or path-like
        Key of the registry, or path of a file.
    registry : mapping
        "file" and "sha256" of each shipped estimator.
    trusted : bool, default=False
        As in `load_model`.

    Returns
    -------
    estimator
        Fitted estimator with its `card_` and `sha256_`.

    Raises
    ------
    ValueError
        As in `load_model`.
    """
    label, content, stored = _read(name, registry, trusted)
    with _Naming(label):
        estimator = to_estimator(stored)
    return _signed(estimator, label, content)


def _signed(model: Any, label: str, content: bytes) -> Any:
    """Check that a model has a card and is fitted, and note the SHA-256 of its file."""
    kind = type(model).__name__
    if not isinstance(getattr(model, "card_", None), dict):
        raise ValueError(f"{label} holds a {kind} without a card; write models with save_model.")
    if not hasattr(model, "n_features_in_"):
        raise ValueError(f"{label} holds a {kind} that is not fitted.")
    model.sha256_ = hashlib.sha256(content).hexdigest()
    return model


def check_name(name: str | Path, registry: Mapping[str, Any]) -> None:
    """Check that there is such a model, before it is loaded.

    Parameters
    ----------
    name : str or path-like
        Key of the registry, or path of a file.
    registry : mapping
        The shipped models.

    Raises
    ------
    ValueError
        If it is neither.
    """
    if str(name) not in registry and not Path(name).is_file():
        raise ValueError(
            f"there is no model {str(name)!r}: it is neither a file nor one of the shipped models "
            f"{', '.join(sorted(registry))}."
        )


def load_predictor(name: str | Path, trusted: bool = False) -> Any:
    """Load the network of a model without scikit-learn, whose import takes a second or so.

    Parameters
    ----------
    name : str or path-like
        As in `load_model`.
    trusted : bool, default=False
        As in `load_model`; but what is no network of this package has no predictor.

    Returns
    -------
    Predictor
        Its `predict`, `predict_distance` and `predict_age` are those of the estimator, to the last bit.

    Raises
    ------
    ValueError
        If there is no such model or file, it is damaged, incomplete or of a newer format, or it holds
        something else than a network of this package.
    UntrustedModelError
        As in `load_model`.

    See Also
    --------
    load_model : The estimator.

    Examples
    --------
    >>> from skdistmass import load_predictor
    >>> mass, error = load_predictor("mass").predict([[4800.0, 2.5, 0.0, -0.1, 0.2]], return_std=True)
    >>> mass.round(1), error.round(1)
    (array([1.4]), array([0.1]))
    """
    label, content, stored = _read(name, read_registry(), trusted)
    with _Naming(label):
        predictor = to_predictor(stored)
    if predictor is None:
        raise ValueError(
            f"{label} does not hold a network of this package, but something else, such as an estimator "
            "derived from one or an interpolating MassToAge; use load_model."
        )
    return _signed(predictor, label, content)


def load_light(name: str | Path, trusted: bool = False) -> Any:
    """Load a model for predictions alone: a predictor, or the estimator of what has none.

    Parameters
    ----------
    name : str or path-like
        As in `load_model`.
    trusted : bool, default=False
        As in `load_model`.

    Returns
    -------
    Predictor or estimator
        An estimator for models derived from ours and an interpolating `MassToAge`.

    Raises
    ------
    ValueError
        As in `load_model`.
    """
    label, content, stored = _read(name, read_registry(), trusted)
    with _Naming(label):
        model = to_predictor(stored)
        model = to_estimator(stored) if model is None else model
    return _signed(model, label, content)


def _read(name: str | Path, registry: Mapping[str, Any], trusted: bool) -> tuple[str, bytes, Any]:
    """Return what to call the model, the content of its file, and what that holds."""
    if isinstance(name, str) and name in registry:
        label, expected = f"shipped model {name!r}", registry[name]["sha256"]
        content = (resources.files("skdistmass.models") / registry[name]["file"]).read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        if digest != expected:
            raise UntrustedModelError(
                f"{label} is damaged: its SHA-256 is {digest}, the registry says {expected}. "
                "Reinstall the package."
            )
    else:
        check_name(name, registry)
        path = Path(name)
        label, content = f"model file {path}", _content(path)
    with _Naming(label):
        try:
            return label, content, read_stored(content)
        except UntrustedModelError as error:
            if not trusted:
                raise UntrustedModelError(
                    f"{error}, which is none of: estimators of this package, arrays, numbers and text. "
                    "Unpickling it can run code; if you made this file or trust its origin, load it with "
                    "trusted=True (command line: --trust-models)."
                ) from error
        return label, content, _unpickle(content)


def _content(path: Path) -> bytes:
    with path.open("rb") as file:
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise ValueError(f"model file {path} is too large: a model has at most {MAX_BYTES} bytes.")
    return content


def _unpickle(content: bytes) -> Any:
    """Unpickle a file of a trusted origin, whatever code it runs."""
    import joblib

    try:
        return joblib.load(io.BytesIO(content))
    except Exception as error:
        raise ValueError(f"{type(error).__name__}: {error}") from error


class _Naming:
    """Context in which errors name the model that is being read."""

    def __init__(self, label: str):
        self.label = label

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: Any, traceback: Any) -> None:
        if isinstance(error, ValueError):
            made = UntrustedModelError if isinstance(error, UntrustedModelError) else ValueError
            raise made(f"{self.label} cannot be read as a model: {error}") from error


def save_model(estimator: Any, path: str | Path, card: dict) -> str:
    """Write a fitted estimator with its card as a model file, a joblib pickle of the estimator.

    Parameters
    ----------
    estimator : estimator
        Fitted `DistanceRegressor`, `MassRegressor` or `MassToAge`; set `domain_` before if it has one.
    path : path-like
        File to write, by custom ``*.joblib``.
    card : dict
        Training set, columns and units, versions, metrics, citation: strings, numbers, lists and dicts.

    Returns
    -------
    str
        SHA-256 of the file.

    Raises
    ------
    ValueError
        If an attribute of the estimator is neither array, number nor text, such as a random generator as
        `random_state`: `load_model` would not read the file. An estimator derived from ours may hold
        anything, and needs `trusted`.
    """
    import joblib
    from sklearn.utils.validation import check_is_fitted

    from skdistmass.tables.atomic import new_file

    check_is_fitted(estimator)
    estimator.card_ = json.loads(json.dumps(card))
    estimator.__dict__.pop("sha256_", None)
    buffer = io.BytesIO()
    joblib.dump(estimator, buffer, protocol=PROTOCOL)
    content = buffer.getvalue()
    if type(estimator).__module__.partition(".")[0] == "skdistmass":
        _check_readable(type(estimator).__name__, content)
    with new_file(Path(path)) as temporary:
        temporary.write_bytes(content)
    return hashlib.sha256(content).hexdigest()


def _check_readable(kind: str, content: bytes) -> None:
    """Raise an error if `load_model` would not read what is about to be written."""
    try:
        read_stored(content)
    except ValueError as error:
        raise ValueError(
            f"this {kind} cannot be saved: {error}; its parameters and attributes must be arrays, numbers "
            "and text, and random_state an integer or None."
        ) from error
