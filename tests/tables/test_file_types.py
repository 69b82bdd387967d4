"""Types, masks and nulls of files as other tools write them, format by format."""

import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.io import fits
from astropy.table import MaskedColumn, Table
from numpy.testing import assert_array_equal
from star_tables import BIG, VALUES, as_lists, frame, table

from skdistmass import read_stars, write_table
from skdistmass.survey.read import StarReader
from skdistmass.tables.parquet import arrow_table, from_arrow


def arrow(**columns):
    return pa.table({name: pa.array([value] * 2) for name, value in VALUES.items()} | columns)


# Masks and nulls in files

MASK = [False, True, False]
NULLABLE_TYPES = {"f": "Float64", "i": "Int64", "u": "UInt64", "U": "string"}


def nullable(stars):
    """Give a table as a frame of nullable columns; astropy 7.0 takes masked integers through floats."""
    columns = {}
    for name, column in stars.columns.items():
        columns[name] = pd.array(np.ma.getdata(column).tolist(), dtype=NULLABLE_TYPES[column.dtype.kind])
        columns[name][np.asarray(getattr(column, "mask", [False] * len(stars)))] = pd.NA
    return pd.DataFrame(columns)


WRITERS = {
    "ecsv": lambda t, path: t.write(path, format="ascii.ecsv"),
    "ecsv, data and mask": lambda t, path: t.write(path, format="ascii.ecsv", serialize_method="data_mask"),
    "ecsv, commas": lambda t, path: t.write(path, format="ascii.ecsv", delimiter=","),
    "fits": lambda t, path: t.write(path, format="fits"),
    "parquet": lambda t, path: t.write(path, format="parquet"),
    "votable": lambda t, path: t.write(path, format="votable"),
    "pandas": lambda t, path: nullable(t).to_parquet(path),
    "csv": lambda t, path: t.write(path, format="ascii.csv"),
}


@pytest.mark.filterwarnings("ignore")  # of units
@pytest.mark.parametrize(
    ("writer", "unsigned"),
    [(name, False) for name in WRITERS] + [(name, True) for name in WRITERS if name != "votable"],
)
def test_masked_columns_as_other_tools_write_them(writer, unsigned, tmp_path):
    wide, long = ("u4", "u8") if unsigned else ("i4", "i8")
    stars = table(
        EXTRATARG=MaskedColumn(np.array([16, 0, 2**31 - 1 + 2**31 * unsigned], wide), mask=MASK),
        GAIAEDR3_SOURCE_ID=MaskedColumn(np.array([BIG, 0, 2**63 - 1], long), mask=MASK),
        APOGEE_ID=MaskedColumn(["a", "b", "c"], mask=MASK),
    )
    stars["TEFF"] = MaskedColumn(stars["TEFF"], mask=MASK)
    path = tmp_path / f"stars.{ {'votable': 'vot', 'pandas': 'parquet'}.get(writer, writer.split(',')[0]) }"
    WRITERS[writer](stars, path)
    back = read_stars(path)
    assert_array_equal(back["TEFF"], [4800.5, np.nan, 4800.5])
    assert back["EXTRATARG"].tolist() == [16, 0, 2**31 - 1 + 2**31 * unsigned]
    assert back["GAIAEDR3_SOURCE_ID"].tolist() == [BIG, 0, 2**63 - 1]
    assert back["APOGEE_ID"].tolist() == ["a", "", "c"]
    blocks = [block["TEFF"] for block in StarReader(path).blocks(2)]
    assert_array_equal(np.concatenate(blocks), back["TEFF"])


def test_masks_beside_their_columns_through_dask():
    dd = pytest.importorskip("dask.dataframe")
    from skdistmass import distribute_catalog

    stars = dd.from_pandas(frame(**{"TEFF.mask": MASK}), npartitions=2)
    catalog = distribute_catalog(stars, isochrone=False, masses=None)
    assert_array_equal(np.isnan(catalog.compute(scheduler="sync")["DISTANCE"]), MASK)


NULLABLE = {
    "int": '<FIELD name="{}" datatype="int"><VALUES null="-7"/></FIELD>',
    "unsignedByte": '<FIELD name="{}" datatype="unsignedByte"><VALUES null="7"/></FIELD>',
    "boolean": '<FIELD name="{}" datatype="boolean"/>',
    "char": '<FIELD name="{}" datatype="char" arraysize="*"/>',
}


