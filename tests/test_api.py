"""The public names, and what importing the package costs."""

import inspect
import subprocess
import sys

import pytest
from sklearn.base import BaseEstimator

import skdistmass

HEAVY = ("tensorflow", "keras", "scikeras", "matplotlib", "dask", "numba", "pyarrow")
PUBLIC = {
    "BinaryPruner",
    "DistanceRegressor",
    "IsochroneDistance",
    "MassRegressor",
    "MassToAge",
    "TrainingDomain",
    "build_catalog",
    "list_models",
    "load_model",
    "load_predictor",
    "make_survey",
    "read_catalog",
    "read_stars",
    "save_model",
    "write_table",
}


def loaded_after(code):
    """Top-level packages that a fresh interpreter has loaded after this code."""
    code += "\nimport sys; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    return set(result.stdout.splitlines()[-1].split())


def test_public_names():
    assert set(skdistmass.__all__) >= PUBLIC | {"__version__"}
    for name in skdistmass.__all__:
        assert getattr(skdistmass, name) is not None
    assert set(dir(skdistmass)) >= PUBLIC
    with pytest.raises(AttributeError, match="has no attribute 'Distance'"):
        _ = skdistmass.Distance


@pytest.mark.parametrize("name", sorted(set(skdistmass.__all__) - {"__version__"}))
def test_public_names_are_documented(name):
    thing = getattr(skdistmass, name)
    text = inspect.getdoc(thing)
    assert len(text.splitlines()[0]) > 20
    if not inspect.isclass(thing) or not issubclass(thing, BaseEstimator):
        assert "Returns\n-------" in text or inspect.isclass(thing)
        return
    for setting in thing().get_params(deep=False) if name != "BinaryPruner" else ():
        assert f"\n{setting} : " in text


def test_importing_the_package_loads_nothing():
    loaded = loaded_after("import skdistmass")
    assert not loaded & {*HEAVY, "sklearn", "astropy", "pandas", "scipy", "numpy"}


def test_regressors_load_without_tensorflow():
    loaded = loaded_after("from skdistmass import DistanceRegressor, MassToAge\nDistanceRegressor()")
    assert not loaded & {"tensorflow", "keras", "scikeras", "matplotlib", "dask"}


def test_help_loads_nothing():
    code = (
        "import skdistmass.cli\n"
        "try:\n    skdistmass.cli.main(['--help'])\n"
        "except SystemExit as stop:\n    assert stop.code == 0"
    )
    assert not loaded_after(code) & {*HEAVY, "sklearn", "astropy", "pandas", "scipy", "numpy"}


def test_catalogues_are_made_without_tensorflow():
    code = (
        "from skdistmass import build_catalog, make_survey\n"
        "build_catalog(make_survey(30, random_state=0)[0], isochrone=False)"
    )
    assert not loaded_after(code) & {"tensorflow", "keras", "scikeras", "matplotlib", "dask"}
