"""Ages of giants, with their errors, from a relation of mass, metallicity and age; without scikit-learn."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from skdistmass.columns import MAX_GIANT_LOG_G, as_floats
from skdistmass.estimators.inference import NetworkInference
from skdistmass.physics.isochrones import total_metallicity

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    FloatArray = NDArray[np.float64]

MASS_RANGE = (0.8, 8.0)
METALLICITY_RANGE = (-0.5, 0.5)
# The relation is sampled past its range, so that errors can be propagated at the edges.
SAMPLED_MASSES = (0.55, 10.0)
ISOCHRONE_METALLICITIES = (-2.5, 0.5)
OLDEST_ISOCHRONE = 10.3
"""Log age of the oldest of the isochrones [log10 yr]."""


MASS_LEVELS = tuple(np.concatenate([[0.001, 0.005], np.linspace(0.01, 0.99, 99), [0.995, 0.999]]).tolist())
"""Probabilities at which `AgeInference.predict_age_distribution` wants the masses."""


AGE_OF_UNIVERSE = 14.0
"""Ages above it [Gyr] are counted in `AgeDistribution.older_than_universe`."""


LEAST_SIDE = 0.05
"""Least part of a mass interval on either side of the mass: a point estimate can lie outside of it."""


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


@dataclass(frozen=True)
class AgeDistribution:
    """Distributions of the ages of stars; NaN for stars without an age.

    Parameters
    ----------
    p16, median, p84 : ndarray of shape (n_samples,)
        Percentiles [Gyr].
    mode : ndarray of shape (n_samples,)
        Most probable age [Gyr].
    older_than_universe : ndarray of shape (n_samples,)
        Probability of an age above 14 Gyr.
    """

    p16: FloatArray
    median: FloatArray
    p84: FloatArray
    mode: FloatArray
    older_than_universe: FloatArray


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
        *,
        mass_interval: ArrayLike | None = None,
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
        mass_interval : array-like of shape (n_samples, 2), default=None
            16th and 84th percentile of the mass [Msun] in place of `mass_error`.

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
        skdistmass.models.red_clump.red_clump_probability : The probability, from the five labels.

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
        near = masses[rows]
        low, high = _interval(masses, error, mass_interval)[rows].T
        # Far outside the range the relation is not sampled; an error that reaches there is a lower limit.
        around = [near, *(np.clip(np.where(np.isfinite(m), m, near), *SAMPLED_MASSES) for m in (low, high))]
        log_ages = self._log_ages(np.stack(around), total[rows], clump[rows])
        log_ages[1:, ~np.isfinite(low + high)] = np.nan
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

    def predict_age_distribution(
        self,
        mass_quantiles: ArrayLike,
        m_h: ArrayLike,
        log_g: ArrayLike | None = None,
        alpha_m: ArrayLike | None = None,
        p_rc: ArrayLike | None = None,
    ) -> AgeDistribution:
        """Push distributions of mass through the relation.

        Parameters
        ----------
        mass_quantiles : array-like of shape (n_samples, n_levels)
            Masses [Msun] at the probabilities `MASS_LEVELS`, as from ``predict_quantiles(X, MASS_LEVELS)`` of
            a `MassRegressor`.
        m_h, log_g, alpha_m, p_rc : array-like of shape (n_samples,)
            As in `predict_age`.

        Returns
        -------
        AgeDistribution
            Percentiles, mode and the probability of an age above that of the Universe.

        Raises
        ------
        ValueError
            If the arrays do not fit each other.
        """
        masses = np.atleast_2d(as_floats(mass_quantiles, "Msun"))
        if masses.shape[1] != len(MASS_LEVELS):
            raise ValueError(
                f"mass_quantiles must have {len(MASS_LEVELS)} columns, one for each of MASS_LEVELS; received "
                f"the shape {masses.shape}."
            )
        # Age falls with mass.
        ages = 10.0 ** (self.log_ages_at(masses, m_h, log_g, alpha_m, p_rc)[:, ::-1] - 9.0)
        levels = 1.0 - np.array(MASS_LEVELS)[::-1]
        p16, median, p84 = (_interpolated(ages, levels, level) for level in (0.16, 0.5, 0.84))
        # The densest window of a tenth of the probability holds the mode.
        reach = int(np.searchsorted(levels, levels[0] + 0.1))
        start = np.argmin(
            np.where(np.isnan(ages[:, reach:]), np.inf, ages[:, reach:] - ages[:, :-reach]), axis=1
        )
        rows = np.arange(len(ages))
        mode = 0.5 * (ages[rows, start] + ages[rows, start + reach])
        older = np.array([1.0 - np.interp(AGE_OF_UNIVERSE, row, levels, 0.0, 1.0) for row in ages])
        return AgeDistribution(p16, median, p84, mode, np.where(np.isnan(median), np.nan, older))

    def log_ages_at(
        self,
        masses: FloatArray,
        m_h: ArrayLike,
        log_g: ArrayLike | None = None,
        alpha_m: ArrayLike | None = None,
        p_rc: ArrayLike | None = None,
    ) -> FloatArray:
        """Log ages at several masses of each star.

        Parameters
        ----------
        masses : ndarray of shape (n_samples, n_masses)
            Masses [Msun]; beyond 0.55 and 10 Msun the age there.
        m_h, log_g, alpha_m, p_rc : array-like of shape (n_samples,)
            As in `predict_age`.

        Returns
        -------
        ndarray of shape (n_samples, n_masses)
            log10 of the ages in years [dex]; NaN for stars without one.
        """
        middle = masses[:, masses.shape[1] // 2]
        inputs = _age_inputs(middle, m_h, None, log_g, alpha_m, p_rc)
        total = total_metallicity(inputs[1], np.nan_to_num(inputs[4]))
        inside = np.clip(inputs[0], *SAMPLED_MASSES)
        rows = np.flatnonzero(_reason(inside, inputs[1], total, inputs[3]) == NoAgeReason.NONE)
        ages = np.full(masses.shape, np.nan)
        wanted = np.clip(masses[rows].T, *SAMPLED_MASSES)
        ages[rows] = self._log_ages(wanted, total[rows], inputs[5][rows]).T
        return ages

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


def _interpolated(ages: FloatArray, levels: FloatArray, level: float) -> FloatArray:
    """Quantile of each star between those that are known."""
    upper = int(np.searchsorted(levels, level))
    fraction = (level - levels[upper - 1]) / (levels[upper] - levels[upper - 1])
    return (1.0 - fraction) * ages[:, upper - 1] + fraction * ages[:, upper]


def _interval(mass: FloatArray, error: FloatArray, given: ArrayLike | None) -> FloatArray:
    """16th and 84th percentile of the masses, on either side of the mass itself, or close to it."""
    if given is None:
        return np.column_stack([mass - error, mass + error])
    interval = as_floats(given, "Msun")
    if interval.shape != (len(mass), 2):
        raise ValueError(f"mass_interval must have the shape ({len(mass)}, 2); received {interval.shape}.")
    least = LEAST_SIDE * (interval[:, 1] - interval[:, 0])
    return np.column_stack(
        [np.minimum(interval[:, 0], mass - least), np.maximum(interval[:, 1], mass + least)]
    )


def _age_inputs(mass: ArrayLike, m_h: ArrayLike, *others: ArrayLike | None) -> list[FloatArray]:
    """Return all arguments of `predict_age` as arrays of one length, with what stands for None."""
    first = np.atleast_1d(as_floats(mass, "Msun"))
    arrays = [first]
    names = ("m_h", "mass_error", "log_g", "alpha_m", "p_rc")
    for name, values in zip(names, (m_h, *others), strict=True):
        default = 0.0 if name == "log_g" else np.nan
        unit = "Msun" if name == "mass_error" else ""
        array = np.full(first.shape, default) if values is None else np.atleast_1d(as_floats(values, unit))
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
    reason = np.where(log_g >= MAX_GIANT_LOG_G, NoAgeReason.NOT_A_GIANT, reason)
    return np.where(missing, NoAgeReason.MISSING_INPUT, reason).astype(np.int8)
