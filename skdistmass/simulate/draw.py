"""Which stars a survey sees: isochrone points by weight along lines of sight and in clusters."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from skdistmass.physics.constants import A_K_PER_E_B_V
from skdistmass.physics.galaxy import (
    POPULATIONS,
    Population,
    age_metallicity_relation,
    alpha_enhancement,
    dust_extinction,
    galactocentric_position,
    stellar_density,
)
from skdistmass.physics.isochrones import total_metallicity
from skdistmass.simulate.clusters import Cluster
from skdistmass.simulate.grid import Stars, isochrone_grid

# A_band / A_K of Indebetouw et al. (2005), the law behind the RJCE extinctions.
EXTINCTION_J, EXTINCTION_H = 2.5, 1.55
BRIGHT_LIMIT = 7.0  # H [mag]

_RADII = np.arange(4.0, 16.1, 1.5)  # nodes of the radial metallicity gradient [kpc]
_DISTANCES = np.geomspace(20.0, 40000.0, 96)  # [pc]
_LOG_STEP = np.log(_DISTANCES[1] / _DISTANCES[0])
# (J-K)_0 limit of disc fields, of halo fields, and of the dwarfs and subgiants of other programmes.
_COLOUR_LIMITS = (0.5, 0.3, 0.2)
_DWARF_LOG_G = 3.6
DWARFS = 2


def spectroscopic_metallicity(m_h_isochrone: NDArray[Any], *, alpha_rich: bool) -> NDArray[Any]:
    """Give [M/H] of the spectrum of a star on an isochrone of a total metallicity [dex].

    Parameters
    ----------
    m_h_isochrone : ndarray
        Total metallicity of the isochrone [dex].
    alpha_rich : bool
        Which alpha sequence the star is on.

    Returns
    -------
    ndarray
        The inverse of `total_metallicity` along the sequence.
    """
    fine = np.linspace(-2.5, 0.7, 321)
    total = total_metallicity(fine, alpha_enhancement(fine, alpha_rich=alpha_rich))
    return np.interp(m_h_isochrone, total, fine)


def selected(colour: NDArray[Any], log_g: NDArray[Any], selection: NDArray[Any]) -> NDArray[Any]:
    """Tell which stars a selection takes.

    Parameters
    ----------
    colour : ndarray
        Intrinsic J - K [mag].
    log_g : ndarray
        Surface gravity [log10 cm s-2].
    selection : ndarray of int
        0 disc main sample, 1 halo main sample, 2 dwarfs.

    Returns
    -------
    ndarray of bool
        Whether the star is taken.
    """
    return (colour >= np.array(_COLOUR_LIMITS)[selection]) & ((selection != DWARFS) | (log_g > _DWARF_LOG_G))


def _cell_levels(
    population: Population,
    age: NDArray[Any],
    radius: NDArray[Any] | float,
    m_index: NDArray[Any] | None = None,
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Give the edges of the metallicity cells in standard deviations from the mean at an age and radius."""
    grid = isochrone_grid()
    middle = 0.5 * (grid.m_h[1:] + grid.m_h[:-1])
    edges = np.concatenate([grid.m_h[:1], middle, grid.m_h[-1:]])
    edges = spectroscopic_metallicity(edges, alpha_rich=population.alpha_rich)
    mean, scatter = age_metallicity_relation(population, age, radius)
    m_index = np.arange(len(grid.m_h)) if m_index is None else m_index
    return (edges[m_index] - mean) / scatter, (edges[m_index + 1] - mean) / scatter


def metallicity_offset(
    kind: NDArray[Any], radius: NDArray[Any], node: NDArray[Any], rng: np.random.Generator
) -> NDArray[Any]:
    """Draw where inside its metallicity cell each star lies, after the age-metallicity relation.

    Parameters
    ----------
    kind : ndarray of int, shape (n_stars,)
        Index into `POPULATIONS`.
    radius : ndarray of float, shape (n_stars,)
        Galactocentric radius [kpc].
    node : ndarray of int, shape (n_stars,)
        Row in the list of nodes.
    rng : numpy.random.Generator
        Source of random numbers.

    Returns
    -------
    ndarray of float, shape (n_stars,)
        Way to the next node in metallicity, in steps.
    """
    grid = isochrone_grid()
    m_index, age = grid.nodes[0][node], 10.0 ** (grid.log_age[grid.nodes[1][node]] - 9.0)
    offset, draw = np.zeros(len(node)), rng.random(len(node))
    for c, population in enumerate(POPULATIONS):
        here = np.flatnonzero(kind == c)
        low, high = _cell_levels(population, age[here], radius[here], m_index[here])
        low, high = ndtr(low), ndtr(high)
        level = ndtri(np.clip(low + (high - low) * draw[here], 1e-12, 1.0 - 1e-12))
        mean, scatter = age_metallicity_relation(population, age[here], radius[here])
        m_h = mean + scatter * level
        total = total_metallicity(m_h, alpha_enhancement(m_h, alpha_rich=population.alpha_rich))
        offset[here] = (total - grid.m_h[m_index[here]]) / (grid.m_h[1] - grid.m_h[0])
    return np.clip(offset, -0.5, 0.5)


