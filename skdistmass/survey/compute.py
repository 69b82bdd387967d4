"""The catalogue of a block of stars: clean and flag, extinction, distances, masses, ages, columns."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from skdistmass._version import __version__
from skdistmass.columns import (
    BITS,
    CATALOG_COLUMNS,
    FEATURES,
    MAX_ABSOLUTE_MAGNITUDE,
    MAX_AGE_GYR,
    MAX_DISTANCE,
    MAX_EXTINCTION,
)
from skdistmass.estimators.age import NoAgeReason
from skdistmass.estimators.base import without_domain_warning
from skdistmass.estimators.inference import with_feature_names
from skdistmass.estimators.isochrone import IsochroneDistance
from skdistmass.isochrones.posterior import IsochroneStatus
from skdistmass.physics import parallax as gaia_parallax
from skdistmass.physics import photometry
from skdistmass.physics.constants import YEARS_PER_GYR
from skdistmass.physics.coordinates import ecliptic_latitude
from skdistmass.physics.extinction import choose_extinction
from skdistmass.survey.duplicates import hash_ids
from skdistmass.survey.flags import StarInputs, clean_inputs
from skdistmass.survey.models import CatalogModels
from skdistmass.survey.options import CatalogOptions, ExtinctionRule

if TYPE_CHECKING:
    from astropy.table import Table

GLOBAL_ZERO_POINT = -0.017
"""Mean parallax of quasars in Gaia EDR3 [mas] (Lindegren et al. 2021)."""

TYPICAL_NU_EFF = 1.43
"""Effective wavenumber of a K giant, BP - RP = 1.4 mag [1/um], for tables without that of the stars."""

PADDED_ROWS = 4096
DISAGREEMENT = 3.0  # combined standard deviations between network and isochrones
_COPIED = ("APOGEE_ID", "APSTAR_ID", "SDSS_ID", "GAIAEDR3_SOURCE_ID", "RA", "DEC", "SNR")
_DOUBLE = ("RA", "DEC")  # In single precision an angle is good to 0.1 arcsec only.

Values = dict[str, NDArray]


def fill_catalog(
    stars: Table,
    models: CatalogModels,
    options: CatalogOptions,
    repeated: NDArray[np.bool_] | None = None,
    kept: Table | None = None,
) -> Table:
    """Build the catalogue of a table as it is read.

    Parameters
    ----------
    stars : astropy.table.Table of length n_samples
        Table with canonical columns, as `read_stars` gives it.
    models : CatalogModels
        Loaded models.
    options : CatalogOptions
        Rules and naming.
    repeated : ndarray of bool of shape (n_samples,), optional
        Rows of stars that have a better row, if `stars` is only a part of the table.
    kept : astropy.table.Table of length n_samples, optional
        Further columns, which follow as they are.

    Returns
    -------
    astropy.table.Table
        The catalogue, one row for each row of `stars`. What it says of a star does not depend on the others.
    """
    inputs = clean_inputs(stars, repeated)
    values: Values = {name: inputs.columns[name] for name in _COPIED if name in inputs.columns}
    values |= dict(zip(FEATURES, inputs.features.T, strict=True))
    if models.distance is not None or models.isochrone is not None:
        values |= _apparent(inputs, options)
    if models.distance is not None:
        values |= _distances(inputs, values, models.distance)
    for rank, (ending, model) in enumerate(models.masses.items()):
        values |= _mass_and_age(inputs, model, models.age, ending, first=rank == 0)
    if models.isochrone is not None:
        values |= _isochrone_distances(inputs, values, models.isochrone)
    values["BITMASK"] = inputs.flags
    provenance = {
        "creator": f"skdistmass {__version__}",
        "source": stars.meta.get("source", "table in memory"),
        "source_rows": stars.meta.get("source_rows", len(stars)),
        "models": models.provenance(),
        "extinction_rule": options.extinction_rule,
        "sfd_coefficient": options.sfd_coefficient,
        "naming": options.columns,
    }
    return _as_table(values, options, provenance, kept)


def star_extinction(stars: Any, rule: ExtinctionRule, sfd_coefficient: float) -> NDArray[np.float64]:
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
    ndarray of shape (n_samples,)
        A_K [mag]; NaN where there is no estimate.
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
    return choose_extinction(**present, rule=rule, sfd_coefficient=sfd_coefficient)[0]


def _apparent(inputs: StarInputs, options: CatalogOptions) -> Values:
    """Extinction and apparent magnitude."""
    k_mag = inputs["K"]
    extinction = star_extinction(inputs.columns, options.extinction_rule, options.sfd_coefficient)
    # Each may be possible, and still no star can be there: the distance of an absolute magnitude of 0.
    absurd = photometry.distance(k_mag, extinction, 0.0) > MAX_DISTANCE
    k_mag, extinction = (np.where(absurd, np.nan, values) for values in (k_mag, extinction))
    inputs.flag("BAD_INPUT_VALUE", absurd)
    inputs.flag("NO_K", np.isnan(k_mag))
    inputs.flag("NO_EXTINCTION", np.isnan(extinction))
    inputs.flag("NEGATIVE_EXTINCTION", extinction < 0)
    return {"EXTINCTION": extinction, "MAG": k_mag}


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
    solution: Any = 31
    if "ASTROMETRIC_PARAMS_SOLVED" in inputs.columns:
        solution = inputs.columns["ASTROMETRIC_PARAMS_SOLVED"][rows]
    latitude = ecliptic_latitude(ra, dec)
    value, _ = gaia_parallax.zero_point(magnitude, colour, inputs["PSEUDOCOLOUR"][rows], latitude, solution)
    return np.where(np.isnan(value), GLOBAL_ZERO_POINT, value)


def _distances(inputs: StarInputs, values: Values, model: Any) -> Values:
    """Distances of the network and of Gaia, and their weighted mean."""
    magnitude, magnitude_error = _predict(model, inputs)
    absurd = np.abs(magnitude) > MAX_ABSOLUTE_MAGNITUDE
    magnitude[absurd], magnitude_error[absurd] = np.nan, np.nan
    distance = photometry.distance(values["MAG"], values["EXTINCTION"], magnitude)
    absurd |= distance > MAX_DISTANCE
    distance[absurd] = np.nan
    distance_error = photometry.distance_error(distance, magnitude_error)
    gaia, gaia_error = gaia_distance(inputs)
    inside, density = _domain(model, inputs, "LOG_DENSITY_DISTANCE")
    outside = inputs.usable & ~inside | absurd
    has_gaia = (gaia > 0) & (gaia_error > 0)
    inputs.flag("NO_GAIA", ~has_gaia)
    inputs.flag("OUTSIDE_DISTANCE_DOMAIN", outside)
    _flag_training_stars(inputs, model, "DISTANCE_TRAINING")
    # Outside the domain Gaia alone is better than a mean with an extrapolation.
    trusted_error = np.where(outside & has_gaia, np.nan, distance_error)
    weighted, weighted_error = photometry.weighted_distance(distance, trusted_error, gaia, gaia_error)
    return {
        "GAIAEDR3_DIST": gaia,
        "ABS_MAG": magnitude,
        "ABS_MAG_ERR": magnitude_error,
        "DISTANCE": distance,
        "DISTANCE_ERR": distance_error,
        "WEIGHTED_DIST": weighted,
        "WEIGHTED_DIST_ERR": weighted_error,
        **density,
    }


def _mass_and_age(inputs: StarInputs, model: Any, relation: Any, ending: str, first: bool) -> Values:
    """Mass and age by one model; the first model's errors, domain and bits are those of the catalogue."""
    mass, error = _predict(model, inputs)
    values: Values = {f"MASS{ending}": mass}
    ages = None
    if relation is not None:
        m_h, log_g = (inputs.features[:, FEATURES.index(name)] for name in ("M_H", "LOGG"))
        # AGE_ERR tells the errors of the first model's ages only: the others need none.
        ages = relation.predict_age(mass, m_h, error if first else None, log_g)
        values[f"AGE{ending}"] = YEARS_PER_GYR * ages.age
        inputs.flag("OUTSIDE_AGE_RANGE", ages.reason == NoAgeReason.OUTSIDE_RANGE)
    if not first:
        return values
    inside, density = _domain(model, inputs, "LOG_DENSITY_MASS")
    values |= {"MASS_ERR": error, **density}
    inputs.flag("OUTSIDE_MASS_DOMAIN", inputs.usable & ~inside)
    _flag_training_stars(inputs, model, "MASS_LABEL_APOKASC")
    if ages is not None:
        values["AGE_ERR"] = np.column_stack([ages.log_age_error_upper, ages.log_age_error_lower])
        inputs.flag("NOT_A_GIANT", ages.reason == NoAgeReason.NOT_A_GIANT)
        inputs.flag("OLDER_THAN_UNIVERSE", ages.age > MAX_AGE_GYR)
    return values


