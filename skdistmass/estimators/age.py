"""Ages of giants from their masses and metallicities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import resources
from typing import TYPE_CHECKING, Any, ClassVar, Self
from weakref import WeakKeyDictionary

import joblib
import numpy as np
from scipy.interpolate import LinearNDInterpolator
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from skdistmass.estimators.age_inference import (
    MASS_RANGE,
    MAX_GIANT_LOG_G,
    METALLICITY_RANGE,
    SAMPLED_MASSES,
    AgeInference,
    Ages,
    NoAgeReason,
)
from skdistmass.estimators.base import NetworkRegressor
from skdistmass.estimators.settings import Constraint, document_settings, one_of, validate_features
from skdistmass.physics.giants import load_giant_ages, log_age_of_mass

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray
    from sklearn.pipeline import Pipeline

    FloatArray = NDArray[np.float64]

__all__ = [
    "MASS_RANGE",
    "MAX_GIANT_LOG_G",
    "METALLICITY_RANGE",
    "Ages",
    "MassToAge",
    "NoAgeReason",
    "isochrone_ages",
]

METHODS = ("network", "interpolate")

_SAMPLED_MASSES = np.geomspace(*SAMPLED_MASSES, 150)
_SAMPLED_METALLICITIES = np.linspace(-0.75, 0.5, 26)


def isochrone_ages(mass: str = "current") -> tuple[FloatArray, FloatArray]:
    """Sample the relation of mass, metallicity and age of the shipped isochrones.

    Parameters
    ----------
    mass : {"current", "initial"}, default="current"
        Which mass the ages are a function of.

    Returns
    -------
    X : ndarray of shape (n_samples, 2)
        Mass [Msun] and [M/H] [dex].
    y : ndarray of shape (n_samples,)
        log10 of the age in years [dex].

    Raises
    ------
    ValueError
        If `mass` is neither.

    Notes
    -----
    At each metallicity of the table log age is a monotonic function of log mass (PCHIP interpolation);
    between metallicities it is linear. Masses below the oldest isochrone's follow the slope at its end, so
    that an age there is larger than that of the table and larger than that of the Universe.
    """
    if mass not in ("current", "initial"):
        raise ValueError(f"mass must be 'current' or 'initial'; received {mass!r}.")
    table = load_giant_ages()
    masses = table.current_mass if mass == "current" else table.initial_mass
    log_age = log_age_of_mass(np.log10(_SAMPLED_MASSES), masses, table.log_age)
    upper = np.clip(np.searchsorted(table.fe_h, _SAMPLED_METALLICITIES), 1, len(table.fe_h) - 1)
    step = table.fe_h[upper] - table.fe_h[upper - 1]
    fraction = (_SAMPLED_METALLICITIES - table.fe_h[upper - 1]) / step
    sampled = (1 - fraction) * log_age[:, upper - 1] + fraction * log_age[:, upper]
    grid = np.meshgrid(_SAMPLED_MASSES, _SAMPLED_METALLICITIES, indexing="ij")
    return np.column_stack([axis.ravel() for axis in grid]), sampled.ravel()


class _OfNetwork:
    """Fitted attribute that ``method="interpolate"`` does not have; what `fit` stores goes before it."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, model: MassToAge | None, owner: type | None = None) -> Any:
        if model is None:
            return self
        raise AttributeError(_missing(model, self._name))


def _missing(model: MassToAge, name: str) -> str:
    if model.method == "network":
        return f"this MassToAge has no {name}: fit it first."
    return (
        f"{name} is of method='network'; this MassToAge has method={model.method!r}, which keeps points_ and "
        "values_ only."
    )


def _has_network(model: MassToAge) -> bool:
    if model.method != "network":
        raise AttributeError(_missing(model, "calibrate"))
    return True


