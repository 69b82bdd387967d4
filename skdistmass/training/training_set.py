"""A training set, and the way to it: a mask that narrows step by step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from skdistmass.columns import BITS, FEATURES
from skdistmass.survey.duplicates import duplicates
from skdistmass.survey.flags import physical_values, star_bad


class Step(NamedTuple):
    """One step on the way to a training set.

    Parameters
    ----------
    name : str
        What the step asks of a star.
    n_stars : int
        Number of stars that are left.
    """

    name: str
    n_stars: int


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

    X: np.ndarray
    apparent_mag: np.ndarray
    extinction: np.ndarray
    name: np.ndarray
    distance: np.ndarray
    rows: np.ndarray


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
    """

    kind: str
    X: np.ndarray
    y: np.ndarray
    y_error: np.ndarray
    sample_weight: np.ndarray
    ids: np.ndarray
    rows: np.ndarray
    source: np.ndarray
    steps: tuple[Step, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)
    members: ClusterMembers | None = None

    def __len__(self) -> int:
        return len(self.y)

    def __str__(self) -> str:
        return format_steps(self.steps)

    def __repr__(self) -> str:
        return f"<TrainingSet for {self.kind}: {len(self)} stars>"

    @property
    def source_bits(self) -> np.ndarray:
        """Bit of BITMASK for the origin of each mass label (8, 16, 32); 1 for distances."""
        bits = {name: BITS[f"MASS_LABEL_{name}"][0] for name in ("APOKASC", "BERGER", "SERENELLI")}
        default = BITS["DISTANCE_TRAINING"][0] if self.kind == "distance" else 0
        return np.array([bits.get(name, default) for name in self.source.tolist()], dtype=np.int64)


def format_steps(steps) -> str:
    """Write steps as a table.

    Parameters
    ----------
    steps : sequence of Step
        The steps.

    Returns
    -------
    str
        One line a step: number of stars and what the step was.

    Examples
    --------
    >>> print(format_steps([Step("rows of the table", 120), Step("A_K < 0.5", 7)]))
          120  rows of the table
            7  A_K < 0.5
    """
    return "\n".join(f"{step.n_stars:9d}  {step.name}" for step in steps)


class Funnel:
    """A mask that narrows step by step and counts what is left.

    Parameters
    ----------
    n_rows : int
        Rows of the table.
    """

    def __init__(self, n_rows):
        self.mask = np.ones(n_rows, dtype=bool)
        self.steps = [Step("rows of the table", n_rows)]

    def keep(self, name, condition):
        """Narrow the mask.

        Parameters
        ----------
        name : str
            What the condition is.
        condition : ndarray of bool
            Rows to keep.
        """
        self.mask = self.mask & condition
        self.count(name)

    def count(self, name):
        """Write down how many rows are left.

        Parameters
        ----------
        name : str
            What has happened.
        """
        self.steps.append(Step(name, int(np.count_nonzero(self.mask))))


def keep_usable_spectra(funnel, stars, drop_star_bad, keep_duplicates):
    """Keep rows with all five features, not bad, and perhaps one row a star.

    Parameters
    ----------
    funnel : Funnel
        Narrowed in place.
    stars : astropy.table.Table
        Table with canonical columns.
    drop_star_bad : bool
        Drop rows that the survey's pipeline calls bad.
    keep_duplicates : bool
        Keep all rows of a star that was observed several times.

    Returns
    -------
    ndarray of shape (n_rows, 5)
        Features of every row.
    """
    X = np.column_stack([physical_values(stars, name) for name in FEATURES])
    funnel.keep(f"with {', '.join(FEATURES)}", np.isfinite(X).all(axis=1))
    if drop_star_bad:
        funnel.keep("not STAR_BAD", ~star_bad(stars))
    if not keep_duplicates:
        funnel.keep("best row of each star", ~duplicates(stars))
    return X


def star_ids(stars):
    """Name every row; one without APOGEE_ID gets a name of its own.

    Parameters
    ----------
    stars : astropy.table.Table
        Table with canonical columns.

    Returns
    -------
    ndarray of str of shape (n_rows,)
        Identifiers.
    """
    rows = np.arange(len(stars)).astype("U12")
    if "APOGEE_ID" not in stars.colnames:
        return np.char.add("row ", rows)
    ids = np.char.strip(np.asarray(stars["APOGEE_ID"], dtype=str))
    return np.where(ids == "", np.char.add("row ", rows), ids)
