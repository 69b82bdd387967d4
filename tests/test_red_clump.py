"""The classifier of the red clump: the Kiel diagram, and rows that do not depend on others."""

import numpy as np
from numpy.testing import assert_array_equal

from skdistmass.models.red_clump import red_clump_probability


def stars(n, **labels):
    X = np.tile([4800.0, 2.4, 0.0, -0.05, 0.2], (n, 1))
    for column, name in enumerate(("teff", "log_g", "m_h", "c_fe", "n_fe")):
        if name in labels:
            X[:, column] = labels[name]
    return X


def test_the_clump_lies_at_its_temperature_and_gravity():
    # Clump stars of solar metallicity: log g 2.35-2.55, about 4800 K, 200 K hotter than the branch there.
    assert (red_clump_probability(stars(3, log_g=[2.38, 2.42, 2.46])) > 0.9).all()
    assert (red_clump_probability(stars(3, teff=[4450.0, 4500.0, 4550.0], log_g=2.4)) < 0.05).all()
    # No star of the branch below or far above the clump burns helium.
    assert (
        red_clump_probability(stars(3, teff=[4850.0, 4900.0, 4950.0], log_g=[3.1, 3.2, 3.3])) < 0.05
    ).all()
    assert (
        red_clump_probability(stars(3, teff=[3900.0, 4050.0, 4150.0], log_g=[1.0, 1.3, 1.6])) < 0.05
    ).all()


def test_hotter_is_likelier_the_clump():
    probability = red_clump_probability(stars(60, teff=np.linspace(4560.0, 4780.0, 60)))
    assert (np.diff(probability) > 0).all()
    assert probability[0] < 0.1
    assert probability[-1] > 0.9


def test_probabilities_and_rows_are_independent():
    X = np.random.default_rng(0).uniform([3500, 0, -2.5, -1, -1], [9000, 5, 1, 1, 1], (3000, 5))
    whole = red_clump_probability(X)
    assert ((whole >= 0) & (whole <= 1)).all()
    assert_array_equal(
        whole, np.concatenate([red_clump_probability(X[i : i + 7]) for i in range(0, 3000, 7)])
    )
    X[0] = 1e90
    assert np.isfinite(red_clump_probability(X)[0])
