"""DistanceRegressor: from the network's absolute magnitude to a distance and its error."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skdistmass import DistanceRegressor, load_model


@pytest.fixture(scope="module")
def giants():
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.uniform(4000, 5000, 400), rng.uniform(1, 3, 400), rng.normal(0, 0.2, (400, 3))])
    return X, 2.5 * X[:, 1] - 8.0 + rng.normal(0, 0.1, 400)


@pytest.fixture(scope="module")
def model(giants):
    settings = {"hidden_layer_sizes": (4,), "n_restarts": 1, "max_iter": 100, "random_state": 0}
    return DistanceRegressor(**settings).fit(*giants)


def test_distance_modulus(model, giants):
    X = giants[0]
    rng = np.random.default_rng(1)
    apparent, extinction = rng.uniform(7, 13, 400), rng.uniform(-0.05, 1.5, 400)
    distance = model.predict_distance(X, apparent, extinction)
    modulus = 5 * np.log10(distance / 10.0)
    assert_allclose(apparent - extinction - modulus, model.predict(X), atol=1e-9)
    assert_array_equal(model.predict_distance(X, apparent, extinction, return_std=True)[0], distance)
    # A magnitude of 5 more is ten times the distance; extinction brings it nearer.
    assert_allclose(model.predict_distance(X, apparent + 5, extinction), 10 * distance, rtol=1e-12)
    assert np.all(model.predict_distance(X, apparent, extinction + 0.1) < distance)


def test_error_is_that_of_the_magnitude(model, giants):
    X = giants[0]
    magnitude, magnitude_error = model.predict(X, return_std=True)
    assert 0.05 < np.median(magnitude_error) < 0.2
    distance, error = model.predict_distance(X, np.full(400, 12.0), np.full(400, 0.1), return_std=True)
    draws = magnitude + np.random.default_rng(2).normal(size=(20_000, 400)) * magnitude_error
    sampled = 10 ** (0.2 * (12.0 - 0.1 - draws) + 1)
    # First order in σ_M: the next term is of the order (0.46 σ_M)², below 0.5 %; 20,000 draws add as much.
    assert_allclose(error, sampled.std(axis=0), rtol=0.03)
    assert_allclose(error / distance, np.log(10) / 5 * magnitude_error, rtol=1e-12)


def test_one_value_for_all_stars(model, giants):
    X = giants[0][:5]
    alike = model.predict_distance(X, np.full(5, 10.0), np.full(5, 0.2))
    assert_array_equal(model.predict_distance(X, 10.0, 0.2), alike)
    assert model.predict_distance(X, 10.0, 0.2).shape == (5,)


def test_missing_photometry_is_nan(model, giants):
    X = giants[0][:3]
    distance, error = model.predict_distance(X, [10.0, np.nan, 10.0], [0.1, 0.1, np.nan], return_std=True)
    assert_array_equal(np.isnan(distance), [False, True, True])
    assert_array_equal(np.isnan(error), [False, True, True])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ([10.0, 11.0], 0.0),
            r"apparent_mag \[mag\] must have one value .* 3 rows of X; received the shape \(2,\)",
        ),
        ((10.0, [0.1]), r"extinction \[mag\] must have .* the shape \(1,\)"),
        ((np.full((3, 1), 10.0), 0.0), r"apparent_mag \[mag\] must have .* the shape \(3, 1\)"),
    ],
)
def test_photometry_of_another_length_is_refused(arguments, message, model, giants):
    with pytest.raises(ValueError, match=message):
        model.predict_distance(giants[0][:3], *arguments)


def test_swapped_magnitude_and_extinction_are_refused(model, giants):
    X = giants[0][:3]
    magnitude, extinction = np.array([12.0, 9.0, 10.0]), np.array([0.1, 0.3, 0.2])
    with pytest.raises(ValueError, match=r"3 of 3 rows .*first: row 0, extinction 12, .*swapped"):
        model.predict_distance(X, extinction, magnitude)
    with pytest.raises(ValueError, match=r"1 of 3 rows .*first: row 2"):
        model.predict_distance(X, [12.0, 9.0, 0.2], [0.1, 0.3, 10.0])
    # The brightest stars have magnitudes below zero, and the Galactic centre has an A_K of several.
    assert np.isfinite(model.predict_distance(X, [-4.0, 12.0, 10.0], [0.0, 5.5, 3.0])).all()


def test_class_documents_its_settings():
    text = DistanceRegressor.__doc__
    assert "{settings}" not in text
    for name in DistanceRegressor().get_params():
        assert f"\n{name} : " in text


def test_shipped_model_knows_the_red_clump():
    # M_Ks = -1.61 +- 0.03 for solar-metallicity clump stars (Hawkins et al. 2017, MNRAS 471, 722), here
    # within a tenth of a magnitude for the labels of a typical one.
    magnitude = load_model("distance").predict(
        [[4850.0, 2.45, 0.0, -0.05, 0.2], [4850.0, 2.45, -0.2, -0.05, 0.15]]
    )
    assert_allclose(magnitude, -1.61, atol=0.15)
