"""Identifiers of stars as numbers, to recognise the training stars without listing them."""

from __future__ import annotations

import numpy as np

from skdistmass.tables.clean import encode

_OFFSET = np.uint64(14695981039346656037)
_PRIME = np.uint64(1099511628211)


def hash_ids(ids):
    """Hash identifiers to 64 bits (FNV-1a of their UTF-8 bytes).

    Parameters
    ----------
    ids : array-like of str of shape (n_samples,)
        Identifiers; surrounding blanks do not count.

    Returns
    -------
    ndarray of uint64 of shape (n_samples,)
        One number an identifier, 0 for an empty one.

    References
    ----------
    Fowler G., Noll L. C., Vo K.-P., Eastlake D., The FNV non-cryptographic hash algorithm, IETF draft.

    Examples
    --------
    >>> [hex(h) for h in hash_ids(["a", "foobar"])]
    ['0xaf63dc4c8601ec8c', '0x85944171f73967e8']
    """
    text = np.char.strip(np.asarray(ids, dtype=np.str_))
    encoded = encode(text, "utf-8", "strict")
    bytes_of = np.ascontiguousarray(encoded).view(np.uint8).reshape(len(encoded), encoded.itemsize)
    hashed = np.full(len(encoded), _OFFSET)
    for column in bytes_of.T:
        hashed = np.where(column > 0, (hashed ^ column) * _PRIME, hashed)
    return np.where(bytes_of[:, 0] > 0, hashed, np.uint64(0))
