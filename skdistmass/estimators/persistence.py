"""Stable pickles of the estimators: the name of the class, and its state as builtins and arrays.

A pickled estimator calls `rebuild` of this module, which must therefore stay where it is; the classes it
finds by name may move, and a parameter that a file does not know has its default. Importing this module does
not import scikit-learn, so that `load_predictor` starts fast.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt

from skdistmass.networks.activations import ACTIVATION_NAMES

FORMAT = 2
"""Format of the files that this version writes; format 1 were dicts of names and arrays."""

_HOMES: Mapping[str, str] = {
    "BinaryPruner": "skdistmass.estimators.pruning",
    "DistanceRegressor": "skdistmass.estimators.distance",
    "ErrorModel": "skdistmass.estimators.uncertainty",
    "IsochroneDistance": "skdistmass.estimators.isochrone",
    "LabelScale": "skdistmass.estimators.label_scale",
    "MassRegressor": "skdistmass.estimators.mass",
    "MassToAge": "skdistmass.estimators.age",
    "ResidualDistribution": "skdistmass.estimators.uncertainty",
    "TrainingDomain": "skdistmass.estimators.domain",
}
# Plain records, made of their state.
_RECORDS = ("ErrorModel", "ResidualDistribution")
_REGRESSORS = ("DistanceRegressor", "MassRegressor", "MassToAge")
# Parameters without a default, which every pickle must hold.
_REQUIRED: Mapping[str, tuple[str, ...]] = {"BinaryPruner": ("estimator",)}
_NETWORK_ARRAYS = ("coefs_", "intercepts_", "scaler_mean_", "scaler_scale_", "error_model_")
_DOMAIN_ARRAYS = ("center_", "scale_", "log_weights_", "means_", "precisions_cholesky_", "offset_")
_POINT_ARRAYS = ("points_", "values_")
DOMAINS = ("domain_", "anchored_domain_")
"""Attributes of a network that hold a `TrainingDomain`: of its real stars, and of these with anchors."""
_SCALE_ARRAYS = ("columns_", "coef_", "low_", "high_")


class StablePickle:
    """Mixin of the estimators: pickle by the name of the class and its state.

    A subclass written elsewhere is pickled as Python pickles any class.
    """

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Return `rebuild` with format, name and state."""
        kind = type(self)
        if _HOMES.get(kind.__name__) != kind.__module__:
            return super().__reduce_ex__(protocol)
        return rebuild, (FORMAT, kind.__name__, self.__getstate__())


def rebuild(format_version: int, name: str, state: dict) -> Any:
    """Make an estimator of its pickled state.

    Parameters
    ----------
    format_version : int
        Format in which the state was written.
    name : str
        Name of the class.
    state : dict
        Attributes of the estimator.

    Returns
    -------
    object
        The estimator, or the error model, of that state.

    Raises
    ------
    ValueError
        If the format is newer than this version reads, there is no such class, or the fitted arrays are
        missing or do not fit each other.
    """
    check_state(format_version, name, state)
    kind = getattr(import_module(_HOMES[name]), name)
    check_names(kind, state)
    if name in _RECORDS:
        try:
            return kind(**state)
        except TypeError as error:
            raise ValueError(f"{name}: {error}") from error
    estimator = kind(**{parameter: state[parameter] for parameter in _REQUIRED.get(name, ())})
    estimator.__setstate__(state)
    return estimator


def check_state(format_version: int, name: str, state: dict) -> None:
    """Check that the arrays of a pickled state belong together.

    Parameters
    ----------
    format_version : int
        Format in which the state was written.
    name : str
        Name of the class.
    state : dict
        Attributes; an error model among them is a rebuilt one.

    Raises
    ------
    ValueError
        If the format is newer than this version reads, there is no such class, or the fitted arrays are
        missing or do not fit each other.
    """
    if type(format_version) is not int or format_version < 1:
        raise ValueError(f"format must be a positive integer; received {format_version!r}.")
    if format_version > FORMAT:
        raise ValueError(
            f"written by skdistmass format {format_version}; this version reads up to {FORMAT}: "
            "upgrade skdistmass."
        )
    if type(name) is not str or name not in _HOMES:
        raise ValueError(f"the class must be one of {', '.join(_HOMES)}; received {name!r}.")
    if type(state) is not dict or not all(type(key) is str for key in state):
        raise ValueError(f"{name}: the state must be a dict of attributes.")
    missing = [parameter for parameter in _REQUIRED.get(name, ()) if parameter not in state]
    if missing:
        raise ValueError(f"{name}: {missing[0]} is missing.")
    _check_arrays(name, state)


