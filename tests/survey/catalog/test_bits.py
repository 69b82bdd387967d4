"""Bits of the catalogue: each gap has a reason, and each reason is what the table and the models say."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skdistmass import (
    IsochroneDistance,
    build_catalog,
    load_model,
)
from skdistmass.columns import BITS, CATALOG_COLUMNS, FEATURES, LABEL_SETS
from skdistmass.physics.statistics import robust_sigma
from skdistmass.survey.duplicates import hash_ids

COPIED = ("RA", "DEC", "SNR")  # Their gaps are those of the survey.
CAUSES = {
    **dict.fromkeys(FEATURES, ("MISSING_INPUT",)),
    **dict.fromkeys(("ABS_MAG", "ABS_MAG_ERR", "LOG_DENSITY_DISTANCE"), ("MISSING_INPUT",)),
    "MAG": ("NO_K",),
    **dict.fromkeys(("EXTINCTION", "EXTINCTION_ERR"), ("NO_EXTINCTION",)),
    "GAIAEDR3_DIST": ("NO_GAIA",),
    **dict.fromkeys(("DISTANCE", "DISTANCE_ERR"), ("MISSING_INPUT", "NO_K", "NO_EXTINCTION")),
    **dict.fromkeys(("WEIGHTED_DIST", "WEIGHTED_DIST_ERR"), ("NO_GAIA",)),
    **dict.fromkeys(
        (
            *("MASS", "MASS_ERR", "LOG_DENSITY_MASS"),
            *(f"{part}_{name}" for name in LABEL_SETS for part in ("MASS", "MASS_ERR")),
        ),
        ("MISSING_INPUT",),
    ),
    "P_RC": ("MISSING_INPUT", "NOT_A_GIANT"),
    **dict.fromkeys(("AGE", "AGE_ERR"), ("MISSING_INPUT", "NOT_A_GIANT", "OUTSIDE_AGE_RANGE")),
    # ... and MASS_DOMAIN, where it is the mass of that set that is out of range.
    **dict.fromkeys(
        (f"{part}_{name}" for name in LABEL_SETS for part in ("AGE", "AGE_ERR")),
        ("MISSING_INPUT", "NOT_A_GIANT"),
    ),
    **dict.fromkeys(("NMSU_AGE", "NMSU_AGE_P16", "NMSU_AGE_P84"), ("NO_ISOCHRONE_AGE", "MISSING_INPUT")),
    **dict.fromkeys(
        ("NMSU_DIST", "NMSU_DIST_P16", "NMSU_DIST_P84"),
        ("MISSING_INPUT", "NO_K", "NO_EXTINCTION", "ISOCHRONE_OUT_OF_REACH"),
    ),
}
"""Bits that may explain that a column is NaN."""


def bit(catalog, *names):
    """Where one of the bits is set."""
    return (np.asarray(catalog["BITMASK"]) & sum(BITS[name][0] for name in names)) != 0


def told(catalog, name):
    """Where something says why a column is NaN: a bit, log g of giants, or MASS_DOMAIN for a label set."""
    reason = bit(catalog, *CAUSES[name])
    if name.startswith("NMSU_AGE"):
        reason |= column(catalog, "LOGG") < 3.5
    if name.startswith("AGE_"):
        reason |= mass_domain(catalog, name.removeprefix("AGE_").removeprefix("ERR_"), "age")
    return reason


def mass_domain(catalog, label_set, what="mass"):
    """Where MASS_DOMAIN tells that the mass of a label set is outside its domain, or its age out of range."""
    place = 0 if label_set in ("", "ERR") else 1 + LABEL_SETS.index(label_set)
    return (np.asarray(catalog["MASS_DOMAIN"]) >> (place + 7 * (what == "age"))) & 1 == 1


def column(table, name):
    return np.asarray(table[name], dtype=float)


def test_every_gap_has_a_reason(catalog):
    for name in catalog.colnames:
        if CATALOG_COLUMNS[name].kind == "float" and name not in COPIED:
            missing = np.isnan(column(catalog, name)).reshape(3000, -1).any(axis=1)
            assert not np.any(missing & ~told(catalog, name)), name


def test_every_gap_of_real_stars_has_a_reason(real_rows):
    catalog = build_catalog(real_rows)
    for name in catalog.colnames:
        if CATALOG_COLUMNS[name].kind == "float" and name not in COPIED:
            missing = np.isnan(column(catalog, name)).reshape(48, -1).any(axis=1)
            assert not np.any(missing & ~told(catalog, name)), name


def test_every_reason_leaves_a_gap(catalog):
    for cause, names in {
        "MISSING_INPUT": ("ABS_MAG", "DISTANCE", "MASS", "AGE"),
        "NO_K": ("MAG", "DISTANCE", "NMSU_DIST"),
        "NO_EXTINCTION": ("EXTINCTION", "DISTANCE"),
        "NOT_A_GIANT": ("AGE",),
        "ISOCHRONE_OUT_OF_REACH": ("NMSU_DIST",),
    }.items():
        for name in names:
            assert np.isnan(column(catalog, name)[bit(catalog, cause)]).all(), (cause, name)
    for name in LABEL_SETS:
        assert np.isnan(column(catalog, f"AGE_{name}")[mass_domain(catalog, name, "age")]).all()
    assert np.isnan(column(catalog, "AGE")[bit(catalog, "OUTSIDE_AGE_RANGE")]).all()
    untold = np.isnan(column(catalog, "NMSU_AGE")) & (column(catalog, "LOGG") >= 3.5)
    assert_array_equal(bit(catalog, "NO_ISOCHRONE_AGE"), untold)


def extinction_of_the_survey(stars):
    """The survey's rule: RJCE with WISE or IRAC, the dust map at high latitude where it is less."""
    wise, targ, dust = column(stars, "AK_WISE"), column(stars, "AK_TARG"), 0.302 * column(stars, "SFD_EBV")
    chosen = []
    for row, method in enumerate(stars["AK_TARG_METHOD"]):
        value = targ[row] if "IRAC" in method and np.isfinite(targ[row]) else wise[row]
        if np.isnan(value) and "WISE" in method:
            value = targ[row]
        if abs(stars["GLAT"][row]) > 16 and (np.isnan(value) or value < 0 or dust[row] < 1.2 * value):
            value = dust[row] if np.isfinite(dust[row]) else value
        chosen.append(value)
    return np.array(chosen)


