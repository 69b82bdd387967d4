"""How good a trained model is, as tables."""

from __future__ import annotations

import numpy as np

from skdistmass.physics import photometry
from skdistmass.physics.statistics import robust_sigma

BIN_WIDTH = 0.5
MIN_BIN_STARS = 10
MIN_MEMBERS = 3


def summarize_residuals(fraction, z_score=None) -> dict:
    """Summarise fractional errors.

    Parameters
    ----------
    fraction : ndarray of shape (n_samples,)
        Prediction / label - 1.
    z_score : ndarray of shape (n_samples,), optional
        Residuals in units of the predicted 1σ errors.

    Returns
    -------
    dict
        "n", "offset" (median), "mad_sigma" (median absolute deviation, scaled to a standard deviation) and
        "std"; with `z_score` also "within_1_sigma", the share of residuals within the predicted errors (0.68
        if they are right).

    Examples
    --------
    >>> import numpy as np
    >>> summarize_residuals(np.array([-0.1, 0.0, 0.1]))
    {'n': 3, 'offset': 0.0, 'mad_sigma': 0.1483, 'std': 0.0816}
    """
    summary = {
        "n": len(fraction),
        "offset": round(float(np.median(fraction)), 4),
        "mad_sigma": round(robust_sigma(fraction), 4),
        "std": round(float(np.std(fraction)), 4),
    }
    if z_score is not None:
        summary["within_1_sigma"] = round(float(np.mean(np.abs(z_score) < 1.0)), 3)
    return summary


def table_by_log_g(log_g, fraction):
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
    for low in np.arange(np.floor(log_g.min() / BIN_WIDTH) * BIN_WIDTH, log_g.max(), BIN_WIDTH):
        part = fraction[(log_g >= low) & (log_g < low + BIN_WIDTH)]
        if len(part) >= MIN_BIN_STARS:
            deviation = np.abs(part - np.median(part))
            quartiles = np.percentile(deviation, [25, 75])
            rows.append((low, low + BIN_WIDTH, len(part), np.median(part), robust_sigma(part), *quartiles))
    names = ("log_g_low", "log_g_high", "n", "offset", "mad_sigma", "deviation_p25", "deviation_p75")
    return Table(rows=rows or None, names=names, dtype=[float, float, int, *[float] * 4])


def table_of_clusters(model, members, trained_rows):
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


def format_table(table, formats=None) -> str:
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
