"""Reports: what a catalogue holds as text and as a page, what a model is as text.

The page needs matplotlib and Bokeh; importing this package loads neither.
"""

import importlib
from typing import Any

# Where each name lives; a module is imported when its name is first used.
_HOME = {
    "CatalogSummary": "summary",
    "describe_model": "summary",
    "summarize_catalog": "summary",
    "write_report": "page",
}

__all__ = [*_HOME]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"skdistmass.report.{_HOME[name]}"), name)
    raise AttributeError(f"module 'skdistmass.report' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
