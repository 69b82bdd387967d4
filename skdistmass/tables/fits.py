"""FITS tables: reading column by column and in blocks of rows, writing block after block."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from skdistmass.tables.atomic import open_binary, open_bytes
from skdistmass.tables.fits_header import add_words, table_header, unit_of, with_checksum
from skdistmass.tables.source import (
    META_KEY,
    IsComplete,
    RawColumn,
    TableSource,
    choose_table,
    column_values,
    encode,
    parse_meta,
    quiet_astropy,
    signed_integers,
)

if TYPE_CHECKING:
    from astropy.table import Table

BLOCK_BYTES = 2**26
"""Bytes of a table that are in memory at a time while its columns are picked out."""

_BLOCK_ROWS = 2**15  # that are in memory in the form of the file
_UNIT_BYTES = 2880
_MAX_COMPRESSION = 1100  # times; gzip reaches 1032
_CODES = {"b1": "L", "u1": "B", "i2": "I", "i4": "J", "i8": "K", "f4": "E", "f8": "D"}


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
    from astropy.io.fits import VerifyError

    try:
        with quiet_astropy(), fits.open(path, memmap=False, lazy_load_hdus=True) as hdus:
            hdu, index = _find_table(hdus, is_complete)
            if hdu is None:
                raise ValueError(f"{path}: the FITS file holds no table, or is truncated")
            layout = _Layout(path, hdu, index)
    except (OSError, EOFError, LookupError, TypeError, AttributeError, VerifyError, zlib.error) as error:
        raise ValueError(f"{path}: not a readable FITS file, perhaps truncated ({error})") from error
    layout.check_length()
    return TableSource(
        path.name, layout.names, layout.n_rows, layout.fetch, layout.meta, layout.widths, layout.fetch_blocks
    )


def _find_table(hdus: Any, is_complete: IsComplete) -> tuple[Any, int]:
    from astropy.io import fits

    tables = []
    for index, hdu in enumerate(hdus):
        if not hasattr(hdu, "fileinfo"):
            # astropy goes on for ever behind a damaged header.
            raise OSError(f"extension {index} has a damaged header")
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
        doubtful = [name for name in self.names if not (name or "").strip() or self.names.count(name) > 1]
        if doubtful:
            raise ValueError(
                f"{path}: the column name {doubtful[0] or ''!r} is empty or stands twice in the FITS table "
                "(TTYPE); give each column a name of its own"
            )
        self.n_rows, self.row_bytes = hdu.header["NAXIS2"], hdu.header["NAXIS1"]
        self.start = hdu.fileinfo()["datLoc"]
        self.end = self.start + self.n_rows * self.row_bytes + hdu.header.get("PCOUNT", 0)
        comments = {column.name: hdu.header.get(f"TCOMM{i}") for i, column in enumerate(hdu.columns, 1)}
        self.units = {column.name: unit_of(column.unit, comments[column.name]) for column in hdu.columns}
        self.nulls = {column.name: column.null for column in hdu.columns}
        self.scales = {c.name: (_or(c.bscale, 1), _or(c.bzero, 0)) for c in hdu.columns}
        formats = {name: hdu.columns.dtype[name] for name in self.names}
        self.widths = {name: entry.itemsize for name, entry in formats.items() if entry.kind == "S"}
        self.meta = parse_meta(hdu.header[META_KEY], path) if META_KEY in hdu.header else {}
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
        if self.compression and needed > size * _MAX_COMPRESSION:
            raise ValueError(
                f"{self.path}: its {self.n_rows} declared rows need {needed} bytes, more than a compressed "
                f"file of {size} bytes can hold; fetch it again"
            )
        if not self.compression and size < needed:
            raise ValueError(
                f"{self.path}: truncated FITS file: its {self.n_rows} rows end at byte {needed}, "
                f"the file has {size}; fetch it again"
            )
        if not self.compression:
            self._check_end()

    def _check_end(self) -> None:
        """Check that what follows the rows is no further row: their number may be damaged, too."""
        with self.path.open("rb") as stream:
            stream.seek(self.end)
            padding, following = stream.read(-self.end % _UNIT_BYTES), stream.read(8)
        if padding.strip(b"\0 ") or following not in (b"", b"XTENSION"):
            raise ValueError(
                f"{self.path}: its {self.n_rows} declared rows end at byte {self.end}, and more data "
                "follows; fetch it again"
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
        with open_bytes(self.path) as stream:
            for start in range(first, stop, size) or (first,):
                rows = slice(start, min(start + size, stop))
                arrays = self._read_blocks(stream, plain, rows)
                arrays |= {name: values[start - first :][:size] for name, values in whole.items()}
                yield {name: self._as_column(name, arrays[name]) for name in kinds}

    def _as_column(self, name: str, values: NDArray) -> RawColumn:
        # A null is a value of the file, before it is scaled.
        if name not in self.plain:
            return RawColumn(values, None, self.units[name])
        scale, zero = self.scales[name]
        mask, values = _null_mask(values, self.nulls[name]), _scaled(values, scale, zero)
        if mask is not None and scale == 1 and zero:
            # astropy writes the null of an unsigned column as it is after the offset.
            mask |= values == self.nulls[name]
        return RawColumn(values, mask, self.units[name])

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
        except (EOFError, ValueError, OSError, zlib.error) as error:
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
        except (OSError, EOFError, TypeError, zlib.error) as error:
            raise ValueError(f"{self.path}: not a readable FITS file, perhaps truncated ({error})") from error


def _compression(path: Path) -> str:
    with path.open("rb") as stream:
        magic = stream.read(2)
    return {b"\x1f\x8b": "gzip", b"BZ": "bzip2", b"PK": "zip", b"\x1f\x9d": "compress"}.get(magic, "")


def _is_plain(column: Any) -> bool:
    return column.format.strip().lstrip("0123456789")[:1] in tuple("ABIJKED")


def _scaled(values: NDArray, scale: float, zero: float) -> NDArray:
    """Apply TSCAL and TZERO; unsigned integers, which FITS has as signed ones with an offset, stay exact."""
    if (scale, zero) == (1, 0) or values.dtype.kind not in "iuf":
        return values
    if values.dtype.kind == "f" or scale != 1 or zero % 1:
        return values.astype(np.float64) * scale + zero
    if values.dtype.itemsize < 8:
        return values.astype(np.int64) + int(zero)
    if zero == 2**63:
        return values.view(np.uint64) ^ np.uint64(2**63)
    return values.astype(np.float64) + zero


def _or(value: Any, default: float) -> float:
    return default if value in (None, "") else value


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
        Where to write, one that can go back; left open.
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
        codes = {name: code for name, (code, _, _) in self._fields.items()}
        self._header = table_header(template, codes, n_rows, meta)
        self._start, self._datasum, self._n_bytes = stream.tell(), 0, 0
        self._stream.write(self._headers())

    def _headers(self) -> bytes:
        from astropy.io import fits

        return with_checksum(fits.PrimaryHDU().header, 0) + with_checksum(self._header, self._datasum)

    def append(self, table: Table) -> None:
        """Write rows.

        Parameters
        ----------
        table : astropy.table.Table
            Rows with the columns of the template.
        """
        values = {name: _values(table, name) for name in self._fields}
        for start in range(0, len(table), _BLOCK_ROWS):
            block = np.zeros(min(_BLOCK_ROWS, len(table) - start), self._record)
            for name in self._fields:
                rows = values[name][start : start + len(block)]
                block[name] = _as_stored(rows, block.dtype[name]).reshape(block[name].shape)
            self._stream.write(block.data)
            self._datasum = add_words(self._datasum, block.data, self._n_bytes)
            self._n_bytes += block.nbytes
        self._n_written += len(table)

    def close(self) -> None:
        """Fill the last unit of the file and enter the checksums.

        Raises
        ------
        ValueError
            If another number of rows was written than announced.
        """
        if self._n_written != self._n_rows:
            raise ValueError(f"{self._n_rows} rows were announced for the file, {self._n_written} written")
        self._stream.write(bytes(-self._n_bytes % _UNIT_BYTES))
        end = self._stream.tell()
        self._stream.seek(self._start)
        self._stream.write(self._headers())  # with the checksum of the rows, which is known now
        self._stream.seek(end)


def _values(table: Table, name: str) -> NDArray:
    return signed_integers(column_values(table, name), name)


def _field(template: Table, name: str, width: int | None) -> tuple[str, Any, tuple[int, ...]]:
    """Give the format code of a column, and the type and shape of a value in the file."""
    values = _values(template, name)
    if values.dtype.kind in "SU":
        width = max(width or _encode(values).dtype.itemsize, 1)
        return f"{width}A", f"S{width}", ()
    short = values.dtype.str[1:]
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
