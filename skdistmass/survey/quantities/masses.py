"""Masses and ages by each mass model, with what holds them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from skdistmass.columns import FEATURES, LABEL_SETS, MAX_AGE_GYR, MAX_GIANT_LOG_G, PERCENTILES
from skdistmass.estimators.age_inference import Ages, NoAgeReason
from skdistmass.estimators.uncertainty import ONE_SIGMA
from skdistmass.models.red_clump import red_clump_probability
from skdistmass.physics.constants import YEARS_PER_GYR
from skdistmass.survey.flags import StarInputs
from skdistmass.survey.options import CatalogOptions
from skdistmass.survey.quantities.evaluation import (
    Floats,
    Prediction,
    Values,
    flag_training_stars,
    on_usable,
    predict,
    uniform_draws,
    what_holds,
)

MASS_DOMAIN_BITS: Mapping[str, int] = {
    f"_{name}" if name else "": 1 << i for i, name in enumerate(("", *LABEL_SETS))
}
"""Bits of the column MASS_DOMAIN by the ending of the mass model's columns: outside the model's domain."""

NO_AGE_SHIFT = 7
"""These bits so many places higher: the age by this mass is out of range."""


def masses_and_ages(
    inputs: StarInputs, models: Mapping[str, Any], relation: Any, options: CatalogOptions
) -> Values:
    """Masses, ages and their errors by each mass model; the bits are those of the first.

    Parameters
    ----------
    inputs : StarInputs
        Clean columns, whose flags are changed.
    models : dict of str to MassRegressor
        Mass models by the ending of their columns; the first is the recommended one.
    relation : MassToAge or None
        Relation of mass and age; None for no ages.
    options : CatalogOptions
        Whether percentiles and draws are wanted.

    Returns
    -------
    dict of str to ndarray
        Columns of the catalogue: MASS, AGE, their errors, MASS_DOMAIN, LOG_DENSITY_MASS, P_RC.
    """
    values: Values = {}
    if not models:
        return values
    p_rc = clump_probability(inputs) if relation is not None else None
    if p_rc is not None:
        values["P_RC"] = p_rc
    values["MASS_DOMAIN"] = np.zeros(len(inputs.flags), dtype=np.int64)
    for rank, (ending, model) in enumerate(models.items()):
        held = what_holds(model, inputs)
        predicted = predict(model, inputs, held.log_density)
        mass, interval = predicted.value, predicted.quantiles(ONE_SIGMA)
        error = 0.5 * (interval[:, 1] - interval[:, 0])
        # Without a model of MASS the errors of the first are MASS_ERR and AGE_ERR.
        error_ending = ending if rank or "" in models else ""
        values |= {f"MASS{ending}": mass, f"MASS_ERR{error_ending}": error}
        values["MASS_DOMAIN"][held.outside] |= MASS_DOMAIN_BITS[ending]
        if rank == 0:
            values |= held.density_column("LOG_DENSITY_MASS")
            inputs.flag("OUTSIDE_MASS_DOMAIN", held.outside)
            inputs.flag("MASS_HELD_BY_ISOCHRONES", held.by_isochrones)
            flag_training_stars(inputs, model, "MASS_LABEL_APOKASC")
        values |= _percentiles(inputs, predicted, relation, p_rc, ending, options)
        if rank == 0 and options.samples:
            values |= _samples(inputs, predicted, relation, p_rc, options.samples)
        if relation is not None:
            ages = _ages(inputs, relation, mass, interval, p_rc)
            values[f"AGE{ending}"] = YEARS_PER_GYR * ages.age
            values[f"AGE_ERR{error_ending}"] = np.column_stack(
                [ages.log_age_error_upper, ages.log_age_error_lower]
            )
            no_age = ages.reason == NoAgeReason.OUTSIDE_RANGE
            values["MASS_DOMAIN"][no_age] |= MASS_DOMAIN_BITS[ending] << NO_AGE_SHIFT
            if rank == 0:
                _flag_ages(inputs, ages)
    return values


def clump_probability(inputs: StarInputs) -> Floats:
    """Probability that a giant is in the red clump.

    Parameters
    ----------
    inputs : StarInputs
        Clean columns.

    Returns
    -------
    ndarray of shape (n_samples,)
        The probability; NaN for log g of 3.5 or more and where an input is missing.
    """
    (probability,) = on_usable(lambda rows: (red_clump_probability(rows),), inputs, 1)
    log_g = inputs.features[:, FEATURES.index("LOGG")]
    return np.where(log_g < MAX_GIANT_LOG_G, probability, np.nan)


def _percentiles(
    inputs: StarInputs,
    predicted: Prediction,
    relation: Any,
    p_rc: Floats | None,
    ending: str,
    options: CatalogOptions,
) -> Values:
    """Percentiles of mass, and of age by that mass."""
    if not options.percentiles:
        return {}
    masses = predicted.quantiles(PERCENTILES)
    values: Values = {f"MASS_PERCENTILES{ending}": masses}
    if relation is not None:
        # Age falls with mass, and the levels lie evenly around one half.
        values[f"AGE_PERCENTILES{ending}"] = _ages_at(inputs, relation, masses, p_rc)[:, ::-1]
    return values


def _samples(inputs: StarInputs, predicted: Prediction, relation: Any, p_rc: Floats | None, n: int) -> Values:
    """Draws of the recommended mass, and the ages of each."""
    levels = uniform_draws(inputs.features, n, 1)
    masses = predicted.to_target(predicted.distribution.quantiles_at(levels))
    values: Values = {"MASS_SAMPLES": masses}
    if relation is not None:
        values["AGE_SAMPLES"] = _ages_at(inputs, relation, masses, p_rc)
    return values


def _ages_at(inputs: StarInputs, relation: Any, masses: Floats, p_rc: Floats | None) -> Floats:
    """Ages [yr] at several masses of each star."""
    m_h, log_g = (inputs.features[:, FEATURES.index(name)] for name in ("M_H", "LOGG"))
    return 10.0 ** relation.log_ages_at(masses, m_h, log_g, inputs["ALPHA_M"], p_rc)


def _ages(inputs: StarInputs, relation: Any, mass: Floats, interval: Floats, p_rc: Floats | None) -> Ages:
    m_h, log_g = (inputs.features[:, FEATURES.index(name)] for name in ("M_H", "LOGG"))
    return relation.predict_age(
        mass, m_h, log_g=log_g, alpha_m=inputs["ALPHA_M"], p_rc=p_rc, mass_interval=interval
    )


def _flag_ages(inputs: StarInputs, ages: Ages) -> None:
    inputs.flag("NOT_A_GIANT", ages.reason == NoAgeReason.NOT_A_GIANT)
    inputs.flag("OUTSIDE_AGE_RANGE", ages.reason == NoAgeReason.OUTSIDE_RANGE)
    inputs.flag("OUTSIDE_PUBLISHED_AGES", ages.outside_published)
    inputs.flag("OLDER_THAN_UNIVERSE", ages.age > MAX_AGE_GYR)
