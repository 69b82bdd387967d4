"""Accuracy on real stars that were left out of every fit: the shipped models and others in the same run.

Run ``python tests/benchmarks/bench_accuracy.py [--rows N] [--json FILE]``, with the tables of real stars in
place.

Labels and split are those of ``examples/making/star_labels.py`` (20 % of the stars by KIC). Shipped models
are loaded as they were before the last fit, on all stars; the others are trained here on the same other 80 %
with the same weights: the network of the paper (8 ReLU neurons, squared error), histogram gradient boosting
and support vectors, and the shipped mass network on mass instead of ln mass. ``--rows`` shortens the training
of the others. Numbers are fractional errors, predicted over reference minus one; robust σ is the median
absolute deviation, scaled to a Gaussian.
"""

from __future__ import annotations

import sys

import harness
import numpy as np
from harness import Result
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR

from skdistmass import DistanceRegressor, MassRegressor
from skdistmass.columns import FEATURES
from skdistmass.physics import photometry
from skdistmass.physics.constants import A_K_PER_E_B_V

sys.path.insert(0, str(harness.REPOSITORY / "examples" / "making"))

MASS_BARS = {"robust σ": 0.080, "std": 0.145}
MAX_OFFSET = 0.02
PAPER_NETWORK = {"hidden_layer_sizes": (8,), "activation": "relu", "loss": "squared_error", "random_state": 0}


class _Plain:
    """A scikit-learn regressor of a scaled target, with the interface of ours."""

    def __init__(self, regressor, step, log=False):
        self.pipeline, self.step, self.log = make_pipeline(StandardScaler(), regressor), step, log

    def fit(self, X, y, weight):
        if self.log:
            y, weight = np.log(y), weight * y**2
        self.mean, self.scale = y.mean(), y.std()
        target = (y - self.mean) / self.scale
        self.pipeline.fit(X, target, **{f"{self.step}__sample_weight": weight / weight.mean()})
        return self

    def predict(self, X):
        y = self.pipeline.predict(X) * self.scale + self.mean
        return np.exp(y) if self.log else y


def others(log):
    """Return the regressors that both targets are compared with."""
    return {
        "gradient boosting": _Plain(
            HistGradientBoostingRegressor(random_state=0), "histgradientboostingregressor", log
        ),
        "support vectors": _Plain(SVR(C=1.0, epsilon=0.1), "svr", log),
    }


def features(labels):
    """Feature matrix of a table of labels."""
    return labels[list(FEATURES)].to_numpy(float)


def trained(models, labels, n_rows):
    """Train the models on stars outside the test part."""
    train = labels[~labels.test]
    train = train.sample(min(n_rows, len(train)), random_state=0)
    X, y, weight = features(train), train.label.to_numpy(), train.weight.to_numpy()
    return {name: model.fit(X, y, weight) for name, model in models.items()}


def statistics(fraction):
    """Offset, robust σ and standard deviation."""
    from skdistmass.physics.statistics import robust_sigma

    fraction = fraction[np.isfinite(fraction)]
    return {
        "offset": float(np.median(fraction)),
        "robust σ": robust_sigma(fraction),
        "std": float(fraction.std()),
        "n": len(fraction),
    }


def lines(task, fractions, bars):
    """One line for each statistic; those of the shipped model have bars, the others stand in the note."""
    measured = {name: statistics(fraction) for name, fraction in fractions.items()}
    ours, n_stars = measured["shipped"], measured["shipped"]["n"]
    results = []
    for statistic, bar in bars.items():
        note = ", ".join(f"{name} {m[statistic]:.3f}" for name, m in measured.items() if name != "shipped")
        met = abs(ours[statistic]) <= bar
        sign = "absolute offset" if statistic == "offset" else statistic
        results.append(
            Result(
                f"{task}, {statistic}",
                f"{n_stars:,} stars",
                ours[statistic],
                unit="",
                bar=f"{sign} <= {bar}",
                met=met,
                note=note,
            )
        )
    return results


def masses(n_rows):
    """Compare masses of test stars."""
    import star_labels
    from make_shipped_models import MASS_NETWORK

    labels = star_labels.mass_labels()
    models = {"paper network": MassRegressor(target="mass", **PAPER_NETWORK)}
    models["shipped network on mass"] = MassRegressor(target="mass", **MASS_NETWORK)
    models |= others(log=True)
    models = {"shipped": harness.measured_model("mass")} | trained(models, labels, n_rows)
    test = labels[labels.test]
    fractions = {
        name: model.predict(features(test)) / test.label.to_numpy() - 1.0 for name, model in models.items()
    }
    return lines("masses", fractions, MASS_BARS)


def distances(n_rows):
    """Compare distances of test stars with Gaia and with seismology."""
    import real_stars
    import star_labels

    labels = star_labels.magnitude_labels()
    models = {"paper network": DistanceRegressor(**PAPER_NETWORK)} | others(log=False)
    models = {"shipped": harness.measured_model("distance")} | trained(models, labels, n_rows)
    giants = real_stars.read_giants()
    giants = giants[giants.test].reset_index(drop=True)
    rgb = (giants.EVSTATE == "RGB").to_numpy()
    references = {
        "distances of RGB stars against Gaia": (
            giants.R_MED_PHOTOGEO,
            A_K_PER_E_B_V * giants.EBV,
            rgb,
            0.078,
        ),
        "distances against DIST_MIGLIO": (
            giants.DIST_MIGLIO,
            star_labels.A_K_PER_AV * giants.AV_MIGLIO,
            ~rgb | rgb,
            0.055,
        ),
    }
    magnitudes = {name: model.predict(features(giants)) for name, model in models.items()}
    results = []
    for task, (reference, extinction, rows, bar) in references.items():
        fractions = {
            name: (photometry.distance(giants.K, extinction, magnitude) / reference.to_numpy() - 1.0)[rows]
            for name, magnitude in magnitudes.items()
        }
        results += lines(task, fractions, {"robust σ": bar, "offset": MAX_OFFSET})
    return results


def main():
    """Print the table."""
    options = harness.parser(__doc__, 1_000_000).parse_args()
    if not harness.DATA.is_dir():
        sys.exit(f"{harness.DATA}: the tables of real stars are not there")
    harness.finish(masses(options.rows) + distances(options.rows), options)


if __name__ == "__main__":
    main()
