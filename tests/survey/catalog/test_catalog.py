"""The catalogue: rows, identities, namings, provenance, and distances against the truth."""

import json

import numpy as np
import pandas as pd
import pytest
from astropy.table import Table, vstack
from numpy.testing import assert_allclose, assert_array_equal

from skdistmass import (
    DistanceRegressor,
    IsochroneDistance,
    MassRegressor,
    MassToAge,
    TrainingDomain,
    __version__,
    build_catalog,
    load_model,
    read_catalog,
    write_table,
)
from skdistmass.columns import BITS, CATALOG_COLUMNS, FEATURES, NAMINGS
from skdistmass.estimators.uncertainty import ONE_SIGMA
from skdistmass.models.load import read_registry
from skdistmass.models.red_clump import red_clump_probability
from skdistmass.physics.statistics import robust_sigma
from skdistmass.training.protocol import TYPICAL_ERRORS


def bit(catalog, *names):
    """Where one of the bits is set."""
    return (np.asarray(catalog["BITMASK"]) & sum(BITS[name][0] for name in names)) != 0


def column(table, name):
    return np.asarray(table[name], dtype=float)


# Rows, columns, identities


def test_a_row_for_a_row(catalog, stars, X):
    assert len(catalog) == len(stars) == 3000
    assert_array_equal(catalog["APOGEE_ID"], stars["APOGEE_ID"])
    assert_array_equal(catalog["APSTAR_ID"], stars["APSTAR_ID"])
    for name, values in zip(FEATURES, X.T, strict=True):
        assert_allclose(column(catalog, name), values, rtol=1e-6)


def test_columns_have_units_and_descriptions(catalog):
    assert catalog.colnames == [name for name in CATALOG_COLUMNS if name in catalog.colnames]
    for name in catalog.colnames:
        assert str(catalog[name].unit or "") == CATALOG_COLUMNS[name].unit
        assert catalog[name].description
    assert catalog["AGE_ERR"].shape == (3000, 2)
    assert catalog["BITMASK"].dtype == np.int64


def test_numbers_are_possible(catalog):
    for name in (
        "DISTANCE",
        "DISTANCE_ERR",
        "ABS_MAG_ERR",
        "WEIGHTED_DIST",
        "WEIGHTED_DIST_ERR",
        "MASS",
        "MASS_ERR",
    ):
        values = column(catalog, name)
        assert np.nanmin(values) > 0
        assert np.isfinite(values[~np.isnan(values)]).all()
    age = column(catalog, "AGE")
    assert np.nanmin(age) > 1e7
    assert np.nanmax(age) < 5e10
    assert np.nanmin(column(catalog, "AGE_ERR")) > 0
    low, middle, high = (column(catalog, name) for name in ("NMSU_DIST_P16", "NMSU_DIST", "NMSU_DIST_P84"))
    assert np.all((low <= middle) & (middle <= high) | np.isnan(middle))


def test_distances_follow_from_magnitudes(catalog, stars):
    modulus = column(catalog, "MAG") - column(catalog, "EXTINCTION") - column(catalog, "ABS_MAG")
    assert_allclose(column(catalog, "DISTANCE"), 10 ** (1 + 0.2 * modulus), rtol=2e-6)
    relative = column(catalog, "DISTANCE_ERR") / column(catalog, "DISTANCE")
    known = np.isfinite(relative)
    k_error = column(stars, "K_ERR")
    seen = np.sqrt(column(catalog, "ABS_MAG_ERR") ** 2 + column(catalog, "EXTINCTION_ERR") ** 2 + k_error**2)
    assert np.isfinite(k_error[known]).all()
    assert_allclose(seen[known], (5 / np.log(10) * relative)[known], rtol=1e-5)


