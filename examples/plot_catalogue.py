"""
From a survey table to the catalogue
====================================

A simulated survey goes through the shipped models; since its truth is known, the errors and the flags can be
checked star by star.
"""

import matplotlib.pyplot as plt
import numpy as np

from skdistmass import build_catalog, make_survey
from skdistmass.columns import BITS

stars, truth = make_survey(20_000, random_state=1)
catalog = build_catalog(stars, isochrone=False)

# %%
# Giants inside the domain of the distance model, and those that the catalogue flags as outside of it. The
# networks were trained on real stars: where the simulation's labels follow other relations, its stars fall
# outside.
giant = np.asarray(catalog["LOGG"]) < 3.5
outside = (np.asarray(catalog["BITMASK"]) & BITS["OUTSIDE_DISTANCE_DOMAIN"][0]) != 0
ratio = np.asarray(catalog["DISTANCE"]) / np.asarray(truth["distance"])

figure, (left, middle, right) = plt.subplots(1, 3, figsize=(14, 4.4), layout="constrained")
bins = np.linspace(0.4, 1.8, 71)
left.hist(ratio[giant & ~outside], bins, density=True, histtype="step", label="giants inside the domain")
left.hist(ratio[giant & outside], bins, density=True, histtype="step", label="giants outside")
left.axvline(1.0, color="grey", linewidth=0.8)
left.set(xlabel="network distance / true distance", ylabel="density")
left.legend()

# %%
# Masses and ages of giants: what the metallicity and the abundances of carbon and nitrogen tell.
inside = giant & ((np.asarray(catalog["BITMASK"]) & BITS["OUTSIDE_MASS_DOMAIN"][0]) == 0)
points = middle.scatter(
    np.asarray(catalog["TEFF"])[inside],
    np.asarray(catalog["LOGG"])[inside],
    c=np.asarray(catalog["MASS"])[inside],
    s=4,
    vmin=0.8,
    vmax=2.2,
)
middle.set(xlabel="Teff [K]", ylabel="log g [dex]", xlim=(5600, 3800), ylim=(3.6, 0.5))
figure.colorbar(points, ax=middle, label="mass [Msun]")

age = np.asarray(catalog["AGE"]) / 1e9
right.scatter(np.asarray(catalog["M_H"])[inside], age[inside], s=4, alpha=0.5)
right.set(xlabel="[M/H] [dex]", ylabel="age [Gyr]", ylim=(0, 20))
right.axhline(13.8, color="grey", linewidth=0.8)

for name, rows in (("inside", giant & ~outside), ("outside", giant & outside)):
    good = ratio[rows & np.isfinite(ratio)]
    scatter = 1.4826 * np.median(np.abs(good - np.median(good)))
    print(
        f"giants {name} the domain: {good.size}, median {np.median(good):.3f}, robust scatter {scatter:.3f}"
    )
