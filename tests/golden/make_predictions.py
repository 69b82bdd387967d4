"""Predictions of every shipped model for a few stars: `python tests/golden/make_predictions.py` writes them.

`test_golden.py` compares with `predictions.json`, in every environment of `.ci/environments`. Write it anew
only when the shipped models change.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from skdistmass import IsochroneDistance, MassToAge, list_models, load_model
from skdistmass.estimators.domain import without_domain_warning

FILE = Path(__file__).with_name("predictions.json")

STARS = {
    "features": [  # TEFF [K], LOGG, M_H, C_FE, N_FE [dex]
        [4800.0, 2.40, 0.00, -0.08, 0.20],  # red clump
        [4350.0, 1.60, -0.35, 0.05, 0.15],  # upper giant branch
        [4950.0, 3.20, 0.15, -0.02, 0.08],  # lower giant branch
        [4750.0, 2.80, -0.10, -0.15, 0.35],  # massive giant
        [3900.0, 0.90, -0.70, 0.10, 0.20],  # near the tip
        [5772.0, 4.44, 0.00, 0.00, 0.00],  # the Sun
        [4600.0, 4.60, 0.05, 0.02, 0.00],  # dwarf
        [6900.0, 4.10, -0.20, 0.00, 0.00],  # outside of what the models saw
    ],
    "masses": [0.85, 1.0, 1.3, 1.8, 2.6],  # Msun
    "metallicities": [-0.4, 0.0, 0.1, -0.2, 0.3],  # dex
    "log_g": [2.4, 2.5, 1.2, 2.9, 2.6],  # log10 cm s-2
}


def predictions() -> dict[str, Any]:
    """Predictions and errors of each shipped model, with the isochrone ages and distances."""
    X = np.array(STARS["features"])
    found: dict[str, Any] = {}
    for name in list_models():
        model = load_model(name)
        if isinstance(model, MassToAge):
            errors = 0.1 * np.array(STARS["masses"])
            ages = model.predict_age(STARS["masses"], STARS["metallicities"], errors, STARS["log_g"])
            names = ("age", "age_error_lower", "age_error_upper")
            found[name] = {key: getattr(ages, key).tolist() for key in names}
            continue
        with without_domain_warning():  # one star stands far outside on purpose
            value, error = model.predict(X, return_std=True)
        found[name] = {"prediction": value.tolist(), "error": error.tolist()}
        if hasattr(model, "domain_"):
            found[name]["log_density"] = model.domain_.score_samples(X).tolist()
    magnitude = IsochroneDistance().fit(X[:6, :3]).predict(X[:6, :3])
    found["isochrone"] = {"prediction": np.asarray(magnitude, dtype=float).tolist()}
    return found


if __name__ == "__main__":
    FILE.write_text(json.dumps(predictions(), indent=1) + "\n", encoding="utf-8")
