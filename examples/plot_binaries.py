"""
Unresolved binaries
===================

Two stars of one mass in one spectrum are twice as bright as the spectrum says. A network that is trained on
such stars learns a brightness between single stars and binaries, and is wrong for both.
:class:`~skdistmass.BinaryPruner` fits, leaves out the dwarfs that are brighter than the model says, and fits
again.
"""

import matplotlib.pyplot as plt
import numpy as np

from skdistmass import BinaryPruner, DistanceRegressor, make_survey
from skdistmass.columns import FEATURES

stars, truth = make_survey(12_000, random_state=2)
X = np.column_stack([np.asarray(stars[name], dtype=float) for name in FEATURES])
y = np.asarray(truth["absolute_magnitude_system"], dtype=float)
used = np.isfinite(X).all(axis=1) & (X[:, 1] > 4.0)
rng = np.random.default_rng(1)
X, y = X[used], y[used] + rng.normal(0.0, 0.05, used.sum())
mass_ratio = np.where(truth["is_binary"], truth["mass_ratio"], 0.0)[used]
single = mass_ratio == 0.0

# %%
# Residuals are fractions of the distance: 0.13 is the published threshold, ``"auto"`` looks for the valley
# between single stars and binaries.
pruner = BinaryPruner(
    DistanceRegressor(hidden_layer_sizes=(16,), activation="tanh", random_state=0), n_passes=2
).fit(X, y)
dropped = ~pruner.support_
equal = mass_ratio > 0.8
print(f"left out: {dropped[equal].mean():.0%} of the binaries with mass ratios above 0.8")
print(f"          {dropped[single].mean():.1%} of the single stars")

# %%
# Residuals of both kinds of stars, and the error of the distance of single stars with and without pruning.
figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
bins = np.linspace(-0.3, 0.5, 81)
left.hist(pruner.residual_[single], bins, histtype="step", label="single stars")
left.hist(pruner.residual_[~single], bins, histtype="step", linestyle="--", label="binaries")
left.axvline(pruner.threshold_, color="black", linewidth=1, label=f"threshold {pruner.threshold_:.2f}")
left.set(xlabel="1 - d(model) / d(label)", ylabel="stars", yscale="log")
left.legend()

plain = DistanceRegressor(hidden_layer_sizes=(16,), activation="tanh", random_state=0).fit(X, y)
for name, model, style in (("all stars", plain, "--"), ("pruned", pruner, "-")):
    error = 10.0 ** (0.2 * (y[single] - model.predict(X[single]))) - 1.0
    label = f"trained on {name}: median {np.median(error):+.1%}"
    right.hist(error, np.linspace(-0.2, 0.2, 61), histtype="step", linestyle=style, label=label)
right.axvline(0.0, color="grey", linewidth=0.8)
right.set(xlabel="fractional error of the distance of single stars", ylabel="stars")
right.legend(loc="upper left", fontsize="small")
plt.show()
