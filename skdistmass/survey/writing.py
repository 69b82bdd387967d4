"""Writing of tables, whole or not at all, with units, descriptions and provenance."""

from __future__ import annotations

import json
import os
import re
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from skdistmass.survey.tables import META_KEY, quiet_astropy, table_format

if TYPE_CHECKING:
    import pyarrow as pa
    from astropy.table import Table

FORMATS = ("fits", "ecsv", "parquet", "votable")
"""Formats that can be written."""


def check_output(path: str | Path, overwrite: bool = False, format: str | None = None) -> Path:
    """Check that a table can be written, before the work that makes it.

    Parameters
    ----------
    path : str or Path
        File to write.
    overwrite : bool, default=False
        Whether an existing file may be replaced.
    format : {"fits", "ecsv", "parquet", "votable"}, optional
        Format, by default that of the suffix of `path`.

    Returns
    -------
    Path
        The file to write.

    Raises
    ------
    ValueError
        If the format is unknown.
    FileExistsError
        If the file exists and must not be replaced.
    FileNotFoundError
        If its folder does not exist.
    OSError
        If the folder cannot be written to, or `path` is a folder.
    """
    path = Path(path)
    _output_format(path, format)
    if path.is_dir():
        raise IsADirectoryError(f"{path}: a folder; the name of a file is expected")
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path}: exists; give overwrite=True (--overwrite) to replace it")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path}: its folder {path.parent} does not exist; make it first")
    probe = _temporary(path)
    try:
        probe.touch()
    except OSError as error:
        raise type(error)(f"{path}: cannot write into the folder {path.parent} ({error.strerror})") from error
    finally:
        probe.unlink(missing_ok=True)
    return path


def write_table(table: Table, path: str | Path, overwrite: bool = False, format: str | None = None) -> Path:
    """Write a table with its units, descriptions and metadata, atomically.

    The file appears under its name when it is complete; a failure or an interruption leaves nothing behind.

    Parameters
    ----------
    table : astropy.table.Table
        Numbers, text and columns of shape (n_samples, k). `meta` must be made of what JSON knows.
    path : str or Path
        File to write: .fits (or .fits.gz), .ecsv, .parquet, .vot, .votable or .xml.
    overwrite : bool, default=False
        Whether to replace an existing file.
    format : {"fits", "ecsv", "parquet", "votable"}, optional
        Format, by default that of the suffix of `path`.

    Returns
    -------
    Path
        The file that was written.

    Raises
    ------
    ValueError
        If the format is unknown or `meta` cannot be JSON.
    FileExistsError
        If the file exists and must not be replaced.
    OSError
        If the file cannot be written.

    See Also
    --------
    skdistmass.survey.reading.read_catalog : Reads catalogues in all these formats.

    Notes
    -----
    Descriptions are TCOMMn cards in FITS, and field metadata in Parquet beside the unit. Metadata is JSON in
    the card SKDMETA of FITS, an INFO of that name in VOTable, the schema's metadata in Parquet. FITS has
    short values as cards of their own besides.
    """
    path = check_output(path, overwrite, format)
    write = _WRITERS[_output_format(path, format)]
    meta = _json(table.meta)
    temporary = _temporary(path)
    try:
        write(table, temporary, meta)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    return path


def _output_format(path: Path, format: str | None) -> str:
    if format is None:
        return table_format(path, FORMATS)
    if format not in FORMATS:
        raise ValueError(f"format must be one of {', '.join(FORMATS)}; got {format!r}")
    return format


def _temporary(path: Path) -> Path:
    # In the same folder, so that the last step is a rename; with the suffixes, since .gz is chosen by them.
    return path.with_name(f".{uuid.uuid4().hex}.part{''.join(path.suffixes[-2:])}")


def _json(meta: Mapping[str, Any]) -> str:
    try:
        return json.dumps(dict(meta), default=_plain)
    except (TypeError, ValueError) as error:
        raise ValueError(f"the metadata of the table must be what JSON can hold ({error})") from error


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} is not")


def _column_values(table: Table, name: str) -> NDArray:
    """Values of a column as a plain array: NaN, 0 or "" for masked ones, text for objects."""
    column = table[name]
    values = np.asarray(np.ma.getdata(getattr(column, "value", column)))
    if values.dtype.kind == "O":
        values = np.array(["" if value is None else str(value) for value in values.tolist()], dtype=str)
    mask = getattr(column, "mask", None)
    if mask is not None and np.any(mask):
        values = values.copy()
        values[np.asarray(mask)] = np.nan if values.dtype.kind == "f" else values.dtype.type()
    return values


