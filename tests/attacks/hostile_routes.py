"""Every way by which a model file comes into the package, tried with every hostile file.

``python tests/attacks/hostile_routes.py`` prints what was not refused.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import io
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd
from hostile_models import hostile_files
from hostile_programs import SENTINEL

from skdistmass import build_catalog, load_label_scale, load_model, load_predictor
from skdistmass.cli import main as command

STARS = pd.DataFrame({"TEFF": [4800.0], "LOGG": [2.5], "M_H": [0.0], "C_FE": [0.0], "N_FE": [0.1]})


@functools.cache
def shipped() -> object:
    """Load a model that is not hostile, once."""
    return load_model("mass")


def run_command(path: Path) -> None:
    """Give the file to the command as a model of distances."""
    STARS.to_csv("stars.csv", index=False)
    errors = io.StringIO()
    with contextlib.redirect_stderr(errors):
        code = command(["catalog", "stars.csv", "-o", "out.csv", "--distance-model", str(path)])
    if code:
        raise ValueError(errors.getvalue())


ROUTES: dict[str, Callable[[Path], object]] = {
    "load_model": load_model,
    "load_predictor": load_predictor,
    "load_label_scale": load_label_scale,
    "skdistmass catalog --distance-model": run_command,
    "build_catalog(distance=)": lambda path: build_catalog(
        STARS, distance=path, masses=None, isochrone=False
    ),
    "build_catalog(masses=)": lambda path: build_catalog(STARS, distance=None, masses=path, isochrone=False),
    "build_catalog(age=)": lambda path: build_catalog(
        STARS, distance=None, masses=shipped(), age=path, isochrone=False
    ),
    "build_catalog(label_scale=)": lambda path: build_catalog(
        STARS, distance=None, masses=shipped(), label_scale=path, isochrone=False
    ),
}
"""Ways by which a model file comes into the package."""


def attempt(route: Callable[[Path], object], path: Path) -> str:
    """Try a file and return the message of the ValueError, or what came of it instead."""
    try:
        made = route(path)
    except ValueError as error:
        return str(error)
    return f"no error, but a {type(made).__name__}"


def refused(message: str, path: Path) -> bool:
    """Say whether an error names the file, and no code was run."""
    return path.name in message and not Path(SENTINEL).exists()


def main() -> int:
    """Try every hostile file on every route; print what was not refused."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument(
        "n_foreign", nargs="?", type=int, help="how many of the files that name foreign things"
    )
    n_foreign = parser.parse_args().n_foreign
    faults = n_tried = n_ran = 0
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        path = Path("hostile.joblib")
        for name, content in hostile_files(n_foreign):
            path.write_bytes(content)
            for route_name, route in ROUTES.items():
                n_tried += 1
                message = attempt(route, path)
                if not refused(message, path):
                    faults += 1
                    sys.stdout.write(f"{name}: {route_name}: {message[:200]}\n")
                    n_ran += Path(SENTINEL).exists()
                    Path(SENTINEL).unlink(missing_ok=True)
        os.chdir("/")
    told = "no code run" if n_ran == 0 else f"code run {n_ran} times"
    sys.stdout.write(f"{n_tried} loads on {len(ROUTES)} routes, {n_tried - faults} refused by name, {told}\n")
    return int(faults > 0)


if __name__ == "__main__":
    raise SystemExit(main())
