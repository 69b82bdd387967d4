"""VOTables: reading and writing."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from skdistmass.tables.atomic import open_binary
from skdistmass.tables.source import (
    META_KEY,
    IsComplete,
    TableSource,
    choose_table,
    column_labels,
    column_values,
    open_bytes,
    parse_meta,
    quiet_astropy,
    table_source,
)

if TYPE_CHECKING:
    from astropy.table import Table

_VERSION = "1.5"  # the first whose units include dex


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

    damage = (ExpatError, zlib.error)
    try:
        _check_document(path)
        with quiet_astropy():
            document = votable.parse(str(path), verify="ignore")
            trees = list(document.iter_tables())
            if not trees:
                raise ValueError("no table in it")
            shapes = [([entry.name for entry in tree.fields], len(tree.array)) for tree in trees]
            tree = trees[choose_table(shapes, is_complete)]
            table = tree.to_table(use_names_over_ids=True)
    except (ValueError, OSError, TypeError, IndexError, SyntaxError, EOFError, *damage) as error:
        raise ValueError(f"{path}: not a readable VOTable ({error})") from error
    infos = [info for resource in document.resources for info in resource.infos if info.name == META_KEY]
    source = table_source(table, path.name)
    source.meta = parse_meta(infos[0].value, path) if infos else {}
    return source


def _check_document(path: Path) -> None:
    """Refuse a document that points elsewhere, or declares more rows than it can hold, before it is read."""
    from xml.parsers import expat

    tables: list[tuple[int, int, int]] = []  # rows declared, rows seen, byte where the table begins
    parser = expat.ParserCreate()

    def start(tag: str, attributes: dict[str, str]) -> None:
        tag = tag.rpartition(":")[2]
        if tag == "STREAM" and attributes.get("href"):
            where = attributes["href"]
            raise ValueError(f"its data is elsewhere ({where!r}); nothing is fetched, save it with them")
        if tag == "TABLE":
            declared = attributes.get("nrows", "0")
            tables.append((int(declared) if declared.isdecimal() else 0, 0, parser.CurrentByteIndex))
        elif tag == "TR" and tables:
            tables[-1] = (tables[-1][0], tables[-1][1] + 1, tables[-1][2])

    def end(tag: str) -> None:
        if tag.rpartition(":")[2] == "TABLE" and tables:
            declared, seen, first = tables[-1]
            room = seen or parser.CurrentByteIndex - first  # a row of binary data has a byte at least
            if declared > room:
                raise ValueError(f"{declared} rows are declared, {room} are the most that it can hold")

    def entity(*declaration: object) -> None:
        raise ValueError("it declares entities, which tables do not need")

    parser.StartElementHandler, parser.EndElementHandler, parser.EntityDeclHandler = start, end, entity
    with open_bytes(path) as stream:
        parser.ParseFile(stream)


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
        labels = column_labels(table, name)
        if values.dtype.kind == "U" and "".join(values.tolist()).isascii():
            values = np.char.encode(values, "ascii")
        elif values.dtype.kind == "U" and max(map(ord, "".join(values.tolist()))) >= 2**16:
            values = values.astype(object)  # such a character takes the room of two
        plain[name] = Column(values, description=_printable(labels.description) or None)
        if labels.ucd:
            plain[name].meta["ucd"] = labels.ucd
        if labels.unit:
            plain[name].unit = labels.unit
    with quiet_astropy():
        document = tree.VOTableFile.from_table(plain)
        document.version = _VERSION
        document.resources[0].infos.append(tree.Info(name=META_KEY, value=meta))
        with open_binary(path) as stream:
            document.to_xml(stream, tabledata_format="binary2")


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text)
