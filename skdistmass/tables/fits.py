"""Reading of FITS tables, column by column and in blocks of rows."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from skdistmass.tables.source import (
    META_KEY,
    IsComplete,
    RawColumn,
    TableSource,
    choose_table,
    quiet_astropy,
)

BLOCK_BYTES = 2**26
"""Bytes of a table that are in memory at a time while its columns are picked out."""


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
