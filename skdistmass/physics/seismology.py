"""Masses and radii of giants from the frequencies of their oscillations.

Six sets of labels come from three corrections of the large separation Δν (Sharma SS, Mosser MO, White TW),
each as it is and brought to the scale of Gaia's radii: `seismic_masses` makes them all.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skdistmass.columns import as_floats
from skdistmass.physics.constants import SOLAR_EFFECTIVE_TEMPERATURE
from skdistmass.physics.delta_nu import mosser_delta_nu, sharma_correction, white_correction
from skdistmass.physics.gaia_radius import apply_radius_correction, check_correction
from skdistmass.physics.photometry import positive

FloatArray = NDArray[np.float64]


class SolarReference(NamedTuple):
    """Solar frequencies on the scale of one pipeline.

    Attributes
    ----------
    nu_max : float
        Frequency of maximum power [µHz].
    delta_nu : float
        Large frequency separation [µHz].
    """

    nu_max: float
    delta_nu: float


SOLAR_REFERENCES = {
    "APOKASC2": SolarReference(3076.0, 135.146),
    "SYD": SolarReference(3090.0, 135.1),
    "A2Z": SolarReference(3097.33, 135.2),
    "CAN": SolarReference(3140.0, 134.88),
    "COR": SolarReference(3050.0, 135.5),
    "OCT": SolarReference(3139.0, 135.05),
}
MOSSER_REFERENCE = SolarReference(3104.0, 138.8)


class SeismicLabels(NamedTuple):
    """Mass and radius of each star with their errors.

    Attributes
    ----------
    mass : ndarray of float
        Mass [Msun].
    radius : ndarray of float
        Radius [Rsun].
    mass_fractional_error : ndarray of float
        Fractional error of the mass.
    radius_fractional_error : ndarray of float
        Fractional error of the radius.
    """

    mass: FloatArray
    radius: FloatArray
    mass_fractional_error: FloatArray
    radius_fractional_error: FloatArray


def _reference(pipeline: str) -> SolarReference:
    try:
        return SOLAR_REFERENCES[pipeline]
    except KeyError:
        raise ValueError(
            f"`pipeline` must be one of {list(SOLAR_REFERENCES)}; received {pipeline!r}"
        ) from None


def seismic_mass(
    nu_max: ArrayLike,
    delta_nu: ArrayLike,
    teff: ArrayLike,
    correction_factor: ArrayLike = 1.0,
    reference: SolarReference = SOLAR_REFERENCES["APOKASC2"],
) -> FloatArray:
    """Stellar mass from the scaling relations [Msun].

    Parameters
    ----------
    nu_max : array-like
        Frequency of maximum power [µHz].
    delta_nu : array-like
        Large frequency separation [µHz].
    teff : array-like
        Effective temperature [K].
    correction_factor : array-like, default=1
        Factor f of the large separation.
    reference : SolarReference, default=SOLAR_REFERENCES["APOKASC2"]
        Solar frequencies.

    Returns
    -------
    ndarray of float
        Mass [Msun]; NaN where an input is missing or not positive.

    Notes
    -----
    M = (ν/ν☉)³ (Δν/(f Δν☉))⁻⁴ (T/5772 K)^1.5

    References
    ----------
    Kjeldsen & Bedding 1995, A&A 293, 87. Pinsonneault et al. 2018, ApJS 239, 32.

    Examples
    --------
    >>> seismic_mass(30.0, 4.0, 4800.0).round(3)
    np.float64(0.917)
    """
    nu = positive(nu_max, "uHz") / reference.nu_max
    delta = positive(delta_nu, "uHz") / (positive(correction_factor) * reference.delta_nu)
    return nu**3 * delta**-4 * (positive(teff, "K") / SOLAR_EFFECTIVE_TEMPERATURE) ** 1.5


def seismic_radius(
    nu_max: ArrayLike,
    delta_nu: ArrayLike,
    teff: ArrayLike,
    correction_factor: ArrayLike = 1.0,
    reference: SolarReference = SOLAR_REFERENCES["APOKASC2"],
) -> FloatArray:
    """Stellar radius from the scaling relations [Rsun].

    Parameters
    ----------
    nu_max : array-like
        Frequency of maximum power [µHz].
    delta_nu : array-like
        Large frequency separation [µHz].
    teff : array-like
        Effective temperature [K].
    correction_factor : array-like, default=1
        Factor f of the large separation.
    reference : SolarReference, default=SOLAR_REFERENCES["APOKASC2"]
        Solar frequencies.

    Returns
    -------
    ndarray of float
        Radius [Rsun]; NaN where an input is missing or not positive.

    Notes
    -----
    R = (ν/ν☉) (Δν/(f Δν☉))⁻² (T/5772 K)^0.5

    References
    ----------
    Kjeldsen & Bedding 1995, A&A 293, 87. Pinsonneault et al. 2018, ApJS 239, 32.

    Examples
    --------
    >>> seismic_radius(30.0, 4.0, 4800.0).round(2)
    np.float64(10.15)
    """
    nu = positive(nu_max, "uHz") / reference.nu_max
    delta = positive(delta_nu, "uHz") / (positive(correction_factor) * reference.delta_nu)
    return nu * delta**-2 * (positive(teff, "K") / SOLAR_EFFECTIVE_TEMPERATURE) ** 0.5


def mass_fractional_error(
    nu_max_fractional_error: ArrayLike, delta_nu_fractional_error: ArrayLike, teff_fractional_error: ArrayLike
) -> FloatArray:
    """Fractional error of a mass from the scaling relations, correction factor held fixed.

    Parameters
    ----------
    nu_max_fractional_error : array-like
        Fractional error of the frequency of maximum power.
    delta_nu_fractional_error : array-like
        Fractional error of the large separation.
    teff_fractional_error : array-like
        Fractional error of the effective temperature.

    Returns
    -------
    ndarray of float
        Fractional error of the mass.

    Notes
    -----
    σ_M/M = √((3 σ_ν/ν)² + (4 σ_Δ/Δ)² + (1.5 σ_T/T)²)

    Examples
    --------
    >>> mass_fractional_error(0.01, 0.005, 0.01).round(4)
    np.float64(0.0391)
    """
    return _combine(
        (3.0, nu_max_fractional_error), (4.0, delta_nu_fractional_error), (1.5, teff_fractional_error)
    )


def radius_fractional_error(
    nu_max_fractional_error: ArrayLike, delta_nu_fractional_error: ArrayLike, teff_fractional_error: ArrayLike
) -> FloatArray:
    """Fractional error of a radius from the scaling relations, correction factor held fixed.

    Parameters
    ----------
    nu_max_fractional_error : array-like
        Fractional error of the frequency of maximum power.
    delta_nu_fractional_error : array-like
        Fractional error of the large separation.
    teff_fractional_error : array-like
        Fractional error of the effective temperature.

    Returns
    -------
    ndarray of float
        Fractional error of the radius.

    Notes
    -----
    σ_R/R = √((σ_ν/ν)² + (2 σ_Δ/Δ)² + (0.5 σ_T/T)²)

    Examples
    --------
    >>> radius_fractional_error(0.01, 0.005, 0.01).round(4)
    np.float64(0.015)
    """
    return _combine(
        (1.0, nu_max_fractional_error), (2.0, delta_nu_fractional_error), (0.5, teff_fractional_error)
    )


def _combine(*terms: tuple[ArrayLike, ArrayLike]) -> FloatArray:
    """Square root of the sum of (slope · error)²."""
    return np.sqrt(sum((np.asarray(slope) * as_floats(error)) ** 2 for slope, error in terms))


def sharma_mass(
    nu_max: ArrayLike,
    delta_nu: ArrayLike,
    teff: ArrayLike,
    log_g: ArrayLike,
    fe_h: ArrayLike,
    evolutionary_state: ArrayLike,
    reference: SolarReference = SOLAR_REFERENCES["APOKASC2"],
) -> tuple[FloatArray, FloatArray]:
    """Mass with the Sharma correction that belongs to that mass [Msun].

    Parameters
    ----------
    nu_max : array-like
        Frequency of maximum power [µHz].
    delta_nu : array-like
        Large frequency separation [µHz].
    teff : array-like
        Effective temperature [K].
    log_g : array-like
        Surface gravity [log10 cm s-2].
    fe_h : array-like
        Metallicity [dex].
    evolutionary_state : array-like of str
        "RGB" or "RC".
    reference : SolarReference, default=SOLAR_REFERENCES["APOKASC2"]
        Solar frequencies.

    Returns
    -------
    mass : ndarray of float
        Mass [Msun].
    correction_factor : ndarray of float
        Factor f of the large separation.

    Notes
    -----
    M = M(f=1) f(T, log g, [Fe/H], M)⁴ is iterated from f = 1. The slope 4 d ln f/d ln M stays below
    one in size, so that the steps converge.

    Examples
    --------
    >>> mass, factor = sharma_mass(60.0, 6.0, 4700.0, 2.7, 0.0, "RGB")
    >>> bool(np.isclose(mass, seismic_mass(60.0, 6.0, 4700.0, factor)))
    True
    """
    uncorrected = seismic_mass(nu_max, delta_nu, teff, 1.0, reference)
    mass, factor = uncorrected, np.full_like(uncorrected, np.nan)
    for _ in range(60):
        factor = sharma_correction(teff, log_g, fe_h, mass, evolutionary_state)
        previous, mass = mass, uncorrected * factor**4
        change = np.abs(mass / previous - 1.0)
        if np.all(np.isnan(change) | (change < 1e-12)):
            break
    return mass, factor


def _mass_and_radius(
    measured: Sequence[FloatArray],
    fixed: tuple[ArrayLike, ArrayLike, ArrayLike],
    correction: str,
    radius_corrected: bool,
    reference: SolarReference,
) -> tuple[FloatArray, FloatArray]:
    (nu_max, delta_nu, teff), (log_g, fe_h, state) = measured, fixed
    factor: ArrayLike = 1.0
    if correction == "MO":
        reference, delta_nu = MOSSER_REFERENCE, mosser_delta_nu(nu_max, delta_nu)
    elif correction == "TW":
        factor = white_correction(teff)
    else:
        _, factor = sharma_mass(nu_max, delta_nu, teff, log_g, fe_h, state, reference)
    mass = seismic_mass(nu_max, delta_nu, teff, factor, reference)
    radius = seismic_radius(nu_max, delta_nu, teff, factor, reference)
    return apply_radius_correction(mass, radius, correction, state) if radius_corrected else (mass, radius)


def seismic_masses(
    nu_max: ArrayLike,
    delta_nu: ArrayLike,
    teff: ArrayLike,
    log_g: ArrayLike,
    fe_h: ArrayLike,
    evolutionary_state: ArrayLike,
    *,
    nu_max_error: ArrayLike = np.nan,
    delta_nu_error: ArrayLike = np.nan,
    teff_error: ArrayLike = np.nan,
    correction: str = "SS",
    radius_corrected: bool = False,
    pipeline: str = "APOKASC2",
) -> SeismicLabels:
    """Label giants with masses and radii of one of the six sets, with errors.

    Parameters
    ----------
    nu_max : array-like
        Frequency of maximum power [µHz].
    delta_nu : array-like
        Large frequency separation [µHz].
    teff : array-like
        Effective temperature [K].
    log_g : array-like
        Surface gravity [log10 cm s-2]; used by "SS" only.
    fe_h : array-like
        Metallicity [dex]; used by "SS" only.
    evolutionary_state : array-like of str
        "RGB" or "RC"; used by "SS" and with `radius_corrected`.
    nu_max_error, delta_nu_error : array-like, default=nan
        Errors of the frequencies [µHz].
    teff_error : array-like, default=nan
        Error of the effective temperature [K].
    correction : {"SS", "MO", "TW"}, default="SS"
        Correction of the large separation: Sharma+ 2016, Mosser+ 2013 or White+ 2011.
    radius_corrected : bool, default=False
        Whether masses and radii are brought to Gaia's radii.
    pipeline : str, default="APOKASC2"
        Key of `SOLAR_REFERENCES`. "MO" has solar frequencies of its own.

    Returns
    -------
    SeismicLabels
        Mass [Msun], radius [Rsun] and their fractional errors.

    Raises
    ------
    ValueError
        If the correction or the pipeline is unknown.

    Notes
    -----
    Errors are propagated through the whole chain with numerical derivatives in ν_max, Δν and T, so that
    the dependence of the corrections on them is included; the calibration error of the corrections is not.
    Without one of the three errors the fractional errors are NaN.

    Examples
    --------
    >>> labels = seismic_masses(
    ...     [30.0, 60.0], [4.0, 6.0], [4800.0, 4700.0], [2.4, 2.7], 0.0, ["RC", "RGB"],
    ...     nu_max_error=0.5, delta_nu_error=0.04, teff_error=50.0, correction="MO",
    ... )
    >>> labels.mass.round(2)
    array([0.86, 1.31])
    """
    check_correction(correction)
    reference = _reference(pipeline)
    settings = ((log_g, fe_h, evolutionary_state), correction, bool(radius_corrected), reference)
    centre = [as_floats(nu_max, "uHz"), as_floats(delta_nu, "uHz"), as_floats(teff, "K")]
    mass, radius = _mass_and_radius(centre, *settings)
    mass_terms, radius_terms = [], []
    half_step = 1e-4
    for i, error in enumerate((nu_max_error, delta_nu_error, teff_error)):
        low, high = (
            _mass_and_radius([v * (1 + sign * half_step * (j == i)) for j, v in enumerate(centre)], *settings)
            for sign in (-1, 1)
        )
        fractional = as_floats(error, ("uHz", "uHz", "K")[i]) / positive(centre[i])
        mass_terms.append((np.log(high[0] / low[0]) / (2 * half_step), fractional))
        radius_terms.append((np.log(high[1] / low[1]) / (2 * half_step), fractional))
    return SeismicLabels(mass, radius, _combine(*mass_terms), _combine(*radius_terms))
