"""Memory and time of the catalogue in chunks, Parquet to Parquet, from 10⁴ to 10⁷ rows.

Run ``python tests/benchmarks/bench_chunks.py [--rows 10000000] [--json FILE] [--folder DIR]``.

The tables are a simulated survey repeated with other identifiers. Seven mass models, ages, domain, errors, no
isochrones. Each catalogue is made in a fresh process, whose peak memory is measured. The time is that of
`write_catalog`: reading, writing and loading the models, but not the imports. The sizes take turns, three
rounds with three runs of a tenth in each, and medians are compared. "Time a row" compares N rows with a tenth
of them, each less the time of a thousandth, which is that of the start.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import _tiled
import harness
import numpy as np
from harness import Result

ROUNDS = 3


def catalogue(source, output):
    """Make a catalogue; return the time, that of the processors, and the peak memory."""
    from skdistmass import write_catalog

    start, worked = time.perf_counter(), time.process_time()
    write_catalog(source, output, isochrone=False)
    return {
        "seconds": time.perf_counter() - start,
        "processor": time.process_time() - worked,
        "peak_gb": harness.peak_gb(),
    }


def make(path, n_rows):
    """Write a table, in a process of its own."""
    _tiled.write_parquet(path, int(n_rows))
    return {}


def _curve(folder, n_rows):
    """Measure the table and its tenth, hundredth and thousandth part; return the medians."""
    sizes = [n_rows // 1000, n_rows // 100, n_rows // 10, n_rows]
    runs = {rows: [] for rows in sizes}
    for rows in sizes:
        harness.fresh(__file__, "make", folder / f"{rows}.parquet", rows)
    output = folder / "out.parquet"
    for rows in (*sizes, sizes[2], sizes[2]) * ROUNDS:
        runs[rows].append(harness.fresh(__file__, "catalogue", folder / f"{rows}.parquet", output))
        output.unlink()
    return {
        rows: {key: float(np.median([run[key] for run in done])) for key in done[0]}
        for rows, done in runs.items()
    }


def _growth(curve, key):
    """Cost of a row of the whole table over that of a row of its tenth, without the cost of the start."""
    (few, fixed), _, (tenth, small), (whole, large) = curve.items()
    return (large[key] - fixed[key]) / (small[key] - fixed[key]) * (tenth - few) / (whole - few)


def main():
    """Run the benchmark."""
    harness.child({"catalogue": catalogue, "make": make})
    arguments = harness.parser(__doc__, 10_000_000)
    arguments.add_argument("--folder", help="where to write the tables (default: a temporary folder)")
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        curve = _curve(Path(folder), options.rows)
    small, large = list(curve.values())[-2:]
    memory, linear = large["peak_gb"] / small["peak_gb"], _growth(curve, "seconds")
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
        Result("  its memory against a tenth", "", memory, unit="x", bar="<= 1.1", met=memory <= 1.1),
        Result(
            "  its time a row against a tenth",
            "",
            linear,
            unit="x",
            bar="0.9 to 1.1",
            met=0.9 <= linear <= 1.1,
        ),
        Result("  its processor time a row against a tenth", "", _growth(curve, "processor"), unit="x"),
    ]
    harness.finish(results, options)


if __name__ == "__main__":
    main()
