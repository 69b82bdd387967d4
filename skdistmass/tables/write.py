"""Writing of tables in every format, whole or not at all, with units, descriptions and provenance."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from skdistmass.tables.atomic import check_file, new_file
from skdistmass.tables.ecsv import write_ecsv
from skdistmass.tables.fits import write_fits
from skdistmass.tables.open import table_format
from skdistmass.tables.parquet import arrow_table, write_parquet
from skdistmass.tables.text import write_csv
from skdistmass.tables.votable import write_votable

if TYPE_CHECKING:
    from astropy.table import Table

FORMATS = ("fits", "csv", "ecsv", "parquet", "votable")
"""Formats that can be written."""


def check_output(path: str | Path, overwrite: bool = False, format: str | None = None) -> Path:
    """Check that a table can be written, before the work that makes it.

    Parameters
    ----------
    path : str or Path
        File to write.
    overwrite : bool, default=False
        Whether an existing file may be replaced.
    format : {"fits", "csv", "ecsv", "parquet", "votable"}, optional
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
    output_format(path, format)
    return check_file(path, overwrite)


def write_table(table: Table, path: str | Path, overwrite: bool = False, format: str | None = None) -> Path:
    """Write a table with its units, descriptions and metadata, atomically.

    The file appears under its name when it is complete; a failure or an interruption leaves nothing behind.

    Parameters
    ----------
    table : astropy.table.Table
        Numbers, text and columns of shape (n_samples, k). `meta` must be made of what JSON knows.
    path : str or Path
        File to write: .fits (or .fits.gz), .csv, .ecsv, .parquet, .vot, .votable or .xml.
    overwrite : bool, default=False
        Whether to replace an existing file.
    format : {"fits", "csv", "ecsv", "parquet", "votable"}, optional
        Format, by default that of the suffix of `path`.

    Returns
    -------
    Path
        The file that was written.

    Raises
    ------
    TypeError
        If `table` is none of astropy.
    ValueError
        If the format is unknown or `meta` cannot be JSON.
    FileExistsError
        If the file exists and must not be replaced.
    OSError
        If the file cannot be written.

    See Also
    --------
    skdistmass.survey.read_catalog.read_catalog : Reads catalogues in all these formats.

    Notes
    -----
    Descriptions are TCOMMn cards in FITS, UCDs TUCDn, and both are field metadata in Parquet beside the unit.
    FITS knows no unit dex: it stands in brackets before the description. A missing number is null in
    Parquet, nothing in CSV and NaN elsewhere. Metadata is JSON in the card SKDMETA of FITS, an INFO of that
    name in VOTable, the schema's metadata in Parquet. FITS has short values as cards of their own besides.
    CSV has neither units nor metadata; the names of the columns tell ours.
    """
    if not hasattr(table, "colnames"):
        raise TypeError(
            f"table must be an astropy Table; received a {type(table).__qualname__}. "
            "Give Table.from_pandas(frame) for a data frame, Table(array) for an array"
        )
    write = _WRITERS[output_format(path, format)]
    path = check_file(path, overwrite)
    meta = meta_json(table.meta)
    with new_file(path) as temporary:
        write(table, temporary, meta)
    return path


def output_format(path: str | Path, format: str | None = None) -> str:
    """Format in which a file is written.

    Parameters
    ----------
    path : str or Path
        File to write.
    format : {"fits", "csv", "ecsv", "parquet", "votable"}, optional
        Format, by default that of the suffix of `path`.

    Returns
    -------
    str
        The format.

    Raises
    ------
    ValueError
        If it is unknown.
    """
    if format is None:
        return table_format(path, FORMATS)
    if format not in FORMATS:
        raise ValueError(f"format must be one of {', '.join(FORMATS)}; got {format!r}")
    return format


def meta_json(meta: Mapping[str, Any]) -> str:
    """Metadata of a table as JSON.

    Parameters
    ----------
    meta : mapping
        Metadata.

    Returns
    -------
    str
        JSON.

    Raises
    ------
    ValueError
        If it cannot be JSON.
    """
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


def _write_parquet(table: Table, path: Path, meta: str) -> None:
    write_parquet([arrow_table(table, meta)], path)


_WRITERS: Mapping[str, Callable[[Table, Path, str], None]] = {
    "fits": write_fits,
    "csv": write_csv,
    "ecsv": write_ecsv,
    "parquet": _write_parquet,
    "votable": write_votable,
}
