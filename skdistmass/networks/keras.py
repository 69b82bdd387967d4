"""The Keras side of the networks; importing it loads TensorFlow, quietly (`fit` and `pipeline_` do)."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile

import numpy as np


@contextlib.contextmanager
def _silenced_stderr():
    """Hold back what native code writes to file descriptor 2; show it if the block fails.

    TensorFlow's C++ start-up notes are written before its own log level applies, so only the
    descriptor itself can keep them off the user's terminal.
    """
    sys.stderr.flush()
    with tempfile.TemporaryFile() as sink:
        saved = os.dup(2)
        os.dup2(sink.fileno(), 2)
        try:
            yield
        except BaseException:
            sink.seek(0)
            os.write(saved, sink.read())
            raise
        finally:
            os.dup2(saved, 2)
            os.close(saved)


def _import_tensorflow():
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # Workers of a joblib pool announce their share of the cores so; TensorFlow has its own names for it.
    threads = os.environ.get("OMP_NUM_THREADS")
    if threads:
        os.environ.setdefault("TF_NUM_INTRAOP_THREADS", threads)
        os.environ.setdefault("TF_NUM_INTEROP_THREADS", threads)
    with _silenced_stderr():
        import tensorflow as tf

        tf.zeros(1)  # the runtime's own notes come with the first operation
    tf.get_logger().setLevel("ERROR")
    return tf


tf = _import_tensorflow()

import keras  # noqa: E402
from scikeras.utils.random_state import tensorflow_random_state  # noqa: E402
from scikeras.wrappers import KerasRegressor  # noqa: E402
from sklearn.base import BaseEstimator  # noqa: E402
from sklearn.pipeline import Pipeline  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402
from sklearn.utils import RegressorTags  # noqa: E402

from skdistmass.networks import lbfgs as _lbfgs  # noqa: E402
from skdistmass.networks.training_table import BlockwiseScaler, split_blocks  # noqa: E402
from skdistmass.physics.statistics import weighted_robust_sigma  # noqa: E402

KERAS_ACTIVATIONS = {"logistic": "sigmoid", "identity": "linear"}


def _huber(delta):
    """Build Huber's loss on the scale of the squared error, as `_lbfgs` has it."""

    def loss(y_true, y_pred):
        residual = keras.ops.abs(y_true - y_pred)
        inlier = keras.ops.minimum(residual, delta)
        return keras.ops.mean(inlier * (2.0 * residual - inlier), axis=-1)

    return loss


