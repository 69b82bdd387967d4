"""
Birth carbon and nitrogen of subgiants, and whether they depend on place
========================================================================

Masses from [C/N] are trained on stars of the Kepler field. They hold elsewhere if the [C/N] that stars are
born with is the same function of [Fe/H] everywhere. Subgiants before the first dredge-up still show it:
section 5.1 of Stone-Martinez et al. (2024) takes those of 3.5 < log g < 4 and 4750 K < Teff < 5500 K (its
text has the signs the other way round).

Here the test runs on a simulated survey, where the birth abundances are known, or on a survey of your own::

    python examples/plot_birth_carbon_nitrogen.py [allStar-dr17-synspec_rev1.fits]

The simulation has birth [C/N] that depends on [Fe/H] and a little on [alpha/M], not on place. Even so the
observed [C/N] of the whole box falls outwards, by a few thousandths of a dex a kiloparsec: the box holds
stars in which the dredge-up has begun, and further out they are younger and more massive. Stars before it,
which only the truth can tell, show no gradient: one of that size in a real survey says nothing about birth
abundances.
"""

import sys

import matplotlib.pyplot as plt
import numpy as np

from skdistmass import make_survey, read_stars
from skdistmass.physics.galaxy import SUN_RADIUS, galactocentric_position
from skdistmass.survey.duplicates import duplicates
from skdistmass.survey.flags import physical_values, star_bad

path = sys.argv[1] if len(sys.argv) > 1 else None
stars, truth = (read_stars(path), None) if path else make_survey(120_000, random_state=3)
stars = read_stars(stars)

# %%
# Subgiants with abundances and a distance, one row a star.
log_g, teff, m_h, c_fe, n_fe = (physical_values(stars, n) for n in ("LOGG", "TEFF", "M_H", "C_FE", "N_FE"))
distance = physical_values(stars, "GAIAEDR3_R_MED_PHOTOGEO")
radius, height = galactocentric_position(stars["GLON"], stars["GLAT"], distance)
subgiant = (log_g > 3.5) & (log_g < 4.0) & (teff > 4750) & (teff < 5500)
subgiant &= np.isfinite(m_h + c_fe + n_fe + radius) & (m_h > -0.9)
subgiant &= ~star_bad(stars) & ~duplicates(stars)
if subgiant.sum() < 100:
    raise SystemExit(f"{subgiant.sum()} of {len(stars)} stars are such subgiants; at least 100 are needed")
c_n = c_fe - n_fe


# %% [C/N] = a + b [Fe/H] + c (R - R_sun), with errors from bootstraps, stars beyond three standard
# deviations left out.
def slopes(rows, c_n):
    """Slopes with [Fe/H] and with Galactocentric radius [dex/dex, dex/kpc], and their errors."""
    terms = np.column_stack([np.ones(rows.sum()), m_h[rows], radius[rows] - SUN_RADIUS])
    values, kept = c_n[rows], np.ones(rows.sum(), bool)
    for _ in range(5):
        residual = values - terms @ np.linalg.lstsq(terms[kept], values[kept])[0]
        kept = np.abs(residual) < 3.0 * np.std(residual[kept])
    terms, values = terms[kept], values[kept]
    draws = np.random.default_rng(0).integers(0, len(values), (200, len(values)))
    fits = [np.linalg.lstsq(terms[i], values[i])[0] for i in draws]
    return np.linalg.lstsq(terms, values)[0], np.std(fits, axis=0)


samples = {"observed": (subgiant, c_n)}
if truth is not None:
    # The first dredge-up begins on the giant branch, the upper part of this box: phase 3 and above.
    before = subgiant & (np.asarray(truth["phase"]) < 3)
    true_c_n = np.asarray(truth["c_fe"]) - np.asarray(truth["n_fe"])
    samples |= {"truth": (subgiant, true_c_n), "truth before dredge-up": (before, true_c_n)}
results = {}
for name, (rows, values) in samples.items():
    (a, b, c), (_, b_error, c_error) = slopes(rows, values)
    results[name] = a, b
    print(
        f"{name:23s} {rows.sum():5d} subgiants: d[C/N]/d[Fe/H] = {b:+.3f} ± {b_error:.3f} dex/dex, "
        f"d[C/N]/dR = {c:+.4f} ± {c_error:.4f} dex/kpc"
    )

# %%
# The spatial test, in narrow bins of [Fe/H].
bins = [(-0.5, -0.3), (-0.3, -0.1), (-0.1, 0.1), (0.1, 0.3)]
figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.4), layout="constrained")
left.scatter(m_h[subgiant], c_n[subgiant], s=3, alpha=0.4, color="0.5", label="subgiants")
x = np.array([-0.9, 0.5])
for name, (a, b) in results.items():
    style = {"linestyle": "--"} if "truth" in name else {"linewidth": 2.5}
    left.plot(x, a + b * x, **style, label=f"{name}: slope {b:+.2f}")
left.set(xlabel="[Fe/H] [dex]", ylabel="[C/N] [dex]", xlim=(-0.95, 0.55), ylim=(-0.8, 0.6))
left.legend(loc="lower left", fontsize="small")

edges = np.quantile(radius[subgiant], np.linspace(0, 1, 7))
print("[C/N] against Galactocentric radius in bins of [Fe/H]:")
for low, high in bins:
    rows = subgiant & (m_h >= low) & (m_h < high)
    if rows.sum() < 30:
        continue
    (_, _, c), (_, _, error) = slopes(rows, c_n)
    print(f"  {low:+.1f} to {high:+.1f}: {rows.sum():5d} stars, {c:+.4f} ± {error:.4f} dex/kpc")
    place = np.clip(np.searchsorted(edges, radius) - 1, 0, len(edges) - 2)
    cells = [rows & (place == i) for i in range(len(edges) - 1)]
    cells = [cell for cell in cells if cell.sum() >= 10]
    right.errorbar(
        [np.median(radius[cell]) for cell in cells],
        [np.median(c_n[cell]) for cell in cells],
        [1.25 * np.std(c_n[cell]) / np.sqrt(cell.sum()) for cell in cells],
        marker="o",
        capsize=2,
        label=f"{low:+.1f} < [Fe/H] < {high:+.1f}: {1000 * c:+.0f} ± {1000 * error:.0f} mdex/kpc",
    )
right.set(xlabel="Galactocentric radius [kpc]", ylabel="median [C/N] [dex]", ylim=(-0.2, 0.35))
right.legend(fontsize="small", loc="upper left")
plt.show()
