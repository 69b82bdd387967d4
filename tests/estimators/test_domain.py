"""TrainingDomain: a density, its border, and stars far outside."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import GridSearchCV, KFold

from skdistmass import TrainingDomain, load_model


@pytest.fixture(scope="module")
def stars():
    """Two clumps and a tail, in units as different as Teff and log g."""
    rng = np.random.default_rng(0)
    clumps = [rng.normal([4800, 2.5], [60, 0.1], (600, 2)), rng.normal([4200, 1.5], [150, 0.3], (400, 2))]
    return np.vstack([*clumps, rng.uniform([4000, 1.0], [5000, 3.0], (100, 2))])


@pytest.fixture(scope="module")
def domain(stars):
    return TrainingDomain(n_components=6).fit(stars)


@pytest.mark.parametrize("contamination", [0.0, 0.01, 0.1, 0.5])
def test_contamination_is_the_fraction_outside(contamination, stars):
    domain = TrainingDomain(n_components=4, contamination=contamination).fit(stars)
    assert np.mean(~domain.contains(stars)) == pytest.approx(contamination, abs=1.5 / len(stars))


def test_density_integrates_to_one(domain):
    teff, log_g = np.linspace(2500, 6500, 801), np.linspace(-1.5, 5.5, 701)
    grid = np.array(np.meshgrid(teff, log_g, indexing="ij")).reshape(2, -1).T
    # Per unit volume of the standardised features: the cell is measured in their spreads.
    cell = (teff[1] - teff[0]) * (log_g[1] - log_g[0]) / np.prod(domain.scale_)
    assert np.sum(np.exp(domain.score_samples(grid))) * cell == pytest.approx(1.0, abs=1e-4)


def test_density_is_that_of_scikit_learn(domain, stars):
    scaled = (stars - stars.mean(axis=0)) / stars.std(axis=0)
    mixture = GaussianMixture(6, reg_covar=domain.covariance_floor, max_iter=300, random_state=0).fit(scaled)
    assert_allclose(domain.score_samples(stars), mixture.score_samples(scaled), rtol=1e-10)


def test_density_does_not_depend_on_units(domain, stars):
    factor, shift = np.array([1e-3, 40.0]), np.array([7.0, -3.0])
    other = TrainingDomain(n_components=6).fit(stars * factor + shift)
    assert_allclose(other.score_samples(stars * factor + shift), domain.score_samples(stars), atol=1e-6)


def test_a_star_has_one_density_among_few_and_many(domain, stars):
    many = np.vstack([stars, 1.2 * stars, [[1e200, -1e300]]])
    few = [domain.score_samples(many[start : start + 400]) for start in range(0, len(many), 400)]
    assert_array_equal(domain.score_samples(many), np.concatenate(few))
    assert_array_equal(domain.density_checked(many), domain.score_samples(many))


def test_far_stars_are_outside(domain):
    far = [
        [4800.0, 4.5],
        [9000.0, 2.5],
        [0.0, 0.0],
        [1e6, 2.5],
        [4800.0, -1e30],
        [1e200, 1e200],
        [-1e308, 1e308],
    ]
    assert_array_equal(domain.predict(far), -1)
    score = domain.score_samples(far)
    assert np.all(np.isfinite(score))
    assert np.all(score < domain.offset_)
    assert_array_equal(domain.predict([[4800.0, 2.5], [4200.0, 1.5]]), 1)


def test_ways_of_asking_agree(domain, stars):
    points = np.vstack([stars, stars * [1.0, 1.3]])
    inside = domain.contains(points)
    assert inside.dtype == bool
    assert 0.2 < np.mean(inside) < 0.95
    assert_array_equal(domain.predict(points), np.where(inside, 1, -1))
    assert_array_equal(domain.decision_function(points), domain.score_samples(points) - domain.offset_)
    assert_array_equal(domain.decision_function(points) >= 0, inside)
    assert_array_equal(domain.fit_predict(stars), domain.predict(stars))


def test_rows_do_not_depend_on_their_neighbours(domain, stars):
    many = np.tile(stars, (20, 1))
    score = domain.score_samples(many)
    assert_allclose(score, np.tile(domain.score_samples(stars), 20), rtol=1e-12)
    order = np.random.default_rng(0).permutation(len(many))
    assert_array_equal(domain.contains(many[order]), domain.contains(many)[order])


def test_constant_feature(stars):
    domain = TrainingDomain().fit(np.column_stack([stars, np.full(len(stars), 0.3)]))
    assert_array_equal(domain.contains([[4800.0, 2.5, 0.3], [4800.0, 2.5, 5.0]]), [True, False])


def test_small_training_sets_have_few_components(stars):
    assert len(TrainingDomain(n_components=16).fit(stars[:60]).means_) == 2
    assert len(TrainingDomain(n_components=16).fit(stars[:5]).means_) == 1
    assert len(TrainingDomain(n_components=3).fit(stars).means_) == 3


def test_no_training_star_is_kept(domain, stars):
    kept = [value for value in vars(domain).values() if isinstance(value, np.ndarray)]
    assert sum(value.size for value in kept) < 100
    assert not any(np.isin(stars[:, 0], value).any() for value in kept)
    assert_array_equal(pickle.loads(pickle.dumps(domain)).score_samples(stars), domain.score_samples(stars))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"contamination": 0.6}, r"contamination must lie in \[0, 0.5\]; received 0.6"),
        ({"contamination": -0.1}, "contamination"),
        ({"contamination": np.nan}, "contamination"),
        ({"contamination": "auto"}, "contamination must lie in .*received 'auto'"),
        ({"n_components": 0}, "n_components must be a positive integer; received 0"),
        ({"n_components": 2.5}, "n_components must be a positive integer; received 2.5"),
    ],
)
def test_settings_are_checked(settings, message, stars):
    with pytest.raises(ValueError, match=message):
        TrainingDomain(**settings).fit(stars)


def test_missing_values_are_refused(domain, stars):
    for row in ([np.nan, 2.5], [np.inf, 2.5]):
        with pytest.raises(ValueError, match=r"NaN|infinity"):
            domain.contains([row])
    with pytest.raises(ValueError, match="NaN"):
        TrainingDomain().fit(np.where(stars > 4990, np.nan, stars))


@pytest.mark.parametrize("name", ["distance", "mass"])
def test_shipped_domains(name):
    domain = load_model(name).domain_
    giant, white_dwarf, hot_star = (
        [4800, 2.5, 0.0, 0.0, 0.1],
        [9000, 8.0, 0.0, 0.0, 0.0],
        [15000, 4.0, 0, 0, 0],
    )
    assert_array_equal(domain.contains([giant, white_dwarf, hot_star]), [True, False, False])
    assert domain.contains([[5900, 4.2, 0.0, 0.0, 0.0]])[0]  # Kepler dwarfs train both


def test_score_is_the_mean_log_density_and_chooses_the_number_of_components():
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(-5.0, 1.0, (300, 2)), rng.normal(5.0, 1.0, (300, 2))])
    search = GridSearchCV(
        TrainingDomain(), {"n_components": [1, 2]}, cv=KFold(3, shuffle=True, random_state=0)
    )
    assert search.fit(X).best_params_ == {"n_components": 2}
    domain = TrainingDomain(n_components=1, covariance_floor=1e-9).fit(X)
    # The entropy of a Gaussian of unit variances with the correlation of the two clouds.
    correlation = np.corrcoef(X.T)[0, 1]
    expected = -np.log(2 * np.pi) - 1 - 0.5 * np.log(1 - correlation**2)
    assert domain.score(X) == pytest.approx(expected, abs=1e-3)
    assert domain.score(X) == pytest.approx(domain.score_samples(X).mean())
