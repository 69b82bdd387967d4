"""A small simulated survey with labels, and the models trained on it."""

import numpy as np
import pytest
from astropy.table import Table

from skdistmass.estimators.distance import DistanceRegressor
from skdistmass.estimators.mass import MassRegressor
from skdistmass.simulate import make_survey
from skdistmass.training import (
    train_distance,
    train_mass,
)

NETWORK = {"n_restarts": 1, "max_iter": 150, "random_state": 0}


@pytest.fixture(scope="module")
def survey():
    return make_survey(6000, random_state=5)


@pytest.fixture(scope="module")
def stars(survey):
    return survey[0]


@pytest.fixture(scope="module")
def labels(survey):
    """Seismic masses of the giants with 5 % errors."""
    stars, truth = survey
    first = np.unique(np.asarray(stars["APOGEE_ID"]), return_index=True)[1]
    rows = np.sort(first[np.asarray(truth["log_g"])[first] < 3.4])
    mass = np.asarray(truth["mass"])[rows]
    noisy = mass * (1 + 0.05 * np.random.default_rng(0).standard_normal(len(rows)))
    return Table({"APOGEE_ID": stars["APOGEE_ID"][rows], "MASS": noisy, "MASS_ERR": 0.05 * noisy})


@pytest.fixture(scope="module")
def trained(stars):
    return train_distance(stars, estimator=DistanceRegressor(**NETWORK))


@pytest.fixture(scope="module")
def trained_mass(stars, labels):
    return train_mass(stars, labels, estimator=MassRegressor(**NETWORK))


def no_fit(*args, **kwargs):
    raise AssertionError("fitting started")


@pytest.fixture
def never_fitted(monkeypatch):
    """Fail if anything is fitted: errors have to come before."""
    monkeypatch.setattr("skdistmass.estimators.base.NetworkRegressor.fit", no_fit)
