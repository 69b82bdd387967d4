"""Distributions of the targets: learned from generated residuals, propagated, calibrated, kept in files."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import kstest

from skdistmass import DistanceRegressor, MassRegressor, TrainingDomain
from skdistmass.estimators.uncertainty import SMALL_ERROR, ResidualDistribution, widening_by_density
from skdistmass.networks.mixture import Mixture

LABEL_ERROR = 0.03


def widths(X):
    return 0.075 + 0.025 * np.tanh(3.0 * X[:, 0])


def generated(n_stars, seed, failed=0.03):
    """Features, a skewed target of changing width, and its noisy label, which failed for a few."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1, 1, (n_stars, 2))
    scatter = widths(X) * (rng.gamma(4.0, 0.5, n_stars) - 2.0)
    truth = X[:, 1] + scatter
    label = truth + LABEL_ERROR * rng.standard_normal(n_stars)
    bad = rng.random(n_stars) < failed
    return X, truth, np.where(bad, label + 1.5 * rng.standard_normal(n_stars), label)


@pytest.fixture(scope="module")
def learned():
    X, _, label = generated(20_000, 0)
    prediction = X[:, 1]
    noise = np.full(len(X), LABEL_ERROR)
    return ResidualDistribution.fit(X, prediction, label - prediction, noise)


def test_quantiles_of_one_gaussian_and_of_a_mixture():
    one = Mixture(np.array([[1.0]]), np.array([[2.0]]), np.array([[1.0]]))
    assert_allclose(one.quantiles([0.158655254, 0.5, 0.977249868])[0], [-1.0, 1.0, 5.0], atol=1e-7)
    two = Mixture(np.array([[0.0, 3.0]]), np.array([[1.0, 0.1]]), np.array([[0.7, 0.3]]))
    levels = np.linspace(0.001, 0.999, 51)
    for level, value in zip(levels, two.quantiles(levels)[0], strict=True):
        assert_allclose(two.cdf([value]), level, atol=1e-9)
    grid = np.linspace(-8, 8, 20_001)
    density = two.pdf(grid)[0]
    assert_allclose(np.trapezoid(density, grid), 1.0, rtol=1e-6)
    assert_allclose(np.trapezoid(density * grid, grid), two.mean(), rtol=1e-5)
    assert_allclose(np.trapezoid(density * (grid - two.mean()) ** 2, grid) ** 0.5, two.std(), rtol=1e-5)
    draws = two.sample(200_000, np.random.default_rng(0))
    assert kstest(draws[0, ::20], lambda x: np.array([two.cdf([v])[0] for v in x])).pvalue > 1e-3


def test_quantiles_of_any_mixture_have_their_probability():
    """Widths from a thousandth to ten, few stars and many: to 1e-6 of the narrowest Gaussian."""
    rng = np.random.default_rng(1)
    shape = (20_000, 3)
    mixture = Mixture(
        rng.normal(size=shape), 10.0 ** rng.uniform(-3, 1, shape), rng.dirichlet(np.ones(3), shape[0])
    )
    # Newton's steps go to and fro between two points of this one for ever.
    mixture.means[0], mixture.widths[0] = [1.0654, 0.7085, -0.1973], [0.546, 0.05503, 0.9511]
    mixture.weights[0] = [0.2169, 0.2825, 0.5006]
    levels = [0.001, 0.05, 0.16, 0.5, 0.84, 0.99]
    found = mixture.quantiles(levels)
    reach = 1e-6 * mixture.widths.min(axis=1)
    for level, values in zip(levels, found.T, strict=True):
        assert np.all(mixture.cdf(values - reach) <= level + 1e-15)
        assert np.all(mixture.cdf(values + reach) >= level - 1e-15)
    assert_array_equal(mixture[np.arange(100)].quantiles(levels), found[:100])


