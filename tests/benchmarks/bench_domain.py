"""Which description of the training stars best foretells large errors.

Run as ``python tests/benchmarks/bench_domain.py [--json FILE]``.

The errors are those of stars that a model has not seen: training stars in three folds, on the survey's scale,
and stars off it: members of globular clusters (0.8 Msun within 0.05 by their age) and dwarfs, with labels of
DR10 and raw ones of DR12. Every method is fitted on the stars that the model was trained on and gives each
star a score. Printed for each: the area under the curve (AUC) with which a low score foretells an error above
25 % and the part kept at the border that has 99 % of the training stars inside, for each group; and for all
stars the rank correlation of score and error, and the part of large errors among the kept and the rejected.
Methods marked * keep training stars or are no density of them: a shipped model cannot have those, they are
here to compare with. The test part of the stars is not used.
"""

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import spearmanr
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.neighbors import KernelDensity, NearestNeighbors

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "examples" / "making"))
import harness
import real_stars
import star_labels

from skdistmass import TrainingDomain, load_model
from skdistmass.columns import FEATURES
from skdistmass.estimators.domain import author_domain
from skdistmass.physics import photometry

LARGE = 0.25
CONTAMINATION = 0.01
GLOBULAR_MASS = 0.8
SURVEY_ROWS = 733_901
FOLDS = KFold(3, shuffle=True, random_state=0)


class Scorer:
    """A score for each star from the training stars' standardised features; higher is safer."""

    def __init__(self, make):
        self.make = make

    def fit(self, X):
        """Standardise and hand on to the method."""
        self.mean, self.std = X.mean(axis=0), X.std(axis=0)
        self.score = self.make((X - self.mean) / self.std)
        return self

    def score_samples(self, X):
        """Score of each star."""
        return self.score((X - self.mean) / self.std)


def neighbours(k):
    """Log density from the distance to the k-th nearest training star."""

    def make(Z):
        index = NearestNeighbors(n_neighbors=k).fit(Z)
        return lambda z: -Z.shape[1] * np.log(index.kneighbors(z)[0][:, -1] + 1e-9)

    return Scorer(make)


def kernels(bandwidth):
    """Log density with a Gaussian on every training star."""
    return Scorer(lambda Z: KernelDensity(bandwidth=bandwidth).fit(Z).score_samples)


def kernels_on_centres(n_centres, bandwidth):
    """Log density with a Gaussian on centres of k-means, weighted by their stars."""

    def make(Z):
        means = KMeans(n_centres, n_init=1, random_state=0).fit(Z)
        counts = np.bincount(means.labels_, minlength=n_centres)
        density = KernelDensity(bandwidth=bandwidth)
        return density.fit(means.cluster_centers_, sample_weight=counts).score_samples

    return Scorer(make)


def box():
    """How far inside the ranges of the training stars, in standard deviations."""

    def make(Z):
        low, high = np.percentile(Z, [0.1, 99.9], axis=0)
        return lambda z: np.minimum(z - low, high - z).min(axis=1)

    return Scorer(make)


class Polygon:
    """The author's hand-drawn domain: 1 inside, 0 outside."""

    def fit(self, X):
        """Nothing to learn."""
        return self

    def score_samples(self, X):
        """1 inside, 0 outside."""
        return author_domain(X[:, 0], X[:, 1], X[:, 2]).astype(float)


class MemberSpread:
    """Agreement of the members of the ensemble that predicts, each member on its own."""

    def __init__(self, model):
        self.model = model

    def fit(self, X):
        """Nothing to learn."""
        return self

    def score_samples(self, X):
        """Minus the logarithm of the standard deviation over the members."""
        model = self.model
        Z = (X - model.scaler_mean_) / model.scaler_scale_
        outputs = []
        for member in range(len(model.coefs_[0])):
            layer = Z
            for i, (kernel, bias) in enumerate(zip(model.coefs_, model.intercepts_, strict=True)):
                layer = layer @ kernel[member] + bias[member]
                layer = np.tanh(layer) if i < len(model.coefs_) - 1 else layer
            outputs.append(layer[:, 0])
        return -np.log(np.std(outputs, axis=0))


