"""Training tables in the order of their hash: one order, no repeated rows, the same moments in blocks."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.preprocessing import StandardScaler

from skdistmass.networks import training_table as _rows
from skdistmass.networks.training_table import BlockwiseScaler, merge_identical_rows, row_hash, split_blocks


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    return rng.normal(size=(500, 3)), rng.normal(size=500), rng.uniform(0.5, 2.0, 500)


def test_merge_identical_rows():
    X = np.array([[2.0, 1.0], [1.0, 1.0], [2.0, 1.0], [2.0, 1.0], [0.0, 0.0]])
    merged = merge_identical_rows(X, np.array([5.0, 6.0, 5.0, 4.0, 9.0]), np.array([1.0, 2.0, 3.0, 4.0, 0.0]))
    rows = sorted(zip(*np.column_stack(merged).T, strict=True))
    assert rows == [(1.0, 1.0, 6.0, 2.0), (2.0, 1.0, 4.0, 4.0), (2.0, 1.0, 5.0, 4.0)]


def test_order_does_not_depend_on_the_order_of_the_rows(table):
    X, y, weight = (np.concatenate([part, part[:100]]) for part in table)
    X[3, 0], X[503, 0] = 0.0, -0.0
    weight[500:] *= 3.0
    expected = merge_identical_rows(X, y, weight)
    assert len(expected[1]) == 500
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(600)
        for found, one in zip(merge_identical_rows(X[order], y[order], weight[order]), expected, strict=True):
            assert_array_equal(found, one)


def test_hash_is_as_good_as_random():
    # Rows of a regular grid, which a weak hash would put in a regular order.
    grid = np.stack(np.meshgrid(np.arange(64.0), np.arange(64.0), indexing="ij"), axis=-1).reshape(-1, 2)
    hashed = row_hash(grid)
    assert len(np.unique(hashed)) == len(grid)
    for bits in (hashed >> np.uint64(56), hashed & np.uint64(255)):
        counts = np.bincount(bits.astype(int), minlength=256)
        # 16 rows in each of 256 bins: chi-square of 255 degrees of freedom is 255 +- 22.6.
        assert abs(((counts - 16.0) ** 2 / 16.0).sum() - 255) < 4 * 22.6
    first = grid[np.argsort(hashed)][:400]
    assert_allclose(first.mean(axis=0), 31.5, atol=4 * 18.5 / 20)


def test_blocks_and_their_moments(table, monkeypatch):
    monkeypatch.setattr(_rows, "BLOCK_ROWS", 120)
    X, y, weight = table
    blocks = split_blocks(X, y, weight)
    assert [len(block.target) for block in blocks] == [120, 120, 120, 120, 20]
    assert_array_equal(np.concatenate([block.features.T for block in blocks]), X)
    assert_array_equal(np.concatenate([block.weight for block in blocks]), weight)
    assert_array_equal(blocks[0].head(7).features, X[:7].T)
    scaler, whole = (
        BlockwiseScaler().fit(X, sample_weight=weight),
        StandardScaler().fit(X, sample_weight=weight),
    )
    assert_allclose(scaler.mean_, whole.mean_, rtol=1e-12)
    assert_allclose(scaler.scale_, whole.scale_, rtol=1e-12)
    assert_array_equal(
        scaler.fit(X, sample_weight=weight).scale_, BlockwiseScaler().fit(X, sample_weight=weight).scale_
    )