@pytest.mark.parametrize("n_stars", [10, 2000])
def test_quantiles_of_a_mixture_with_nan_are_nan(n_stars):
    mixture = Mixture(np.zeros((n_stars, 2)), np.ones((n_stars, 2)), np.full((n_stars, 2), 0.5))
    mixture.means[3, 1] = np.nan
    found = mixture.quantiles([0.16, 0.84])
    assert np.isnan(found[3]).all()
    assert np.isfinite(np.delete(found, 3, axis=0)).all()


@pytest.mark.parametrize("n_stars", [10, 2000])
def test_quantiles_at_levels_of_their_own(n_stars):
    rng = np.random.default_rng(2)
    parts = (
        rng.normal(size=(n_stars, 3)),
        rng.uniform(0.1, 2.0, (n_stars, 3)),
        rng.dirichlet(np.ones(3), n_stars),
    )
    mixture, levels = Mixture(*parts), rng.uniform(0.01, 0.99, (n_stars, 4))
    for level, values in zip(levels.T, mixture.quantiles_at(levels).T, strict=True):
        assert_allclose(mixture.cdf(values), level, atol=1e-6)


def test_truth_is_uniform_in_its_distribution(learned):
    # The labels have errors and failures that the distribution of the star must not have.
    X, truth, _ = generated(20_000, 1, failed=0.0)
    mixture = learned.at(X, X[:, 1])
    pit = mixture.cdf(truth)
    assert np.abs(np.quantile(pit, np.linspace(0.1, 0.9, 9)) - np.linspace(0.1, 0.9, 9)).max() < 0.02
    for half in (X[:, 0] > 0, X[:, 0] < 0):
        for share in (0.68, 0.95):
            assert abs(np.mean(np.abs(pit[half] - 0.5) < share / 2) - share) < 0.02
    for inside in (X[:, 0] > 0.5, X[:, 0] < -0.5):
        assert_allclose(np.median(mixture.std()[inside]), np.median(widths(X)[inside]), rtol=0.1)


def test_distribution_does_not_depend_on_the_table(learned):
    X, *_ = generated(9000, 2)
    whole = learned.at(X, X[:, 1])
    for rows in (slice(0, 1), slice(8190, 8197), slice(3, 1500)):
        part = learned.at(X[rows], X[rows, 1])
        assert_array_equal(part.means, whole.means[rows])
        assert_array_equal(part.widths, whole.widths[rows])
        assert_array_equal(part.quantiles([0.16, 0.84]), whole.quantiles([0.16, 0.84])[rows])


def test_inputs_are_held_at_the_borders(learned):
    far = learned.at(np.array([[50.0, 0.3], [1e6, 0.3]]), np.array([0.3, 0.3]))
    assert_array_equal(far.widths[0], far.widths[1])


@pytest.fixture(scope="module")
def mass_model():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(1500, 5))
    mass = np.exp(0.2 * np.sin(X[:, 0]) + 0.08 * rng.standard_normal(1500))
    model = MassRegressor(
        hidden_layer_sizes=(6,), activation="tanh", n_members=2, max_iter=150, random_state=0
    )
    model.fit(X[:800], mass[:800])
    model.domain_ = TrainingDomain(n_components=2).fit(X[:800])
    error = 0.03 * mass[800:]
    return model.calibrate(X[800:], mass[800:], y_error=error, widening=(0.1, 2.0))


def test_errors_of_labels_are_fractions_of_heavy_stars_too():
    rng = np.random.default_rng(8)
    X = rng.normal(size=(3000, 2))
    typical = np.exp(1.0 + 0.5 * X[:, 0])  # 1 to 8 Msun
    mass = typical * np.exp(0.08 * rng.standard_normal(3000))
    label = mass * np.exp(0.06 * rng.standard_normal(3000))
    model = MassRegressor(hidden_layer_sizes=(4,), n_restarts=1, max_iter=60, random_state=0).fit(X, typical)
    model.calibrate(X, label, typical, y_error=0.06 * label)
    predicted, error = model.predict(X, return_std=True)
    assert_allclose(np.median(error / predicted), 0.08, rtol=0.06)


