"""What a figure reads of a catalogue: units, derived quantities, which stars may be shown."""

import numpy as np
import pytest
from astropy.table import Table

from skdistmass import make_survey, write_table
from skdistmass.physics.galaxy import SUN_RADIUS
from skdistmass.plots._quantities import quantity
from skdistmass.plots._stars import Stars
from skdistmass.tables.aliases import MissingColumnsError


@pytest.mark.parametrize(
    ("name", "label", "is_reversed"),
    [
        ("TEFF", r"$T_\mathrm{eff}$ [K]", True),
        ("LOGG", r"$\log\,g$ [dex]", True),
        ("M_H", "[M/H] [dex]", False),
        ("C_N", "[C/N] [dex]", False),
        ("ABS_MAG", r"$M_{K_\mathrm{s}}$ [mag]", True),
        ("AGE", "age [Gyr]", False),
        ("AGE_COR_MO", "age, COR_MO [Gyr]", False),
        ("LOG_AGE", r"$\log_{10}$(age / yr) [dex]", False),
        ("MASS_UNCOR_SS", r"mass, UNCOR_SS [$M_\odot$]", False),
        ("NMSU_DIST", "isochrone distance [kpc]", False),
        ("R_GAL", "Galactocentric radius [kpc]", False),
        ("SNR", "SNR", False),
    ],
)
def test_axes_say_quantity_and_unit(name, label, is_reversed):
    assert quantity(name).label == label
    assert quantity(name).reversed == is_reversed


def test_values_come_in_the_unit_of_the_axis(catalog):
    stars = Stars(catalog)
    np.testing.assert_allclose(stars.values("GAIAEDR3_DIST"), np.asarray(catalog["GAIAEDR3_DIST"]) / 1000)
    np.testing.assert_allclose(stars.values("AGE"), np.asarray(catalog["AGE"]) / 1e9)
    np.testing.assert_allclose(stars.values("LOG_AGE"), np.log10(catalog["AGE"]))
    np.testing.assert_allclose(stars.values("C_N"), np.asarray(catalog["C_FE"]) - np.asarray(catalog["N_FE"]))


def test_units_of_the_table_are_honoured():
    table = Table({"TEFF": [5000.0], "DISTANCE": [1.5]}, units={"DISTANCE": "kpc"})
    assert Stars(table).values("DISTANCE") == [1.5]
    assert Stars(Table({"DISTANCE": [1500.0]})).values("DISTANCE") == [1.5]


@pytest.mark.parametrize("form", ["table", "frame", "path"])
def test_tables_frames_and_files_give_the_same(catalog, tmp_path, form):
    subset = catalog["TEFF", "LOGG", "M_H", "DISTANCE", "AGE", "BITMASK"][:50]
    source = subset
    if form == "frame":
        source = subset.to_pandas()
    elif form == "path":
        source = tmp_path / "catalogue.fits"
        write_table(subset, source)
    np.testing.assert_allclose(Stars(source).values("AGE"), np.asarray(subset["AGE"]) / 1e9, rtol=1e-6)
    assert Stars(source).usable("TEFF", quality=False).sum() == 50


def test_every_naming_is_read():
    cas = Table({"teff": [5000.0], "nmsu_dist_med": [[1000.0, 1100.0, 1200.0]], "bitmask": [0]})
    stars = Stars(cas)
    assert stars.values("TEFF") == [5000.0]
    assert stars.values("NMSU_DIST") == [1.1]  # maximum, median, mean of the PDF


def test_stars_that_bits_forbid_stay_out(catalog, usable):
    stars = Stars(catalog)
    np.testing.assert_array_equal(stars.usable("MASS"), usable)
    np.testing.assert_array_equal(stars.usable("TEFF"), np.arange(len(catalog)) >= 100)
    np.testing.assert_array_equal(stars.usable("AGE"), usable & np.isfinite(catalog["AGE"]))
    assert stars.usable("MASS", quality=False).all()


def test_flags_of_a_survey_table_count_too():
    survey = make_survey(400, random_state=0)[0]
    bad = (np.asarray(survey["ASPCAPFLAG"]) & 2**23) != 0
    repeated = (np.asarray(survey["EXTRATARG"]) & 2**4) != 0
    assert bad.any()
    assert repeated.any()
    known = np.isfinite(survey["TEFF"])
    np.testing.assert_array_equal(Stars(survey).usable("TEFF"), known & ~bad & ~repeated)


def test_rows_are_a_mask_or_numbers(catalog):
    stars = Stars(catalog)
    mask = np.zeros(len(catalog), dtype=bool)
    mask[[300, 400]] = True
    np.testing.assert_array_equal(stars.rows([300, 400]), mask)
    np.testing.assert_array_equal(stars.rows(mask), mask)
    with pytest.raises(ValueError, match=r"rows must be a mask of shape \(5000,\).*bool of shape \(3,\)"):
        stars.rows([True, False, True])
    with pytest.raises(ValueError, match="numbers of rows below 5000"):
        stars.rows([5000])


def test_nothing_to_show_is_an_error_that_says_why(catalog):
    with pytest.raises(ValueError, match=r"none of 5000 rows has MASS.*100 have a quality bit"):
        Stars(catalog).usable("MASS", rows=np.arange(100))
    with pytest.raises(MissingColumnsError, match="VSCATTER"):
        Stars(catalog).values("VSCATTER")
    with pytest.raises(ValueError, match=r"`RA` must have one value for each of the 5000 rows"):
        Stars(catalog, {"RA": [1.0, 2.0]})


def test_positions_in_the_galaxy():
    # The Galactic centre, and a star at 1 kpc towards the north Galactic pole (J2000 positions).
    table = Table(
        {"RA": [266.405, 192.859], "DEC": [-28.936, 27.128], "DISTANCE": [1000 * SUN_RADIUS, 1000.0]}
    )
    stars = Stars(table)
    np.testing.assert_allclose(stars.values("X_GAL"), [0.0, -SUN_RADIUS], atol=0.01)
    np.testing.assert_allclose(stars.values("Y_GAL"), [0.0, 0.0], atol=0.01)
    np.testing.assert_allclose(stars.values("R_GAL"), [0.0, SUN_RADIUS], atol=0.01)
    np.testing.assert_allclose(stars.values("Z_GAL"), [0.02, 1.02], atol=0.01)
    galactic = Stars(Table({"GLON": [90.0], "GLAT": [0.0], "DISTANCE": [2000.0]}))
    np.testing.assert_allclose([galactic.values("X_GAL"), galactic.values("Y_GAL")], [[-SUN_RADIUS], [2.0]])
