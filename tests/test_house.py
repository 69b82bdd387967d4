"""The rooms of the package: which may import which, how large they are, and that each fact has one home."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from functools import cache, partial
from graphlib import CycleError, TopologicalSorter
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "skdistmass"
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}

# Each room, and the rooms that it may import from. `skdistmass` itself, with the public names, is for the
# command line alone; `data` holds files, no code.
FACTS = {"columns", "compiled", "exceptions", "progress", "_version"}
ARRAYS = FACTS | {"physics", "networks", "isochrones"}
MODELS = ARRAYS | {"estimators", "models"}
SURVEY = MODELS | {"tables", "survey"}
ROOMS = {
    "_version": set(),
    "columns": set(),
    "compiled": {"progress"},
    "progress": set(),
    "exceptions": {"columns"},
    "data": set(),
    "physics": FACTS,
    "networks": FACTS | {"physics"},
    "isochrones": FACTS | {"physics"},
    "estimators": ARRAYS,
    "models": ARRAYS | {"estimators", "tables"},  # tables for their atomic writer
    "tables": FACTS,
    "survey": MODELS | {"tables"},
    "training": SURVEY,
    "simulate": SURVEY,
    "plots": SURVEY | {"training"},
    "report": SURVEY | {"training", "simulate", "plots"},
    "cli": SURVEY | {"training", "simulate", "report", "skdistmass"},
    "__main__": {"cli"},
}


@cache
def tree_of(module: str) -> ast.Module:
    """Syntax of a module."""
    return ast.parse(MODULES[module].read_text(encoding="utf-8"))


def imports_of(module: str, *, types: bool = True) -> Iterator[str]:
    """Modules of the package that a module imports, also inside functions and, with `types`, for editors."""
    tree = tree_of(module)
    hints = {
        id(inner)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and ast.unparse(block.test).endswith("TYPE_CHECKING")
        for inner in ast.walk(block)
    }
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} line {node.lineno}: relative import"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            names = [arg.value for arg in node.args if isinstance(arg, ast.Constant)]
        if types or id(node) not in hints:
            for name in names:
                while name and name not in MODULES:
                    name = name.rpartition(".")[0]
                if name and name != module:
                    yield name


def room(module: str) -> str:
    """First folder or file of a module inside the package; `skdistmass` for the package itself."""
    return module.split(".")[1] if "." in module else module


def test_there_is_a_rule_for_every_room():
    assert {room(module) for module in MODULES} - {"skdistmass"} <= ROOMS.keys()


@pytest.mark.parametrize("name", [name for name in ROOMS if name not in ("__main__", "data")])
def test_rooms_import_only_what_stands_below_them(name):
    found = {
        f"{module} imports {other}"
        for module in MODULES
        if room(module) == name
        for other in imports_of(module)
        if room(other) not in ROOMS[name] | {name}
    }
    assert not found


def test_no_cycle_of_imports():
    # A package is imported with each of its modules only if its __init__ does work; here it is one docstring.
    graph = {module: set(imports_of(module, types=False)) for module in MODULES if module != "skdistmass"}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_folders_hold_at_most_fourteen_files():
    folders = {path.parent for path in MODULES.values()}
    counts = {
        str(folder.relative_to(ROOT)): len({path for path in folder.glob("*.py") if path.stem != "__init__"})
        for folder in folders
    }
    assert {folder: count for folder, count in counts.items() if count > 14} == {}


def test_files_hold_at_most_four_hundred_lines():
    lengths = {name: len(path.read_text(encoding="utf-8").splitlines()) for name, path in MODULES.items()}
    assert {name: length for name, length in lengths.items() if length > 400} == {}


# A number that is a fact of the field or of the survey, and the module that is its home.
FACTS_ONCE = {
    "0.302": "physics.constants",
    "5772": "physics.constants",
    "4.74": "physics.constants",
    "0.918": "columns.inputs",
    "13.8e9": "physics.constants",
    "1.4826": "physics.statistics",
    "84381.406": "physics.coordinates",
    "192.85948": "physics.coordinates",
    "135.146": "physics.seismology",
    "1350": "physics.parallax",
    "-9990": "columns.inputs",
    "-9999": "columns.inputs",
    "90.001": "columns.ranges",
    "14.5": "columns.ranges",
    "2.61": "columns.inputs",
}


@cache
def numbers_in(module: str) -> frozenset[float]:
    """Numbers of the code, signs included; docstrings and messages are free to name them."""
    numbers = set()
    for node in ast.walk(tree_of(module)):
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            if isinstance(node.operand, ast.Constant) and isinstance(node.operand.value, int | float):
                numbers.add(-float(node.operand.value))
        elif isinstance(node, ast.Constant) and type(node.value) in (int, float):
            numbers.add(float(node.value))
    return frozenset(numbers)


@pytest.mark.parametrize("fact", FACTS_ONCE)
def test_each_fact_is_written_in_one_module(fact):
    homes = {module.removeprefix("skdistmass.") for module in MODULES if float(fact) in numbers_in(module)}
    assert homes == {FACTS_ONCE[fact]}


def test_the_map_names_only_what_exists():
    page = (ROOT / "docs" / "house.md").read_text(encoding="utf-8")
    named = re.findall(r"`((?:skdistmass|tests|docs|examples|\.ci)/[\w./-]*?)(?:::(\w+))?`", page)
    assert len(named) > 40
    for path, symbol in named:
        assert (ROOT / path).exists(), path
        if symbol:
            text = (ROOT / path).read_text(encoding="utf-8")
            assert re.search(rf"(?:def|class) {symbol}\b|^\s*\"?{symbol}\b", text, re.MULTILINE), (
                path,
                symbol,
            )


def test_the_map_draws_every_room():
    page = (ROOT / "docs" / "house.md").read_text(encoding="utf-8")
    drawing = page.split("```")[1]
    drawn = {line.split()[0].strip("/") for line in drawing.splitlines() if re.match(r"  \w", line)}
    rooms = {room(module) for module in MODULES} - {"skdistmass"}
    assert {Path(name).stem for name in drawn} >= rooms


def test_the_map_lists_every_file():
    page = (ROOT / "docs" / "house.md").read_text(encoding="utf-8")
    listing = page.split("## The files of each room")[1].split("\n## ")[0]
    rooms = {entry.split("`")[1].strip("/"): entry for entry in listing.split("\n- ")[1:]}
    for room_name, entry in rooms.items():
        files = {path.stem for path in (PACKAGE / room_name).glob("*.py")} - {"__init__"}
        assert files <= set(re.findall(r"`(\w+)`", entry)), room_name
    folders = {path.parent.relative_to(PACKAGE).as_posix() for path in MODULES.values()}
    assert set(rooms) == folders - {".", "data"}


def test_what_is_public_stays_small():
    rooms = (
        "skdistmass",
        "skdistmass.columns",
        "skdistmass.plots",
        "skdistmass.simulate",
        "skdistmass.training",
    )
    exported = {
        function
        for name in rooms
        for function in map(partial(getattr, import_module(name)), import_module(name).__all__)
        if inspect.isfunction(function)
    }
    physics = {
        function
        for name in MODULES
        if name.startswith("skdistmass.physics.")
        for function in vars(import_module(name)).values()
        if inspect.isfunction(function) and function.__module__ == name and function.__name__[0] != "_"
    }
    assert len(physics) > 40
    assert len(exported | physics) <= 95
