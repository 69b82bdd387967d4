"""Check a catalogue against the survey table it was made from."""

import sys

import numpy as np

from skdistmass import read_catalog, read_stars
from skdistmass.columns import BITS

catalog, stars = read_catalog(sys.argv[1]), read_stars(sys.argv[2])
assert len(catalog) == len(stars) > 0
assert list(catalog["APOGEE_ID"]) == list(stars["APOGEE_ID"])
bits = np.asarray(catalog["BITMASK"])
distance, mass = np.asarray(catalog["DISTANCE"]), np.asarray(catalog["MASS"])
no_distance = sum(BITS[name][0] for name in ("MISSING_INPUT", "NO_K", "NO_EXTINCTION"))
assert np.array_equal(np.isnan(distance), (bits & no_distance) != 0)
assert np.array_equal(np.isnan(mass), (bits & BITS["MISSING_INPUT"][0]) != 0)
assert np.nanmin(distance) > 0
assert np.nanmin(np.asarray(catalog["DISTANCE_ERR"])) > 0
gaia = np.asarray(catalog["GAIAEDR3_DIST"])
print(f"{len(catalog)} rows; DISTANCE / GAIAEDR3_DIST: median {np.nanmedian(distance / gaia):.3f}")
