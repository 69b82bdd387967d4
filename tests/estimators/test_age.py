"""MassToAge: agreement with the table of isochrones, ages and their errors, and reasons for none."""

import pickle
import re

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skdistmass import MassToAge
from skdistmass.estimators.age import NoAgeReason, isochrone_ages
from skdistmass.physics.giants import load_giant_ages

KINDS = [(mass, method) for mass in ("current", "initial") for method in ("network", "interpolate")]


@pytest.fixture(scope="module")
def models():
    return {kind: MassToAge.from_isochrones(*kind) for kind in KINDS}


@pytest.fixture(scope="module")
def network(models):
    return models["current", "network"]


@pytest.fixture(scope="module")
def sample():
    """Masses and metallicities all over the range."""
    rng = np.random.default_rng(0)
    return np.exp(rng.uniform(np.log(0.8), np.log(8.0), 20_000)), rng.uniform(-0.5, 0.5, 20_000)


def table_log_age(mass, m_h, which):
    """Straight lines in log mass at each [Fe/H] of the table, then in [Fe/H]; NaN beyond its masses."""
    table = load_giant_ages()
    masses = table.current_mass if which == "current" else table.initial_mass
    at = [
        np.interp(np.log10(mass), np.log10(column[::-1]), table.log_age[::-1], np.nan, np.nan)
        for column in masses.T
    ]
    return np.array([np.interp(m_h[i], table.fe_h, [line[i] for line in at]) for i in range(len(mass))])


@pytest.mark.parametrize("kind", KINDS)
def test_agrees_with_the_table(kind, models, sample):
    expected = table_log_age(*sample, kind[0])
    inside = np.isfinite(expected)
    assert np.mean(inside) > 0.95  # the rest is lighter than the oldest giants
    difference = np.abs(models[kind].predict_age(*sample).log_age - expected)[inside]
    assert np.percentile(difference, 99) <= 0.01
    assert abs(np.median(difference)) <= 0.003


@pytest.mark.parametrize("kind", KINDS)
def test_monotonic_in_mass(kind, models):
    mass, m_h = np.meshgrid(np.geomspace(0.8, 8.0, 500), np.linspace(-0.5, 0.5, 21))
    log_age = models[kind].predict_age(mass.ravel(), m_h.ravel()).log_age.reshape(mass.shape)
    assert np.all(np.isfinite(log_age))
    assert np.all(np.diff(log_age, axis=1) < 0)


def test_known_ages(network):
    # Initial masses of MIST giants of solar metallicity, on the giant branch and in the clump: 2.06 and
    # 2.19 Msun at log age 9.0, 1.436 and 1.449 at 9.5, 1.038 and 1.042 at 10.0. The mean lies between.
    branch, clump = np.array([2.06, 1.436, 1.038]), np.array([2.19, 1.449, 1.042])
    initial = MassToAge.from_isochrones("initial")
    assert np.all(initial.predict_age(branch, np.zeros(3)).log_age > np.array([9.0, 9.5, 10.0]) - 0.015)
    assert np.all(initial.predict_age(clump, np.zeros(3)).log_age < np.array([9.0, 9.5, 10.0]) + 0.015)
    # The Sun as a giant: about 11-12 Gyr; it has lost a few hundredths of its mass by then.
    assert 10.5 < network.predict_age([1.0], [0.0]).age[0] < 12.0


def test_current_mass_gives_lower_ages_than_initial(models):
    # A giant is lighter than it was born: one of a given current mass was heavier, and is younger.
    mass, m_h = np.linspace(0.85, 1.6, 40), np.zeros(40)
    current, initial = (
        models[which, "interpolate"].predict_age(mass, m_h).log_age for which in ("current", "initial")
    )
    difference = initial - current
    assert np.all(difference > 0)
    # 0.01-0.06 Msun of mass loss near 1 Msun, times d log age / d log mass = -3.5.
    assert 0.01 < difference[np.argmin(np.abs(mass - 1.0))] < 0.1


def test_slopes_are_those_of_the_documentation(models):
    text = " ".join(MassToAge.__doc__.split())
    slopes = re.search(
        r"slope d log age / d log mass over 10 % to either side is "
        r"(-\d\.\d) at 1 Msun and (-\d\.\d) at 2 Msun",
        text,
    )
    errors = re.search(r"is \+(0\.\d\d)/-(0\.\d\d) dex and \+(0\.\d\d)/-(0\.\d\d) dex in age", text)
    for method in ("network", "interpolate"):
        stated = iter(errors.groups())
        for mass, slope in zip((1.0, 2.0), slopes.groups(), strict=True):
            at = models["current", method].predict_age(np.array([0.9, 1.0, 1.1]) * mass, np.zeros(3)).log_age
            assert at[0] - at[1] == pytest.approx(float(next(stated)), abs=0.01)
            assert at[1] - at[2] == pytest.approx(float(next(stated)), abs=0.01)
            assert (at[2] - at[0]) / np.log10(1.1 / 0.9) == pytest.approx(float(slope), abs=0.1)


