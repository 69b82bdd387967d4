"""What a catalogue says of each star: values from the models, and the bits that qualify them."""

from __future__ import annotations

import numpy as np

from skdistmass.columns import (
    BITS,
    FEATURES,
    MAX_ABSOLUTE_MAGNITUDE,
    MAX_AGE_GYR,
    MAX_DISTANCE,
    MAX_EXTINCTION,
)
from skdistmass.estimators._evaluation import with_feature_names
from skdistmass.estimators.age import NoAgeReason
from skdistmass.isochrones.posterior import IsochroneStatus
from skdistmass.physics import photometry
from skdistmass.physics.constants import YEARS_PER_GYR
from skdistmass.physics.extinction import choose_extinction
from skdistmass.survey.duplicates import hash_ids
from skdistmass.survey.flags import physical_values, quality_flags

PADDED_ROWS = 4096
DISAGREEMENT = 3.0  # combined standard deviations between network and isochrones
_COPIED = ("APOGEE_ID", "APSTAR_ID")


def catalog_values(stars, models, settings, repeated=None):
    """Work out every catalogue column that the models can fill.

    Parameters
    ----------
    stars : astropy.table.Table of length n_samples
        Table with canonical columns, as `read_stars` gives it.
    models : CatalogModels
        Loaded models.
    settings : CatalogSettings
        Rules.
    repeated : ndarray of bool of shape (n_samples,), optional
        Rows of stars that have a better row, if `stars` is only a part of the table.

    Returns
    -------
    dict of str to ndarray of shape (n_samples, ...)
        Values by canonical name, in canonical units.
    """
    flags = quality_flags(stars, repeated)
    features = np.column_stack([physical_values(stars, name) for name in FEATURES])
    usable = np.isfinite(features).all(axis=1)
    values = {name: np.asarray(stars[name]) for name in _COPIED if name in stars.colnames}
    values |= dict(zip(FEATURES, features.T, strict=True))
    if models.distance is not None or models.isochrone is not None:
        values |= _photometry(stars, settings.extinction_rule, settings.sfd_coefficient, flags)
    for block in (
        _distances(stars, features, usable, values, models.distance, flags),
        _masses_and_ages(stars, features, usable, models, flags),
    ):
        values |= block
    if models.isochrone is not None:
        values |= _isochrone_distances(stars, features, values, models.isochrone, flags)
    values["BITMASK"] = flags
    return values


def _set_bit(flags, name, where):
    flags[where] |= BITS[name][0]


def _on_usable(function, features, usable, n_outputs=1):
    """Evaluate on the rows that can be evaluated; the others are NaN."""
    outputs = [np.full(len(features), np.nan) for _ in range(n_outputs)]
    if usable.any():
        rows = features[usable]
        # The last bits of a product of matrices depend on how many rows it has. Full multiples are all alike.
        padded = np.concatenate([rows, np.repeat(rows[-1:], -len(rows) % PADDED_ROWS, axis=0)])
        results = function(padded)
        for output, result in zip(outputs, results if n_outputs > 1 else (results,), strict=True):
            output[usable] = result[: len(rows)]
    return outputs if n_outputs > 1 else outputs[0]


