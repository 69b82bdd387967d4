"""Train the models that ship with the package and write them with their registry.

Run with the tables of real stars in place (see `real_stars.DATA`)::

    python examples/making/make_shipped_models.py FOLDER [NAME ...] [--measured FOLDER]

FOLDER is ``skdistmass/models`` to replace what ships. A fifth of the stars, chosen by star, is the test part:
it takes no part in any choice, here or in the architecture search. The metrics in the cards are those of
models fitted on the other four fifths, and so are the files in the folder of ``--measured``, which benchmarks
of stars left out need. All are then fitted once more, on all stars. Errors come from out-of-fold predictions.
"""

from __future__ import annotations

import argparse
import json
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
import pandas as pd
import real_stars
import shipped_cards
import star_labels

from skdistmass import DistanceRegressor, LabelScale, MassRegressor, make_survey, save_model
from skdistmass.columns import FEATURES, LABEL_SETS
from skdistmass.training import (
    TrainingSet,
    add_anchors,
    anchor_table,
    train_age,
    train_distance,
    train_mass,
)

NETWORK = {
    "hidden_layer_sizes": (8, 8),
    "activation": "tanh",
    "loss": "huber",
    "alpha": 1e-4,
    "n_members": 4,
    "n_restarts": 1,
    "max_iter": 500,
    "random_state": 0,
}
# Real stars and a correction by anchors, in two parts: sizes of each by cross-validation.
MASS_NETWORK = NETWORK | {"hidden_layer_sizes": (12, 12), "alpha": 1e-5, "n_members": 8, "max_iter": 1500}
MASS_NETWORK |= {"tol": 1e-9}
MASS_CORRECTION = (8, 8)
DISTANCE_NETWORK = MASS_NETWORK | {"hidden_layer_sizes": (8, 8), "tol": 1e-10}
DISTANCE_CORRECTION = (16, 16)

# Anchors: a simulated survey, and for each range of log g the border (distance to the 10th nearest real star)
# and the width (mag) that balance real stars and isochrones in cross-validation.
SIMULATED_STARS = 60_000
SIMULATION_SEED = 7
# Luminous giants, giants, subgiants, dwarfs: from which log g on.
ANCHOR_LOG_G = (1.6, 3.2, 4.2)
DISTANCE_ANCHORS = ((2.25, 0.20), (3.0, 0.30), (1.5, 0.10), (3.0, 0.25))
MAX_DISTANCE_ANCHORS = 8000
MASS_ANCHORS = {"border": 3.0, "width": 0.15, "max_anchors": 5000}

labelled = partial(
    TrainingSet.from_labels,
    source_column="source",
    state_column="evstate",
    part_column="test",
    weight_column="weight",
)
SETTINGS = {"calibration": "out_of_fold", "progress": partial(print, "   ", flush=True)}


@lru_cache(maxsize=2)
def candidates(free_abundances):
    """Single stars of the simulated survey."""
    stars, truth = make_survey(SIMULATED_STARS, random_state=SIMULATION_SEED)
    return anchor_table(stars, truth, free_abundances=free_abundances, random_state=SIMULATION_SEED)


def distance_set(anchors=DISTANCE_ANCHORS):
    """Labels of absolute magnitudes, and anchors with a border and a width for each range of log g."""
    table = candidates(0.5)
    border, width = np.array(anchors)[np.digitize(table["LOGG"], ANCHOR_LOG_G)].T
    return add_anchors(
        labelled(star_labels.magnitude_labels(), kind="distance"),
        table,
        border=border,
        width=width,
        max_anchors=MAX_DISTANCE_ANCHORS,
        correction=DISTANCE_CORRECTION,
    )


def _with_mass_anchors(labels, table):
    return add_anchors(labelled(labels, kind="mass"), table, correction=MASS_CORRECTION, **MASS_ANCHORS)


def mass_set():
    """Labels of the model of masses, with its anchors."""
    return _with_mass_anchors(star_labels.mass_labels(), candidates(0.0))


def scaling_mass_set(label_set):
    """Labels of one of the six sets of masses from scaling relations."""
    giants = real_stars.read_giants()
    labels = star_labels.scaling_mass_labels(giants, label_set)
    table = candidates(0.0).copy()
    table["mass"] *= star_labels.scaling_step(labels, giants)(np.asarray(table["LOGG"]))
    return _with_mass_anchors(labels, table)


def make_distance():
    """Train the model of absolute magnitudes."""
    return train_distance(
        distance_set(),
        estimator=DistanceRegressor(**DISTANCE_NETWORK),
        threshold=None,
        references=star_labels.distance_errors,
        about=shipped_cards.DISTANCE,
        refit=True,
        **SETTINGS,
    )


def make_mass():
    """Train the model of seismic masses."""
    estimator = MassRegressor(**MASS_NETWORK)
    return train_mass(mass_set(), estimator=estimator, about=shipped_cards.MASS, refit=True, **SETTINGS)


