"""Writing of FITS tables, row block after row block."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from skdistmass.tables.clean import encode
from skdistmass.tables.source import META_KEY, column_labels, column_values, quiet_astropy

if TYPE_CHECKING:
    from astropy.table import Table

_BLOCK_ROWS = 2**15  # that are in memory in the form of the file
_UNIT_BYTES = 2880
_CODES = {"b1": "L", "u1": "B", "i2": "I", "i4": "J", "i8": "K", "f4": "E", "f8": "D"}
_WIDER = {"i1": "i2", "u2": "i4", "u4": "i8", "u8": "i8", "f2": "f4"}


class FitsWriter:
    """A FITS file with one table that is written in blocks of rows.

    Parameters
    ----------
    stream : binary file
        Where to write; left open.
    template : astropy.table.Table
        Table with the columns, types, units, descriptions and metadata of the file; its rows do not count.
    n_rows : int
        Number of rows that will be written.
    meta : str
        Metadata as JSON.
    widths : mapping of str to int, optional
        Characters of the columns of text; by default as many as those of `template` need.
    """

    def __init__(
        self,
        stream: IO[bytes],
        template: Table,
        n_rows: int,
        meta: str,
        widths: Mapping[str, int] | None = None,
    ):
        self._stream, self._n_rows, self._n_written = stream, n_rows, 0
        self._fields = {name: _field(template, name, (widths or {}).get(name)) for name in template.colnames}
        self._record = np.dtype([(name, dtype, shape) for name, (_, dtype, shape) in self._fields.items()])
        self._stream.write(self._header(template, meta).encode("ascii"))

    def _header(self, template: Table, meta: str) -> str:
        from astropy.io import fits

        columns = [
            fits.Column(name, code, unit=column_labels(template, name)[0] or None)
            for name, (code, _, _) in self._fields.items()
        ]
        with quiet_astropy():
            hdu = fits.BinTableHDU.from_columns(columns, nrows=0, name="STARS")
            hdu.header["NAXIS2"] = self._n_rows
            for number, name in enumerate(template.colnames, start=1):
                if description := column_labels(template, name)[1]:
                    hdu.header[f"TCOMM{number}"] = _ascii(description)
            for keyword, value in _short_cards(template.meta):
                if keyword not in hdu.header:
                    hdu.header[keyword] = value
            hdu.header[META_KEY] = _without_marks(meta)
            return fits.PrimaryHDU().header.tostring() + hdu.header.tostring()

    def append(self, table: Table) -> None:
        """Write rows.

        Parameters
        ----------
        table : astropy.table.Table
            Rows with the columns of the template.
        """
        values = {name: column_values(table, name) for name in self._fields}
        for start in range(0, len(table), _BLOCK_ROWS):
            block = np.zeros(min(_BLOCK_ROWS, len(table) - start), self._record)
            for name in self._fields:
                rows = values[name][start : start + len(block)]
                block[name] = _as_stored(rows, block.dtype[name]).reshape(block[name].shape)
            self._stream.write(block.data)
        self._n_written += len(table)

    def close(self) -> None:
        """Fill the last unit of the file.

        Raises
        ------
        ValueError
            If another number of rows was written than announced.
        """
        if self._n_written != self._n_rows:
            raise ValueError(f"{self._n_rows} rows were announced for the file, {self._n_written} written")
        self._stream.write(bytes(-self._n_written * self._record.itemsize % _UNIT_BYTES))


def _field(template: Table, name: str, width: int | None) -> tuple[str, Any, tuple[int, ...]]:
    """Give the format code of a column, and the type and shape of a value in the file."""
    values = column_values(template, name)
    if values.dtype.kind in "SU":
        width = max(width or _encode(values).dtype.itemsize, 1)
        return f"{width}A", f"S{width}", ()
    short = values.dtype.str[1:]
    short = short if short in _CODES else _WIDER.get(short, "f8")
    shape = (int(np.prod(values.shape[1:], dtype=int)),) if values.ndim > 1 else ()
    stored = "i1" if short == "b1" else f">{short}"
    return f"{shape[0] if shape else ''}{_CODES[short]}", stored, shape


def _as_stored(values: NDArray, dtype: np.dtype) -> NDArray:
    if dtype.kind == "S":
        return _fit(values, dtype.itemsize)
    if values.dtype.kind == "b":
        return np.where(values, ord("T"), ord("F")).astype(np.int8)
    return values


def _encode(values: NDArray, errors: str = "backslashreplace") -> NDArray[np.bytes_]:
    return encode(values, errors=errors) if values.dtype.kind == "U" else values


def _fit(values: NDArray, width: int) -> NDArray[np.bytes_]:
    """Encode text; a character that is not ASCII becomes "?" where its code has no room."""
    encoded = _encode(values)
    if encoded.dtype.itemsize <= width:
        return encoded
    long = np.char.str_len(encoded) > width
    if long.any():
        encoded[long] = _encode(values[long], "replace")
    if (np.char.str_len(encoded) > width).any():
        raise ValueError(f"text must not be longer than {width} characters here; got {encoded[long][0]!r}")
    return encoded


def _ascii(text: str) -> str:
    text = text.replace("σ", "sigma").replace("µ", "u")
    return " ".join(text.encode("ascii", "backslashreplace").decode().split())


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
