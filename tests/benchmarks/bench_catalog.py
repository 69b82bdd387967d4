"""The whole catalogue from a survey file of 2 GB: ours against astropy reading and writing as much.

Run ``python tests/benchmarks/bench_catalog.py [--rows 733901] [--folder FOLDER] [--json FILE]``.

A simulated survey is written as FITS with a filler column that brings a row to the 2.8 kB of a real one.
Ours: all mass models, ages, domains and errors, without isochrones, FITS to FITS. Baseline: astropy reads
the columns that ours uses and writes a table with the columns of our catalogue. Both in fresh processes, in
turn, imports not counted; medians of ``--repeats``. The file is in the system's cache for both. Needs 3 GB
of disk and, to make the file, 6 GB of memory.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import harness
import numpy as np
from harness import Result

ROW_BYTES = 2800
TIME_BAR, MEMORY_BAR_GB = 3.0, 2.0


def make(path, n_rows):
    """Write the survey."""
    from astropy.io import fits

    from skdistmass import make_survey

    stars, _ = make_survey(int(n_rows), random_state=0)
    data = stars.as_array()
    width = (ROW_BYTES - data.dtype.itemsize) // 4
    wide = np.zeros(len(data), [*data.dtype.descr, ("FILLER", "f4", (width,))])
    for name in data.dtype.names:
        wide[name] = data[name]
    wide["FILLER"] = np.arange(width)
    fits.BinTableHDU(wide).writeto(path, overwrite=True)
    return {"gb": Path(path).stat().st_size / 1e9}


def ours(source, output):
    """Build and write the catalogue."""
    from skdistmass import write_catalog

    start = time.perf_counter()
    write_catalog(source, output, overwrite=True, isochrone=False, progress=False)
    return {"seconds": time.perf_counter() - start, "peak_gb": harness.peak_gb()}


def columns_read(source):
    """Names of the file's columns that the catalogue can use."""
    from skdistmass.survey.read import StarReader

    return StarReader(source).columns


def astropy(source, output, catalog):
    """Read the needed columns and write a table like the catalogue."""
    from astropy.io import fits
    from astropy.table import Table

    names = columns_read(source)
    like = Table.read(catalog)
    start = time.perf_counter()
    with fits.open(source, memmap=True) as file:
        columns = {name: np.array(file[1].data[name]) for name in names}
    assert len(columns[names[0]]) == len(like)
    like.write(output, overwrite=True)
    return {"seconds": time.perf_counter() - start, "peak_gb": harness.peak_gb(), "columns": len(names)}


def run(options, folder):
    """Measure both in turn."""
    source, catalog, copy = (Path(folder) / name for name in ("survey.fits", "catalog.fits", "copy.fits"))
    gigabytes = harness.fresh(__file__, "make", source, options.rows)["gb"]
    own, peer = [], []
    for _ in range(options.repeats):
        own.append(harness.fresh(__file__, "ours", source, catalog))
        peer.append(harness.fresh(__file__, "astropy", source, copy, catalog))
    seconds, baseline = (float(np.median([one["seconds"] for one in runs])) for runs in (own, peer))
    peak = max(one["peak_gb"] for one in own)
    size = f"{options.rows:,} rows, {gigabytes:.2g} GB"
    task = "whole catalogue FITS to FITS"
    note = f"{peer[0]['columns']} columns read"
    return [
        Result(
            f"{task}, against astropy reading and writing",
            size,
            seconds,
            baseline,
            bar=f"<= {TIME_BAR:g} x",
            met=seconds <= TIME_BAR * baseline,
            peak_gb=peak,
            note=note,
        ),
        Result(
            f"{task}, peak memory",
            size,
            peak,
            unit="GB",
            bar=f"< {MEMORY_BAR_GB:g} GB",
            met=peak < MEMORY_BAR_GB,
        ),
    ]


def main():
    """Print the table."""
    harness.child({"make": make, "ours": ours, "astropy": astropy})
    arguments = harness.parser(__doc__, 733_901)
    arguments.add_argument(
        "--repeats", type=int, default=3, help="processes of each kind (default: %(default)s)"
    )
    arguments.add_argument("--folder", type=Path, help="where the files go (default: a temporary folder)")
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        harness.finish(run(options, folder), options)


if __name__ == "__main__":
    main()
