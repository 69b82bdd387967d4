"""Models that ship with the package, and how model files are read and written."""

from __future__ import annotations

import hashlib
import io
import json
from importlib import resources
from pathlib import Path

from skdistmass.exceptions import UntrustedModelError as UntrustedModelError
from skdistmass.models.serialize import to_estimator, to_plain, to_predictor

REGISTRY = "registry.json"


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


def load_model(name, trusted=False):
    """Load a fitted model: a shipped one by its name, or a file.

    Parameters
    ----------
    name : str or path-like
        Name of a shipped model (`list_models`) or path of a model file.
    trusted : bool, default=False
        Unpickle a file that the registry does not know. A pickle can run any code: say so only of files
        that you made or whose origin you trust.

    Returns
    -------
    estimator
        Fitted estimator with its `card_` (dict), and `domain_` (`TrainingDomain`) where it has one.

    Raises
    ------
    ValueError
        If there is no such model or file.
    UntrustedModelError
        If the content of the file is not the one the registry vouches for.

    Examples
    --------
    >>> from skdistmass import load_model
    >>> load_model("mass").card_["target"]
    'MASS'
    """
    label, content, stored = _read(name, trusted)
    estimator = to_estimator(stored)
    if not hasattr(estimator, "card_"):
        raise ValueError(
            f"{label} holds a {type(estimator).__name__} without a card; write models with save_model."
        )
    estimator.sha256_ = hashlib.sha256(content).hexdigest()
    return estimator


def load_predictor(name, trusted=False):
    """Load the network of a model without scikit-learn, whose import takes a second or so.

    Parameters
    ----------
    name : str or path-like
        As in `load_model`.
    trusted : bool, default=False
        As in `load_model`.

    Returns
    -------
    Predictor
        Its `predict`, `predict_distance` and `predict_age` are those of the estimator, to the last bit; it
        has no domain.

    Raises
    ------
    ValueError
        If there is no such model or file, or it holds something else than a network of this package.
    UntrustedModelError
        If the content of the file is not the one the registry vouches for.

    See Also
    --------
    load_model : The estimator.

    Examples
    --------
    >>> from skdistmass import load_predictor
    >>> mass, error = load_predictor("mass").predict([[4800.0, 2.5, 0.0, -0.1, 0.2]], return_std=True)
    >>> mass.round(1), error.round(1)
    (array([1.5]), array([0.1]))
    """
    label, content, stored = _read(name, trusted)
    predictor = to_predictor(stored)
    if predictor is None:
        raise ValueError(
            f"{label} does not hold the arrays of a network, but a pickled estimator or an interpolating "
            "MassToAge; use load_model."
        )
    predictor.sha256_ = hashlib.sha256(content).hexdigest()
    return predictor


def _read(name, trusted):
    """Return what to call the model, the content of its file, and what that holds."""
    registry = read_registry()
    if isinstance(name, str) and name in registry:
        label, expected = f"shipped model {name!r}", registry[name]["sha256"]
        content = (resources.files("skdistmass.models") / registry[name]["file"]).read_bytes()
    else:
        path = Path(name)
        if not path.is_file():
            raise ValueError(
                f"there is no model {str(name)!r}: it is neither a file nor one of the shipped models "
                f"{', '.join(sorted(registry))}."
            )
        label, expected, content = f"model file {path}", None, path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    known = {entry["sha256"] for entry in registry.values()}
    if expected is not None and digest != expected:
        raise UntrustedModelError(
            f"{label} is damaged: its SHA-256 is {digest}, the registry says {expected}. "
            "Reinstall the package."
        )
    if digest not in known and not trusted:
        raise UntrustedModelError(
            f"{label} is not one of the shipped models (SHA-256 {digest}). Unpickling runs code; if you made "
            "this file or trust its origin, load it with trusted=True (command line: --trust-models)."
        )
    import joblib

    try:
        return label, content, joblib.load(io.BytesIO(content))
    except Exception as error:
        raise ValueError(f"{label} cannot be read as a model: {type(error).__name__}: {error}") from error


def save_model(estimator, path, card) -> str:
    """Write a fitted estimator with its card as a model file.

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
    """
    import joblib
    from sklearn.utils.validation import check_is_fitted

    check_is_fitted(estimator)
    estimator.card_ = json.loads(json.dumps(card))
    estimator.__dict__.pop("sha256_", None)
    buffer = io.BytesIO()
    joblib.dump(to_plain(estimator), buffer)
    path = Path(path)
    partial = path.with_name(path.name + ".part")
    try:
        partial.write_bytes(buffer.getvalue())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return hashlib.sha256(buffer.getvalue()).hexdigest()
