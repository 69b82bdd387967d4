"""Read a pickle without running it: builtins, NumPy arrays and estimators of this package by name.

A pickle is a program for a stack machine that may call any function. The machine here takes the instructions
from `pickletools` and does the harmless ones itself; of the names that a file mentions it knows those of
`_SYMBOLS`, and imports and calls none. joblib writes the bytes of arrays between the instructions.
"""

from __future__ import annotations

import math
import pickletools
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt

from skdistmass.exceptions import UntrustedModelError

MAX_VALUES = 300_000
"""A model file holds at most so many values."""

_SYMBOLS = {
    ("skdistmass.estimators.persistence", "rebuild"): "rebuild",
    ("joblib.numpy_pickle", "NumpyArrayWrapper"): "joblib array",
    ("numpy", "ndarray"): "ndarray",
    ("numpy", "dtype"): "dtype",
    ("_codecs", "encode"): "bytes",
}
# NumPy 2 renamed its core; either name may stand in a file, whichever version reads it.
for _core in ("numpy._core", "numpy.core"):
    _SYMBOLS[f"{_core}.multiarray", "scalar"] = "scalar"
    _SYMBOLS[f"{_core}.multiarray", "_reconstruct"] = "array"
    _SYMBOLS[f"{_core}.numeric", "_frombuffer"] = "buffer"
_DTYPE = re.compile(r"[biuf][1248]|[SU][0-9]{1,6}|O8?")
_MARK = object()
_CONSTANTS = {
    *("NONE", "NEWTRUE", "NEWFALSE", "BININT", "BININT1", "BININT2", "LONG1", "LONG4", "BINFLOAT"),
    *("SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "SHORT_BINBYTES", "BINBYTES", "BINBYTES8"),
    "BYTEARRAY8",
}
_LITERALS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}


@dataclass(frozen=True)
class StoredEstimator:
    """An estimator as its file describes it.

    Parameters
    ----------
    format_version : int
        Format of the file.
    name : str
        Name of the class.
    state : dict
        Attributes; nested estimators are `StoredEstimator` too.
    """

    format_version: Any
    name: Any
    state: Any


@dataclass(frozen=True)
class _Symbol:
    """A name that a file mentions, standing for one of the few things that the machine makes itself."""

    kind: str


@dataclass(eq=False)
class Pending:
    """What a symbol was called with; `value` follows, from the arguments or from the state."""

    kind: str
    value: Any = None