class DenseKerasRegressor(KerasRegressor):
    """SciKeras regressor of an ensemble of dense networks whose mean is the prediction.

    Differs from its parent in the solver (`solver="lbfgs"` trains full batch), in how members are
    trained (each on its own), in float64 prediction, and in the tags that the parent's class order hides.
    The target is standardised while training and the standardisation folded into the output layer.
    """

    def __init__(
        self,
        hidden_layer_sizes=(8,),
        activation="relu",
        solver="lbfgs",
        alpha=1e-4,
        max_iter=1000,
        tol=1e-7,
        n_restarts=3,
        n_members=1,
        training_loss="squared_error",
        epsilon=1.35,
        batch_size=32,
        learning_rate_init=1e-3,
        validation_fraction=0.2,
        n_iter_no_change=15,
        random_state=None,
        verbose=0,
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

    def __sklearn_tags__(self):
        tags = BaseEstimator.__sklearn_tags__(self)
        tags.estimator_type = "regressor"
        tags.regressor_tags = RegressorTags()
        tags.target_tags.required = True
        return tags

    @classmethod
    def _get_param_names(cls):
        # The parent lists every attribute, also those that the constructor here does not take.
        return BaseEstimator._get_param_names.__func__(cls)

    @staticmethod
    def _validate_sample_weight(X, y, sample_weight):
        # The parent rounds weights to float32.
        keep = sample_weight > 0
        return X[keep], y[keep], sample_weight[keep]

    def _keras_build_fn(self, meta):
        inputs = keras.Input((meta["n_features_in_"],), dtype="float64")
        members = [self._branch(inputs) for _ in range(self.n_members)]
        self.member_models_ = [keras.Model(inputs, member) for member in members]
        model = self.member_models_[0]
        if self.n_members > 1:
            model = keras.Model(inputs, keras.layers.Average(dtype="float64")(members))
        model.compile(loss="mean_squared_error", optimizer="adam")
        return model

    def _branch(self, layer, dtype="float64"):
        penalty = keras.regularizers.L2(self.alpha) if self.alpha else None
        activation = KERAS_ACTIVATIONS.get(self.activation, self.activation)
        for units in self.hidden_layer_sizes:
            layer = keras.layers.Dense(units, activation, kernel_regularizer=penalty, dtype=dtype)(layer)
        return keras.layers.Dense(1, kernel_regularizer=penalty, dtype=dtype)(layer)

    def _fit_keras_model(self, X, y, sample_weight, warm_start, epochs, initial_epoch, **kwargs):
        y = np.asarray(y, dtype=np.float64).ravel()
        weight = np.ones_like(y) if sample_weight is None else sample_weight
        scaler = BlockwiseScaler().fit(y[:, None], sample_weight=weight)
        target = scaler.transform(y[:, None])[:, 0]
        seeds = np.random.SeedSequence(self._random_state).spawn(self.n_members)
        if self.solver == "lbfgs":
            blocks = split_blocks(X, target, weight)
            solutions = _lbfgs.train(blocks, self._lbfgs_settings(X.shape[1]), seeds)
        else:
            weight = weight / weight.mean()
            solutions = [self._train_adam(X, target, weight, np.random.default_rng(seed)) for seed in seeds]
        for model, solution in zip(self.member_models_, solutions, strict=True):
            model.set_weights(_lbfgs.unscaled(solution.weights, scaler.mean_[0], scaler.scale_[0]))
        self.solutions_ = solutions
        self.history_ = {"loss": solutions[0].loss_curve}

    def _lbfgs_settings(self, n_features):
        return _lbfgs.Settings(
            sizes=(n_features, *self.hidden_layer_sizes, 1),
            activation=self.activation,
            alpha=self.alpha,
            max_iter=self.max_iter,
            tol=self.tol,
            n_restarts=self.n_restarts,
            epsilon=self.epsilon if self.training_loss == "huber" else None,
        )

    def _train_adam(self, X, y, weight, rng):
        """Mini-batches until the loss of a held-out part stops falling (Stone-Martinez et al., section 3)."""
        order = rng.permutation(len(X))
        n_validation = max(1, round(self.validation_fraction * len(X)))
        validation, training = order[:n_validation], order[n_validation:]
        if not len(training):
            training = validation
        with tensorflow_random_state(int(rng.integers(2**31))):
            # Trained in Keras's own float32; the float64 model takes over the weights.
            inputs = keras.Input((X.shape[1],))
            model = keras.Model(inputs, self._branch(inputs, dtype="float32"))
        curve, epochs, stopped = [], 0, False
        losses = [("mean_squared_error", None)]
        if self.training_loss == "huber":
            losses.append((_huber, self.epsilon))
        for loss, epsilon in losses:
            if epsilon is not None:
                residual = np.asarray(model(X[training]))[:, 0] - y[training]
                loss = _huber(max(epsilon * weighted_robust_sigma(residual, weight[training]), 1e-12))
            stop = keras.callbacks.EarlyStopping(
                "val_loss", min_delta=self.tol, patience=self.n_iter_no_change, restore_best_weights=True
            )
            with tensorflow_random_state(int(rng.integers(2**31))):
                model.compile(loss=loss, optimizer=keras.optimizers.Adam(self.learning_rate_init))
                history = model.fit(
                    X[training],
                    y[training],
                    sample_weight=weight[training],
                    validation_data=(X[validation], y[validation], weight[validation]),
                    batch_size=min(self.batch_size, len(training)),
                    epochs=self.max_iter,
                    callbacks=[stop],
                    verbose=self.verbose,
                ).history
            curve += history["loss"]
            epochs += len(history["loss"])
            stopped = len(history["loss"]) < self.max_iter
        return _lbfgs.Solution(model.get_weights(), min(history["val_loss"]), epochs, stopped, curve)

    def _predict_raw(self, X, **kwargs):
        # Keras's own predict loop would round to float32 and retrace for every new table length.
        return keras.ops.convert_to_numpy(self.model_(np.asarray(X, dtype=np.float64)))

    def member_weights(self):
        """Weights of every member as lists of float64 arrays, in Keras's order."""
        return [
            [np.asarray(w, dtype=np.float64) for w in model.get_weights()] for model in self.member_models_
        ]


def make_pipeline(settings: dict, scaler: StandardScaler) -> Pipeline:
    """Unfitted pipeline of scaler and network with the settings of a `NetworkRegressor`."""
    # SciKeras reads a parameter named `loss` as one of Keras's own losses.
    settings = {"training_loss" if name == "loss" else name: value for name, value in settings.items()}
    return Pipeline([("standardscaler", scaler), ("kerasregressor", DenseKerasRegressor(**settings))])


def rebuild_pipeline(settings: dict, mean, scale, member_weights) -> Pipeline:
    """Fitted pipeline from the arrays of a `NetworkRegressor`."""
    pipeline = make_pipeline(settings, StandardScaler())
    scaler, network = pipeline[0], pipeline[-1]
    example = np.stack([mean - scale, mean + scale])
    scaler.fit(example)
    scaler.mean_, scaler.scale_, scaler.var_ = mean.copy(), scale.copy(), scale**2
    network.initialize(scaler.transform(example), np.array([0.0, 1.5]))
    for model, weights in zip(network.member_models_, member_weights, strict=True):
        model.set_weights(weights)
    return pipeline
