"""What an axis shows: label and unit, direction, and the quality bits that forbid a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from skdistmass.columns import BITS, CATALOG_COLUMNS, CUTS, INPUT_COLUMNS, LABEL_SETS, as_floats
from skdistmass.columns.bits import UNRELIABLE
from skdistmass.columns.bits import Quantity as CutName
from skdistmass.physics.constants import YEARS_PER_GYR

PARSECS_PER_KPC = 1000.0
_SOLAR_MASS = r"$M_\odot$"

# Units in which an axis is read more easily than in those of the catalogue: text, catalogue units in one.
_SHOWN_UNITS: Mapping[str, tuple[str, float]] = MappingProxyType(
    {"yr": ("Gyr", YEARS_PER_GYR), "pc": ("kpc", PARSECS_PER_KPC), "solMass": (_SOLAR_MASS, 1.0)}
)

_SYMBOLS: Mapping[str, str] = MappingProxyType(
    {
        "TEFF": r"$T_\mathrm{eff}$",
        "LOGG": r"$\log\,g$",
        "M_H": "[M/H]",
        "C_FE": "[C/Fe]",
        "N_FE": "[N/Fe]",
        "C_N": "[C/N]",
        "ABS_MAG": r"$M_{K_\mathrm{s}}$",
        "MAG": r"$K_\mathrm{s}$",
        "EXTINCTION": r"$A_K$",
        "DISTANCE": "distance",
        "WEIGHTED_DIST": "distance, weighted with Gaia",
        "NMSU_DIST": "isochrone distance",
        "GAIAEDR3_DIST": "Gaia distance",
        "R_GAL": "Galactocentric radius",
        "Z_GAL": "height above the plane",
        "X_GAL": "Galactocentric $X$",
        "Y_GAL": "Galactocentric $Y$",
    }
)

# Quantities that are made from columns, with the unit in which they are made.
_DERIVED_UNITS: Mapping[str, str] = MappingProxyType(
    {"C_N": "dex", "R_GAL": "kpc", "Z_GAL": "kpc", "X_GAL": "kpc", "Y_GAL": "kpc"}
)

# Hot stars to the left, luminous ones to the top.
_REVERSED = frozenset({"TEFF", "LOGG", "ABS_MAG", "MAG"})

# Quantities whose values are good where those of the recommended cut are; see `good_stars`.
_CUT_LIKE: Mapping[str, CutName] = MappingProxyType(
    {
        "DISTANCE": "distance",
        "WEIGHTED_DIST": "distance",
        "ABS_MAG": "distance",
        "MASS": "mass",
        "AGE": "age",
        "LOG_AGE": "age",
    }
)


@dataclass(frozen=True)
class Quantity:
    """One quantity as an axis shows it.

    Attributes
    ----------
    name : str
        Column of the catalogue, or what is made from columns: "C_N", "LOG_AGE" (also of a label set,
        "LOG_AGE_COR_MO"), "R_GAL", "Z_GAL", "X_GAL", "Y_GAL".
    symbol : str
        Name of the quantity on the axis.
    unit : str
        Unit on the axis, empty for none.
    scale : float
        Units of the column in one unit of the axis.
    reversed : bool
        Whether the axis runs from large to small values.
    forbidden : int
        Bits of BITMASK with which the value is not to be used.
    """

    name: str
    symbol: str
    unit: str = ""
    scale: float = 1.0
    reversed: bool = False
    forbidden: int = 0

    @property
    def label(self) -> str:
        """Label of the axis: name and unit."""
        return f"{self.symbol} [{self.unit}]" if self.unit else self.symbol

    def given(self, values: Any) -> Any:
        """Bring values that a user gives, and that have a unit, to the unit of the axis.

        Parameters
        ----------
        values : array-like
            Values; without a unit they are in that of the axis.

        Returns
        -------
        ndarray
            Numbers; NaN where masked. A table, of which no column is named, stays.
        """
        if hasattr(values, "colnames"):
            return values
        unit = {_SOLAR_MASS: "solMass", "dex": ""}.get(self.unit, self.unit)
        return as_floats(values, unit)


def quantity(name: str) -> Quantity:
    """Describe a quantity by its name.

    Parameters
    ----------
    name : str
        Column of the catalogue or of a survey table, one of the quantities that are made from columns, or any
        other column.

    Returns
    -------
    Quantity
        How an axis shows it.

    Examples
    --------
    >>> quantity("AGE").label, quantity("AGE").scale
    ('age [Gyr]', 1000000000.0)
    >>> quantity("LOGG").reversed
    True
    """
    stem, label_set = _split_label_set(name)
    symbol = {"MASS": "mass", "AGE": "age", "LOG_AGE": r"$\log_{10}$(age / yr)"}.get(stem, _SYMBOLS.get(stem))
    symbol = name if symbol is None else f"{symbol}, {label_set}" if label_set else symbol
    column = CATALOG_COLUMNS.get(name) or INPUT_COLUMNS.get(name)
    unit = "dex" if stem == "LOG_AGE" else _DERIVED_UNITS.get(name, column.unit if column else "")
    shown, scale = _SHOWN_UNITS.get(unit, (unit, 1.0))
    cut = CUTS[_CUT_LIKE[stem]] if stem in _CUT_LIKE else UNRELIABLE
    bits = sum(BITS[bit][0] for bit in cut)
    return Quantity(name, symbol, shown, scale, name in _REVERSED, bits)


def _split_label_set(name: str) -> tuple[str, str]:
    """Split "MASS_COR_MO" into the quantity and the set of mass labels it stands on."""
    for label_set in LABEL_SETS:
        if name.endswith(f"_{label_set}"):
            return name.removesuffix(f"_{label_set}"), label_set
    return name, ""
