"""Text dialects, lost identifiers and damaged or hostile files: read right, or refused by name."""

import gzip
import resource
import socket

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits
from astropy.table import Table
from numpy.testing import assert_allclose, assert_array_equal

from skdistmass import make_survey
from skdistmass.columns import FEATURES
from skdistmass.survey.read import StarReader, read_stars
from skdistmass.survey.read_catalog import read_catalog

HEADER = "APOGEE_ID,TEFF,LOGG,M_H,C_FE,N_FE,K,A_K\n"
VALUES = {"TEFF": 4800.5, "LOGG": 2.5, "M_H": -0.1, "C_FE": 0.0, "N_FE": 0.25, "K": 10.5, "A_K": 0.1}


def row(name):
    return f"{name},4800,2.5,0,0,0,10,0.1\n"


def frame(n_rows=3, **columns):
    return pd.DataFrame({name: [value] * n_rows for name, value in (VALUES | columns).items()})


# Text


def test_quotes_that_are_not_closed_are_refused(tmp_path):
    path = tmp_path / "q.csv"
    path.write_text(HEADER + row("a") + row('"b') + row("c") + row("d") + row('"e') + row("f"))
    with pytest.raises(ValueError, match=r"q\.csv: row 1 .*a quote is not closed or out of place"):
        read_stars(path)
    path.write_text(HEADER + row("a") + row('"b'))
    with pytest.raises(ValueError, match=r"q\.csv: row 1 .*a quote is not closed"):
        read_stars(path)
    path.write_text(HEADER + row("a") + row("5'10\" star"))
    assert read_stars(path)["APOGEE_ID"].tolist() == ["a", "5'10\" star"]


@pytest.mark.parametrize("size", [1, 5, 100])
def test_line_ends_in_quoted_cells_do_not_change_the_count(size, tmp_path):
    rows = ["TEFF,LOGG,M_H,C_FE,N_FE,APOGEE_ID,NOTE"]
    rows += [
        f"4800,2.4,0,0,.1,s{i}," + ('"two\nlines, and\r\n\r\nmore"' if i % 4 == 0 else "x") for i in range(30)
    ]
    (tmp_path / "stars.csv").write_text("\n".join(rows) + "\n", newline="")
    reader = StarReader(tmp_path / "stars.csv")
    assert reader.n_rows == 30
    names = [name for block in reader.blocks(size) for name in block["APOGEE_ID"]]
    assert names == [f"s{i}" for i in range(30)]
    assert reader.read(slice(7, 9))["APOGEE_ID"].tolist() == ["s7", "s8"]


DIALECTS = {
    "semicolons": dict(sep=";"),
    "bars": dict(sep="|"),
    "tabs": dict(sep="\t"),
    "blanks": dict(sep=" "),
    "decimal commas": dict(sep=";", decimal=","),
    "quoted decimal commas": dict(decimal=","),
    "UTF-16": dict(encoding="utf-16"),
    "byte order mark": dict(encoding="utf-8-sig"),
}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_dialects_are_told_from_the_file(dialect, tmp_path):
    frame().to_csv(tmp_path / "stars.csv", index=False, **DIALECTS[dialect])
    stars = read_stars(tmp_path / "stars.csv")
    for name, value in VALUES.items():
        assert_array_equal(stars[name], [value] * 3)
    assert_array_equal(next(StarReader(tmp_path / "stars.csv").blocks(1))["TEFF"], [4800.5])


def test_a_header_in_a_comment_as_numpy_writes_it(tmp_path):
    values = frame().to_numpy()
    np.savetxt(tmp_path / "stars.txt", values, header=" ".join(VALUES))
    assert_array_equal(read_stars(tmp_path / "stars.txt")["TEFF"], [4800.5] * 3)
    np.savetxt(tmp_path / "stars.txt", values)
    with pytest.raises(ValueError, match="a header with the names of the columns is expected"):
        read_stars(tmp_path / "stars.txt")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ((HEADER + row("M\xfcller")).encode("latin-1"), "not UTF-8.*looks like Latin-1"),
        ((HEADER + row("a")).encode("utf-16-le"), "looks like UTF-16 without a byte order mark"),
        (
            b"TEFF;LOGG;M_H;C_FE;N_FE\n4,800;2;0;0;0\n",
            r"`TEFF` \[K\] must hold numbers; row 0 .*decimal comma, or",
        ),
        (b"TEFF,LOGG,M_H,C_FE,N_FE\n4_800,2,0,0,0\n", "row 0 has the text '4_800'"),
        (gzip.compress((HEADER + row("a") * 999).encode())[:-9], "perhaps truncated"),
        (gzip.compress((HEADER + row("a") * 999).encode())[:40] + b"\xff" * 90, "not a readable table"),
    ],
)
def test_what_cannot_be_told_is_named(content, words, tmp_path):
    (tmp_path / "stars.csv").write_bytes(content)
    with pytest.raises(ValueError, match=words):
        read_stars(tmp_path / "stars.csv")


