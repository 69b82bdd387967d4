"""Percentiles and draws in the catalogue, and distances from network and parallax."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import norm

from skdistmass import build_catalog, read_catalog, write_catalog
from skdistmass.columns import PERCENTILES
from skdistmass.physics.photometry import DistancePosterior

OPTIONS = {"masses": ["mass"], "isochrone": False}


@pytest.fixture(scope="module")
def filled(stars):
    return build_catalog(stars, **OPTIONS), build_catalog(stars, percentiles=True, samples=40, **OPTIONS)


def test_other_columns_stay(filled):
    plain, full = filled
    for name in plain.colnames:
        assert_array_equal(plain[name], full[name])


@pytest.mark.parametrize("quantity", ["DISTANCE", "MASS", "AGE"])
def test_percentiles_agree_with_values_and_errors(filled, quantity):
    full = filled[1]
    percentiles = np.asarray(full[f"{quantity}_PERCENTILES"], dtype=float)
    known = np.isfinite(np.asarray(full[quantity], dtype=float)) & np.isfinite(percentiles).all(axis=1)
    assert known.sum() > 50
    assert np.all(np.diff(percentiles[known], axis=1) >= 0)
    half = 0.5 * (percentiles[known, 3] - percentiles[known, 1])
    if quantity != "AGE":
        error = np.asarray(full[f"{quantity}_ERR"], dtype=float)[known]
        assert_allclose(np.median(half / error), 1.0, atol=0.05)
    # A point estimate outside of its 90 % interval would be a contradiction.
    value = np.asarray(full[quantity], dtype=float)[known]
    assert np.mean((value > percentiles[known, 0]) & (value < percentiles[known, 4])) > 0.97


def test_draws_have_the_percentiles(filled):
    full = filled[1]
    for quantity, percentiles in (("DISTANCE", "COMBINED_DIST"), ("MASS", "MASS"), ("AGE", "AGE")):
        draws = np.asarray(full[f"{quantity}_SAMPLES"], dtype=float)
        assert draws.shape[1] == 40
        known = np.isfinite(draws).all(axis=1) & np.isfinite(full[f"{percentiles}_PERCENTILES"]).all(axis=1)
        below = draws[known] < np.asarray(full[f"{percentiles}_PERCENTILES"])[known, 1, None]
        assert_allclose(below.mean(), 0.16, atol=0.01)
    # Light stars are old, draw by draw.
    mass, age = (np.asarray(full[f"{name}_SAMPLES"], dtype=float) for name in ("MASS", "AGE"))
    row = np.flatnonzero(np.isfinite(age).all(axis=1))[0]
    assert np.all(np.diff(age[row][np.argsort(mass[row])]) <= 0)


def test_a_star_has_its_draws_in_any_table(stars, filled):
    part = build_catalog(stars[5:9], percentiles=True, samples=40, **OPTIONS)
    for name in ("DISTANCE_SAMPLES", "AGE_SAMPLES", "MASS_PERCENTILES"):
        assert_array_equal(part[name], filled[1][name][5:9])


def test_file_is_read_back(stars, filled, tmp_path):
    for end, samples in (("parquet", 40), ("fits", 0)):
        path = tmp_path / f"full.{end}"
        write_catalog(stars, path, percentiles=True, samples=samples, **OPTIONS)
        back = read_catalog(path)
        assert_array_equal(back["AGE_PERCENTILES"], filled[1]["AGE_PERCENTILES"])
        assert back["MASS_PERCENTILES"].unit == "solMass"
    assert len(PERCENTILES) == back["DISTANCE_PERCENTILES"].shape[1]
    assert_array_equal(read_catalog(tmp_path / "full.parquet")["MASS_SAMPLES"], filled[1]["MASS_SAMPLES"])
    with pytest.raises(ValueError, match="samples"):
        write_catalog(stars, tmp_path / "not.fits", samples=3, **OPTIONS)


def one(mean, width, parallax=np.nan, error=np.nan):
    arrays = (np.array([[mean]]), np.array([[width]]), np.ones((1, 1)))
    return DistancePosterior(*arrays, np.array([parallax]), np.array([error]))


def test_distance_without_parallax_is_lognormal():
    posterior = one(10.0, 0.2)
    levels = np.array([0.05, 0.16, 0.5, 0.84, 0.95])
    expected = 10.0 ** (1.0 + 0.2 * (10.0 + 0.2 * norm.ppf(levels)))
    assert_allclose(posterior.quantiles(levels)[0], expected, rtol=1e-3)
    sigma = 0.2 * np.log(10.0) / 5.0
    assert_allclose(posterior.mean(), 1000.0 * np.exp(0.5 * sigma**2), rtol=1e-3)


@pytest.mark.parametrize(("parallax", "error"), [(1.0, 0.01), (0.8, 0.2), (-0.1, 0.3), (1.3, 0.05)])
def test_parallax_and_modulus_agree_with_monte_carlo(parallax, error):
    # Draws of the modulus, each as probable as the parallax that it implies.
    distance = 10.0 ** (1.0 + 0.2 * np.random.default_rng(0).normal(10.0, 0.25, 2_000_000))
    weight = np.exp(-0.5 * ((1000.0 / distance - parallax) / error) ** 2)
    order = np.argsort(distance)
    below = np.cumsum(weight[order]) / weight.sum()
    expected = distance[order][np.searchsorted(below, [0.16, 0.5, 0.84])]
    found = one(10.0, 0.25, parallax, error)
    low, median, high = found.quantiles(np.array([0.16, 0.5, 0.84]))[0]
    assert_allclose(median, expected[1], rtol=0.003)
    assert_allclose(high - low, expected[2] - expected[0], rtol=0.02)
    assert_allclose(found.mean(), np.average(distance, weights=weight), rtol=0.003)
