import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skdistmass.physics.extinction import (
    choose_extinction,
    rjce_extinction,
    sfd_extinction,
)


def test_rjce_of_the_two_instruments():
    # Majewski+ 2011: A_K = 0.918 (H - [4.5] - 0.08); W2 has an intrinsic colour of 0.05.
    assert_allclose(rjce_extinction([10.08, 11.08], 10.0, "IRAC"), [0.0, 0.918], atol=1e-12)
    assert_allclose(rjce_extinction(11.05, 10.0, "WISE"), 0.918)
    assert np.isnan(rjce_extinction(np.nan, 10.0))


def test_rjce_refuses_another_instrument():
    with pytest.raises(ValueError, match=r"IRAC.*received 'MIPS'"):
        rjce_extinction(10.0, 9.0, "MIPS")


def test_sfd_scales_with_the_coefficient():
    assert_allclose(sfd_extinction([0.1, 1.0]), [0.0302, 0.302])
    assert_allclose(sfd_extinction(1.0, 0.310), 0.310)


def one(**inputs):
    """Extinction and method of one star, given as keyword values."""
    rule = inputs.pop("rule", "survey")
    options = {key: inputs.pop(key) for key in ("fallback", "latitude", "sfd_coefficient") if key in inputs}
    arrays = {name: [value] for name, value in inputs.items()}
    extinction, method = choose_extinction(**arrays, rule=rule, **options)
    return extinction[0], str(method[0])


PLANE = {"ak_wise": 0.5, "ak_targ": 0.45, "ak_targ_method": "RJCE_WISE", "sfd_ebv": 0.2, "glat": 3.0}
HALO = {**PLANE, "glat": -50.0}


@pytest.mark.parametrize("rule", ["survey", "paper"])
def test_low_latitude_takes_rjce_with_irac_first(rule):
    assert one(**PLANE, rule=rule) == (0.5, "RJCE_WISE")
    for name in ("RJCE_IRAC", "irac_rjce"):
        assert one(**{**PLANE, "ak_targ_method": name}, rule=rule) == (0.45, "RJCE_IRAC")


@pytest.mark.parametrize("rule", ["survey", "paper"])
def test_high_latitude_takes_the_dust_map_where_it_says_less(rule):
    assert one(**HALO, rule=rule) == (pytest.approx(0.0604), "SFD")


def test_the_rules_differ_where_the_dust_map_says_much_more():
    star = {**HALO, "ak_wise": 0.04, "sfd_ebv": 0.5}
    assert one(**star, rule="survey") == (0.04, "RJCE_WISE")
    assert one(**star, rule="paper") == (pytest.approx(0.151), "SFD")


def test_survey_rule_at_its_limit_of_1p2():
    star = {**HALO, "sfd_ebv": 0.1}  # 0.0302 mag
    assert one(**{**star, "ak_wise": 0.0302 / 1.19})[1] == "SFD"
    assert one(**{**star, "ak_wise": 0.0302 / 1.21})[1] == "RJCE_WISE"


def test_survey_rule_replaces_negative_and_missing_extinction_at_high_latitude_only():
    for bad in (-0.02, np.nan):
        star = {**HALO, "ak_wise": bad, "ak_targ": np.nan}
        assert one(**star) == (pytest.approx(0.0604), "SFD")
    assert one(**{**PLANE, "ak_wise": -0.02}) == (-0.02, "RJCE_WISE")


@pytest.mark.parametrize("rule", ["survey", "paper"])
def test_missing_estimates_fall_back_on_what_there_is(rule):
    assert one(**{**PLANE, "ak_wise": np.nan}, rule=rule) == (0.45, "RJCE_WISE")
    assert one(**{**HALO, "sfd_ebv": np.nan}, rule=rule) == (0.5, "RJCE_WISE")
    assert one(sfd_ebv=0.2, glat=3.0, rule=rule) == (pytest.approx(0.0604), "SFD")
    assert one(ak_targ=0.3, ak_targ_method="SFD", rule=rule) == (0.3, "SFD")
    assert one(ak_targ=0.3, ak_targ_method="", rule=rule) == (0.3, "AK_TARG")
    assert one(ak_targ=0.3, ak_targ_method="NONE", rule=rule)[1] == "NONE"
    assert one(sfd_ebv=0.2, glat=3.0, rule=rule, fallback=False)[1] == "NONE"


@pytest.mark.parametrize("rule", ["survey", "paper"])
def test_no_estimate_at_all_is_nan(rule):
    extinction, method = one(
        ak_wise=np.nan, ak_targ=np.nan, ak_targ_method="", sfd_ebv=np.nan, glat=50.0, rule=rule
    )
    assert np.isnan(extinction)
    assert method == "NONE"


def test_unknown_latitude_counts_as_low():
    assert one(**{**PLANE, "glat": np.nan}, rule="paper") == (0.5, "RJCE_WISE")


def test_a_column_of_its_own_goes_first():
    assert one(**HALO, a_k=0.11) == (0.11, "COLUMN")
    assert one(**HALO, a_k=np.nan)[1] == "SFD"
    assert one(a_k=0.11) == (0.11, "COLUMN")


def test_coefficient_and_latitude_are_arguments():
    assert one(**HALO, sfd_coefficient=0.31)[0] == pytest.approx(0.062)
    assert one(**HALO, latitude=60.0)[1] == "RJCE_WISE"


def test_many_stars_at_once_with_bytes_for_methods_and_sizes_kept():
    n_stars = 1000
    rng = np.random.default_rng(1)
    methods = rng.choice([b"RJCE_WISE", b"RJCE_IRAC", b"SFD", b"NONE", b""], n_stars)
    wise, targ, ebv = rng.normal(0.1, 0.1, (3, n_stars))
    glat = rng.uniform(-90, 90, n_stars)
    extinction, method = choose_extinction(wise, targ, methods, ebv, glat)
    for i in range(0, n_stars, 37):
        alone = one(
            ak_wise=wise[i], ak_targ=targ[i], ak_targ_method=methods[i].decode(), sfd_ebv=ebv[i], glat=glat[i]
        )
        assert alone == (extinction[i], method[i])
    assert_array_equal(np.isnan(extinction), method == "NONE")


def test_errors_say_what_is_wrong():
    with pytest.raises(ValueError, match="'survey' or 'paper'; received 'mine'"):
        choose_extinction([0.1], rule="mine")
    with pytest.raises(ValueError, match="no extinction input"):
        choose_extinction()
    with pytest.raises(ValueError, match="ak_wise 2, glat 3"):
        choose_extinction([0.1, 0.2], glat=[1.0, 2.0, 3.0])
