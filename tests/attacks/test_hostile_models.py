"""Hostile model files on every way into the package: a sample; `hostile_routes` as a script tries all."""

import os
import pickle
import sys
from pathlib import Path

import pytest

from skdistmass import load_model
from skdistmass.models.load import UntrustedModelError

sys.path.insert(0, str(Path(__file__).parent))

import hostile_models
import hostile_routes
from hostile_programs import SENTINEL


@pytest.fixture(scope="module")
def files():
    return list(hostile_models.hostile_files(n_foreign=40))


@pytest.mark.parametrize("route", ["load_model", "load_predictor"])
def test_every_hostile_file_is_refused_by_name_and_runs_nothing(route, files, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = Path("hostile.joblib")
    assert len(files) > 100
    for name, content in files:
        path.write_bytes(content)
        message = hostile_routes.attempt(hostile_routes.ROUTES[route], path)
        assert hostile_routes.refused(message, path), (name, message)


@pytest.mark.parametrize(
    "route", [name for name in hostile_routes.ROUTES if "catalog" in name or "scale" in name]
)
def test_models_of_a_catalogue_come_the_same_way(route, files, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = Path("hostile.joblib")
    for name, content in files[::10]:
        path.write_bytes(content)
        message = hostile_routes.attempt(hostile_routes.ROUTES[route], path)
        assert hostile_routes.refused(message, path), (name, message)


def test_the_files_would_run_code_when_they_are_trusted(tmp_path, monkeypatch):
    # The test of the tests: the same payload, unpickled, does what it says.
    monkeypatch.chdir(tmp_path)
    Path("hostile.joblib").write_bytes(pickle.dumps(hostile_models.Calls(os.mkdir, SENTINEL)))
    with pytest.raises(UntrustedModelError, match=r"names .*mkdir"):
        load_model("hostile.joblib")
    assert not Path(SENTINEL).exists()
    with pytest.raises(ValueError, match="without a card"):
        load_model("hostile.joblib", trusted=True)
    assert Path(SENTINEL).exists()
