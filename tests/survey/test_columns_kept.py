"""Columns an astronomer joins on, identity of the stars, the recommended cut, and what is said of gaps."""

import logging

import numpy as np
import pytest
from astropy.table import Table
from numpy.testing import assert_allclose, assert_array_equal

import skdistmass
from skdistmass import build_catalog, good_stars, has_bit, make_survey, read_catalog, write_catalog
from skdistmass.columns import BITS, CUTS, NAMINGS
from skdistmass.physics.parallax import edsd_quantiles
from skdistmass.report import summarize_catalog
from skdistmass.tables.aliases import MissingColumnsError

OPTIONS = {"masses": ("mass",), "isochrone": False}


def star(**columns):
    """Table of stars like the Sun's giant descendants."""
    n_stars = len(next(iter(columns.values()))) if columns else 1
    values = {"TEFF": 4800.0, "LOGG": 2.4, "M_H": 0.0, "C_FE": 0.0, "N_FE": 0.1, "K": 10.0, "A_K": 0.1}
    return Table({name: np.full(n_stars, value) for name, value in values.items()} | columns)


@pytest.fixture(scope="module")
def survey():
    stars, _ = make_survey(200, random_state=3)
    stars["SDSS_ID"] = np.arange(200) + 54_000_000
    stars["OTHER"] = np.arange(200.0)
    stars["OTHER"].unit = "km/s"
    stars["Note"] = [f"n{i:0{i % 7}d}" for i in range(200)]
    return stars


@pytest.mark.parametrize("naming", NAMINGS)
@pytest.mark.parametrize("suffix", ["fits", "parquet", "ecsv"])
def test_join_columns_and_kept_ones_pass_through(naming, suffix, survey, tmp_path):
    path = write_catalog(
        survey, tmp_path / f"c.{suffix}", columns=naming, keep=["other", "Note"], chunk_rows=70, **OPTIONS
    )
    catalog = read_catalog(path)
    for name in ("SDSS_ID", "GAIAEDR3_SOURCE_ID", "RA", "DEC", "SNR", "OTHER", "Note"):
        expected = np.asarray(survey[name])
        if name == "SNR":
            expected = expected.astype(np.float32)
        if name not in ("SDSS_ID", "GAIAEDR3_SOURCE_ID", "Note"):
            assert_array_equal(np.asarray(catalog[name], dtype=float), expected.astype(float), err_msg=name)
        else:
            assert_array_equal(np.asarray(catalog[name]), expected, err_msg=name)
    assert catalog["OTHER"].unit == "km/s"
    assert catalog["RA"].unit == "deg"
    assert catalog["RA"].dtype == np.float64


def test_kept_columns_of_a_file_in_chunks(survey, tmp_path):
    path = skdistmass.write_table(survey, tmp_path / "in.parquet")
    one = write_catalog(path, tmp_path / "one.fits", keep=("Note",), **OPTIONS).read_bytes()
    many = write_catalog(path, tmp_path / "many.fits", keep=("Note",), chunk_rows=30, **OPTIONS)
    assert many.read_bytes() == one


def test_kept_columns_must_be_there_and_not_ours(survey):
    with pytest.raises(MissingColumnsError, match="KIC"):
        build_catalog(survey, keep=["KIC"], **OPTIONS)
    with pytest.raises(ValueError, match="the catalogue has its own column 'MASS'"):
        build_catalog(star(MASS=[1.0]), keep=["MASS"], **OPTIONS)
    with pytest.raises(TypeError, match="sequence of names"):
        build_catalog(survey, keep="OTHER", **OPTIONS)


def test_rows_of_one_sdss_v_star():
    stars = Table(
        {
            "sdss_id": [7, 7],
            "sdss4_apogee_id": ["", ""],
            "snr": [60.0, 140.0],
            "teff": [4800.0] * 2,
            "logg": [2.4] * 2,
            "m_h_atm": [0.0] * 2,
            "c_h": [0.0] * 2,
            "n_h": [0.1] * 2,
            "fe_h": [0.0] * 2,
            "k_mag": [10.0] * 2,
            "ebv_sfd": [0.1] * 2,
            "sdss4_apogee_extra_target_flags": [0, 0],
        }
    )
    catalog = build_catalog(stars, **OPTIONS)
    assert_array_equal(np.asarray(catalog["BITMASK"]) & BITS["DUPLICATE"][0], [131072, 0])
    assert_array_equal(catalog["SDSS_ID"], [7, 7])


def test_identity_is_the_first_identifier_of_a_row():
    stars = star(
        SDSS_ID=[7, 7, 0, 0, 0, 0, 8],
        GAIAEDR3_SOURCE_ID=[1, 2, 3, 3, 0, 0, 3],
        APOGEE_ID=["a", "b", "c", "d", "e", "e", "e"],
        SNR=[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0],
    )
    expected = [True, False, True, False, True, False, False]
    assert_array_equal(has_bit(build_catalog(stars, **OPTIONS), "DUPLICATE"), expected)


def test_the_word_of_sdss_iv_holds_beside_sdss_ids():
    stars = star(SDSS_ID=[1, 1, 2], EXTRATARG=[16, 0, 16], SNR=[90.0, 80.0, 70.0])
    assert_array_equal(has_bit(build_catalog(stars, **OPTIONS), "DUPLICATE"), [True, False, True])


def test_numbers_and_names_are_never_one_star():
    stars = star(SDSS_ID=[5, 0], GAIAEDR3_SOURCE_ID=[0, 5])
    assert not has_bit(build_catalog(stars, **OPTIONS), "DUPLICATE").any()


