"""VOTables: reading and writing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from skdistmass.tables.memory import table_source
from skdistmass.tables.source import (
    META_KEY,
    IsComplete,
    TableSource,
    choose_table,
    column_labels,
    column_values,
    quiet_astropy,
)

if TYPE_CHECKING:
    from astropy.table import Table


def open_votable(path: Path, is_complete: IsComplete) -> TableSource:
    """Open a table of a VOTable file.

    Parameters
    ----------
    path : Path
        The file.
    is_complete : callable
        Tells from the names of its columns whether a table is the right one.

    Returns
    -------
    TableSource
        The first table with rows that is complete, else the first with rows.

    Raises
    ------
    ValueError
        If the file is damaged or has no table.
    """
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
    source = table_source(table, path.name)
    source.meta = json.loads(infos[0].value) if infos else {}
    return source


def write_votable(table: Table, path: Path, meta: str) -> None:
    """Write a table as a VOTable file.

    Parameters
    ----------
    table : astropy.table.Table
        The table.
    path : Path
        File to write.
    meta : str
        Metadata as JSON.
    """
    from astropy.io.votable import tree
    from astropy.table import Column, Table

    plain = Table()
    for name in table.colnames:
        values = column_values(table, name)
        unit, description = column_labels(table, name)
        if values.dtype.kind == "U" and all(word.isascii() for word in values.tolist()):
            values = np.char.encode(values, "ascii")
        plain[name] = Column(values, description=description or None)
        if unit:
            plain[name].unit = unit
    with quiet_astropy():
        document = tree.VOTableFile.from_table(plain)
        document.resources[0].infos.append(tree.Info(name=META_KEY, value=meta))
        document.to_xml(str(path), tabledata_format="binary2")
