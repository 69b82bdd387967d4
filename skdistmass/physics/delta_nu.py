"""Corrections of the large frequency separation of giants.

The scaling relation Δν ∝ √(mean density) holds to a few per cent. Three corrections of it are used: White
et al. (2011), a function of temperature; Mosser et al. (2013), from observed to asymptotic separation;
Sharma et al. (2016), from stellar models.
"""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skdistmass.columns import as_floats

EVOLUTIONARY_STATES = ("RGB", "RC")

_WHITE_COEFFICIENTS = (-4.29, 4.84, -0.35)
_WHITE_RANGE = (4700.0, 6700.0)
_MOSSER_ORDER = 15.0


def white_correction(teff: ArrayLike) -> NDArray[np.float64]:
    """Factor of the large separation after White et al. (2011).

    Parameters
    ----------
    teff : array-like
        Effective temperature [K].

    Returns
    -------
    ndarray of float
        Factor f; NaN where the temperature is missing.

    Notes
    -----
    f = -4.29 (T/10⁴ K)² + 4.84 (T/10⁴ K) - 0.35, a fit to models of 4700-6700 K. Outside that range the
    factor of its nearest edge is given: the parabola would lower the mass of a giant of 4000 K by a third.

    References
    ----------
    White et al. 2011, ApJ 743, 161.

    Examples
    --------
    >>> white_correction([4000.0, 4700.0, 5772.0]).round(4)
    array([0.9771, 0.9771, 1.0144])
    """
    scaled = np.clip(as_floats(teff, "K"), *_WHITE_RANGE) / 1e4
    return as_floats(np.polyval(_WHITE_COEFFICIENTS, scaled))


def mosser_delta_nu(nu_max: ArrayLike, delta_nu: ArrayLike) -> NDArray[np.float64]:
    """Asymptotic large separation after Mosser et al. (2013) [µHz].

    Parameters
    ----------
    nu_max : array-like
        Frequency of maximum power [µHz].
    delta_nu : array-like
        Observed large separation [µHz].

    Returns
    -------
    ndarray of float
        Asymptotic large separation [µHz]; use it with `MOSSER_REFERENCE` and a factor of one.

    Notes
    -----
    Δν_as = (1 + ζ) Δν with n = ν/Δν; ζ = 0.57/n for n ≥ 15 and 0.038 below.

    References
    ----------
    Mosser et al. 2013, A&A 550, A126.

    Examples
    --------
    >>> mosser_delta_nu([30.0, 200.0], [4.0, 10.0]).round(4)
    array([ 4.152, 10.285])
    """
    nu_max, delta_nu = (
        np.where(v > 0, v, np.nan) for v in (as_floats(nu_max, "uHz"), as_floats(delta_nu, "uHz"))
    )
    order = nu_max / delta_nu
    return (1.0 + 0.57 / np.maximum(order, _MOSSER_ORDER)) * delta_nu


@cache
def _sharma_fits() -> dict[str, dict[str, Any]]:
    file = resources.files("skdistmass.data") / "sharma_fdnu.json"
    return json.loads(file.read_text(encoding="utf-8"))["states"]


def sharma_correction(
    teff: ArrayLike, log_g: ArrayLike, fe_h: ArrayLike, mass: ArrayLike, evolutionary_state: ArrayLike
) -> NDArray[np.float64]:
    """Factor of the large separation, fitted to the grid of Sharma et al. (2016).

    Parameters
    ----------
    teff : array-like
        Effective temperature [K].
    log_g : array-like
        Surface gravity [log10 cm s-2].
    fe_h : array-like
        Metallicity [dex].
    mass : array-like
        Corrected mass [Msun].
    evolutionary_state : array-like of str
        "RGB" or "RC".

    Returns
    -------
    ndarray of float
        Factor f; NaN for missing input and any other state. Outside the box of the fit it is
        that of the nearest edge, and never beyond the range of the tabulated factors.

    See Also
    --------
    skdistmass.physics.seismology.sharma_mass : The mass and the factor together.
    in_sharma_domain : Where the fit holds.

    Notes
    -----
    A cubic in the standardised (T, log g, [Fe/H], log10 M) for each state, fitted by
    ``examples/making/fit_sharma_correction.py`` to the tabulated corrections of APO-K2 giants. That table
    lists the inverse, the factor that multiplies the observed Δν.

    References
    ----------
    Sharma et al. 2016, ApJ 822, 15. Schonhut-Stasik et al. 2024, AJ 167, 50.

    Examples
    --------
    >>> sharma_correction(4700.0, 2.6, 0.0, 1.1, ["RGB", "RC", "?"]).round(2)
    array([0.98, 1.  ,  nan])
    """
    inputs, states, shape = _prepare(teff, log_g, fe_h, mass, evolutionary_state)
    result = np.full(shape, np.nan)
    for name, fit in _sharma_fits().items():
        chosen = states == name
        result[chosen] = _evaluate(fit, inputs[:, chosen])
    return result[()]


