"""Memory and time of the catalogue in chunks: Parquet from 10⁴ to 10⁷ rows, and an allStar file in FITS.

Run ``python tests/benchmarks/bench_chunks.py [--rows N] [--fits-rows N] [--json FILE] [--folder DIR]``.

The tables are a simulated survey repeated with other identifiers; the FITS rows are as long as those of an
allStar file (2.7 kB). Seven mass models, ages, domain, errors, no isochrones. Each catalogue is made in a
fresh process, whose peak memory is measured. The time is that of `write_catalog`: reading, writing and
loading the models, but not the imports; of up to a million rows it is the median of three processes. "Time a
row" compares N rows with a tenth of them, each less the time of a thousandth, which is that of the start.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import _tiled
import harness
import numpy as np
from harness import Result


def catalogue(source, output):
    """Make a catalogue; return the time and the peak memory."""
    from skdistmass.survey.chunks import write_catalog

    start = time.perf_counter()
    write_catalog(source, output, isochrone=False)
    return {"seconds": time.perf_counter() - start, "peak_gb": harness.peak_gb()}


def make(kind, path, n_rows):
    """Write a table, in a process of its own."""
    (_tiled.write_fits if kind == "fits" else _tiled.write_parquet)(path, int(n_rows))
    return {}


def read_and_write(source, output):
    """Time astropy reading the columns that a catalogue needs and writing a table of its size."""
    from astropy.io import fits
    from astropy.table import Table

    from skdistmass.survey.reading import StarReader

    columns = StarReader(source).columns
    catalog = Table.read(output, format="fits", unit_parse_strict="silent")
    start = time.perf_counter()
    with fits.open(source, memmap=True) as hdus:
        table = Table({name: hdus[1].data[name] for name in columns})
    catalog.write(f"{output}.copy.fits", format="fits")
    return {"seconds": time.perf_counter() - start, "rows": len(table), "peak_gb": harness.peak_gb()}


def _parquet(folder, n_rows):
    """Measure the cost curve: the table and its tenth, hundredth and thousandth part."""
    done = {}
    for rows in (n_rows // 1000, n_rows // 100, n_rows // 10, n_rows):
        source, output = folder / f"{rows}.parquet", folder / f"out-{rows}.parquet"
        harness.fresh(__file__, "make", "parquet", source, rows)
        runs = []
        for _ in range(3 if rows <= 1_000_000 else 1):
            runs.append(harness.fresh(__file__, "catalogue", source, output))
            output.unlink()
        source.unlink()
        done[rows] = {key: float(np.median([run[key] for run in runs])) for key in runs[0]}
    return done


def _fits(folder, n_rows):
    source, output = folder / "allStar.fits", folder / "out.fits"
    harness.fresh(__file__, "make", "fits", source, n_rows)
    ours = harness.fresh(__file__, "catalogue", source, output)
    return ours, harness.fresh(__file__, "read_and_write", source, output)


def main():
    """Run the benchmark."""
    harness.child({"catalogue": catalogue, "make": make, "read_and_write": read_and_write})
    arguments = harness.parser(__doc__, 10_000_000)
    arguments.add_argument("--fits-rows", type=int, default=733_901, help="rows of the FITS file")
    arguments.add_argument("--folder", help="where to write the tables (default: a temporary folder)")
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        parquet = _parquet(Path(folder), options.rows)
        ours, plain = _fits(Path(folder), options.fits_rows)
    fixed, _, small, large = parquet.values()
    growth = large["peak_gb"] / small["peak_gb"]
    # What the smallest table takes is the start, not the rows.
    seconds = [run["seconds"] - fixed["seconds"] for run in (small, large)]
    linear = seconds[1] / seconds[0] * (options.rows // 10 - options.rows // 1000) / (options.rows * 0.999)
    results = [
        *(
            Result("catalogue, Parquet to Parquet", f"{rows} rows", run["seconds"], peak_gb=run["peak_gb"])
            for rows, run in list(parquet.items())[:-1]
        ),
        Result(
            "catalogue, Parquet to Parquet",
            f"{options.rows} rows",
            large["seconds"],
            peak_gb=large["peak_gb"],
            bar="peak < 1.5 GB",
            met=large["peak_gb"] < 1.5,
            note=f"{options.rows / large['seconds']:.3g} rows a second",
        ),
        Result("  its memory against a tenth", "", growth, unit="x", bar="<= 1.1", met=growth <= 1.1),
        Result(
            "  its time a row against a tenth",
            "",
            linear,
            unit="x",
            bar="0.9 to 1.1",
            met=0.9 <= linear <= 1.1,
        ),
        Result(
            "catalogue, allStar FITS to FITS",
            f"{options.fits_rows} rows",
            ours["seconds"],
            plain["seconds"],
            peak_gb=ours["peak_gb"],
            bar="peak < 2 GB; time <= 3 x astropy reading and writing",
            met=ours["peak_gb"] < 2 and ours["seconds"] <= 3 * plain["seconds"],
            note="baseline: astropy reads the needed columns and writes such a table",
        ),
    ]
    harness.finish(results, options)


if __name__ == "__main__":
    main()
