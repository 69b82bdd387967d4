"""Catalogues of others: what their columns, units and errors mean; relations of others."""

import numpy as np
import pandas as pd
import pytest
from astropy.table import Table
from sklearn.base import clone
from sklearn.model_selection import cross_val_score

from skdistmass.columns.peers import PEERS
from skdistmass.exceptions import MissingColumnsError
from skdistmass.training.peers import SpooRegressor, martig_regressor, read_peer

IDS = ["2M01", "2M02", "2M03"]


def only(peer, quantity):
    values = peer.quantities[quantity]
    return values.value, values.upper, values.lower, values.advised


def test_starhorse_has_percentiles_in_kpc():
    table = {"APOGEE_ID": IDS, "dist16": [0.9, 1, 1], "dist50": [1.0, 2, -999], "dist84": [1.2, 3, 1]}
    table |= {"mass16": [0.8, 1, 1], "mass50": [1.0, 1, 1], "mass84": [1.1, 1, 1]}
    peer = read_peer(pd.DataFrame(table))
    assert peer.peer.name == "StarHorse"
    value, upper, lower, _ = only(peer, "DISTANCE")
    np.testing.assert_allclose(value, [1000, 2000, np.nan])
    np.testing.assert_allclose(upper[:2], [200, 1000])
    np.testing.assert_allclose(lower[:2], [100, 1000])
    np.testing.assert_allclose(only(peer, "MASS")[1][0], 0.1)


def test_astronn_is_in_pc_and_gyr():
    table = {"APOGEE_ID": IDS, "weighted_dist": [900.0, np.nan, 5], "weighted_dist_error": [90.0, 1, 1]}
    table |= {"dist": [800.0, 700.0, 5], "dist_error": [80.0, 70.0, 1], "FE_H": [0.0, -0.6, np.nan]}
    table |= {"age_lowess_correct": [5.0, 10.0, 3.0], "age_total_error": [1.0, 2.0, 1.0]}
    peer = read_peer(pd.DataFrame(table))
    np.testing.assert_allclose(only(peer, "DISTANCE")[0], [900, 700, 5])
    np.testing.assert_allclose(only(peer, "DISTANCE")[1], [90, 70, 1])
    value, upper, _, advised = only(peer, "AGE")
    np.testing.assert_allclose(value, [5e9, 10e9, 3e9])
    np.testing.assert_allclose(upper, [1e9, 2e9, 1e9])
    np.testing.assert_array_equal(advised, [True, False, False])


def test_bingo_is_not_taken_for_astronn():
    table = {"APOGEE_ID": IDS, "pred_logAge": [0.5, 1.0, 0.0], "pred_logAge_std": [0.1, 0.3, 0.2]}
    table |= {"age_lowess_correct": [1.0, 1, 1], "age": [3.0, 10, 1], "weighted_dist": [1.0, 1, 1]}
    peer = read_peer(pd.DataFrame(table))
    assert peer.peer.name == "BINGO"
    value, upper, lower, advised = only(peer, "AGE")
    np.testing.assert_allclose(np.log10(value), [9.5, 10.0, 9.0])
    np.testing.assert_allclose(np.log10(value + upper), [9.6, 10.3, 9.2])
    np.testing.assert_allclose(np.log10(value - lower), [9.4, 9.7, 8.8])
    np.testing.assert_array_equal(advised, [True, False, True])


def test_starflow_and_its_training_density():
    table = {"sdss_id": [1, 2, 3], "sdss4_apogee_id": IDS, "age": [3.0, -1.0, 4.0], "e_p_age": [1.0, 1, 2]}
    table |= {"e_n_age": [-0.5, 1, 1], "training_density": [4e9, 4e9, 1e9], "mass": [1.0, 1, 1]}
    peer = read_peer(Table(table))
    value, upper, lower, advised = only(peer, "AGE")
    np.testing.assert_allclose(value, [3e9, np.nan, 4e9])
    np.testing.assert_allclose([upper[0], lower[0]], [1e9, 0.5e9])
    np.testing.assert_array_equal(advised, [True, True, False])
    assert set(peer.identifiers) == {"APOGEE_ID", "SDSS_ID"}


def test_others():
    xgboost = read_peer(
        pd.DataFrame({"APOGEE_ID": IDS, "spec_age_xgb": [1, 2, 3], "spec_age_xgb_calib": [2.0, np.nan, 4]})
    )
    np.testing.assert_allclose(only(xgboost, "AGE")[0], [2e9, 2e9, 4e9])
    hasselquist = read_peer(pd.DataFrame({"ID": IDS, "logAge": [9.0, 10, 11.8], "e_logAge": [0.1, 0.1, 1]}))
    np.testing.assert_allclose(only(hasselquist, "AGE")[0], [1e9, 1e10, 10**11.8])
    apokasc = {
        "2MASS": IDS,
        "CatTab": ["Gold"] * 3,
        "EvolState": ["RC", "RGB", "RC"],
        "Mass": [1.0, -9999, 2],
    }
    apokasc |= {"AgeRGB": [-9999.0, 5.0, -9999.0], "AgeRC": [3.0, -9999.0, 1.0]}
    peer = read_peer(pd.DataFrame(apokasc))
    np.testing.assert_allclose(only(peer, "AGE")[0], [3e9, 5e9, 1e9])
    np.testing.assert_allclose(only(peer, "MASS")[0], [1, np.nan, 2])


def test_an_unknown_table_is_refused_with_the_known_ones():
    with pytest.raises(MissingColumnsError, match="astroNN, StarHorse"):
        read_peer(pd.DataFrame({"APOGEE_ID": IDS, "something": [1.0, 2, 3]}))


def test_every_cut_and_error_has_a_column_that_is_named_once():
    for peer in PEERS.values():
        assert peer.citation
        for choices in peer.quantities.values():
            assert all(len(one.errors) <= 2 for one in choices)
            assert all(len(one.errors) == 2 for one in choices if one.error_kind == "percentiles")


def test_martig_form_is_an_estimator_that_learns_quadratics():
    rng = np.random.default_rng(0)
    X = np.column_stack(
        [rng.uniform(4200, 5200, 300), rng.uniform(1, 3.3, 300), rng.normal(0, 0.2, (300, 3))]
    )
    y = 1 + X[:, 2] * X[:, 3] + (X[:, 0] / 4000) ** 2
    assert cross_val_score(clone(martig_regressor()), X, y, cv=3).min() > 0.999


def test_spoo_is_an_estimator():
    X = np.array([[4800, 2.5, 0, -0.2, 0.1], [4800, 2.5, 0, 0.5, 0.0], [4800, 2.5, 0, np.nan, 0]])
    log_age = clone(SpooRegressor()).fit(X).predict(X)
    np.testing.assert_allclose(log_age, [10.14 - 2.23 * 0.3, np.nan, np.nan])
