"""Outputs are whole or absent, whatever happens to the process or the disk."""

import errno
import os
import signal
import subprocess
import sys

import pytest

from skdistmass.tables.atomic import check_file, new_file, new_folder

KILLED = """
import os, signal, sys
from pathlib import Path
from skdistmass.tables.atomic import {maker}
with {maker}(Path(sys.argv[1])) as temporary:
    {work}
    print("ready", flush=True)
    signal.pause()
"""


def killed_while_writing(path, maker, work):
    script = KILLED.format(maker=maker, work=work)
    with subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"ready\n"
        seen = sorted(os.listdir(path.parent))
        with new_file(path) as temporary:  # What a living process writes stays.
            temporary.write_text("mine")
        assert [name for name in seen if name != path.name] == [
            name for name in sorted(os.listdir(path.parent)) if name != path.name
        ]
        process.send_signal(signal.SIGKILL)
    return seen


def test_what_a_killed_process_left_goes_with_the_next_output(tmp_path):
    path = tmp_path / "catalog.fits.gz"
    left = killed_while_writing(path, "new_file", "temporary.write_text('half')")
    assert len(left) == 1
    assert left[0].startswith(".catalog.fits.gz.")
    other = tmp_path / ".catalog.fits.00000000-1-abc.part.fits"  # of another machine
    other.touch()
    check_file(path, overwrite=True)
    assert sorted(os.listdir(tmp_path)) == sorted([other.name, "catalog.fits.gz"])


def test_what_a_killed_process_left_of_a_folder_goes_too(tmp_path):
    killed_while_writing(tmp_path / "catalog", "new_folder", "(temporary / 'a').write_text('half')")
    (tmp_path / "catalog").unlink()
    with new_folder(tmp_path / "catalog") as temporary:
        (temporary / "b").write_text("whole")
    assert os.listdir(tmp_path) == ["catalog"]
    assert os.listdir(tmp_path / "catalog") == ["b"]


def test_a_folder_is_replaced_when_the_new_one_is_complete(tmp_path):
    path = tmp_path / "catalog"
    path.mkdir()
    (path / "old").touch()
    with pytest.raises(ZeroDivisionError), new_folder(path) as temporary:
        (temporary / "new").write_text(str(1 / 0))
    assert os.listdir(path) == ["old"]
    with new_folder(path) as temporary:
        (temporary / "new").touch()
        assert os.listdir(path) == ["old"]
    assert os.listdir(tmp_path) == ["catalog"]
    assert os.listdir(path) == ["new"]


def test_a_folder_that_was_moved_away_comes_back(tmp_path):
    path = tmp_path / "catalog"
    script = """
import os, signal, sys
from pathlib import Path
from skdistmass.tables import atomic
rename = Path.rename
def die(self, target):
    if "old" in Path(target).name:
        rename(self, target)
    os.kill(os.getpid(), signal.SIGKILL)
Path.rename = die
with atomic.new_folder(Path(sys.argv[1])) as temporary:
    (temporary / "new").touch()
"""
    path.mkdir()
    (path / "old").touch()
    assert subprocess.run([sys.executable, "-c", script, path], check=False).returncode == -signal.SIGKILL
    assert not path.exists()
    with pytest.raises(ValueError, match="no luck"), new_folder(path):
        raise ValueError("no luck")
    assert os.listdir(tmp_path) == ["catalog"]
    assert os.listdir(path) == ["old"]


@pytest.mark.parametrize(
    ("number", "way_out"),
    [(errno.ENOSPC, "free some space"), (errno.EROFS, "read-only"), (errno.EACCES, "may write to")],
)
@pytest.mark.parametrize("maker", [new_file, new_folder])
def test_errors_of_the_disk_name_the_output_and_the_way_out(tmp_path, maker, number, way_out):
    path = tmp_path / "catalog.parquet"
    expected = rf"catalog\.parquet: could not be written \(.*\); .*{way_out}"
    with pytest.raises(OSError, match=expected) as caught, maker(path):
        raise OSError(number, os.strerror(number), "/a/name/nobody/knows")
    assert caught.value.errno == number
    assert os.listdir(tmp_path) == []


def test_a_probe_of_a_read_only_folder_names_it(tmp_path, monkeypatch):
    def refuse(self, *args, **kwargs):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr("pathlib.Path.touch", refuse)
    monkeypatch.setattr("pathlib.Path.unlink", refuse)
    with pytest.raises(
        OSError, match=r"a\.fits: cannot write into the folder .*; choose a folder that is not"
    ):
        check_file(tmp_path / "a.fits")


def test_names_as_long_as_the_file_system_takes(tmp_path):
    path = tmp_path / ("a" * 245 + ".fits")
    with new_file(check_file(path)) as temporary:
        temporary.touch()
    assert os.listdir(tmp_path) == [path.name]


def test_two_writers_of_one_output_do_not_share_a_temporary_file(tmp_path):
    path = tmp_path / "a.fits"
    with new_file(path) as first, new_file(path) as second:
        first.write_text("first")
        second.write_text("second")
    assert path.read_text() == "first"
