import numpy as np
import pytest
from astropy.table import Table

from skdistmass.physics.galaxy import (
    birth_carbon_nitrogen,
    galactocentric_position,
)
from skdistmass.physics.initial_mass_function import kroupa_imf_integral
from skdistmass.simulate import make_survey
from skdistmass.simulate.clusters import CLUSTERS
from skdistmass.simulate.grid import add_companions, interpolate_nodes, isochrone_grid
from skdistmass.simulate.observe import parallax_error, two_mass_names

STAR_BAD = 1 << 23
DUPLICATE = 1 << 4
LABELS = ("TEFF", "LOGG", "M_H", "ALPHA_M", "FE_H", "C_FE", "N_FE")


@pytest.fixture(scope="module")
def survey():
    return make_survey(20000, random_state=7)


@pytest.fixture(scope="module")
def clean():
    return make_survey(
        20000, 11, binary_fraction=0.0, missing_fraction=0.0, bad_fraction=0.0, duplicate_fraction=0.0
    )


def robust_sigma(values):
    low, high = np.percentile(values, [15.865, 84.135])
    return 0.5 * (high - low)


def test_same_seed_same_tables():
    first, second = make_survey(300, 3), make_survey(300, 3)
    for one, two in zip(first, second, strict=True):
        for name in one.colnames:
            np.testing.assert_array_equal(one[name], two[name])
    assert np.any(make_survey(300, 4)[0]["RA"] != first[0]["RA"])


@pytest.mark.parametrize("n_stars", [1, 2, 37, 1000])
def test_number_of_rows(n_stars):
    stars, truth = make_survey(n_stars, 0)
    assert len(stars) == len(truth) == n_stars


def test_columns_have_the_types_of_the_real_file(survey, real_rows):
    stars, _ = survey
    real = Table.read(real_rows)
    common = set(stars.colnames) & set(real.colnames)
    assert set(stars.colnames) - common == {"APSTAR_ID"}
    for name in common:
        # Text is text in memory; the bytes of FITS are those of files.
        made = stars[name].dtype
        made = np.dtype(f"S{made.itemsize // 4}") if made.kind == "U" else made
        assert made == real[name].dtype.newbyteorder("="), name


def test_ids_follow_the_position(survey):
    stars, _ = survey
    expected = two_mass_names(np.asarray(stars["RA"]), np.asarray(stars["DEC"]))
    assert stars["APOGEE_ID"].tolist() == np.char.decode(expected).tolist()
    row = stars[0]
    assert row["APSTAR_ID"] == f"apogee.{row['TELESCOPE']}.stars.{row['FIELD']}.{row['APOGEE_ID']}"
    assert len(np.unique(stars["APSTAR_ID"])) == len(stars)


def test_2mass_names_of_known_stars():
    # Two entries of the 2MASS point source catalogue.
    names = two_mass_names(np.array([291.570602, 10.684737]), np.array([37.764648, -0.5]))
    assert names.tolist() == [b"2M19261694+3745527", b"2M00424433-0030000"]


def test_no_truth_among_the_columns(survey):
    stars, truth = survey
    assert not {name.lower() for name in truth.colnames} & {"teff_err", "snr"}
    for name, true in (("TEFF", "teff"), ("LOGG", "log_g"), ("M_H", "m_h"), ("K", "absolute_magnitude")):
        assert np.mean(np.asarray(stars[name]) == np.float32(truth[true])) < 0.001
    assert all(column.dtype.isnative for column in stars.columns.values())


def test_positions_agree(survey):
    from astropy.coordinates import SkyCoord

    stars, _ = survey
    equatorial = SkyCoord(stars["RA"][:500], stars["DEC"][:500], unit="deg", frame="icrs")
    galactic = SkyCoord(stars["GLON"][:500], stars["GLAT"][:500], unit="deg", frame="galactic")
    assert equatorial.separation(galactic).arcsec.max() < 1.0


