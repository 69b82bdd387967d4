"""Headers of FITS tables: units, descriptions, UCDs, provenance and checksums."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from skdistmass.tables.source import META_KEY, ColumnLabels, column_labels, quiet_astropy

if TYPE_CHECKING:
    from astropy.io.fits import Header
    from astropy.table import Table

_COMMENT_WIDTH = 70
_NAME_WIDTH = 68
_STRUCTURAL = re.compile(
    r"SIMPLE|XTENSION|EXTEND|BITPIX|NAXIS\d*|[PG]COUNT|GROUPS|BLOCKED|THEAP|END|CONTINUE|COMMENT|HISTORY|CHECKSUM|"
    r"DATASUM|Z.*|T(FIELDS|(TYPE|FORM|NULL|SCAL|ZERO|DIM|DISP|UNIT|COMM|UCD)\d*)"
)
"""Keywords that say how a table is laid out, which metadata must not."""

_UNIT_IN_COMMENT = re.compile(r"\[([A-Za-z][^\]]*)\]\s*")


def table_header(template: Table, codes: Mapping[str, str], n_rows: int, meta: str) -> Header:
    """Make the header of a binary table.

    Parameters
    ----------
    template : astropy.table.Table
        Table with the units, descriptions and metadata of the file; its rows do not count.
    codes : mapping of str to str
        Format code of each column.
    n_rows : int
        Number of rows.
    meta : str
        Metadata as JSON.

    Returns
    -------
    astropy.io.fits.Header
        The header, without checksums.

    Notes
    -----
    FITS has no unit dex, and readers warn of it: such a unit stands in brackets before the description, in
    TCOMM. TOPCAT reads descriptions from TCOMM and UCDs from TUCD; astropy reads descriptions from YAML
    in COMMENT cards between two marks. DATE is written where SOURCE_DATE_EPOCH tells it: the same table
    makes the same file.
    """
    from astropy.io import fits

    check_fits_names(codes)
    labels = {name: column_labels(template, name) for name in codes}
    units = {name: _fits_unit(labels[name].unit) for name in codes}
    columns = [fits.Column(name, code, unit=units[name] or None) for name, code in codes.items()]
    with quiet_astropy():
        header = fits.BinTableHDU.from_columns(columns, nrows=0, name="STARS").header
        header["NAXIS2"] = n_rows
        descriptions = {name: _description(label, units[name]) for name, label in labels.items()}
        for number, (name, label) in enumerate(labels.items(), start=1):
            if comment := _ascii(descriptions[name]):
                header[f"TCOMM{number}"] = comment
            if label.ucd:
                header[f"TUCD{number}"] = _ascii(label.ucd)
        if date := os.environ.get("SOURCE_DATE_EPOCH"):
            header["DATE"] = datetime.fromtimestamp(int(date), UTC).strftime("%Y-%m-%dT%H:%M:%S")
        for keyword, value in _short_cards(template.meta):
            if keyword not in header and not _STRUCTURAL.fullmatch(keyword):
                header[keyword] = value
        header[META_KEY] = _without_marks(meta)
        for comment in _astropy_comments(descriptions):
            header.add_comment(comment)
    return header


def check_fits_names(names: Iterable[str]) -> None:
    """Refuse names of columns that FITS cannot hold.

    Parameters
    ----------
    names : iterable of str
        Names of columns.

    Raises
    ------
    ValueError
        If one is not of ASCII, or too long.
    """
    for name in names:
        if not name.isascii() or len(name.replace("'", "''")) > _NAME_WIDTH:
            raise ValueError(
                f"the column name {name!r} must be of at most {_NAME_WIDTH} ASCII characters in FITS; rename "
                "the column, or choose another format"
            )


def unit_of(unit: str | None, comment: str | None) -> str:
    """Give the unit of a column, from its TUNIT or from the brackets before its description.

    Parameters
    ----------
    unit, comment : str or None
        TUNIT and TCOMM.

    Returns
    -------
    str
        The unit, "" where there is none.
    """
    found = _UNIT_IN_COMMENT.match(comment or "") if not (unit or "").strip() else None
    if found is None:
        return unit or ""
    return found[1] if found[1] == "dex" or not _fits_unit(found[1]) else ""


@cache  # astropy takes 20 ms to find units that look like one that it does not know
def _fits_unit(unit: str) -> str:
    """Give the unit as FITS knows it, "" for one that it does not know."""
    from astropy import units

    if not unit:
        return ""
    with quiet_astropy():
        try:
            units.Unit(unit, format="fits", parse_strict="raise")
            return unit
        except (ValueError, TypeError):
            pass
        try:
            return units.Unit(unit, parse_strict="raise").to_string("fits")
        except (ValueError, TypeError):
            return ""


def with_checksum(header: Header, datasum: int) -> bytes:
    """Finish a header with DATASUM and CHECKSUM.

    Parameters
    ----------
    header : astropy.io.fits.Header
        The header; the two cards are set.
    datasum : int
        Sum of the data by `add_words`.

    Returns
    -------
    bytes
        The header as it stands in the file.

    Notes
    -----
    CHECKSUM makes the 32-bit ones' complement sum of the whole unit zero, encoded in 16 characters (FITS
    Standard 4.0, appendix J).
    """
    header["DATASUM"] = str(datasum)
    header["CHECKSUM"] = "0" * 16
    total = add_words(datasum, header.tostring().encode("ascii"))
    header["CHECKSUM"] = _encode_sum(~total & 0xFFFFFFFF)
    return header.tostring().encode("ascii")


def add_words(total: int, data: bytes | memoryview, offset: int = 0) -> int:
    """Add bytes to a 32-bit ones' complement sum of words.

    Parameters
    ----------
    total : int
        Sum so far.
    data : bytes
        Bytes to add.
    offset : int, default=0
        Number of bytes before them: a word may have begun there.

    Returns
    -------
    int
        The sum.
    """
    view = memoryview(data).cast("B")
    head = -offset % 4
    first, rest = bytes(view[:head]), view[head:]
    whole = len(rest) // 4 * 4
    words = np.frombuffer(rest[:whole], ">u4")
    total += int(words.sum(dtype=np.uint64)) if len(words) else 0
    total += int.from_bytes((bytes(offset % 4) + first).ljust(4, b"\0")[:4], "big") if head else 0
    total += int.from_bytes(bytes(rest[whole:]).ljust(4, b"\0"), "big")
    while total >> 32:
        total = (total & 0xFFFFFFFF) + (total >> 32)
    return total


def _encode_sum(value: int) -> str:
    """Encode a sum in 16 letters and digits whose bytes add up to it."""
    letters = np.zeros((4, 4), int)  # four characters for each byte of the sum
    for place, byte in enumerate(value.to_bytes(4, "big")):
        letters[:, place] = byte // 4 + ord("0")
        letters[0, place] += byte % 4
        for pair in (letters[:2, place], letters[2:, place]):
            while any(not chr(code).isalnum() for code in pair):
                pair += (1, -1)
    # The standard rotates the characters by one: a value begins one byte before a word.
    return "".join(np.roll([chr(code) for code in letters.ravel()], 1))


def _description(label: ColumnLabels, written_unit: str) -> str:
    lost = f"[{label.unit}] " if label.unit and not written_unit else ""
    return (lost + label.description).strip()


def _astropy_comments(descriptions: Mapping[str, str]) -> list[str]:
    if not any(descriptions.values()):
        return []
    columns = [{"name": name, "description": text} for name, text in descriptions.items()]
    meta: dict[str, Any] = {"datatype": columns, "meta": {"__serialized_columns__": {}}}
    text = json.dumps(meta)
    pieces = [text[start : start + _COMMENT_WIDTH] for start in range(0, len(text), _COMMENT_WIDTH)]
    lines = [piece + "\\" for piece in pieces[:-1]] + pieces[-1:]
    return ["--BEGIN-ASTROPY-SERIALIZED-COLUMNS--", *lines, "--END-ASTROPY-SERIALIZED-COLUMNS--"]


def _ascii(text: str) -> str:
    text = text.replace("σ", "sigma").replace("µ", "u")
    text = " ".join(text.encode("ascii", "backslashreplace").decode().split())
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)


def _without_marks(text: str) -> str:
    """JSON without the characters that mean something in a card: a string goes on over several of them."""
    for mark in "'&/":
        text = text.replace(mark, f"\\u{ord(mark):04x}")
    return text


def _short_cards(meta: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Metadata that fits into a card as it is; the JSON card has all of it."""
    cards = []
    for key, value in meta.items():
        keyword = _ascii(str(key)).upper().replace(" ", "_")
        value = _ascii(value) if isinstance(value, str) else value
        if not isinstance(value, bool | int | float | str) or value in (np.inf, -np.inf) or value != value:
            continue
        if re.fullmatch(r"[A-Z0-9_-]{1,8}", keyword):
            cards.append((keyword, value))
        elif len(keyword) + len(str(value)) < 60:
            # A long keyword cannot have a value that goes on in further cards.
            cards.append((f"HIERARCH {keyword}", value))
    return cards