def test_extinction(catalog, stars):
    expected = extinction_of_the_survey(stars)
    known = np.isfinite(expected)
    assert np.mean(known) > 0.9
    assert_allclose(column(catalog, "EXTINCTION")[known], expected[known], rtol=1e-6)


def test_bits_from_the_table(catalog, stars, X, usable):
    conditions = {
        "MISSING_INPUT": ~usable,
        "STAR_BAD": np.asarray(stars["ASPCAPFLAG"]) // 2**23 % 2 == 1,
        "DUPLICATE": np.asarray(stars["EXTRATARG"]) // 2**4 % 2 == 1,
        "NO_K": ~np.isfinite(column(stars, "K")),
        "NO_EXTINCTION": np.isnan(column(catalog, "EXTINCTION")),
        "NEGATIVE_EXTINCTION": column(catalog, "EXTINCTION") < 0,
        "NO_GAIA": np.isnan(column(stars, "GAIAEDR3_R_MED_GEO"))
        & np.isnan(column(stars, "GAIAEDR3_R_MED_PHOTOGEO")),
        "NOT_A_GIANT": usable & (X[:, 1] >= 3.5),
        "OLDER_THAN_UNIVERSE": column(catalog, "AGE") > 14.5e9,
        "BAD_INPUT_VALUE": np.zeros(3000, dtype=bool),
        "DISTANCE_TRAINING": np.zeros(3000, dtype=bool),
        "MASS_LABEL_APOKASC": np.zeros(3000, dtype=bool),
        "MASS_LABEL_BERGER": np.zeros(3000, dtype=bool),
        "MASS_LABEL_SERENELLI": np.zeros(3000, dtype=bool),
    }
    for name, expected in conditions.items():
        assert_array_equal(bit(catalog, name), expected, err_msg=name)
    for name in (
        "MISSING_INPUT",
        "STAR_BAD",
        "DUPLICATE",
        "NO_K",
        "NEGATIVE_EXTINCTION",
        "NO_GAIA",
        "OLDER_THAN_UNIVERSE",
    ):
        assert bit(catalog, name).any(), name


