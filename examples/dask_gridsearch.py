"""
Choosing an architecture on a cluster
=====================================

scikit-learn's `GridSearchCV` hands its fits to joblib, and joblib hands them to a Dask cluster. Nothing
else changes: the same search runs on the cores of this machine (as here) or, with the address of a scheduler
as the argument, on hundreds of workers. The result does not depend on where it runs.

Usage: ``python examples/dask_gridsearch.py [tcp://SCHEDULER:8786]``; it needs the extra ``[dask]``.
"""

import sys

import joblib
import numpy as np
from sklearn.model_selection import GridSearchCV, KFold

from skdistmass import DistanceRegressor, make_survey
from skdistmass.columns import FEATURES
from skdistmass.survey.dask import connect


def training_set(n_stars=3000):
    """Simulate giants whose absolute magnitudes are known to 0.1 mag."""
    stars, truth = make_survey(n_stars, random_state=0)
    features = np.column_stack([np.asarray(stars[name], dtype=float) for name in FEATURES])
    magnitude = np.asarray(truth["absolute_magnitude_system"], dtype=float)
    used = np.isfinite(features).all(axis=1) & (features[:, 1] < 3.5)
    noise = np.random.default_rng(0).normal(0.0, 0.1, used.sum())
    return features[used], magnitude[used] + noise


def main(scheduler=None):
    """Search, and print the architectures in the order of their errors."""
    X, y = training_set()
    search = GridSearchCV(
        DistanceRegressor(random_state=0),
        {"hidden_layer_sizes": [(4,), (8,), (16,), (8, 8)]},
        scoring="neg_root_mean_squared_error",
        cv=KFold(5, shuffle=True, random_state=0),
    )
    with connect(scheduler), joblib.parallel_config(backend="dask"):
        search.fit(X, y)
    results = search.cv_results_
    for rank in np.argsort(results["rank_test_score"]):
        sizes = results["param_hidden_layer_sizes"][rank]
        print(f"{sizes!s:8} {-results['mean_test_score'][rank]:.4f} mag")
    return search


if __name__ == "__main__":
    main(*sys.argv[1:])
