"""Architecture search: `GridSearchCV` over `MassRegressor` against one over plain SciKeras pipelines.

Run ``python tests/benchmarks/bench_gridsearch.py [--rows N] [--json FILE]``.

12 architectures, 5 folds, 2 jobs, on the Kepler giants with seismic masses (simulated masses where the
table is not at hand). The SciKeras pipeline trains 80 epochs in batches of 32; its time is extrapolated
from 2 architectures x 2 folds with 2 and with 4 epochs, in the same pool of workers.
"""

from __future__ import annotations

import time

import harness
import numpy as np
from harness import Result

ARCHITECTURES = [
    (4,),
    (8,),
    (16,),
    (32,),
    (4, 4),
    (8, 4),
    (8, 8),
    (16, 8),
    (16, 16),
    (32, 16),
    (8, 8, 8),
    (16, 16, 16),
]
FOLDS, JOBS, EPOCHS = 5, 2, 80
PART = [(8,), (16, 16)]
BAR = 10.0


def giants(n_rows):
    """Features, masses [Msun] and weights of giants."""
    if harness.DATA.is_dir():
        X, y, error, _ = harness.real_masses()
    else:
        from skdistmass import make_survey
        from skdistmass.columns import FEATURES

        stars, truth = make_survey(30_000, random_state=0)
        X = np.column_stack([np.asarray(stars[name], float) for name in FEATURES])
        kept = np.isfinite(X).all(axis=1) & (truth["log_g"] < 3.5)
        X, y = X[kept], np.asarray(truth["mass"], float)[kept]
        error = 0.05 * y
    rows = np.random.default_rng(0).permutation(len(X))[:n_rows]
    return X[rows], y[rows], 1.0 / error[rows] ** 2


def keras_pipeline():
    """Build what a SciKeras user would write."""
    from scikeras.wrappers import KerasRegressor
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler

    def build(hidden_layer_sizes, meta):
        import keras

        layers = [keras.Input((meta["n_features_in_"],))]
        layers += [keras.layers.Dense(units, "relu") for units in hidden_layer_sizes]
        return keras.Sequential([*layers, keras.layers.Dense(1)])

    network = KerasRegressor(
        model=build,
        hidden_layer_sizes=(8,),
        loss="mse",
        optimizer="adam",
        batch_size=32,
        verbose=0,
        random_state=0,
    )
    return Pipeline([("scale", StandardScaler()), ("network", network)])


def search(estimator, name, architectures, folds, X, y, **fit_params):
    """Time a search [s]."""
    from sklearn.model_selection import GridSearchCV

    # SciKeras hides that it is a regressor; without a scorer the search would look for one.
    scoring = "neg_mean_squared_error"
    grid = GridSearchCV(estimator, {name: architectures}, cv=folds, n_jobs=JOBS, scoring=scoring, refit=False)
    start = time.perf_counter()
    grid.fit(X, y, **fit_params)
    return time.perf_counter() - start, grid


def run(options):
    """Measure both searches."""
    from skdistmass import MassRegressor

    X, y, weight = giants(options.rows)
    ours = MassRegressor(random_state=0)
    search(ours, "hidden_layer_sizes", PART, 2, X[:500], y[:500], sample_weight=weight[:500])
    times = []
    for _ in range(3):
        seconds, grid = search(ours, "hidden_layer_sizes", ARCHITECTURES, FOLDS, X, y, sample_weight=weight)
        times.append(seconds)
    seconds = float(np.median(times))
    print("best architecture", grid.best_params_, "score", round(grid.best_score_, 5))

    few, more = 2, 4
    part = {"network__sample_weight": weight / weight.mean()}
    plain, key = keras_pipeline(), "network__hidden_layer_sizes"
    search(plain.set_params(network__epochs=1), key, PART, 2, X[:500], y[:500])
    short = search(plain.set_params(network__epochs=few), key, PART, 2, X, y, **part)[0]
    long = search(plain.set_params(network__epochs=more), key, PART, 2, X, y, **part)[0]
    epoch = max(long - short, 0.0) / (more - few)
    # Two folds train on half of the stars, five on four fifths.
    epoch *= (1 - 1 / FOLDS) / (1 - 1 / 2)
    overhead = short - few * epoch * (1 - 1 / 2) / (1 - 1 / FOLDS)
    whole = (overhead + EPOCHS * epoch) * len(ARCHITECTURES) * FOLDS / (2 * len(PART))
    return [
        Result(
            f"GridSearchCV, {len(ARCHITECTURES)} architectures x {FOLDS} folds, against SciKeras (80 epochs)",
            f"{len(X):,} giants",
            seconds,
            whole,
            bar=f"<= 1/{BAR:g}",
            met=seconds <= whole / BAR,
            peak_gb=harness.peak_gb(),
            note="SciKeras from a part; memory without the workers",
        )
    ]


def main():
    """Print the table."""
    options = harness.parser(__doc__, 10_000).parse_args()
    harness.finish(run(options), options)


if __name__ == "__main__":
    main()
