"""Attack the package: `python tests/attacks/run.py [--tables N] [--files N] [--kills N] ... [--page]`.

Generated tables, damaged files of every format, killed and racing processes, hostile model files. A table
is printed at the end, and with `--page` each of its rows put into docs/trust.md; faults come first, each with
the number that makes it again.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import generated
import hostile_models
import hostile_programs
import hostile_routes
import mutated
import processes

Result = tuple[Counter[str], list[str]]
STEP, BATCH_SECONDS = 100, 1800
ROOT = Path(__file__).resolve().parents[2]
HEAD = ("| attack | tried | what happened | faults |", "|---|---|---|---|")


def in_batches(attack: Callable[..., Result], n_attacks: int, n_processes: int, *arguments: str) -> Result:
    """Attack in processes of their own: one that dies or hangs is a fault, not the end."""
    outcomes: Counter[str] = Counter()
    faults: list[str] = []
    with ProcessPoolExecutor(n_processes, get_context("spawn"), initializer=quiet) as pool:
        jobs = {
            first: pool.submit(attack, *arguments, first, min(first + STEP, n_attacks))
            for first in range(0, n_attacks, STEP)
        }
        for first, job in jobs.items():
            try:
                found, named = job.result(BATCH_SECONDS)
            except (BrokenProcessPool, TimeoutError) as error:
                found, named = Counter({"fault": 1}), [f"{arguments} {first}..: {type(error).__name__}"]
            outcomes += found
            faults += named
    return outcomes, faults


def quiet() -> None:
    """Silence what is said of odd tables; only errors count here."""
    warnings.simplefilter("ignore")
    sys.stderr = open(os.devnull, "w")  # noqa: SIM115 -- as long as the process lives


def load_hostile_models(n_foreign: int | None) -> Result:
    """Load hostile model files on every route."""
    command = [sys.executable, hostile_routes.__file__, *([] if n_foreign is None else [str(n_foreign)])]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    *faults, summary = run.stdout.splitlines() or [""]
    if run.returncode and not faults:
        return Counter({"fault": 1}), [f"it ended with {run.returncode}: {run.stderr[-300:]}"]
    number, _, what = summary.partition(" ")
    return Counter({what: int(number)}), faults


def count_models() -> dict[str, int]:
    """Count the hostile model files that there are: all, and those that name nothing foreign."""
    other = len(list(hostile_programs.malformed_files())) + len(list(hostile_models.damaged_files()))
    return {"other": other, "all": other + len(hostile_models.foreign_files(None))}


def show(page: Path, rows: dict[str, str]) -> None:
    """Put rows, by the attack, into the table between the marks of a page."""
    begin, end = "<!-- attacks -->\n", "<!-- end -->"
    before, _, rest = page.read_text(encoding="utf-8").partition(begin)
    shown, _, after = rest.partition(end)
    kept = {line.split("|")[1].strip(): line for line in shown.splitlines()[2:]}
    table = "\n".join([*HEAD, *(kept | rows).values()])
    page.write_text(f"{before}{begin}{table}\n{end}{after}", encoding="utf-8")


def attacks(arguments: argparse.Namespace) -> dict[str, tuple[int, Callable[[], Result]]]:
    """Give the attacks that are asked for: how many, and what makes them."""
    n_trainings, n_models = arguments.kills // 5, count_models()
    # All of them by default; else fewer of those that name foreign things.
    n_foreign = None if arguments.models is None else max(arguments.models - n_models["other"], 1)
    chosen = {
        "generated tables": (
            arguments.tables,
            lambda: in_batches(generated.run, arguments.tables, arguments.processes),
        )
    }
    for kind in mutated.FORMATS:
        chosen[f"damaged files, {kind}"] = (
            arguments.files,
            lambda kind=kind: in_batches(mutated.run, arguments.files, arguments.processes, kind),
        )
    chosen |= {
        "killed processes": (
            arguments.kills,
            lambda: processes.run_kills(arguments.kills - n_trainings, n_trainings),
        ),
        "racing pairs of processes": (arguments.races, lambda: processes.run_races(arguments.races)),
        "hostile model files": (
            n_models["all"] if arguments.models is None else arguments.models,
            lambda: load_hostile_models(n_foreign),
        ),
    }
    return {name: (number, make) for name, (number, make) in chosen.items() if number}


def main() -> int:
    """Attack, and print what happened."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--tables", type=int, default=10_000, help="generated tables")
    parser.add_argument("--files", type=int, default=2000, help="damaged files of each format")
    parser.add_argument("--kills", type=int, default=100, help="killed processes, a fifth of them training")
    parser.add_argument("--races", type=int, default=50, help="pairs of processes with one output")
    parser.add_argument("--models", type=int, help="hostile model files on every route, by default all")
    parser.add_argument("--page", action="store_true", help="put the rows into docs/trust.md")
    parser.add_argument("--processes", type=int, default=1, help="attacks at the same time")
    arguments = parser.parse_args()
    rows, n_faults = {}, 0
    for name, (number, make) in attacks(arguments).items():
        begin = time.monotonic()
        outcomes, faults = make()
        n_faults += len(faults)
        print(*faults, sep="\n", end="\n" if faults else "", flush=True)
        told = "; ".join(f"{count} {what}" for what, count in sorted(outcomes.items()))
        rows[name] = f"| {name} | {number} | {told} | {len(faults)} |"
        print(f"{rows[name]} ({time.monotonic() - begin:.0f} s)", flush=True)
        if arguments.page:
            show(ROOT / "docs" / "trust.md", {name: rows[name]})
    print("", *HEAD, *rows.values(), sep="\n")
    return int(n_faults > 0)


if __name__ == "__main__":
    sys.exit(main())
