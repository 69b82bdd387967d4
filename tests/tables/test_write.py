import os
import stat
import warnings

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits
from astropy.table import MaskedColumn, Table
from numpy.testing import assert_allclose, assert_array_equal

from skdistmass.columns import CATALOG_COLUMNS, LABEL_SETS, NAMINGS, PERCENTILES, column_ucd
from skdistmass.survey.read_catalog import read_catalog
from skdistmass.tables import atomic
from skdistmass.tables import write as writing
from skdistmass.tables.aliases import MissingColumnsError
from skdistmass.tables.write import check_output, write_table

SUFFIXES = (".fits", ".fits.gz", ".ecsv", ".parquet", ".vot", ".vot.gz")
META = {
    "source": "allStar-dr17.fits",
    "source_rows": 7,
    "version": "0.1.0",
    "models": {"distance": {"sha256": "0123456789abcdef" * 4, "citation": "O'Neill & Müller"}},
    "settings": ["a", 1, 2.5, None, True],
    "remark": "a long remark, " * 20,
    "a long name for a number": 3,
    "TTYPE1": "a name that the format has for itself",
}


def catalog(n_rows=7, naming="released"):
    """A table with all columns of the catalogue, numbers of all signs and some missing."""
    rng = np.random.default_rng(0)
    table = Table(meta=dict(META))
    for column in CATALOG_COLUMNS.values():
        name = column.name_in(naming)
        if column.kind == "str":
            table[name] = [f"2M{i:08d}+{i}" for i in range(n_rows - 1)] + [""]
        elif column.kind == "int":
            table[name] = 2**62 + np.arange(n_rows)
        elif column.name.startswith("AGE_ERR"):
            table[name] = rng.uniform(0.05, 0.3, (n_rows, 2))
        elif "_PERCENTILES" in column.name:
            table[name] = rng.uniform(1e9, 1e10, (n_rows, len(PERCENTILES)))
        elif column.name.startswith("AGE"):
            table[name] = rng.uniform(1e9, 1e10, n_rows)
        else:
            table[name] = rng.normal(size=n_rows).astype("f4" if column.unit == "dex" else "f8")
        if column.kind == "float":
            table[name][1] = np.nan
        table[name].unit = column.unit or None
        table[name].description = column.description
    return table


@pytest.mark.parametrize("naming", NAMINGS)
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_is_written_is_read_back(suffix, naming, tmp_path):
    table = catalog(naming=naming)
    path = write_table(table, tmp_path / f"catalog{suffix}")
    back = read_catalog(path)
    for column in CATALOG_COLUMNS.values():
        written, read = table[column.name_in(naming)], back[column.name]
        assert read.dtype.kind == written.dtype.kind
        if read.dtype.kind != "U":
            assert read.dtype == written.dtype
        assert_array_equal(read, written)
        assert str(read.unit or "") == column.unit
        assert read.description == column.description
    assert back.meta == META
    assert list(back.colnames)[: len(CATALOG_COLUMNS)] == list(CATALOG_COLUMNS)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_single_row_and_an_empty_text_column(suffix, tmp_path):
    table = catalog()[:1]
    table["APSTAR_ID"] = [""]
    back = read_catalog(write_table(table, tmp_path / f"catalog{suffix}"))
    assert back["APSTAR_ID"].tolist() == [""]
    assert back["AGE_ERR"].shape == (1, 2)


def test_units_and_descriptions_are_in_the_fits_header(tmp_path):
    path = write_table(catalog(), tmp_path / "catalog.fits")
    with fits.open(path) as hdus:
        header = hdus[1].header
        names = hdus[1].columns.names
    assert names == [column.name_in("released") for column in CATALOG_COLUMNS.values()]
    for number, name in enumerate(names, start=1):
        column = CATALOG_COLUMNS[name]
        # FITS knows no dex.
        assert header.get(f"TUNIT{number}", "") == column.unit.replace("dex", "")
        before = "[dex] " if column.unit == "dex" else ""
        assert header[f"TCOMM{number}"] == before + column.description.replace("σ", "sigma")
        assert header[f"TUCD{number}"] == column_ucd(name)
    assert header["SOURCE"] == "allStar-dr17.fits"
    assert header["SOURCE_ROWS"] == 7
    assert header["VERSION"] == "0.1.0"
    assert header["REMARK"] == META["remark"].strip()
    assert header["TTYPE1"] == "APOGEE_ID"


def test_others_can_read_the_files(tmp_path):
    table = catalog()
    for suffix in (".fits", ".ecsv", ".vot"):
        path = write_table(table, tmp_path / f"catalog{suffix}")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # FITS and VOTable do not list the unit dex.
            other = Table.read(path)
        assert_allclose(np.ma.filled(other["DISTANCE"], np.nan), table["DISTANCE"])
        assert other["DISTANCE"].unit == "pc"
        assert other["AGE_ERR"].shape == (7, 2)
    frame = pd.read_parquet(write_table(table, tmp_path / "catalog.parquet"))
    assert_array_equal(frame["BITMASK"], table["BITMASK"])
    assert_array_equal(np.stack(frame["AGE_ERR"]), table["AGE_ERR"])


