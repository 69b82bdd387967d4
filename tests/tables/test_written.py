"""Columns of any type are read back as they were written, or refused by their name."""

import numpy as np
import pandas as pd
import pytest
from astropy.table import Table
from astropy.time import Time
from numpy.testing import assert_array_equal

from skdistmass import read_stars, write_catalog, write_table
from skdistmass.tables.open import open_source

VALUES = {"TEFF": 4800.5, "LOGG": 2.5, "M_H": -0.1, "C_FE": 0.0, "N_FE": 0.25, "K": 10.5, "A_K": 0.1}


def table(n_rows=3, **columns):
    return Table({name: np.full(n_rows, value) for name, value in VALUES.items()} | columns)


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
