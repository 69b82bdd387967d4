"""Tables in memory of any type: numbers stay exact, names stay names, and what is no number is refused."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from astropy import units
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.table import MaskedColumn, QTable
from astropy.time import Time
from astropy.utils.masked import Masked
from numpy.testing import assert_array_equal
from star_tables import BIG, as_lists, frame, table

from skdistmass import read_stars, write_table

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


def test_what_is_no_table_is_told_the_way_out(stars, tmp_path):
    write_table(stars[:3], tmp_path / "few.fits")
    with fits.open(tmp_path / "few.fits") as hdus, (tmp_path / "few.fits").open("rb") as stream:
        for source, words in (
            (pa.table({"TEFF": [4800.0]}), r"got pyarrow.lib.Table: give its to_pandas\(\)"),
            (stars[0], r"got astropy.table.row.Row: give some rows"),
            (hdus, r"HDUList: give the path of the file, or the data"),
            (hdus[1], r"BinTableHDU: give the path of the file, or the data"),
            ({"TEFF": [4800.0]}, r"got dict: give an astropy Table of its columns"),
            (stream, r"BufferedReader: give the path of the file"),
            (None, r"got NoneType$"),
        ):
            with pytest.raises(TypeError, match=words):
                read_stars(source)
        assert len(read_stars(hdus[1].data)) == 3
    with pytest.raises(
        TypeError, match=r"table must be an astropy Table; received a DataFrame. Give Table.from"
    ):
        write_table(pd.DataFrame({"TEFF": [4800.0]}), tmp_path / "frame.fits")
