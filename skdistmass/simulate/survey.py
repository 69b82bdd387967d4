"""The simulated survey as two tables: what an observer has, and the truth."""

from __future__ import annotations

import functools
import numbers
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from skdistmass.physics.coordinates import convert_frame
from skdistmass.physics.galaxy import (
    POPULATIONS,
    alpha_enhancement,
    birth_carbon_nitrogen,
    dredge_up_change,
    mix_carbon_nitrogen,
)
from skdistmass.simulate import draw as population
from skdistmass.simulate import observe as observation
from skdistmass.simulate.clusters import CLUSTERS
from skdistmass.simulate.fields import cluster_members, field_stars, join
from skdistmass.simulate.grid import Stars

if TYPE_CHECKING:
    from astropy.table import Table

_MISSING_KINDS = (b"spectrum", b"c_n", b"photometry", b"gaia", b"extinction")
_MISSING_SHARES = (0.3, 0.2, 0.1, 0.25, 0.15)
_GAIA_LIMIT = 21.0  # G [mag]
_TRUTH = {
    "distance": ("pc", "Distance"),
    "absolute_magnitude": ("mag", "Absolute Ks magnitude of the primary"),
    "absolute_magnitude_system": ("mag", "Absolute Ks magnitude of primary and companion"),
    "extinction": ("mag", "Extinction A_K"),
    "mass": ("Msun", "Current mass of the primary"),
    "initial_mass": ("Msun", "Initial mass of the primary"),
    "age": ("Gyr", "Age"),
    "phase": (None, "1 MS, 2 SGB, 3 RGB, 4 core helium burning, 5 early AGB"),
    "is_binary": (None, "Whether there is an unresolved companion"),
    "mass_ratio": (None, "Ratio of initial masses, NaN for single stars"),
    "cluster": (None, "Name of the star cluster, empty for field stars"),
    "population": (None, "thin, thick, halo, bulge or cluster"),
    "teff": ("K", "Effective temperature without noise"),
    "log_g": ("dex(cm s-2)", "Surface gravity without noise"),
    "m_h": ("dex", "[M/H] without noise"),
    "alpha_m": ("dex", "[alpha/M] without noise"),
    "c_fe": ("dex", "[C/Fe] without noise"),
    "n_fe": ("dex", "[N/Fe] without noise"),
    "parallax_zero_point": ("mas", "Zero point inside the raw parallax"),
    "missing": (None, "Which measurement was taken away: spectrum, c_n, photometry, gaia, extinction"),
}


def make_survey(
    n_stars: int = 5000,
    random_state: int | np.random.Generator | None = None,
    *,
    cluster_fraction: float = 0.02,
    binary_fraction: float = 0.3,
    duplicate_fraction: float = 0.02,
    missing_fraction: float = 0.03,
    bad_fraction: float = 0.03,
) -> tuple[Table, Table]:
    """Make a synthetic survey in the columns of an allStar file, with its truth.

    Parameters
    ----------
    n_stars : int, default=5000
        Number of rows.
    random_state : int, numpy.random.Generator or None, default=None
        Seed. The same seed and size give the same tables.
    cluster_fraction : float, default=0.02
        Share of the stars that are members of star clusters.
    binary_fraction : float, default=0.3
        Share of the stars with an unresolved companion.
    duplicate_fraction : float, default=0.02
        Share of the rows that repeat another star at lower SNR (EXTRATARG bit 4), at most 0.5.
    missing_fraction : float, default=0.03
        Share of the rows that lack a measurement (NaN).
    bad_fraction : float, default=0.03
        Share of the rows with STAR_BAD (ASPCAPFLAG bit 23), whose labels are far off.

    Returns
    -------
    stars : astropy.table.Table
        What the observer has, with the names and types of DR17's allStar.
    truth : astropy.table.Table
        Row by row what is true, with units; the column ``missing`` announces every NaN of `stars`.

    Raises
    ------
    ValueError
        If a number is outside its range.

    Notes
    -----
    `skdistmass.simulate` lists the relations and their references. Coefficients resemble the survey; they do
    not measure it.

    Examples
    --------
    >>> from skdistmass.simulate import make_survey
    >>> stars, truth = make_survey(n_stars=200, random_state=0)
    >>> len(stars), len(truth), truth["distance"].unit.to_string()
    (200, 200, 'pc')
    """
    fractions = {
        "cluster_fraction": cluster_fraction,
        "binary_fraction": binary_fraction,
        "duplicate_fraction": duplicate_fraction,
        "missing_fraction": missing_fraction,
        "bad_fraction": bad_fraction,
    }
    _check(n_stars, fractions)
    rng = np.random.default_rng(random_state)
    n_duplicates = round(duplicate_fraction * n_stars)
    n_unique = n_stars - n_duplicates
    n_members = round(cluster_fraction * n_unique)
    stars = field_stars(n_unique - n_members, binary_fraction, rng)
    stars = join(stars, cluster_members(n_members, binary_fraction, rng))
    _add_chemistry(stars, rng)
    columns, stars["parallax_zero_point"] = _observe(stars, rng)
    columns = _add_duplicates(columns, stars, n_duplicates, rng)
    columns |= observation.observe_spectrum(stars, columns["SNR"].astype(float), rng)
    _spoil(columns, stars, missing_fraction, bad_fraction, rng)
    return _tables(columns, stars, rng.permutation(n_stars))


