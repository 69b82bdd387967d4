"""
Whole distributions
===================

Every prediction of masses and distances is a distribution. This page shows one beside its Gaussian, carries
it on to an age, puts a parallax beside a distance, and shows how errors grow away from the training stars.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from skdistmass import MassToAge, load_model
from skdistmass.columns import FEATURES
from skdistmass.estimators.age_inference import MASS_LEVELS

mass, distance, relation = load_model("mass"), load_model("distance"), MassToAge.from_isochrones()
giant = pd.DataFrame([[4700.0, 2.6, -0.1, -0.05, 0.18]], columns=list(FEATURES))

# %%
# A mass: the distribution is learned from stars that the fit has not seen, with the errors of their labels
# taken out. Beside it the Gaussian of the same 1σ error.
value, error = mass.predict(giant, return_std=True)
grid = np.linspace(0.6, 2.2, 400)
gaussian = np.exp(-0.5 * ((grid - value) / error) ** 2) / (error * np.sqrt(2 * np.pi))
figure, axis = plt.subplots(figsize=(7, 4), layout="constrained")
axis.plot(grid, mass.predict_pdf(giant, grid)[0], label="learned")
axis.plot(grid, gaussian, linestyle="--", label="Gaussian of the 1σ error")
axis.set(xlabel="mass [M$_\\odot$]", ylabel="density [1 / M$_\\odot$]")
axis.legend()

# %%
# Its age: the percentiles of the mass, through the relation. Errors of ages are not symmetric.
masses = mass.predict_quantiles(giant, MASS_LEVELS)
age = relation.predict_age_distribution(masses, giant["M_H"], log_g=giant["LOGG"])
print(f"age {age.median[0]:.1f} Gyr, 68 % from {age.p16[0]:.1f} to {age.p84[0]:.1f}, mode {age.mode[0]:.1f};")
print(f"older than 14 Gyr with a probability of {age.older_than_universe[0]:.1%}")

# %%
# A distance, alone and with the parallax of Gaia: a poor parallax changes little, a good one decides.
levels = np.array([0.16, 0.5, 0.84])
for parallax_error in (np.nan, 0.2, 0.02):
    posterior = distance.predict_distance_distribution(
        giant, [10.5], [0.05], apparent_error=[0.03], parallax=[0.42], parallax_error=[parallax_error]
    )
    low, median, high = posterior.quantiles(levels)[0]
    print(f"error of the parallax {parallax_error} mas: {median:.0f} pc, from {low:.0f} to {high:.0f}")

# %%
# Away from the training stars the error grows with the spread of the networks and the lack of stars.
metallicity = np.linspace(-2.5, 0.4, 60)
poorer = pd.concat([giant] * len(metallicity), ignore_index=True).assign(M_H=metallicity)
value, error = mass.predict(poorer, return_std=True)
figure, axis = plt.subplots(figsize=(7, 4), layout="constrained")
axis.plot(metallicity, 100 * error / value)
axis.set(xlabel="[M/H] [dex]", ylabel="1σ error of the mass [%]")

plt.show()
