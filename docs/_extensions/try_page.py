"""The page that runs the networks in the browser, made from the model files when the site is built."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

SCRIPT = Path(__file__).resolve().parents[1] / "make_try_page.py"


def _write(app: Any, error: Exception | None) -> None:
    if error is None and app.builder.format == "html":
        (Path(app.outdir) / "try.html").write_text(runpy.run_path(str(SCRIPT))["render"](), encoding="utf-8")


def setup(app: Any) -> dict[str, bool]:
    """Write the page when the others are done.

    Parameters
    ----------
    app : sphinx.application.Sphinx
        The application.

    Returns
    -------
    dict
        What Sphinx wants to know of an extension.
    """
    app.connect("build-finished", _write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