def test_errors_are_percentiles_of_the_ages(network):
    rng = np.random.default_rng(1)
    mass, m_h, error = np.array([0.95, 1.2, 1.6, 2.5, 5.0]), np.array([-0.3, 0.0, 0.2, 0.4, -0.1]), 0.08
    ages = network.predict_age(mass, m_h, error * mass)
    draws = mass * (1 + error * rng.normal(size=(40_000, 5)))
    sampled = 10 ** (
        network.predict(np.column_stack([draws.ravel(), np.tile(m_h, 40_000)])).reshape(-1, 5) - 9
    )
    low, high = np.percentile(sampled, [15.865, 84.135], axis=0)
    assert_allclose(ages.age - ages.age_error_lower, low, rtol=0.01)
    assert_allclose(ages.age + ages.age_error_upper, high, rtol=0.01)
    assert_allclose(ages.age, np.median(sampled, axis=0), rtol=0.01)
    assert np.all(ages.age_error_upper > ages.age_error_lower)
    assert_allclose(10 ** (ages.log_age - 9), ages.age)
    assert_allclose(10 ** (ages.log_age + ages.log_age_error_upper - 9), ages.age + ages.age_error_upper)
    assert_allclose(10 ** (ages.log_age - ages.log_age_error_lower - 9), ages.age - ages.age_error_lower)


@pytest.mark.parametrize("method", ["network", "interpolate"])
def test_errors_at_the_edges_are_numbers(method, models):
    mass, m_h = np.array([0.8, 0.8, 8.0, 8.0, 1.0]), np.array([-0.5, 0.5, -0.5, 0.5, 0.0])
    ages = models["current", method].predict_age(mass, m_h, np.array([0.05, 0.5, 0.5, 5.0, 3.0]))
    assert_array_equal(ages.reason, 0)
    for errors in (
        ages.age_error_lower,
        ages.age_error_upper,
        ages.log_age_error_lower,
        ages.log_age_error_upper,
    ):
        assert np.all(errors > 0)
        assert np.all(np.isfinite(errors))


def test_stars_without_age_say_why(network):
    nan = np.nan
    mass = [1.0, 1.0, 1.0, 0.54, 10.1, 1.0, 1.0, nan, 1.0, 1.0, nan, -1.0, np.inf]
    m_h = [0.0, 0.0, 0.0, 0.0, 0.0, -2.51, 0.51, 0.0, nan, 0.0, 0.0, 0.0, 0.0]
    log_g = [2.0, 3.499, 3.5, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, nan, 4.5, 2.0, 2.0]
    ages = network.predict_age(mass, m_h, np.full(13, 0.1), log_g)
    reason = NoAgeReason
    expected = [reason.NONE] * 2 + [reason.NOT_A_GIANT] + [reason.OUTSIDE_RANGE] * 4
    expected += [reason.MISSING_INPUT] * 4 + [reason.OUTSIDE_RANGE, reason.MISSING_INPUT]
    assert_array_equal(ages.reason, expected)
    none = ages.reason != reason.NONE
    for values in (
        ages.age,
        ages.age_error_lower,
        ages.age_error_upper,
        ages.log_age,
        ages.log_age_error_lower,
    ):
        assert_array_equal(np.isnan(values), none)


def test_ages_outside_the_published_range_are_there_and_say_so(network):
    mass, m_h = [1.0, 0.79, 8.01, 0.8, 0.8, 0.8], [0.0, -0.45, 0.0, -0.51, -2.5, -0.5]
    ages = network.predict_age(mass, m_h, np.full(6, 0.05))
    assert_array_equal(ages.outside_published, [False, True, True, True, True, False])
    assert np.isfinite([ages.age, ages.age_error_lower, ages.age_error_upper]).all()
    # The relation goes on without a step, and metal-poor stars of equal mass are younger.
    step = network.predict_age([0.9, 0.9], [-0.5, -0.5001]).log_age
    assert step[0] == pytest.approx(step[1], abs=1e-3)
    poor = network.predict_age(np.full(21, 0.8), np.linspace(-0.5, -2.5, 21)).age
    assert np.all(np.diff(poor) < 0)
    # MIST: 12.6 Gyr (log age 10.1) is the age of giants of 0.78 Msun at [Fe/H] = -2.
    assert network.predict_age([0.783], [-2.0]).age[0] == pytest.approx(12.6, abs=0.4)


