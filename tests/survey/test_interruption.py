"""Killed and racing processes: the catalogue is whole or goes on, never mixed, and leaves nothing behind.

``python tests/survey/test_interruption.py 100 50`` kills a hundred runs and lets fifty pairs race.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from skdistmass import make_survey, read_catalog, write_catalog, write_table
from skdistmass.survey.parts import OutputInUseError, hold, parts_folder

OPTIONS = {"masses": ("mass",), "isochrone": False}
OUTPUTS = ("out.fits", "out.parquet", "out")
_RUN = """
import sys, time
from skdistmass import write_catalog
from skdistmass.survey import parts
write, pause = parts.Parts.write, float(sys.argv[3])
def slow(self, piece, table):
    time.sleep(pause)
    write(self, piece, table)
parts.Parts.write = slow
try:
    write_catalog(sys.argv[1], sys.argv[2], chunk_rows=int(sys.argv[4]), masses=("mass",), isochrone=False)
except (parts.OutputInUseError, FileExistsError) as error:
    sys.exit(f"refused: {error}")
"""


def start(source, output, pause=0.0, rows=50):
    command = [sys.executable, "-c", _RUN, str(source), str(output), str(pause), str(rows)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


def content(path):
    """Bytes of the files of a catalogue."""
    files = [path] if path.is_file() else sorted(path.iterdir())
    return {file.name: file.read_bytes() for file in files}


def make_inputs(folder):
    survey, _ = make_survey(600, random_state=8)
    (folder / "in").mkdir()
    for number, first in enumerate(range(0, 600, 50)):
        write_table(survey[first : first + 50], folder / "in" / f"{number}.parquet")
    return folder / "in"


def kill_and_go_on(source, output, expected, n_parts):
    """Kill a run when it has finished some pieces, go on, and compare."""
    run = start(source, output, pause=0.05)
    while len(list(parts_folder(output).glob("*/part.*"))) < n_parts and run.poll() is None:
        time.sleep(0.01)
    run.send_signal(signal.SIGKILL)
    run.communicate()
    killed = not output.exists()
    done = {file: file.stat().st_mtime_ns for file in parts_folder(output).glob("*/part.*")}
    assert len(done) >= n_parts or not killed
    if killed:
        write_catalog(source, output, chunk_rows=50, **OPTIONS)
    assert content(output) == expected
    assert sorted(os.listdir(output.parent)) == [output.name]
    return killed


def race(source, output, expected):
    """Let two processes make one catalogue; give the exit codes."""
    runs = [start(source, output, pause=0.02) for _ in range(2)]
    messages = [run.communicate()[1] for run in runs]
    codes = sorted(run.returncode for run in runs)
    assert codes == [0, 1], messages
    assert content(output) == expected
    assert sorted(os.listdir(output.parent)) == [output.name]
    (loser,) = (message for message in messages if "refused" in message)
    return loser


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return make_inputs(tmp_path_factory.mktemp("inputs"))


# `tests/attacks/test_attacks.py` kills two runs and lets two race in forked processes, which is quicker.
@pytest.mark.slow
@pytest.mark.parametrize("name", OUTPUTS)
def test_a_killed_run_goes_on_to_the_same_bytes(name, source, tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    expected = content(write_catalog(source, tmp_path / "a" / name, chunk_rows=50, **OPTIONS))
    assert kill_and_go_on(source, tmp_path / "b" / name, expected, n_parts=3)


@pytest.mark.slow
def test_a_killed_command_with_workers_is_gone_on_from_without(source, tmp_path):
    pytest.importorskip("distributed", reason="Dask's scheduler is not installed")
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    expected = content(write_catalog(source, tmp_path / "a" / "out", chunk_rows=50, **OPTIONS))
    output = tmp_path / "b" / "out"
    options = ("--no-isochrone", "--mass-model", "mass", "--chunk-rows", "50")
    command = [sys.executable, "-m", "skdistmass", "catalog", str(source), "-o", str(output), *options]
    run = subprocess.Popen([*command, "--workers", "1"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    while not list(parts_folder(output).glob("*/part.*")) and run.poll() is None:
        time.sleep(0.01)
    run.kill()
    run.communicate()
    if not output.exists():
        subprocess.run(command, check=True, capture_output=True)
    assert content(output) == expected
    assert sorted(os.listdir(output.parent)) == ["out"]


@pytest.mark.slow
def test_of_two_processes_one_writes_and_one_is_told_who(source, tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    expected = content(write_catalog(source, tmp_path / "a" / "out.parquet", chunk_rows=50, **OPTIONS))
    message = race(source, tmp_path / "b" / "out.parquet", expected)
    assert "is writing it" in message or "has been writing it since" in message or "exists" in message


def test_the_holder_is_named(tmp_path):
    with hold(tmp_path / "out.fits"):
        with (
            pytest.raises(OutputInUseError, match=f"process {os.getpid()} on .* since 2"),
            hold(tmp_path / "out.fits"),
        ):
            pass
        holder = json.loads((parts_folder(tmp_path / "out.fits") / "holder.json").read_text())
        assert set(holder) == {"pid", "host", "since"}
    assert os.listdir(tmp_path) == []


def test_leftovers_of_a_killed_run_are_removed(source, tmp_path):
    left = parts_folder(tmp_path / "out.parquet")
    (left / "0123456789abcdef").mkdir(parents=True)
    (left / "0123456789abcdef" / "part.0.arrow").write_bytes(b"of another catalogue")
    (left / "out.parquet").write_bytes(b"half a file")
    (left / "lock").touch()
    write_catalog(source, tmp_path / "out.parquet", chunk_rows=50, **OPTIONS)
    assert os.listdir(tmp_path) == ["out.parquet"]
    assert len(read_catalog(tmp_path / "out.parquet")) == 600


def test_a_full_disk_names_the_file_and_what_is_kept(source, tmp_path, monkeypatch):
    from skdistmass.survey import parts

    original = parts.new_file

    @contextmanager
    def full(file):
        with original(file) as temporary:
            if file.name == "part.4.arrow":
                raise OSError(28, "No space left on device")
            yield temporary

    monkeypatch.setattr(parts, "new_file", full)
    with pytest.raises(OSError, match=r"part\.4\.arrow: could not be .*No space left .*free") as stop:
        write_catalog(source, tmp_path / "out.fits", chunk_rows=50, **OPTIONS)
    assert f"finished rows are in {tmp_path / 'out.fits.parts'}" in stop.value.__notes__[0]
    monkeypatch.undo()
    write_catalog(source, tmp_path / "out.fits", chunk_rows=50, **OPTIONS)
    assert os.listdir(tmp_path) == ["out.fits"]


def test_the_source_is_never_replaced(source, tmp_path):
    path = write_table(make_survey(20, random_state=0)[0], tmp_path / "x.fits")
    before = path.read_bytes()
    for output in (path, tmp_path / "." / "x.fits"):
        with pytest.raises(ValueError, match="would replace the table it is made from"):
            write_catalog(path, output, overwrite=True, **OPTIONS)
    assert path.read_bytes() == before
    with pytest.raises(ValueError, match="or lie in it"):
        write_catalog(source, source / "out.parquet", **OPTIONS)
    with pytest.raises(ValueError, match="would replace"):
        write_catalog(source / "0.parquet", source, overwrite=True, format="folder", **OPTIONS)


def main(n_kills=100, n_pairs=50):
    """Kill that many runs at random pieces, let that many pairs race, and print what happened."""
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        source = make_inputs(Path(folder))
        expected = {}
        for name in OUTPUTS:
            (Path(folder) / f"expected-{name}").mkdir()
            path = write_catalog(source, Path(folder) / f"expected-{name}" / name, chunk_rows=50, **OPTIONS)
            expected[name] = content(path)
        killed = 0
        for number in range(n_kills):
            name = OUTPUTS[number % 3]
            (Path(folder) / f"kill-{number}").mkdir()
            output = Path(folder) / f"kill-{number}" / name
            killed += kill_and_go_on(source, output, expected[name], int(rng.integers(0, 13)))
        for number in range(n_pairs):
            name = OUTPUTS[number % 3]
            (Path(folder) / f"race-{number}").mkdir()
            race(source, Path(folder) / f"race-{number}" / name, expected[name])
    sys.stdout.write(
        f"{n_kills} runs, {killed} killed before their end, all gone on to the same bytes; {n_pairs} races\n"
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
