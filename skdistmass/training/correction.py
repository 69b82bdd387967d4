"""A model in two parts: what real stars say, and a correction by anchors where they are far.

One network of real stars and anchors has to learn two things at once, and L-BFGS spends its iterations on
the many anchors while the sharp features of the few giants, such as the red clump, are still blurred. In two
parts real stars come first, alone. A second network then learns what the first leaves of real stars and
anchors; it starts near zero where real stars are. The sum of the two is one network, whose hidden layers
stand side by side.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.utils import check_random_state
from threadpoolctl import threadpool_limits

from skdistmass.estimators.base import NetworkRegressor
from skdistmass.networks.forward import count_threads, network_output

FloatArray = NDArray[np.float64]
Stars = tuple[FloatArray, FloatArray, FloatArray]
_Model = TypeVar("_Model", bound=NetworkRegressor)


def fit_corrected(
    estimator: _Model, real: Stars, everything: Stars, hidden_layer_sizes: Sequence[int]
) -> _Model:
    """Fit real stars, then a correction to real stars and anchors, and join them to one network.

    Parameters
    ----------
    estimator : NetworkRegressor
        Unfitted model of the real stars.
    real : tuple of ndarray
        Features, labels and weights, 1/σ², of the real stars.
    everything : tuple of ndarray
        The same of real stars and anchors.
    hidden_layer_sizes : sequence of int
        Widths of the hidden layers of the correction, as many as the model has.

    Returns
    -------
    NetworkRegressor
        The fitted sum; its `hidden_layer_sizes` are those of both parts together.

    Raises
    ------
    ValueError
        If the two parts have different numbers of layers.
    """
    own, other = _sizes(estimator.hidden_layer_sizes), _sizes(hidden_layer_sizes)
    if len(own) != len(other):
        raise ValueError(
            f"the correction must have as many hidden layers as the model; received {other} for {own}."
        )
    model = clone(estimator).fit(*real[:2], sample_weight=real[2])
    X, y, weight = everything
    target, weight = model._target_to_network(y, weight)
    shared = {name: getattr(estimator, name) for name in NetworkRegressor().get_params()}
    shared |= {"hidden_layer_sizes": other, "n_members": 1}
    seeds = check_random_state(estimator.random_state).randint(2**31 - 1, size=len(model.coefs_[0]))

    def correct(member: int) -> NetworkRegressor:
        # Each member gets its own correction, so that the members agree where anchors hold them.
        left = target - _member_output(model, member, X)
        correction = NetworkRegressor(**shared | {"random_state": int(seeds[member])})
        return correction.fit(X, left, sample_weight=weight)

    with ThreadPoolExecutor(count_threads()) as pool, threadpool_limits(1, user_api="blas"):
        corrections = list(pool.map(correct, range(len(seeds))))
    join_networks(model, corrections)
    return model


def _member_output(model: NetworkRegressor, member: int, X: FloatArray) -> FloatArray:
    """Forward pass of one member."""
    one = slice(member, member + 1)
    kernels, biases = ([layer[one] for layer in arrays] for arrays in (model.coefs_, model.intercepts_))
    return network_output(X, model.scaler_mean_, model.scaler_scale_, kernels, biases, model.activation)


def join_networks(model: NetworkRegressor, others: Sequence[NetworkRegressor]) -> None:
    """Add to each member of a model the output of another network, in place.

    Parameters
    ----------
    model : NetworkRegressor
        Fitted model; its members get the units of `others` beside their own, and its `hidden_layer_sizes`
        become those of both together.
    others : sequence of NetworkRegressor
        For each member a fitted network of one member, with as many layers and the same activation.
    """
    kernels, biases = [], []
    last = len(model.coefs_) - 1
    first_layers = [_rescaled(other, model) for other in others]
    for layer, (own, bias) in enumerate(zip(model.coefs_, model.intercepts_, strict=True)):
        if layer == 0:
            added = np.stack([kernel for kernel, _ in first_layers])
            added_bias = np.stack([shift for _, shift in first_layers])
            kernel = np.concatenate([own, added], axis=2)
        else:
            added = np.concatenate([other.coefs_[layer] for other in others])
            added_bias = np.concatenate([other.intercepts_[layer] for other in others])
            kernel = _side_by_side(own, added) if layer < last else np.concatenate([own, added], axis=1)
        kernels.append(kernel)
        biases.append(bias + added_bias if layer == last else np.concatenate([bias, added_bias], axis=1))
    model.coefs_, model.intercepts_ = kernels, biases
    widths = zip(_sizes(model.hidden_layer_sizes), _sizes(others[0].hidden_layer_sizes), strict=True)
    model.hidden_layer_sizes = tuple(a + b for a, b in widths)
    model._forget_pipeline()
    model.n_iter_ = max(model.n_iter_, *(other.n_iter_ for other in others))
    model.converged_ = model.converged_ and all(other.converged_ for other in others)
    model.loss_ = float(np.mean([other.loss_ for other in others]))
    model.loss_curve_ = list(others[0].loss_curve_)


def _sizes(hidden_layer_sizes: int | Sequence[int]) -> tuple[int, ...]:
    return tuple(int(width) for width in np.atleast_1d(hidden_layer_sizes))


def _rescaled(other: NetworkRegressor, model: NetworkRegressor) -> tuple[FloatArray, FloatArray]:
    """First layer of `other` for features that the scaler of `model` has scaled."""
    kernel, bias = other.coefs_[0][0], other.intercepts_[0][0]
    shift = (model.scaler_mean_ - other.scaler_mean_) / other.scaler_scale_
    scale = model.scaler_scale_ / other.scaler_scale_
    return kernel * scale[:, None], bias + shift @ kernel


def _side_by_side(first: FloatArray, second: FloatArray) -> FloatArray:
    """Block-diagonal kernel of each member."""
    members, rows, columns = first.shape
    joined = np.zeros((members, rows + second.shape[1], columns + second.shape[2]))
    joined[:, :rows, :columns] = first
    joined[:, rows:, columns:] = second
    return joined
