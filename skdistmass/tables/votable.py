"""VOTables: reading and writing."""

from __future__ import annotations

import re
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from skdistmass.tables.atomic import open_binary, open_bytes
from skdistmass.tables.clean import MISSING_WORDS
from skdistmass.tables.source import (
    META_KEY,
    IsComplete,
    TableSource,
    choose_table,
    column_labels,
    column_values,
    decode_bytes,
    parse_meta,
    quiet_astropy,
    signed_integers,
    table_source,
)

if TYPE_CHECKING:
    from astropy.table import Table

_NO_BASE64 = re.compile("[^A-Za-z0-9+/]")
_MAX_EXPANSION, _FREE_BYTES = 200, 2**27  # tables of stars shrink by a factor of ten at most
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

    damage = (ExpatError, LookupError, zlib.error, Warning)
    try:
        declared = _Document().check(path)
        with quiet_astropy(), _nothing_lost():
            document = votable.parse(str(path), verify="warn")
            trees = list(document.iter_tables())
            if not trees:
                raise ValueError("no table in it")
            shapes = [([entry.name for entry in tree.fields], len(tree.array)) for tree in trees]
            index = choose_table(shapes, is_complete)
            tree = trees[index]
            if declared[index] not in (0, len(tree.array)):
                raise ValueError(f"{declared[index]} rows are declared, {len(tree.array)} are there")
            table = tree.to_table(use_names_over_ids=True)
    except (ValueError, OSError, TypeError, SyntaxError, EOFError, *damage) as error:
        raise ValueError(f"{path}: not a readable VOTable ({error})") from error
    infos = [info for resource in document.resources for info in resource.infos if info.name == META_KEY]
    source = table_source(table, path.name)
    source.meta = parse_meta(infos[0].value, path) if infos else {}
    return source


@contextmanager
def _nothing_lost() -> Iterator[None]:
    """Make errors of the warnings of astropy that a value was cut: integers, text, numbers that are none."""
    from astropy.io.votable import exceptions

    missing = "|".join(re.escape(word) for word in sorted(MISSING_WORDS))
    with exceptions.conf.set_temp("max_warnings", 2**62):
        for lost in (exceptions.W46, exceptions.W51):
            warnings.simplefilter("error", lost)
        no_number = rf".*Invalid literal for float '(?!\s*(?:{missing})\s*'\.)"
        warnings.filterwarnings("error", no_number, exceptions.W30)
        yield


class _Document:
    """What a document says of its tables, checked before they are read.

    It must not point elsewhere, declare more rows than it can hold, or have data that are not base64: the
    decoder of Python leaves out what it does not know, and stops at the first sign of an end.
    """

    def __init__(self) -> None:
        from xml.parsers import expat

        self.tables: list[tuple[int, int, int]] = []  # rows declared, rows seen, byte where the table begins
        self.n_characters, self.is_padded = 0, False
        self.parser = expat.ParserCreate()
        self.parser.buffer_text, self.parser.buffer_size = True, 2**18
        self.parser.StartElementHandler, self.parser.EndElementHandler = self._start, self._end
        self.parser.EntityDeclHandler = self._entity

    def check(self, path: Path) -> list[int]:
        """Check a file; give the number of rows that each table declares, 0 where it declares none."""
        most, n_bytes = max(_MAX_EXPANSION * path.stat().st_size, _FREE_BYTES), 0
        with open_bytes(path) as stream:
            while block := stream.read(2**20):
                n_bytes += len(block)
                if n_bytes > most:
                    raise ValueError(
                        f"it unpacks to more than {_MAX_EXPANSION} times its size; unpack it first"
                    )
                self.parser.Parse(block)
            self.parser.Parse(b"", True)
        return [rows for rows, _, _ in self.tables]

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        tag = tag.rpartition(":")[2]
        if tag == "STREAM" and attributes.get("href"):
            where = attributes["href"]
            raise ValueError(f"its data is elsewhere ({where!r}); nothing is fetched, save it with them")
        if tag == "STREAM" and attributes.get("encoding") == "base64":
            self.n_characters, self.is_padded = 0, False
            self.parser.CharacterDataHandler = self._base64
        elif tag == "TABLE":
            declared = attributes.get("nrows", "0")
            self.tables.append(
                (int(declared) if declared.isdecimal() else 0, 0, self.parser.CurrentByteIndex)
            )
        elif tag == "TR" and self.tables:
            rows, seen, place = self.tables[-1]
            self.tables[-1] = (rows, seen + 1, place)

    def _end(self, tag: str) -> None:
        tag = tag.rpartition(":")[2]
        if tag == "STREAM":
            self.parser.CharacterDataHandler = None
            if self.n_characters % 4:
                raise ValueError("its data is damaged: characters of the base64 text are missing")
        if tag == "TABLE" and self.tables:
            declared, seen, first = self.tables[-1]
            room = seen or self.parser.CurrentByteIndex - first  # a row of binary data has a byte at least
            if declared > room:
                raise ValueError(f"{declared} rows are declared, {room} are the most that it can hold")

    def _base64(self, text: str) -> None:
        text = "".join(text.split())
        data = text.rstrip("=")
        if _NO_BASE64.search(data) or (self.is_padded and data):
            raise ValueError("its data is damaged: the text is not base64")
        self.n_characters, self.is_padded = self.n_characters + len(text), data != text

    def _entity(self, *declaration: object) -> None:
        raise ValueError("it declares entities, which tables do not need")


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
        values = signed_integers(column_values(table, name), name)
        labels = column_labels(table, name)
        values = decode_bytes(values) if values.dtype.kind == "S" else values
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
        document.get_first_table()._nrows = len(plain)  # that a reader can tell whether some are lost
        document.resources[0].infos.append(tree.Info(name=META_KEY, value=meta))
        with open_binary(path) as stream:
            document.to_xml(stream, tabledata_format="binary2")


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text)