def test_nan_only_where_announced(survey):
    stars, truth = survey
    missing = np.asarray(truth["missing"])
    allowed = {
        "spectrum": {n + e for n in LABELS for e in ("", "_ERR")},
        "c_n": {"C_FE", "N_FE", "C_FE_ERR", "N_FE_ERR"},
        "photometry": {"K", "K_ERR"},
        "gaia": {n for n in stars.colnames if n.startswith("GAIAEDR3_") and n != "GAIAEDR3_SOURCE_ID"},
        "extinction": {"AK_TARG", "AK_WISE"},
    }
    for name in stars.colnames:
        if stars[name].dtype.kind != "f":
            continue
        announced = np.isin(missing, [what for what, names in allowed.items() if name in names])
        np.testing.assert_array_equal(np.isnan(stars[name]), announced, err_msg=name)
    assert set(np.unique(missing)) == {"", *allowed}
    np.testing.assert_array_equal(stars["GAIAEDR3_SOURCE_ID"] == 0, missing == "gaia")
    np.testing.assert_array_equal(stars["AK_TARG_METHOD"] == "NONE", missing == "extinction")
    unknown = [n for n in truth.colnames if truth[n].dtype.kind == "f" and np.isnan(truth[n]).any()]
    assert unknown == ["mass_ratio"]


def test_nothing_missing_when_not_asked(clean):
    stars, truth = clean
    lost = np.asarray(truth["missing"]) != ""
    assert (lost == (np.asarray(truth["missing"]) == "gaia")).all()  # fainter than Gaia's limit
    assert lost.mean() < 0.03
    assert not (stars["ASPCAPFLAG"] & STAR_BAD).any()
    assert not (stars["EXTRATARG"] & DUPLICATE).any()
    assert not truth["is_binary"].any()


def test_distance_modulus_of_single_stars(survey):
    stars, truth = survey
    single = ~np.asarray(truth["is_binary"]) & np.isfinite(stars["K"])
    modulus = 5 * np.log10(np.asarray(truth["distance"]) / 10)
    residual = np.asarray(stars["K"] - truth["extinction"] - truth["absolute_magnitude"]) - modulus
    pull = (residual / np.asarray(stars["K_ERR"]))[single]
    assert abs(pull.mean()) < 0.03
    assert pull.std() == pytest.approx(1.0, abs=0.02)


def test_survey_limits(clean):
    stars, truth = clean
    assert stars["H"].min() > 6.8
    assert stars["H"].max() < 14.0
    main = (stars["EXTRATARG"] == 0) & (truth["cluster"] == "")
    reddening = 1.5 * np.asarray(truth["extinction"])  # A_J - A_K = 1.5 A_K
    colour = np.asarray(stars["J"] - stars["K"]) - reddening
    assert np.mean(colour[main] > 0.25) > 0.99
    giants = np.asarray(truth["log_g"]) < 3.5
    assert 0.5 < giants.mean() < 0.75  # DR17: about two thirds
    assert giants[main].mean() > giants[~main & (truth["cluster"] == "")].mean() + 0.3


def test_parallax_pull_after_zero_point(survey):
    stars, truth = survey
    zero_point = np.asarray(truth["parallax_zero_point"])
    assert -0.045 < np.median(zero_point) < -0.02  # Lindegren et al. 2021
    pull = np.asarray(stars["GAIAEDR3_PARALLAX"]) - 1000 / np.asarray(truth["distance"])
    pull = (pull - zero_point) / np.asarray(stars["GAIAEDR3_PARALLAX_ERROR"])
    pull = pull[np.isfinite(pull)]
    assert abs(pull.mean()) < 0.03
    assert pull.std() == pytest.approx(1.0, abs=0.02)


def test_parallax_error_against_gaia_edr3():
    # Typical five-parameter errors of Lindegren et al. (2021, A&A 649, A2): 0.02-0.03 mas for G < 15, 0.07 at
    # 17, 0.5 at 20.
    sigma = parallax_error([9.0, 15.0, 17.0, 20.0])
    np.testing.assert_allclose(sigma, [0.02, 0.025, 0.07, 0.5], rtol=0.4)


@pytest.mark.parametrize("kind", ["GEO", "PHOTOGEO"])
def test_gaia_distances_cover_the_truth(survey, kind):
    stars, truth = survey
    low, middle, high = (np.asarray(stars[f"GAIAEDR3_R_{part}_{kind}"]) for part in ("LO", "MED", "HI"))
    there = np.isfinite(middle)
    assert ((low < middle) & (middle < high))[there].all()
    distance = np.asarray(truth["distance"])
    near = there & (distance < 4000)
    inside = (low < distance) & (distance < high)
    assert inside[near].mean() == pytest.approx(0.68, abs=0.03)


def test_photogeometric_distances_are_better(survey):
    stars, truth = survey
    far = (np.asarray(truth["distance"]) > 5000) & (np.asarray(truth["missing"]) != "gaia")
    error = {
        kind: np.abs(np.log(np.asarray(stars[f"GAIAEDR3_R_MED_{kind}"]) / np.asarray(truth["distance"])))[far]
        for kind in ("GEO", "PHOTOGEO")
    }
    assert np.median(error["PHOTOGEO"]) < np.median(error["GEO"])


