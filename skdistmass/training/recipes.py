"""From a survey table to a trained, calibrated and verified model."""

from __future__ import annotations

import numpy as np
from sklearn.base import clone

from skdistmass.columns import LABEL_SETS
from skdistmass.estimators.distance import DistanceRegressor
from skdistmass.estimators.domain import TrainingDomain
from skdistmass.estimators.mass import MassRegressor
from skdistmass.estimators.pruning import BinaryPruner
from skdistmass.survey.duplicates import hash_ids
from skdistmass.training.distance_set import distance_training_set
from skdistmass.training.mass_set import mass_training_set
from skdistmass.training.trained_model import TrainedModel, make_card, measure
from skdistmass.training.training_set import TrainingSet

PARTS = ("training", "validation", "test")
SPLIT = (0.64, 0.16, 0.20)
"""Shares of the stars to fit on, to calibrate errors on, and to test on: those of the paper."""


def split_by_star(ids, split=SPLIT, random_state=0):
    """Split rows into training, validation and test part, all rows of a star on one side.

    Parameters
    ----------
    ids : array-like of str of shape (n_samples,)
        Identifier of the star of each row.
    split : tuple of float, default=(0.64, 0.16, 0.20)
        Shares of the three parts; positive, with a sum of 1.
    random_state : int, default=0
        Seed.

    Returns
    -------
    ndarray of str of shape (n_samples,)
        "training", "validation" or "test".

    Raises
    ------
    ValueError
        If the shares are not three positive numbers with a sum of 1.

    Notes
    -----
    The part of a star depends on the set of identifiers and the seed, not on the order of the rows.

    Examples
    --------
    >>> split_by_star(["a", "b", "c", "d", "e", "a"], split=(0.6, 0.2, 0.2)).tolist()
    ['training', 'test', 'validation', 'training', 'training', 'training']
    """
    shares = np.asarray(split, dtype=float)
    if shares.shape != (3,) or not np.all(shares > 0) or not np.isclose(shares.sum(), 1.0):
        raise ValueError(f"split has to be three positive shares with a sum of 1; received {split!r}.")
    stars, star = np.unique(np.asarray(ids), return_inverse=True)
    rank = np.random.default_rng(random_state).permutation(len(stars))
    part = np.searchsorted(np.cumsum(shares)[:2], (rank + 0.5) / len(stars))
    return np.array(PARTS)[part][star]


def train_distance(
    stars,
    *,
    estimator=None,
    threshold=0.13,
    where="dwarfs",
    cv=None,
    n_passes=1,
    split=SPLIT,
    random_state=0,
    progress=None,
    **cuts,
):
    """Train a distance model by the published recipe.

    Parameters
    ----------
    stars : path, astropy.table.Table, pandas.DataFrame or TrainingSet
        Survey table with Gaia columns, or what `distance_training_set` made of it.
    estimator : DistanceRegressor, optional
        Unfitted model; by default the published network with `random_state`. ``solver="adam"`` is the
        published protocol, "lbfgs" the faster one.
    threshold : float, "auto" or None, default=0.13
        Threshold of `BinaryPruner`; None to keep binaries.
    where : {"dwarfs", "all"}, default="dwarfs"
        Which stars `BinaryPruner` may drop.
    cv : int, cross-validation generator or None, default=None
        Splits of `BinaryPruner`.
    n_passes : int, default=1
        Passes of `BinaryPruner`.
    split : tuple of float, default=(0.64, 0.16, 0.20)
        Shares of training, validation and test part.
    random_state : int, default=0
        Seed of the split, and of the default estimator.
    progress : callable, optional
        Called with a line of text at each step.
    **cuts
        Parameters of `distance_training_set`, if `stars` is a table.

    Returns
    -------
    TrainedModel
        The model, ready for `build_catalog`, its test stars and metrics.

    Raises
    ------
    ValueError
        If the stars cannot be trained on, see `distance_training_set`, or an argument is not usable. Nothing
        has been fitted then.

    See Also
    --------
    train_mass : The same for masses.

    Notes
    -----
    The network is fitted on the training part without stars that look like binaries, its errors are measured
    on the validation part, all metrics are of the test part; binaries stay in both. With ``solver="adam"``
    the stars for early stopping are a fifth of the training part (`validation_fraction`).

    References
    ----------
    Stone-Martinez A., et al. 2024, AJ 167, 73, sections 3 and 4.

    Examples
    --------
    >>> from skdistmass import DistanceRegressor, make_survey
    >>> from skdistmass.training import train_distance
    >>> stars, truth = make_survey(2000, random_state=0)
    >>> network = DistanceRegressor(n_restarts=1, max_iter=100, random_state=0)
    >>> model = train_distance(stars, estimator=network)
    >>> model.metrics["all"]["mad_sigma"] < 0.2
    True
    """
    training_set = _as_training_set(stars, "distance", distance_training_set, cuts, progress)
    estimator = _check_estimator(estimator, DistanceRegressor, random_state)
    pruner = None
    if threshold is not None:
        pruner = BinaryPruner(estimator, threshold=threshold, where=where, cv=cv, n_passes=n_passes)
    return _train(training_set, estimator, pruner, split, random_state, progress)