@pytest.mark.parametrize("word", ["", "NA", "null", "-", "<NA>", "N/A", "...", r"\N", "nan", "--"])
def test_words_for_missing_numbers(word, tmp_path):
    text = f"TEFF,LOGG,M_H,C_FE,N_FE,EXTRATARG,APOGEE_ID\n{word},2,0,0,0,{word},a\n4800,2,0,0,0,16,b\n"
    (tmp_path / "stars.csv").write_text(text)
    stars = read_stars(tmp_path / "stars.csv")
    assert_array_equal(stars["TEFF"], [np.nan, 4800])
    assert stars["EXTRATARG"].tolist() == [0, 16]


@pytest.mark.parametrize("words", [("true", "false"), ("T", "F"), ("yes", "no"), ("1", "0")])
def test_words_for_true_and_false(words, tmp_path):
    pd.concat([frame(1, FLAG_BAD=word) for word in words]).to_csv(tmp_path / "stars.csv", index=False)
    assert read_stars(tmp_path / "stars.csv")["FLAG_BAD"].tolist() == [1, 0]


def test_a_simulated_survey_goes_through_pandas_and_csv(tmp_path):
    survey = make_survey(5, random_state=0)[0]
    survey.to_pandas().to_csv(tmp_path / "b.csv", index=False)
    back = read_stars(tmp_path / "b.csv")
    assert back["APOGEE_ID"].tolist() == read_stars(survey)["APOGEE_ID"].tolist()


# Nulls and identifiers


def test_nulls_of_scaled_and_unsigned_columns(tmp_path):
    columns = [fits.Column(name, "E", array=np.arange(3.0)) for name in FEATURES if name != "N_FE"]
    columns += [
        fits.Column("N_FE", "I", null=-999, array=np.array([10, -999, 25], "i2")),
        fits.Column("A_K", "J", null=-999, array=np.array([100, -999, 250], "i4")),
        fits.Column("EXTRATARG", "J", null=-5, array=np.array([-(2**31) + 16, -5, 2**31 - 1], "i4")),
    ]
    fits.BinTableHDU.from_columns(columns).writeto(tmp_path / "stars.fits")
    for number, scale, zero in ((5, 0.01, 0.0), (6, 0.001, 0.0), (7, 1, 2**31)):
        fits.setval(tmp_path / "stars.fits", f"TSCAL{number}", value=scale, ext=1)
        fits.setval(tmp_path / "stars.fits", f"TZERO{number}", value=zero, ext=1)
    stars = read_stars(tmp_path / "stars.fits")
    assert_allclose(stars["N_FE"], [0.1, np.nan, 0.25])
    assert_allclose(stars["A_K"], [0.1, np.nan, 0.25])
    assert stars["EXTRATARG"].tolist() == [16, 0, 2**32 - 1]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (["1", "4.295807E18", "2"], r"row 1 has the text '4\.295807E18', whose last digits are lost"),
        (np.array([1, 4.295807e18, 2]), "row 1 has the float64 .* 64-bit integers"),
        (np.array([1, 2**24 + 2, 2], "f4"), "row 1 has the float32"),
        (np.array([1, 1e30, 2]), "row 1 has the float64 1e[+]30"),
        (np.array([1, 2**63, 2], "u8"), r"below 2\*\*63; row 1 has 9223372036854775808"),
        (["1", str(2**63), "2"], "row 1 has the text '9223372036854775808'"),
    ],
)
@pytest.mark.parametrize("name", ["GAIAEDR3_SOURCE_ID", "ASPCAPFLAG"])
def test_integers_that_lost_their_digits_are_refused(name, values, words, tmp_path):
    table = Table.from_pandas(frame())
    table[name] = values
    with pytest.raises(ValueError, match=f"column `{name}` must hold .*{words}"):
        read_stars(table)
    if isinstance(values, list):
        table.write(tmp_path / "stars.csv")
        with pytest.raises(ValueError, match=words):
            read_stars(tmp_path / "stars.csv")


# Names and units


def test_names_of_vizier_and_of_dr16():
    names = {
        "TEFF": "Teff",
        "LOGG": "logg",
        "M_H": "__M_H_",
        "C_FE": "__C_Fe_",
        "N_FE": "[N/FE]",
        "K": "Ksmag",
    }
    names |= {"A_K": "A(K)"}
    stars = read_stars(frame(GAIA_SOURCE_ID=7, GAIA_PARALLAX=0.5, GAIA_R_EST=2000.0).rename(columns=names))
    for name, value in VALUES.items():
        assert_array_equal(stars[name], [value] * 3)
    assert stars["GAIAEDR3_SOURCE_ID"].tolist() == [7] * 3
    assert_array_equal(stars["GAIAEDR3_PARALLAX"], [0.5] * 3)
    assert_array_equal(stars["GAIAEDR3_R_MED_GEO"], [2000.0] * 3)


