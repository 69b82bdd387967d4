"""What a user waits for, with the bar of each: first run, catalogues, isochrone distances.

Run ``python tests/benchmarks/bench_bars.py [--rows 733901] [--json FILE]``: five minutes on 2 quiet cores,
5 GB of disk. Whole processes of the command line, from start to exit, the files in the system's cache; the
Parquet table has 13.6 times as many rows as the FITS file. ``watch.py`` compares with an earlier version.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import _isochrone_speed
import _tasks
import _tiled
import harness
import numpy as np
from harness import Result
from watch import FIRST_RUN, Version

PARQUET_FACTOR = 10_000_000 / 733_901
BRUTE_STARS, RATE_STARS = 500, 200_000
TIME_BAR = 1e6 / 60_000


def make(folder, rows):
    """Write the tables; they repeat simulated stars."""
    rows, folder = int(rows), Path(folder)
    _tasks.make(folder, min(_tiled.TILE_ROWS, rows))
    _tiled.write_fits(folder / "survey.fits", rows, row_bytes=0)
    _tiled.write_parquet(folder / "survey.parquet", round(PARQUET_FACTOR * rows))
    return {}


def isochrones(folder, rows):
    """Rate of isochrone distances on all cores, and their difference from sums over all points."""
    file = np.load(Path(folder) / "survey.npz")
    from skdistmass import IsochroneDistance

    n_stars = min(RATE_STARS, int(rows))
    labels, errors = (np.resize(file[name], (n_stars, 3)) for name in ("labels", "errors"))
    model = IsochroneDistance().fit()
    seconds = harness.seconds(
        lambda: model.predict_distance(labels, 10.0, 0.0, X_error=errors), repeats=3, warm_up=True
    )
    survey = Path(folder) / "isochrones.npz"
    _isochrone_speed.write_survey(min(20_000, int(rows)), survey)
    compared = _isochrone_speed.brute_force(survey, BRUTE_STARS)
    return compared | {"rate": n_stars / seconds, "stars": n_stars, "stars compared": compared["stars"]}


def timed(version, task, folder, options, bar, repeats=1):
    """Run a task; the median of its wall times against a bar."""
    runs = [version.run(task, folder, options.rows) for _ in range(repeats)]
    wall = float(np.median([run["wall"] for run in runs]))
    cpu = float(np.median([run["cpu"] for run in runs]))
    peak = max(run["peak_gb"] for run in runs)
    rows = {"catalogue, Parquet to Parquet": round(PARQUET_FACTOR * options.rows)}.get(task, options.rows)
    size = "48 rows" if task in (FIRST_RUN, "catalogue of 48 stars") else f"{rows:,} rows"
    note = f"{cpu:.1f} s of processor time"
    return Result(task, size, wall, bar=f"<= {bar:g} s", met=wall <= bar, peak_gb=peak, note=note)


def of_isochrones(measured):
    """Lines of isochrone distances."""
    ours, brute = (1e6 / measured[name] for name in ("rate", "brute force, stars a second"))
    size, note = f"{measured['stars']:,} stars", "all cores; baseline: sums over all points, one core"
    bar = {"bar": f"<= {TIME_BAR:g} us, 60,000 a second", "met": ours <= TIME_BAR}
    lines = [Result("isochrone distance of a star", size, ours, brute, unit="us", note=note, **bar)]
    for share in ("share of medians within 0.01 mag", "share of 16th and 84th percentiles within 0.02 mag"):
        value, size = measured[share], f"{measured['stars compared']} stars"
        lines.append(
            Result(f"{share} of the brute force", size, value, unit="", bar=">= 0.99", met=value >= 0.99)
        )
    return lines


def run(options, folder):
    """Measure everything."""
    harness.fresh(__file__, "make", folder, options.rows)
    version = Version(harness.REPOSITORY, folder / "cache")
    results = [timed(version, FIRST_RUN, folder, options, 12.0)]
    version.run("catalogue of 48 stars", folder, options.rows)  # compiles
    version.run("catalogue, FITS to FITS", folder, options.rows)
    results += [
        timed(version, "catalogue of 48 stars", folder, options, 4.0, repeats=3),
        timed(version, "catalogue, FITS to FITS", folder, options, 6.0, repeats=3),
        timed(version, _tasks.WITH_PERCENTILES, folder, options, 19.5),
        timed(version, "catalogue with isochrones", folder, options, 22.0),
        timed(version, "catalogue, Parquet to Parquet", folder, options, 45.0),
    ]
    return results + of_isochrones(harness.fresh(__file__, "isochrones", folder, options.rows))


def main():
    """Print the table."""
    harness.child({"make": make, "isochrones": isochrones})
    arguments = harness.parser(__doc__, 733_901)
    arguments.add_argument("--folder", type=Path, help="where the files go (default: a temporary folder)")
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        harness.finish(run(options, Path(folder)), options)


if __name__ == "__main__":
    main()
