"""Ages of giants from a relation of mass, metallicity and log age: their ranges, reasons and errors."""

from __future__ import annotations

import enum
from dataclasses import dataclass

import numpy as np

from skdistmass.estimators._evaluation import NetworkEvaluation, with_feature_names

MASS_RANGE = (0.8, 8.0)
METALLICITY_RANGE = (-0.5, 0.5)
MAX_LOG_G = 3.5
# The relation is sampled past its range, so that errors can be propagated at the edges.
SAMPLED_MASSES = (0.55, 10.0)


class NoAgeReason(enum.IntEnum):
    """Why a star has no age."""

    NONE = 0
    MISSING_INPUT = 1
    NOT_A_GIANT = 2
    OUTSIDE_RANGE = 3


@dataclass(frozen=True)
class Ages:
    """Ages of stars, one array element each; NaN where `reason` is not 0.

    Parameters
    ----------
    age : ndarray of shape (n_samples,)
        Age [Gyr].
    age_error_lower, age_error_upper : ndarray of shape (n_samples,)
        Distance from `age` to the 16th and the 84th percentile [Gyr]; NaN without mass errors.
    log_age : ndarray of shape (n_samples,)
        log10 of the age in years [dex].
    log_age_error_lower, log_age_error_upper : ndarray of shape (n_samples,)
        Errors of `log_age` [dex].
    reason : ndarray of shape (n_samples,)
        A `NoAgeReason` for each star.
    """

    age: np.ndarray
    age_error_lower: np.ndarray
    age_error_upper: np.ndarray
    log_age: np.ndarray
    log_age_error_lower: np.ndarray
    log_age_error_upper: np.ndarray
    reason: np.ndarray


class AgeEvaluation(NetworkEvaluation):
    """Ages from what `predict` says of mass and metallicity: of the estimator and of its arrays alone."""

    def predict_age(self, mass, m_h, mass_error=None, log_g=None):
        """Predict ages with errors from those of the masses.

        Parameters
        ----------
        mass : array-like of shape (n_samples,)
            Mass [Msun].
        m_h : array-like of shape (n_samples,)
            Metallicity [M/H] [dex].
        mass_error : array-like of shape (n_samples,), default=None
            1σ error of the mass [Msun].
        log_g : array-like of shape (n_samples,), default=None
            Surface gravity [dex]; a star with log g >= 3.5 is not a giant and gets no age. None: all are
            giants.

        Returns
        -------
        Ages
            Ages [Gyr], their errors and why there is none.

        Raises
        ------
        ValueError
            If the arrays differ in length, or a mass error is negative.

        Notes
        -----
        Age falls with mass, so the percentiles of the age are the ages at the percentiles of the mass: the
        upper error is that of M - σ, the lower that of M + σ.
        """
        mass, m_h = np.atleast_1d(np.asarray(mass, dtype=float)), np.atleast_1d(np.asarray(m_h, dtype=float))
        error = (
            np.full(mass.shape, np.nan)
            if mass_error is None
            else np.atleast_1d(np.asarray(mass_error, dtype=float))
        )
        log_g = np.zeros(mass.shape) if log_g is None else np.atleast_1d(np.asarray(log_g, dtype=float))
        for name, values in (("m_h", m_h), ("mass_error", error), ("log_g", log_g)):
            if values.shape != mass.shape:
                raise ValueError(f"{name} has shape {values.shape}; expected that of mass, {mass.shape}.")
        if np.any(error < 0):
            bad = np.flatnonzero(error < 0)
            raise ValueError(
                f"mass_error [Msun] must not be negative; {bad.size} of {error.size} are "
                f"(first: row {bad[0]})."
            )
        reason = _reason(mass, m_h, log_g)
        usable = reason == NoAgeReason.NONE
        log_age = self._log_ages(mass, m_h, usable)
        # Far outside the range the relation is not sampled; an error that reaches there is a lower limit.
        low, high = SAMPLED_MASSES
        older = self._log_ages(np.clip(mass - error, low, high), m_h, usable & np.isfinite(error))
        younger = self._log_ages(np.clip(mass + error, low, high), m_h, usable & np.isfinite(error))
        age = 10.0 ** (log_age - 9)
        return Ages(
            age=age,
            age_error_lower=age - 10.0 ** (younger - 9),
            age_error_upper=10.0 ** (older - 9) - age,
            log_age=log_age,
            log_age_error_lower=log_age - younger,
            log_age_error_upper=older - log_age,
            reason=reason,
        )

    def _log_ages(self, mass, m_h, usable):
        log_age = np.full(mass.shape, np.nan)
        if usable.any():
            log_age[usable] = self.predict(
                with_feature_names(self, np.column_stack([mass[usable], m_h[usable]]))
            )
        return log_age


def _reason(mass, m_h, log_g):
    """Say for each star why it has no age, the first that applies."""
    missing = ~(np.isfinite(mass) & np.isfinite(m_h) & np.isfinite(log_g))
    outside = (mass < MASS_RANGE[0]) | (mass > MASS_RANGE[1])
    outside |= (m_h < METALLICITY_RANGE[0]) | (m_h > METALLICITY_RANGE[1])
    reason = np.where(outside, NoAgeReason.OUTSIDE_RANGE, NoAgeReason.NONE)
    reason = np.where(log_g >= MAX_LOG_G, NoAgeReason.NOT_A_GIANT, reason)
    return np.where(missing, NoAgeReason.MISSING_INPUT, reason).astype(np.int8)
