"""Unresolved binaries kept out of the training of absolute magnitudes."""

from __future__ import annotations

import copy
import numbers
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from sklearn import get_config
from sklearn.base import BaseEstimator, MetaEstimatorMixin, RegressorMixin, clone
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing, check_random_state
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing
from sklearn.utils.validation import (
    _check_sample_weight,
    check_is_fitted,
    has_fit_parameter,
)

from skdistmass.columns import FEATURES
from skdistmass.estimators.persistence import StablePickle
from skdistmass.estimators.settings import (
    Constraint,
    check_settings,
    for_sklearn,
    number,
    one_of,
    positive_integer,
    validate_features,
)
from skdistmass.exceptions import NoSecondModeWarning as NoSecondModeWarning
from skdistmass.physics.photometry import distance_residual
from skdistmass.physics.statistics import valley_between_modes

_FRACTION = number("lie between 0 and 1", lambda value: 0 < value < 1)


class BinaryPruner(StablePickle, MetaEstimatorMixin, RegressorMixin, BaseEstimator):
    """Regressor of absolute magnitudes that is trained without the stars that look like unresolved binaries.

    Two stars in one spectrum are brighter than the spectrum says. The estimator is fitted on all stars; those
    whose fractional distance residual 1 - d_model / d_label exceeds a threshold are dropped, and the
    estimator is fitted again.

    Parameters
    ----------
    estimator : estimator
        Regressor of absolute magnitudes [mag], such as `DistanceRegressor`.
    threshold : float or "auto", default=0.13
        Largest residual of a star that stays, as a fraction of the distance. "auto" takes the minimum between
        the two modes of the residuals, and keeps all stars, with a `NoSecondModeWarning`, where there is one
        mode only.
    where : {"dwarfs", "all"}, default="dwarfs"
        Which stars can be dropped: those of `log_g` of at least `dwarf_log_g`, or all. A giant outshines its
        companion, and its residual is mostly noise.
    log_g_column : str or int, default="LOGG"
        Column of `X` with the surface gravity [dex], by its name or its number; used with ``where="dwarfs"``.
        In an array, or a table that names none of TEFF, LOGG, M_H, C_FE and N_FE, these stand for the columns
        in this order.
    dwarf_log_g : float, default=3.5
        Surface gravity from which on a star counts as a dwarf [dex].
    cv : int, cross-validation generator or None, default=None
        Splits for out-of-fold residuals, as in `sklearn.model_selection.cross_val_predict`. None: residuals
        of the fitted stars themselves, as published; enough for a network that is small for its training set.
    n_passes : int, default=1
        How often stars are dropped and the estimator fitted again. The first fit is drawn towards the
        binaries; each pass starts from all stars with the model of the one before.
    random_state : int, RandomState instance or None, default=None
        Seeds each `random_state` of the estimator, of what it consists of, and of `cv`. None leaves theirs.

    Attributes
    ----------
    estimator_ : estimator
        Estimator fitted on the stars that stayed.
    support_ : ndarray of bool of shape (n_samples,)
        Which stars stayed.
    threshold_ : float
        Threshold that was used; infinite where "auto" found no second mode.
    residual_ : ndarray of shape (n_samples,)
        Residuals of the last pass, before dropping.
    has_second_mode_ : bool or None
        Whether "auto" found a second mode; None with a given threshold.
    n_features_in_ : int
        Number of features seen in `fit`.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if `X` of `fit` had any; the estimator has seen them too.

    Warns
    -----
    NoSecondModeWarning
        If ``threshold="auto"`` finds no second mode.

    See Also
    --------
    DistanceRegressor : The regressor it is made for.
    skdistmass.training.train_distance : The published recipe.

    Notes
    -----
    Stars are lost that are no binaries: all whose error is larger than the threshold. Companions much fainter
    than the primary stay. Predictions for binaries remain too faint by up to 0.75 mag.

    References
    ----------
    Stone-Martinez A., et al. 2024, AJ 167, 73, section 4.1.1.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from skdistmass import BinaryPruner
    >>> rng = np.random.default_rng(0)
    >>> X = np.column_stack([rng.uniform(5000, 6000, 500), rng.uniform(4.0, 4.6, 500)])
    >>> y = 5.0 - 0.001 * (X[:, 0] - 5500) + rng.normal(0, 0.05, 500)
    >>> y[:50] -= 0.75
    >>> pruner = BinaryPruner(LinearRegression()).fit(X, y)
    >>> int(np.sum(~pruner.support_[:50])), int(np.sum(~pruner.support_[50:]))
    (50, 0)
    """

    _parameter_constraints: ClassVar[Mapping[str, Constraint]] = {
        "threshold": Constraint(
            "be 'auto' or a fraction of the distance between 0 and 1, such as 0.13",
            lambda value: value == "auto" if isinstance(value, str) else _FRACTION.holds(value),
        ),
        "where": one_of("dwarfs", "all"),
        "log_g_column": Constraint(
            "be the name or the number of a column", lambda value: isinstance(value, str | numbers.Integral)
        ),
        "dwarf_log_g": number("be a finite number [dex]", lambda value: True),
        "n_passes": positive_integer(),
    }

    def __init__(
        self,
        estimator: Any,
        *,
        threshold: float | str = 0.13,
        where: str = "dwarfs",
        log_g_column: str | int = "LOGG",
        dwarf_log_g: float = 3.5,
        cv: Any = None,
        n_passes: int = 1,
        random_state: int | np.random.RandomState | None = None,
    ):
        self.estimator = estimator
        self.threshold = threshold
        self.where = where
        self.log_g_column = log_g_column
        self.dwarf_log_g = dwarf_log_g
        self.cv = cv
        self.n_passes = n_passes
        self.random_state = random_state

    def get_metadata_routing(self) -> MetadataRouter:
        """Say where `sample_weight` goes: to this estimator, which leaves out stars, and to the wrapped one.

        Returns
        -------
        MetadataRouter
            The routing of scikit-learn.
        """
        router = MetadataRouter(owner=self).add_self_request(self)
        return router.add(
            estimator=self.estimator, method_mapping=MethodMapping().add(caller="fit", callee="fit")
        )

    def fit(
        self, X: npt.ArrayLike, y: npt.ArrayLike, sample_weight: npt.ArrayLike | None = None
    ) -> BinaryPruner:
        """Fit, drop the stars that look like binaries, fit again.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Features of each star.
        y : array-like of shape (n_samples,)
            Absolute magnitudes [mag].
        sample_weight : array-like of shape (n_samples,), default=None
            1/σ² of each magnitude, passed to the estimator; of a `Pipeline`, to its last step. None: the
            estimator gets none. With metadata routing enabled it goes where it is requested.

        Returns
        -------
        self : BinaryPruner
            The fitted meta-estimator.

        Raises
        ------
        ValueError
            If a setting or the table is not usable, or no star would stay.
        TypeError
            If there are weights and the estimator takes none.
        """
        check_settings(self, self._parameter_constraints)
        rules = {"dtype": np.float64, "y_numeric": True, "ensure_min_samples": 2}
        features, labels = validate_features(self, X, y, **rules)
        labels = np.asarray(labels, dtype=np.float64)
        weight = None
        if sample_weight is not None:
            given = for_sklearn(sample_weight)
            weight = _check_sample_weight(given, features, dtype=np.float64, ensure_non_negative=True)
        task = _Task(self, *self._seeded(), self._named(features), labels, weight)
        candidate = self._candidates(features)
        self.support_ = np.full(len(features), True)
        self.estimator_ = task.fit(self.support_)
        for _ in range(self.n_passes):
            self.residual_ = distance_residual(labels, task.predict(self.estimator_, self.support_))
            self._set_threshold(candidate, weight)
            support = ~(candidate & (self.residual_ > self.threshold_))
            if np.array_equal(support, self.support_):
                break
            self.support_ = support
            self._check_support(weight)
            self.estimator_ = task.fit(support)
        return self

    def _seeded(self) -> tuple[Any, Any]:
        """Return copies of estimator and splitter whose random states are seeded, if a seed is given."""
        estimator, cv = clone(self.estimator), copy.copy(self.cv)
        if self.random_state is None:
            return estimator, cv
        random = check_random_state(self.random_state)
        names = sorted(name for name in estimator.get_params() if name.split("__")[-1] == "random_state")
        estimator.set_params(**{name: int(random.randint(2**31 - 1)) for name in names})
        if hasattr(cv, "random_state") and getattr(cv, "shuffle", True):
            cv.random_state = int(random.randint(2**31 - 1))
        return estimator, cv

    def _named(self, X: npt.NDArray[np.floating]) -> Any:
        """Give an array the column names of the fit, if there were any."""
        names = getattr(self, "feature_names_in_", None)
        if names is None:
            return X
        import pandas as pd

        return pd.DataFrame(X, columns=names)

    def _check_support(self, sample_weight: npt.NDArray[np.float64] | None) -> None:
        stay = self.support_
        n_used = np.count_nonzero(stay if sample_weight is None else sample_weight[stay])
        if n_used < 2:
            raise ValueError(
                f"a threshold of {self.threshold_:g} leaves {n_used} of {len(stay)} stars to train on; it "
                "is a fraction of the distance, and y has to be absolute magnitudes [mag]. Raise it, or "
                "give where='dwarfs'."
            )

    def _candidates(self, X: npt.NDArray[np.floating]) -> npt.NDArray[np.bool_]:
        """Say which stars can be dropped."""
        if self.where == "all":
            return np.ones(len(X), dtype=bool)
        column = self._log_g_index()
        if not -X.shape[1] <= column < X.shape[1]:
            raise ValueError(
                f"where='dwarfs' reads the surface gravity from column {column} of X, which has "
                f"n_features = {X.shape[1]}. Set log_g_column, or where='all'."
            )
        return X[:, column] >= self.dwarf_log_g

    def _log_g_index(self) -> int:
        if not isinstance(self.log_g_column, str):
            return int(self.log_g_column)
        names = [str(name) for name in getattr(self, "feature_names_in_", ())]
        if self.log_g_column in names:
            return names.index(self.log_g_column)
        if self.log_g_column in FEATURES and not set(FEATURES) & set(names):
            return FEATURES.index(self.log_g_column)
        raise ValueError(
            f"where='dwarfs' reads the surface gravity [dex] from the column {self.log_g_column!r} of X; it "
            f"has {', '.join(names) or 'no names of columns'}. Set log_g_column, or where='all'."
        )

    def _set_threshold(
        self, candidate: npt.NDArray[np.bool_], sample_weight: npt.NDArray[np.float64] | None
    ) -> None:
        self.has_second_mode_ = None
        if not isinstance(self.threshold, str):
            self.threshold_ = float(self.threshold)
            return
        counted = candidate if sample_weight is None else candidate & (sample_weight > 0)
        valley = valley_between_modes(self.residual_[counted])
        self.has_second_mode_ = valley is not None
        self.threshold_ = np.inf if valley is None else valley
        if valley is None:
            warnings.warn(
                f"the residuals of {np.count_nonzero(counted)} stars have no second mode above the main "
                "one: threshold='auto' keeps every star. Give a number, such as the published 0.13, to "
                "cut nevertheless.",
                NoSecondModeWarning,
                stacklevel=3,
            )

    def predict(self, X: npt.ArrayLike, return_std: bool = False) -> Any:
        """Predict absolute magnitudes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Features of each star.
        return_std : bool, default=False
            Also return the 1σ error, if the estimator has one.

        Returns
        -------
        y : ndarray of shape (n_samples,)
            Absolute magnitudes [mag].
        std : ndarray of shape (n_samples,)
            Their 1σ errors [mag]. Only with ``return_std=True``.
        """
        check_is_fitted(self)
        table = self._named(validate_features(self, X, dtype=[np.float64, np.float32], reset=False))
        return (
            self.estimator_.predict(table, return_std=True) if return_std else self.estimator_.predict(table)
        )

    def looks_binary(
        self, X: npt.ArrayLike, y: npt.ArrayLike, prediction: npt.ArrayLike | None = None
    ) -> npt.NDArray[np.bool_]:
        """Say which stars the fitted threshold would drop.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Features of each star.
        y : array-like of shape (n_samples,)
            Their absolute magnitudes [mag].
        prediction : array-like of shape (n_samples,), default=None
            Predictions for them [mag], where they have been made already.

        Returns
        -------
        ndarray of bool of shape (n_samples,)
            True for a star that is brighter than its spectrum says by more than the threshold, among those
            that `where` allows to drop.
        """
        check_is_fitted(self)
        features, labels = validate_features(self, X, y, dtype=np.float64, y_numeric=True, reset=False)
        if prediction is None:
            prediction = self.estimator_.predict(self._named(features))
        return self._candidates(features) & (distance_residual(labels, prediction) > self.threshold_)


