"""Choose the architecture of the shipped models: layers, width, activation and alpha by cross-validation.

Run with the tables of real stars in place (see `real_stars.DATA`)::

    python examples/making/select_architecture.py [mass|distance ...] [--out docs/architecture.md]

`GridSearchCV` over single networks on the training part of the real stars (never the test part), three
folds, then a few ensembles. The tables go to standard output, and into the page given by ``--out``, between
its marks. About ten minutes on two cores.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import numpy as np
import real_stars
import star_labels
from sklearn.metrics import make_scorer
from sklearn.model_selection import GridSearchCV, KFold

from skdistmass import DistanceRegressor, MassRegressor
from skdistmass.columns import FEATURES
from skdistmass.physics.statistics import robust_sigma

COMMON = {"max_iter": 500, "n_restarts": 1, "random_state": 0, "loss": "huber"}
GRID = {
    "hidden_layer_sizes": [(8,), (16,), (8, 8), (16, 16), (32, 32)],
    "activation": ["relu", "tanh"],
    "alpha": [1e-5, 1e-4, 1e-3],
}
# The networks of the real stars that ship, and a wider one; `select_anchors.py` has anchors and two parts.
CHOSEN = {
    "mass": {"hidden_layer_sizes": [(12, 12)], "activation": ["tanh"], "alpha": [1e-5]},
    "distance": {"hidden_layer_sizes": [(8, 8), (24, 24)], "activation": ["tanh"], "alpha": [1e-5]},
}
PUBLISHED = {"hidden_layer_sizes": [(8,)], "activation": ["relu"], "alpha": [1e-5], "loss": ["squared_error"]}
COLUMNS = ("hidden_layer_sizes", "activation", "alpha", "loss", "n_members")


def fractional_error(kind, y, prediction):
    """Fractional error of a mass or of the distance that an absolute magnitude gives."""
    return prediction / y - 1.0 if kind == "mass" else 10.0 ** (0.2 * (y - prediction)) - 1.0


def scatter(y, prediction, kind, measure, sample_weight=None):
    """Scatter of the fractional errors; every star counts the same, whatever its weight in the fit."""
    return measure(fractional_error(kind, y, prediction))


def training_stars(kind):
    """Features, labels and weights of the training part."""
    labels = star_labels.mass_labels() if kind == "mass" else star_labels.magnitude_labels()
    labels = labels[~labels.test]
    return labels[list(FEATURES)].to_numpy(float), labels.label.to_numpy(), labels.weight.to_numpy()


def search(kind):
    """Cross-validated scatter of every architecture, best first."""
    X, y, weight = training_stars(kind)
    model = (MassRegressor if kind == "mass" else DistanceRegressor)(**COMMON)
    grid = [
        GRID,
        PUBLISHED,
        CHOSEN[kind] | {"loss": ["squared_error"]},
        CHOSEN[kind] | {"n_members": [4, 8]},
    ]
    measures = {"robust_sigma": robust_sigma, "std": np.std}
    scoring = {
        name: make_scorer(scatter, greater_is_better=False, kind=kind, measure=measure)
        for name, measure in measures.items()
    }
    folds = KFold(3, shuffle=True, random_state=0)
    found = GridSearchCV(model, grid, scoring=scoring, refit=False, cv=folds, n_jobs=2, verbose=1)
    results = found.fit(X, y, sample_weight=weight).cv_results_
    rows = []
    for i, parameters in enumerate(results["params"]):
        settings = {name: parameters.get(name, getattr(model, name)) for name in COLUMNS}
        for name in scoring:
            settings[name] = -results[f"mean_test_{name}"][i]
        settings["between_folds"] = results["std_test_robust_sigma"][i]
        settings["seconds"] = results["mean_fit_time"][i]
        rows.append(settings)
    return len(y), sorted(rows, key=lambda row: row["robust_sigma"])


def markdown(kind, n_stars, rows):
    """Write the result as a Markdown table."""
    lines = [
        f"### {kind}: {n_stars} training stars, 3 folds",
        "",
        "| layers | activation | alpha | loss | members | robust σ | ± (folds) | std | fit [s] |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        layers = ", ".join(map(str, row["hidden_layer_sizes"]))
        shipped = all(row[name] == values[0] for name, values in CHOSEN[kind].items())
        mark = "**" if shipped and row["loss"] == "huber" and row["n_members"] == 8 else ""
        lines.append(
            f"| {mark}{layers}{mark} | {row['activation']} | {row['alpha']:g} | {row['loss']} "
            f"| {row['n_members']} | {mark}{row['robust_sigma']:.4f}{mark} | {row['between_folds']:.4f} "
            f"| {row['std']:.4f} | {row['seconds']:.1f} |"
        )
    return "\n".join(lines) + "\n"


def put_into_page(path, name, table):
    """Replace what stands between the marks of a table in a page."""
    page = path.read_text(encoding="utf-8")
    marks = rf"(<!-- {name} -->\n).*?(<!-- end -->)"
    page = re.sub(marks, lambda mark: mark[1] + table + mark[2], page, flags=re.DOTALL)
    path.write_text(page, encoding="utf-8")


def make_tables(description, table, name="{}"):
    """Make the table of each model that the command line names, and put it into the page under its name."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("kinds", nargs="*", metavar="mass|distance", help="models (default: both)")
    parser.add_argument("--out", type=Path, help="page with a pair of marks for each table")
    arguments = parser.parse_args()
    real_stars.check_tables()
    for kind in arguments.kinds or ["distance", "mass"]:
        found = table(kind)
        if arguments.out:
            put_into_page(arguments.out, name.format(kind), found)


def growing_table(kind, rows):
    """Print a Markdown table row by row, as its rows of (name, cells by column) are made, and return it."""
    lines = []
    for name, cells in rows:
        if not lines:
            lines = ["| " + " | ".join([kind, *cells]) + " |", "|---" * (len(cells) + 1) + "|"]
            print("\n".join(lines), flush=True)
        lines.append("| " + " | ".join([name, *cells.values()]) + " |")
        print(lines[-1], flush=True)
    return "\n".join(lines) + "\n"


def table(kind):
    """Search, and print the table."""
    found = markdown(kind, *search(kind))
    print(found, flush=True)
    return found


if __name__ == "__main__":
    make_tables(__doc__.splitlines()[0], table)
