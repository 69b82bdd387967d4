"""The regressor that distances, masses and ages share: settings, training, prediction, errors.

Training runs through ``Pipeline(StandardScaler, KerasRegressor)`` (`skdistmass.networks.keras`). After
training only NumPy arrays are kept in the estimator, so predicting (`skdistmass.estimators.inference`),
pickling and loading do not need TensorFlow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self
from weakref import WeakKeyDictionary

import numpy as np
from sklearn import config_context
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from skdistmass.columns import as_floats
from skdistmass.estimators.domain import warn_far_outside, without_domain_warning
from skdistmass.estimators.inference import NetworkInference, with_feature_names
from skdistmass.estimators.persistence import StablePickle
from skdistmass.estimators.settings import (
    SETTINGS,
    Constraint,
    check_settings,
    document_settings,
    for_sklearn,
    validate_features,
)
from skdistmass.estimators.uncertainty import (
    MIN_STARS,
    SPARSE,
    ErrorModel,
    ResidualDistribution,
    checked_errors,
    widening_by_density,
)
from skdistmass.networks.forward import check_magnitude
from skdistmass.networks.mixture import Mixture
from skdistmass.networks.training_table import BlockwiseScaler, merge_identical_rows

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray
    from sklearn.pipeline import Pipeline

    from skdistmass.networks.solution import Solution

    FloatArray = NDArray[np.float64]

# The fitted pipeline of each living estimator. Kept beside the estimators, not in them: their state, which is
# pickled and copied, is arrays and builtins.
_PIPELINES: WeakKeyDictionary[NetworkRegressor, Pipeline] = WeakKeyDictionary()


@document_settings
class NetworkRegressor(StablePickle, NetworkInference, RegressorMixin, BaseEstimator):
    """Base of the regressors built from ``Pipeline(StandardScaler, KerasRegressor)``.

    Subclasses say what the target is.

    Parameters
    ----------
    {settings}

    Attributes
    ----------
    {attributes}

    See Also
    --------
    skdistmass.DistanceRegressor, skdistmass.MassRegressor, skdistmass.MassToAge : The regressors.
    """

    _parameter_constraints: ClassVar[Mapping[str, Constraint]] = SETTINGS

    def __init__(
        self,
        *,
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
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.loss = loss
        self.epsilon = epsilon
        self.alpha = alpha
        self.n_members = n_members
        self.n_restarts = n_restarts
        self.max_iter = max_iter
        self.tol = tol
        self.batch_size = batch_size
        self.learning_rate_init = learning_rate_init
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.error_feature = error_feature
        self.random_state = random_state
        self.verbose = verbose

    def _check_settings(self) -> None:
        check_settings(self, self._parameter_constraints)

    def _network_settings(self) -> dict[str, Any]:
        """Return the network's settings as Python numbers; the seed is drawn where it is not given."""
        return {
            name: constraint.convert(getattr(self, name))
            for name, constraint in SETTINGS.items()
            if name != "error_feature"
        }

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Train the network.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Features of each star, in the order and units of the class docstring.
        y : array-like of shape (n_samples,)
            Target of each star.
        sample_weight : array-like of shape (n_samples,), default=None
            1/σ² of each target; only ratios matter. None means equal errors.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If a setting, the table or the weights are not usable.
        """
        self._check_settings()
        table, labels = validate_features(self, X, y, dtype=np.float64, y_numeric=True, ensure_min_samples=2)
        self._error_column()  # says so before the training if there is none
        labels = np.asarray(labels, dtype=np.float64)
        weight = _check_sample_weight(
            for_sklearn(sample_weight), table, dtype=np.float64, ensure_non_negative=True
        )
        if not np.count_nonzero(weight) > 1:
            raise ValueError(
                "fit needs at least 2 samples with positive sample_weight; received "
                f"{np.count_nonzero(weight)} of {len(weight)}. Weights are 1/σ² of the target."
            )
        rows, target, weight = merge_identical_rows(*self._checked_for_network(table, labels, weight))
        self._fit_pipeline(rows, target, weight)
        residual = target - self._network_output(rows)
        self.error_model_ = ErrorModel.fit(self._error_coordinate(rows), residual, weight)
        self.distribution_ = None
        return self

    def _checked_for_network(
        self, X: FloatArray, y: FloatArray, weight: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Turn target and weights into those of the network, and refuse numbers that overflow."""
        for name, values in (("X", X), ("y", y), ("sample_weight", weight)):
            check_magnitude(name, values)
        target, weight = self._target_to_network(y, weight)
        check_magnitude("sample_weight, as the network sees it,", weight)
        return X, target, weight

    def _fit_pipeline(self, X: FloatArray, y: FloatArray, weight: FloatArray) -> None:
        from skdistmass.networks import keras as _keras

        pipeline = _keras.make_pipeline(self._network_settings())
        # The user's global configuration is not meant for the inside of an estimator.
        with config_context(enable_metadata_routing=False):
            pipeline.fit(X, y, standardscaler__sample_weight=weight, kerasregressor__sample_weight=weight)
        network = pipeline[-1]
        self._keep(pipeline[0], network.member_weights(), network.solutions_)
        self._keep_pipeline(pipeline)

    def _keep(
        self, scaler: BlockwiseScaler, members: list[list[FloatArray]], solutions: list[Solution]
    ) -> None:
        """Take over the arrays of a fitted scaler and network, and how the solver ended."""
        self._forget_pipeline()
        self.scaler_mean_ = scaler.mean_.copy()
        self.scaler_scale_ = scaler.scale_.copy()
        self.coefs_ = [np.stack(layer) for layer in zip(*(m[::2] for m in members), strict=True)]
        self.intercepts_ = [np.stack(layer) for layer in zip(*(m[1::2] for m in members), strict=True)]
        first = solutions[0]
        self.n_iter_ = max(solution.n_iter for solution in solutions)
        self.loss_ = float(np.mean([solution.loss for solution in solutions]))
        self.loss_curve_ = [float(loss) for loss in first.loss_curve]
        self.converged_ = all(solution.converged for solution in solutions)
        for name in ("validation_curve_", "best_epoch_"):
            if name in vars(self):
                delattr(self, name)
        if first.validation_curve is not None:
            self.validation_curve_ = [float(loss) for loss in first.validation_curve]
            self.best_epoch_ = first.best_epoch

    def _forget_pipeline(self) -> None:
        """Let `pipeline_` be built again, from arrays that have changed."""
        _PIPELINES.pop(self, None)

    def _keep_pipeline(self, pipeline: Pipeline) -> None:
        names = getattr(self, "feature_names_in_", None)
        if names is not None:
            pipeline[0].feature_names_in_ = names.copy()
        _PIPELINES[self] = pipeline

    @property
    def pipeline_(self) -> Pipeline:
        """Fitted ``Pipeline(StandardScaler, KerasRegressor)``; the first access may load TensorFlow."""
        check_is_fitted(self)
        if self not in _PIPELINES:
            from skdistmass.networks import keras as _keras

            layers = list(zip(self.coefs_, self.intercepts_, strict=True))
            weights = [
                [array[member] for pair in layers for array in pair] for member in range(len(self.coefs_[0]))
            ]
            settings = self._network_settings()
            self._keep_pipeline(
                _keras.rebuild_pipeline(settings, self.scaler_mean_, self.scaler_scale_, weights)
            )
        return _PIPELINES[self]

    def calibrate(
        self,
        X: ArrayLike,
        y: ArrayLike,
        prediction: ArrayLike | None = None,
        *,
        y_error: ArrayLike | None = None,
        X_error: ArrayLike | None = None,
        widening: tuple[float, ...] = (0.0, 0.0),
    ) -> Self:
        """Measure the prediction error on stars that were held out of the fit.

        With the errors of their labels the whole distribution of the target at each star is learned: a small
        network gives a mixture of three Gaussians, trained by maximum likelihood with the error of each label
        convolved, and with a share of failed labels.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Features of the held-out stars.
        y : array-like of shape (n_samples,)
            Their targets.
        prediction : array-like of shape (n_samples,), default=None
            Predictions by models that had not seen the stars, such as those of `cross_val_predict`. None:
            by this model, which must not have seen them.
        y_error : array-like of shape (n_samples,), default=None
            1σ errors of the targets. None, or fewer than 500 stars: only the scatter is measured.
        X_error : array-like of shape (n_samples, n_features), default=None
            1σ errors of the features, whose medians are those that the residuals already hold.
        widening : tuple of float, default=(0.0, 0.0)
            What to add to the errors outside the training domain: the standard deviation, as the network
            fits the target, per root of the log density below that of the sparsest tenth of the stars, and
            per unit of the ensemble's spread. A third number is the most of the first at log g >= 3.5.

        Returns
        -------
        self : object
            The estimator, with a new `error_model_` and `distribution_`.

        Raises
        ------
        ValueError
            If the table or the predictions are not usable.
        """
        check_is_fitted(self)
        table, labels = validate_features(self, X, y, dtype=np.float64, y_numeric=True, reset=False)
        labels = np.asarray(labels, dtype=np.float64)
        predicted = self._evaluate(table, return_std=False) if prediction is None else as_floats(prediction)
        if predicted.shape != labels.shape:
            raise ValueError(
                f"prediction must have the shape of y, {labels.shape}; received {predicted.shape}."
            )
        bad = np.flatnonzero(~np.isfinite(predicted))
        if bad.size:
            raise ValueError(
                f"prediction must be finite; received {bad.size} of {predicted.size} values that are not "
                f"(first: row {bad[0]})."
            )
        ones = np.ones(len(table))
        _, target, unit = self._checked_for_network(table, labels, ones)
        output = self._target_to_network(predicted, ones)[0]
        residual = target - output
        self.error_model_ = ErrorModel.fit(self._error_coordinate(table), residual, held_out=True)
        self.distribution_ = None
        if y_error is not None and len(table) >= MIN_STARS:
            noise = checked_errors("y_error", y_error, labels.shape) / np.sqrt(unit)
            known = None if X_error is None else checked_errors("X_error", X_error, table.shape)
            typical = None if known is None else np.median(known, axis=0)
            sparse = -1e300
            if hasattr(self, "domain_"):
                density = self.domain_.density_checked(table)
                sparse = float(np.quantile(density, SPARSE))
                # What is added where stars are rare is not to be learned once more.
                spread = self._network_pass(table).spread
                log_g = self._error_coordinate(table)
                noise = np.hypot(noise, widening_by_density(spread, density, log_g, widening, sparse))
            parts = table, output, residual, noise, typical
            self.distribution_ = ResidualDistribution.fit(*parts, widening, sparse)
        return self

    def predict(
        self, X: ArrayLike, return_std: bool = False, *, X_error: ArrayLike | None = None
    ) -> FloatArray | tuple[FloatArray, FloatArray]:
        """Predict the target.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Features of each star.
        return_std : bool, default=False
            Also return the 1σ error.
        X_error : array-like of shape (n_samples, n_features), default=None
            1σ errors of the features; NaN where unknown. What they exceed those of the calibration stars by
            (in quadrature) is propagated: the scatter of these stars holds their own.

        Returns
        -------
        y : ndarray of shape (n_samples,)
            Prediction, in the unit of the target.
        std : ndarray of shape (n_samples,)
            Its 1σ error, half the 68 % interval of the distribution learned from the residuals of the
            calibration stars (`calibrate`). Without such a distribution, their scatter, or that of the
            training stars. Only with ``return_std=True``.

        Raises
        ------
        ValueError
            If the table is not a finite one with the columns of the fit.

        Warns
        -----
        OutsideDomainWarning
            If the model has a `domain_` and a feature is more than 10 standard deviations away from the mean
            of the training stars.
        """
        return self._evaluate(self._checked(X), return_std, X_error)

    def _checked(self, X: Any) -> NDArray[np.floating]:
        """Return the features as an array that can be predicted from."""
        check_is_fitted(self)
        if hasattr(self, "card_") and not hasattr(X, "columns"):
            # A card documents the order of the columns: arrays in that order are welcome.
            X = with_feature_names(self, np.asarray(for_sklearn(X)))
        table = validate_features(self, X, dtype=[np.float64, np.float32], reset=False)
        warn_far_outside(self, table)
        return table

    def _derived_distribution(self, X: FloatArray) -> tuple[FloatArray, Mixture] | None:
        if type(self).predict is NetworkRegressor.predict:
            return None
        with without_domain_warning():
            predicted, error = self.predict(with_feature_names(self, X), return_std=True)
        output, unit = self._target_to_network(predicted, np.ones(len(X)))
        width = np.maximum(error / np.sqrt(unit), np.finfo(float).tiny)
        return predicted, Mixture(output[:, None], width[:, None], np.ones((len(X), 1)))
