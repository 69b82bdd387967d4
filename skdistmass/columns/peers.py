"""Catalogues of others: columns, units, what their errors mean, and the cuts that they advise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

ErrorKind = Literal["sigma", "up_down", "percentiles"]

CatalogQuantity = Literal["DISTANCE", "MASS", "AGE"]


@dataclass(frozen=True)
class PeerQuantity:
    """One quantity of a catalogue.

    Attributes
    ----------
    column : str
        Its column.
    unit : str
        Unit of the values, whatever the file says of it.
    errors : tuple of str, default=()
        Columns of its errors: none, one, or two.
    error_kind : {"sigma", "up_down", "percentiles"}, default="sigma"
        What they are: 1σ; the distances upward and downward, of either sign; the 84th and 16th percentile.
    is_log : bool, default=False
        Whether values and errors are decimal logarithms of the quantity in `unit`.
    """

    column: str
    unit: str
    errors: tuple[str, ...] = ()
    error_kind: ErrorKind = "sigma"
    is_log: bool = False


@dataclass(frozen=True)
class PeerCut:
    """A cut that the authors of a catalogue advise, or that its values need.

    Attributes
    ----------
    columns : tuple of str
        Columns that can tell it, the first that is there; of the catalogue, or of ours.
    low, high : float
        Values between which a star is kept, the ends included.
    reason : str
        Why, in words.
    quantities : tuple of str
        What it is for.
    """

    columns: tuple[str, ...]
    low: float
    high: float
    reason: str
    quantities: tuple[CatalogQuantity, ...] = ("DISTANCE", "MASS", "AGE")


@dataclass(frozen=True)
class Peer:
    """A catalogue of another work.

    Attributes
    ----------
    name : str
        What it is called.
    citation : str
        What to cite.
    marks : tuple of tuple of str
        Columns by which it is known, all of one of these groups; case counts for nothing.
    identifiers : dict of str to tuple of str
        Columns of its identifiers by our name for them: "APOGEE_ID", "SDSS_ID".
    quantities : dict of str to tuple of PeerQuantity
        "DISTANCE", "MASS", "AGE": its columns, the first that is there.
    cuts : tuple of PeerCut
        The cuts.
    note : str
        What else to know of it, one sentence without a full stop.
    """

    name: str
    citation: str
    marks: tuple[tuple[str, ...], ...]
    identifiers: Mapping[str, tuple[str, ...]]
    quantities: Mapping[CatalogQuantity, tuple[PeerQuantity, ...]]
    cuts: tuple[PeerCut, ...] = ()
    note: str = ""


_APOGEE: Mapping[str, tuple[str, ...]] = {"APOGEE_ID": ("APOGEE_ID",)}
_INFINITY = float("inf")


def _quantity(*columns: PeerQuantity) -> tuple[PeerQuantity, ...]:
    return columns


# In the order in which they are looked for: BINGO's file has astroNN's columns beside its own.
PEERS: Mapping[str, Peer] = MappingProxyType(
    {
        peer.name: peer
        for peer in (
            Peer(
                "BINGO",
                "Ciucă I., et al. 2024, MNRAS 528, L122",
                (("pred_logAge", "pred_logAge_std"),),
                _APOGEE,
                {"AGE": _quantity(PeerQuantity("pred_logAge", "Gyr", ("pred_logAge_std",), is_log=True))},
                (
                    PeerCut(
                        ("pred_logAge_std",), 0.0, 0.2, "error of the log age of 0.2 dex at most", ("AGE",)
                    ),
                ),
            ),
            Peer(
                "astroNN",
                "Leung H. W., Bovy J. 2019, MNRAS 489, 2079; Mackereth J. T., et al. 2019, MNRAS 489, 176",
                (("weighted_dist", "age_lowess_correct"), ("ASTRONN_DIST", "ASTRONN_AGE")),
                _APOGEE,
                {
                    "DISTANCE": _quantity(
                        PeerQuantity("weighted_dist", "pc", ("weighted_dist_error",)),
                        PeerQuantity("ASTRONN_DIST", "pc", ("ASTRONN_DIST_ERR",)),
                        PeerQuantity("dist", "pc", ("dist_error",)),
                    ),
                    "AGE": _quantity(
                        PeerQuantity("age_lowess_correct", "Gyr", ("age_total_error",)),
                        PeerQuantity("ASTRONN_AGE", "Gyr", ("ASTRONN_AGE_ERR",)),
                    ),
                },
                (
                    PeerCut(
                        ("FE_H", "ASTRONN_FE_H", "M_H"), -0.5, _INFINITY, "ages above [Fe/H] = -0.5", ("AGE",)
                    ),
                ),
                "Its weighted distance is Gaia's where Gaia is good",
            ),
            Peer(
                "StarHorse",
                "Queiroz A. B. A., et al. 2023, A&A 673, A155",
                (("dist50", "mass50"), ("STARHORSE_DIST", "STARHORSE_MASS")),
                _APOGEE,
                {
                    "DISTANCE": _quantity(
                        PeerQuantity("dist50", "kpc", ("dist84", "dist16"), "percentiles"),
                        PeerQuantity(
                            "STARHORSE_DIST", "kpc", ("STARHORSE_DIST_PERR", "STARHORSE_DIST_MERR"), "up_down"
                        ),
                    ),
                    "MASS": _quantity(
                        PeerQuantity("mass50", "solMass", ("mass84", "mass16"), "percentiles"),
                        PeerQuantity(
                            "STARHORSE_MASS",
                            "solMass",
                            ("STARHORSE_MASS_PERR", "STARHORSE_MASS_MERR"),
                            "up_down",
                        ),
                    ),
                },
            ),
            Peer(
                "StarFlow",
                "Stone-Martinez A., Holtzman J. A., et al. 2025, arXiv:2503.03138",
                (("training_density", "e_p_age"),),
                {"APOGEE_ID": ("sdss4_apogee_id", "apogee_id"), "SDSS_ID": ("sdss_id",)},
                {
                    "AGE": _quantity(PeerQuantity("age", "Gyr", ("e_p_age", "e_n_age"), "up_down")),
                    "MASS": _quantity(PeerQuantity("mass", "solMass", ("e_p_mass", "e_n_mass"), "up_down")),
                },
                (PeerCut(("training_density",), 3e9, _INFINITY, "training density above 3e9"),),
            ),
            Peer(
                "XGBoost ages",
                "Anders F., et al. 2023, A&A 678, A158",
                (("spec_age_xgb",), ("spAgeCal",)),
                _APOGEE,
                {
                    "AGE": _quantity(
                        PeerQuantity("spec_age_xgb_calib", "Gyr", ("spec_age_xgb_uncert",)),
                        PeerQuantity("spec_age_xgb", "Gyr", ("spec_age_xgb_uncert",)),
                        PeerQuantity("spAgeCal", "Gyr", ("e_spAge",)),
                    )
                },
            ),
            Peer(
                "Hasselquist",
                "Hasselquist S., et al. 2020, ApJ 901, 109",
                (("logAge", "e_logAge"),),
                {"APOGEE_ID": ("ID", "APOGEE_ID")},
                {"AGE": _quantity(PeerQuantity("logAge", "yr", ("e_logAge",), is_log=True))},
                note="Its ages reach 10^11.8 yr",
            ),
            Peer(
                "APOKASC-3",
                "Pinsonneault M. H., et al. 2025, ApJS 276, 69",
                (("CatTab", "EvolState"),),
                {"APOGEE_ID": ("2MASS", "APOGEE_ID")},
                {
                    "MASS": _quantity(PeerQuantity("Mass", "solMass")),
                    "AGE": _quantity(PeerQuantity("AgeRGB", "Gyr"), PeerQuantity("AgeRC", "Gyr")),
                },
            ),
        )
    }
)
"""Catalogues of others by name. The published DistMass is read by `skdistmass.read_catalog`."""
