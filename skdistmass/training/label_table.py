"""Columns of a table of labels: found in any case, and brought to the unit that is wanted."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from skdistmass.columns import INPUT_COLUMNS, Column
from skdistmass.columns.inputs import Kind
from skdistmass.tables.aliases import MissingColumnsError, match_columns
from skdistmass.tables.clean import clean_column, convert_unit
from skdistmass.tables.open import open_source
from skdistmass.tables.source import RawColumn

if TYPE_CHECKING:
    import pandas as pd
    from astropy.table import Table

LabelSource: TypeAlias = "str | Path | Table | pd.DataFrame"
"""A table of labels or of stars: a file, or a table in memory."""


class LabelTable:
    """A table of labels, open for reading.

    Parameters
    ----------
    source : path, astropy.table.Table or pandas.DataFrame
        The table.
    needed : iterable of str, default=()
        Columns that it must have: names of its own, or canonical names of the survey or their aliases, in
        any case.

    Attributes
    ----------
    label : str
        Name of the table, for messages.
    n_rows : int
        Number of its rows.

    Raises
    ------
    MissingColumnsError
        If it lacks one of the columns.
    """

    def __init__(self, source: LabelSource, needed: Iterable[str] = ()):
        needed = list(needed)
        self._opened = open_source(source, lambda names: not _missing(names, needed))
        self.label, self.n_rows = self._opened.label, self._opened.n_rows
        self.names = list(self._opened.names)
        if missing := _missing(self.names, needed):
            raise MissingColumnsError(self.label, missing, self.names)

    def find(self, name: str) -> str | None:
        """Name of a column as the table has it.

        Parameters
        ----------
        name : str
            Name to look for, in any case, or a canonical name of the survey.

        Returns
        -------
        str or None
            Name in the table; None if there is no such column.

        Raises
        ------
        ValueError
            If two columns fit.
        """
        hits = _match(self.names, name)
        if len(hits) > 1:
            listed = " and ".join(f"`{hit}`" for hit in hits)
            raise ValueError(f"{self.label}: the columns {listed} both stand for {name}; keep one of them.")
        return hits[0] if hits else None

    def numbers(self, name: str, unit: str = "") -> NDArray[np.float64]:
        """Read a column of numbers.

        Parameters
        ----------
        name : str
            Its name, in any case.
        unit : str, default=""
            Unit to convert to; that of a column without unit.

        Returns
        -------
        ndarray of shape (n_rows,)
            The numbers; NaN where missing.
        """
        actual, raw = self._fetch(name, "float")
        # Not as a column in that unit: 99.99 for no magnitude is a rule of apparent ones.
        values = clean_column(raw, Column(actual, "", ""), actual)
        return np.asarray(convert_unit(values, raw.unit, unit, actual), dtype=np.float64)

    def text(self, name: str) -> NDArray[np.str_]:
        """Read a column as text.

        Parameters
        ----------
        name : str
            Its name, in any case.

        Returns
        -------
        ndarray of str of shape (n_rows,)
            The text without blanks around it; "" where missing.
        """
        actual, raw = self._fetch(name, "")
        return clean_column(raw, Column(actual, "", "", kind="str"), actual)

    def identifiers(self, name: str) -> NDArray:
        """Read identifiers of stars: those of the survey as it has them, others as text or integers.

        Parameters
        ----------
        name : str
            Name of the column, in any case.

        Returns
        -------
        ndarray of str or int of shape (n_rows,)
            Identifiers; "" or 0 where missing.
        """
        known = INPUT_COLUMNS.get(name.upper())
        actual, raw = self._fetch(name, known.kind if known else "")
        values, *_ = raw
        kind: Kind = "str" if values.dtype.kind in "SUO" else "int"
        return clean_column(raw, known or Column(actual, "", "", kind=kind), actual)

    def _fetch(self, name: str, kind: str) -> tuple[str, RawColumn]:
        actual = self.find(name)
        if actual is None:
            raise MissingColumnsError(self.label, [name], self.names)
        return actual, self._opened.fetch({actual: kind}, slice(0, self.n_rows))[actual]


def _match(names: Iterable[str], name: str) -> list[str]:
    column = INPUT_COLUMNS.get(name.upper(), Column(name, "", ""))
    return match_columns(list(names), {name: column}).get(name, [])


def _missing(names: Iterable[str], needed: Iterable[str]) -> list[str]:
    names = list(names)
    return [name for name in needed if not _match(names, name)]
