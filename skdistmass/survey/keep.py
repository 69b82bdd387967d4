"""Columns of the survey table that pass through to the catalogue unchanged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from skdistmass.columns import CATALOG_COLUMNS, canonical_catalog_name, column_key
from skdistmass.tables.aliases import MissingColumnsError
from skdistmass.tables.clean import decode, to_native
from skdistmass.tables.open import open_source
from skdistmass.tables.source import quiet_astropy

if TYPE_CHECKING:
    from astropy.table import Table


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
