"""Accuracy and speed of `IsochroneDistance`, printed with the bars they have to meet.

Usage::

    python tests/benchmarks/bench_isochrone.py [--stars 733901] [--brute 500] [--peer PYTHON] [--json FILE]

`--peer` is the Python of an environment with isoclassify. The real stars are those of ``../shared/data`` (see
its README); without them those lines are left out. The exit code is 1 if a bar is not met.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

import _isochrone_binaries
import _isochrone_real
import _isochrone_speed

PAPER = {"offset": -0.042, "scatter of means": 0.197, "scatter inside": 0.40}


def show(results, indent=0):
    """Print nested results; the innermost on one line."""
    for name, value in results.items():
        label = f"{' ' * indent}{name}"
        if not isinstance(value, dict):
            print(f"{label}: {value:.4g}" if isinstance(value, float) else f"{label}: {value}")
        elif indent and all(not isinstance(inner, dict) for inner in value.values()):
            pairs = (f"{k} {v:.3f}" if isinstance(v, float) else f"{k} {v}" for k, v in value.items())
            print(f"{label}: {', '.join(pairs)}")
        else:
            print(label)
            show(value, indent + 2)


def bars(results):
    """List (what, measured, bar, met) for every measurement with a bar."""
    speed, brute = results["speed"], results["brute force"]
    lines = [
        ("stars a second", speed["stars a second"], ">= 60000", speed["stars a second"] >= 60000),
        ("all stars [s]", speed["all together [s]"], "<= 90", speed["all together [s]"] <= 90),
        ("peak memory [GB]", speed["peak memory [GB]"], "< 1.5", speed["peak memory [GB]"] < 1.5),
        (
            "medians within 0.01 mag of brute force",
            brute["share of medians within 0.01 mag"],
            ">= 0.99",
            brute["share of medians within 0.01 mag"] >= 0.99,
        ),
    ]
    share = brute["share of 16th and 84th percentiles within 0.02 mag"]
    lines.append(("percentiles within 0.02 mag of brute force", share, ">= 0.99", share >= 0.99))
    for name, line in results["share inside the 68 % intervals, stars of the prior"].items():
        value = line["absolute_magnitude"]
        lines.append((f"M_K inside 68 %, {name}", value, "0.64-0.72", 0.64 <= value <= 0.72))
    return lines


def measure(options):
    """Run every measurement."""
    with tempfile.TemporaryDirectory() as folder:
        survey = Path(folder) / "survey.npz"
        _isochrone_speed.write_survey(options.stars, survey)
        results = {
            "speed": _isochrone_speed.in_fresh_process(survey),
            "brute force": _isochrone_speed.brute_force(survey, options.brute),
            "isoclassify on the same isochrones": _isochrone_speed.peer(survey, options.peer),
            "share inside the 68 % intervals, stars of the prior": _isochrone_speed.coverage(),
            "share inside the 68 % intervals, make_survey": _isochrone_speed.coverage_of_survey(survey),
        }
    if _isochrone_real.DATA.is_dir():
        giants = _isochrone_real.real_stars.read_giants()
        results |= {
            "floors of the errors, Teff [K] / log g / [M/H]": _isochrone_real.choose_floors(giants),
            "Kepler giants, test part": _isochrone_real.kepler_giants(giants),
            "offset at log g 3-4 against Gaia, test part": _isochrone_real.offset_budget(giants),
            "Hipparcos": _isochrone_real.hipparcos(),
            "clusters": _isochrone_real.clusters(),
        }
    results["ISOCHRONE_DISAGREES"] = _isochrone_binaries.disagreement(options.binaries)
    return results


def main():
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stars", type=int, default=733_901, help="stars for the speed")
    parser.add_argument("--brute", type=int, default=500, help="stars for the sum over all points")
    parser.add_argument("--binaries", type=int, default=100_000, help="stars for the disagreement bit")
    parser.add_argument("--peer", help="Python of an environment with isoclassify")
    parser.add_argument("--json", type=Path, help="file for the numbers")
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores")
    results = measure(options)
    show(results)
    print(_isochrone_speed.ISOCHRONES_NOTE)
    lines = bars(results)
    print("\nbeside the paper's isochrone distances of clusters")
    for name, value in results.get("clusters", {}).get("isochrones", {}).items():
        if name in PAPER:
            print(f"  {name:44s} {value:10.3f}  {PAPER[name]:>14}")
    print("\nbars")
    for what, value, bar, met in lines:
        print(f"  {what:44s} {value:10.4g}  {bar:>14s}  {'met' if met else 'NOT MET'}")
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    sys.exit(not all(met for *_, met in lines))


if __name__ == "__main__":
    main()