def _check_arrays(name: str, state: dict) -> None:
    """Check the fitted arrays of a class."""
    if name == "ErrorModel":
        _check_error_model(state)
    elif name == "ResidualDistribution":
        _check_distribution(state)
    elif name == "TrainingDomain" and _fitted(name, state, _DOMAIN_ARRAYS):
        _check_domain(state)
    elif name == "LabelScale" and _fitted(name, state, _SCALE_ARRAYS):
        _check_label_scale(state)
    elif name in _REGRESSORS and "points_" in state:
        _fitted(name, state, _POINT_ARRAYS)
        _array(name, "points_", state["points_"], (None, 2))
        _array(name, "values_", state["values_"], (len(state["points_"]),))
    elif name in _REGRESSORS and _fitted(name, state, _NETWORK_ARRAYS):
        _check_network(name, state)


def check_names(kind: type, state: dict) -> None:
    """Check that no attribute of a pickled state hides a method or property of its class.

    Parameters
    ----------
    kind : type
        The class.
    state : dict
        Attributes.

    Raises
    ------
    ValueError
        If one does, or is no name of an attribute.
    """
    hidden = [
        key for key in state if not key.isidentifier() or key.startswith("__") or _would_hide(kind, key)
    ]
    if hidden and kind.__name__ not in _RECORDS:
        raise ValueError(f"{kind.__name__}: {hidden[0]!r} is no attribute of a fitted one.")


def _would_hide(kind: type, key: str) -> bool:
    """Say whether an instance attribute would replace a method or property of the class."""
    own = inspect.getattr_static(kind, key, None)
    if own is None:
        return False
    computed = callable(own) or hasattr(type(own), "__set__")
    return computed or key.startswith("_") or (hasattr(type(own), "__get__") and not key.endswith("_"))


def _fitted(name: str, state: dict, arrays: tuple[str, ...]) -> bool:
    """Say whether a state is that of a fitted estimator; part of the arrays is an error."""
    missing = [array for array in arrays if array not in state]
    if len(missing) == len(arrays):
        return False
    if missing:
        raise ValueError(f"{name}: {missing[0]} is missing.")
    n_features = state.get("n_features_in_")
    if type(n_features) is not int or n_features < 1:
        raise ValueError(f"{name}: n_features_in_ must be a positive integer; received {n_features!r}.")
    names = state.get("feature_names_in_")
    if names is not None and np.shape(names) != (n_features,):
        raise ValueError(
            f"{name}: feature_names_in_ must have shape ({n_features},); received {np.shape(names)}."
        )
    return True


def _array(owner: str, name: str, value: Any, shape: tuple[int | None, ...]) -> npt.NDArray[np.floating]:
    """Return a finite array of floats of a shape, where None stands for any length; else an error."""
    expected = ", ".join("any" if length is None else str(length) for length in shape)
    if not isinstance(value, np.ndarray) or value.dtype.kind != "f":
        found = f"{value.dtype} array" if isinstance(value, np.ndarray) else type(value).__name__
        raise ValueError(f"{owner}: {name} must be an array of floats; received a {found}.")
    if value.ndim != len(shape) or any(
        n is not None and n != m for n, m in zip(shape, value.shape, strict=True)
    ):
        raise ValueError(f"{owner}: {name} must have shape ({expected}); received {value.shape}.")
    if not value.size or not np.isfinite(value).all():
        raise ValueError(f"{owner}: {name} must hold finite numbers.")
    return value


def _check_network(name: str, state: dict) -> None:
    n_in = state["n_features_in_"]
    for key in ("scaler_mean_", "scaler_scale_"):
        _array(name, key, state[key], (n_in,))
    if state.get("activation", "relu") not in ACTIVATION_NAMES:
        raise ValueError(
            f"{name}: activation must be one of {ACTIVATION_NAMES}; received {state['activation']!r}."
        )
    kernels, biases = state["coefs_"], state["intercepts_"]
    if type(kernels) is not list or type(biases) is not list or not 0 < len(kernels) == len(biases):
        raise ValueError(f"{name}: coefs_ and intercepts_ must be lists of an array for each layer.")
    n_members = None
    for layer, (kernel, bias) in enumerate(zip(kernels, biases, strict=True)):
        last = 1 if layer == len(kernels) - 1 else None
        n_members, _, n_out = _array(name, f"coefs_[{layer}]", kernel, (n_members, n_in, last)).shape
        _array(name, f"intercepts_[{layer}]", bias, (n_members, n_out))
        n_in = n_out
    _check_errors(name, state)
    for key in DOMAINS:
        domain = state.get(key)
        if domain is not None and type(domain).__name__ != "TrainingDomain":
            raise ValueError(f"{name}: {key} must be a TrainingDomain; received a {type(domain).__name__}.")
    target = state.get("target", "log_mass")
    if name == "MassRegressor" and target not in ("log_mass", "mass"):
        raise ValueError(f"{name}: target must be 'log_mass' or 'mass'; received {target!r}.")


