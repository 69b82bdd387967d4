"""Activations of the networks, and what both ways of evaluating them and mixtures share."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

ACTIVATION_NAMES = ("relu", "tanh", "logistic", "identity", "softplus", "elu", "silu")
# Adding 1.5 * 2 ** 52 rounds a number to an integer and leaves that integer in its lowest bits.
ROUND = 6755399441055744.0
LOG2_E = 1.4426950408889634
LN2_HIGH, LN2_LOW = 0.6931471803691238, 1.9082149292705877e-10
MAX_EXPONENT = 700.0
EXP_SERIES = tuple(1.0 / math.factorial(n) for n in range(13, -1, -1))
# ln(1 + e) = 2 artanh(r) with r = e / (2 + e) <= 1/3 for e <= 1.
LOG1P_SERIES = tuple(2.0 / (2 * n + 1) for n in range(17))
LOG_WIDTHS = (math.log(0.18), 3.0)
"""Range of the log widths of a network of mixtures, in units of the residuals' scatter. Label errors that are
stated too large would leave none below it."""

# Steps to a quantile of a mixture, at most; one in four is a bisection.
MAX_TURNS = 200
# A step of Halley leaves the cube of its length times (2 + z ** 2) / 12, in units of the width: below 1e-7.
LAST_STEP, LAST_OTHER_STEP = 0.004, 1e-7
INVERSE_ROOT_2PI = 1.0 / math.sqrt(2.0 * math.pi)


def exponential(x: FloatArray) -> FloatArray:
    """Exponential to 1e-16: 2 ** k times the Taylor series of the rest.

    Parameters
    ----------
    x : ndarray
        Exponents, clipped at ±700.

    Returns
    -------
    ndarray
        Exponentials.
    """
    x = np.clip(x, -MAX_EXPONENT, MAX_EXPONENT)
    power = x * LOG2_E + ROUND
    k = power - ROUND
    rest = (x - k * LN2_HIGH) - k * LN2_LOW
    series = np.full_like(rest, EXP_SERIES[0])
    for coefficient in EXP_SERIES[1:]:
        series *= rest
        series += coefficient
    return series * ((power.view(np.int64) + 1023) << 52).view(np.float64)


def _logistic(z: FloatArray) -> FloatArray:
    return 1.0 - 1.0 / (exponential(z) + 1.0)


def _softplus(z: FloatArray) -> FloatArray:
    e = exponential(-np.abs(z))
    ratio = e / (2.0 + e)
    value, square = np.where(z > 0, z, 0.0), ratio * ratio
    for coefficient in LOG1P_SERIES:
        value += coefficient * ratio
        ratio *= square
    return value


ACTIVATIONS = {
    "relu": lambda z: np.where(z > 0, z, 0.0),
    "tanh": lambda z: 1.0 - 2.0 / (exponential(2.0 * z) + 1.0),
    "logistic": _logistic,
    "identity": lambda z: z,
    "softplus": _softplus,
    "elu": lambda z: np.where(z > 0, z, exponential(-np.abs(z)) - 1.0),
    "silu": lambda z: z * _logistic(z),
}


def _slope_of_logistic(z: FloatArray) -> FloatArray:
    value = _logistic(z)
    return value * (1.0 - value)


def _slope_of_tanh(z: FloatArray) -> FloatArray:
    value = ACTIVATIONS["tanh"](z)
    return 1.0 - value * value


def _slope_of_softplus(z: FloatArray) -> FloatArray:
    e = exponential(-np.abs(z))
    return np.where(z > 0, 1.0, e) / (1.0 + e)


def _slope_of_silu(z: FloatArray) -> FloatArray:
    value = _logistic(z)
    return value * (1.0 + z * (1.0 - value))


SLOPES: dict[str, Callable[[FloatArray], FloatArray]] = {
    "relu": lambda z: np.where(z > 0, 1.0, 0.0),
    "tanh": _slope_of_tanh,
    "logistic": _slope_of_logistic,
    "identity": np.ones_like,
    "softplus": _slope_of_softplus,
    "elu": lambda z: np.where(z > 0, 1.0, exponential(-np.abs(z))),
    "silu": _slope_of_silu,
}
"""Derivatives of the activations."""
