"""Damaged files of every format: read with all their rows, or refused by name; no hang, no other error."""

from __future__ import annotations

import csv
import gzip
import io
import re
import shutil
import signal
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
from astropy.table import Table

from skdistmass import make_survey, read_stars, write_table

FORMATS = ("fits", "parquet", "csv", "ecsv", "vot", "folder", "fits.gz", "csv.gz")
N_ROWS, SECONDS = 120, 20
COLUMNS = (
    "APOGEE_ID",
    "TEFF",
    "LOGG",
    "M_H",
    "C_FE",
    "N_FE",
    "K",
    "GAIAEDR3_SOURCE_ID",
    "EXTRATARG",
    "RA",
    "DEC",
)


class HangError(Exception):
    """Reading took longer than `SECONDS`."""


@cache
def table() -> Table:
    """Make the table that every file holds; its stars are in the order of their names."""
    stars, _ = make_survey(N_ROWS, random_state=1)
    stars = stars[list(COLUMNS)]
    stars["APOGEE_ID"] = [f"2M{number:06d}" for number in range(N_ROWS)]
    return stars


@cache
def original(kind: str) -> bytes:
    """Give the bytes of the undamaged file; for a folder, those of the second of its three files."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"stars.{'parquet' if kind == 'folder' else kind}"
        rows = slice(N_ROWS // 3, 2 * N_ROWS // 3) if kind == "folder" else slice(None)
        write_table(table()[rows], path)
        return path.read_bytes()


def flip(rng: np.random.Generator, content: bytes) -> bytes:
    """Change some bits."""
    changed = bytearray(content)
    for _ in range(rng.choice([1, 1, 1, 3, 10])):
        # Half of them in the first and last parts, where headers and footers are.
        ends = min(len(content), 3000)
        place = rng.choice(
            [rng.integers(ends), len(content) - 1 - rng.integers(ends), rng.integers(len(content))]
        )
        changed[place] ^= 1 << rng.integers(8)
    return bytes(changed)


def replace(rng: np.random.Generator, content: bytes) -> bytes:
    """Put another character in the place of one."""
    changed = bytearray(content)
    changed[rng.integers(len(content))] = int(rng.choice(list(b"\n\r,\"' \0;#\t\xff9")))
    return bytes(changed)


def truncate(rng: np.random.Generator, content: bytes) -> bytes:
    """Leave out the end."""
    return content[: rng.integers(len(content))]


def double(rng: np.random.Generator, content: bytes) -> bytes:
    """Repeat a part."""
    first, last = np.sort(rng.integers(0, len(content), 2))
    last = min(last, first + rng.choice([1, 10, 2880, len(content)]))
    return content[:last] + content[first:]


def remove(rng: np.random.Generator, content: bytes) -> bytes:
    """Take out a part."""
    first = rng.integers(len(content))
    return content[:first] + content[first + rng.choice([1, 2, 8, 100, 2880]) :]


MUTATIONS: tuple[Callable[[np.random.Generator, bytes], bytes], ...] = (
    flip,
    flip,
    replace,
    truncate,
    double,
    remove,
)


def expected_rows(kind: str, content: bytes) -> int:
    """Count the rows that the file holds, independently of the reader."""
    if kind.startswith(("csv", "ecsv")):
        text = (gzip.decompress(content) if kind.endswith(".gz") else content).decode("utf-8-sig")
        delimiter = " " if kind == "ecsv" else ","
        lines = io.StringIO(text, newline="")
        body = (line for line in lines if kind != "ecsv" or not line.startswith("#"))
        rows = [row for row in csv.reader(body, delimiter=delimiter) if any(word.strip() for word in row)]
        first = next(i for i, row in enumerate(rows) if not row[0].startswith("#"))
        return len(rows) - first - 1
    return N_ROWS


def place(kind: str, content: bytes, folder: Path) -> Path:
    """Write the damaged file where it belongs."""
    if kind != "folder":
        path = folder / f"stars.{kind}"
        path.write_bytes(content)
        return path
    path = folder / "stars"
    path.mkdir()
    for number in (0, 2):
        rows = table()[number * N_ROWS // 3 : (number + 1) * N_ROWS // 3]
        write_table(rows, path / f"{number}.parquet")
    (path / "1.parquet").write_bytes(content)
    return path


def read(path: Path) -> Table | str:
    """Read a file; give the message of the error if it was refused."""

    def too_long(*_: object) -> None:
        raise HangError(f"more than {SECONDS} s")

    previous = signal.signal(signal.SIGALRM, too_long)
    signal.alarm(SECONDS)
    try:
        return read_stars(path)
    except (ValueError, OSError) as error:
        # A value that is no number is named by its column and row.
        named = re.search(r"stars|column `.*` .*row \d+ has|column `.*` must have a unit", str(error))
        if isinstance(error, UnicodeError) or named is None:
            raise
        return str(error)
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, previous)


def attack(kind: str, number: int, folder: Path) -> tuple[str, str]:
    """Damage a file and read it: what happened, and the fault if it was one."""
    rng = np.random.default_rng([number, FORMATS.index(kind)])
    mutation = MUTATIONS[number % len(MUTATIONS)]
    content = mutation(rng, original(kind))
    path = place(kind, content, folder)
    try:
        found = read(path)
    except Exception as error:
        return "fault", f"{mutation.__name__}: {type(error).__name__}: {error}"[:300]
    if isinstance(found, str):
        return "refused by name", ""
    try:
        wanted = expected_rows(kind, content)
    except (ValueError, StopIteration, csv.Error, EOFError, OSError) as error:
        return "fault", f"{mutation.__name__}: {len(found)} rows read of a file that is broken: {error}"
    if len(found) != wanted:
        return "fault", f"{mutation.__name__}: {len(found)} rows of {wanted}"
    if "APOGEE_ID" in found.colnames and mutation in (flip, replace) and len(found) == N_ROWS:
        known = np.asarray(found["APOGEE_ID"]) == np.asarray(table()["APOGEE_ID"])
        if kind in ("fits", "csv", "ecsv") and np.count_nonzero(~known) > 10 and not known.any():
            return "read, a column was renamed or moved", ""
    return "read with all its rows", ""


def run(kind: str, first: int, last: int) -> tuple[Counter[str], list[str]]:
    """Attack with a range of numbers; count what happened, and list the faults."""
    outcomes: Counter[str] = Counter()
    faults: list[str] = []
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as name:
        warnings.simplefilter("ignore")
        for number in range(first, last):
            folder = Path(name) / str(number)
            folder.mkdir()
            outcome, fault = attack(kind, number, folder)
            shutil.rmtree(folder)
            outcomes[outcome] += 1
            if fault:
                faults.append(f"{kind} {number}: {fault}")
    return outcomes, faults
