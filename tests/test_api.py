"""The public names, and what importing the package costs."""

import ast
import inspect
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from sklearn.base import BaseEstimator

import skdistmass

HEAVY = ("tensorflow", "keras", "scikeras", "matplotlib", "dask", "numba", "pyarrow")
NAMES = sorted(set(skdistmass.__all__) - {"__version__"})
ESTIMATORS = (
    "BinaryPruner",
    "DistanceRegressor",
    "IsochroneDistance",
    "LabelScale",
    "MassRegressor",
    "MassToAge",
    "TrainingDomain",
)


def loaded_after(code):
    """Top-level packages that a fresh interpreter has loaded after this code."""
    code += "\nimport sys; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    return set(result.stdout.splitlines()[-1].split())


def names_for_editors():
    """Names that `__init__` imports for type checkers, with the module of each."""
    tree = ast.parse(Path(skdistmass.__file__).read_text(encoding="utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    assert ast.unparse(block.test) == "TYPE_CHECKING"
    return {alias.name: node.module for node in block.body for alias in node.names}


def test_lazy_names_names_for_editors_and_all_agree():
    lazy = {name: f"skdistmass.{home}" for name, home in skdistmass._HOME.items()}
    assert names_for_editors() == lazy
    assert set(skdistmass.__all__) == {*lazy, "__version__"}
    assert len(set(skdistmass.__all__)) == len(skdistmass.__all__)
    assert dir(skdistmass) == sorted(skdistmass.__all__)


def test_all_is_written_out_for_editors():
    tree = ast.parse(Path(skdistmass.__file__).read_text(encoding="utf-8"))
    (value,) = (
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    )
    assert ast.literal_eval(value) == skdistmass.__all__


@pytest.mark.parametrize("name", NAMES)
def test_public_names_are_those_of_their_modules(name):
    module = import_module(f"skdistmass.{skdistmass._HOME[name]}")
    assert getattr(skdistmass, name) is getattr(module, name)
    assert getattr(skdistmass, name).__name__ == name


def test_the_estimators_are_public():
    found = {name for name in NAMES if issubclass_of(getattr(skdistmass, name), BaseEstimator)}
    assert found == set(ESTIMATORS)


def issubclass_of(thing, base):
    return inspect.isclass(thing) and issubclass(thing, base)


def test_unknown_names_are_refused():
    with pytest.raises(AttributeError, match="has no attribute 'Distance'"):
        _ = skdistmass.Distance


def test_errors_and_warnings_are_public_and_of_a_built_in_kind():
    exceptions = import_module("skdistmass.exceptions")
    assert set(exceptions.__all__) <= set(skdistmass.__all__)
    for name in exceptions.__all__:
        assert issubclass(getattr(exceptions, name), ValueError | Warning)
    defined = {
        name
        for name, value in vars(exceptions).items()
        if inspect.isclass(value) and value.__module__ == exceptions.__name__
    }
    assert defined == set(exceptions.__all__)


@pytest.mark.parametrize("name", NAMES)
def test_public_names_are_documented(name):
    thing = getattr(skdistmass, name)
    text = inspect.getdoc(thing)
    assert len(text.splitlines()[0]) > 20
    if not issubclass_of(thing, BaseEstimator):
        assert re.search("(Returns|Yields)\n-+", text) or inspect.isclass(thing)
        return
    for setting in inspect.signature(thing).parameters:
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
