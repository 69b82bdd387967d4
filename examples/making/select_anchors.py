"""Choose anchors, parts and iterations of the shipped models by cross-validation and on simulated truth.

Run with the tables of real stars in place (see `real_stars.DATA`)::

    python examples/making/select_anchors.py [mass|distance ...] [--out docs/architecture.md]

Each row is a way to train: three folds of the training part of the real stars, by star, with the anchors that
each fold's own stars leave; the test part takes no part. Simulated stars have a seed of their own, neither
that of the anchors nor that of the tests. Errors are fractional, of masses and of distances. The tables go to
standard output, and into the page given by ``--out``, between its marks. Ten minutes on two cores.
"""

from __future__ import annotations

import itertools

import make_shipped_models as making
import numpy as np
from select_architecture import fractional_error, growing_table, make_tables

from skdistmass import DistanceRegressor, MassRegressor, make_survey
from skdistmass.physics.statistics import robust_sigma
from skdistmass.survey.flags import clean_inputs
from skdistmass.training.correction import fit_corrected
from skdistmass.training.split import star_folds

N_FOLDS = 3
SIMULATION = {"n_stars": 30_000, "random_state": 111}
ONE_NETWORK = (24, 24)
# Border and width of all stars of log g > 3.2, as they were before subgiants had their own.
WIDER_DWARFS = (*making.DISTANCE_ANCHORS[:2], (2.0, 0.15), (2.0, 0.15))


def ways(kind):
    """Give settings of the network, anchors and correction of each row of the table, by its name."""
    network = making.DISTANCE_NETWORK if kind == "distance" else making.MASS_NETWORK
    correction = making.DISTANCE_CORRECTION if kind == "distance" else making.MASS_CORRECTION
    anchors = making.DISTANCE_ANCHORS if kind == "distance" else None
    one = network | {"hidden_layer_sizes": ONE_NETWORK}
    found = {
        "real stars alone": (network, None, None),
        f"one network {ONE_NETWORK}": (one, anchors, ()),
        "**two parts**": (network, anchors, correction),
    }
    for iterations in {600, 1500} - {network["max_iter"]}:
        name = f"two parts, {iterations} iterations"
        found[name] = (network | {"max_iter": iterations}, anchors, correction)
    if kind == "distance":
        found["two parts, log g > 3.2: 2, 0.15 mag"] = (network, WIDER_DWARFS, correction)
    return found


def anchored_set(kind, anchors):
    """Training set with the anchors of a row."""
    if kind == "mass":
        return making.mass_set()
    return making.distance_set(anchors or making.DISTANCE_ANCHORS)


def fit(kind, training_set, rows, network, correction):
    """Fit on some real stars: alone (None), with the anchors in one network, or in two parts."""
    estimator = (DistanceRegressor if kind == "distance" else MassRegressor)(**network)
    real = tuple(values[rows] for values in (training_set.X, training_set.y, training_set.sample_weight))
    if correction is None:
        return estimator.fit(*real[:2], sample_weight=real[2])
    everything = training_set.fit_rows(rows)
    if correction:
        return fit_corrected(estimator, real, everything, correction)
    return estimator.fit(*everything[:2], sample_weight=everything[2])


def simulated_stars(kind):
    """Features and truth of simulated stars with good spectra, main-sequence binaries apart."""
    stars, truth = make_survey(**SIMULATION)
    inputs = clean_inputs(stars)
    binary = np.asarray(truth["is_binary"]) & (np.asarray(truth["phase"]) == 1)
    rows = inputs.usable & ~inputs.has("STAR_BAD") & ~binary
    label = "absolute_magnitude_system" if kind == "distance" else "mass"
    return inputs.features[rows], np.asarray(truth[label], dtype=float)[rows]


def groups(kind, training_set):
    """Real stars of each column of the table: what scatters with the labels, and what lies at the borders."""
    source, log_g = training_set.source, training_set.X[:, 1]
    if kind == "mass":
        published = source == "APOKASC-3"
        giants = np.char.startswith(source, "APOKASC")
        return {
            "published": published,
            "giants": giants,
            "log g < 2": giants & (log_g < 2),
            "dwarfs": ~giants,
        }
    names = {"Gaia EDR3": "Gaia", "Miglio+ 2021": "Miglio", "seismic radius": "seismic radius"}
    names["Gaia EDR3, luminous"] = "luminous"
    found = {short: source == name for name, short in names.items()}
    dwarfs = np.char.endswith(source, "dwarfs")
    metal_poor = (training_set.X[:, 2] < -0.5) & ~dwarfs
    return found | {
        "[M/H] < -0.5": metal_poor,
        "dwarfs": dwarfs,
        "dwarfs, log g > 4.2": dwarfs & (log_g > 4.2),
    }


def cell(errors):
    """Offset and robust σ of fractional errors."""
    return f"{np.median(errors):+.3f}, {robust_sigma(errors):.4f}"


def row_of(kind, network, anchors, correction, simulated):
    """Cross-validate one way to train; cells by column."""
    training_set = anchored_set(kind, anchors)
    rows = np.flatnonzero(training_set.part != "test")
    X, truth = simulated
    prediction, on_simulated = np.full(len(training_set), np.nan), []
    for others, fold in star_folds(training_set.ids[rows], 0, N_FOLDS):
        model = fit(kind, training_set, rows[others], network, correction)
        prediction[rows[fold]] = model.predict(training_set.X[rows[fold]])
        on_simulated.append(fractional_error(kind, truth, model.predict(X)))
    error = fractional_error(kind, training_set.y, prediction)
    cells = {
        name: cell(error[members & np.isfinite(error)])
        for name, members in groups(kind, training_set).items()
    }
    for low, high in itertools.pairwise((0.0, 1.5, 3.5, 4.2, 6.0)):
        inside = (X[:, 1] >= low) & (X[:, 1] < high)
        cells[f"simulated, log g {low:g}-{high:g}"] = cell(np.concatenate([e[inside] for e in on_simulated]))
    return cells


def table(kind):
    """Cross-validate all ways; a Markdown table of offset and robust σ."""
    simulated = simulated_stars(kind)
    return growing_table(kind, ((name, row_of(kind, *way, simulated)) for name, way in ways(kind).items()))


if __name__ == "__main__":
    make_tables(__doc__.splitlines()[0], table, "anchors of {}")
