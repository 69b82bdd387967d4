import pickle

import numpy as np
import pandas as pd
import pytest
from astropy import units
from astropy.io import fits
from astropy.table import MaskedColumn, QTable, Table, vstack
from numpy.testing import assert_allclose, assert_array_equal

from skdistmass import build_catalog, has_bit, read_catalog
from skdistmass.columns import FEATURES, INPUT_COLUMNS
from skdistmass.survey.read import read_stars
from skdistmass.tables.aliases import MissingColumnsError, match_columns

GAIA_IDS = np.array([2052553983024456193, 4611686018427387905, 3])
BIG_FLAG = 2**41 + 2**23 + 1


def survey_table():
    """Three stars as a survey file has them."""
    return Table(
        {
            "APOGEE_ID": np.array([b"2M19261694+3745527  ", b"2M19344010+3840524", b"VESTA"]),
            "TELESCOPE": np.array([b"apo25m", b"lco25m", b""]),
            "FIELD": np.array([b"K21_071+10", b"M67", b"x"]),
            "RA": [291.5, 132.8, np.nan],
            "DEC": [37.7, 11.8, np.nan],
            "J": np.array([10.2, 11.1, 99.999], "f4"),
            "K": np.array([9.6, 10.4, 99.999], "f4"),
            "TEFF": np.array([4800.5, -9999.0, 5100.0], "f4"),
            "LOGG": np.array([2.5, -9999.99, 3.0], "f4"),
            "M_H": np.array([-0.5, 0.1, np.nan], "f4"),
            "C_FE": np.array([0.0, 0.1, 0.2], "f4"),
            "N_FE": np.array([0.3, 0.2, 0.1], "f4"),
            "ASPCAPFLAG": np.array([0, BIG_FLAG, -9999]),
            "GAIAEDR3_SOURCE_ID": GAIA_IDS,
            "X_H": np.arange(81, dtype="f4").reshape(3, 27),
        }
    )


def assert_is_survey_table(stars, decimals=6):
    assert stars["APOGEE_ID"].tolist() == ["2M19261694+3745527", "2M19344010+3840524", "VESTA"]
    assert_array_equal(np.isnan(stars["TEFF"]), [False, True, False])
    assert_allclose(stars["TEFF"][[0, 2]], [4800.5, 5100.0])
    assert_array_equal(np.isnan(stars["LOGG"]), [False, True, False])
    assert_array_equal(np.isnan(stars["M_H"]), [False, False, True])
    assert_array_equal(np.isnan(stars["K"]), [False, False, True])
    assert_allclose(stars["N_FE"], [0.3, 0.2, 0.1], atol=10.0**-decimals)
    assert_array_equal(stars["ASPCAPFLAG"], [0, BIG_FLAG, 0])
    assert_array_equal(stars["GAIAEDR3_SOURCE_ID"], GAIA_IDS)
    assert stars["ASPCAPFLAG"].dtype == stars["GAIAEDR3_SOURCE_ID"].dtype == np.int64
    for name in stars.colnames:
        assert stars[name].dtype.isnative
        assert str(stars[name].unit or "") == INPUT_COLUMNS[name].unit
        assert stars[name].description == INPUT_COLUMNS[name].description
        assert stars[name].dtype.kind == {"float": "f", "int": "i", "str": "U"}[INPUT_COLUMNS[name].kind]
    assert "X_H" not in stars.colnames


def without_vectors(table):
    table = table.copy()
    table.remove_column("X_H")
    return table


def as_text(table):
    """The table with text for bytes, as formats other than FITS have it."""
    table.convert_bytestring_to_unicode()
    return table


WRITERS = {
    "stars.fits": lambda table, path: table.write(path),
    "stars.fits.gz": lambda table, path: table.write(path),
    "stars.csv": lambda table, path: without_vectors(as_text(table)).write(path, format="ascii.csv"),
    "stars.ecsv": lambda table, path: as_text(table).write(path, format="ascii.ecsv"),
    "ecsv_in.csv": lambda table, path: as_text(table).write(path, format="ascii.ecsv"),
    "stars.vot": lambda table, path: table.write(path, format="votable"),
    "stars.xml": lambda table, path: table.write(path, format="votable", tabledata_format="binary2"),
    "stars.parquet": lambda table, path: without_vectors(as_text(table)).to_pandas().to_parquet(path),
}


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_gives_the_same_stars(name, tmp_path):
    path = tmp_path / name
    WRITERS[name](survey_table(), path)
    stars = read_stars(path)
    assert_is_survey_table(stars)
    assert stars.meta == {"source": name, "source_rows": 3}
    assert_is_survey_table(read_stars(str(path)))


