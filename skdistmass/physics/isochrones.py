"""Isochrones that ship with the package, their weights, and the metallicity they are read at."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skdistmass.columns import as_floats
from skdistmass.physics.constants import MAX_ISOCHRONE_AGE
from skdistmass.physics.initial_mass_function import kroupa_imf


def cell_widths(values: ArrayLike) -> NDArray[np.float64]:
    """Return the width of the interval around each of a sequence of ordered values, in their unit.

    The interval reaches half way to the neighbours and ends at the first and the last value, so that the
    widths add up to the range; where the sequence turns back the width is zero.

    Parameters
    ----------
    values : array-like of shape (..., n)
        Ordered along the last axis; NaN where there is no value.

    Returns
    -------
    ndarray of shape (..., n)
        Widths >= 0; NaN for NaN. A missing neighbour counts as an end.

    Examples
    --------
    >>> from skdistmass.physics.isochrones import cell_widths
    >>> cell_widths([0.0, 1.0, 3.0])
    array([0.5, 1.5, 1. ])
    """
    values = as_floats(values)
    half = np.nan_to_num(np.diff(values, axis=-1), nan=0.0).clip(min=0.0) / 2
    widths = np.zeros_like(values)
    widths[..., :-1] += half
    widths[..., 1:] += half
    return np.where(np.isnan(values), np.nan, widths)


def total_metallicity(m_h: ArrayLike, alpha_m: ArrayLike) -> NDArray[np.float64]:
    r"""Turn the metallicity of a spectrum into that of the isochrone of an α-enhanced star [dex].

    Parameters
    ----------
    m_h : array-like
        [M/H] of the spectrum, by which all elements but those of the α group scale, in effect [Fe/H] [dex].
    alpha_m : array-like
        [α/M] [dex].

    Returns
    -------
    ndarray or float
        Metallicity of the isochrone of solar mixture with the same mass fraction of metals [dex].

    Notes
    -----
    :math:`[M/H] + \log_{10}(0.638 \cdot 10^{[\alpha/M]} + 0.362)`.

    References
    ----------
    Salaris, M., Chieffi, A., & Straniero, O. 1993, ApJ, 414, 580.

    Examples
    --------
    >>> from skdistmass.physics.isochrones import total_metallicity
    >>> round(float(total_metallicity(-1.0, 0.3)), 2)
    -0.79
    """
    enhancement = np.log10(0.638 * 10.0 ** as_floats(alpha_m) + 0.362)
    return (as_floats(m_h) + enhancement)[()]


def read_arrays(name: str) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Read every array of a shipped file.

    Parameters
    ----------
    name : str
        File in `skdistmass.data`.

    Returns
    -------
    arrays : dict of str to ndarray
        The arrays.
    provenance : dict
        Grid, versions, hash of the source, cuts, date and citation.
    """
    with (
        resources.files("skdistmass.data").joinpath(name).open("rb") as stream,
        np.load(stream, allow_pickle=False) as file,
    ):
        arrays = {key: file[key] for key in file.files}
    provenance = json.loads(str(arrays.pop("provenance")))
    return arrays, provenance


@dataclass(frozen=True, eq=False)
class IsochroneTable:
    """Points of isochrones, each with the number of stars near it, from `load_isochrones`.

    All arrays have one value a point. Make one of your own to give `IsochroneDistance` another grid.

    Parameters
    ----------
    m_h : ndarray of shape (n_points,)
        Metallicity [M/H] [dex].
    log_age : ndarray of shape (n_points,)
        Log age [log10 yr].
    initial_mass : ndarray of shape (n_points,)
        Initial mass [Msun].
    mass : ndarray of shape (n_points,)
        Current mass [Msun].
    teff : ndarray of shape (n_points,)
        Effective temperature [K].
    log_g : ndarray of shape (n_points,)
        Surface gravity [log10 cm s-2].
    abs_mag_j, abs_mag_h, abs_mag_k : ndarray of shape (n_points,)
        Absolute 2MASS magnitudes [mag].
    phase : ndarray of shape (n_points,)
        1 main sequence, 2 subgiant, 3 red giant branch, 4 core helium burning, 5 early asymptotic giants.
    weight : ndarray of shape (n_points,)
        Number of stars for a constant star formation rate of one star a year: initial mass function times
        interval of initial mass times interval of age [yr].
    provenance : dict
        Grid, versions, hashes of the sources, cuts, date and citation.
    """

    m_h: np.ndarray
    log_age: np.ndarray
    initial_mass: np.ndarray
    mass: np.ndarray
    teff: np.ndarray
    log_g: np.ndarray
    abs_mag_j: np.ndarray
    abs_mag_h: np.ndarray
    abs_mag_k: np.ndarray
    phase: np.ndarray
    weight: np.ndarray
    provenance: dict

    def __len__(self) -> int:
        return len(self.weight)