def _cumulative_weights(population: Population, radius: float) -> list[NDArray[Any]]:
    """Count up the number of stars, bright to faint, for each selection; 1 = all stars of the population."""
    grid = isochrone_grid()
    age = 10.0 ** (grid.log_age - 9.0)
    formed = (age >= population.age_min) & (age <= population.age_max)
    low, high = _cell_levels(population, age[:, None], radius)
    share = (ndtr(high) - ndtr(low)).T * formed
    # The initial mass function integrates to one, so this is the number of stars ever formed.
    total = (share * grid.age_width).sum()
    weight = grid.weight[grid.nodes] * share[grid.nodes[0], grid.nodes[1]] / total
    colour = (grid.values["abs_mag_j"] - grid.values["abs_mag_k"])[grid.nodes]
    log_g = grid.values["log_g"][grid.nodes]
    seen = [selected(colour, log_g, np.array(s)) for s in range(len(_COLOUR_LIMITS))]
    return [np.concatenate([[0.0], np.cumsum(np.where(mask, weight, 0.0))]) for mask in seen]


@functools.cache
def _luminosity_functions() -> list[list[list[NDArray[Any]]]]:
    """Make the cumulative weights by population, radius node and selection."""
    out = []
    for population in POPULATIONS:
        radii = _RADII if population.radial_slope else _RADII[:1]
        out.append([_cumulative_weights(population, radius) for radius in radii])
    return out


def _rows(limit: NDArray[Any]) -> NDArray[Any]:
    """Count the grid nodes brighter than an absolute H magnitude."""
    return np.searchsorted(isochrone_grid().abs_mag_h, limit)


def _radius_index(functions: list[Any], radius: NDArray[Any]) -> NDArray[Any]:
    nearest = np.rint((radius - _RADII[0]) / (_RADII[1] - _RADII[0])).astype(int)
    return np.clip(nearest, 0, len(functions) - 1)


def _sight_line_probability(fields: Stars) -> NDArray[Any]:
    """Give the expected number of stars in (field, selection, population, distance).

    Parameters
    ----------
    fields : dict of ndarray
        Arrays glon, glat [deg], dust_factor, faint_limit [mag], halo.

    Returns
    -------
    ndarray of shape (n_fields, 2, n_populations, n_distances)
        Unnormalised numbers; the selections are the field's main sample and dwarfs.
    """
    glon, glat, faint = (fields[name][:, None] for name in ("glon", "glat", "faint_limit"))
    radius, height = galactocentric_position(glon, glat, _DISTANCES)
    dimming = 5.0 * np.log10(_DISTANCES / 10.0)
    dimming = dimming + EXTINCTION_H * fields["dust_factor"][:, None] * dust_extinction(
        glon, glat, _DISTANCES
    )
    first, last = _rows(BRIGHT_LIMIT - dimming), _rows(faint - dimming)
    main = np.where(fields["halo"], 1, 0)[:, None]
    out = np.zeros((len(fields["glon"]), 2, len(POPULATIONS), len(_DISTANCES)))
    for c, (population, functions) in enumerate(zip(POPULATIONS, _luminosity_functions(), strict=True)):
        density = stellar_density(population, radius, height) * _DISTANCES**3
        node = _radius_index(functions, radius)
        for r, by_selection in enumerate(functions):
            stacked = np.stack(by_selection)
            here = node == r
            for s, selection in enumerate((main, np.full_like(main, DWARFS))):
                number = stacked[selection, last] - stacked[selection, first]
                out[:, s, c] += np.where(here, density * number, 0.0)
    return out