@pytest.mark.parametrize("name", WRITERS)
def test_row_ranges_of_every_format(name, tmp_path):
    path = tmp_path / name
    WRITERS[name](survey_table(), path)
    whole, part = read_stars(path), read_stars(path, rows=slice(1, 3))
    assert len(part) == 2
    assert part.meta["source_rows"] == 3
    for column in whole.colnames:
        assert_array_equal(part[column], whole[column][1:3])
    assert len(read_stars(path, rows=slice(2, 2))) == 0


def test_tables_in_memory_give_the_same_stars():
    table = survey_table()
    assert_is_survey_table(read_stars(table))
    assert_is_survey_table(read_stars(without_vectors(table).to_pandas()))
    assert_is_survey_table(read_stars(np.asarray(table)))
    assert_is_survey_table(read_stars(QTable(table)))


def test_stars_that_were_read_can_be_read_again():
    table = survey_table()
    table.meta["source"] = "allStar.fits"
    once = read_stars(table)
    twice = read_stars(once)
    assert_is_survey_table(twice)
    assert twice.colnames == once.colnames
    assert twice.meta == {"source": "allStar.fits", "source_rows": 3}


def test_the_input_is_not_changed_and_not_shared():
    table = survey_table()
    before = table.copy()
    stars = read_stars(table)
    stars["C_FE"][0] = 5.0
    stars["GAIAEDR3_SOURCE_ID"][0] = 5
    assert all(
        np.array_equal(table[name], before[name], equal_nan=table[name].dtype.kind == "f")
        for name in table.colnames
    )


def test_identifier_of_the_spectrum_and_latitude_are_made_from_their_parts():
    stars = read_stars(survey_table())
    expected = [
        "apogee.apo25m.stars.K21_071+10.2M19261694+3745527",
        "apogee.lco25m.stars.M67.2M19344010+3840524",
        "",
    ]
    assert stars["APSTAR_ID"].tolist() == expected
    # M67 is at b = 31.9 deg.
    assert_allclose(stars["GLAT"][1], 31.9, atol=0.2)
    assert np.isnan(stars["GLAT"][2])
    assert list(read_stars(survey_table(), columns=["APSTAR_ID"]).colnames) == ["APSTAR_ID"]


def test_missing_values_of_pandas():
    frame = pd.DataFrame(
        {
            "teff": pd.array([4800, None], "Int64"),
            "logg": pd.array([2.5, None], "Float32"),
            "m_h": [0.1, None],
            "c_fe": pd.Series(["0.1", " "], dtype=object),
            "n_fe": [np.nan, 0.2],
            "apogee_id": pd.Series(["a ", None], dtype=object),
            "telescope": pd.Categorical(["apo25m", None]),
            "gaiaedr3_source_id": pd.array([GAIA_IDS[0], None], "Int64"),
            "aspcapflag": pd.array([BIG_FLAG, pd.NA], "Int64"),
            "flag_bad": [True, False],
        }
    )
    stars = read_stars(frame)
    for name in FEATURES[:4]:
        assert_array_equal(np.isnan(stars[name]), [False, True])
    assert stars["APOGEE_ID"].tolist() == ["a", ""]
    assert stars["TELESCOPE"].tolist() == ["apo25m", ""]
    assert stars["GAIAEDR3_SOURCE_ID"].tolist() == [GAIA_IDS[0], 0]
    assert stars["ASPCAPFLAG"].tolist() == [BIG_FLAG, 0]
    assert stars["FLAG_BAD"].tolist() == [1, 0]


def test_masked_values_of_astropy():
    table = survey_table()
    table["TEFF"] = MaskedColumn([4800.0, 4900.0, 5000.0], mask=[False, True, False])
    table["ASPCAPFLAG"] = MaskedColumn([1, 2, 3], mask=[False, False, True])
    table["FIELD"] = MaskedColumn(["a", "b", "c"], mask=[True, False, False])
    stars = read_stars(table)
    assert_array_equal(np.isnan(stars["TEFF"]), [False, True, False])
    assert stars["ASPCAPFLAG"].tolist() == [1, 2, 0]
    assert stars["FIELD"].tolist() == ["", "b", "c"]


