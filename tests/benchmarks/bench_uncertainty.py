"""Errors of the shipped models on stars left out, against other ways to get errors.

Run ``python tests/benchmarks/bench_uncertainty.py [--measured FOLDER] [--regions] [--figure FILE] [--before
FOLDER]``, with the tables of real stars in place. Exit code 1 if a bar is not met.

The models are those before the last fit (`examples/making/make_shipped_models.py` writes them): they, and the
errors, know nothing of the test part. Others are fitted on the same training part: quantile gradient boosting
(scikit-learn), NGBoost and MAPIE (if they are installed), the paper's error model (in-sample, quadratic in
log g) and that of the card (held-out, quadratic in log g). Since labels have errors of their own, intervals
of labels are those of the star with the label's error added; the other methods learn labels as they are. CRPS
is from the quantile losses at 39 levels. ``--before`` compares with the model files of an earlier version, in
``skdistmass/models`` of its checkout: on the scale of its own labels, and brought to this one, giants only,
since it may know no others. With ``--regions`` networks of a smaller ensemble are fitted without
a region each time, and tested there.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from pathlib import Path

import _uncertainty_figure
import harness
import numpy as np
from scipy.stats import norm
from sklearn.base import clone

from skdistmass import DistanceRegressor, MassRegressor, MassToAge, TrainingDomain, load_model
from skdistmass.columns import MAX_GIANT_LOG_G
from skdistmass.estimators.uncertainty import ErrorModel
from skdistmass.physics.statistics import robust_sigma
from skdistmass.training.protocol import TYPICAL_ERRORS, WIDENING
from skdistmass.training.split import star_folds

sys.path.insert(0, str(harness.REPOSITORY / "examples" / "making"))
import make_shipped_models as making

LEVELS = np.linspace(0.025, 0.975, 39)
MIN_BIN_STARS = 150
OFFSET_SIGMAS = 3.0
SCALE_EDGES = [1.5, 2.0, 2.3, 2.5, 2.8, 3.2]  # log g
MIN_SCALE_STARS = 5
FOLDER = Path(__file__).with_name("measured")
NETWORKS = {
    "distance": DistanceRegressor(**making.DISTANCE_NETWORK),
    "mass": MassRegressor(**making.MASS_NETWORK),
}


def crps(quantiles, target):
    """Continuous ranked probability score, from the quantile losses at `LEVELS`."""
    off = target[:, None] - quantiles
    return float(2.0 * np.mean(np.maximum(LEVELS * off, (LEVELS - 1.0) * off)))


def coverage(quantiles, target):
    """Shares of targets in the 68 % and the 95 % interval."""
    inside = []
    for low, high in ((0.15865, 0.84135), (0.025, 0.975)):
        ends = [np.array([np.interp(p, LEVELS, row) for row in quantiles]) for p in (low, high)]
        inside.append((target >= ends[0]) & (target <= ends[1]))
    return inside


class Data:
    """Features, labels and their errors as the network sees them, of both parts."""

    def __init__(self, kind):
        self.kind = kind
        self.set = making.distance_set() if kind == "distance" else making.mass_set()
        self.test = self.set.part == "test"
        self.X, y, error = self.set.X, self.set.y, self.set.y_error
        self.y, self.error = (y, error) if kind == "distance" else (np.log(y), error / y)
        self.state = np.array(self.set.state if self.set.state is not None else [""] * len(y))

    def split(self, array):
        """Rows of the training and of the test part."""
        return array[~self.test], array[self.test]


def quantile_boosting(data):
    """Quantile gradient boosting of scikit-learn, level by level."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    (X, X_test), (y, _) = data.split(data.X), data.split(data.y)
    settings = {"loss": "quantile", "max_iter": 120, "learning_rate": 0.08, "max_leaf_nodes": 15}
    found = [
        HistGradientBoostingRegressor(quantile=q, random_state=0, **settings).fit(X, y).predict(X_test)
        for q in LEVELS
    ]
    return np.sort(np.column_stack(found), axis=1)


