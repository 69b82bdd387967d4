"""Settings of the regressors: their documentation and what they must be."""

from __future__ import annotations

import inspect
import math
import numbers
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils.validation import validate_data

from skdistmass.columns import as_floats
from skdistmass.networks.activations import ACTIVATION_NAMES

Class = TypeVar("Class", bound=type)

_SETTINGS = """
hidden_layer_sizes : int or tuple of int, default={hidden_layer_sizes}
    Neurons of each hidden layer. One layer of 8 is the published architecture.
activation : str, default={activation}
    "relu", "tanh", "logistic", "identity", "softplus", "elu" or "silu".
solver : {{"lbfgs", "adam"}}, default={solver}
    "lbfgs" minimises the loss of all rows at once, compiled, with L-BFGS on all cores. "adam" is the
    published protocol: mini-batches, a validation part and early stopping.
loss : {{"squared_error", "huber"}}, default={loss}
    Huber's loss counts residuals beyond `epsilon` times their robust scatter linearly.
epsilon : float, default={epsilon}
    Threshold of Huber's loss in units of the residuals' robust scatter.
alpha : float, default={alpha}
    L2 penalty: ``alpha * sum(kernels ** 2)`` is added to the mean loss of the standardised target.
n_members : int, default={n_members}
    Number of independently started networks whose mean is the prediction.
n_restarts : int, default={n_restarts}
    Starts per member ("lbfgs"); the one with the lowest loss stays.
max_iter : int, default={max_iter}
    Iterations ("lbfgs") or epochs ("adam") at most.
tol : float, default={tol}
    Decrease of the loss at which the solver stops.
batch_size : int, default={batch_size}
    Rows of a mini-batch ("adam").
learning_rate_init : float, default={learning_rate_init}
    Learning rate ("adam").
validation_fraction : float, default={validation_fraction}
    Part of the rows held out for early stopping ("adam").
n_iter_no_change : int, default={n_iter_no_change}
    Epochs without improvement before stopping ("adam").
error_feature : str or int, default={error_feature}
    Column on which the errors of predictions depend: its name, or its index. In an array a name stands for
    its place in the order given above. A table without the default column has one error for all stars.
random_state : int, RandomState instance or None, default={random_state}
    Seed of start values and row choices; an int makes the fit reproducible.
verbose : bool or int, default={verbose}
    Show the steps of the solver and their loss in a bar on the terminal.
"""

_ATTRIBUTES = """
coefs_, intercepts_ : list of ndarray
    Kernels of shape (n_members, n_in, n_out) and biases of shape (n_members, n_out) of each layer.
scaler_mean_, scaler_scale_ : ndarray of shape (n_features,)
    Weighted mean and standard deviation of the features.
error_model_ : ErrorModel
    1σ error of what the network fits, as a quadratic in `error_feature`; from the training stars or from
    those given to `calibrate`.
pipeline_ : Pipeline
    The fitted ``Pipeline(StandardScaler, KerasRegressor)``, which predicts what the network fits. In an
    estimator that was loaded or copied it is made of the arrays, at first access. Loads TensorFlow.
loss_, loss_curve_, n_iter_, converged_ : float, list of float, int, bool
    How the solver ended; the curve is that of the first member.
validation_curve_ : list of float
    Loss of the held-out part after each epoch of the first member. Only with ``solver="adam"``.
best_epoch_ : int
    Index in `validation_curve_` of the epoch whose weights stayed. Only with ``solver="adam"``.
n_features_in_ : int
    Number of features seen in `fit`.
feature_names_in_ : ndarray of shape (n_features,)
    Names of the features, if `X` of `fit` had any.
"""


def document_settings(kind: Class) -> Class:
    """Write settings, with the defaults of this class, and attributes where its docstring names them.

    Parameters
    ----------
    kind : type
        Class with ``{settings}`` and ``{attributes}`` in its docstring.

    Returns
    -------
    type
        The class.
    """
    if kind.__doc__ is None:  # python -OO
        return kind
    parameters = inspect.signature(kind).parameters.values()
    defaults = {
        parameter.name: f'"{parameter.default}"' if isinstance(parameter.default, str) else parameter.default
        for parameter in parameters
    }
    # Python 3.13 strips the indentation of docstrings, others do not.
    text = inspect.cleandoc(kind.__doc__)
    text = text.replace("{settings}", _SETTINGS.strip().format(**defaults))
    kind.__doc__ = text.replace("{attributes}", _ATTRIBUTES.strip())
    return kind


class Constraint(NamedTuple):
    """What a setting must be.

    Parameters
    ----------
    words : str
        The rest of "`name` must ...".
    holds : callable
        Whether a value is allowed.
    convert : callable, optional
        Makes a Python number of a NumPy one, which Keras would not take.
    """

    words: str
    holds: Callable[[Any], bool]
    convert: Callable[[Any], Any] = lambda value: value