# The catalogue has bits where `predict` warns.
@pytest.mark.filterwarnings("ignore::skdistmass.estimators.domain.OutsideDomainWarning")
def test_models_are_those_that_ship(catalog, stars, X, usable):
    # The scatter of the training stars holds their errors; the catalogue counts those beyond twice these.
    errors = np.column_stack([column(stars, f"{name}_ERR") for name in FEATURES])[usable]
    errors = np.where(errors > 2.0 * np.array(TYPICAL_ERRORS), errors, np.nan)
    known = {"X_error": errors}
    magnitude, magnitude_error = load_model("distance").predict(X[usable], return_std=True, **known)
    assert_allclose(column(catalog, "ABS_MAG")[usable], magnitude, rtol=1e-6)
    assert_allclose(column(catalog, "ABS_MAG_ERR")[usable], magnitude_error, rtol=1e-6)
    mass, mass_error = load_model("mass").predict(X[usable], return_std=True, **known)
    interval = load_model("mass").predict_quantiles(X[usable], ONE_SIGMA, **known)
    assert_allclose(column(catalog, "MASS")[usable], mass, rtol=1e-6)
    assert_allclose(column(catalog, "MASS_ERR")[usable], mass_error, rtol=1e-6)
    p_rc = np.where(X[usable, 1] < 3.5, red_clump_probability(X[usable]), np.nan)
    assert_allclose(column(catalog, "P_RC")[usable], p_rc, rtol=1e-6)
    alpha_m = column(stars, "ALPHA_M")[usable]
    giants = {"log_g": X[usable, 1], "alpha_m": alpha_m, "p_rc": p_rc}
    ages = load_model("age").predict_age(mass, X[usable, 2], mass_interval=interval, **giants)
    assert_allclose(column(catalog, "AGE")[usable], 1e9 * ages.age, rtol=1e-6)
    assert_allclose(column(catalog, "AGE_ERR")[usable, 0], ages.log_age_error_upper, rtol=1e-6)
    assert_allclose(column(catalog, "AGE_ERR")[usable, 1], ages.log_age_error_lower, rtol=1e-6)


def test_weighted_distance(catalog, stars):
    network, network_error = column(catalog, "DISTANCE"), column(catalog, "DISTANCE_ERR")
    gaia = np.where(
        np.isnan(stars["GAIAEDR3_R_MED_PHOTOGEO"]),
        stars["GAIAEDR3_R_MED_GEO"],
        stars["GAIAEDR3_R_MED_PHOTOGEO"],
    )
    assert_allclose(column(catalog, "GAIAEDR3_DIST"), gaia, rtol=1e-6)
    edges = {
        kind: 0.5 * (column(stars, f"GAIAEDR3_R_HI_{kind}") - column(stars, f"GAIAEDR3_R_LO_{kind}"))
        for kind in ("GEO", "PHOTOGEO")
    }
    gaia_error = np.where(np.isnan(stars["GAIAEDR3_R_MED_PHOTOGEO"]), edges["GEO"], edges["PHOTOGEO"])
    weighted, weighted_error = column(catalog, "WEIGHTED_DIST"), column(catalog, "WEIGHTED_DIST_ERR")
    both = np.isfinite(network) & np.isfinite(gaia) & ~bit(catalog, "OUTSIDE_DISTANCE_DOMAIN")
    weights = 1 / np.array([network_error, gaia_error])[:, both] ** 2
    mean = np.sum(weights * [network[both], gaia[both]], axis=0) / weights.sum(axis=0)
    assert np.count_nonzero(both) > 1000
    assert_allclose(weighted[both], mean, rtol=1e-5)
    assert_allclose(weighted_error[both], 1 / np.sqrt(weights.sum(axis=0)), rtol=1e-5)
    outside = bit(catalog, "OUTSIDE_DISTANCE_DOMAIN")
    stands_in = outside & np.isnan(gaia) & np.isfinite(column(catalog, "NMSU_DIST"))
    assert np.any(stands_in)
    assert_array_equal(bit(catalog, "WEIGHTED_DIST_ISOCHRONE"), stands_in)
    assert_array_equal(weighted[stands_in], column(catalog, "NMSU_DIST")[stands_in])
    half = 0.5 * (column(catalog, "NMSU_DIST_P84") - column(catalog, "NMSU_DIST_P16"))
    assert_allclose(weighted_error[stands_in], half[stands_in], rtol=1e-4)
    network_alone = np.isfinite(network) & np.isnan(gaia) & ~stands_in
    assert np.any(network_alone)
    assert_allclose(weighted[network_alone], network[network_alone], rtol=1e-6)
    gaia_alone = np.isfinite(gaia) & (np.isnan(network) | bit(catalog, "OUTSIDE_DISTANCE_DOMAIN"))
    assert np.any(gaia_alone & np.isfinite(network))
    assert np.any(gaia_alone & np.isnan(network))
    assert_allclose(weighted[gaia_alone], gaia[gaia_alone], rtol=1e-6)
    assert_allclose(weighted_error[gaia_alone], gaia_error[gaia_alone], rtol=1e-5)


# Rows do not know of each other


