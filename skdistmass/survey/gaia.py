"""Gaia distances of the stars of a survey: of Bailer-Jones et al., or from the parallax."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from skdistmass.columns import MAX_DISTANCE
from skdistmass.physics import parallax as gaia_parallax
from skdistmass.physics.coordinates import ecliptic_latitude
from skdistmass.survey.flags import StarInputs

GLOBAL_ZERO_POINT = -0.017
"""Mean parallax of quasars in Gaia EDR3 [mas] (Lindegren et al. 2021)."""

TYPICAL_NU_EFF = 1.43
"""Effective wavenumber of a K giant, BP - RP = 1.4 mag [1/um], for tables without that of the stars."""


def gaia_distance(inputs: StarInputs) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Distance from Gaia and its error [pc].

    Parameters
    ----------
    inputs : StarInputs
        Clean columns.

    Returns
    -------
    distance, error : ndarray of shape (n_samples,)
        The photogeometric distance of Bailer-Jones et al. (2021); where there is none the geometric one;
        where there is neither, the median for the parallax and an exponentially decreasing space density
        (`skdistmass.physics.parallax.edsd_quantiles`), its zero point subtracted. The error is half the
        range from the 16th to the 84th percentile. NaN where there is none.
    """
    distance, error = (np.full(len(inputs.flags), np.nan) for _ in range(2))
    for kind in ("PHOTOGEO", "GEO"):
        median, low, high = (inputs[f"GAIAEDR3_R_{part}_{kind}"] for part in ("MED", "LO", "HI"))
        half_range = 0.5 * (high - low)
        absent = np.isnan(distance)
        distance[absent] = median[absent]
        # Wider than any distance: no measurement.
        error[absent] = np.where(half_range < MAX_DISTANCE, half_range, np.nan)[absent]
    parallax, sigma = inputs["GAIAEDR3_PARALLAX"], inputs["GAIAEDR3_PARALLAX_ERROR"]
    rows = np.flatnonzero(np.isnan(distance) & np.isfinite(parallax) & (sigma > 0))
    if len(rows):
        corrected = parallax[rows] - _zero_points(inputs, rows)
        low, median, high = gaia_parallax.edsd_quantiles(corrected, sigma[rows])
        distance[rows], error[rows] = median, 0.5 * (high - low)
    return distance, error


def _zero_points(inputs: StarInputs, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """Zero point of the parallaxes [mas] by magnitude, colour and latitude, or its mean without these."""
    names = ("GAIAEDR3_PHOT_G_MEAN_MAG", "RA", "DEC")
    if not all(name in inputs.columns for name in names):
        return np.full(len(rows), GLOBAL_ZERO_POINT)
    magnitude, ra, dec = (inputs[name][rows] for name in names)
    colour = inputs["NU_EFF"][rows] if "NU_EFF" in inputs.columns else TYPICAL_NU_EFF
    solution = 31
    if "ASTROMETRIC_PARAMS_SOLVED" in inputs.columns:
        solution = inputs.columns["ASTROMETRIC_PARAMS_SOLVED"][rows]
    latitude = ecliptic_latitude(ra, dec)
    value, _ = gaia_parallax.zero_point(magnitude, colour, inputs["PSEUDOCOLOUR"][rows], latitude, solution)
    return np.where(np.isnan(value), GLOBAL_ZERO_POINT, value)
