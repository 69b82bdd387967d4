"""Constants of the field, each with its source; `RJCE_SLOPE` is one of the survey's columns."""

from skdistmass.columns import RJCE_SLOPE as RJCE_SLOPE

SOLAR_EFFECTIVE_TEMPERATURE = 5772.0
"""Nominal effective temperature of the Sun (IAU 2015 resolution B3) [K]."""

SOLAR_LUMINOSITY = 3.828e26
"""Nominal luminosity of the Sun (IAU 2015 resolution B3) [W]."""

SOLAR_BOLOMETRIC_MAGNITUDE = 4.74
"""Absolute bolometric magnitude of the Sun (IAU 2015 resolution B2) [mag]."""

A_K_PER_E_B_V = 0.302
"""A_K / E(B-V) of DistMass; 0.310 is the value of Schlafly & Finkbeiner (2011), 0.382 the dust map's own."""

YEARS_PER_GYR = 1e9
"""Years in a gigayear."""

MAX_ISOCHRONE_AGE = 13.8e9
"""No isochrone is older than the Universe [yr]."""