@pytest.mark.parametrize("name", LABELS)
def test_label_pulls(clean, name):
    stars, truth = clean
    true = np.asarray(truth["m_h" if name == "FE_H" else {"LOGG": "log_g"}.get(name, name.lower())])
    pull = (np.asarray(stars[name]) - true) / np.asarray(stars[f"{name}_ERR"])
    inside = true > 3100 if name == "TEFF" else np.ones(len(true), dtype=bool)
    assert abs(pull[inside].mean()) < 0.03
    assert pull[inside].std() == pytest.approx(1.0, abs=0.02)


def test_label_errors_grow_where_spectra_are_poor(clean):
    stars, truth = clean
    giants = np.asarray(truth["log_g"]) < 3.5
    poor, rich = giants & (truth["m_h"] < -1), giants & (truth["m_h"] > -0.2)
    faint, bright = giants & (stars["SNR"] < 60), giants & (stars["SNR"] > 200)
    for name in LABELS:
        error = np.asarray(stars[f"{name}_ERR"])
        assert np.median(error[poor]) > 1.2 * np.median(error[rich])
        assert np.median(error[faint]) > 1.2 * np.median(error[bright])
    assert 20 < np.median(stars["TEFF_ERR"][giants]) < 80
    assert 0.03 < np.median(stars["LOGG_ERR"][giants]) < 0.1


def test_extinction_estimates(clean):
    stars, truth = clean
    true = np.asarray(truth["extinction"])
    residual = np.asarray(stars["AK_WISE"]) - true
    assert abs(np.median(residual)) < 0.002
    assert 0.02 < robust_sigma(residual) < 0.045
    assert 0.01 < np.mean(stars["AK_WISE"] < 0) < 0.3
    whole = 0.302 * np.asarray(stars["SFD_EBV"])
    field = truth["cluster"] == ""
    assert np.median((whole / true)[field]) >= 1.0
    assert (true > 0).all()
    assert set(stars["AK_TARG_METHOD"]) == {"RJCE_IRAC", "RJCE_WISE", "RJCE_WISE_OPS", "SFD"}


def test_duplicates_share_everything_but_the_spectrum(survey):
    stars, truth = survey
    again = (stars["EXTRATARG"] & DUPLICATE) > 0
    assert again.sum() == 400
    order = np.argsort(stars["APOGEE_ID"][~again])
    names = np.asarray(stars["APOGEE_ID"][~again])[order]
    assert len(np.unique(names)) == len(names)
    where = np.searchsorted(names, np.asarray(stars["APOGEE_ID"][again]))
    first = np.flatnonzero(~again)[order][where]
    second = np.flatnonzero(again)
    for name in ("APOGEE_ID", "RA", "DEC", "H", "TELESCOPE"):
        np.testing.assert_array_equal(stars[name][first], stars[name][second])
    for name in ("distance", "mass", "age", "teff"):
        np.testing.assert_array_equal(truth[name][first], truth[name][second])
    both = (stars["GAIAEDR3_SOURCE_ID"][first] > 0) & (stars["GAIAEDR3_SOURCE_ID"][second] > 0)
    assert both.sum() > 300
    np.testing.assert_array_equal(
        stars["GAIAEDR3_SOURCE_ID"][first][both], stars["GAIAEDR3_SOURCE_ID"][second][both]
    )
    assert (stars["SNR"][second] < stars["SNR"][first]).all()
    assert np.mean(stars["TEFF"][second] == stars["TEFF"][first]) < 0.02


def test_bad_stars_are_far_off(survey):
    stars, truth = survey
    bad = ((stars["ASPCAPFLAG"] & STAR_BAD) > 0) & np.isfinite(stars["TEFF"])
    assert bad.mean() == pytest.approx(0.03, abs=0.006)
    error = np.abs(np.asarray(stars["LOGG"]) - np.asarray(truth["log_g"]))
    good = ~bad & np.isfinite(error)
    assert np.median(error[bad]) > 5 * np.median(error[good])
    assert (stars["ASPCAPFLAG"][truth["missing"] == "spectrum"] & STAR_BAD).all()


