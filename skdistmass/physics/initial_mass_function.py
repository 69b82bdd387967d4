"""How many stars are born with each mass: the initial mass function that weighs isochrones."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skdistmass.columns import as_floats

# Kroupa (2001): slopes of dN/dm between these masses [Msun].
_IMF_EDGES = np.array([0.01, 0.08, 0.5, np.inf])
_IMF_SLOPES = np.array([-0.3, -1.3, -2.3])
# Continuity at the edges fixes the factors; the first is 1 and normalisation follows on 0.01-120 Msun.
_IMF_FACTORS = np.cumprod(np.concatenate([[1.0], _IMF_EDGES[1:3] ** (_IMF_SLOPES[:2] - _IMF_SLOPES[1:])]))
_IMF_RANGE = (0.01, 120.0)


def _imf_primitive(mass: NDArray[np.float64]) -> NDArray[np.float64]:
    """Integral of the unnormalised function from its lower edge to each mass."""
    total = np.zeros_like(mass)
    for low, high, slope, factor in zip(
        _IMF_EDGES[:-1], _IMF_EDGES[1:], _IMF_SLOPES, _IMF_FACTORS, strict=True
    ):
        top = np.clip(mass, low, high)
        total = total + factor * (top ** (slope + 1) - low ** (slope + 1)) / (slope + 1)
    return total


_IMF_NORM = float(np.diff(_imf_primitive(np.array(_IMF_RANGE)))[0])


def kroupa_imf(mass: ArrayLike) -> NDArray[np.float64]:
    r"""Evaluate the Kroupa (2001) initial mass function, in stars per unit mass [1/Msun].

    Parameters
    ----------
    mass : array-like
        Initial mass [Msun].

    Returns
    -------
    ndarray or float
        dN/dm of one star born between 0.01 and 120 Msun; zero outside, NaN for NaN.

    Notes
    -----
    :math:`dN/dm \propto m^{-\alpha}` with :math:`\alpha` = 0.3 (0.01-0.08 Msun), 1.3 (0.08-0.5 Msun) and
    2.3 (above), continuous at the edges.

    References
    ----------
    Kroupa, P. 2001, MNRAS, 322, 231.

    Examples
    --------
    >>> from skdistmass.physics.initial_mass_function import kroupa_imf
    >>> round(float(kroupa_imf(1.0) / kroupa_imf(2.0)), 4)  # 2 ** 2.3
    4.9246
    """
    mass = as_floats(mass, "Msun")
    inside = (mass >= _IMF_RANGE[0]) & (mass <= _IMF_RANGE[1])
    safe = np.where(inside, mass, 1.0)
    piece = np.clip(np.searchsorted(_IMF_EDGES, safe, side="right") - 1, 0, 2)
    density = _IMF_FACTORS[piece] * safe ** _IMF_SLOPES[piece] / _IMF_NORM
    density = np.where(inside, density, np.where(np.isnan(mass), np.nan, 0.0))
    return density[()]


def kroupa_imf_integral(low: ArrayLike, high: ArrayLike) -> NDArray[np.float64]:
    """Integrate the initial mass function between two masses (a number fraction).

    Parameters
    ----------
    low, high : array-like
        Limits in initial mass [Msun]; they are clipped to 0.01-120 Msun.

    Returns
    -------
    ndarray or float
        Integral of `kroupa_imf` between the limits, negative where ``high < low``.

    Examples
    --------
    >>> from skdistmass.physics.initial_mass_function import kroupa_imf_integral
    >>> round(float(kroupa_imf_integral(0.01, 120.0)), 6)
    1.0
    """
    below, above = (_imf_primitive(np.clip(as_floats(m, "Msun"), *_IMF_RANGE)) for m in (low, high))
    return ((above - below) / _IMF_NORM)[()]
