"""Canonical row order: sort by hash, merge duplicates, split into blocks.

The order is that of a hash of each row. So it does not depend on the order in which the rows come, the first
rows of the table are a random sample of it, and a table that is larger than memory can be brought into this
order part by part. Blocks have a fixed size: a sum over blocks is the same number, to the last bit, whether
they lie in memory or on disk.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import validate_data

BLOCK_ROWS = 2**18

FloatArray = NDArray[np.float64]


class Block(NamedTuple):
    """Rows of a training table.

    Parameters
    ----------
    features : ndarray of shape (n_features, n_rows)
        Features, transposed.
    target, weight : ndarray of shape (n_rows,)
        Target and positive weights.
    """

    features: FloatArray
    target: FloatArray
    weight: FloatArray

    def head(self, n_rows: int) -> Block:
        """Return a copy of the first rows.

        Parameters
        ----------
        n_rows : int
            How many.

        Returns
        -------
        Block
            The copy.
        """
        return Block(
            self.features[:, :n_rows].copy(), self.target[:n_rows].copy(), self.weight[:n_rows].copy()
        )


def block_slices(n_rows: int) -> Iterator[slice]:
    """Give the rows of one block after the other.

    Parameters
    ----------
    n_rows : int
        Rows of the table.

    Yields
    ------
    slice
        Rows of a block.
    """
    for start in range(0, n_rows, BLOCK_ROWS):
        yield slice(start, min(start + BLOCK_ROWS, n_rows))


def split_blocks(X: FloatArray, y: FloatArray, sample_weight: FloatArray) -> list[Block]:
    """Cut a table in memory into blocks.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Scaled features.
    y, sample_weight : ndarray of shape (n_samples,)
        Scaled target and weights.

    Returns
    -------
    list of Block
        The blocks.
    """
    return [
        Block(np.ascontiguousarray(X[rows].T), np.ascontiguousarray(y[rows]), sample_weight[rows])
        for rows in block_slices(len(y))
    ]


def row_hash(rows: FloatArray) -> NDArray[np.uint64]:
    """Hash the values of each row.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_columns)
        Numbers.

    Returns
    -------
    ndarray of uint64 of shape (n_rows,)
        Equal for equal rows; otherwise as good as random (the finaliser of SplitMix64: Steele, Lea & Flood
        2014, doi:10.1145/2714064.2660195).
    """
    hashed = np.zeros(len(rows), dtype=np.uint64)
    for column in rows.T:
        # Adding zero makes -0.0, which equals 0.0, the same bits.
        hashed += np.ascontiguousarray(column + 0.0).view(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
        hashed = (hashed ^ (hashed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        hashed = (hashed ^ (hashed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        hashed ^= hashed >> np.uint64(31)
    return hashed


def merge_identical_rows(
    X: FloatArray, y: FloatArray, sample_weight: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Drop rows of zero weight, order the rest by their hash, and add up the weights of identical ones.

    The loss does not change by this, and the result of a fit no longer depends on the order of the rows
    or on whether a star is repeated or weighted.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Features.
    y : ndarray of shape (n_samples,)
        Target.
    sample_weight : ndarray of shape (n_samples,)
        Non-negative weights.

    Returns
    -------
    X, y, sample_weight : ndarray
        The merged rows.
    """
    used = sample_weight > 0
    table, weight = np.column_stack([X, y])[used], sample_weight[used]
    order = np.lexsort((weight, row_hash(table)))
    table, weight = table[order], weight[order]
    first = np.ones(len(table), dtype=bool)
    first[1:] = np.any(table[1:] != table[:-1], axis=1)
    table = table[first]
    return table[:, :-1], table[:, -1], np.add.reduceat(weight, np.flatnonzero(first))


class BlockwiseScaler(StandardScaler):
    """`StandardScaler` that goes through the rows block by block: a table on disk has the same moments.

    Parameters
    ----------
    copy, with_mean, with_std : bool, default=True
        As in `StandardScaler`.
    """

    var_: FloatArray

    def fit(self, X: ArrayLike, y: None = None, sample_weight: ArrayLike | None = None) -> BlockwiseScaler:
        """Measure weighted mean and standard deviation of the features.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Features.
        y : None
            Not used.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        self : BlockwiseScaler
            The fitted scaler.
        """
        table = np.asarray(X)
        weight = None if sample_weight is None else np.asarray(sample_weight)
        for rows in block_slices(len(table)):
            add = self.add_block if rows.start else super().fit
            add(np.ascontiguousarray(table[rows]), sample_weight=None if weight is None else weight[rows])
        # The blocks are arrays; names are those of the whole.
        validate_data(self, X, skip_check_array=True)
        return self

    def partial_fit(
        self, X: ArrayLike, y: None = None, sample_weight: ArrayLike | None = None
    ) -> BlockwiseScaler:
        """Measure more rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Features.
        y : None
            Not used.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        self : BlockwiseScaler
            The scaler.
        """
        # The weighted variance of a constant can come out as a tiny negative number; its scale is 1.
        with np.errstate(invalid="ignore"):
            super().partial_fit(X, sample_weight=sample_weight)
        self.var_ = np.maximum(self.var_, 0.0)
        return self

    def add_block(self, X: FloatArray, sample_weight: FloatArray | None = None) -> BlockwiseScaler:
        """Measure one more block.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            Features.
        sample_weight : ndarray of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        self : BlockwiseScaler
            The scaler.
        """
        # Sums depend in their last bit on how rows lie in memory.
        return self.partial_fit(np.ascontiguousarray(X), sample_weight=sample_weight)
