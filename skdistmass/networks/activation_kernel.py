"""Activations of the networks, compiled, for a block of stars at a time.

In the operations, and the order, of `skdistmass.networks.activations`, to the last bit.
"""

from __future__ import annotations

import numba
import numpy as np

from skdistmass.compiled import OPTIONS
from skdistmass.networks.activations import (
    ACTIVATION_NAMES,
    EXP_SERIES,
    LN2_HIGH,
    LN2_LOW,
    LOG1P_SERIES,
    LOG2_E,
    MAX_EXPONENT,
    ROUND,
)

BLOCK = 256

ACTIVATION_CODES = {name: code for code, name in enumerate(ACTIVATION_NAMES)}
_RELU, _TANH, _LOGISTIC, _IDENTITY, _SOFTPLUS, _ELU, _SILU = range(7)


# A function that is not inlined has one machine code in the process that compiles it, and another one,
# optimised once more with its caller, in the file of the caller; sums that may be reordered then differ in
# their last digits between a first and a second run. So all is part of the two entry points kept on disk.
_inlined = numba.njit(forceinline=True, **OPTIONS)


@_inlined
def _exp(x):
    """Exponential: `exponential` of `skdistmass.networks.activations`."""
    x = min(max(x, -MAX_EXPONENT), MAX_EXPONENT)
    power = x * LOG2_E + ROUND
    k = power - ROUND
    rest = (x - k * LN2_HIGH) - k * LN2_LOW
    series = EXP_SERIES[0]
    for n in range(1, len(EXP_SERIES)):
        series = series * rest + EXP_SERIES[n]
    return series * np.int64((np.float64(power).view(np.int64) + 1023) << 52).view(np.float64)


@_inlined
def _fill(row, start, value):
    # Plain loops compile in a tenth of the time that assignments to slices need.
    for b in range(start, BLOCK):
        row[b] = value


@_inlined
def _tanh(z):
    for b in range(BLOCK):
        z[b] = 1.0 - 2.0 / (_exp(2.0 * z[b]) + 1.0)


@_inlined
def _logistic(code, z, slope):
    """Apply logistic or silu to one neuron."""
    for b in range(BLOCK):
        logistic = 1.0 - 1.0 / (_exp(z[b]) + 1.0)
        if code == _LOGISTIC:
            z[b] = logistic
            slope[b] = logistic * (1.0 - logistic)
        else:
            slope[b] = logistic * (1.0 + z[b] * (1.0 - logistic))
            z[b] = z[b] * logistic


@_inlined
def _softplus(z, slope):
    for b in range(BLOCK):
        e = _exp(-abs(z[b]))
        slope[b] = (1.0 if z[b] > 0.0 else e) / (1.0 + e)
        ratio = e / (2.0 + e)
        square = ratio * ratio
        value = z[b] if z[b] > 0.0 else 0.0
        for n in range(len(LOG1P_SERIES)):
            value += LOG1P_SERIES[n] * ratio
            ratio *= square
        z[b] = value


@_inlined
def _elu(z, slope):
    for b in range(BLOCK):
        e = _exp(-abs(z[b]))
        slope[b] = 1.0 if z[b] > 0.0 else e
        z[b] = z[b] if z[b] > 0.0 else e - 1.0


@_inlined
def _activate(code, values, slopes):
    """Apply the activation to a layer in place and keep its derivative; that of tanh is 1 - tanh ** 2."""
    for j in range(len(values)):
        z, slope = values[j], slopes[j]
        if code == _RELU:
            for b in range(BLOCK):
                slope[b] = 1.0 if z[b] > 0.0 else 0.0
                z[b] = z[b] if z[b] > 0.0 else 0.0
        elif code == _TANH:
            _tanh(z)
        elif code in (_LOGISTIC, _SILU):
            _logistic(code, z, slope)
        elif code == _SOFTPLUS:
            _softplus(z, slope)
        elif code == _ELU:
            _elu(z, slope)
        else:
            _fill(slope, 0, 1.0)


@_inlined
def _times_slope(code, error, value, slope):
    """Multiply by the derivatives of the activations of one neuron."""
    if code == _TANH:
        for b in range(BLOCK):
            error[b] *= 1.0 - value[b] * value[b]
    else:
        for b in range(BLOCK):
            error[b] *= slope[b]
