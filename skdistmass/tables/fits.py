"""FITS tables: reading column by column and in blocks of rows, writing block after block."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from skdistmass.tables.atomic import open_binary
from skdistmass.tables.clean import encode
from skdistmass.tables.source import (
    META_KEY,
    IsComplete,
    RawColumn,
    TableSource,
    choose_table,
    column_labels,
    column_values,
    quiet_astropy,
)

if TYPE_CHECKING:
    from astropy.table import Table

BLOCK_BYTES = 2**26
"""Bytes of a table that are in memory at a time while its columns are picked out."""

_BLOCK_ROWS = 2**15  # that are in memory in the form of the file
_UNIT_BYTES = 2880
_CODES = {"b1": "L", "u1": "B", "i2": "I", "i4": "J", "i8": "K", "f4": "E", "f8": "D"}
_WIDER = {"i1": "i2", "u2": "i4", "u4": "i8", "u8": "i8", "f2": "f4"}


def open_fits(path: Path, is_complete: IsComplete) -> TableSource:
    """Open a table of a FITS file.

    Parameters
    ----------
    path : Path
        The file, plain or compressed.
    is_complete : callable
        Tells from the names of its columns whether a table is the right one.

    Returns
    -------
    TableSource
        The first extension with rows that is complete, else the first with rows.

    Raises
    ------
    ValueError
        If the file is damaged, truncated or has no table.
    """
    from astropy.io import fits

    try:
        with quiet_astropy(), fits.open(path, memmap=False, lazy_load_hdus=True) as hdus:
            hdu, index = _find_table(hdus, is_complete)
            if hdu is None:
                raise ValueError(f"{path}: the FITS file holds no table, or is truncated")
            layout = _Layout(path, hdu, index)
    except (OSError, EOFError, KeyError, TypeError, IndexError) as error:
        raise ValueError(f"{path}: not a readable FITS file, perhaps truncated ({error})") from error
    layout.check_length()
    return TableSource(
        path.name, layout.names, layout.n_rows, layout.fetch, layout.meta, layout.widths, layout.fetch_blocks
    )


def _find_table(hdus: Any, is_complete: IsComplete) -> tuple[Any, int]:
    from astropy.io import fits

    tables = []
    for index, hdu in enumerate(hdus):
        if not isinstance(hdu, fits.BinTableHDU | fits.TableHDU):
            continue
        tables.append((hdu, index))
        # Further extensions are not looked at: in a compressed file each costs the reading of all before it.
        if hdu.header["NAXIS2"] > 0 and is_complete(hdu.columns.names):
            break
    if not tables:
        return None, -1
    return tables[choose_table([(hdu.columns.names, hdu.header["NAXIS2"]) for hdu, _ in tables], is_complete)]


class _Layout:
    """Where the fields of a FITS table are, and how to get at them."""

    def __init__(self, path: Path, hdu: Any, index: int):
        from astropy.io import fits

        self.path, self.index = path, index
        self.names = list(hdu.columns.names)
        self.n_rows, self.row_bytes = hdu.header["NAXIS2"], hdu.header["NAXIS1"]
        self.start = hdu.fileinfo()["datLoc"]
        self.units = {column.name: column.unit or "" for column in hdu.columns}
        self.nulls = {column.name: column.null for column in hdu.columns}
        formats = {name: hdu.columns.dtype[name] for name in self.names}
        self.widths = {name: entry.itemsize for name, entry in formats.items() if entry.kind == "S"}
        self.meta = json.loads(hdu.header[META_KEY]) if META_KEY in hdu.header else {}
        self.compression = _compression(path)
        self.record = hdu.columns.dtype.newbyteorder(">")
        # Fields whose bytes are their values can be picked out of the file; astropy reads the others.
        in_reach = (
            isinstance(hdu, fits.BinTableHDU)
            and self.compression in ("", "gzip")
            and self.record.itemsize == self.row_bytes
        )
        self.plain = {column.name for column in hdu.columns if in_reach and _is_plain(column)}

    def check_length(self) -> None:
        needed, size = self.start + self.n_rows * self.row_bytes, self.path.stat().st_size
        if not self.compression and size < needed:
            raise ValueError(
                f"{self.path}: truncated FITS file: its {self.n_rows} rows end at byte {needed}, "
                f"the file has {size}; fetch it again"
            )

    def fetch(self, kinds: Mapping[str, str], rows: slice) -> dict[str, RawColumn]:
        return next(self.fetch_blocks(kinds, rows.start, max(rows.stop - rows.start, 1), rows.stop))

    def fetch_blocks(
        self, kinds: Mapping[str, str], first: int, size: int, stop: int | None = None
    ) -> Iterator[dict[str, RawColumn]]:
        stop = self.n_rows if stop is None else stop
        plain = [name for name in kinds if name in self.plain]
        whole = self._read_whole([name for name in kinds if name not in self.plain], slice(first, stop))
        # A compressed file is opened once: to find a row in it, all before it must be decompressed.
        with gzip.open(self.path) if self.compression == "gzip" else self.path.open("rb") as stream:
            for start in range(first, stop, size) or (first,):
                rows = slice(start, min(start + size, stop))
                arrays = self._read_blocks(stream, plain, rows)
                arrays |= {name: values[start - first :][:size] for name, values in whole.items()}
                yield {
                    name: RawColumn(
                        arrays[name], _null_mask(arrays[name], self.nulls[name]), self.units[name]
                    )
                    for name in kinds
                }

    def _read_blocks(self, stream: IO[bytes], names: list[str], rows: slice) -> dict[str, NDArray]:
        n_rows = rows.stop - rows.start
        fields = [self.record.fields[name] for name in names]
        packed = np.dtype(
            {
                "names": names,
                "formats": [entry[0] for entry in fields],
                "offsets": [entry[1] for entry in fields],
                "itemsize": self.row_bytes,
            }
        )
        arrays = {
            name: np.empty((n_rows, *packed[name].shape), packed[name].base.newbyteorder("="))
            for name in names
        }
        if not names:
            return arrays
        block_rows = max(BLOCK_BYTES // self.row_bytes, 1)
        try:
            stream.seek(self.start + rows.start * self.row_bytes)
            for first in range(0, n_rows, block_rows):
                last = min(first + block_rows, n_rows)
                block = np.frombuffer(stream.read((last - first) * self.row_bytes), packed)
                if len(block) < last - first:
                    raise EOFError
                for name in names:
                    arrays[name][first:last] = block[name]
        except (EOFError, ValueError) as error:
            raise ValueError(f"{self.path}: truncated FITS file; fetch it again") from error
        return arrays

    def _read_whole(self, names: list[str], rows: slice) -> dict[str, NDArray]:
        if not names:
            return {}
        from astropy.io import fits

        try:
            with quiet_astropy(), fits.open(self.path, memmap=False) as hdus:
                data = hdus[self.index].data
                return {name: np.array(data[name][rows]) for name in names}
        except (OSError, EOFError, TypeError) as error:
            raise ValueError(f"{self.path}: not a readable FITS file, perhaps truncated ({error})") from error


def _compression(path: Path) -> str:
    with path.open("rb") as stream:
        magic = stream.read(2)
    return {b"\x1f\x8b": "gzip", b"BZ": "bzip2", b"PK": "zip", b"\x1f\x9d": "compress"}.get(magic, "")


def _is_plain(column: Any) -> bool:
    code = column.format.strip().lstrip("0123456789")[:1]
    unscaled = column.bscale in (None, "", 1) and column.bzero in (None, "", 0)
    return unscaled and code in tuple("ABIJKED")


def _null_mask(values: NDArray, null: Any) -> NDArray[np.bool_] | None:
    if null in (None, "") or values.dtype.kind not in "iu":
        return None
    return values == null


def write_fits(table: Table, path: Path, meta: str) -> None:
    """Write a table as a FITS file.

    Parameters
    ----------
    table : astropy.table.Table
        The table.
    path : Path
        File to write, compressed if its name ends in .gz.
    meta : str
        Metadata as JSON.
    """
    with open_binary(path) as stream:
        writer = FitsWriter(stream, table, len(table), meta)
        writer.append(table)
        writer.close()


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
