"""Columns of the catalogue: names in the three namings that circulate, units, and UCDs for other tools."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from skdistmass.columns.inputs import Kind, column_key

Naming = Literal["released", "paper", "cas"]

NAMINGS: tuple[Naming, ...] = ("released", "paper", "cas")


@dataclass(frozen=True)
class CatalogColumn:
    """One quantity of the catalogue.

    Attributes
    ----------
    name : str
        Canonical name, used by the Python API.
    unit : str
        Astropy unit string, empty for a dimensionless quantity.
    description : str
        Meaning, one sentence without a full stop.
    released, paper, cas : str, default=""
        Name in the released file, in Table 2 of the paper and in the SDSS database, where it is not the
        canonical name (in lower case for `cas`).
    kind : {"float", "int", "str"}, default="float"
        How values are kept.
    """

    name: str
    unit: str
    description: str
    released: str = ""
    paper: str = ""
    cas: str = ""
    kind: Kind = "float"

    def name_in(self, naming: Naming) -> str:
        """Name of the column in one of the three namings.

        Parameters
        ----------
        naming : {"released", "paper", "cas"}
            Which naming.

        Returns
        -------
        str
            The name to write.
        """
        own = getattr(self, naming)
        return own or (self.name.lower() if naming == "cas" else self.name)


LABEL_SETS: tuple[str, ...] = ("UNCOR_SS", "COR_SS", "UNCOR_MO", "COR_MO", "UNCOR_TW", "COR_TW")
"""The six sets of mass labels of the paper, in the order of its Table 2."""

_SCALES = {"SS": "Sharma+ 2016", "MO": "Mosser+ 2013", "TW": "White+ 2011"}


def _label_set(quantity: str, unit: str) -> list[CatalogColumn]:
    columns = []
    for label_set in LABEL_SETS:
        correction, scale = label_set.split("_")
        radii = "corrected" if correction == "COR" else "not corrected"
        name = f"{quantity.upper()}_{label_set}"
        description = f"{quantity.capitalize()}, labels of {_SCALES[scale]}, {radii} with Gaia radii"
        columns.append(CatalogColumn(name, unit, description))
    return columns


def _label_set_errors(quantity: str, unit: str, what: str) -> list[CatalogColumn]:
    columns = []
    for label_set in LABEL_SETS:
        name = f"{quantity.upper()}_ERR_{label_set}"
        columns.append(CatalogColumn(name, unit, f"{what} {quantity.upper()}_{label_set}"))
    return columns


PERCENTILES = (0.05, 0.16, 0.5, 0.84, 0.95)
"""Probabilities of the percentiles in the catalogue."""

_PERCENTILES = "5th, 16th, 50th, 84th and 95th percentile"


def _percentiles(quantity: str, unit: str) -> list[CatalogColumn]:
    """Percentiles of a quantity, and of its label sets if it has them."""
    endings = ("",) if quantity == "DISTANCE" else ("", *(f"_{label_set}" for label_set in LABEL_SETS))
    return [
        CatalogColumn(f"{quantity}_PERCENTILES{end}", unit, f"{_PERCENTILES} of {quantity}{end}")
        for end in endings
    ]


def _by_name(columns: list[CatalogColumn]) -> dict[str, CatalogColumn]:
    return {column.name: column for column in columns}


CATALOG_COLUMNS: Mapping[str, CatalogColumn] = MappingProxyType(
    _by_name(
        [
            CatalogColumn("APOGEE_ID", "", "2MASS-style identifier of the star", kind="str"),
            CatalogColumn("APSTAR_ID", "", "Identifier of the combined spectrum", kind="str"),
            CatalogColumn("SDSS_ID", "", "SDSS-V identifier of the star, 0 where none", kind="int"),
            CatalogColumn("GAIAEDR3_SOURCE_ID", "", "Gaia EDR3 source, 0 where none", kind="int"),
            CatalogColumn("RA", "deg", "Right ascension, J2000"),
            CatalogColumn("DEC", "deg", "Declination, J2000"),
            CatalogColumn("SNR", "", "Signal-to-noise ratio of the spectrum, per pixel"),
            CatalogColumn("TEFF", "K", "Effective temperature of the spectrum"),
            CatalogColumn("LOGG", "dex", "Surface gravity of the spectrum, log10 of cm s-2"),
            CatalogColumn("M_H", "dex", "Metallicity [M/H]"),
            CatalogColumn("C_FE", "dex", "Carbon abundance [C/Fe]"),
            CatalogColumn("N_FE", "dex", "Nitrogen abundance [N/Fe]"),
            CatalogColumn(
                "GAIAEDR3_DIST", "pc", "Distance from Gaia: photogeometric, geometric, or from the parallax"
            ),
            CatalogColumn("EXTINCTION", "mag", "Extinction in Ks that was used"),
            CatalogColumn("MAG", "mag", "Apparent Ks magnitude"),
            CatalogColumn("ABS_MAG", "mag", "Absolute Ks magnitude of the network"),
            CatalogColumn("ABS_MAG_ERR", "mag", "1σ error of ABS_MAG"),
            CatalogColumn("DISTANCE", "pc", "Distance of the network"),
            CatalogColumn("DISTANCE_ERR", "pc", "1σ error of DISTANCE"),
            CatalogColumn(
                "WEIGHTED_DIST",
                "pc",
                "Mean of DISTANCE and GAIAEDR3_DIST, or what of them, or of NMSU_DIST, can be trusted",
                paper="DISTANCE_WEIGHTED",
            ),
            CatalogColumn("WEIGHTED_DIST_ERR", "pc", "1σ error of WEIGHTED_DIST"),
            CatalogColumn("MASS", "solMass", "Current mass of the network"),
            *_label_set("mass", "solMass"),
            CatalogColumn("MASS_ERR", "solMass", "1σ error of MASS"),
            CatalogColumn("AGE", "yr", "Age from MASS, metallicity and evolutionary state, giants only"),
            *_label_set("age", "yr"),
            CatalogColumn("AGE_ERR", "dex", "Errors of log10 of AGE: upward, downward"),
            CatalogColumn(
                "BITMASK", "", "Bits that say what is special or doubtful about the row", kind="int"
            ),
            CatalogColumn("NMSU_DIST", "pc", "Isochrone distance, median of its PDF", cas="nmsu_dist_med"),
            CatalogColumn("NMSU_DIST_P16", "pc", "Isochrone distance, 16th percentile of its PDF"),
            CatalogColumn("NMSU_DIST_P84", "pc", "Isochrone distance, 84th percentile of its PDF"),
            CatalogColumn(
                "LOG_DENSITY_DISTANCE", "", "Log density of the distance model's training stars here"
            ),
            CatalogColumn("LOG_DENSITY_MASS", "", "Log density of the mass model's training stars here"),
            CatalogColumn("NMSU_AGE", "yr", "Isochrone age, median of its PDF, where the star tells it"),
            CatalogColumn("NMSU_AGE_P16", "yr", "Isochrone age, 16th percentile of its PDF"),
            CatalogColumn("NMSU_AGE_P84", "yr", "Isochrone age, 84th percentile of its PDF"),
            CatalogColumn("EXTINCTION_ERR", "mag", "1σ error of EXTINCTION"),
            CatalogColumn("P_RC", "", "Probability that the giant is in the red clump, not on the branch"),
            CatalogColumn(
                "MASS_DOMAIN",
                "",
                "Mass models outside whose domain the star is: 1 for MASS, 2, 4, ... 64 for the label sets; "
                "128 times these where the age by that mass is out of range",
                kind="int",
            ),
            *_label_set_errors("mass", "solMass", "1σ error of"),
            *_label_set_errors("age", "dex", "Errors of log10, upward and downward, of"),
            *_percentiles("DISTANCE", "pc"),
            CatalogColumn(
                "COMBINED_DIST_PERCENTILES",
                "pc",
                f"{_PERCENTILES} of the distance from network and Gaia parallax",
            ),
            *_percentiles("MASS", "solMass"),
            *_percentiles("AGE", "yr"),
            CatalogColumn("DISTANCE_SAMPLES", "pc", "Draws of the distance from network and Gaia parallax"),
            CatalogColumn("MASS_SAMPLES", "solMass", "Draws of MASS, of the same stars as AGE_SAMPLES"),
            CatalogColumn("AGE_SAMPLES", "yr", "Ages of the masses in MASS_SAMPLES"),
        ]
    )
)
"""Columns of the catalogue in the order in which they are written, by canonical name."""


def canonical_catalog_name(name: str) -> str | None:
    """Canonical name of a catalogue column written in any of the three namings.

    Parameters
    ----------
    name : str
        Name of a column in a catalogue file.

    Returns
    -------
    str or None
        Key of `CATALOG_COLUMNS`, None for a column that the catalogue does not know.

    Examples
    --------
    >>> canonical_catalog_name("DISTANCE_WEIGHTED")
    'WEIGHTED_DIST'
    >>> canonical_catalog_name("abs_mag_err")
    'ABS_MAG_ERR'
    """
    return _CATALOG_NAMES.get(column_key(name))


_CATALOG_NAMES = {
    column_key(written): column.name
    for column in CATALOG_COLUMNS.values()
    for written in (column.name, *(column.name_in(naming) for naming in NAMINGS))
}

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
"""Unified Content Descriptors (UCD1+), by which other tools know what a column of a table or catalogue is."""


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
