"""Training sets: features, labels, errors and weights of stars, and the cuts that chose them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from skdistmass.columns import BITS, FEATURES
from skdistmass.survey.read import read_stars
from skdistmass.training import label_checks as checks
from skdistmass.training.funnel import Funnel, Step, format_steps, keep_usable_spectra, name_rows
from skdistmass.training.label_table import LabelTable
from skdistmass.training.split import PARTS

if TYPE_CHECKING:
    from skdistmass.training.anchors import Anchors
    from skdistmass.training.label_table import LabelSource

SetKind = Literal["distance", "mass"]


@dataclass(frozen=True)
class ClusterMembers:
    """Members of star clusters with usable spectra and photometry, to verify distances on.

    Parameters
    ----------
    X : ndarray of shape (n_samples, 5)
        Features.
    apparent_mag, extinction : ndarray of shape (n_samples,)
        Ks magnitude and extinction [mag].
    name : ndarray of str of shape (n_samples,)
        Cluster of each star.
    distance : ndarray of shape (n_samples,)
        Adopted distance of the cluster [pc].
    rows : ndarray of int of shape (n_samples,)
        Rows in the input table.
    """

    X: NDArray[np.float64]
    apparent_mag: NDArray[np.float64]
    extinction: NDArray[np.float64]
    name: NDArray[np.str_]
    distance: NDArray[np.float64]
    rows: NDArray[np.intp]


@dataclass(frozen=True)
class TrainingSet:
    """Features and labels of stars to train on, and how they were chosen.

    Parameters
    ----------
    kind : {"distance", "mass"}
        What the labels are for.
    X : ndarray of shape (n_samples, 5)
        TEFF [K], LOGG, M_H, C_FE, N_FE [dex].
    y : ndarray of shape (n_samples,)
        Absolute Ks magnitudes [mag] or masses [Msun].
    y_error : ndarray of shape (n_samples,)
        1σ errors of the labels.
    sample_weight : ndarray of shape (n_samples,)
        Weights for the fit.
    ids : ndarray of str of shape (n_samples,)
        Identifiers of the stars; rows of one star are not split.
    rows : ndarray of int of shape (n_samples,)
        Rows of the stars in the input table.
    source : ndarray of str of shape (n_samples,)
        Origin of each label: "photogeo", "cluster", ..., "APOKASC", ...
    steps : tuple of Step
        How many stars each step kept; `print` shows them.
    settings : mapping
        Parameters of the cuts.
    members : ClusterMembers or None
        Stars to verify distances on.
    state : ndarray of str of shape (n_samples,), or None
        Evolutionary state of each star, "" where unknown; metrics are given for each.
    part : ndarray of str of shape (n_samples,), or None
        "training", "validation" or "test" where the split is given with the labels.
    anchors : Anchors or None
        Simulated stars that hold the model where these stars do not (`add_anchors`).

    See Also
    --------
    distance_training_set, mass_training_set : Make training sets from survey tables.
    add_anchors : Adds simulated stars where no real ones are.
    """

    kind: SetKind
    X: NDArray[np.float64]
    y: NDArray[np.float64]
    y_error: NDArray[np.float64]
    sample_weight: NDArray[np.float64]
    ids: NDArray[np.str_]
    rows: NDArray[np.intp]
    source: NDArray[np.str_]
    steps: tuple[Step, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)
    members: ClusterMembers | None = None
    state: NDArray[np.str_] | None = None
    part: NDArray[np.str_] | None = None
    anchors: Anchors | None = None

    @classmethod
    def from_labels(
        cls,
        table: LabelSource,
        *,
        kind: SetKind,
        label_column: str = "label",
        error_column: str = "error",
        id_column: str = "id",
        source: str = "labels",
        source_column: str | None = None,
        state_column: str | None = None,
        part_column: str | None = None,
        weight_column: str | None = None,
        min_stars: int = checks.MIN_STARS,
    ) -> TrainingSet:
        """Make a training set from one table that has features and labels.

        Parameters
        ----------
        table : path, astropy.table.Table or pandas.DataFrame
            TEFF [K], LOGG, M_H, C_FE, N_FE [dex] under these names or their aliases, labels and errors.
            Columns are found in any case; units are converted, and assumed where there are none.
        kind : {"distance", "mass"}
            What the labels are for.
        label_column : str, default="label"
            Column of absolute Ks magnitudes [mag] or current masses [Msun].
        error_column : str, default="error"
            Column of their 1σ errors, in the same unit.
        id_column : str, default="id"
            Column of the identifiers of the stars: rows of one star are not split, and the catalogue
            recognises training stars by their APOGEE_ID.
        source : str, default="labels"
            Origin of all labels.
        source_column : str, optional
            Column of the origin of each label.
        state_column : str, optional
            Column of evolutionary states, such as "RGB" and "RC".
        part_column : str, optional
            Column of the split: "training", "validation" and "test", or booleans that mark the test part. By
            default the split is made when a model is trained.
        weight_column : str, optional
            Column of weights for the fit; by default they are 1/σ².
        min_stars : int, default=100
            Number of stars below which an error is raised.

        Returns
        -------
        TrainingSet
            The rows that have all features, a label and its error.

        Raises
        ------
        MissingColumnsError
            If the table lacks a column.
        ValueError
            If labels are in another unit, an error is not positive or a weight negative, a part is unknown, a
            column is constant, or there are too few stars.

        Examples
        --------
        >>> from skdistmass import make_survey
        >>> from skdistmass.training import TrainingSet
        >>> stars, truth = make_survey(1000, random_state=0)
        >>> stars["mass"], stars["mass_err"] = truth["mass"], 0.05 * truth["mass"]
        >>> TrainingSet.from_labels(
        ...     stars, kind="mass", label_column="mass", error_column="mass_err", id_column="APOGEE_ID"
        ... )
        <TrainingSet for mass: 988 stars>
        """
        if kind not in _LABELS:
            raise ValueError(f"kind must be one of {', '.join(_LABELS)}; received {kind!r}.")
        optional = {"source": source_column, "state": state_column, "part": part_column}
        names = [*optional.values(), weight_column]
        labels = LabelTable(table, [label_column, error_column, id_column, *filter(None, names)])
        stars = read_stars(table, columns=FEATURES)
        ids = name_rows(labels.identifiers(id_column))
        y, error = _checked_labels(labels, kind, label_column, error_column, ids)
        weight = _checked_weights(labels, weight_column) if weight_column else 1.0 / error**2
        text = {key: labels.text(name) for key, name in optional.items() if name}

        funnel = Funnel(len(stars))
        X = keep_usable_spectra(funnel, stars, drop_star_bad=False, keep_duplicates=True)
        funnel.keep("with a label and its error", np.isfinite(y) & np.isfinite(error))
        rows = np.flatnonzero(funnel.mask)
        checks.check_training_set(X[rows], y[rows], label_column, min_stars, format_steps(funnel.steps))
        return cls(
            kind=kind,
            X=X[rows],
            y=y[rows],
            y_error=error[rows],
            sample_weight=weight[rows],
            ids=ids[rows],
            rows=rows,
            source=text["source"][rows] if source_column else np.full(len(rows), source),
            steps=tuple(funnel.steps),
            settings={"table": labels.label, "label_column": label_column},
            state=text["state"][rows] if state_column else None,
            part=_read_parts(text["part"], part_column)[rows] if part_column else None,
        )

    def fit_rows(self, rows: NDArray[np.intp]) -> tuple[NDArray, NDArray, NDArray]:
        """Give what a fit on some of the stars gets: these, then the anchors where they are not near.

        Parameters
        ----------
        rows : ndarray of int
            The stars, as places in the training set.

        Returns
        -------
        X, y, sample_weight : ndarray
            Features, labels and weights; the first `len(rows)` are those of the stars.
        """
        real = self.X[rows], self.y[rows], self.sample_weight[rows]
        return real if self.anchors is None else self.anchors.extend(*real)

    def __len__(self) -> int:
        return len(self.y)

    def __str__(self) -> str:
        return format_steps(self.steps)

    def __repr__(self) -> str:
        return f"<TrainingSet for {self.kind}: {len(self)} stars>"

    @property
    def source_bits(self) -> NDArray[np.int64]:
        """Bit of BITMASK for the origin of each mass label (8, 16, 32, or 0 for others); 1 for distances."""
        if self.kind == "distance":
            return np.full(len(self), BITS["DISTANCE_TRAINING"][0], dtype=np.int64)
        names = np.char.upper(self.source)
        bits = np.zeros(len(self), dtype=np.int64)
        for source in MASS_SOURCES:
            bits[np.char.find(names, source) >= 0] = BITS[f"MASS_LABEL_{source}"][0]
        return bits


MASS_SOURCES = ("APOKASC", "BERGER", "SERENELLI")
"""Origins of mass labels that have a bit of their own (8, 16, 32)."""

_LABELS = {"distance": "mag", "mass": "solMass"}


def _checked_labels(
    labels: LabelTable, kind: SetKind, label_column: str, error_column: str, ids: NDArray[np.str_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Labels and errors of all rows, in the unit of the kind."""
    unit = _LABELS[kind]
    y, error = (labels.numbers(name, unit) for name in (label_column, error_column))
    if kind == "mass":
        checks.check_masses(y, label_column, ids)
        checks.check_mass_errors(error / y, error_column)
    elif np.isfinite(y).any():
        guess = "something else; the labels of a distance model are absolute magnitudes, not distances"
        checks.check_magnitudes(y[np.isfinite(y)], f"column `{label_column}` [mag]", guess)
    checks.check_positive_errors(error, np.isfinite(y), f"column `{error_column}` [{unit}]", ids)
    return y, error


def _checked_weights(labels: LabelTable, name: str) -> NDArray[np.float64]:
    weight = labels.numbers(name)
    bad = np.flatnonzero(~(np.isfinite(weight) & (weight >= 0)))
    if bad.size:
        raise ValueError(
            f"column `{name}` must hold weights, finite and not negative; {bad.size} of {len(weight)} are "
            f"not (first: row {bad[0]}, {weight[bad[0]]:g})."
        )
    return weight


def _read_parts(values: NDArray[np.str_], name: str | None) -> NDArray[np.str_]:
    parts = np.char.lower(values)
    for words, part in ((("true", "1"), "test"), (("false", "0"), "training")):
        parts = np.where(np.isin(parts, words), part, parts)
    unknown = np.flatnonzero(~np.isin(parts, PARTS))
    if unknown.size:
        raise ValueError(
            f"column `{name}` must hold {', '.join(PARTS)}, or booleans that mark the test part; "
            f"{unknown.size} of {len(parts)} values do not (first: row {unknown[0]}, "
            f"{str(values[unknown[0]])!r})."
        )
    return parts