def test_rows_are_independent(stars, catalog):
    order = np.random.default_rng(0).permutation(3000)[:500]
    shuffled = build_catalog(stars[order])
    twice = build_catalog(vstack([stars[:200], stars[:200]], metadata_conflicts="silent"))
    for name in catalog.colnames:
        assert_array_equal(shuffled[name], catalog[name][order], err_msg=name)
        assert_array_equal(twice[name][:200], catalog[name][:200], err_msg=name)
        assert_array_equal(twice[name][200:], twice[name][:200], err_msg=name)


def test_input_is_not_changed(stars):
    few = stars[:50]
    before = few.copy()
    build_catalog(few, isochrone=False)
    assert few.colnames == before.colnames
    for name in few.colnames:
        assert_array_equal(few[name], before[name])


# Truth


def test_distances_of_giants_against_the_truth(catalog, survey):
    truth = survey[1]
    giants = (column(catalog, "LOGG") < 3.5) & ~np.asarray(truth["is_binary"], dtype=bool)
    giants &= ~bit(catalog, "OUTSIDE_DISTANCE_DOMAIN", "STAR_BAD", "MISSING_INPUT")
    for name, offset, scatter in (
        ("DISTANCE", 0.05, 0.13),
        ("NMSU_DIST", 0.05, 0.11),
        ("WEIGHTED_DIST", 0.05, 0.07),
    ):
        fraction = (column(catalog, name) / column(truth, "distance") - 1)[giants]
        fraction = fraction[np.isfinite(fraction)]
        assert len(fraction) > 800
        assert abs(np.median(fraction)) < offset, name
        assert robust_sigma(fraction) < scatter, name


def test_errors_are_of_the_size_of_the_differences(catalog, survey):
    inside = (column(catalog, "LOGG") < 3.5) & ~bit(catalog, "OUTSIDE_DISTANCE_DOMAIN", "STAR_BAD")
    ratio = (column(catalog, "DISTANCE") - column(survey[1], "distance")) / column(catalog, "DISTANCE_ERR")
    assert 0.5 < robust_sigma(ratio[inside]) < 2.0


def test_masses_of_giants_follow_the_truth(catalog, survey):
    giants = (column(catalog, "LOGG") < 3.3) & ~bit(
        catalog, "OUTSIDE_MASS_DOMAIN", "STAR_BAD", "MISSING_INPUT"
    )
    mass, truth = column(catalog, "MASS")[giants], column(survey[1], "mass")[giants]
    assert np.count_nonzero(giants) > 300
    # The simulation's carbon and nitrogen only resemble nature's: the trend counts.
    assert np.corrcoef(np.log(mass), np.log(truth))[0, 1] > 0.75


# Models of the user's choice


def test_columns_of_absent_models_are_absent(stars):
    few = stars[:40]
    everything = set(build_catalog(few).colnames)
    nmsu = {name for name in everything if name.startswith("NMSU")}
    photometry = {"MAG", "EXTINCTION", "EXTINCTION_ERR"}
    distances = {"GAIAEDR3_DIST", "ABS_MAG", "ABS_MAG_ERR", "DISTANCE", "DISTANCE_ERR", "WEIGHTED_DIST"}
    distances |= {"WEIGHTED_DIST_ERR", "LOG_DENSITY_DISTANCE"}
    masses = {name for name in everything if name.startswith("MASS")} | {"LOG_DENSITY_MASS"}
    ages = {name for name in everything if name.startswith("AGE")} | {"P_RC"}
    assert {"MASS", "MASS_ERR", "AGE", "AGE_ERR", "NMSU_DIST", "NMSU_DIST_P16"} | distances <= everything
    for arguments, absent in (
        ({"distance": None}, distances),
        ({"isochrone": False}, nmsu),
        ({"distance": None, "isochrone": False}, distances | nmsu | photometry),
        ({"age": None}, ages),
        ({"masses": None}, masses | ages),
        ({"masses": ()}, masses | ages),
        (
            {"masses": None, "distance": None, "isochrone": False},
            distances | nmsu | photometry | masses | ages,
        ),
    ):
        assert set(build_catalog(few, **arguments).colnames) == everything - absent, arguments


def test_isochrone_distances_need_no_network(stars, catalog):
    alone = build_catalog(stars[:300], distance=None, masses=None)
    assert_array_equal(alone["NMSU_DIST"], catalog["NMSU_DIST"][:300])
    gaps = np.isnan(column(alone, "NMSU_DIST"))
    assert gaps.any()
    assert not np.any(gaps & ~bit(alone, "MISSING_INPUT", "NO_K", "NO_EXTINCTION", "ISOCHRONE_OUT_OF_REACH"))


