"""Labels of stars, their errors and apparent magnitudes, checked for the sums over isochrones."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from skdistmass.columns import as_floats

N_LABELS = 3
# Error of a label that is not there [dex]: far beyond the range of the isochrones.
UNKNOWN = 1e6
# Stars whose apparent magnitude is worse known get no distance [mag].
MAX_MAG_ERROR = 1.0
# An error is too large from this many floors on at the earliest: a table of isochrones may be narrow.
MIN_ERROR_FLOORS = 10.0


def check_columns(X: npt.NDArray[np.float64]) -> None:
    """Check that a matrix holds temperature and gravity.

    Parameters
    ----------
    X : ndarray of shape (n_stars, n_features)
        The matrix.

    Raises
    ------
    ValueError
        If it has fewer than 2 columns.
    """
    if X.shape[1] < 2:
        raise ValueError(
            f"X has {X.shape[1]} feature(s), but IsochroneDistance needs at least 2: "
            "Teff [K], log g [dex] and, where it is known, [M/H] [dex]"
        )


def labels_and_errors(
    X: npt.NDArray[np.float64],
    X_error: npt.ArrayLike | None,
    floors: tuple[float, float, float],
    extent: npt.NDArray[np.float64],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Labels and their errors for each star.

    Parameters
    ----------
    X : ndarray of shape (n_stars, n_features)
        Teff [K], log g [dex] and, unless every metallicity is as likely, [M/H] [dex]; then other columns.
    X_error : array-like of shape (n_stars, 3) or (3,), or None
        1σ errors of the labels [K, dex, dex]; NaN for one that is not known.
    floors : tuple of float
        Smallest errors [K, dex, dex].
    extent : ndarray of shape (3,)
        Range of each label that the isochrones span [K, dex, dex].

    Returns
    -------
    stars : ndarray of shape (n_stars, 3)
        Labels; NaN where missing, an infinite Teff where an error is too large.
    sigmas : ndarray of shape (n_stars, 3)
        Errors.

    Raises
    ------
    ValueError
        If the errors are of another shape, negative or infinite.

    Notes
    -----
    An error is too large where it exceeds the standard deviation of values spread evenly over the extent of
    the isochrones, extent / sqrt(12): such a label says no more than that the star is one of theirs. The sums
    would run over all points, 100 times as many as for a measured star.
    """
    stars = np.zeros((len(X), N_LABELS))
    n_given = min(X.shape[1], N_LABELS)
    stars[:, :n_given] = X[:, :n_given]
    sigmas = _label_errors(X_error, floors, len(stars))
    limits = np.maximum(extent / np.sqrt(12.0), MIN_ERROR_FLOORS * np.array(floors))
    too_large = (sigmas > limits)[:, :n_given].any(axis=1) & ~np.isnan(stars).any(axis=1)
    stars[too_large, 0] = np.inf
    sigmas[:, n_given:] = UNKNOWN
    return stars, sigmas


def _label_errors(
    X_error: npt.ArrayLike | None, floors: tuple[float, float, float], n_stars: int
) -> npt.NDArray[np.float64]:
    """Return the errors of the three labels of each star: those given, but not below the floors."""
    sigmas = np.tile(np.array(floors, dtype=float), (n_stars, 1))
    if X_error is None:
        return sigmas
    given = as_floats(X_error)
    if given.shape not in ((N_LABELS,), sigmas.shape):
        raise ValueError(
            f"X_error must have shape ({N_LABELS},) or {sigmas.shape}: errors of Teff [K], log g [dex] and "
            f"[M/H] [dex]; received shape {given.shape}"
        )
    if (given < 0).any() or np.isinf(given).any():
        raise ValueError("X_error must be neither negative nor infinite; NaN stands for unknown")
    return np.fmax(sigmas, given)


def per_star(name: str, values: npt.ArrayLike, n_stars: int, unit: str = "") -> npt.NDArray[np.float64]:
    """One float for each star from an array or a number.

    Parameters
    ----------
    name : str
        Name and unit, for errors.
    values : array-like of shape (n_stars,) or float
        The values.
    n_stars : int
        Number of stars.
    unit : str, default=""
        Unit that quantities with another one are brought to.

    Returns
    -------
    ndarray of shape (n_stars,)
        The values.

    Raises
    ------
    ValueError
        If there is another number of values.
    """
    values = as_floats(values, unit)
    if values.shape not in ((), (n_stars,)):
        raise ValueError(f"{name} must have one value for each of {n_stars} rows; received {values.shape}")
    return np.broadcast_to(values, n_stars)


def distance_unit(
    apparent_mag: npt.ArrayLike,
    extinction: npt.ArrayLike,
    apparent_mag_error: npt.ArrayLike | None,
    n_stars: int,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Turn apparent magnitudes into distances of a star of absolute magnitude zero [pc].

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
        What `posterior.summarise` takes: the distance, zero where it is not known, and the error [mag].

    Raises
    ------
    ValueError
        If an argument has another length or an error is negative.
    """
    modulus = per_star("apparent_mag [mag]", apparent_mag, n_stars, "mag")
    modulus = modulus - per_star("extinction [mag]", extinction, n_stars, "mag")
    error = np.zeros(n_stars)
    if apparent_mag_error is not None:
        error = per_star("apparent_mag_error [mag]", apparent_mag_error, n_stars, "mag")
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
