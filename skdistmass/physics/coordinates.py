"""Positions on the sky: Galactic and ecliptic latitude, changes of frame."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skdistmass.columns import as_floats

OBLIQUITY = np.deg2rad(84381.406 / 3600.0)
"""Obliquity of the ecliptic, IAU 2006, J2000 [rad]."""

# North Galactic pole in J2000 (Hipparcos catalogue, volume 1, section 1.5.3).
_POLE_RA, _POLE_DEC = np.radians(192.85948), np.radians(27.12825)


def galactic_latitude(ra: ArrayLike, dec: ArrayLike) -> NDArray[np.float64]:
    r"""Galactic latitude of a position [deg].

    Parameters
    ----------
    ra : array-like
        Right ascension, J2000 [deg].
    dec : array-like
        Declination, J2000 [deg].

    Returns
    -------
    ndarray
        Galactic latitude [deg]; NaN where that is no position.

    Notes
    -----
    .. math:: \sin b = \sin\delta \sin\delta_G + \cos\delta \cos\delta_G \cos(\alpha - \alpha_G)

    Examples
    --------
    >>> abs(galactic_latitude(266.405, -28.936).round(2))
    np.float64(0.0)
    """
    ra, dec = _radians(ra, dec)
    sine = np.sin(dec) * np.sin(_POLE_DEC) + np.cos(dec) * np.cos(_POLE_DEC) * np.cos(ra - _POLE_RA)
    return np.degrees(np.arcsin(np.clip(sine, -1, 1)))


def _radians(ra: ArrayLike, dec: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return a position in radians, NaN for declinations beyond ±90° and right ascensions beyond ±360°."""
    ra, dec = as_floats(ra, "deg"), as_floats(dec, "deg")
    known = (np.abs(dec) <= 90.0) & (np.abs(ra) <= 360.0)
    return np.radians(np.where(known, ra, np.nan)), np.radians(np.where(known, dec, np.nan))


def ecliptic_latitude(ra: ArrayLike, dec: ArrayLike) -> NDArray[np.float64]:
    """Ecliptic latitude [deg].

    Parameters
    ----------
    ra, dec : array-like
        Right ascension and declination, ICRS [deg].

    Returns
    -------
    ndarray of float
        Ecliptic latitude [deg], within 0.1 arcsec of the mean ecliptic of J2000;
        NaN where that is no position.

    Notes
    -----
    sin β = sin δ cos ε - cos δ sin ε sin α with the obliquity ε = 84381.406 arcsec (IAU 2006). The frame bias
    between ICRS and the mean equator of J2000 (0.02 arcsec) is left out.

    References
    ----------
    Capitaine, Wallace & Chapront 2003, A&A 412, 567.

    Examples
    --------
    >>> ecliptic_latitude(290.0, 38.0).round(3)
    np.float64(59.25)
    """
    alpha, delta = _radians(ra, dec)
    sine = np.sin(delta) * np.cos(OBLIQUITY) - np.cos(delta) * np.sin(OBLIQUITY) * np.sin(alpha)
    return np.rad2deg(np.arcsin(np.clip(sine, -1.0, 1.0)))


def convert_frame(
    longitude: NDArray[np.float64], latitude: NDArray[np.float64], source: str, target: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Convert positions between astropy's frames ``icrs`` and ``galactic``.

    Parameters
    ----------
    longitude, latitude : ndarray
        Position [deg].
    source, target : str
        Names of the frames.

    Returns
    -------
    longitude, latitude : ndarray
        Position in the target frame [deg].
    """
    from astropy import units
    from astropy.coordinates import SkyCoord

    position = SkyCoord(longitude * units.deg, latitude * units.deg, frame=source).transform_to(target)
    return position.spherical.lon.deg, position.spherical.lat.deg
