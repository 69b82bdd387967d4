"""
Labels of another survey
========================

A model knows the labels of the survey that trained it. Another survey, or another release, measures the same
stars a little differently; log g off by 0.1 dex is a tenth of the distance. Stars that both have observed
tell the difference, and :class:`~skdistmass.LabelScale` makes a map of it: here for a survey of one's own,
simulated so that the truth is known.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.pipeline import make_pipeline

from skdistmass import LabelScale, load_model, make_survey
from skdistmass.columns import FEATURES

stars, truth = make_survey(6000, random_state=3)
labels = np.column_stack([np.asarray(stars[name], dtype=float) for name in FEATURES])
giants = np.isfinite(labels).all(axis=1) & (labels[:, 1] < 3.3) & (stars["ASPCAPFLAG"] & (1 << 23) == 0)
giants &= ~np.asarray(truth["is_binary"])
labels, magnitude = labels[giants], np.asarray(truth["absolute_magnitude"])[giants]

# %%
# The other survey is 60 K hotter, its gravities drift with metallicity, its metallicities are stretched.
rng = np.random.default_rng(0)
other = labels.copy()
other[:, 0] += 60.0
other[:, 1] += 0.12 + 0.15 * labels[:, 2]
other[:, 2] *= 1.1
other += rng.normal(0.0, [20.0, 0.03, 0.02, 0.02, 0.03], other.shape)

# %%
# Three hundred stars are in both. The scatter is what the map leaves, noise of both surveys included.
common = np.zeros(len(labels), dtype=bool)
common[rng.permutation(len(labels))[:300]] = True
scale = LabelScale().fit(other[common], labels[common])
for name, offset, scatter in zip(FEATURES, scale.offset_, scale.scatter_, strict=True):
    print(f"{name:5s} offset {offset:+.3f}, scatter {scatter:.3f}")

# %%
# In a pipeline the scale goes before any fitted model. Stars far from those in common are told apart.
model = load_model("distance")
pipeline = make_pipeline(scale, model)
rest = ~common & ~scale.extrapolated(other)
cases = {
    "own labels": model.predict(labels[rest]),
    "other labels, as they are": model.predict(other[rest]),
    "other labels, mapped": pipeline.predict(other[rest]),
}

figure, axis = plt.subplots(figsize=(6, 4), layout="constrained")
for name, predicted in cases.items():
    error = 10.0 ** (0.2 * (magnitude[rest] - predicted)) - 1.0
    axis.hist(error, np.linspace(-0.4, 0.4, 61), histtype="step", label=f"{name}: {np.median(error):+.1%}")
axis.set(xlabel="fractional error of the distance", ylabel="stars")
axis.legend(loc="upper left", fontsize="small")
plt.show()
