"""Distances, masses and ages of survey stars from five numbers of their spectra."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from skdistmass._version import __version__

if TYPE_CHECKING:  # What editors and type checkers read; `tests/test_api.py` holds it equal to `_HOME`.
    from skdistmass.columns import bit_names, good_stars, has_bit
    from skdistmass.estimators.age import MassToAge
    from skdistmass.estimators.distance import DistanceRegressor
    from skdistmass.estimators.domain import TrainingDomain
    from skdistmass.estimators.isochrone import IsochroneDistance
    from skdistmass.estimators.label_scale import LabelScale
    from skdistmass.estimators.mass import MassRegressor
    from skdistmass.estimators.out_of_core import fit_blocks
    from skdistmass.estimators.pruning import BinaryPruner
    from skdistmass.exceptions import MissingColumnsError, NoSecondModeWarning, UntrustedModelError
    from skdistmass.models.label_scales import list_label_scales, load_label_scale
    from skdistmass.models.load import list_models, load_model, load_predictor, save_model
    from skdistmass.simulate import make_survey
    from skdistmass.survey.catalog import build_catalog, write_catalog
    from skdistmass.survey.clusters import load_clusters
    from skdistmass.survey.dask import connect, distribute_catalog
    from skdistmass.survey.read import read_stars
    from skdistmass.survey.read_catalog import read_catalog
    from skdistmass.tables.write import write_table
    from skdistmass.training import distance_training_set, mass_training_set, train_distance, train_mass

__all__ = [
    "BinaryPruner",
    "DistanceRegressor",
    "IsochroneDistance",
    "LabelScale",
    "MassRegressor",
    "MassToAge",
    "MissingColumnsError",
    "NoSecondModeWarning",
    "TrainingDomain",
    "UntrustedModelError",
    "__version__",
    "bit_names",
    "build_catalog",
    "connect",
    "distance_training_set",
    "distribute_catalog",
    "fit_blocks",
    "good_stars",
    "has_bit",
    "list_label_scales",
    "list_models",
    "load_clusters",
    "load_label_scale",
    "load_model",
    "load_predictor",
    "make_survey",
    "mass_training_set",
    "read_catalog",
    "read_stars",
    "save_model",
    "train_distance",
    "train_mass",
    "write_catalog",
    "write_table",
]

# Where each name is defined. A module is imported when one of its names is first used, so that importing the
# package costs nothing.
_HOME = {
    "BinaryPruner": "estimators.pruning",
    "DistanceRegressor": "estimators.distance",
    "IsochroneDistance": "estimators.isochrone",
    "LabelScale": "estimators.label_scale",
    "MassRegressor": "estimators.mass",
    "MassToAge": "estimators.age",
    "MissingColumnsError": "exceptions",
    "NoSecondModeWarning": "exceptions",
    "TrainingDomain": "estimators.domain",
    "UntrustedModelError": "exceptions",
    "bit_names": "columns",
    "build_catalog": "survey.catalog",
    "connect": "survey.dask",
    "distance_training_set": "training",
    "distribute_catalog": "survey.dask",
    "fit_blocks": "estimators.out_of_core",
    "good_stars": "columns",
    "has_bit": "columns",
    "list_label_scales": "models.label_scales",
    "list_models": "models.load",
    "load_clusters": "survey.clusters",
    "load_label_scale": "models.label_scales",
    "load_model": "models.load",
    "load_predictor": "models.load",
    "make_survey": "simulate",
    "mass_training_set": "training",
    "read_catalog": "survey.read_catalog",
    "read_stars": "survey.read",
    "save_model": "models.load",
    "train_distance": "training",
    "train_mass": "training",
    "write_catalog": "survey.catalog",
    "write_table": "tables.write",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"skdistmass.{_HOME[name]}"), name)
    raise AttributeError(f"module 'skdistmass' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
