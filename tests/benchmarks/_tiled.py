"""Large survey tables for the benchmarks: a simulated survey, repeated with new identifiers."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

TILE_ROWS = 50_000


def tiles(n_rows: int):
    """Give blocks of a survey of that many rows; each repeats the same simulated stars under other names."""
    from skdistmass import make_survey

    survey, _ = make_survey(TILE_ROWS, random_state=0)
    survey = survey[:TILE_ROWS]
    for number, start in enumerate(range(0, n_rows, len(survey))):
        block = survey[: n_rows - start].copy()
        names = np.char.add(f"T{number:04d}-", np.arange(len(block)).astype(str))
        block["APOGEE_ID"] = names.astype("S18")
        block["APSTAR_ID"] = np.char.add("apogee.apo25m.stars.F.", names).astype("S50")
        yield block


def write_parquet(path: Path, n_rows: int) -> None:
    """Write a survey as one Parquet file."""
    from skdistmass.tables import parquet as writing

    writing.write_parquet((writing.arrow_table(block, "{}") for block in tiles(n_rows)), Path(path))


def write_parquet_folder(path: Path, n_rows: int, rows_a_file: int = 4 * TILE_ROWS) -> None:
    """Write a survey as a folder of Parquet files."""
    from skdistmass.tables import parquet as writing

    path = Path(path)
    path.mkdir()
    held, number = [], 0
    for block in tiles(n_rows):
        held.append(writing.arrow_table(block, "{}"))
        if len(held) * TILE_ROWS >= rows_a_file:
            writing.write_parquet(held, path / f"part.{number}.parquet")
            held, number = [], number + 1
    if held:
        writing.write_parquet(held, path / f"part.{number}.parquet")


def write_fits(path: Path, n_rows: int, row_bytes: int = 2700) -> None:
    """Write a survey as a FITS file whose rows are as long as those of an allStar file."""
    from astropy.table import Column

    from skdistmass.tables.fits import FitsWriter

    with Path(path).open("wb") as stream:
        writer = None
        for block in tiles(n_rows):
            width = max(row_bytes - block.as_array().dtype.itemsize, 4) // 4
            block["OTHER"] = Column(np.ones((len(block), width), np.float32))
            if writer is None:
                writer = FitsWriter(stream, block, n_rows, json.dumps({}))
            writer.append(block)
        writer.close()
