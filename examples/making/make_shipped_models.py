"""Train the models that ship with the package and write them with their registry.

Run from anywhere with the tables of real stars in place (see `real_stars.DATA`)::

    python examples/making/make_shipped_models.py [NAME ...]

A fifth of the stars, chosen by star, is the test part: it takes no part in any choice or fit, here or in
the architecture search. The errors of the models come from out-of-fold predictions of the other four
fifths, the metrics in the cards from the test part.
"""

from __future__ import annotations

import json
import sys
from datetime import date
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np
import real_stars
from sklearn.model_selection import KFold, cross_val_predict

from skdistmass import DistanceRegressor, MassRegressor, MassToAge, TrainingDomain, save_model
from skdistmass.columns import FEATURES, LABEL_SETS
from skdistmass.estimators.age import MASS_RANGE, MAX_LOG_G, METALLICITY_RANGE, isochrone_ages
from skdistmass.physics.statistics import robust_sigma
from skdistmass.survey.duplicates import hash_ids

MODELS = Path(__file__).resolve().parents[2] / "skdistmass" / "models"
NETWORK = {
    "hidden_layer_sizes": (8, 8),
    "activation": "tanh",
    "loss": "huber",
    "n_members": 8,
    "n_restarts": 1,
    "max_iter": 500,
    "random_state": 0,
}
PAPER = "Stone-Martinez A., Holtzman J. A., Imig J., et al. 2024, AJ 167, 73"
APOGEE = "Abdurro'uf et al. 2022, ApJS 259, 35 (SDSS DR17); Majewski et al. 2017, AJ 154, 94 (APOGEE)"
APOKASC = (
    "Pinsonneault et al. 2018, ApJS 239, 32 (APOKASC-2); Pinsonneault et al. 2025, ApJS 276, 69 (APOKASC-3)"
)
CORRECTIONS = {
    "SS": "Sharma et al. 2016, ApJ 822, 15",
    "MO": "Mosser et al. 2013, A&A 550, A126",
    "TW": "White et al. 2011, ApJ 743, 161",
}
GAIA_RADII = "Zinn et al. 2019, ApJ 885, 166; Lindegren et al. 2021, A&A 649, A4"
MIST = "Choi et al. 2016, ApJ 823, 102; Dotter 2016, ApJS 222, 8 (MIST)"
DISTANCES = (
    "Gaia Collaboration 2021, A&A 649, A1; Lindegren et al. 2021, A&A 649, A4; Miglio et al. 2021, A&A 645, "
    "A85; van Leeuwen 2007, A&A 474, 653 (Hipparcos); Chaplin et al. 2014, ApJS 210, 1"
)
FEATURE_UNITS = dict(zip(FEATURES, ("K", "dex", "dex", "dex", "dex"), strict=True))


def features(labels):
    """Feature matrix of a table of labels."""
    return labels[list(FEATURES)].to_numpy(float)


def fit_calibrated(model, labels):
    """Fit on the labels, with the error model from out-of-fold predictions of the same stars."""
    X, y = features(labels), labels.label.to_numpy()
    weight = 1.0 / labels.error.to_numpy() ** 2
    folds = KFold(5, shuffle=True, random_state=0)
    out_of_fold = cross_val_predict(model, X, y, cv=folds, params={"sample_weight": weight})
    model.fit(X, y, sample_weight=weight)
    model.calibrate(X, y, prediction=out_of_fold)
    model.domain_ = TrainingDomain().fit(X)
    model.training_ids_ = np.unique(hash_ids(labels.id.to_numpy(str)))
    return model


def residual_table(fraction, groups):
    """Offset, robust σ and standard deviation of fractional errors, for each named group of stars."""
    table = {}
    for name, rows in groups.items():
        part = fraction[rows & np.isfinite(fraction)]
        if len(part) >= 10:
            table[name] = {
                "n": len(part),
                "offset": round(float(np.median(part)), 4),
                "robust_sigma": round(robust_sigma(part), 4),
                "std": round(float(np.std(part)), 4),
            }
    return table


