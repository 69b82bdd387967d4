"""A model in two parts: real stars alone, then what anchors correct."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skdistmass.estimators.base import NetworkRegressor
from skdistmass.estimators.distance import DistanceRegressor
from skdistmass.estimators.mass import MassRegressor
from skdistmass.training.correction import _member_output, fit_corrected, join_networks

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

SETTINGS = {"activation": "tanh", "n_members": 2, "n_restarts": 1, "max_iter": 150, "random_state": 0}


@pytest.fixture(scope="module")
def stars():
    """Real stars on one side of log g 3, anchors on the other; magnitudes follow one smooth relation."""
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.normal(4800, 200, 900), rng.uniform(1, 5, 900), rng.normal(0, 0.2, (900, 3))])
    y = np.exp(0.3 * (X[:, 1] - 3.0) + 0.2 * X[:, 2])
    real = X[:, 1] < 3
    order = np.argsort(~real, kind="stable")
    return X[order], y[order], np.full(900, 400.0), int(real.sum())


@pytest.mark.parametrize("kind", [DistanceRegressor, MassRegressor])
def test_sum_holds_real_stars_and_anchors(kind, stars):
    X, y, weight, n = stars
    model = kind(hidden_layer_sizes=(6, 6), **SETTINGS)
    alone = kind(hidden_layer_sizes=(6, 6), **SETTINGS).fit(X[:n], y[:n], sample_weight=weight[:n])
    both = fit_corrected(model, (X[:n], y[:n], weight[:n]), (X, y, weight), (5, 4))
    error = np.abs(both.predict(X) / y - 1)
    assert np.median(error[n:]) < 0.02 < np.median(np.abs(alone.predict(X[n:]) / y[n:] - 1))
    assert np.median(error[:n]) < 0.02
    assert both.hidden_layer_sizes == (11, 10)
    assert not hasattr(model, "coefs_")
    members = [_member_output(both, member, X[n:]) for member in range(2)]
    assert np.median(np.abs(members[0] - members[1])) < 0.02  # each is held, not only their mean


def test_joined_network_is_the_sum_of_parts_with_their_own_scalers(stars):
    X, y, weight, n = stars
    one = SETTINGS | {"n_members": 1}
    first = NetworkRegressor(hidden_layer_sizes=(4, 3), **SETTINGS).fit(X[:n], y[:n])
    others = [NetworkRegressor(hidden_layer_sizes=(5, 2), **one).fit(X, f * y, weight) for f in (-1.0, 2.0)]
    expected = first.predict(X) + np.mean([other.predict(X) for other in others], axis=0)
    alone = first.pipeline_
    join_networks(first, others)
    assert_allclose(first.predict(X), expected, rtol=0, atol=1e-12)
    assert_allclose(first.pipeline_.predict(X), expected, rtol=0, atol=1e-4)
    assert first.pipeline_ is not alone
    assert [kernel.shape for kernel in first.coefs_] == [(2, 5, 9), (2, 9, 5), (2, 5, 1)]
    # No unit of one network sees one of the other.
    assert_array_equal(first.coefs_[1][:, :4, 3:], 0)
    assert_array_equal(first.coefs_[1][:, 4:, :3], 0)


def test_parts_of_different_depth_are_refused(stars):
    X, y, weight, n = stars
    model = DistanceRegressor(hidden_layer_sizes=(4,), **SETTINGS)
    with pytest.raises(ValueError, match=r"as many hidden layers as the model; received \(3, 3\) for \(4,\)"):
        fit_corrected(model, (X[:n], y[:n], weight[:n]), (X, y, weight), (3, 3))
