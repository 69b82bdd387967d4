"""Records of a text table as a stream: by pyarrow where the text is plain, one by one where it is not."""

from __future__ import annotations

import csv
import io
import zlib
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, TextIO

import numpy as np
from numpy.typing import NDArray

from skdistmass.tables.atomic import open_bytes
from skdistmass.tables.source import decode_bytes

DELIMITERS = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a bar", " ": "blanks"}
"""What may stand between two fields, with its name."""

_LINE_CHARACTERS = 2**24  # at most; a longer line is no row of a table
_BLOCK_BYTES, _BLOCK_RECORDS = 2**22, 8192
_QUOTE, _LINE_END = ord('"'), ord("\n")


@dataclass(frozen=True)
class Dialect:
    """How a text table is written.

    Attributes
    ----------
    encoding : str
        Encoding of the text.
    delimiter : str
        Between the fields; " " stands for any number of blanks.
    names : tuple of str
        Names of the columns.
    skip : int
        Lines before the first row.
    decimal : str, default="."
        Decimal mark.
    """

    encoding: str
    delimiter: str
    names: tuple[str, ...]
    skip: int
    decimal: str = "."


class Place(NamedTuple):
    """A place between two records: rows, lines and bytes before it."""

    row: int
    line: int
    offset: int


class Block(NamedTuple):
    """Consecutive records.

    Attributes
    ----------
    place : Place
        Where they begin, or a place before that.
    fields : pyarrow.Table
        The columns that are wanted, as text.
    has_commas : bool
        Whether a comma can be inside a field.
    """

    place: Place
    fields: Any
    has_commas: bool


def open_text(path: Path, encoding: str = "utf-8-sig") -> TextIO:
    """Open a text file, plain or compressed by gzip.

    Parameters
    ----------
    path : Path
        The file.
    encoding : str, default="utf-8-sig"
        Its encoding.

    Returns
    -------
    text file
        The stream; line ends are left as they are.
    """
    return io.TextIOWrapper(open_bytes(path), encoding=encoding, newline="")


def blocks(
    path: Path, dialect: Dialect, columns: Sequence[int], place: Place | None = None
) -> Iterator[Block]:
    """Give the records of a text table in blocks.

    Parameters
    ----------
    path : Path
        The file.
    dialect : Dialect
        How it is written.
    columns : sequence of int
        Numbers of the columns that are wanted.
    place : Place, optional
        That of an earlier block, to begin with; by default the first record.

    Yields
    ------
    Block
        The records. As soon as some are not plain, all further ones are read one by one: both ways give the
        same fields, and the errors are those of `records`.
    """
    stop: Place | None = Place(0, dialect.skip, -1)  # the first record
    if dialect.encoding == "utf-8-sig":
        stop = yield from _plain_blocks(path, dialect, columns, place)
    if stop is not None:
        yield from _strict_blocks(path, dialect, columns, stop)


def records(path: Path, dialect: Dialect, place: Place | None = None) -> Iterator[list[str]]:
    """Give the records of a text table one by one.

    Parameters
    ----------
    path : Path
        The file.
    dialect : Dialect
        How it is written.
    place : Place, optional
        Where to begin; by default the first record.

    Yields
    ------
    list of str
        The fields of a record; lines without anything are none.

    Raises
    ------
    ValueError
        If a record has more or fewer fields than the header, or a quote is out of place.
    """
    place = place or Place(0, dialect.skip, -1)
    n_fields, number = len(dialect.names), place.row - 1
    try:
        with _open_at(path, dialect, place) as stream:
            lines = iter(partial(next_line, stream), "")
            if dialect.delimiter == " ":
                lines = (line.strip(" ") for line in lines)
            reader = csv_reader(lines, dialect.delimiter)
            for record in reader:
                if len(record) == n_fields:
                    number += 1
                    yield record
                elif len(record) == n_fields + 1 and not record[-1].strip():
                    number += 1
                    yield record[:-1]  # A row may end in a delimiter.
                elif record and (len(record) > 1 or record[0].strip()):
                    raise ValueError(
                        f"{path}: row {number + 1} (it ends in line {place.line + reader.line_num}) has "
                        f"{len(record)} fields, the header has {n_fields}; quote fields that hold "
                        f"{DELIMITERS.get(dialect.delimiter, repr(dialect.delimiter))}"
                    )
    except csv.Error as error:
        where = f"row {number + 1} (about line {place.line + reader.line_num})"
        raise ValueError(f"{path}: {where}: a quote is not closed or out of place ({error})") from error
    except UnicodeDecodeError as error:
        raise not_decodable(path, error) from error
    except (EOFError, OSError, zlib.error) as error:
        raise _damaged(path, error) from error