def one_of(*choices: str) -> Constraint:
    """Require one of some words.

    Parameters
    ----------
    *choices : str
        The words.

    Returns
    -------
    Constraint
        The constraint.
    """
    return Constraint(
        f"be one of {choices}", lambda value: isinstance(value, str) and value in choices, convert=str
    )


def positive_integer() -> Constraint:
    """Require 1, 2, 3, ...

    Returns
    -------
    Constraint
        The constraint.
    """
    return Constraint("be a positive integer", lambda value: _is_integer(value) and value > 0, int)


def number(words: str, holds: Callable[[float], bool]) -> Constraint:
    """Require a finite number that fulfils a condition.

    Parameters
    ----------
    words : str
        The condition in words, after "must".
    holds : callable
        The condition.

    Returns
    -------
    Constraint
        The constraint.
    """
    return Constraint(words, lambda value: _is_number(value) and holds(value), float)


def _is_integer(value: Any) -> bool:
    return isinstance(value, numbers.Integral) and not isinstance(value, (bool, np.bool_))


def _is_number(value: Any) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool) and math.isfinite(value)


def _layer_sizes(value: Any) -> tuple[int, ...]:
    return tuple(int(size) for size in ((value,) if _is_integer(value) else value))


def _are_layer_sizes(value: Any) -> bool:
    sizes = (value,) if _is_integer(value) else value
    return np.iterable(sizes) and all(_is_integer(size) and size > 0 for size in sizes)


def _is_seed(value: Any) -> bool:
    is_state = value is None or value is np.random or isinstance(value, np.random.RandomState)
    return is_state or (_is_integer(value) and 0 <= value < 2**32)


def _draw_seed(value: Any) -> int:
    return int(value) if _is_integer(value) else int(check_random_state(value).randint(2**31 - 1))


SETTINGS: Mapping[str, Constraint] = {
    "hidden_layer_sizes": Constraint(
        "hold positive integers, such as (8,)", _are_layer_sizes, convert=_layer_sizes
    ),
    "activation": one_of(*ACTIVATION_NAMES),
    "solver": one_of("lbfgs", "adam"),
    "loss": one_of("squared_error", "huber"),
    "epsilon": number("be a positive number", lambda value: value > 0),
    "alpha": number("be a non-negative number", lambda value: value >= 0),
    "n_members": positive_integer(),
    "n_restarts": positive_integer(),
    "max_iter": positive_integer(),
    "tol": number("be a non-negative number", lambda value: value >= 0),
    "batch_size": positive_integer(),
    "learning_rate_init": number("be a positive number", lambda value: value > 0),
    "validation_fraction": number("lie between 0 and 1", lambda value: 0 < value < 1),
    "n_iter_no_change": positive_integer(),
    "error_feature": Constraint(
        "be the name or the index of a column", lambda value: isinstance(value, str) or _is_integer(value)
    ),
    "random_state": Constraint(
        "be an integer from 0 to 2**32 - 1, a RandomState or None", _is_seed, convert=_draw_seed
    ),
    "verbose": Constraint(
        "be a bool or an integer", lambda value: isinstance(value, (numbers.Integral, np.bool_)), int
    ),
}
"""What each setting that the regressors share must be."""


def check_settings(estimator: Any, constraints: Mapping[str, Constraint]) -> None:
    """Check the parameters of an estimator.

    Parameters
    ----------
    estimator : estimator
        Estimator with the parameters.
    constraints : mapping of str to Constraint
        What each of them must be.

    Raises
    ------
    ValueError
        If a parameter is not.
    """
    for name, constraint in constraints.items():
        value = getattr(estimator, name)
        if not constraint.holds(value):
            raise ValueError(f"{name} must {constraint.words}; received {value!r}.")


def for_sklearn(X: Any) -> Any:
    """Make a data frame of an astropy table, and NaN of what is masked: scikit-learn knows neither.

    Parameters
    ----------
    X : array-like or astropy.table.Table
        Features, or another argument.

    Returns
    -------
    array-like
        The same; what is no table and has no mask as it is.
    """
    if hasattr(X, "colnames"):
        import pandas as pd

        return pd.DataFrame(as_floats(X), columns=X.colnames)
    return as_floats(X) if np.ma.isMaskedArray(X) else X


def validate_features(estimator: Any, X: Any, *others: Any, **rules: Any) -> Any:
    """Check features as scikit-learn does; they may be an astropy table, and masked ones are missing.

    Parameters
    ----------
    estimator : estimator
        Estimator that they are for.
    X : array-like or astropy.table.Table of shape (n_samples, n_features)
        Features.
    *others, **rules
        As in `sklearn.utils.validation.validate_data`.

    Returns
    -------
    ndarray or tuple of ndarray
        What `validate_data` gives.
    """
    return validate_data(estimator, for_sklearn(X), *map(for_sklearn, others), **rules)
