"""Tables of every format, and tables in memory, behind the interface of `TableSource`."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Mapping
from io import StringIO
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from skdistmass.tables.fits import open_fits
from skdistmass.tables.parquet import open_parquet, parquet_files
from skdistmass.tables.source import (
    META_KEY,
    IsComplete,
    RawColumn,
    TableSource,
    choose_table,
    quiet_astropy,
    table_format,
)


def open_source(source: Any, is_complete: IsComplete = lambda names: True) -> TableSource:
    """Open a table of any kind.

    Parameters
    ----------
    source : path, astropy.table.Table, pandas.DataFrame or structured ndarray
        The table.
    is_complete : callable, optional
        Tells from the names of its columns whether a table is the one that is looked for, in files with
        several tables.

    Returns
    -------
    TableSource
        The open table.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is not a table of a known format, or is damaged.
    TypeError
        If `source` is no table.
    """
    if not isinstance(source, str | Path):
        return _open_object(source)
    path = Path(source)
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file")
    if path.is_dir():
        if not parquet_files(path):
            raise IsADirectoryError(f"{path}: a folder without Parquet files; a table file is expected")
        return open_parquet(path)
    kind = table_format(path)
    if path.stat().st_size == 0:
        raise ValueError(f"{path}: the file is empty")
    if kind == "fits":
        return open_fits(path, is_complete)
    if kind == "csv":
        return _open_ecsv(path) if _is_ecsv(path) else _open_csv(path)
    if kind == "votable":
        return _open_votable(path, is_complete)
    return _open_ecsv(path) if kind == "ecsv" else open_parquet(path)


def _open_object(source: Any) -> TableSource:
    from astropy.table import Table

    if isinstance(source, Table):
        return _table_source(source, str(source.meta.get("source", "Table")))
    if type(source).__module__.split(".")[0] == "pandas" and hasattr(source, "columns"):
        return _frame_source(source)
    if isinstance(source, np.ndarray) and source.dtype.names:
        return _table_source(Table(source), "array")
    expected = "a path, an astropy Table, a pandas DataFrame or a structured array"
    raise TypeError(f"a table must be {expected}; got {type(source).__name__}")


def _table_source(table: Any, label: str) -> TableSource:
    def fetch(kinds, rows):
        return {name: _from_astropy(table[name][rows]) for name in kinds}

    meta = table.meta.get(META_KEY, table.meta)
    return TableSource(label, list(table.colnames), len(table), fetch, dict(meta))


def _from_astropy(column: Any) -> RawColumn:
    unit = getattr(column, "unit", None)
    values = getattr(column, "value", column)
    mask = np.ma.getmaskarray(values) if np.ma.isMaskedArray(values) else getattr(values, "mask", None)
    mask = np.asarray(mask) if mask is not None and np.any(mask) else None
    values = getattr(values, "unmasked", values)
    return RawColumn(np.asarray(np.ma.getdata(values)), mask, "" if unit is None else str(unit))


def _frame_source(frame: Any) -> TableSource:
    names = [str(name) for name in frame.columns]

    def fetch(kinds, rows):
        return {name: _from_series(frame.iloc[rows, names.index(name)]) for name in kinds}

    return TableSource("DataFrame", names, len(frame), fetch)


def _from_series(series: Any) -> RawColumn:
    import pandas as pd

    mask = series.isna().to_numpy(dtype=bool)
    if isinstance(series.dtype, pd.CategoricalDtype):
        series = series.astype(series.cat.categories.dtype if not mask.any() else object)
    if pd.api.types.is_bool_dtype(series.dtype) or pd.api.types.is_integer_dtype(series.dtype):
        # Never through float: identifiers have 19 digits.
        values = (series.fillna(0) if mask.any() else series).to_numpy(dtype=np.int64)
    elif pd.api.types.is_float_dtype(series.dtype):
        single = str(series.dtype).lower() in ("float32", "float[pyarrow]")
        values = series.to_numpy(dtype=np.float32 if single else np.float64, na_value=np.nan)
    else:
        values = series.to_numpy(dtype=object)
    return RawColumn(values, mask if mask.any() else None)


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
                yield {name: _from_series(frame[name]) for name in kinds}

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


def _open_ecsv(path: Path) -> TableSource:
    from astropy.table import Table

    try:
        with quiet_astropy():
            table = Table.read(path, format="ascii.ecsv")
    except (ValueError, OSError, KeyError, TypeError) as error:
        raise ValueError(f"{path}: not a readable ECSV file ({error})") from error
    return _table_source(table, path.name)


def _open_votable(path: Path, is_complete: IsComplete) -> TableSource:
    from xml.parsers.expat import ExpatError

    from astropy.io import votable

    try:
        with quiet_astropy():
            document = votable.parse(str(path), verify="ignore")
            trees = list(document.iter_tables())
            if not trees:
                raise ValueError("no table in it")
            shapes = [([entry.name for entry in tree.fields], len(tree.array)) for tree in trees]
            tree = trees[choose_table(shapes, is_complete)]
            table = tree.to_table(use_names_over_ids=True)
    except (ValueError, OSError, TypeError, IndexError, SyntaxError, ExpatError) as error:
        raise ValueError(f"{path}: not a readable VOTable ({error})") from error
    infos = [info for resource in document.resources for info in resource.infos if info.name == META_KEY]
    source = _table_source(table, path.name)
    source.meta = json.loads(infos[0].value) if infos else {}
    return source
