"""Figures of catalogues, models and training sets, in the manner of scikit-learn's displays.

Each class has a constructor such as `from_catalog`, which reads the columns that it needs, leaves out stars
whose quality bits forbid the quantity, draws, and returns an object with `ax_`, `figure_` and `n_shown_`.
Figures need matplotlib; importing this package does not load it.
"""

import importlib
from typing import Any

# Where each display lives; a module is imported when its display is first used.
_HOME = {
    "CalibrationDisplay": "calibration",
    "CarbonNitrogenDisplay": "carbon_nitrogen",
    "ClusterAgeDisplay": "clusters",
    "ClusterDistanceDisplay": "clusters",
    "ComparisonDisplay": "comparison",
    "CoverageDisplay": "kiel",
    "DeviationDisplay": "residuals",
    "GalaxyMapDisplay": "galaxy",
    "KielDisplay": "kiel",
    "LearningCurveDisplay": "learning",
    "MassHistogramDisplay": "masses",
    "PosteriorDisplay": "posterior",
    "ResidualDisplay": "residuals",
}

__all__ = [*_HOME]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"skdistmass.plots.{_HOME[name]}"), name)
    raise AttributeError(f"module 'skdistmass.plots' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
