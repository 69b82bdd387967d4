"""Rows of one star: identifiers as numbers, and which row of a star is the best."""

from __future__ import annotations

from collections.abc import Collection
from itertools import repeat
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skdistmass.columns import EXTRATARG_BITS
from skdistmass.progress import follow, stage
from skdistmass.tables.source import encode

if TYPE_CHECKING:
    from astropy.table import Table

    from skdistmass.survey.read import StarReader

# In order of preference: the first that a row has says which star it is.
_IDENTIFIERS = ("SDSS_ID", "GAIAEDR3_SOURCE_ID", "APOGEE_ID")
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
    told = survey_duplicates(stars)
    if told is not None and not needs_whole_table(stars.colnames):
        return told
    if not key_columns(stars.colnames):
        return np.zeros(len(stars), dtype=bool)
    repeated = find_repeated(*star_keys(stars))
    return repeated if told is None else repeated | told


def survey_duplicates(stars: Table) -> NDArray[np.bool_] | None:
    """Find the rows that the survey itself calls superseded, in EXTRATARG; None without that column.

    Parameters
    ----------
    stars : astropy.table.Table of length n_samples
        Table with canonical columns.

    Returns
    -------
    ndarray of bool of shape (n_samples,) or None
        The rows.
    """
    if "EXTRATARG" not in stars.colnames:
        return None
    return (np.asarray(stars["EXTRATARG"]) & (1 << EXTRATARG_BITS["DUPLICATE"])) != 0


def needs_whole_table(names: Collection[str]) -> bool:
    """Tell whether a part of a table is not enough to say which of its rows have a better one elsewhere.

    Parameters
    ----------
    names : collection of str
        Canonical columns of the table.

    Returns
    -------
    bool
        True if there are identifiers to find it, and EXTRATARG does not tell it: that is a word of SDSS-IV
        and says nothing of the stars of SDSS-V, which SDSS_ID identifies.
    """
    return "SDSS_ID" in names or ("EXTRATARG" not in names and any(name in names for name in _IDENTIFIERS))


def key_columns(names: Collection[str]) -> list[str]:
    """List the columns that `star_keys` needs.

    Parameters
    ----------
    names : collection of str
        Canonical columns of the table.

    Returns
    -------
    list of str
        Identifiers, and SNR and EXTRATARG if the table has them; empty without an identifier.
    """
    found = [name for name in _IDENTIFIERS if name in names]
    return [*found, *(name for name in ("SNR", "EXTRATARG") if name in names)] if found else []


def star_keys(stars: Table) -> tuple[NDArray[np.uint64], NDArray[np.floating]]:
    """Give what tells which rows are of one star, and which of them is the best.

    Parameters
    ----------
    stars : astropy.table.Table
        Table with the columns of `key_columns`.

    Returns
    -------
    keys : ndarray of uint64 of shape (n_samples,)
        Hash of the identifier, 0 where there is none: SDSS_ID, where that is missing the Gaia source, and
        where that is missing too APOGEE_ID.
    snr : ndarray of shape (n_samples,)
        Signal-to-noise ratio, negative infinity where there is none or the row is a superseded one of
        SDSS-IV.
    """
    keys = np.zeros(len(stars), dtype=np.uint64)
    for name in _IDENTIFIERS:
        if name in stars.colnames:
            values = np.asarray(stars[name])
            hashed = hash_ids(values) if name == "APOGEE_ID" else _hash_numbers(values, name)
            keys = np.where(keys == 0, hashed, keys)
    snr = np.asarray(stars["SNR"]) if "SNR" in stars.colnames else np.full(len(stars), np.nan, np.float32)
    lowest = np.isnan(snr)
    if (told := survey_duplicates(stars)) is not None:
        lowest |= told
    return keys, np.where(lowest, snr.dtype.type(-np.inf), snr)


def _hash_numbers(values: NDArray[np.int64], name: str) -> NDArray[np.uint64]:
    """Hash identifiers that are numbers, 0 for none (splitmix64); other columns give other hashes."""
    salt = (1 + _IDENTIFIERS.index(name)) * 0x9E3779B97F4A7C15 % 2**64
    mixed = values.astype(np.uint64) + np.uint64(salt)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.where(values > 0, mixed ^ (mixed >> np.uint64(31)), np.uint64(0))


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
    blocks = reader.select(key_columns(reader.names)).blocks(block_rows)
    stage("finding repeated stars")
    looked = follow(blocks, repeat(block_rows), "finding repeated stars", reader.n_rows)
    keys, snr = zip(*(star_keys(stars) for stars in looked), strict=True)
    return find_repeated(np.concatenate(keys), np.concatenate(snr))
