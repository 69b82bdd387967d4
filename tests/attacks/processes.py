"""Killed and racing processes: what they write is whole or goes on, and never mixed."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

from skdistmass import load_model, load_predictor, make_survey, write_catalog, write_table
from skdistmass.survey.parts import parts_folder

_FILE = Path(__file__).resolve().parents[1] / "survey" / "test_interruption.py"
_SPEC = importlib.util.spec_from_file_location("interruption", _FILE)
interruption = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(interruption)

_TRAIN = """
import sys, warnings
warnings.simplefilter("ignore")
from skdistmass import DistanceRegressor, train_distance
network = DistanceRegressor(hidden_layer_sizes=(3,), n_restarts=1, max_iter=5, random_state=0)
print("ready", flush=True)
train_distance(sys.argv[1], estimator=network, threshold=None).save(sys.argv[2], overwrite=True)
print("done", flush=True)
"""
Fault = str | None


def start(*command: str) -> subprocess.Popen[str]:
    """Start Python on a script; return when it says that it is ready."""
    run = subprocess.Popen([sys.executable, "-c", *command], stdout=subprocess.PIPE, text=True)
    run.stdout.readline()
    return run


def kill_after(run: subprocess.Popen[str], seconds: float) -> bool:
    """Kill a process after some time; tell whether it was still at work."""
    try:
        run.wait(seconds)
    except subprocess.TimeoutExpired:
        run.send_signal(signal.SIGKILL)
    run.communicate()
    return run.returncode == -signal.SIGKILL


_WRITE = interruption._RUN.replace(
    "from skdistmass.survey", "print('ready', flush=True)\nfrom skdistmass.survey", 1
)


class Catalogs:
    """Runs that write one catalogue in several formats."""

    def __init__(self, folder: Path):
        self.folder, self.source = folder, interruption.make_inputs(folder)
        self.expected = {}
        for name in interruption.OUTPUTS:
            path = self.place(f"expected-{name}") / name
            self.write(path)
            self.expected[name] = interruption.content(path)

    def place(self, name: str) -> Path:
        """Make a folder of its own for a run."""
        (self.folder / name).mkdir()
        return self.folder / name

    def write(self, output: Path) -> None:
        """Write the catalogue in this process."""
        write_catalog(self.source, output, chunk_rows=50, **interruption.OPTIONS)

    def kill(self, number: int, rng: np.random.Generator) -> tuple[str, Fault]:
        """Kill a run at a random moment, go on, and compare with the clean run."""
        name = interruption.OUTPUTS[number % len(interruption.OUTPUTS)]
        output = self.place(f"kill-{number}") / name
        run = start(_WRITE, str(self.source), str(output), "0.02", "50")
        killed = kill_after(run, rng.uniform(0, 1.5))
        n_done = len(list(parts_folder(output).glob("*/part.*")))
        if output.exists() and interruption.content(output) != self.expected[name]:
            return "", f"{name}: half a catalogue under its name"
        if not output.exists():
            self.write(output)
        if interruption.content(output) != self.expected[name]:
            return "", f"{name}: another catalogue after {n_done} pieces"
        if left := sorted(set(os.listdir(output.parent)) - {name}):
            return "", f"{name}: {left} left behind"
        return (
            f"{name} killed, gone on to the same bytes" if killed else f"{name} done before the kill"
        ), None

    def race(self, number: int) -> tuple[str, Fault]:
        """Let two processes make one catalogue."""
        name = interruption.OUTPUTS[number % len(interruption.OUTPUTS)]
        try:
            message = interruption.race(self.source, self.place(f"race-{number}") / name, self.expected[name])
        except (AssertionError, ValueError) as error:
            return "", f"{name}: {error}"[:300]
        told = "process " in message or "exists" in message or "another process" in message
        return f"{name}: one wrote, the other was told", None if told else f"{name}: {message}"


class Trainings:
    """Runs that train and save one model."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.source = write_table(make_survey(3000, random_state=2)[0], folder / "labels.fits")
        self.expected, self.seconds = self.train(folder / "expected.joblib")

    def train(self, output: Path) -> tuple[bytes, float]:
        """Train without a kill; give the bytes of the model and the time that it took."""
        begin = time.monotonic()
        run = start(_TRAIN, str(self.source), str(output))
        run.communicate()
        return output.read_bytes(), time.monotonic() - begin

    def kill(self, number: int, rng: np.random.Generator) -> tuple[str, Fault]:
        """Kill a training at a random moment; what is there must load, and another training must work."""
        folder = self.folder / f"train-{number}"
        folder.mkdir()
        output = folder / "expected.joblib"
        run = start(_TRAIN, str(self.source), str(output))
        killed = kill_after(run, rng.uniform(0, self.seconds))
        if output.exists():
            load_model(output), load_predictor(output)
            if output.read_bytes() != self.expected:
                return "", "another model"
        content, _ = self.train(output)
        left = [name for name in os.listdir(folder) if name.startswith(".")]
        if content != self.expected or left:
            return "", f"training again gave another model, or left {left}"
        return (
            "training killed, none or the whole model" if killed else "training done before the kill"
        ), None


def collect(attempts: list[Callable[[], tuple[str, Fault]]]) -> tuple[Counter[str], list[str]]:
    """Make the attempts; count what happened, and list the faults."""
    outcomes: Counter[str] = Counter()
    faults = []
    for number, attempt in enumerate(attempts):
        try:
            outcome, fault = attempt()
        except Exception as error:
            outcome, fault = "", f"{type(error).__name__}: {error}"[:300]
        outcomes["fault" if fault else outcome] += 1
        faults += [f"{number}: {fault}"] if fault else []
    return outcomes, faults


def run_kills(n_catalogs: int, n_trainings: int, seed: int = 0) -> tuple[Counter[str], list[str]]:
    """Kill that many runs of each."""
    rng = np.random.default_rng(seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        catalogs = Catalogs(folder) if n_catalogs else None
        trainings = Trainings(folder) if n_trainings else None
        attempts = [lambda i=i: catalogs.kill(i, rng) for i in range(n_catalogs)]
        attempts += [lambda i=i: trainings.kill(i, rng) for i in range(n_trainings)]
        return collect(attempts)


def run_races(n_pairs: int) -> tuple[Counter[str], list[str]]:
    """Let that many pairs of processes race."""
    with tempfile.TemporaryDirectory() as name:
        catalogs = Catalogs(Path(name))
        return collect([lambda i=i: catalogs.race(i) for i in range(n_pairs)])
