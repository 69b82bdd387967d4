"""Columns of a survey table that no model needs: kept on demand, or named where they may be missed."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from skdistmass.columns import CATALOG_COLUMNS, INPUT_COLUMNS, canonical_catalog_name, column_key
from skdistmass.survey.read import StarReader
from skdistmass.tables.aliases import MissingColumnsError
from skdistmass.tables.clean import decode, to_native
from skdistmass.tables.open import open_source
from skdistmass.tables.source import quiet_astropy

if TYPE_CHECKING:
    from astropy.table import Table


_LOG = logging.getLogger("skdistmass")
# What is missing without any of these columns, and names of columns that may hold it.
_NEEDED = (
    (
        "extinction, so no distance",
        ("A_K", "AK_WISE", "AK_TARG", "SFD_EBV"),
        r"e_?\(?b-?v|^a_?(v|k|ks)\b|^a[vk]|redd|extinc",
    ),
    ("Ks magnitude, so no distance", ("K",), r"^k|_k(s|mag|_|$)|2mass|ksmag"),
)


class KeptColumns:
    """Columns of a table that are read as they are.

    Parameters
    ----------
    source : path or table
        The table, as `skdistmass.read_stars` takes it.
    names : sequence of str
        Names of the columns, in any case.

    Raises
    ------
    MissingColumnsError
        If the table lacks one of them.
    ValueError
        If one has the name of a column that the catalogue fills itself.
    """

    def __init__(self, source: Any, names: Sequence[str]):
        keys = [column_key(name) for name in names]
        source = Path(source) if isinstance(source, str) else source
        self._opened = open_source(source, lambda found: {*keys} <= {column_key(name) for name in found})
        found = {column_key(name): name for name in self._opened.names}
        missing = [name for name, key in zip(names, keys, strict=True) if key not in found]
        if missing:
            raise MissingColumnsError(self._opened.label, missing, self._opened.names)
        self.names = list(dict.fromkeys(found[key] for key in keys))
        for name in self.names:
            if (column := canonical_catalog_name(name)) is not None:
                description = CATALOG_COLUMNS[column].description
                raise ValueError(
                    f"keep: the catalogue has its own column {name!r} ({description}); rename it"
                )

    def blocks(self, size: int, first: int = 0) -> Iterator[Table]:
        """Read rows in blocks.

        Parameters
        ----------
        size : int
            Rows of a block; the last one may have fewer.
        first : int, default=0
            Row to begin with.

        Yields
        ------
        astropy.table.Table
            The columns.
        """
        for raw in self._opened.blocks(dict.fromkeys(self.names, ""), first, size):
            yield self._as_table(raw)

    def _as_table(self, raw: Any) -> Table:
        from astropy.table import Column, Table
        from astropy.units import Unit

        table = Table()
        for name in self.names:
            values, mask, unit = raw[name]
            if values.dtype.kind in "SUO":
                values = decode(values, mask)
            else:
                values = to_native(values)
                if mask is not None and mask.any():
                    missing = np.nan if values.dtype.kind == "f" else values.dtype.type(0)
                    values = np.where(mask, missing, values).astype(values.dtype)
            with quiet_astropy():
                given = Unit(unit, parse_strict="silent") if unit else None
            table[name] = Column(values, unit=given)
        return table


def warn_of_missing_columns(reader: StarReader, source: Any) -> list[str]:
    """Say once, in the log of the package, what no row of a table can have, and which columns come near.

    Parameters
    ----------
    reader : StarReader
        The open table.
    source : path or table
        The same table.

    Returns
    -------
    list of str
        What was said.
    """
    said = []
    for what, columns, pattern in _NEEDED:
        if any(name in reader.names for name in columns):
            continue
        found = open_source(Path(source) if isinstance(source, str) else source).names
        near = [
            name for name in found if re.search(pattern, name.strip().lower()) and name not in reader.columns
        ]
        looked_for = "; ".join(str(INPUT_COLUMNS[name]) for name in columns)
        said.append(
            f"{reader.label}: no {what} for any row: there is none of the columns {looked_for}. "
            + (f"Not read, but near: {', '.join(near)}; rename what is meant." if near else "")
        )
    for line in said:
        _LOG.warning(line.strip())
    return said
