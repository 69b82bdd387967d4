"""scikit-learn's common checks, over one cheap instance of each estimator."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from skdistmass import DistanceRegressor, MassRegressor, MassToAge, TrainingDomain

# The smallest networks that learn the checks' own tables: every check fits several.
QUICK = {"hidden_layer_sizes": (4,), "n_restarts": 1, "max_iter": 12}
ESTIMATORS = [
    DistanceRegressor(**QUICK),
    MassRegressor(loss="huber", n_members=2, **QUICK),
    MassToAge(hidden_layer_sizes=(4,), max_iter=12),
    TrainingDomain(n_components=4),
]

# Checks of scikit-learn build tables that are too small, or constant, on purpose.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@parametrize_with_checks(ESTIMATORS)
def test_common_checks(estimator, check):
    check(estimator)