def test_no_age_is_older_than_the_isochrones_beyond_the_published_masses(network):
    ages = network.predict_age([0.79, 0.6, 0.8, 0.6], [0.5, 0.0, 0.5, -2.5])
    assert_array_equal(
        ages.reason, [NoAgeReason.OUTSIDE_RANGE] * 2 + [NoAgeReason.NONE, NoAgeReason.OUTSIDE_RANGE]
    )
    assert_array_equal(np.isnan(ages.age), [True, True, False, True])
    assert_array_equal(ages.outside_published, [False] * 4)


def test_alpha_elements_count_as_metals(network):
    alpha = network.predict_age([1.0, 1.0, 1.0], [-0.3, -0.3, -0.3], alpha_m=[0.2, 0.0, np.nan]).log_age
    # Salaris: log10(0.638 10^0.2 + 0.362) = 0.137 dex of metallicity.
    richer = network.predict_age([1.0], [-0.3 + np.log10(0.638 * 10**0.2 + 0.362)]).log_age[0]
    assert alpha[0] == pytest.approx(richer, abs=1e-4)
    assert alpha[1] == alpha[2] < alpha[0]
    # It may lead into the published range and out of it.
    ages = network.predict_age([1.0, 1.0], [-0.6, 0.45], alpha_m=[0.2, 0.1])
    assert_array_equal(ages.outside_published, [False, True])
    assert np.isfinite(ages.age).all()


def test_state_of_the_giant(network):
    # Mean masses of MIST giants of 10 Gyr, solar metallicity: 1.033 Msun on the branch, 1.002 in the clump.
    ages = network.predict_age([1.033, 1.002, 1.02, 1.02, 1.02], np.zeros(5), p_rc=[0.0, 1.0, 0.0, 1.0, 0.5])
    assert_allclose(ages.log_age[:2], 10.0, atol=0.005)
    assert ages.log_age[4] == pytest.approx((ages.log_age[2] + ages.log_age[3]) / 2)
    mean = network.predict_age([1.02, 1.02], np.zeros(2), p_rc=[np.nan, 0.0]).log_age
    assert mean[0] == network.predict_age([1.02], [0.0]).log_age[0]
    assert ages.log_age[3] < mean[0] < ages.log_age[2]


def test_a_dwarf_outside_the_range_is_no_giant(network):
    ages = network.predict_age([0.5], [0.0], log_g=[4.5])
    assert ages.reason[0] == NoAgeReason.NOT_A_GIANT


def test_without_mass_errors_there_are_ages_only(network):
    ages = network.predict_age([1.0, 2.0], [0.0, 0.1])
    assert np.all(np.isfinite(ages.age))
    for errors in (
        ages.age_error_lower,
        ages.age_error_upper,
        ages.log_age_error_lower,
        ages.log_age_error_upper,
    ):
        assert np.all(np.isnan(errors))
    some = network.predict_age([1.0, 2.0], [0.0, 0.1], [np.nan, 0.1])
    assert_array_equal(some.age, ages.age)
    assert_array_equal(np.isnan(some.age_error_upper), [True, False])
    none = network.predict_age([1.0], [0.0], [0.0])
    assert none.age_error_lower[0] == none.age_error_upper[0] == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1.0, 2.0], [0.0]), r"m_h must have the shape of mass, \(2,\); received \(1,\)"),
        (([1.0, 2.0], [0.0, 0.0], [0.1]), r"mass_error must have the shape of mass"),
        (([1.0, 2.0], [0.0, 0.0], None, [2.0]), r"log_g must have the shape of mass"),
        (
            ([1.0, 2.0], [0.0, 0.0], [0.1, -0.1]),
            r"mass_error \[Msun\] must not be negative; received 1 of 2 values that are \(first: row 1\)",
        ),
        (
            ([1.0, 2.0], [0.0, 0.0], None, None, None, [0.5, 1.5]),
            r"p_rc must lie between 0 and 1; received 1 of 2 values that do not \(first: row 1\)",
        ),
    ],
)
def test_bad_input_is_refused(arguments, message, network):
    with pytest.raises(ValueError, match=message):
        network.predict_age(*arguments)