def milky_way_mapper():
    """Two stars with the names and the layout of the Milky Way Mapper's table of ASPCAP results."""
    return Table(
        {
            "sdss_id": [54395709, 54395710],
            "sdss4_apogee_id": ["2M00000002+7417074", ""],
            "gaia_dr3_source_id": [GAIA_IDS[0], -1],
            "l": [119.4, 10.0],
            "b": [11.8, -60.0],
            "plx": [0.5, np.nan],
            "j_mag": [9.0, 10.0],
            "h_mag": [8.5, 9.5],
            "k_mag": [8.4, 9.4],
            "e_k_mag": [0.02, 0.03],
            "teff": [4700.0, 4800.0],
            "e_teff": [10.0, 11.0],
            "logg": [2.2, 2.4],
            "m_h_atm": [-0.2, 0.1],
            "fe_h": [-0.25, 0.05],
            "e_fe_h": [0.03, 0.03],
            "c_h": [-0.35, 0.1],
            "e_c_h": [0.04, 0.04],
            "n_h": [0.05, 0.4],
            "ebv_rjce_allwise": [0.3, 0.1],
            "ebv_sfd": [0.0884, 0.0442],
            "flag_bad": [False, True],
            "snr": [100.0, 90.0],
        }
    )


def test_milky_way_mapper_names_and_derived_abundances(tmp_path):
    path = tmp_path / "astraAllStarASPCAP.fits"
    table = milky_way_mapper()
    empty = fits.BinTableHDU(table[:0], name="BOSS")
    fits.HDUList([fits.PrimaryHDU(), empty, fits.BinTableHDU(table, name="APOGEE")]).writeto(path)
    stars = read_stars(path)
    assert stars["APOGEE_ID"].tolist() == ["2M00000002+7417074", ""]
    assert stars["GAIAEDR3_SOURCE_ID"].tolist() == [GAIA_IDS[0], 0]
    assert_allclose(stars["M_H"], [-0.2, 0.1])
    assert_allclose(stars["C_FE"], [-0.10, 0.05])
    assert_allclose(stars["N_FE"], [0.30, 0.35])
    assert_allclose(stars["C_FE_ERR"], 0.05)
    assert "N_FE_ERR" not in stars.colnames
    assert_allclose(stars["SFD_EBV"], [0.1, 0.05])
    assert_allclose(stars["AK_WISE"], [0.918 * (0.3 / 2.61 + 0.03), 0.918 * (0.1 / 2.61 + 0.03)])
    assert_allclose(stars["K"], [8.4, 9.4])
    assert_allclose(stars["GLAT"], [11.8, -60.0])
    assert stars["FLAG_BAD"].tolist() == [0, 1]
    assert not {"FE_H", "C_H", "N_H"} & set(stars.colnames)


def test_columns_that_only_resemble_the_calibrated_ones_are_left_alone():
    table = milky_way_mapper()
    for name in ("raw_teff", "raw_logg", "raw_m_h_atm", "zgr_teff", "zgr_logg", "zgr_fe_h", "irfm_teff"):
        table[name] = [1.0, 2.0]
    table["mass"], table["radius"], table["result_flags"] = [1.1, 1.2], [9.0, 10.0], [0, 1]
    with_more, plain = read_stars(table), read_stars(milky_way_mapper())
    assert with_more.colnames == plain.colnames
    for name in plain.colnames:
        assert_array_equal(with_more[name], plain[name])
    for name in ("teff", "logg"):
        lacking = table.copy()
        lacking.remove_column(name)
        with pytest.raises(MissingColumnsError, match=name.upper()):
            read_stars(lacking)


def test_the_mass_of_the_pipeline_makes_no_catalogue():
    table = milky_way_mapper()
    table["ra"], table["dec"] = [10.0, 20.0], [1.0, 2.0]
    table["mass"], table["radius"] = [1.1, 1.2], [9.0, 10.0]
    with pytest.raises(MissingColumnsError, match="two of DISTANCE, MASS"):
        read_catalog(table)


