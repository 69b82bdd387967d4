"""The isochrones on their (metallicity, age, phase) grid: interpolation between points, and companions."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skdistmass.physics.isochrones import load_isochrone_grid

_FAINTEST = 9.0  # faintest absolute H magnitude of a primary [mag]
_DARK = 10.0  # magnitudes that a companion below the isochrones' lowest mass is fainter than its primary
_MAGNITUDES = ("abs_mag_j", "abs_mag_h", "abs_mag_k")
_GRID_QUANTITIES = ("initial_mass", "mass", "log_teff", "log_g", *_MAGNITUDES, "phase")


Stars = dict[str, NDArray[Any]]
"""Columns of simulated stars, by name."""


@dataclass(frozen=True)
class _SurveyGrid:
    """The isochrones on (metallicity, age, phase) axes, and their usable nodes ordered by brightness.

    Attributes
    ----------
    m_h : ndarray of shape (n_m_h,)
        Metallicity [dex].
    log_age : ndarray of shape (n_ages,)
        Log age [log10 yr].
    values : dict of ndarray of shape (n_m_h, n_ages, n_phases)
        The isochrones; NaN where there is no point.
    age_width : ndarray of shape (n_ages,)
        Interval of age around each isochrone [yr].
    weight : ndarray of shape (n_m_h, n_ages, n_phases)
        Number of stars at each point for one star born a year.
    nodes : tuple of ndarray
        Indices of the points bright enough for a survey, brightest in H first.
    abs_mag_h : ndarray
        Absolute H of those points [mag].
    """

    m_h: NDArray[np.float64]
    log_age: NDArray[np.float64]
    values: Stars
    age_width: NDArray[np.float64]
    weight: NDArray[np.float64]
    nodes: tuple[NDArray[np.intp], ...]
    abs_mag_h: NDArray[np.float64]


@functools.cache
def isochrone_grid() -> _SurveyGrid:
    """Put the shipped PARSEC isochrones in the order in which a survey sees them.

    Returns
    -------
    _SurveyGrid
        The grid, shared by all callers.
    """
    grid = load_isochrone_grid()
    values = {name: getattr(grid, name) for name in _GRID_QUANTITIES}
    usable = np.nonzero((grid.weight > 0) & (values["abs_mag_h"] < _FAINTEST))
    order = np.argsort(values["abs_mag_h"][usable], kind="stable")
    nodes = tuple(axis[order] for axis in usable)
    brightness = values["abs_mag_h"][nodes].astype(float)
    return _SurveyGrid(grid.m_h, grid.log_age, values, grid.age_width, grid.weight, nodes, brightness)


@functools.cache
def _companions() -> tuple[NDArray[Any], Stars, NDArray[Any]]:
    """Key every isochrone point by its isochrone and initial mass, to look up companions."""
    grid = isochrone_grid()
    m_index, a_index, phase_index = np.nonzero(grid.weight > 0)
    mass = grid.values["initial_mass"][m_index, a_index, phase_index].astype(float)
    key = 1000.0 * (m_index * len(grid.log_age) + a_index) + mass
    order = np.argsort(key, kind="stable")
    names = (*_MAGNITUDES, "log_teff")
    where = m_index[order], a_index[order], phase_index[order]
    lightest = np.where(grid.weight > 0, grid.values["initial_mass"], np.inf).min(axis=-1)
    tables = {name: grid.values[name][where].astype(float) for name in names}
    return key[order], tables, lightest


def interpolate_nodes(
    node: NDArray[Any],
    offset_m_h: NDArray[Any],
    offset_age: NDArray[Any],
    offset_phase: NDArray[Any],
) -> Stars:
    """Move from grid nodes toward their neighbours in metallicity, age and phase.

    Parameters
    ----------
    node : ndarray of int, shape (n_stars,)
        Row in the list of nodes.
    offset_m_h, offset_age, offset_phase : ndarray of float, shape (n_stars,)
        Way to the neighbour, -0.5 … 0.5 steps: inward at the edge of the grid, zero where the neighbour is in
        another phase.

    Returns
    -------
    dict of ndarray
        The isochrone quantities, and m_h_isochrone [dex], log_age [log10 yr], node.
    """
    grid = isochrone_grid()
    base = tuple(axis[node] for axis in grid.nodes)
    start = {name: table[base].astype(float) for name, table in grid.values.items()}
    out = dict(start)
    moved = []
    for axis, offset in enumerate((offset_m_h, offset_age, offset_phase)):
        direction = np.where(offset < 0, -1, 1)
        last = grid.weight.shape[axis] - 1
        direction = np.where(
            (base[axis] + direction < 0) | (base[axis] + direction > last), -direction, direction
        )
        neighbour = tuple(b + direction if a == axis else b for a, b in enumerate(base))
        there = grid.values["phase"][neighbour] == start["phase"]
        step = np.where(there, np.abs(offset), 0.0)
        for name, table in grid.values.items():
            out[name] = out[name] + step * (np.where(there, table[neighbour], start[name]) - start[name])
        moved.append(direction * step)
    out["m_h_isochrone"] = grid.m_h[base[0]] + moved[0] * (grid.m_h[1] - grid.m_h[0])
    out["log_age"] = grid.log_age[base[1]] + moved[1] * (grid.log_age[1] - grid.log_age[0])
    out["teff"] = 10.0 ** out.pop("log_teff")
    out["node"] = node
    return out


def add_companions(stars: Stars) -> None:
    """Add the magnitudes and temperature of an unresolved companion of the same age and metallicity.

    Parameters
    ----------
    stars : dict of ndarray
        From `interpolate_nodes`, with is_binary and mass_ratio (of the initial masses, 0-1); gets
        abs_mag_j_2, abs_mag_h_2, abs_mag_k_2 [mag] and teff_2 [K], NaN for single stars.
    """
    is_binary, mass_ratio = stars["is_binary"], stars["mass_ratio"]
    grid = isochrone_grid()
    base = tuple(axis[stars["node"]] for axis in grid.nodes)
    key, tables, lightest = _companions()
    mass = np.where(is_binary, mass_ratio, 1.0) * grid.values["initial_mass"][base]
    # Young isochrones do not reach down to low masses: the youngest that does stands in.
    age = _youngest_with(lightest, base[0], base[1], mass)
    isochrone = 1000.0 * (base[0] * len(grid.log_age) + age)
    wanted = np.maximum(isochrone + mass, key[np.searchsorted(key, isochrone)])
    low = np.clip(np.searchsorted(key, wanted, side="right") - 1, 0, len(key) - 2)
    width = np.where(key[low + 1] - key[low] < 500.0, key[low + 1] - key[low], np.inf)
    fraction = np.where(width > 0, (wanted - key[low]) / np.where(width > 0, width, 1.0), 0.0)
    for name, table in tables.items():
        # The difference to the primary's node, so that equal masses give equal brightness.
        change = table[low] + fraction * (table[low + 1] - table[low]) - grid.values[name][base]
        if name == "log_teff":
            stars["teff_2"] = np.where(is_binary, stars["teff"] * 10.0**change, np.nan)
        else:
            change = np.where(lightest[base[0], age] > mass, _DARK, change)
            stars[f"{name}_2"] = np.where(is_binary, stars[name] + change, np.nan)


def _youngest_with(
    lightest: NDArray[Any], m_index: NDArray[Any], a_index: NDArray[Any], mass: NDArray[Any]
) -> NDArray[Any]:
    """Index of the youngest isochrone, not younger than the star's, that reaches down to a mass."""
    first = np.minimum.accumulate(lightest, axis=1)
    age = np.maximum(a_index, sum((column[m_index] > mass).astype(int) for column in first.T))
    age = np.minimum(age, lightest.shape[1] - 1)
    return np.where(lightest[m_index, age] > mass, lightest.argmin(axis=1)[m_index], age)
