"""Bits of the catalogue and of the survey's own flags, with their meaning."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BITS: Mapping[str, tuple[int, str]] = MappingProxyType(
    {
        "DISTANCE_TRAINING": (1, "The star trained the distance model"),
        "OUTSIDE_MASS_DOMAIN": (2, "Outside the parameter space of the mass model"),
        "MASS_LABEL_APOKASC": (8, "The mass label is from APOKASC"),
        "MASS_LABEL_BERGER": (16, "The mass label is from Berger+ 2020"),
        "MASS_LABEL_SERENELLI": (32, "The mass label is from Serenelli+ 2017"),
        "MISSING_INPUT": (2**8, "One of TEFF, LOGG, M_H, C_FE, N_FE is missing: nothing can be predicted"),
        "STAR_BAD": (2**9, "The survey's pipeline calls the star bad (ASPCAPFLAG bit 23)"),
        "NO_K": (2**10, "No Ks magnitude: no distance"),
        "NO_EXTINCTION": (2**11, "No extinction: no distance"),
        "NEGATIVE_EXTINCTION": (2**12, "The extinction is negative: noise around zero or bad photometry"),
        "OUTSIDE_DISTANCE_DOMAIN": (2**13, "Outside the parameter space of the distance model"),
        "NOT_A_GIANT": (2**14, "LOGG of 3.5 or more: no age"),
        "OUTSIDE_AGE_RANGE": (2**15, "Mass or metallicity out of reach of the isochrones: no AGE"),
        "NO_GAIA": (
            2**16,
            "No Gaia distance: WEIGHTED_DIST is DISTANCE alone, or NMSU_DIST outside its domain",
        ),
        "DUPLICATE": (2**17, "Another row of the same star is the better observation"),
        "ISOCHRONE_OUT_OF_REACH": (2**18, "No isochrone point near the inputs: no isochrone distance"),
        "ISOCHRONE_DISAGREES": (2**19, "ABS_MAG and the isochrones differ by more than 3 combined errors"),
        "BAD_INPUT_VALUE": (
            2**20,
            "An input is unphysical (TEFF < 0, an infinity, A_K of -99.9): it counts as missing",
        ),
        "OLDER_THAN_UNIVERSE": (
            2**21,
            "AGE above 14.5 Gyr: the mass is too low, by its error or by mass loss",
        ),
        "DISTANCE_HELD_BY_ISOCHRONES": (
            2**22,
            "The distance model has no real star near the inputs: isochrones hold it there",
        ),
        "MASS_HELD_BY_ISOCHRONES": (
            2**23,
            "The mass model has no real star near the inputs: isochrones hold it there",
        ),
        "WEIGHTED_DIST_ISOCHRONE": (
            2**24,
            "WEIGHTED_DIST is NMSU_DIST: there is no Gaia distance and DISTANCE is an extrapolation",
        ),
        "OUTSIDE_PUBLISHED_AGES": (
            2**25,
            "AGE by isochrones beyond the published relation: 0.8-8 Msun, total metallicity -0.5 to 0.5",
        ),
        "NO_ISOCHRONE_AGE": (
            2**26,
            "No giant and no NMSU_AGE: the labels hardly tell it (68 % interval > half the prior's)",
        ),
        "LABELS_EXTRAPOLATED": (
            2**27,
            "The label scale has no star in common near the inputs: its correction is that at its border",
        ),
    }
)
"""Bits of BITMASK: name to (value, meaning). Values below 2**8 are those of Table 3 of the paper."""

ASPCAPFLAG_BITS: Mapping[str, int] = MappingProxyType(
    {
        "STAR_WARN": 7,
        "TEFF_BAD": 16,
        "LOGG_BAD": 17,
        "M_H_BAD": 19,
        "STAR_BAD": 23,
        "CHI2_BAD": 24,
        "SN_BAD": 27,
    }
)
"""Positions of bits of ASPCAPFLAG."""

EXTRATARG_BITS: Mapping[str, int] = MappingProxyType(
    {"NOT_MAIN": 0, "COMMISSIONING": 1, "TELLURIC": 2, "APO1M": 3, "DUPLICATE": 4}
)
"""Positions of the bits of EXTRATARG. DUPLICATE marks all rows of a star but the best."""


def bit_names(bitmask: int) -> list[str]:
    """Name the bits that are set in a value of BITMASK.

    Parameters
    ----------
    bitmask : int
        One value of the column BITMASK.

    Returns
    -------
    list of str
        Names of the set bits that `BITS` knows, lowest first.

    Examples
    --------
    >>> bit_names(2 + 512)
    ['OUTSIDE_MASS_DOMAIN', 'STAR_BAD']
    """
    return [name for name, (value, _) in BITS.items() if int(bitmask) & value]


Quantity = Literal["distance", "mass", "age"]

UNRELIABLE = ("STAR_BAD", "DUPLICATE")
"""Bits with which nothing of a row is to be used."""

_CUT_EVERYWHERE = ("MISSING_INPUT", *UNRELIABLE)
_CUT_MASS = (*_CUT_EVERYWHERE, "OUTSIDE_MASS_DOMAIN")
_CUT_DISTANCE = (*_CUT_EVERYWHERE, "NO_K", "NO_EXTINCTION", "OUTSIDE_DISTANCE_DOMAIN")
CUTS: Mapping[Quantity, tuple[str, ...]] = MappingProxyType(
    {
        "distance": _CUT_DISTANCE,
        "mass": _CUT_MASS,
        "age": (*_CUT_MASS, "NOT_A_GIANT", "OUTSIDE_AGE_RANGE", "OLDER_THAN_UNIVERSE"),
    }
)
"""Bits that a star of the recommended cut must not have, by quantity; see `good_stars`."""


def has_bit(catalog: Any, name: str) -> NDArray[np.bool_]:
    """Tell which rows have a bit.

    Parameters
    ----------
    catalog : table with a column BITMASK (in any naming), or array-like of int
        Catalogue, or its BITMASK.
    name : str
        Key of `BITS`.

    Returns
    -------
    ndarray of bool of shape (n_samples,)
        True where the bit is set.

    Raises
    ------
    ValueError
        If there is no such bit.

    Examples
    --------
    >>> has_bit([0, 512, 514], "STAR_BAD")
    array([False,  True,  True])
    """
    import numpy as np

    if name not in BITS:
        raise ValueError(f"name must be one of {', '.join(BITS)}; received {name!r}")
    return (np.asarray(_column(catalog, "BITMASK", catalog)).astype(np.int64) & BITS[name][0]) != 0


def good_stars(catalog: Any, quantity: Quantity = "distance") -> NDArray[np.bool_]:
    """Select the stars of the recommended cut.

    Parameters
    ----------
    catalog : astropy.table.Table, pandas.DataFrame or mapping of str to array
        Catalogue of `skdistmass.build_catalog` or `skdistmass.read_catalog`, in any naming.
    quantity : {"distance", "mass", "age"}, default="distance"
        What the stars are wanted for.

    Returns
    -------
    ndarray of bool of shape (n_samples,)
        True for rows that have the quantity (DISTANCE, MASS or AGE) and none of the bits in
        ``CUTS[quantity]``: complete inputs, not called bad by the survey's pipeline, the best row of its
        star, inside the parameter space of the model; for ages also a giant within the range of the age
        model and not older than the Universe.

    Raises
    ------
    ValueError
        If `quantity` is not one of its choices, or the catalogue lacks it.

    Examples
    --------
    >>> good_stars({"BITMASK": [0, 512, 0], "DISTANCE": [900.0, 800.0, float("nan")]})
    array([ True, False, False])
    """
    import numpy as np

    if quantity not in CUTS:
        raise ValueError(f"quantity must be one of {', '.join(CUTS)}; received {quantity!r}")
    value, bitmask = (_column(catalog, name) for name in (quantity.upper(), "BITMASK"))
    if value is None or bitmask is None:
        raise ValueError(f"the catalogue must have the columns {quantity.upper()} and BITMASK")
    forbidden = sum(BITS[name][0] for name in CUTS[quantity])
    return np.isfinite(np.asarray(value, dtype=float)) & ((np.asarray(bitmask) & forbidden) == 0)


def _column(catalog: Any, name: str, default: Any = None) -> Any:
    """Give a column by its canonical name or the same in lower case."""
    for written in (name, name.lower()) if hasattr(catalog, "keys") else ():
        if written in set(catalog.keys()):
            return catalog[written]
    return default