def test_choices_are_checked():
    for arguments in ({"mass": "final"}, {"mass": "final", "method": "interpolate"}):
        with pytest.raises(ValueError, match="mass must be 'current' or 'initial'; received 'final'"):
            MassToAge.from_isochrones(**arguments)
    with pytest.raises(ValueError, match="method must be one of"):
        MassToAge.from_isochrones(method="spline")
    with pytest.raises(ValueError, match=r"method must be one of .*received 'spline'"):
        MassToAge(method="spline").fit([[1.0, 0.0]] * 4, [9.0] * 4)
    with pytest.raises(ValueError, match="2 columns mass and"):
        MassToAge(method="interpolate").fit(np.eye(4), np.arange(4.0))


def test_samples_are_the_relation_that_is_fitted():
    X, y = isochrone_ages()
    assert X.shape == (len(y), 2)
    assert X[:, 0].min() < 0.8 < 8.0 < X[:, 0].max()
    assert X[:, 1].min() < -0.5
    assert X[:, 1].max() == 0.5
    expected = table_log_age(X[:, 0], X[:, 1], "current")
    inside = np.isfinite(expected)
    assert_allclose(y[inside], expected[inside], atol=0.01)
    # Lighter than the oldest giants: older than the table, never younger.
    assert np.all(y[~inside & (X[:, 0] < 1)] > 10.0)


def test_interpolation_goes_through_its_points():
    rng = np.random.default_rng(2)
    X = np.column_stack([rng.uniform(0.9, 3.0, 50), rng.uniform(-0.4, 0.4, 50)])
    y = 10.0 - 3.0 * np.log10(X[:, 0]) + 0.3 * X[:, 1]
    model = MassToAge(method="interpolate").fit(X, y)
    assert_allclose(model.predict(X), y, atol=1e-12)
    inside = X[:10] * 0.5 + X[10:20] * 0.5
    log_mean = np.column_stack([np.sqrt(X[:10, 0] * X[10:20, 0]), inside[:, 1]])
    assert_allclose(model.predict(log_mean), 0.5 * (y[:10] + y[10:20]), atol=1e-12)  # linear in log mass
    assert np.isnan(model.predict([[30.0, 0.0]])[0])
    assert_array_equal(model.predict(X, return_std=True)[1], 0)
    assert_array_equal(pickle.loads(pickle.dumps(model)).predict(X), model.predict(X))


def test_fit_and_predict_with_names():
    X, y = isochrone_ages()
    frame = pd.DataFrame(X[::40], columns=["mass", "m_h"])
    model = MassToAge(max_iter=50, random_state=0).fit(frame, y[::40])
    assert model.score(frame, y[::40]) > 0.95
    assert np.isfinite(model.predict_age([1.5], [0.0]).age[0])


def test_fitting_reproduces_the_shipped_network(network):
    X, y = isochrone_ages()
    model = MassToAge(max_iter=400, random_state=0).fit(X[::5], y[::5])
    inside = (X[:, 0] > 0.9) & (X[:, 0] < 7.0)
    assert np.percentile(np.abs(model.predict(X[inside]) - network.predict(X[inside])), 99) < 0.05


def test_interpolation_says_what_it_does_not_have():
    rng = np.random.default_rng(2)
    X = np.column_stack([rng.uniform(0.9, 3.0, 50), rng.uniform(-0.4, 0.4, 50)])
    y = 10.0 - 3.0 * np.log10(X[:, 0])
    model = MassToAge(max_iter=5).fit(X, y)
    assert model.error_model_.n_stars == 50
    model.set_params(method="interpolate").fit(X, y)
    for name in ("pipeline_", "error_model_", "n_iter_", "coefs_", "loss_curve_"):
        assert not hasattr(model, name)
        with pytest.raises(AttributeError, match=rf"{name} is of method='network'.*method='interpolate'"):
            getattr(model, name)
    assert not hasattr(model, "calibrate")
    with pytest.raises(AttributeError, match="n_iter_: fit it first"):
        _ = MassToAge().n_iter_
    model.set_params(method="network").fit(X, y)
    assert not hasattr(model, "points_")
    assert model.calibrate(X, y).error_model_.held_out


def test_error_of_the_relation_depends_on_metallicity(network):
    frame = pd.DataFrame({"m_h": np.tile([-0.4, 0.0, 0.4], 200), "mass": np.linspace(0.9, 3.0, 600)})
    model = MassToAge(max_iter=5, random_state=0).fit(frame, 10.0 - 3.0 * np.log10(frame.mass))
    assert (model.error_model_.low, model.error_model_.high) == (-0.4, 0.4)
    error = network.predict([[1.0, -0.4], [2.0, -0.4], [1.0, 0.4]], return_std=True)[1]
    assert error[0] == error[1] != error[2]


def test_class_documents_its_settings():
    for name in MassToAge().get_params():
        assert f"\n{name} : " in MassToAge.__doc__
