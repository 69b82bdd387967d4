"""A client, a worker or the scheduler of a Dask cluster is killed: the catalogue is whole or gone on from."""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest

from skdistmass import make_survey, write_catalog, write_table
from skdistmass.survey.parts import parts_folder

pytest.importorskip("distributed", reason="Dask's scheduler is not installed")

OPTIONS = {"masses": ("mass",), "isochrone": False, "chunk_rows": 50}
SECONDS = 90
# Workers take their time, so that there is something to kill.
PRELOAD = """
import time
from skdistmass.survey import parts
def slow(self, piece, table, write=parts.Parts.write):  # a default, for this is run twice
    time.sleep(0.15)
    write(self, piece, table)
parts.Parts.write = slow
"""
CLIENT = """
import sys
from distributed import Client
from skdistmass import write_catalog
with Client(scheduler_file=sys.argv[1], timeout=60) as client:
    write_catalog(sys.argv[2], sys.argv[3], client=client, masses=("mass",), isochrone=False, chunk_rows=50)
"""


@contextmanager
def cluster(folder):
    """Start a scheduler and two workers as processes of their own; give them and the file of the address."""
    file = folder / "scheduler.json"
    (folder / "slow.py").write_text(PRELOAD)
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    options = ("--scheduler-file", str(file), "--no-dashboard")
    scheduler = (sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0")
    worker = (sys.executable, "-m", "distributed.cli.dask_worker", "--nthreads", "1", "--no-nanny")
    worker += (
        "--death-timeout",
        "20",
        "--preload",
        str(folder / "slow.py"),
        "--local-directory",
        str(folder),
    )
    processes = [subprocess.Popen([*scheduler, *options], **quiet)]
    try:
        wait(lambda: file.exists() and file.stat().st_size)
        processes += [subprocess.Popen([*worker, *options], **quiet) for _ in range(2)]
        yield processes, file
    finally:
        for process in processes:
            process.kill()
            process.wait()


def wait(condition):
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end, "nothing happens"
        time.sleep(0.02)


def content(path):
    files = [path] if path.is_file() else sorted(path.iterdir())
    return {file.name: file.read_bytes() for file in files}


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    folder = tmp_path_factory.mktemp("inputs") / "in"
    folder.mkdir()
    survey, _ = make_survey(600, random_state=8)
    for number, first in enumerate(range(0, 600, 50)):
        write_table(survey[first : first + 50], folder / f"{number}.parquet")
    return folder


def n_done(output):
    return len(list(parts_folder(output).glob("*/part.*")))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["out", "out.fits"])
@pytest.mark.parametrize("victim", ["client", "worker", "scheduler"])
def test_the_catalogue_is_whole_or_gone_on_from(victim, name, source, tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    expected = content(write_catalog(source, tmp_path / "a" / name, **OPTIONS))
    output = tmp_path / "b" / name
    with cluster(tmp_path) as (processes, file):
        run = subprocess.Popen(
            [sys.executable, "-c", CLIENT, str(file), str(source), str(output)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        wait(lambda: n_done(output) >= 3 or run.poll() is not None)
        assert run.poll() is None
        killed = {"client": run, "worker": processes[-1], "scheduler": processes[0]}[victim]
        killed.send_signal(signal.SIGKILL)
        if victim == "worker":
            _, errors = run.communicate(timeout=SECONDS)
            assert run.returncode == 0, errors  # The other one has made its pieces.
        elif victim == "scheduler":
            _, errors = run.communicate(timeout=SECONDS)
            assert run.returncode != 0
            assert not output.exists()
            assert f"finished rows are in {parts_folder(output)}" in errors
        else:
            run.communicate()
            # Workers may still be writing pieces of the one that is gone.
            write_catalog(source, output, **OPTIONS)
    if victim == "scheduler":
        assert n_done(output) >= 3
        write_catalog(source, output, **OPTIONS)
    assert content(output) == expected
    assert sorted(os.listdir(output.parent)) == [name]