def votable(path, field, cells):
    fields = "".join(f'<FIELD name="{name}" datatype="double"/>' for name in VALUES) + field
    values = "".join(f"<TD>{value}</TD>" for value in VALUES.values())
    rows = "".join(f"<TR>{values}<TD>{cell}</TD></TR>" for cell in cells)
    content = f"<TABLE>{fields}<DATA><TABLEDATA>{rows}</TABLEDATA></DATA></TABLE>"
    path.write_text(f'<VOTABLE version="1.4"><RESOURCE>{content}</RESOURCE></VOTABLE>')
    return path


@pytest.mark.parametrize(
    ("kind", "cells", "flags"),
    [
        ("int", ["-7", "3", "", "0x10"], [0, 3, 0, 16]),
        ("unsignedByte", ["7", "255", " "], [0, 255, 0]),
        ("boolean", ["T", "?", "0", " true ", ""], [1, 0, 0, 1, 0]),
        ("char", ["16", "", "null"], [16, 0, 0]),
    ],
)
def test_nulls_of_votables(kind, cells, flags, tmp_path):
    path = votable(tmp_path / "stars.vot", NULLABLE[kind].format("EXTRATARG"), cells)
    assert read_stars(path)["EXTRATARG"].tolist() == flags


@pytest.mark.parametrize(
    ("field", "cell", "words"),
    [
        ('<FIELD name="SDSS_ID" datatype="long"/>', "9999999999999999999", "out of range for a 64-bit"),
        ('<FIELD name="EXTRATARG" datatype="short"/>', "70000", "out of range for a 16-bit"),
        (
            '<FIELD name="APOGEE_ID" datatype="char" arraysize="3"/>',
            "abcd",
            "too long for specified length of 3",
        ),
        ('<FIELD name="APOGEE_ID" datatype="char" arraysize="3*"/>', "abcd", "too long for specified length"),
        ('<FIELD name="J" datatype="float"/>', "4,800", "Invalid literal for float '4,800'"),
        ('<FIELD name="J" datatype="double"/>', "bright", "Invalid literal for float 'bright'"),
    ],
)
def test_values_that_a_votable_has_no_room_for_are_refused(field, cell, words, tmp_path):
    path = votable(tmp_path / "stars.vot", field, [cell])
    with pytest.raises(ValueError, match=rf"stars\.vot: not a readable VOTable .*{words}"):
        read_stars(path)


def test_words_for_missing_numbers_in_votables(tmp_path):
    words = ["null", "N/A", " - ", "NaN", "", "--"] * 5
    stars = read_stars(votable(tmp_path / "stars.vot", '<FIELD name="J" datatype="double"/>', [*words, "7"]))
    assert_array_equal(stars["J"], [np.nan] * len(words) + [7.0])


# Types of Parquet


