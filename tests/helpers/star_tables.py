"""Small tables of stars with the columns that a catalogue needs, to which tests add one of their own."""

import numpy as np
import pandas as pd
from astropy.table import Table

BIG = 2052553983024456193
"""An identifier that a float cannot hold."""
VALUES = {"TEFF": 4800.5, "LOGG": 2.5, "M_H": -0.1, "C_FE": 0.0, "N_FE": 0.25, "K": 10.5, "A_K": 0.1}


def table(n_rows=3, **columns):
    return Table({name: np.full(n_rows, value) for name, value in VALUES.items()} | columns)


def frame(**columns):
    return pd.DataFrame({name: [value] * 3 for name, value in VALUES.items()} | columns)


def as_lists(stars, *names):
    return [np.asarray(stars[name]).tolist() for name in names]
