"""Figure of `bench_uncertainty.py`: reliability, coverage by bins, a distribution beside its Gaussian."""

from __future__ import annotations

import matplotlib as mpl

mpl.use("Agg")

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from scipy.stats import norm

from skdistmass import load_model
from skdistmass.columns import FEATURES
from skdistmass.plots._drawing import COLORS, REFERENCE_COLOR

LABELS = {"mass": "ln mass", "distance": "absolute magnitude"}
# A clump star of the upper mass: its distribution is not symmetric.
STAR = [4850.0, 2.45, 0.0, -0.12, 0.32]


def draw(path, levels, measured):
    """Draw what was measured.

    Parameters
    ----------
    path : path
        PNG file that is written.
    levels : ndarray of shape (n_levels,)
        Probabilities of the quantiles.
    measured : dict
        By kind of model: quantiles of the labels by method, the labels, and by bin the share within the 68 %
        interval with its number of stars.
    """
    figure, axes = plt.subplots(2, 2, figsize=(10, 9), layout="constrained")
    for axis, (kind, (quantiles, labels, _)) in zip(axes[0], measured.items(), strict=True):
        reliability(axis, levels, quantiles, labels)
        axis.set_title(f"{LABELS[kind]}: {len(labels)} stars left out")
    axes[0, 0].legend(fontsize=8, loc="upper left")
    coverage(axes[1, 0], measured)
    example(axes[1, 1])
    figure.savefig(path, dpi=100)


def reliability(axis, levels, quantiles, labels):
    """Share of the labels below each quantile, less its probability, by method."""
    axis.axhline(0.0, color=REFERENCE_COLOR, linewidth=1)
    expected = 2.0 * np.sqrt(levels * (1.0 - levels) / len(labels))
    axis.fill_between(levels, -expected, expected, color="0.9", label="2σ of counting")
    for color, (name, found) in zip(COLORS, quantiles.items(), strict=False):
        share = (labels[:, None] <= found).mean(axis=0)
        axis.plot(
            levels, share - levels, color=color, label=name, linewidth=2.5 if color == COLORS[0] else 1.2
        )
    axis.set(xlabel="probability of the quantile", ylabel="share of labels below it, less its probability")
    axis.set_ylim(-0.08, 0.16)


def coverage(axis, measured):
    """Share of the labels within the 68 % interval, in bins."""
    places, names = 0, []
    axis.axvspan(0.62, 0.74, color="0.9")
    axis.axvline(0.6827, color=REFERENCE_COLOR, linewidth=1)
    for color, (kind, (_, _, bins)) in zip(COLORS, measured.items(), strict=False):
        share, number = np.array(list(bins.values())).T
        y = places + np.arange(len(bins))
        error = np.sqrt(share * (1.0 - share) / number)
        axis.errorbar(share, -y, xerr=error, fmt="o", color=color, markersize=4, label=LABELS[kind])
        names += list(bins)
        places += len(bins)
    axis.set_yticks(-np.arange(places), names, fontsize=7)
    axis.set(
        xlim=(0.5, 0.9),
        xlabel="share of labels within the 68 % interval",
        title="by bins of 150 stars or more",
    )
    axis.legend(fontsize=8, loc="upper right")


def example(axis):
    """Density of one star's mass beside the Gaussian of its error."""
    model, star = load_model("mass"), pd.DataFrame([STAR], columns=list(FEATURES))
    value, error = model.predict(star, return_std=True)
    grid = np.linspace(max(0.3, value[0] - 4.5 * error[0]), value[0] + 4.5 * error[0], 400)
    axis.plot(grid, model.predict_pdf(star, grid)[0], color=COLORS[0], linewidth=2.5, label="distribution")
    axis.plot(
        grid, norm.pdf(grid, value[0], error[0]), "--", color=COLORS[1], label="Gaussian of its 1σ error"
    )
    axis.set(
        xlabel="mass [M$_\\odot$]", ylabel="density [1 / M$_\\odot$]", ylim=(0, None), title="one clump star"
    )
    axis.legend(fontsize=8)