def test_bits_from_the_models(catalog, X, usable):
    for name, model in (("OUTSIDE_DISTANCE_DOMAIN", "distance"), ("OUTSIDE_MASS_DOMAIN", "mass")):
        expected = np.zeros(3000, dtype=bool)
        model = load_model(model)
        held = model.domain_.contains(X[usable]) | model.anchored_domain_.contains(X[usable])
        expected[usable] = ~held
        assert expected.any()
        assert_array_equal(bit(catalog, name), expected)
    # Each mass model tells of itself.
    for name in LABEL_SETS:
        model = load_model(f"mass-{name.lower().replace('_', '-')}")
        held = model.domain_.contains(X[usable]) | model.anchored_domain_.contains(X[usable])
        assert_array_equal(mass_domain(catalog, name)[usable], ~held)
    assert_array_equal(mass_domain(catalog, ""), bit(catalog, "OUTSIDE_MASS_DOMAIN"))


def test_bits_of_the_ages(catalog, stars, X, usable):
    giant, age = usable & (X[:, 1] < 3.5), column(catalog, "AGE")
    assert_array_equal(bit(catalog, "OUTSIDE_AGE_RANGE"), giant & np.isnan(age))
    assert_array_equal(mass_domain(catalog, "", "age"), bit(catalog, "OUTSIDE_AGE_RANGE"))
    total = X[:, 2] + np.log10(0.638 * 10.0 ** np.nan_to_num(column(stars, "ALPHA_M")) + 0.362)
    mass = column(catalog, "MASS")
    published = (mass >= 0.8) & (mass <= 8.0) & (total >= -0.5) & (total <= 0.5)
    assert_array_equal(bit(catalog, "OUTSIDE_PUBLISHED_AGES"), np.isfinite(age) & ~published)
    assert np.isfinite(age[giant & published]).all()
    # Every metal-poor giant that is not too light has an age.
    poor = giant & (X[:, 2] < -0.5) & (mass > 0.85)
    assert poor.sum() > 100
    assert np.isfinite(age[poor]).all()


def test_isochrone_bits(catalog, stars, X):
    known = np.isfinite(column(catalog, "NMSU_DIST")) & np.isfinite(column(catalog, "DISTANCE"))
    errors = np.column_stack([column(stars, f"{name}_ERR") for name in FEATURES[:3]])
    alpha_m = np.nan_to_num(column(stars, "ALPHA_M"))
    posterior = IsochroneDistance().fit().predict_posterior(X[:, :3], X_error=errors, alpha_m=alpha_m)
    difference = column(catalog, "ABS_MAG") - posterior.absolute_magnitude_median.to_numpy()
    spread = 0.5 * (posterior.absolute_magnitude_p84 - posterior.absolute_magnitude_p16).to_numpy()
    excess = np.abs(difference) / np.hypot(column(catalog, "ABS_MAG_ERR"), spread) / 3.0
    disagrees = bit(catalog, "ISOCHRONE_DISAGREES")
    clear = known & (np.abs(excess - 1) > 1e-3)
    assert_array_equal(disagrees[clear], (excess > 1)[clear])
    assert not np.any(disagrees & np.isnan(difference))
    fainter = load_model("distance")
    fainter.intercepts_ = [*fainter.intercepts_[:-1], fainter.intercepts_[-1] + 4.0]  # mag
    moved = build_catalog(stars[:300], distance=fainter, masses=None)
    assert np.mean(bit(moved, "ISOCHRONE_DISAGREES")[known[:300]]) > 0.8
    # The distances are those magnitudes seen through the errors of K and A_K.
    seen = np.hypot(column(stars, "K_ERR"), column(catalog, "EXTINCTION_ERR"))
    half = 2.5 * np.log10(column(catalog, "NMSU_DIST_P84") / column(catalog, "NMSU_DIST_P16"))
    narrow = known & (spread < 0.1)
    assert_allclose(half[narrow], np.hypot(spread, seen)[narrow], atol=0.03)
    assert np.median((half / np.hypot(spread, seen))[narrow]) == pytest.approx(1.0, abs=0.02)


