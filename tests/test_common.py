"""What holds for every public estimator: scikit-learn's common checks, documented defaults, copies, names."""

import inspect
import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import NotFittedError
from sklearn.utils.estimator_checks import parametrize_with_checks

import skdistmass
from skdistmass import (
    BinaryPruner,
    DistanceRegressor,
    IsochroneDistance,
    LabelScale,
    MassRegressor,
    MassToAge,
    TrainingDomain,
)

# The smallest networks that learn the checks' own tables: every check fits several.
QUICK = {"hidden_layer_sizes": (4,), "n_restarts": 1, "max_iter": 12}
FEATURES = ["TEFF", "LOGG", "M_H", "C_FE", "N_FE"]

# Checks of scikit-learn build tables that are too small, or constant, on purpose.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def instances():
    """One cheap instance of every public estimator, and of each way to put one into another."""
    return [
        DistanceRegressor(**QUICK),
        MassRegressor(loss="huber", n_members=2, **QUICK),
        MassToAge(hidden_layer_sizes=(4,), max_iter=12),
        TrainingDomain(n_components=4),
        IsochroneDistance(),
        LabelScale(),
        # The checks set the seed of the outermost estimator only.
        BinaryPruner(DistanceRegressor(random_state=0, **QUICK)),
        BinaryPruner(MassRegressor(target="mass", random_state=0, **QUICK)),
    ]


def public_estimators():
    """Every public class that is an estimator."""
    public = (getattr(skdistmass, name) for name in skdistmass.__all__)
    return [thing for thing in public if inspect.isclass(thing) and issubclass(thing, BaseEstimator)]


def apply(estimator, X):
    """Predict, or transform where there is nothing to predict."""
    return estimator.predict(X) if hasattr(estimator, "predict") else estimator.transform(X)


def name_of(thing):
    return thing.__name__ if inspect.isclass(thing) else str(thing)[:40]


def giants():
    """60 giants with names of columns, as many as an estimator takes, and a positive target."""
    rng = np.random.default_rng(0)
    table = np.column_stack([rng.normal(4700, 200, 60), rng.uniform(1, 3, 60), rng.normal(0, 0.1, (60, 3))])
    return pd.DataFrame(table, columns=FEATURES), np.exp(0.1 * table[:, 1])


@parametrize_with_checks(instances())
def test_common_checks(estimator, check):
    check(estimator)


def test_every_public_estimator_has_an_instance():
    assert {type(estimator) for estimator in instances()} == set(public_estimators())


@pytest.mark.parametrize("kind", public_estimators(), ids=name_of)
def test_documented_parameters_and_defaults_are_those_of_the_constructor(kind):
    lines = inspect.getdoc(kind).split("\nParameters\n", 1)[1].split("\n\n")[0].splitlines()[1:]
    stated = {}
    for line in lines:
        if not line.startswith(" "):
            names, _, what = line.partition(" : ")
            stated |= dict.fromkeys(names.split(", "), what)
    parameters = inspect.signature(kind).parameters
    assert list(stated) == list(parameters)
    for name, parameter in parameters.items():
        if parameter.default is inspect.Parameter.empty:
            assert "default" not in stated[name]
        else:
            assert eval(stated[name].rsplit("default=", 1)[1]) == parameter.default, name


@pytest.mark.parametrize("estimator", instances(), ids=name_of)
def test_copies_predict_the_same(estimator):
    X, y = giants()
    fitted = clone(estimator)
    if "random_state" in fitted.get_params():
        fitted.set_params(random_state=0)
    fitted.fit(X, y)
    assert_array_equal(apply(pickle.loads(pickle.dumps(fitted)), X), apply(fitted, X))
    assert_array_equal(apply(clone(fitted).fit(X, y), X), apply(fitted, X))
    with pytest.raises(NotFittedError):
        apply(clone(fitted), X)


@pytest.mark.parametrize("estimator", instances(), ids=name_of)
def test_names_of_columns_are_kept_and_guarded(estimator):
    X, y = giants()
    fitted = clone(estimator).fit(X, y)
    assert list(fitted.feature_names_in_) == FEATURES
    with pytest.raises(ValueError, match="feature names should match"):
        apply(fitted, X[FEATURES[::-1]])
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        apply(fitted, X.to_numpy())
