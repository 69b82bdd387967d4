"""Accuracy and speed of `IsochroneDistance`, printed as a table.

Usage::

    python tests/benchmarks/bench_isochrone.py [--stars 733901] [--brute 500] [--json FILE]

The real stars are those of ``../shared/data`` (see its README); without them those lines are left out.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

from skdistmass.estimators.isochrone import IsochroneDistance
from skdistmass.estimators.uncertainty import robust_sigma
from skdistmass.physics.isochrones import load_isochrones

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
ERRORS = np.array([60.0, 0.06, 0.05])
LOG_G_RANGES = [(-0.5, 1.0), (1.0, 2.0), (2.0, 3.0), (3.0, 4.0), (4.0, 5.5)]
SFD_K = 0.302
# Reddening E(B-V) [mag]: globular clusters from Harris (1996, edition of 2010), open clusters from the WEBDA
# compilation (Mermilliod 1995), NGC 6791 from Brogaard et al. (2012).
REDDENING = {
    "NGC6341": 0.02,
    "NGC7078": 0.10,
    "NGC5024": 0.02,
    "NGC5466": 0.00,
    "NGC4147": 0.02,
    "NGC7089": 0.06,
    "NGC6205": 0.02,
    "NGC5272": 0.01,
    "NGC5904": 0.03,
    "NGC6171": 0.33,
    "NGC6838": 0.25,
    "NGC2158": 0.36,
    "NGC2168": 0.26,
    "NGC2420": 0.05,
    "NGC188": 0.09,
    "NGC2682": 0.04,
    "NGC7789": 0.25,
    "Melotte22": 0.03,
    "NGC6819": 0.15,
    "NGC6791": 0.14,
}


def draw(n_stars, seed=1):
    """Draw stars of a survey from the isochrones: brighter ones are seen in a larger volume of a disc."""
    table, rng = load_isochrones(), np.random.default_rng(seed)
    weight = table.weight * 10.0 ** (-0.4 * table.abs_mag_k) * np.exp(-0.5 * ((table.m_h + 0.1) / 0.3) ** 2)
    points = rng.choice(len(table), n_stars, p=weight / weight.sum(dtype=float))
    truth = np.column_stack([table.teff, table.log_g, table.m_h])[points].astype(float)
    return points, truth + rng.normal(size=truth.shape) * ERRORS, rng.normal(12.0, 1.0, n_stars)


def time_survey(n_stars):
    """Time all outputs for a survey; meant for a fresh process, whose peak memory it gives."""
    _, X, magnitude = draw(n_stars)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    start = time.perf_counter()
    model = IsochroneDistance().fit()
    fit_s = time.perf_counter() - start
    start = time.perf_counter()
    model.predict_distance(X[:10], magnitude[:10], 0.0)
    first_s = time.perf_counter() - start
    start = time.perf_counter()
    status = model.predict_distance(X, magnitude, 0.0, X_error=ERRORS)["status"]
    seconds = time.perf_counter() - start
    return {
        "stars": n_stars,
        "fit [s]": fit_s,
        "first call: compiling or reading the cache [s]": first_s,
        "predict_distance [s]": seconds,
        "stars a second": n_stars / seconds,
        "share out of reach": float((status == 2).mean()),
        "memory before [GB]": before,
        "peak memory [GB]": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
    }


def survey_speed(n_stars):
    """Run `time_survey` in a fresh process."""
    command = [sys.executable, __file__, "--only-speed", "--stars", str(n_stars)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def brute_force(n_stars):
    """Compare with sums over all points, stars evenly in log g."""
    table, model = load_isochrones(), IsochroneDistance(n_jobs=1).fit()
    _, X, _ = draw(200_000, seed=2)
    parts = [np.flatnonzero((X[:, 1] > low) & (X[:, 1] <= high)) for low, high in LOG_G_RANGES]
    X = X[np.concatenate([part[: n_stars // len(parts)] for part in parts])]
    labels = np.column_stack([table.teff, table.log_g, table.m_h])
    order = np.argsort(table.abs_mag_k)
    magnitude, weight = table.abs_mag_k[order], table.weight[order].astype(float)
    labels = labels[order]
    start = time.perf_counter()
    slow = np.empty(len(X))
    for i, star in enumerate(X):
        chi2 = (((labels - star) / ERRORS) ** 2).sum(axis=1)
        cumulative = np.cumsum(weight * np.exp(-0.5 * (chi2 - chi2.min())))
        slow[i] = magnitude[np.searchsorted(cumulative, 0.5 * cumulative[-1])]
    slow_rate = len(X) / (time.perf_counter() - start)
    repeated = np.repeat(X, 20, axis=0)
    start = time.perf_counter()
    fast = model.predict(repeated, X_error=ERRORS)[::20]
    fast_rate = len(repeated) / (time.perf_counter() - start)
    difference = abs(fast - slow)
    return {
        "stars": len(X),
        "brute force, stars a second, 1 core": slow_rate,
        "here, same stars, stars a second, 1 core": fast_rate,
        "ratio": fast_rate / slow_rate,
        "share of medians within 0.01 mag": float((difference < 0.01).mean()),
        "99th percentile [mag]": float(np.quantile(difference, 0.99)),
    }


def coverage(n_stars=20_000):
    """Measure how many true values lie in the 68 % intervals, for stars as common as the prior says."""
    table, rng, model = load_isochrones(), np.random.default_rng(3), IsochroneDistance().fit()
    labels = np.column_stack([table.teff, table.log_g, table.m_h])
    out = {}
    for low, high in LOG_G_RANGES:
        near = np.flatnonzero((table.log_g > low - 0.5) & (table.log_g < high + 0.5))
        weight = table.weight[near].astype(float)
        points = rng.choice(near, n_stars, p=weight / weight.sum())
        X = labels[points] + rng.normal(size=(n_stars, 3)) * ERRORS
        kept = (X[:, 1] > low) & (X[:, 1] < high)
        points, result = points[kept], model.predict_posterior(X[kept], X_error=ERRORS)
        age = 10 ** (table.log_age[points] - 9 + rng.uniform(-0.025, 0.025, len(points)))
        truth = {"absolute_magnitude": table.abs_mag_k[points], "mass": table.mass[points], "age": age}
        line = {"stars": len(points)}
        for name, values in truth.items():
            inside = (values > result[f"{name}_p16"]) & (values < result[f"{name}_p84"])
            line[f"{name} inside"] = float(inside.mean())
        out[f"log g {low} to {high}"] = line
    return out


def compare(result, reference, log_g):
    """Return offset, scatter and coverage against reference distances [pc], all stars and by log g."""
    out = {}
    for low, high in [(-0.5, 5.5), *LOG_G_RANGES]:
        use = (log_g > low) & (log_g <= high) & np.isfinite(reference) & result["distance_median"].notna()
        if use.sum() < 20:
            continue
        part, distance = result[use], reference[use]
        fraction = part["distance_median"] / distance - 1
        inside = (distance > part["distance_p16"]) & (distance < part["distance_p84"])
        out[f"log g {low} to {high}"] = {
            "stars": int(use.sum()),
            "median offset": float(np.median(fraction)),
            "robust sigma": robust_sigma(fraction),
            "inside 68 %": float(inside.mean()),
        }
    return out


def kepler_giants():
    """Compare with Gaia (red giant branch) and with seismic distances, masses and ages."""
    stars = pd.read_csv(DATA / "kepler_giants.csv")
    extinction = (SFD_K * stars["EBV"]).fillna(0.114 * stars["AV_MIGLIO"]).fillna(stars["AK_HALL"])
    labels = stars[["TEFF", "LOGG", "FE_H"]]
    result = IsochroneDistance().fit().predict_distance(labels, stars["K"], extinction.fillna(0.03))
    gaia = stars["R_MED_PHOTOGEO"].where(stars["EVSTATE"] == "RGB")
    good = stars["MASS_APOKASC3_FRAC_ERR"] < 0.1
    mass = (result["mass_median"] / stars["MASS_APOKASC3"] - 1)[good]
    age = np.log10(result["age_median"] / stars["AGE_MIGLIO"])
    spread = {"median offset": np.nanmedian, "robust sigma": robust_sigma}
    return {
        "RGB against Gaia (R_MED_PHOTOGEO)": compare(result, gaia, stars["LOGG"]),
        "against seismology (DIST_MIGLIO)": compare(result, stars["DIST_MIGLIO"], stars["LOGG"]),
        "mass against APOKASC-3": {name: float(measure(mass)) for name, measure in spread.items()},
        "log age against Miglio [dex]": {name: float(measure(age)) for name, measure in spread.items()},
    }


def hipparcos():
    """Compare with parallaxes better than 10 %.

    The labels are raw ones of DR12, whose log g is up to 0.5 dex too large. For dwarfs and subgiants a linear
    map from the seismic log g of `kepler_dwarfs.csv` mends that. The extinction is set to zero: the stars are
    near, and so bright that an infrared excess is not to be trusted.
    """
    stars = pd.read_csv(DATA / "hipparcos.csv")
    stars = stars[(stars["PLX_HIP"] > 10 * stars["PLX_HIP_ERR"]) & stars["TEFF_RAW"].between(3500, 6500)]
    truth = 1000.0 / stars["PLX_HIP"]
    model = IsochroneDistance().fit()
    labels = stars[["TEFF_RAW", "LOGG_RAW", "M_H_RAW"]]
    out = {"raw labels": compare(model.predict_distance(labels, stars["K"], 0.0), truth, stars["LOGG_RAW"])}
    kepler = pd.read_csv(DATA / "kepler_dwarfs.csv").query("LOGG_C14 > 0 and TEFF_RAW < 6500")
    coefficients = np.linalg.lstsq(gravity_terms(kepler), kepler["LOGG_C14"])[0]
    dwarfs = stars[stars["LOGG_RAW"] > 3.7]
    log_g = pd.Series(gravity_terms(dwarfs) @ coefficients, index=dwarfs.index)
    labels = labels.loc[dwarfs.index].assign(LOGG_RAW=log_g)
    result = model.predict_distance(labels, dwarfs["K"], 0.0, X_error=[100.0, 0.15, 0.1])
    out["dwarfs and subgiants, log g mapped"] = compare(result, truth[dwarfs.index], log_g)
    return out


def gravity_terms(stars):
    """Return the terms of the linear map from raw labels to log g."""
    return np.column_stack([np.ones(len(stars)), stars["LOGG_RAW"], stars["TEFF_RAW"] / 1000])


def clusters():
    """Compare with cluster distances, as the paper does: offset, scatter of clusters, scatter inside."""
    stars = pd.read_csv(DATA / "cluster_stars.csv")
    stars["CLUSTER"] = stars["CLUSTER"].str.replace("_", "")
    stars = stars[(stars["K"] > 0) & stars["CLUSTER"].isin(list(REDDENING))]
    alpha = np.where(stars["M_H"] < -0.7, 0.3, 0.0)
    extinction = SFD_K * stars["CLUSTER"].map(REDDENING)
    result = (
        IsochroneDistance()
        .fit()
        .predict_distance(stars[["TEFF", "LOGG", "M_H"]], stars["K"], extinction, alpha_m=alpha)
    )
    stars = stars.assign(fraction=result["distance_median"] / stars["CLUSTER_DISTANCE"] - 1)
    there = stars.dropna(subset="fraction")
    means = there.groupby("CLUSTER")["fraction"].agg(["mean", "std", "size"])
    means = means[means["size"] >= 3]
    return {
        "stars": len(stars),
        "with a distance": len(there),
        "clusters": len(means),
        "median offset of clusters (paper, NMSU: -0.042)": float(means["mean"].median()),
        "standard deviation of cluster means (0.197)": float(means["mean"].std()),
        "mean scatter inside clusters (0.40)": float(means["std"].mean()),
        "by cluster": {
            name: {"mean": float(row["mean"]), "std": float(row["std"]), "stars": int(row["size"])}
            for name, row in means.iterrows()
        },
    }


def show(results, indent=0):
    """Print nested results, one number a line."""
    for name, value in results.items():
        if not isinstance(value, dict):
            text = f"{value:.4g}" if isinstance(value, float) else str(value)
            print(f"{' ' * indent}{name}: {text}")
        elif all(not isinstance(inner, dict) for inner in value.values()) and indent:
            inner = ", ".join(
                f"{k} {v:.3f}" if isinstance(v, float) else f"{k} {v}" for k, v in value.items()
            )
            print(f"{' ' * indent}{name}: {inner}")
        else:
            print(f"{' ' * indent}{name}")
            show(value, indent + 2)


def main():
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stars", type=int, default=733_901, help="stars for the speed")
    parser.add_argument("--brute", type=int, default=500, help="stars for the sum over all points")
    parser.add_argument("--json", type=Path, help="file for the numbers")
    parser.add_argument("--only-speed", action="store_true", help="print the speed as JSON and stop")
    options = parser.parse_args()
    if options.only_speed:
        print(json.dumps(time_survey(options.stars)))
        return
    results = {
        "speed": survey_speed(options.stars),
        "brute force": brute_force(options.brute),
        "coverage of 68 % intervals, simulated stars": coverage(),
    }
    if DATA.is_dir():
        results |= {"kepler_giants": kepler_giants(), "hipparcos": hipparcos(), "clusters": clusters()}
    show(results)
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
