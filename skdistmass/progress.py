"""Progress of long work: a bar on a terminal or in a notebook, a line of the log for each stage elsewhere."""

from __future__ import annotations

import logging
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

_LOG = logging.getLogger("skdistmass.progress")
_REFRESH = 1.0
_HEARTBEAT = 60.0
_MIN_INTERVAL = 0.1
_SCALED = 100_000
_WITH_TOTAL = "{desc}: {percentage:3.0f} %|{bar}| {n_fmt}/{total_fmt}, {rate_fmt}, {remaining} left{postfix}"
_WITHOUT_TOTAL = "{desc}: {elapsed}{postfix}"

Item = TypeVar("Item")

Report = Callable[[float], object]
"""Called with the loss of a solver after each iteration or epoch."""


class Task:
    """Work in progress.

    Parameters
    ----------
    stage : str
        What is being done.
    total : int or None
        Steps of the whole; None where nobody knows.
    unit : str
        What a step is, in the plural.
    done : int, default=0
        Steps that an earlier run has done.
    bar : tqdm.tqdm, optional
        The bar that shows it.
    parent : Task, optional
        The work that this is a part of; it shows the progress of its parts as a note.
    """

    def __init__(
        self,
        stage: str,
        total: int | None,
        unit: str,
        done: int = 0,
        bar: Any = None,
        parent: Task | None = None,
    ) -> None:
        self.stage, self.total, self.unit, self.done = stage, total, unit, done
        self.bar, self.parent = bar, parent
        self._first, self._start, self._drawn, self._note = done, time.monotonic(), 0.0, ""

    def advance(self, steps: int = 1, note: str | None = None) -> None:
        """Count steps that are done.

        Parameters
        ----------
        steps : int, default=1
            Number of steps.
        note : str, optional
            What to show beside the count.
        """
        self.done += steps
        if note is not None:
            self._note = note
            if self.bar is not None:
                self.bar.set_postfix_str(note, refresh=False)
        if self.bar is not None:
            self.bar.update(steps)
        elif self.parent is not None:
            share = f" {100 * self.done / self.total:.0f} %" if self.total else ""
            self.parent.tell(f"{self.stage}{share}{', ' * bool(self._note)}{self._note}")

    def tell(self, note: str) -> None:
        """Show what is being done just now.

        Parameters
        ----------
        note : str
            A few words.
        """
        self._note = note
        if self.bar is not None:
            self.bar.set_postfix_str(note, refresh=False)
            if time.monotonic() - self._drawn > _MIN_INTERVAL:
                self._drawn = time.monotonic()
                self.bar.refresh()
        elif self.parent is not None:
            self.parent.tell(f"{self.stage}: {note}")

    def line(self) -> str:
        """Say how far the work is.

        Returns
        -------
        str
            Stage, steps, time and rate.
        """
        seconds, steps = time.monotonic() - self._start, self.done - self._first
        if not self.done:
            return f"{self.stage}: {seconds:.1f} s{', ' * bool(self._note)}{self._note}"
        text = f"{self.stage}: {self.done:,} {self.unit}"
        if self.total and self.done < self.total:
            left = (self.total - self.done) * seconds / max(steps, 1)
            text += f" of {self.total:,}, {left:.0f} s left"
        return f"{text} in {seconds:.1f} s ({steps / max(seconds, 1e-3):,.0f} {self.unit}/s)"


_current: ContextVar[Task | None] = ContextVar("task", default=None)
_quiet: ContextVar[bool] = ContextVar("quiet", default=False)


@contextmanager
def progress(
    stage: str, total: int | None = None, unit: str = "rows", *, done: int = 0, shown: bool | None = None
) -> Iterator[Task]:
    """Show the progress of work that takes long.

    Parameters
    ----------
    stage : str
        What is being done.
    total : int, optional
        Steps of the whole; without it only the time is shown.
    unit : str, default="rows"
        What a step is, in the plural.
    done : int, default=0
        Steps that an earlier run has done.
    shown : bool, optional
        Whether there is a bar; by default on a terminal and in a notebook. Without one the logger
        ``skdistmass.progress`` gets a line at the end, and one a minute until then. Work inside of other
        work appears in the bar of that.

    Yields
    ------
    Task
        To be told of each step.

    Examples
    --------
    >>> with progress("filling", total=3, shown=False) as task:
    ...     for _ in range(3):
    ...         task.advance()
    >>> task.done
    3
    """
    parent = _current.get()
    visible = parent is None and (_is_interactive() if shown is None else shown)
    bar = _new_bar(stage, total, unit, done) if visible else None
    task = Task(stage, total, unit, done, bar, parent)
    stop, watch = threading.Event(), None
    _current.set(task)
    if bar is not None or (parent is None and _LOG.isEnabledFor(logging.INFO)):
        watch = threading.Thread(target=_watch, args=(task, stop), name="skdistmass-progress", daemon=True)
        watch.start()
    try:
        yield task
        _LOG.log(logging.INFO if bar is None and parent is None else logging.DEBUG, "%s", task.line())
    finally:
        stop.set()
        if watch is not None:
            watch.join()
        _current.set(parent)
        if bar is not None:
            bar.close()


