"""Memory and time of the catalogue in chunks, Parquet to Parquet, from 10⁴ to 10⁷ rows.

Run ``python tests/benchmarks/bench_chunks.py [--rows 10000000] [--json FILE] [--folder DIR]``.

The tables are a simulated survey repeated with other identifiers. Seven mass models, ages, domain, errors, no
isochrones. Each catalogue is made in a fresh process, whose peak memory is measured. The time is that of
`write_catalog`: reading, writing and loading the models, but not the imports; of up to a million rows it is
the median of three processes. "Time a row" compares N rows with a tenth of them, each less the time of a
thousandth, which is that of the start.
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


def make(path, n_rows):
    """Write a table, in a process of its own."""
    _tiled.write_parquet(path, int(n_rows))
    return {}


def _curve(folder, n_rows):
    """Measure the cost curve: the table and its tenth, hundredth and thousandth part."""
    done = {}
    for rows in (n_rows // 1000, n_rows // 100, n_rows // 10, n_rows):
        source, output = folder / f"{rows}.parquet", folder / f"out-{rows}.parquet"
        harness.fresh(__file__, "make", source, rows)
        runs = []
        for _ in range(3 if rows <= 1_000_000 else 1):
            runs.append(harness.fresh(__file__, "catalogue", source, output))
            output.unlink()
        source.unlink()
        done[rows] = {key: float(np.median([run[key] for run in runs])) for key in runs[0]}
    return done


def main():
    """Run the benchmark."""
    harness.child({"catalogue": catalogue, "make": make})
    arguments = harness.parser(__doc__, 10_000_000)
    arguments.add_argument("--folder", help="where to write the tables (default: a temporary folder)")
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        curve = _curve(Path(folder), options.rows)
    fixed, _, small, large = curve.values()
    growth = large["peak_gb"] / small["peak_gb"]
    # What the smallest table takes is the start, not the rows.
    seconds = [run["seconds"] - fixed["seconds"] for run in (small, large)]
    linear = seconds[1] / seconds[0] * (options.rows // 10 - options.rows // 1000) / (options.rows * 0.999)
    results = [
        *(
            Result("catalogue, Parquet to Parquet", f"{rows} rows", run["seconds"], peak_gb=run["peak_gb"])
            for rows, run in list(curve.items())[:-1]
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
    ]
    harness.finish(results, options)


if __name__ == "__main__":
    main()
