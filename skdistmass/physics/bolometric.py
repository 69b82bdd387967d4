"""Bolometric corrections in 2MASS Ks and the absolute magnitude of a star of known radius.

Nominal solar values are those of IAU 2015 resolutions B2 and B3.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skdistmass.columns import as_floats
from skdistmass.physics.constants import SOLAR_BOLOMETRIC_MAGNITUDE, SOLAR_EFFECTIVE_TEMPERATURE

if TYPE_CHECKING:
    from scipy.interpolate import RegularGridInterpolator


@cache
def _table() -> RegularGridInterpolator:
    from scipy.interpolate import RegularGridInterpolator

    file = resources.files("skdistmass.data") / "bolometric_corrections_ks.npz"
    with file.open("rb") as stream, np.load(stream) as table:
        axes = table["teff"], table["log_g"], table["fe_h"]
        return RegularGridInterpolator(
            axes, table["bc_ks"].astype(float), bounds_error=False, fill_value=np.nan
        )


def bolometric_correction_k(teff: ArrayLike, log_g: ArrayLike, fe_h: ArrayLike) -> NDArray[np.float64]:
    """Bolometric correction in 2MASS Ks [mag].

    Parameters
    ----------
    teff : array-like
        Effective temperature [K], 3000-8000.
    log_g : array-like
        Surface gravity [log10 cm s-2], -0.5 to 5.5.
    fe_h : array-like
        Metallicity [dex], -2.5 to 0.5.

    Returns
    -------
    ndarray of float
        Correction BC [mag], Vega system, without extinction; NaN outside the table and for missing input.

    Raises
    ------
    ValueError
        If the inputs do not broadcast against each other.

    Notes
    -----
    M_Ks = M_bol - BC, linear in each of the three axes between the nodes of the MIST table. Where the model
    atmospheres end (giants of high temperature, for example) the table repeats its last node.

    References
    ----------
    Choi et al. 2016, ApJ 823, 102. Dotter 2016, ApJS 222, 8.

    Examples
    --------
    >>> bolometric_correction_k([4750.0, 2500.0], 2.5, 0.0).round(3)
    array([2.042,   nan])
    """
    teff, log_g, fe_h = as_floats(teff, "K"), as_floats(log_g), as_floats(fe_h)
    points = np.stack(np.broadcast_arrays(teff, log_g, fe_h), axis=-1)
    points[np.isinf(points)] = np.nan
    return _table()(points.reshape(-1, 3)).reshape(points.shape[:-1])[()]


def bolometric_magnitude(radius: ArrayLike, teff: ArrayLike) -> NDArray[np.float64]:
    """Absolute bolometric magnitude of a sphere of known radius and temperature [mag].

    Parameters
    ----------
    radius : array-like
        Radius [Rsun].
    teff : array-like
        Effective temperature [K].

    Returns
    -------
    ndarray of float
        Absolute bolometric magnitude [mag]; NaN where an input is missing or not positive.

    Notes
    -----
    M_bol = 4.74 - 5 log10(R) - 10 log10(T / 5772 K).

    References
    ----------
    Mamajek et al. 2015, arXiv:1510.06262 (IAU resolution B2).

    Examples
    --------
    >>> bolometric_magnitude(1.0, 5772.0)
    np.float64(4.74)
    """
    radius, teff = as_floats(radius, "Rsun"), as_floats(teff, "K")
    radius, teff = np.where(radius > 0, radius, np.nan), np.where(teff > 0, teff, np.nan)
    return (
        SOLAR_BOLOMETRIC_MAGNITUDE - 5 * np.log10(radius) - 10 * np.log10(teff / SOLAR_EFFECTIVE_TEMPERATURE)
    )


def absolute_magnitude_from_radius(
    radius: ArrayLike, teff: ArrayLike, log_g: ArrayLike, fe_h: ArrayLike
) -> NDArray[np.float64]:
    """Absolute Ks magnitude of a star of known radius [mag].

    Parameters
    ----------
    radius : array-like
        Radius [Rsun].
    teff : array-like
        Effective temperature [K].
    log_g : array-like
        Surface gravity [log10 cm s-2].
    fe_h : array-like
        Metallicity [dex].

    Returns
    -------
    ndarray of float
        Absolute 2MASS Ks magnitude [mag]; NaN outside the table of bolometric corrections.

    See Also
    --------
    radius_from_absolute_magnitude : The inverse.
    absolute_magnitude_error_from_radius : Its error.

    Notes
    -----
    M_Ks = 4.74 - 5 log10(R) - 10 log10(T / 5772 K) - BC_Ks(T, log g, [Fe/H]).

    Examples
    --------
    >>> absolute_magnitude_from_radius(1.0, 5772.0, 4.438, 0.0).round(2)
    np.float64(3.29)
    """
    return bolometric_magnitude(radius, teff) - bolometric_correction_k(teff, log_g, fe_h)


def absolute_magnitude_error_from_radius(
    radius_fractional_error: ArrayLike,
    teff: ArrayLike,
    teff_error: ArrayLike,
    log_g: ArrayLike,
    fe_h: ArrayLike,
) -> NDArray[np.float64]:
    """Error of the absolute Ks magnitude of a star of known radius [mag].

    Parameters
    ----------
    radius_fractional_error : array-like
        Fractional error of the radius at a given temperature.
    teff : array-like
        Effective temperature [K].
    teff_error : array-like
        Its error [K].
    log_g : array-like
        Surface gravity [log10 cm s-2].
    fe_h : array-like
        Metallicity [dex].

    Returns
    -------
    ndarray of float
        Standard error [mag]; NaN outside the table of bolometric corrections.

    Notes
    -----
    The errors of radius and temperature are taken as independent. The bolometric correction takes back about
    two thirds of the direct effect of a giant's temperature, because Ks lies in the tail of its spectrum.

    Examples
    --------
    >>> absolute_magnitude_error_from_radius(0.02, 4750.0, 50.0, 2.5, 0.0).round(3)
    np.float64(0.046)
    """
    teff, teff_error = as_floats(teff, "K"), as_floats(teff_error, "K")
    half_step = 25.0
    cooler, hotter = (
        absolute_magnitude_from_radius(1.0, teff + sign * half_step, log_g, fe_h) for sign in (-1, 1)
    )
    slope = (hotter - cooler) / (2 * half_step)
    return np.hypot(5 / np.log(10) * as_floats(radius_fractional_error), slope * teff_error)


def radius_from_absolute_magnitude(
    absolute_magnitude: ArrayLike, teff: ArrayLike, log_g: ArrayLike, fe_h: ArrayLike
) -> NDArray[np.float64]:
    """Stellar radius from a known absolute Ks magnitude [Rsun].

    Parameters
    ----------
    absolute_magnitude : array-like
        Absolute 2MASS Ks magnitude, extinction removed [mag].
    teff : array-like
        Effective temperature [K].
    log_g : array-like
        Surface gravity [log10 cm s-2].
    fe_h : array-like
        Metallicity [dex].

    Returns
    -------
    ndarray of float
        Radius [Rsun]; NaN outside the table of bolometric corrections.

    See Also
    --------
    absolute_magnitude_from_radius : The inverse.

    Notes
    -----
    log10(R) = 0.2 (4.74 - M_Ks - BC_Ks - 10 log10(T / 5772 K)).

    Examples
    --------
    >>> radius_from_absolute_magnitude(-1.6, 4750.0, 2.5, 0.0).round(2)
    np.float64(10.69)
    """
    unit = absolute_magnitude_from_radius(1.0, teff, log_g, fe_h)
    return 10 ** (0.2 * (unit - as_floats(absolute_magnitude, "mag")))
