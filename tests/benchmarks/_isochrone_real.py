"""`IsochroneDistance` on real stars, beside the shipped network; part of `bench_isochrone.py`.

The stars are those of ``../shared/data`` (see its README). Choices are made on the training part of the
split of `examples/making/real_stars.py`, results are those of its test part.
"""

from __future__ import annotations

import itertools
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.spatial import cKDTree
from sklearn.linear_model import HuberRegressor

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "examples" / "making"))
import harness
import real_stars
import star_labels

from skdistmass.columns import FEATURES
from skdistmass.estimators.isochrone import IsochroneDistance
from skdistmass.physics.constants import A_K_PER_E_B_V
from skdistmass.physics.isochrones import load_isochrones
from skdistmass.physics.statistics import robust_sigma

DATA = real_stars.DATA
LOG_G_RANGES = [(0.0, 5.5), (1.0, 2.0), (2.0, 2.5), (2.5, 3.0), (3.0, 4.0), (4.0, 5.5)]
MIN_STARS = 15
FLOORS = {"Teff [K]": (25.0, 50.0, 75.0), "log g": (0.03, 0.05, 0.07), "[M/H]": (0.05, 0.1)}
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


def choose_floors(giants):
    """Score floors of the errors on training giants with direct magnitudes.

    The score is the mean log density of the measured magnitude under a Gaussian of the posterior's median and
    half width and the magnitude's error, residuals beyond 4 sigma counting as 4. Floors whose score is within
    one standard error of the best are equally good; of those the widest temperature floor is the choice:
    elsewhere the temperature scales of spectra and isochrones disagree more than for these stars.
    """
    training = giants[~giants.test].reset_index(drop=True)
    magnitude, error, _ = star_labels.direct_magnitude(training)
    rows = np.isfinite(magnitude) & (error < 0.25)
    X = training.loc[rows, ["TEFF", "LOGG", "FE_H"]].to_numpy()
    scores, lines = {}, {}
    for floors in itertools.product(*FLOORS.values()):
        names = ("teff_error_floor", "log_g_error_floor", "m_h_error_floor")
        result = IsochroneDistance(**dict(zip(names, floors, strict=True))).fit().predict_posterior(X)
        width = 0.5 * (result["absolute_magnitude_p84"] - result["absolute_magnitude_p16"])
        sigma = np.hypot(width, error[rows]).to_numpy()
        residual = result["absolute_magnitude_median"].to_numpy() - magnitude[rows]
        there = np.isfinite(residual)
        # A star without a prediction scores like one four times its error off.
        pull = np.where(there, np.abs(residual) / np.where(there, sigma, 1.0), 4.0)
        scores[floors] = -0.5 * np.minimum(pull, 4.0) ** 2 - np.log(np.where(there, sigma, np.nanmax(sigma)))
        lines[" / ".join(f"{floor:g}" for floor in floors)] = {
            "score": float(scores[floors].mean()),
            "robust sigma": robust_sigma(10.0 ** (-0.2 * residual) - 1),
            "within 1 sigma": float((pull < 1).mean()),
        }
    best = max(scores, key=lambda floors: scores[floors].mean())
    gaps = {floors: scores[best] - score for floors, score in scores.items()}
    good = [floors for floors, gap in gaps.items() if gap.mean() <= gap.std() / np.sqrt(len(gap))]
    chosen = max(good, key=lambda floors: (floors[0], scores[floors].mean()))
    return {
        "training stars": int(rows.sum()),
        "best score": " / ".join(f"{floor:g}" for floor in best),
        "chosen": " / ".join(f"{floor:g}" for floor in chosen),
        "floors": lines,
    }


def compare(distances, reference, log_g):
    """Give number, offset and robust scatter of each method against reference distances [pc], by log g."""
    out = {}
    reference, log_g = np.asarray(reference, dtype=float), np.asarray(log_g, dtype=float)
    for low, high in LOG_G_RANGES:
        rows = (log_g > low) & (log_g <= high) & np.isfinite(reference)
        for values in distances.values():
            rows &= np.isfinite(values)
        if rows.sum() < MIN_STARS:
            continue
        line = {"stars": int(rows.sum())}
        for name, values in distances.items():
            fraction = values[rows] / reference[rows] - 1
            line |= {f"{name} offset": float(np.median(fraction)), f"{name} sigma": robust_sigma(fraction)}
        out["all" if low == 0 else f"log g {low} to {high}"] = line
    return out


def both(features, magnitude, extinction, **arguments):
    """Distances [pc] from isochrones and from the shipped network; features have the catalogue's names."""
    features = features[list(FEATURES)].to_numpy(dtype=float)
    magnitude, extinction = np.asarray(magnitude, dtype=float), np.asarray(extinction, dtype=float)
    result = IsochroneDistance().fit().predict_distance(features[:, :3], magnitude, extinction, **arguments)
    network = np.full(len(features), np.nan)
    use = np.isfinite(features).all(axis=1)
    network[use] = harness.measured_model("distance").predict_distance(
        features[use], magnitude[use], extinction[use]
    )
    return {"isochrones": result["distance_median"].to_numpy(), "network": network}, result


