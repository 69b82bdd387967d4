"""Quality of trained distance models on a simulated survey, where the truth is known.

Run: python tests/benchmarks/bench_training.py [--stars 150000] [--json FILE]
"""

import argparse
import json
import time

import numpy as np

from skdistmass.columns import FEATURES
from skdistmass.estimators.distance import DistanceRegressor
from skdistmass.physics import photometry
from skdistmass.physics.constants import A_K_PER_E_B_V
from skdistmass.physics.statistics import robust_sigma
from skdistmass.simulate import make_survey
from skdistmass.survey.flags import physical_values, star_bad
from skdistmass.survey.quantities.distances import star_extinction
from skdistmass.survey.read import read_stars
from skdistmass.training import distance_training_set, train_distance

# One network of 8 neurons differs more from start to start than star clusters change it.
ENSEMBLE = DistanceRegressor(
    hidden_layer_sizes=(8, 8), activation="tanh", n_members=4, n_restarts=1, random_state=0
)
# Variants of the recipe: arguments of train_distance. The first is the recipe as it is.
VARIANTS = {
    "recipe": {},
    "no pruning": {"threshold": None},
    "two passes": {"n_passes": 2},
    "auto threshold": {"threshold": "auto"},
    "no clusters": {"clusters": False},
    "4 networks of (8, 8)": {"estimator": ENSEMBLE},
    "4 networks of (8, 8), no clusters": {"estimator": ENSEMBLE, "clusters": False},
}


class Survey:
    """Simulated stars, their truth, and what a catalogue would use of them."""

    def __init__(self, n_stars, seed):
        stars, truth = make_survey(n_stars, random_state=seed)
        self.stars = read_stars(stars)
        self.truth = {name: np.asarray(truth[name]) for name in truth.colnames}
        self.X = np.column_stack([physical_values(self.stars, name) for name in FEATURES])
        self.k_mag = physical_values(self.stars, "K")
        self.extinction, _ = star_extinction(self.stars, "survey", A_K_PER_E_B_V)
        self.usable = np.isfinite(self.X).all(axis=1) & ~star_bad(self.stars)
        self.usable &= np.isfinite(self.k_mag) & np.isfinite(self.extinction)
        self.ids = np.asarray(self.stars["APOGEE_ID"])
        self.single = ~self.truth["is_binary"].astype(bool)
        self.main_sequence = self.truth["phase"] == 1
        self.ratio = np.nan_to_num(self.truth["mass_ratio"])

    def train(self, settings):
        """Train a variant; return it and the seconds it took."""
        cuts = {name: settings[name] for name in settings if name == "clusters"}
        rest = {name: settings[name] for name in settings if name not in cuts}
        start = time.perf_counter()
        model = train_distance(distance_training_set(self.stars, **cuts), **rest)
        return model, time.perf_counter() - start

    def predict(self, model):
        """Predict absolute magnitudes and the fractional errors of distances, NaN where unusable."""
        magnitude = np.full(len(self.X), np.nan)
        magnitude[self.usable] = model.estimator.predict(self.X[self.usable])
        distance = photometry.distance(self.k_mag, self.extinction, magnitude)
        return magnitude, distance / self.truth["distance"] - 1.0


def summary(values):
    """Count, median, robust σ and root mean square."""
    values = values[np.isfinite(values)]
    return {
        "n": len(values),
        "offset": round(float(np.median(values)), 4),
        "robust_sigma": round(robust_sigma(values), 4),
        "rms": round(float(np.sqrt(np.mean(values**2))), 4),
    }


def pruning(survey, model):
    """Count what the pruner removed from the training part, and what it left of binaries."""
    rows = model.training_set.rows
    fitted = np.isin(model.part, ["training", "pruned"])
    removed = model.part == "pruned"
    dwarf = survey.main_sequence[rows]
    ratio, single = survey.ratio[rows], survey.single[rows]
    counts = {}
    for name, group in {
        "main sequence, q > 0.8": dwarf & (ratio > 0.8),
        "main sequence, 0.6 < q <= 0.8": dwarf & (ratio > 0.6) & (ratio <= 0.8),
        "main sequence, q <= 0.6": dwarf & ~single & (ratio <= 0.6),
        "main sequence, single": dwarf & single,
        "later phases, binary": ~dwarf & ~single,
        "later phases, single": ~dwarf & single,
    }.items():
        group = group & fitted
        n_removed = int(np.count_nonzero(group & removed))
        counts[name] = {
            "n": int(group.sum()),
            "removed": n_removed,
            "share": round(n_removed / max(group.sum(), 1), 4),
        }
    return counts


