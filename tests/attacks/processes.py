"""Killed and racing processes: what they write is whole or goes on, and never mixed.

They are forked from a server that has imported the package, so that each begins its work at once.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np

from skdistmass import (
    DistanceRegressor,
    load_model,
    load_predictor,
    make_survey,
    train_distance,
    write_catalog,
    write_table,
)
from skdistmass.survey.parts import OutputInUseError, Parts, parts_folder

_FILE = Path(__file__).resolve().parents[1] / "survey" / "test_interruption.py"
_SPEC = importlib.util.spec_from_file_location("interruption", _FILE)
interruption = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(interruption)

_CONTEXT = get_context("forkserver")
_CONTEXT.set_forkserver_preload(
    ["skdistmass.survey.catalog", "skdistmass.estimators.distance", "skdistmass.training"]
)
_SECONDS = 600
Fault = str | None


def write(source: Path, output: Path) -> None:
    """Write a catalogue, with a pause after each piece."""
    write_part = Parts.write

    def slowly(self: Parts, *arguments: object) -> None:
        time.sleep(0.02)
        write_part(self, *arguments)

    Parts.write = slowly
    write_catalog(source, output, chunk_rows=50, **interruption.OPTIONS)


def train(source: Path, output: Path) -> None:
    """Train a small model and save it."""
    network = DistanceRegressor(hidden_layer_sizes=(3,), n_restarts=1, max_iter=5, random_state=0)
    train_distance(source, estimator=network, threshold=None).save(output, overwrite=True)


def work(connection: Connection, task: Callable[[Path, Path], None], source: Path, output: Path) -> None:
    """Do a task in a process of its own: say when it begins, and why it was refused."""
    warnings.simplefilter("ignore")
    connection.send("ready")
    try:
        task(source, output)
    except (OutputInUseError, FileExistsError) as error:
        connection.send(str(error))
        raise SystemExit(1) from error


def start(task: Callable[[Path, Path], None], source: Path, output: Path) -> tuple[BaseProcess, Connection]:
    """Start a task; return when it begins."""
    here, there = _CONTEXT.Pipe()
    run = _CONTEXT.Process(target=work, args=(there, task, source, output))
    run.start()
    there.close()
    here.recv()
    return run, here


def finish(run: BaseProcess) -> None:
    """Wait for the end of a task that must end well."""
    run.join(_SECONDS)
    if run.exitcode != 0:
        run.kill()
        raise ChildProcessError(f"a task ended with {run.exitcode}")


def kill_after(run: BaseProcess, seconds: float) -> bool:
    """Kill a process after some time; tell whether it was still at work."""
    run.join(seconds)
    if run.is_alive():
        run.kill()
    run.join()
    return run.exitcode == -signal.SIGKILL


def kill_at_work(
    task: Callable[[Path, Path], None], source: Path, output: Path, seconds: float, rng: np.random.Generator
) -> float:
    """Kill a task at a random moment, begun again if that came too late; tell how long it takes at most."""
    while True:
        output.parent.mkdir()
        run, _ = start(task, source, output)
        moment = rng.uniform(0, seconds)
        if kill_after(run, moment):
            return seconds
        seconds = moment
        shutil.rmtree(output.parent)


class Catalogs:
    """Runs that write one catalogue in several formats."""

    def __init__(self, folder: Path):
        self.folder, self.source = folder, interruption.make_inputs(folder)
        self._clean: dict[str, tuple[dict[str, bytes], float]] = {}

    def clean(self, name: str) -> tuple[dict[str, bytes], float]:
        """Make a catalogue without a kill, once; give its bytes and the time that it took."""
        if name not in self._clean:
            path = self.place(f"expected-{name}") / name
            begin = time.monotonic()
            finish(start(write, self.source, path)[0])
            seconds = time.monotonic() - begin
            self._clean[name] = interruption.content(path), seconds
        return self._clean[name]

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
        output = self.folder / f"kill-{number}" / name
        expected, seconds = self.clean(name)
        self._clean[name] = expected, kill_at_work(write, self.source, output, seconds, rng)
        n_done = len(list(parts_folder(output).glob("*/part.*")))
        if output.exists() and interruption.content(output) != expected:
            return "", f"{name}: half a catalogue under its name"
        if not output.exists():
            self.write(output)
        if interruption.content(output) != expected:
            return "", f"{name}: another catalogue after {n_done} pieces"
        if left := sorted(set(os.listdir(output.parent)) - {name}):
            return "", f"{name}: {left} left behind"
        return f"{name} killed, gone on to the same bytes", None

    def race(self, number: int) -> tuple[str, Fault]:
        """Let two processes make one catalogue."""
        name = interruption.OUTPUTS[number % len(interruption.OUTPUTS)]
        output = self.place(f"race-{number}") / name
        expected, _ = self.clean(name)
        started = [start(write, self.source, output) for _ in range(2)]
        for run, _ in started:
            run.join(_SECONDS)
        codes = sorted(run.exitcode for run, _ in started)
        if codes != [0, 1] or interruption.content(output) != expected:
            return "", f"{name}: exit codes {codes}, or another catalogue"
        if left := sorted(set(os.listdir(output.parent)) - {name}):
            return "", f"{name}: {left} left behind"
        (message,) = (connection.recv() for run, connection in started if run.exitcode == 1)
        told = "process " in message or "exists" in message
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
        finish(start(train, self.source, output)[0])
        return output.read_bytes(), time.monotonic() - begin

    def kill(self, number: int, rng: np.random.Generator) -> tuple[str, Fault]:
        """Kill a training at a random moment; what is there must load, and another training must work."""
        output = self.folder / f"train-{number}" / "expected.joblib"
        self.seconds = kill_at_work(train, self.source, output, self.seconds, rng)
        if output.exists():
            load_model(output), load_predictor(output)
            if output.read_bytes() != self.expected:
                return "", "another model"
        content, _ = self.train(output)
        left = [name for name in os.listdir(output.parent) if name.startswith(".")]
        if content != self.expected or left:
            return "", f"training again gave another model, or left {left}"
        return "training killed, none or the whole model", None


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