def test_six_mass_columns(stars, catalog):
    few = stars[:80]
    made = build_catalog(few, masses={"UNCOR_SS": "mass", "": load_model("mass")}, isochrone=False)
    assert_array_equal(made["MASS_UNCOR_SS"], catalog["MASS"][:80])
    assert_array_equal(made["AGE_UNCOR_SS"], made["AGE"])
    assert_array_equal(made["AGE"], catalog["AGE"][:80])
    assert made.meta["models"]["MASS_UNCOR_SS"].startswith("mass ")


@pytest.fixture(scope="module")
def own_models(X, usable):
    """Models trained on a data frame with column names, without cards."""
    frame = pd.DataFrame(X[usable][:400], columns=FEATURES)
    quick = {"hidden_layer_sizes": (3,), "n_restarts": 1, "max_iter": 10, "random_state": 0}
    distance = DistanceRegressor(**quick).fit(frame, 2.4 * frame.LOGG - 8.0)
    mass = MassRegressor(**quick).fit(frame, np.exp(frame.N_FE))
    return frame, distance, mass


def test_own_models_trained_on_data_frames(own_models, stars):
    frame, distance, mass = own_models
    age = MassToAge(hidden_layer_sizes=(3,), max_iter=10, random_state=0)
    age.fit(pd.DataFrame({"MASS": np.exp(frame.N_FE), "M_H": frame.M_H}), 10 - 3 * frame.N_FE)
    catalog = build_catalog(stars[:50], distance=distance, masses=mass, age=age, isochrone=False)
    X = pd.DataFrame({name: column(stars, name)[:50] for name in FEATURES}).dropna()
    assert_allclose(column(catalog, "ABS_MAG")[X.index], distance.predict(X), rtol=1e-6)
    assert np.isfinite(column(catalog, "AGE")).any()
    assert "LOG_DENSITY_MASS" not in catalog.colnames
    assert not bit(catalog, "OUTSIDE_DISTANCE_DOMAIN").any()
    distance.domain_ = TrainingDomain().fit(frame)
    assert (
        "LOG_DENSITY_DISTANCE"
        in build_catalog(stars[:50], distance=distance, masses=(), isochrone=False).colnames
    )
    del distance.domain_


def test_models_that_do_not_fit_are_refused(own_models, stars):
    frame, _distance, mass = own_models
    turned = DistanceRegressor(hidden_layer_sizes=(2,), max_iter=2, n_restarts=1)
    turned.fit(frame[list(FEATURES[::-1])], frame.LOGG)
    few = stars[:5]
    for arguments, message in (
        ({"distance": "mass"}, "distance needs a DistanceRegressor; received a MassRegressor"),
        ({"masses": "distance"}, "masses needs a MassRegressor; received a DistanceRegressor"),
        ({"age": "mass"}, "age needs a MassToAge; received a MassRegressor"),
        (
            {"distance": DistanceRegressor()},
            "distance needs a fitted DistanceRegressor; this one is not fitted",
        ),
        ({"distance": turned}, "distance was fitted on the columns N_FE, C_FE.*expected TEFF, LOGG"),
        ({"masses": {"TW": mass}}, "there is no catalogue column MASS_TW"),
        ({"masses": {"ERR": mass}}, "there is no catalogue column MASS_ERR for the mass model"),
        ({"masses": (mass, mass)}, "two mass models would write MASS; give a dict"),
        ({"distance": "distances"}, "there is no model 'distances'.*age, age-initial, distance"),
        ({"isochrone": "yes"}, "isochrone needs True, False or an IsochroneDistance"),
        (
            {"columns": "apogee"},
            r"columns must be one of \('released', 'paper', 'cas'\); received 'apogee'",
        ),
        (
            {"extinction_rule": "none"},
            r"extinction_rule must be one of \('survey', 'paper'\)",
        ),
    ):
        with pytest.raises(ValueError, match=message):
            build_catalog(few, **arguments)


def test_settings_are_used(stars, catalog):
    few = stars[:400]
    paper = build_catalog(few, extinction_rule="paper", isochrone=False)
    high = np.abs(np.asarray(few["GLAT"])) > 16
    high &= np.isfinite(column(few, "SFD_EBV"))
    assert_allclose(column(paper, "EXTINCTION")[high], 0.302 * column(few, "SFD_EBV")[high], rtol=1e-6)
    other = build_catalog(few, extinction_rule="paper", sfd_coefficient=0.31, isochrone=False)
    assert_allclose(column(other, "EXTINCTION")[high], 0.310 * column(few, "SFD_EBV")[high], rtol=1e-6)
    assert other.meta["sfd_coefficient"] == 0.31
    own = few.copy()
    own["A_K"] = 0.25
    assert_allclose(column(build_catalog(own, isochrone=False), "EXTINCTION"), 0.25)
    isochrone = IsochroneDistance(m_h_step=0.25).fit()
    coarse = build_catalog(few, isochrone=isochrone, masses=())
    assert "m_h_step=0.25" in coarse.meta["models"]["NMSU_DIST"]
    assert not np.array_equal(coarse["NMSU_DIST"], catalog["NMSU_DIST"][:400], equal_nan=True)


