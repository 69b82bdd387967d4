"""The models that fill a catalogue: named, loaded and checked before any row is read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sklearn.base import clone

from skdistmass.columns import FEATURES, LABEL_SETS
from skdistmass.estimators.age import MassToAge
from skdistmass.estimators.distance import DistanceRegressor
from skdistmass.estimators.isochrone import IsochroneDistance
from skdistmass.estimators.mass import MassRegressor

DEFAULT_MASSES = ("mass", *(f"mass-{name.lower().replace('_', '-')}" for name in LABEL_SETS))
"""Mass models of a catalogue: that of MASS and AGE, then those of the six label sets."""


@dataclass(frozen=True)
class CatalogModels:
    """Fitted models of a catalogue, as `load_models` resolves them.

    Parameters
    ----------
    distance : DistanceRegressor or None
        Model of the absolute magnitude.
    masses : dict of str to MassRegressor
        Mass models by the ending of their columns: "" for MASS, "_UNCOR_SS" for MASS_UNCOR_SS.
    age : MassToAge or None
        Relation of mass and age.
    isochrone : IsochroneDistance or None
        Estimator of the isochrone distances.
    names : dict of str to str
        What each model is called in the provenance.
    """

    distance: object
    masses: dict
    age: object
    isochrone: object
    names: dict

    def provenance(self) -> dict:
        """Name the models for the header of the catalogue.

        Returns
        -------
        dict of str to str
            Name and SHA-256 of the model of each column.
        """
        models = {"DISTANCE": self.distance, "AGE": self.age}
        models |= {f"MASS{ending}": model for ending, model in self.masses.items()}
        named = {
            column: f"{self.names[column]} {getattr(model, 'sha256_', '')}".strip()
            for column, model in models.items()
            if model is not None
        }
        if self.isochrone is not None:
            named["NMSU_DIST"] = repr(self.isochrone)
        return named


def load_models(
    distance="distance", masses=DEFAULT_MASSES, age="age", isochrone=True, trusted=False
) -> CatalogModels:
    """Load the models of a catalogue.

    Parameters
    ----------
    distance : str, path, DistanceRegressor or None, default="distance"
        Name of a shipped model, model file, or fitted estimator; None for no distances.
    masses : sequence of str, path or MassRegressor, or dict, or None, default=DEFAULT_MASSES
        Mass models; the first is the one whose errors and domain the catalogue tells. A dict gives the
        endings of the columns ("" for MASS, "UNCOR_SS" for MASS_UNCOR_SS).
    age : str, path, MassToAge or None, default="age"
        Relation of mass and age; None for no ages.
    isochrone : bool or IsochroneDistance, default=True
        Estimator of the isochrone distances; True for one with default settings, False for none.
    trusted : bool, default=False
        Passed to `load_model`.

    Returns
    -------
    CatalogModels
        The loaded models.

    Raises
    ------
    ValueError
        If a model is not fitted or not of the kind its place needs.
    """
    if masses is None:
        masses = ()
    elif isinstance(masses, str | Path) or hasattr(masses, "predict"):
        masses = (masses,)
    names = {}
    loaded_masses = {}
    entries = masses.items() if isinstance(masses, dict) else ((None, model) for model in masses)
    for ending, model in entries:
        estimator = _resolve(model, MassRegressor, "masses", trusted)
        if ending is None:
            ending = getattr(estimator, "card_", {}).get("label_set", "")
        ending = f"_{ending.strip('_')}" if ending.strip("_") else ""
        if ending.removeprefix("_") not in ("", *LABEL_SETS):
            raise ValueError(f"there is no catalogue column MASS{ending} for the mass model {model!r}.")
        if ending in loaded_masses:
            raise ValueError(
                f"two mass models would write MASS{ending}; give a dict with an ending for each."
            )
        loaded_masses[ending] = estimator
        names[f"MASS{ending}"] = _label(model)
    names["DISTANCE"], names["AGE"] = _label(distance), _label(age)
    return CatalogModels(
        distance=_resolve(distance, DistanceRegressor, "distance", trusted),
        masses=loaded_masses,
        age=_resolve(age, MassToAge, "age", trusted) if loaded_masses else None,
        isochrone=_resolve_isochrone(isochrone),
        names=names,
    )


def _label(model) -> str:
    return str(model) if isinstance(model, str | Path) else type(model).__name__


def _resolve(model, kind, argument, trusted):
    if model is None:
        return None
    if isinstance(model, str | Path):
        from skdistmass.models.load import load_model

        model = load_model(model, trusted=trusted)
    if not isinstance(model, kind):
        raise ValueError(f"{argument} needs a {kind.__name__}; received a {type(model).__name__}.")
    if not hasattr(model, "n_features_in_"):
        raise ValueError(f"{argument} needs a fitted {kind.__name__}; this one is not fitted.")
    names = tuple(str(name).upper() for name in getattr(model, "feature_names_in_", ()))
    if names != FEATURES and set(names) == set(FEATURES):
        raise ValueError(
            f"{argument} was fitted on the columns {', '.join(names)}; expected {', '.join(FEATURES)}."
        )
    return model


def _resolve_isochrone(isochrone):
    if isochrone is None or isochrone is False:
        return None
    estimator = IsochroneDistance() if isochrone is True else isochrone
    if not isinstance(estimator, IsochroneDistance):
        raise ValueError(f"isochrone needs True, False or an IsochroneDistance; received {isochrone!r}.")
    return estimator if hasattr(estimator, "magnitudes_") else clone(estimator).fit()
