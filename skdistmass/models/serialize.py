"""Fitted estimators as plain data: dicts, lists, numbers, text and NumPy arrays.

A model file holds no class, only the names of the classes it is made of. So it can be read by a later version
that keeps them elsewhere or gives them new parameters, and by a reader that needs the arrays alone.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

CLASS, STATE = "skdistmass class", "state"

_ESTIMATORS = {
    "DistanceRegressor": "skdistmass.estimators.distance",
    "MassRegressor": "skdistmass.estimators.mass",
    "MassToAge": "skdistmass.estimators.age",
    "TrainingDomain": "skdistmass.estimators.domain",
}
_VALUES = {"ErrorModel": "skdistmass.estimators.uncertainty"}
_PREDICTORS = {
    "DistanceRegressor": "DistancePredictor",
    "MassRegressor": "MassPredictor",
    "MassToAge": "AgePredictor",
}


def to_plain(value: Any) -> Any:
    """Turn a fitted estimator, and what it consists of, into plain data.

    Parameters
    ----------
    value : object
        An estimator of this package; anything else, such as one derived from it, stays what it is.

    Returns
    -------
    object
        For an estimator a dict of the name of its class and of its attributes.
    """
    kind = type(value)
    if (_ESTIMATORS | _VALUES).get(kind.__name__) != kind.__module__:
        return value
    return {CLASS: kind.__name__, STATE: {name: to_plain(part) for name, part in vars(value).items()}}


def to_estimator(value: Any) -> Any:
    """Make the estimator that `to_plain` has taken apart.

    Parameters
    ----------
    value : object
        What `to_plain` returned.

    Returns
    -------
    object
        The estimator, or `value` itself if it is not plain data of one.
    """
    if not _is_plain(value):
        return value
    name, state = value[CLASS], {name: to_estimator(part) for name, part in value[STATE].items()}
    if name in _VALUES:
        return getattr(import_module(_VALUES[name]), name)(**state)
    # Parameters that the file does not know have their defaults.
    estimator = getattr(import_module(_ESTIMATORS[name]), name)()
    vars(estimator).update(state)
    return estimator


def to_predictor(value: Any) -> Any:
    """Make a predictor of the arrays of a network.

    Parameters
    ----------
    value : object
        What `to_plain` returned.

    Returns
    -------
    Predictor or None
        The predictor; None if `value` is not plain data of a network.
    """
    if not _is_plain(value) or "coefs_" not in value[STATE]:
        return None
    from skdistmass.estimators import predictor

    state = {name: to_estimator(part) for name, part in value[STATE].items() if name != "domain_"}
    return getattr(predictor, _PREDICTORS[value[CLASS]])(state)


def _is_plain(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() == {CLASS, STATE}
