"""Tables in memory: astropy tables, data frames and structured arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from skdistmass.tables.source import META_KEY, RawColumn, TableSource


def open_object(source: Any) -> TableSource:
    """Open a table in memory.

    Parameters
    ----------
    source : astropy.table.Table, pandas.DataFrame or structured ndarray
        The table.

    Returns
    -------
    TableSource
        The open table.

    Raises
    ------
    TypeError
        If `source` is no table.
    """
    from astropy.table import Table

    if isinstance(source, Table):
        return table_source(source, str(source.meta.get("source", "Table")))
    if type(source).__module__.split(".")[0] == "pandas" and hasattr(source, "columns"):
        return _frame_source(source)
    if isinstance(source, np.ndarray) and source.dtype.names:
        return table_source(Table(source), "array")
    expected = "a path, an astropy Table, a pandas DataFrame or a structured array"
    raise TypeError(f"a table must be {expected}; got {type(source).__name__}")


def table_source(table: Any, label: str) -> TableSource:
    """Open an astropy table.

    Parameters
    ----------
    table : astropy.table.Table
        The table.
    label : str
        Its name, for messages.

    Returns
    -------
    TableSource
        The open table.
    """

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
        return {name: from_series(frame.iloc[rows, names.index(name)]) for name in kinds}

    return TableSource("DataFrame", names, len(frame), fetch)


def from_series(series: Any) -> RawColumn:
    """Give the values of a column of a data frame.

    Parameters
    ----------
    series : pandas.Series
        The column.

    Returns
    -------
    RawColumn
        Values and mask; integers are never taken through floats.
    """
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
