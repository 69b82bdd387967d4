"""The models that fill a catalogue: named, loaded and checked before any row is read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sklearn.base import clone

from skdistmass.columns import FEATURES, LABEL_SETS
from skdistmass.estimators.age import MassToAge
from skdistmass.estimators.distance import DistanceRegressor
from skdistmass.estimators.isochrone import IsochroneDistance
from skdistmass.estimators.label_scale import LabelScale
from skdistmass.estimators.mass import MassRegressor
from skdistmass.survey.options import CatalogOptions


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
    label_scale : LabelScale or None
        Scale of the labels of the table.
    """

    distance: DistanceRegressor | None
    masses: dict[str, MassRegressor]
    age: MassToAge | None
    isochrone: IsochroneDistance | None
    names: dict[str, str]
    label_scale: LabelScale | None = None

    def provenance(self) -> dict[str, str]:
        """Name the models for the header of the catalogue.

        Returns
        -------
        dict of str to str
            Name and SHA-256 of the model of each column.
        """
        models = {"DISTANCE": self.distance, "AGE": self.age, "LABEL_SCALE": self.label_scale}
        models |= {f"MASS{ending}": model for ending, model in self.masses.items()}
        named = {
            column: f"{self.names[column]} {getattr(model, 'sha256_', '')}".strip()
            for column, model in models.items()
            if model is not None
        }
        if self.isochrone is not None:
            named["NMSU_DIST"] = repr(self.isochrone)
        return named


def load_models(options: CatalogOptions) -> CatalogModels:
    """Load and check the models of a catalogue.

    Parameters
    ----------
    options : CatalogOptions
        Which models.

    Returns
    -------
    CatalogModels
        The loaded models.

    Raises
    ------
    ValueError
        If a model is not fitted or not of the kind its place needs.
    """
    masses: Any = options.masses
    if masses is None:
        masses = ()
    elif isinstance(masses, str | Path) or hasattr(masses, "predict"):
        masses = (masses,)
    names = {
        "DISTANCE": _label(options.distance),
        "AGE": _label(options.age),
        "LABEL_SCALE": _label(options.label_scale),
    }
    loaded: dict[str, MassRegressor] = {}
    for given, model in masses.items() if isinstance(masses, dict) else ((None, model) for model in masses):
        estimator = _resolve(model, MassRegressor, "masses", options.trusted)
        ending = _mass_ending(estimator, given, model)
        if ending in loaded:
            raise ValueError(
                f"two mass models would write MASS{ending}; give a dict with an ending for each."
            )
        loaded[ending] = estimator
        names[f"MASS{ending}"] = _label(model)
    return CatalogModels(
        distance=_resolve(options.distance, DistanceRegressor, "distance", options.trusted),
        masses=loaded,
        age=_resolve(options.age, MassToAge, "age", options.trusted) if loaded else None,
        isochrone=_resolve_isochrone(options.isochrone),
        names=names,
        label_scale=_resolve_scale(options.label_scale, options.trusted),
    )


def _mass_ending(estimator: MassRegressor, given: str | None, model: Any) -> str:
    """Give the ending of the columns of a mass model: its own, or that of its label set."""
    ending = getattr(estimator, "card_", {}).get("label_set", "") if given is None else given
    ending = ending.strip("_")
    if ending not in ("", *LABEL_SETS):
        raise ValueError(f"there is no catalogue column MASS_{ending} for the mass model {model!r}.")
    return f"_{ending}" if ending else ""


def _label(model: Any) -> str:
    return str(model) if isinstance(model, str | Path) else type(model).__name__


def _resolve(model: Any, kind: type, argument: str, trusted: bool) -> Any:
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


def _resolve_scale(scale: Any, trusted: bool) -> LabelScale | None:
    if isinstance(scale, str | Path):
        from skdistmass.models.label_scales import load_label_scale

        scale = load_label_scale(scale, trusted=trusted)
    if scale is None:
        return None
    if not isinstance(scale, LabelScale) or getattr(scale, "n_features_in_", 0) != len(FEATURES):
        raise ValueError(
            f"label_scale needs a LabelScale fitted on {', '.join(FEATURES)}; received {scale!r}."
        )
    return scale


def _resolve_isochrone(isochrone: Any) -> IsochroneDistance | None:
    if isochrone is None or isochrone is False:
        return None
    estimator = IsochroneDistance() if isochrone is True else isochrone
    if not isinstance(estimator, IsochroneDistance):
        raise ValueError(f"isochrone needs True, False or an IsochroneDistance; received {isochrone!r}.")
    return estimator if hasattr(estimator, "magnitudes_") else clone(estimator).fit()
