"""Count the files and functions of the package that one row passes on its way into the catalogue.

Run ``python tests/benchmarks/count_path.py [--list]``.

Counted are the functions, methods, lambdas and comprehensions of the package that are entered while
`build_catalog` makes the catalogue of a FITS file of one row with all models, in a fresh process, and the
files that hold them. The code of modules, which runs when they are imported, does not count.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import skdistmass
from skdistmass import build_catalog, make_survey, write_table

PACKAGE = f"{Path(skdistmass.__file__).parent}/"


def entered(path: str) -> list[tuple[str, str]]:
    """List the functions that the catalogue of a table enters, as (file, name)."""
    found = set()

    def note(frame, event, argument):
        code = frame.f_code
        if event == "call" and code.co_name != "<module>" and code.co_filename.startswith(PACKAGE):
            found.add((code.co_filename.removeprefix(PACKAGE), code.co_qualname, code.co_firstlineno))

    sys.setprofile(note)
    try:
        build_catalog(path)
    finally:
        sys.setprofile(None)
    return sorted((file, name) for file, name, _ in found)


def main() -> None:
    """Print the counts, and with ``--list`` the functions."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--list", action="store_true", help="also list the functions")
    arguments.add_argument("--of", metavar="FILE", help=argparse.SUPPRESS)
    options = arguments.parse_args()
    if options.of is None:
        with tempfile.TemporaryDirectory() as folder:
            path = write_table(make_survey(1, random_state=0)[0], Path(folder) / "one.fits")
            subprocess.run([sys.executable, __file__, *sys.argv[1:], "--of", path], check=True)
        return
    functions = entered(options.of)
    files = Counter(file for file, _ in functions)
    if options.list:
        print(*(f"{file} {name}" for file, name in functions), sep="\n")
    for file, number in files.items():
        print(f"{number:4d}  {file}")
    print(f"{len(files)} files, {len(functions)} functions")


if __name__ == "__main__":
    main()