def mass_metrics(model, labels):
    """Fractional errors of masses of test stars, and how many fall within the predicted errors."""
    mass, error = model.predict(features(labels), return_std=True)
    fraction = mass / labels.label.to_numpy() - 1.0
    state, log_g = labels.evstate.to_numpy(), labels.LOGG.to_numpy()
    groups = {"all": np.ones(len(labels), bool), "RGB": state == "RGB", "RC": state == "RC"}
    groups |= {
        f"log g {g:.1f}-{g + 0.5:.1f}": (log_g >= g) & (log_g < g + 0.5) for g in np.arange(1.0, 3.5, 0.5)
    }
    metrics = residual_table(fraction, groups)
    metrics["within_1_sigma"] = round(float(np.mean(np.abs(mass - labels.label) < error)), 3)
    return metrics


def distance_metrics(model, labels):
    """Fractional distance errors of test stars against their labels and each single source of distances."""
    X = features(labels)
    magnitude, error = model.predict(X, return_std=True)
    difference = labels.label.to_numpy() - magnitude
    fraction = 10.0 ** (0.2 * difference) - 1.0
    source, log_g = labels.source.to_numpy(), labels.LOGG.to_numpy()
    groups = {"all": np.ones(len(labels), bool)} | {name: source == name for name in np.unique(source)}
    groups |= {
        f"log g {g:.1f}-{g + 0.5:.1f}": (log_g >= g) & (log_g < g + 0.5) for g in np.arange(1.0, 5.0, 0.5)
    }
    metrics = residual_table(fraction, groups)
    metrics["within_1_sigma"] = round(float(np.mean(np.abs(difference) < error)), 3)

    giants = real_stars.read_giants()
    giants = giants[giants.test].reset_index(drop=True)
    table = giants.rename(columns={"FE_H": "M_H"})
    for name, reference, extinction, rows in (
        (
            "RGB against R_MED_PHOTOGEO",
            giants.R_MED_PHOTOGEO,
            real_stars.A_K_PER_E_B_V * giants.EBV,
            giants.EVSTATE == "RGB",
        ),
        (
            "giants against DIST_MIGLIO",
            giants.DIST_MIGLIO,
            real_stars.A_K_PER_AV * giants.AV_MIGLIO,
            giants.EVSTATE != "",
        ),
    ):
        distance = model.predict_distance(features(table), giants.K.to_numpy(), extinction.to_numpy())
        metrics |= residual_table((distance / reference - 1.0).to_numpy(), {name: rows.to_numpy()})
    return metrics


def card(kind, labels, metrics, **more):
    """Everything that a reader of a model file should know."""
    train = labels[~labels.test]
    return {
        "kind": kind,
        "features": FEATURE_UNITS,
        "training_set": {str(k): int(v) for k, v in train.source.value_counts().items()},
        "n_training": len(train),
        "n_test": int(labels.test.sum()),
        "split": "by star: 80 % training with out-of-fold errors, 20 % test, not used for any choice",
        "feature_ranges": {name: [float(train[name].min()), float(train[name].max())] for name in FEATURES},
        "error_model": "1σ of the network's target, quadratic in log g, from out-of-fold residuals",
        "domain": "Gaussian mixture of the training features, 99 % of the training stars inside",
        "test_metrics": metrics,
        **more,
        **origin(),
    }


def origin():
    """When, with what, and by which program a model was made."""
    packages = ("skdistmass", "numpy", "scipy", "scikit-learn", "scikeras", "keras", "tensorflow")
    return {
        "made_by": "examples/making/make_shipped_models.py",
        "date": date.today().isoformat(),
        "versions": {package: version(package) for package in packages},
    }


