"""The quick way through a text table gives what the strict one gives, whatever the text and the chunks."""

import gzip

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from skdistmass.tables import text_records
from skdistmass.tables.clean import MISSING_WORDS
from skdistmass.tables.text import _as_arrow_converts, open_csv
from skdistmass.tables.text_records import Dialect, blocks, records

WORDS = ["", "1", "-2.5", "nan", "a b", " a", "a ", "é", "😀"]
QUOTED = ['"a"', '"a,b"', '"a\nb"', '"a""b"', '""']
ENDS = ["\n", "\r\n", "\n", "\n", ",\n", "\n\n", " \n", "\r", ""]
NUMBERS = ["1", "+1", "-1", "1.", ".5", "1e5", "1E-400", "1e400", "nan", "nan(1)", "inf", "-inf", "infinity"]
NUMBERS += ["0x10", "0X1p3", "1_000", "007", "1,5", "true", "9007199254740993", "99999999999999999999", "0.1"]
NUMBERS += [
    "1d5",
    "\u0661",
    "1f",
    "2.2250738585072014e-308",
    "179769313486231580793728971405301",
    "--",
    "+-1",
]
NUMBERS += ["1e", "e5", ".", "-", "0b1"]
NUMBERS += [" 1", "1 ", *sorted(MISSING_WORDS)]


def outcome(found):
    """Rows, or the message of the error."""
    try:
        return [list(row) for row in found()]
    except ValueError as error:
        return str(error)


def quick(path, dialect, place=None):
    for block in blocks(path, dialect, range(len(dialect.names)), place):
        yield from zip(*(column.to_pylist() for column in block.fields.columns), strict=True)


def lines(words, ends, least, most):
    fields = st.lists(st.sampled_from(words), min_size=least, max_size=most)
    return st.lists(st.tuples(fields, st.sampled_from(ends)), max_size=12)


tidy = lines(WORDS + QUOTED, ENDS[:2], 3, 3)
rows = lines([*WORDS, *QUOTED, '5"', '"'], ENDS, 2, 4)


@pytest.mark.parametrize("delimiter", [",", "\t", " ", ";"])
@settings(deadline=None, max_examples=150)
@given(content=st.one_of(tidy, rows), size=st.integers(8, 60))
def test_quick_and_strict_records_are_the_same(delimiter, content, size, tmp_path_factory):
    path = tmp_path_factory.mktemp("text") / "a.csv"
    text = "A,B,C\n".replace(",", delimiter) + "".join(delimiter.join(words) + end for words, end in content)
    path.write_bytes(text.encode())
    dialect = Dialect("utf-8-sig", delimiter, ("A", "B", "C"), 1)
    expected = outcome(lambda: records(path, dialect))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text_records, "_BLOCK_BYTES", size)
        patch.setattr(text_records, "_BLOCK_RECORDS", 3)
        assert outcome(lambda: quick(path, dialect)) == expected
        if isinstance(expected, list):
            for block in blocks(path, dialect, (0,)):
                assert outcome(lambda at=block.place: quick(path, dialect, at)) == expected[block.place.row :]


@settings(deadline=None, max_examples=300)
@given(st.lists(st.one_of(st.sampled_from(NUMBERS), st.floats().map(repr), st.integers().map(str))))
def test_numbers_are_those_that_python_reads(words):
    for kind, convert, empty in (("float", float, np.nan), ("int", int, 0)):
        found = _as_arrow_converts(pa.chunked_array([pa.array(words, pa.string())]), kind)
        if found is None:
            continue
        missing = [word.strip().lower() in MISSING_WORDS for word in words]
        assert "_" not in "".join(words)
        expected = [empty if gone else convert(word) for word, gone in zip(words, missing, strict=True)]
        assert_array_equal(found.values, np.array(expected, dtype=found.values.dtype))
        assert_array_equal(np.zeros(len(words), bool) if found.mask is None else found.mask, missing)


@pytest.mark.parametrize("quote", ["", '"'])
@pytest.mark.parametrize("suffix", [".csv", ".csv.gz"])
def test_plain_tables_are_read_quickly(quote, suffix, tmp_path, monkeypatch):
    def refuse(*arguments):
        raise AssertionError("one by one")

    monkeypatch.setattr(text_records, "_strict_blocks", refuse)
    monkeypatch.setattr(text_records, "_BLOCK_BYTES", 100)
    text = "A,NAME\n" + "".join(f"{i},{quote}star {i}{quote}\n" for i in range(500))
    path = tmp_path / f"a{suffix}"
    path.write_bytes(gzip.compress(text.encode()) if suffix == ".csv.gz" else text.encode())
    source = open_csv(path)
    assert source.n_rows == 500
    found = source.fetch({"NAME": "str", "A": "int"}, slice(123, 320))
    assert_array_equal(found["A"].values, np.arange(123, 320))
    assert found["NAME"].values.tolist() == [f"star {i}" for i in range(123, 320)]
    sizes = [len(block["A"].values) for block in source.blocks({"A": "float"}, 7, 100)]
    assert sizes == [100] * 4 + [93]


def test_a_row_that_is_not_plain_late_in_the_file_has_its_number(tmp_path, monkeypatch):
    monkeypatch.setattr(text_records, "_BLOCK_BYTES", 100)
    path = tmp_path / "a.csv"
    path.write_text("A,B\n" + "1,2\n" * 200 + "1,2,3\n" + "1,2\n" * 50)
    with pytest.raises(ValueError, match=r"row 200 \(it ends in line 202\) has 3 fields, the header has 2"):
        open_csv(path)
    path.write_text("A,B\n" + "1,2\n" * 200 + "1,5'10\" tall\n" + "1,2\n" * 50)
    source = open_csv(path)
    assert source.n_rows == 251
    assert source.fetch({"B": "str"}, slice(199, 202))["B"].values.tolist() == ["2", "5'10\" tall", "2"]
    assert source.fetch({"A": "int"}, slice(240, 251))["A"].values.tolist() == [1] * 11
