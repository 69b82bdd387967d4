"""Draw the figures of the README and of the first pages of the site, of 60,000 simulated stars.

Run ``python docs/make_window.py``; it writes ``docs/_static/kiel_age.png`` and ``docs/_static/window.png``.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

from matplotlib import pyplot as plt

from skdistmass import build_catalog, good_stars, make_survey
from skdistmass.plots import GalaxyMapDisplay, KielDisplay

STATIC = Path(__file__).with_name("_static")


def main() -> None:
    """Draw and write them."""
    stars, _ = make_survey(60_000, random_state=0)
    catalog = build_catalog(stars, masses="mass", isochrone=False)
    KielDisplay.from_catalog(catalog, color="AGE").figure_.savefig(STATIC / "kiel_age.png", dpi=100)
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    KielDisplay.from_catalog(catalog, color="MASS", ax=left)
    good = good_stars(catalog, "age")
    GalaxyMapDisplay.from_catalog(catalog, color="AGE", rows=good, ra=stars["RA"], dec=stars["DEC"], ax=right)
    figure.savefig(STATIC / "window.png", dpi=90)


if __name__ == "__main__":
    main()
