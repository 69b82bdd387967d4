"""Progress of a solver on the terminal."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

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
        Whether there is a bar.

    Yields
    ------
    callable or None
        To be called with the loss of each step; None without a bar.
    """
    if not verbose:
        yield None
        return
    from tqdm import tqdm

    with tqdm(total=n_steps, desc="fit", unit="step") as bar:

        def report(loss: float) -> None:
            bar.set_postfix_str(f"loss={loss:.4g}", refresh=False)
            bar.update()

        yield report
