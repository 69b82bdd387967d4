import numpy as np
import pytest
from astropy.table import Table
from numpy.testing import assert_array_equal

from skdistmass.columns import BITS, FEATURES
from skdistmass.survey.duplicates import duplicates
from skdistmass.survey.flags import clean_inputs, physical_values, star_bad


def stars(**columns):
    n_stars = len(next(iter(columns.values()))) if columns else 1
    good = {"TEFF": 4800.0, "LOGG": 2.4, "M_H": -0.1, "C_FE": 0.0, "N_FE": 0.2}
    return Table({name: np.full(n_stars, value) for name, value in good.items()} | columns)


def quality_flags(table):
    return clean_inputs(table).flags


def has(flags, name):
    return (flags & BITS[name][0]) != 0


def test_a_good_star_has_no_flag():
    table = stars(K=[9.0], K_ERR=[0.02], ASPCAPFLAG=[2**7], EXTRATARG=[1], APOGEE_ID=["a"])
    flags = quality_flags(table)
    assert flags.dtype == np.int64
    assert_array_equal(flags, [0])


@pytest.mark.parametrize("name", FEATURES)
def test_a_missing_input_is_flagged(name):
    table = stars(SNR=[100.0, 100.0])
    table[name][1] = np.nan
    assert_array_equal(quality_flags(table), [0, BITS["MISSING_INPUT"][0]])


@pytest.mark.parametrize(
    ("name", "value"),
    [("TEFF", -4800.0), ("TEFF", 0.0), ("TEFF", np.inf), ("LOGG", -np.inf), ("M_H", 99.0), ("N_FE", -50.0)],
)
def test_an_impossible_input_is_flagged_and_counts_as_missing(name, value):
    table = stars(SNR=[100.0, 100.0])
    table[name][1] = value
    flags = quality_flags(table)
    assert_array_equal(has(flags, "BAD_INPUT_VALUE"), [False, True])
    assert_array_equal(has(flags, "MISSING_INPUT"), [False, True])
    assert np.isnan(physical_values(table, name)[1])


@pytest.mark.parametrize(
    ("name", "value"), [("K", np.inf), ("TEFF_ERR", -1.0), ("GAIAEDR3_R_MED_GEO", -5.0), ("AK_WISE", np.inf)]
)
def test_an_impossible_value_beside_the_inputs_is_flagged_only(name, value):
    table = stars(**{name: [value, np.nan]})
    assert_array_equal(quality_flags(table), [BITS["BAD_INPUT_VALUE"][0], 0])


def test_negative_extinction_and_parallax_are_possible():
    assert_array_equal(quality_flags(stars(AK_WISE=[-0.05], GAIAEDR3_PARALLAX=[-0.02])), [0])


def test_star_bad_is_bit_23_alone():
    flags = np.array([0, 2**7, 2**16, 2**23, 2**40 + 2**23, 2**41])
    assert_array_equal(star_bad(stars(ASPCAPFLAG=flags)), [False, False, False, True, True, False])
    assert_array_equal(
        has(quality_flags(stars(ASPCAPFLAG=flags)), "STAR_BAD"), star_bad(stars(ASPCAPFLAG=flags))
    )


def test_star_bad_of_milky_way_mapper():
    assert_array_equal(star_bad(stars(FLAG_BAD=[0, 1])), [False, True])


def test_duplicates_come_from_extratarg_where_it_is():
    table = stars(EXTRATARG=[0, 16, 17, 1], APOGEE_ID=["a", "a", "b", "b"], SNR=[1.0, 9.0, 9.0, 1.0])
    assert_array_equal(duplicates(table), [False, True, True, False])


def test_duplicates_without_extratarg_keep_the_best_signal():
    table = stars(APOGEE_ID=["a", "b", "a", "", "a", ""], SNR=[50.0, 10.0, 90.0, 5.0, np.nan, 7.0])
    assert_array_equal(duplicates(table), [True, False, False, False, True, False])


def test_duplicates_without_signal_keep_the_first():
    assert_array_equal(duplicates(stars(APOGEE_ID=["b", "a", "b", "a"])), [False, False, True, True])
    table = stars(APOGEE_ID=["b", "b"], SNR=[80.0, 80.0])
    assert_array_equal(duplicates(table), [False, True])


def test_each_star_keeps_exactly_one_row():
    rng = np.random.default_rng(0)
    names = rng.choice([f"2M{i:04d}" for i in range(300)], 2000)
    snr = rng.normal(100, 30, 2000)
    kept = ~duplicates(stars(APOGEE_ID=names, SNR=snr))
    assert_array_equal(np.sort(names[kept]), np.unique(names))
    best = {name: snr[names == name].max() for name in np.unique(names)}
    assert all(snr[i] == best[names[i]] for i in np.flatnonzero(kept))


def test_a_table_without_names_has_no_duplicates():
    assert not duplicates(stars(SNR=[1.0, 1.0])).any()


def test_a_missing_column_is_all_nan():
    assert np.isnan(physical_values(stars(SNR=[1.0]), "K")).all()


def test_the_table_is_not_changed():
    table = stars(K=[np.inf])
    quality_flags(table)
    assert np.isinf(table["K"][0])


def test_real_rows_have_one_star_without_labels_and_no_impossible_value(real_rows):
    from skdistmass.survey.read import read_stars

    flags = quality_flags(read_stars(real_rows))
    assert has(flags, "MISSING_INPUT").sum() == 1
    assert not has(flags, "BAD_INPUT_VALUE").any()