def test_catalogue_of_a_milky_way_mapper_table():
    table = vstack([milky_way_mapper(), milky_way_mapper()])
    table["snr"] = [100.0, 90.0, 200.0, 80.0]
    catalog = build_catalog(table, isochrone=False)
    assert_array_equal(catalog["SDSS_ID"], table["sdss_id"])
    assert_array_equal(has_bit(catalog, "STAR_BAD"), [False, True, False, True])
    assert_array_equal(has_bit(catalog, "DUPLICATE"), [True, False, False, True])
    assert_allclose(catalog["C_FE"], [-0.10, 0.05, -0.10, 0.05], atol=1e-6)
    assert np.isfinite(catalog["DISTANCE"]).all()
    assert np.isfinite(catalog["AGE"]).all()


def test_abundances_of_the_file_go_before_derived_ones():
    table = milky_way_mapper()
    table["c_fe"] = [0.7, 0.8]
    assert_allclose(read_stars(table)["C_FE"], [0.7, 0.8])


def test_exact_names_go_before_aliases_and_aliases_in_their_order():
    names = ["fe_h", "m_h_atm", "M_H", "kmag", "k_mag"]
    wanted = {name: INPUT_COLUMNS[name] for name in ("M_H", "K")}
    assert match_columns(names, wanted) == {"M_H": ["M_H"], "K": ["k_mag"]}
    assert match_columns(["FE_H", "M_H_ATM"], wanted) == {"M_H": ["M_H_ATM"]}


def test_an_alias_of_one_letter_must_match_its_case():
    assert match_columns(["b"], INPUT_COLUMNS) == {"GLAT": ["b"]}
    assert match_columns(["B"], INPUT_COLUMNS) == {}
    assert match_columns(["k"], INPUT_COLUMNS) == {"K": ["k"]}


def test_a_subset_of_columns_and_a_vector_column_as_it_is():
    table = survey_table()
    stars = read_stars(table, columns=["teff", "x_h"])
    assert stars.colnames == ["TEFF", "x_h"]
    assert_array_equal(stars["x_h"], table["X_H"])
    with pytest.raises(MissingColumnsError, match="GLON"):
        read_stars(table, columns=["TEFF", "GLON"])
    with pytest.raises(MissingColumnsError, match="NO_SUCH"):
        read_stars(table, columns=["TEFF", "NO_SUCH"])
    with pytest.raises(TypeError, match="list of names"):
        read_stars(table, columns="TEFF")


def test_missing_columns_are_listed_once_with_aliases_and_what_was_found():
    with pytest.raises(MissingColumnsError) as caught:
        read_stars(pd.DataFrame({"teff": [1.0], "speed": [1.0], "c_h": [0.0]}))
    message = str(caught.value)
    assert "4 needed columns are missing" in message
    assert "LOGG [dex] (or log_g)" in message
    assert "m_h_atm" in message
    assert "C_FE [dex] (or cfe, [c/fe]), or made from C_H and FE_H" in message
    assert "found 3 columns: teff, speed, c_h" in message
    assert caught.value.missing == ["LOGG", "M_H", "C_FE", "N_FE"]
    assert str(pickle.loads(pickle.dumps(caught.value))) == message


def test_two_columns_for_one_quantity_are_refused():
    table = survey_table()
    table["teff"] = table["TEFF"]
    with pytest.raises(ValueError, match="`TEFF` and `teff` both stand for TEFF"):
        read_stars(table)
    frame = pd.DataFrame([[1.0] * 6], columns=[*FEATURES, "LOGG"])
    with pytest.raises(ValueError, match="`LOGG` and `LOGG` both stand for LOGG"):
        read_stars(frame)


@pytest.mark.parametrize("name", [name for name in WRITERS if "csv" not in name])
def test_an_empty_table_is_refused(name, tmp_path):
    WRITERS[name](survey_table()[:0], tmp_path / name)
    with pytest.raises(ValueError, match=f"{name}: the table has no rows"):
        read_stars(tmp_path / name)


def test_other_types_among_numbers_are_refused():
    table = survey_table()
    table["TEFF"] = np.array([1j, 2j, 3j])
    with pytest.raises(ValueError, match="must hold numbers; it holds complex"):
        read_stars(table)
    table = survey_table()
    table["ASPCAPFLAG"] = [0.0, 1.5, np.nan]
    with pytest.raises(ValueError, match=r"must hold integers; row 1 has 1\.5"):
        read_stars(table)
    table = survey_table()
    table["LOGG"] = np.zeros((3, 2))
    with pytest.raises(ValueError, match=r"`LOGG` must have one value a row; shape \(3, 2\)"):
        read_stars(table)


