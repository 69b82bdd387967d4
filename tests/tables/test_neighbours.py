"""Neighbours of the tables that once were read wrong: other types, masks, line ends and writers, by kind."""

import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy import units
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.table import MaskedColumn, QTable, Table
from astropy.time import Time
from astropy.utils.masked import Masked
from numpy.testing import assert_array_equal

from skdistmass import read_stars, write_catalog, write_table
from skdistmass.survey.read import StarReader
from skdistmass.tables.open import open_source

BIG = 2052553983024456193
VALUES = {"TEFF": 4800.5, "LOGG": 2.5, "M_H": -0.1, "C_FE": 0.0, "N_FE": 0.25, "K": 10.5, "A_K": 0.1}


def table(n_rows=3, **columns):
    return Table({name: np.full(n_rows, value) for name, value in VALUES.items()} | columns)


def frame(**columns):
    return pd.DataFrame({name: [value] * 3 for name, value in VALUES.items()} | columns)


def arrow(**columns):
    return pa.table({name: pa.array([value] * 2) for name, value in VALUES.items()} | columns)


def as_lists(stars, *names):
    return [np.asarray(stars[name]).tolist() for name in names]


# Numbers and names in memory

PAIR = pa.array([BIG, None])
OF_ARROW = pa.table({"i": PAIR, "u": PAIR.cast(pa.uint64()), "b": pa.array([True, None])})
OF_ARROW = OF_ARROW.to_pandas(types_mapper=pd.ArrowDtype)


@pytest.mark.parametrize(
    "values",
    [
        pd.array([BIG, None, 3], dtype="Int64"),
        pd.array([BIG, None, 3], dtype="UInt64"),
        pd.array([BIG, None, 3], dtype="int64[pyarrow]"),
        pd.array([BIG, None, 3], dtype="uint64[pyarrow]"),
        pd.Categorical([BIG, None, 3]),
        np.array([np.int64(BIG), None, np.uint64(3)], dtype=object),
        np.array([BIG, -9999, 3]),
        np.array([BIG, 0, 3], dtype=">i8"),
        [str(BIG), "", "3"],
        [str(BIG).encode(), b"", b"3"],
        [f'b"{BIG}"', "b''", "b'3'"],
        np.array([Decimal(BIG), None, Decimal(3)], dtype=object),
    ],
)
def test_integers_of_any_type_stay_exact(values):
    stars = read_stars(frame(GAIAEDR3_SOURCE_ID=values, APOGEE_ID=values))
    assert stars["GAIAEDR3_SOURCE_ID"].tolist() == [BIG, 0, 3]
    assert stars["APOGEE_ID"][[0, 2]].tolist() == [str(BIG), "3"]


@pytest.mark.parametrize("dtype", ["boolean", "bool[pyarrow]", object])
def test_flags_that_are_missing(dtype):
    stars = read_stars(frame(FLAG_BAD=pd.array([True, None, False], dtype=dtype)))
    assert stars["FLAG_BAD"].tolist() == [1, 0, 0]


@pytest.mark.parametrize("dtype", ["uint64", "UInt64", "uint64[pyarrow]"])
def test_unsigned_integers_beyond_the_signed_ones_are_refused(dtype):
    values = pd.Series(np.array([2**63 + 5, 1, 2], dtype=np.uint64)).astype(dtype)
    with pytest.raises(ValueError, match=r"below 2\*\*63; row 0 has 9223372036854775813"):
        read_stars(frame(GAIAEDR3_SOURCE_ID=values))


def test_names_that_are_numbers():
    stars = read_stars(frame(APOGEE_ID=[7.0, np.nan, 3.0], FIELD=[1.5, 2.0, np.nan]))
    assert as_lists(stars, "APOGEE_ID", "FIELD") == [["7", "", "3"], ["1.5", "2", ""]]
    masked = table(APOGEE_ID=MaskedColumn([BIG, 0, 3], mask=[False, True, False]))
    assert read_stars(masked)["APOGEE_ID"].tolist() == [str(BIG), "", "3"]
    with pytest.raises(
        ValueError, match=r"`APOGEE_ID` must hold names or exact integers; row 1 has the float"
    ):
        read_stars(frame(APOGEE_ID=[1.0, float(BIG), 3.0]))


