"""Draw every figure that docs/figures.md lists, on a simulated survey, and write that page.

Run ``python docs/make_figures.py`` for the page alone, with ``--output FOLDER`` for the figures too (PNG,
about 20 s of CPU time). The page shows the very expressions that are drawn; a test holds the two together.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NamedTuple


class Figure(NamedTuple):
    """One line of the page: file name, figures of the paper, what is shown, expression."""

    name: str
    paper: str
    shows: str
    code: str


FIGURES = [
    Figure(
        "coverage",
        "1, 11",
        "Kiel and metallicity diagrams of all and of the training stars",
        "CoverageDisplay.from_catalog(catalog, training_set.rows)",
    ),
    Figure(
        "hr",
        "2a",
        "Hertzsprung-Russell diagram with stars of clusters",
        "KielDisplay.from_catalog(catalog, y='ABS_MAG', highlight=member != '', highlight_label='clusters')",
    ),
    Figure(
        "metallicity",
        "2b",
        "Metallicity diagram with stars of clusters",
        "KielDisplay.from_catalog(catalog, x='M_H', highlight=member != '', highlight_label='clusters')",
    ),
    Figure(
        "residuals",
        "3a",
        "Residuals of dwarfs with the threshold of binaries",
        "ResidualDisplay.from_catalog(catalog, threshold=0.13)",
    ),
    Figure(
        "binaries",
        "3b",
        "Where the stars beyond the threshold lie",
        "KielDisplay.from_catalog(catalog, highlight=binary, highlight_label='residual > 0.13')",
    ),
    Figure(
        "deviation",
        "4",
        "MAD and quartiles against surface gravity, beside Gaia's error",
        "DeviationDisplay.from_catalog(catalog, reference_error=gaia_error)",
    ),
    Figure(
        "cluster_distances",
        "5",
        "Distances of clusters against the literature",
        "ClusterDistanceDisplay.from_catalog(catalog, member)",
    ),
    Figure(
        "kiel_mass",
        "6a",
        "Kiel diagram by mass",
        "KielDisplay.from_catalog(catalog, color='MASS', rows=abs(catalog['M_H']) < 0.05)",
    ),
    Figure(
        "kiel_c_n",
        "6b",
        "Kiel diagram by [C/N]",
        "KielDisplay.from_catalog(catalog, color='C_N', rows=abs(catalog['M_H']) < 0.05)",
    ),
    Figure(
        "c_n_mass",
        "7",
        "[C/N] and mass in bins of surface gravity; your own masses go in as a column MASS",
        "CarbonNitrogenDisplay.from_catalog(catalog, 'MASS', by='LOGG', error='MASS_ERR')",
    ),
    Figure(
        "c_n_metallicity",
        "8a",
        "[C/N] and metallicity of subgiants",
        "CarbonNitrogenDisplay.from_catalog(catalog, 'M_H', rows=subgiant)",
    ),
    Figure(
        "c_n_metallicity_mass",
        "8b",
        "The same of giants of one mass",
        "CarbonNitrogenDisplay.from_catalog(catalog, 'M_H', by='MASS', edges=(1.5, 1.75), rows=red_giant)",
    ),
    Figure(
        "c_n_radius",
        "9",
        "[C/N] and Galactocentric radius in bins of metallicity",
        "CarbonNitrogenDisplay.from_catalog(catalog, 'R_GAL', by='M_H', rows=subgiant, ra=ra, dec=dec)",
    ),
    Figure(
        "c_n_log_g",
        "10",
        "[C/N] along the giant branch in bins of mass",
        "CarbonNitrogenDisplay.from_catalog(catalog, 'LOGG', by='MASS')",
    ),
    Figure(
        "masses",
        "12, 14",
        "Masses at low and high surface gravity, six sets; those of labels from a table with these columns",
        "MassHistogramDisplay.from_catalog(catalog)",
    ),
    Figure(
        "c_n_six_masses",
        "13",
        "[C/N] and the six masses",
        "CarbonNitrogenDisplay.from_catalog(catalog, six_masses, by='LOGG', color='M_H', median=False)",
    ),
    Figure(
        "c_n_age",
        "15",
        "[C/N] and age in bins of metallicity, with the relation of Spoo et al. 2022",
        "CarbonNitrogenDisplay.from_catalog("
        "catalog, 'LOG_AGE', by='M_H', color='LOGG', spoo=True, median=False)",
    ),
    Figure(
        "ages",
        "16",
        "Ages against another catalogue, here the truth",
        "ComparisonDisplay.from_catalog(catalog, true_age, column='AGE', other_label='true age [Gyr]')",
    ),
    Figure(
        "cluster_ages",
        "17",
        "Ages of the members of clusters",
        "ClusterAgeDisplay.from_catalog(catalog, member, others={'COR_MO': catalog['AGE_COR_MO'] / 1e9})",
    ),
    Figure(
        "kiel_cluster",
        "18",
        "Kiel diagram of one cluster by age",
        "KielDisplay.from_catalog(catalog, color='LOG_AGE', rows=member == 'N7789', title='N7789')",
    ),
    Figure(
        "calibration",
        "",
        "Coverage and PIT of the distance errors",
        "CalibrationDisplay.from_catalog(catalog, true_distance, column='DISTANCE')",
    ),
    Figure(
        "posterior",
        "",
        "Distance, mass and age of one star",
        "PosteriorDisplay.from_catalog(catalog, row, isochrone=IsochroneDistance())",
    ),
    Figure(
        "learning",
        "",
        "Loss of the networks during training",
        "LearningCurveDisplay.from_models({name: load_model(name) for name in ('distance', 'mass')})",
    ),
    Figure(
        "galaxy_age",
        "",
        "The Galaxy from above by age",
        "GalaxyMapDisplay.from_catalog(catalog, color='AGE', ra=ra, dec=dec)",
    ),
    Figure(
        "galaxy_metallicity",
        "",
        "Galactocentric radius and height by metallicity",
        "GalaxyMapDisplay.from_catalog(catalog, plane='rz', color='M_H', ra=ra, dec=dec)",
    ),
]

TEXT = """# Figures

