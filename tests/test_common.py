"""scikit-learn's common checks, over one cheap instance of each estimator."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from skdistmass import DistanceRegressor, MassRegressor, MassToAge, TrainingDomain

ESTIMATORS = [
    DistanceRegressor(max_iter=100, n_restarts=1),
    MassRegressor(max_iter=100, n_restarts=1),
    MassRegressor(target="mass", loss="huber", max_iter=100, n_restarts=2, n_members=2),
    MassToAge(max_iter=100),
    TrainingDomain(),
]

# Checks of scikit-learn build tables that are too small, or constant, on purpose.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@parametrize_with_checks(ESTIMATORS)
def test_common_checks(estimator, check):
    check(estimator)