@document_settings
class MassToAge(AgeInference, NetworkRegressor):
    """Age of a giant from its mass and metallicity.

    The columns of `X` are mass [Msun] and [M/H] [dex]; `y` is log10 of the age in years. A giant lives
    through the last few per cent of its life, so its mass and metallicity fix its age.

    Parameters
    ----------
    method : {"network", "interpolate"}, default="network"
        "network" fits the network; "interpolate" interpolates linearly in log mass and [M/H] between the
        points of `fit`, without errors.
    {settings}

    Attributes
    ----------
    {attributes}
    points_, values_ : ndarray of shape (n_samples, 2), ndarray of shape (n_samples,)
        The points of `fit`. Only with ``method="interpolate"``, which has `n_features_in_` and
        `feature_names_in_` beside them, and none of the others.

    See Also
    --------
    MassRegressor : Predicts the masses.

    Notes
    -----
    `from_isochrones` is the relation of MIST giants (log g < 3.5, mean mass for each age and [Fe/H],
    weighed with the initial mass function and the time spent in each phase), as a function of the current
    mass, since that is what seismology measures and `MassRegressor` predicts. At solar metallicity the
    slope d log age / d log mass over 10 % to either side is -3.5 at 1 Msun and -2.4 at 2 Msun: an error of
    10 % in mass is +0.16/-0.15 dex and +0.11/-0.10 dex in age.
    The paper quotes +0.30/-0.21 dex and +0.067/-0.063 dex.

    References
    ----------
    Stone-Martinez A., et al. 2024, AJ 167, 73, section 6.
    Choi J., et al. 2016, ApJ 823, 102.

    Examples
    --------
    >>> from skdistmass import MassToAge
    >>> ages = MassToAge.from_isochrones().predict_age([1.0, 2.0], [0.0, 0.0], mass_error=[0.1, 0.2])
    >>> ages.age.round(0)
    array([11.,  1.])
    """

    _parameter_constraints: ClassVar[Mapping[str, Constraint]] = {
        **NetworkRegressor._parameter_constraints,
        "method": one_of(*METHODS),
    }

    coefs_ = _OfNetwork()
    intercepts_ = _OfNetwork()
    scaler_mean_ = _OfNetwork()
    scaler_scale_ = _OfNetwork()
    error_model_ = _OfNetwork()
    loss_ = _OfNetwork()
    loss_curve_ = _OfNetwork()
    n_iter_ = _OfNetwork()
    converged_ = _OfNetwork()

    calibrate = available_if(_has_network)(NetworkRegressor.calibrate)

    def __init__(
        self,
        *,
        method: str = "network",
        hidden_layer_sizes: int | Sequence[int] = (16, 16),
        activation: str = "tanh",
        solver: str = "lbfgs",
        loss: str = "squared_error",
        epsilon: float = 1.35,
        alpha: float = 1e-9,
        n_members: int = 1,
        n_restarts: int = 1,
        max_iter: int = 3000,
        tol: float = 1e-12,
        batch_size: int = 32,
        learning_rate_init: float = 1e-3,
        validation_fraction: float = 0.2,
        n_iter_no_change: int = 15,
        error_feature: str | int = "M_H",
        random_state: int | np.random.RandomState | None = None,
        verbose: int = False,
    ):
        super().__init__(
            hidden_layer_sizes=hidden_layer_sizes,
            activation=activation,
            solver=solver,
            loss=loss,
            epsilon=epsilon,
            alpha=alpha,
            n_members=n_members,
            n_restarts=n_restarts,
            max_iter=max_iter,
            tol=tol,
            batch_size=batch_size,
            learning_rate_init=learning_rate_init,
            validation_fraction=validation_fraction,
            n_iter_no_change=n_iter_no_change,
            error_feature=error_feature,
            random_state=random_state,
            verbose=verbose,
        )
        self.method = method

    @classmethod
    def from_isochrones(cls, mass: str = "current", method: str = "network") -> MassToAge:
        """Return the fitted relation of the shipped isochrones; nothing is trained.

        Parameters
        ----------
        mass : {"current", "initial"}, default="current"
            Which mass the ages are a function of.
        method : {"network", "interpolate"}, default="network"
            The shipped network, or the samples it was trained on, interpolated.

        Returns
        -------
        MassToAge
            Fitted estimator.

        Raises
        ------
        ValueError
            If an argument is not one of its choices.
        """
        if method == "interpolate":
            return cls(method=method).fit(*isochrone_ages(mass))
        if method not in METHODS:
            raise ValueError(f"method must be one of {METHODS}; received {method!r}.")
        if mass not in ("current", "initial"):
            raise ValueError(f"mass must be 'current' or 'initial'; received {mass!r}.")
        name = "age" if mass == "current" else "age-initial"
        # Shipped with this module, so as trustworthy as its code.
        with (resources.files("skdistmass.models") / f"{name}.joblib").open("rb") as file:
            return joblib.load(file)

    @property
    def pipeline_(self) -> Pipeline:
        """Fitted ``Pipeline(StandardScaler, KerasRegressor)`` of ``method="network"``."""
        if self.method != "network":
            raise AttributeError(_missing(self, "pipeline_"))
        return super().pipeline_

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Learn log age as a function of mass and metallicity.

        Parameters
        ----------
        X : array-like of shape (n_samples, 2)
            Mass [Msun] and [M/H] [dex].
        y : array-like of shape (n_samples,)
            log10 of the age in years [dex].
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples; "interpolate" goes through every point whatever its weight.

        Returns
        -------
        self : MassToAge
            The fitted estimator.

        Raises
        ------
        ValueError
            If a setting, the table or the weights are not usable.
        """
        self._check_settings()
        fitted = [name for name in vars(self) if name.endswith("_")]
        for name in fitted:  # another method may have left other attributes
            delattr(self, name)
        if self.method == "network":
            return super().fit(X, y, sample_weight)
        table, labels = validate_features(self, X, y, dtype=np.float64, y_numeric=True, ensure_min_samples=3)
        if table.shape[1] != 2:
            raise ValueError(
                f"method='interpolate' needs the 2 columns mass and [M/H]; received {table.shape[1]}."
            )
        self.points_, self.values_ = table, np.asarray(labels, dtype=np.float64)
        return self

    def predict(
        self, X: ArrayLike, return_std: bool = False, *, X_error: ArrayLike | None = None
    ) -> FloatArray | tuple[FloatArray, FloatArray]:
        """Predict log ages.

        Parameters
        ----------
        X : array-like of shape (n_samples, 2)
            Mass [Msun] and [M/H] [dex].
        return_std : bool, default=False
            Also return the 1σ scatter of the fit around the relation (not the effect of an error in mass; see
            `predict_age`).
        X_error : array-like of shape (n_samples, 2), default=None
            1σ errors of mass and metallicity, which are propagated; only with ``method="network"``.

        Returns
        -------
        log_age : ndarray of shape (n_samples,)
            log10 of the age in years [dex]; "interpolate" gives NaN outside its points.
        std : ndarray of shape (n_samples,)
            1σ scatter [dex]. Only with ``return_std=True``.
        """
        if self.method == "network":
            return super().predict(X, return_std, X_error=X_error)
        check_is_fitted(self)
        log_age = self._relation(validate_features(self, X, dtype=np.float64, reset=False))
        return (log_age, np.zeros_like(log_age)) if return_std else log_age

    def _relation(self, X: FloatArray) -> FloatArray:
        check_is_fitted(self)
        if self.method == "network":
            return super()._relation(X)
        kept = _INTERPOLATORS.get(self)
        if kept is None or kept[0] is not self.points_:
            kept = self.points_, LinearNDInterpolator(_with_log_mass(self.points_), self.values_)
            _INTERPOLATORS[self] = kept
        return kept[1](_with_log_mass(X))


# Triangles between the points of each living estimator, beside it since its state is arrays and builtins.
_INTERPOLATORS: WeakKeyDictionary[MassToAge, tuple[FloatArray, LinearNDInterpolator]] = WeakKeyDictionary()


def _with_log_mass(X: FloatArray) -> FloatArray:
    return np.column_stack([np.log10(X[:, 0]), X[:, 1]])
