"""Libraries that a report page needs beyond those of the package."""

from __future__ import annotations

from importlib.util import find_spec


def require_libraries() -> None:
    """Check that the libraries of a page are there, before the work.

    Raises
    ------
    ImportError
        If matplotlib or Bokeh is not installed.
    """
    missing = [name for name in ("matplotlib", "bokeh", "jinja2") if find_spec(name) is None]
    if missing:
        raise ImportError(
            f"a report page needs {', '.join(missing)}; install with: python -m pip install "
            "'skdistmass[report]'"
        )