def test_binaries(survey):
    _, truth = survey
    binary, ratio = np.asarray(truth["is_binary"]), np.asarray(truth["mass_ratio"])
    assert binary.mean() == pytest.approx(0.3, abs=0.015)
    assert 0.1 <= ratio[binary].min() < 0.12
    assert np.mean(ratio[binary]) == pytest.approx(0.55, abs=0.01)  # uniform in 0.1-1
    excess = np.asarray(truth["absolute_magnitude"] - truth["absolute_magnitude_system"])
    assert (excess[~binary] == 0).all()
    assert (excess[binary] > 0).all()
    assert (excess[binary] <= 2.5 * np.log10(2) + 1e-3).mean() > 0.999
    dwarfs = binary & (truth["log_g"] > 4.2) & (truth["teff"] > 4500)
    low, high = dwarfs & (ratio < 0.4), dwarfs & (ratio > 0.9)
    assert np.median(excess[low]) < 0.1
    assert np.median(excess[high]) > 0.5
    giants = binary & (truth["log_g"] < 2.5) & (ratio < 0.9)
    assert np.median(excess[giants]) < 0.01


def test_companion_flux_sum():
    nodes = np.flatnonzero(isochrone_grid().abs_mag_h > 3)[::5000]
    still = np.zeros(len(nodes))
    stars = interpolate_nodes(nodes, still, still, still)
    stars |= {"is_binary": np.ones(len(nodes), dtype=bool), "mass_ratio": np.ones(len(nodes))}
    add_companions(stars)
    for band in "jhk":
        np.testing.assert_allclose(stars[f"abs_mag_{band}_2"], stars[f"abs_mag_{band}"], atol=2e-3)
    np.testing.assert_allclose(stars["teff_2"], stars["teff"], rtol=1e-3)


def test_companion_of_the_sun():
    # M_Ks: 3.27 for the Sun (Willmer 2018, Vega), 5.60 for 0.505 Msun (Mann et al. 2019, ApJ 871, 63).
    grid = isochrone_grid()
    sun_like = (grid.nodes[0] == 8) & (grid.nodes[1] == np.argmin(np.abs(grid.log_age - 9.65)))
    mass = grid.values["initial_mass"][grid.nodes]
    node = np.flatnonzero(sun_like)[[np.argmin(np.abs(mass[sun_like] - 1.0))]]
    still = np.zeros(1)
    stars = interpolate_nodes(node, still, still, still)
    stars |= {"is_binary": np.ones(1, dtype=bool), "mass_ratio": 0.5 / mass[node]}
    add_companions(stars)
    assert stars["abs_mag_k"][0] == pytest.approx(3.27, abs=0.2)
    assert stars["abs_mag_k_2"][0] == pytest.approx(5.6, abs=0.25)


def test_cluster_members():
    stars, truth = make_survey(3000, 5, cluster_fraction=0.5)
    members = np.asarray(truth["cluster"]) != ""
    assert members.sum() == pytest.approx(1500, abs=60)
    np.testing.assert_array_equal(stars["MEMBER"].astype(str), truth["cluster"])
    for cluster in CLUSTERS:
        mine = np.asarray(truth["cluster"]) == cluster.name
        assert mine.sum() > 30
        assert (truth["distance"][mine] == cluster.distance).all()
        np.testing.assert_allclose(truth["age"][mine], cluster.age)
        assert np.abs(stars["DEC"][mine] - cluster.dec).max() < 0.5
        assert (truth["m_h"][mine] == cluster.m_h).all()
        assert np.ptp(truth["initial_mass"][mine & (truth["phase"] == 3)]) < 0.25


def test_giants_of_old_open_cluster_have_its_turnoff_mass():
    # M67, 4 Gyr: giants of 1.36 +- 0.01 Msun by asteroseismology (Stello et al. 2016, ApJ 832, 133).
    _, truth = make_survey(2000, 5, cluster_fraction=1.0, binary_fraction=0.0)
    giants = (truth["cluster"] == "M67") & (truth["log_g"] < 3.5)
    assert np.median(truth["initial_mass"][giants]) == pytest.approx(1.36, abs=0.06)


def test_intrinsic_weights_follow_the_imf():
    # One population of one age: numbers between masses are those of the Kroupa function.
    grid = isochrone_grid()
    m_index, a_index = 8, len(grid.log_age) - 3
    mass, weight = grid.values["initial_mass"][m_index, a_index], grid.weight[m_index, a_index]
    part = (mass > 0.3) & (mass < 0.8)
    expected = kroupa_imf_integral(0.3, 0.8) * grid.age_width[a_index]
    assert np.nansum(weight[part]) == pytest.approx(expected, rel=0.05)


