"""Evaluation of models on the rows that have their inputs, and what a model knows of a star."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skdistmass.columns import BITS
from skdistmass.networks.mixture import Mixture
from skdistmass.survey.flags import StarInputs

Values = dict[str, NDArray]
Floats = NDArray[np.float64]

LARGE_ERROR = 2.0
"""Errors of features count in the catalogue beyond this many times those of the training stars."""


def on_usable(function: Callable[[Floats], tuple[Floats, ...]], inputs: StarInputs, n: int) -> list[Floats]:
    """Evaluate on the rows that can be evaluated; the others are NaN.

    Parameters
    ----------
    function : callable
        From features of shape (n_usable, 5) to `n` arrays of shape (n_usable,).
    inputs : StarInputs
        Clean columns.
    n : int
        Number of outputs.

    Returns
    -------
    list of ndarray of shape (n_samples,)
        The outputs.
    """
    if inputs.usable.all():
        return list(function(inputs.features))
    outputs = [np.full(len(inputs.features), np.nan) for _ in range(n)]
    if inputs.usable.any():
        for output, result in zip(outputs, function(inputs.usable_features), strict=True):
            output[inputs.usable] = result
    return outputs


@dataclass(frozen=True)
class Prediction:
    """Predictions of a regressor, with their distributions.

    Parameters
    ----------
    value : ndarray of shape (n_samples,)
        In the unit of the model's target; NaN where an input is missing.
    distribution : Mixture
        Distributions of what the network fits, NaN where an input is missing.
    to_target : callable
        From what the network fits to the target, rising.
    """

    value: Floats
    distribution: Mixture
    to_target: Callable[[Floats], Floats]

    def quantiles(self, levels: Sequence[float]) -> Floats:
        """Quantiles of the target.

        Parameters
        ----------
        levels : sequence of float
            Probabilities.

        Returns
        -------
        ndarray of shape (n_samples, n_levels)
            The quantiles, in the unit of the target.
        """
        return self.to_target(self.distribution.quantiles(levels))


def predict(model: Any, inputs: StarInputs, log_density: Floats | None) -> Prediction:
    """Predictions of a regressor and their distributions.

    Parameters
    ----------
    model : estimator
        Fitted regressor of the five features.
    inputs : StarInputs
        Clean columns.
    log_density : ndarray of shape (n_samples,) or None
        Log density of the model's training stars, if it has a domain.

    Returns
    -------
    Prediction
        Of each row.
    """
    usable, errors = inputs.usable, inputs.usable_errors
    typical = 0.0 if model.distribution_ is None else model.distribution_.x_error
    large = errors > LARGE_ERROR * typical
    excess = np.where(large, errors, np.nan) if large.any() and np.any(typical) else None
    if log_density is not None:
        log_density = log_density if usable.all() else log_density[usable]
    # Stars outside the domain have their bit.
    value, mixture = model.distribution_checked(inputs.usable_features, log_density, excess)
    if not usable.all():
        rows = np.flatnonzero(usable)
        parts = (mixture.means, mixture.widths, mixture.weights)
        everywhere = [np.full((len(usable), mixture.means.shape[1]), np.nan) for _ in parts]
        for whole, part in zip(everywhere, parts, strict=True):
            whole[rows] = part
        mixture = Mixture(*everywhere)
        known, value = value, np.full(len(usable), np.nan)
        value[rows] = known
    return Prediction(value, mixture, model._network_to_target)


# Fractions of the plastic number's powers: points in the plane that are spread evenly.
_STEPS = (0.7548776662466927, 0.5698402909980532)


def uniform_draws(features: Floats, n: int, axis: int) -> Floats:
    """Even draws between 0 and 1 that depend on the star alone, not on the table.

    Parameters
    ----------
    features : ndarray of shape (n_samples, n_features)
        Features, of which the draws of each star begin at another point.
    n : int
        Number of draws.
    axis : {0, 1}
        Which of two quantities; the pairs of both are spread evenly over the plane.

    Returns
    -------
    ndarray of shape (n_samples, n)
        The draws.
    """
    bits = np.ascontiguousarray(features + 0.0).view(np.uint64)
    mixed = np.full(len(bits), 0x9E3779B97F4A7C15 + axis, dtype=np.uint64)
    with np.errstate(over="ignore"):
        for column in bits.T:
            mixed = (mixed ^ column) * np.uint64(0xBF58476D1CE4E5B9)
            mixed ^= mixed >> np.uint64(31)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    start = (mixed >> np.uint64(11)) / 2.0**53
    draws = (start[:, None] + _STEPS[axis] * np.arange(1, n + 1)) % 1.0
    return np.clip(draws, 1e-6, 1.0 - 1e-6)


@dataclass(frozen=True)
class Held:
    """What holds a model where a star lies: real training stars, isochrones, or nothing.

    Parameters
    ----------
    by_real_stars, by_isochrones, outside : ndarray of bool of shape (n_samples,)
        One of them is true for each row that has the inputs.
    log_density : ndarray of shape (n_samples,) or None
        Log density of the model's real training stars; None for a model without a domain, which holds
        everywhere.
    """

    by_real_stars: NDArray[np.bool_]
    by_isochrones: NDArray[np.bool_]
    outside: NDArray[np.bool_]
    log_density: Floats | None

    def density_column(self, name: str) -> Values:
        """Log density as a column of the catalogue, if there is one.

        Parameters
        ----------
        name : str
            Name of the column.

        Returns
        -------
        dict of str to ndarray
            The column, or nothing.
        """
        return {} if self.log_density is None else {name: self.log_density}


def what_holds(model: Any, inputs: StarInputs) -> Held:
    """Tell what holds a model at each star.

    Parameters
    ----------
    model : estimator
        Fitted model, with the `TrainingDomain` of its real training stars in `domain_` and that of real stars
        and isochrone anchors in `anchored_domain_` if it has them.
    inputs : StarInputs
        Clean columns.

    Returns
    -------
    Held
        Real stars go before isochrones.
    """
    nowhere = np.zeros_like(inputs.usable)
    domain = getattr(model, "domain_", None)
    if domain is None:
        return Held(inputs.usable, nowhere, nowhere, None)
    (density,) = on_usable(lambda rows: (domain.density_checked(rows),), inputs, 1)
    real = density >= domain.offset_
    isochrones = nowhere.copy()
    anchored = getattr(model, "anchored_domain_", None)
    rows = np.flatnonzero(inputs.usable & ~real)
    if anchored is not None and len(rows):
        isochrones[rows] = anchored.density_checked(inputs.features[rows]) >= anchored.offset_
    return Held(real, isochrones, inputs.usable & ~real & ~isochrones, density)


def flag_training_stars(inputs: StarInputs, model: Any, default: str) -> None:
    """Set the bits of stars that trained the model: those kept with it, or the default.

    Parameters
    ----------
    inputs : StarInputs
        Clean columns, whose flags are changed.
    model : estimator
        Fitted model.
    default : str
        Key of `skdistmass.columns.BITS`.
    """
    ids, hashed = getattr(model, "training_ids_", None), inputs.hashed_ids
    if ids is None or not len(ids) or hashed is None:
        return
    bits = getattr(model, "training_bits_", np.full(len(ids), BITS[default][0]))
    place = np.minimum(np.searchsorted(ids, hashed), len(ids) - 1)
    inputs.flags[:] |= np.where((ids[place] == hashed) & (hashed != 0), bits[place], 0)
