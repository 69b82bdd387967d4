"""Tables of the columns and bits for the documentation."""

from __future__ import annotations

from typing import Literal

from skdistmass.columns.bits import BITS
from skdistmass.columns.catalog import CATALOG_COLUMNS, NAMINGS
from skdistmass.columns.inputs import INPUT_COLUMNS


def markdown(which: Literal["input", "catalog", "bits"]) -> str:
    """Markdown table of the columns that are read, of those that are written, or of the bits.

    Parameters
    ----------
    which : {"input", "catalog", "bits"}
        What to list: `INPUT_COLUMNS`, `CATALOG_COLUMNS` or `BITS`.

    Returns
    -------
    str
        A table with a header, one line for each column or bit.
    """
    header: tuple[str, ...]
    rows: list[tuple[str, ...]]
    if which == "input":
        header = ("column", "unit", "meaning", "also read as")
        rows = [
            (f"`{c.name}`", c.unit, c.description, " ".join(f"`{alias}`" for alias in c.aliases))
            for c in INPUT_COLUMNS.values()
        ]
    elif which == "catalog":
        header = (*NAMINGS, "unit", "meaning")
        rows = [
            (*(f"`{c.name_in(naming)}`" for naming in NAMINGS), c.unit, c.description)
            for c in CATALOG_COLUMNS.values()
        ]
    elif which == "bits":
        header = ("value", "name", "meaning")
        rows = [(str(value), f"`{name}`", meaning) for name, (value, meaning) in BITS.items()]
    else:
        raise ValueError(f"which must be 'input', 'catalog' or 'bits'; received {which!r}")
    lines = ["| " + " | ".join(cells) + " |" for cells in (header, *rows)]
    return "\n".join([lines[0], "|" + "---|" * len(header), *lines[1:]])