def _labels(table: Table, name: str) -> tuple[str, str]:
    column = table[name]
    unit = "" if column.info.unit is None else str(column.info.unit)
    return unit, column.info.description or ""


def _ascii(text: str) -> str:
    text = text.replace("σ", "sigma").replace("µ", "u")
    return " ".join(text.encode("ascii", "backslashreplace").decode().split())


def _write_fits(table: Table, path: Path, meta: str) -> None:
    from astropy.io import fits

    columns = [_fits_column(table, name) for name in table.colnames]
    with quiet_astropy():
        hdu = fits.BinTableHDU.from_columns(columns, nrows=len(table), name="STARS")
        for number, name in enumerate(table.colnames, start=1):
            if description := _labels(table, name)[1]:
                hdu.header[f"TCOMM{number}"] = _ascii(description)
        for keyword, value in _short_cards(table.meta):
            if keyword not in hdu.header:
                hdu.header[keyword] = value
        hdu.header[META_KEY] = _without_marks(meta)
        fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(path)


def _without_marks(text: str) -> str:
    """JSON without the characters that mean something in a card: a string goes on over several of them."""
    for mark in "'&/":
        text = text.replace(mark, f"\\u{ord(mark):04x}")
    return text


def _fits_column(table: Table, name: str) -> Any:
    from astropy.io import fits

    values = _column_values(table, name)
    unit, _ = _labels(table, name)
    if values.dtype.kind == "U":
        values = np.char.encode(values, "ascii", "backslashreplace")
    count = values.size // max(len(values), 1) if len(values) else int(np.prod(values.shape[1:], dtype=int))
    if values.dtype.kind == "S":
        code = f"{max(values.dtype.itemsize, 1)}A"
    else:
        codes = {"b1": "L", "u1": "B", "i2": "I", "i4": "J", "i8": "K", "f4": "E", "f8": "D"}
        short = values.dtype.str[1:]
        if short not in codes:
            short = {"i1": "i2", "u2": "i4", "u4": "i8", "u8": "i8", "f2": "f4"}.get(short, "f8")
            values = values.astype(short)
        code = f"{count if values.ndim > 1 else ''}{codes[short]}"
    return fits.Column(name, code, unit=unit or None, array=values)


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


def _write_ecsv(table: Table, path: Path, meta: str) -> None:
    from astropy.table import Column, Table

    plain = Table(meta=json.loads(meta))
    for name in table.colnames:
        unit, description = _labels(table, name)
        plain[name] = Column(_column_values(table, name), description=description or None)
        if unit:
            plain[name].unit = unit
    plain.write(path, format="ascii.ecsv")


def _write_votable(table: Table, path: Path, meta: str) -> None:
    from astropy.io.votable import tree
    from astropy.table import Column, Table

    plain = Table()
    for name in table.colnames:
        values = _column_values(table, name)
        unit, description = _labels(table, name)
        if values.dtype.kind == "U" and all(word.isascii() for word in values.tolist()):
            values = np.char.encode(values, "ascii")
        plain[name] = Column(values, description=description or None)
        if unit:
            plain[name].unit = unit
    with quiet_astropy():
        document = tree.VOTableFile.from_table(plain)
        document.resources[0].infos.append(tree.Info(name=META_KEY, value=meta))
        document.to_xml(str(path), tabledata_format="binary2")


def _write_parquet(table: Table, path: Path, meta: str) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    fields, arrays = [], []
    for name in table.colnames:
        array = _arrow_array(_column_values(table, name))
        unit, description = _labels(table, name)
        fields.append(pa.field(name, array.type, metadata={"unit": unit, "description": description}))
        arrays.append(array)
    schema = pa.schema(fields, metadata={META_KEY: meta})
    pq.write_table(pa.Table.from_arrays(arrays, schema=schema), path)


def _arrow_array(values: NDArray) -> pa.Array:
    import pyarrow as pa

    if values.dtype.kind == "S":
        values = np.char.decode(values, "utf-8", "replace")
    if values.dtype.kind == "U":
        return pa.array(values.tolist(), pa.string())
    values = values.astype(values.dtype.newbyteorder("="), copy=False)
    if values.ndim == 1:
        return pa.array(values)
    size = int(np.prod(values.shape[1:]))
    return pa.FixedSizeListArray.from_arrays(pa.array(np.ascontiguousarray(values).ravel()), size)


_WRITERS: Mapping[str, Callable[[Table, Path, str], None]] = {
    "fits": _write_fits,
    "ecsv": _write_ecsv,
    "parquet": _write_parquet,
    "votable": _write_votable,
}