def test_units_and_descriptions_are_in_the_parquet_fields(tmp_path):
    import pyarrow.parquet as pq

    schema = pq.read_schema(write_table(catalog(), tmp_path / "catalog.parquet"))
    assert schema.field("MASS").metadata == {
        b"unit": b"solMass",
        b"description": b"Current mass of the network",
        b"ucd": b"phys.mass",
    }
    assert str(schema.field("AGE_ERR").type).startswith("fixed_size_list")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_masked_small_and_object_columns(suffix, tmp_path):
    table = Table(
        {
            "DISTANCE": MaskedColumn([1.0, 2.0], mask=[False, True]),
            "BITMASK": MaskedColumn([5, 6], mask=[False, True]),
            "APOGEE_ID": np.array(["a", None], dtype=object),
            "FLAG": [True, False],
            "SMALL": np.array([1, 2], "i2"),
        }
    )
    back = read_catalog(write_table(table, tmp_path / f"catalog{suffix}"))
    assert_array_equal(back["DISTANCE"], [1.0, np.nan])
    assert back["BITMASK"].tolist() == [5, 0]
    assert back["APOGEE_ID"].tolist() == ["a", ""]
    assert back["FLAG"].tolist() == [True, False]
    assert back["SMALL"].tolist() == [1, 2]


def test_ages_in_gyr_with_their_errors():
    ages = np.array([1e9, 5e9, np.nan])
    dex = np.array([[0.1, 0.2], [0.3, 0.1], [0.1, 0.1]])
    table = Table({"MASS_COR_SS": [1.0] * 3, "AGE_COR_SS": ages, "AGE_ERR": dex})
    back = read_catalog(table)
    assert_allclose(back["AGE_GYR_COR_SS"], ages / 1e9)
    upper = 10 ** (np.log10(ages / 1e9) + dex[:, 0]) - ages / 1e9
    lower = ages / 1e9 - 10 ** (np.log10(ages / 1e9) - dex[:, 1])
    assert_allclose(back["AGE_GYR_ERR_COR_SS"], np.column_stack([upper, lower]))
    assert back["AGE_GYR_COR_SS"].unit == back["AGE_GYR_ERR_COR_SS"].unit == "Gyr"
    assert back["AGE_COR_SS"].unit == "yr"
    assert "AGE_GYR" not in back.colnames


def test_a_file_like_the_published_one(tmp_path):
    # Bytes for identifiers, no units, big-endian numbers, the isochrone distance as maximum, median and mean.
    columns = [
        fits.Column("APOGEE_ID", "30A", array=np.array([b"2M00000002+7417074", b""])),
        fits.Column("DISTANCE", "E", array=np.array([1500.0, np.nan])),
        fits.Column("WEIGHTED_DIST", "D", array=np.array([1400.0, -9999.0])),
        fits.Column("BITMASK", "K", array=np.array([2, 0])),
        fits.Column("AGE_ERR", "2D", array=np.array([[0.1, 0.2], [0.1, 0.2]])),
        fits.Column("NMSU_DIST", "3E", array=np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])),
        fits.Column("EXTRA", "3J", array=np.arange(6).reshape(2, 3)),
    ]
    columns += [fits.Column(f"MASS_{labels}", "E", array=[1.0, 2.0]) for labels in LABEL_SETS]
    columns += [fits.Column(f"AGE_{labels}", "D", array=[4e9, 2e9]) for labels in LABEL_SETS]
    fits.BinTableHDU.from_columns(columns).writeto(tmp_path / "published.fits")
    table = read_catalog(tmp_path / "published.fits")
    assert table["APOGEE_ID"].tolist() == ["2M00000002+7417074", ""]
    assert_array_equal(np.isnan(table["WEIGHTED_DIST"]), [False, True])
    assert_array_equal(table["NMSU_DIST"], [2.0, 5.0])
    assert_array_equal(table["EXTRA"], np.arange(6).reshape(2, 3))
    assert_allclose(table["AGE_GYR_UNCOR_TW"], [4.0, 2.0])
    assert table["DISTANCE"].unit == "pc"
    assert table["AGE_COR_MO"].unit == "yr"


def test_the_database_table_as_csv(tmp_path):
    path = tmp_path / "apogeeDistMass.csv"
    path.write_text(
        "apogee_id,distance,distance_err,mass,age,bitmask,nmsu_dist_med\n2M1,1500,150,1.1,6e9,2,1450\n"
    )
    table = read_catalog(path)
    assert_allclose([table["DISTANCE"][0], table["MASS"][0], table["NMSU_DIST"][0]], [1500, 1.1, 1450])
    assert_allclose(table["AGE_GYR"][0], 6.0)
    assert table["BITMASK"].dtype == np.int64


