"""Hashes of identifiers."""

import numpy as np
from numpy.testing import assert_array_equal

from skdistmass.survey.duplicates import hash_ids


def fnv1a(text):
    """The definition, one byte at a time."""
    value = 0xCBF29CE484222325
    for byte in text.encode("ascii"):
        value = ((value ^ byte) * 0x100000001B3) % 2**64
    return value


def test_hash_is_fnv1a_of_64_bits():
    ids = ["2M00000002+7417074", "2M00000019-1924498", "AP05213454-0349018", "VESTA", "x"]
    assert_array_equal(hash_ids(ids), np.array([fnv1a(name) for name in ids], dtype=np.uint64))


def test_hash_does_not_depend_on_the_table():
    alone, among = hash_ids(["VESTA"])[0], hash_ids(["2M00000002+7417074", "VESTA"])[1]
    assert alone == among
    assert hash_ids([" VESTA  "])[0] == alone
    assert hash_ids(np.array([b"VESTA"]))[0] == alone
    assert hash_ids(np.array(["VESTA"], dtype=object))[0] == alone


def test_no_identifier_is_zero():
    assert_array_equal(hash_ids(["", "   "]), [0, 0])
    assert hash_ids([]).shape == (0,)
    assert hash_ids([]).dtype == np.uint64


def test_no_collisions_among_many_similar_names():
    ids = [f"2M{i:08d}+{i % 7:07d}" for i in range(100_000)]
    assert len(np.unique(hash_ids(ids))) == len(ids)
