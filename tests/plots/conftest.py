"""A catalogue whose values are known, and figures that are closed again."""

import matplotlib as mpl
import numpy as np
import pytest
from astropy.table import Table

from skdistmass.columns import BITS, CATALOG_COLUMNS, LABEL_SETS

mpl.use("Agg")

N_STARS = 5000
N_BAD = 100  # the first rows carry STAR_BAD
N_OUTSIDE = 200  # the rows after them lie outside the domain of the mass model


@pytest.fixture(autouse=True)
def close_figures():
    yield
    from matplotlib import pyplot

    pyplot.close("all")


@pytest.fixture(scope="session")
def catalog():
    rng = np.random.default_rng(1)
    log_g = rng.uniform(0.5, 4.9, N_STARS)
    c_n = rng.normal(-0.2, 0.15, N_STARS)
    age = 10 ** rng.uniform(8.7, 10.1, N_STARS)  # yr
    distance = rng.uniform(200.0, 9000.0, N_STARS)  # pc
    mass = rng.uniform(0.8, 2.5, N_STARS)
    bits = np.zeros(N_STARS, dtype=np.int64)
    bits[:N_BAD] = BITS["STAR_BAD"][0]
    bits[N_BAD : N_BAD + N_OUTSIDE] = BITS["OUTSIDE_MASS_DOMAIN"][0]
    bits[1000:1500] |= BITS["DISTANCE_TRAINING"][0]
    columns = {
        "APOGEE_ID": np.array([f"2M{i:06d}" for i in range(N_STARS)]),
        "TEFF": rng.uniform(3800.0, 6400.0, N_STARS),
        "LOGG": log_g,
        "M_H": rng.uniform(-0.9, 0.4, N_STARS),
        "C_FE": c_n + 0.1,
        "N_FE": np.full(N_STARS, 0.1),
        "GAIAEDR3_DIST": distance,
        "EXTINCTION": np.full(N_STARS, 0.1),
        "MAG": np.full(N_STARS, 11.0),
        "ABS_MAG": 10.9 - 5 * np.log10(distance / 10),
        "ABS_MAG_ERR": np.full(N_STARS, 0.2),
        "DISTANCE": distance * rng.normal(1.0, 0.1, N_STARS),
        "DISTANCE_ERR": 0.1 * distance,
        "MASS": mass,
        **{f"MASS_{label_set}": mass + 0.05 * i for i, label_set in enumerate(LABEL_SETS)},
        "MASS_ERR": 0.1 * mass,
        "AGE": np.where(log_g < 3.5, age, np.nan),
        "AGE_ERR": np.column_stack([np.full(N_STARS, 0.2), np.full(N_STARS, 0.1)]),
        "BITMASK": bits,
    }
    units = {name: CATALOG_COLUMNS[name].unit for name in columns if CATALOG_COLUMNS[name].unit}
    return Table(columns, units=units)


@pytest.fixture(scope="session")
def usable(catalog):
    """Rows that are neither bad nor outside the domain of the mass model."""
    return np.arange(len(catalog)) >= N_BAD + N_OUTSIDE
