"""Run the benchmarks and print one table.

Run ``python tests/benchmarks/run_all.py [--json FILE] [--quick] [NAME ...]``. Each benchmark is a process of
its own; "dask" needs the extra of that name. ``--quick`` runs all of them on small tables, to see that they
work; its numbers mean nothing.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import harness
from harness import Result

# Benchmark and the rows of a quick run.
SCRIPTS = {
    "accuracy": 2000,
    "solver": 8000,
    "gridsearch": 600,
    "predict": 20_000,
    "catalog": 5000,
    "chunks": 20_000,
    "dask": 20_000,
    "blocks": 20_000,
    "startup": 1,
    "bars": 5000,
    "figures": 5000,
}


def run(name, quick):
    """Run one benchmark; return its results, or one line that says how it failed."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "results.json"
        command = [sys.executable, str(Path(__file__).with_name(f"bench_{name}.py")), "--json", str(target)]
        if quick:
            command += ["--rows", str(SCRIPTS[name])]
        print(f"--- {name}", flush=True)
        done = subprocess.run(command, stderr=subprocess.PIPE, text=True)
        if not target.exists():
            print(done.stderr[-3000:])
            return [
                Result(f"{name} failed: {done.stderr.strip().splitlines()[-1:]}", "", float("nan"), met=False)
            ]
        rows = json.loads(target.read_text())["results"]
    for row in rows:
        del row["ratio"]
        row |= {key: float("nan") for key in ("ours", "baseline", "peak_gb") if row[key] is None}
    return [Result(**row) for row in rows]


def main():
    """Run, print, write; exit code 1 if a bar is not met."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"benchmarks to run: {', '.join(SCRIPTS)} (default: all)"
    )
    parser.add_argument("--json", type=Path, help="also write the results to this file")
    parser.add_argument("--quick", action="store_true", help="small tables")
    options = parser.parse_args()
    if unknown := set(options.names) - set(SCRIPTS):
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}; there are {', '.join(SCRIPTS)}")
    results = [result for name in options.names or SCRIPTS for result in run(name, options.quick)]
    about = harness.machine()
    print(f"\n{about['processor']}, {about['cores']} cores, Python {about['python']}\n")
    print(harness.markdown(results))
    if options.json:
        harness.write(results, options.json)
    sys.exit(any(result.met is False for result in results))


if __name__ == "__main__":
    main()
