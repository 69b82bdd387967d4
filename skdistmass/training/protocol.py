"""Protocol of a training: split, fit, calibration of the errors, test; the same for every model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone

from skdistmass.columns import FEATURES
from skdistmass.estimators.base import NetworkRegressor
from skdistmass.estimators.domain import TrainingDomain
from skdistmass.estimators.inference import with_feature_names
from skdistmass.estimators.pruning import BinaryPruner
from skdistmass.progress import stage
from skdistmass.survey.duplicates import hash_ids
from skdistmass.training.card import make_card
from skdistmass.training.correction import fit_corrected
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

ANCHORED_COMPONENTS = 32
"""Gaussians of the domain of real stars and anchors, which is several times wider than that of real stars."""

WIDENING = {"distance": (0.10, 2.4, 0.15), "mass": (0.13, 1.2, 0.10)}
"""What widens errors of M_K [mag] and ln mass where training stars are rare, see `calibrate`: measured on
regions that were left out of fits (``tests/benchmarks/bench_uncertainty.py``); the last, for dwarfs and
subgiants, is what isochrones are worth."""

TYPICAL_ERRORS = (12.0, 0.034, 0.0093, 0.025, 0.028)
"""Median errors of the survey's giants, TEFF [K], LOGG, M_H, C_FE, N_FE [dex]."""

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
    refit : bool, default=False
        After the test, fit on all stars, those of the test part too.
    """

    calibration: Calibration
    test_size: float
    validation_size: float
    random_state: int
    references: References | None
    about: Mapping[str, Any] | None
    progress: Progress | None
    refit: bool = False

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
        training = np.flatnonzero(part == "training")
        self._tell(f"fitting on {len(training)} of {len(training_set)} stars")
        model, kept = self._fit(training_set, training, estimator, pruner)
        _describe(model, training_set, kept)
        self._calibrate(model, estimator, pruner, training_set, part)
        self._tell(f"measured errors on {model.error_model_.n_stars} stars")
        result = self._measure(model, training_set, part, pruner, kept)
        card = make_card(result, self.calibration, self.random_state, label_set, self.about, self.refit)
        _label(model, card)
        self._tell(f"tested on {result.metrics['all']['n']} stars")
        return self._refitted(result, estimator, pruner) if self.refit else result

    def _fit(
        self,
        training_set: TrainingSet,
        rows: NDArray[np.intp],
        estimator: NetworkRegressor,
        pruner: BinaryPruner | None,
    ) -> tuple[NetworkRegressor, NDArray[np.intp]]:
        """Fit on some of the stars and the anchors around them; also those that the pruner kept."""
        model, kept = _fit(training_set, rows, estimator, pruner)
        if pruner is not None:
            self._tell(f"left {len(rows) - len(kept)} stars out that look like binaries")
        return model, kept

    def _refitted(
        self, result: TrainedModel, estimator: NetworkRegressor, pruner: BinaryPruner | None
    ) -> TrainedModel:
        """Fit once more, on all stars; errors and metrics stay those of the stars that were left out."""
        training_set = result.training_set
        rows = np.arange(len(training_set))
        self._tell(f"fitting once more, on all {len(rows)} stars")
        model, kept = self._fit(training_set, rows, estimator, None if pruner is None else clone(pruner))
        model.error_model_ = result.estimator.error_model_
        model.distribution_ = result.estimator.distribution_
        _describe(model, training_set, kept)
        _label(model, result.card)
        return replace(result, estimator=model, measured=result.estimator)

    def _tell(self, message: str) -> None:
        stage(message)
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
        estimator: NetworkRegressor,
        pruner: BinaryPruner | None,
        training_set: TrainingSet,
        part: NDArray[np.str_],
    ) -> None:
        """Measure the errors on stars that the model, or its like, has not seen."""
        X = training_set.X
        if self.calibration == "validation":
            validation = part == "validation"
            _measure_errors(model, training_set, np.flatnonzero(validation))
            return
        rows = np.flatnonzero(part == "training")
        prediction = np.empty(len(rows))
        for others, fold in star_folds(training_set.ids[rows], self.random_state):
            fitted, _ = _fit(training_set, rows[others], estimator, None if pruner is None else clone(pruner))
            prediction[fold] = fitted.predict(X[rows[fold]])
        _measure_errors(model, training_set, rows, prediction)

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


def _measure_errors(
    model: NetworkRegressor,
    training_set: TrainingSet,
    rows: NDArray[np.intp],
    prediction: NDArray[np.float64] | None = None,
) -> None:
    """Learn the distribution of the residuals of stars that no fit, or not that of `prediction`, has seen."""
    model.calibrate(
        with_feature_names(model, training_set.X[rows]),
        training_set.y[rows],
        prediction=prediction,
        y_error=training_set.y_error[rows],
        X_error=np.tile(TYPICAL_ERRORS, (len(rows), 1)),
        widening=WIDENING[training_set.kind],
    )


def _fit(
    training_set: TrainingSet,
    rows: NDArray[np.intp],
    estimator: NetworkRegressor,
    pruner: BinaryPruner | None,
) -> tuple[NetworkRegressor, NDArray[np.intp]]:
    """Fit, in one part or in two, on some of the stars and the anchors around them."""
    X, y, weight = training_set.fit_rows(rows)
    layers = None if training_set.anchors is None else training_set.anchors.correction
    if pruner is not None:
        model = pruner.fit(X, y, sample_weight=weight).estimator_
        rows = rows[pruner.support_[: len(rows)]]
        if layers is None:
            return model, rows
        X, y, weight = training_set.fit_rows(rows)
    if layers is None:
        return clone(estimator).fit(X, y, sample_weight=weight), rows
    n = len(rows)
    return fit_corrected(estimator, (X[:n], y[:n], weight[:n]), (X, y, weight), layers), rows


def _label(model: NetworkRegressor, card: dict[str, Any]) -> None:
    """Give a model its card and the names of its columns; with a card it takes arrays by their place too."""
    model.card_ = card
    model.feature_names_in_ = np.array(FEATURES, dtype=object)


def _describe(model: NetworkRegressor, training_set: TrainingSet, kept: NDArray[np.intp]) -> None:
    """Keep what a model file tells of the real stars that trained it: domains, hashed identifiers."""
    X = training_set.X[kept]
    # By columns, as a data frame has them: sums of the same stars then agree to the last bit.
    model.domain_ = TrainingDomain().fit(np.asfortranarray(X))
    if training_set.anchors is not None:
        everything = np.vstack([X, training_set.anchors.X[training_set.anchors.rows(X)]])
        model.anchored_domain_ = TrainingDomain(n_components=ANCHORED_COMPONENTS).fit(everything)
    model.training_ids_, first = np.unique(hash_ids(training_set.ids[kept]), return_index=True)
    model.training_bits_ = training_set.source_bits[kept][first]


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
