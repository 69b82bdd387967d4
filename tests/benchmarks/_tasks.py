"""What `watch.py` runs with each of two versions: programs of the public interface, one process a run.

``python _tasks.py TASK FOLDER ROWS`` runs one task on the tables that ``python _tasks.py make FOLDER ROWS``
has written, and prints the seconds that count as JSON. Tasks use nothing but what every version since the
first has had. Whole processes are timed by their parent.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np


def make(folder: Path, rows: int) -> None:
    """Write the tables of all tasks: the survey as FITS and Parquet, 48 of its stars, and its numbers."""
    from skdistmass import make_survey, write_table
    from skdistmass.columns import FEATURES

    stars, truth = make_survey(rows, random_state=0)
    write_table(stars, folder / "survey.fits")
    write_table(stars, folder / "survey.parquet")
    write_table(stars[:48], folder / "few.fits")
    X = np.column_stack([np.asarray(stars[name], dtype=float) for name in FEATURES])
    kept = np.isfinite(X).all(axis=1)
    magnitude = np.asarray(truth["absolute_magnitude"], dtype=float)
    y = magnitude + 0.1 * np.random.default_rng(0).standard_normal(len(magnitude))
    labels = np.column_stack([np.asarray(stars[name], dtype=float) for name in FEATURES[:3]])
    errors = np.column_stack([np.asarray(stars[f"{name}_ERR"], dtype=float) for name in FEATURES[:3]])
    np.savez(folder / "survey.npz", X=X[kept], y=y[kept], labels=labels[kept], errors=errors[kept])


def catalog(source: str, output: str, *options: str):
    """Task of the command line, as a whole process."""

    def run(folder: Path, rows: int) -> None:
        from skdistmass.cli import main

        code = main(["catalog", str(folder / source), "-o", str(folder / output), "--overwrite", *options])
        assert not code

    return run


def fit(folder: Path, rows: int):
    """Fit the default network of distances."""
    from skdistmass import DistanceRegressor

    file = np.load(folder / "survey.npz")
    X, y = file["X"][:20_000], file["y"][:20_000]
    DistanceRegressor(n_restarts=1, max_iter=2).fit(X[:500], y[:500])  # loads what a first fit needs
    return lambda: DistanceRegressor(random_state=0).fit(X, y)


def search(folder: Path, rows: int):
    """Search 4 architectures with 3 folds."""
    from sklearn.model_selection import GridSearchCV

    from skdistmass import DistanceRegressor

    file = np.load(folder / "survey.npz")
    X, y = file["X"][:5000], file["y"][:5000]
    grid = {"hidden_layer_sizes": [(8,), (16,), (8, 8), (16, 16)]}
    DistanceRegressor(n_restarts=1, max_iter=2).fit(X[:500], y[:500])
    return lambda: GridSearchCV(DistanceRegressor(random_state=0), grid, cv=3).fit(X, y)


def predict(folder: Path, rows: int):
    """Predict with an ensemble of one size in every version."""
    from skdistmass import DistanceRegressor

    file = np.load(folder / "survey.npz")
    settings = {"hidden_layer_sizes": (24, 24), "n_members": 4, "n_restarts": 1, "max_iter": 10}
    model = DistanceRegressor(random_state=0, **settings).fit(file["X"][:2000], file["y"][:2000])
    X = np.resize(file["X"], (500_000, file["X"].shape[1]))
    model.predict(X)
    return lambda: model.predict(X, return_std=True)


def isochrones(folder: Path, rows: int):
    """Isochrone distances with all percentiles."""
    from skdistmass import IsochroneDistance

    file = np.load(folder / "survey.npz")
    labels, errors = file["labels"], file["errors"]
    model = IsochroneDistance().fit()
    model.predict_distance(labels[:10], 10.0, 0.0)
    return lambda: model.predict_distance(labels, 10.0, 0.0, X_error=errors)


WITH_PERCENTILES = "catalogue with percentiles"
WHOLE = {
    "catalogue of 48 stars": catalog("few.fits", "few_out.fits"),
    "catalogue, FITS to FITS": catalog("survey.fits", "out.fits", "--no-isochrone"),
    "catalogue, Parquet to Parquet": catalog("survey.parquet", "out.parquet", "--no-isochrone"),
    "catalogue with isochrones": catalog("survey.fits", "out_i.fits"),
    WITH_PERCENTILES: catalog("survey.fits", "out_p.fits", "--no-isochrone", "--percentiles"),
}
TIMED = {
    "fit, 20,000 stars": fit,
    "GridSearchCV, 12 fits of 5,000 stars": search,
    "predict, 500,000 stars": predict,
    "isochrone distances": isochrones,
}


def main() -> None:
    """Run a task."""
    name, folder, rows = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    if name == "make":
        make(folder, rows)
    elif name in WHOLE:
        WHOLE[name](folder, rows)
    else:
        work = TIMED[name](folder, rows)
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        print(json.dumps({"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}))


if __name__ == "__main__":
    main()
