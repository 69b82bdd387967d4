"""What importing the displays costs, and what they are."""

import inspect
import subprocess
import sys

import pytest

from skdistmass import plots


def test_importing_the_displays_loads_no_matplotlib():
    code = "import skdistmass.plots, sys; print('matplotlib' in sys.modules, 'tensorflow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


@pytest.mark.parametrize("name", plots.__all__)
def test_displays_have_one_habit(name):
    display = getattr(plots, name)
    constructors = [key for key, value in vars(display).items() if isinstance(value, classmethod)]
    assert constructors
    assert all(key.startswith("from_") for key in constructors)
    for key in (*constructors, "plot"):
        assert inspect.signature(getattr(display, key)).parameters["ax"].default is None
    for attribute in ("ax_", "figure_"):
        assert f"    {attribute}" in display.__doc__


def test_a_kiel_diagram_loads_no_estimators():
    """A first figure comes fast: what trains and evaluates models stays out."""
    code = "from skdistmass.plots import KielDisplay; import sys; print('sklearn' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False"]


def test_names_are_listed_and_others_are_refused():
    assert set(dir(plots)) == set(plots.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'ScatterDisplay'"):
        _ = plots.ScatterDisplay