def test_isochrone_ages(catalog, stars, X, usable):
    age, low, high = (column(catalog, f"NMSU_AGE{end}") for end in ("", "_P16", "_P84"))
    has_age = np.isfinite(age)
    assert_array_equal(has_age, np.isfinite(low) & np.isfinite(high))
    assert (X[has_age, 1] >= 3.5).all()
    assert ((low <= age) & (age <= high))[has_age].all()
    # A constant rate of star formation: two thirds of 13.8 Gyr are 9.4 Gyr, of which a star must tell half.
    prior = 0.68 * 13.7e9
    assert np.max((high - low)[has_age]) < 0.51 * prior
    subgiant = usable & (X[:, 1] > 3.6) & (X[:, 1] < 4.0) & (X[:, 0] < 6000)
    cool_dwarf = usable & (X[:, 1] > 4.4) & (X[:, 0] < 5000)
    assert subgiant.sum() > 30
    assert cool_dwarf.sum() > 30
    assert has_age[subgiant].mean() > 0.5
    assert has_age[cool_dwarf].mean() < 0.1


def test_isochrone_ages_follow_the_truth(catalog, survey):
    truth = survey[1]
    single = ~np.asarray(truth["is_binary"], dtype=bool) & ~bit(catalog, "STAR_BAD")
    age = column(catalog, "NMSU_AGE") / 1e9
    has_age = np.isfinite(age) & single
    ratio = np.log10(age / np.asarray(truth["age"], dtype=float))[has_age]
    assert has_age.sum() > 100
    assert abs(np.median(ratio)) < 0.05
    assert robust_sigma(ratio) < 0.15


def test_errors_of_magnitude_and_extinction_hold_the_truth(catalog, survey):
    stars, truth = survey
    # K - A_K of a single star, against what its distance and absolute magnitude make of it.
    single = ~np.asarray(truth["is_binary"], dtype=bool) & np.isfinite(column(catalog, "EXTINCTION"))
    modulus = 5 * np.log10(np.asarray(truth["distance"], dtype=float)) - 5
    true = modulus + np.asarray(truth["absolute_magnitude"], dtype=float)
    difference = column(catalog, "MAG") - column(catalog, "EXTINCTION") - true
    error = np.hypot(column(catalog, "EXTINCTION_ERR"), column(stars, "K_ERR"))
    known = single & np.isfinite(difference) & np.isfinite(error)
    held = (np.abs(difference) < error)[known]
    assert known.sum() > 1500
    assert 0.64 < held.mean() < 0.74
    for low, high in ((-1.0, 0.1), (0.1, 5.0)):
        here = (column(catalog, "EXTINCTION") >= low) & (column(catalog, "EXTINCTION") < high)
        assert 0.60 < held[here[known]].mean() < 0.78


def test_training_stars_are_recognised(stars):
    few = stars[:60]
    distance, mass = load_model("distance"), load_model("mass")
    distance.training_ids_ = np.unique(hash_ids(few["APOGEE_ID"][:10]))
    mass.training_ids_ = np.unique(hash_ids(few["APOGEE_ID"][5:20]))
    catalog = build_catalog(few, distance=distance, masses=mass, isochrone=False)
    assert_array_equal(bit(catalog, "DISTANCE_TRAINING"), np.isin(few["APOGEE_ID"], few["APOGEE_ID"][:10]))
    assert_array_equal(bit(catalog, "MASS_LABEL_APOKASC"), np.isin(few["APOGEE_ID"], few["APOGEE_ID"][5:20]))
    del few["APOGEE_ID"]
    assert not bit(
        build_catalog(few, distance=distance, masses=(), isochrone=False), "DISTANCE_TRAINING"
    ).any()
