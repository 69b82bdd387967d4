"""What a training gives: the model, its test stars, its metrics, and files of all of them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from skdistmass.columns import FEATURES, INPUT_COLUMNS
from skdistmass.physics.photometry import MAG_PER_FRACTION
from skdistmass.training.evaluation import (
    format_table,
    summarize_residuals,
    table_by_log_g,
    table_of_clusters,
)

if TYPE_CHECKING:
    from astropy.table import Table

    from skdistmass.training.training_set import TrainingSet

PAPER = "Stone-Martinez A., Holtzman J. A., Imig J., et al. 2024, AJ 167, 73"
_TARGETS = {"distance": ("ABS_MAG", "mag (2MASS Ks)"), "mass": ("MASS", "solMass")}
_PACKAGES = ("skdistmass", "numpy", "scipy", "scikit-learn", "scikeras", "keras", "tensorflow")
_FORMATS = {
    "log_g_low": ".1f",
    "log_g_high": ".1f",
    "distance": ".0f",
    "mean_distance": ".0f",
    **dict.fromkeys(("offset", "mad_sigma", "deviation_p25", "deviation_p75", "scatter"), ".3f"),
}


@dataclass(frozen=True)
class TrainedModel:
    """A trained model with everything that was measured on the way.

    Parameters
    ----------
    estimator : DistanceRegressor or MassRegressor
        Fitted model with `domain_`, `card_` and an error model from the validation part, ready for
        `build_catalog`.
    training_set : TrainingSet
        The stars.
    part : ndarray of str of shape (n_samples,)
        Part of each star of the training set: "training", "pruned" (training, but left out), "validation",
        "test".
    pruner : BinaryPruner or None
        The fitted meta-estimator around the distance model.
    test : astropy.table.Table
        Test stars with labels, predictions and their errors.
    metrics : dict
        Summaries of the fractional errors of the test stars: "all", and for a distance model with a pruner
        "kept", those that the pruner would have kept.
    by_log_g : astropy.table.Table
        Fractional errors of the test stars against surface gravity.
    clusters : astropy.table.Table or None
        Distances of star clusters, over all their members.
    """

    estimator: Any
    training_set: TrainingSet
    part: np.ndarray
    pruner: Any
    test: Table
    metrics: dict
    by_log_g: Table
    clusters: Table | None

    @property
    def card(self) -> dict:
        """What a reader of the model file should know."""
        return self.estimator.card_

    def report(self) -> str:
        """Write what was done and measured as text.

        Returns
        -------
        str
            Steps of the training set, parts, pruning, errors against surface gravity, error model, clusters.
        """
        kind = self.training_set.kind
        table = self.training_set.settings.get("table", "")
        lines = [f"{type(self.estimator).__name__} trained on {table}", ""]
        lines += ["stars  step".rjust(15), str(self.training_set), ""]
        parts = ("training", "pruned", "validation", "test")
        counts = {name: np.count_nonzero(self.part == name) for name in parts}
        lines.append("parts: " + ", ".join(f"{count} {name}" for name, count in counts.items() if count))
        if self.pruner is not None:
            lines.append(
                f"binaries: {counts['pruned']} training stars left out, residual above "
                f"{self.pruner.threshold_:.3g} (threshold={self.pruner.threshold!r}, "
                f"where={self.pruner.where!r})"
            )
        lines += ["", f"fractional {kind} errors of the test stars"]
        for name, summary in self.metrics.items():
            lines.append(f"{name:>6s}: " + ", ".join(f"{key} {value}" for key, value in summary.items()))
        lines += ["", format_table(self.by_log_g, _FORMATS), "", f"error model: {self._error_formula()}"]
        if self.clusters is not None and len(self.clusters):
            meta = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in self.clusters.meta.items())
            lines += ["", f"star clusters: {meta}", format_table(self.clusters, _FORMATS)]
        return "\n".join(lines) + "\n"

    def _error_formula(self) -> str:
        """Quadratic error model in log g, as a fraction of distance or mass."""
        model = self.estimator.error_model_
        scale = 1.0 / MAG_PER_FRACTION if self.training_set.kind == "distance" else 1.0
        symbol = "d" if self.training_set.kind == "distance" else "M"
        unit = f"σ_{symbol}/{symbol}"
        if getattr(self.estimator, "target", "log_mass") == "mass":
            unit = "σ_M [Msun]"
        powers = ["", " log g", " log² g"]
        terms = [f"{scale * c:+.5f}{powers[i]}" for i, c in enumerate(reversed(model.coefficients))]
        return (
            f"{unit} = {' '.join(terms)} for {model.low:.2f} < log g < {model.high:.2f}, at least "
            f"{scale * model.floor:.4f}; from {model.n_stars} validation stars"
        )

    def save(self, path, overwrite=False) -> list[Path]:
        """Write the model file, the table of test stars and the card.

        Parameters
        ----------
        path : path-like
            Model file, by custom ``*.joblib``, or an existing folder to write ``distance.joblib`` or
            ``mass.joblib`` into.
        overwrite : bool, default=False
            Whether to replace existing files.

        Returns
        -------
        list of Path
            Model file, ``<model>-test.ecsv`` and ``<model>-card.json``.

        Raises
        ------
        FileExistsError
            If a file exists and must not be replaced.
        FileNotFoundError
            If the folder does not exist.
        """
        from skdistmass.models.load import save_model
        from skdistmass.tables.write import write_table

        paths = check_paths(path, self.training_set.kind, overwrite)
        model_file, test_file, card_file = paths
        save_model(self.estimator, model_file, self.card)
        write_table(self.test, test_file, overwrite=overwrite)
        partial = card_file.with_name(card_file.name + ".part")
        partial.write_text(json.dumps(self.card, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        partial.replace(card_file)
        return paths


def check_paths(path, kind, overwrite=False) -> list[Path]:
    """Name the files of a trained model and check that they can be written.

    Parameters
    ----------
    path : path-like
        Model file, or an existing folder.
    kind : {"distance", "mass"}
        Name of the model file in a folder.
    overwrite : bool, default=False
        Whether existing files may be replaced.

    Returns
    -------
    list of Path
        Model file, table of test stars and card.

    Raises
    ------
    FileExistsError
        If a file exists and must not be replaced.
    FileNotFoundError
        If the folder does not exist.
    """
    from skdistmass.tables.write import check_output

    path = Path(path)
    path = path / f"{kind}.joblib" if path.is_dir() else path
    files = [path, path.with_name(f"{path.stem}-test.ecsv"), path.with_name(f"{path.stem}-card.json")]
    for file in files:
        check_output(file, overwrite=overwrite, format="ecsv")
    return files


def measure(model, training_set, part, pruner, kept) -> dict:
    """Measure a model on its test stars.

    Parameters
    ----------
    model : DistanceRegressor or MassRegressor
        Fitted and calibrated model.
    training_set : TrainingSet
        The stars.
    part : ndarray of str of shape (n_samples,)
        Part of each star.
    pruner : BinaryPruner or None
        Tells which test stars look like binaries.
    kept : ndarray of int
        Stars of the training set that the model was fitted on.

    Returns
    -------
    dict
        "test", "metrics", "by_log_g" and "clusters" of `TrainedModel`.
    """
    rows = np.flatnonzero(part == "test")
    X, y = training_set.X[rows], training_set.y[rows]
    prediction, error = model.predict(X, return_std=True)
    is_distance = training_set.kind == "distance"
    fraction = 10.0 ** (0.2 * (y - prediction)) - 1.0 if is_distance else prediction / y - 1.0
    z_score = (prediction - y) / error
    metrics = {"all": summarize_residuals(fraction, z_score)}
    if pruner is not None:
        stay = ~pruner.looks_binary(X, y, prediction)
        metrics["kept"] = summarize_residuals(fraction[stay], z_score[stay])
    clusters = None
    if training_set.members is not None:
        clusters = table_of_clusters(model, training_set.members, training_set.rows[kept])
    return {
        "test": _test_table(training_set, rows, prediction, error, fraction),
        "metrics": metrics,
        "by_log_g": table_by_log_g(X[:, 1], fraction),
        "clusters": clusters,
    }


def _test_table(training_set, rows, prediction, error, fraction):
    from astropy.table import Column, Table

    name, unit = _TARGETS[training_set.kind]
    unit = unit.split()[0]
    table = Table(meta={"table": training_set.settings.get("table", "")})
    table["APOGEE_ID"] = Column(training_set.ids[rows], description="Name of the star")
    table["ROW"] = Column(training_set.rows[rows], description="Row in the input table")
    for feature, values in zip(FEATURES, training_set.X[rows].T, strict=True):
        column = INPUT_COLUMNS[feature]
        table[feature] = Column(values, unit=column.unit, description=column.description)
    for column, values, description in (
        (f"{name}_LABEL", training_set.y[rows], "Label"),
        (f"{name}_LABEL_ERR", training_set.y_error[rows], "1σ error of the label"),
        (name, prediction, "Prediction of the model"),
        (f"{name}_ERR", error, "1σ error of the prediction"),
    ):
        table[column] = Column(values, unit=unit, description=description)
    table["SOURCE"] = Column(training_set.source[rows], description="Origin of the label")
    description = f"Fractional {training_set.kind} error, prediction / label - 1"
    table["FRACTIONAL_ERROR"] = Column(fraction, description=description)
    return table


def make_card(result, random_state) -> dict:
    """Write the card of a trained model.

    Parameters
    ----------
    result : TrainedModel
        The model and what was measured.
    random_state : int
        Seed of the split.

    Returns
    -------
    dict
        Strings, numbers, lists and dicts.
    """
    training_set, part = result.training_set, result.part
    used = part == "training"
    sources, counts = np.unique(training_set.source[used], return_counts=True)
    target, unit = _TARGETS[training_set.kind]
    metrics = dict(result.metrics)
    for row in result.by_log_g:
        name = f"log g {row['log_g_low']:.1f}-{row['log_g_high']:.1f}"
        metrics[name] = {key: round(float(row[key]), 4) for key in ("n", "offset", "mad_sigma")}
    if result.clusters is not None and len(result.clusters):
        metrics["star clusters"] = dict(result.clusters.meta)
    card = {
        "kind": type(result.estimator).__name__,
        "target": target,
        "target_unit": unit,
        "features": {name: INPUT_COLUMNS[name].unit for name in FEATURES},
        "training_set": {str(name): int(count) for name, count in zip(sources, counts, strict=True)},
        "n_training": int(used.sum()),
        "n_validation": int(np.count_nonzero(part == "validation")),
        "n_test": int(np.count_nonzero(part == "test")),
        "n_pruned": int(np.count_nonzero(part == "pruned")),
        "split": f"by star, seed {random_state}: training, validation for the errors, test for the metrics",
        "steps": {step.name: step.n_stars for step in training_set.steps},
        "cuts": dict(training_set.settings),
        "estimator": {key: _plain(value) for key, value in result.estimator.get_params().items()},
        "feature_ranges": {
            name: [float(values.min()), float(values.max())]
            for name, values in zip(FEATURES, training_set.X[used].T, strict=True)
        },
        "error_model": "1σ of the network's target, quadratic in log g, from validation stars",
        "domain": "Gaussian mixture of the training features, 99 % of the training stars inside",
        "test_metrics": metrics,
        "citation": [PAPER],
        "made_by": "skdistmass.training",
        "date": date.today().isoformat(),
        "versions": {package: version(package) for package in _PACKAGES},
    }
    if result.pruner is not None:
        card["pruning"] = {
            "threshold": _plain(result.pruner.threshold_),
            "where": result.pruner.where,
            "dwarf_log_g": result.pruner.dwarf_log_g,
            "n_passes": result.pruner.n_passes,
        }
    return card


def _plain(value):
    """Value as JSON can hold it."""
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not np.isfinite(value):
        return str(value)
    return value if isinstance(value, str | int | float | bool | type(None)) else repr(value)