def make_distance():
    """Train the model of absolute magnitudes."""
    labels = real_stars.magnitude_labels()
    model = fit_calibrated(
        DistanceRegressor(alpha=1e-5, **(NETWORK | {"hidden_layer_sizes": (16, 16)})), labels[~labels.test]
    )
    return model, card(
        "DistanceRegressor",
        labels,
        distance_metrics(model, labels[labels.test]),
        split="by star: 80 % training with out-of-fold errors, 20 % test; no fit and no setting was made "
        "with the test part, but one look at it led to the scale of the seismic labels and to the larger "
        "network",
        target="ABS_MAG",
        target_unit="mag (2MASS Ks)",
        scale="Gaia EDR3 parallaxes with the zero point of Lindegren et al. 2021; Miglio et al. 2021 shifted "
        f"by {real_stars.MIGLIO_OFFSET} mag; seismic radii mapped linearly to these two",
        notes="Dwarfs and subgiants have raw DR12 temperatures and abundances and gravities from parallaxes "
        f"or seismology with {real_stars.DWARF_LOG_G_ERROR} dex of noise: systematic errors are 10-15 %.",
        citation=[PAPER, APOGEE, APOKASC, DISTANCES],
    )


def make_mass():
    """Train the model of seismic masses."""
    labels = real_stars.mass_labels(real_stars.read_giants())
    model = fit_calibrated(MassRegressor(alpha=1e-4, **NETWORK), labels[~labels.test])
    return model, card(
        "MassRegressor",
        labels,
        mass_metrics(model, labels[labels.test]),
        target="MASS",
        target_unit="solMass (current mass)",
        scale="APOKASC-3 calibrated seismic masses, fractional error below 10 %",
        citation=[PAPER, APOGEE, APOKASC],
    )


def make_scaling_mass(label_set):
    """Train the model of one of the six sets of masses from scaling relations."""
    labels = real_stars.scaling_mass_labels(real_stars.read_giants(), label_set)
    model = fit_calibrated(MassRegressor(alpha=1e-4, **(NETWORK | {"n_members": 4})), labels[~labels.test])
    radii, correction = label_set.split("_")
    corrected = radii == "COR"
    return model, card(
        "MassRegressor",
        labels,
        mass_metrics(model, labels[labels.test]),
        target=f"MASS_{label_set}",
        target_unit="solMass (current mass)",
        label_set=label_set,
        scale="scaling relations with the APOKASC-2 frequencies and the large separation of "
        f"{CORRECTIONS[correction]}, {'brought to' if corrected else 'not corrected with'} Gaia radii; "
        "fractional error below 10 %",
        citation=[PAPER, APOGEE, APOKASC, CORRECTIONS[correction], *([GAIA_RADII] if corrected else [])],
    )


def make_age(mass):
    """Train the relation of mass, metallicity and age of isochrone giants."""
    X, y = isochrone_ages(mass)
    model = MassToAge(random_state=0).fit(X, y)
    residual = np.abs(model.predict(X) - y)
    return model, {
        "kind": "MassToAge",
        "features": {"MASS": f"solMass ({mass} mass)", "M_H": "dex"},
        "target": "LOG_AGE",
        "target_unit": "log10 yr",
        "training_set": {"MIST giants, log g < 3.5": len(y)},
        "domain": "{} to {} Msun, [M/H] {} to {} dex, ".format(*MASS_RANGE, *METALLICITY_RANGE)
        + f"log g < {MAX_LOG_G}",
        "error_model": "errors of the mass carried through the relation; the fit is good to residual_p99_dex",
        "test_metrics": {"residual_p99_dex": round(float(np.percentile(residual, 99)), 5)},
        "citation": [PAPER, MIST],
        **origin(),
    }


MAKERS = {
    "distance": make_distance,
    "mass": make_mass,
    "age": lambda: make_age("current"),
    "age-initial": lambda: make_age("initial"),
} | {
    f"mass-{label_set.lower().replace('_', '-')}": partial(make_scaling_mass, label_set)
    for label_set in LABEL_SETS
}


def main(names):
    """Train the named models, all by default, and write files and registry."""
    path = MODELS / "registry.json"
    for name in names or MAKERS:
        model, described = MAKERS[name]()
        registry = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        digest = save_model(model, MODELS / f"{name}.joblib", described)
        registry[name] = {"file": f"{name}.joblib", "sha256": digest, "card": model.card_}
        print(name, json.dumps(described["test_metrics"], indent=1), flush=True)
        path.write_text(
            json.dumps(dict(sorted(registry.items())), indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
        )


if __name__ == "__main__":
    main(sys.argv[1:])
