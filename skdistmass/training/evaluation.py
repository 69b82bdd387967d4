"""Errors of a trained model on its test stars: summaries, by groups, and tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from skdistmass.columns import FEATURES
from skdistmass.physics import photometry
from skdistmass.physics.statistics import robust_sigma

if TYPE_CHECKING:
    from astropy.table import Table

    from skdistmass.estimators.base import NetworkRegressor
    from skdistmass.estimators.distance import DistanceRegressor
    from skdistmass.estimators.pruning import BinaryPruner
    from skdistmass.training.training_set import ClusterMembers, TrainingSet

BIN_WIDTH = 0.5
"""Width of the bins in log g [dex]."""

MIN_BIN_STARS = 10
MIN_MEMBERS = 3


class Residuals(NamedTuple):
    """Predictions of test stars.

    Attributes
    ----------
    rows : ndarray of int of shape (n_test,)
        The stars, as places in the training set.
    prediction, error : ndarray of shape (n_test,)
        Prediction and its 1σ error, in the unit of the labels.
    fraction : ndarray of shape (n_test,)
        Fractional error of the mass or distance, prediction / label - 1.
    z_score : ndarray of shape (n_test,)
        Residual in units of the predicted error; for a model with a distribution the place of the label in
        it, the error of the label included, as a quantile of the normal distribution.
    """

    rows: NDArray[np.intp]
    prediction: NDArray[np.float64]
    error: NDArray[np.float64]
    fraction: NDArray[np.float64]
    z_score: NDArray[np.float64]


def predict_test_stars(
    model: NetworkRegressor, training_set: TrainingSet, part: NDArray[np.str_]
) -> Residuals:
    """Predict the test part.

    Parameters
    ----------
    model : DistanceRegressor or MassRegressor
        Fitted and calibrated model.
    training_set : TrainingSet
        The stars.
    part : ndarray of str of shape (n_samples,)
        Part of each star.

    Returns
    -------
    Residuals
        Predictions and their errors.
    """
    rows = np.flatnonzero(part == "test")
    y = training_set.y[rows]
    prediction, error = model.predict(training_set.X[rows], return_std=True)
    if training_set.kind == "distance":
        fraction = 10.0 ** (0.2 * (y - prediction)) - 1.0
    else:
        fraction = prediction / y - 1.0
    if model.distribution_ is None:
        return Residuals(rows, prediction, error, fraction, (prediction - y) / error)
    return Residuals(rows, prediction, error, fraction, _places(model, training_set, rows))


def _places(
    model: NetworkRegressor, training_set: TrainingSet, rows: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Place of labels in the distributions of stars, which the labels' own errors widen."""
    y, y_error = training_set.y[rows], training_set.y_error[rows]
    _, mixture = model.distribution_checked(training_set.X[rows])
    target, weight = model._target_to_network(y, 1.0 / y_error**2)
    return -ndtri(np.clip(mixture.widened(1.0 / np.sqrt(weight)).cdf(target), 1e-15, 1.0 - 1e-15))


def summarize_residuals(fraction: ArrayLike, z_score: NDArray[np.float64] | None = None) -> dict[str, Any]:
    """Summarise fractional errors.

    Parameters
    ----------
    fraction : array-like of shape (n_samples,)
        Prediction / label - 1; NaN is left out.
    z_score : ndarray of shape (n_samples,), optional
        Residuals in units of the predicted 1σ errors.

    Returns
    -------
    dict
        "n", "offset" (median), "robust_sigma" (median absolute deviation, scaled to a standard deviation) and
        "std"; with `z_score` also "within_1_sigma", the share of residuals within the predicted errors (0.68
        if they are right).

    Examples
    --------
    >>> import numpy as np
    >>> summarize_residuals(np.array([-0.1, 0.0, 0.1]))
    {'n': 3, 'offset': 0.0, 'robust_sigma': 0.1483, 'std': 0.0816}
    """
    values = np.asarray(fraction, dtype=float)
    known = np.isfinite(values)
    values = values[known]
    summary = {
        "n": len(values),
        "offset": round(float(np.median(values)), 4),
        "robust_sigma": round(robust_sigma(values), 4),
        "std": round(float(np.std(values)), 4),
    }
    if z_score is not None:
        summary["within_1_sigma"] = round(float(np.mean(np.abs(z_score[known]) < 1.0)), 3)
    return summary