def test_distances_in_another_unit_are_converted():
    table = Table({"DISTANCE": [1.5], "BITMASK": [0]}, units={"DISTANCE": "kpc"})
    assert_allclose(read_catalog(table)["DISTANCE"], [1500.0])


def test_what_is_no_catalogue_is_refused():
    with pytest.raises(MissingColumnsError, match="found 2 columns: TEFF, LOGG"):
        read_catalog(Table({"TEFF": [1.0], "LOGG": [2.0]}))
    with pytest.raises(ValueError, match="second that stands for WEIGHTED_DIST"):
        read_catalog(Table({"DISTANCE": [1.0], "WEIGHTED_DIST": [1.0], "DISTANCE_WEIGHTED": [1.0]}))
    with pytest.raises(ValueError, match=r"AGE_ERR must have shape \(1, 2\)"):
        read_catalog(Table({"DISTANCE": [1.0], "AGE_ERR": [0.1]}))


@pytest.mark.parametrize("failure", [ValueError("broken"), KeyboardInterrupt()])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_failure_leaves_nothing_behind(suffix, failure, tmp_path, monkeypatch):
    path = tmp_path / f"catalog{suffix}"
    path.write_text("what was there before")
    kind = writing.output_format(path)

    def write_half(table, temporary, meta):
        temporary.write_text("half")
        raise failure

    monkeypatch.setitem(writing._WRITERS, kind, write_half)
    with pytest.raises(type(failure)):
        write_table(catalog(), path, overwrite=True)
    assert os.listdir(tmp_path) == [path.name]
    assert path.read_text() == "what was there before"


def test_success_leaves_the_file_alone_in_the_folder_with_usual_permissions(tmp_path):
    path = write_table(catalog(), tmp_path / "catalog.fits")
    (tmp_path / "usual").touch()
    assert sorted(os.listdir(tmp_path)) == ["catalog.fits", "usual"]
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE((tmp_path / "usual").stat().st_mode)


def test_an_existing_file_is_replaced_only_on_demand(tmp_path):
    path = write_table(catalog(), tmp_path / "catalog.fits")
    before = path.read_bytes()
    with pytest.raises(FileExistsError, match=r"overwrite=True \(--overwrite\)"):
        write_table(catalog(3), path)
    assert path.read_bytes() == before
    write_table(catalog(3), path, overwrite=True)
    assert len(read_catalog(path)) == 3


def test_an_output_is_checked_before_the_work(tmp_path):
    assert check_output(tmp_path / "new.parquet") == tmp_path / "new.parquet"
    assert os.listdir(tmp_path) == []
    with pytest.raises(FileNotFoundError, match="make it first"):
        check_output(tmp_path / "absent" / "catalog.fits")
    with pytest.raises(ValueError, match=r"unknown table format; .*\.fits, \.fit, \.csv, .*\.parquet"):
        check_output(tmp_path / "catalog.docx")
    with pytest.raises(ValueError, match=r"one of fits, csv, ecsv, parquet, votable; got 'hdf5'"):
        check_output(tmp_path / "catalog.fits", format="hdf5")
    with pytest.raises(IsADirectoryError, match="a folder"):
        check_output(tmp_path, format="fits", overwrite=True)


def test_an_unwritable_folder_is_told_with_its_name(tmp_path, monkeypatch):
    def refuse(self, *args, **kwargs):
        raise PermissionError(13, "Permission denied")

    # The tests may run as a user whom no permission stops.
    monkeypatch.setattr(atomic.Path, "touch", refuse)
    with pytest.raises(PermissionError, match=r"cannot write into the folder .*Permission denied"):
        check_output(tmp_path / "catalog.fits")


def test_the_format_can_be_given_apart_from_the_suffix(tmp_path):
    path = write_table(catalog(), tmp_path / "catalog.out", format="parquet")
    assert path.read_bytes()[:4] == b"PAR1"


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_any_text_in_the_metadata_comes_back(suffix, tmp_path):
    rng = np.random.default_rng(0)
    for number in range(20):
        table = Table({"DISTANCE": [1.0], "BITMASK": [0]})
        table.meta["settings"] = "".join(rng.choice(list("&'\" \\/ab\né=<>"), 300))
        path = write_table(table, tmp_path / f"catalog{number}{suffix}")
        assert read_catalog(path).meta == table.meta


def test_metadata_must_be_json(tmp_path):
    table = catalog()
    table.meta["model"] = object()
    with pytest.raises(ValueError, match="object is not"):
        write_table(table, tmp_path / "catalog.fits")
    table.meta["model"] = np.float64(0.5)
    table.meta["limits"] = np.array([1, 2])
    assert read_catalog(write_table(table, tmp_path / "catalog.fits")).meta["limits"] == [1, 2]
    assert os.listdir(tmp_path) == ["catalog.fits"]
