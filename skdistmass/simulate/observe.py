"""What instruments make of the stars: spectroscopic errors, photometry, Gaia, extinction estimates, ids."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from skdistmass.physics.constants import A_K_PER_E_B_V, SOLAR_EFFECTIVE_TEMPERATURE
from skdistmass.physics.coordinates import ecliptic_latitude
from skdistmass.physics.parallax import edsd_quantiles, zero_point
from skdistmass.simulate.draw import EXTINCTION_H, EXTINCTION_J
from skdistmass.simulate.grid import Stars

EXTINCTION_G = 7.5  # A_G / A_K of a red giant, between the laws of Wang & Chen (2019) and RJCE
LABELS = ("TEFF", "LOGG", "M_H", "ALPHA_M", "FE_H", "C_FE", "N_FE")
STAR_BAD = (1 << 23) | (1 << 24)  # ASPCAPFLAG: STAR_BAD and CHI2_BAD
SN_WARN = (1 << 7) | (1 << 11)  # ASPCAPFLAG: STAR_WARN and SN_WARN

# Colours G - Ks [mag] and Gaia's effective wavenumbers [1/µm] against Teff [K]; the Sun has 1.40, 1.60.
_COLOUR_TEFF = [3000.0, 3600.0, 4000.0, 4800.0, SOLAR_EFFECTIVE_TEMPERATURE, 6500.0, 8000.0, 10000.0, 15000.0]
_G_MINUS_K = [5.6, 4.4, 3.4, 2.2, 1.40, 1.00, 0.40, 0.0, -0.4]
_NU_EFF = [1.15, 1.22, 1.30, 1.46, 1.60, 1.66, 1.74, 1.79, 1.82]


def _label_errors(snr: NDArray[Any], teff: NDArray[Any], m_h: NDArray[Any], log_g: NDArray[Any]) -> Stars:
    """Give the 1σ errors of the spectroscopic labels, which grow for low SNR, metal-poor and hot stars.

    Parameters
    ----------
    snr : ndarray
        Signal to noise per half-resolution element.
    teff : ndarray
        Effective temperature [K].
    m_h : ndarray
        Metallicity [dex].
    log_g : ndarray
        Surface gravity [log10 cm s-2].

    Returns
    -------
    dict of ndarray
        Error of each of `LABELS` [K for TEFF, dex for the rest].
    """
    noise = np.sqrt(1.0 + (70.0 / snr) ** 2)
    weak_lines = 10.0 ** np.clip(-0.22 * m_h + (teff - 4800.0) / 6000.0, -0.15, 0.7)
    scale = noise * weak_lines
    sizes = {"TEFF": 22.0, "LOGG": 0.035, "M_H": 0.010, "ALPHA_M": 0.010, "FE_H": 0.010}
    limits = {"TEFF": 150.0, "LOGG": 0.15, "M_H": 0.06, "ALPHA_M": 0.08, "FE_H": 0.06}
    errors = {name: np.minimum(size * scale, limits[name]) for name, size in sizes.items()}
    # Molecular lines of C and N fade in dwarfs and warm stars.
    molecules = scale * np.where(log_g > 3.6, 1.5, 1.0)
    errors["C_FE"] = np.minimum(0.022 * molecules, 0.25)
    errors["N_FE"] = np.minimum(0.026 * molecules, 0.30)
    return errors


def parallax_error(g_mag: NDArray[Any]) -> NDArray[Any]:
    """Give the typical Gaia EDR3 parallax error at a magnitude [mas].

    Parameters
    ----------
    g_mag : array-like
        Gaia G [mag].

    Returns
    -------
    ndarray
        σ = sqrt(40 + 800 z + 30 z²) / 1000 with z = 10^(0.4 (max(G, 13) - 15)), the form of Gaia's
        science-performance page for EDR3 [mas].
    """
    z = 10.0 ** (0.4 * (np.maximum(np.asarray(g_mag, float), 13.0) - 15.0))
    return np.sqrt(40.0 + 800.0 * z + 30.0 * z**2) / 1000.0


def observe_spectrum(stars: Stars, snr: NDArray[Any], rng: np.random.Generator) -> Stars:
    """Measure the labels: truth, pulled by an unresolved companion, plus Gaussian noise.

    Parameters
    ----------
    stars : dict of ndarray
        Stars with true labels.
    snr : ndarray
        Signal to noise.
    rng : numpy.random.Generator
        Source of random numbers.

    Returns
    -------
    dict of ndarray
        Columns of `LABELS` and their errors, float32.
    """
    share = 1.0 - 10.0 ** (-0.4 * (stars["abs_mag_h"] - _system(stars, "abs_mag_h")))
    pull = np.where(stars["is_binary"], 0.3 * -share * (stars["teff"] - np.nan_to_num(stars["teff_2"])), 0.0)
    share = np.where(stars["is_binary"], share, 0.0)
    seen = {
        "TEFF": stars["teff"] + pull,
        "LOGG": stars["log_g"] + 0.05 * share,
        "M_H": stars["m_h"] - 0.05 * share,
        "ALPHA_M": stars["alpha_m"],
        "FE_H": stars["m_h"] - 0.05 * share,
        "C_FE": stars["c_fe"],
        "N_FE": stars["n_fe"],
    }
    errors = _label_errors(snr, stars["teff"], stars["m_h"], stars["log_g"])
    out = {}
    for name in LABELS:
        out[name] = (seen[name] + errors[name] * rng.standard_normal(len(snr))).astype(np.float32)
        out[f"{name}_ERR"] = errors[name].astype(np.float32)
    return out


def _system(stars: Stars, name: str) -> NDArray[Any]:
    """Add up the magnitudes of primary and companion."""
    companion = 10.0 ** (-0.4 * (stars[f"{name}_2"] - stars[name]))
    return stars[name] - 2.5 * np.log10(1.0 + np.nan_to_num(companion))


def system_magnitudes(stars: Stars) -> Stars:
    """Add up the light of the whole system: absolute J, H, K and G [mag].

    Parameters
    ----------
    stars : dict of ndarray
        Stars with their companions.

    Returns
    -------
    dict of ndarray
        Keys J, H, K, G.
    """
    out = {band: _system(stars, f"abs_mag_{band.lower()}") for band in "JHK"}
    primary = stars["abs_mag_k"] + np.interp(stars["teff"], _COLOUR_TEFF, _G_MINUS_K)
    companion = stars["abs_mag_k_2"] + np.interp(stars["teff_2"], _COLOUR_TEFF, _G_MINUS_K)
    out["G"] = primary - 2.5 * np.log10(1.0 + np.nan_to_num(10.0 ** (-0.4 * (companion - primary))))
    return out


def observe_photometry(
    magnitudes: Stars, modulus: NDArray[Any], extinction: NDArray[Any], rng: np.random.Generator
) -> Stars:
    """Measure J, H and K with errors.

    Parameters
    ----------
    magnitudes : dict of ndarray
        From `system_magnitudes`.
    modulus : ndarray
        Distance modulus [mag].
    extinction : ndarray
        A_K [mag].
    rng : numpy.random.Generator
        Source of random numbers.

    Returns
    -------
    dict of ndarray
        J, H, K [mag] and errors, float32.
    """
    out = {}
    for band, ratio in (("J", EXTINCTION_J), ("H", EXTINCTION_H), ("K", 1.0)):
        apparent = magnitudes[band] + modulus + ratio * extinction
        error = np.hypot(0.02, 0.02 * 10.0 ** (0.4 * (apparent - 14.0))) * rng.uniform(0.8, 1.3, len(modulus))
        out[band] = (apparent + error * rng.standard_normal(len(modulus))).astype(np.float32)
        out[f"{band}_ERR"] = error.astype(np.float32)
    return out


def observe_gaia(magnitudes: Stars, stars: Stars, rng: np.random.Generator) -> tuple[Stars, NDArray[Any]]:
    """Make Gaia's columns: G, raw parallax, and geometric and photogeometric distances.

    Parameters
    ----------
    magnitudes : dict of ndarray
        From `system_magnitudes`.
    stars : dict of ndarray
        Stars with positions, distances and extinctions.
    rng : numpy.random.Generator
        Source of random numbers.

    Returns
    -------
    columns : dict of ndarray
        Gaia columns of the survey.
    offset : ndarray
        Zero point that was added to the true parallax [mas].
    """
    distance, n_stars = stars["distance"], len(stars["distance"])
    g_mag = magnitudes["G"] + 5.0 * np.log10(distance / 10.0) + EXTINCTION_G * stars["extinction"]
    error = parallax_error(g_mag) * np.exp(0.12 * rng.standard_normal(n_stars))
    nu_eff = np.interp(stars["teff"], _COLOUR_TEFF, _NU_EFF) - 0.4 * stars["extinction"]
    latitude = ecliptic_latitude(stars["ra"], stars["dec"])
    # The published zero point holds inside these ranges only; outside them its edge is used.
    offset, _ = zero_point(np.clip(g_mag, 6.01, 20.99), np.clip(nu_eff, 1.11, 1.89), np.nan, latitude, 31)
    corrected = 1000.0 / distance + error * rng.standard_normal(n_stars)
    low, median, high = edsd_quantiles(corrected, error)
    # Colour and magnitude tell Gaia's photogeometric distance more of dwarfs than of giants.
    photometric_sigma = np.where(stars["log_g"] > 3.6, 0.15, 0.30)
    photometric = np.log(distance) + photometric_sigma * rng.standard_normal(n_stars)
    geometric_sigma = 0.5 * np.log(high / low)
    share = photometric_sigma**2 / (photometric_sigma**2 + geometric_sigma**2)
    centre = np.exp(share * np.log(median) + (1.0 - share) * photometric)
    sigma = np.sqrt(share) * geometric_sigma
    columns = {
        "GAIAEDR3_SOURCE_ID": rng.integers(10**17, 6 * 10**18, n_stars),
        "GAIAEDR3_PARALLAX": corrected + offset,
        "GAIAEDR3_PARALLAX_ERROR": error,
        "GAIAEDR3_PHOT_G_MEAN_MAG": g_mag,
        "GAIAEDR3_R_MED_GEO": median,
        "GAIAEDR3_R_LO_GEO": low,
        "GAIAEDR3_R_HI_GEO": high,
        "GAIAEDR3_R_MED_PHOTOGEO": centre,
        "GAIAEDR3_R_LO_PHOTOGEO": centre * np.exp(-sigma),
        "GAIAEDR3_R_HI_PHOTOGEO": centre * np.exp(sigma),
    }
    return {name: c if c.dtype.kind == "i" else c.astype(np.float32) for name, c in columns.items()}, offset


def observe_extinction(stars: Stars, rng: np.random.Generator) -> Stars:
    """Estimate extinction as RJCE and far-infrared maps do; RJCE scatters below zero.

    Parameters
    ----------
    stars : dict of ndarray
        Stars with extinction and total_extinction [mag] and glat [deg].
    rng : numpy.random.Generator
        Source of random numbers.

    Returns
    -------
    dict of ndarray
        AK_TARG, AK_WISE, SFD_EBV [mag] and AK_TARG_METHOD.
    """
    true, n_stars = stars["extinction"], len(stars["extinction"])
    wise = true + rng.uniform(0.02, 0.045, n_stars) * rng.standard_normal(n_stars)
    irac = true + 0.018 * rng.standard_normal(n_stars)
    dust_map = stars["total_extinction"] / A_K_PER_E_B_V * np.exp(0.1 * rng.standard_normal(n_stars))
    latitude = np.abs(stars["glat"])
    method = np.where(
        latitude > 16.0, b"SFD", np.where(rng.random(n_stars) < 0.3, b"RJCE_WISE_OPS", b"RJCE_WISE")
    )
    has_irac = (latitude < 1.5) & (np.abs((stars["glon"] + 180.0) % 360.0 - 180.0) < 65.0)
    method = np.where(has_irac, b"RJCE_IRAC", method).astype("S32")
    target = np.where(method == b"SFD", A_K_PER_E_B_V * dust_map, np.where(has_irac, irac, wise))
    columns = {"AK_TARG": target, "AK_WISE": wise, "SFD_EBV": dust_map}
    return {name: column.astype(np.float32) for name, column in columns.items()} | {"AK_TARG_METHOD": method}


def two_mass_names(ra: NDArray[Any], dec: NDArray[Any]) -> NDArray[Any]:
    """Make the names 2MHHMMSSss±DDMMSSs of positions, as bytes.

    Parameters
    ----------
    ra, dec : ndarray of shape (n_stars,)
        ICRS position [deg].

    Returns
    -------
    ndarray of bytes, shape (n_stars,)
        The names; the digits are cut, not rounded, as 2MASS does.

    Examples
    --------
    >>> two_mass_names(np.array([291.570602]), np.array([37.764648]))
    array([b'2M19261694+3745527'], dtype='|S18')
    """
    hours = np.floor(np.asarray(ra) * 24000.0 + 1e-6).astype(np.int64)  # 1/100 s of time
    arcsec = np.floor(np.abs(dec) * 36000.0 + 1e-6).astype(np.int64)  # 1/10 arcsec
    parts = [(hours // 360000 % 24, 2), (hours // 6000 % 60, 2), (hours % 6000, 4)]
    parts += [(arcsec // 36000, 2), (arcsec // 600 % 60, 2), (arcsec % 600, 3)]
    text = np.empty((len(hours), 18), dtype=np.uint8)
    text[:, :2] = np.frombuffer(b"2M", dtype=np.uint8)
    text[:, 10] = np.where(np.asarray(dec) < 0, ord("-"), ord("+"))
    place = [2, 4, 6, 11, 13, 15]
    for start, (number, digits) in zip(place, parts, strict=True):
        for digit in range(digits):
            text[:, start + digit] = ord("0") + number // 10 ** (digits - 1 - digit) % 10
    return text.view("S18").ravel()
