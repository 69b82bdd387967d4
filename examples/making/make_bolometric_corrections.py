"""Make the compact table of 2MASS Ks bolometric corrections that ships with the package.

The source is the MIST table of bolometric corrections (C3K model atmospheres) inside the package
``astrolachesis`` (version 1.0.9, installed with ``pip install --no-deps astrolachesis h5py``). The part that
stars of a spectroscopic survey need, without extinction, is written to
``skdistmass/data/bolometric_corrections_ks.npz``.

Run it as ``python examples/making/make_bolometric_corrections.py [--source bc_tables.h5] [--out FILE]``.
"""

import argparse
import importlib.util
import json
from importlib.metadata import version
from pathlib import Path

import numpy as np

TEFF_RANGE = (3000.0, 8000.0)
LOG_G_RANGE = (-0.5, 5.5)
FE_H_RANGE = (-2.5, 0.5)
BAND = "2MASS_Ks"
OUTPUT = Path(__file__).resolve().parents[2] / "skdistmass" / "data" / "bolometric_corrections_ks.npz"


def find_source():
    """Path of the table inside the installed package, found without importing it."""
    spec = importlib.util.find_spec("lachesis")
    if spec is None:
        raise SystemExit("astrolachesis is not installed: pip install --no-deps astrolachesis==1.0.9")
    return Path(spec.submodule_search_locations[0]) / "Datafiles" / "BC_tables" / "bc_tables.h5"


def between(values, limits):
    """Select the values inside closed limits."""
    return (values >= limits[0]) & (values <= limits[1])


def read_table(source):
    """Axes and values of the unreddened table on the wanted part of the grid."""
    import h5py

    with h5py.File(source) as file:
        group = file["UBVRIplus"]
        column = 5 + [name.decode() for name in group["band_names"][:]].index(BAND)
        fe_h = group["feh_values"][:]
        rows = group["data"][:, :, [0, 1, 3, column]].astype(float)
    keep_fe_h = between(fe_h, FE_H_RANGE)
    blocks = []
    for block in rows[keep_fe_h]:
        block = block[
            (block[:, 2] == 0) & between(block[:, 0], TEFF_RANGE) & between(block[:, 1], LOG_G_RANGE)
        ]
        blocks.append(block[np.lexsort((block[:, 1], block[:, 0]))])
    blocks = np.array(blocks)
    teff, log_g = np.unique(blocks[0, :, 0]), np.unique(blocks[0, :, 1])
    cube = blocks[:, :, 3].reshape(-1, teff.size, log_g.size)
    assert np.isfinite(cube).all(), "the source has empty nodes inside the wanted range"
    return teff, log_g, fe_h[keep_fe_h], np.moveaxis(cube, 0, -1)


def main():
    """Read the source, write the compact table, print its size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--source", type=Path, default=None, help="bc_tables.h5 (default: installed package)")
    parser.add_argument("--out", type=Path, default=OUTPUT)
    arguments = parser.parse_args()
    teff, log_g, fe_h, cube = read_table(arguments.source or find_source())
    provenance = {
        "quantity": "bolometric correction in 2MASS Ks, Vega system [mag]: M_Ks = M_bol - BC",
        "axes": ["teff [K]", "log_g [log10 cm s-2]", "fe_h [dex]"],
        "source": f"MIST bolometric corrections in astrolachesis {version('astrolachesis')}",
        "extinction": "A_V = 0",
        "citation": "Choi et al. 2016, ApJ 823, 102; Dotter 2016, ApJS 222, 8",
        "made_by": "examples/making/make_bolometric_corrections.py",
    }
    np.savez_compressed(
        arguments.out,
        teff=teff,
        log_g=log_g,
        fe_h=fe_h,
        bc_ks=cube.astype(np.float32),
        provenance=json.dumps(provenance),
    )
    print(f"{arguments.out}: {cube.shape} nodes, {arguments.out.stat().st_size / 1000:.1f} kB")


if __name__ == "__main__":
    main()