def next_line(stream: TextIO) -> str:
    """Read a line, if it is no longer than a line of a table can be.

    Parameters
    ----------
    stream : text file
        The stream.

    Returns
    -------
    str
        The line with its end, "" at the end of the file.

    Raises
    ------
    csv.Error
        If it is longer.
    """
    line = stream.readline(_LINE_CHARACTERS)
    if len(line) == _LINE_CHARACTERS:
        raise csv.Error(f"a line has more than {_LINE_CHARACTERS} characters")
    return line


def csv_reader(lines: Iterator[str], delimiter: str) -> Any:
    """Make the reader of records: a quote that opens a field must close it, else one would swallow rows.

    Parameters
    ----------
    lines : iterator of str
        Lines.
    delimiter : str
        Between the fields.

    Returns
    -------
    csv.reader
        The reader.
    """
    return csv.reader(lines, delimiter=delimiter, strict=True, skipinitialspace=delimiter != "\t")


def text_of(values: NDArray) -> NDArray:
    """Give values of a table as text objects.

    Parameters
    ----------
    values : ndarray
        Text or bytes.

    Returns
    -------
    ndarray of object
        The same as `str`.
    """
    decoded = decode_bytes(values) if values.dtype.kind == "S" else values
    return np.array(decoded.tolist(), dtype=object)


def not_decodable(path: Path, error: UnicodeDecodeError) -> ValueError:
    """Say that a text is in another encoding.

    Parameters
    ----------
    path : Path
        The file.
    error : UnicodeDecodeError
        What went wrong.

    Returns
    -------
    ValueError
        The error to raise.
    """
    found = error.object[error.start : error.start + 1]
    return ValueError(
        f"{path}: the text is not {error.encoding.upper()} (byte {found.hex()}); it looks like Latin-1 or "
        f"Windows-1252: convert it, as with iconv -f WINDOWS-1252 -t UTF-8"
    )


def _damaged(path: Path, error: Exception) -> ValueError:
    return ValueError(f"{path}: not a readable table, perhaps truncated ({error})")


def _open_at(path: Path, dialect: Dialect, place: Place) -> TextIO:
    if place.offset >= 0:
        stream = open_bytes(path)
        stream.seek(place.offset)
        return io.TextIOWrapper(stream, encoding="utf-8", newline="")
    text = open_text(path, dialect.encoding)
    for _ in range(dialect.skip):
        next_line(text)
    return text


def _strict_blocks(path: Path, dialect: Dialect, columns: Sequence[int], place: Place) -> Iterator[Block]:
    import pyarrow as pa

    rows = records(path, dialect, place)
    while block := list(islice(rows, _BLOCK_RECORDS)):
        fields = pa.table({str(i): pa.array([row[i] for row in block], pa.string()) for i in columns})
        yield Block(place, fields, any("," in field for row in block for field in row))


