"""Which stars the survey selects: fields, limits, cluster members."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from skdistmass.physics.constants import A_K_PER_E_B_V
from skdistmass.physics.coordinates import convert_frame
from skdistmass.physics.galaxy import dust_extinction, galactocentric_position
from skdistmass.simulate import draw as population
from skdistmass.simulate import grid
from skdistmass.simulate import observe as observation
from skdistmass.simulate.clusters import CLUSTERS
from skdistmass.simulate.grid import Stars

_DWARF_SHARE = 0.12
_STARS_PER_FIELD = 150
_FARTHEST = 60000.0  # pc, the whole line of sight
_FIELD_RADIUS = 1.5  # deg
_CLUSTER_LIMIT = 13.8  # H [mag]
_CLUSTER_RADIUS = 0.08  # 1σ of each coordinate [deg]
_CLUSTER_FIELDS = ("name", "ra", "dec", "distance", "age", "e_b_v")


def _make_fields(n_fields: int, rng: np.random.Generator) -> Stars:
    """Draw centres and limits of the fields: disc, bulge, halo and the Kepler region."""
    kind = rng.choice(4, n_fields, p=[0.56, 0.10, 0.24, 0.10])
    inner, kepler = rng.uniform(-12.0, 12.0, n_fields) % 360.0, rng.uniform(70.0, 82.0, n_fields)
    glon = np.select([kind == 1, kind == 3], [inner, kepler], rng.uniform(0.0, 360.0, n_fields))
    disc = rng.choice([-12.0, -8.0, -4.0, 0.0, 4.0, 8.0, 12.0], n_fields)
    bulge = rng.choice([-8.0, -4.0, -2.0, 0.0, 2.0, 4.0, 8.0], n_fields)
    polar = np.degrees(np.arcsin(rng.uniform(np.sin(np.radians(17.0)), 1.0, n_fields)))
    halo = polar * rng.choice([-1.0, 1.0], n_fields)
    glat = np.select([kind == 0, kind == 1, kind == 2], [disc, bulge, halo], rng.uniform(8, 19, n_fields))
    return {
        "glon": np.round(glon) % 360.0,
        "glat": np.round(np.clip(glat, -87.0, 87.0)),
        "halo": kind == 2,
        "kepler": kind == 3,
        "faint_limit": rng.choice([12.2, 12.8, 13.8], n_fields, p=[0.55, 0.25, 0.20]),
        "dust_factor": np.exp(0.3 * rng.standard_normal(n_fields)),
    }


def _field_names(fields: Stars) -> NDArray[Any]:
    rows = zip(fields["glon"], fields["glat"], fields["kepler"], strict=True)
    names = [
        f"K{i % 21 + 1:02d}_" * bool(k) + f"{lon:03.0f}{lat:+03.0f}" for i, (lon, lat, k) in enumerate(rows)
    ]
    return np.array(names, dtype="S20")


def field_stars(n_stars: int, binary_fraction: float, rng: np.random.Generator) -> Stars:
    """Draw field stars until enough of them are inside the survey's limits.

    Parameters
    ----------
    n_stars : int
        Number of stars.
    binary_fraction : float
        Share with a companion.
    rng : numpy.random.Generator
        Source of random numbers.

    Returns
    -------
    dict of ndarray
        One value a star: isochrone quantities, companion, position, distance [pc], extinction [mag], field.
    """
    fields = _make_fields(int(np.clip(n_stars // _STARS_PER_FIELD, 60, 1000)), rng)
    stars = _propose(fields, int(1.2 * n_stars) + 50, binary_fraction, rng)
    while len(stars["distance"]) < n_stars:
        n_lacking = n_stars - len(stars["distance"])
        stars = join(stars, _propose(fields, int(1.2 * n_lacking) + 50, binary_fraction, rng))
    return {name: values[:n_stars] for name, values in stars.items()}


def _propose(fields: Stars, n_stars: int, binary_fraction: float, rng: np.random.Generator) -> Stars:
    """Draw stars along the lines of sight and keep those that the survey selects."""
    field = rng.integers(0, len(fields["glon"]), n_stars)
    is_dwarf = rng.random(n_stars) < _DWARF_SHARE
    selection = np.where(is_dwarf, population.DWARFS, fields["halo"][field].astype(int))
    faint = fields["faint_limit"][field]
    place = _place(fields, field, is_dwarf, rng)
    dimming = 5.0 * np.log10(place["distance"] / 10.0) + population.EXTINCTION_H * place["extinction"]
    radius, _ = galactocentric_position(place["glon"], place["glat"], place["distance"])
    window = population.BRIGHT_LIMIT - dimming, faint - dimming
    node = population.draw_nodes(place["kind"], radius, selection, *window, rng)
    found = node >= 0
    node = np.maximum(node, 0)
    m_h_step = population.metallicity_offset(place["kind"], radius, node, rng)
    stars = grid.interpolate_nodes(node, m_h_step, *rng.uniform(-0.5, 0.5, (2, n_stars)))
    stars |= place
    stars["not_main"] = is_dwarf
    stars["faint_limit"] = faint
    stars["cluster"] = np.full(n_stars, b"", dtype="S10")
    stars["field"] = _field_names(fields)[field]
    _add_binaries(stars, binary_fraction, rng)
    system = observation.system_magnitudes(stars)["H"] + dimming
    keep = found & (system > population.BRIGHT_LIMIT) & (stars["abs_mag_h"] + dimming < faint)
    keep &= population.selected(stars["abs_mag_j"] - stars["abs_mag_k"], stars["log_g"], selection)
    return {name: values[keep] for name, values in stars.items()}


def _place(fields: Stars, field: NDArray[Any], is_dwarf: NDArray[Any], rng: np.random.Generator) -> Stars:
    """Draw population, position, distance and extinction."""
    n_stars = len(field)
    kind, distance = population.draw_sight_lines(fields, field, is_dwarf, rng)
    offset = _FIELD_RADIUS * np.sqrt(rng.random(n_stars))
    angle = rng.uniform(0.0, 2.0 * np.pi, n_stars)
    centre = fields["glat"][field]
    glat = centre + offset * np.sin(angle)
    glon = (fields["glon"][field] + offset * np.cos(angle) / np.cos(np.radians(centre))) % 360.0
    patchy = fields["dust_factor"][field] * np.exp(0.1 * rng.standard_normal(n_stars))
    return {
        "kind": kind,
        "distance": distance,
        "glon": glon,
        "glat": glat,
        "extinction": patchy * dust_extinction(glon, glat, distance),
        "total_extinction": patchy * dust_extinction(glon, glat, _FARTHEST),
    }


def cluster_members(n_stars: int, binary_fraction: float, rng: np.random.Generator) -> Stars:
    """Draw the members of the star clusters.

    Parameters
    ----------
    n_stars : int
        Number of stars.
    binary_fraction : float
        Share with a companion.
    rng : numpy.random.Generator
        Source of random numbers.

    Returns
    -------
    dict of ndarray
        The same quantities as `field_stars`.
    """
    counts = rng.multinomial(n_stars, np.full(len(CLUSTERS), 1.0 / len(CLUSTERS)))
    which = np.repeat(np.arange(len(CLUSTERS)), counts)
    nodes, steps = [], []
    for cluster, count in zip(CLUSTERS, counts, strict=True):
        node, step = population.draw_cluster_nodes(cluster, count, _CLUSTER_LIMIT, rng)
        nodes.append(node)
        steps.append(step)
    m_h_step, age_step = np.array(steps)[which].T
    phase_step = rng.uniform(-0.5, 0.5, n_stars)
    stars = grid.interpolate_nodes(np.concatenate(nodes), m_h_step, age_step, phase_step)
    stars |= _place_members(which, rng)
    stars["faint_limit"] = np.full(n_stars, _CLUSTER_LIMIT)
    stars["not_main"] = np.zeros(n_stars, dtype=bool)
    _add_binaries(stars, binary_fraction, rng)
    return stars


def _place_members(which: NDArray[Any], rng: np.random.Generator) -> Stars:
    """Put members around their cluster's centre, at its distance, age and extinction."""
    get = {name: np.array([getattr(c, name) for c in CLUSTERS])[which] for name in _CLUSTER_FIELDS}
    n_stars = len(which)
    extinction = A_K_PER_E_B_V * get["e_b_v"] * np.exp(0.05 * rng.standard_normal(n_stars))
    spread = _CLUSTER_RADIUS * rng.standard_normal((2, n_stars))
    ra = (get["ra"] + spread[0] / np.cos(np.radians(get["dec"]))) % 360.0
    glon, glat = convert_frame(ra, get["dec"] + spread[1], "icrs", "galactic")
    return {
        "kind": np.full(n_stars, -1),
        "distance": get["distance"],
        "glon": glon,
        "glat": glat,
        "extinction": extinction,
        "total_extinction": extinction,
        "log_age": np.log10(get["age"]) + 9.0,
        "cluster": get["name"].astype("S10"),
        "field": get["name"].astype("S20"),
    }


def _add_binaries(stars: Stars, binary_fraction: float, rng: np.random.Generator) -> None:
    n_stars = len(stars["distance"])
    stars["is_binary"] = rng.random(n_stars) < binary_fraction
    stars["mass_ratio"] = np.where(stars["is_binary"], rng.uniform(0.1, 1.0, n_stars), np.nan)
    grid.add_companions(stars)


def join(first: Stars, second: Stars) -> Stars:
    """Put the stars of two dictionaries with the same keys one after the other.

    Parameters
    ----------
    first, second : dict of ndarray
        Stars.

    Returns
    -------
    dict of ndarray
        All stars.
    """
    return {name: np.concatenate([values, second[name]]) for name, values in first.items()}