def test_a_name_of_one_letter_stands_behind_a_full_one():
    stars = read_stars(frame(glat=30.0, b=1.0, k=99.0, B=2.0).drop(columns="K").assign(k_mag=9.0))
    assert_array_equal(stars["GLAT"], [30.0] * 3)
    assert_array_equal(stars["K"], [9.0] * 3)
    assert "N_FE_ERR" not in read_stars(frame(NH=1.0, CH=2.0, FE_H=0.0)).colnames


def test_indexes_of_data_frames_are_columns():
    stars = read_stars(frame().assign(APOGEE_ID=list("abc"), SNR=1.0).set_index(["APOGEE_ID", "SNR"]))
    assert stars["APOGEE_ID"].tolist() == ["a", "b", "c"]
    assert len(read_stars(frame())) == 3


@pytest.mark.parametrize(("unit", "values"), [("dex(cm / s2)", 2.5), ("dex(m / s2)", 4.5), ("", 2.5)])
def test_units_of_logarithms(unit, values):
    table = Table.from_pandas(frame())
    table["LOGG"].unit = unit
    assert_allclose(read_stars(table)["LOGG"], values)


def test_function_units_are_converted_or_refused():
    table = Table.from_pandas(frame(TEFF=np.log10(4800.0)))
    table["TEFF"].unit = "dex(K)"
    assert_allclose(read_stars(table)["TEFF"], 4800.0)
    for unit in ("ABmag", "mag(AB)", "furlong"):
        table = Table.from_pandas(frame())
        table["K"].unit = unit
        with pytest.raises(ValueError, match=r"column `K` must have a unit convertible to mag; it has"):
            read_stars(table)


def test_a_table_with_a_mass_is_no_catalogue():
    with pytest.raises(ValueError, match="two of DISTANCE, MASS"):
        read_catalog(frame(mass=1.0))


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"age": [4.5, 7.0], "mass": [1.0, 2.0]}, r"`age` has no unit, .*cannot be in yr: Gyr"),
        (
            {"DISTANCE": np.linspace(0.5, 20, 30), "BITMASK": 0},
            r"`DISTANCE` has no unit, .*cannot be in pc: kpc",
        ),
        ({"MASS": [2e30, 4e30], "BITMASK": 0}, r"`MASS` has no unit, .*cannot be in solMass"),
    ],
)
def test_values_that_cannot_be_in_the_assumed_unit(columns, words):
    with pytest.raises(ValueError, match=words):
        read_catalog(pd.DataFrame(columns))


def test_ages_in_gyr_are_read_with_their_unit():
    table = Table({"AGE": [4.5], "MASS": [1.0]}, units={"AGE": "Gyr", "MASS": "solMass"})
    assert_allclose(read_catalog(table)["AGE"], [4.5e9])


# Hostile and damaged files

VOTABLE = """<VOTABLE version="1.4"><RESOURCE><TABLE{nrows}>
<FIELD name="TEFF" datatype="double"/><DATA>{data}</DATA></TABLE></RESOURCE></VOTABLE>"""


@pytest.mark.parametrize(
    ("nrows", "data", "words"),
    [
        ("", '<BINARY><STREAM href="{url}"/></BINARY>', "its data is elsewhere .*nothing is fetched"),
        ("", '<FITS><STREAM href="{url}"/></FITS>', "nothing is fetched"),
        (
            ' nrows="1000000000"',
            "<TABLEDATA><TR><TD>1</TD></TR></TABLEDATA>",
            "1000000000 rows are declared, 1 ",
        ),
        (
            ' nrows="1000000000"',
            "<BINARY><STREAM encoding='base64'>AAAA</STREAM></BINARY>",
            "rows are declared",
        ),
    ],
)
@pytest.mark.parametrize("suffix", [".vot", ".vot.gz"])
def test_votables_fetch_nothing_and_declare_no_more_than_they_hold(
    nrows, data, words, suffix, tmp_path, monkeypatch
):
    def refuse(*args, **kwargs):
        raise AssertionError("a socket")

    monkeypatch.setattr(socket, "socket", refuse)
    (tmp_path / "secret").write_bytes(np.arange(3.0).tobytes())
    for url in ((tmp_path / "secret").as_uri(), "http://localhost/secret"):
        text = VOTABLE.format(nrows=nrows, data=data.format(url=url)).encode()
        (tmp_path / f"stars{suffix}").write_bytes(gzip.compress(text) if suffix.endswith("gz") else text)
        with pytest.raises(ValueError, match=rf"stars.*: not a readable VOTable \(.*{words}"):
            read_stars(tmp_path / f"stars{suffix}")


