"""Isochrone distances and ages, and where they stand in for the network."""

from __future__ import annotations

import numpy as np

from skdistmass.columns import FEATURES, MAX_GIANT_LOG_G
from skdistmass.isochrones.inference import IsochroneInference
from skdistmass.isochrones.posterior import IsochroneStatus
from skdistmass.physics.constants import YEARS_PER_GYR
from skdistmass.survey.flags import StarInputs
from skdistmass.survey.quantities.distances import apparent_error
from skdistmass.survey.quantities.evaluation import Values

DISAGREEMENT = 3.0  # combined standard deviations between network and isochrones
TOLD_AGE = 0.5
"""A star tells its age where the posterior's 68 % interval is below this fraction of the prior's."""
_MAX_APPARENT_ERROR = 1.0  # mag: the isochrones' distances know no larger one


def isochrone_values(inputs: StarInputs, values: Values, isochrone: IsochroneInference) -> Values:
    """Isochrone distances and ages, and bits for stars without one or far from the network's.

    Parameters
    ----------
    inputs : StarInputs
        Clean columns, whose flags are changed.
    values : dict of str to ndarray
        Columns so far, with EXTINCTION and MAG.
    isochrone : IsochroneInference
        Prepared isochrones.

    Returns
    -------
    dict of str to ndarray
        NMSU_DIST and NMSU_AGE with their percentiles, and WEIGHTED_DIST anew if it is in `values`.
    """
    labels = inputs.features[:, :3]
    errors = np.column_stack([inputs[f"{name}_ERR"] for name in FEATURES[:3]])
    result = isochrone.distances_checked(
        np.where(np.isfinite(labels).all(axis=1, keepdims=True), labels, np.nan),
        values["MAG"],
        values["EXTINCTION"],
        X_error=np.nan_to_num(errors),
        alpha_m=np.nan_to_num(inputs["ALPHA_M"]),
        apparent_mag_error=np.minimum(apparent_error(inputs, values), _MAX_APPARENT_ERROR),
    )
    inputs.flag("ISOCHRONE_OUT_OF_REACH", result["status"] == IsochroneStatus.OUT_OF_REACH)
    if "ABS_MAG" in values:
        spread = 0.5 * (result["absolute_magnitude_p84"] - result["absolute_magnitude_p16"])
        difference = values["ABS_MAG"] - result["absolute_magnitude_median"]
        limit = DISAGREEMENT * np.hypot(values["ABS_MAG_ERR"], spread)
        inputs.flag("ISOCHRONE_DISAGREES", np.abs(difference) > limit)
    parts = {"": "median", "_P16": "p16", "_P84": "p84"}
    found: Values = {f"NMSU_DIST{end}": result[f"distance_{part}"] for end, part in parts.items()}
    found["NMSU_DIST_ALL"] = np.column_stack(
        [result[f"distance_{part}"] for part in ("mode", "median", "mean")]
    )
    no_giant = inputs.features[:, FEATURES.index("LOGG")] >= MAX_GIANT_LOG_G
    interval = result["age_p84"] - result["age_p16"]
    told = no_giant & (interval < TOLD_AGE * isochrone.prior_age_interval_)
    # Giants have AGE, and a row without any bit is a good one.
    inputs.flag("NO_ISOCHRONE_AGE", no_giant & ~told)
    for end, part in parts.items():
        age = YEARS_PER_GYR * result[f"age_{part}"]
        found[f"NMSU_AGE{end}"] = np.where(told, age, np.nan)
    if "WEIGHTED_DIST" in values:
        found |= _stand_in(inputs, values, found)
    return found


def _stand_in(inputs: StarInputs, values: Values, found: Values) -> Values:
    """Weighted distances with the isochrones' where there would be an extrapolation of the network only."""
    extrapolated = inputs.has("OUTSIDE_DISTANCE_DOMAIN") & inputs.has("NO_GAIA")
    use = extrapolated & np.isfinite(found["NMSU_DIST"])
    inputs.flag("WEIGHTED_DIST_ISOCHRONE", use)
    half = 0.5 * (found["NMSU_DIST_P84"] - found["NMSU_DIST_P16"])
    return {
        "WEIGHTED_DIST": np.where(use, found["NMSU_DIST"], values["WEIGHTED_DIST"]),
        "WEIGHTED_DIST_ERR": np.where(use, half, values["WEIGHTED_DIST_ERR"]),
    }
