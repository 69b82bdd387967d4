"""What tests share: a small survey and its catalogue, real rows where they are, and no way to the network."""

import os
import sys
from pathlib import Path

import pytest

if "PYTEST_XDIST_WORKER_COUNT" in os.environ:
    # The workers share the cores, as those of a joblib pool do, and with its word for it: libraries that wait
    # in threads of their own for a core that another worker has take longer than those with one thread.
    _SHARE = max((os.cpu_count() or 1) // int(os.environ["PYTEST_XDIST_WORKER_COUNT"]), 1)
    for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(_name, str(_SHARE))

PACKAGE = Path(__file__).resolve().parents[1] / "skdistmass"
BESIDE = Path(__file__).resolve().parents[2] / "shared" / "data"
LOOPBACK = ("127.", "::1", "localhost", "0.0.0.0")


def _forbid_network(event, arguments):
    """Fail the test that reaches out of this machine, whatever library does it."""
    if event == "socket.getaddrinfo":
        host = arguments[0]
    elif event in ("socket.connect", "socket.sendto"):
        host = arguments[1][0] if isinstance(arguments[1], tuple) else None
        # Dask learns its own address from a datagram socket that it connects; nothing is sent.
        if event == "socket.connect" and arguments[0].type.name == "SOCK_DGRAM":
            return
    else:
        return
    host = host.decode() if isinstance(host, bytes) else host
    if host and not host.startswith(LOOPBACK):
        # Not an Exception, so that no `except Exception` hides it.
        pytest.fail(f"a test tried to reach {host!r}: tests use no network")


sys.addaudithook(_forbid_network)


def pytest_sessionstart(session):
    """Remove machine code older than a source file: Numba looks at the file of the entry point only."""
    if hasattr(session.config, "workerinput") or not PACKAGE.is_dir():
        return
    newest = max(path.stat().st_mtime for path in PACKAGE.rglob("*.py"))
    for path in PACKAGE.rglob("*.nb[ci]"):
        if path.stat().st_mtime < newest:
            path.unlink()


@pytest.fixture(scope="session")
def survey():
    """Simulated stars and their truth. Shared by all tests: change copies only."""
    from skdistmass import make_survey

    return make_survey(1500, random_state=5)


@pytest.fixture(scope="session")
def stars(survey):
    """The simulated survey table. Shared by all tests: change copies only."""
    return survey[0]


@pytest.fixture(scope="session")
def truth(survey):
    """What is true of each star of `stars`. Shared by all tests: change copies only."""
    return survey[1]


@pytest.fixture(scope="session")
def loaded():
    """Options of `build_catalog` that give all models, loaded once. Shared by all tests: fit copies only."""
    from skdistmass.survey.models import load_models
    from skdistmass.survey.options import CatalogOptions

    models = load_models(CatalogOptions())
    return {name: getattr(models, name) for name in ("distance", "masses", "age", "isochrone")}


@pytest.fixture(scope="session")
def catalogue(stars):
    """The whole catalogue of `stars`. Shared by all tests: change copies only."""
    from skdistmass import build_catalog

    return build_catalog(stars)


@pytest.fixture(scope="session")
def real_file():
    """Path of a file of real stars, by name; skips the test where it is not beside the repository."""

    def find(name):
        if not (BESIDE / name).exists():
            pytest.skip(f"{name}, real stars, is not beside the repository")
        return BESIDE / name

    return find


@pytest.fixture(scope="session")
def real_rows(real_file):
    """Path of rows of the real allStar file; the test is skipped where it is not beside the repository."""
    return real_file("allstar_dr17_rows.fits")
