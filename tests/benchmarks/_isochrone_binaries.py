"""How often ISOCHRONE_DISAGREES picks true outliers of a simulated survey; part of `bench_isochrone.py`."""

from __future__ import annotations

import numpy as np

from skdistmass import build_catalog, make_survey
from skdistmass.columns import BITS

LOG_G_RANGES = [(0.0, 2.0), (2.0, 3.0), (3.0, 4.0), (4.0, 5.5)]
OUTLIER = 0.3


def rates(flagged, outlier):
    """Precision and recall of a flag, beside what a flag set at random would have."""
    hits = (flagged & outlier).sum()
    return {
        "stars": len(flagged),
        "flagged": float(flagged.mean()),
        "outliers": float(outlier.mean()),
        "precision": float(hits / max(flagged.sum(), 1)),
        "recall": float(hits / max(outlier.sum(), 1)),
    }


def disagreement(n_stars):
    """Rates for binaries of nearly equal masses and for wrong distances, by log g."""
    stars, truth = make_survey(n_stars, random_state=2)
    catalog = build_catalog(stars)
    mask = np.asarray(catalog["BITMASK"])
    flagged = mask & BITS["ISOCHRONE_DISAGREES"][0] != 0
    bad = mask & BITS["STAR_BAD"][0] != 0
    inside = mask & BITS["OUTSIDE_DISTANCE_DOMAIN"][0] == 0
    log_g, true = np.asarray(truth["log_g"]), np.asarray(truth["distance"])
    network, isochrones = (np.asarray(catalog[name], dtype=float) for name in ("DISTANCE", "NMSU_DIST"))
    usable = np.isfinite(network) & np.isfinite(isochrones)
    heavy = np.asarray(truth["is_binary"]) & (np.asarray(truth["mass_ratio"]) > 0.7)
    dwarf = np.asarray(truth["phase"]) == 1
    out = {}
    for name, rows in (("", usable & ~bad), (", inside the network's domain", usable & ~bad & inside)):
        out[f"main-sequence binaries, q > 0.7{name}"] = rates(flagged[rows & dwarf], heavy[rows & dwarf])
    out["STAR_BAD, all stars"] = rates(flagged[usable], bad[usable])
    for method, distance in (("DISTANCE", network), ("NMSU_DIST", isochrones)):
        wrong = np.abs(distance / true - 1) > OUTLIER
        for low, high in LOG_G_RANGES:
            rows = usable & inside & (log_g > low) & (log_g <= high)
            name = f"{method} off by > 30 %, inside the domain, log g {low} to {high}"
            out[name] = rates(flagged[rows], wrong[rows])
    return out
