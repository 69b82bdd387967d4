"""Tables of every format, and tables in memory, behind the interface of `TableSource`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from skdistmass.columns import Column
from skdistmass.tables.clean import clean_column
from skdistmass.tables.ecsv import is_ecsv, open_ecsv
from skdistmass.tables.fits import open_fits
from skdistmass.tables.parquet import open_parquet
from skdistmass.tables.parquet_folder import parquet_files
from skdistmass.tables.source import IsComplete, RawColumn, TableSource, table_source
from skdistmass.tables.text import open_csv
from skdistmass.tables.votable import open_votable

FORMATS: Mapping[str, str] = {
    ".fits": "fits",
    ".fit": "fits",
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "text",
    ".ecsv": "ecsv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".vot": "votable",
    ".votable": "votable",
    ".xml": "votable",
}
"""Format by suffix of the file name; `.gz` may follow."""


def table_format(path: str | Path, allowed: Iterable[str] | None = None) -> str:
    """Format of a file by its suffix.

    Parameters
    ----------
    path : str or Path
        File name.
    allowed : iterable of str, optional
        Formats to choose from, all by default.

    Returns
    -------
    str
        "fits", "csv", "text", "ecsv", "parquet" or "votable"; "text" is only read.

    Raises
    ------
    ValueError
        If the suffix belongs to none of them.

    Examples
    --------
    >>> table_format("stars.fits.gz")
    'fits'
    """
    suffixes = [suffix.lower() for suffix in Path(path).suffixes]
    if suffixes and suffixes[-1] == ".gz":
        suffixes.pop()
    found = FORMATS.get(suffixes[-1] if suffixes else "")
    allowed = set(FORMATS.values()) if allowed is None else set(allowed)
    if found not in allowed:
        known = ", ".join(suffix for suffix, name in FORMATS.items() if name in allowed)
        raise ValueError(f"{path}: unknown table format; the file name must end in one of {known}")
    return found


def check_input(path: str | Path) -> str:
    """Check that there is a table to read, before the work that is to be done with it.

    Parameters
    ----------
    path : str or Path
        File, or folder of Parquet files.

    Returns
    -------
    str
        Its format, as `table_format` names it.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is empty, or its format unknown.
    """
    path = Path(path)
    if path == Path() or not path.exists():  # An empty name means the current folder.
        raise FileNotFoundError(f"{path}: no such file")
    if path.is_dir():
        if not parquet_files(path):
            raise IsADirectoryError(f"{path}: a folder without Parquet files; a table file is expected")
        return "parquet"
    kind = table_format(path)
    if path.stat().st_size == 0:
        raise ValueError(f"{path}: the file is empty")
    return kind


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
    opened = _open_path(Path(source), is_complete) if isinstance(source, str | Path) else _open_object(source)
    opened.masks = {name: f"{name}.mask" for name in opened.names if f"{name}.mask" in opened.names}
    return _masked(opened) if opened.masks else opened


def _open_path(path: Path, is_complete: IsComplete) -> TableSource:
    kind = check_input(path)
    if kind == "fits":
        return open_fits(path, is_complete)
    if kind in ("csv", "text"):
        return open_ecsv(path) if is_ecsv(path) else open_csv(path)
    if kind == "votable":
        return open_votable(path, is_complete)
    return open_ecsv(path) if kind == "ecsv" else open_parquet(path)


def _masked(opened: TableSource) -> TableSource:
    """Take values as missing where a column `<name>.mask` says so; astropy keeps masks that way."""
    fetch, fetch_blocks = opened.fetch, opened.fetch_blocks

    def with_masks(kinds: Mapping[str, str]) -> dict[str, str]:
        return {**{opened.masks[name]: "int" for name in kinds if name in opened.masks}, **kinds}

    def combine(raw: Mapping[str, RawColumn], kinds: Mapping[str, str]) -> dict[str, RawColumn]:
        found = {name: raw[name] for name in kinds}
        for name in found.keys() & opened.masks.keys():
            told = opened.masks[name]
            mask = clean_column(raw[told], Column(told, "", "", kind="int"), told) != 0
            before = raw[name].mask
            found[name] = raw[name]._replace(mask=mask if before is None else mask | before)
        return found

    def masked_blocks(kinds: Mapping[str, str], first: int, size: int) -> Iterator[dict[str, RawColumn]]:
        assert fetch_blocks is not None
        return (combine(raw, kinds) for raw in fetch_blocks(with_masks(kinds), first, size))

    opened.fetch = lambda kinds, rows: combine(fetch(with_masks(kinds), rows), kinds)
    opened.fetch_blocks = None if fetch_blocks is None else masked_blocks
    return opened


def _open_object(source: Any) -> TableSource:
    from astropy.table import Table

    if isinstance(source, Table):
        return table_source(source, str(source.meta.get("source", "Table")))
    if type(source).__module__.split(".")[0] == "pandas" and hasattr(source, "columns"):
        return _frame_source(source)
    if isinstance(source, np.ndarray) and source.dtype.names and source.ndim == 1:
        return table_source(Table(source), "array")
    expected = "a path, an astropy Table, a pandas DataFrame or a structured array of one dimension"
    kind = f"{type(source).__module__}.{type(source).__qualname__}".removeprefix("builtins.")
    way_out = next((f": {words}" for has, words in _WAYS_OUT if hasattr(source, has)), "")
    raise TypeError(f"a table must be {expected}; got {kind}{way_out}")


# By what an object that is no table has.
_WAYS_OUT = (
    ("to_pandas", "give its to_pandas()"),
    ("colnames", "give some rows of the table, such as table[i : i + 1]"),
    ("fileinfo", "give the path of the file, or the data of one of its tables, such as hdus[1].data"),
    ("columns", "give its data"),
    ("keys", "give an astropy Table of its columns, Table(columns)"),
    ("read", "give the path of the file"),
)


def _frame_source(frame: Any) -> TableSource:
    import pandas as pd

    columns = [str(name) for name in frame.columns]
    index = [str(name) for name in frame.index.names if name is not None and str(name) not in columns]
    names = [*index, *columns]

    def column(name: str, rows: slice) -> pd.Series:
        if name in index:
            return pd.Series(frame.index[rows].get_level_values(name))
        return frame.iloc[rows, columns.index(name)]

    def fetch(kinds: Mapping[str, str], rows: slice) -> dict[str, RawColumn]:
        return {name: _from_series(column(name, rows)) for name in kinds}

    return TableSource("DataFrame", names, len(frame), fetch)


def _from_series(series: Any) -> RawColumn:
    """Give values and mask of a column of a data frame; integers are never taken through floats."""
    import pandas as pd

    mask = series.isna().to_numpy(dtype=bool)
    if isinstance(series.dtype, pd.CategoricalDtype):
        series = series.astype(series.cat.categories.dtype if not mask.any() else object)
    if pd.api.types.is_bool_dtype(series.dtype) or pd.api.types.is_integer_dtype(series.dtype):
        # Never through float: identifiers have 19 digits.
        zero = pd.api.types.is_integer_dtype(series.dtype)
        unsigned = pd.api.types.is_unsigned_integer_dtype(series.dtype)
        filled = series.fillna(0 if zero else False) if mask.any() else series
        values = filled.to_numpy(dtype=np.uint64 if unsigned else np.int64)
    elif pd.api.types.is_float_dtype(series.dtype):
        single = str(series.dtype).lower() in ("float32", "float[pyarrow]")
        values = series.to_numpy(dtype=np.float32 if single else np.float64, na_value=np.nan)
    else:
        values = series.to_numpy(dtype=object)
    return RawColumn(values, mask if mask.any() else None)