def star_extinction(stars, rule, sfd_coefficient):
    """Choose the extinction of each star of a table.

    Parameters
    ----------
    stars : astropy.table.Table
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
    columns = {
        "ak_wise": "AK_WISE",
        "ak_targ": "AK_TARG",
        "ak_targ_method": "AK_TARG_METHOD",
        "sfd_ebv": "SFD_EBV",
        "glat": "GLAT",
        "a_k": "A_K",
    }
    present = {key: np.asarray(stars[name]) for key, name in columns.items() if name in stars.colnames}
    for key, values in present.items():
        if values.dtype.kind == "f":
            present[key] = np.where(np.abs(values) < MAX_EXTINCTION, values, np.nan)
    if not present:
        # The rule is checked even where it has nothing to choose from.
        present = {"a_k": np.full(len(stars), np.nan)}
    return choose_extinction(**present, rule=rule, sfd_coefficient=sfd_coefficient)[0]


def _gaia_distance(stars):
    """Photogeometric distance, geometric where there is none, and half its 16-84 % range [pc]."""
    kinds = []
    for kind in ("PHOTOGEO", "GEO"):
        median, low, high = (
            physical_values(stars, f"GAIAEDR3_R_{part}_{kind}") for part in ("MED", "LO", "HI")
        )
        error = 0.5 * (high - low)
        # Wider than any distance: no measurement.
        kinds.append((median, np.where(error < MAX_DISTANCE, error, np.nan)))
    (photogeometric, error), (geometric, geometric_error) = kinds
    absent = np.isnan(photogeometric)
    return np.where(absent, geometric, photogeometric), np.where(absent, geometric_error, error)


def _photometry(stars, extinction_rule, sfd_coefficient, flags):
    k_mag = physical_values(stars, "K")
    extinction = star_extinction(stars, extinction_rule, sfd_coefficient)
    _set_bit(flags, "NO_K", np.isnan(k_mag))
    _set_bit(flags, "NO_EXTINCTION", np.isnan(extinction))
    _set_bit(flags, "NEGATIVE_EXTINCTION", extinction < 0)
    return {"EXTINCTION": extinction, "MAG": k_mag}


def _predict(model, features, usable):
    """Predictions and their errors of a regressor."""
    return _on_usable(
        lambda X: model.predict(with_feature_names(model, X), return_std=True), features, usable, 2
    )


def _distances(stars, features, usable, values, model, flags):
    if model is None:
        return {}
    magnitude, magnitude_error = _predict(model, features, usable)
    absurd = np.abs(magnitude) > MAX_ABSOLUTE_MAGNITUDE
    magnitude[absurd], magnitude_error[absurd] = np.nan, np.nan
    distance = photometry.distance(values["MAG"], values["EXTINCTION"], magnitude)
    distance_error = photometry.distance_error(distance, magnitude_error)
    gaia, gaia_error = _gaia_distance(stars)
    inside, density = _domain(model, features, usable, "LOG_DENSITY_DISTANCE")
    outside = usable & ~inside | absurd
    has_gaia = (gaia > 0) & (gaia_error > 0)
    _set_bit(flags, "NO_GAIA", ~has_gaia)
    _set_bit(flags, "OUTSIDE_DISTANCE_DOMAIN", outside)
    _set_training_bits(flags, model, stars, "DISTANCE_TRAINING")
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


def _isochrone_distances(stars, features, values, isochrone, flags):
    """Isochrone distances, and bits for stars without one or whose network distance is far from it."""
    labels = features[:, :3]
    errors = np.column_stack([physical_values(stars, f"{name}_ERR") for name in FEATURES[:3]])
    alpha_m = np.nan_to_num(physical_values(stars, "ALPHA_M"))
    result = isochrone.predict_distance(
        np.where(np.isfinite(labels).all(axis=1, keepdims=True), labels, np.nan),
        values["MAG"],
        values["EXTINCTION"],
        X_error=np.nan_to_num(errors),
        alpha_m=alpha_m,
    )
    status = result["status"].to_numpy()
    _set_bit(flags, "ISOCHRONE_OUT_OF_REACH", status == IsochroneStatus.OUT_OF_REACH)
    if "ABS_MAG" in values:
        spread = 0.5 * (result["absolute_magnitude_p84"] - result["absolute_magnitude_p16"]).to_numpy()
        difference = values["ABS_MAG"] - result["absolute_magnitude_median"].to_numpy()
        limit = DISAGREEMENT * np.hypot(values["ABS_MAG_ERR"], spread)
        _set_bit(flags, "ISOCHRONE_DISAGREES", np.abs(difference) > limit)
    names = {"NMSU_DIST": "median", "NMSU_DIST_P16": "p16", "NMSU_DIST_P84": "p84"}
    distances = {name: result[f"distance_{part}"].to_numpy() for name, part in names.items()}
    distances["NMSU_DIST_ALL"] = result[["distance_mode", "distance_median", "distance_mean"]].to_numpy()
    return distances


def _domain(model, features, usable, column):
    """Whether each star lies in the model's domain, and a column of the log density of its training stars."""
    domain = getattr(model, "domain_", None)
    if domain is None:
        return usable.copy(), {}
    density = _on_usable(lambda X: domain.score_samples(with_feature_names(domain, X)), features, usable)
    return density >= domain.offset_, {column: density}


def _set_training_bits(flags, model, stars, default):
    """Set the bits of stars that trained the model: those kept with it, or the default."""
    ids = getattr(model, "training_ids_", None)
    if ids is None or not len(ids) or "APOGEE_ID" not in stars.colnames:
        return
    bits = getattr(model, "training_bits_", np.full(len(ids), BITS[default][0]))
    hashed = hash_ids(stars["APOGEE_ID"])
    place = np.minimum(np.searchsorted(ids, hashed), len(ids) - 1)
    flags |= np.where((ids[place] == hashed) & (hashed != 0), bits[place], 0)


def _masses_and_ages(stars, features, usable, models, flags):
    values = {}
    m_h, log_g = features[:, FEATURES.index("M_H")], features[:, FEATURES.index("LOGG")]
    for rank, (ending, model) in enumerate(models.masses.items()):
        mass, error = _predict(model, features, usable)
        values[f"MASS{ending}"] = mass
        # AGE_ERR tells the errors of the first model's ages only: the others need none.
        mass_error = None if rank else error
        ages = None if models.age is None else models.age.predict_age(mass, m_h, mass_error, log_g)
        if ages is not None:
            values[f"AGE{ending}"] = YEARS_PER_GYR * ages.age
            _set_bit(flags, "OUTSIDE_AGE_RANGE", ages.reason == NoAgeReason.OUTSIDE_RANGE)
        if rank:
            continue
        inside, density = _domain(model, features, usable, "LOG_DENSITY_MASS")
        values |= {"MASS_ERR": error, **density}
        _set_bit(flags, "OUTSIDE_MASS_DOMAIN", usable & ~inside)
        _set_training_bits(flags, model, stars, "MASS_LABEL_APOKASC")
        if ages is not None:
            values["AGE_ERR"] = np.column_stack([ages.log_age_error_upper, ages.log_age_error_lower])
            _set_bit(flags, "NOT_A_GIANT", ages.reason == NoAgeReason.NOT_A_GIANT)
            _set_bit(flags, "OLDER_THAN_UNIVERSE", ages.age > MAX_AGE_GYR)
    return values
