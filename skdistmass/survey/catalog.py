"""The catalogue: one row for each row of the survey, with distances, masses, ages, errors and reasons."""

from __future__ import annotations

import numpy as np

from skdistmass._version import __version__
from skdistmass.columns import BITS, CATALOG_COLUMNS, FEATURES, NAMINGS
from skdistmass.estimators.age import NoAgeReason
from skdistmass.estimators.isochrone import IsochroneStatus
from skdistmass.physics import photometry
from skdistmass.physics.extinction import choose_extinction
from skdistmass.survey.catalog_models import load_models
from skdistmass.survey.identity import hash_ids
from skdistmass.survey.quality import physical_values, quality_flags
from skdistmass.survey.reading import read_stars

MAX_AGE_GYR = 14.5
DISAGREEMENT = 3.0  # combined standard deviations between network and isochrones
_COPIED = ("APOGEE_ID", "APSTAR_ID", *FEATURES)


def build_catalog(
    stars,
    *,
    distance="distance",
    masses=("mass",),
    age="age",
    isochrone=True,
    extinction_rule="survey",
    sfd_coefficient=0.302,
    columns="released",
    trusted=False,
):
    """Build the catalogue of a survey table.

    Parameters
    ----------
    stars : path, astropy.table.Table or pandas.DataFrame
        Survey table, anything `read_stars` reads.
    distance : str, path, DistanceRegressor or None, default="distance"
        Model of the distances: name of a shipped model, model file, or fitted estimator; None for none.
    masses : sequence of str, path or MassRegressor, or dict, default=("mass",)
        Mass models; the first is the one whose errors and domain the catalogue tells.
    age : str, path, MassToAge or None, default="age"
        Relation of mass and age; None for none.
    isochrone : bool or IsochroneDistance, default=True
        Isochrone distances (NMSU_DIST): with default settings, none, or by the given estimator.
    extinction_rule : {"survey", "paper"}, default="survey"
        Rule of `choose_extinction`; a column A_K of the table goes before it.
    sfd_coefficient : float, default=0.302
        A_K for E(B-V) = 1 mag of the dust map.
    columns : {"released", "paper", "cas"}, default="released"
        Naming of the columns.
    trusted : bool, default=False
        Allow model files that the registry does not know.

    Returns
    -------
    astropy.table.Table
        One row for each row of `stars`, in the same order, with units, descriptions and provenance
        (``meta``). A value that cannot be had is NaN and BITMASK says why.

    Raises
    ------
    MissingColumnsError
        If the table lacks one of TEFF, LOGG, M_H, C_FE, N_FE.
    ValueError
        If the table is empty, an argument is not one of its choices or a model does not fit its place.

    Examples
    --------
    >>> from skdistmass import build_catalog, make_survey
    >>> stars, truth = make_survey(200, random_state=0)
    >>> catalog = build_catalog(stars)
    >>> len(catalog) == len(stars), str(catalog["DISTANCE"].unit)
    (True, 'pc')
    """
    if columns not in NAMINGS:
        raise ValueError(f"columns has to be one of {NAMINGS}; received {columns!r}.")
    models = load_models(distance, masses, age, isochrone, trusted)
    stars = read_stars(stars)
    values = _values(stars, models, extinction_rule, sfd_coefficient)
    provenance = {
        "creator": f"skdistmass {__version__}",
        "source": stars.meta.get("source", "table in memory"),
        "source_rows": len(stars),
        "models": models.provenance(),
        "extinction_rule": extinction_rule,
        "sfd_coefficient": sfd_coefficient,
        "naming": columns,
    }
    return _as_table(values, columns, provenance)


def _as_table(values, naming, provenance):
    from astropy.table import Column, Table

    if naming == "cas" and "NMSU_DIST" in values:
        # The database holds maximum, median and mean of the distribution in one column.
        values = values | {"NMSU_DIST": values["NMSU_DIST_ALL"]}
    catalog = Table(meta=provenance)
    for name, column in CATALOG_COLUMNS.items():
        if name in values:
            data = values[name]
            data = data.astype(np.float32) if data.dtype == np.float64 else data
            written = column.name_in(naming)
            catalog[written] = Column(data, unit=column.unit or None, description=column.description)
    return catalog