def test_recommended_cut(survey):
    catalog = build_catalog(survey, **OPTIONS)
    for quantity, bits in CUTS.items():
        good = good_stars(catalog, quantity)
        assert 20 < good.sum() < len(survey)
        assert np.isfinite(np.asarray(catalog[quantity.upper()])[good]).all()
        for name in bits:
            assert not has_bit(catalog, name)[good].any()
        rest = ~good & np.isfinite(np.asarray(catalog[quantity.upper()]))
        assert np.any([has_bit(catalog, name) for name in bits], axis=0)[rest].all()
        assert f"{good.sum():9d}  in the recommended cut, good_stars(catalog, '{quantity}')" in (
            summarize_catalog(catalog)
        )
    cas = build_catalog(survey, columns="cas", **OPTIONS)
    assert_array_equal(good_stars(cas), good_stars(catalog))
    assert_array_equal(good_stars(cas, "mass"), good_stars(catalog, "mass"))
    with pytest.raises(ValueError, match="distance, mass, age; received 'radius'"):
        good_stars(catalog, "radius")
    with pytest.raises(ValueError, match="must have the columns AGE"):
        good_stars(catalog["BITMASK", "MASS"], "age")
    with pytest.raises(ValueError, match="name must be one of DISTANCE_TRAINING"):
        has_bit(catalog, "BAD")


def test_distance_from_a_plain_parallax():
    stars = star(parallax=[1.0, -0.3, np.nan, 1.0], parallax_error=[0.05, 0.2, 0.1, 0.05])
    stars["r_med_geo"], stars["r_lo_geo"], stars["r_hi_geo"] = (
        [np.nan] * 3 + [800.0],
        [np.nan] * 3 + [790.0],
        [np.nan] * 3 + [810.0],
    )
    catalog = build_catalog(stars, **OPTIONS)
    low, median, high = edsd_quantiles(np.array([1.017, -0.283]), np.array([0.05, 0.2]))
    assert_allclose(catalog["GAIAEDR3_DIST"], [*median, np.nan, 800.0], rtol=1e-6)
    assert_array_equal(has_bit(catalog, "NO_GAIA"), [False, False, True, False])
    weighted = np.asarray(catalog["WEIGHTED_DIST"])
    assert abs(weighted[0] - median[0]) < abs(catalog["DISTANCE"][0] - median[0])
    assert high[0] - low[0] > 0


def test_a_parallax_stands_in_for_a_distance_without_an_interval():
    stars = star(parallax=[1.0, np.nan], parallax_error=[0.05, np.nan], r_med_photogeo=[950.0, 900.0])
    catalog = build_catalog(stars, **OPTIONS)
    (median,) = edsd_quantiles(np.array([1.017]), np.array([0.05]))[1]
    assert_allclose(catalog["GAIAEDR3_DIST"], [median, 900.0], rtol=1e-6)
    assert_array_equal(has_bit(catalog, "NO_GAIA"), [False, True])
    assert catalog["WEIGHTED_DIST"][1] == catalog["DISTANCE"][1]


@pytest.mark.parametrize(
    "name", ["PARALLAX_EDR3", "GAIA_DR3_PARALLAX", "gaia_dr2_parallax", "GAIAEDR3_PARALLAX", "Parallax"]
)
def test_a_parallax_may_have_the_name_of_any_release(name):
    catalog = build_catalog(star(**{name: [2.0] * 3, f"{name}_ERROR": [0.02] * 3}), **OPTIONS)
    (median,) = edsd_quantiles(np.array([2.017]), np.array([0.02]))[1]
    assert_allclose(catalog["GAIAEDR3_DIST"], median, rtol=1e-6)


def test_a_gap_in_every_row_is_said_once(caplog):
    stars = star(EBV=[0.1] * 3)
    stars.remove_column("A_K")
    with caplog.at_level(logging.WARNING, "skdistmass"):
        catalog = build_catalog(stars, **OPTIONS)
    (said,) = caplog.messages
    assert "no extinction" in said
    assert "A_K [mag]" in said
    assert "Not read, but near: EBV" in said
    assert has_bit(catalog, "NO_EXTINCTION").all()
    caplog.clear()
    with caplog.at_level(logging.WARNING, "skdistmass"):
        build_catalog(star(EBV=[0.1] * 3), **OPTIONS)
    assert not caplog.messages


def test_no_output_is_infinite():
    stars = star(
        K=[89.9, 10.0, 89.9, -29.0],
        A_K=[-99.9, 0.1, 0.1, 99.0],
        SNR=[1e300, np.inf, 10.0, 1e39],
        RA=[np.inf, 1.0, 1e39, 2.0],
        GAIAEDR3_PARALLAX=[1e300, 1e-300, -1e38, 1.0],
        GAIAEDR3_PARALLAX_ERROR=[1e-300, 1e300, 1e38, 1e-10],
        M_H_ERR=[1e38, 1e300, 0.1, 0.1],
    )
    catalog = build_catalog(stars, masses=("mass",))
    for name in catalog.colnames:
        if np.asarray(catalog[name]).dtype.kind == "f":
            assert not np.isinf(np.asarray(catalog[name])).any(), name
    assert has_bit(catalog, "BAD_INPUT_VALUE")[[0, 1]].all()
    assert np.isnan(catalog["DISTANCE"][0])
    assert np.isfinite(catalog["DISTANCE"][1])


def test_lazy_tables_are_shown_the_way():
    class Catalog:
        map_partitions = None

    for function in (build_catalog, lambda stars: write_catalog(stars, "x.fits")):
        with pytest.raises(TypeError, match=r"skdistmass\.distribute_catalog\(stars\)"):
            function(Catalog())