def test_methods_tell_one_distribution(mass_model):
    X = np.random.default_rng(4).normal(size=(6, 5))
    low, median, high = mass_model.predict_quantiles(X).T
    mass, error = mass_model.predict(X, return_std=True)
    one_sigma = mass_model.predict_quantiles(X, [0.15865525, 0.84134475])
    assert_allclose(error, 0.5 * np.diff(one_sigma, axis=1)[:, 0], rtol=1e-6)
    assert_array_equal(mass, mass_model.predict(X))
    grid = np.linspace(0.2, 4.0, 40_001)
    density = mass_model.predict_pdf(X, grid)
    assert_allclose(np.trapezoid(density, grid, axis=1), 1.0, atol=1e-3)
    below = np.array(
        [np.trapezoid(d[grid <= q], grid[grid <= q]) for d, q in zip(density, median, strict=True)]
    )
    assert_allclose(below, 0.5, atol=5e-3)
    assert_array_equal(mass_model.predict_pdf(X, [-1.0, 0.0]), 0.0)
    draws = mass_model.sample_posterior(X, 20_000, random_state=0)
    assert_allclose(np.quantile(draws, [0.16, 0.84], axis=1), [low, high], rtol=0.01)
    assert_array_equal(draws, mass_model.sample_posterior(X, 20_000, random_state=0))


def test_errors_grow_away_from_the_training_stars(mass_model):
    direction = np.ones(5) / np.sqrt(5)
    X = np.outer([0.0, 4.0, 8.0], direction)
    mass, error = mass_model.predict(X, return_std=True)
    fraction = error / mass
    assert fraction[1] > 1.5 * fraction[0]
    assert fraction[2] > 1.3 * fraction[1]


def test_what_widens_the_error_of_a_dwarf_by_density_has_a_limit():
    spread, log_density = np.array([0.0, 0.0, 0.0, 0.04]), np.array([1.0, -1.0, -100.0, -100.0])
    arguments = ((0.1, 2.0, 0.12), 0.0)
    giant = widening_by_density(spread, log_density, np.full(4, 3.49), *arguments)
    dwarf = widening_by_density(spread, log_density, np.full(4, 3.5), *arguments)
    assert_allclose(giant, [0.0, 0.1, 0.1 * np.sqrt(5.0), np.hypot(0.1 * np.sqrt(5.0), 0.08)])
    # The spread of the ensemble, which tells an extrapolation, has none.
    assert_allclose(dwarf, [0.0, 0.1, 0.12, np.hypot(0.12, 0.08)])


@pytest.fixture(scope="module")
def curved_model():
    """Model of two features whose calibration stars have errors of 0.1 in each."""
    rng = np.random.default_rng(5)
    X = rng.normal(size=(1500, 2))
    y = np.sin(X[:, 0]) + 0.5 * X[:, 1] ** 2 + 0.1 * rng.standard_normal(1500)
    model = DistanceRegressor(
        hidden_layer_sizes=(8,), activation="tanh", n_restarts=1, max_iter=200, random_state=0
    )
    model.fit(X[:700], y[:700])
    return model.calibrate(X[700:], y[700:], y_error=np.full(800, 0.02), X_error=np.full((800, 2), 0.1))


def widths_with_and_without(model, stars, errors):
    """Standard deviations of the distributions with errors of the features, and without."""
    passed = model._network_pass(stars, gradient=True)
    errors = np.broadcast_to(errors, stars.shape)
    return [model._mixture(stars, passed, e).std() for e in (errors, None)]


