"""Where the time of a catalogue goes: processor time of its compiled parts, one thread, simulated stars.

Run ``python tests/benchmarks/bench_parts.py [--rows 100000]``. Microseconds a row, by a profile of
`fill_catalog`, seven masses and ages, no isochrones, with and without percentiles. Errors of features are
what the networks take beyond a table whose errors are all typical.
"""

from __future__ import annotations

import argparse
import cProfile
import os
import pstats
import time

import numpy as np

os.environ["OMP_NUM_THREADS"] = "1"

from skdistmass import make_survey
from skdistmass.columns import FEATURES
from skdistmass.survey.compute import fill_catalog
from skdistmass.survey.models import load_models
from skdistmass.survey.options import CatalogOptions
from skdistmass.survey.read import read_stars

PARTS = {
    "mean_output": "networks, with gradient and spread",
    "_input_error": "errors of features beyond the gradient, with networks",
    "mixture_outputs": "mixtures of each star",
    "mixture_quantiles": "their quantiles",
    "mixture_sums": "domains",
}


def profile(stars, options):
    """Processor seconds of a catalogue by part; the whole comes from a run without the profiler."""
    models = load_models(options)
    fill_catalog(stars, models, options)  # compiles
    begin = time.process_time()
    fill_catalog(stars, models, options)
    whole = time.process_time() - begin
    profiler = cProfile.Profile()
    profiler.runcall(fill_catalog, stars, models, options)
    found = dict.fromkeys(PARTS, 0.0)
    for (_, _, name), (_, _, _, cumulative, _) in pstats.Stats(profiler).stats.items():
        if name in found:
            found[name] += cumulative
    return {"the whole": whole} | {PARTS[name]: seconds for name, seconds in found.items()}


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=100_000)
    n_rows = parser.parse_args().rows
    survey, _ = make_survey(n_rows, random_state=5)
    typical = survey.copy()
    for name in FEATURES:
        typical[f"{name}_ERR"] = np.full(len(survey), 1e-4, dtype=np.float32)
    plain = CatalogOptions(isochrone=False)
    tables = {
        "now": profile(read_stars(survey), plain),
        "with percentiles": profile(read_stars(survey), CatalogOptions(isochrone=False, percentiles=True)),
        "errors all typical": profile(read_stars(typical), plain),
    }
    print("| part [us a row] | " + " | ".join(tables) + " |\n|---|---|---|---|")
    for part in tables["now"]:
        cells = " | ".join(f"{1e6 * table[part] / len(survey):.1f}" for table in tables.values())
        print(f"| {part} | {cells} |")


if __name__ == "__main__":
    main()
