"""Tables of every format, and tables in memory, behind the interface of `TableSource`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from skdistmass.tables.ecsv import is_ecsv, open_ecsv
from skdistmass.tables.fits import open_fits
from skdistmass.tables.parquet import open_parquet
from skdistmass.tables.parquet_folder import parquet_files
from skdistmass.tables.source import IsComplete, TableSource, open_object, table_format
from skdistmass.tables.text import open_csv
from skdistmass.tables.votable import open_votable


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
    if not path.exists():
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
    if not isinstance(source, str | Path):
        return open_object(source)
    path, kind = Path(source), check_input(source)
    if kind == "fits":
        return open_fits(path, is_complete)
    if kind in ("csv", "text"):
        return open_ecsv(path) if is_ecsv(path) else open_csv(path)
    if kind == "votable":
        return open_votable(path, is_complete)
    return open_ecsv(path) if kind == "ecsv" else open_parquet(path)
