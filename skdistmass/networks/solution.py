"""Trained weights of a network, as every solver returns them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


class Solution(NamedTuple):
    """Weights of one trained network and how the solver ended.

    Parameters
    ----------
    weights : list of ndarray
        Kernel and bias of each layer.
    loss : float
        Loss at the end; of the held-out part where there is one.
    n_iter : int
        Iterations or epochs.
    converged : bool
        Whether the solver stopped by itself.
    loss_curve : list of float
        Loss after each iteration or epoch.
    validation_curve : list of float or None
        Loss of the held-out part after each epoch.
    best_epoch : int or None
        Index of the epoch whose weights stay.
    """

    weights: list[FloatArray]
    loss: float
    n_iter: int
    converged: bool
    loss_curve: list[float]
    validation_curve: list[float] | None = None
    best_epoch: int | None = None


def constant_solution(shapes: Sequence[tuple[int, ...]], value: float) -> Solution:
    """Return the network of a constant target: no kernels, and the constant as the last bias.

    Parameters
    ----------
    shapes : sequence of tuple of int
        Shapes of kernels and biases.
    value : float
        The constant.

    Returns
    -------
    Solution
        The network without any loss.
    """
    weights = [np.zeros(shape) for shape in shapes]
    weights[-1][:] = value
    return Solution(weights, 0.0, 1, True, [0.0])


def unscaled(weights: list[np.ndarray], mean: float, scale: float) -> list[np.ndarray]:
    """Fold the standardisation of the target into the output layer.

    Parameters
    ----------
    weights : list of ndarray
        Kernel and bias of each layer.
    mean, scale : float
        Moments of the target.

    Returns
    -------
    list of ndarray
        Weights of the network of the target itself.
    """
    *hidden, kernel, bias = weights
    return [*hidden, kernel * scale, bias * scale + mean]
