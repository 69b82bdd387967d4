"""The network that all regressors share: trained through Keras, kept and evaluated as NumPy arrays."""

from __future__ import annotations

import inspect
import numbers
import textwrap

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from skdistmass.estimators._evaluation import NetworkEvaluation
from skdistmass.estimators.uncertainty import ErrorModel
from skdistmass.networks.forward import ACTIVATION_NAMES
from skdistmass.networks.training_table import BlockwiseScaler, merge_identical_rows


class NetworkRegressor(NetworkEvaluation, RegressorMixin, BaseEstimator):
    """Regressor built from ``Pipeline(StandardScaler, KerasRegressor)``, evaluated without TensorFlow.

    Subclasses say what the target is; see `DistanceRegressor` and `MassRegressor` for the parameters.

    Parameters
    ----------
    hidden_layer_sizes : tuple of int, default=(8,)
        Neurons of each hidden layer; the default is the published architecture.
    activation : str, default="relu"
        "relu", "tanh", "logistic", "identity", "softplus", "elu" or "silu".
    solver : {"lbfgs", "adam"}, default="lbfgs"
        "lbfgs" minimises the loss of all rows at once, compiled, with L-BFGS on all cores. "adam" is the
        published protocol: mini-batches, a validation part and early stopping.
    loss : {"squared_error", "huber"}, default="squared_error"
        Huber's loss counts residuals beyond `epsilon` times their robust scatter linearly.
    epsilon : float, default=1.35
        Threshold of Huber's loss in units of the residuals' robust scatter.
    alpha : float, default=1e-4
        L2 penalty: ``alpha * sum(kernels ** 2)`` is added to the mean loss of the standardised target.
    n_members : int, default=1
        Number of independently started networks whose mean is the prediction.
    n_restarts : int, default=3
        Starts per member ("lbfgs"); the one with the lowest loss stays.
    max_iter : int, default=1000
        Iterations ("lbfgs") or epochs ("adam") at most.
    tol : float, default=1e-7
        Decrease of the loss at which the solver stops.
    batch_size : int, default=32
        Rows of a mini-batch ("adam").
    learning_rate_init : float, default=1e-3
        Learning rate ("adam").
    validation_fraction : float, default=0.2
        Part of the rows held out for early stopping ("adam").
    n_iter_no_change : int, default=15
        Epochs without improvement before stopping ("adam").
    random_state : int, RandomState instance or None, default=None
        Seed of start values and row choices; an int makes the fit reproducible.
    """

    def __init_subclass__(cls, **kwargs):
        """Write the shared settings into the docstring of each regressor, in place of ``{settings}``."""
        super().__init_subclass__(**kwargs)
        if cls.__doc__ and "{settings}" in cls.__doc__:
            settings = inspect.cleandoc(NetworkRegressor.__doc__).split("----------\n", 1)[1]
            text = inspect.cleandoc(cls.__doc__).replace("{settings}", settings)
            cls.__doc__ = textwrap.indent(text, "    ")

    def __init__(
        self,
        *,
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
        self.random_state = random_state

    def _target_to_network(self, y, sample_weight):
        """Turn what the user gives into what the network fits: overridden where the two differ."""
        return y, sample_weight

    def fit(self, X, y, sample_weight=None):
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
        X, y = validate_data(self, X, y, dtype=np.float64, y_numeric=True, ensure_min_samples=2)
        y = np.asarray(y, dtype=np.float64)
        weight = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        if not np.count_nonzero(weight) > 1:
            raise ValueError(
                "fit needs at least 2 samples with positive sample_weight; received "
                f"{np.count_nonzero(weight)} of {len(weight)}. Weights are 1/σ² of the target."
            )
        target, weight = self._target_to_network(y, weight)
        X, target, weight = merge_identical_rows(X, target, weight)
        self._fit_pipeline(X, target, weight)
        residual = target - self._network_output(X)
        self.error_model_ = ErrorModel.fit(self._error_coordinate(X), residual, weight)
        return self

    def _fit_pipeline(self, X, y, weight):
        from skdistmass.networks import keras as _keras

        pipeline = _keras.make_pipeline(self._keras_settings(), BlockwiseScaler())
        pipeline.fit(X, y, standardscaler__sample_weight=weight, kerasregressor__sample_weight=weight)
        network = pipeline[-1]
        self._keep(pipeline[0], network.member_weights(), network.solutions_)

    def _keep(self, scaler, members, solutions):
        """Take over the arrays of a fitted scaler and network, and how the solver ended."""
        self.scaler_mean_ = scaler.mean_.copy()
        self.scaler_scale_ = scaler.scale_.copy()
        self.coefs_ = [np.stack(layer) for layer in zip(*(m[::2] for m in members), strict=True)]
        self.intercepts_ = [np.stack(layer) for layer in zip(*(m[1::2] for m in members), strict=True)]
        self.n_iter_ = max(solution.n_iter for solution in solutions)
        self.loss_ = float(np.mean([solution.loss for solution in solutions]))
        self.loss_curve_ = [float(loss) for loss in solutions[0].loss_curve]
        self.converged_ = all(solution.converged for solution in solutions)

    def calibrate(self, X, y, prediction=None):
        """Measure the prediction error on stars that were held out of the fit.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Features of the held-out stars.
        y : array-like of shape (n_samples,)
            Their targets.
        prediction : array-like of shape (n_samples,), default=None
            Predictions by models that had not seen the stars, such as those of `cross_val_predict`. None:
            by this model, which must not have seen them.

        Returns
        -------
        self : object
            The estimator, with a new `error_model_`.
        """
        check_is_fitted(self)
        X, y = validate_data(self, X, y, dtype=np.float64, y_numeric=True, reset=False)
        prediction = self.predict(X) if prediction is None else np.asarray(prediction, dtype=np.float64)
        if prediction.shape != y.shape:
            raise ValueError(f"prediction has shape {prediction.shape}; expected that of y, {y.shape}.")
        bad = np.flatnonzero(~np.isfinite(prediction))
        if bad.size:
            raise ValueError(
                f"prediction has to be finite; {bad.size} of {prediction.size} values are not "
                f"(first: row {bad[0]})."
            )
        ones = np.ones(len(X))
        residual = self._target_to_network(y, ones)[0] - self._target_to_network(prediction, ones)[0]
        self.error_model_ = ErrorModel.fit(self._error_coordinate(X), residual, held_out=True)
        return self

    def predict(self, X, return_std=False):
        """Predict the target.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Features of each star.
        return_std : bool, default=False
            Also return the 1σ error.

        Returns
        -------
        y : ndarray of shape (n_samples,)
            Prediction, in the unit of the target.
        std : ndarray of shape (n_samples,)
            Its 1σ error from the residuals of the calibration stars (`calibrate`; the training stars
            if it was not called). Only with ``return_std=True``.
        """
        check_is_fitted(self)
        X = validate_data(self, X, dtype=[np.float64, np.float32], reset=False)
        return self._evaluate(X, return_std)

    @property
    def pipeline_(self):
        """Fitted ``Pipeline(StandardScaler, KerasRegressor)``, rebuilt from the arrays; loads TensorFlow."""
        check_is_fitted(self)
        from skdistmass.networks import keras as _keras

        weights = [
            [array[member] for pair in zip(self.coefs_, self.intercepts_, strict=True) for array in pair]
            for member in range(len(self.coefs_[0]))
        ]
        return _keras.rebuild_pipeline(self._keras_settings(), self.scaler_mean_, self.scaler_scale_, weights)

    def _keras_settings(self):
        own = NetworkRegressor.__init__.__kwdefaults__
        settings = {name: getattr(self, name) for name in own}
        settings["hidden_layer_sizes"] = self._layer_sizes()
        return settings

    def _layer_sizes(self):
        sizes = self.hidden_layer_sizes
        return (int(sizes),) if isinstance(sizes, numbers.Integral) else tuple(int(size) for size in sizes)

    def _check_settings(self):
        for name, allowed in (
            ("activation", ACTIVATION_NAMES),
            ("solver", ("lbfgs", "adam")),
            ("loss", ("squared_error", "huber")),
        ):
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} has to be one of {allowed}; received {getattr(self, name)!r}.")
        sizes = self.hidden_layer_sizes
        sizes = (sizes,) if isinstance(sizes, numbers.Integral) else sizes
        if not np.iterable(sizes) or not all(
            isinstance(size, numbers.Integral) and size > 0 for size in sizes
        ):
            raise ValueError(
                "hidden_layer_sizes has to hold positive integers, such as (8,); received "
                f"{self.hidden_layer_sizes!r}."
            )
        for name in ("n_members", "n_restarts", "max_iter", "batch_size", "n_iter_no_change"):
            value = getattr(self, name)
            if not isinstance(value, numbers.Integral) or value < 1:
                raise ValueError(f"{name} has to be a positive integer; received {value!r}.")
        for name in ("epsilon", "learning_rate_init", "alpha", "tol"):
            value = getattr(self, name)
            positive = name in ("epsilon", "learning_rate_init")
            if (
                not isinstance(value, numbers.Real)
                or not np.isfinite(value)
                or value < 0
                or (positive and value == 0)
            ):
                kind = "positive" if positive else "non-negative"
                raise ValueError(f"{name} has to be a {kind} number; received {value!r}.")
        if not isinstance(self.validation_fraction, numbers.Real) or not 0 < self.validation_fraction < 1:
            raise ValueError(
                f"validation_fraction has to lie between 0 and 1; received {self.validation_fraction!r}."
            )
