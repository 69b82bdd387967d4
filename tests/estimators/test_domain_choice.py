"""What was chosen for TrainingDomain: its floor, its speed, and the hand-drawn domain beside it."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skdistmass import TrainingDomain, list_models, load_model
from skdistmass.estimators.domain import author_domain

WITH_DOMAIN = [name for name in list_models() if not name.startswith("age")]


# One star just outside and one just inside of each border; [M/H] = 0.
@pytest.mark.parametrize(
    ("outside", "inside"),
    [
        ((4490, 3.1), (4490, 2.7)),  # T < 4500 and log g > 3
        ((5600, 4.95), (5600, 4.85)),  # log g > 4.9
        ((6850, 4.5), (6750, 4.5)),  # T > 6800
        ((5600, 3.0), (5600, 4.3)),  # T > 5500 and log g < 3.1
        ((3850, 1.05), (3850, 1.15)),  # log g < 1.1
        ((4600, 1.6), (4600, 1.7)),  # log g < 0.000906 T - 2.525 = 1.643
        ((4850, 1.95), (4850, 2.05)),  # log g < 2 and 4800 < T < 5500
        ((4700, 3.3), (4700, 3.1)),  # log g > 0.002 T - 6.2 = 3.2 and log g < 4.1
    ],
)
def test_author_domain_on_either_side_of_its_borders(outside, inside):
    teff, log_g = zip(outside, inside, strict=True)
    assert_array_equal(author_domain(teff, log_g, 0.0), [False, True])


def test_author_domain_is_metal_rich_and_wants_all_three():
    assert_array_equal(author_domain(4800, 2.5, [-0.51, -0.49, np.nan, 0.3]), [False, True, False, True])
    assert_array_equal(author_domain([np.nan, 4800], [2.5, np.nan], 0.0), [False, False])


def test_floor_keeps_a_gaussian_from_shrinking_to_a_point():
    rng = np.random.default_rng(0)
    X = np.vstack([rng.normal(size=(400, 3)), np.zeros((100, 3))])
    widths = {}
    for floor in (0.003, 0.1):
        domain = TrainingDomain(n_components=4, covariance_floor=floor).fit(X)
        covariances = [np.linalg.inv(c @ c.T) for c in domain.precisions_cholesky_]
        widths[floor] = min(np.linalg.eigvalsh(c).min() for c in covariances)
        assert widths[floor] >= 0.999 * floor
    assert widths[0.003] < 0.01


@pytest.mark.parametrize("floor", [0.0, -1.0, np.nan, "wide"])
def test_floor_has_to_be_positive(floor):
    with pytest.raises(ValueError, match="covariance_floor"):
        TrainingDomain(covariance_floor=floor).fit(np.random.default_rng(0).normal(size=(50, 2)))


@pytest.mark.parametrize("name", WITH_DOMAIN)
def test_shipped_domains(name):
    domain = load_model(name).domain_
    clump, hot, metal_poor = [4800, 2.45, 0.0, -0.1, 0.2], [9000, 4, 0, 0, 0], [4800, 1.8, -2.3, 0.3, 0.9]
    assert_array_equal(domain.contains([clump, hot, metal_poor]), [True, False, False])
    # No training star is stored: arrays as large as the mixture, whatever the number of stars.
    arrays = [value for value in vars(domain).values() if isinstance(value, np.ndarray)]
    assert max(array.size for array in arrays) == domain.n_components * 5 * 5
