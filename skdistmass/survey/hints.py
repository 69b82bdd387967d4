"""Hints for tables that lack what a whole column of the catalogue needs."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any

from skdistmass.columns import INPUT_COLUMNS
from skdistmass.survey.read import StarReader
from skdistmass.tables.open import open_source

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
