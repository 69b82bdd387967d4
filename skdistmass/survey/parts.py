"""Finished pieces of a catalogue in the making: kept, held by one process, and gone on from."""

from __future__ import annotations

import json
import os
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from skdistmass.tables.atomic import new_file
from skdistmass.tables.parquet import write_parquet

if TYPE_CHECKING:
    import pyarrow as pa

_LOCK, _HOLDER, _KEPT = "lock", "holder.json", ".arrow"


class Piece(NamedTuple):
    """Rows `start` to `stop` (exclusive) of a table; its number counts from 0."""

    number: int
    start: int
    stop: int


class OutputInUseError(OSError):
    """Another process is writing the same output."""


def parts_folder(output: str | Path) -> Path:
    """Name the folder of the finished pieces of a catalogue in the making.

    Parameters
    ----------
    output : str or Path
        The catalogue.

    Returns
    -------
    Path
        The folder.
    """
    return Path(output).with_name(f"{Path(output).name}.parts")


@contextmanager
def hold(output: Path) -> Iterator[Path]:
    """Hold an output: only one process at a time makes it.

    Parameters
    ----------
    output : Path
        File or folder that will be written.

    Yields
    ------
    Path
        `parts_folder` of it. At the end it is removed if it is empty.

    Raises
    ------
    OutputInUseError
        If another process holds it; says which one, on which machine, since when.
    """
    from filelock import FileLock, Timeout

    folder = parts_folder(output)
    lock = FileLock(folder / _LOCK, timeout=0)
    while not lock.is_locked:
        folder.mkdir(exist_ok=True)
        try:
            lock.acquire()
        except Timeout:
            raise OutputInUseError(f"{output}: {_describe_holder(folder / _HOLDER)}") from None
        except FileNotFoundError:  # The one who held it has just removed the folder.
            continue
    holder = {"pid": os.getpid(), "host": socket.gethostname(), "since": time.strftime("%Y-%m-%d %H:%M:%S")}
    try:
        (folder / _HOLDER).write_text(json.dumps(holder), encoding="utf-8")
        yield folder
    finally:
        (folder / _HOLDER).unlink(missing_ok=True)
        # Before it is released: who has opened it meanwhile sees that it has no name any more.
        (folder / _LOCK).unlink(missing_ok=True)
        lock.release()
        with suppress(OSError):
            folder.rmdir()


def _describe_holder(note: Path) -> str:
    try:
        holder = json.loads(note.read_text(encoding="utf-8"))
        who = f"process {holder['pid']} on {holder['host']} has been writing it since {holder['since']}"
    except (OSError, ValueError, KeyError):  # It has the lock, but has not said yet who it is.
        who = "another process is writing it"
    return f"{who}; wait for it or give another output"


@dataclass(frozen=True)
class Parts:
    """Finished pieces of one catalogue, a file each, in Arrow's format or, for a folder, as Parquet.

    Parameters
    ----------
    folder : Path
        Folder of the files.
    suffix : {".arrow", ".parquet"}
        Format of the files.
    """

    folder: Path
    suffix: str = _KEPT

    def open(self) -> None:
        """Make the folder, or go on in it; remove what other catalogues and killed processes left behind."""
        for path in self.folder.parent.iterdir():
            if path not in (self.folder, self.folder.parent / _LOCK, self.folder.parent / _HOLDER):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        self.folder.mkdir(exist_ok=True)
        for path in self.folder.glob(".*"):
            path.unlink()

    def remove(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def file(self, piece: Piece) -> Path:
        """Name the file of a piece.

        Parameters
        ----------
        piece : Piece
            The piece.

        Returns
        -------
        Path
            The file.
        """
        return self.folder / f"part.{piece.number}{self.suffix}"

    def is_done(self, piece: Piece) -> bool:
        """Tell whether a piece is there, with all its rows.

        Parameters
        ----------
        piece : Piece
            The piece.

        Returns
        -------
        bool
            True if so.
        """
        import pyarrow as pa

        try:
            return self.read(piece).num_rows == piece.stop - piece.start
        except (OSError, pa.ArrowException):  # Not there, or cut off when the machine went down.
            return False

    def write(self, piece: Piece, table: pa.Table) -> None:
        """Write a piece, whole or not at all.

        Parameters
        ----------
        piece : Piece
            The piece.
        table : pyarrow.Table
            Its rows.
        """
        import pyarrow as pa

        with new_file(self.file(piece)) as temporary:
            if self.suffix == _KEPT:
                with pa.ipc.new_file(str(temporary), table.schema) as writer:
                    writer.write_table(table)
            else:
                write_parquet([table], temporary)

    def read(self, piece: Piece) -> pa.Table:
        """Read a piece.

        Parameters
        ----------
        piece : Piece
            The piece.

        Returns
        -------
        pyarrow.Table
            Its rows.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        if self.suffix != _KEPT:
            return pq.read_table(self.file(piece), partitioning=None)
        with pa.OSFile(str(self.file(piece))) as stream, pa.ipc.open_file(stream) as reader:
            return reader.read_all()
