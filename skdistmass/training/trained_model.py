"""Trained models with their test stars and metrics, and the files of all of them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from skdistmass.columns import FEATURES, INPUT_COLUMNS
from skdistmass.models.files import check_paths
from skdistmass.physics.photometry import MAG_PER_FRACTION
from skdistmass.training.card import TARGETS
from skdistmass.training.evaluation import format_table

if TYPE_CHECKING:
    from astropy.table import Table

    from skdistmass.estimators.base import NetworkRegressor
    from skdistmass.estimators.pruning import BinaryPruner
    from skdistmass.training.evaluation import Residuals
    from skdistmass.training.training_set import TrainingSet

_FORMATS = {
    "log_g_low": ".1f",
    "log_g_high": ".1f",
    "distance": ".0f",
    "mean_distance": ".0f",
    **dict.fromkeys(("offset", "robust_sigma", "deviation_p25", "deviation_p75", "scatter"), ".3f"),
}


@dataclass(frozen=True)
class TrainedModel:
    """A trained model with everything that was measured on the way.

    Parameters
    ----------
    estimator : DistanceRegressor or MassRegressor
        Fitted model with `domain_`, `card_` and an error model from stars held out of a fit, ready for
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
        Summaries of the fractional errors of groups of test stars, as `summarize_groups` makes them, and of
        the further references that were given.
    by_log_g : astropy.table.Table
        Fractional errors of the test stars against surface gravity.
    clusters : astropy.table.Table or None
        Distances of star clusters, over all their members.
    measured : DistanceRegressor or MassRegressor or None
        Where `estimator` was refitted on all stars, the model before that, which the metrics are of.
    """

    estimator: NetworkRegressor
    training_set: TrainingSet
    part: NDArray[np.str_]
    pruner: BinaryPruner | None
    test: Table
    metrics: dict[str, dict[str, Any]]
    by_log_g: Table
    clusters: Table | None
    measured: NetworkRegressor | None = None

    @property
    def card(self) -> dict[str, Any]:
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
            if not name.startswith("log g"):  # in the table below
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
            f"{scale * model.floor:.4f}; from {model.n_stars} held-out stars"
        )

    def save(self, path: str | Path, overwrite: bool = False) -> list[Path]:
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
        from skdistmass.tables.atomic import new_file
        from skdistmass.tables.write import write_table

        paths = check_paths(path, self.training_set.kind, overwrite)
        model_file, test_file, card_file = paths
        with new_file(model_file) as temporary:
            save_model(self.estimator, temporary, self.card)
        write_table(self.test, test_file, overwrite=overwrite)
        with new_file(card_file) as temporary:
            card = json.dumps(self.card, indent=1, ensure_ascii=False)
            temporary.write_text(card + "\n", encoding="utf-8")
        return paths


def tabulate_test_stars(training_set: TrainingSet, residuals: Residuals) -> Table:
    """Tabulate test stars with their labels and predictions.

    Parameters
    ----------
    training_set : TrainingSet
        The stars.
    residuals : Residuals
        Predictions of its test part.

    Returns
    -------
    astropy.table.Table
        Identifiers, features, labels, predictions and errors, with units and descriptions.
    """
    from astropy.table import Column, Table

    rows = residuals.rows
    name, unit = TARGETS[training_set.kind]
    unit = unit.split()[0]
    table = Table(meta={"table": training_set.settings.get("table", "")})
    table["APOGEE_ID"] = Column(training_set.ids[rows], description="Name of the star")
    table["ROW"] = Column(training_set.rows[rows], description="Row in the input table")
    for feature, values in zip(FEATURES, training_set.X[rows].T, strict=True):
        given = INPUT_COLUMNS[feature]
        table[feature] = Column(values, unit=given.unit, description=given.description)
    for column, values, description in (
        (f"{name}_LABEL", training_set.y[rows], "Label"),
        (f"{name}_LABEL_ERR", training_set.y_error[rows], "1σ error of the label"),
        (name, residuals.prediction, "Prediction of the model"),
        (f"{name}_ERR", residuals.error, "1σ error of the prediction"),
    ):
        table[column] = Column(values, unit=unit, description=description)
    table["SOURCE"] = Column(training_set.source[rows], description="Origin of the label")
    description = f"Fractional {training_set.kind} error, prediction / label - 1"
    table["FRACTIONAL_ERROR"] = Column(residuals.fraction, description=description)
    return table