@dataclass(frozen=True, eq=False)
class IsochroneGrid:
    """Isochrones at the metallicities of their source, equal phases side by side, from `load_isochrone_grid`.

    The last axis is evolutionary phase: points at one index have the same phase on every isochrone, which is
    what interpolation between isochrones needs. NaN (weight 0) where an isochrone has no such point.

    Parameters
    ----------
    m_h : ndarray of shape (n_m_h,)
        Metallicity [M/H] [dex], increasing.
    log_age : ndarray of shape (n_ages,)
        Log age [log10 yr], increasing.
    age_width : ndarray of shape (n_ages,)
        Interval of age that each isochrone stands for [yr].
    initial_mass : ndarray of shape (n_m_h, n_ages, n_phases)
        Initial mass [Msun].
    mass : ndarray of shape (n_m_h, n_ages, n_phases)
        Current mass [Msun].
    log_teff : ndarray of shape (n_m_h, n_ages, n_phases)
        Effective temperature [log10 K].
    log_g : ndarray of shape (n_m_h, n_ages, n_phases)
        Surface gravity [log10 cm s-2].
    abs_mag_j, abs_mag_h, abs_mag_k : ndarray of shape (n_m_h, n_ages, n_phases)
        Absolute 2MASS magnitudes [mag].
    phase : ndarray of shape (n_m_h, n_ages, n_phases)
        As in `IsochroneTable`.
    weight : ndarray of shape (n_m_h, n_ages, n_phases)
        As in `IsochroneTable`.
    n_before_gap : int
        Number of phases up to the tip of the red giant branch. Core helium burning starts at this index; what
        lies between is too short to be seen and left out.
    provenance : dict
        Grid, versions, hashes of the sources, cuts, date and citation.
    """

    m_h: np.ndarray
    log_age: np.ndarray
    age_width: np.ndarray
    initial_mass: np.ndarray
    mass: np.ndarray
    log_teff: np.ndarray
    log_g: np.ndarray
    abs_mag_j: np.ndarray
    abs_mag_h: np.ndarray
    abs_mag_k: np.ndarray
    phase: np.ndarray
    weight: np.ndarray
    n_before_gap: int
    provenance: dict