def kepler_giants(giants):
    """Compare test giants with Gaia (red giant branch) and with seismic distances, masses and ages."""
    giants = giants[giants.test].reset_index(drop=True)
    features = giants
    out = {}
    for name, reference, extinction in (
        ("Gaia", giants.R_MED_PHOTOGEO.where(giants.EVSTATE == "RGB"), A_K_PER_E_B_V * giants.EBV),
        ("DIST_MIGLIO", giants.DIST_MIGLIO, star_labels.A_K_PER_AV * giants.AV_MIGLIO),
    ):
        distances, _ = both(features, giants.K, extinction)
        out[name] = compare(distances, reference, giants.LOGG)
    result = IsochroneDistance().fit().predict_posterior(giants[["TEFF", "LOGG", "FE_H"]])
    mass = result["mass_median"] / giants.MASS_APOKASC3 - 1
    age = np.log10(result["age_median"] / giants.AGE_MIGLIO)
    for name, values in (("mass against APOKASC-3", mass), ("log age against Miglio [dex]", age)):
        line = {"stars": int(values.notna().sum()), "offset": float(values.median())}
        out[name] = line | {"sigma": robust_sigma(values)}
    return out


def matched_prior(table, giants):
    """Weigh the giants of a table so that their masses are distributed as those of real stars."""
    weight = table.weight.astype(float)
    use = (table.log_g > 2.4) & (table.log_g < 3.6) & (table.phase <= 3) & (table.teff < 5700)
    edges = np.arange(0.7, 2.6, 0.05)
    for low, high in itertools.pairwise((-9.0, -0.4, -0.2, 0.0, 0.2, 9.0)):
        points = use & (table.m_h >= low) & (table.m_h < high)
        stars = (low <= giants.FE_H) & (high > giants.FE_H) & (giants.LOGG > 2.6)
        seen = np.histogram(giants.MASS_APOKASC3[stars], edges)[0] + 1.0
        expected = np.histogram(table.mass[points], edges, weights=weight[points])[0]
        ratio = seen / np.where(expected > 0, expected, np.inf)
        bins = np.clip(np.digitize(table.mass[points], edges) - 1, 0, len(ratio) - 1)
        weight[points] *= ratio[bins] * expected.sum() / seen.sum()
    return replace(table, weight=np.maximum(weight, 1e-30).astype(np.float32))


def temperature_offset(table, giants):
    """Fit Teff of stars less that of isochrones of their mass, log g and [Fe/H], linear in the latter two."""
    branch = np.isin(table.phase, (2, 3))
    scale = np.array([0.03, 0.01, 0.04])
    points = np.column_stack([table.log_g[branch], np.log10(table.mass[branch]), table.m_h[branch]])
    stars = np.column_stack([giants.LOGG, np.log10(giants.MASS_APOKASC3), giants.FE_H])
    use = np.isfinite(stars).all(axis=1)
    distance, nearest = cKDTree(points / scale).query(stars[use] / scale, k=8)
    difference = giants.TEFF.to_numpy()[use] - table.teff[branch][nearest].mean(axis=1)
    close = distance.max(axis=1) < 3
    terms = np.column_stack([giants.FE_H, giants.LOGG - 3.0])[use]
    return HuberRegressor(max_iter=1000).fit(terms[close], difference[close])


def offset_budget(giants):
    """Find what makes the offset from Gaia at log g 3-4: fits on training stars, offsets of test stars."""
    branch = giants[(giants.EVSTATE == "RGB") & (giants.LOGG > 2.4)].reset_index(drop=True)
    training = branch[~branch.test & (branch.MASS_APOKASC3 < 2.5)].reset_index(drop=True)
    test = branch[branch.test & (branch.LOGG > 3.0)].reset_index(drop=True)
    magnitude, _ = star_labels.gaia_magnitude(test)
    table = load_isochrones()
    prior, offset = matched_prior(table, training), temperature_offset(table, training)
    X = test[["TEFF", "LOGG", "FE_H"]].to_numpy()
    shifted = X.copy()
    shifted[:, 0] -= offset.predict(np.column_stack([X[:, 2], X[:, 1] - 3.0]))
    near = (table.log_g > 3.0) & (table.log_g < 3.5) & (table.teff < 5600) & (np.abs(table.m_h) < 0.25)
    order = np.argsort(table.mass[near])
    cumulative = np.cumsum(table.weight[near][order], dtype=float)
    middle = table.mass[near][order][np.searchsorted(cumulative, 0.5 * cumulative[-1])]
    solar, faint = training.FE_H.abs() < 0.25, training.LOGG > 3.0
    out = {
        "median mass at log g 3-3.5, [M/H] within 0.25 [Msun]": {
            "isochrones, constant star formation": float(middle),
            "APOKASC-3, training stars": float(training.MASS_APOKASC3[solar & faint].median()),
        },
        "Teff of stars less isochrones of their mass [K]": {
            "[Fe/H] = 0, log g = 3": float(offset.intercept_),
            "for 1 dex of [Fe/H]": float(offset.coef_[0]),
            "for 1 dex of log g": float(offset.coef_[1]),
        },
    }
    cases = {
        "as shipped": (X, {}),
        "log-uniform star formation": (X, {"star_formation": "log-uniform"}),
        "masses distributed as those of the stars": (X, {"table": prior}),
        "temperatures matched": (shifted, {}),
        "both": (shifted, {"table": prior}),
    }
    for name, (labels, settings) in cases.items():
        residual = IsochroneDistance(**settings).fit().predict(labels) - magnitude
        fraction = 10.0 ** (-0.2 * np.asarray(residual)) - 1
        out[name] = {
            "stars": int(np.isfinite(fraction).sum()),
            "offset": float(np.nanmedian(fraction)),
            "sigma": robust_sigma(fraction),
        }
    return out


