"""What is written is right for other tools, among them DuckDB, Polars, fitsio and STILTS where installed."""

import csv
import shutil
import subprocess
import warnings
from itertools import pairwise

import numpy as np
import pytest
from astropy.io import fits, votable
from astropy.io.votable import ucd
from astropy.table import Table
from numpy.testing import assert_allclose, assert_array_equal

from skdistmass import build_catalog
from skdistmass.columns import CATALOG_COLUMNS, LABEL_SETS, PERCENTILES, column_ucd
from skdistmass.survey.read_catalog import read_catalog
from skdistmass.tables.fits_header import add_words
from skdistmass.tables.write import write_table

needs_stilts = pytest.mark.skipif(shutil.which("stilts") is None, reason="STILTS is not installed")


def width(name):
    """How many values a row has in a column."""
    return 2 if name.startswith("AGE_ERR") else len(PERCENTILES) if "_PERCENTILES" in name else 1


def catalog(n_rows=11):
    rng = np.random.default_rng(1)
    table = Table(meta={"source": "stars.fits"})
    for column in CATALOG_COLUMNS.values():
        if column.kind == "str":
            table[column.name] = [f"2M{i:08d}" for i in range(n_rows - 1)] + [""]
        elif column.kind == "int":
            table[column.name] = 2**62 + np.arange(n_rows)
        else:
            shape = (n_rows, width(column.name)) if width(column.name) > 1 else n_rows
            scale = {"yr": 1e9, "pc": 1e3}.get(column.unit, 1.0)
            table[column.name] = scale * rng.uniform(1, 2, shape)
            table[column.name][1] = np.nan
        table[column.name].unit = column.unit or None
        table[column.name].description = column.description
    return table


@pytest.mark.parametrize("suffix", [".fits", ".fits.gz", ".ecsv", ".parquet", ".vot"])
def test_astropy_reads_values_units_and_descriptions_without_a_warning(suffix, tmp_path):
    table = catalog()
    path = write_table(table, tmp_path / f"catalog{suffix}")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        other = Table.read(path)
    for column in CATALOG_COLUMNS.values():
        read = other[column.name]
        if column.kind != "str":
            expected = np.asarray(table[column.name])
            assert_array_equal(
                np.ma.filled(np.ma.asarray(read), np.nan if column.kind == "float" else 0), expected
            )
        unit, description = str(read.unit or ""), " ".join(read.description.split())  # a VOTable wraps lines
        if "fits" in suffix and column.unit == "dex":
            unit, description = "dex", description.removeprefix("[dex] ")
        assert unit == column.unit
        assert description == column.description


@pytest.mark.parametrize("suffix", ["fits", "ecsv", "vot", "parquet"])
def test_a_table_that_astropy_read_gives_the_catalogue_of_its_file(suffix, stars, tmp_path):
    path = tmp_path / f"survey.{suffix}"
    write_table(stars[:100], path)
    expected = build_catalog(path, isochrone=False)
    kind = {"vot": "votable", "ecsv": "ascii.ecsv"}.get(suffix, suffix)
    found = build_catalog(Table.read(path, format=kind), isochrone=False)
    assert found.colnames == expected.colnames
    for name in expected.colnames:
        assert_array_equal(np.asarray(found[name]), np.asarray(expected[name]), err_msg=name)
    write_table(Table.read(path, format=kind), path, overwrite=True)
    assert_array_equal(build_catalog(path, isochrone=False)["DISTANCE"], expected["DISTANCE"])


def test_a_missing_number_is_null_in_parquet_and_nan_for_us(tmp_path):
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    table = catalog()
    path = write_table(table, tmp_path / "catalog.parquet")
    read = pq.read_table(path)
    for column in CATALOG_COLUMNS.values():
        if column.kind == "float" and width(column.name) == 1:
            assert read.column(column.name).null_count == 1
            assert pc.mean(read.column(column.name)).as_py() == pytest.approx(np.nanmean(table[column.name]))
    assert read.column("AGE_ERR").combine_chunks().flatten().null_count == 2
    assert_array_equal(read_catalog(path)["AGE_ERR"], table["AGE_ERR"])
    duckdb = pytest.importorskip("duckdb")
    count, mean = duckdb.sql(
        f"select count(*) filter (DISTANCE > 0), avg(DISTANCE) from '{path}'"
    ).fetchall()[0]
    assert count == len(table) - 1
    assert mean == pytest.approx(np.nanmean(table["DISTANCE"]))


def test_polars_averages_without_the_missing(tmp_path):
    polars = pytest.importorskip("polars")
    table = catalog()
    frame = polars.read_parquet(write_table(table, tmp_path / "catalog.parquet"))
    assert frame["DISTANCE"].mean() == pytest.approx(np.nanmean(table["DISTANCE"]))