def ngboost(data):
    """Gaussians of NGBoost."""
    from ngboost import NGBRegressor

    (X, X_test), (y, _) = data.split(data.X), data.split(data.y)
    model = NGBRegressor(n_estimators=400, learning_rate=0.04, random_state=0, verbose=False).fit(X, y)
    found = model.pred_dist(X_test)
    return norm.ppf(LEVELS, found.loc[:, None], found.scale[:, None])


def mapie(data):
    """Cross-conformal intervals of MAPIE around the same kind of network, without anchors."""
    from mapie.regression import CrossConformalRegressor

    (X, X_test), (y, _) = data.split(data.X), data.split(data.y)
    settings = NETWORKS[data.kind].get_params() | {"n_members": 3, "max_iter": 400}
    settings.pop("target", None)
    level = np.round(2.0 * LEVELS[LEVELS > 0.51] - 1.0, 6)
    model = CrossConformalRegressor(
        DistanceRegressor(**settings), confidence_level=list(level), cv=5, method="base", random_state=0
    )
    prediction, interval = model.fit_conformalize(X, y).predict_interval(X_test)
    return np.column_stack([interval[:, 0, ::-1], prediction, interval[:, 1, :]])


def of_error_model(model, X, prediction):
    """Gaussian quantiles of an error model in log g."""
    return norm.ppf(LEVELS, prediction[:, None], model.predict(X[:, 1])[:, None])


def version_before(data, folder):
    """Gaussian quantiles of an earlier model of giants, and the same on the scale of the labels.

    The scale is brought over by the median residual of each state in bins of log g, on the training part.
    """
    model = load_model(folder / f"{data.kind}.joblib")
    output = model._network_output(data.X)
    own = of_error_model(model.error_model_, data.X, output)
    bin_of_star = np.digitize(data.X[:, 1], SCALE_EDGES)
    shift = np.zeros(len(output))
    for state, cell in itertools.product(np.unique(data.state), np.unique(bin_of_star)):
        rows = (data.state == state) & (bin_of_star == cell)
        if (rows & ~data.test).sum() > MIN_SCALE_STARS:
            shift[rows] = np.median((data.y - output)[rows & ~data.test])
    return {
        "the version before": own[data.test],
        "the version before, on this scale": (own + shift[:, None])[data.test],
    }


def methods(data, model, folder_before):
    """Quantiles at `LEVELS` of the labels of the test part, by each method."""
    (X, X_test), (y, _) = data.split(data.X), data.split(data.y)
    prediction = model._network_output(X_test)
    found = {
        "this package": model._mixture(X_test, model._network_pass(X_test))
        .widened(data.error[data.test])
        .quantiles(LEVELS),
        "quadratic in log g, held out": of_error_model(model.error_model_, X_test, prediction),
        "quadratic in log g, in-sample": of_error_model(
            ErrorModel.fit(X[:, 1], y - model._network_output(X)), X_test, prediction
        ),
        "quantile gradient boosting": quantile_boosting(data),
    }
    for name, method in (("NGBoost", ngboost), ("MAPIE", mapie)):
        try:
            found[name] = method(data)
        except ImportError as error:
            print(f"    {name} is not installed: {error}")
    return found if folder_before is None else found | version_before(data, folder_before)


def bins(kind, X, state, prediction):
    """Groups of stars that are large enough, by name."""
    value = np.exp(prediction) if kind == "mass" else prediction
    edges = {
        "log g": (X[:, 1], [0.0, 1.5, 1.9, 2.2, 2.4, 2.6, 2.9, 3.3, 5.0]),
        "[M/H]": (X[:, 2], [-3.0, -0.5, -0.3, -0.1, 0.1, 0.3, 1.0]),
        "predicted": (
            value,
            [0.3, 0.9, 1.1, 1.3, 1.6, 2.0, 5.0] if kind == "mass" else [-9, -4, -3, -2, -1.7, -1.5, -1, 0, 6],
        ),
    }
    groups = {f"state {name or 'unknown'}": state == name for name in np.unique(state)}
    for name, (values, limits) in edges.items():
        for low, high in itertools.pairwise(limits):
            groups[f"{name} {low:g} to {high:g}"] = (values >= low) & (values < high)
    return {name: rows for name, rows in groups.items() if rows.sum() >= MIN_BIN_STARS}