def _age_intervals(log_age: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the interval of age [yr] around each log age; it ends half a step beyond and at the maximum."""
    middle = (log_age[1:] + log_age[:-1]) / 2
    edges = np.concatenate([[2 * log_age[0] - middle[0]], middle, [2 * log_age[-1] - middle[-1]]])
    return np.diff(np.minimum(10.0**edges, MAX_ISOCHRONE_AGE))


def _point_weights(
    initial_mass: NDArray[np.float64], n_before_gap: int, age_width: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return initial mass function times interval of mass times interval of age; zero where no point is."""
    parts = initial_mass[..., :n_before_gap], initial_mass[..., n_before_gap:]
    widths = np.concatenate([cell_widths(part) for part in parts], axis=-1)
    return np.nan_to_num(kroupa_imf(initial_mass) * widths) * age_width[:, None]


@functools.cache
def load_isochrone_grid() -> IsochroneGrid:
    """Load the shipped PARSEC isochrones on axes of metallicity, age and evolutionary phase.

    Returns
    -------
    IsochroneGrid
        The grid; its arrays are shared and read-only.

    See Also
    --------
    load_isochrones : The same as a flat table with more metallicities, and its references.

    Examples
    --------
    >>> from skdistmass.physics.isochrones import load_isochrone_grid
    >>> grid = load_isochrone_grid()
    >>> grid.log_teff.shape == (len(grid.m_h), len(grid.log_age), grid.log_teff.shape[2])
    True
    """
    arrays, provenance = read_arrays("isochrones_parsec.npz")
    gap = int(arrays.pop("n_before_gap"))
    arrays["age_width"] = _age_intervals(arrays["log_age"])
    arrays["weight"] = _point_weights(arrays["initial_mass"], gap, arrays["age_width"])
    for array in arrays.values():
        array.flags.writeable = False
    return IsochroneGrid(**arrays, n_before_gap=gap, provenance=provenance)


def _metallicity_steps(
    nodes: NDArray[np.float64], step: float
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return index of the node below and fraction of the way to the next; every node is hit."""
    if not 0.0 < step < np.inf:
        raise ValueError(f"m_h_step [dex] must be a positive number; received {step!r}")
    n_parts = np.maximum(1, np.ceil(np.diff(nodes) / step - 1e-9).astype(int))
    lower = np.append(np.repeat(np.arange(len(n_parts)), n_parts), len(n_parts))
    fraction = np.append(np.concatenate([np.arange(n) / n for n in n_parts]), 0.0)
    return lower, fraction


def _interpolate(
    nodes: NDArray[np.float64], lower: NDArray[np.intp], fraction: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Interpolate linearly along the first axis; a node itself does not need its neighbour."""
    nodes = nodes.astype(float)
    out = nodes[lower]
    between = fraction > 0
    step = nodes[lower[between] + 1] - nodes[lower[between]]
    out[between] += fraction[between].reshape(-1, *[1] * (nodes.ndim - 1)) * step
    return out


@functools.lru_cache(maxsize=2)
def load_isochrones(m_h_step: float = 0.05) -> IsochroneTable:
    r"""Load the shipped PARSEC isochrones as a flat table of weighted points.

    Parameters
    ----------
    m_h_step : float, default=0.05
        Largest step in [M/H] [dex]. The file holds nodes 0.25 dex apart; points between them are interpolated
        linearly in [M/H] at equal evolutionary phase.

    Returns
    -------
    IsochroneTable
        The points; its arrays are shared and read-only.

    Raises
    ------
    ValueError
        If the step is not a positive number.

    Notes
    -----
    Log ages 8.00-10.15 every 0.05 dex, [M/H] from -2 to 0.5, from the main sequence to the early asymptotic
    giant branch; the grid has the latter only up to log age 9.2. The weight of a point is
    :math:`\xi(m)\,\Delta m\,\Delta t`, with the initial mass function :math:`\xi` of `kroupa_imf`, the
    interval of initial mass between its neighbours on the isochrone [Msun] and the interval of age [yr]; the
    oldest isochrone (14.1 Gyr) stands for 13.3-13.8 Gyr. All metallicities have the same star formation
    history.

    References
    ----------
    Bressan, A., et al. 2012, MNRAS, 427, 127 (PARSEC). Choi, J., et al. 2016, ApJ, 823, 102 (bolometric
    corrections). Kroupa, P. 2001, MNRAS, 322, 231.

    Examples
    --------
    >>> from skdistmass.physics.isochrones import load_isochrones
    >>> table = load_isochrones(m_h_step=0.25)
    >>> float(table.m_h.min()), float(table.m_h.max())
    (-2.0, 0.5)
    """
    grid = load_isochrone_grid()
    lower, fraction = _metallicity_steps(grid.m_h, m_h_step)
    names = ("initial_mass", "mass", "log_teff", "log_g", "abs_mag_j", "abs_mag_h", "abs_mag_k")
    points = {name: _interpolate(getattr(grid, name), lower, fraction) for name in names}
    points["teff"] = 10.0 ** points.pop("log_teff")
    points["phase"] = grid.phase[lower]
    points["weight"] = _point_weights(points["initial_mass"], grid.n_before_gap, grid.age_width)
    m_h = _interpolate(grid.m_h, lower, fraction)
    points["m_h"] = np.broadcast_to(m_h[:, None, None], points["weight"].shape)
    points["log_age"] = np.broadcast_to(grid.log_age[:, None], points["weight"].shape)
    there = points["weight"] > 0
    flat = {name: values[there].astype(np.float32) for name, values in points.items()}
    for array in flat.values():
        array.flags.writeable = False
    return IsochroneTable(**flat, provenance=grid.provenance)