def _check(n_stars: int, fractions: Mapping[str, float]) -> None:
    if not isinstance(n_stars, numbers.Integral) or n_stars < 1:
        raise ValueError(f"n_stars must be an integer of at least 1; received {n_stars!r}")
    for name, value in fractions.items():
        most = 0.5 if name == "duplicate_fraction" else 1.0
        if not (isinstance(value, numbers.Real) and 0.0 <= float(value) <= most):
            raise ValueError(f"{name} must be a number between 0 and {most:g}; received {value!r}")


def _add_chemistry(stars: Stars, rng: np.random.Generator) -> None:
    """Give alpha, the spectroscopic [M/H] and the surface carbon and nitrogen."""
    n_stars = len(stars["distance"])
    kind = stars["kind"]
    rich = np.array([p.alpha_rich for p in POPULATIONS] + [False])[kind]
    m_h = np.where(
        rich,
        population.spectroscopic_metallicity(stars["m_h_isochrone"], alpha_rich=True),
        population.spectroscopic_metallicity(stars["m_h_isochrone"], alpha_rich=False),
    )
    alpha_m = np.where(rich, alpha_enhancement(m_h, alpha_rich=True), alpha_enhancement(m_h))
    for cluster in CLUSTERS:
        member = stars["cluster"] == cluster.name.encode()
        m_h[member], alpha_m[member] = cluster.m_h, cluster.alpha_m
    stars["m_h"], stars["alpha_m"] = m_h, alpha_m + 0.015 * rng.standard_normal(n_stars)
    birth = birth_carbon_nitrogen(m_h, alpha_m)
    c_fe, n_fe = (abundance + 0.03 * rng.standard_normal(n_stars) for abundance in birth)
    change = dredge_up_change(stars["initial_mass"], stars["log_g"], m_h, stars["phase"])
    stars["c_fe"], stars["n_fe"] = mix_carbon_nitrogen(c_fe, n_fe, change)


def _observe(stars: Stars, rng: np.random.Generator) -> tuple[Stars, NDArray[Any]]:
    """Make the columns that do not differ between repeated spectra of a star."""
    n_stars = len(stars["distance"])
    ra, dec = convert_frame(stars["glon"], stars["glat"], "galactic", "icrs")
    ra, dec, names = _unique_names(ra, dec)
    stars["ra"], stars["dec"] = ra, dec
    magnitudes = observation.system_magnitudes(stars)
    stars["absolute_magnitude_system"] = magnitudes["K"]
    modulus = 5.0 * np.log10(stars["distance"] / 10.0)
    columns = {
        "APOGEE_ID": names.astype("S30"),
        "TELESCOPE": np.where(dec > -25.0 + rng.uniform(-5, 5, n_stars), b"apo25m", b"lco25m").astype("S6"),
        "FIELD": stars["field"],
        "RA": ra,
        "DEC": dec,
        "GLON": stars["glon"],
        "GLAT": stars["glat"],
    }
    columns |= observation.observe_photometry(magnitudes, modulus, stars["extinction"], rng)
    columns |= observation.observe_extinction(stars, rng)
    apparent = magnitudes["H"] + modulus + population.EXTINCTION_H * stars["extinction"]
    depth = 10.0 ** (0.2 * (stars["faint_limit"] - apparent)) * np.exp(0.35 * rng.standard_normal(n_stars))
    columns["SNR"] = np.clip(85.0 * depth, 15.0, 1500.0).astype(np.float32)
    columns["EXTRATARG"] = stars["not_main"].astype(np.int32)
    columns["MEMBER"] = stars["cluster"].copy()
    persistence = rng.choice([0, 1 << 9, 1 << 10, 1 << 11], n_stars, p=[0.85, 0.05, 0.05, 0.05])
    columns["STARFLAG"] = persistence.astype(np.int64)
    columns["ASPCAPFLAG"] = np.zeros(n_stars, dtype=np.int64)
    gaia, zero_point = observation.observe_gaia(magnitudes, stars, rng)
    return columns | gaia, zero_point


