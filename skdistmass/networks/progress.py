"""Progress of a solver: its steps and their loss."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from skdistmass.progress import is_running, progress

Report = Callable[[float], object]
"""Called with the loss after each iteration or epoch."""


@contextlib.contextmanager
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