def measure(n_stars, seed):
    """Train all variants and measure them on stars that none of them was fitted on or calibrated with."""
    survey = Survey(n_stars, seed)
    models, seconds = {}, {}
    for name, settings in VARIANTS.items():
        models[name], seconds[name] = survey.train(settings)
    seen = np.unique(np.concatenate([m.training_set.ids[m.part != "test"] for m in models.values()]))
    held_out = survey.usable & ~np.isin(survey.ids.astype(str), seen)
    in_recipe = np.zeros(len(survey.X), dtype=bool)
    in_recipe[models["recipe"].training_set.rows] = True
    log_g, m_h = survey.X[:, 1], survey.X[:, 2]
    single_dwarf = survey.single & survey.main_sequence & (log_g >= 3.5)
    groups = {
        "test part, log g > 2.5": in_recipe & (log_g > 2.5),
        "test part, log g < 2": in_recipe & (log_g < 2.0),
        "all held out, log g > 2.5": log_g > 2.5,
        "all held out, log g < 2": log_g < 2.0,
        "single stars, log g > 2.5": survey.single & (log_g > 2.5),
        "single dwarfs": single_dwarf,
        "[M/H] < -1, log g < 2": (m_h < -1.0) & (log_g < 2.0),
        "[M/H] < -1, log g < 1": (m_h < -1.0) & (log_g < 1.0),
        "[M/H] < -1, log g < 2, members": (m_h < -1.0) & (log_g < 2.0) & (survey.truth["cluster"] != ""),
    }
    result = {
        "stars": n_stars,
        "seed": seed,
        "steps": dict(models["recipe"].training_set.steps),
        "models": {},
    }
    for name, model in models.items():
        magnitude, fraction = survey.predict(model)
        own = {group: summary(fraction[held_out & rows]) for group, rows in groups.items()}
        offset = (magnitude - survey.truth["absolute_magnitude"])[held_out & single_dwarf]
        result["models"][name] = {
            "seconds": round(seconds[name], 1),
            "distance": own,
            "bias_of_single_dwarfs_mag": round(float(np.median(offset)), 4),
            "mean_bias_of_single_dwarfs_mag": round(float(np.mean(offset)), 4),
            "within_1_sigma": model.metrics["all"]["within_1_sigma"],
            "star_clusters": model.clusters.meta if model.clusters is not None else None,
        }
        if model.pruner is not None:
            threshold = model.pruner.threshold_
            result["models"][name]["threshold"] = round(threshold, 4) if np.isfinite(threshold) else None
            result["models"][name]["pruning"] = pruning(survey, model)
    return result


def show(result):
    """Print the result as tables."""
    print(f"{result['stars']} simulated stars, seed {result['seed']}")
    for name, n_stars in result["steps"].items():
        print(f"{n_stars:9d}  {name}")
    for name, model in result["models"].items():
        print(f"\n{name}: {model['seconds']} s, within 1 sigma {model['within_1_sigma']}")
        print(f"star clusters: {model['star_clusters']}")
        print(f"{'fractional distance error':34s} {'n':>7s} {'offset':>8s} {'robust':>7s} {'rms':>7s}")
        for group, values in model["distance"].items():
            numbers = f"{values['offset']:+8.4f} {values['robust_sigma']:7.4f} {values['rms']:7.4f}"
            print(f"{group:34s} {values['n']:7d} {numbers}")
        print(
            f"bias of single dwarfs {model['bias_of_single_dwarfs_mag']:+.4f} mag (median), "
            f"{model['mean_bias_of_single_dwarfs_mag']:+.4f} mag (mean)"
        )
        if "pruning" in model:
            print(f"left out of the training, threshold {model['threshold']}")
            for group, values in model["pruning"].items():
                print(
                    f"{group:34s} {values['removed']:7d} of {values['n']:7d}  {100 * values['share']:5.1f} %"
                )


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stars", type=int, default=150_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", metavar="FILE", help="also write the numbers as JSON")
    args = parser.parse_args()
    result = measure(args.stars, args.seed)
    show(result)
    if args.json:
        with open(args.json, "w", encoding="utf-8") as stream:
            json.dump(result, stream, indent=1)


if __name__ == "__main__":
    main()
