"""Prediction of a whole survey: ours against Keras `predict` and against the bare matrix arithmetic in NumPy.

Run ``python tests/benchmarks/bench_predict.py [--rows 733901] [--json FILE]``.

The published network (8 ReLU neurons) is compared with Keras at its default batch size; both networks, the
published one and the ensemble that ships, with the bare arithmetic: scale, multiply, add, activation, one
expression a layer on the whole table. Ours and the bare arithmetic run in turn; the median of 5 counts.
"""

from __future__ import annotations

from functools import partial

import harness
import numpy as np
from harness import Result

KERAS_BAR, ARITHMETIC_BAR = 100.0, 3.0
N_TRAINING = 3000
ACTIVATIONS = {"relu": lambda z: np.maximum(z, 0.0), "tanh": np.tanh}


def models(X, y, weight):
    """Fit the published network, load the one that ships."""
    from skdistmass import DistanceRegressor, load_model

    published = DistanceRegressor(random_state=0).fit(X[:N_TRAINING], y[:N_TRAINING], weight[:N_TRAINING])
    return {"published network": published, "shipped ensemble": load_model("distance")}


def bare_arithmetic(model, X):
    """Evaluate the network without blocks, checks or anything else."""
    scaled = (X - model.scaler_mean_) / model.scaler_scale_
    total = 0.0
    for member in range(len(model.coefs_[0])):
        layer = scaled
        for i, (kernel, bias) in enumerate(zip(model.coefs_, model.intercepts_, strict=True)):
            layer = layer @ kernel[member] + bias[member]
            if i < len(model.coefs_) - 1:
                layer = ACTIVATIONS[model.activation](layer)
        total = total + layer[:, 0]
    return total / len(model.coefs_[0])


def keras_seconds(model, X):
    """Time of Keras's `predict` of a float32 copy of the network, default batches [s]."""
    import keras

    sizes = [bias.shape[1] for bias in model.intercepts_]
    layers = [keras.layers.Dense(size, model.activation) for size in sizes[:-1]]
    network = keras.Sequential([keras.Input((X.shape[1],)), *layers, keras.layers.Dense(1)])
    network.set_weights([a[0] for pair in zip(model.coefs_, model.intercepts_, strict=True) for a in pair])
    scaled = (X - model.scaler_mean_) / model.scaler_scale_
    network.predict(scaled[:1000], verbose=0)
    return harness.seconds(lambda: network.predict(scaled, verbose=0))


def time_keras(n_rows):
    """Time Keras in a process of its own."""
    X, y, sigma = harness.simulated_magnitudes(N_TRAINING)
    published = models(X, y, 1.0 / sigma**2)["published network"]
    return {"seconds": keras_seconds(published, np.resize(X, (int(n_rows), X.shape[1])))}


def time_ours(n_rows):
    """Time ours and the bare arithmetic."""
    X, y, sigma = harness.simulated_magnitudes(min(int(n_rows), 300_000))
    result = {}
    for name, model in models(X, y, 1.0 / sigma**2).items():
        table = np.resize(X, (int(n_rows), X.shape[1]))
        difference = np.abs(model.predict(table) - bare_arithmetic(model, table)).max()
        ours, bare = harness.in_turn(partial(model.predict, table), partial(bare_arithmetic, model, table))
        narrow = table.astype(np.float32)
        result[name] = {
            "ours": ours,
            "ours_float32": harness.seconds(partial(model.predict, narrow), 5),
            "bare": bare,
            "difference": float(difference),
        }
    return result | {"peak_gb": harness.peak_gb()}


def run(options):
    """Measure."""
    size = f"{options.rows:,} x 5"
    own = harness.fresh(__file__, "time_ours", options.rows)
    keras = harness.fresh(__file__, "time_keras", options.rows)["seconds"]
    first = own["published network"]["ours"]
    results = [
        Result(
            "predict, published network, against Keras predict",
            size,
            first,
            keras,
            bar=f"<= 1/{KERAS_BAR:g}",
            met=first <= keras / KERAS_BAR,
        )
    ]
    for name in ("published network", "shipped ensemble"):
        line = own[name]
        results.append(
            Result(
                f"predict, {name}, against bare matrix arithmetic",
                size,
                line["ours"],
                line["bare"],
                bar=f"<= {ARITHMETIC_BAR:g} x",
                met=line["ours"] <= ARITHMETIC_BAR * line["bare"],
                peak_gb=own["peak_gb"],
                note=f"float32 {line['ours_float32']:.2g} s, largest difference {line['difference']:.1e}",
            )
        )
    return results


def main():
    """Print the table."""
    harness.child({"time_ours": time_ours, "time_keras": time_keras})
    options = harness.parser(__doc__, 733_901).parse_args()
    harness.finish(run(options), options)


if __name__ == "__main__":
    main()