Made by `docs/make_figures.py`, which also draws them.

```python
from skdistmass import read_catalog
from skdistmass.plots import KielDisplay

catalog = read_catalog("distmass.fits")
display = KielDisplay.from_catalog(catalog, color="AGE")
display.figure_.savefig("kiel.png")
```

Figures need matplotlib: `python -m pip install "skdistmass[plots]"`. Every display takes a catalogue (astropy
table, data frame or path), draws into `ax` if it is given, and has the attributes `ax_`, `figure_` and
`n_shown_`.

- More than 3,000 stars are drawn as a density, or as the median of a quantity in each cell; fewer are dots.
- Stars with STAR_BAD or DUPLICATE are left out, and those outside the domain of the model of a quantity that
  the figure shows; `quality=False` shows them. `rows` chooses among the rest.
- Quantities are columns of the catalogue or made from them: `C_N`, `LOG_AGE` (also `LOG_AGE_COR_MO`, …),
  `R_GAL`, `Z_GAL`, `X_GAL`, `Y_GAL`. Axes are in Gyr, kpc and Msun. Positions come from GLON and GLAT, or RA
  and DEC, of the catalogue, or from `ra` and `dec`.
- Learning curves against the number of stars, and validation curves against a setting, are scikit-learn's own
  `LearningCurveDisplay` and `ValidationCurveDisplay`: every estimator here works in them.

| figure of the paper | shows | call |
|---|---|---|
{table}
"""


def render() -> str:
    """Write the page."""
    lines = [f"| {figure.paper or '-'} | {figure.shows} | `{figure.code}` |" for figure in FIGURES]
    return TEXT.format(table="\n".join(lines))


def simulated(n_stars: int) -> dict:
    """Names that the expressions use, from a simulated survey."""
    import numpy as np

    import skdistmass
    from skdistmass import plots
    from skdistmass.columns import LABEL_SETS
    from skdistmass.survey.options import DEFAULT_MASSES

    stars, truth = skdistmass.make_survey(n_stars, random_state=0)
    catalog = skdistmass.build_catalog(stars, masses=DEFAULT_MASSES)
    teff, log_g = np.asarray(catalog["TEFF"]), np.asarray(catalog["LOGG"])
    residual = 1 - np.asarray(catalog["DISTANCE"]) / np.asarray(catalog["GAIAEDR3_DIST"])
    low, high = (np.asarray(stars[f"GAIAEDR3_R_{side}_PHOTOGEO"], dtype=float) for side in ("LO", "HI"))
    usable = (np.asarray(catalog["BITMASK"]) == 0) & np.isfinite(catalog["AGE"])
    return {name: getattr(plots, name) for name in plots.__all__} | {
        "IsochroneDistance": skdistmass.IsochroneDistance,
        "load_model": skdistmass.load_model,
        "catalog": catalog,
        "training_set": skdistmass.distance_training_set(stars),
        "member": np.asarray(stars["MEMBER"]).astype(str),
        "binary": (residual > 0.13) & (log_g >= 3.5),
        "gaia_error": 0.5 * (high - low),
        "subgiant": (log_g > 3.5) & (log_g < 4.0) & (teff > 4750) & (teff < 5500),
        "red_giant": (log_g > 2.5) & (log_g < 3.0) & (teff > 4500) & (teff < 5000),
        "ra": stars["RA"],
        "dec": stars["DEC"],
        "six_masses": [f"MASS_{label_set}" for label_set in LABEL_SETS],
        "true_age": np.asarray(truth["age"]),
        "true_distance": np.asarray(truth["distance"]) / 1000,
        "row": int(np.flatnonzero(usable)[0]),
    }


def draw(n_stars: int):
    """Draw the figures one by one.

    Parameters
    ----------
    n_stars : int
        Size of the simulated survey.

    Yields
    ------
    Figure, display
        What was drawn.
    """
    names = simulated(n_stars)
    for figure in FIGURES:
        yield figure, eval(figure.code, names)


def main() -> None:
    """Write the page, and the figures if a folder is given."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, help="folder for the figures")
    parser.add_argument("--stars", type=int, default=40_000, help="simulated stars (default: %(default)s)")
    parser.add_argument("--dpi", type=int, default=80, help="dots per inch (default: %(default)s)")
    options = parser.parse_args()
    Path(__file__).with_name("figures.md").write_text(render(), encoding="utf-8")
    if options.output is None:
        return
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    options.output.mkdir(parents=True, exist_ok=True)
    for figure, display in draw(options.stars):
        display.figure_.savefig(options.output / f"{figure.name}.png", dpi=options.dpi)
        pyplot.close("all")


if __name__ == "__main__":
    main()
