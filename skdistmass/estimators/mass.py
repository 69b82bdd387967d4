"""Spectroscopic masses of giants."""

from __future__ import annotations

import numpy as np

from skdistmass.estimators._evaluation import MassEvaluation
from skdistmass.estimators.base import NetworkRegressor

TARGETS = ("log_mass", "mass")


class MassRegressor(MassEvaluation, NetworkRegressor):
    """Current mass [Msun] of a giant from five numbers of its spectrum.

    The columns of `X` are Teff [K], log g [dex], [M/H], [C/Fe] and [N/Fe] [dex], in this order; `y` is the
    current mass [Msun], as seismology measures it; `sample_weight` is 1/σ² with σ in Msun.

    Parameters
    ----------
    target : str, default="log_mass"
        What the network fits: "log_mass" or "mass". The errors of seismic masses are close to a
        constant fraction, so the logarithm has the more even scatter, and a prediction from it is never
        negative.
    {settings}

    Attributes
    ----------
    coefs_, intercepts_ : list of ndarray
        Kernels of shape (n_members, n_in, n_out) and biases of shape (n_members, n_out) of each layer.
    scaler_mean_, scaler_scale_ : ndarray of shape (n_features,)
        Weighted mean and standard deviation of the features.
    error_model_ : ErrorModel
        1σ error of the network's target as a quadratic in log g, from the training stars or from those
        given to `calibrate`.
    pipeline_ : Pipeline
        ``Pipeline(StandardScaler, KerasRegressor)`` with the same weights, rebuilt at each access; it
        predicts the network's target (ln mass for "log_mass").
    loss_, loss_curve_, n_iter_, converged_ : float, list of float, int, bool
        How the solver ended.
    n_features_in_ : int
        Number of features seen in `fit`.

    See Also
    --------
    DistanceRegressor : The same network for absolute magnitudes.
    MassToAge : Ages from these masses.

    Notes
    -----
    With ``target="log_mass"`` the error of a label becomes σ(ln M) = σ(M) / M, so the weights are
    multiplied by M²: what `sample_weight` means does not depend on the target.

    References
    ----------
    Stone-Martinez A., et al. 2024, AJ 167, 73, section 5.

    Examples
    --------
    >>> import numpy as np
    >>> from skdistmass import MassRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = np.column_stack([rng.uniform(4000, 5000, 200), rng.uniform(1, 3, 200), rng.normal(size=(200, 3))])
    >>> y = np.exp(0.2 * X[:, 4])
    >>> model = MassRegressor(random_state=0).fit(X, y, sample_weight=1 / (0.05 * y) ** 2)
    >>> bool(np.all(np.abs(model.predict(X) / y - 1) < 0.1))
    True
    """

    def __init__(
        self,
        *,
        target="log_mass",
        hidden_layer_sizes=(8,),
        activation="relu",
        solver="lbfgs",
        loss="squared_error",
        epsilon=1.35,
        alpha=1e-4,
        n_members=1,
        n_restarts=3,
        max_iter=1000,
        tol=1e-7,
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
        self.target = target

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.positive_only = self.target == "log_mass"
        return tags

    def _check_settings(self):
        super()._check_settings()
        if self.target not in TARGETS:
            raise ValueError(f"target has to be one of {TARGETS}; received {self.target!r}.")

    def _target_to_network(self, y, sample_weight):
        if self.target == "mass":
            return y, sample_weight
        bad = np.flatnonzero(y <= 0)
        if bad.size:
            raise ValueError(
                f"y [Msun] has to be positive with target='log_mass'; {bad.size} of {y.size} values are not "
                f"(first: row {bad[0]}, {y[bad[0]]:g}). Give masses, not log masses, or set target='mass'."
            )
        return np.log(y), sample_weight * y**2