def draw_sight_lines(
    fields: Stars, field: NDArray[Any], is_dwarf: NDArray[Any], rng: np.random.Generator
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Draw population and distance of each star along its field's line of sight.

    Parameters
    ----------
    fields : dict of ndarray
        As for `_sight_line_probability`.
    field : ndarray of int, shape (n_stars,)
        Index of each star's field.
    is_dwarf : ndarray of bool, shape (n_stars,)
        Whether the star belongs to the dwarf programmes.
    rng : numpy.random.Generator
        Source of random numbers.

    Returns
    -------
    population : ndarray of int
        Index into `POPULATIONS`.
    distance : ndarray of float
        Distance [pc].
    """
    number = _sight_line_probability(fields)
    n_fields = len(number)
    cumulative = number.reshape(2 * n_fields, -1).cumsum(axis=1)
    cumulative /= cumulative[:, -1:]
    row = 2 * field + is_dwarf
    ascending = (cumulative + np.arange(2 * n_fields)[:, None]).ravel()
    cell = np.searchsorted(ascending, row + rng.random(len(field)), side="right") - row * cumulative.shape[1]
    population, node = np.divmod(np.clip(cell, 0, cumulative.shape[1] - 1), len(_DISTANCES))
    return population, _DISTANCES[node] * np.exp(_LOG_STEP * (rng.random(len(field)) - 0.5))


def draw_nodes(
    population: NDArray[Any],
    radius: NDArray[Any],
    selection: NDArray[Any],
    bright: NDArray[Any],
    faint: NDArray[Any],
    rng: np.random.Generator,
) -> NDArray[Any]:
    """Draw an isochrone node for each star inside its window of absolute H magnitude.

    Parameters
    ----------
    population : ndarray of int, shape (n_stars,)
        Index into `POPULATIONS`.
    radius : ndarray of float, shape (n_stars,)
        Galactocentric radius [kpc].
    selection : ndarray of int, shape (n_stars,)
        0 disc main sample, 1 halo main sample, 2 dwarfs.
    bright, faint : ndarray of float, shape (n_stars,)
        Limits in absolute H magnitude [mag].
    rng : numpy.random.Generator
        Source of random numbers.

    Returns
    -------
    ndarray of int, shape (n_stars,)
        Row in the list of nodes, -1 where the window is empty.
    """
    node = np.full(len(population), -1)
    first, last = _rows(bright), _rows(faint)
    for c, functions in enumerate(_luminosity_functions()):
        radius_index = _radius_index(functions, radius)
        for r, by_selection in enumerate(functions):
            for s, cumulative in enumerate(by_selection):
                here = np.flatnonzero((population == c) & (radius_index == r) & (selection == s))
                node[here] = _pick(cumulative, first[here], last[here], rng)
    return node


def _pick(
    cumulative: NDArray[Any], first: NDArray[Any], last: NDArray[Any], rng: np.random.Generator
) -> NDArray[Any]:
    """Draw rows between first and last in proportion to their weight."""
    low, high = cumulative[first], cumulative[last]
    row = np.searchsorted(cumulative, low + (high - low) * rng.random(len(first)), side="right") - 1
    return np.where(high > low, np.clip(row, first, np.maximum(last - 1, 0)), -1)


def draw_cluster_nodes(
    cluster: Cluster, n_stars: int, faint_limit: float, rng: np.random.Generator
) -> tuple[NDArray[Any], tuple[NDArray[Any], NDArray[Any]]]:
    """Draw members of one cluster from the isochrone nearest in age and metallicity.

    Parameters
    ----------
    cluster : Cluster
        The cluster.
    n_stars : int
        Number of members.
    faint_limit : float
        Faintest H [mag].
    rng : numpy.random.Generator
        Source of random numbers.

    Returns
    -------
    node : ndarray of int
        Row in the list of nodes.
    offset : tuple of float
        Way to the next node in metallicity and age, in steps.
    """
    grid = isochrone_grid()
    total = float(total_metallicity(cluster.m_h, cluster.alpha_m))
    m_at = (total - grid.m_h[0]) / (grid.m_h[1] - grid.m_h[0])
    a_at = (np.log10(cluster.age) + 9.0 - grid.log_age[0]) / (grid.log_age[1] - grid.log_age[0])
    m_node, a_node = round(m_at), round(a_at)
    dimming = 5.0 * np.log10(cluster.distance / 10.0) + EXTINCTION_H * A_K_PER_E_B_V * cluster.e_b_v
    inside = (grid.nodes[0] == m_node) & (grid.nodes[1] == a_node)
    inside &= (grid.abs_mag_h > BRIGHT_LIMIT - dimming) & (grid.abs_mag_h < faint_limit - dimming)
    # Surveys choose giants of a cluster first.
    rank = np.where(grid.values["log_g"][grid.nodes] < _DWARF_LOG_G, 1.0, 0.1)
    weight = np.where(inside, grid.weight[grid.nodes] * rank, 0.0).cumsum()
    node = np.searchsorted(weight, weight[-1] * rng.random(n_stars), side="right")
    return node, (m_at - m_node, a_at - a_node)
