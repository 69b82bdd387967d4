"""Splits by star: training, validation and test part, and folds."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.model_selection import KFold

PARTS = ("training", "validation", "test")
TEST_SIZE = 0.20
"""Share of the stars to test on; that of the paper."""

VALIDATION_SIZE = 0.16
"""Share of the stars to calibrate errors on; that of the paper."""

N_FOLDS = 5
"""Number of folds of out-of-fold predictions."""


def split_by_star(
    ids: ArrayLike,
    test_size: float = TEST_SIZE,
    validation_size: float = VALIDATION_SIZE,
    random_state: int = 0,
) -> NDArray[np.str_]:
    """Split rows into training, validation and test part, all rows of a star on one side.

    Parameters
    ----------
    ids : array-like of str of shape (n_samples,)
        Identifier of the star of each row.
    test_size : float, default=0.20
        Share of the stars in the test part.
    validation_size : float, default=0.16
        Share of the stars in the validation part; 0 for none.
    random_state : int, default=0
        Seed.

    Returns
    -------
    ndarray of str of shape (n_samples,)
        "training", "validation" or "test".

    Raises
    ------
    ValueError
        If a share is not usable or nothing would be left to train on.

    Notes
    -----
    The part of a star depends on the set of identifiers and the seed, not on the order of the rows.

    Examples
    --------
    >>> split_by_star(["a", "b", "c", "d", "e", "a"], validation_size=0.2).tolist()
    ['training', 'test', 'validation', 'training', 'training', 'training']
    """
    if not (0 < test_size < 1 and 0 <= validation_size < 1 and test_size + validation_size < 1):
        raise ValueError(
            "test_size and validation_size must be shares of the stars with a sum below 1, test_size above "
            f"0; received {test_size!r} and {validation_size!r}."
        )
    stars, star = np.unique(np.asarray(ids), return_inverse=True)
    rank = np.random.default_rng(random_state).permutation(len(stars))
    borders = (1.0 - test_size - validation_size, 1.0 - test_size)
    part = np.searchsorted(borders, (rank + 0.5) / len(stars))
    return np.array(PARTS)[part][star]


def star_folds(
    ids: ArrayLike, random_state: int = 0, n_folds: int = N_FOLDS
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Divide rows into folds, all rows of a star in one of them.

    Parameters
    ----------
    ids : array-like of str of shape (n_samples,)
        Identifier of the star of each row.
    random_state : int, default=0
        Seed.
    n_folds : int, default=5
        Number of folds.

    Yields
    ------
    others, fold : ndarray of int
        Rows of the other folds and of the fold.

    Notes
    -----
    Stars are numbered as they appear: with one row a star these are the folds of scikit-learn's `KFold`.

    Examples
    --------
    >>> [fold.tolist() for _, fold in star_folds(["a", "b", "a", "c"], n_folds=3)]
    [[3], [1], [0, 2]]
    """
    _, first, star = np.unique(np.asarray(ids), return_index=True, return_inverse=True)
    folds = KFold(n_folds, shuffle=True, random_state=random_state).split(first)
    number = np.argsort(np.argsort(first))[star]
    for _, chosen in folds:
        inside = np.isin(number, chosen)
        yield np.flatnonzero(~inside), np.flatnonzero(inside)