def test_units_are_converted_or_refused():
    table = survey_table()
    table["RA"] = np.array([1.0, 2.0, 3.0]) * units.hourangle
    table["GAIAEDR3_R_MED_GEO"] = np.array([1.0, 2.0, np.nan], "f4")
    table["GAIAEDR3_R_MED_GEO"].unit = "kpc"
    table["LOGG"].unit = "dex(cm / s2)"
    table["M_H"].unit = ""
    stars = read_stars(table)
    assert_allclose(stars["RA"], [15.0, 30.0, 45.0])
    assert_allclose(stars["GAIAEDR3_R_MED_GEO"][:2], [1000.0, 2000.0])
    assert stars["GAIAEDR3_R_MED_GEO"].unit == units.pc
    assert_allclose(stars["LOGG"][0], 2.5)
    table["TEFF"].unit = "mag"
    with pytest.raises(ValueError, match="column `TEFF` must have a unit convertible to K; it has 'mag'"):
        read_stars(table)


@pytest.mark.parametrize(("spelling", "canonical"), [("Kelvin", 4800.5), ("kK", 4800500.0)])
def test_units_of_a_fits_file(spelling, canonical, tmp_path):
    hdu = fits.BinTableHDU(survey_table())
    hdu.columns["TEFF"].unit = spelling
    hdu.columns["LOGG"].unit = "log(cgs)"
    hdu.writeto(tmp_path / "stars.fits")
    assert_allclose(read_stars(tmp_path / "stars.fits")["TEFF"][0], canonical)


def test_infinities_are_kept_for_the_quality_flags():
    table = survey_table()
    table["TEFF"][:2] = [np.inf, -np.inf]
    table["K"][0] = np.inf
    stars = read_stars(table)
    assert_array_equal(np.isinf(stars["TEFF"]), [True, True, False])
    assert np.isinf(stars["K"][0])


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such file"):
        read_stars(tmp_path / "absent.fits")
    with pytest.raises(IsADirectoryError, match="a folder"):
        read_stars(tmp_path)
    (tmp_path / "stars.dat").write_text("x")
    with pytest.raises(ValueError, match=r"unknown table format; the file name must end in one of \.fits"):
        read_stars(tmp_path / "stars.dat")
    for name in ("stars.fits", "stars.ecsv", "stars.vot", "stars.parquet", "stars.csv.gz"):
        (tmp_path / name).write_bytes(b"\x93 this is no table \xff" * 40)
        with pytest.raises(ValueError, match=name):
            read_stars(tmp_path / name)
    fits.PrimaryHDU(np.zeros((3, 3))).writeto(tmp_path / "image.fits")
    with pytest.raises(ValueError, match="holds no table"):
        read_stars(tmp_path / "image.fits")
    with pytest.raises(TypeError, match="got list"):
        read_stars([1, 2, 3])


def test_row_ranges_are_slices_without_step():
    with pytest.raises(TypeError, match="must be a slice"):
        read_stars(survey_table(), rows=[0, 1])
    with pytest.raises(ValueError, match="without a step"):
        read_stars(survey_table(), rows=slice(0, 3, 2))


def test_real_rows_agree_with_astropy(real_rows):
    stars, reference = read_stars(real_rows), Table.read(real_rows)
    assert len(stars) == len(reference) == 48
    for name in stars.colnames:
        if name == "APSTAR_ID":
            continue
        values = np.ma.getdata(reference[name])
        if INPUT_COLUMNS[name].kind == "str":
            values = [
                value.decode().strip() if isinstance(value, bytes) else value for value in values.tolist()
            ]
        assert_array_equal(stars[name], values)


def test_real_rows_have_exact_identifiers(real_rows):
    stars = read_stars(real_rows)
    assert stars["GAIAEDR3_SOURCE_ID"].dtype == np.int64
    assert np.any(stars["GAIAEDR3_SOURCE_ID"].astype(float).astype(np.int64) != stars["GAIAEDR3_SOURCE_ID"])
    assert all(name.startswith("apogee.apo25m.stars.") for name in stars["APSTAR_ID"])
    with fits.open(real_rows) as hdus:
        assert_array_equal(stars["GAIAEDR3_SOURCE_ID"], hdus[1].data["GAIAEDR3_SOURCE_ID"])