def _prepare(
    teff: ArrayLike, log_g: ArrayLike, fe_h: ArrayLike, mass: ArrayLike, evolutionary_state: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.str_], tuple[int, ...]]:
    """Bring the inputs to one shape, stack them, and write the states as text."""
    state = np.asarray(evolutionary_state, dtype=object).astype(str)
    arrays = [as_floats(teff, "K"), as_floats(log_g), as_floats(fe_h), as_floats(mass, "Msun")]
    *arrays, state = np.broadcast_arrays(*arrays, state)
    return np.stack(arrays), state, state.shape


def _scale(fit: dict[str, Any], inputs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Standardised inputs, mass as its logarithm."""
    with np.errstate(invalid="ignore", divide="ignore"):
        values = np.stack([*inputs[:3], np.log10(inputs[3])])
    return (values - np.array(fit["mean"])[:, None]) / np.array(fit["scale"])[:, None]


def _evaluate(fit: dict[str, Any], inputs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Polynomial of one state at points moved to the nearest edge of its box."""
    low, high = np.array(fit["low"])[:, None], np.array(fit["high"])[:, None]
    scaled = _scale(fit, np.clip(inputs, low, high))
    powers = scaled[:, None, :] ** np.arange(fit["degree"] + 1)[:, None]
    total = np.zeros(scaled.shape[1])
    for exponents, coefficient in zip(fit["exponents"], fit["coefficients"], strict=True):
        total += coefficient * np.prod([powers[i, n] for i, n in enumerate(exponents)], axis=0)
    return np.clip(total, *fit["factor_range"])


def in_sharma_domain(
    teff: ArrayLike, log_g: ArrayLike, fe_h: ArrayLike, mass: ArrayLike, evolutionary_state: ArrayLike
) -> NDArray[np.bool_]:
    """Tell which stars lie inside the domain of `sharma_correction`.

    The domain is the box of the fitted stars' values, less the corners of it that hold no star.

    Parameters
    ----------
    teff : array-like
        Effective temperature [K].
    log_g : array-like
        Surface gravity [log10 cm s-2].
    fe_h : array-like
        Metallicity [dex].
    mass : array-like
        Corrected mass [Msun].
    evolutionary_state : array-like of str
        "RGB" or "RC".

    Returns
    -------
    ndarray of bool
        True inside; False for missing input and any other state.

    Notes
    -----
    The corners are cut by the Mahalanobis distance that 99.8 % of the fitted stars keep.

    Examples
    --------
    >>> in_sharma_domain([4700.0, 6500.0], 2.6, 0.0, 1.1, "RGB")
    array([ True, False])
    """
    inputs, states, shape = _prepare(teff, log_g, fe_h, mass, evolutionary_state)
    inside = np.zeros(shape, dtype=bool)
    for name, fit in _sharma_fits().items():
        chosen = states == name
        values = inputs[:, chosen]
        boxed = (values >= np.array(fit["low"])[:, None]) & (values <= np.array(fit["high"])[:, None])
        scaled = _scale(fit, values)
        distance2 = np.einsum("in,ij,jn->n", scaled, np.array(fit["inverse_covariance"]), scaled)
        inside[chosen] = boxed.all(axis=0) & (distance2 <= fit["max_distance2"])
    return inside[()]
