"""Tables that are wrong: a clear error or flagged rows, never a traceback, a sentinel or half a file."""

import numpy as np
import pandas as pd
import pytest
from astropy.table import Table

from skdistmass import build_catalog, make_survey, write_table
from skdistmass.cli import main
from skdistmass.columns import BITS, CATALOG_COLUMNS, FEATURES, bit_names

GIANT = {
    "TEFF": 4800.0,
    "LOGG": 2.5,
    "M_H": -0.1,
    "C_FE": -0.05,
    "N_FE": 0.2,
    "K": 10.0,
    "H": 10.1,
    "A_K": 0.1,
}
GIANT |= {"GAIAEDR3_R_MED_GEO": 2000.0, "GAIAEDR3_R_LO_GEO": 1900.0, "GAIAEDR3_R_HI_GEO": 2100.0}
INPUT_GAP = {"MISSING_INPUT", "BAD_INPUT_VALUE"}


def stars(n_stars=3, **columns):
    return pd.DataFrame({name: [value] * n_stars for name, value in (GIANT | columns).items()})


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refuses(capsys, folder, source, *words):
    """The command fails on the file with one line that has these words, and writes nothing."""
    before = sorted(folder.iterdir())
    assert main(["catalog", source, "-o", "out.fits"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("skdistmass: error: ")
    assert "Traceback" not in err
    for word in words:
        assert word in err
    assert sorted(folder.iterdir()) == before


def finite_or_nan(catalog):
    for name in catalog.colnames:
        if CATALOG_COLUMNS[name].kind == "float" and not name.startswith("LOG_DENSITY"):
            values = np.asarray(catalog[name], dtype=float)
            assert not np.any(np.isinf(values)), name
            assert not np.any(values < -9000), name


# Tables


@pytest.mark.parametrize("suffix", ["csv", "ecsv", "fits", "parquet", "vot"])
def test_table_without_rows(suffix, folder, capsys):
    empty = stars(3).iloc[:0]
    path = f"empty.{suffix}"
    if suffix == "csv":
        empty.to_csv(path, index=False)
    else:
        write_table(Table.from_pandas(empty), path)
    refuses(capsys, folder, path, "the table has no rows")


@pytest.mark.parametrize("suffix", ["csv", "ecsv", "fits", "parquet", "vot"])
def test_file_of_nothing(suffix, folder, capsys):
    (folder / f"nothing.{suffix}").touch()
    refuses(capsys, folder, f"nothing.{suffix}", "empty")


@pytest.mark.parametrize("suffix", ["ecsv", "fits", "parquet", "vot"])
def test_file_of_something_else(suffix, folder, capsys):
    (folder / f"text.{suffix}").write_text("Dear reader, this is not a table of stars.\n" * 50)
    refuses(capsys, folder, f"text.{suffix}", f"text.{suffix}")


def test_unknown_format(folder, capsys):
    (folder / "stars.docx").write_text("a")
    refuses(capsys, folder, "stars.docx", "unknown table format", ".fits")
    (folder / "sub").mkdir()
    refuses(capsys, folder, "sub", "sub")


@pytest.mark.parametrize("part", [0.3, 0.6, 0.9])
def test_truncated_fits(part, folder, capsys):
    survey = make_survey(200, random_state=0)[0]
    content = write_table(survey, "whole.fits").read_bytes()
    (folder / "part.fits").write_bytes(content[: int(part * len(content))])
    refuses(capsys, folder, "part.fits", "part.fits")


def test_no_valid_star():
    catalog = build_catalog(stars(4, TEFF=np.nan, K=np.nan, A_K=np.nan, GAIAEDR3_R_MED_GEO=np.nan))
    assert len(catalog) == 4
    for name in ("ABS_MAG", "DISTANCE", "WEIGHTED_DIST", "MASS", "AGE", "NMSU_DIST"):
        assert np.isnan(catalog[name]).all()
    for value in catalog["BITMASK"]:
        assert set(bit_names(value)) == {"MISSING_INPUT", "NO_K", "NO_EXTINCTION", "NO_GAIA"}


@pytest.mark.parametrize("table", [None, 5, [1, 2, 3], {"TEFF": [4800.0]}, np.zeros((3, 5))])
def test_things_that_are_no_tables(table):
    with pytest.raises(TypeError, match="a table must be a path, an astropy Table, a pandas DataFrame"):
        build_catalog(table)


# Columns


def test_missing_columns_are_listed_at_once(folder, capsys):
    stars().drop(columns=["LOGG", "N_FE"]).to_csv("stars.csv", index=False)
    refuses(capsys, folder, "stars.csv", "LOGG [dex] (or log_g)", "N_FE [dex]", "TEFF")


def test_a_column_twice(folder, capsys):
    frame = stars()
    frame["teff"] = 4000.0
    with pytest.raises(ValueError, match="the columns `TEFF` and `teff` both stand for TEFF; keep one"):
        build_catalog(frame)
    (folder / "twice.csv").write_text("TEFF,TEFF,LOGG,M_H,C_FE,N_FE\n4800,4900,2.5,0,0,0\n")
    refuses(capsys, folder, "twice.csv", "TEFF")


def test_text_among_numbers(folder, capsys):
    frame = stars(5).astype({"LOGG": object})
    frame.loc[3, "LOGG"] = "giant"
    message = r"column `LOGG` \[dex\] must hold numbers; row 3 has the text 'giant'"
    with pytest.raises(ValueError, match=message):
        build_catalog(frame)
    frame.to_csv("stars.csv", index=False)
    refuses(capsys, folder, "stars.csv", "column `LOGG` [dex] must hold numbers; row 3 has the text 'giant'")


@pytest.mark.parametrize("value", [pd.Timestamp("2020-01-01"), 1 + 2j, [1.0, 2.0], b"\xff"])
def test_columns_of_another_type(value):
    with pytest.raises((ValueError, TypeError), match="TEFF"):
        build_catalog(stars(3, TEFF=value) if not isinstance(value, list) else vectors())


def vectors():
    table = Table.from_pandas(stars())
    table["TEFF"] = np.full((3, 2), 4800.0)
    return table


def test_wrong_unit():
    table = Table.from_pandas(stars())
    table["TEFF"].unit = "mag"
    with pytest.raises(ValueError, match="column `TEFF` must have a unit convertible to K; it has 'mag'"):
        build_catalog(table)


def test_units_are_converted():
    table = Table.from_pandas(stars())
    expected = build_catalog(table, isochrone=False)
    for name in ("GAIAEDR3_R_MED_GEO", "GAIAEDR3_R_LO_GEO", "GAIAEDR3_R_HI_GEO"):
        table[name] = table[name] / 1000
        table[name].unit = "kpc"
    catalog = build_catalog(table, isochrone=False)
    np.testing.assert_allclose(catalog["WEIGHTED_DIST"], expected["WEIGHTED_DIST"], rtol=1e-6)


# Values


@pytest.mark.parametrize("name", FEATURES)
@pytest.mark.parametrize("value", [np.nan, -9999.0, -9999.99, np.inf, -np.inf, 1e30])
def test_inputs_that_are_no_numbers(name, value, loaded):
    frame = stars(3)
    frame.loc[1, name] = value
    catalog = build_catalog(frame, **loaded)
    finite_or_nan(catalog)
    bits = [set(bit_names(mask)) for mask in catalog["BITMASK"]]
    assert "MISSING_INPUT" in bits[1]
    # A sentinel is missing, an infinity or an impossible number is wrong.
    assert ("BAD_INPUT_VALUE" in bits[1]) == ((not np.isnan(value) and value > -9000) or value == -np.inf)
    assert bits[0] == bits[2]
    assert not bits[0] & INPUT_GAP
    for column in (name, "ABS_MAG", "DISTANCE", "MASS", "AGE"):
        assert np.isnan(catalog[column][1])
        assert np.isfinite(catalog[column][[0, 2]]).all()
    assert catalog["WEIGHTED_DIST"][1] == pytest.approx(2000.0)


@pytest.mark.parametrize("value", [np.nan, 99.999, -9999.0, np.inf, 200.0, -50.0])
def test_magnitudes_that_are_none(value, loaded):
    catalog = build_catalog(stars(2, K=value), **loaded)
    finite_or_nan(catalog)
    assert np.isnan(catalog["MAG"]).all()
    assert np.isnan(catalog["DISTANCE"]).all()
    assert np.isfinite(catalog["ABS_MAG"]).all()
    assert np.all(catalog["BITMASK"] & BITS["NO_K"][0])


@pytest.mark.parametrize("value", [np.nan, -9999.0, -999.0, np.inf, 1e30, -1e30])
def test_extinctions_that_are_none(value, loaded):
    catalog = build_catalog(stars(2, A_K=value), **loaded)
    finite_or_nan(catalog)
    assert np.isnan(catalog["EXTINCTION"]).all()
    assert np.isnan(catalog["DISTANCE"]).all()
    assert np.all(catalog["BITMASK"] & BITS["NO_EXTINCTION"][0])


@pytest.mark.parametrize("value", [-0.3, -1e-6])
def test_negative_extinctions_are_used_and_flagged(value, loaded):
    catalog = build_catalog(stars(2, A_K=value), **loaded | {"isochrone": False})
    assert np.isfinite(catalog["DISTANCE"]).all()
    assert np.all(catalog["BITMASK"] & BITS["NEGATIVE_EXTINCTION"][0])


@pytest.mark.parametrize(
    "columns",
    [
        {"GAIAEDR3_R_MED_GEO": np.nan},
        {"GAIAEDR3_R_MED_GEO": -1.0},
        {"GAIAEDR3_R_MED_GEO": np.inf},
        {"GAIAEDR3_R_LO_GEO": np.nan},
        {"GAIAEDR3_R_LO_GEO": 2100.0},  # no error
        {"GAIAEDR3_R_LO_GEO": 2300.0},  # a negative error
        {"GAIAEDR3_R_HI_GEO": 1e300},
    ],
)
@pytest.mark.parametrize("log_g", [2.5, 9.0])
def test_gaia_distances_that_are_none(columns, log_g, loaded):
    catalog = build_catalog(stars(2, LOGG=log_g, **columns), **loaded | {"isochrone": False})
    finite_or_nan(catalog)
    assert np.all(catalog["BITMASK"] & BITS["NO_GAIA"][0])
    np.testing.assert_array_equal(catalog["WEIGHTED_DIST"], catalog["DISTANCE"])
    assert np.isfinite(catalog["DISTANCE"]).all()


@pytest.mark.parametrize("value", [0.0, -10.0, np.nan, np.inf, -9999.0])
def test_label_errors_that_are_none(value, loaded):
    good = build_catalog(stars(2, TEFF_ERR=50.0, LOGG_ERR=0.05, M_H_ERR=0.02), **loaded)
    catalog = build_catalog(stars(2, TEFF_ERR=value, LOGG_ERR=value, M_H_ERR=value), **loaded)
    finite_or_nan(catalog)
    assert np.isfinite(catalog["NMSU_DIST"]).all()
    np.testing.assert_array_equal(catalog["DISTANCE"], good["DISTANCE"])
    flagged = np.asarray(catalog["BITMASK"] & BITS["BAD_INPUT_VALUE"][0]) != 0
    assert np.all(flagged == (value == -10.0 or np.isinf(value)))


def test_values_far_from_any_star(loaded):
    frame = stars(6)
    frame.loc[1, "TEFF"] = 9e5
    frame.loc[2, "LOGG"] = 9.9
    frame.loc[3, "M_H"] = -9.9
    frame.loc[4, "N_FE"] = 9.9
    frame.loc[5, "K"] = -29.0
    catalog = build_catalog(frame, **loaded)
    finite_or_nan(catalog)
    bits = [set(bit_names(mask)) for mask in catalog["BITMASK"]]
    assert not bits[0] & {"OUTSIDE_DISTANCE_DOMAIN", "OUTSIDE_MASS_DOMAIN"}
    for row in (1, 2, 3, 4):
        assert {"OUTSIDE_DISTANCE_DOMAIN", "OUTSIDE_MASS_DOMAIN"} <= bits[row]
        assert catalog["WEIGHTED_DIST"][row] == pytest.approx(2000.0)


def test_masked_values_and_integers():
    table = Table.from_pandas(stars(3).astype({"TEFF": int}), index=False)
    expected = build_catalog(stars(3), isochrone=False)
    np.testing.assert_array_equal(build_catalog(table, isochrone=False)["MASS"], expected["MASS"])
    table = Table(table, masked=True)
    table["TEFF"].mask = [False, True, False]
    catalog = build_catalog(table, isochrone=False)
    assert np.isnan(catalog["MASS"][1])
    assert set(bit_names(catalog["BITMASK"][1])) >= {"MISSING_INPUT"}
    assert not set(bit_names(catalog["BITMASK"][1])) & {"BAD_INPUT_VALUE"}