def _plain_blocks(
    path: Path, dialect: Dialect, columns: Sequence[int], place: Place | None
) -> Generator[Block, None, Place | None]:
    """Give blocks as long as they are plain; return the place where they are no longer, None at the end."""
    if place is not None and place.offset < 0:
        return place
    try:
        with open_bytes(path) as stream:
            if place is None:
                skipped = [stream.readline(_LINE_CHARACTERS) for _ in range(dialect.skip)]
                if any(b"\r" in line.removesuffix(b"\n").removesuffix(b"\r") for line in skipped):
                    return Place(0, dialect.skip, -1)  # Its lines end otherwise.
                place = Place(0, dialect.skip, sum(map(len, skipped)))
            stream.seek(place.offset)
            rest, ended = b"", False
            while not ended:
                read = stream.read(_BLOCK_BYTES - len(rest))
                text, ended = rest + read, len(rest) + len(read) < _BLOCK_BYTES
                end = len(text) if ended else _last_end(text)
                text, rest = text[:end], text[end:]
                # Without the end of a record, it is longer than a block, or a quote is not closed.
                fields = _parse(text, dialect, columns) if end or ended else None
                if fields is None:
                    return place
                yield Block(place, fields, b'"' in text if dialect.delimiter == "," else b"," in text)
                place = Place(
                    place.row + fields.num_rows, place.line + text.count(b"\n"), place.offset + len(text)
                )
    except (EOFError, OSError, zlib.error) as error:
        raise _damaged(path, error) from error
    return None


def _last_end(text: bytes) -> int:
    """Count the bytes up to the last end of a line that is not inside quotes."""
    if b'"' not in text:
        return text.rfind(b"\n") + 1
    codes = np.frombuffer(text, dtype=np.uint8)
    ends = np.flatnonzero(codes == _LINE_END)
    outside = ends[np.searchsorted(np.flatnonzero(codes == _QUOTE), ends) % 2 == 0]
    return int(outside[-1]) + 1 if len(outside) else 0


def _parse(text: bytes, dialect: Dialect, columns: Sequence[int]) -> Any:
    """Parse whole records by pyarrow; None if it might read them otherwise than `records`."""
    import pyarrow as pa
    import pyarrow.csv as arrow_csv

    names = [str(i) for i in range(len(dialect.names))]
    wanted = [names[i] for i in columns] or names[:1]
    if not text.strip(b"\n"):
        return pa.table({name: pa.array([], pa.string()) for name in wanted})
    if len(names) == 1 or not _is_plain(text, dialect.delimiter.encode()):
        return None
    quoted = b'"' in text
    try:
        return arrow_csv.read_csv(
            pa.BufferReader(text),
            arrow_csv.ReadOptions(column_names=names),
            arrow_csv.ParseOptions(
                delimiter=dialect.delimiter, quote_char='"' if quoted else False, newlines_in_values=quoted
            ),
            arrow_csv.ConvertOptions(
                include_columns=wanted, column_types=dict.fromkeys(wanted, pa.string()), check_utf8=False
            ),
        )
    except pa.ArrowInvalid:
        return None  # A record has more or fewer fields.


def _is_plain(text: bytes, delimiter: bytes) -> bool:
    if b"\0" in text or (b"\r" in text and text.count(b"\r") != text.count(b"\r\n")):
        return False
    if delimiter != b"\t" and b" " in text and _has_loose_blanks(text, delimiter):
        return False
    if not text.isascii():
        try:
            text.decode()
        except UnicodeDecodeError:
            return False
    return b'"' not in text or _quotes_enclose_fields(text, delimiter)


def _has_loose_blanks(text: bytes, delimiter: bytes) -> bool:
    """Tell whether blanks stand where a field begins or, between blanks, where a line ends."""
    if text[:1] == b" " or any(blank in text for blank in (delimiter + b" ", b"\n ")):
        return True
    return delimiter == b" " and (text[-1:] == b" " or b" \n" in text or b" \r" in text)


def _quotes_enclose_fields(text: bytes, delimiter: bytes) -> bool:
    """Tell whether every quote opens a field, closes it, or is doubled inside."""
    codes = np.frombuffer(b"\n" + text + b"\n", dtype=np.uint8)
    quotes = np.flatnonzero(codes == _QUOTE)
    if len(quotes) % 2:
        return False
    before, after = codes[quotes[::2] - 1], codes[quotes[1::2] + 1]
    allowed = [_QUOTE, _LINE_END, delimiter[0]]
    return bool(np.isin(before, allowed).all() and np.isin(after, [*allowed, ord("\r")]).all())
