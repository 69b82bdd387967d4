"""Folders of Parquet files mean one table, however each file spells its columns."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skdistmass.survey.read import StarReader, read_stars
from skdistmass.survey.read_catalog import read_catalog

IDS = [2052553983024456193, 2052553983024456194, 3, 4]


def frame():
    columns = {"TEFF": 4800.0, "LOGG": 2.4, "M_H": -0.5, "C_FE": 0.0, "N_FE": 0.1, "K": 10.0}
    stars = pd.DataFrame({name: value + 0.25 * np.arange(4) for name, value in columns.items()})
    return stars.assign(APOGEE_ID=list("abcd"), GAIAEDR3_SOURCE_ID=IDS, EXTRATARG=[0, 16, 0, 16])


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "p").mkdir()
    frame()[:2].to_parquet(tmp_path / "p/0.parquet")
    return tmp_path / "p"


VARIANTS = {
    "other order": lambda f: f[f.columns[::-1]],
    "single precision": lambda f: f.astype({"TEFF": "f4", "LOGG": "f4"}),
    "integers": lambda f: f.assign(K=[10, 11]),
    "text": lambda f: f.astype({"TEFF": str, "GAIAEDR3_SOURCE_ID": str}),
    "all null": lambda f: f.assign(APOGEE_ID=None, EXTRATARG=None),
    "categories": lambda f: f.astype({"APOGEE_ID": "category"}),
    "nullable": lambda f: f.astype({"GAIAEDR3_SOURCE_ID": "Int64", "EXTRATARG": "Int16"}),
    "float flags": lambda f: f.assign(EXTRATARG=[np.nan, 16.0]),
}


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("variant", VARIANTS)
def test_variants_of_the_second_file_are_converted(variant, first, folder):
    other = VARIANTS[variant](frame()[2:])
    other.to_parquet(folder / "1.parquet")
    if first:
        (folder / "0.parquet").rename(folder / "2.parquet")
    stars = read_stars(folder)
    rows = [2, 3, 0, 1] if first else [0, 1, 2, 3]
    expected = read_stars(frame())[rows]
    assert_allclose(stars["TEFF"], expected["TEFF"])
    assert stars["GAIAEDR3_SOURCE_ID"].tolist() == expected["GAIAEDR3_SOURCE_ID"].tolist()
    if variant == "integers":
        assert_array_equal(stars["K"][stars["GAIAEDR3_SOURCE_ID"] < 5], [10, 11])
    gone = {"all null": 2, "float flags": 1}.get(variant, 0)
    assert np.count_nonzero(stars["EXTRATARG"] == expected["EXTRATARG"]) >= 4 - gone
    assert (stars["APOGEE_ID"] == "").sum() == (2 if variant == "all null" else 0)
    for chunk in (1, 3):
        blocks = [block["TEFF"] for block in StarReader(folder).blocks(chunk)]
        assert_array_equal(np.concatenate(blocks), stars["TEFF"])


def with_unit(stars, name, unit):
    table = pa.Table.from_pandas(stars, preserve_index=False)
    place = table.schema.get_field_index(name)
    field = table.schema.field(name).with_metadata({"unit": unit})
    return table.set_column(place, field, table.column(name))


def test_units_are_those_of_each_file(folder):
    first, second = frame()[:2], frame()[2:].assign(TEFF=[4.8005, 4.80075])
    pq.write_table(with_unit(first, "TEFF", "K"), folder / "0.parquet")
    pq.write_table(with_unit(second, "TEFF", "kK"), folder / "1.parquet")
    assert_allclose(read_stars(folder)["TEFF"], [4800, 4800.25, 4800.5, 4800.75])
    pq.write_table(with_unit(second, "TEFF", "mag"), folder / "1.parquet")
    with pytest.raises(ValueError, match=r"1\.parquet: column `TEFF` must have a unit convertible to K"):
        read_stars(folder)
    second.to_parquet(folder / "1.parquet")
    with pytest.raises(ValueError, match=r"1\.parquet: column `TEFF` has no unit, in .* it has 'K'"):
        read_stars(folder)


def test_what_cannot_be_converted_names_file_and_column(folder):
    frame()[2:].assign(TEFF=["hot", "cold"]).to_parquet(folder / "1.parquet")
    with pytest.raises(ValueError, match=r"1\.parquet: column `TEFF` is .*string here and cannot be double"):
        read_stars(folder)
    frame()[2:].assign(GAIAEDR3_SOURCE_ID=[4.6e18, np.nan]).to_parquet(folder / "1.parquet")
    with pytest.raises(ValueError, match=r"1\.parquet: column `GAIAEDR3_SOURCE_ID` .* last digits"):
        read_stars(folder)
    frame()[2:].drop(columns="K").to_parquet(folder / "1.parquet")
    with pytest.raises(ValueError, match=r"1\.parquet: its columns differ .* `K` is in one only"):
        read_stars(folder)


def test_columns_in_the_names_of_folders_are_read(tmp_path):
    frame().to_parquet(tmp_path / "hive", partition_cols=["EXTRATARG"])
    stars = read_stars(tmp_path / "hive")
    found = dict(zip(stars["APOGEE_ID"], stars["EXTRATARG"], strict=True))
    assert found == {"a": 0, "b": 16, "c": 0, "d": 16}
    frame().assign(FIELD=["M 67", None, "M 67", "x"]).to_parquet(tmp_path / "text", partition_cols=["FIELD"])
    stars = read_stars(tmp_path / "text")
    assert sorted(stars["FIELD"].tolist()) == ["", "M 67", "M 67", "x"]


def test_thumbnails_are_no_part_of_the_table(folder):
    frame()[:1].to_parquet(folder / "data_thumbnail.parquet")
    frame()[:1].to_parquet(folder / "_metadata.parquet")
    assert len(read_stars(folder)) == 2


@pytest.mark.parametrize(
    "pairs",
    [
        pa.array([[0.1, 0.2], None], pa.list_(pa.float64(), 2)),
        pa.array([[0.1, 0.2], None], pa.list_(pa.float32())),
        pa.array([{"up": 0.1, "down": 0.2}, None], pa.struct({"up": pa.float64(), "down": pa.float64()})),
        pa.array([{"up": 0.1, "down": 0.2}, None], pa.struct({"down": pa.float64(), "up": pa.float64()})),
        pa.array(["[0.1 0.2]", ""]),
        pa.array(["(0.1, 0.2)", None]),
        pa.array(["[0.1, 0.2]", "[nan, nan]"]),
    ],
)
def test_pairs_of_errors_in_any_shape(pairs, tmp_path):
    table = pa.table({"DISTANCE": [1000.0, 2000.0], "BITMASK": [0, 1], "AGE_ERR": pairs})
    pq.write_table(table, tmp_path / "catalog.parquet")
    try:
        pq.read_table(tmp_path / "catalog.parquet")
    except pa.ArrowInvalid:
        # Older releases of pyarrow cannot read back lists of fixed size of which one is missing.
        with pytest.raises(ValueError, match=r"catalog\.parquet: not a readable Parquet file, .*all lists"):
            read_catalog(tmp_path / "catalog.parquet")
        return
    errors = read_catalog(tmp_path / "catalog.parquet")["AGE_ERR"]
    assert_allclose(errors, [[0.1, 0.2], [np.nan] * 2], rtol=1e-6)


TWO = [("AGE_ERR_1", "AGE_ERR_2"), ("age_err[0]", "age_err[1]"), ("AGE_ERR.1", "AGE_ERR.2")]


@pytest.mark.parametrize("names", TWO)
def test_pairs_of_errors_in_two_columns(names):
    table = pd.DataFrame({"DISTANCE": [1000.0], names[1]: [0.2], names[0]: [0.1], "OTHER": [3]})
    catalog = read_catalog(table)
    assert_allclose(catalog["AGE_ERR"], [[0.1, 0.2]])
    assert catalog["OTHER"].tolist() == [3]
    assert names[0] not in catalog.colnames