def methods(model):
    """All methods by name."""
    settings = [
        (1, 0.003),
        (4, 0.003),
        (8, 0.003),
        (16, 0.003),
        (32, 0.003),
        (64, 0.003),
        (16, 0.01),
        (16, 0.1),
    ]
    mixtures = {
        f"mixture of {n}, floor {floor:g}": TrainingDomain(n_components=n, covariance_floor=floor)
        for n, floor in settings
    }
    return mixtures | {
        "kernels on 200 centres, 0.5": kernels_on_centres(200, 0.5),
        "*10 nearest neighbours": neighbours(10),
        "*kernels on stars, 0.3": kernels(0.3),
        "*kernels on stars, 0.5": kernels(0.5),
        "*box of ranges": box(),
        "*hand-drawn polygon": Polygon(),
        "*spread of members": MemberSpread(model),
    }


def _matrix(table, names=FEATURES):
    return table[list(names)].to_numpy(float)


RAW = ("TEFF_RAW", "LOGG_RAW", "M_H_RAW", "C_M_RAW", "N_M_RAW")


def cluster_giants():
    """Members of clusters with calibrated DR10 labels."""
    clusters = pd.read_csv(real_stars.DATA / "cluster_stars.csv").query("TEFF > 0 and LOGG_RAW > -1")
    return clusters.reset_index(drop=True), _matrix(clusters, ("TEFF", "LOGG", "M_H", "C_M_RAW", "N_M_RAW"))


def out_of_fold(model, labels):
    """Predictions of training stars by single networks that have not seen them."""
    weight = labels.weight.to_numpy()
    single = clone(model).set_params(n_members=1)
    y = labels.label.to_numpy()
    return cross_val_predict(single, _matrix(labels), y, cv=FOLDS, params={"sample_weight": weight})


def mass_stars(model):
    """Training features, and fractional mass errors of the training stars and of other groups."""
    labels = star_labels.mass_labels()
    labels = labels[~labels.test]
    clusters, X = cluster_giants()
    globular = (clusters.CLUSTER_TYPE == "GC").to_numpy()
    dwarfs = pd.read_csv(real_stars.DATA / "kepler_dwarfs.csv").dropna(subset=["MASS_C14", *RAW])
    groups = {
        "globular clusters": (X[globular], np.full(globular.sum(), GLOBULAR_MASS)),
        "Kepler dwarfs": (_matrix(dwarfs, RAW), dwarfs.MASS_C14.to_numpy()),
    }
    errors = np.abs(out_of_fold(model, labels) / labels.label.to_numpy() - 1)
    others = {name: (X, np.abs(model.predict(X) / mass - 1)) for name, (X, mass) in groups.items()}
    return _matrix(labels), errors, others


def distance_stars(model):
    """Training features, and fractional distance errors of the training stars and of other groups."""
    labels = star_labels.magnitude_labels()
    labels = labels[~labels.test]
    clusters, X = cluster_giants()
    has_k = (clusters.K > 0).to_numpy()
    clusters, X = clusters[has_k], X[has_k]
    magnitude = photometry.absolute_magnitude(clusters.K, np.zeros(len(clusters)), clusters.CLUSTER_DISTANCE)
    stars = pd.read_csv(real_stars.DATA / "hipparcos.csv").dropna(subset=[*RAW])
    stars = stars[(stars.PLX_HIP_ERR < 0.1 * stars.PLX_HIP) & ~stars.APOGEE_ID.isin(labels.id)]
    nearby = photometry.absolute_magnitude(stars.K, np.zeros(len(stars)), 1000.0 / stars.PLX_HIP)
    groups = {
        "clusters": (X, magnitude),
        "Hipparcos, raw": (_matrix(stars, RAW), nearby),
    }
    errors = _distance_error(labels.label.to_numpy(), out_of_fold(model, labels))
    others = {name: (X, _distance_error(m, model.predict(X))) for name, (X, m) in groups.items()}
    return _matrix(labels), errors, others


