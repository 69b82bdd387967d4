"""What the benchmarks share: arguments, medians, memory, fresh processes, one form of result."""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

REPOSITORY = Path(__file__).resolve().parents[2]
DATA = REPOSITORY.parent / "shared" / "data"


@dataclass
class Result:
    """One line of the table.

    Parameters
    ----------
    task, size : str
        What was done, on how much.
    ours, baseline : float
        The measured values; NaN for none.
    unit : str
        Their unit.
    bar : str
        The bar in words; "" where there is none.
    met : bool or None
        Whether it is met; None where there is no bar.
    peak_gb : float
        Peak memory of our process [GB]; NaN if not measured.
    note : str
        What a reader of the numbers should know.
    """

    task: str
    size: str
    ours: float
    baseline: float = float("nan")
    unit: str = "s"
    bar: str = ""
    met: bool | None = None
    peak_gb: float = float("nan")
    note: str = ""

    @property
    def ratio(self) -> float:
        """Baseline over ours: how many times less we take."""
        return self.baseline / self.ours


def parser(description: str, rows: int) -> argparse.ArgumentParser:
    """Arguments that every benchmark has."""
    arguments = argparse.ArgumentParser(description=description.splitlines()[0])
    arguments.add_argument("--rows", type=int, default=rows, help="size of the table (default: %(default)s)")
    arguments.add_argument("--json", type=Path, help="also write the results to this file")
    return arguments


def finish(results: list[Result], options: argparse.Namespace) -> None:
    """Print the results and write them."""
    print(markdown(results))
    if options.json:
        write(results, options.json)


def write(results: list[Result], path: Path) -> None:
    """Write results and machine as JSON; NaN becomes null."""
    rows = [asdict(result) | {"ratio": result.ratio} for result in results]
    plain = [
        {k: None if isinstance(v, float) and not np.isfinite(v) else v for k, v in row.items()}
        for row in rows
    ]
    path.write_text(json.dumps({"machine": machine(), "results": plain}, indent=1, ensure_ascii=False) + "\n")


def markdown(results: list[Result]) -> str:
    """Format results as a Markdown table."""
    lines = [
        "| task | size | ours | baseline | ratio | peak memory | bar |",
        "|---|---|---|---|---|---|---|",
    ]
    for r in results:
        peak = f"{r.peak_gb:.2f} GB" if np.isfinite(r.peak_gb) else ""
        bar = r.bar if r.met is None else f"{r.bar}: {'met' if r.met else 'NOT met'}"
        note = f" ({r.note})" if r.note else ""
        cells = (
            r.task + note,
            r.size,
            _number(r.ours, r.unit),
            _number(r.baseline, r.unit),
            _ratio(r),
            peak,
            bar,
        )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _number(value: float, unit: str) -> str:
    return f"{value:.3g} {unit}".strip() if np.isfinite(value) else ""


def _ratio(result: Result) -> str:
    return f"{result.ratio:.3g}" if np.isfinite(result.ratio) else ""


def machine() -> dict:
    """Describe the machine and the versions of what was measured."""
    from importlib.metadata import version

    model = platform.processor()
    if Path("/proc/cpuinfo").exists():
        names = [
            line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")
        ]
        model = names[0].split(":")[1].strip() if names else model
    packages = ("skdistmass", "numpy", "scipy", "scikit-learn", "numba", "keras", "tensorflow", "astropy")
    return {
        "processor": model,
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "python": platform.python_version(),
        "load_at_start": round(os.getloadavg()[0], 2),
        "versions": {name: version(name) for name in packages},
        "date": time.strftime("%Y-%m-%d"),
    }


def seconds(function, repeats: int = 1, warm_up: bool = False) -> float:
    """Median wall time of a call [s]."""
    if warm_up:
        function()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return float(np.median(times))


def in_turn(*functions, repeats: int = 5) -> list[float]:
    """Median wall times of several calls, run in turn so that a busy machine slows all of them [s]."""
    times = [[seconds(function) for function in functions] for _ in range(repeats + 1)]
    return [float(t) for t in np.median(times[1:], axis=0)]


def peak_gb() -> float:
    """Peak resident memory of this process so far [GB]."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform != "darwin" else 1e9)


def fresh(script: str, *arguments: object) -> dict:
    """Run a function of a benchmark in a fresh process and return the JSON of its last line.

    Parameters
    ----------
    script : str
        File of the benchmark, which is called with ``--child`` and the arguments.
    arguments : object
        Name of the function and its arguments, as text.
    """
    command = [sys.executable, script, "--child", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def child(functions) -> None:
    """Serve `fresh`: if this process is such a child, run the named function, print its result and leave."""
    if len(sys.argv) < 3 or sys.argv[1] != "--child":
        return
    name, *arguments = sys.argv[2:]
    print(json.dumps(functions[name](*arguments)))
    sys.exit()


def simulated_magnitudes(n_rows: int, seed: int = 1):
    """Simulated stars of all luminosities with absolute magnitudes as a parallax gives them.

    Parameters
    ----------
    n_rows : int
        Number of stars.
    seed : int
        Seed of the survey.

    Returns
    -------
    X : ndarray of shape (n_rows, 5)
        TEFF [K], LOGG, M_H, C_FE, N_FE [dex].
    y, sigma : ndarray of shape (n_rows,)
        Absolute magnitude with an error, and that error [mag], at most 0.5.
    """
    from skdistmass import make_survey
    from skdistmass.columns import FEATURES

    stars, truth = make_survey(int(1.3 * n_rows) + 100, random_state=seed)
    X = np.column_stack([np.asarray(stars[name], dtype=float) for name in FEATURES])
    parallax_error, distance = (
        np.asarray(stars["GAIAEDR3_PARALLAX_ERROR"], float),
        np.asarray(truth["distance"], float),
    )
    sigma = np.hypot(5.0 / np.log(10.0) * parallax_error * distance / 1000.0, 0.05)
    magnitude = np.asarray(truth["absolute_magnitude_system"], dtype=float)
    star_bad = (np.asarray(stars["ASPCAPFLAG"]) >> 23) & 1
    kept = np.flatnonzero(np.isfinite(X).all(axis=1) & (star_bad == 0) & (sigma < 0.5))[:n_rows]
    if len(kept) < n_rows:
        raise RuntimeError(f"the simulated survey has {len(kept)} usable stars; {n_rows} are needed")
    y = magnitude[kept] + sigma[kept] * np.random.default_rng(seed).standard_normal(n_rows)
    return X[kept], y, sigma[kept]


def measured_model(name):
    """Load a model as it was before its last fit on all stars: it knows nothing of the test part."""
    from skdistmass import load_model

    return load_model(Path(__file__).with_name("measured") / f"{name}.joblib")


def real_masses():
    """Real giants with seismic masses: features, mass and its error [Msun], and who is in the test part."""
    sys.path.insert(0, str(REPOSITORY / "examples" / "making"))
    import star_labels

    from skdistmass.columns import FEATURES

    labels = star_labels.mass_labels()
    X = labels[list(FEATURES)].to_numpy(float)
    return X, labels.label.to_numpy(), labels.error.to_numpy(), labels.test.to_numpy()
