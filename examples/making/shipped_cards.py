"""Entries of the cards of the shipped models that only their maker knows: scale, notes, split, citation."""

from __future__ import annotations

import real_stars

APOGEE = "Abdurro'uf et al. 2022, ApJS 259, 35 (SDSS DR17); Majewski et al. 2017, AJ 154, 94 (APOGEE)"
APOKASC = (
    "Pinsonneault et al. 2018, ApJS 239, 32 (APOKASC-2); Pinsonneault et al. 2025, ApJS 276, 69 (APOKASC-3)"
)
CORRECTIONS = {
    "SS": "Sharma et al. 2016, ApJ 822, 15",
    "MO": "Mosser et al. 2013, A&A 550, A126",
    "TW": "White et al. 2011, ApJ 743, 161",
}
GAIA_RADII = "Zinn et al. 2019, ApJ 885, 166; Lindegren et al. 2021, A&A 649, A4"
DISTANCES = (
    "Gaia Collaboration 2021, A&A 649, A1; Lindegren et al. 2021, A&A 649, A4; Miglio et al. 2021, A&A 645, "
    "A85; van Leeuwen 2007, A&A 474, 653 (Hipparcos); Chaplin et al. 2014, ApJS 210, 1"
)

AGE = {"made_by": "examples/making/make_shipped_models.py"}
MASS = AGE | {
    "split": "by star: 80 % training with out-of-fold errors, 20 % test, not used for any choice",
    "scale": "APOKASC-3 calibrated seismic masses, fractional error below 10 %",
    "citation": [APOGEE, APOKASC],
}
DISTANCE = AGE | {
    "split": "by star: 80 % training with out-of-fold errors, 20 % test; no fit and no setting was made "
    "with the test part, but one look at it led to the scale of the seismic labels and to the larger network",
    "scale": "Gaia EDR3 parallaxes with the zero point of Lindegren et al. 2021; Miglio et al. 2021 shifted "
    f"by {real_stars.MIGLIO_OFFSET} mag; seismic radii mapped linearly to these two",
    "notes": "Dwarfs and subgiants have raw DR12 temperatures and abundances and gravities from parallaxes "
    f"or seismology with {real_stars.DWARF_LOG_G_ERROR} dex of noise: systematic errors are 10-15 %.",
    "citation": [APOGEE, APOKASC, DISTANCES],
}


def scaling_mass(label_set: str) -> dict:
    """Entries of the card of one of the six sets of masses from scaling relations."""
    radii, correction = label_set.split("_")
    corrected = radii == "COR"
    return MASS | {
        "scale": "scaling relations with the APOKASC-2 frequencies and the large separation of "
        f"{CORRECTIONS[correction]}, {'brought to' if corrected else 'not corrected with'} Gaia radii; "
        "fractional error below 10 %",
        "citation": [APOGEE, APOKASC, CORRECTIONS[correction], *([GAIA_RADII] if corrected else [])],
    }
