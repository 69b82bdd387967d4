"""Time and memory of the simulated survey, each size in a fresh process.

Run ``python tests/benchmarks/bench_simulate.py [--sizes 5000 150000 733901] [--json FILE]``.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

CHILD = """
import json, resource, sys, time
start = time.perf_counter()
from skdistmass.simulate import make_survey
imported = time.perf_counter()
stars, truth = make_survey(int(sys.argv[1]), 0)
done = time.perf_counter()
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform != "darwin" else 2**30)
print(json.dumps({
    "n_stars": len(stars),
    "import_s": round(imported - start, 2),
    "make_survey_s": round(done - imported, 2),
    "peak_rss_gb": round(peak, 2),
    "giant_share": round(float((truth["log_g"] < 3.5).mean()), 3),
}))
"""
# Limits for the full survey: two minutes, 4 GB.
SECONDS, GIGABYTES = 120.0, 4.0


def main():
    """Measure each size and print a table; exit code 1 if a limit is broken."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[5000, 150_000, 733_901])
    parser.add_argument("--json", type=Path, help="also write the numbers to this file")
    options = parser.parse_args()
    rows = []
    for size in options.sizes:
        command = [sys.executable, "-c", CHILD, str(size)]
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        rows.append(json.loads(output))
    print(" ".join(f"{name:>14}" for name in rows[0]))
    for row in rows:
        print(" ".join(f"{value:>14}" for value in row.values()))
    if options.json:
        options.json.write_text(json.dumps({"benchmark": "simulate", "rows": rows}, indent=2) + "\n")
    sys.exit(any(row["make_survey_s"] > SECONDS or row["peak_rss_gb"] > GIGABYTES for row in rows))


if __name__ == "__main__":
    main()