def follow(
    items: Iterable[Item], sizes: Iterable[int], stage: str, total: int, unit: str = "rows", **options: Any
) -> Iterator[Item]:
    """Show the progress of an iteration.

    Parameters
    ----------
    items : iterable
        What is iterated over.
    sizes : iterable of int
        Steps that each item stands for.
    stage, total, unit, **options
        As in `progress`.

    Yields
    ------
    object
        The items.
    """
    with progress(stage, total, unit, **options) as task:
        for item, size in zip(items, sizes, strict=False):
            task.advance(size)
            yield item


def tell(note: str) -> None:
    """Show what is being done just now in the bar of the work that is in progress; without one do nothing.

    Parameters
    ----------
    note : str
        A few words.
    """
    task = _current.get()
    if task is not None:
        task.tell(note)


def stage(message: str) -> None:
    """Say that a stage of the work begins or has ended: in the log, and in the bar if there is one.

    Parameters
    ----------
    message : str
        What it is.
    """
    _LOG.info("%s", message)
    tell(message)


def is_running() -> bool:
    """Tell whether this is part of work whose progress is followed.

    Returns
    -------
    bool
        True if so.
    """
    return _current.get() is not None


def is_quiet() -> bool:
    """Tell whether words and bars are unwelcome.

    Returns
    -------
    bool
        True inside `quiet`.
    """
    return _quiet.get()


@contextmanager
def quiet() -> Iterator[None]:
    """Show no bars and no words on a terminal, unless a call asks for them.

    Yields
    ------
    None
    """
    token = _quiet.set(True)
    try:
        yield
    finally:
        _quiet.reset(token)


@contextmanager
def progress_bar(n_steps: int, verbose: int) -> Iterator[Report | None]:
    """Show the steps of a solver and their loss in a bar.

    Parameters
    ----------
    n_steps : int
        Steps at most.
    verbose : bool or int
        Whether there is a bar. Inside of work whose progress is followed the steps appear there.

    Yields
    ------
    callable or None
        To be called with the loss of each step; None where nobody looks.
    """
    if not verbose and not is_running():
        yield None
        return
    with progress("fit", n_steps, "steps", shown=bool(verbose)) as task:
        yield lambda loss: task.advance(note=f"loss={loss:.4g}")


def write_line(text: str) -> None:
    """Write a line to standard error, above a bar if there is one.

    Parameters
    ----------
    text : str
        The line.
    """
    task = _current.get()
    while task is not None and task.bar is None:
        task = task.parent
    if task is None or task.bar is None:
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()
    else:
        task.bar.write(text, file=sys.stderr)


def _is_interactive() -> bool:
    return not _quiet.get() and (sys.stderr.isatty() or _in_notebook())


def _in_notebook() -> bool:
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return shell is not None and hasattr(shell, "kernel")


def _new_bar(stage: str, total: int | None, unit: str, done: int) -> Any:
    """Make a bar of text, or of widgets in a notebook that has them."""
    with warnings.catch_warnings():
        # It warns where there are no widgets, and draws text instead, which notebooks show as well.
        warnings.simplefilter("ignore")
        if _in_notebook():
            from tqdm.auto import tqdm
        else:
            from tqdm import tqdm
        return tqdm(
            desc=stage,
            total=total,
            initial=done,
            unit=f" {unit}",
            unit_scale=total is not None and total >= _SCALED,
            bar_format=_WITHOUT_TOTAL if total is None else _WITH_TOTAL,
            dynamic_ncols=True,
        )


def _watch(task: Task, stop: threading.Event) -> None:
    """Move a bar while nothing is counted, or log a line from time to time."""
    while not stop.wait(_HEARTBEAT if task.bar is None else _REFRESH):
        if task.bar is None:
            _LOG.info("%s", task.line())
        else:
            task.bar.refresh()
