"""Train the models that ship with the package and write them with their registry.

Run with the tables of real stars in place (see `real_stars.DATA`)::

    python examples/making/make_shipped_models.py FOLDER [NAME ...]

FOLDER is ``skdistmass/models`` to replace what ships. A fifth of the stars, chosen by star, is the test part:
it takes no part in any choice or fit, here or in the architecture search. The errors of the models come from
out-of-fold predictions of the other four fifths, the metrics in the cards from the test part.
"""

from __future__ import annotations

import argparse
import json
from functools import partial
from pathlib import Path

import real_stars
import shipped_cards

from skdistmass import DistanceRegressor, MassRegressor, save_model
from skdistmass.columns import LABEL_SETS
from skdistmass.training import TrainingSet, train_age, train_distance, train_mass

NETWORK = {
    "hidden_layer_sizes": (8, 8),
    "activation": "tanh",
    "loss": "huber",
    "alpha": 1e-4,
    "n_members": 8,
    "n_restarts": 1,
    "max_iter": 500,
    "random_state": 0,
}
DISTANCE_NETWORK = NETWORK | {"hidden_layer_sizes": (16, 16), "alpha": 1e-5}

labelled = partial(
    TrainingSet.from_labels, source_column="source", state_column="evstate", part_column="test"
)


def make_distance():
    """Train the model of absolute magnitudes."""
    return train_distance(
        labelled(real_stars.magnitude_labels(), kind="distance"),
        estimator=DistanceRegressor(**DISTANCE_NETWORK),
        threshold=None,
        calibration="out_of_fold",
        references=real_stars.distance_errors,
        about=shipped_cards.DISTANCE,
    ).estimator


def make_mass():
    """Train the model of seismic masses."""
    return train_mass(
        labelled(real_stars.mass_labels(real_stars.read_giants()), kind="mass"),
        estimator=MassRegressor(**NETWORK),
        calibration="out_of_fold",
        about=shipped_cards.MASS,
    ).estimator


def make_scaling_mass(label_set):
    """Train the model of one of the six sets of masses from scaling relations."""
    return train_mass(
        labelled(real_stars.scaling_mass_labels(real_stars.read_giants(), label_set), kind="mass"),
        estimator=MassRegressor(**NETWORK | {"n_members": 4}),
        label_set=label_set,
        calibration="out_of_fold",
        about=shipped_cards.scaling_mass(label_set),
    ).estimator


MAKERS = {
    "distance": make_distance,
    "mass": make_mass,
    "age": partial(train_age, "current", about=shipped_cards.AGE),
    "age-initial": partial(train_age, "initial", about=shipped_cards.AGE),
}
MAKERS |= {f"mass-{name.lower().replace('_', '-')}": partial(make_scaling_mass, name) for name in LABEL_SETS}


def main():
    """Train the named models, all by default, and write files and registry."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="folder of the model files and their registry.json")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(MAKERS)} (default: all)")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(MAKERS):
        parser.error(f"there is no model {', '.join(sorted(unknown))}")
    real_stars.check_tables()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    path = arguments.folder / "registry.json"
    for name in arguments.names or MAKERS:
        model = MAKERS[name]()
        registry = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        digest = save_model(model, arguments.folder / f"{name}.joblib", model.card_)
        registry[name] = {"file": f"{name}.joblib", "sha256": digest, "card": model.card_}
        text = json.dumps(dict(sorted(registry.items())), indent=1, ensure_ascii=False)
        path.write_text(text + "\n", encoding="utf-8")
        print(name, json.dumps(model.card_["test_metrics"], indent=1), flush=True)


if __name__ == "__main__":
    main()