def test_bytes_that_are_no_utf8_stay_apart():
    stars = read_stars(table(APOGEE_ID=np.array([b"M\xfcller", b"M\xe4ller", b"a"])))
    assert len(set(stars["APOGEE_ID"].tolist())) == 3


def test_quantities_masks_and_mixins():
    quantities = QTable(table())
    quantities["TEFF"] = Masked(np.full(3, 4.8005) * units.kK, mask=[False, True, False])
    quantities["LOGG"] = units.Dex(np.full(3, 0.5), units.dex(units.m / units.s**2))
    sky = SkyCoord([1, 2, 3] * units.deg, [4, 5, 6] * units.deg)
    quantities["RA"], quantities["sky"] = sky.ra.to(units.hourangle), sky
    stars = read_stars(quantities)
    assert_array_equal(stars["TEFF"], [4800.5, np.nan, 4800.5])
    np.testing.assert_allclose(stars["LOGG"], 2.5)
    np.testing.assert_allclose(stars["RA"], [1, 2, 3])
    for mixin in (Time([1, 2, 3], format="mjd"), sky):
        wrong = table()
        wrong["TEFF"] = mixin
        with pytest.raises(ValueError, match=r"column `TEFF` \[K\] must hold numbers; row 0 has the text"):
            read_stars(wrong)


def test_structured_arrays_of_any_kind(tmp_path):
    whole = table().as_array()
    assert_array_equal(read_stars(whole.view(np.recarray))["TEFF"], [4800.5] * 3)
    swapped = whole.astype([(name, ">f8") for name in whole.dtype.names])
    swapped.tofile(tmp_path / "stars.dat")
    mapped = np.memmap(tmp_path / "stars.dat", dtype=swapped.dtype, mode="r")
    assert_array_equal(read_stars(mapped)["TEFF"], [4800.5] * 3)
    masked = np.ma.array(whole, mask=[(True,) + (False,) * 6, (False,) * 7, (False,) * 7])
    assert_array_equal(np.isnan(read_stars(masked)["TEFF"]), [True, False, False])
    for odd in (np.array(whole[0]), np.stack([whole, whole])):
        with pytest.raises(TypeError, match="a structured array of one dimension"):
            read_stars(odd)


def test_names_that_differ_in_case():
    with pytest.raises(ValueError, match="`TEFF` and `teff` both stand for TEFF"):
        read_stars(frame(teff=1.0))
    many = frame()
    many.columns = pd.MultiIndex.from_product([["a"], many.columns])
    with pytest.raises(ValueError, match=r"5 needed columns are missing"):
        read_stars(many)


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


# What is written is read back, or refused with its column

EVERY = ["fits", "csv", "tsv", "ecsv", "parquet", "vot"]


def written(columns, suffix, tmp_path, **options):
    path = write_table(Table(columns | {"x": [1.5, 2.5, 3.5]}, **options), tmp_path / f"stars.{suffix}")
    opened = open_source(path)
    found = opened.fetch(dict.fromkeys(opened.names, ""), slice(0, opened.n_rows))
    return {name: values for name, (values, _, _) in found.items()}


