"""The six mass scales side by side, and ages against other ages.

Run as ``python tests/benchmarks/bench_masses.py [--json FILE]``.

In one region of the Galaxy giants of low and of high surface gravity should have the same masses. The
second and third table ask that, as Figures 12 and 14 of the published catalogue do, of the labels and of
the models' predictions for all Kepler giants inside the models' domain: medians on either side of log g =
2.3, the distance of Kolmogorov and Smirnov between the two distributions, the part below 1 Msun. Only stars
of the red giant branch, since those of the clump are on one side of the border; in two bins of distance,
and with the stars of high log g weighted to the distances of those of low log g. The other tables compare
ages with published ones, of stars that were left out of the training and of open clusters.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "examples" / "making"))
import harness
import real_stars
import star_labels

from skdistmass import list_models, load_model
from skdistmass.columns import FEATURES, LABEL_SETS
from skdistmass.physics.statistics import robust_sigma

BORDER = 2.3  # log g
LIGHT = 1.0  # Msun
DISTANCE_BINS = {"near": (0.0, 1700.0), "far": (1700.0, 9e9)}  # pc
N_MATCHED_BINS = 8
MODELS = {name.replace("_", "-").lower(): f"mass-{name.replace('_', '-').lower()}" for name in LABEL_SETS}
# DR17 minus DR10, median of the four stars of NGC 6819 that are in both tables; Teff and log g agree.
DR10_TO_DR17 = {"M_H": -0.04, "C_FE": -0.05, "N_FE": 0.11}


def matrix(table):
    """Features of a table of giants."""
    return table[list(FEATURES)].to_numpy(float)


def kepler_giants():
    """Kepler giants with a distance from their seismic, Gaia or Miglio et al. magnitude [pc]."""
    giants = real_stars.read_giants()
    magnitudes = star_labels.giant_magnitudes(giants).drop_duplicates("id").set_index("id").label
    modulus = giants.K - giants.APOGEE_ID.map(magnitudes)
    return giants.assign(distance=10.0 ** (0.2 * modulus + 1.0))


def matching_weights(low, high):
    """Weights of the high sample that give it the distribution of the low one, in bins of equal numbers."""
    edges = np.quantile(low, np.linspace(0, 1, N_MATCHED_BINS + 1))[1:-1]
    low_bin, high_bin = np.searchsorted(edges, low), np.searchsorted(edges, high)
    counts = [np.bincount(b, minlength=N_MATCHED_BINS) for b in (low_bin, high_bin)]
    return (counts[0] / np.maximum(counts[1], 1))[high_bin]


def weighted_fractions(values, weights, points):
    """Part of the weight at or below each point."""
    order = np.argsort(values)
    cumulative = np.append(0.0, np.cumsum(weights[order]))
    return cumulative[np.searchsorted(values[order], points, side="right")] / cumulative[-1]


def compare(low, high, weight):
    """Medians, part of light stars and largest difference of the cumulative distributions."""
    points = np.sort(np.concatenate([low, high]))
    fractions = weighted_fractions(low, np.ones(len(low)), points), weighted_fractions(high, weight, points)
    medians = [float(points[np.searchsorted(fraction, 0.5)]) for fraction in fractions]
    return {
        "n_low": len(low),
        "n_high": len(high),
        "median_low": round(medians[0], 3),
        "median_high": round(medians[1], 3),
        "ks": round(float(np.abs(fractions[0] - fractions[1]).max()), 3),
        "light_low": round(float(np.mean(low < LIGHT)), 3),
        "light_high": round(float(np.average(high < LIGHT, weights=weight)), 3),
    }


def compare_gravities(mass, giants):
    """Masses of red-giant-branch stars of low and high log g: near, far, and matched in distance."""
    used = np.isfinite(mass) & np.isfinite(giants.distance) & giants.EVSTATE.eq("RGB")
    mass, distance, is_low = (v[used].to_numpy() for v in (mass, giants.distance, giants.LOGG < BORDER))
    result = {}
    for name, (near, far) in DISTANCE_BINS.items():
        here = (distance >= near) & (distance < far)
        low, high = mass[here & is_low], mass[here & ~is_low]
        result[name] = compare(low, high, np.ones(len(high)))
    weight = matching_weights(distance[is_low], distance[~is_low])
    result["matched"] = compare(mass[is_low], mass[~is_low], weight)
    return result


def labels_by_gravity(giants):
    """Compare low and high log g for the labels of each set, and for the calibrated ones of APOKASC-3."""
    sets = {name: star_labels.scaling_mass_labels(giants, name) for name in LABEL_SETS}
    sets["APOKASC-3"] = star_labels.mass_labels(giants)
    result = {}
    for name, labels in sets.items():
        mass = giants.APOGEE_ID.map(labels.drop_duplicates("id").set_index("id").label)
        result[name.replace("_", "-").lower()] = compare_gravities(mass, giants)
    return result


def models_by_gravity(giants, models):
    """Compare low and high log g for the predictions of each model, inside its domain."""
    X, result = matrix(giants), {}
    for name, model in models.items():
        mass = pd.Series(np.where(model.domain_.contains(X), model.predict(X), np.nan), giants.index)
        result[name] = compare_gravities(mass, giants)
    return result


def offset_and_scatter(difference):
    """Median, robust and plain standard deviation."""
    difference = difference[np.isfinite(difference)]
    return {
        "n": len(difference),
        "offset": round(float(np.median(difference)), 3),
        "robust_sigma": round(robust_sigma(difference), 3),
        "std": round(float(np.std(difference)), 3),
    }


def log_ages(mass, relation, X):
    """Log10 age [yr] of giants inside the range of the relation."""
    return relation.predict_age(mass, X[:, 2], log_g=X[:, 1]).log_age


def ages_of_left_out_stars(giants, models, relation):
    """Predicted minus published log ages of the test part, by source and evolutionary state [dex]."""
    test = giants[giants.test]
    X, result = matrix(test), {name: {} for name in (*models, "own masses")}
    predicted = {name: log_ages(model.predict(X), relation, X) for name, model in models.items()}
    for source in ("APOKASC2", "MIGLIO"):
        # The difference between the published ages and this relation's of the published masses is not ours.
        predicted["own masses"] = log_ages(test[f"MASS_{source}"].to_numpy(), relation, X)
        published = np.log10(test[f"AGE_{source}"].to_numpy()) + 9.0
        for name, log_age in predicted.items():
            for state in ("RGB", "RC"):
                rows = test.EVSTATE.eq(state).to_numpy()
                result[name][f"{source} {state}"] = offset_and_scatter((log_age - published)[rows])
    return result


def ages_of_clusters(models, relation):
    """Predicted minus published log ages of open clusters' giants, labels as they are and shifted [dex]."""
    clusters = pd.read_csv(real_stars.DATA / "cluster_stars.csv").query("TEFF > 0 and LOGG < 3.5")
    clusters = clusters.dropna(subset=["CLUSTER_LOG_AGE"]).reset_index(drop=True)
    clusters = clusters.rename(columns={"C_M_RAW": "C_FE", "N_M_RAW": "N_FE"})
    X = clusters[list(FEATURES)].to_numpy(float)
    shifted = X + np.array([DR10_TO_DR17.get(name, 0.0) for name in FEATURES])
    result = {}
    for name, model in models.items():
        result[name] = {}
        for scale, features in (("DR10", X), ("shifted", shifted)):
            difference = (
                log_ages(model.predict(features), relation, features) - clusters.CLUSTER_LOG_AGE.to_numpy()
            )
            by_cluster = {
                cluster: offset_and_scatter(difference[clusters.CLUSTER.eq(cluster).to_numpy()])
                for cluster in clusters.CLUSTER.unique()
            }
            known = [numbers for numbers in by_cluster.values() if numbers["n"]]
            result[name][scale] = by_cluster | {
                "clusters": {
                    "n": len(known),
                    "offset": round(float(np.median([numbers["offset"] for numbers in known])), 3),
                    "std_of_offsets": round(float(np.std([numbers["offset"] for numbers in known])), 3),
                    "scatter_inside": round(float(np.median([n["std"] for n in known if n["n"] > 2])), 3),
                }
            }
    return result


