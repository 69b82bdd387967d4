"""Programs of the pickle machine that no pickler writes, and arrays that declare more than they hold."""

from __future__ import annotations

import pickle
import struct
import zlib
from collections.abc import Iterator

SENTINEL = "code-was-run"
"""File in the current folder that a file which is to run code would make."""
SHELL = f"touch {SENTINEL}"
CODE = f"open({SENTINEL!r}, 'w')"


def text(value: str) -> bytes:
    """Write the instruction that pushes a short text."""
    encoded = value.encode()
    return pickle.SHORT_BINUNICODE + bytes([len(encoded)]) + encoded


REBUILD = text("skdistmass.estimators.persistence") + text("rebuild") + pickle.STACK_GLOBAL
WRAPPER = text("joblib.numpy_pickle") + text("NumpyArrayWrapper") + pickle.STACK_GLOBAL + b")\x81"
F8 = (
    b"cnumpy\ndtype\n"
    + text("f8")
    + b"\x89\x88\x87R(K\x03"
    + text("<")
    + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
)


def wrapped(
    shape: bytes, subclass: bytes = b"cnumpy\nndarray\n", dtype: bytes = F8, data: bytes = b"\0" * 8
) -> bytes:
    """Write an array as joblib does, with a shape of choice, in a file of its own."""
    state = b"}(" + text("subclass") + subclass + text("shape") + shape + text("order") + text("C")
    state += text("dtype") + dtype + text("allow_mmap") + b"\x88" + text("numpy_array_alignment_bytes") + b"N"
    return b"\x80\x04" + WRAPPER + state + b"ub" + data + b"."


def long(number: int) -> bytes:
    """Write the instruction that pushes an integer."""
    encoded = pickle.encode_long(number)
    return pickle.LONG1 + bytes([len(encoded)]) + encoded