@pytest.mark.parametrize("suffix", EVERY)
@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([-(2**63), 2**63 - 1, 0]), None),
        (np.array([1, 2**63 - 1, 3], "u8"), None),
        (np.array([1, 65535, 3], "u2"), None),
        (np.array([-1, 127, 3], "i1"), None),
        (np.array([1.5, 2, 3], "f2"), None),
        (np.array([1.5, 2, 3], np.longdouble), None),
        (np.array(["2020-01-01", "NaT", "2020-01-03"], "M8[D]"), ["2020-01-01", "", "2020-01-03"]),
        (["a\0b", "c", "d"], ["ab", "c", "d"]),
        (["\ud800", "c", "d"], ["\\ud800", "c", "d"]),
        (np.array([None, "x", pd.NA], object), ["", "x", ""]),
        (np.array([b"M\xfcller", b"c", b"d"]), None),
    ],
)
def test_columns_of_any_type_come_back(values, expected, suffix, tmp_path):
    found = written({"a": values}, suffix, tmp_path)["a"]
    if found.dtype.kind == "S":
        found = np.char.decode(found, "latin-1")
    if expected is None and values.dtype.kind == "S":
        expected = ["M\xfcller", "c", "d"]
    assert found.tolist() == (values.tolist() if expected is None else expected)


@pytest.mark.parametrize("suffix", EVERY)
@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"a": np.array([1, 2, 3j])}, "column `a` must hold numbers, or one text a row; it holds complex128"),
        ({"a": np.array([["x", "y"]] * 3)}, r"column `a` must hold .* of shape \(3, 2\)"),
        ({"a": Time([1, 2, 3], format="mjd")}, "column `a` must hold .* it holds Time"),
        ({"a\nb": [1, 2, 3]}, "'a.nb' must have no control characters"),
        ({"a\u2028b": [1, 2, 3]}, "must have no control characters"),
    ],
)
def test_what_no_format_can_hold_is_refused(columns, words, suffix, tmp_path):
    with pytest.raises(ValueError, match=words):
        written(columns, suffix, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", ["fits", "vot"])
def test_integers_that_a_format_has_no_room_for(suffix, tmp_path):
    values = np.array([1, 2**63, 2**64 - 1], "u8")
    with pytest.raises(
        ValueError, match=r"column `a` must hold integers below 2\*\*63 .* 9223372036854775808"
    ):
        written({"a": values}, suffix, tmp_path)
    assert written({"a": values}, "parquet", tmp_path)["a"].tolist() == values.tolist()
    assert written({"a": values}, "csv", tmp_path)["a"].tolist() == [str(value) for value in values]


@pytest.mark.parametrize("name", ["\xe9toile", "a" * 69])
def test_names_that_fits_has_no_room_for(name, tmp_path):
    for suffix in EVERY[1:]:
        assert written({name: [1, 2, 3]}, suffix, tmp_path)[name].tolist() == [1, 2, 3]
    with pytest.raises(ValueError, match="must be of at most 68 ASCII characters in FITS"):
        written({name: [1, 2, 3]}, "fits", tmp_path)
    write_table(table(**{name: [1, 2, 3]}), tmp_path / "in.parquet")
    with pytest.raises(ValueError, match="must be of at most 68 ASCII characters in FITS"):
        write_catalog(tmp_path / "in.parquet", tmp_path / "out.fits", keep=[name], chunk_rows=1)


@pytest.mark.parametrize("suffix", EVERY)
def test_metadata_named_as_the_cards_of_fits(suffix, tmp_path):
    meta = {
        "END": 1,
        "TNULL1": -1,
        "NAXIS2": 7,
        "SIMPLE": True,
        "COMMENT": "x",
        "TFORM1": "9A",
        "OBJECT": "M 67",
    }
    found = written({"a": [1, 2, 3]}, suffix, tmp_path, meta=meta)
    assert found["a"].tolist() == [1, 2, 3]
    if suffix not in ("csv", "tsv"):
        assert open_source(tmp_path / f"stars.{suffix}").meta == meta


def test_a_column_alone_keeps_its_missing_values(tmp_path):
    path = write_table(Table({"a": [np.inf, np.nan, 1.0]}), tmp_path / "stars.csv")
    opened = open_source(path)
    assert_array_equal(opened.fetch({"a": "float"}, slice(0, 3))["a"][0], [np.inf, np.nan, 1.0])


@pytest.mark.parametrize("name", ["", "nowhere.fits", "\0.fits"])
def test_files_that_are_not_there(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_table(table(), "stars.parquet")
    with pytest.raises(FileNotFoundError, match="no such file"):
        read_stars(name)