class Bars:
    """Lines of the table with the bars that they meet or not."""

    def __init__(self):
        self.failed = []

    def check(self, name, value, low, high, digits=3):
        """Print a value and whether it lies where it should."""
        met = low <= value <= high
        print(f"    {name:44s} {value:.{digits}f}   [{low:g}, {high:g}] {'met' if met else 'NOT MET'}")
        if not met:
            self.failed.append(name)


def measure(kind, folder, bars, folder_before):
    """Errors of one model on the test part; also what the figure shows."""
    data, model = Data(kind), load_model(folder / f"{kind}.joblib")
    X, y = data.X[data.test], data.y[data.test]
    prediction = model._network_output(X)
    scores = {}
    print(f"{kind}: {data.test.sum()} test stars\n    {'method':34s} CRPS     68 %   95 %")
    found = methods(data, model, folder_before)
    giants = X[:, 1] < MAX_GIANT_LOG_G
    for name, quantiles in found.items():
        inside, wide = coverage(quantiles, y)
        scores[name] = crps(quantiles, y)
        print(f"    {name:34s} {scores[name]:.5f}  {inside.mean():.3f}  {wide.mean():.3f}")
        if name == "this package":
            ours = inside, wide
    inside, wide = ours
    groups = bins(kind, X, data.state[data.test], prediction)
    by_bin = {name: (inside[rows].mean(), rows.sum()) for name, rows in groups.items()}
    bars.check(f"{kind}: 68 % intervals", inside.mean(), 0.66, 0.70)
    bars.check(f"{kind}: 95 % intervals", wide.mean(), 0.935, 0.965)
    for name, (share, number) in by_bin.items():
        bars.check(f"  {name} ({number})", share, 0.62, 0.74)
    for name in [name for name in found if name.startswith("the version before")]:
        ratio = crps(found["this package"][giants], y[giants]) / crps(found[name][giants], y[giants])
        bars.check(f"{kind}: CRPS over that of {name}, giants", ratio, 0.0, 0.94)
    own = scores.pop("this package")
    bars.check(f"{kind}: CRPS over the best of the others", own / min(scores.values()), 0.0, 1.0)
    bars.check(
        f"{kind}: CRPS over that of the error model", own / scores["quadratic in log g, held out"], 0.0, 0.94
    )
    if kind == "distance":
        clump = data.state[data.test] == "RC"
        claimed = np.median(model.predict(model_table(model, X[clump]), return_std=True)[1])
        noise = np.median(data.error[data.test][clump])
        scatter = robust_sigma((y - prediction)[clump])
        bars.check(
            "clump: claimed with label error over scatter", np.hypot(claimed, noise) / scatter, 0.85, 1.15
        )
    else:
        check_ages(data, model, bars)
    return found, y, by_bin


def model_table(model, X):
    """Features with the names of the model."""
    import pandas as pd

    return pd.DataFrame(X, columns=list(model.feature_names_in_))


def check_ages(data, model, bars):
    """Coverage of ages of the labels' masses by ages of the predicted distributions."""
    relation = MassToAge.from_isochrones()
    giants = data.X[data.test, 1] < 3.5
    X, y, error = (values[data.test][giants] for values in (data.X, data.y, data.error))
    mixture = model._mixture(X, model._network_pass(X)).widened(error)
    masses = np.exp(np.column_stack([mixture.quantiles([0.975, 0.84135, 0.15865, 0.025]), y]))
    ages = relation.log_ages_at(masses, X[:, 2], X[:, 1])
    known = np.isfinite(ages).all(axis=1)
    ages = ages[known]
    for name, low, high, bar in (("68", 1, 2, (0.66, 0.70)), ("95", 0, 3, (0.935, 0.965))):
        inside = (ages[:, 4] >= ages[:, low]) & (ages[:, 4] <= ages[:, high])
        bars.check(f"ages of the labels' masses: {name} % intervals", inside.mean(), *bar)


