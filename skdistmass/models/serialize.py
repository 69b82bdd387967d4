"""Model files as plain data, and the estimators and predictors made of it."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import numpy as np

from skdistmass.estimators.persistence import DOMAINS, check_names, check_state, rebuild
from skdistmass.models import predictor
from skdistmass.models.pickle_machine import MAX_VALUES, Pending, PickleMachine, StoredEstimator

MAX_BYTES = 2**27
"""A model file, decompressed, has at most this many bytes."""
MAX_DEPTH = 50
"""Lists and dicts of a model file lie at most so deep in each other."""

_PREDICTORS: Mapping[str, str] = {
    "DistanceRegressor": "DistancePredictor",
    "MassRegressor": "MassPredictor",
    "MassToAge": "AgePredictor",
}

_CLASS, _STATE = "skdistmass class", "state"  # of format 1
_LEAVES = (type(None), bool, int, float, str, bytes, bytearray)


def read_stored(content: bytes) -> Any:
    """Read a pickle of builtins, arrays and estimators of this package.

    Parameters
    ----------
    content : bytes
        The file as joblib, or pickle with protocol 2 or later, wrote it; compressed ones too.

    Returns
    -------
    object
        Builtins and arrays, with a `StoredEstimator` for each estimator.

    Raises
    ------
    UntrustedModelError
        If the file names anything else.
    ValueError
        If the file is damaged, too large, or refers to itself.
    """
    stream = io.BytesIO(_decompress(content))
    return _Expansion().expand(PickleMachine(stream).run())


def to_estimator(value: Any) -> Any:
    """Make the estimator of what `read_stored` has read.

    Parameters
    ----------
    value : object
        A `StoredEstimator`; containers of them are followed.

    Returns
    -------
    object
        The estimator, or `value` itself if it is none.

    Raises
    ------
    ValueError
        If the arrays of an estimator are missing or do not fit each other.
    """
    if isinstance(value, StoredEstimator):
        return rebuild(value.format_version, value.name, to_estimator(value.state))
    if isinstance(value, list | tuple):
        return type(value)(to_estimator(part) for part in value)
    if isinstance(value, dict):
        return {key: to_estimator(part) for key, part in value.items()}
    return value


def to_predictor(value: Any) -> Any:
    """Make a predictor, which needs no scikit-learn, of what `read_stored` has read.

    Parameters
    ----------
    value : object
        A `StoredEstimator`.

    Returns
    -------
    Predictor or None
        The predictor; None if `value` is no fitted network.

    Raises
    ------
    ValueError
        If the arrays are missing or do not fit each other.
    """
    if not isinstance(value, StoredEstimator):
        return None
    state, domains = value.state, {}
    if isinstance(state, dict):
        domains = {key: _stored_domain(key, state[key]) for key in DOMAINS if state.get(key) is not None}
        state = {name: part for name, part in state.items() if name not in DOMAINS}
    state = to_estimator(state)
    check_state(value.format_version, value.name, state)
    if value.name not in _PREDICTORS or "coefs_" not in state:
        return None
    kind = getattr(predictor, _PREDICTORS[value.name])
    check_names(kind, state)
    return kind(state | domains)


def _stored_domain(key: str, domain: Any) -> predictor.TrainingDensity:
    """Check a domain and make what a predictor keeps of it."""
    if not isinstance(domain, StoredEstimator) or domain.name != "TrainingDomain":
        raise ValueError(f"{key} must be a TrainingDomain.")
    check_state(domain.format_version, domain.name, domain.state)
    if "offset_" not in domain.state:
        raise ValueError(f"{key} must be a fitted TrainingDomain.")
    return predictor.TrainingDensity(domain.state)


def _decompress(content: bytes) -> bytes:
    """Return the pickle in a file of joblib, which may be compressed; not more than `MAX_BYTES` of it."""
    decompressor = _decompressor(content)
    if decompressor is not None:
        try:
            content = decompressor.decompress(content, MAX_BYTES + 1)
        except Exception as error:  # each of the three modules has an error of its own
            raise ValueError(f"damaged compressed data: {error}.") from error
    if len(content) > MAX_BYTES:
        raise ValueError(f"a model must have at most {MAX_BYTES} bytes; this file holds more.")
    return content


def _decompressor(content: bytes) -> Any:
    """Return what decompresses a file that begins like this; None if it is not compressed."""
    if content.startswith((b"\x78", b"\x1f\x8b")):
        import zlib

        return zlib.decompressobj(wbits=47)  # zlib or gzip, whichever it is
    if content.startswith(b"BZh"):
        import bz2

        return bz2.BZ2Decompressor()
    if content.startswith((b"\xfd7zXZ", b"\x5d\x00")):
        import lzma

        return lzma.LZMADecompressor(memlimit=MAX_BYTES)
    if content.startswith(b"\x04\x22\x4d\x18"):
        raise ValueError("it is compressed with lz4; write it with another compressor, or none.")
    return None


class _Expansion:
    """Copy of what a machine has read, in which everything is a builtin, an array or a `StoredEstimator`."""

    def __init__(self) -> None:
        self.n_values = 0
        self.open: set[int] = set()

    def expand(self, value: Any) -> Any:
        """Return the copy of a value, or raise an error if it is too large or lies inside itself."""
        self.n_values += 1
        if self.n_values > MAX_VALUES:
            raise ValueError(f"a model must hold at most {MAX_VALUES} values; this file holds more.")
        if id(value) in self.open:
            raise ValueError("a list or dict must not hold itself.")
        if len(self.open) > MAX_DEPTH:
            raise ValueError(f"lists and dicts must not lie more than {MAX_DEPTH} deep in each other.")
        self.open.add(id(value))
        try:
            return self._expand(value)
        finally:
            self.open.discard(id(value))

    def _expand(self, value: Any) -> Any:
        if type(value) is Pending:
            value = value.value
        if type(value) in (list, tuple):
            return type(value)(self.expand(part) for part in value)
        if type(value) is dict:
            copy = {name: self.expand(part) for name, part in value.items()}
            return StoredEstimator(1, copy[_CLASS], copy[_STATE]) if copy.keys() == {_CLASS, _STATE} else copy
        if type(value) is StoredEstimator:
            parts = (self.expand(part) for part in (value.format_version, value.name, value.state))
            return StoredEstimator(*parts)
        if isinstance(value, np.ndarray | np.generic) or type(value) in _LEAVES:
            return value
        raise ValueError("damaged pickle: a value without content.")