def _isochrone_distances(inputs: StarInputs, values: Values, isochrone: IsochroneDistance) -> Values:
    """Isochrone distances, and bits for stars without one or whose network distance is far from it."""
    labels = inputs.features[:, :3]
    errors = np.column_stack([inputs[f"{name}_ERR"] for name in FEATURES[:3]])
    result = isochrone.predict_distance(
        np.where(np.isfinite(labels).all(axis=1, keepdims=True), labels, np.nan),
        values["MAG"],
        values["EXTINCTION"],
        X_error=np.nan_to_num(errors),
        alpha_m=np.nan_to_num(inputs["ALPHA_M"]),
    )
    inputs.flag("ISOCHRONE_OUT_OF_REACH", result["status"].to_numpy() == IsochroneStatus.OUT_OF_REACH)
    if "ABS_MAG" in values:
        spread = 0.5 * (result["absolute_magnitude_p84"] - result["absolute_magnitude_p16"]).to_numpy()
        difference = values["ABS_MAG"] - result["absolute_magnitude_median"].to_numpy()
        limit = DISAGREEMENT * np.hypot(values["ABS_MAG_ERR"], spread)
        inputs.flag("ISOCHRONE_DISAGREES", np.abs(difference) > limit)
    names = {"NMSU_DIST": "median", "NMSU_DIST_P16": "p16", "NMSU_DIST_P84": "p84"}
    distances: Values = {name: result[f"distance_{part}"].to_numpy() for name, part in names.items()}
    distances["NMSU_DIST_ALL"] = result[["distance_mode", "distance_median", "distance_mean"]].to_numpy()
    return distances