def _distance_error(magnitude, predicted):
    return np.abs(10.0 ** (0.2 * (magnitude - predicted)) - 1)


def judge(margin, error):
    """How well the score above that of the border foretells errors."""
    large, kept = error > LARGE, margin >= 0
    scored = {"auc": roc_auc_score(large, -margin), "rank": -spearmanr(margin, error).statistic}
    scored |= {"kept": kept.mean(), "large_kept": large[kept].mean() if kept.any() else np.nan}
    scored["large_rejected"] = large[~kept].mean() if (~kept).any() else np.nan
    return {name: round(float(value), 3) for name, value in scored.items()}


def fitted_border(method, X):
    """Fit a method; return the score at its border."""
    method.fit(X)
    return 0.5 if isinstance(method, Polygon) else np.quantile(method.score_samples(X), CONTAMINATION)


def margins(method, X, groups):
    """Score above that of the border: of training stars in folds, and of the other groups."""
    held_out = np.empty(len(X))
    for train, rest in FOLDS.split(X):
        border = fitted_border(method, X[train])
        held_out[rest] = method.score_samples(X[rest]) - border
    border = fitted_border(method, X)
    return [held_out, *(method.score_samples(Z) - border for Z, _ in groups.values())]


def compare(kind):
    """Judge all methods on all groups for one kind of model."""
    model = harness.measured_model(kind)
    X, error, groups = (mass_stars if kind == "mass" else distance_stars)(model)
    errors = [error, *(e for _, e in groups.values())]
    errors.append(np.concatenate(errors))
    names = ["held-out", *groups, "all"]
    result = {
        "stars": {
            name: {"n": len(e), "large": round(float((e > LARGE).mean()), 3)}
            for name, e in zip(names, errors, strict=True)
        }
    }
    for name, method in methods(model).items():
        scored = margins(method, X, groups)
        scored.append(np.concatenate(scored))
        result[name] = {n: judge(m, e) for n, m, e in zip(names, scored, errors, strict=True)}
    return result


def seconds_for_survey():
    """Time to score a survey with the shipped domain of masses."""
    domain = load_model("mass").domain_
    X = np.random.default_rng(0).normal(domain.center_, 2 * domain.scale_, (SURVEY_ROWS, len(FEATURES)))
    start = time.perf_counter()
    domain.score_samples(X)
    return time.perf_counter() - start


def show(kind, result):
    """Print the table of one kind of model."""
    stars = result.pop("stars")
    sizes = "; ".join(f"{name}: {s['n']} stars, {s['large']:.1%} large" for name, s in stars.items())
    print(f"\n{kind} model: {sizes}")
    groups = list(stars)
    print(" " * 30 + "".join(f"{group:>19s}" for group in groups) + "   all: rank  large kept  rejected")
    for name, judged in result.items():
        a = judged["all"]
        aucs = "".join(f"{judged[group]['auc']:13.3f} {judged[group]['kept']:5.2f}" for group in groups)
        numbers = f"{a['rank']:12.3f} {a['large_kept']:11.3f} {a['large_rejected']:9.3f}"
        print(f"{name:30s}{aucs}{numbers}")


def main():
    """Compare, print and time."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", metavar="FILE", help="also write the numbers")
    arguments = parser.parse_args()
    numbers = {kind: compare(kind) for kind in ("mass", "distance")}
    numbers["seconds_for_733901_stars"] = round(seconds_for_survey(), 2)
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(numbers, indent=1) + "\n", encoding="utf-8")
    print("AUC and part kept, by group of stars")
    for kind in ("mass", "distance"):
        show(kind, numbers[kind])
    print(f"\nshipped domain, {SURVEY_ROWS:,} stars: {numbers['seconds_for_733901_stars']} s")


if __name__ == "__main__":
    main()
