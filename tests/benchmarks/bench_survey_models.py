"""Bars of the shipped models over a whole survey: masses, ages, distances, simulated truth, domains.

Run ``python tests/benchmarks/bench_survey_models.py [--measured FOLDER]``, with the tables of real stars in
place. Exit code 1 if a bar is not met.

The shipped ``distance`` and ``mass`` are fitted on all stars. Rows of stars left out use the models before
that last fit, which know nothing of the test part (`examples/making/make_shipped_models.py` writes them);
rows of simulated truth, globular clusters and domains use what ships. Metal-poor rows count only where their
star is not among the training stars of the measured model. Ages are those of `build_catalog`. What a bar is
for has its sampling error (±), the standard deviation of its value over resampled stars, or clusters.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import harness
import numpy as np
import pandas as pd

from skdistmass import IsochroneDistance, build_catalog, load_model, make_survey
from skdistmass.columns import BITS, FEATURES
from skdistmass.physics import photometry
from skdistmass.physics.constants import A_K_PER_E_B_V, YEARS_PER_GYR
from skdistmass.physics.statistics import robust_sigma
from skdistmass.survey.duplicates import hash_ids
from skdistmass.survey.flags import clean_inputs

sys.path.insert(0, str(harness.REPOSITORY / "examples" / "making"))

# E(B-V) [mag] of the globular clusters (Harris 1996, AJ 112, 1487; edition of 2010).
REDDENING = {
    "NGC4147": 0.02,
    "NGC5024": 0.02,
    "NGC5272": 0.01,
    "NGC5466": 0.00,
    "NGC5904": 0.03,
    "NGC6171": 0.33,
    "NGC6205": 0.02,
    "NGC6341": 0.02,
    "NGC6838": 0.25,
    "NGC7078": 0.10,
    "NGC7089": 0.06,
}
SIMULATION = {"n_stars": 30_000, "random_state": 909}  # not that of the anchors
MIN_BIN_STARS = 30
ALPHA_RICH = 0.12  # [alpha/M], dex


MEASURES = {"offset": np.median, "robust σ": robust_sigma, "std": np.std}
N_RESAMPLINGS = 400


def sampling_error(values, measure):
    """Standard deviation of a measure over resamplings of the values with replacement."""
    rng = np.random.default_rng(0)
    return np.std([measure(rng.choice(values, len(values))) for _ in range(N_RESAMPLINGS)])


class Bars:
    """Rows of the table, printed as they are measured."""

    def __init__(self):
        self.failed = []

    def row(self, name, values, bars):
        """Print number, offset, robust σ and std, and whether each bar is met."""
        values = np.asarray(values, dtype=float)
        values = values[np.isfinite(values)]
        found = {key: float(measure(values)) if len(values) else np.nan for key, measure in MEASURES.items()}
        met = all(bool(abs(found[key]) <= bar) for key, bar in bars.items())
        told = {key: f"{key} {value:+.4f}" for key, value in found.items()}
        for key, bar in bars.items():
            told[key] += f" ± {sampling_error(values, MEASURES[key]):.4f} (<= {bar:g})"
        self.told(name, f"n {len(values)}, {', '.join(told.values())}", met if bars else None)

    def told(self, name, text, met):
        """Print one row; `met` is None where there is no bar."""
        if met is False:
            self.failed.append(name)
        word = {None: "", True: "PASS", False: "FAIL"}[met]
        print(f"| {name} | {text} | {word} |", flush=True)


def fraction(label, magnitude):
    """Fractional error of the distance that a predicted magnitude gives."""
    return 10.0 ** (0.2 * (np.asarray(label) - magnitude)) - 1.0


def masses(bars, model):
    """Test part of the masses."""
    import star_labels
    from real_stars import matrix

    stars = star_labels.mass_labels()
    stars = stars[stars.test].reset_index(drop=True)
    stars["mass"] = model.predict(matrix(stars))
    error = stars.mass / stars.label - 1
    published = stars.published.astype(bool)
    giant = stars.source.str.startswith("APOKASC")
    bars.row("published masses", error[published], {"robust σ": 0.065, "std": 0.090})
    for state in ("RGB", "RC"):
        bars.row(f"published masses, {state}", error[published & (stars.evstate == state)], {"offset": 0.01})
    for low in np.arange(0.5, 3.6, 0.5):
        rows = published & stars.LOGG.between(low, low + 0.5, inclusive="left")
        if rows.sum() >= MIN_BIN_STARS:
            bars.row(f"published masses, log g {low:g}-{low + 0.5:g}", error[rows], {"offset": 0.03})
    bars.row("all masses of giants", error[giant], {"robust σ": 0.074})
    bars.row("all masses of giants, log g < 2", error[giant & (stars.LOGG < 2)], {"offset": 0.03})
    bars.row("seismic masses of dwarfs", error[~giant], {"offset": 0.03, "robust σ": 0.08})
    return stars


def ages(bars, stars, model):
    """Test part of the published ages of red giants, through the catalogue."""
    stars = stars[stars.AGE_RGB.between(0.3, 14.5) & stars.published].reset_index(drop=True)
    error = catalogue_log_age(stars, model) - np.log10(stars.AGE_RGB)
    bars.row("log ages against AGE_RGB [dex]", error, {"robust σ": 0.085, "offset": 0.03})
    rich = stars.ALPHA_M > ALPHA_RICH
    bars.row("log ages, alpha-rich [dex]", error[rich], {"offset": 0.04})


def catalogue_log_age(stars, model):
    """Logarithm of the age [Gyr] that the catalogue gives with a mass model."""
    names = [*FEATURES, "ALPHA_M"]
    catalog = build_catalog(
        pd.DataFrame(stars[names].to_numpy(float), columns=names),
        distance=None,
        masses={"": model},
        isochrone=False,
    )
    return np.log10(np.ma.filled(np.ma.asarray(catalog["AGE"]).astype(float), np.nan)) - np.log10(
        YEARS_PER_GYR
    )


def distances(bars, model):
    """Test part of the distances."""
    import star_labels
    from real_stars import matrix

    errors = star_labels.distance_errors(model)
    bars.row("distance: Gaia RGB", errors["RGB against R_MED_PHOTOGEO"], {"robust σ": 0.071})
    bars.row("distance: seismic", errors["giants against DIST_MIGLIO"], {"robust σ": 0.048})
    luminous = star_labels.luminous_magnitudes()
    luminous = luminous[luminous.test]
    error = fraction(luminous.label, model.predict(matrix(luminous)))
    bars.row("luminous DR17 giants", error, {"offset": 0.03, "robust σ": 0.095})
    dwarfs = star_labels.dwarf_magnitudes()
    dwarfs = dwarfs[dwarfs.test]
    error = fraction(dwarfs.label, model.predict(matrix(dwarfs)))
    bars.row("dwarfs, log g through dr16-dwarfs", error, {"offset": 0.02, "robust σ": 0.10})
    for low, high in ((3.2, 3.9), (3.9, 4.2), (4.2, 6.0)):
        rows = dwarfs.RAW_LOGG.between(low, high)
        bars.row(f"dwarfs, log g {low}-{high}", error[rows], {"offset": 0.04})
    raw = fraction(dwarfs.label, model.predict(matrix(dwarfs.assign(LOGG=dwarfs.RAW_LOGG))))
    bars.row("dwarfs, log g of DR16 as it is", raw, {})


def simulated(bars, distance, mass):
    """Simulated truth: all stars that are not bad, main-sequence binaries apart; domains."""
    stars, truth = make_survey(**SIMULATION)
    inputs = clean_inputs(stars)
    good = inputs.usable & ((inputs.flags & BITS["STAR_BAD"][0]) == 0)
    X, log_g = inputs.features[good], inputs.features[good, 1]
    error = fraction(np.asarray(truth["absolute_magnitude_system"])[good], distance.predict(X))
    binary = (np.asarray(truth["is_binary"]) & (np.asarray(truth["phase"]) == 1))[good]
    for name, rows, sigma in (
        ("log g > 4.2", log_g > 4.2, 0.06),
        ("log g 3.5-4.2", (log_g >= 3.5) & (log_g <= 4.2), 0.10),
        ("log g < 1.5", log_g < 1.5, 0.08),
    ):
        bars.row(f"simulated truth, {name}", error[rows & ~binary], {"offset": 0.02, "robust σ": sigma})
        if (rows & binary).any():
            bars.row(f"simulated truth, {name}, main-sequence binaries", error[rows & binary], {})
    for name, model in (("distance", distance), ("mass", mass)):
        held = model.domain_.contains(X)
        outside = ~(held | model.anchored_domain_.contains(X))
        text = f"real stars {held.mean():.3f}, isochrones {1 - held.mean() - outside.mean():.3f}, outside "
        met = bool(outside.mean() <= 0.03)
        bars.told(f"domain of {name}", f"{text}{outside.mean():.4f} (<= 0.03)", met)


def globular_clusters(bars, model):
    """Means of globular clusters against their adopted distances."""
    import real_stars

    stars = pd.read_csv(real_stars.DATA / "cluster_stars.csv")
    stars = stars[(stars.CLUSTER_TYPE == "GC") & (stars.K > 0) & (stars.TEFF > 0)]
    X = stars[["TEFF", "LOGG", "M_H", "C_M_RAW", "N_M_RAW"]].to_numpy(float)
    extinction = A_K_PER_E_B_V * stars.CLUSTER.map(REDDENING).to_numpy()
    distance = photometry.distance(stars.K.to_numpy(), extinction, model.predict(X))
    cluster = stars.CLUSTER.to_numpy()

    def of_clusters(found):
        return pd.Series(found / stars.CLUSTER_DISTANCE.to_numpy() - 1).groupby(cluster)

    errors = of_clusters(distance)
    means = errors.mean()
    met = bool(abs(means.median()) <= 0.06 and means.std() <= 0.11)
    std = f"std {means.std():.4f} ± {sampling_error(means.to_numpy(), np.std):.4f} (<= 0.11)"
    bars.told("globular clusters", f"n {len(means)}, median {means.median():+.4f} (<= 0.06), {std}", met)
    # What the stars in each cluster, few in some, make of one distance for all; and the floor of the labels.
    of_stars = np.sqrt((errors.var() / errors.size()).mean())
    by_isochrones = photometry.distance(stars.K.to_numpy(), extinction, IsochroneDistance().fit().predict(X))
    of_isochrones = of_clusters(by_isochrones).mean().std()
    text = f"of the scatter of their stars {of_stars:.4f}, of isochrone distances {of_isochrones:.4f}"
    bars.told("globular clusters, std", text, None)


def metal_poor(bars, distance, mass):
    """Genuine DR17 rows of metal-poor giants with Gaia, stars of the training left out; ages of all."""
    import real_stars
    import star_labels

    stars = real_stars.read_metal_poor()
    complete = stars[list(FEATURES)].notna().all(axis=1) & stars.GAIAEDR3_R_MED_PHOTOGEO.notna()
    stars = stars[complete].reset_index(drop=True)
    magnitude = distance.predict(real_stars.matrix(stars))
    found = photometry.distance(stars.K.to_numpy(), star_labels.survey_extinction(stars), magnitude)
    error = found / stars.GAIAEDR3_R_MED_PHOTOGEO.to_numpy() - 1
    unseen = ~np.isin(hash_ids(stars.APOGEE_ID.to_numpy(str)), distance.training_ids_)
    bars.row("metal-poor DR17 rows left out", error[unseen], {"offset": 0.03, "robust σ": 0.09})
    known = np.isfinite(catalogue_log_age(stars, mass))
    bars.told("metal-poor DR17 rows have an age", f"{known.sum()} of {len(known)}", bool(known.all()))


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    here = Path(__file__).with_name("measured")
    parser.add_argument("--measured", type=Path, default=here, help="folder of models before the last fit")
    parser.add_argument("--shipped", type=Path, help="folder of models to take for those that ship")
    options = parser.parse_args()
    import real_stars

    real_stars.check_tables()

    def shipped(name):
        return load_model(options.shipped / f"{name}.joblib" if options.shipped else name)

    measured = {name: load_model(options.measured / f"{name}.joblib") for name in ("distance", "mass")}
    bars = Bars()
    print("| row | measured (bar) | |\n|---|---|---|")
    stars = masses(bars, measured["mass"])
    ages(bars, stars, measured["mass"])
    distances(bars, measured["distance"])
    simulated(bars, shipped("distance"), shipped("mass"))
    globular_clusters(bars, shipped("distance"))
    metal_poor(bars, measured["distance"], measured["mass"])
    print(f"\n{len(bars.failed)} rows fail: {', '.join(bars.failed) or 'none'}")
    sys.exit(bool(bars.failed))


if __name__ == "__main__":
    main()
