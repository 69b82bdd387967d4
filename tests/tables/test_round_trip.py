"""Whatever is written is read back equal: generated tables, all formats and namings."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
from astropy.table import Table
from numpy.testing import assert_array_equal

from skdistmass.columns import CATALOG_COLUMNS, NAMINGS, PERCENTILES
from skdistmass.survey.read_catalog import read_catalog
from skdistmass.tables.write import write_table

hypothesis = pytest.importorskip("hypothesis")
st = hypothesis.strategies

PHASES = [hypothesis.Phase.explicit, hypothesis.Phase.generate]  # to shrink a failure takes minutes
SUFFIXES = (".fits", ".fits.gz", ".csv", ".tsv", ".ecsv", ".parquet", ".vot", ".vot.gz")
FORMATS_OF_BYTES = (".fits", ".fits.gz")  # whose text is ASCII: other characters are written as escapes
NASTY = [
    "",
    "#1",
    "# %ECSV",
    '"',
    "'",
    'a "b" c',
    "a,b",
    "a;b",
    "a\tb",
    "two\nlines",
    "two\r\nlines",
    "\x85x",
    "é",
]
NASTY += [
    "\u2028y",
    "😀",
    "None",
    "nan",
    "NA",
    "--",
    "-",
    "b'x'",
    "1",
    "1.5",
    "true",
    "\\",
    "&lt;",
    "<td>",
    "]]>",
    "|",
]

characters = st.characters(codec="utf-8", exclude_characters="\0", exclude_categories=["Cs"])
text = st.one_of(st.sampled_from(NASTY), st.text(characters, max_size=12)).map(str.strip)
ascii_text = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=12).map(str.strip)
singles = st.floats(width=32, allow_infinity=True, min_value=-9000, max_value=None)
doubles = st.floats(allow_infinity=True, min_value=-9000)
ages = st.one_of(st.just(np.nan), st.floats(1e8, 2e10))
distances = st.one_of(st.just(np.nan), st.floats(1e2, 1e5))
masses = st.one_of(st.just(np.nan), st.floats(0.1, 10))


def values_of(column):
    if column.kind == "int":
        return st.integers(0, 2**63 - 1)
    if column.unit == "mag":
        return st.one_of(st.just(np.nan), st.floats(-30, 89))
    return {"yr": ages, "pc": distances, "solMass": masses}.get(column.unit, doubles)


def width(name):
    """How many values a row has in a column of the catalogue."""
    if name.startswith("AGE_ERR"):
        return 2
    return len(PERCENTILES) if "_PERCENTILES" in name else 3 if name.endswith("_SAMPLES") else 1


@st.composite
def catalogs(draw, suffix, naming):
    names = draw(st.lists(st.sampled_from(sorted(CATALOG_COLUMNS)), unique=True, max_size=6))
    names += [name for name in ("DISTANCE", "BITMASK") if name not in names]
    n_rows = draw(st.integers(1, 9))
    table = Table()
    for name in names:
        column = CATALOG_COLUMNS[name]
        written = column.name_in(naming)
        if column.kind == "str":
            words = ascii_text if suffix in FORMATS_OF_BYTES else text
            table[written] = draw(st.lists(words, min_size=n_rows, max_size=n_rows))
        else:
            k = width(name)
            size = n_rows * k
            drawn = np.array(draw(st.lists(values_of(column), min_size=size, max_size=size)))
            table[written] = drawn.reshape(n_rows, k) if k > 1 else drawn
        table[written].unit = column.unit or None
        table[written].description = column.description
    if suffix not in (".csv", ".tsv"):  # which have no place for it
        table.meta = draw(st.dictionaries(st.text("abc\"'&<é😀", min_size=1, max_size=9), text, max_size=3))
    return table


@pytest.mark.parametrize("naming", NAMINGS)
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_generated_catalogues_are_read_back_equal(suffix, naming):
    @hypothesis.settings(max_examples=15, deadline=None, database=None, derandomize=True, phases=PHASES)
    @hypothesis.given(catalogs(suffix, naming))
    def check(table):
        with tempfile.TemporaryDirectory() as folder:
            back = read_catalog(write_table(table, Path(folder) / f"catalog{suffix}"))
        assert back.meta == table.meta
        assert len(back) == len(table)
        for name in CATALOG_COLUMNS:
            written = CATALOG_COLUMNS[name].name_in(naming)
            if written in table.colnames:
                assert_array_equal(np.asarray(back[name]), np.asarray(table[written]), err_msg=name)
                assert str(back[name].unit or "") == CATALOG_COLUMNS[name].unit

    check()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_nasty_word_as_first_and_last_field(suffix, tmp_path):
    words = NASTY if suffix not in FORMATS_OF_BYTES else [word for word in NASTY if word.isascii()]
    table = Table(
        {"APOGEE_ID": words, "BITMASK": np.arange(len(words)), "DISTANCE": np.full(len(words), 1e3)}
    )
    table["APSTAR_ID"] = table["APOGEE_ID"]
    back = read_catalog(write_table(table, tmp_path / f"catalog{suffix}"))
    assert back["APOGEE_ID"].tolist() == back["APSTAR_ID"].tolist() == [word.strip() for word in words]
    assert_array_equal(back["BITMASK"], table["BITMASK"])


@pytest.mark.parametrize("error", [400.0, np.inf, 1e308])
def test_errors_beyond_all_ages_are_none_in_gyr(error):
    table = Table({"AGE": [5e9], "AGE_ERR": [[error, 0.1]], "DISTANCE": [1e3], "BITMASK": [0]})
    back = read_catalog(table)
    assert_array_equal(np.isnan(back["AGE_GYR_ERR"]), [[True, False]])
    assert_array_equal(back["AGE_ERR"], [[error, 0.1]])
