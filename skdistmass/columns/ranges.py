"""What a value can be: the ranges outside which a number is no measurement of a star."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType

from skdistmass.columns.inputs import BAD_MAGNITUDE

MAX_EXTINCTION = 100.0
"""Nothing beyond is an extinction in Ks [mag]."""

MAX_ABSOLUTE_MAGNITUDE = 100.0
"""Nothing beyond, to either side, is an absolute magnitude of a star [mag]."""

MAX_DISTANCE = 1e10
"""Nothing beyond is a distance of a star [pc]."""

MAX_AGE_GYR = 14.5
"""Ages above carry a bit: older than the Universe by more than an error [Gyr]."""

MAX_GIANT_LOG_G = 3.5
"""Giants have a lower surface gravity [log10 cm s⁻²], dwarfs and subgiants this or a higher one."""

PHYSICAL_RANGES: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "TEFF": (0.0, 1e6),
        "LOGG": (-5.0, 10.0),
        "M_H": (-10.0, 10.0),
        "C_FE": (-10.0, 10.0),
        "N_FE": (-10.0, 10.0),
        "J": (-30.0, BAD_MAGNITUDE),
        "H": (-30.0, BAD_MAGNITUDE),
        "K": (-30.0, BAD_MAGNITUDE),
        "GLAT": (-90.001, 90.001),
        "GAIAEDR3_R_MED_GEO": (0.0, MAX_DISTANCE),
        "GAIAEDR3_R_MED_PHOTOGEO": (0.0, MAX_DISTANCE),
    }
)
"""Values outside these open intervals cannot be physical, in the canonical units."""

ISOCHRONE_RANGES: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "m_h": (-10.0, 3.0),
        "log_age": (3.0, 11.0),
        "mass": (1e-3, 1e3),
        "teff": (100.0, 1e6),
        "log_g": (-5.0, 10.0),
        "abs_mag_j": (-40.0, 40.0),
        "abs_mag_h": (-40.0, 40.0),
        "abs_mag_k": (-40.0, 40.0),
        "weight": (0.0, math.inf),
    }
)
"""What a column of a table of isochrones can be; most often another unit is behind values outside."""
