"""A table of giants, and a small network fitted to it."""

import numpy as np
import pytest
from giants import QUICK, features, magnitude

from skdistmass import DistanceRegressor


@pytest.fixture(scope="module")
def table():
    X = features(300)
    rng = np.random.default_rng(1)
    return X, magnitude(X) + rng.normal(0, 0.1, 300), rng.uniform(20.0, 400.0, 300)


@pytest.fixture(scope="module")
def fitted(table):
    return DistanceRegressor(**QUICK | {"max_iter": 200}).fit(*table)