def make_scaling_mass(label_set):
    """Train the model of one of the six sets of masses from scaling relations."""
    return train_mass(
        scaling_mass_set(label_set),
        estimator=MassRegressor(**NETWORK),
        label_set=label_set,
        about=shipped_cards.scaling_mass(label_set),
        refit=True,
        **SETTINGS,
    )


MAKERS = {
    "distance": make_distance,
    "mass": make_mass,
    "age": partial(train_age, "current", about=shipped_cards.AGE),
    "age-initial": partial(train_age, "initial", about=shipped_cards.AGE),
}
MAKERS |= {f"mass-{name.lower().replace('_', '-')}": partial(make_scaling_mass, name) for name in LABEL_SETS}


# Label scales


def make_dr16_giants():
    """Fit DR16 labels of luminous giants to those of DR17."""
    old = pd.read_csv(real_stars.DATA / "dr16_labels.csv").set_index("KIC")
    new = real_stars.read_luminous().set_index("KIC")
    both = new.index[new.index.isin(old.index) & ~new.test]
    names = ["DR16_TEFF_COR", "DR16_LOGG_COR", "DR16_M_H_COR", "DR16_C_FE", "DR16_N_FE"]
    return LabelScale(), old.loc[both, names].to_numpy(float), real_stars.matrix(new.loc[both])


def make_dr16_dwarfs():
    """Fit DR16 gravities of dwarfs and subgiants to those of asteroseismology."""
    dwarfs = real_stars.read_dwarfs()
    dwarfs = dwarfs[~dwarfs.test & ~dwarfs.binary]
    X = real_stars.matrix(dwarfs.assign(LOGG=dwarfs.RAW_LOGG))
    return LabelScale(columns=[1]), X, dwarfs[["S17_LOGG_SEIS"]].to_numpy(float)


def make_dr12_dwarfs():
    """Fit raw DR12 Teff, log g and [M/H] of dwarfs to those of DR16 and of asteroseismology."""
    dwarfs = real_stars.read_dwarfs().set_index("KIC")
    raw = pd.read_csv(real_stars.DATA / "kepler_dwarfs.csv").drop_duplicates("KIC").set_index("KIC")
    raw = raw[(raw.TEFF_RAW < 6600) & (raw.LOGG_RAW > 0)]
    both = dwarfs.index[dwarfs.index.isin(raw.index) & ~dwarfs.test & ~dwarfs.binary]
    names = ["TEFF_RAW", "LOGG_RAW", "M_H_RAW", "C_M_RAW", "N_M_RAW"]
    known = dwarfs.loc[both, ["TEFF", "S17_LOGG_SEIS", "M_H"]]
    return LabelScale(columns=[0, 1, 2]), raw.loc[both, names].to_numpy(float), known.to_numpy(float)


SCALES = {
    "dr16-giants": make_dr16_giants,
    "dr16-dwarfs": make_dr16_dwarfs,
    "dr12-dwarfs": make_dr12_dwarfs,
}


def make_scale(name):
    """Fit a label scale and write its card."""
    scale, X, y = SCALES[name]()
    scale.fit(X, y)
    scale.feature_names_in_ = np.array(FEATURES, dtype=object)
    labels = [FEATURES[column] for column in scale.columns_]
    scale.card_ = shipped_cards.SCALES[name] | {
        "kind": "LabelScale",
        "labels": {
            label: {
                "n": int(n),
                "offset": round(float(offset), 4),
                "scatter": round(float(scatter), 4),
            }
            for label, n, offset, scatter in zip(
                labels, scale.n_stars_, scale.offset_, scale.scatter_, strict=True
            )
        },
        "range": {
            label: [round(float(low), 3), round(float(high), 3)]
            for label, low, high in zip(FEATURES, scale.low_, scale.high_, strict=False)
        },
    }
    return scale


def write(model, name, folder, registry_name="registry.json", prefix=""):
    """Write a model file and its entry in the registry."""
    path = folder / registry_name
    registry = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    file = f"{prefix}{name}.joblib"
    digest = save_model(model, folder / file, model.card_)
    registry[name] = {"file": file, "sha256": digest, "card": model.card_}
    text = json.dumps(dict(sorted(registry.items())), indent=1, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def main():
    """Train the named models, all by default, and write files and registries."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="folder of the model files and their registry.json")
    known = [*MAKERS, *SCALES]
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(known)} (default: all)")
    parser.add_argument("--measured", type=Path, help="folder for the models before the last fit")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(known):
        parser.error(f"there is no model {', '.join(sorted(unknown))}")
    real_stars.check_tables()
    for folder in filter(None, (arguments.folder, arguments.measured)):
        folder.mkdir(parents=True, exist_ok=True)
    for name in arguments.names or known:
        print(name, flush=True)
        if name in SCALES:
            write(make_scale(name), name, arguments.folder, "label_scales.json", prefix="scale-")
            continue
        made = MAKERS[name]()
        write(getattr(made, "estimator", made), name, arguments.folder)
        measured = getattr(made, "measured", None)
        if measured is not None and arguments.measured:
            save_model(measured, arguments.measured / f"{name}.joblib", measured.card_)


if __name__ == "__main__":
    main()
