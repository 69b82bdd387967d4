"""The Pipeline(StandardScaler, KerasRegressor) of all regressors; importing it loads TensorFlow, quietly."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn import config_context
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils import RegressorTags
from sklearn.utils.validation import _check_sample_weight, check_array, check_is_fitted

from skdistmass.networks import adam as _adam
from skdistmass.networks import lbfgs as _lbfgs
from skdistmass.networks.solution import Solution, unscaled
from skdistmass.networks.tensorflow import KerasRegressor, keras
from skdistmass.networks.training_table import BlockwiseScaler, split_blocks
from skdistmass.progress import Report, progress_bar

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    FloatArray = NDArray[np.float64]

KERAS_ACTIVATIONS = {"logistic": "sigmoid", "identity": "linear"}

# SciKeras sets seeds of the whole process, and an environment variable, while it builds a model.
_BUILDING = threading.Lock()


class _Penalty(keras.regularizers.L2):
    """L2 penalty in the precision in which Keras adds up losses, which is not that of the weights."""

    def __call__(self, x: Any) -> Any:
        return keras.ops.cast(super().__call__(x), keras.backend.floatx())


class DenseKerasRegressor(KerasRegressor):
    """SciKeras regressor of an ensemble of dense networks whose mean is the prediction.

    Differs from its parent in the solver (`solver="lbfgs"` trains full batch), in how members are
    trained (each on its own), in float64 prediction, and in the tags that the parent's class order hides.
    The target is standardised while training and the standardisation folded into the output layer.

    Parameters
    ----------
    hidden_layer_sizes, activation, solver, alpha, max_iter, tol, n_restarts, n_members
        As in `DistanceRegressor`, and so are the others but one.
    training_loss : {"squared_error", "huber"}, default="squared_error"
        The `loss` of `DistanceRegressor`: SciKeras reads a parameter of that name as one of Keras's own.
    epsilon, batch_size, learning_rate_init, validation_fraction, n_iter_no_change, random_state, verbose
        As in `DistanceRegressor`.

    Attributes
    ----------
    model_ : keras.Model
        Mean of the members.
    member_models_ : list of keras.Model
        The members, with whose layers `model_` is built.
    solutions_ : list of Solution
        How the solver ended for each member.
    history_ : dict of str to list of float
        "loss" and, with "adam", "val_loss" of the first member.
    """

    def __init__(
        self,
        hidden_layer_sizes: Sequence[int] = (8,),
        activation: str = "relu",
        solver: str = "lbfgs",
        alpha: float = 1e-4,
        max_iter: int = 1000,
        tol: float = 1e-7,
        n_restarts: int = 3,
        n_members: int = 1,
        training_loss: str = "squared_error",
        epsilon: float = 1.35,
        batch_size: int = 32,
        learning_rate_init: float = 1e-3,
        validation_fraction: float = 0.2,
        n_iter_no_change: int = 15,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ):
        super().__init__(
            loss="mean_squared_error",
            optimizer="adam",
            batch_size=batch_size,
            verbose=verbose,
            random_state=random_state,
        )
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.max_iter = max_iter
        self.tol = tol
        self.n_restarts = n_restarts
        self.n_members = n_members
        self.training_loss = training_loss
        self.epsilon = epsilon
        self.learning_rate_init = learning_rate_init
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change

    def __sklearn_tags__(self) -> Any:
        tags = BaseEstimator.__sklearn_tags__(self)
        tags.estimator_type = "regressor"
        tags.regressor_tags = RegressorTags()
        tags.target_tags.required = True
        return tags

    @classmethod
    def _get_param_names(cls) -> list[str]:
        # The parent lists every attribute, also those that the constructor here does not take.
        return BaseEstimator._get_param_names.__func__(cls)

    @staticmethod
    def _validate_sample_weight(
        X: FloatArray, y: FloatArray, sample_weight: ArrayLike
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        # The parent rounds weights to float32.
        weight = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        keep = weight > 0
        return X[keep], y[keep], weight[keep]

    def _keras_build_fn(self, meta: dict[str, Any]) -> keras.Model:
        inputs = keras.Input((meta["n_features_in_"],), dtype="float64")
        members = [self._branch(inputs) for _ in range(self.n_members)]
        self.member_models_ = [keras.Model(inputs, member) for member in members]
        model = self.member_models_[0]
        if self.n_members > 1:
            model = keras.Model(inputs, keras.layers.Average(dtype="float64")(members))
        model.compile(loss="mean_squared_error", optimizer="adam")
        return model

    def _build_keras_model(self) -> Any:
        with _BUILDING:
            return super()._build_keras_model()

    def _branch(self, layer: Any) -> Any:
        penalty = _Penalty(self.alpha) if self.alpha else None
        activation = KERAS_ACTIVATIONS.get(self.activation, self.activation)
        for units in self.hidden_layer_sizes:
            layer = keras.layers.Dense(units, activation, kernel_regularizer=penalty, dtype="float64")(layer)
        return keras.layers.Dense(1, kernel_regularizer=penalty, dtype="float64")(layer)

    def fit(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None, **kwargs: Any
    ) -> DenseKerasRegressor:
        """Train the networks.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Scaled features.
        y : array-like of shape (n_samples,)
            Target.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.
        **kwargs : dict
            As in `KerasRegressor.fit`.

        Returns
        -------
        self : DenseKerasRegressor
            The fitted regressor.
        """
        # SciKeras has transformers inside, which the user's global configuration is not meant for.
        with config_context(transform_output="default"):
            return super().fit(X, y, sample_weight=sample_weight, **kwargs)

    def _fit_keras_model(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        warm_start: bool,
        epochs: int,
        initial_epoch: int,
        **kwargs: Any,
    ) -> Any:
        y = np.asarray(y, dtype=np.float64).ravel()
        weight = np.ones_like(y) if sample_weight is None else sample_weight
        scaler = BlockwiseScaler().set_output(transform="default").fit(y[:, None], sample_weight=weight)
        target = scaler.transform(y[:, None])[:, 0]
        seeds = np.random.SeedSequence(self._random_state).spawn(self.n_members)
        train = self._train_lbfgs if self.solver == "lbfgs" else self._train_adam
        n_steps = self.n_members * self.max_iter * (2 if self.training_loss == "huber" else 1)
        with progress_bar(n_steps, self.verbose) as report:
            solutions = train(np.asarray(X, dtype=np.float64), target, weight, seeds, report)
        for model, solution in zip(self.member_models_, solutions, strict=True):
            model.set_weights(unscaled(solution.weights, scaler.mean_[0], scaler.scale_[0]))
        self.solutions_ = solutions
        self.history_ = {"loss": solutions[0].loss_curve}
        if solutions[0].validation_curve is not None:
            self.history_["val_loss"] = solutions[0].validation_curve

    def _train_lbfgs(
        self,
        X: FloatArray,
        y: FloatArray,
        weight: FloatArray,
        seeds: list[np.random.SeedSequence],
        report: Report | None,
    ) -> list[Solution]:
        parameters = self.get_params() | {"loss": self.training_loss}
        settings = _lbfgs.Settings.from_parameters(X.shape[1], parameters)
        return _lbfgs.train(split_blocks(X, y, weight), settings, seeds, report)

    def _train_adam(
        self,
        X: FloatArray,
        y: FloatArray,
        weight: FloatArray,
        seeds: list[np.random.SeedSequence],
        report: Report | None,
    ) -> list[Solution]:
        parameters = self.get_params() | {"epsilon": self.epsilon if self.training_loss == "huber" else None}
        settings = _adam.Settings(**{name: parameters[name] for name in _adam.Settings._fields})
        return [
            _adam.train(model, X, y, weight / weight.mean(), settings, np.random.default_rng(seed), report)
            for model, seed in zip(self.member_models_, seeds, strict=True)
        ]

    def predict(self, X: ArrayLike, **kwargs: Any) -> FloatArray:
        """Predict the target in float64.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Scaled features.
        **kwargs : dict
            Not used; SciKeras hands them to Keras's own loop.

        Returns
        -------
        ndarray of shape (n_samples,)
            Prediction.
        """
        check_is_fitted(self)
        # Keras's own predict loop would round to float32 and retrace for every new table length.
        output = self.model_(check_array(X, dtype=np.float64))
        return np.asarray(keras.ops.convert_to_numpy(output), dtype=np.float64)[:, 0]

    def member_weights(self) -> list[list[FloatArray]]:
        """Return the weights of every member as lists of float64 arrays, in Keras's order.

        Returns
        -------
        list of list of ndarray
            Kernel and bias of each layer, for each member.
        """
        return [
            [np.asarray(w, dtype=np.float64) for w in model.get_weights()] for model in self.member_models_
        ]

    def restore(self, member_weights: list[list[FloatArray]]) -> DenseKerasRegressor:
        """Make a fitted regressor of weights that were trained before.

        Parameters
        ----------
        member_weights : list of list of ndarray
            What `member_weights` returned.

        Returns
        -------
        self : DenseKerasRegressor
            The fitted regressor.
        """
        self.n_features_in_ = len(member_weights[0][0])
        self.model_ = self._keras_build_fn({"n_features_in_": self.n_features_in_})
        for model, weights in zip(self.member_models_, member_weights, strict=True):
            model.set_weights(weights)
        return self


def make_pipeline(settings: dict[str, Any]) -> Pipeline:
    """Unfitted pipeline of scaler and network.

    Parameters
    ----------
    settings : dict
        Parameters of a `DistanceRegressor` that concern the network.

    Returns
    -------
    Pipeline
        ``Pipeline(StandardScaler, KerasRegressor)``.
    """
    settings = {"training_loss" if name == "loss" else name: value for name, value in settings.items()}
    # The network takes arrays, whatever the user's global configuration says of transformers.
    scaler = BlockwiseScaler().set_output(transform="default")
    return Pipeline([("standardscaler", scaler), ("kerasregressor", DenseKerasRegressor(**settings))])


def rebuild_pipeline(
    settings: dict[str, Any], mean: FloatArray, scale: FloatArray, member_weights: list[list[FloatArray]]
) -> Pipeline:
    """Fitted pipeline from the arrays of a regressor.

    Parameters
    ----------
    settings : dict
        As in `make_pipeline`.
    mean, scale : ndarray of shape (n_features,)
        Of the scaler.
    member_weights : list of list of ndarray
        Of the network.

    Returns
    -------
    Pipeline
        The fitted pipeline; of the scaler the number of samples is not known.
    """
    pipeline = make_pipeline(settings)
    scaler, network = pipeline[0], pipeline[-1]
    scaler.mean_, scaler.scale_, scaler.var_ = mean.copy(), scale.copy(), scale**2
    scaler.n_features_in_ = len(mean)
    network.restore(member_weights)
    return pipeline