@pytest.mark.parametrize(
    "values",
    [
        pa.array([4800.5, None]).dictionary_encode(),
        pa.array([Decimal("4800.5"), None], pa.decimal128(10, 3)),
        pa.array([4800.5, None], pa.float32()),
        pa.array(["4800.5", None]),
        pa.array([b"4800.5", b""]),
        pa.array(["4800.5", "null"], pa.large_string()),
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_numbers_of_any_type_of_parquet(values, first, tmp_path):
    pq.write_table(arrow(TEFF=values), tmp_path / "alone.parquet")
    assert_array_equal(read_stars(tmp_path / "alone.parquet")["TEFF"], [4800.5, np.nan])
    if pa.types.is_binary(values.type):
        return
    (tmp_path / "p").mkdir()
    pq.write_table(arrow(TEFF=values), tmp_path / f"p/{0 if first else 2}.parquet")
    pq.write_table(arrow(), tmp_path / "p/1.parquet")
    expected = [4800.5, np.nan, 4800.5, 4800.5] if first else [4800.5, 4800.5, 4800.5, np.nan]
    assert_array_equal(read_stars(tmp_path / "p")["TEFF"], expected)


@pytest.mark.parametrize(
    "values",
    [
        pa.array([BIG, None], pa.uint64()),
        pa.array([BIG, None]).dictionary_encode(),
        pa.array([Decimal(BIG), None], pa.decimal128(20, 0)),
        pa.array([str(BIG), ""]),
        pa.array([str(BIG), None], pa.large_string()),
    ],
)
def test_identifiers_of_any_type_of_parquet(values, tmp_path):
    pq.write_table(arrow(GAIAEDR3_SOURCE_ID=values), tmp_path / "0.parquet")
    assert read_stars(tmp_path / "0.parquet")["GAIAEDR3_SOURCE_ID"].tolist() == [BIG, 0]
    pq.write_table(arrow(GAIAEDR3_SOURCE_ID=[1, 2]), tmp_path / "1.parquet")
    assert read_stars(tmp_path)["GAIAEDR3_SOURCE_ID"].tolist() == [BIG, 0, 1, 2]


DAYS = pa.array([datetime.datetime(2020, 1, 1)] * 2, pa.timestamp("us"))


@pytest.mark.parametrize("old", [True, False])
def test_times_are_no_numbers_and_do_no_harm_beside_them(old, tmp_path):
    path = tmp_path / "stars.parquet"
    pq.write_table(arrow(DATE_OBS=DAYS), path, use_deprecated_int96_timestamps=old)
    assert_array_equal(read_stars(path)["TEFF"], [4800.5] * 2)
    pq.write_table(arrow(TEFF=DAYS), path, use_deprecated_int96_timestamps=old)
    with pytest.raises(ValueError, match="column `TEFF` must hold numbers; it holds datetime64"):
        read_stars(path)


@pytest.mark.parametrize(
    "values",
    [[[4800.5], [1.0]], [[4800.5], [1.0, 2.0]], [[[1.0]], [[2.0]]], [[{"a": 1}], []], [{"a": 1.0}, None]],
)
def test_nested_columns_are_no_numbers(values, tmp_path):
    pq.write_table(arrow(NOTE=values), tmp_path / "stars.parquet")
    assert len(read_stars(tmp_path / "stars.parquet")) == 2
    pq.write_table(arrow(TEFF=values), tmp_path / "stars.parquet")
    with pytest.raises(ValueError, match=r"column `TEFF`.* must (hold numbers|have one value a row)"):
        read_stars(tmp_path / "stars.parquet")


@pytest.mark.parametrize(
    "names", [["001", "010"], ["1e3", "2"], ["a b", "c/d"], ["%20", "e=f"], ["9" * 20, "1"], ["-1", "+1"]]
)
def test_names_of_folders_stay_names(names, tmp_path):
    frame(FIELD=[*names, names[0]]).to_parquet(tmp_path / "p", partition_cols=["FIELD"])
    assert sorted(set(read_stars(tmp_path / "p")["FIELD"].tolist())) == sorted(names)


# Text and FITS

HEADER, ROW = ",".join(VALUES), ",".join(map(str, VALUES.values()))
GERMAN = ROW.replace(",", ";").replace(".", ",")


@pytest.mark.parametrize(
    "content",
    [
        f"{HEADER}\r{ROW}\r{ROW}\r{ROW}\r",
        f"{HEADER}\r\n{ROW}\n{ROW}\r{ROW}",
        f"\n\n{HEADER}\n{ROW}\n\n{ROW}\n{ROW}\n",
        f"sep=;\n{HEADER.replace(',', ';')}\n" + f"{GERMAN}\n" * 3,
        f"{HEADER.replace(',', ' ; ')}\n" + f"{GERMAN}\n" * 3,
        f"{HEADER.replace(',', ';')};NOTE\n" + f'{GERMAN};"a;b, ""c"""\n' * 3,
        f"{HEADER},\n" + f"{ROW},\n" * 3,
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_line_ends_and_delimiters_in_any_encoding(content, encoding, tmp_path):
    path = tmp_path / "stars.csv"
    path.write_bytes(content.encode(encoding))
    stars = read_stars(path)
    for name, value in VALUES.items():
        assert_array_equal(stars[name], [value] * 3)
    assert len(read_stars(path, rows=slice(1, 3))) == 2
    assert [len(block) for block in StarReader(path).blocks(2)] == [2, 1]


@pytest.mark.parametrize("order", ["le", "be"])
def test_utf_16_of_either_order(order, tmp_path):
    mark = "\ufeff".encode(f"utf-16-{order}")
    (tmp_path / "stars.csv").write_bytes(mark + f"{HEADER}\n{ROW}\n".encode(f"utf-16-{order}"))
    assert read_stars(tmp_path / "stars.csv")["TEFF"].tolist() == [4800.5]


def test_blanks_that_divide_the_header_and_not_the_rows(tmp_path):
    path = tmp_path / "stars.txt"
    path.write_text(f"NAME {HEADER.replace(',', ' ')}\nHD 1 {ROW.replace(',', ' ')}\n")
    with pytest.raises(
        ValueError, match=r"stars\.txt: the delimiter cannot be told: blanks divide .* 8 names"
    ):
        read_stars(path)


@pytest.mark.parametrize("word", ["True", "T", "yes", "Y", "1", "1.0", "TRUE", "t"])
@pytest.mark.parametrize("suffix", ["csv", "ecsv", "parquet", "vot", "fits"])
def test_words_for_true_in_every_format(word, suffix, tmp_path):
    path = write_table(table(FLAG_BAD=[word, "", "no"]), tmp_path / f"stars.{suffix}")
    assert read_stars(path)["FLAG_BAD"].tolist() == [1, 0, 0]


def test_a_damaged_header_behind_a_table_is_no_endless_file(tmp_path):
    Table({"X": [1, 2]}).write(tmp_path / "stars.fits")
    content = (tmp_path / "stars.fits").read_bytes()
    (tmp_path / "stars.fits").write_bytes(content + b"XTENSION= 'BINTABLE'".ljust(2880, b"\xff"))
    with pytest.raises(ValueError, match=r"stars\.fits: .*(damaged header|truncated)"):
        read_stars(tmp_path / "stars.fits")


def test_logical_and_small_columns_of_fits(tmp_path):
    columns = [fits.Column(name, "D", array=np.full(3, value)) for name, value in VALUES.items()]
    columns += [
        fits.Column("FLAG_BAD", "L", array=[True, False, True]),
        fits.Column("EXTRATARG", "B", null=255, array=np.array([1, 255, 3], "u1")),
        fits.Column("GAIAEDR3_SOURCE_ID", "20A", array=[str(BIG), "", "7"]),
        fits.Column("APOGEE_ID", "K", null=-1, array=np.array([BIG, -1, 5])),
    ]
    fits.BinTableHDU.from_columns(columns).writeto(tmp_path / "stars.fits")
    found = as_lists(read_stars(tmp_path / "stars.fits"), "FLAG_BAD", "EXTRATARG", "GAIAEDR3_SOURCE_ID")
    assert found == [[1, 0, 1], [1, 0, 3], [BIG, 0, 7]]
    assert read_stars(tmp_path / "stars.fits")["APOGEE_ID"].tolist() == [str(BIG), "", "5"]


@pytest.mark.parametrize("kind", ["f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"])
def test_arrow_arrays_keep_type_slices_and_missing_numbers(kind):
    numbers = np.random.default_rng(0).normal(0, 50, 100).astype(kind)
    if kind.startswith("f"):
        numbers[::7] = np.nan
    array = arrow_table(Table({"a": numbers}), "{}").column("a").combine_chunks()
    array.validate(full=True)
    assert array.null_count == np.isnan(numbers).sum()
    found, mask, _ = from_arrow(pa.chunked_array([array.slice(3, 40), array.slice(50, 7)]))
    expected = np.concatenate([numbers[3:43], numbers[50:57]])
    assert found.dtype == numbers.dtype
    assert_array_equal(found, expected)
    assert mask is None if kind[0] != "f" else (mask == np.isnan(expected)).all()
    some = pa.array([1, None, 3], type=array.type)
    found, mask, _ = from_arrow(pa.chunked_array([some, some.slice(1)]))
    assert mask.tolist() == [False, True, False, True, False]
    assert found[[0, 2, 4]].tolist() == [1, 3, 3]


def test_arrow_arrays_of_text_and_of_several_numbers():
    for words in (["", "é", "a" * 5], []):
        array = arrow_table(Table({"a": np.array(words, dtype="U5")}), "{}").column("a").combine_chunks()
        array.validate(full=True)
        assert (array.to_pylist(), array.type) == (words, pa.string())
    pairs = np.array([[1.0, np.nan], [2.0, 3.0], [4.0, 5.0]], dtype=np.float32)
    column = arrow_table(Table({"a": pairs}), "{}").column("a")
    assert_array_equal(from_arrow(column.slice(1))[0], pairs[1:])
    assert_array_equal(from_arrow(column)[0], pairs)