def test_kiel_diagram_is_continuous(clean):
    _, truth = clean
    giants = (truth["phase"] == 3) & (truth["log_g"] < 3) & (truth["population"] == "thin")
    for name in ("m_h", "age", "mass", "teff"):
        assert len(np.unique(truth[name][giants])) > 0.98 * giants.sum()
    red = np.asarray(truth["teff"][giants & (truth["m_h"] > 0.1) & (abs(truth["log_g"] - 2.0) < 0.1)])
    blue = np.asarray(truth["teff"][giants & (truth["m_h"] < -0.3) & (abs(truth["log_g"] - 2.0) < 0.1)])
    assert np.median(blue) - np.median(red) > 100


def test_metallicity_gradient_of_the_thin_disc(clean):
    stars, truth = clean
    radius, _ = galactocentric_position(stars["GLON"], stars["GLAT"], truth["distance"])
    thin = (truth["population"] == "thin") & (radius > 5) & (radius < 14)
    slope = np.polyfit(radius[thin], np.asarray(truth["m_h"])[thin], 1)[0]
    assert slope == pytest.approx(-0.06, abs=0.015)


def test_carbon_nitrogen_clock(clean):
    # Open clusters, Spoo et al. (2022, AJ 163, 229): log age = 10.14 (+-0.08) + 2.23 (+-0.19) [C/N].
    _, truth = clean
    log_age = np.log10(np.asarray(truth["age"])) + 9
    c_n = np.asarray(truth["c_fe"] - truth["n_fe"])
    giants = (truth["log_g"] < 3.3) & (truth["phase"] > 2) & (np.abs(truth["m_h"]) < 0.15)
    giants &= (log_age > 8.62) & (log_age < 9.82)
    predicted = 10.14 + 2.23 * c_n[giants]
    assert abs(np.median(predicted - log_age[giants])) < 0.2
    assert robust_sigma(predicted - log_age[giants]) < 0.2


def test_carbon_nitrogen_before_and_after_dredge_up(clean):
    _, truth = clean
    dwarfs = truth["log_g"] > 4.2
    expected = birth_carbon_nitrogen(truth["m_h"][dwarfs], truth["alpha_m"][dwarfs])
    for name, value in zip(("c_fe", "n_fe"), expected, strict=True):
        difference = np.asarray(truth[name])[dwarfs] - value
        assert abs(difference.mean()) < 0.005
        assert difference.std() == pytest.approx(0.03, abs=0.003)
    giants = (truth["phase"] == 3) & (truth["log_g"] < 3.2)
    drop = (truth["c_fe"] - truth["n_fe"])[dwarfs].mean() - (truth["c_fe"] - truth["n_fe"])[giants].mean()
    assert drop > 0.15


# [M/H] of bins of 0.2 dex; median [C/Fe], [N/Fe] of alpha-poor Kepler giants in DR17 (log g 2.35-3.2).
KEPLER_ABUNDANCES = [
    (-0.4, -0.011, 0.168),
    (-0.2, -0.037, 0.199),
    (0.0, -0.037, 0.239),
    (0.2, -0.004, 0.290),
    (0.4, 0.039, 0.308),
]


def test_carbon_and_nitrogen_of_giants_are_those_of_kepler_giants(clean):
    _, truth = clean
    giants = (truth["phase"] >= 3) & (truth["log_g"] > 2.35) & (truth["log_g"] < 3.2)
    giants &= truth["alpha_m"] < 0.12
    m_h = np.asarray(truth["m_h"])
    found = []
    for centre, carbon, nitrogen in KEPLER_ABUNDANCES:
        rows = giants & (np.abs(m_h - centre) < 0.1)
        found.append([np.median(np.asarray(truth[name])[rows]) for name in ("c_fe", "n_fe")])
        assert found[-1] == pytest.approx([carbon, nitrogen], abs=0.06)
    # Carbon rises with metallicity above solar, as it does in the survey.
    assert found[4][0] - found[2][0] > 0.03


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_stars": 0}, "n_stars must be an integer of at least 1; received 0"),
        ({"n_stars": 2.5}, "n_stars must be an integer"),
        ({"binary_fraction": 1.2}, "binary_fraction must be a number between 0 and 1; received 1.2"),
        ({"duplicate_fraction": 0.7}, "duplicate_fraction must be a number between 0 and 0.5"),
        ({"bad_fraction": float("nan")}, "bad_fraction must be"),
        ({"missing_fraction": "some"}, "missing_fraction must be"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        make_survey(**arguments)


def test_import_is_light():
    import subprocess
    import sys

    code = "import sys, skdistmass.simulate; print({'tensorflow', 'matplotlib'} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "set()"
