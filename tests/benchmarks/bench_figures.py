"""CPU time of each figure of a catalogue of a million rows, drawn and rendered.

The rows are stars of a simulated survey, repeated.
"""

from __future__ import annotations

import time

import harness
import matplotlib as mpl
import numpy as np

from skdistmass import build_catalog, make_survey, plots
from skdistmass.columns import LABEL_SETS

mpl.use("Agg")
LIMIT = 2.0  # s
SIMULATED = 20_000


def make_catalog(n_rows):
    """Catalogue of simulated stars, and their true distances [kpc] and ages [Gyr]."""
    from skdistmass.survey.options import DEFAULT_MASSES

    stars, truth = make_survey(min(n_rows, SIMULATED), random_state=0)
    catalog = build_catalog(stars, masses=DEFAULT_MASSES)
    for name in ("RA", "DEC", "MEMBER"):
        catalog[name] = stars[name]
    rows = np.random.default_rng(0).integers(0, len(catalog), n_rows)
    return catalog[rows], truth["distance"][rows].data / 1000.0, truth["age"][rows].data


def figures(catalog, distance, age):
    """One call of each display, by name."""
    six = [f"MASS_{label_set}" for label_set in LABEL_SETS]
    training = np.arange(len(catalog)) % 2 == 0
    gaia_error = 0.05 * np.asarray(catalog["GAIAEDR3_DIST"])
    cn = plots.CarbonNitrogenDisplay.from_catalog
    return {
        "Kiel diagram, density": lambda: plots.KielDisplay.from_catalog(catalog),
        "Kiel diagram by mass": lambda: plots.KielDisplay.from_catalog(catalog, color="MASS"),
        "coverage of a training set": lambda: plots.CoverageDisplay.from_catalog(catalog, training),
        "residuals of dwarfs": lambda: plots.ResidualDisplay.from_catalog(catalog),
        "deviation by log g": lambda: plots.DeviationDisplay.from_catalog(
            catalog, reference_error=gaia_error
        ),
        "cluster distances": lambda: plots.ClusterDistanceDisplay.from_catalog(catalog),
        "cluster ages": lambda: plots.ClusterAgeDisplay.from_catalog(catalog),
        "[C/N] and mass by log g": lambda: cn(catalog, by="LOGG"),
        "[C/N] and six masses by log g": lambda: cn(catalog, six, by="LOGG", color="M_H", median=False),
        "[C/N] and age by [M/H]": lambda: cn(catalog, "LOG_AGE", by="M_H", color="LOGG", spoo=True),
        "[C/N] and Galactocentric radius": lambda: cn(catalog, "R_GAL", by="M_H"),
        "six masses, histograms": lambda: plots.MassHistogramDisplay.from_catalog(catalog),
        "ages compared": lambda: plots.ComparisonDisplay.from_catalog(catalog, age),
        "calibration of distances": lambda: plots.CalibrationDisplay.from_catalog(catalog, distance),
        "posterior of one star": lambda: plots.PosteriorDisplay.from_catalog(catalog, 0),
        "map of the Galaxy by age": lambda: plots.GalaxyMapDisplay.from_catalog(catalog),
    }


def measure(draw):
    """CPU seconds to draw a figure and to render it; all of it runs in one thread."""
    from matplotlib import pyplot

    start = time.process_time()
    draw().figure_.canvas.draw()
    seconds = time.process_time() - start
    pyplot.close("all")
    return seconds


def main():
    """Time every figure, the first once more since it loads matplotlib."""
    options = harness.parser(__doc__, 1_000_000).parse_args()
    calls = figures(*make_catalog(options.rows))
    measure(next(iter(calls.values())))
    results = []
    for name, draw in calls.items():
        seconds = measure(draw)
        size = f"{options.rows:,} rows"
        results.append(harness.Result(f"figure: {name}", size, seconds, bar="2 s", met=seconds < LIMIT))
    harness.finish(results, options)


if __name__ == "__main__":
    main()
