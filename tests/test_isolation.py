"""No network and no foreign file: at import, in the main job, in training, in the report, in any reader."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

# Runs in a process of its own, whose audit hook sees every socket and every file that Python opens.
GUARD = """
import os, sys, sysconfig
from pathlib import Path

work = Path.cwd().resolve()
ALLOWED = [str(work), "/proc", "/sys", "/dev", "/etc", "/usr", "/lib", "/var/lib", str(Path(sys.base_prefix))]
ALLOWED += [str(Path(entry or ".").resolve()) for entry in sys.path] + [sys.prefix]
ALLOWED += [str(Path(root)) for root in os.environ["GUARD_ALSO"].split(os.pathsep) if root]
NETWORK = ["socket." + name for name in ("connect", "sendto", "sendmsg", "getaddrinfo", "gethostbyname")]

def stop(what):
    descriptor = os.open(work / "forbidden.txt", os.O_CREAT | os.O_WRONLY)  # stderr may be muted
    os.write(descriptor, what.encode())
    os._exit(3)

def guard(event, arguments):
    if event in NETWORK:
        stop(f"{event} {arguments}")
    if event == "open" and isinstance(arguments[0], str | bytes):
        path = os.path.abspath(os.fsdecode(arguments[0]))
        if not path.startswith(tuple(ALLOWED)):
            stop(f"open {path}")

sys.addaudithook(guard)
"""

JOBS = {
    "import": "import skdistmass\nfor name in skdistmass.__all__: getattr(skdistmass, name)",
    "catalogue": (
        "from skdistmass import build_catalog, make_survey, write_table\n"
        "write_table(build_catalog(make_survey(60, random_state=0)[0]), 'catalogue.fits')"
    ),
    "command": (
        "from skdistmass.cli import main\n"
        "assert main(['simulate', '-n', '60', '-o', 'stars.fits']) in (0, None)\n"
        "assert main(['catalog', 'stars.fits', '-o', 'catalogue.parquet']) in (0, None)\n"
        "from skdistmass import read_catalog\n"
        "from skdistmass.report import summarize_catalog\n"
        "assert summarize_catalog(read_catalog('catalogue.parquet'))"
    ),
    "readers": (
        "from skdistmass import make_survey, read_stars, write_table\n"
        "stars = make_survey(60, random_state=0)[0]\n"
        "for suffix in ('fits', 'parquet', 'ecsv', 'vot', 'csv'):\n"
        "    if suffix == 'csv': stars.write('stars.csv', format='ascii.csv')\n"
        "    else: write_table(stars, f'stars.{suffix}')\n"
        "    assert len(read_stars(f'stars.{suffix}')) == len(stars)"
    ),
    "votable": (
        "from skdistmass import read_stars\n"
        "for href in ('http://192.0.2.1/x', 'https://example.org/x', 'ftp://example.org/', 'file:///other/x'):\n"
        '    field = \'<FIELD name="TEFF" datatype="double"/>\'\n'
        "    data = f'<DATA><BINARY><STREAM href=\"{href}\"/></BINARY></DATA>'\n"
        "    table = f'<RESOURCE><TABLE>{field}{data}</TABLE></RESOURCE>'\n"
        "    open('stars.vot', 'w').write(f'<VOTABLE version=\"1.4\">{table}</VOTABLE>')\n"
        "    try: read_stars('stars.vot')\n"
        "    except ValueError as error: assert 'nothing is fetched' in str(error)\n"
        "    else: raise AssertionError(href)"
    ),
    "training": (
        "from skdistmass import DistanceRegressor, make_survey, train_distance\n"
        "small = DistanceRegressor(hidden_layer_sizes=(4,), max_iter=30, n_restarts=1, random_state=0)\n"
        "train_distance(make_survey(3000, random_state=5)[0], estimator=small)"
    ),
}


def run_guarded(code, folder, home=None):
    """Run code in an empty folder under the guard; return its exit code and what it ended with."""
    package = Path(__import__("skdistmass").__file__).resolve().parents[1]
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": home or str(folder),
        "TMPDIR": str(folder),
        "MPLCONFIGDIR": str(folder),
        "PYTHONPATH": str(package),
        "GUARD_ALSO": str(package),
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    result = subprocess.run(
        [sys.executable, "-c", GUARD + code],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    stopped = folder / "forbidden.txt"
    return result.returncode, stopped.read_text() if stopped.exists() else result.stderr


@pytest.mark.parametrize(
    "job",
    # The import is guarded below too, without a home.
    [
        pytest.param(job, marks=[pytest.mark.slow] * (job in ("command", "training", "import")))
        for job in JOBS
    ],
)
def test_nothing_outside_is_touched(job, tmp_path):
    code, errors = run_guarded(JOBS[job], tmp_path)
    assert code == 0, errors[-2000:]


def test_it_is_imported_without_a_home(tmp_path):
    code, errors = run_guarded(JOBS["import"], tmp_path, home="/nonexistent/home")
    assert code == 0, errors[-2000:]


@pytest.mark.parametrize(
    "code", ["import socket; socket.create_connection(('192.0.2.1', 80), 1)", "open('/elsewhere/stars.fits')"]
)
def test_the_guard_catches(code, tmp_path):
    assert run_guarded(code, tmp_path)[0] == 3


def test_tests_cannot_reach_the_network():
    with pytest.raises(pytest.fail.Exception, match=r"192\.0\.2\.1"):
        socket.create_connection(("192.0.2.1", 80), timeout=1)
    with pytest.raises(pytest.fail.Exception, match=r"example\.org"):
        socket.getaddrinfo("example.org", 80)
