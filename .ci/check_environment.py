"""Work of one environment of `.ci/environments`: `make FOLDER` or `compare FOLDER`, run inside it."""

from __future__ import annotations

import json
import sys
import warnings
from importlib.metadata import version
from pathlib import Path

import joblib
import numpy as np

import skdistmass
from skdistmass import (
    DistanceRegressor,
    MassRegressor,
    MassToAge,
    build_catalog,
    load_model,
    load_predictor,
    make_survey,
    read_catalog,
    save_model,
    write_table,
)

warnings.simplefilter("error")
SHOWN = ("tensorflow", "scikit-learn", "numpy", "scipy", "pandas", "astropy", "pyarrow", "numba", "dask")
N_STARS = 400


def make_data() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features, absolute magnitudes and masses of invented stars."""
    rng = np.random.default_rng(1)
    X = rng.normal([4800, 2.5, -0.1, 0.0, 0.15], [250, 0.5, 0.2, 0.07, 0.1], (N_STARS, 5))
    magnitude = 1.9 * (X[:, 1] - 2.5) - 1.6 - (X[:, 0] - 4800) / 600
    mass = 1.2 + 1.5 * (X[:, 4] - X[:, 3] - 0.15) + 0.2 * X[:, 2]
    return X, magnitude + rng.normal(0, 0.1, N_STARS), np.clip(mass, 0.6, None)


def user_models() -> dict[str, object]:
    """Models as users train them, of every kind that is saved."""
    X, magnitude, mass = make_data()
    small = {"hidden_layer_sizes": (4,), "n_restarts": 1, "max_iter": 60, "random_state": 0}
    adam = {"solver": "adam", "hidden_layer_sizes": (4,), "max_iter": 3, "random_state": 0}
    return {
        "distance": DistanceRegressor(**small).fit(X, magnitude),
        "mass": MassRegressor(**small).fit(X, mass),
        "adam": DistanceRegressor(**adam).fit(X, magnitude),
        "interpolate": MassToAge.from_isochrones(method="interpolate"),
    }


def predict(model: object, name: str) -> np.ndarray:
    """Predictions by which two loadings of one model are compared."""
    X = make_data()[0][:50]
    if name == "interpolate":
        return np.asarray(model.predict_age(np.linspace(0.9, 2.0, 50), np.zeros(50)).age)
    return np.concatenate(model.predict(X, return_std=True))


def make(folder: Path) -> None:
    """Use every public name, run the main job, and save models with their predictions."""
    for name in skdistmass.__all__:
        getattr(skdistmass, name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # A network of three epochs has not converged.
        models = user_models()
    for name, model in models.items():
        save_model(model, folder / f"{name}.joblib", {"target": name})
        np.save(folder / f"{name}.npy", predict(model, name))
    stars, _ = make_survey(N_STARS, random_state=4)
    write_table(build_catalog(stars), folder / "catalogue.fits")
    versions = {name: version(name) for name in SHOWN}
    (folder / "versions.json").write_text(json.dumps(versions), encoding="utf-8")


def compare(folder: Path, root: Path) -> None:
    """Compare the models and the catalogue of every environment with what they were where they were made."""
    own = read_catalog(folder / "catalogue.fits")
    for other in sorted(path.parent for path in root.glob("*/versions.json")):
        for name in ("distance", "mass", "adam", "interpolate"):
            expected = np.load(other / f"{name}.npy")
            path = other / f"{name}.joblib"
            loaded = [load_model(path), joblib.load(path)]
            loaded += [load_predictor(path)] if name != "interpolate" else []
            for model in loaded:
                np.testing.assert_allclose(predict(model, name), expected, rtol=1e-6, err_msg=str(path))
        theirs = read_catalog(other / "catalogue.fits")
        assert theirs.colnames == own.colnames
        for column in own.colnames:
            here, there = np.asarray(own[column]), np.asarray(theirs[column])
            if here.dtype.kind == "f":
                np.testing.assert_allclose(here, there, rtol=1e-6, err_msg=f"{other}: {column}")
            else:
                assert np.array_equal(here, there), f"{other}: {column}"


if __name__ == "__main__":
    task, target = sys.argv[1], Path(sys.argv[2])
    make(target) if task == "make" else compare(target, target.parent)
