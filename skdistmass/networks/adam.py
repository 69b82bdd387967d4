"""Mini-batch training with Adam and early stopping, the published protocol; importing it loads TensorFlow."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from skdistmass.networks.solution import Solution, constant_solution
from skdistmass.networks.tensorflow import keras, tensorflow_random_state
from skdistmass.physics.statistics import weighted_robust_sigma
from skdistmass.progress import Report

if TYPE_CHECKING:
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]


class Settings(NamedTuple):
    """Settings of Adam, as `DistanceRegressor` documents them.

    Parameters
    ----------
    max_iter : int
        Epochs at most.
    tol : float
        Decrease of the validation loss that counts as one.
    batch_size : int
        Rows of a mini-batch.
    learning_rate_init : float
        Learning rate.
    validation_fraction : float
        Part of the rows held out.
    n_iter_no_change : int
        Epochs without improvement before stopping.
    epsilon : float or None
        Huber threshold in units of the residuals' robust scatter; None for squared error.
    """

    max_iter: int
    tol: float
    batch_size: int
    learning_rate_init: float
    validation_fraction: float
    n_iter_no_change: int
    epsilon: float | None


def _huber(delta: float) -> Callable[[Any, Any], Any]:
    """Build Huber's loss on the scale of the squared error, as L-BFGS minimises it."""

    def loss(y_true: Any, y_pred: Any) -> Any:
        residual = keras.ops.abs(y_true - y_pred)
        inlier = keras.ops.minimum(residual, delta)
        return keras.ops.mean(inlier * (2.0 * residual - inlier), axis=-1)

    return loss


def train(
    model: keras.Model,
    X: FloatArray,
    y: FloatArray,
    weight: FloatArray,
    settings: Settings,
    rng: np.random.Generator,
    report: Report | None = None,
) -> Solution:
    """Train a Keras model in mini-batches until the loss of a held-out part stops falling.

    Parameters
    ----------
    model : keras.Model
        Network with its start values; trained in place.
    X : ndarray of shape (n_samples, n_features)
        Scaled features.
    y, weight : ndarray of shape (n_samples,)
        Scaled target and positive weights.
    settings : Settings
        Settings of the solver.
    rng : numpy.random.Generator
        Chooses the held-out part and the order of the mini-batches.
    report : callable, optional
        Called with the validation loss after each epoch.

    Returns
    -------
    Solution
        Weights of the best epoch and how the solver ended.

    Notes
    -----
    With ``epsilon``, a second run from the best epoch of the first uses Huber's loss with the threshold
    ``epsilon`` times the robust scatter of the residuals.

    References
    ----------
    Stone-Martinez A., et al. 2024, AJ 167, 73, section 3.
    """
    if y.min() == y.max():
        constant = constant_solution([w.shape for w in model.get_weights()], float(y[0]))
        return constant._replace(validation_curve=[0.0], best_epoch=0)
    order = rng.permutation(len(X))
    n_validation = max(1, round(settings.validation_fraction * len(X)))
    validation, training = order[:n_validation], order[n_validation:]
    if not len(training):
        training = validation
    parts = [(X[rows], y[rows], weight[rows]) for rows in (training, validation)]
    runs = [_run(model, "mean_squared_error", parts, settings, rng, report)]
    if settings.epsilon is not None:
        residual = np.asarray(model(parts[0][0]))[:, 0] - parts[0][1]
        delta = max(settings.epsilon * weighted_robust_sigma(residual, parts[0][2]), 1e-12)
        runs.append(_run(model, _huber(delta), parts, settings, rng, report))
    loss_curve = [loss for history, _ in runs for loss in history["loss"]]
    validation_curve = [loss for history, _ in runs for loss in history["val_loss"]]
    last, best = runs[-1]
    before = len(loss_curve) - len(last["loss"])
    return Solution(
        weights=model.get_weights(),
        loss=min(last["val_loss"]),
        n_iter=len(loss_curve),
        converged=len(last["loss"]) < settings.max_iter,
        loss_curve=loss_curve,
        validation_curve=validation_curve,
        best_epoch=before + best,
    )


def _run(
    model: keras.Model,
    loss: Any,
    parts: list[tuple[FloatArray, FloatArray, FloatArray]],
    settings: Settings,
    rng: np.random.Generator,
    report: Report | None,
) -> tuple[dict[str, list[float]], int]:
    """Train with one loss; return the losses of each epoch, and which epoch's weights stay (from 0)."""
    (X, y, weight), validation = parts
    stop = keras.callbacks.EarlyStopping(
        "val_loss", min_delta=settings.tol, patience=settings.n_iter_no_change, restore_best_weights=True
    )
    callbacks = [stop]
    if report is not None:
        callbacks.append(
            keras.callbacks.LambdaCallback(on_epoch_end=lambda _, logs: report(logs["val_loss"]))
        )
    with tensorflow_random_state(int(rng.integers(2**31))):
        model.compile(loss=loss, optimizer=keras.optimizers.Adam(settings.learning_rate_init))
        history = model.fit(
            X,
            y,
            sample_weight=weight,
            validation_data=validation,
            batch_size=min(settings.batch_size, len(X)),
            epochs=settings.max_iter,
            callbacks=callbacks,
            verbose=0,
        ).history
    return history, stop.best_epoch
