"""Compare other regressors with the networks, on the labels of the shipped models and in the same folds.

Run with the tables of real stars in place (see `real_stars.DATA`)::

    python examples/making/compare_regressors.py [mass|distance ...] [--out docs/architecture.md]

Three folds of the training part of the real stars, by star, without anchors; the test part takes no part. All
regressors have the same features, labels (absolute magnitude, or ln mass) and weights. Errors are fractional,
of masses and of distances. Seven minutes on two cores, most of them for the Gaussian process.
"""

from __future__ import annotations

import make_shipped_models as making
import numpy as np
from select_anchors import N_FOLDS, anchored_set, cell, groups
from select_architecture import fractional_error, growing_table, make_tables
from sklearn.ensemble import ExtraTreesRegressor, HistGradientBoostingRegressor
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel
from sklearn.linear_model import HuberRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from skdistmass import DistanceRegressor, MassRegressor
from skdistmass.physics.statistics import robust_sigma
from skdistmass.training.split import star_folds

KERNEL_STARS = 2000  # that the kernel of the Gaussian process is chosen with
FAR = 4.0  # robust σ beyond which it takes a label for failed


def polynomial(degree):
    """Make a polynomial with Huber's loss."""

    def fit(X, y, weight):
        terms = PolynomialFeatures(degree, include_bias=False)
        model = make_pipeline(StandardScaler(), terms, StandardScaler(), HuberRegressor(max_iter=5000))
        return model.fit(X, y, huberregressor__sample_weight=weight / weight.mean()).predict

    return fit


def boosted(X, y, weight):
    """Boost trees with the absolute error as their loss."""
    settings = {"max_iter": 400, "learning_rate": 0.05, "max_leaf_nodes": 16, "l2_regularization": 10.0}
    model = HistGradientBoostingRegressor(loss="absolute_error", random_state=0, **settings)
    return model.fit(X, y, sample_weight=weight).predict


def random_trees(X, y, weight):
    """Average extremely random trees."""
    model = ExtraTreesRegressor(400, min_samples_leaf=5, n_jobs=2, random_state=0)
    return model.fit(X, y, sample_weight=weight).predict


def gaussian_process(X, y, weight):
    """Fit a Gaussian process with a length for each feature to what a plane leaves, without failed labels."""
    scaler = StandardScaler().fit(X)
    Z = scaler.transform(X)
    plane = HuberRegressor(max_iter=1000).fit(Z, y, sample_weight=weight / weight.mean())
    left, good = y - plane.predict(Z), np.full(len(y), True)
    kernel = ConstantKernel(0.3) * RBF(np.full(Z.shape[1], 2.0), (0.1, 50.0)) + WhiteKernel(0.02)
    rng = np.random.default_rng(0)
    for _ in range(2):
        some = rng.choice(np.flatnonzero(good), KERNEL_STARS, replace=False)
        process = GaussianProcessRegressor(kernel, alpha=1.0 / weight[some]).fit(Z[some], left[some])
        kernel = process.kernel_
        process = GaussianProcessRegressor(kernel, alpha=1.0 / weight[good], optimizer=None)
        process.fit(Z[good], left[good])
        residual = left - process.predict(Z)
        good = np.abs(residual) < FAR * robust_sigma(residual)
    return lambda new: plane.predict(scaler.transform(new)) + process.predict(scaler.transform(new))


def networks(kind):
    """Make the networks of real stars that ship."""
    settings = making.DISTANCE_NETWORK if kind == "distance" else making.MASS_NETWORK

    def fit(X, y, weight):
        if kind == "distance":
            return DistanceRegressor(**settings).fit(X, y, sample_weight=weight).predict
        model = MassRegressor(**settings).fit(X, np.exp(y), sample_weight=weight / np.exp(2.0 * y))
        return lambda new: np.log(model.predict(new))

    return fit


REGRESSORS = {
    "quadratic": polynomial(2),
    "cubic": polynomial(3),
    "boosted trees": boosted,
    "random trees": random_trees,
    "Gaussian process": gaussian_process,
}


def row_of(kind, stars, fit):
    """Cross-validate one regressor; cells by column."""
    rows = np.flatnonzero(stars.part != "test")
    y, weight = stars.y, stars.sample_weight
    if kind == "mass":
        y, weight = np.log(y), weight * y**2
    prediction = np.full(len(y), np.nan)
    for others, fold in star_folds(stars.ids[rows], 0, N_FOLDS):
        predict = fit(stars.X[rows[others]], y[rows[others]], weight[rows[others]])
        prediction[rows[fold]] = predict(stars.X[rows[fold]])
    error = fractional_error(kind, stars.y, np.exp(prediction) if kind == "mass" else prediction)
    known = np.isfinite(error)
    return {name: cell(error[members & known]) for name, members in groups(kind, stars).items()}


def table(kind):
    """Cross-validate all regressors; a Markdown table of offset and robust σ."""
    stars = anchored_set(kind, None)
    fits = {"**networks**": networks(kind)} | REGRESSORS
    return growing_table(kind, ((name, row_of(kind, stars, fit)) for name, fit in fits.items()))


if __name__ == "__main__":
    make_tables(__doc__.splitlines()[0], table, "regressors of {}")