# From errors that count for a hundredth of the whole, which the gradient tells, to those that exceed it.
@pytest.mark.parametrize("size", [0.01, 0.03, 0.06, 0.1, 0.2, 0.5, 1.0])
def test_input_errors_agree_with_monte_carlo(curved_model, size):
    rng = np.random.default_rng(6)
    # The scatter of the calibration stars holds 0.1 of each error: what is left is propagated.
    excess = size * np.array([0.28, 0.17])
    stars = rng.uniform(-1, 1, (40, 2))
    drawn = stars[:, None] + excess * rng.standard_normal((40, 20_000, 2))
    draws = curved_model.predict(drawn.reshape(-1, 2)).reshape(40, -1)
    noisy, quiet = widths_with_and_without(curved_model, stars, np.hypot(0.1, excess))
    assert_allclose(noisy, np.hypot(quiet, draws.std(axis=1)), rtol=0.02)
    by_gradient = draws.std(axis=1) < SMALL_ERROR * quiet
    assert by_gradient.all() or size > 0.01
    assert not by_gradient.all() or size < 0.1


def test_input_errors_have_no_step_where_the_gradient_is_enough(curved_model):
    """Errors that grow by a thousandth at a time, past the one from which on points are evaluated."""
    sizes = np.geomspace(0.001, 1.0, 7000)
    star = np.tile([0.3, -0.4], (len(sizes), 1))
    excess = sizes[:, None] * [0.28, 0.17]
    noisy, quiet = widths_with_and_without(curved_model, star, np.hypot(0.1, excess))
    propagated = np.sqrt(noisy**2 - quiet**2)
    assert propagated[0] < SMALL_ERROR * quiet[0] < propagated[-1]
    assert np.all(np.diff(noisy) > -1e-4 * quiet[0])
    assert np.abs(np.diff(noisy) / noisy[1:]).max() < 2e-3


def test_errors_that_the_calibration_stars_have_change_nothing(curved_model):
    stars = np.random.default_rng(7).uniform(-1, 1, (20, 2))
    typical, unknown = np.full((20, 2), 0.1), np.full((20, 2), np.nan)
    plain = curved_model.predict(stars, True)[1]
    assert_array_equal(plain, curved_model.predict(stars, True, X_error=typical)[1])
    assert_array_equal(plain, curved_model.predict(stars, True, X_error=unknown)[1])
    with pytest.raises(ValueError, match="X_error must not be negative; received 20 of 20"):
        curved_model.predict(stars, return_std=True, X_error=-typical)


def test_errors_of_a_star_do_not_depend_on_the_table(curved_model):
    """Few stars, many, and many in another order: the same to the last bit."""
    rng = np.random.default_rng(8)
    stars, errors = rng.uniform(-2, 2, (3000, 2)), rng.uniform(0.05, 0.5, (3000, 2))
    order = rng.permutation(3000)
    for function in (
        lambda rows: curved_model.predict(stars[rows], True, X_error=errors[rows])[1],
        lambda rows: curved_model.predict_quantiles(
            stars[rows], [0.01, 0.16, 0.5, 0.9], X_error=errors[rows]
        ),
    ):
        whole = function(np.arange(3000))
        assert_array_equal(function(order), whole[order])
        assert_array_equal(function(np.arange(40)), whole[:40])


def test_without_label_errors_there_is_one_gaussian():
    rng = np.random.default_rng(6)
    X = rng.normal(size=(400, 2))
    y = X[:, 0] + 0.1 * rng.standard_normal(400)
    model = DistanceRegressor(n_restarts=1, max_iter=50, random_state=0).fit(X, y)
    assert model.distribution_ is None
    prediction, error = model.predict(X, return_std=True)
    expected = np.column_stack([prediction - error, prediction, prediction + error])
    assert_allclose(model.predict_quantiles(X, [0.15865525393, 0.5, 0.84134474607]), expected, rtol=1e-6)
    with pytest.raises(ValueError, match="y_error must have the shape"):
        model.calibrate(np.tile(X, (2, 1)), np.tile(y, 2), y_error=[0.1])
    with pytest.raises(ValueError, match="quantiles must lie between 0 and 1"):
        model.predict_quantiles(X, [1.0])
