"""Validate the docstrings of all public functions, classes and methods as they are at run time."""

import dataclasses
import enum
import importlib
import inspect
import pkgutil
import sys
import tomllib
from pathlib import Path

from numpydoc.validate import validate

import skdistmass


def public_objects():
    """Import paths of everything public that the package defines."""
    for module_info in pkgutil.walk_packages(skdistmass.__path__, "skdistmass."):
        if any(part.startswith("_") for part in module_info.name.split(".")):
            continue
        module = importlib.import_module(module_info.name)
        for name, value in vars(module).items():
            defined_here = getattr(value, "__module__", None) == module.__name__
            if (
                name.startswith("_")
                or not defined_here
                or not (inspect.isclass(value) or inspect.isfunction(value))
            ):
                continue
            yield f"{module.__name__}.{name}", value
            if inspect.isclass(value):
                for method_name, method in vars(value).items():
                    if not method_name.startswith("_") and inspect.isfunction(
                        getattr(method, "__func__", method)
                    ):
                        yield f"{module.__name__}.{name}.{method_name}", method


def main() -> int:
    """Print each violation of the configured checks."""
    configuration = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))
    checks = set(configuration["tool"]["numpydoc_validation"]["checks"])
    n_objects = n_errors = 0
    for path, value in public_objects():
        # Fields of records are documented as attributes or as parameters, whichever reads better.
        record = inspect.isclass(value) and (
            dataclasses.is_dataclass(value) or issubclass(value, (enum.Enum, tuple, Exception, Warning))
        )
        ignored = {"PR01", "PR02"} if record else set()
        for code, message in validate(path)["errors"]:
            if code in checks - ignored:
                n_errors += 1
                print(f"{path}: {code} {message}")
        n_objects += 1
    print(f"{n_objects} public docstrings, {n_errors} errors")
    return 1 if n_errors or not n_objects else 0


if __name__ == "__main__":
    sys.exit(main())
