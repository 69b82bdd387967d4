"""Evaluation of models on the rows that have their inputs, and what a model knows of a star."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skdistmass.columns import BITS
from skdistmass.survey.flags import StarInputs

Values = dict[str, NDArray]
Floats = NDArray[np.float64]


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
        for output, result in zip(outputs, function(inputs.features[inputs.usable]), strict=True):
            output[inputs.usable] = result
    return outputs


def predict(model: Any, inputs: StarInputs) -> list[Floats]:
    """Predictions of a regressor and their errors.

    Parameters
    ----------
    model : estimator
        Fitted regressor of the five features.
    inputs : StarInputs
        Clean columns.

    Returns
    -------
    prediction, error : ndarray of shape (n_samples,)
        In the unit of the model's target; NaN where an input is missing.
    """
    # Stars outside the domain have their bit.
    return on_usable(lambda rows: model.predict_checked(rows, return_std=True), inputs, 2)


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
