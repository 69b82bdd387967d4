"""Cuts that choose training stars, and how many stars each of them keeps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skdistmass.columns import FEATURES
from skdistmass.survey.flags import duplicates, physical_values, star_bad

if TYPE_CHECKING:
    from astropy.table import Table


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


def format_steps(steps: Sequence[Step]) -> str:
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

    def __init__(self, n_rows: int):
        self.mask = np.ones(n_rows, dtype=bool)
        self.steps = [Step("rows of the table", n_rows)]

    def keep(self, name: str, condition: ArrayLike) -> None:
        """Narrow the mask.

        Parameters
        ----------
        name : str
            What the condition is.
        condition : array-like of bool
            Rows to keep.
        """
        self.mask = self.mask & np.asarray(condition, dtype=bool)
        self.count(name)

    def count(self, name: str) -> None:
        """Write down how many rows are left.

        Parameters
        ----------
        name : str
            What has happened.
        """
        self.steps.append(Step(name, int(np.count_nonzero(self.mask))))


def keep_usable_spectra(
    funnel: Funnel, stars: Table, drop_star_bad: bool, keep_duplicates: bool
) -> NDArray[np.float64]:
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


def star_ids(stars: Table) -> NDArray[np.str_]:
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
    has_ids = "APOGEE_ID" in stars.colnames
    return name_rows(np.asarray(stars["APOGEE_ID"]) if has_ids else np.full(len(stars), ""))


def name_rows(identifiers: NDArray) -> NDArray[np.str_]:
    """Turn identifiers into text; a row without one gets a name of its own.

    Parameters
    ----------
    identifiers : ndarray of str or int of shape (n_rows,)
        Identifiers; "" or 0 where missing.

    Returns
    -------
    ndarray of str of shape (n_rows,)
        Identifiers, "row N" where missing.
    """
    ids = np.char.strip(np.asarray(identifiers).astype(str))
    missing = (identifiers == 0) if identifiers.dtype.kind in "iu" else (ids == "")
    return np.where(missing, np.char.add("row ", np.arange(len(ids)).astype("U12")), ids)