def summarize_groups(
    training_set: TrainingSet, residuals: Residuals, pruner: BinaryPruner | None
) -> dict[str, dict[str, Any]]:
    """Summarise the fractional errors of groups of test stars.

    Parameters
    ----------
    training_set : TrainingSet
        The stars.
    residuals : Residuals
        Predictions of its test part.
    pruner : BinaryPruner or None
        Tells which test stars look like binaries.

    Returns
    -------
    dict of str to dict
        Summaries of `summarize_residuals`: "all"; with a pruner "kept", the stars that it would have kept;
        the stars of each label source, if there are several; of each evolutionary state that is known; and of
        bins in log g. Groups of fewer than 10 stars are left out.
    """
    rows = residuals.rows
    X, y = training_set.X[rows], training_set.y[rows]
    groups = {"all": np.ones(len(rows), dtype=bool)}
    if pruner is not None:
        groups["kept"] = ~pruner.looks_binary(X, y, residuals.prediction)
    source = training_set.source[rows]
    if len(np.unique(training_set.source)) > 1:
        groups |= {name: source == name for name in np.unique(source).tolist()}
    if training_set.state is not None:
        state = training_set.state[rows]
        groups |= {name: state == name for name in np.unique(state[state != ""]).tolist()}
    groups |= {f"log g {low:.1f}-{high:.1f}": stars for low, high, stars in _log_g_bins(X[:, _LOG_G])}
    return {
        name: summarize_residuals(residuals.fraction[stars], residuals.z_score[stars])
        for name, stars in groups.items()
        if name == "all" or np.count_nonzero(stars) >= MIN_BIN_STARS
    }


_LOG_G = FEATURES.index("LOGG")


def _log_g_bins(log_g: NDArray[np.float64]) -> Iterator[tuple[float, float, NDArray[np.bool_]]]:
    """Edges and stars of the bins with enough stars."""
    for low in np.arange(np.floor(log_g.min() / BIN_WIDTH) * BIN_WIDTH, log_g.max(), BIN_WIDTH):
        stars = (log_g >= low) & (log_g < low + BIN_WIDTH)
        if np.count_nonzero(stars) >= MIN_BIN_STARS:
            yield low, low + BIN_WIDTH, stars


def table_by_log_g(log_g: NDArray[np.float64], fraction: NDArray[np.float64]) -> Table:
    """Tabulate fractional errors against surface gravity, as Figure 4 of the paper shows them.

    Parameters
    ----------
    log_g : ndarray of shape (n_samples,)
        Surface gravity [dex].
    fraction : ndarray of shape (n_samples,)
        Prediction / label - 1.

    Returns
    -------
    astropy.table.Table
        For each bin of 0.5 dex with at least 10 stars: its edges, number of stars, median, median absolute
        deviation as a standard deviation, and the quartiles of the absolute deviation.
    """
    from astropy.table import Table

    rows = []
    for low, high, stars in _log_g_bins(log_g):
        part = fraction[stars]
        quartiles = np.percentile(np.abs(part - np.median(part)), [25, 75])
        rows.append((low, high, len(part), np.median(part), robust_sigma(part), *quartiles))
    names = ("log_g_low", "log_g_high", "n", "offset", "robust_sigma", "deviation_p25", "deviation_p75")
    return Table(rows=rows or None, names=names, dtype=[float, float, int, *[float] * 4])


def table_of_clusters(
    model: DistanceRegressor, members: ClusterMembers, trained_rows: NDArray[np.intp]
) -> Table:
    """Tabulate distances of star clusters, as Figure 5 of the paper shows them.

    Parameters
    ----------
    model : DistanceRegressor
        Fitted model.
    members : ClusterMembers
        Members of clusters.
    trained_rows : ndarray of int
        Rows of the stars that the model was fitted on.

    Returns
    -------
    astropy.table.Table
        For each cluster with at least 3 members: adopted distance and mean predicted distance [pc],
        fractional error of the mean, standard deviation of the members' fractional distances, number of
        members, and how many of them the model was fitted on. ``meta`` has the three numbers that the paper
        quotes.
    """
    from astropy.table import Table

    names = ("name", "n", "n_trained", "distance", "mean_distance", "offset", "scatter")
    rows = []
    if len(members.name):
        distance = photometry.distance(members.apparent_mag, members.extinction, model.predict(members.X))
        trained = np.isin(members.rows, trained_rows)
        for name in np.unique(members.name):
            part = members.name == name
            if np.count_nonzero(part) >= MIN_MEMBERS:
                adopted = members.distance[part][0]
                ratio = distance[part] / adopted
                shares = (ratio.mean() - 1.0, ratio.std())
                counts = (np.count_nonzero(part), np.count_nonzero(trained & part))
                rows.append((name, *counts, adopted, distance[part].mean(), *shares))
    table = Table(rows=rows or None, names=names, dtype=["U16", int, int, *[float] * 4])
    table["distance"].unit = table["mean_distance"].unit = "pc"
    if len(table):
        table.meta = {
            "n_clusters": len(table),
            "median_offset": round(float(np.median(table["offset"])), 4),
            "std_of_offsets": round(float(np.std(table["offset"])), 4),
            "median_scatter": round(float(np.median(table["scatter"])), 4),
        }
    return table


def format_table(table: Table, formats: Mapping[str, str] | None = None) -> str:
    """Write a table as lines of text.

    Parameters
    ----------
    table : astropy.table.Table
        The table.
    formats : dict of str to str, optional
        Format of columns, such as ".3f".

    Returns
    -------
    str
        Names and rows, right-aligned.
    """
    formats = formats or {}
    columns = []
    for name in table.colnames:
        form = formats.get(name, "")
        cells = [name, *(format(value, form) for value in table[name].tolist())]
        width = max(map(len, cells))
        columns.append([cell.rjust(width) for cell in cells])
    return "\n".join("  ".join(cells) for cells in zip(*columns, strict=True))
