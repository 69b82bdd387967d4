"""Isochrones that ship with the package, and the initial mass function that weighs them."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from importlib import resources

import numpy as np

# Kroupa (2001): slopes of dN/dm between these masses [Msun].
_IMF_EDGES = np.array([0.01, 0.08, 0.5, np.inf])
_IMF_SLOPES = np.array([-0.3, -1.3, -2.3])
# Continuity at the edges fixes the factors; the first is 1 and normalisation follows on 0.01-120 Msun.
_IMF_FACTORS = np.cumprod(np.concatenate([[1.0], _IMF_EDGES[1:3] ** (_IMF_SLOPES[:2] - _IMF_SLOPES[1:])]))
_IMF_RANGE = (0.01, 120.0)


def _imf_primitive(mass):
    """Integral of the unnormalised function from its lower edge to each mass."""
    total = np.zeros_like(mass)
    for low, high, slope, factor in zip(
        _IMF_EDGES[:-1], _IMF_EDGES[1:], _IMF_SLOPES, _IMF_FACTORS, strict=True
    ):
        top = np.clip(mass, low, high)
        total = total + factor * (top ** (slope + 1) - low ** (slope + 1)) / (slope + 1)
    return total


_IMF_NORM = float(np.diff(_imf_primitive(np.array(_IMF_RANGE)))[0])


def kroupa_imf(mass):
    r"""Evaluate the Kroupa (2001) initial mass function, in stars per unit mass [1/Msun].

    Parameters
    ----------
    mass : array-like
        Initial mass [Msun].

    Returns
    -------
    ndarray or float
        dN/dm of one star born between 0.01 and 120 Msun; zero outside, NaN for NaN.

    Notes
    -----
    :math:`dN/dm \propto m^{-\alpha}` with :math:`\alpha` = 0.3 (0.01-0.08 Msun), 1.3 (0.08-0.5 Msun) and
    2.3 (above), continuous at the edges.

    References
    ----------
    Kroupa, P. 2001, MNRAS, 322, 231.

    Examples
    --------
    >>> from skdistmass.physics.isochrones import kroupa_imf
    >>> round(float(kroupa_imf(1.0) / kroupa_imf(2.0)), 4)  # 2 ** 2.3
    4.9246
    """
    mass = np.asarray(mass, dtype=float)
    inside = (mass >= _IMF_RANGE[0]) & (mass <= _IMF_RANGE[1])
    safe = np.where(inside, mass, 1.0)
    piece = np.clip(np.searchsorted(_IMF_EDGES, safe, side="right") - 1, 0, 2)
    density = _IMF_FACTORS[piece] * safe ** _IMF_SLOPES[piece] / _IMF_NORM
    density = np.where(inside, density, np.where(np.isnan(mass), np.nan, 0.0))
    return density[()]


def kroupa_imf_integral(low, high):
    """Integrate the initial mass function between two masses (a number fraction).

    Parameters
    ----------
    low, high : array-like
        Limits in initial mass [Msun]; they are clipped to 0.01-120 Msun.

    Returns
    -------
    ndarray or float
        Integral of `kroupa_imf` between the limits, negative where ``high < low``.

    Examples
    --------
    >>> from skdistmass.physics.isochrones import kroupa_imf_integral
    >>> round(float(kroupa_imf_integral(0.01, 120.0)), 6)
    1.0
    """
    low, high = (np.clip(np.asarray(m, dtype=float), *_IMF_RANGE) for m in (low, high))
    return ((_imf_primitive(high) - _imf_primitive(low)) / _IMF_NORM)[()]


def cell_widths(values):
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
    values = np.asarray(values, dtype=float)
    half = np.nan_to_num(np.diff(values, axis=-1), nan=0.0).clip(min=0.0) / 2
    widths = np.zeros_like(values)
    widths[..., :-1] += half
    widths[..., 1:] += half
    return np.where(np.isnan(values), np.nan, widths)


@dataclass(frozen=True, eq=False)
class GiantAges:
    """Mean mass of giants for each age and metallicity, from `load_giant_ages`.

    Parameters
    ----------
    log_age : ndarray of shape (n_ages,)
        Log age [log10 yr], increasing.
    fe_h : ndarray of shape (n_fe_h,)
        [Fe/H] [dex], increasing.
    initial_mass : ndarray of shape (n_ages, n_fe_h)
        Mean initial mass of the giants [Msun].
    current_mass : ndarray of shape (n_ages, n_fe_h)
        Mean current mass of the giants, after mass loss [Msun].
    provenance : dict
        Grid, versions, hash of the source, cuts, date and citation.
    """

    log_age: np.ndarray
    fe_h: np.ndarray
    initial_mass: np.ndarray
    current_mass: np.ndarray
    provenance: dict


def _open(name):
    """Read every array of a shipped file; they come read-only, for results are shared."""
    with (
        resources.files("skdistmass.data").joinpath(name).open("rb") as stream,
        np.load(stream, allow_pickle=False) as file,
    ):
        arrays = {key: file[key] for key in file.files}
    provenance = json.loads(str(arrays.pop("provenance")))
    return arrays, provenance


@functools.cache
def load_giant_ages():
    """Load the shipped table of the mean mass of giants for each age and [Fe/H].

    Returns
    -------
    GiantAges
        The table; its arrays are shared and read-only.

    Notes
    -----
    Giants are stars after the main sequence with log g < 3.5, up to the early asymptotic giant branch (MIST
    phases 2, 3 and 4). Each point of an isochrone counts with the Kroupa initial mass function times its
    interval of initial mass, that is with the number of stars that dwell there.

    References
    ----------
    Choi, J., et al. 2016, ApJ, 823, 102 (MIST). Dotter, A. 2016, ApJS, 222, 8.

    Examples
    --------
    >>> from skdistmass.physics.isochrones import load_giant_ages
    >>> table = load_giant_ages()
    >>> bool((table.current_mass[:-1] > table.current_mass[1:]).all())  # older giants have lower masses
    True
    """
    arrays, provenance = _open("giant_ages_mist.npz")
    for array in arrays.values():
        array.flags.writeable = False
    return GiantAges(**arrays, provenance=provenance)


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

    def __len__(self):
        return len(self.weight)


def _metallicity_steps(nodes, step):
    """Return index of the node below and fraction of the way to the next; every node is hit."""
    if not 0.0 < step < np.inf:
        raise ValueError(f"m_h_step [dex] must be a positive number; received {step!r}")
    n_parts = np.maximum(1, np.ceil(np.diff(nodes) / step - 1e-9).astype(int))
    lower = np.append(np.repeat(np.arange(len(n_parts)), n_parts), len(n_parts))
    fraction = np.append(np.concatenate([np.arange(n) / n for n in n_parts]), 0.0)
    return lower, fraction


def _interpolate(nodes, lower, fraction):
    """Interpolate linearly along the first axis; a node itself does not need its neighbour."""
    nodes = nodes.astype(float)
    out = nodes[lower]
    between = fraction > 0
    step = nodes[lower[between] + 1] - nodes[lower[between]]
    out[between] += fraction[between].reshape(-1, *[1] * (nodes.ndim - 1)) * step
    return out


def _age_intervals(log_age):
    """Return the interval of age [yr] around each log age, half a step beyond the ends included."""
    middle = (log_age[1:] + log_age[:-1]) / 2
    edges = np.concatenate([[2 * log_age[0] - middle[0]], middle, [2 * log_age[-1] - middle[-1]]])
    return np.diff(10.0**edges)


@functools.lru_cache(maxsize=2)
def load_isochrones(m_h_step=0.05):
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
    interval of initial mass between its neighbours on the isochrone [Msun] and the interval of age [yr]. All
    metallicities have the same star formation history.

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
    file, provenance = _open("isochrones_parsec.npz")
    lower, fraction = _metallicity_steps(file["m_h"], m_h_step)
    names = ("initial_mass", "mass", "log_teff", "log_g", "abs_mag_j", "abs_mag_h", "abs_mag_k")
    points = {name: _interpolate(file[name], lower, fraction) for name in names}
    points["teff"] = 10.0 ** points.pop("log_teff")
    points["phase"] = file["phase"][lower]
    gap = int(file["n_before_gap"])
    born = points["initial_mass"]
    widths = np.concatenate([cell_widths(born[..., :gap]), cell_widths(born[..., gap:])], axis=-1)
    points["weight"] = kroupa_imf(born) * widths * _age_intervals(file["log_age"])[:, None]
    points["m_h"] = np.broadcast_to(_interpolate(file["m_h"], lower, fraction)[:, None, None], born.shape)
    points["log_age"] = np.broadcast_to(file["log_age"][:, None], born.shape)
    there = points["weight"] > 0
    flat = {name: values[there].astype(np.float32) for name, values in points.items()}
    for array in flat.values():
        array.flags.writeable = False
    return IsochroneTable(**flat, provenance=provenance)
