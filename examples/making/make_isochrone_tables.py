r"""
Make the isochrone tables that ship with the package
====================================================

Two compact tables are cut from public grids. They need ``lachesis-grids`` (isochrones),
``astrolachesis`` (bolometric corrections; it installs with no dependencies of its own) and ``h5py``,
none of which the package needs when it runs::

    python examples/making/make_isochrone_tables.py [OUTPUT_DIRECTORY]

``giant_ages_mist.npz``
    The mean mass of giants for each age and [Fe/H] of the MIST grid: initial and current mass of all giants,
    current masses of stars on the red giant branch and in the red clump. Each point of an isochrone counts
    with the number of stars near it: the initial mass function times the mass interval between its
    neighbours, so that a phase weighs what stars dwell in it.
``isochrones_parsec.npz``
    PARSEC isochrones from the main sequence to the early asymptotic giant branch with absolute 2MASS
    magnitudes, on a common axis of evolutionary phase, at the metallicity nodes of the grid.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.metadata
import importlib.util
import json
from datetime import UTC, datetime
from pathlib import Path

import h5py
import numpy as np
from scipy.interpolate import RegularGridInterpolator

from skdistmass.physics.giants import LOG_MASSES, log_age_of_mass
from skdistmass.physics.initial_mass_function import kroupa_imf
from skdistmass.physics.isochrones import cell_widths

DATA = Path(__file__).resolve().parents[2] / "skdistmass" / "data"

MIST_CITATION = "Choi et al. 2016, ApJ 823, 102; Dotter 2016, ApJS 222, 8 (MIST)"
PARSEC_CITATION = "Bressan et al. 2012, MNRAS 427, 127 (PARSEC)"

MIST_LOG_AGES = (7.4, 10.3)
MIST_FE_H = (-2.5, 0.5)
GIANT_LOG_G = 3.5
GIANT_PHASES = {2: "SGB+RGB", 3: "CHeB", 4: "EAGB"}
BRANCH, CLUMP = 2, 3

PARSEC_LOG_AGES = (8.0, 10.15)
# Equivalent evolutionary phases of the PARSEC grid: end of the main sequence, tip of the red giant branch,
# start of core helium burning, end of the early asymptotic giant branch. The points between the tip and the
# start of core helium burning are filled in by the grid; no star is seen there.
TURN_OFF, RGB_TIP, CHEB_START, EAGB_END = 454, 605, 631, 808
# The main sequence is read at equal fractions of the turn-off mass: its points do not line up in the grid.
MAIN_SEQUENCE = np.concatenate([np.linspace(0.06, 0.70, 60, endpoint=False), np.linspace(0.70, 1.0, 61)[:-1]])
COLUMNS = ("initial_mass", "mass", "log_teff", "log_g", "abs_mag_j", "abs_mag_h", "abs_mag_k", "phase")
# Far below every error that a star has; what rounding frees is what makes the file small.
DECIMALS = {"mass": 4, "log_teff": 5, "log_g": 4, "abs_mag_j": 3, "abs_mag_h": 3, "abs_mag_k": 3, "phase": 0}


def find_data(package, relative):
    """Return the path of a data file of an installed package, without importing the package."""
    spec = importlib.util.find_spec(package)
    if spec is None:
        raise SystemExit(f"{package} is not installed; it holds {relative}, which this script reads")
    return Path(spec.origin).parent / relative


def describe_source(path, distribution):
    """Return name, version and SHA-256 of a source file."""
    return {
        "file": path.name,
        "package": f"{distribution} {importlib.metadata.version(distribution)}",
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }


class Grid:
    """One isochrone grid: blocks of (metallicity, age), a row for each evolutionary phase."""

    def __init__(self, path):
        with h5py.File(path) as h5:
            self.columns = {str(name): i for i, name in enumerate(h5.attrs["columns"])}
            self.m_h, self.log_age = h5["feh_values"][:], h5["age_values"][:]
            self.values = h5["values"][:].astype(float)
            lengths = h5["lengths"][:]
        self.starts = np.concatenate([[0], np.cumsum(lengths)])

    def isochrone(self, i_m_h, i_age):
        """Return the columns of one isochrone, rows without values left out."""
        block = i_m_h * len(self.log_age) + i_age
        rows = self.values[self.starts[block] : self.starts[block + 1]]
        rows = rows[np.isfinite(rows[:, self.columns["initial_mass"]])]
        return {name: rows[:, i] for name, i in self.columns.items()}

    def select(self, axis, limits):
        """Return the indices of the nodes of an axis inside closed limits."""
        nodes = getattr(self, axis)
        return np.flatnonzero((nodes > limits[0] - 1e-6) & (nodes < limits[1] + 1e-6))


def mean_giant_masses(isochrone):
    """Return mean masses [Msun] of the giants of one isochrone, by the name of their array."""
    initial_mass, mass, phase = (isochrone[name] for name in ("initial_mass", "star_mass", "phase"))
    weight = kroupa_imf(initial_mass) * cell_widths(initial_mass)

    def mean(masses, phases):
        chosen = np.isin(phase, phases) & (isochrone["log_g"] < GIANT_LOG_G)
        return np.average(masses[chosen], weights=weight[chosen])

    return {
        "initial_mass": mean(initial_mass, list(GIANT_PHASES)),
        "current_mass": mean(mass, list(GIANT_PHASES)),
        "branch_mass": mean(mass, [BRANCH]),
        "clump_mass": mean(mass, [CLUMP]),
    }


def make_giant_ages(output):
    """Write the table of mean giant masses; return its path."""
    path = find_data("lachesis_grids", "grids/mist_v2.5_vvcrit0.4.h5")
    grid = Grid(path)
    i_m_h, i_age = grid.select("m_h", MIST_FE_H), grid.select("log_age", MIST_LOG_AGES)
    rows = [[mean_giant_masses(grid.isochrone(f, a)) for f in i_m_h] for a in i_age]
    masses = {name: np.array([[cell[name] for cell in row] for row in rows]) for name in rows[0][0]}
    log_age = np.round(grid.log_age[i_age], 4)
    of_state = (masses[name] for name in ("current_mass", "branch_mass", "clump_mass"))
    log_ages = np.stack([log_age_of_mass(LOG_MASSES, each, log_age) for each in of_state], axis=-1)
    phases = ", ".join(f"{number} ({name})" for number, name in GIANT_PHASES.items())
    provenance = {
        "content": "mean mass of giants [Msun] for each log age [log10 yr] (rows) and [Fe/H] [dex] "
        "(columns); log_age_table: log age for each log mass (rows), [Fe/H], and all giants, branch, clump",
        "grid": "MIST 2.5, v/vcrit = 0.4",
        "source": describe_source(path, "lachesis-grids"),
        "cuts": f"log g < {GIANT_LOG_G}; phases {phases}; log age {MIST_LOG_AGES}; [Fe/H] {MIST_FE_H}; "
        f"branch_mass phase {BRANCH}, clump_mass phase {CLUMP}",
        "weights": "Kroupa (2001) initial mass function times the interval of initial mass",
        **describe_making(MIST_CITATION),
    }
    target = output / "giant_ages_mist.npz"
    np.savez_compressed(
        target,
        log_age=log_age,
        fe_h=np.round(grid.m_h[i_m_h], 4),
        log_age_table=log_ages,
        provenance=json.dumps(provenance),
        **masses,
    )
    return target


def describe_making(citation):
    """Return the part of the provenance that all tables share."""
    return {
        "made_by": "examples/making/make_isochrone_tables.py",
        "date": datetime.now(UTC).date().isoformat(),
        "numpy": np.__version__,
        "citation": citation,
    }


def bolometric_corrections(path):
    """Return a function of (log Teff, log g, [M/H]) that gives the corrections of 2MASS J, H, Ks [mag]."""
    with h5py.File(path) as h5:
        group = h5["UBVRIplus"]
        bands = [name.decode() for name in group["band_names"][:]]
        m_h, data = group["feh_values"][:], group["data"][:].astype(float)
    data = data[:, data[0, :, 3] == 0.0]
    log_teff, log_g = np.log10(np.unique(data[0, :, 0])), np.unique(data[0, :, 1])
    order = np.lexsort((data[0, :, 1], data[0, :, 0]))
    picked = [5 + bands.index(f"2MASS_{band}") for band in ("J", "H", "Ks")]
    values = data[:, order][..., picked].reshape(len(m_h), len(log_teff), len(log_g), 3)
    interpolate = RegularGridInterpolator((m_h, log_teff, log_g), values)

    def corrections(teff_dex, gravity_dex, metallicity):
        teff_dex = np.clip(teff_dex, log_teff[0], log_teff[-1])
        gravity_dex = np.clip(gravity_dex, log_g[0], log_g[-1])
        return interpolate(np.stack([metallicity, teff_dex, gravity_dex], axis=-1))

    return corrections


def resample(isochrone):
    """Bring one isochrone to the common axis of evolutionary phase; NaN where it has no such phase."""
    eep = isochrone["eep"]
    # Low-mass stars on the main sequence bear stray labels of the phase before it: all that follows the first
    # point labelled main sequence has left the pre-main sequence.
    keep = (eep >= eep[np.flatnonzero(isochrone["phase"] == 1)[0]]) & (eep <= EAGB_END)
    columns = {
        "initial_mass": isochrone["initial_mass"],
        "mass": isochrone["star_mass"],
        "log_teff": isochrone["log_Teff"],
        "log_g": isochrone["log_g"],
        "bolometric": isochrone["Mbol"],
        "phase": np.clip(np.floor(isochrone["phase"]), 1, 5),
    }
    early = keep & (eep <= TURN_OFF)
    later_eep = np.concatenate([np.arange(TURN_OFF, RGB_TIP + 1), np.arange(CHEB_START, EAGB_END + 1)])
    fraction = columns["initial_mass"][early] / columns["initial_mass"][early][-1]
    out = {}
    for name, values in columns.items():
        main_sequence = np.interp(MAIN_SEQUENCE, fraction, values[early], left=np.nan)
        later = np.interp(later_eep, eep[keep], values[keep], left=np.nan, right=np.nan)
        out[name] = np.concatenate([main_sequence, later])
    out["phase"] = np.floor(out["phase"])
    return out


def make_isochrones(output):
    """Write the table of PARSEC isochrones; return its path."""
    path = find_data("lachesis_grids", "grids/parsec_v1.25.h5")
    bc_path = find_data("lachesis", "Datafiles/BC_tables/bc_tables.h5")
    grid, corrections = Grid(path), bolometric_corrections(bc_path)
    i_age = grid.select("log_age", PARSEC_LOG_AGES)
    rows = [[resample(grid.isochrone(f, a)) for a in i_age] for f in range(len(grid.m_h))]
    cube = {name: np.array([[row[name] for row in line] for line in rows]) for name in rows[0][0]}
    magnitudes = np.full((*cube["mass"].shape, 3), np.nan)
    there = np.isfinite(cube["mass"])
    m_h = np.broadcast_to(grid.m_h[:, None, None], there.shape)
    magnitudes[there] = corrections(cube["log_teff"][there], cube["log_g"][there], m_h[there])
    for i, band in enumerate("jhk"):
        cube[f"abs_mag_{band}"] = cube["bolometric"] - magnitudes[..., i]
    provenance = {
        "content": "isochrones on axes m_h [dex], log_age [log10 yr] and evolutionary phase; masses in Msun, "
        "log_teff in log10 K, log_g in log10 cm s-2, absolute 2MASS magnitudes in mag",
        "grid": "PARSEC 1.2S",
        "source": describe_source(path, "lachesis-grids"),
        "bolometric_corrections": describe_source(bc_path, "astroLACHESIS"),
        "cuts": f"main sequence to the end of the early AGB; log age {PARSEC_LOG_AGES}; "
        "the filled-in points between the tip of the red giant branch and core helium burning left out; "
        "the grid has no early AGB at log age > 9.2",
        "phases": "1 MS, 2 SGB, 3 RGB, 4 CHeB, 5 EAGB",
        "main_sequence": "at equal fractions of the turn-off mass; later phases at the grid's own points",
        **describe_making(f"{PARSEC_CITATION}; bolometric corrections: {MIST_CITATION}"),
    }
    arrays = {name: pack(cube[name], name) for name in COLUMNS}
    target = output / "isochrones_parsec.npz"
    np.savez_compressed(
        target,
        m_h=np.round(grid.m_h, 4),
        log_age=np.round(grid.log_age[i_age], 4),
        n_before_gap=np.array(len(MAIN_SEQUENCE) + RGB_TIP - TURN_OFF + 1),
        provenance=json.dumps(provenance),
        **arrays,
    )
    return target


def pack(values, name):
    """Round a column to float32 (whole initial masses: their differences are the weights)."""
    return np.asarray(np.round(values, DECIMALS[name]) if name in DECIMALS else values, dtype=np.float32)


def main():
    """Make both tables and print their sizes."""
    parser = argparse.ArgumentParser(description="Make the isochrone tables that ship with the package.")
    parser.add_argument("output", nargs="?", type=Path, default=DATA, help="directory (default: %(default)s)")
    output = parser.parse_args().output
    output.mkdir(parents=True, exist_ok=True)
    for path in (make_giant_ages(output), make_isochrones(output)):
        print(f"{path.name}: {path.stat().st_size / 1e3:.1f} kB")


if __name__ == "__main__":
    main()