def _values(stars, models, extinction_rule, sfd_coefficient):
    """Return the values of every catalogue column that the models can fill, by canonical name."""
    flags = quality_flags(stars)
    features = np.column_stack([physical_values(stars, name) for name in FEATURES])
    usable = np.isfinite(features).all(axis=1)
    values = {name: np.asarray(stars[name]) for name in _COPIED if name in stars.colnames}
    for block in (
        _distances(stars, features, usable, models.distance, extinction_rule, sfd_coefficient, flags),
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
        results = function(features[usable])
        for output, result in zip(outputs, results if n_outputs > 1 else (results,), strict=True):
            output[usable] = result
    return outputs if n_outputs > 1 else outputs[0]


def _extinction(stars, rule, sfd_coefficient):
    columns = {
        "ak_wise": "AK_WISE",
        "ak_targ": "AK_TARG",
        "ak_targ_method": "AK_TARG_METHOD",
        "sfd_ebv": "SFD_EBV",
        "glat": "GLAT",
        "a_k": "A_K",
    }
    present = {key: np.asarray(stars[name]) for key, name in columns.items() if name in stars.colnames}
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
        kinds.append((median, 0.5 * (high - low)))
    (photogeometric, error), (geometric, geometric_error) = kinds
    absent = np.isnan(photogeometric)
    return np.where(absent, geometric, photogeometric), np.where(absent, geometric_error, error)


def _distances(stars, features, usable, model, extinction_rule, sfd_coefficient, flags):
    if model is None:
        return {}
    k_mag = physical_values(stars, "K")
    extinction = _extinction(stars, extinction_rule, sfd_coefficient)
    magnitude, magnitude_error = _on_usable(lambda X: model.predict(X, return_std=True), features, usable, 2)
    distance = photometry.distance(k_mag, extinction, magnitude)
    distance_error = photometry.distance_error(distance, magnitude_error)
    gaia, gaia_error = _gaia_distance(stars)
    inside, density = _domain(model, features, usable)
    outside = usable & ~inside
    has_gaia = np.isfinite(gaia) & np.isfinite(gaia_error)
    _set_bit(flags, "NO_K", np.isnan(k_mag))
    _set_bit(flags, "NO_EXTINCTION", np.isnan(extinction))
    _set_bit(flags, "NEGATIVE_EXTINCTION", extinction < 0)
    _set_bit(flags, "NO_GAIA", ~has_gaia)
    _set_bit(flags, "OUTSIDE_DISTANCE_DOMAIN", outside)
    _set_bit(flags, "DISTANCE_TRAINING", _trained(model, stars))
    # Outside the domain Gaia alone is better than a mean with an extrapolation.
    trusted_error = np.where(outside & has_gaia, np.nan, distance_error)
    weighted, weighted_error = photometry.weighted_distance(distance, trusted_error, gaia, gaia_error)
    return {
        "GAIAEDR3_DIST": gaia,
        "EXTINCTION": extinction,
        "MAG": k_mag,
        "ABS_MAG": magnitude,
        "ABS_MAG_ERR": magnitude_error,
        "DISTANCE": distance,
        "DISTANCE_ERR": distance_error,
        "WEIGHTED_DIST": weighted,
        "WEIGHTED_DIST_ERR": weighted_error,
        "LOG_DENSITY_DISTANCE": density,
    }


def _isochrone_distances(stars, features, values, isochrone, flags):
    """Isochrone distances, and bits for stars without one or whose network distance is far from it."""
    labels = features[:, :3]
    errors = np.column_stack([physical_values(stars, f"{name}_ERR") for name in FEATURES[:3]])
    k_mag = physical_values(stars, "K")
    extinction = values.get("EXTINCTION", np.full(len(stars), np.nan))
    alpha_m = np.nan_to_num(physical_values(stars, "ALPHA_M"))
    result = isochrone.predict_distance(
        np.where(np.isfinite(labels).all(axis=1, keepdims=True), labels, np.nan),
        k_mag,
        extinction,
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


def _domain(model, features, usable):
    """Whether each star lies in the model's domain, and the log density of its training stars."""
    domain = getattr(model, "domain_", None)
    if domain is None:
        return usable.copy(), np.full(len(features), np.nan)
    density = _on_usable(domain.score_samples, features, usable)
    return density >= domain.offset_, density


def _trained(model, stars):
    """Tell which stars trained the model."""
    ids = getattr(model, "training_ids_", None)
    if ids is None or "APOGEE_ID" not in stars.colnames:
        return np.zeros(len(stars), dtype=bool)
    hashed = hash_ids(stars["APOGEE_ID"])
    return np.isin(hashed, ids) & (hashed != 0)


def _masses_and_ages(stars, features, usable, models, flags):
    values = {}
    m_h, log_g = features[:, FEATURES.index("M_H")], features[:, FEATURES.index("LOGG")]
    for rank, (ending, model) in enumerate(models.masses.items()):
        mass, error = _on_usable(
            lambda X, model=model: model.predict(X, return_std=True), features, usable, 2
        )
        values[f"MASS{ending}"] = mass
        ages = None if models.age is None else models.age.predict_age(mass, m_h, error, log_g)
        if ages is not None:
            values[f"AGE{ending}"] = 1e9 * ages.age
        if rank:
            continue
        inside, density = _domain(model, features, usable)
        values |= {"MASS_ERR": error, "LOG_DENSITY_MASS": density}
        _set_bit(flags, "OUTSIDE_MASS_DOMAIN", usable & ~inside)
        _set_bit(flags, "MASS_LABEL_APOKASC", _trained(model, stars))
        if ages is not None:
            values["AGE_ERR"] = np.column_stack([ages.log_age_error_upper, ages.log_age_error_lower])
            _set_bit(flags, "NOT_A_GIANT", ages.reason == NoAgeReason.NOT_A_GIANT)
            _set_bit(flags, "OUTSIDE_AGE_RANGE", ages.reason == NoAgeReason.OUTSIDE_RANGE)
            _set_bit(flags, "OLDER_THAN_UNIVERSE", ages.age > MAX_AGE_GYR)
    return values
