"""Training of models: the published recipes, from a survey table or labels to a calibrated, tested model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np
from sklearn.base import clone

from skdistmass.columns import LABEL_SETS
from skdistmass.estimators.age import MassToAge, isochrone_ages
from skdistmass.estimators.base import NetworkRegressor
from skdistmass.estimators.distance import DistanceRegressor
from skdistmass.estimators.mass import MassRegressor
from skdistmass.estimators.pruning import BinaryPruner
from skdistmass.progress import stage
from skdistmass.training.card import make_age_card
from skdistmass.training.distance_set import distance_training_set
from skdistmass.training.mass_set import mass_training_set
from skdistmass.training.protocol import Calibration, Progress, Protocol, References
from skdistmass.training.split import TEST_SIZE, VALIDATION_SIZE
from skdistmass.training.training_set import TrainingSet

if TYPE_CHECKING:
    from skdistmass.training.label_table import LabelSource
    from skdistmass.training.trained_model import TrainedModel

_Cuts = Callable[..., TrainingSet]
_Model = TypeVar("_Model", bound=NetworkRegressor)


def train_distance(
    stars: LabelSource | TrainingSet,
    *,
    estimator: DistanceRegressor | None = None,
    threshold: float | str | None = 0.13,
    where: str = "dwarfs",
    cv: Any = None,
    n_passes: int = 1,
    calibration: Calibration = "validation",
    test_size: float = TEST_SIZE,
    validation_size: float = VALIDATION_SIZE,
    random_state: int = 0,
    references: References | None = None,
    about: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
    refit: bool = False,
    **cuts: Any,
) -> TrainedModel:
    """Train a distance model by the published recipe.

    Parameters
    ----------
    stars : path, astropy.table.Table, pandas.DataFrame or TrainingSet
        Survey table with Gaia columns, or a training set: that of `distance_training_set`, or one of labels
        of your own (`TrainingSet.from_labels`).
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
    calibration : {"validation", "out_of_fold"}, default="validation"
        Stars that the errors are measured on: a validation part, as published, or the training part, with
        out-of-fold predictions of five folds, so that more stars are left to train on.
    test_size : float, default=0.20
        Share of the stars in the test part. A training set with a `part` keeps its own split.
    validation_size : float, default=0.16
        Share of the stars in the validation part; "out_of_fold" has none.
    random_state : int, default=0
        Seed of the split, of the folds, and of the default estimator.
    references : callable, optional
        Called with the fitted model; gives fractional errors against further references by name, for the
        metrics.
    about : mapping, optional
        Further entries of the card, such as "scale", "notes" and "citation" (a list).
    progress : callable, optional
        Called with a line of text at each step.
    refit : bool, default=False
        After the test fit once more, on all stars, the test part too; errors and metrics stay those of stars
        that were left out of a fit, so take "out_of_fold".
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
    train_age : Trains the relation of mass, metallicity and age.

    Notes
    -----
    The network is fitted on the training part without stars that look like binaries; its errors and metrics
    are of stars among which binaries stay. Anchors (`add_anchors`) are in every fit, chosen by the real stars
    of that fit, and in nothing else. With ``solver="adam"`` the stars for early stopping are a fifth of the
    training part (`validation_fraction`).

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
    >>> model.metrics["all"]["robust_sigma"] < 0.2
    True
    """
    training_set = _as_training_set(stars, "distance", distance_training_set, cuts, progress)
    model = _unfitted(estimator, DistanceRegressor, random_state)
    pruner = None
    if threshold is not None:
        pruner = BinaryPruner(model, threshold=threshold, where=where, cv=cv, n_passes=n_passes)
    protocol = Protocol(
        calibration, test_size, validation_size, random_state, references, about, progress, refit
    )
    return protocol.train(training_set, model, pruner)


def train_mass(
    stars: LabelSource | TrainingSet,
    labels: LabelSource | None = None,
    *,
    estimator: MassRegressor | None = None,
    label_set: str | None = None,
    calibration: Calibration = "validation",
    test_size: float = TEST_SIZE,
    validation_size: float = VALIDATION_SIZE,
    random_state: int = 0,
    references: References | None = None,
    about: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
    refit: bool = False,
    **cuts: Any,
) -> TrainedModel:
    """Train a mass model by the published recipe.

    Parameters
    ----------
    stars : path, astropy.table.Table, pandas.DataFrame or TrainingSet
        Survey table, or a training set: that of `mass_training_set`, or one of labels of your own
        (`TrainingSet.from_labels`).
    labels : path, astropy.table.Table or pandas.DataFrame, optional
        Table of masses; needed unless `stars` is a `TrainingSet`.
    estimator : MassRegressor, optional
        Unfitted model; by default the published network with `random_state`.
    label_set : str, optional
        Which of the six sets of masses the labels are, such as "COR_MO" (`skdistmass.columns.LABEL_SETS`):
        the catalogue then writes MASS_COR_MO and AGE_COR_MO instead of MASS and AGE.
    calibration, test_size, validation_size, random_state, references, about, progress, refit
        As in `train_distance`.
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
        raise ValueError(f"label_set must be one of {LABEL_SETS}; received {label_set!r}.")
    if labels is None and not isinstance(stars, TrainingSet):
        raise ValueError("labels are needed: a table with identifiers, masses [Msun] and their errors.")
    cuts = cuts if labels is None else {"labels": labels, **cuts}
    training_set = _as_training_set(stars, "mass", mass_training_set, cuts, progress)
    model = _unfitted(estimator, MassRegressor, random_state)
    protocol = Protocol(
        calibration, test_size, validation_size, random_state, references, about, progress, refit
    )
    return protocol.train(training_set, model, None, label_set)


def train_age(
    mass: Literal["current", "initial"] = "current",
    *,
    estimator: MassToAge | None = None,
    random_state: int = 0,
    about: Mapping[str, Any] | None = None,
) -> MassToAge:
    """Train the relation of mass, metallicity and age of the shipped isochrones.

    Parameters
    ----------
    mass : {"current", "initial"}, default="current"
        Which mass the ages are a function of.
    estimator : MassToAge, optional
        Unfitted model; by default that of the shipped relation with `random_state`.
    random_state : int, default=0
        Seed of the default estimator.
    about : mapping, optional
        Further entries of the card.

    Returns
    -------
    MassToAge
        The fitted relation with its `card_`, for `build_catalog` or `save_model`.

    Raises
    ------
    ValueError
        If an argument is not usable.

    See Also
    --------
    MassToAge.from_isochrones : Loads the relation that ships.
    """
    X, y = isochrone_ages(mass)
    model = _unfitted(estimator, MassToAge, random_state).fit(X, y)
    model.card_ = make_age_card(model, X, y, mass, about)
    model.feature_names_in_ = np.array(["MASS", "M_H"], dtype=object)
    return model


def _as_training_set(
    stars: LabelSource | TrainingSet,
    kind: str,
    make: _Cuts,
    cuts: Mapping[str, Any],
    progress: Progress | None,
) -> TrainingSet:
    if not isinstance(stars, TrainingSet):
        stage(message := "choosing the training set")
        if progress is not None:
            progress(message)
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


def _unfitted(estimator: _Model | None, kind: type[_Model], random_state: int) -> _Model:
    if estimator is None:
        return kind(random_state=random_state)
    if not isinstance(estimator, kind):
        raise ValueError(f"estimator must be a {kind.__name__}; received a {type(estimator).__name__}.")
    return clone(estimator)
