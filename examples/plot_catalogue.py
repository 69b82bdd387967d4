"""
From a survey table to the catalogue
====================================

A simulated survey goes through the shipped models. Since its truth is known, values, errors and flags can be
checked star by star.
"""

import matplotlib.pyplot as plt
import numpy as np

from skdistmass import build_catalog, good_stars, has_bit, make_survey
from skdistmass.physics.statistics import robust_sigma
from skdistmass.plots import CarbonNitrogenDisplay, KielDisplay

stars, truth = make_survey(20_000, random_state=1)
catalog = build_catalog(stars, isochrone=False)  # without isochrone distances, to be quick
print(catalog["APOGEE_ID", "DISTANCE", "DISTANCE_ERR", "MASS", "AGE", "BITMASK"][:5])

# %%
# Masses in the Kiel diagram: temperature against surface gravity. Giants are at the top, and stars outside
# of what the mass model has seen are left out.
KielDisplay.from_catalog(catalog, color="MASS")

# %%
# What tells the mass of a giant is the ratio of carbon to nitrogen: the more massive, the more nitrogen has
# come up from its core.
CarbonNitrogenDisplay.from_catalog(catalog, "MASS", by="LOGG")

# %%
# Distances against the truth. Where real stars hold the model, where isochrones alone do, and where nothing
# does: the bits of ``BITMASK`` tell these apart.
ratio = np.asarray(catalog["DISTANCE"]) / np.asarray(truth["distance"])
single = ~np.asarray(truth["is_binary"]) & np.isfinite(ratio)
outside = has_bit(catalog, "OUTSIDE_DISTANCE_DOMAIN")
isochrones = has_bit(catalog, "DISTANCE_HELD_BY_ISOCHRONES")
kinds = {"real stars": ~outside & ~isochrones, "isochrones": isochrones, "nothing": outside}

figure, axis = plt.subplots(figsize=(7, 4), layout="constrained")
for (kind, rows), style in zip(kinds.items(), ("-", "--", ":"), strict=True):
    values = ratio[rows & single]
    label = f"held by {kind}: {values.size} stars, robust scatter {robust_sigma(values):.1%}"
    axis.hist(values, np.linspace(0.5, 1.6, 67), density=True, histtype="step", linestyle=style, label=label)
axis.axvline(1.0, color="grey", linewidth=0.8)
axis.set(xlabel="network distance / true distance", ylabel="density")
axis.legend(fontsize="small")
plt.show()

# %%
# The recommended cut by name.
for quantity in ("distance", "mass", "age"):
    print(f"{good_stars(catalog, quantity).sum():6d} stars have a {quantity} to trust")
