"""Count the files and functions of the package that one row passes on its way into the catalogue.

Run ``python tests/benchmarks/count_path.py [--list]``.

Two counts, for a FITS file of one row, all models and a FITS catalogue:

- a row: with the models loaded and the table open, from reading the block to the written file. This is what
  somebody follows who asks where a value comes from;
- the process: a fresh process from `write_catalog` to its return, with all that it opens and loads.

Counted are the functions and methods that are entered. Comprehensions, class bodies and lambdas are part of
the function they stand in, and the code of modules runs when they are imported.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import skdistmass
from skdistmass import make_survey, write_catalog, write_table

PACKAGE = f"{Path(skdistmass.__file__).parent}/"
OPTIMIZED = 0x1  # a flag of the code of functions, which class bodies lack


def entered(job: Callable[[], object]) -> list[tuple[str, str]]:
    """List the functions that a job enters, as (file, name)."""
    found = set()

    def note(frame, event, argument):
        code = frame.f_code
        is_function = code.co_flags & OPTIMIZED and not code.co_name.startswith("<")
        if event == "call" and is_function and code.co_filename.startswith(PACKAGE):
            found.add((code.co_filename.removeprefix(PACKAGE), code.co_qualname))

    sys.setprofile(note)
    try:
        job()
    finally:
        sys.setprofile(None)
    return sorted(found)


def row_job(path: Path, output: Path) -> Callable[[], object]:
    """Open the table and load the models; what is left to do with a row."""
    from skdistmass.survey.compute import fill_catalog
    from skdistmass.survey.models import load_models
    from skdistmass.survey.options import CatalogOptions
    from skdistmass.survey.read import StarReader

    options, reader = CatalogOptions(), StarReader(path)
    models = load_models(options)

    def job():
        (stars,) = reader.blocks(1)
        write_table(fill_catalog(stars, models, options), output)

    job()
    output.unlink()
    return job


def main() -> None:
    """Print the counts, and with ``--list`` the functions."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--list", action="store_true", help="also list the functions")
    arguments.add_argument("--of", nargs=2, metavar=("COUNT", "FOLDER"), help=argparse.SUPPRESS)
    options = arguments.parse_args()
    if options.of is None:
        with tempfile.TemporaryDirectory() as folder:
            write_table(make_survey(1, random_state=0)[0], Path(folder) / "one.fits")
            for count in ("row", "process"):
                subprocess.run([sys.executable, __file__, *sys.argv[1:], "--of", count, folder], check=True)
        return
    count, folder = options.of
    path, output = Path(folder) / "one.fits", Path(folder) / f"{count}.fits"
    job = row_job(path, output) if count == "row" else lambda: write_catalog(path, output)
    functions = entered(job)
    files = Counter(file for file, _ in functions)
    if options.list:
        print(*(f"{file} {name}" for file, name in functions), sep="\n")
    if count == "row":
        print(*(f"{number:4d}  {file}" for file, number in files.items()), sep="\n")
    print(f"{count}: {len(files)} files, {len(functions)} functions")


if __name__ == "__main__":
    main()
