"""Ages of giants, with their errors, from a relation of mass, metallicity and age; without scikit-learn."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from skdistmass.estimators.inference import NetworkInference
from skdistmass.physics.isochrones import total_metallicity

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    FloatArray = NDArray[np.float64]

MASS_RANGE = (0.8, 8.0)
METALLICITY_RANGE = (-0.5, 0.5)
MAX_LOG_G = 3.5
# The relation is sampled past its range, so that errors can be propagated at the edges.
SAMPLED_MASSES = (0.55, 10.0)
ISOCHRONE_METALLICITIES = (-2.5, 0.5)
OLDEST_ISOCHRONE = 10.3
"""Log age of the oldest of the isochrones [log10 yr]."""


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
    outside_published : ndarray of bool of shape (n_samples,)
        True for an age of a star whose mass or total metallicity lies outside the published range of the
        relation, 0.8 to 8 Msun and -0.5 to 0.5 dex.
    """

    age: FloatArray
    age_error_lower: FloatArray
    age_error_upper: FloatArray
    log_age: FloatArray
    log_age_error_lower: FloatArray
    log_age_error_upper: FloatArray
    reason: NDArray[np.int8]
    outside_published: NDArray[np.bool_]


class AgeInference(NetworkInference):
    """Ages with their errors from a relation of mass, metallicity and log age."""

    _columns = ("MASS", "M_H")
    error_feature: str | int = "M_H"

    def predict_age(
        self,
        mass: ArrayLike,
        m_h: ArrayLike,
        mass_error: ArrayLike | None = None,
        log_g: ArrayLike | None = None,
        alpha_m: ArrayLike | None = None,
        p_rc: ArrayLike | None = None,
    ) -> Ages:
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
        alpha_m : array-like of shape (n_samples,), default=None
            [α/M] [dex], with which the relation is read at the total metallicity; NaN or None: solar.
        p_rc : array-like of shape (n_samples,), default=None
            Probability that the star is in the red clump, for current masses (see `red_clump_probability`);
            NaN or None: the mean of all giants.

        Returns
        -------
        Ages
            Ages [Gyr], their errors and why there is none.

        Raises
        ------
        ValueError
            If the arrays differ in length, a mass error is negative or a probability not between 0 and 1.

        See Also
        --------
        skdistmass.networks.red_clump.red_clump_probability : The probability, from the five labels.

        Notes
        -----
        Age falls with mass, so the percentiles of the age are the ages at the percentiles of the mass: the
        upper error of the age is that of M - σ, the lower that of M + σ.

        The relation stands for all giants with total metallicities (`total_metallicity`) between -0.5 and 0.5
        dex. The state of the star, and a metallicity outside, add the difference that the isochrones know
        (`skdistmass.physics.giants.log_age_shift`): down to [M/H] = -2.5. Masses may reach from 0.55 to 10
        Msun, of which 0.8 to 8 are published, as long as the age is that of an isochrone (20 Gyr at most).
        Stars beyond these limits get no age.
        """
        masses, metallicities, error, gravity, alpha, clump = _age_inputs(
            mass, m_h, mass_error, log_g, alpha_m, p_rc
        )
        total = total_metallicity(metallicities, np.nan_to_num(alpha))
        reason = _reason(masses, metallicities, total, gravity)
        rows = np.flatnonzero(reason == NoAgeReason.NONE)
        near, far = masses[rows], np.nan_to_num(error[rows])
        # Far outside the range the relation is not sampled; an error that reaches there is a lower limit.
        around = [near, np.clip(near - far, *SAMPLED_MASSES), np.clip(near + far, *SAMPLED_MASSES)]
        log_ages = self._log_ages(np.stack(around), total[rows], clump[rows])
        log_ages[1:, ~np.isfinite(error[rows])] = np.nan
        # Light stars older than any isochrone: their ages are made up.
        beyond = ~_between(near, MASS_RANGE) & (log_ages[0] > OLDEST_ISOCHRONE)
        reason[rows[beyond]], log_ages[:, beyond] = NoAgeReason.OUTSIDE_RANGE, np.nan
        everywhere = np.full((3, len(masses)), np.nan)
        everywhere[:, rows] = log_ages
        log_age, older, younger = everywhere
        age = 10.0 ** (log_age - 9)
        published = _between(masses, MASS_RANGE) & _between(total, METALLICITY_RANGE)
        return Ages(
            age=age,
            age_error_lower=age - 10.0 ** (younger - 9),
            age_error_upper=10.0 ** (older - 9) - age,
            log_age=log_age,
            log_age_error_lower=log_age - younger,
            log_age_error_upper=older - log_age,
            reason=reason,
            outside_published=(reason == NoAgeReason.NONE) & ~published,
        )

    def _relation(self, X: FloatArray) -> FloatArray:
        """Log age of all giants by mass and metallicity, columns of `X`."""
        return self._evaluate(X, return_std=False)

    def _log_ages(self, mass: FloatArray, m_h: FloatArray, p_rc: FloatArray) -> FloatArray:
        """Log ages of shape (n_masses, n_stars) for several masses of each star."""
        if not mass.size:
            return np.empty(mass.shape)
        inside = np.clip(m_h, *METALLICITY_RANGE)
        pairs = np.column_stack([mass.ravel(), np.tile(inside, len(mass))])
        relation = self._relation(pairs).reshape(mass.shape)
        if np.isfinite(p_rc).any() or (inside != m_h).any():
            from skdistmass.physics.giants import log_age_shift

            relation = relation + log_age_shift(mass, m_h, p_rc, METALLICITY_RANGE)
        return relation


def _age_inputs(mass: ArrayLike, m_h: ArrayLike, *others: ArrayLike | None) -> list[FloatArray]:
    """Return all arguments of `predict_age` as arrays of one length, with what stands for None."""
    first = np.atleast_1d(np.asarray(mass, dtype=float))
    arrays = [first]
    names = ("m_h", "mass_error", "log_g", "alpha_m", "p_rc")
    for name, values in zip(names, (m_h, *others), strict=True):
        default = 0.0 if name == "log_g" else np.nan
        array = np.full(first.shape, default) if values is None else np.atleast_1d(np.asarray(values, float))
        if array.shape != first.shape:
            raise ValueError(f"{name} must have the shape of mass, {first.shape}; received {array.shape}.")
        arrays.append(array)
    _refuse("mass_error [Msun] must not be negative", arrays[2] < 0)
    _refuse("p_rc must lie between 0 and 1", (arrays[5] < 0) | (arrays[5] > 1))
    return arrays


def _refuse(rule: str, bad: NDArray[np.bool_]) -> None:
    rows = np.flatnonzero(bad)
    if rows.size:
        verb = "are" if "not be" in rule else "do not"
        raise ValueError(
            f"{rule}; received {rows.size} of {bad.size} values that {verb} (first: row {rows[0]})."
        )


def _between(values: FloatArray, limits: tuple[float, float]) -> NDArray[np.bool_]:
    return (values >= limits[0]) & (values <= limits[1])


def _reason(mass: FloatArray, m_h: FloatArray, total: FloatArray, log_g: FloatArray) -> NDArray[np.int8]:
    """Say for each star why it has no age, the first that applies."""
    missing = ~(np.isfinite(mass) & np.isfinite(m_h) & np.isfinite(log_g))
    # The relation holds at the end of the isochrones for a star that its alpha elements bring past it.
    reached = _between(m_h, ISOCHRONE_METALLICITIES) | _between(total, ISOCHRONE_METALLICITIES)
    inside = _between(mass, SAMPLED_MASSES) & reached
    reason = np.where(inside, NoAgeReason.NONE, NoAgeReason.OUTSIDE_RANGE)
    reason = np.where(log_g >= MAX_LOG_G, NoAgeReason.NOT_A_GIANT, reason)
    return np.where(missing, NoAgeReason.MISSING_INPUT, reason).astype(np.int8)