# Files


@pytest.mark.parametrize("naming", NAMINGS)
def test_files_are_read_back(naming, stars, catalog, tmp_path):
    few = 120
    source = write_table(stars[:few], tmp_path / "allStar-test.fits")
    made = build_catalog(source, columns=naming)
    assert made.colnames == [CATALOG_COLUMNS[name].name_in(naming) for name in catalog.colnames]
    for suffix in ("fits", "ecsv", "parquet", "vot"):
        back = read_catalog(write_table(made, tmp_path / f"catalog.{suffix}"))
        for name in catalog.colnames:
            assert_array_equal(back[name], catalog[name][:few], err_msg=f"{suffix} {name}")
            assert str(back[name].unit or "") == CATALOG_COLUMNS[name].unit
        gyr, error = column(back, "AGE_GYR"), column(back, "AGE_GYR_ERR")
        assert back["AGE_GYR"].unit == "Gyr"
        assert_allclose(gyr, column(catalog, "AGE")[:few] / 1e9, rtol=1e-6)
        log_error = column(catalog, "AGE_ERR")[:few]
        assert_allclose(error[:, 0], gyr * (10 ** log_error[:, 0] - 1), rtol=1e-4)
        assert_allclose(error[:, 1], gyr * (1 - 10 ** -log_error[:, 1]), rtol=1e-4)
        assert_provenance(back.meta, naming, few)


def assert_provenance(meta, naming, n_rows):
    assert meta["creator"] == f"skdistmass {__version__}"
    assert meta["source"] == "allStar-test.fits"
    assert meta["source_rows"] == n_rows
    assert meta["naming"] == naming
    assert meta["extinction_rule"] == "survey"
    registry = read_registry()
    for key, name in (("DISTANCE", "distance"), ("MASS", "mass"), ("AGE", "age")):
        assert meta["models"][key] == f"{name} {registry[name]['sha256']}"
    json.dumps(dict(meta))


def test_data_frames_and_files_give_the_same(stars, catalog, tmp_path):
    few = stars[:100]
    few.write(tmp_path / "stars.csv", format="ascii.csv")
    for source in (few.to_pandas(), tmp_path / "stars.csv", write_table(few, tmp_path / "stars.parquet")):
        made = build_catalog(source, isochrone=False)
        assert_array_equal(made["BITMASK"], catalog["BITMASK"][:100] & ~(2**18 + 2**19 + 2**24 + 2**26))
        assert_allclose(made["DISTANCE"], catalog["DISTANCE"][:100], rtol=1e-5)
        assert_allclose(made["AGE"], catalog["AGE"][:100], rtol=1e-4)


def test_smallest_table():
    values = {"TEFF": [4800.0], "LOGG": [2.5], "M_H": [0.0], "C_FE": [-0.05], "N_FE": [0.2]}
    catalog = build_catalog(Table(values))
    assert np.isnan(catalog["DISTANCE"][0])
    assert bit(catalog, "NO_K").all()
    assert bit(catalog, "NO_EXTINCTION").all()
    assert bit(catalog, "NO_GAIA").all()
    assert 0.5 < catalog["MASS"][0] < 3
    assert catalog["ABS_MAG"][0] == pytest.approx(-1.6, abs=0.2)


def test_real_stars(real_rows):
    catalog = build_catalog(real_rows)
    assert len(catalog) == 48
    ratio = column(catalog, "DISTANCE") / column(catalog, "GAIAEDR3_DIST")
    assert np.isfinite(ratio).sum() > 40
    assert np.nanmedian(ratio) == pytest.approx(1.0, abs=0.08)
    assert robust_sigma(ratio) < 0.12
    isochrones = column(catalog, "NMSU_DIST") / column(catalog, "GAIAEDR3_DIST")
    assert np.nanmedian(isochrones) == pytest.approx(1.0, abs=0.08)
    assert not np.any(bit(catalog, "NOT_A_GIANT"))