def malformed_files() -> Iterator[tuple[str, bytes]]:
    """Yield programs of the pickle machine that no pickler writes."""
    system = b"cposix\nsystem\n"
    command = text(SHELL)
    yield "INST", b"\x80\x02(S'" + SHELL.encode() + b"'\niposix\nsystem\n."
    yield "OBJ", b"\x80\x02(" + system + command + b"o."
    yield "GLOBAL", b"\x80\x02" + system + command + b"\x85R."
    yield "STACK_GLOBAL", b"\x80\x04" + text("posix") + text("system") + b"\x93" + command + b"\x85R."
    yield "attribute path", b"\x80\x04" + text("numpy") + text("os.system") + b"\x93" + command + b"\x85R."
    yield (
        "path below rebuild",
        (
            b"\x80\x04"
            + text("skdistmass.estimators.persistence")
            + text("import_module")
            + b"\x93"
            + text("os")
            + b"\x85R."
        ),
    )
    yield "old name of numpy", b"\x80\x04" + text("numpy.core.multiarray") + text("fromfile") + b"\x93."
    yield (
        "numpy f2py",
        b"\x80\x04"
        + text("numpy.testing._private.utils")
        + text("runstring")
        + b"\x93"
        + text(CODE)
        + b"}\x86R.",
    )
    yield "copyreg", b"\x80\x02ccopyreg\n_reconstructor\n" + system + b"cbuiltins\nobject\nN\x87R."
    yield "NEWOBJ", b"\x80\x02cbuiltins\nmap\n" + system + b"]" + command + b"a\x86\x81."
    yield "NEWOBJ_EX", b"\x80\x04" + text("builtins") + text("map") + b"\x93)}\x92."
    yield "EXT1", b"\x80\x02\x82\x01."
    yield "PERSID", b"\x80\x02Pid\n."
    yield "BINPERSID", b"\x80\x02K\x01Q."
    yield "BUILD of rebuild", b"\x80\x04" + REBUILD + b"}" + text("__code__") + b"K\x01sb."
    yield "slots of rebuild", b"\x80\x04" + REBUILD + b"N}" + text("__defaults__") + b"K\x01s\x86b."
    yield "call of a number", b"\x80\x04K\x01)R."
    yield "call of rebuild with a list", b"\x80\x04" + REBUILD + b"]R."
    yield "call without an argument", b"\x80\x04R."
    yield "symbol alone", b"\x80\x04" + REBUILD + b"."
    yield "dtype alone", b"\x80\x04" + F8 + b"."
    yield "array subclass", wrapped(b"K\x01\x85", subclass=b"cnumpy\nmemmap\n")
    yield (
        "array of objects by wrapper",
        wrapped(
            b"K\x01\x85",
            dtype=F8.replace(text("f8"), text("O8")),
            data=b"\x80\x04" + system + command + b"\x85R.",
        ),
    )
    yield "structured dtype", wrapped(b"K\x01\x85", dtype=F8.replace(text("f8"), text("f8,O")))
    yield "long dtype", wrapped(b"K\x01\x85", dtype=F8.replace(text("f8"), text("U999999")))
    yield "empty dtype", wrapped(long(2**39) + b"\x85", dtype=F8.replace(text("f8"), text("U0")), data=b"")
    yield "huge shape", wrapped(long(10**11) + b"\x85")
    yield "overflowing shape", wrapped(long(2**62) + long(4) + b"\x86")
    yield "many zeros", wrapped(b"(" + long(2**39) * 9 + b"K\x00t", data=b"")
    yield "negative shape", wrapped(long(-1) + b"\x85")
    yield "shape of text", wrapped(text("8") + b"\x85")
    yield "no shape", b"\x80\x04" + WRAPPER + b"}b."
    yield "no array after the wrapper", b"\x80\x04" + WRAPPER + b"."
    yield "list in itself", b"\x80\x04]\x94h\x00a."
    yield "dict in itself", b"\x80\x04}\x94" + text("a") + b"h\x00s."
    yield "tuple in itself", b"\x80\x04]\x94h\x00\x85a."
    yield (
        "estimator in itself",
        b"\x80\x04"
        + REBUILD
        + b"K\x02"
        + text("DistanceRegressor")
        + b"}\x94\x87R\x94h\x00"
        + text("a")
        + b"h\x01s0h\x01.",
    )
    doubled = b"".join(b"]\x94(" + b"h" + bytes([i]) + b"h" + bytes([i]) + b"e\x94" for i in range(0, 120))
    yield "doubled lists", b"\x80\x04]\x94" + doubled + b"."
    laughs = b"]\x94" + b"".join(
        b"](" + b"h" + bytes([i]) * 1 + b"h" + bytes([i]) + b"e\x94" for i in range(40)
    )
    yield "a billion lists", b"\x80\x04" + laughs + b"."
    yield "deep lists", b"\x80\x04" + b"]" * 100_000 + b"a" * 99_999 + b"."
    yield "deep tuples", b"\x80\x04)" + b"\x85" * 100_000 + b"."
    yield "many values", b"\x80\x04(" + b"N" * 5_000_000 + b"t."
    yield "memo at a far place", b"\x80\x04]r\xff\xff\xff\xff."
    yield "memo that is not there", b"\x80\x04h\x07."
    yield "marks", b"\x80\x04" + b"(" * 100_000 + b"."
    yield "mark as a value", b"\x80\x04(\x85."
    yield "text longer than the file", b"\x80\x04\x8d" + struct.pack("<Q", 2**60) + b"abc."
    yield "long integer", b"\x80\x04\x8b" + struct.pack("<i", 2**31 - 1) + b"abc."
    yield "text that is no UTF-8", b"\x80\x04\x8c\x02\xff\xfe."
    yield "key that cannot be hashed", b"\x80\x04}]]s."
    yield "odd number of items", b"\x80\x04}(" + text("a") + b"u."
    yield "zlib bomb", zlib.compress(b"\x80\x04(" + b"N" * 150_000_000 + b"t.", 9)
    yield "xz with a huge dictionary", b"\x5d\x00\x00\x00\xff" + b"\xff" * 8 + b"\0" * 100
    yield "no pickle", b"#!/bin/sh\n" + SHELL.encode()
