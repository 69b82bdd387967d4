"""Compiled functions: the entry points are kept on disk, and the first run says what it waits for."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numba
from numba.core import event

from skdistmass.progress import is_quiet, is_running, stage

OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
"""Options of every compiled function: without the global lock, and divisions as those of NumPy."""

# What the user waits for, by the name of the entry point.
_PURPOSES: dict[str, str] = {}


def entry_point(purpose: str) -> Callable[[Callable], Callable]:
    """Decorate a function that Python calls: compile it when it is, and keep the result on disk.

    The result is kept beside the source or, where that is not writable, in the cache of the user; it is
    compiled in every process where neither can be written to. The functions that it calls become part of it
    and need no place of their own.

    Parameters
    ----------
    purpose : str
        What the function does, for the word on a terminal while it is compiled.

    Returns
    -------
    callable
        The decorator.
    """

    def decorate(function: Callable) -> Callable:
        _PURPOSES[function.__name__] = purpose
        try:
            return numba.njit(cache=True, **OPTIONS)(function)
        except RuntimeError:  # no place for the cache
            return numba.njit(**OPTIONS)(function)

    return decorate


class _Word(event.Listener):
    """What the user waits for while an entry point is compiled: in the log, in a bar, or on a terminal."""

    def _say(self, when: event.Event, text: str) -> None:
        if self._purpose(when) and sys.stderr.isatty() and not is_running() and not is_quiet():
            sys.stderr.write(text)
            sys.stderr.flush()

    def _purpose(self, when: event.Event) -> str | None:
        return _PURPOSES.get(when.data["dispatcher"].py_func.__name__)

    def on_start(self, event: event.Event) -> None:
        message = f"compiling {self._purpose(event)}, once for this installation"
        if self._purpose(event):
            stage(message)
        self._say(event, f"{message} ...")

    def on_end(self, event: event.Event) -> None:
        self._say(event, " done\n")


event.register("numba:compile", _Word())
