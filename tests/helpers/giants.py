"""Giants with features and smooth targets, to train small networks on."""

import numpy as np

from skdistmass import MassRegressor

QUICK = {"hidden_layer_sizes": (4,), "n_restarts": 1, "max_iter": 20, "batch_size": 100, "random_state": 0}


def features(n_stars, seed=0):
    rng = np.random.default_rng(seed)
    log_g = rng.uniform(1.0, 3.4, n_stars)
    columns = [4000 + 350 * log_g, log_g, rng.normal(-0.2, 0.3, n_stars)]
    columns += [rng.normal(0.0, 0.1, n_stars), rng.normal(0.2, 0.15, n_stars)]
    columns[0] = columns[0] + rng.normal(0, 80, n_stars)
    return np.column_stack(columns)


def magnitude(X):
    """A smooth absolute magnitude [mag]."""
    return 2.4 * X[:, 1] - 8.0 + 0.6 * X[:, 2] - 0.2 * np.sin(2.0 * X[:, 1])


def mass(X):
    """A smooth mass [Msun]."""
    return np.exp(0.2 + 1.2 * (X[:, 4] - X[:, 3]) - 0.1 * X[:, 2])


def labels(kind, X):
    return mass(X) if kind is MassRegressor else magnitude(X)
