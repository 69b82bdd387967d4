"""Rows of one star: identifiers as numbers, and which row of a star is the best."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skdistmass.columns import EXTRATARG_BITS
from skdistmass.tables.clean import encode

if TYPE_CHECKING:
    from astropy.table import Table

    from skdistmass.survey.read import StarReader

_OFFSET = np.uint64(14695981039346656037)
_PRIME = np.uint64(1099511628211)


def hash_ids(ids: ArrayLike) -> NDArray[np.uint64]:
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


def duplicates(stars: Table) -> NDArray[np.bool_]:
    """Find the rows of stars that have a better row.

    Parameters
    ----------
    stars : astropy.table.Table of length n_samples
        Table with canonical columns.

    Returns
    -------
    ndarray of bool of shape (n_samples,)
        True for all rows of a star but one; see `quality_flags`.

    Examples
    --------
    >>> from astropy.table import Table
    >>> duplicates(Table({"APOGEE_ID": ["a", "b", "a"], "SNR": [50.0, 80.0, 120.0]}))
    array([ True, False, False])
    """
    if "EXTRATARG" in stars.colnames:
        return (np.asarray(stars["EXTRATARG"]) & (1 << EXTRATARG_BITS["DUPLICATE"])) != 0
    if "APOGEE_ID" not in stars.colnames:
        return np.zeros(len(stars), dtype=bool)
    return find_repeated(*star_keys(stars))


def needs_whole_table(names: Collection[str]) -> bool:
    """Tell whether a part of a table is not enough to say which of its rows have a better one elsewhere.

    Parameters
    ----------
    names : collection of str
        Canonical columns of the table.

    Returns
    -------
    bool
        True if the survey does not tell it, in EXTRATARG, and there are identifiers to find it.
    """
    return "EXTRATARG" not in names and "APOGEE_ID" in names


def key_columns(names: Collection[str]) -> list[str]:
    """List the columns that `star_keys` needs.

    Parameters
    ----------
    names : collection of str
        Canonical columns of the table.

    Returns
    -------
    list of str
        APOGEE_ID, and SNR if the table has it.
    """
    return [name for name in ("APOGEE_ID", "SNR") if name in names]


def star_keys(stars: Table) -> tuple[NDArray[np.uint64], NDArray[np.floating]]:
    """Give what tells which rows are of one star, and which of them is the best.

    Parameters
    ----------
    stars : astropy.table.Table of length n_samples
        Table with APOGEE_ID, and SNR if it has that.

    Returns
    -------
    keys : ndarray of uint64 of shape (n_samples,)
        Hash of the identifier, 0 for a blank one.
    snr : ndarray of shape (n_samples,)
        Signal-to-noise ratio, negative infinity where there is none.
    """
    snr = np.asarray(stars["SNR"]) if "SNR" in stars.colnames else np.full(len(stars), np.nan, np.float32)
    return hash_ids(stars["APOGEE_ID"]), np.where(np.isnan(snr), snr.dtype.type(-np.inf), snr)


def find_repeated(keys: NDArray[np.uint64], snr: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Find all rows of a star but the best.

    Parameters
    ----------
    keys, snr : ndarray of shape (n_samples,)
        See `star_keys`.

    Returns
    -------
    ndarray of bool of shape (n_samples,)
        True for rows with a better one.

    Notes
    -----
    Of 10⁸ stars two different ones have the same key with a probability of 3 in 10,000.
    """
    repeated = np.zeros(len(keys), dtype=bool)
    # A part of the stars at a time, so that sorting needs little memory.
    part_of = (keys >> np.uint64(60)).astype(np.uint8)
    for part in range(16):
        rows = np.flatnonzero(part_of == part)
        # Best row of each star first: by star, then falling SNR, then position.
        rows = rows[np.lexsort((-snr[rows], keys[rows]))]
        repeated[rows[1:]] = keys[rows[1:]] == keys[rows[:-1]]
    return repeated & (keys != 0)


def repeated_stars(reader: StarReader, block_rows: int) -> NDArray[np.bool_] | None:
    """Find the rows of stars that have a better row in a table that is read in blocks.

    Parameters
    ----------
    reader : StarReader
        The open table.
    block_rows : int
        Rows to read at a time.

    Returns
    -------
    ndarray of bool of shape (n_rows,), or None
        What `duplicates` would say of the whole table; None if a block has all that is needed, in EXTRATARG.
    """
    if not needs_whole_table(reader.names):
        return None
    blocks = (star_keys(stars) for stars in reader.select(key_columns(reader.names)).blocks(block_rows))
    keys, snr = zip(*blocks, strict=True)
    return find_repeated(np.concatenate(keys), np.concatenate(snr))
