"""Checks of what users give to `IsochroneDistance`."""

from __future__ import annotations

from dataclasses import fields
from numbers import Real

import numpy as np

from skdistmass.physics.isochrones import IsochroneTable

N_LABELS = 3
# Error of a label that is not there [dex]: far beyond the range of the isochrones.
UNKNOWN = 1e6
# The likelihood there is below the smallest number.
MAX_N_SIGMA = 35
# Stars whose apparent magnitude is worse known get no distance [mag].
MAX_MAG_ERROR = 1.0
# What a column of a user's table can be; most often another unit is behind values outside.
RANGES = {
    "m_h": (-10.0, 3.0),
    "log_age": (3.0, 11.0),
    "mass": (1e-3, 1e3),
    "teff": (100.0, 1e6),
    "log_g": (-5.0, 10.0),
    "abs_mag_j": (-40.0, 40.0),
    "abs_mag_h": (-40.0, 40.0),
    "abs_mag_k": (-40.0, 40.0),
    "weight": (0.0, np.inf),
}


def check_settings(model):
    """Raise an error that names the first setting of an `IsochroneDistance` that is out of its range."""
    for name in ("teff_error_floor", "log_g_error_floor", "m_h_error_floor", "n_sigma", "length_scale"):
        value = getattr(model, name)
        if not (isinstance(value, Real) and 0 < value < np.inf):
            raise ValueError(f"{name} must be a positive number; received {value!r}")
    if model.n_sigma > MAX_N_SIGMA:
        raise ValueError(f"n_sigma must be at most {MAX_N_SIGMA}; received {model.n_sigma!r}")
    if model.band not in ("J", "H", "K"):
        raise ValueError(f"band must be 'J', 'H' or 'K'; received {model.band!r}")
    rate = model.star_formation
    named = isinstance(rate, str) and rate in ("constant", "log-uniform")
    if not (named or (isinstance(rate, Real) and 0 < rate < np.inf)):
        raise ValueError(
            f"star_formation must be 'constant', 'log-uniform' or a positive time scale [Gyr]; "
            f"received {rate!r}"
        )
    if model.table is not None:
        check_table(model.table)


def check_table(table):
    """Raise an error that says what a user's table lacks."""
    if not isinstance(table, IsochroneTable):
        raise TypeError(f"table must be an IsochroneTable or None; received {type(table).__name__}")
    if not len(table):
        raise ValueError("table must hold at least one point; received none")
    for name in (field.name for field in fields(table) if field.name != "provenance"):
        values = getattr(table, name)
        if np.shape(values) != (len(table),):
            raise ValueError(f"table.{name} must have shape ({len(table)},); received {np.shape(values)}")
        bad = (~np.isfinite(values)).sum()
        if bad:
            raise ValueError(f"table.{name} must be finite; {bad} of {len(table)} points are not")
    for name, (low, high) in RANGES.items():
        values = getattr(table, name)
        if not (np.min(values) >= low and np.max(values) <= high):
            raise ValueError(
                f"table.{name} must lie between {low:g} and {high:g}; received {np.min(values):g} to "
                f"{np.max(values):g}; is it in the unit that `IsochroneTable` names?"
            )
    if not np.max(table.weight) > 0:
        raise ValueError("table.weight must be positive for at least one point")


def check_columns(X):
    """Raise an error if a matrix lacks temperature or gravity."""
    if X.shape[1] < 2:
        raise ValueError(
            f"X has {X.shape[1]} feature(s), but IsochroneDistance needs at least 2: "
            "Teff [K], log g [dex] and, where it is known, [M/H] [dex]"
        )


def labels_and_errors(X, X_error, floors):
    """Return three labels and their errors for each star; without its column the metallicity is free."""
    stars = np.zeros((len(X), N_LABELS))
    n_given = min(X.shape[1], N_LABELS)
    stars[:, :n_given] = X[:, :n_given]
    sigmas = label_errors(X_error, floors, len(stars))
    sigmas[:, n_given:] = UNKNOWN
    return stars, sigmas


def per_star(name, values, n_stars):
    """Return one float a star from an array or a number."""
    values = np.asarray(values, dtype=float)
    if values.shape not in ((), (n_stars,)):
        raise ValueError(f"{name} must have one value for each of {n_stars} rows; received {values.shape}")
    return np.broadcast_to(values, n_stars)


def label_errors(X_error, floors, n_stars):
    """Return the errors of the three labels of each star: those given, but not below the floors."""
    sigmas = np.tile(np.array(floors, dtype=float), (n_stars, 1))
    if X_error is None:
        return sigmas
    given = np.asarray(X_error, dtype=float)
    if given.shape not in ((N_LABELS,), sigmas.shape):
        raise ValueError(
            f"X_error must have shape ({N_LABELS},) or {sigmas.shape}: errors of Teff [K], log g [dex] and "
            f"[M/H] [dex]; received shape {given.shape}"
        )
    if (given < 0).any() or np.isinf(given).any():
        raise ValueError("X_error must be neither negative nor infinite; NaN stands for unknown")
    return np.fmax(sigmas, given)


def distance_unit(apparent_mag, extinction, apparent_mag_error, n_stars):
    """Turn apparent magnitudes into distances of a star of absolute magnitude zero.

    Parameters
    ----------
    apparent_mag, extinction : array-like of shape (n_stars,) or float
        Apparent magnitude and extinction [mag].
    apparent_mag_error : array-like of shape (n_stars,), float or None
        1σ error of their difference [mag]; NaN counts as zero.
    n_stars : int
        Number of stars.

    Returns
    -------
    unit : ndarray of shape (n_stars,)
        That distance [pc]; NaN where it is not known.
    seen : ndarray of shape (n_stars, 2)
        What `PointIndex.posteriors` takes: the distance, zero where it is not known, and the error [mag].
    """
    modulus = per_star("apparent_mag [mag]", apparent_mag, n_stars)
    modulus = modulus - per_star("extinction [mag]", extinction, n_stars)
    error = np.zeros(n_stars)
    if apparent_mag_error is not None:
        error = per_star("apparent_mag_error [mag]", apparent_mag_error, n_stars)
        error = np.where(np.isnan(error), 0.0, error)
        negative = error < 0
        if negative.any():
            raise ValueError(
                f"apparent_mag_error [mag] must not be negative; {negative.sum()} of {n_stars} rows are "
                f"(first: row {np.argmax(negative)})"
            )
    known = np.isfinite(modulus) & (error <= MAX_MAG_ERROR)
    unit = 10.0 ** (1 + 0.2 * np.where(known, modulus, np.nan))
    return unit, np.column_stack([np.nan_to_num(unit), np.minimum(error, MAX_MAG_ERROR)])