class PickleMachine:
    """Stack machine of one pickle in a stream.

    Parameters
    ----------
    stream : binary file
        Positioned at the start of the pickle; after `run` at its end.
    n_before : int, default=0
        Instructions of the pickle around this one: joblib writes arrays of text as pickles in a pickle.
    """

    def __init__(self, stream: BytesIO, n_before: int = 0):
        self.stream = stream
        self.nested = n_before > 0
        self.count = n_before
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def run(self) -> Any:
        """Execute the pickle.

        Returns
        -------
        object
            What it leaves on the stack.

        Raises
        ------
        UntrustedModelError
            If it names, or calls, anything but what a model consists of.
        ValueError
            If it is damaged or too large.
        """
        try:
            for opcode, argument, _ in pickletools.genops(self.stream):
                if opcode.name == "STOP":
                    return self._pop()
                self.count += 1
                if self.count > MAX_VALUES:
                    raise ValueError(f"a model must hold at most {MAX_VALUES} values; this file holds more.")
                self._execute(opcode.name, argument)
        except (ArithmeticError, AttributeError, LookupError, TypeError, struct.error) as error:
            raise ValueError(f"damaged pickle: {type(error).__name__}: {error}.") from error
        raise ValueError("damaged pickle: it has no end.")

    def _execute(self, name: str, argument: Any) -> None:
        if name in _CONSTANTS:
            self.stack.append(_LITERALS.get(name, argument))
            return
        action = _ACTIONS.get(name)
        if action is None:
            raise UntrustedModelError(f"it has the pickle instruction {name}")
        action(self, argument)

    def _pop(self) -> Any:
        value = self.stack.pop()
        if value is _MARK:
            raise ValueError("damaged pickle: unexpected mark.")
        return value

    def _pop_mark(self) -> list[Any]:
        start = len(self.stack) - 1
        while self.stack[start] is not _MARK:
            start -= 1
            if start < 0:
                raise ValueError("damaged pickle: no mark.")
        items = self.stack[start + 1 :]
        del self.stack[start:]
        return items

    def _tuple(self, length: int) -> None:
        items = tuple(self._pop() for _ in range(length))[::-1]
        self.stack.append(items)

    def _extend(self, items: list[Any]) -> None:
        if type(self.stack[-1]) is not list:
            raise ValueError("damaged pickle: items for something else than a list.")
        self.stack[-1].extend(items)

    def _update(self, items: list[Any]) -> None:
        if type(self.stack[-1]) is not dict:
            raise ValueError("damaged pickle: items for something else than a dict.")
        if not all(type(key) is str for key in items[::2]):
            raise ValueError("the keys of a dict must be text.")
        self.stack[-1].update(zip(items[::2], items[1::2], strict=True))

    def _memoize(self, index: int | None) -> None:
        self.memo[len(self.memo) if index is None else index] = self.stack[-1]

    def _global(self, module: Any, name: Any) -> None:
        if type(module) is not str or type(name) is not str:
            raise ValueError("damaged pickle: a name that is no text.")
        kind = _SYMBOLS.get((module, name))
        if kind is None:
            raise UntrustedModelError(f"it names {module}.{name}"[:200])
        self.stack.append(_Symbol(kind))

    def _stack_global(self) -> None:
        name, module = self._pop(), self._pop()
        self._global(module, name)

    def _reduce(self) -> None:
        arguments, function = self._pop(), self._pop()
        if not isinstance(function, _Symbol) or type(arguments) is not tuple:
            raise ValueError("damaged pickle: a call of something that is no function.")
        pending = Pending(function.kind)
        make = _MADE_BY_CALL.get(function.kind)
        if make is not None:
            pending.value = make(*arguments)
        elif function.kind == "ndarray":
            raise ValueError("damaged pickle: an array without data.")
        self.stack.append(pending)

    def _build(self) -> None:
        state, pending = self._pop(), self.stack[-1]
        if not isinstance(pending, Pending) or pending.kind not in ("joblib array", "dtype", "array"):
            raise ValueError("damaged pickle: a state for something that has none.")
        if pending.kind == "joblib array":
            # joblib reads the array where its wrapper ends, and only the array stays.
            self.stack[-1] = self._joblib_array(state)
        elif pending.kind == "dtype":
            pending.value = _dtype_of_state(pending.value, state)
        else:
            pending.value = _array_of_state(state)

    def _joblib_array(self, state: Any) -> Pending:
        if type(state) is not dict or getattr(state["subclass"], "kind", None) != "ndarray":
            raise ValueError("an array must be a plain ndarray.")
        shape, dtype = _shape(state["shape"]), _value(state["dtype"], np.dtype)
        if dtype.hasobject:
            if self.nested:
                raise ValueError("an array of text must not hold arrays.")
            inner = PickleMachine(self.stream, self.count)
            array = _text_array(_value(inner.run(), np.ndarray))
            self.count = inner.count
            return Pending("array", array)
        if state.get("numpy_array_alignment_bytes") is not None:
            self.stream.read(self.stream.read(1)[0])
        size = math.prod(shape) * dtype.itemsize
        left = len(self.stream.getbuffer()) - self.stream.tell()
        if size > left:
            raise ValueError(f"an array of shape {shape} needs {size} bytes; the file has {left} left.")
        return Pending("array", _array(self.stream.read(size), dtype, shape, state["order"] == "F"))


_ACTIONS: dict[str, Callable[[PickleMachine, Any], None]] = {
    "PROTO": lambda machine, argument: None,
    "FRAME": lambda machine, argument: None,
    "MARK": lambda machine, argument: machine.stack.append(_MARK),
    "EMPTY_LIST": lambda machine, argument: machine.stack.append([]),
    "EMPTY_DICT": lambda machine, argument: machine.stack.append({}),
    "EMPTY_TUPLE": lambda machine, argument: machine.stack.append(()),
    "TUPLE1": lambda machine, argument: machine._tuple(1),
    "TUPLE2": lambda machine, argument: machine._tuple(2),
    "TUPLE3": lambda machine, argument: machine._tuple(3),
    "TUPLE": lambda machine, argument: machine.stack.append(tuple(machine._pop_mark())),
    "APPEND": lambda machine, argument: machine._extend([machine._pop()]),
    "APPENDS": lambda machine, argument: machine._extend(machine._pop_mark()),
    "SETITEM": lambda machine, argument: machine._update([machine._pop(), machine._pop()][::-1]),
    "SETITEMS": lambda machine, argument: machine._update(machine._pop_mark()),
    "MEMOIZE": lambda machine, argument: machine._memoize(None),
    "BINPUT": lambda machine, argument: machine._memoize(argument),
    "LONG_BINPUT": lambda machine, argument: machine._memoize(argument),
    "BINGET": lambda machine, argument: machine.stack.append(machine.memo[argument]),
    "LONG_BINGET": lambda machine, argument: machine.stack.append(machine.memo[argument]),
    "GLOBAL": lambda machine, argument: machine._global(*argument.rsplit(" ", 1)),
    "STACK_GLOBAL": lambda machine, argument: machine._stack_global(),
    "REDUCE": lambda machine, argument: machine._reduce(),
    "NEWOBJ": lambda machine, argument: machine._reduce(),
    "BUILD": lambda machine, argument: machine._build(),
}


