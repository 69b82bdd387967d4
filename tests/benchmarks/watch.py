"""What got slower: this version against an earlier one, in pairs, with a history.

Run ``python tests/benchmarks/watch.py --against REVISION [--pairs 5] [--rows 50000] [TASK ...]``. The
earlier version is checked out beside this one; each task runs with the two in turn (A B A B ...) in processes
of their own, after one run of each that compiles and does not count. A ratio is that of one pair, so that a
machine whose speed drifts does not matter; processor time counts, which other work on the machine changes
least. The first run of an installation, with everything to compile, is a task too.

A line for each task goes to ``recorded/history.jsonl``: machine, both commits, medians, ratios.
``watch.py --report`` prints the history; exit code 1 says that something got slower.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import _tasks
import harness
import numpy as np

HISTORY = Path(__file__).with_name("recorded") / "history.jsonl"
SLOWER = 1.10  # this version over the earlier one
FIRST_RUN = "first catalogue of an installation"
# Versions before the distributions have no percentiles.
TASKS = (FIRST_RUN, *(task for task in _tasks.WHOLE if task != _tasks.WITH_PERCENTILES), *_tasks.TIMED)


@dataclass(frozen=True)
class Comparison:
    """One task with two versions.

    Parameters
    ----------
    task : str
        Its name.
    commit, against : str
        This version and the earlier one.
    machine : str
        Processor and cores.
    load : float
        Mean load of the machine before.
    date : str
        Day.
    pairs : int
        Number of pairs.
    wall, wall_before, cpu, cpu_before : float
        Medians [s].
    peak_gb, peak_gb_before : float
        Largest memory of any process [GB].
    ratio, ratio_low, ratio_high : float
        Processor time over that of the earlier version: median, least and largest of the pairs.
    """

    task: str
    commit: str
    against: str
    machine: str
    load: float
    date: str
    pairs: int
    wall: float
    wall_before: float
    cpu: float
    cpu_before: float
    peak_gb: float
    peak_gb_before: float
    ratio: float
    ratio_low: float
    ratio_high: float

    @property
    def slower(self) -> bool:
        """Whether it got slower: by more than a tenth in the median, and in every pair."""
        return self.ratio > SLOWER and self.ratio_low > 1.0


def compare(task: str, runs: list[dict], runs_before: list[dict], about: dict) -> Comparison:
    """Compare the runs of a task, which are pairs.

    Parameters
    ----------
    task : str
        Its name.
    runs, runs_before : list of dict
        "wall", "cpu" [s] and "peak_gb" of each run with the two versions.
    about : dict
        "commit", "against", "machine", "load" and "date".

    Returns
    -------
    Comparison
        Medians and ratios.
    """
    ratios = [run["cpu"] / before["cpu"] for run, before in zip(runs, runs_before, strict=True)]
    values = {
        f"{key}{end}": round(float(reduce([run[key] for run in part])), 3)
        for key, reduce in (("wall", np.median), ("cpu", np.median), ("peak_gb", max))
        for end, part in (("", runs), ("_before", runs_before))
    }
    ratio = {"ratio": np.median(ratios), "ratio_low": min(ratios), "ratio_high": max(ratios)}
    rounded = {name: round(float(value), 3) for name, value in ratio.items()}
    return Comparison(task=task, pairs=len(runs), **about, **values, **rounded)


class Version:
    """A tree of the package, with compiled code of its own.

    Parameters
    ----------
    tree : Path
        Folder that holds the package.
    cache : Path
        Folder of its compiled code.
    """

    def __init__(self, tree: Path, cache: Path):
        self.tree, self.cache = tree, cache

    def run(self, task: str, folder: Path, rows: int) -> dict:
        """Run a task in a process; return "wall" and "cpu" [s] and "peak_gb"."""
        with tempfile.TemporaryDirectory() as fresh:
            cache = fresh if task == FIRST_RUN else self.cache
            name = "catalogue of 48 stars" if task == FIRST_RUN else task
            environment = os.environ | {"PYTHONPATH": str(self.tree), "NUMBA_CACHE_DIR": str(cache)}
            command = [sys.executable, "-W", "ignore", _tasks.__file__, name, str(folder), str(rows)]
            with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as error:
                start = time.perf_counter()
                process = subprocess.Popen(command, stdout=out, stderr=error, env=environment, cwd=folder)
                _, status, usage = os.wait4(process.pid, 0)
                wall = time.perf_counter() - start
                process.returncode = os.waitstatus_to_exitcode(status)
                if process.returncode:
                    error.seek(0)
                    raise RuntimeError(f"{name} failed in {self.tree}:\n{error.read()[-2000:]}")
                out.seek(0)
                printed = out.read()
        result = {"wall": wall, "cpu": usage.ru_utime + usage.ru_stime, "peak_gb": usage.ru_maxrss / 1e6}
        if task in _tasks.TIMED:
            result |= json.loads(printed.splitlines()[-1])
        return result


def table(comparisons: list[Comparison]) -> str:
    """Format comparisons as a Markdown table."""
    lines = [
        "| task | processor time | earlier | ratio (pairs) | wall time | peak memory, earlier | |",
        "|---|---|---|---|---|---|---|",
    ]
    for c in comparisons:
        lines.append(
            f"| {c.task} | {c.cpu:.3g} s | {c.cpu_before:.3g} s | {c.ratio:.2f} ({c.ratio_low:.2f}-"
            f"{c.ratio_high:.2f}) | {c.wall:.3g} s | {c.peak_gb:.2f}, {c.peak_gb_before:.2f} GB | "
            f"{'SLOWER' if c.slower else ''} |"
        )
    return "\n".join(lines)


def read_history(path: Path) -> list[Comparison]:
    """Read the comparisons of a history, oldest first."""
    if not path.exists():
        return []
    return [Comparison(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]


def append(comparisons: list[Comparison], path: Path) -> None:
    """Add comparisons to a history."""
    with path.open("a", encoding="utf-8") as file:
        for comparison in comparisons:
            file.write(json.dumps(asdict(comparison)) + "\n")


def report(history: list[Comparison]) -> str:
    """Tell the history of each task, the slower steps marked."""
    lines = []
    for task in dict.fromkeys(c.task for c in history):
        lines.append(task)
        for c in (c for c in history if c.task == task):
            mark = "  SLOWER" if c.slower else ""
            step = f"{c.against} -> {c.commit}"
            lines.append(
                f"  {c.date} {step:28s} {c.cpu_before:8.3g} s -> {c.cpu:8.3g} s  x {c.ratio:.2f}{mark}"
            )
    return "\n".join(lines)


def git(*arguments: str) -> str:
    """Output of a git command in this repository."""
    command = ["git", "-C", str(harness.REPOSITORY), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def facts(against: str) -> dict:
    """Say what is compared, where and when."""
    about = harness.machine()
    changed = "+" if git("status", "--porcelain", "--", "skdistmass") else ""
    return {
        "commit": git("rev-parse", "--short", "HEAD") + changed,
        "against": git("rev-parse", "--short", against),
        "machine": f"{about['processor']}, {about['cores']} cores",
        "load": about["load_at_start"],
        "date": about["date"],
    }


def measure(options: argparse.Namespace) -> list[Comparison]:
    """Run the pairs; a table of every task appears when it is done."""
    about, done = facts(options.against), []
    with tempfile.TemporaryDirectory() as folder:
        work, earlier = Path(folder) / "work", Path(folder) / "earlier"
        work.mkdir()
        git("worktree", "add", "--detach", str(earlier), options.against)
        try:
            versions = Version(harness.REPOSITORY, work / "cache"), Version(earlier, work / "cache_before")
            versions[0].run("make", work, options.rows)
            for task in options.tasks or TASKS:
                if task != FIRST_RUN:
                    for version in versions:
                        version.run(task, work, options.rows)
                pairs = [[v.run(task, work, options.rows) for v in versions] for _ in range(options.pairs)]
                done.append(compare(task, *map(list, zip(*pairs, strict=True)), about))
                print(table(done[-1:]).splitlines()[-1], flush=True)
        finally:
            git("worktree", "remove", "--force", str(earlier))
    return done


def main() -> None:
    """Compare, print, record; exit code 1 if a task got slower."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tasks", nargs="*", metavar="TASK", help=f"default: {'; '.join(TASKS)}")
    parser.add_argument("--against", default="HEAD^", help="earlier version (default: %(default)s)")
    parser.add_argument("--pairs", type=int, default=5, help="runs of each (default: %(default)s)")
    parser.add_argument("--rows", type=int, default=50_000, help="rows of the survey (default: %(default)s)")
    parser.add_argument("--history", type=Path, default=HISTORY, help="file of the history")
    parser.add_argument("--report", action="store_true", help="print the history, run nothing")
    options = parser.parse_args()
    if unknown := set(options.tasks) - set(TASKS):
        parser.error(f"there is no task {', '.join(sorted(unknown))}; there are {'; '.join(TASKS)}")
    if options.report:
        history = read_history(options.history)
        print(report(history) or "no history yet")
        latest = {comparison.task: comparison for comparison in history}
        sys.exit(any(comparison.slower for comparison in latest.values()))
    comparisons = measure(options)
    print("\n" + table(comparisons))
    append(comparisons, options.history)
    slower = [comparison.task for comparison in comparisons if comparison.slower]
    print(f"\nslower than {options.against}: {', '.join(slower) or 'nothing'}")
    sys.exit(bool(slower))


if __name__ == "__main__":
    main()
