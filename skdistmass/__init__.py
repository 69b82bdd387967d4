"""Distances, masses and ages of survey stars from five numbers of their spectra."""

import importlib

from skdistmass._version import __version__

# Where each public name lives; a module is imported when its name is first used, so that importing the
# package costs nothing.
_HOME = {
    "BinaryPruner": "estimators.pruning",
    "IsochroneDistance": "estimators.isochrone",
    "bit_names": "columns.bits",
    "build_catalog": "survey.catalog",
    "distribute_catalog": "survey.dask",
    "fit_blocks": "networks.out_of_core",
    "good_stars": "columns.bits",
    "has_bit": "columns.bits",
    "distance_training_set": "training",
    "load_clusters": "survey.clusters",
    "make_survey": "simulate",
    "mass_training_set": "training",
    "read_catalog": "survey.read",
    "read_stars": "survey.read",
    "write_catalog": "survey.catalog",
    "write_table": "tables.write",
    "DistanceRegressor": "estimators.distance",
    "MassRegressor": "estimators.mass",
    "MassToAge": "estimators.age",
    "TrainingDomain": "estimators.domain",
    "list_models": "models.load",
    "load_model": "models.load",
    "load_predictor": "models.load",
    "save_model": "models.load",
    "train_distance": "training",
    "train_mass": "training",
}

__all__ = ["__version__", *_HOME]


def __getattr__(name):
    if name in _HOME:
        return getattr(importlib.import_module(f"skdistmass.{_HOME[name]}"), name)
    raise AttributeError(f"module 'skdistmass' has no attribute {name!r}")


def __dir__():
    return sorted(__all__)
