"""Size and form of the distributions of errors, cross-validated over the training part of the real stars.

Run ``python tests/benchmarks/bench_distribution.py``, with the tables of real stars in place (minutes).
Networks of a smaller ensemble predict each fifth of the training part from the others; on these residuals
distributions are learned and tested in five other folds, by star. Printed are the CRPS, the shares of labels
within the 68 % and 95 % intervals with the errors of the labels added, that of clump stars, and the least and
the most in the bins of `bench_uncertainty.py`; in the last rows the distributions are learned from so few
stars that the penalty matters. The test part takes no part.
"""

from __future__ import annotations

from functools import partial

import bench_uncertainty as bench
import numpy as np
from sklearn.base import clone

from skdistmass.estimators import uncertainty
from skdistmass.networks import likelihood
from skdistmass.training.split import star_folds

ENSEMBLE = {"n_members": 4, "max_iter": 600}
FEW = 650
# Gaussians, neurons, penalty, share of failed labels.
CHOICES = (
    (1, 16, 1e-3, 0.01),
    (2, 16, 1e-3, 0.01),
    (3, 16, 1e-3, 0.01),
    (3, 8, 1e-3, 0.01),
    (3, 32, 1e-3, 0.01),
    (3, 16, 1e-4, 0.01),
    (3, 16, 1e-3, 0.02),
    (3, 16, 1e-3, 0.005),
)


def held_out(kind):
    """Features, labels, errors, predictions by fits without the star, states, stars: the training part."""
    data = bench.Data(kind)
    rows = np.flatnonzero(~data.test)
    network = clone(bench.NETWORKS[kind]).set_params(**ENSEMBLE)
    prediction = np.empty(len(rows))
    for others, fold in star_folds(data.set.ids[rows], 0):
        fitted = bench.fit(network, data.set, rows[others])
        prediction[fold] = fitted._network_output(data.X[rows[fold]])
    return data.X[rows], data.y[rows], data.error[rows], prediction, data.state[rows], data.set.ids[rows]


def tell(name, quantiles, y, groups):
    """Print a line of the table."""
    inside, wide = bench.coverage(quantiles, y)
    of_group = {group: inside[rows].mean() for group, rows in groups.items()}
    shares = f"{inside.mean():.3f} | {wide.mean():.3f} | {of_group['state RC']:.3f}"
    ends = f"{min(of_group.values()):.3f} to {max(of_group.values()):.3f}"
    print(f"| {name} | {bench.crps(quantiles, y):.5f} | {shares} | {ends} |", flush=True)


def learn(X, y, error, prediction, learning, tested):
    """Quantiles of the labels of some stars by distributions of the residuals of others."""
    residual = y - prediction
    found = uncertainty.ResidualDistribution.fit(
        X[learning], prediction[learning], residual[learning], error[learning]
    )
    return found.at(X[tested], prediction[tested]).widened(error[tested]).quantiles(bench.LEVELS)


def measure(kind):
    """Print the table of one kind of model."""
    *table, state, ids = held_out(kind)
    X, y, _, prediction = table
    groups = bench.bins(kind, X, state, prediction)
    head = f"| {kind}: {len(y)} stars | CRPS | 68 % | 95 % | 68 %, clump | 68 %, bins |"
    print(f"\n{head}\n|---|---|---|---|---|---|")
    quantiles = np.empty((len(y), len(bench.LEVELS)))
    for others, fold in star_folds(ids, 1):
        model = uncertainty.ErrorModel.fit(X[others, 1], (y - prediction)[others])
        quantiles[fold] = bench.of_error_model(model, X[fold], prediction[fold])
    tell("quadratic in log g", quantiles, y, groups)
    start, fit = uncertainty._START.reshape(3, 3), likelihood.fit_mixture_network
    for n_gaussians, neurons, penalty, failed in CHOICES:
        uncertainty._START = start[:, :n_gaussians].ravel()
        uncertainty.HIDDEN_NEURONS, uncertainty.PENALTY = neurons, penalty
        likelihood.fit_mixture_network = partial(fit, failed_share=failed)
        for others, fold in star_folds(ids, 1):
            quantiles[fold] = learn(*table, others, fold)
        name = f"{n_gaussians} Gaussians, {neurons} neurons, penalty {penalty:g}, {failed:.1%} failed"
        tell(name, quantiles, y, groups)
    uncertainty._START, uncertainty.HIDDEN_NEURONS, uncertainty.PENALTY = start.ravel(), 16, 1e-3
    likelihood.fit_mixture_network = fit
    order = np.random.default_rng(0).permutation(len(y))
    few, rest = order[:FEW], order[FEW:]
    groups = {name: rows[rest] for name, rows in groups.items()}
    for full in (0, uncertainty.FULL_STARS):
        uncertainty.FULL_STARS = full
        name = f"3, 16, learned from {FEW} stars, penalty as for {'few' if full else 'many'}"
        tell(name, learn(*table, few, rest), y[rest], groups)


if __name__ == "__main__":
    for kind in ("mass", "distance"):
        measure(kind)
