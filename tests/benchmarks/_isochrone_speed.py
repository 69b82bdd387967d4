"""Speed, exactness and coverage of `IsochroneDistance` on simulated stars; part of `bench_isochrone.py`.

Rates of one core are per second of processor time, which other processes hardly change; those of the survey
are per second of the clock.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from skdistmass import make_survey
from skdistmass.estimators.isochrone import IsochroneDistance
from skdistmass.isochrones.index import CENTRAL_QUANTILES
from skdistmass.physics.isochrones import load_isochrones

FLOORS = np.array([50.0, 0.05, 0.05])
ERRORS = np.array([60.0, 0.06, 0.05])  # of the stars whose intervals are checked [K, dex, dex]
LOG_G_RANGES = [(-0.5, 1.0), (1.0, 2.0), (2.0, 3.0), (3.0, 4.0), (4.0, 5.5)]
N_PEER = 20
ISOCHRONES_NOTE = "isochrones: not run: needs its grid downloaded"
ISOCLASSIFY_NOTE = "isoclassify: not run: give --peer the Python of an environment that has it"


def peak_gigabytes():
    """Peak memory of this process [GB]; getrusage would count that of the process that started it, too."""
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1e6
    raise RuntimeError("the peak memory is read from /proc/self/status, which has no VmHWM here")


def write_survey(n_stars, path):
    """Simulate a survey and keep what isochrone distances need."""
    stars, truth = make_survey(n_stars, random_state=1)
    columns = {name: np.asarray(stars[name], dtype=float) for name in ("K", "ALPHA_M", "AK_TARG")}
    labels = ("TEFF", "LOGG", "M_H")
    columns["X"] = np.column_stack([np.asarray(stars[name], dtype=float) for name in labels])
    columns["X_error"] = np.column_stack([np.asarray(stars[f"{name}_ERR"], dtype=float) for name in labels])
    columns["magnitude"] = np.asarray(truth["absolute_magnitude"])
    single = ~np.asarray(truth["is_binary"]) & (np.asarray(stars["ASPCAPFLAG"]) & (1 << 23) == 0)
    np.savez(path, single=single, **columns)


def time_survey(path):
    """Time all outputs for a survey; meant for a fresh process without compiled code on disk."""
    file = np.load(path)
    survey = {name: file[name] for name in ("X", "X_error", "K", "AK_TARG", "ALPHA_M")}
    arguments = {"X_error": survey["X_error"], "alpha_m": np.nan_to_num(survey["ALPHA_M"])}
    before = peak_gigabytes()
    times, processor = [time.perf_counter()], time.process_time()
    model = IsochroneDistance().fit()
    times.append(time.perf_counter())
    model.predict_distance(survey["X"][:10], 10.0, 0.0)
    times.append(time.perf_counter())
    result = model.predict_distance(survey["X"], survey["K"], survey["AK_TARG"], **arguments)
    times.append(time.perf_counter())
    fit, first, rest = np.diff(times)
    return {
        "stars": len(result),
        "fit [s]": fit,
        "first call, compiling [s]": first,
        "predict_distance, all stars [s]": rest,
        "all together [s]": fit + first + rest,
        "stars a second": len(result) / rest,
        "processor time, all together [s]": time.process_time() - processor,
        "load of the machine before": os.getloadavg()[0],
        "share with a distance": float(result["distance_median"].notna().mean()),
        "memory before [GB]": before,
        "peak memory [GB]": peak_gigabytes(),
    }


def in_fresh_process(path):
    """Run `time_survey` without compiled code on disk, and the first call once more with it."""
    with tempfile.TemporaryDirectory() as cache:
        environment = os.environ | {"NUMBA_CACHE_DIR": cache}
        lines = []
        for only_first in ("", "first"):
            command = [sys.executable, __file__, str(path), only_first]
            run = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
            lines.append(json.loads(run.stdout))
    return lines[0] | {"first call, compiled before [s]": lines[1]["first call, compiling [s]"]}


def pick_stars(path, n_stars):
    """Pick stars of the survey evenly in log g; return labels and errors not below the floors."""
    file = np.load(path)
    X, rng = file["X"], np.random.default_rng(0)
    parts = []
    for low, high in LOG_G_RANGES:
        near = (X[:, 1] > low) & (X[:, 1] <= high) & file["single"] & np.isfinite(X).all(axis=1)
        near = np.flatnonzero(near)
        parts.append(rng.choice(near, min(len(near), n_stars // len(LOG_G_RANGES)), replace=False))
    rows = np.concatenate(parts)
    return X[rows], np.fmax(file["X_error"][rows], FLOORS)


def brute_force(path, n_stars):
    """Compare with sums over all points, one core each."""
    table, model = load_isochrones(), IsochroneDistance(n_jobs=1).fit()
    X, errors = pick_stars(path, n_stars)
    order = np.argsort(table.abs_mag_k)
    labels = np.column_stack([table.teff, table.log_g, table.m_h])[order]
    magnitude, weight = table.abs_mag_k[order], table.weight[order].astype(float)
    start = time.process_time()
    slow = np.empty((len(X), 3))
    for i, (star, error) in enumerate(zip(X, errors, strict=True)):
        chi2 = (((labels - star) / error) ** 2).sum(axis=1)
        cumulative = np.cumsum(weight * np.exp(-0.5 * (chi2 - chi2.min())))
        slow[i] = magnitude[np.searchsorted(cumulative, np.array(CENTRAL_QUANTILES) * cumulative[-1])]
    slow_rate = len(X) / (time.process_time() - start)
    repeated, repeated_errors = np.repeat(X, 20, axis=0), np.repeat(errors, 20, axis=0)
    start = time.process_time()
    fast = model.predict_quantiles(repeated, X_error=repeated_errors)[::20]
    fast_rate = len(repeated) / (time.process_time() - start)
    there = np.isfinite(fast[:, 1])  # beyond four sigma of every point there is a sum but no prediction
    low, difference, high = abs(fast - slow)[there].T
    return {
        "stars": len(X),
        "without a prediction": int((~there).sum()),
        "brute force, stars a second": slow_rate,
        "here, the same stars, stars a second": fast_rate,
        "ratio": fast_rate / slow_rate,
        "share of medians within 0.01 mag": float((difference < 0.01).mean()),
        "99th percentile [mag]": float(np.quantile(difference, 0.99)),
        "share of 16th and 84th percentiles within 0.02 mag": float((np.append(low, high) < 0.02).mean()),
    }


def peer(path, python):
    """Time isoclassify on the same isochrone points, one core."""
    if python is None:
        return {"note": ISOCLASSIFY_NOTE}
    table = load_isochrones()
    names = {"teff": "teff", "logg": "log_g", "feh": "m_h", "mass": "mass", "dage": "weight"}
    models = {theirs: np.asarray(getattr(table, ours), dtype=float) for theirs, ours in names.items()}
    radius = np.sqrt(models["mass"] / 10 ** (models["logg"] - 4.438))
    models |= {"rad": radius, "rho": np.log10(models["mass"] / radius**3)}
    models["lum"] = radius**2 * (models["teff"] / 5772) ** 4
    models["age"] = 10.0 ** (table.log_age.astype(float) - 9)
    models |= {name: np.ones(len(table)) for name in ("dmass", "dfeh", "fdnu", "eep", "avs", "dis")}
    X, errors = pick_stars(path, N_PEER)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "stars.npz"
        np.savez(file, X=X, sigma=errors, **models)
        script = Path(__file__).with_name("_isoclassify_peer.py")
        command = [str(python), "-W", "ignore", str(script), str(file)]
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    theirs = json.loads(output.splitlines()[-1])
    model = IsochroneDistance(n_jobs=1).fit()
    mass = model.predict_posterior(X, X_error=errors)["mass_median"].to_numpy()
    repeated, repeated_errors = np.repeat(X, 200, axis=0), np.repeat(errors, 200, axis=0)
    start = time.process_time()
    model.predict_posterior(repeated, X_error=repeated_errors)
    rate = len(repeated) / (time.process_time() - start)
    return {
        "stars": len(X),
        "isoclassify's classifier, stars a second": len(X) / theirs["seconds"],
        "here, the same stars, stars a second": rate,
        "ratio": rate * theirs["seconds"] / len(X),
        "median difference of the masses": float(np.nanmedian(np.array(theirs["mass"]) / mass - 1)),
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
        # The age of a point stands for its step.
        log_age = table.log_age[points] + rng.uniform(-0.025, 0.025, len(points))
        age = 10.0 ** (np.minimum(log_age, table.log_age.max()) - 9)
        truth = {"absolute_magnitude": table.abs_mag_k[points], "mass": table.mass[points], "age": age}
        line = {"stars": len(points)}
        for name, values in truth.items():
            inside = (values > result[f"{name}_p16"]) & (values < result[f"{name}_p84"])
            line[name] = float(inside.mean())
        out[f"log g {low} to {high}"] = line
    return out


def coverage_of_survey(path, n_stars=50_000):
    """Do so for single stars of the simulated survey: another prior, and errors below the floors."""
    file = np.load(path)
    single = np.flatnonzero(file["single"])[:n_stars]
    X, magnitude = file["X"][single], file["magnitude"][single]
    low, high = (
        IsochroneDistance()
        .fit()
        .predict_quantiles(
            X,
            (0.158655, 0.841345),
            X_error=file["X_error"][single],
            alpha_m=np.nan_to_num(file["ALPHA_M"][single]),
        )
        .T
    )
    inside, there = (magnitude > low) & (magnitude < high), np.isfinite(low)
    out = {}
    for bottom, top in LOG_G_RANGES:
        part = there & (X[:, 1] > bottom) & (X[:, 1] <= top)
        line = {"stars": int(part.sum()), "absolute_magnitude": float(inside[part].mean())}
        out[f"log g {bottom} to {top}"] = line
    return out


if __name__ == "__main__":
    survey, only_first = sys.argv[1:]
    if only_first:
        model = IsochroneDistance().fit()
        begin = time.perf_counter()
        model.predict_distance([[4800.0, 2.5, 0.0]], 10.0, 0.0)
        print(json.dumps({"first call, compiling [s]": time.perf_counter() - begin}))
    else:
        print(json.dumps(time_survey(survey)))