@dataclass(frozen=True)
class _Task:
    """Fits and predictions of the wrapped estimator on the stars that stay."""

    pruner: BinaryPruner
    estimator: Any
    cv: Any
    table: Any
    y: npt.NDArray[np.float64]
    weight: npt.NDArray[np.float64] | None

    def fit(self, stay: npt.NDArray[np.bool_]) -> Any:
        """Fit a copy on the stars that stay."""
        rows = np.flatnonzero(stay)
        params = {} if self.weight is None else self._fit_params(self.weight[rows])
        return clone(self.estimator).fit(_safe_indexing(self.table, rows), self.y[rows], **params)

    def predict(self, fitted: Any, stay: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
        """Predict every star with the model of those that stayed, these out of fold if asked for."""
        prediction = np.array(fitted.predict(self.table), dtype=np.float64)
        if self.cv is None:
            return prediction
        rows = np.flatnonzero(stay)
        params = {} if self.weight is None else self._fit_params(self.weight[rows])
        table = _safe_indexing(self.table, rows)
        prediction[rows] = cross_val_predict(self.estimator, table, self.y[rows], cv=self.cv, params=params)
        return prediction

    def _fit_params(self, weight: npt.NDArray[np.float64]) -> dict[str, Any]:
        if get_config()["enable_metadata_routing"]:
            return process_routing(self.pruner, "fit", sample_weight=weight)["estimator"]["fit"]
        return _weight_of_step(self.estimator, weight)


def _weight_of_step(estimator: Any, weight: npt.NDArray[np.float64]) -> dict[str, Any]:
    """Name the weights as an estimator, or the last step of a `Pipeline`, takes them in `fit`."""
    prefix = ""
    while isinstance(estimator, Pipeline):
        name, estimator = estimator.steps[-1]
        prefix += f"{name}__"
    if not has_fit_parameter(estimator, "sample_weight"):
        raise TypeError(
            f"{type(estimator).__name__} takes no sample_weight; give none, or another estimator."
        )
    return {f"{prefix}sample_weight": weight}