def test_the_bytes_of_parquet_do_not_depend_on_the_pieces(tmp_path):
    from skdistmass.tables.parquet import arrow_table, write_parquet

    table = catalog()
    table["APOGEE_ID"] = [*table["APOGEE_ID"][:3], "the longest name", *table["APOGEE_ID"][4:]]
    pieces = [arrow_table(table[start : start + 4], "{}") for start in range(0, len(table), 4)]
    write_parquet(pieces, tmp_path / "pieces.parquet")
    write_parquet([arrow_table(table, "{}")], tmp_path / "whole.parquet")
    assert (tmp_path / "pieces.parquet").read_bytes() == (tmp_path / "whole.parquet").read_bytes()


@pytest.mark.parametrize("suffix", [".fits", ".fits.gz"])
def test_fits_has_checksums_and_ucds(suffix, tmp_path, monkeypatch):
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    path = write_table(catalog(), tmp_path / f"catalog{suffix}")
    with fits.open(path, checksum=True) as hdus:
        hdus.verify("exception")
        assert [hdu.verify_checksum() for hdu in hdus] == [hdu.verify_datasum() for hdu in hdus] == [1, 1]
        assert "DATE" not in hdus[1].header
        for number, name in enumerate(hdus[1].columns.names, start=1):
            assert hdus[1].header[f"TUCD{number}"] == column_ucd(name)
    again = write_table(catalog(), tmp_path / f"again{suffix}")
    assert again.read_bytes() == path.read_bytes()
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    assert (
        fits.getheader(write_table(catalog(), tmp_path / f"dated{suffix}"), 1)["DATE"]
        == "2023-11-14T22:13:20"
    )


@pytest.mark.parametrize("seed", range(20))
def test_the_sum_of_words_does_not_depend_on_the_pieces(seed):
    rng = np.random.default_rng(seed)
    data = rng.integers(0, 256, 4 * rng.integers(1, 300), dtype=np.uint8).tobytes()
    expected = sum(int.from_bytes(data[i : i + 4], "big") for i in range(0, len(data), 4))
    cuts = np.unique([0, *rng.integers(0, len(data), 7), len(data)])
    total = 0
    for start, stop in pairwise(cuts.tolist()):
        total = add_words(total, data[start:stop], start)
    assert total % (2**32 - 1) == expected % (2**32 - 1)


def test_every_column_of_the_catalogue_has_a_ucd_of_the_standard(tmp_path):
    for name in CATALOG_COLUMNS:
        assert ucd.check_ucd(column_ucd(name), check_controlled_vocabulary=True, has_colon=False), name
    assert column_ucd("e_weather") == ""
    path = write_table(catalog(), tmp_path / "catalog.vot")
    fields = votable.parse_single_table(path).fields
    assert {field.name: field.ucd for field in fields} == {name: column_ucd(name) for name in CATALOG_COLUMNS}
    assert column_ucd(f"AGE_{LABEL_SETS[0]}") == "time.age"


def test_csv_is_after_rfc_4180(tmp_path):
    table = catalog()
    table["APOGEE_ID"][:2] = ["#1", 'a "b", c']
    path = write_table(table, tmp_path / "catalog.csv")
    with path.open(newline="") as stream:
        header, *rows = csv.reader(stream, strict=True)
    assert len(rows) == len(table)
    assert header == [
        part
        for n in table.colnames
        for part in ([f"{n}_{i + 1}" for i in range(width(n))] if width(n) > 1 else [n])
    ]
    place = header.index("DISTANCE")
    assert rows[1][place] == ""
    assert_array_equal([float(row[place] or "nan") for row in rows], table["DISTANCE"])
    back = read_catalog(path)
    assert back["APOGEE_ID"].tolist() == table["APOGEE_ID"].tolist()
    for name in table.colnames:
        if width(name) > 1:
            assert_array_equal(back[name], table[name])
    assert back["BITMASK"].tolist() == table["BITMASK"].tolist()


def test_fitsio_reads_the_file(tmp_path):
    fitsio = pytest.importorskip("fitsio")
    table = catalog()
    read = fitsio.read(str(write_table(table, tmp_path / "catalog.fits")))
    assert_allclose(read["AGE_ERR"], table["AGE_ERR"])


@needs_stilts
@pytest.mark.parametrize(("suffix", "task"), [(".vot", "votlint"), (".fits", "tpipe")])
def test_stilts_accepts_the_files(suffix, task, tmp_path):
    path = write_table(catalog(), tmp_path / f"catalog{suffix}")
    arguments = [f"votable={path}"] if task == "votlint" else [f"in={path}", "omode=count"]
    done = subprocess.run(["stilts", task, *arguments], capture_output=True, text=True, check=True)
    assert "ERROR" not in done.stdout + done.stderr
