"""Start-up: importing the package, the command's help, and one star predicted, each in fresh processes.

Run ``python tests/benchmarks/bench_startup.py [--repeats 11] [--json FILE]``.

Medians of whole processes, from start to exit. The baselines are what we cannot be faster than: a Python that
imports NumPy, or the base class of scikit-learn's estimators.
"""

from __future__ import annotations

import subprocess
import sys
from functools import partial

import harness
from harness import Result

ONE_STAR = """
import sys
from skdistmass import {load}
mass, error = {load}("mass").predict([[4700.0, 2.5, 0.0, 0.0, 0.2]], return_std=True)
assert 0.5 < mass[0] < 3 and 0 < error[0] < 1 and "tensorflow" not in sys.modules
"""
IMPORT = "import skdistmass, sys; assert not {'tensorflow', 'matplotlib', 'dask'} & set(sys.modules)"
HELP = "from skdistmass.cli import main; main(['--help'])"
TASKS = (
    ("import skdistmass", IMPORT, 0.5, "import numpy"),
    ("skdistmass --help", HELP, 0.5, "import numpy"),
    ("load_predictor, and one star", ONE_STAR.format(load="load_predictor"), 1.0, "import numpy"),
    (
        "load_model (an estimator), and one star",
        ONE_STAR.format(load="load_model"),
        None,
        "import sklearn.base",
    ),
)


def start(program):
    """Run a program in a fresh Python."""
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)


def run(options):
    """Measure each task in turn with the baseline."""
    results = []
    for task, program, bar, floor in TASKS:
        ours, baseline = harness.in_turn(
            partial(start, program), partial(start, floor), repeats=options.repeats
        )
        note = f"baseline: {floor}"
        judged = {"bar": f"< {bar:g} s", "met": ours < bar} if bar else {}
        results.append(Result(task, "1 process", ours, baseline, note=note, **judged))
    return results


def main():
    """Print the table."""
    arguments = harness.parser(__doc__, 1)
    arguments.add_argument(
        "--repeats", type=int, default=11, help="processes of each kind (default: %(default)s)"
    )
    options = arguments.parse_args()
    harness.finish(run(options), options)


if __name__ == "__main__":
    main()
