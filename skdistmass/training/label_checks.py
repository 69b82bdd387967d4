"""Checks of labels and training sets, before any fit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from skdistmass.columns import FEATURES, INPUT_COLUMNS

MIN_STARS = 100
"""Stars that a training set needs by default: the published network has 57 weights."""

# A parallax of 1 mas is a distance of 1000 pc.
_PARSEC_MAS = 1000.0
_MAGNITUDES = (-10.0, 10.0)
_MASSES = (0.4, 20.0)


def name_column(name: str) -> str:
    """Name of a column with its unit, for messages.

    Parameters
    ----------
    name : str
        Name of a column.

    Returns
    -------
    str
        Such as "`K` [mag]".
    """
    unit = INPUT_COLUMNS[name].unit if name in INPUT_COLUMNS else ""
    return f"`{name}` [{unit}]" if unit else f"`{name}`"


def check_positive_errors(
    error: NDArray[np.float64], where: NDArray[np.bool_], name: str, ids: NDArray[np.str_]
) -> None:
    """Raise if an error of a label is zero or negative.

    Parameters
    ----------
    error : ndarray of shape (n_samples,)
        Errors; NaN is none.
    where : ndarray of bool of shape (n_samples,)
        Rows that count.
    name : str
        What the errors are, for the message.
    ids : ndarray of str of shape (n_samples,)
        Names of the stars.

    Raises
    ------
    ValueError
        If one is not positive.
    """
    with np.errstate(invalid="ignore"):
        bad = np.flatnonzero(where & (error <= 0))
    if bad.size:
        star = f", {ids[bad[0]]}" if ids[bad[0]] else ""
        raise ValueError(
            f"{name} must be positive; {bad.size} of {np.count_nonzero(where)} errors are zero or negative "
            f"(first: row {bad[0]}{star}, {error[bad[0]]:g}). Weights are 1/σ²: set errors that are not "
            "known to NaN."
        )


def check_parsecs(
    distance: NDArray[np.float64], parallax: NDArray[np.float64], where: NDArray[np.bool_], name: str
) -> None:
    """Raise if distances and parallaxes contradict each other by more than a factor of two.

    Parameters
    ----------
    distance : ndarray of shape (n_samples,)
        Distances [pc].
    parallax : ndarray of shape (n_samples,)
        Parallaxes [mas]; all NaN where there are none.
    where : ndarray of bool of shape (n_samples,)
        Rows that count.
    name : str
        What the distances are, for the message.

    Raises
    ------
    ValueError
        If the distances cannot be parsecs.
    """
    with np.errstate(invalid="ignore"):
        product = distance * parallax
        product = product[where & (product > 0)]
    if product.size < 10:
        return
    ratio = float(np.median(product)) / _PARSEC_MAS
    if 0.5 < ratio < 2.0:
        return
    guess = "distances in kpc" if 0.5e-3 < ratio < 2e-3 else "another unit"
    raise ValueError(
        f"{name} must be in pc: distance [pc] times parallax [mas] should have a median near "
        f"{_PARSEC_MAS:g}, it has {_PARSEC_MAS * ratio:.3g} over {product.size} stars (first distance: "
        f"{distance[where][0]:g}). It looks like {guess}; convert to pc."
    )


def check_magnitudes(magnitude: NDArray[np.float64], name: str, guess: str | None = None) -> None:
    """Raise if absolute magnitudes are not those of stars.

    Parameters
    ----------
    magnitude : ndarray of shape (n_samples,)
        Absolute Ks magnitudes [mag].
    name : str
        What the distances or magnitudes are, for the message.
    guess : str, optional
        What wrong ones may be; by default distances in another unit.

    Raises
    ------
    ValueError
        If their median lies outside -10 to 10 mag.
    """
    median = float(np.median(magnitude))
    low, high = _MAGNITUDES
    if low < median < high:
        return
    if guess is None:
        unit = "kpc" if median >= high else "another unit, or magnitudes that are none"
        guess = f"distances in {unit}; distances must be in pc"
    raise ValueError(
        f"{name} gives absolute Ks magnitudes with a median of {median:.1f} mag; stars have {low:g} to "
        f"{high:g}. It looks like {guess}."
    )


def check_masses(mass: NDArray[np.float64], name: str, ids: NDArray) -> None:
    """Raise if masses are not in solar masses.

    Parameters
    ----------
    mass : ndarray of shape (n_samples,)
        Masses [Msun]; NaN where unknown.
    name : str
        Name of their column, for the message.
    ids : ndarray of str of shape (n_samples,)
        Names of the stars.

    Raises
    ------
    ValueError
        If one is not positive, or their median lies outside 0.4 to 20.
    """
    known = mass[np.isfinite(mass)]
    if not known.size:
        raise ValueError(f"column `{name}` [Msun] has no value for any of {mass.size} labels.")
    low, high = _MASSES
    median = float(np.median(known))
    with np.errstate(invalid="ignore"):
        bad = np.flatnonzero(mass <= 0)
    if low < median < high and not bad.size:
        return
    is_log = median <= low and np.all(np.abs(known) < 2.5)
    guess = " It looks like the logarithm of the mass; give 10**x (or exp(x))." if is_log else ""
    wrong = (
        f"{bad.size} of {mass.size} values are not positive (first: row {bad[0]}, {ids[bad[0]]}, "
        f"{mass[bad[0]]:g})"
        if bad.size
        else f"their median is {median:.3g}; survey stars have {low:g} to {high:g}"
    )
    raise ValueError(f"column `{name}` [Msun] must hold masses in solar masses; {wrong}.{guess}")


def check_mass_errors(fraction: NDArray[np.float64], name: str) -> None:
    """Raise if errors are larger than the masses.

    Parameters
    ----------
    fraction : ndarray of shape (n_samples,)
        Errors as fractions of the masses; NaN where unknown.
    name : str
        Name of the column of errors, for the message.

    Raises
    ------
    ValueError
        If the median error is larger than the mass.
    """
    known = fraction[np.isfinite(fraction)]
    if known.size and np.median(known) > 1.0:
        raise ValueError(
            f"column `{name}` holds errors larger than the masses: the median is {np.median(known):.3g} of "
            "the mass. It looks like per cent; errors must be in Msun, or fractions (fractional_error=True)."
        )


def check_training_set(
    X: NDArray[np.float64], y: NDArray[np.float64], target: str, min_stars: int, steps_text: str
) -> None:
    """Raise if there are too few stars or a column does not vary.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Features.
    y : ndarray of shape (n_samples,)
        Labels.
    target : str
        What the labels are, for the message.
    min_stars : int
        Number of stars that are needed.
    steps_text : str
        How many stars each step kept, for the message.

    Raises
    ------
    ValueError
        If there are too few stars, or a feature or the label is constant.
    """
    if len(y) < min_stars:
        raise ValueError(
            f"{len(y)} stars are left to train on; at least {min_stars} are needed (min_stars). What each "
            f"step kept:\n{steps_text}"
        )
    for name, values in [*zip((name_column(name) for name in FEATURES), X.T, strict=True), (target, y)]:
        if np.ptp(values) == 0:
            raise ValueError(
                f"{name} is {values[0]:g} for all {len(y)} training stars: a constant column teaches "
                "nothing, and the model would be wrong wherever it differs. Fill it with measurements, or "
                "cut the table elsewhere."
            )
