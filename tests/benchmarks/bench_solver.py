"""Training on a large table: ours against plain Keras and scikit-learn's `MLPRegressor`, 8 neurons, weights.

Run ``python tests/benchmarks/bench_solver.py [--rows 305920] [--json FILE] [--train-keras]``.

All networks have 8 ReLU neurons and see the same simulated stars (absolute magnitudes with parallax
errors), weighted with 1/σ²; a quarter as many more stars give the validation loss, ``sum(w r²) / sum(w)``
[mag²]. Every competitor runs in a fresh process; reading the data and importing are not timed. Keras:
batches of 32, Adam, 80 epochs, the time from the second and third epoch. Its validation loss after 80
epochs is that of a real training, which ``--train-keras`` runs (a quarter of an hour) and records in
``recorded/plain_keras.json``. `MLPRegressor`: L-BFGS with our tolerances, and Adam from 5 epochs of 80.
"""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path

import harness
import numpy as np
from harness import Result

EPOCHS = 80
BAR = 100.0
RECORD = Path(__file__).parent / "recorded" / "plain_keras.json"


def make_table(path, n_rows):
    """Write training and validation stars, ready scaled for those that do not scale by themselves."""
    n_validation = n_rows // 4
    X, y, sigma = harness.simulated_magnitudes(n_rows + n_validation)
    part = np.arange(len(y)) >= n_rows
    np.savez(
        path, X=X[~part], y=y[~part], w=sigma[~part] ** -2.0, Xv=X[part], yv=y[part], wv=sigma[part] ** -2.0
    )


def _read(path):
    table = np.load(path)
    X, y, w, Xv, yv, wv = (table[name] for name in ("X", "y", "w", "Xv", "yv", "wv"))
    return X, y, w / w.mean(), Xv, lambda prediction: float(np.average((prediction - yv) ** 2, weights=wv))


def ours(path, repeats):
    """Fit the default `DistanceRegressor`."""
    from skdistmass import DistanceRegressor
    from skdistmass.networks import keras  # noqa: F401  (importing TensorFlow is not timed)

    X, y, w, Xv, validate = _read(path)
    DistanceRegressor(max_iter=2).fit(X[:1000], y[:1000], w[:1000])
    model = DistanceRegressor(random_state=0)
    before = harness.peak_gb()
    fit = harness.seconds(lambda: model.fit(X, y, w), int(repeats))
    losses = [validate(DistanceRegressor(random_state=seed).fit(X, y, w).predict(Xv)) for seed in range(1, 4)]
    return {
        "seconds": fit,
        "loss": validate(model.predict(Xv)),
        "losses of other seeds": losses,
        "peak_gb": harness.peak_gb(),
        "peak_before_gb": before,
    }


def plain_keras(path, epochs):
    """Train the same network as a Keras user would; target and features scaled, which helps it."""
    import keras

    X, y, w, Xv, validate = _read(path)
    mean, scale = X.mean(axis=0), X.std(axis=0)
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(1)])
    model.compile(loss="mean_squared_error", optimizer="adam")
    target, times, losses = (y - y.mean()) / y.std(), [], []
    for _ in range(int(epochs)):
        start = time.perf_counter()
        model.fit((X - mean) / scale, target, sample_weight=w, batch_size=32, epochs=1, verbose=0)
        times.append(time.perf_counter() - start)
        if int(epochs) >= EPOCHS:
            output = model.predict((Xv - mean) / scale, batch_size=65536, verbose=0)[:, 0]
            losses.append(validate(output * y.std() + y.mean()))
    return {"epoch": float(np.median(times[1:])), "losses": losses, "peak_gb": harness.peak_gb()}


def mlp(path, solver):
    """Fit `MLPRegressor`; Adam for 5 epochs, L-BFGS to its end."""
    import warnings

    from sklearn.neural_network import MLPRegressor

    X, y, w, Xv, validate = _read(path)
    mean, scale = X.mean(axis=0), X.std(axis=0)
    iterations = {"max_iter": 5} if solver == "adam" else {"max_iter": 1000, "max_fun": 3000, "tol": 1e-7}
    model = MLPRegressor(hidden_layer_sizes=(8,), alpha=1e-4, solver=solver, random_state=0, **iterations)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        start = time.perf_counter()
        model.fit((X - mean) / scale, (y - y.mean()) / y.std(), w)
        fit = time.perf_counter() - start
    loss = validate(model.predict((Xv - mean) / scale) * y.std() + y.mean())
    return {"seconds": fit, "loss": loss, "n_iter": int(model.n_iter_)}


def keras_loss(path, n_rows, train):
    """Validation loss of plain Keras after 80 epochs, and its lowest; None without a record of this size."""
    if train:
        run = harness.fresh(__file__, "plain_keras", path, EPOCHS)
        record = {"rows": n_rows, "epochs": EPOCHS, "loss": run["losses"][-1], "lowest": min(run["losses"])}
        RECORD.parent.mkdir(exist_ok=True)
        RECORD.write_text(json.dumps(record, indent=1) + "\n")
    if not RECORD.exists():
        return None
    record = json.loads(RECORD.read_text())
    return record if record["rows"] == n_rows else None


def run(options):
    """Measure all competitors."""
    n_rows, size = options.rows, f"{options.rows:,} x 5"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.npz"
        make_table(path, n_rows)
        own = harness.fresh(__file__, "ours", path, 3)
        keras = harness.fresh(__file__, "plain_keras", path, 3)
        adam = harness.fresh(__file__, "mlp", path, "adam")
        lbfgs = harness.fresh(__file__, "mlp", path, "lbfgs")
        record = keras_loss(path, n_rows, options.train_keras)
    seconds, peak, loss = own["seconds"], own["peak_gb"], own["loss"]
    keras_seconds = EPOCHS * keras["epoch"]
    results = [
        Result(
            "fit, against plain Keras (batch 32, 80 epochs from two)",
            size,
            seconds,
            keras_seconds,
            bar=f"<= 1/{BAR:g}",
            met=seconds <= keras_seconds / BAR,
            peak_gb=peak,
        ),
        Result(
            "fit, against MLPRegressor L-BFGS",
            size,
            seconds,
            lbfgs["seconds"],
            note=f"{lbfgs['n_iter']} iterations",
        ),
        Result(
            "fit, against MLPRegressor Adam (80 epochs from 5)", size, seconds, adam["seconds"] / 5 * EPOCHS
        ),
        Result("validation loss, against MLPRegressor L-BFGS", size, loss, lbfgs["loss"], "mag²"),
    ]
    note = "worst of 4 seeds"
    worst = max([loss, *own["losses of other seeds"]])
    if record:
        for name, key in (("after 80 epochs", "loss"), ("at its best epoch", "lowest")):
            baseline = record[key]
            task = f"validation loss, against plain Keras {name}"
            results.append(
                Result(task, size, worst, baseline, "mag²", "no higher", worst <= baseline, note=note)
            )
    return results


def main():
    """Print the table."""
    harness.child({"ours": ours, "plain_keras": plain_keras, "mlp": mlp})
    arguments = harness.parser(__doc__, 305_920)
    arguments.add_argument(
        "--train-keras", action="store_true", help="train Keras for 80 epochs and record its loss"
    )
    options = arguments.parse_args()
    harness.finish(run(options), options)


if __name__ == "__main__":
    main()
