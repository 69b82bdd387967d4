"""Spectroscopic masses of giants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from skdistmass.estimators.base import NetworkRegressor
from skdistmass.estimators.inference import MassInference
from skdistmass.estimators.settings import Constraint, document_settings, one_of


@document_settings
class MassRegressor(MassInference, NetworkRegressor):
    """Current mass [Msun] of a giant from five numbers of its spectrum.

    The columns of `X` are Teff [K], log g [dex], [M/H], [C/Fe] and [N/Fe] [dex], in this order; `y` is the
    current mass [Msun], as seismology measures it; `sample_weight` is 1/σ² with σ in Msun.

    Parameters
    ----------
    target : {"log_mass", "mass"}, default="log_mass"
        What the network fits, which is what `error_model_` and `pipeline_` are of. The errors of seismic
        masses are close to a constant fraction, so the logarithm has the more even scatter, and a prediction
        from it is never negative.
    {settings}

    Attributes
    ----------
    {attributes}

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

    _parameter_constraints: ClassVar[Mapping[str, Constraint]] = {
        **NetworkRegressor._parameter_constraints,
        "target": one_of("log_mass", "mass"),
    }

    def __init__(
        self,
        *,
        target: str = "log_mass",
        hidden_layer_sizes: int | Sequence[int] = (8,),
        activation: str = "relu",
        solver: str = "lbfgs",
        loss: str = "squared_error",
        epsilon: float = 1.35,
        alpha: float = 1e-4,
        n_members: int = 1,
        n_restarts: int = 3,
        max_iter: int = 1000,
        tol: float = 1e-7,
        batch_size: int = 32,
        learning_rate_init: float = 1e-3,
        validation_fraction: float = 0.2,
        n_iter_no_change: int = 15,
        error_feature: str | int = "LOGG",
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
        self.target = target

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.positive_only = self.target == "log_mass"
        return tags
