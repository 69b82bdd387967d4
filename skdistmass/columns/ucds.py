"""Unified Content Descriptors (UCD1+) of the columns, by which other tools know what a column means."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from skdistmass.columns.catalog import canonical_catalog_name

_UCDS: Mapping[str, str] = MappingProxyType(
    {
        "APOGEE_ID": "meta.id;meta.main",
        "APSTAR_ID": "meta.id",
        "SDSS_ID": "meta.id",
        "GAIAEDR3_SOURCE_ID": "meta.id",
        "TELESCOPE": "meta.id;instr.tel",
        "FIELD": "meta.id;obs.field",
        "MEMBER": "meta.id.parent",
        "RA": "pos.eq.ra;meta.main",
        "DEC": "pos.eq.dec;meta.main",
        "GLON": "pos.galactic.lon",
        "GLAT": "pos.galactic.lat",
        "J": "phot.mag;em.IR.J",
        "H": "phot.mag;em.IR.H",
        "K": "phot.mag;em.IR.K",
        "MAG": "phot.mag;em.IR.K",
        "ABS_MAG": "phys.magAbs;em.IR.K",
        "A_K": "phys.absorption;em.IR.K",
        "AK_TARG": "phys.absorption;em.IR.K",
        "AK_WISE": "phys.absorption;em.IR.K",
        "EXTINCTION": "phys.absorption;em.IR.K",
        "SFD_EBV": "phot.color.excess",
        "TEFF": "phys.temperature.effective",
        "LOGG": "phys.gravity",
        "M_H": "phys.abund.Z",
        "C_FE": "phys.abund",
        "N_FE": "phys.abund",
        "ALPHA_M": "phys.abund",
        "SNR": "stat.snr",
        "ASPCAPFLAG": "meta.code.qual",
        "EXTRATARG": "meta.code",
        "BITMASK": "meta.code.qual",
        "GAIAEDR3_PARALLAX": "pos.parallax",
        "GAIAEDR3_PHOT_G_MEAN_MAG": "phot.mag;em.opt",
        "GAIAEDR3_DIST": "pos.distance",
        "DISTANCE": "pos.distance",
        "WEIGHTED_DIST": "pos.distance",
        "DISTANCE_PERCENTILES": "pos.distance",
        "COMBINED_DIST_PERCENTILES": "pos.distance",
        "DISTANCE_SAMPLES": "pos.distance",
        "NMSU_DIST": "pos.distance",
        "NMSU_DIST_P16": "pos.distance;stat.min",
        "NMSU_DIST_P84": "pos.distance;stat.max",
        "LOG_DENSITY_DISTANCE": "stat.likelihood",
        "LOG_DENSITY_MASS": "stat.likelihood",
        "MASS": "phys.mass",
        "AGE": "time.age",
        "NMSU_AGE": "time.age",
        "NMSU_AGE_P16": "time.age;stat.min",
        "NMSU_AGE_P84": "time.age;stat.max",
        "P_RC": "stat.probability",
        "MASS_DOMAIN": "meta.code.qual",
    }
)


def column_ucd(name: str) -> str:
    """UCD of a column of a survey table or of the catalogue.

    Parameters
    ----------
    name : str
        Its name, in any of the namings of the catalogue.

    Returns
    -------
    str
        The UCD, "" for a column that is not known.

    Examples
    --------
    >>> column_ucd("abs_mag_err")
    'stat.error;phys.magAbs;em.IR.K'
    """
    name = canonical_catalog_name(name) or name.upper()
    if name in _UCDS:
        return _UCDS[name]
    for suffix in ("_ERR", "_ERROR"):
        if name.endswith(suffix) and column_ucd(name.removesuffix(suffix)):
            return f"stat.error;{column_ucd(name.removesuffix(suffix))}"
    quantity = name.split("_")[0]
    if name.startswith(f"{quantity}_ERR_") and quantity in ("MASS", "AGE"):
        return f"stat.error;{_UCDS[quantity]}"
    return _UCDS[quantity] if quantity in ("MASS", "AGE") and canonical_catalog_name(name) else ""
