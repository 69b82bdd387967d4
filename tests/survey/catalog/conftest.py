"""A simulated survey and its catalogue, made once for all tests of the catalogue."""

import numpy as np
import pytest

from skdistmass import (
    build_catalog,
    make_survey,
)
from skdistmass.columns import FEATURES


def column(table, name):
    return np.asarray(table[name], dtype=float)


@pytest.fixture(scope="package")
def survey():
    return make_survey(3000, random_state=3)


@pytest.fixture(scope="package")
def stars(survey):
    return survey[0]


@pytest.fixture(scope="package")
def catalog(stars):
    return build_catalog(stars)


@pytest.fixture(scope="package")
def X(stars):
    return np.column_stack([column(stars, name) for name in FEATURES])


@pytest.fixture(scope="package")
def usable(X):
    return np.isfinite(X).all(axis=1)
