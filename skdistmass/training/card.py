"""Cards of models: training set, units, settings, metrics, versions and citation, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from skdistmass.columns import FEATURES, INPUT_COLUMNS

if TYPE_CHECKING:
    from skdistmass.estimators.age import MassToAge
    from skdistmass.estimators.base import NetworkRegressor
    from skdistmass.training.trained_model import TrainedModel

PAPER = "Stone-Martinez A., Holtzman J. A., Imig J., et al. 2024, AJ 167, 73"
MIST = "Choi et al. 2016, ApJ 823, 102; Dotter 2016, ApJS 222, 8 (MIST)"
TARGETS: Mapping[str, tuple[str, str]] = {
    "distance": ("ABS_MAG", "mag (2MASS Ks)"),
    "mass": ("MASS", "solMass (current mass)"),
}
"""What a model of each kind predicts, and in which unit."""

_PACKAGES = ("skdistmass", "numpy", "scipy", "scikit-learn", "scikeras", "keras", "tensorflow")
_CALIBRATIONS = {
    "validation": ("validation for the errors, ", "validation stars"),
    "out_of_fold": ("", "out-of-fold residuals"),
}


def _describe_errors(calibration: str) -> str:
    """Describe where the errors of a model come from.

    Parameters
    ----------
    calibration : {"validation", "out_of_fold"}
        Stars that they are measured on.

    Returns
    -------
    str
        A line of the card.
    """
    where = _CALIBRATIONS[calibration][1]
    return f"distribution of the network's target, three Gaussians from a small network, from {where}"


def make_card(
    result: TrainedModel,
    calibration: str,
    random_state: int,
    label_set: str | None = None,
    about: Mapping[str, Any] | None = None,
    refit: bool = False,
) -> dict[str, Any]:
    """Make the card of a model of distances or masses.

    Parameters
    ----------
    result : TrainedModel
        The model and what was measured.
    calibration : {"validation", "out_of_fold"}
        Which stars the errors were measured on.
    random_state : int
        Seed of the split.
    label_set : str, optional
        Which of the six sets of masses the labels are.
    about : mapping, optional
        Further entries, which go before these; "citation" is a list that is added.
    refit : bool, default=False
        Whether the model is fitted on all stars after the test.

    Returns
    -------
    dict
        Strings, numbers, lists and dicts.
    """
    training_set, part = result.training_set, result.part
    used = part == "training"
    sources, counts = np.unique(training_set.source[used], return_counts=True)
    target, unit = TARGETS[training_set.kind]
    how, _ = _CALIBRATIONS[calibration]
    split = "as given with the labels" if training_set.part is not None else f"by star, seed {random_state}"
    metrics = dict(result.metrics)
    if result.clusters is not None and len(result.clusters):
        metrics["star clusters"] = dict(result.clusters.meta)
    card = {
        "target": f"{target}_{label_set}" if label_set else target,
        "target_unit": unit,
        "features": {name: INPUT_COLUMNS[name].unit for name in FEATURES},
        "training_set": {str(name): int(count) for name, count in zip(sources, counts, strict=True)},
        **{f"n_{name}": int(np.count_nonzero(part == name)) for name in ("training", "validation", "test")},
        "n_pruned": int(np.count_nonzero(part == "pruned")),
        "split": f"{split}: training, {how}test for the metrics",
        "calibration": calibration,
        "steps": {step.name: step.n_stars for step in training_set.steps},
        "cuts": {name: value for name, value in training_set.settings.items() if name != "anchors"},
        "feature_ranges": {
            name: [float(values.min()), float(values.max())]
            for name, values in zip(FEATURES, training_set.X[used].T, strict=True)
        },
        "error_model": _describe_errors(calibration),
        "domain": "Gaussian mixture of the training features, 99 % of the training stars inside",
        "test_metrics": metrics,
    }
    if refit:
        card["refit"] = f"after the test on all {len(part)} stars; errors and metrics are of stars left out"
    if training_set.anchors is not None:
        card["anchors"] = {
            "n": len(training_set.anchors.rows(training_set.X[used])),
            **training_set.settings["anchors"],
            "what": "simulated single stars where no real star is near; they train and are never tested",
        }
    if label_set:
        card["label_set"] = label_set
    if result.pruner is not None:
        card["pruning"] = {
            "threshold": _plain(result.pruner.threshold_),
            "where": result.pruner.where,
            "dwarf_log_g": result.pruner.dwarf_log_g,
            "n_passes": result.pruner.n_passes,
        }
    return _complete(card, result.estimator, [PAPER], about)


def make_age_card(
    model: MassToAge,
    X: NDArray[np.float64],
    y: NDArray[np.float64],
    mass: str,
    about: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """Make the card of a relation of mass, metallicity and age.

    Parameters
    ----------
    model : MassToAge
        Fitted relation.
    X : ndarray of shape (n_samples, 2)
        Mass [Msun] and [M/H] [dex] that it was fitted on.
    y : ndarray of shape (n_samples,)
        log10 of the age in years [dex].
    mass : {"current", "initial"}
        Which mass it is a function of.
    about : mapping, optional
        Further entries, as in `make_card`.

    Returns
    -------
    dict
        Strings, numbers, lists and dicts.
    """
    from skdistmass.estimators.age import MASS_RANGE, MAX_GIANT_LOG_G, METALLICITY_RANGE

    residual = np.abs(model.predict(X) - y)
    low, high = MASS_RANGE
    poor, rich = METALLICITY_RANGE
    card = {
        "target": "LOG_AGE",
        "target_unit": "log10 yr",
        "features": {"MASS": f"solMass ({mass} mass)", "M_H": "dex"},
        "training_set": {f"MIST giants, log g < {MAX_GIANT_LOG_G}": len(y)},
        "n_training": len(y),
        "domain": f"{low} to {high} Msun, [M/H] {poor} to {rich} dex, log g < {MAX_GIANT_LOG_G}",
        "error_model": "errors of the mass carried through the relation; the fit is good to residual_p99_dex",
        "test_metrics": {"residual_p99_dex": round(float(np.percentile(residual, 99)), 5)},
    }
    return _complete(card, model, [PAPER, MIST], about)


def _complete(
    card: Mapping[str, Any], model: NetworkRegressor, citation: list[str], about: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Add the settings of the estimator, date, versions, citation and the entries of the user to a card."""
    further = dict(about or {})
    return {
        "kind": type(model).__name__,
        **card,
        "estimator": {key: _plain(value) for key, value in model.get_params().items()},
        "made_by": "skdistmass.training",
        "date": date.today().isoformat(),
        "versions": {package: version(package) for package in _PACKAGES},
        "citation": [*citation, *further.pop("citation", ())],
        **further,
    }


def _plain(value: Any) -> Any:
    """Value as JSON can hold it."""
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not np.isfinite(value):
        return str(value)
    return value if isinstance(value, str | int | float | bool | type(None)) else repr(value)
