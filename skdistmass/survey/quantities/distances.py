"""Distances of the network and of Gaia, their weighted mean, and what they are seen through."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skdistmass.columns import MAX_ABSOLUTE_MAGNITUDE, MAX_DISTANCE, MAX_EXTINCTION, PERCENTILES
from skdistmass.estimators.uncertainty import ONE_SIGMA
from skdistmass.networks.mixture import Mixture
from skdistmass.physics import parallax as gaia_parallax
from skdistmass.physics import photometry
from skdistmass.physics.coordinates import ecliptic_latitude
from skdistmass.physics.extinction import choose_extinction
from skdistmass.survey.flags import StarInputs
from skdistmass.survey.options import CatalogOptions, ExtinctionRule
from skdistmass.survey.quantities.evaluation import (
    Floats,
    Values,
    flag_training_stars,
    predict,
    uniform_draws,
    what_holds,
)

_LOG = logging.getLogger("skdistmass")

GLOBAL_ZERO_POINT = -0.017
"""Mean parallax of quasars in Gaia EDR3 [mas] (Lindegren et al. 2021)."""

TYPICAL_NU_EFF = 1.43
"""Effective wavenumber of a K giant, BP - RP = 1.4 mag [1/um], for tables without that of the stars."""

TYPICAL_K_ERROR = 0.02
"""Error of a 2MASS Ks magnitude of 14 and brighter [mag], for stars without one."""

COLOUR_ERROR = (0.03, 0.05)
"""Error of an A_K from a colour excess (RJCE): of intrinsic colours [mag]; of the law, as a fraction."""

MAP_ERROR = (0.01, 0.10)
"""The same of an A_K from the map of dust [mag, fraction]."""


def star_extinction(stars: Any, rule: ExtinctionRule, sfd_coefficient: float) -> tuple[Floats, Floats]:
    """Choose the extinction of each star of a table.

    Parameters
    ----------
    stars : astropy.table.Table or mapping of str to ndarray
        Table with canonical columns.
    rule : {"survey", "paper"}
        Rule of `choose_extinction`; a column A_K goes before it.
    sfd_coefficient : float
        A_K for E(B-V) = 1 mag.

    Returns
    -------
    extinction : ndarray of shape (n_samples,)
        A_K [mag]; NaN where there is no estimate.
    error : ndarray of shape (n_samples,)
        Its 1σ error [mag]: the column A_K_ERR, where that is missing `MAP_ERROR` of extinctions from the dust
        map and `COLOUR_ERROR` of all others.
    """
    known = set(stars.keys())
    columns = ("AK_WISE", "AK_TARG", "AK_TARG_METHOD", "SFD_EBV", "GLAT", "A_K")
    present: dict[str, Any] = {name.lower(): np.asarray(stars[name]) for name in columns if name in known}
    if not present:
        # The rule is checked even where it has nothing to choose from.
        present = {"a_k": np.full(len(stars["TEFF"]), np.nan)}
    for key, values in present.items():
        if values.dtype.kind == "f":
            present[key] = np.where(np.abs(values) < MAX_EXTINCTION, values, np.nan)
    extinction, method = choose_extinction(**present, rule=rule, sfd_coefficient=sfd_coefficient)
    if _LOG.isEnabledFor(logging.INFO):
        names, counts = np.unique(method, return_counts=True)
        taken = ", ".join(f"{name} {n}" for name, n in zip(names, counts, strict=True))
        _LOG.info("extinction of %d stars by the rule %r: %s", len(method), rule, taken)
    absolute, fraction = np.where((method == "SFD")[:, None], MAP_ERROR, COLOUR_ERROR).T
    error = np.hypot(absolute, fraction * extinction)
    if "A_K_ERR" in known:
        given = np.asarray(stars["A_K_ERR"], dtype=float)
        error = np.where(np.isfinite(given) & (given >= 0) & np.isfinite(extinction), given, error)
    return extinction, error


def apparent(inputs: StarInputs, options: CatalogOptions) -> Values:
    """Extinction and apparent magnitude.

    Parameters
    ----------
    inputs : StarInputs
        Clean columns, whose flags are changed.
    options : CatalogOptions
        Rule of the extinction.

    Returns
    -------
    dict of str to ndarray
        EXTINCTION, EXTINCTION_ERR and MAG [mag].
    """
    k_mag = inputs["K"]
    extinction, error = star_extinction(inputs.columns, options.extinction_rule, options.sfd_coefficient)
    # Each may be possible, and still no star can be there: the distance of an absolute magnitude of 0.
    absurd = photometry.distance(k_mag, extinction, 0.0) > MAX_DISTANCE
    k_mag, extinction, error = (np.where(absurd, np.nan, values) for values in (k_mag, extinction, error))
    inputs.flag("BAD_INPUT_VALUE", absurd)
    inputs.flag("NO_K", np.isnan(k_mag))
    inputs.flag("NO_EXTINCTION", np.isnan(extinction))
    inputs.flag("NEGATIVE_EXTINCTION", extinction < 0)
    return {"EXTINCTION": extinction, "EXTINCTION_ERR": error, "MAG": k_mag}


def apparent_error(inputs: StarInputs, values: Values) -> Floats:
    """Error of the apparent magnitude less the extinction.

    Parameters
    ----------
    inputs : StarInputs
        Clean columns; K_ERR counts where it is known and `TYPICAL_K_ERROR` elsewhere.
    values : dict of str to ndarray
        Columns of the catalogue so far, with EXTINCTION_ERR.

    Returns
    -------
    ndarray of shape (n_samples,)
        Both errors in quadrature [mag]; NaN without an extinction.
    """
    k_error = inputs["K_ERR"]
    return np.hypot(np.where(np.isnan(k_error), TYPICAL_K_ERROR, k_error), values["EXTINCTION_ERR"])


def gaia_distance(inputs: StarInputs) -> tuple[Floats, Floats]:
    """Distance from Gaia and its error [pc].

    Parameters
    ----------
    inputs : StarInputs
        Clean columns.

    Returns
    -------
    distance, error : ndarray of shape (n_samples,)
        The first of these that has an error: the photogeometric distance of Bailer-Jones et al. (2021), the
        geometric one, the median for the parallax and an exponentially decreasing space density
        (`skdistmass.physics.parallax.edsd_quantiles`), its zero point subtracted. The error is half the
        range from the 16th to the 84th percentile. Where none has an error, a distance without one (error
        NaN); NaN where there is none.
    """
    distance, error = (np.full(len(inputs.flags), np.nan) for _ in range(2))
    for kind in ("PHOTOGEO", "GEO"):
        median, low, high = (inputs[f"GAIAEDR3_R_{part}_{kind}"] for part in ("MED", "LO", "HI"))
        half_range = 0.5 * (high - low)
        # Wider than any distance: no measurement.
        take = np.isnan(error) & np.isfinite(median) & (half_range < MAX_DISTANCE)
        distance[take], error[take] = median[take], half_range[take]
    parallax, sigma = inputs["GAIAEDR3_PARALLAX"], inputs["GAIAEDR3_PARALLAX_ERROR"]
    rows = np.flatnonzero(np.isnan(error) & np.isfinite(parallax) & (sigma > 0))
    if len(rows):
        corrected = parallax[rows] - _zero_points(inputs, rows)
        low, median, high = gaia_parallax.edsd_quantiles(corrected, sigma[rows])
        distance[rows], error[rows] = median, 0.5 * (high - low)
    for kind in ("PHOTOGEO", "GEO"):
        distance = np.where(np.isnan(distance), inputs[f"GAIAEDR3_R_MED_{kind}"], distance)
    return distance, error


def _zero_points(inputs: StarInputs, rows: NDArray[np.int64]) -> Floats:
    """Zero point of the parallaxes [mas] by magnitude, colour and latitude, or its mean without these."""
    names = ("GAIAEDR3_PHOT_G_MEAN_MAG", "RA", "DEC")
    if not all(name in inputs.columns for name in names):
        return np.full(len(rows), GLOBAL_ZERO_POINT)
    magnitude, ra, dec = (inputs[name][rows] for name in names)
    colour = inputs["NU_EFF"][rows] if "NU_EFF" in inputs.columns else TYPICAL_NU_EFF
    solution: Any = 31
    if "ASTROMETRIC_PARAMS_SOLVED" in inputs.columns:
        solution = inputs.columns["ASTROMETRIC_PARAMS_SOLVED"][rows]
    latitude = ecliptic_latitude(ra, dec)
    value, _ = gaia_parallax.zero_point(magnitude, colour, inputs["PSEUDOCOLOUR"][rows], latitude, solution)
    return np.where(np.isnan(value), GLOBAL_ZERO_POINT, value)


def distances(inputs: StarInputs, values: Values, model: Any, options: CatalogOptions) -> Values:
    """Distances of the network and of Gaia.

    Parameters
    ----------
    inputs : StarInputs
        Clean columns, whose flags are changed.
    values : dict of str to ndarray
        Columns so far, with EXTINCTION and MAG.
    model : DistanceRegressor
        Model of the absolute magnitude.
    options : CatalogOptions
        Whether percentiles and draws are wanted.

    Returns
    -------
    dict of str to ndarray
        ABS_MAG, DISTANCE, GAIAEDR3_DIST with errors, LOG_DENSITY_DISTANCE; WEIGHTED_DIST is their mean or,
        outside the domain of the model, Gaia's distance alone where there is one.
    """
    held = what_holds(model, inputs)
    predicted = predict(model, inputs, held.log_density)
    low, high = predicted.quantiles(ONE_SIGMA).T
    magnitude, magnitude_error = predicted.value, 0.5 * (high - low)
    absurd = np.abs(magnitude) > MAX_ABSOLUTE_MAGNITUDE
    magnitude[absurd], magnitude_error[absurd] = np.nan, np.nan
    distance = photometry.distance(values["MAG"], values["EXTINCTION"], magnitude)
    absurd |= distance > MAX_DISTANCE
    distance[absurd] = np.nan
    seen_error = apparent_error(inputs, values)
    faint = predicted.distribution.widened(seen_error)
    distance_error = photometry.distance_error(distance, np.hypot(magnitude_error, seen_error))
    gaia, gaia_error = gaia_distance(inputs)
    outside = held.outside | absurd
    has_gaia = (gaia > 0) & (gaia_error > 0)
    inputs.flag("NO_GAIA", ~has_gaia)
    inputs.flag("OUTSIDE_DISTANCE_DOMAIN", outside)
    inputs.flag("DISTANCE_HELD_BY_ISOCHRONES", held.by_isochrones & ~absurd)
    flag_training_stars(inputs, model, "DISTANCE_TRAINING")
    # Outside the domain Gaia alone is better than a mean with an extrapolation.
    trusted_error = np.where(outside & has_gaia, np.nan, distance_error)
    weighted, weighted_error = photometry.weighted_distance(distance, trusted_error, gaia, gaia_error)
    further = _percentiles(inputs, values, faint, distance, options)
    return {
        **further,
        "GAIAEDR3_DIST": gaia,
        "ABS_MAG": magnitude,
        "ABS_MAG_ERR": magnitude_error,
        "DISTANCE": distance,
        "DISTANCE_ERR": distance_error,
        "WEIGHTED_DIST": weighted,
        "WEIGHTED_DIST_ERR": weighted_error,
        **held.density_column("LOG_DENSITY_DISTANCE"),
    }


def _percentiles(
    inputs: StarInputs, values: Values, magnitude: Mixture, distance: Floats, options: CatalogOptions
) -> Values:
    """Percentiles of the network's distance and of that with the parallax, and draws of the latter."""
    if not (options.percentiles or options.samples):
        return {}
    seen = np.where(np.isfinite(distance), values["MAG"] - values["EXTINCTION"], np.nan)
    found: Values = {}
    if options.percentiles:
        rising = magnitude.quantiles(1.0 - np.array(PERCENTILES))
        found["DISTANCE_PERCENTILES"] = photometry.distance(seen[:, None], 0.0, rising)
    parallax, sigma = inputs["GAIAEDR3_PARALLAX"], inputs["GAIAEDR3_PARALLAX_ERROR"]
    corrected = parallax - _zero_points(inputs, np.arange(len(parallax)))
    combined = photometry.DistancePosterior(
        seen[:, None] - magnitude.means, magnitude.widths, magnitude.weights, corrected, sigma
    )
    if options.percentiles:
        found["COMBINED_DIST_PERCENTILES"] = combined.quantiles(np.array(PERCENTILES))
    if options.samples:
        found["DISTANCE_SAMPLES"] = combined.quantiles(uniform_draws(inputs.features, options.samples, 0))
    return found
