"""The factor that brings seismic radii and masses to the scale of Gaia's radii."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skdistmass.columns import as_floats

CORRECTIONS = ("SS", "MO", "TW")


def check_correction(correction: str) -> None:
    """Refuse an unknown correction of the large separation.

    Parameters
    ----------
    correction : str
        Name to check against `CORRECTIONS`.

    Raises
    ------
    ValueError
        If it is not one of them.
    """
    if correction not in CORRECTIONS:
        raise ValueError(f"`correction` must be one of {list(CORRECTIONS)}; received {correction!r}")


@cache
def _radius_corrections() -> dict[str, dict[str, Any]]:
    file = resources.files("skdistmass.data") / "radius_correction.json"
    return json.loads(file.read_text(encoding="utf-8"))["corrections"]


def radius_correction(
    radius: ArrayLike, correction: str, evolutionary_state: ArrayLike
) -> NDArray[np.float64]:
    """Factor that brings a seismic radius to Gaia's.

    Parameters
    ----------
    radius : array-like
        Seismic radius [Rsun], with the same correction of the large separation.
    correction : {"SS", "MO", "TW"}
        Correction of the large separation.
    evolutionary_state : array-like of str
        "RGB" or "RC".

    Returns
    -------
    ndarray of float
        Factor f_ν; NaN for missing input and any other state. Beyond the radii it was measured at (4-18 Rsun
        for RGB) it is that of the nearest edge.

    Raises
    ------
    ValueError
        If the correction is unknown.

    Notes
    -----
    Measured as R_Gaia/R_seis by ``examples/making/fit_radius_correction.py``: for RGB stars linear in ln R
    between knots, for RC stars one number.

    References
    ----------
    Zinn et al. 2019, ApJ 885, 166.

    Examples
    --------
    >>> factor = radius_correction(10.0, "SS", ["RGB", "RC", "?"])
    >>> ((factor > 0.9) & (factor < 1.1)).tolist()
    [True, True, False]
    """
    check_correction(correction)
    state = np.asarray(evolutionary_state, dtype=object).astype(str)
    radius, state = np.broadcast_arrays(as_floats(radius, "Rsun"), state)
    log_radius = np.log(np.where(radius > 0, radius, np.nan))
    factor = np.full(radius.shape, np.nan)
    for name, fit in _radius_corrections()[correction].items():
        measured = np.interp(log_radius, np.log(fit["radius"]), fit["factor"])
        factor = np.where((state == name) & ~np.isnan(log_radius), measured, factor)
    return factor[()]


def apply_radius_correction(
    mass: ArrayLike, radius: ArrayLike, correction: str, evolutionary_state: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Bring seismic masses and radii to the scale of Gaia's radii.

    Parameters
    ----------
    mass : array-like
        Seismic mass [Msun].
    radius : array-like
        Seismic radius [Rsun].
    correction : {"SS", "MO", "TW"}
        Correction of the large separation that both were made with.
    evolutionary_state : array-like of str
        "RGB" or "RC".

    Returns
    -------
    mass : ndarray of float
        Corrected mass [Msun].
    radius : ndarray of float
        Corrected radius [Rsun].

    Raises
    ------
    ValueError
        If the correction is unknown.

    Notes
    -----
    The misfit is laid to ν_max: R ∝ ν and M ∝ ν³, so that R_cor = f_ν R and M_cor = f_ν³ M.

    References
    ----------
    Zinn et al. 2019, ApJ 885, 166. Pinsonneault et al. 2025, ApJS 276, 69.

    Examples
    --------
    >>> mass, radius = apply_radius_correction(1.2, 10.0, "SS", "RGB")
    >>> bool(np.isclose(mass / 1.2, (radius / 10.0) ** 3))
    True
    """
    factor = radius_correction(radius, correction, evolutionary_state)
    return factor**3 * as_floats(mass, "Msun"), factor * as_floats(radius, "Rsun")