def _value(pending: Any, *kinds: type) -> Any:
    """Return what a call or state made, which must be of a kind."""
    value = pending.value if isinstance(pending, Pending) else pending
    if not isinstance(value, kinds):
        raise ValueError(f"damaged pickle: a {type(value).__name__} where a {kinds[0].__name__} must stand.")
    return value


def _dtype(code: Any, *_: Any) -> np.dtype:
    if type(code) is not str or not _DTYPE.fullmatch(code):
        raise ValueError(f"arrays must hold numbers or text; this one holds {code!r}."[:200])
    return np.dtype(code)


def _dtype_of_state(dtype: np.dtype, state: Any) -> np.dtype:
    """Apply the byte order that a pickled dtype has as its state."""
    if type(state) is not tuple or len(state) != 8 or state[2:5] != (None, None, None):
        raise ValueError("arrays must hold plain numbers or text.")
    return dtype if state[1] == "|" else dtype.newbyteorder(state[1])


def _shape(shape: Any) -> tuple[int, ...]:
    if type(shape) is not tuple or not all(type(n) is int and 0 <= n < 2**40 for n in shape):
        raise ValueError(f"the shape of an array must be a tuple of lengths; received {shape!r}."[:200])
    if len(shape) > 8:
        raise ValueError(f"an array must have at most 8 dimensions; received {len(shape)}.")
    return shape


def _array(data: Any, dtype: np.dtype, shape: tuple[int, ...], fortran: bool) -> npt.NDArray[Any]:
    """Return a writable array in native byte order."""
    if math.prod(shape) * dtype.itemsize != len(data) or dtype.hasobject:
        raise ValueError(f"an array of shape {shape} and {dtype} must not have {len(data)} bytes.")
    values = np.frombuffer(data, dtype) if len(data) else np.empty(0, dtype)
    values = values.reshape(shape[::-1]).T if fortran else values.reshape(shape)
    # NumPy's own instance of a number's dtype, so that the model is pickled as before.
    native = np.dtype(dtype.type) if dtype.kind in "biuf" else dtype.newbyteorder("=")
    return values.astype(native, order="K", copy=True)


def _text_array(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if values.dtype != object:
        raise ValueError("damaged pickle: an array of another kind than announced.")
    return values


def _array_of_state(state: Any) -> npt.NDArray[Any]:
    """Return the array whose state is version, shape, dtype, Fortran order and data."""
    _, shape, dtype, fortran, data = state
    shape, dtype = _shape(shape), _value(dtype, np.dtype)
    if not dtype.hasobject:
        return _array(_value(data, bytes), dtype, shape, bool(fortran))
    if type(data) is not list or not all(type(text) is str for text in data) or shape != (len(data),):
        raise UntrustedModelError("it has an array of objects that are not text")
    return np.array(data, dtype=object)


def _array_of_buffer(data: Any, dtype: Any, shape: Any, order: Any) -> npt.NDArray[Any]:
    return _array(_value(data, bytes, bytearray), _value(dtype, np.dtype), _shape(shape), order == "F")


def _scalar(dtype: Any, data: Any) -> np.generic:
    return _array(_value(data, bytes), _value(dtype, np.dtype), (1,), False)[0]


def _bytes(text: Any, encoding: Any) -> bytes:
    if type(text) is not str or encoding != "latin1":
        raise ValueError("damaged pickle: bytes that are no text in latin1.")
    return text.encode("latin1")


_MADE_BY_CALL: dict[str, Callable[..., Any]] = {
    "rebuild": StoredEstimator,
    "dtype": _dtype,
    "scalar": _scalar,
    "buffer": _array_of_buffer,
    "bytes": _bytes,
}
