"""Columns of survey tables: names, units, aliases, and what stands for a missing value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

Kind = Literal["float", "int", "str"]

SENTINEL = -9990.0
"""Numbers below this one stand for missing values (-9999, -9999.99)."""

BAD_MAGNITUDE = 90.0
"""Magnitudes above this one stand for missing values (99.999)."""

FLAG_SENTINEL = -9999
"""This value of a column of flags or identifiers stands for a missing one."""

RJCE_SLOPE = 0.918
"""A_K for a colour excess of one magnitude in H - [4.5 µm] (Majewski et al. 2011)."""


@dataclass(frozen=True)
class Column:
    """One quantity of an input table.

    Attributes
    ----------
    name : str
        Canonical name, the one of the survey's allStar file.
    unit : str
        Astropy unit string, empty for a dimensionless quantity.
    description : str
        Meaning, one sentence without a full stop.
    aliases : tuple of str, default=()
        Names in other releases, in order of preference. Matching ignores case and punctuation, but for
        single letters.
    kind : {"float", "int", "str"}, default="float"
        How values are kept: floats with NaN for missing, 64-bit integers with 0, or text with "".
    """

    name: str
    unit: str
    description: str
    aliases: tuple[str, ...] = ()
    kind: Kind = "float"

    def __str__(self) -> str:
        unit = f" [{self.unit}]" if self.unit else ""
        aliases = f" (or {', '.join(self.aliases)})" if self.aliases else ""
        return f"{self.name}{unit}{aliases}"


@dataclass(frozen=True)
class Derivation:
    """A column as a linear combination of others, for files that lack it.

    Attributes
    ----------
    target : str
        Canonical name of the column that is made.
    terms : mapping of str to float
        Source column and its coefficient.
    constant : float, default=0.0
        Added to the sum.
    quadrature : bool, default=False
        Add the terms in quadrature, as for independent 1σ errors.
    """

    target: str
    terms: Mapping[str, float] = field(default_factory=dict)
    constant: float = 0.0
    quadrature: bool = False


FEATURES: tuple[str, ...] = ("TEFF", "LOGG", "M_H", "C_FE", "N_FE")
"""Inputs of the networks, in the order of the columns of X."""

REQUIRED: tuple[str, ...] = FEATURES
"""Columns that an input table must have (as themselves, as an alias or derived)."""


def _column(name: str, unit: str, description: str, aliases: str = "", kind: Kind = "float") -> Column:
    return Column(name, unit, description, tuple(aliases.split()), kind)


def _keyed(columns: list[Column]) -> Mapping[str, Column]:
    return MappingProxyType({column.name: column for column in columns})


def _bailer_jones(statistic: str, kind: str) -> Column:
    meaning = {"MED": "median", "LO": "16th percentile", "HI": "84th percentile"}[statistic]
    prior = {"GEO": "geometric", "PHOTOGEO": "photogeometric"}[kind]
    description = f"Gaia EDR3 {prior} distance, {meaning} (Bailer-Jones+ 2021)"
    aliases = f"r_{statistic}_{kind}".lower()
    if kind == "GEO":  # DR16 has those of Bailer-Jones+ 2018.
        aliases += {"MED": " gaia_r_est", "LO": " gaia_r_lo", "HI": " gaia_r_hi"}[statistic]
    return _column(f"GAIAEDR3_R_{statistic}_{kind}", "pc", description, aliases)


# The last of each are of Gaia DR2; `gaia_` without a release is DR16's name for them.
_SOURCE_ID = "gaia_dr3_source_id gaia_edr3_source_id source_id gaia_source_id gaia_dr2_source_id"
_PARALLAX = "gaia_dr3_parallax gaia_edr3_parallax parallax_edr3 parallax plx gaia_parallax gaia_dr2_parallax"
_PARALLAX_ERROR = (
    "gaia_dr3_parallax_error gaia_edr3_parallax_error parallax_edr3_error parallax_error e_plx "
    "gaia_parallax_error gaia_dr2_parallax_error"
)
_G_MAGNITUDE = "phot_g_mean_mag g_mag gmag gaia_phot_g_mean_mag"

INPUT_COLUMNS: Mapping[str, Column] = _keyed(
    [
        _column("APOGEE_ID", "", "Name of the star, 2MASS style", "sdss4_apogee_id tmass_id star_id", "str"),
        _column("APSTAR_ID", "", "Identifier of the combined spectrum", kind="str"),
        _column("SDSS_ID", "", "SDSS-V identifier of the star, 0 where none", kind="int"),
        _column("TELESCOPE", "", "Telescope that took the spectrum", kind="str"),
        _column("FIELD", "", "Name of the field", kind="str"),
        _column("RA", "deg", "Right ascension, J2000", "raj2000 ra_deg"),
        _column("DEC", "deg", "Declination, J2000", "dej2000 decj2000 dec_deg"),
        _column("GLON", "deg", "Galactic longitude", "l l_deg"),
        _column("GLAT", "deg", "Galactic latitude", "b b_deg"),
        _column("J", "mag", "2MASS J magnitude", "j_mag jmag j_m"),
        _column("J_ERR", "mag", "1σ error of J", "e_j_mag e_jmag j_error j_msigcom"),
        _column("H", "mag", "2MASS H magnitude", "h_mag hmag h_m"),
        _column("H_ERR", "mag", "1σ error of H", "e_h_mag e_hmag h_error h_msigcom"),
        _column("K", "mag", "2MASS Ks magnitude", "k_mag kmag ks_mag ksmag ks k_m ks_m"),
        _column("K_ERR", "mag", "1σ error of K", "e_k_mag e_kmag k_error ks_msigcom"),
        _column("TEFF", "K", "Effective temperature, calibrated", "t_eff"),
        _column("TEFF_ERR", "K", "1σ error of TEFF", "e_teff teff_error"),
        _column("LOGG", "dex", "Surface gravity, calibrated, log10 of cm s-2", "log_g"),
        _column("LOGG_ERR", "dex", "1σ error of LOGG", "e_logg logg_error log_g_error"),
        _column("M_H", "dex", "Metallicity [M/H]", "m_h_atm mh [m/h] meh fe_h feh [fe/h]"),
        _column("M_H_ERR", "dex", "1σ error of M_H", "e_m_h_atm e_m_h m_h_error fe_h_err e_fe_h feh_err"),
        _column("C_FE", "dex", "Carbon abundance [C/Fe]", "cfe [c/fe]"),
        _column("C_FE_ERR", "dex", "1σ error of C_FE", "e_c_fe c_fe_error cfe_err"),
        _column("N_FE", "dex", "Nitrogen abundance [N/Fe]", "nfe [n/fe]"),
        _column("N_FE_ERR", "dex", "1σ error of N_FE", "e_n_fe n_fe_error nfe_err"),
        _column("ALPHA_M", "dex", "Alpha-element abundance [alpha/M]", "alpha_m_atm alpham [alpha/m]"),
        _column("SNR", "", "Signal-to-noise ratio of the spectrum, per pixel"),
        _column("ASPCAPFLAG", "", "Bits of the abundance pipeline (23: STAR_BAD)", kind="int"),
        _column("FLAG_BAD", "", "Not 0 where the pipeline calls the star bad (Milky Way Mapper)", kind="int"),
        _column("EXTRATARG", "", "Bits of the kind of target", "sdss4_apogee_extra_target_flags", "int"),
        _column("MEMBER", "", "Name of the cluster or dwarf galaxy that the star belongs to", kind="str"),
        _column("GAIAEDR3_SOURCE_ID", "", "Gaia source, 0 where none", _SOURCE_ID, "int"),
        _column("GAIAEDR3_PARALLAX", "mas", "Gaia parallax, zero point not applied", _PARALLAX),
        _column("GAIAEDR3_PARALLAX_ERROR", "mas", "1σ error of GAIAEDR3_PARALLAX", _PARALLAX_ERROR),
        *(_bailer_jones(which, kind) for kind in ("GEO", "PHOTOGEO") for which in ("MED", "LO", "HI")),
        _column("GAIAEDR3_PHOT_G_MEAN_MAG", "mag", "Gaia EDR3 G magnitude", _G_MAGNITUDE),
        _column("NU_EFF", "um-1", "Gaia effective wavenumber of the source", "nu_eff_used_in_astrometry"),
        _column("PSEUDOCOLOUR", "um-1", "Gaia astrometrically estimated pseudocolour"),
        _column("ASTROMETRIC_PARAMS_SOLVED", "", "Gaia solution (31: five parameters, 95: six)", kind="int"),
        _column("AK_TARG", "mag", "Ks extinction adopted when the star was targeted"),
        _column("AK_TARG_METHOD", "", "Origin of AK_TARG", kind="str"),
        _column("AK_WISE", "mag", "Ks extinction by the RJCE method with WISE"),
        _column("SFD_EBV", "mag", "Reddening E(B-V) of the map of Schlegel, Finkbeiner & Davis"),
        _column("A_K", "mag", "Ks extinction, goes before a choice among the others", "ak a_ks aks"),
        _column("A_K_ERR", "mag", "1σ error of the Ks extinction", "e_a_k ak_err e_ak a_ks_err e_a_ks"),
    ]
)
"""Columns that are read where they are present, by canonical name."""

AUXILIARY_COLUMNS: Mapping[str, Column] = _keyed(
    [
        _column("FE_H", "dex", "Iron abundance [Fe/H]", "feh [fe/h]"),
        _column("FE_H_ERR", "dex", "1σ error of FE_H", "e_fe_h fe_h_error feh_err"),
        _column("C_H", "dex", "Carbon abundance [C/H]", "[c/h]"),
        _column("C_H_ERR", "dex", "1σ error of C_H", "e_c_h c_h_error"),
        _column("N_H", "dex", "Nitrogen abundance [N/H]", "[n/h]"),
        _column("N_H_ERR", "dex", "1σ error of N_H", "e_n_h n_h_error"),
        _column("EBV_RJCE_ALLWISE", "mag", "Reddening E(B-V) from RJCE with WISE (Milky Way Mapper)"),
        _column("EBV_SFD", "mag", "Reddening E(B-V) of the SFD map, times 0.884 (Milky Way Mapper)"),
    ]
)
"""Columns that are read only to derive others."""

# Milky Way Mapper tables carry E(B-V) = 2.61 (H - W2 - 0.08); RJCE with WISE is A_K = 0.918 (H - W2 - 0.05).
# Their SFD reddening is on the recalibrated scale, 0.884 (here undone) of the map's own.
DERIVED: Mapping[str, Derivation] = MappingProxyType(
    {
        derivation.target: derivation
        for derivation in (
            Derivation("C_FE", {"C_H": 1.0, "FE_H": -1.0}),
            Derivation("N_FE", {"N_H": 1.0, "FE_H": -1.0}),
            Derivation("C_FE_ERR", {"C_H_ERR": 1.0, "FE_H_ERR": 1.0}, quadrature=True),
            Derivation("N_FE_ERR", {"N_H_ERR": 1.0, "FE_H_ERR": 1.0}, quadrature=True),
            Derivation("AK_WISE", {"EBV_RJCE_ALLWISE": RJCE_SLOPE / 2.61}, constant=RJCE_SLOPE * 0.03),
            Derivation("SFD_EBV", {"EBV_SFD": 1 / 0.884}),
        )
    }
)
"""How to make a column from others when the file does not have it: [X/Fe] = [X/H] - [Fe/H] and the like."""


def column_key(name: str) -> str:
    """Form of a column name in which names are compared.

    Parameters
    ----------
    name : str
        Name of a column in a file.

    Returns
    -------
    str
        Its letters and digits, in lower case; the name itself where it has none.

    Examples
    --------
    >>> column_key(" TEFF "), column_key("__Fe_H_"), column_key("[Fe/H]")
    ('teff', 'feh', 'feh')
    """
    name = str(name).strip().lower()
    return "".join(filter(str.isalnum, name)) or name
