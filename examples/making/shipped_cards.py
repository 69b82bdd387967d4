"""Entries of the cards of the shipped models that only their maker knows: scale, notes, split, citation."""

from __future__ import annotations

import star_labels

APOGEE = "Abdurro'uf et al. 2022, ApJS 259, 35 (SDSS DR17); Majewski et al. 2017, AJ 154, 94 (APOGEE)"
APOKASC = (
    "Pinsonneault et al. 2018, ApJS 239, 32 (APOKASC-2); Pinsonneault et al. 2025, ApJS 276, 69 (APOKASC-3)"
)
DWARFS = "Serenelli et al. 2017, ApJS 233, 23; Ahumada et al. 2020, ApJS 249, 3 (SDSS DR16)"
ANCHORS = "Bressan et al. 2012, MNRAS 427, 127 (PARSEC, anchors)"
CORRECTIONS = {
    "SS": "Sharma et al. 2016, ApJ 822, 15",
    "MO": "Mosser et al. 2013, A&A 550, A126",
    "TW": "White et al. 2011, ApJ 743, 161",
}
GAIA_RADII = "Zinn et al. 2019, ApJ 885, 166; Lindegren et al. 2021, A&A 649, A4"
DISTANCES = (
    "Gaia Collaboration 2021, A&A 649, A1; Lindegren et al. 2021, A&A 649, A4; Miglio et al. 2021, A&A 645, "
    "A85"
)

AGE = {"made_by": "examples/making/make_shipped_models.py"}
SPLIT = (
    "by star: 80 % training with out-of-fold errors, 20 % test for the metrics, no fit and no setting made "
    "with it; then fitted once more on all stars. "
)
MASS = AGE | {
    "split": SPLIT + "Looks at the test part of these labels: two models of a first recipe, one of "
    "a second, this recipe with 4 members and 600 iterations, then this one (out-of-fold residuals "
    "prefer it).",
    "scale": "published APOKASC-3 masses, fractional error below 10 %; preliminary ones brought to them by a "
    "relation of radius and evolutionary state; dwarfs: asteroseismology of Serenelli et al. 2017",
    "notes": "Gravities of dwarfs are on the scale of asteroseismology: bring DR16 ones to it with the label "
    "scale dr16-dwarfs. Where no real star is near, masses are those of PARSEC isochrones.",
    "citation": [APOGEE, APOKASC, DWARFS, ANCHORS],
}
DISTANCE = AGE | {
    "split": SPLIT + "Looks at the test part: one of an earlier model, which led to the scale of the seismic "
    "labels; two models of a first recipe with these labels, one of a second, this recipe with 4 members, "
    "600 iterations and 6,000 anchors, then this one (out-of-fold residuals prefer it).",
    "scale": "Gaia EDR3 parallaxes with the zero point of Lindegren et al. 2021; Miglio et al. 2021 shifted "
    f"by {star_labels.MIGLIO_OFFSET} mag; seismic radii mapped linearly to these two; dwarfs: Gaia DR2 "
    f"parallaxes + {-star_labels.DR2_ZERO_POINT} mas and seismic radii",
    "notes": "Gravities of dwarfs are on the scale of asteroseismology: DR16 ones are 0.05 dex higher, which "
    "makes dwarfs 7 % too near; the label scale dr16-dwarfs brings them over. Where no real star is near, "
    "magnitudes are those of PARSEC isochrones.",
    "citation": [APOGEE, APOKASC, DWARFS, DISTANCES, ANCHORS],
}


def scaling_mass(label_set: str) -> dict:
    """Entries of the card of one of the six sets of masses from scaling relations."""
    radii, correction = label_set.split("_")
    corrected = radii == "COR"
    return AGE | {
        "split": SPLIT.strip(),
        "scale": "scaling relations with the APOKASC-2 frequencies and the large separation of "
        f"{CORRECTIONS[correction]}, {'brought to' if corrected else 'not corrected with'} Gaia radii; "
        "fractional error below 10 %",
        "citation": [APOGEE, APOKASC, CORRECTIONS[correction], *([GAIA_RADII] if corrected else [])],
    }


SCALES = {
    "dr16-giants": AGE
    | {
        "from": "calibrated labels of SDSS DR16, luminous giants",
        "to": "calibrated labels of SDSS DR17",
        "citation": [DWARFS, APOGEE],
    },
    "dr16-dwarfs": AGE
    | {
        "from": "calibrated log g of SDSS DR16, dwarfs and subgiants",
        "to": "asteroseismic gravities",
        "citation": [DWARFS],
    },
    "dr12-dwarfs": AGE
    | {
        "from": "raw Teff, log g and [M/H] of SDSS DR12, dwarfs and subgiants",
        "to": "Teff and [M/H] of SDSS DR16, asteroseismic gravities",
        "notes": "Raw [C/M] and [N/M] of dwarfs stay as they are; their nitrogen holds no information.",
        "citation": [DWARFS, "Holtzman et al. 2015, AJ 150, 148 (DR12)"],
    },
}
