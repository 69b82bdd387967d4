"""What a value can be: the ranges outside which a number is no measurement, no mask, the expected unit."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from skdistmass.columns.inputs import BAD_MAGNITUDE, INPUT_COLUMNS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

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


def as_floats(values: Any, unit: str = "") -> NDArray[np.float64]:
    """Give numbers as an array, with NaN where they are masked, in a unit if they have one.

    Parameters
    ----------
    values : array-like or astropy.table.Table
        Numbers; masked arrays and columns of NumPy and astropy keep something else under their masks.
    unit : str, default=""
        Unit that quantities and columns with another one are brought to; "" takes numbers as they are.

    Returns
    -------
    ndarray of float64
        The numbers.

    Raises
    ------
    ValueError
        If they have a unit of another kind.

    Examples
    --------
    >>> import numpy as np
    >>> as_floats(np.ma.array([9.5, 99.99], mask=[False, True]))
    array([9.5, nan])
    """
    import numpy as np  # not with the module: the help of the command needs only names

    if hasattr(values, "colnames"):
        return np.column_stack([as_floats(values[name], _unit_of(name)) for name in values.colnames])
    own = getattr(values, "unit", None) if unit else None
    if hasattr(values, "unmasked"):  # astropy.utils.masked.Masked
        values = np.where(values.mask, np.nan, np.asarray(values.unmasked, dtype=np.float64))
    elif np.ma.isMaskedArray(values):
        values = np.ma.filled(values.astype(np.float64), np.nan)
    numbers = np.asarray(values, dtype=np.float64)
    return numbers if own is None else _in_unit(numbers, own, unit)


def _unit_of(name: str) -> str:
    """Give the unit of a column of survey tables; logarithms have none that could be another."""
    unit = INPUT_COLUMNS[name].unit if name in INPUT_COLUMNS else ""
    return "" if unit == "dex" else unit


def _in_unit(numbers: NDArray[np.float64], own: Any, unit: str) -> NDArray[np.float64]:
    """Convert numbers from their own unit, of astropy."""
    from astropy.units import Unit

    try:
        return Unit(own).to(Unit(unit), numbers)
    except (ValueError, TypeError) as error:  # one is the base of the errors of units
        raise ValueError(f"the unit of a quantity here must be one of {unit}; received {own}") from error
