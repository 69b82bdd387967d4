"""
What isochrones say of a star
=============================

Temperature, gravity and metallicity put a star near some isochrones; how many stars live there is the
probability of each absolute magnitude. Three stars of a simulated survey show how wide that is on the red
giant branch, in the red clump and on the main sequence.
"""

import matplotlib.pyplot as plt
import numpy as np

from skdistmass import IsochroneDistance, make_survey

stars, truth = make_survey(5000, random_state=4)
model = IsochroneDistance().fit()

# %%
# One single star of each kind, the one whose signal is the median of its kind.
phase, log_g = np.asarray(truth["phase"]), np.asarray(truth["log_g"])
good = ~np.asarray(truth["is_binary"]) & (truth["missing"] == "") & (stars["ASPCAPFLAG"] & (1 << 23) == 0)
kinds = {
    "red giant": (phase == 3) & (log_g > 1.2) & (log_g < 1.8),
    "red clump": phase == 4,
    "dwarf": (phase == 1) & (log_g > 4.3),
}
rows = []
for kind in kinds.values():
    members = np.flatnonzero(good & kind & (np.abs(np.asarray(truth["m_h"])) < 0.5))
    rows.append(members[np.argsort(np.asarray(stars["SNR"])[members])[len(members) // 2]])

labels = np.column_stack([stars[name][rows] for name in ("TEFF", "LOGG", "M_H")])
errors = np.column_stack([stars[f"{name}_ERR"][rows] for name in ("TEFF", "LOGG", "M_H")])
alpha_m = np.asarray(stars["ALPHA_M"][rows])

# %%
# The density of the absolute magnitude, and with the apparent magnitude and the extinction that of the
# distance: p(M) becomes p(M) 5 / (d ln 10).
magnitudes = np.arange(-8.0, 8.0, 0.01)
density = model.predict_pdf(labels, magnitudes, X_error=errors, alpha_m=alpha_m)
k_mag, extinction = np.asarray(stars["K"][rows], float), np.asarray(truth["extinction"][rows])
result = model.predict_distance(labels, k_mag, extinction, X_error=errors, alpha_m=alpha_m)

figure, axes = plt.subplots(2, 3, figsize=(13, 7), layout="constrained")
for i, (kind, (upper, lower)) in enumerate(zip(kinds, axes.T, strict=True)):
    star = result.iloc[i]
    distances = 10.0 ** (1 + 0.2 * (k_mag[i] - extinction[i] - magnitudes)) / 1000.0
    per_kpc = density[i] * 5 / (np.log(10) * distances)
    panels = (
        (upper, magnitudes, density[i], "absolute_magnitude", 1.0, truth["absolute_magnitude"][rows[i]]),
        (lower, distances, per_kpc, "distance", 1000.0, truth["distance"][rows[i]]),
    )
    for axis, x, y, name, unit, true in panels:
        low, high = star[f"{name}_p16"] / unit, star[f"{name}_p84"] / unit
        axis.plot(x, y, color="black", linewidth=1)
        axis.axvspan(low, high, color="tab:blue", alpha=0.2, label="16-84 %")
        axis.axvline(star[f"{name}_median"] / unit, color="tab:blue", label="median")
        axis.axvline(star[f"{name}_mode"] / unit, color="tab:orange", linestyle="--", label="mode")
        axis.axvline(true / unit, color="tab:red", linestyle=":", label="truth")
        middle, half = (low + high) / 2, 2.0 * (high - low)
        axis.set(xlim=(middle - half, middle + half), ylim=(0, None))
    teff, gravity, m_h = labels[i]
    upper.set(title=f"{kind}: {teff:.0f} K, log g = {gravity:.2f}, [M/H] = {m_h:.2f}")
    upper.set(xlabel="absolute magnitude M$_{Ks}$ [mag]")
    lower.set(xlabel="distance [kpc]")
axes[0, 0].set_ylabel("probability density [1/mag]")
axes[1, 0].set_ylabel("probability density [1/kpc]")
axes[0, 2].legend()

# %%
# The same sums give mass and age, which a giant's temperature hardly tells.
for kind, (_, star) in zip(kinds, result.iterrows(), strict=True):
    print(
        f"{kind}: mass {star['mass_median']:.2f} ({star['mass_p16']:.2f}-{star['mass_p84']:.2f}) Msun, "
        f"age {star['age_median']:.1f} ({star['age_p16']:.1f}-{star['age_p84']:.1f}) Gyr"
    )