def train_mass(
    stars,
    labels=None,
    *,
    estimator=None,
    label_set=None,
    split=SPLIT,
    random_state=0,
    progress=None,
    **cuts,
):
    """Train a mass model by the published recipe.

    Parameters
    ----------
    stars : path, astropy.table.Table, pandas.DataFrame or TrainingSet
        Survey table, or what `mass_training_set` made of it.
    labels : path, astropy.table.Table or pandas.DataFrame, optional
        Table of masses; needed unless `stars` is a `TrainingSet`.
    estimator : MassRegressor, optional
        Unfitted model; by default the published network with `random_state`.
    label_set : str, optional
        Which of the six sets of masses the labels are, such as "COR_MO" (`skdistmass.columns.LABEL_SETS`):
        the catalogue then writes MASS_COR_MO and AGE_COR_MO instead of MASS and AGE.
    split : tuple of float, default=(0.64, 0.16, 0.20)
        Shares of training, validation and test part.
    random_state : int, default=0
        Seed of the split, and of the default estimator.
    progress : callable, optional
        Called with a line of text at each step.
    **cuts
        Parameters of `mass_training_set`, if `stars` is a table.

    Returns
    -------
    TrainedModel
        The model, ready for `build_catalog`, its test stars and metrics.

    Raises
    ------
    ValueError
        If the stars cannot be trained on, see `mass_training_set`, or an argument is not usable. Nothing has
        been fitted then.

    See Also
    --------
    train_distance : The same for distances.

    References
    ----------
    Stone-Martinez A., et al. 2024, AJ 167, 73, sections 3 and 5.
    """
    if label_set is not None and label_set not in LABEL_SETS:
        raise ValueError(f"label_set has to be one of {LABEL_SETS}; received {label_set!r}.")
    if labels is None and not isinstance(stars, TrainingSet):
        raise ValueError("labels are needed: a table with identifiers, masses [Msun] and their errors.")
    cuts = cuts if labels is None else {"labels": labels, **cuts}
    training_set = _as_training_set(stars, "mass", mass_training_set, cuts, progress)
    estimator = _check_estimator(estimator, MassRegressor, random_state)
    result = _train(training_set, estimator, None, split, random_state, progress)
    if label_set is not None:
        result.estimator.card_["label_set"] = label_set
    return result


def _as_training_set(stars, kind, make, cuts, progress):
    if not isinstance(stars, TrainingSet):
        _tell(progress, "choosing the training set")
        return make(stars, **cuts)
    if stars.kind != kind:
        raise ValueError(
            f"the training set is one of {stars.kind} labels; a {kind} model needs {kind} labels."
        )
    if cuts:
        raise ValueError(
            f"{', '.join(cuts)} cannot be given with a TrainingSet, which is already cut; give it the table "
            "instead."
        )
    return stars


def _check_estimator(estimator, kind, random_state):
    if estimator is None:
        return kind(random_state=random_state)
    if not isinstance(estimator, kind):
        raise ValueError(f"estimator has to be a {kind.__name__}; received a {type(estimator).__name__}.")
    return clone(estimator)


def _tell(progress, message):
    if progress is not None:
        progress(message)


def _train(training_set, estimator, pruner, split, random_state, progress):
    part = split_by_star(training_set.ids, split, random_state)
    X, y, weight = training_set.X, training_set.y, training_set.sample_weight
    training, validation = np.flatnonzero(part == "training"), part == "validation"
    _tell(progress, f"fitting on {len(training)} of {len(training_set)} stars")
    pruned = np.zeros(len(training_set), dtype=bool)
    if pruner is None:
        model = estimator.fit(X[training], y[training], sample_weight=weight[training])
    else:
        pruner.fit(X[training], y[training], sample_weight=weight[training])
        model = pruner.estimator_
        pruned[training] = ~pruner.support_
        _tell(progress, f"left {np.count_nonzero(pruned)} stars out that look like binaries")
    kept = training[~pruned[training]]
    model.calibrate(X[validation], y[validation])
    _tell(progress, f"measured errors on {np.count_nonzero(validation)} stars")
    model.domain_ = TrainingDomain().fit(X[kept])
    model.training_ids_, first = np.unique(hash_ids(training_set.ids[kept]), return_index=True)
    model.training_bits_ = training_set.source_bits[kept][first]
    result = TrainedModel(
        estimator=model,
        training_set=training_set,
        part=np.where(pruned, "pruned", part),
        pruner=pruner,
        **measure(model, training_set, part, pruner, kept),
    )
    model.card_ = make_card(result, random_state)
    _tell(progress, f"tested on {result.metrics['all']['n']} stars")
    return result
