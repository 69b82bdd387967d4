"""Ages of giants from their masses and metallicities."""

from __future__ import annotations

import numpy as np
from scipy.interpolate import LinearNDInterpolator, PchipInterpolator
from sklearn.utils.validation import check_is_fitted, validate_data

from skdistmass.estimators._ages import (
    MASS_RANGE,
    MAX_LOG_G,
    METALLICITY_RANGE,
    SAMPLED_MASSES,
    AgeEvaluation,
    Ages,
    NoAgeReason,
)
from skdistmass.estimators.base import NetworkRegressor
from skdistmass.physics.isochrones import load_giant_ages

__all__ = [
    "MASS_RANGE",
    "MAX_LOG_G",
    "METALLICITY_RANGE",
    "Ages",
    "MassToAge",
    "NoAgeReason",
    "isochrone_ages",
]

METHODS = ("network", "interpolate")

_SAMPLED_MASSES = np.geomspace(*SAMPLED_MASSES, 150)
_SAMPLED_METALLICITIES = np.linspace(-0.75, 0.5, 26)


def isochrone_ages(mass="current"):
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
        raise ValueError(f"mass has to be 'current' or 'initial'; received {mass!r}.")
    table = load_giant_ages()
    masses = table.current_mass if mass == "current" else table.initial_mass
    log_mass = np.log10(_SAMPLED_MASSES)
    log_age = np.stack(
        [_log_age_of_mass(log_mass, np.log10(column), table.log_age) for column in masses.T], axis=1
    )
    upper = np.clip(np.searchsorted(table.fe_h, _SAMPLED_METALLICITIES), 1, len(table.fe_h) - 1)
    step = table.fe_h[upper] - table.fe_h[upper - 1]
    fraction = (_SAMPLED_METALLICITIES - table.fe_h[upper - 1]) / step
    sampled = (1 - fraction) * log_age[:, upper - 1] + fraction * log_age[:, upper]
    grid = np.meshgrid(_SAMPLED_MASSES, _SAMPLED_METALLICITIES, indexing="ij")
    return np.column_stack([axis.ravel() for axis in grid]), sampled.ravel()


def _log_age_of_mass(log_mass, node_log_mass, node_log_age):
    # Nodes run from young and massive to old and light.
    relation = PchipInterpolator(node_log_mass[::-1], node_log_age[::-1], extrapolate=False)
    log_age = relation(log_mass)
    for low_end in (True, False):
        edge = -1 if low_end else 0
        inner = edge - 4 if low_end else edge + 4
        slope = (node_log_age[edge] - node_log_age[inner]) / (node_log_mass[edge] - node_log_mass[inner])
        beyond = log_mass < node_log_mass[-1] if low_end else log_mass > node_log_mass[0]
        log_age[beyond] = node_log_age[edge] + slope * (log_mass[beyond] - node_log_mass[edge])
    return log_age


class MassToAge(AgeEvaluation, NetworkRegressor):
    """Age of a giant from its mass and metallicity.

    The columns of `X` are mass [Msun] and [M/H] [dex]; `y` is log10 of the age in years. A giant lives
    through the last few per cent of its life, so its mass and metallicity fix its age.

    Parameters
    ----------
    method : str, default="network"
        "network" fits the network; "interpolate" interpolates linearly between the points of `fit`.
    {settings}

    Attributes
    ----------
    coefs_, intercepts_ : list of ndarray
        Kernels of shape (n_members, n_in, n_out) and biases of shape (n_members, n_out) of each layer.
    scaler_mean_, scaler_scale_ : ndarray of shape (n_features,)
        Weighted mean and standard deviation of the features.
    pipeline_ : Pipeline
        ``Pipeline(StandardScaler, KerasRegressor)`` with the same weights, rebuilt at each access.
    n_features_in_ : int
        Number of features seen in `fit`.

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

    def __init__(
        self,
        *,
        method="network",
        hidden_layer_sizes=(16, 16),
        activation="tanh",
        solver="lbfgs",
        loss="squared_error",
        epsilon=1.35,
        alpha=1e-9,
        n_members=1,
        n_restarts=1,
        max_iter=3000,
        tol=1e-12,
        batch_size=32,
        learning_rate_init=1e-3,
        validation_fraction=0.2,
        n_iter_no_change=15,
        random_state=None,
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
            random_state=random_state,
        )
        self.method = method

    @classmethod
    def from_isochrones(cls, mass="current", method="network"):
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
            raise ValueError(f"method has to be one of {METHODS}; received {method!r}.")
        if mass not in ("current", "initial"):
            raise ValueError(f"mass has to be 'current' or 'initial'; received {mass!r}.")
        from skdistmass.models.load import load_model

        return load_model("age" if mass == "current" else "age-initial")

    def _check_settings(self):
        super()._check_settings()
        if self.method not in METHODS:
            raise ValueError(f"method has to be one of {METHODS}; received {self.method!r}.")

    def fit(self, X, y, sample_weight=None):
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
        if self.method == "network":
            return super().fit(X, y, sample_weight)
        self._check_settings()
        X, y = validate_data(self, X, y, dtype=np.float64, y_numeric=True, ensure_min_samples=3)
        if X.shape[1] != 2:
            raise ValueError(
                f"method='interpolate' needs the 2 columns mass and [M/H]; received {X.shape[1]}."
            )
        self.points_, self.values_ = X, np.asarray(y, dtype=np.float64)
        return self

    def predict(self, X, return_std=False):
        """Predict log ages.

        Parameters
        ----------
        X : array-like of shape (n_samples, 2)
            Mass [Msun] and [M/H] [dex].
        return_std : bool, default=False
            Also return the 1σ scatter of the fit around the relation (not the effect of an error in mass; see
            `predict_age`).

        Returns
        -------
        log_age : ndarray of shape (n_samples,)
            log10 of the age in years [dex]; "interpolate" gives NaN outside its points.
        std : ndarray of shape (n_samples,)
            1σ scatter [dex]. Only with ``return_std=True``.
        """
        if self.method == "network":
            return super().predict(X, return_std)
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        interpolator = LinearNDInterpolator(_with_log_mass(self.points_), self.values_)
        log_age = interpolator(_with_log_mass(X))
        return (log_age, np.zeros_like(log_age)) if return_std else log_age


def _with_log_mass(X):
    return np.column_stack([np.log10(X[:, 0]), X[:, 1]])