def test_votables_without_entities(tmp_path):
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>' + VOTABLE.format(nrows="", data="&b;")
    (tmp_path / "stars.vot").write_text(bomb)
    with pytest.raises(ValueError, match="it declares entities"):
        read_stars(tmp_path / "stars.vot")


@pytest.mark.parametrize("suffix", [".fits", ".fits.gz"])
def test_fits_files_that_declare_more_than_they_hold(suffix, tmp_path):
    hdu = fits.BinTableHDU(Table.from_pandas(frame()))
    content = fits.PrimaryHDU().header.tostring().encode() + hdu.header.tostring().encode()
    content = content.replace(b"NAXIS2  =                    3", b"NAXIS2  =         900000000000") + bytes(
        2880
    )
    (tmp_path / f"stars{suffix}").write_bytes(gzip.compress(content) if suffix.endswith("gz") else content)
    with pytest.raises(ValueError, match=rf"stars{suffix}: .*(900000000000|truncated)"):
        read_stars(tmp_path / f"stars{suffix}")


@pytest.mark.parametrize("name", ["TEFF", ""])
def test_fits_names_that_are_empty_or_stand_twice(name, tmp_path):
    Table.from_pandas(frame()).write(tmp_path / "stars.fits")
    fits.setval(tmp_path / "stars.fits", "TTYPE2", value=name, ext=1)
    with pytest.raises(ValueError, match=r"stars\.fits: .*(empty or stands twice|missing)"):
        read_stars(tmp_path / "stars.fits")


def test_metadata_that_is_no_json(tmp_path):
    Table.from_pandas(frame()).write(tmp_path / "stars.fits")
    fits.setval(tmp_path / "stars.fits", "SKDMETA", value="{broken", ext=1)
    with pytest.raises(ValueError, match=r"stars\.fits: its metadata SKDMETA is no JSON"):
        read_stars(tmp_path / "stars.fits")


def test_ecsv_with_metadata_of_any_form(tmp_path):
    Table.from_pandas(frame()).write(tmp_path / "stars.ecsv")
    text = (tmp_path / "stars.ecsv").read_text()
    for line in ("# meta: 5\n", "# meta: !!python/object:os.system {}\n", "# meta: [1, 2]\n", "# meta: {a\n"):
        (tmp_path / "stars.ecsv").write_text(text.replace("# schema", line + "# schema"))
        with pytest.raises(ValueError, match=r"stars\.ecsv: not a readable ECSV file"):
            read_stars(tmp_path / "stars.ecsv")


def test_missing_values_of_pandas_in_an_astropy_table():
    table = Table.from_pandas(frame())
    table["TEFF"] = np.array([4800.0, pd.NA, None], dtype=object)
    table["EXTRATARG"] = np.array([16, pd.NA, np.nan], dtype=object)
    stars = read_stars(table)
    assert_array_equal(stars["TEFF"], [4800.0, np.nan, np.nan])
    assert stars["EXTRATARG"].tolist() == [16, 0, 0]


def test_lists_among_numbers_name_their_column():
    table = frame().assign(TEFF=[[1.0, 2.0], [3.0], [4.0]])
    with pytest.raises(ValueError, match=r"column `TEFF` \[K\] must hold numbers; row 0"):
        read_stars(table)


ROWS = b"<TR><TD>%b</TD></TR>" % (b"1" * 2**16)
ENTRIES = b"# - {name: a, datatype: float64}\n" * 30_000
BOMBS = {
    "a.vot.gz": [
        (VOTABLE[: VOTABLE.index("{nrows}")] + "><DESCRIPTION>", b"a" * 2**20, "unpacks to more than 200"),
        (VOTABLE[: VOTABLE.index("{data}")].replace("{nrows}", ""), ROWS * 16, "unpacks to more than 200"),
    ],
    "a.ecsv.gz": [
        ("# %ECSV 1.0\n# ---\n# datatype:\n", ENTRIES, "header has more"),
        ("# %ECSV 1.0\n# ---\n# ", b"a" * 2**20, "a line has more than"),
    ],
    "a.csv.gz": [("", b"a" * 2**20, "a line has more than")],
}


@pytest.mark.parametrize(
    ("name", "number"), [(name, i) for name, bombs in BOMBS.items() for i in range(len(bombs))]
)
def test_compressed_bombs_are_refused_early(name, number, tmp_path):
    start, block, words = BOMBS[name][number]
    with gzip.open(tmp_path / name, "wb", 6) as stream:
        stream.write(start.encode())
        for _ in range(160):
            stream.write(block)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ValueError, match=rf"{name}: not a readable .*{words}"):
        read_stars(tmp_path / name)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2**18  # kB
