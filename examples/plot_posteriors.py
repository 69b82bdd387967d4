"""
Errors and posteriors
=====================

Every number of the catalogue comes with an error. This page asks whether the errors are true, shows what one
star is worth, and carries the error of a mass on to an age.
"""

import matplotlib.pyplot as plt
import numpy as np

from skdistmass import MassToAge, build_catalog, good_stars, make_survey
from skdistmass.plots import CalibrationDisplay, PosteriorDisplay

stars, truth = make_survey(8000, random_state=6)
catalog = build_catalog(stars)

# %%
# Are the errors true? Of honest errors 68 % of the values lie within one σ of the truth, 95 % within two. In
# a simulation the truth is known; for real stars compare with clusters or with other surveys.
good = good_stars(catalog, "distance")
true_distance = np.asarray(truth["distance"]) / 1000.0
CalibrationDisplay.from_catalog(catalog, true_distance, column="DISTANCE", rows=good)

# %%
# One giant: distance of the network, of Gaia and of isochrones, its mass and its age.
giant = np.flatnonzero(good_stars(catalog, "age") & (np.asarray(catalog["LOGG"]) < 2.6))[0]
PosteriorDisplay.from_catalog(catalog, int(giant))
print(f"log g = {catalog['LOGG'][giant]:.2f}, [M/H] = {catalog['M_H'][giant]:+.2f}")

# %%
# A giant lives a tenth of its life as a giant, so its mass is its age: 10 % in mass are 30 % in age, more
# upward than downward. The band is what errors of 5 and 10 % in mass make of the age.
relation = MassToAge.from_isochrones()
masses = np.linspace(0.9, 2.2, 27)
figure, axis = plt.subplots(figsize=(7, 4), layout="constrained")
for fraction, alpha in ((0.10, 0.2), (0.05, 0.4)):
    ages = relation.predict_age(masses, np.zeros(27), fraction * masses, np.full(27, 2.5))
    low, high = ages.age - ages.age_error_lower, ages.age + ages.age_error_upper
    axis.fill_between(masses, low, high, alpha=alpha, label=f"{fraction:.0%} in mass")
axis.plot(masses, ages.age, color="black", label="age")
axis.set(xlabel="mass [Msun]", ylabel="age [Gyr]", yscale="log")
axis.legend()
plt.show()
