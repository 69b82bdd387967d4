"""The models that fill a catalogue: named, loaded and checked before any row is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skdistmass.columns import FEATURES, LABEL_SETS
from skdistmass.estimators.age_inference import AgeInference
from skdistmass.estimators.inference import DistanceInference, MassInference
from skdistmass.isochrones.inference import IsochroneInference
from skdistmass.models.load import load_light
from skdistmass.survey.options import CatalogOptions

if TYPE_CHECKING:
    from skdistmass.estimators.label_scale import LabelScale


@dataclass(frozen=True)
class CatalogModels:
    """Fitted models of a catalogue, as `load_models` resolves them.

    Those that are named are predictors: importing scikit-learn for estimators would take as long as a small
    catalogue.

    Parameters
    ----------
    distance : DistanceInference or None
        Model of the absolute magnitude, a `DistanceRegressor` or its predictor.
    masses : dict of str to MassInference
        Mass models by the ending of their columns: "" for MASS, "_UNCOR_SS" for MASS_UNCOR_SS.
    age : AgeInference or None
        Relation of mass and age.
    isochrone : IsochroneInference or None
        Isochrone distances, prepared.
    names : dict of str to str
        What each model is called in the provenance.
    label_scale : LabelScale or None
        Scale of the labels of the table.
    """

    distance: DistanceInference | None
    masses: dict[str, MassInference]
    age: AgeInference | None
    isochrone: IsochroneInference | None
    names: dict[str, str]
    label_scale: LabelScale | None = None

    def provenance(self) -> dict[str, str]:
        """Name the models for the header of the catalogue.

        Returns
        -------
        dict of str to str
            Name and SHA-256 of the model of each column.
        """
        models: dict[str, Any] = {"DISTANCE": self.distance, "AGE": self.age, "LABEL_SCALE": self.label_scale}
        models |= {f"MASS{ending}": model for ending, model in self.masses.items()}
        named = {
            column: f"{self.names[column]} {getattr(model, 'sha256_', '')}".strip()
            for column, model in models.items()
            if model is not None
        }
        if self.isochrone is not None:
            named["NMSU_DIST"] = self.names["NMSU_DIST"]
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
        "NMSU_DIST": "IsochroneDistance()" if options.isochrone is True else repr(options.isochrone),
    }
    loaded: dict[str, MassInference] = {}
    for given, model in masses.items() if isinstance(masses, dict) else ((None, model) for model in masses):
        estimator = _resolve(model, "masses", options.trusted)
        ending = _mass_ending(estimator, given, model)
        if ending in loaded:
            raise ValueError(
                f"two mass models would write MASS{ending}; give a dict with an ending for each."
            )
        loaded[ending] = estimator
        names[f"MASS{ending}"] = _label(model)
    return CatalogModels(
        distance=_resolve(options.distance, "distance", options.trusted),
        masses=loaded,
        age=_resolve(options.age, "age", options.trusted) if loaded else None,
        isochrone=_resolve_isochrone(options.isochrone),
        names=names,
        label_scale=_resolve_scale(options.label_scale, options.trusted),
    )


def _mass_ending(estimator: MassInference, given: str | None, model: Any) -> str:
    """Give the ending of the columns of a mass model: its own, or that of its label set."""
    ending = getattr(estimator, "card_", {}).get("label_set", "") if given is None else given
    ending = ending.strip("_")
    if ending not in ("", *LABEL_SETS):
        raise ValueError(f"there is no catalogue column MASS_{ending} for the mass model {model!r}.")
    return f"_{ending}" if ending else ""


def _label(model: Any) -> str:
    return str(model) if isinstance(model, str | Path) else type(model).__name__


# What each argument needs, by what an estimator and its predictor share, and by the name of the estimator.
_KINDS: Mapping[str, tuple[type, str]] = {
    "distance": (DistanceInference, "DistanceRegressor"),
    "masses": (MassInference, "MassRegressor"),
    "age": (AgeInference, "MassToAge"),
}


def _resolve(model: Any, argument: str, trusted: bool) -> Any:
    if model is None:
        return None
    if isinstance(model, str | Path):
        model = load_light(model, trusted=trusted)
    kind, name = _KINDS[argument]
    if not isinstance(model, kind):
        others = [other for base, other in _KINDS.values() if isinstance(model, base)]
        received = others[0] if others else type(model).__name__
        raise ValueError(f"{argument} needs a {name}; received a {received}.")
    if not hasattr(model, "n_features_in_"):
        raise ValueError(f"{argument} needs a fitted {name}; this one is not fitted.")
    names = tuple(str(name).upper() for name in getattr(model, "feature_names_in_", ()))
    if names != FEATURES and set(names) == set(FEATURES):
        raise ValueError(
            f"{argument} was fitted on the columns {', '.join(names)}; expected {', '.join(FEATURES)}."
        )
    return model


def _resolve_scale(scale: Any, trusted: bool) -> LabelScale | None:
    if scale is None:
        return None
    from skdistmass.estimators.label_scale import LabelScale

    if isinstance(scale, str | Path):
        from skdistmass.models.label_scales import load_label_scale

        scale = load_label_scale(scale, trusted=trusted)
    if not isinstance(scale, LabelScale) or getattr(scale, "n_features_in_", 0) != len(FEATURES):
        raise ValueError(
            f"label_scale needs a LabelScale fitted on {', '.join(FEATURES)}; received {scale!r}."
        )
    return scale


def _resolve_isochrone(isochrone: Any) -> IsochroneInference | None:
    if isochrone is None or isochrone is False:
        return None
    if isochrone is True:
        return IsochroneInference().prepared()
    if not isinstance(isochrone, IsochroneInference):
        raise ValueError(f"isochrone needs True, False or an IsochroneDistance; received {isochrone!r}.")
    return isochrone.prepared()