def _unique_names(ra: NDArray[Any], dec: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Name stars by position; the rare pair with one name moves apart by a tenth of an arcsecond."""
    names = observation.two_mass_names(ra, dec)
    while True:
        first = np.zeros(len(names), dtype=bool)
        first[np.unique(names, return_index=True)[1]] = True
        if first.all():
            return ra, dec, names
        dec = np.where(first, dec, dec - np.sign(dec) * 0.12 / 3600.0)
        names = observation.two_mass_names(ra, dec)


def _add_duplicates(columns: Stars, stars: Stars, n_duplicates: int, rng: np.random.Generator) -> Stars:
    """Repeat stars in another field at lower SNR, in both dictionaries."""
    n_unique = len(columns["RA"])
    again = rng.choice(n_unique, n_duplicates, replace=False)
    rows = np.concatenate([np.arange(n_unique), again])
    for name, values in stars.items():
        stars[name] = values[rows]
    columns = {name: values[rows] for name, values in columns.items()}
    repeated = np.arange(len(rows)) >= n_unique
    columns["SNR"][repeated] *= rng.uniform(0.3, 0.9, n_duplicates).astype(np.float32)
    columns["EXTRATARG"][repeated] |= 1 << 4
    columns["FIELD"][repeated] = np.char.add(columns["FIELD"][repeated], b"-RV")
    parts: tuple[Any, ...] = (
        b"apogee.",
        columns["TELESCOPE"],
        b".stars.",
        columns["FIELD"],
        b".",
        columns["APOGEE_ID"],
    )
    columns["APSTAR_ID"] = functools.reduce(np.char.add, parts)
    return columns


def _spoil(
    columns: Stars, stars: Stars, missing_fraction: float, bad_fraction: float, rng: np.random.Generator
) -> None:
    """Take measurements away and make labels bad; `stars` gets the announcement."""
    n_stars = len(columns["RA"])
    kind = rng.choice(_MISSING_KINDS, n_stars, p=_MISSING_SHARES)
    missing = np.where(rng.random(n_stars) < missing_fraction, kind, b"")
    missing = np.where(columns["GAIAEDR3_PHOT_G_MEAN_MAG"] > _GAIA_LIMIT, b"gaia", missing)
    bad = rng.random(n_stars) < bad_fraction
    sizes = {"TEFF": 300.0, "LOGG": 0.6, "M_H": 0.4, "ALPHA_M": 0.1, "FE_H": 0.4, "C_FE": 0.3, "N_FE": 0.4}
    for name, size in sizes.items():
        error = (size * rng.standard_normal(n_stars)).astype(np.float32)
        columns[name] = np.where(bad, columns[name] + error, columns[name])
    columns["TEFF"] = np.clip(columns["TEFF"], 3000.0, 20000.0)
    lost = missing == b"spectrum"
    columns["ASPCAPFLAG"][bad | lost] |= observation.STAR_BAD
    columns["ASPCAPFLAG"][columns["SNR"] < 50] |= observation.SN_WARN
    gone = {
        b"spectrum": [n + e for n in observation.LABELS for e in ("", "_ERR")],
        b"c_n": ["C_FE", "N_FE", "C_FE_ERR", "N_FE_ERR"],
        b"photometry": ["K", "K_ERR"],
        b"gaia": [name for name in columns if name.startswith("GAIAEDR3_") and name != "GAIAEDR3_SOURCE_ID"],
        b"extinction": ["AK_TARG", "AK_WISE"],
    }
    for what, names in gone.items():
        for name in names:
            columns[name][missing == what] = np.nan
    columns["GAIAEDR3_SOURCE_ID"][missing == b"gaia"] = 0
    columns["AK_TARG_METHOD"][missing == b"extinction"] = b"NONE"
    stars["missing"] = missing


def _tables(columns: Stars, stars: Stars, order: NDArray[Any]) -> tuple[Table, Table]:
    from astropy.table import Column, Table

    named = np.array([p.name for p in POPULATIONS] + ["cluster"])
    stars["population"] = named[stars["kind"]]
    stars["age"] = 10.0 ** (stars["log_age"] - 9.0)
    stars["absolute_magnitude"] = stars["abs_mag_k"]
    stars["phase"] = np.minimum(stars["phase"], 5).astype(np.int16)
    stars["cluster"], stars["missing"] = stars["cluster"].astype("U10"), stars["missing"].astype("U10")
    observed = Table({name: columns[name][order] for name in _column_order(columns)}, copy=False)
    observed.convert_bytestring_to_unicode()
    truth = []
    for name, (unit, text) in _TRUTH.items():
        truth.append(Column(stars[name][order], name=name, unit=unit, description=text))
    return observed, Table(truth, copy=False)


def _column_order(columns: Stars) -> list[str]:
    first = ["APOGEE_ID", "APSTAR_ID", "TELESCOPE", "FIELD", "RA", "DEC", "GLON", "GLAT"]
    return first + [name for name in columns if name not in first]
