"""Atomic writing: an output gets its name when it is complete, and a failure leaves nothing behind."""

from __future__ import annotations

import errno
import gzip
import os
import platform
import re
import shutil
import uuid
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, BinaryIO, cast

_WAYS_OUT = {
    errno.ENOSPC: "free some space, or choose another folder",
    errno.EDQUOT: "free some space, or choose another folder",
    errno.EFBIG: "choose a file system that takes larger files, or write a folder of Parquet files",
    errno.EROFS: "choose a folder that is not read-only",
    errno.EACCES: "choose a folder that you may write to",
    errno.EPERM: "choose a folder that you may write to",
}
_HOST = f"{zlib.crc32(platform.node().encode()):08x}"
_NAME_BYTES = 150  # of the output's name in that of a temporary one; file systems take 255 in all


def check_file(path: str | Path, overwrite: bool = False) -> Path:
    """Check that a file can be written, before the work that makes it.

    Parameters
    ----------
    path : str or Path
        File to write.
    overwrite : bool, default=False
        Whether an existing file may be replaced.

    Returns
    -------
    Path
        The file to write.

    Raises
    ------
    FileExistsError
        If the file exists and must not be replaced.
    FileNotFoundError
        If its folder does not exist.
    OSError
        If the folder cannot be written to, or `path` is a folder.

    Notes
    -----
    What a killed process has left of the same output is removed.
    """
    path = Path(path)
    if path.is_dir():
        raise IsADirectoryError(f"{path}: a folder; the name of a file is expected")
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path}: exists; give overwrite=True (--overwrite) to replace it")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path}: its folder {path.parent} does not exist; make it first")
    probe = _temporary(path)
    try:
        probe.touch()
    except OSError as error:
        _explain(error, path, f"cannot write into the folder {path.parent}")
        raise
    finally:
        _remove(probe)
    _remove_leftovers(path)
    return path


@contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """Give the name of a file to write, which gets its own name when it is complete and vanishes otherwise.

    Parameters
    ----------
    path : Path
        Name that the file gets if the `with` block ends well.

    Yields
    ------
    Path
        Name under which to write it, in the same folder and with the same suffixes.

    Raises
    ------
    OSError
        If there is no space left or the folder cannot be written to; the message names the output.
    """
    _remove_leftovers(path)
    temporary = _temporary(path)
    try:
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        _explain(error, path, "could not be written")
        raise
    finally:
        _remove(temporary)


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Make a folder to fill, which gets its own name when it is complete and vanishes otherwise.

    Parameters
    ----------
    path : Path
        Name that the folder gets if the `with` block ends well; what has that name is then replaced.

    Yields
    ------
    Path
        The empty folder to fill, beside `path`.

    Raises
    ------
    OSError
        If there is no space left or the folder cannot be written to; the message names the output.
    """
    _remove_leftovers(path)
    temporary = _temporary(path)
    try:
        temporary.mkdir()
        yield temporary
        replaced = _temporary(path, "old")
        if path.exists():
            path.rename(replaced)
        temporary.rename(path)
        _remove(replaced)
    except OSError as error:
        _explain(error, path, "could not be written")
        raise
    finally:
        _remove_leftovers(path, os.getpid())
        _remove(temporary)


def _remove_leftovers(path: Path, process: int | None = None) -> None:
    """Remove what killed processes of this machine have left of an output; bring back what they moved away.

    Parameters
    ----------
    path : Path
        The output.
    process : int, optional
        Only what this process has moved away is brought back; by default all of processes that have ended.
    """
    parent, pattern = path.parent, re.compile(rf"\.{re.escape(_stem(path))}\.{_HOST}-(\d+)-\w+\.(part|old)\b")
    try:
        names = os.listdir(parent)
    except OSError:
        return
    for name in names:
        found = pattern.match(name)
        if found is None:
            continue
        number, kind = int(found[1]), found[2]
        if kind == "old" and (number == process or _has_ended(number)) and not path.exists():
            (parent / name).rename(path)
        elif process is None and _has_ended(number):
            _remove(parent / name)


@contextmanager
def open_binary(path: Path) -> Iterator[IO[bytes]]:
    """Open a file to write bytes, compressed if its name ends in .gz.

    Parameters
    ----------
    path : Path
        File to write.

    Yields
    ------
    binary file
        Where to write; one can go back in it, since it is compressed at the end.
    """
    if path.suffix != ".gz":
        with path.open("wb") as stream:
            yield stream
        return
    plain = path.with_suffix("")
    try:
        with plain.open("wb") as stream:
            yield stream
        # Without name and time: the same table makes the same file.
        with (
            plain.open("rb") as stream,
            path.open("wb") as target,
            gzip.GzipFile("", "wb", fileobj=target, mtime=0) as compressed,
        ):
            shutil.copyfileobj(stream, compressed, 2**20)
    finally:
        _remove(plain)


def _stem(path: Path) -> str:
    name = path.name
    if len(os.fsencode(name)) <= _NAME_BYTES:
        return name
    return f"{zlib.crc32(os.fsencode(name)):08x}"


def _temporary(path: Path, kind: str = "part") -> Path:
    # In the same folder, so that the last step is a rename; with the suffixes, since .gz is chosen by them.
    suffixes = "".join(path.suffixes[-2:])
    suffixes = suffixes if len(os.fsencode(suffixes)) < 40 else path.suffix[:40]
    return path.with_name(f".{_stem(path)}.{_HOST}-{os.getpid()}-{uuid.uuid4().hex[:8]}.{kind}{suffixes}")


def _has_ended(process: int) -> bool:
    if os.name != "posix":
        return False  # There, asking for a process may end it.
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except (PermissionError, OverflowError):
        return False
    return False


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
        return
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return  # The folder has become read-only: the error that led here is the one to tell.


def _explain(error: OSError, path: Path, what: str) -> None:
    """Raise the error again with the name of the output and the way out, where there is one to name."""
    if error.errno not in _WAYS_OUT:
        return
    # The number is kept out of the constructor: it would put itself before the message.
    explained = type(error)(f"{path}: {what} ({error.strerror or error}); {_WAYS_OUT[error.errno]}")
    explained.errno = error.errno
    raise explained from error


def open_bytes(path: Path) -> BinaryIO:
    """Open a file to read its bytes, decompressed if it is compressed by gzip.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    binary file object
        The stream.
    """
    with path.open("rb") as stream:
        is_gzip = stream.read(2) == b"\x1f\x8b"
    return cast(BinaryIO, gzip.open(path)) if is_gzip else path.open("rb")
