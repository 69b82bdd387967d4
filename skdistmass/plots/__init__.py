"""Figures of catalogues, models and training sets, in the manner of scikit-learn's displays.

Each class has a constructor such as `from_catalog`, which reads the columns that it needs, leaves out stars
whose quality bits forbid the quantity, draws, and returns an object with `ax_`, `figure_` and `n_shown_`.
Figures need matplotlib; importing this package does not load it.
"""

from skdistmass.plots.calibration import CalibrationDisplay
from skdistmass.plots.carbon_nitrogen import CarbonNitrogenDisplay
from skdistmass.plots.clusters import ClusterAgeDisplay, ClusterDistanceDisplay
from skdistmass.plots.comparison import ComparisonDisplay
from skdistmass.plots.galaxy import GalaxyMapDisplay
from skdistmass.plots.kiel import CoverageDisplay, KielDisplay
from skdistmass.plots.learning import LearningCurveDisplay
from skdistmass.plots.masses import MassHistogramDisplay
from skdistmass.plots.posterior import PosteriorDisplay
from skdistmass.plots.residuals import DeviationDisplay, ResidualDisplay

__all__ = [
    "CalibrationDisplay",
    "CarbonNitrogenDisplay",
    "ClusterAgeDisplay",
    "ClusterDistanceDisplay",
    "ComparisonDisplay",
    "CoverageDisplay",
    "DeviationDisplay",
    "GalaxyMapDisplay",
    "KielDisplay",
    "LearningCurveDisplay",
    "MassHistogramDisplay",
    "PosteriorDisplay",
    "ResidualDisplay",
]