def show_gravities(title, result):
    """Print one of the first two tables."""
    print(
        f"\n{title}: RGB, log g below | above {BORDER}: "
        f"stars, median [Msun], part below {LIGHT:g} Msun, KS distance"
    )
    for name, bins in result.items():
        cells = [
            f"{where} {b['n_low']:4d}|{b['n_high']:4d} {b['median_low']:.2f}|{b['median_high']:.2f}"
            f" {b['light_low']:.2f}|{b['light_high']:.2f} {b['ks']:.3f}"
            for where, b in bins.items()
        ]
        print(f"{name:10s} " + "   ".join(cells))


def show_ages(left_out, clusters):
    """Print the tables of ages."""
    print("\nlog age, predicted minus published, of left-out stars: n, offset, robust σ, std [dex]")
    for name, groups in left_out.items():
        cells = [
            f"{group} {v['n']:4d} {v['offset']:+.3f} {v['robust_sigma']:.3f} {v['std']:.3f}"
            for group, v in groups.items()
        ]
        print(f"{name:10s} " + "   ".join(cells))
    print(f"\nlog age of open clusters' giants: labels of DR10 as they are, and shifted by {DR10_TO_DR17}")
    for name, scales in clusters.items():
        for scale, result in scales.items():
            cells = [f"{key} {v}" for key, v in result["clusters"].items()]
            print(f"{name:10s} {scale:8s} " + "  ".join(cells))
    print("\nmass, by cluster (shifted): n, offset, std [dex]")
    for cluster, v in clusters["mass"]["shifted"].items():
        if cluster != "clusters":
            print(f"  {cluster:10s} {v['n']:4d} {v['offset']:+.3f} {v['std']:.3f}")


def main():
    """Compare and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", metavar="FILE", help="also write the numbers")
    arguments = parser.parse_args()
    models = {name: load_model(file) for name, file in MODELS.items() if file in list_models()}
    models["mass"] = harness.measured_model("mass")
    relation, giants = load_model("age"), kepler_giants()
    numbers = {
        "held_out": {name: model.card_["test_metrics"] for name, model in models.items()},
        "labels": labels_by_gravity(giants),
        "models": models_by_gravity(giants, models),
        "ages": ages_of_left_out_stars(giants, models, relation),
        "clusters": ages_of_clusters(models, relation),
    }
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(numbers, indent=1) + "\n", encoding="utf-8")
    print("fractional mass error of held-out stars against their own labels: n, offset, robust σ, std")
    for name, metrics in numbers["held_out"].items():
        groups = {key: value for key, value in metrics.items() if isinstance(value, dict)}
        cells = [
            f"{key} {v['n']} {v['offset']:+.3f} {v['robust_sigma']:.3f} {v['std']:.3f}"
            for key, v in groups.items()
        ]
        print(f"{name:10s} " + "   ".join(cells))
    show_gravities("labels", numbers["labels"])
    show_gravities("models", numbers["models"])
    show_ages(numbers["ages"], numbers["clusters"])


if __name__ == "__main__":
    main()