def regions(kind, bars):
    """Intervals in regions that were left out of the fit, and how well the error finds far-off stars."""
    from sklearn.metrics import roc_auc_score

    data = Data(kind)
    rows = np.flatnonzero(~data.test)
    X, y, error = data.X[rows], data.y[rows], data.error[rows]
    small = clone(NETWORKS[kind]).set_params(n_members=3, max_iter=400)
    folds = np.empty(len(rows))
    for others, fold in star_folds(data.set.ids[rows], 0):
        folds[fold] = fit(small, data.set, rows[others])._network_output(X[fold])
    young = np.exp(folds) > 1.8 if kind == "mass" else (X[:, 3] - X[:, 4] < -0.45) & (X[:, 1] < 3.3)
    cuts = {
        "[Fe/H] < -0.5": X[:, 2] < -0.5,
        "log g < 1.9": X[:, 1] < 1.9,
        "[C/N] < -0.5": X[:, 3] - X[:, 4] < -0.5,
        "young, massive": young,
    }
    to_target = np.exp if kind == "mass" else np.asarray
    for name, out in cuts.items():
        model = fit(small, data.set, rows[~out])
        model.domain_ = TrainingDomain().fit(X[~out])
        noise = error * (to_target(y) if kind == "mass" else 1.0)
        model.calibrate(
            X[~out],
            to_target(y[~out]),
            to_target(folds[~out]),
            y_error=noise[~out],
            X_error=np.tile(TYPICAL_ERRORS, ((~out).sum(), 1)),
            widening=WIDENING[kind],
        )
        mixture = model._mixture(X, model._network_pass(X)).widened(error)
        inside, wide = coverage(mixture.quantiles(LEVELS)[out], y[out])
        bars.check(f"{kind}, {name} left out: 68 %", inside.mean(), 0.60, 1.0)
        bars.check(f"{kind}, {name} left out: 95 %", wide.mean(), 0.90, 1.0)
        residual = np.where(out, y - model._network_output(X), y - folds)
        far = np.abs(residual) > OFFSET_SIGMAS * robust_sigma(residual[~out])
        bars.check(f"{kind}, {name} left out: AUC of the error", roc_auc_score(far, mixture.std()), 0.9, 1.0)
        lost = far & ~out
        auc = roc_auc_score(far[~lost], mixture.std()[~lost])
        print(
            f"      {lost.sum()} of {far.sum()} far stars lie where the fit had stars; AUC without {auc:.3f}"
        )


def fit(estimator, training_set, rows):
    """Fit on some rows and the anchors around them."""
    from sklearn.base import clone

    X, y, weight = training_set.fit_rows(rows)
    return clone(estimator).fit(X, y, sample_weight=weight)


def main():
    """Measure, print, exit."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--measured", type=Path, default=FOLDER, help="models before the last fit")
    parser.add_argument("--regions", action="store_true", help="also fit without regions (minutes)")
    parser.add_argument("--before", type=Path, help="folder of model files of an earlier version")
    parser.add_argument("--figure", type=Path, help="PNG file of the reliability and of the bins")
    options = parser.parse_args()
    bars, measured = Bars(), {}
    for kind in ("mass", "distance"):
        measured[kind] = measure(kind, options.measured, bars, options.before)
        if options.regions:
            regions(kind, bars)
    if options.figure:
        _uncertainty_figure.draw(options.figure, LEVELS, measured)
    if bars.failed:
        print(f"{len(bars.failed)} bars are not met: {', '.join(bars.failed)}")
    raise SystemExit(bool(bars.failed))


if __name__ == "__main__":
    main()