def _check_errors(name: str, state: dict) -> None:
    """Check the error model and the distribution of a network."""
    error_model = state["error_model_"]
    if type(error_model).__name__ != "ErrorModel":
        raise ValueError(
            f"{name}: error_model_ must be an ErrorModel; received a {type(error_model).__name__}."
        )
    distribution = state.get("distribution_")
    if distribution is not None and type(distribution).__name__ != "ResidualDistribution":
        raise ValueError(
            f"{name}: distribution_ must be a ResidualDistribution; received a {type(distribution).__name__}."
        )
    if distribution is not None and len(distribution.x_error) != state["n_features_in_"]:
        raise ValueError(f"{name}: distribution_ must have the features of the network.")


def _check_domain(state: dict) -> None:
    n_features = state["n_features_in_"]
    for name in ("center_", "scale_"):
        _array("TrainingDomain", name, state[name], (n_features,))
    n_components = len(_array("TrainingDomain", "log_weights_", state["log_weights_"], (None,)))
    _array("TrainingDomain", "means_", state["means_"], (n_components, n_features))
    factors = state["precisions_cholesky_"]
    _array("TrainingDomain", "precisions_cholesky_", factors, (n_components, n_features, n_features))
    _number("TrainingDomain", "offset_", state["offset_"])


def _check_label_scale(state: dict) -> None:
    n_features, degree = state["n_features_in_"], state.get("degree", 1)
    n_coordinates = len(_array("LabelScale", "low_", state["low_"], (None,)))
    _array("LabelScale", "high_", state["high_"], (n_coordinates,))
    places = state["columns_"]
    if not (isinstance(places, np.ndarray) and places.dtype.kind == "i" and places.ndim == 1):
        raise ValueError("LabelScale: columns_ must be an array of integers.")
    if not (len(places) and places.min() >= 0 and places.max() < n_features):
        raise ValueError(f"LabelScale: columns_ must be places of {n_features} columns; received {places}.")
    if type(degree) is not int or degree < 1 or n_coordinates > n_features:
        raise ValueError("LabelScale: degree and coordinates must be those of its arrays.")
    _array("LabelScale", "coef_", state["coef_"], (len(places), 1 + degree * n_coordinates))


def _check_error_model(state: dict) -> None:
    for name in ("low", "high", "floor"):
        if name not in state:
            raise ValueError(f"ErrorModel: {name} is missing.")
        _number("ErrorModel", name, state[name])
    coefficients = state.get("coefficients")
    if not isinstance(coefficients, tuple | list) or not coefficients:
        raise ValueError("ErrorModel: coefficients must be a tuple of numbers.")
    for value in coefficients:
        _number("ErrorModel", "coefficients", value)


def _check_distribution(state: dict) -> None:
    name = "ResidualDistribution"
    missing = [key for key in ("coefs", "intercepts", "x_error", "unit", "widening") if key not in state]
    if missing:
        raise ValueError(f"{name}: {missing[0]} is missing.")
    n_in = len(_array(name, "x_error", state["x_error"], (None,))) + 1
    for key in ("center", "scale", "low", "high"):
        _array(name, key, state.get(key), (n_in,))
    kernels, biases = state["coefs"], state["intercepts"]
    if type(kernels) is not list or type(biases) is not list or not len(kernels) == len(biases) == 2:
        raise ValueError(f"{name}: coefs and intercepts must be lists of an array for each of two layers.")
    for layer, (kernel, bias) in enumerate(zip(kernels, biases, strict=True)):
        n_in = _array(name, f"coefs[{layer}]", kernel, (n_in, None)).shape[1]
        _array(name, f"intercepts[{layer}]", bias, (n_in,))
    if n_in % 3:
        raise ValueError(f"{name}: the last layer must hold means, widths and weights; received {n_in}.")
    if not isinstance(state["widening"], tuple | list) or len(state["widening"]) not in (2, 3):
        raise ValueError(f"{name}: widening must be two or three numbers.")
    for value in (state["unit"], *state["widening"]):
        _number(name, "unit and widening", value)


def _number(owner: str, name: str, value: Any) -> None:
    if not isinstance(value, float | int | np.floating | np.integer) or not np.isfinite(value):
        raise ValueError(f"{owner}: {name} must be a finite number; received {value!r}.")
