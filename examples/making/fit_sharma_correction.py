"""Fit a smooth correction of the large separation to the tabulated values of the APO-K2 giants.

The table of Schonhut-Stasik et al. (2024) lists the correction of Sharma et al. (2016) for each star as the
factor that multiplies the observed large separation. Its inverse f is fitted, for red-giant-branch and
red-clump stars apart, as a cubic in effective temperature, log g, [Fe/H] and log10 of the corrected mass, by
Huber's loss. The coefficients go to ``skdistmass/data/sharma_fdnu.json``; no row of the table does.

Run it as ``python examples/making/fit_sharma_correction.py apo_k2.csv [--out FILE]``.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.linear_model import HuberRegressor
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from skdistmass.physics.statistics import robust_sigma

DEGREE = 3
NAMES = ("teff", "log_g", "fe_h", "mass")
TRIM = 0.002
OUTPUT = Path(__file__).resolve().parents[2] / "skdistmass" / "data" / "sharma_fdnu.json"


def read_stars(path):
    """Stars with a usable correction and a mass good to 30 %."""
    stars = pd.read_csv(path).rename(columns={"logg": "log_g", "feh": "fe_h"})
    good = (stars["fdnu"] > 0) & (stars["fdnu_err"] < 0.01) & (stars["mass_err"] < 0.3 * stars["mass"])
    return stars[good].dropna(subset=[*NAMES, "fdnu"])


def features(stars, scaler=None):
    """Standardised inputs, mass as its logarithm."""
    values = stars[list(NAMES)].to_numpy(dtype=float, copy=True)
    values[:, 3] = np.log10(values[:, 3])
    scaler = scaler or StandardScaler().fit(values)
    return scaler.transform(values), scaler


def fit(stars):
    """Scaler, polynomial and robust regression of one evolutionary state."""
    x, scaler = features(stars)
    polynomial = PolynomialFeatures(DEGREE, include_bias=True).fit(x)
    regression = HuberRegressor(alpha=1e-4, max_iter=20_000, fit_intercept=False)
    return scaler, polynomial, regression.fit(polynomial.transform(x), 1.0 / stars["fdnu"])


def fit_state(stars):
    """Fit one state; the residual scatter is that of a fifth of the stars, left out of a fit to the rest."""
    low, high = stars[list(NAMES)].quantile(TRIM), stars[list(NAMES)].quantile(1 - TRIM)
    stars = stars[((stars[list(NAMES)] >= low) & (stars[list(NAMES)] <= high)).all(axis=1)]
    training, held_out = train_test_split(stars, test_size=0.2, random_state=0)
    scaler, polynomial, regression = fit(training)
    predicted = regression.predict(polynomial.transform(features(held_out, scaler)[0]))
    residual = predicted * held_out["fdnu"].to_numpy() - 1.0
    scaler, polynomial, regression = fit(stars)
    x = features(stars, scaler)[0]
    inverse_covariance = np.linalg.inv(np.cov(x.T))
    distance2 = np.einsum("ni,ij,nj->n", x, inverse_covariance, x)
    return {
        "degree": DEGREE,
        "low": stars[list(NAMES)].min().tolist(),
        "high": stars[list(NAMES)].max().tolist(),
        "factor_range": np.round(1.0 / stars["fdnu"].quantile([1 - TRIM, TRIM]), 5).tolist(),
        "inverse_covariance": np.round(inverse_covariance, 8).tolist(),
        "max_distance2": round(float(np.quantile(distance2, 1 - TRIM)), 4),
        "mean": np.round(scaler.mean_, 10).tolist(),
        "scale": np.round(scaler.scale_, 10).tolist(),
        "exponents": polynomial.powers_.tolist(),
        "coefficients": np.round(regression.coef_, 10).tolist(),
        "n_stars": len(stars),
        "held_out": {
            "n_stars": len(held_out),
            "median": round(float(np.median(residual)), 6),
            "robust_sigma": round(float(robust_sigma(residual)), 6),
            "std": round(float(np.std(residual)), 6),
        },
    }


def main():
    """Fit both states, write the coefficients, print the residuals."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table", type=Path, help="APO-K2 table with the column fdnu")
    parser.add_argument("--out", type=Path, default=OUTPUT)
    arguments = parser.parse_args()
    if not arguments.table.is_file():
        parser.error(f"{arguments.table}: no such file; it is a published table, no part of this repository")
    stars = read_stars(arguments.table)
    result = {
        "quantity": "f of M = (nu/nu_sun)^3 (dnu/(f dnu_sun))^-4 (T/T_sun)^1.5, f = 1/fdnu",
        "inputs": {
            "teff": "K",
            "log_g": "log10 cm s-2",
            "fe_h": "dex",
            "mass": "Msun, corrected; enters as log10",
        },
        "source": "fdnu of the APO-K2 catalogue, computed from the model grid of Sharma et al. 2016",
        "citation": "Sharma et al. 2016, ApJ 822, 15; Schonhut-Stasik et al. 2024, AJ 167, 50",
        "made_by": "examples/making/fit_sharma_correction.py",
        "states": {state: fit_state(stars[stars["ev"] == state]) for state in ("RGB", "RC")},
    }
    arguments.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    for state, entry in result["states"].items():
        print(
            f"{state}: {entry['n_stars']} stars, held out {entry['held_out']}, "
            f"from {entry['low']} to {entry['high']}, f {entry['factor_range']}"
        )


if __name__ == "__main__":
    main()
