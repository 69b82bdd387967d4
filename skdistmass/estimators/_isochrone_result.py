"""What `IsochroneDistance` says of each star, as a table."""

from __future__ import annotations

from enum import IntEnum

import numpy as np


class IsochroneStatus(IntEnum):
    """Why a value of `IsochroneDistance` is there or not.

    ``OK``: all values are there. ``MISSING_INPUT``: a label is missing. ``OUT_OF_REACH``: no isochrone lies
    within `n_sigma` of the star. ``NO_MAGNITUDE``: only the distances are missing, for want of an extinction
    or of an apparent magnitude known to 1 mag.
    """

    OK = 0
    MISSING_INPUT = 1
    OUT_OF_REACH = 2
    NO_MAGNITUDE = 3


def posterior_frame(X, stars, quantiles, rest):
    """Make the table of `IsochroneDistance.predict_posterior`.

    Parameters
    ----------
    X : array-like of shape (n_stars, n_features)
        What the user gave; its index, if it has one, becomes that of the table.
    stars : ndarray of shape (n_stars, 3)
        Labels of each star; NaN where missing.
    quantiles : ndarray of shape (n_stars, 3)
        16th, 50th and 84th percentile of the absolute magnitude [mag].
    rest : dict of str to ndarray of shape (n_stars,)
        The other summaries.

    Returns
    -------
    DataFrame of n_stars rows
        The columns that `IsochroneDistance.predict_posterior` lists.
    """
    import pandas as pd

    status = np.full(len(stars), int(IsochroneStatus.OK), dtype=np.int8)
    status[np.isnan(quantiles[:, 1])] = IsochroneStatus.OUT_OF_REACH
    status[np.isnan(stars).any(axis=1)] = IsochroneStatus.MISSING_INPUT
    columns = {
        "absolute_magnitude_mode": rest["mode"],
        "absolute_magnitude_median": quantiles[:, 1],
        "absolute_magnitude_mean": rest["mean"],
        "absolute_magnitude_p16": quantiles[:, 0],
        "absolute_magnitude_p84": quantiles[:, 2],
    }
    for name in ("mass", "age"):
        for part, source in (("median", "p50"), ("p16", "p16"), ("p84", "p84")):
            columns[f"{name}_{part}"] = rest[f"{name}_{source}"]
    columns |= {"chi2": rest["chi2"], "status": status}
    return pd.DataFrame(columns, index=X.index if isinstance(X, pd.DataFrame) else None)


def add_distances(frame, unit, rest):
    """Put distances before the columns of a posterior and correct its status.

    Parameters
    ----------
    frame : DataFrame of n_stars rows
        Result of `posterior_frame`; it is changed in place.
    unit : ndarray of shape (n_stars,)
        Distance of a star of absolute magnitude 0 [pc]; NaN where it is not known.
    rest : dict of str to ndarray of shape (n_stars,)
        The other summaries.

    Returns
    -------
    DataFrame of n_stars rows
        The same table.
    """
    # A larger absolute magnitude is a smaller distance: the percentiles change places.
    sources = {"mode": "seen_mode", "median": "seen_p50", "mean": None, "p16": "seen_p84", "p84": "seen_p16"}
    for i, (name, source) in enumerate(sources.items()):
        ratio = rest["mean_scale"] if source is None else 10.0 ** (-0.2 * rest[source])
        frame.insert(i, f"distance_{name}", unit * ratio)
    unseen = (frame["status"] == IsochroneStatus.OK) & np.isnan(unit)
    frame.loc[unseen, "status"] = int(IsochroneStatus.NO_MAGNITUDE)
    return frame
