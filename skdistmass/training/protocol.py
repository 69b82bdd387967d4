"""Protocol of a training: split, fit, calibration of the errors, test; the same for every model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone

from skdistmass.columns import FEATURES
from skdistmass.estimators.base import NetworkRegressor
from skdistmass.estimators.domain import TrainingDomain
from skdistmass.estimators.pruning import BinaryPruner
from skdistmass.survey.duplicates import hash_ids
from skdistmass.training.card import make_card
from skdistmass.training.evaluation import (
    predict_test_stars,
    summarize_groups,
    summarize_residuals,
    table_by_log_g,
    table_of_clusters,
)
from skdistmass.training.split import PARTS, split_by_star, star_folds
from skdistmass.training.trained_model import TrainedModel, tabulate_test_stars
from skdistmass.training.training_set import TrainingSet

Calibration = Literal["validation", "out_of_fold"]
Progress = Callable[[str], None]
References = Callable[[NetworkRegressor], Mapping[str, ArrayLike]]

_CALIBRATIONS = ("validation", "out_of_fold")


@dataclass(frozen=True)
class Protocol:
    """How a model is split, calibrated, measured and described.

    Parameters
    ----------
    calibration : {"validation", "out_of_fold"}
        Stars that the errors are measured on.
    test_size, validation_size : float
        Shares of the stars in the test and the validation part.
    random_state : int
        Seed of the split and of the folds.
    references : callable or None
        Gives fractional errors of a fitted model against further references, by name.
    about : mapping or None
        Further entries of the card.
    progress : callable or None
        Called with a line of text at each step.
    """

    calibration: Calibration
    test_size: float
    validation_size: float
    random_state: int
    references: References | None
    about: Mapping[str, Any] | None
    progress: Progress | None

    def train(
        self,
        training_set: TrainingSet,
        estimator: NetworkRegressor,
        pruner: BinaryPruner | None,
        label_set: str | None = None,
    ) -> TrainedModel:
        """Split, fit, calibrate and test.

        Parameters
        ----------
        training_set : TrainingSet
            The stars.
        estimator : DistanceRegressor or MassRegressor
            Unfitted model.
        pruner : BinaryPruner or None
            Unfitted meta-estimator around it.
        label_set : str, optional
            Which of the six sets of masses the labels are.

        Returns
        -------
        TrainedModel
            The model and what was measured.

        Raises
        ------
        ValueError
            If the split or the calibration is not usable; nothing has been fitted then.
        """
        part = self._split(training_set)
        X, y, weight = training_set.X, training_set.y, training_set.sample_weight
        training = np.flatnonzero(part == "training")
        self._tell(f"fitting on {len(training)} of {len(training_set)} stars")
        kept = training
        if pruner is None:
            model = estimator.fit(X[training], y[training], sample_weight=weight[training])
        else:
            model = pruner.fit(X[training], y[training], sample_weight=weight[training]).estimator_
            kept = training[pruner.support_]
            self._tell(f"left {len(training) - len(kept)} stars out that look like binaries")
        self._calibrate(model, model if pruner is None else pruner, training_set, part)
        self._tell(f"measured errors on {model.error_model_.n_stars} stars")
        # By columns, as a data frame has them: sums of the same stars then agree to the last bit.
        model.domain_ = TrainingDomain().fit(np.asfortranarray(X[kept]))
        model.training_ids_, first = np.unique(hash_ids(training_set.ids[kept]), return_index=True)
        model.training_bits_ = training_set.source_bits[kept][first]
        result = self._measure(model, training_set, part, pruner, kept)
        model.card_ = make_card(result, self.calibration, self.random_state, label_set, self.about)
        self._tell(f"tested on {result.metrics['all']['n']} stars")
        return result

    def _tell(self, message: str) -> None:
        if self.progress is not None:
            self.progress(message)

    def _split(self, training_set: TrainingSet) -> NDArray[np.str_]:
        """Part of each star, checked."""
        if self.calibration not in _CALIBRATIONS:
            raise ValueError(
                f"calibration must be one of {', '.join(_CALIBRATIONS)}; received {self.calibration!r}."
            )
        part = training_set.part
        if part is None:
            validation_size = self.validation_size if self.calibration == "validation" else 0.0
            part = split_by_star(training_set.ids, self.test_size, validation_size, self.random_state)
        _check_parts(part, training_set.ids, self.calibration)
        return part

    def _calibrate(
        self,
        model: NetworkRegressor,
        fitter: NetworkRegressor | BinaryPruner,
        training_set: TrainingSet,
        part: NDArray[np.str_],
    ) -> None:
        """Measure the errors on stars that the model, or its like, has not seen."""
        X, y, weight = training_set.X, training_set.y, training_set.sample_weight
        if self.calibration == "validation":
            validation = part == "validation"
            model.calibrate(X[validation], y[validation])
            return
        rows = np.flatnonzero(part == "training")
        prediction = np.empty(len(rows))
        for others, fold in star_folds(training_set.ids[rows], self.random_state):
            seen, unseen = rows[others], rows[fold]
            fitted = clone(fitter).fit(X[seen], y[seen], sample_weight=weight[seen])
            prediction[fold] = fitted.predict(X[unseen])
        model.calibrate(X[rows], y[rows], prediction=prediction)

    def _measure(
        self,
        model: NetworkRegressor,
        training_set: TrainingSet,
        part: NDArray[np.str_],
        pruner: BinaryPruner | None,
        kept: NDArray[np.intp],
    ) -> TrainedModel:
        residuals = predict_test_stars(model, training_set, part)
        metrics = summarize_groups(training_set, residuals, pruner)
        if self.references is not None:
            errors = self.references(model)
            metrics |= {name: summarize_residuals(fraction) for name, fraction in errors.items()}
        clusters = None
        if training_set.members is not None:
            clusters = table_of_clusters(model, training_set.members, training_set.rows[kept])
        final = part.copy()
        final[np.setdiff1d(np.flatnonzero(part == "training"), kept)] = "pruned"
        log_g = training_set.X[residuals.rows, FEATURES.index("LOGG")]
        return TrainedModel(
            estimator=model,
            training_set=training_set,
            part=final,
            pruner=pruner,
            test=tabulate_test_stars(training_set, residuals),
            metrics=metrics,
            by_log_g=table_by_log_g(log_g, residuals.fraction),
            clusters=clusters,
        )


def _check_parts(part: NDArray[np.str_], ids: NDArray[np.str_], calibration: Calibration) -> None:
    needed = sorted(PARTS if calibration == "validation" else {*PARTS} - {"validation"})
    found = np.unique(part).tolist()
    if found != needed:
        raise ValueError(
            f"calibration={calibration!r} needs stars of the parts {', '.join(needed)}; the training set has "
            f"{', '.join(found)}. Errors are measured on a validation part, or on out-of-fold predictions of "
            "the training part."
        )
    stars, first, star = np.unique(ids, return_index=True, return_inverse=True)
    mixed = np.unique(star[part != part[first][star]])
    if mixed.size:
        raise ValueError(
            f"all rows of a star must be in one part; {mixed.size} of {len(stars)} stars are in several "
            f"(first: {stars[mixed[0]]})."
        )