def _on_usable(function: Callable[[NDArray], Any], inputs: StarInputs, n_outputs: int) -> list[NDArray]:
    """Evaluate on the rows that can be evaluated; the others are NaN."""
    outputs = [np.full(len(inputs.features), np.nan) for _ in range(n_outputs)]
    if inputs.usable.any():
        for output, result in zip(outputs, function(inputs.features[inputs.usable]), strict=True):
            output[inputs.usable] = result
    return outputs


def _predict(model: Any, inputs: StarInputs) -> list[NDArray]:
    """Predictions and their errors of a regressor."""
    with without_domain_warning():  # such stars have their bit
        return _on_usable(
            lambda rows: model.predict(with_feature_names(model, rows), return_std=True), inputs, n_outputs=2
        )


def _domain(model: Any, inputs: StarInputs, column: str) -> tuple[NDArray[np.bool_], Values]:
    """Whether each star lies in the model's domain, and a column of the log density of its training stars."""
    domain = getattr(model, "domain_", None)
    if domain is None:
        return inputs.usable, {}

    def score(rows: NDArray) -> tuple[NDArray]:
        # The last bits of a product of matrices depend on how many rows it has; full multiples are all alike.
        padded = np.concatenate([rows, np.repeat(rows[-1:], -len(rows) % PADDED_ROWS, axis=0)])
        return (domain.score_samples(with_feature_names(domain, padded))[: len(rows)],)

    (density,) = _on_usable(score, inputs, n_outputs=1)
    return density >= domain.offset_, {column: density}


def _flag_training_stars(inputs: StarInputs, model: Any, default: str) -> None:
    """Set the bits of stars that trained the model: those kept with it, or the default."""
    ids = getattr(model, "training_ids_", None)
    if ids is None or not len(ids) or "APOGEE_ID" not in inputs.columns:
        return
    bits = getattr(model, "training_bits_", np.full(len(ids), BITS[default][0]))
    hashed = hash_ids(inputs.columns["APOGEE_ID"])
    place = np.minimum(np.searchsorted(ids, hashed), len(ids) - 1)
    inputs.flags[:] |= np.where((ids[place] == hashed) & (hashed != 0), bits[place], 0)


def _as_table(
    values: Values, options: CatalogOptions, provenance: dict[str, Any], kept: Table | None
) -> Table:
    """Name the columns, with units and descriptions, in the order of the catalogue."""
    from astropy.table import Column, Table

    if options.columns == "cas" and "NMSU_DIST" in values:
        # The database holds maximum, median and mean of the distribution in one column.
        values = values | {"NMSU_DIST": values["NMSU_DIST_ALL"]}
    catalog = Table(meta=provenance)
    for name, column in CATALOG_COLUMNS.items():
        if name in values:
            data = values[name]
            if data.dtype == np.float64 and name not in _DOUBLE:
                data = data.astype(np.float32)
            written = column.name_in(options.columns)
            catalog[written] = Column(data, unit=column.unit or None, description=column.description)
    if kept is not None:
        for name in kept.colnames:
            catalog[name] = kept[name]
    return catalog