def hipparcos():
    """Compare with Hipparcos parallaxes better than 10 %, which trained no network.

    The labels are raw ones of DR12, whose log g is up to 0.5 dex off: they test the labels more than the
    methods. For dwarfs and subgiants a linear map to the gravities that Kepler measured mends that. The
    extinction is set to zero: the stars are near, and so bright that an infrared excess is not to be trusted.
    """
    stars = pd.read_csv(DATA / "hipparcos.csv")
    stars = stars[(stars["PLX_HIP"] > 10 * stars["PLX_HIP_ERR"]) & stars["TEFF_RAW"].between(3500, 6500)]
    stars = stars.reset_index(drop=True)
    raw = ("TEFF_RAW", "LOGG_RAW", "M_H_RAW", "C_M_RAW", "N_M_RAW")
    features = stars.rename(columns=dict(zip(raw, FEATURES, strict=True)))
    truth = 1000.0 / stars["PLX_HIP"]
    distances, _ = both(features, stars["K"], np.zeros(len(stars)))
    out = {"raw labels": compare(distances, truth, stars["LOGG_RAW"])}
    kepler = pd.read_csv(DATA / "kepler_dwarfs.csv").query("LOGG_C14 > 0 and TEFF_RAW < 6500")
    coefficients = np.linalg.lstsq(gravity_terms(kepler), kepler["LOGG_C14"])[0]
    rows = stars["LOGG_RAW"] > 3.7
    features = features[rows].assign(LOGG=gravity_terms(stars[rows]) @ coefficients)
    distances, _ = both(features, stars["K"][rows], np.zeros(rows.sum()), X_error=[100.0, 0.15, 0.1])
    return out | {"dwarfs and subgiants, log g mapped": compare(distances, truth[rows], features["LOGG"])}


def gravity_terms(stars):
    """Return the terms of the linear map from raw labels to log g."""
    return np.column_stack([np.ones(len(stars)), stars["LOGG_RAW"], stars["TEFF_RAW"] / 1000])


def clusters():
    """Compare with cluster distances, as the paper does: offset, scatter of cluster means, scatter inside."""
    stars = pd.read_csv(DATA / "cluster_stars.csv")
    stars["CLUSTER"] = stars["CLUSTER"].str.replace("_", "")
    stars = stars[(stars["K"] > 0) & stars["CLUSTER"].isin(list(REDDENING))].reset_index(drop=True)
    alpha = np.where(stars["M_H"] < -0.7, 0.3, 0.0)
    extinction = A_K_PER_E_B_V * stars["CLUSTER"].map(REDDENING)
    features = stars.rename(columns={"C_M_RAW": "C_FE", "N_M_RAW": "N_FE"})
    distances, _ = both(features, stars["K"], extinction, alpha_m=alpha)
    domain = harness.measured_model("distance").domain_
    distances["network, inside its domain"] = np.where(
        domain.contains(features[list(FEATURES)].to_numpy(dtype=float)), distances.pop("network"), np.nan
    )
    out = {}
    for method, values in distances.items():
        fraction = pd.Series(values) / stars["CLUSTER_DISTANCE"] - 1
        for part, rows in (("", fraction.notna()), (", [M/H] > -1", fraction.notna() & (stars["M_H"] > -1))):
            means = fraction[rows].groupby(stars["CLUSTER"]).agg(["mean", "std", "size"])
            means = means[means["size"] >= 3]
            out[method + part] = {
                "stars": int(rows.sum()),
                "clusters": len(means),
                "offset": float(means["mean"].median()),
                "scatter of means": float(means["mean"].std()),
                "scatter inside": float(means["std"].median()),
            }
    return out
