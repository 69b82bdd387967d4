"""Text tables: CSV and ECSV."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Mapping
from io import StringIO
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import numpy as np

from skdistmass.tables.memory import from_series, table_source
from skdistmass.tables.source import TableSource, column_labels, column_values, quiet_astropy

if TYPE_CHECKING:
    from astropy.table import Table


def open_text(path: Path) -> TableSource:
    """Open a CSV or ECSV table; a file that begins like an ECSV file is one, whatever its name.

    Parameters
    ----------
    path : Path
        The file, plain or compressed by gzip.

    Returns
    -------
    TableSource
        The open table.

    Raises
    ------
    ValueError
        If the file is damaged.
    """
    return open_ecsv(path) if _is_ecsv(path) else _open_csv(path)


def open_ecsv(path: Path) -> TableSource:
    """Open an ECSV table.

    Parameters
    ----------
    path : Path
        The file, plain or compressed.

    Returns
    -------
    TableSource
        The open table.

    Raises
    ------
    ValueError
        If the file is damaged.
    """
    from astropy.table import Table

    try:
        with quiet_astropy():
            table = Table.read(path, format="ascii.ecsv")
    except (ValueError, OSError, KeyError, TypeError) as error:
        raise ValueError(f"{path}: not a readable ECSV file ({error})") from error
    return table_source(table, path.name)


def _open_text(path: Path) -> TextIO:
    options = {"encoding": "utf-8-sig", "newline": ""}
    return gzip.open(path, "rt", **options) if _is_gzip(path) else path.open("rt", **options)


def _is_ecsv(path: Path) -> bool:
    try:
        with gzip.open(path) if _is_gzip(path) else path.open("rb") as stream:
            return stream.read(7) == b"# %ECSV"
    except (OSError, EOFError):
        return False  # Reading it as text will say what is wrong.


def _is_gzip(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(2) == b"\x1f\x8b"


def _open_csv(path: Path) -> TableSource:
    delimiter = "\t" if ".tsv" in path.suffixes else ","
    try:
        with _open_text(path) as stream:
            names = _skip_to_rows(stream, delimiter)
            n_rows = _count_rows(path, stream, delimiter, len(names))
    except (UnicodeDecodeError, EOFError, OSError, csv.Error) as error:
        raise ValueError(f"{path}: not a readable table ({error})") from error

    def fetch(kinds, rows):
        return next(fetch_blocks(kinds, rows.start, rows.stop - rows.start), {})

    def fetch_blocks(kinds, first, size):
        import pandas as pd

        with _open_text(path) as stream:
            _skip_to_rows(stream, delimiter)
            lines = (line for line in stream if line.strip())
            for _ in islice(lines, first):
                pass
            for _ in range(first, max(n_rows, first + 1), max(size, 1)):
                text = "".join(islice(lines, size))
                try:
                    frame = _parse_csv(text, delimiter, names, kinds)
                except (ValueError, OverflowError):
                    # Some value is not of its kind. As text, each is judged on its own and can be named.
                    try:
                        frame = _parse_csv(text, delimiter, names, dict.fromkeys(kinds, "str"))
                    except (pd.errors.ParserError, pd.errors.ParserWarning) as error:
                        raise ValueError(f"{path}: not a readable table ({error})") from error
                yield {name: from_series(frame[name]) for name in kinds}

    return TableSource(path.name, names, n_rows, fetch, fetch_blocks=fetch_blocks)


def _count_rows(path: Path, stream: TextIO, delimiter: str, n_fields: int) -> int:
    row = -1
    for row, line in enumerate(line for line in stream if line.strip()):
        # A row may end in a delimiter, but with more fields than names its values would be out of place.
        if line.count(delimiter) >= n_fields and '"' not in line:
            found = line.rstrip().removesuffix(delimiter).count(delimiter) + 1
            if found > n_fields:
                raise ValueError(f"{path}: row {row} has {found} fields, the header has {n_fields}")
    return row + 1


def _skip_to_rows(stream: TextIO, delimiter: str) -> list[str]:
    """Read the comments and the header; the stream then stands at the first row."""
    header = next((line for line in stream if line.strip() and not line.startswith("#")), "")
    return [name.strip() for name in next(csv.reader([header], delimiter=delimiter), [])]


def _parse_csv(text: str, delimiter: str, names: list[str], kinds: Mapping[str, str]) -> Any:
    import pandas as pd

    dtypes = {"float": np.float64, "int": "Int64", "str": "str"}
    # As Python reads a number, so that it does not matter whether a neighbour is no number. New releases of
    # pandas do so unasked, and do not want to be asked.
    is_exact = tuple(int(part) for part in pd.__version__.split(".")[:2]) >= (3, 1)
    exact = {} if is_exact else {"float_precision": "round_trip"}
    return pd.read_csv(
        StringIO(text),
        sep=delimiter,
        header=None,
        # A repeated name is an error only for a column that is wanted, and that is found before reading.
        names=list(range(len(names))),
        usecols=[names.index(name) for name in kinds],
        dtype={names.index(name): dtypes[kind] for name, kind in kinds.items() if kind},
        index_col=False,
        skipinitialspace=True,
        na_values=["--"],
        **exact,
    ).rename(columns=dict(enumerate(names)))


def write_ecsv(table: Table, path: Path, meta: str) -> None:
    """Write a table as an ECSV file.

    Parameters
    ----------
    table : astropy.table.Table
        The table.
    path : Path
        File to write.
    meta : str
        Metadata as JSON.
    """
    from astropy.table import Column, Table

    plain = Table(meta=json.loads(meta))
    for name in table.colnames:
        unit, description = column_labels(table, name)
        plain[name] = Column(column_values(table, name), description=description or None)
        if unit:
            plain[name].unit = unit
    plain.write(path, format="ascii.ecsv")
