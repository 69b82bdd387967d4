"""Labels of real stars for the shipped models, from published tables kept outside the repository.

Distances need one absolute magnitude a star, masses one seismic mass. Where a star has several measurements
they are brought to one scale, that of Gaia EDR3, and averaged with their inverse variances. The functions
return plain data frames: the five features TEFF, LOGG, M_H, C_FE, N_FE, then label, error and where it is
from.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.linear_model import HuberRegressor

from skdistmass.columns import FEATURES
from skdistmass.physics import bolometric, parallax, photometry, seismology
from skdistmass.physics.constants import A_K_PER_E_B_V, SOLAR_EFFECTIVE_TEMPERATURE

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
TABLES = ("kepler_giants.csv", "hipparcos.csv", "kepler_dwarfs.csv")
TEST_FRACTION = 0.2
SPLIT_SEED = 20_240_117

A_K_PER_AV = 0.114
EXTINCTION_ERROR = 0.015  # mag
# Miglio et al. are 0.02 mag fainter than Gaia EDR3 for red giants (median over training stars in common);
# their clump lies at the literature's M_K and has no EDR3 parallaxes here.
MIGLIO_OFFSET = {"RGB": -0.020, "RC": 0.0}
MIGLIO_ERROR = 0.03  # mag; the networks' scatter around their clump stars, 0.045 mag, bounds it from above
DWARF_LOG_G_ERROR = 0.06
TEFF_ERROR = 50.0  # K, in seismic masses
MAX_MASS_ERROR = 0.1


def check_tables() -> None:
    """Leave with a message if a table is not there."""
    missing = [name for name in TABLES if not (DATA / name).is_file()]
    if missing:
        raise SystemExit(
            f"{', '.join(missing)}: not in {DATA}. The tables of real stars are published ones, named in the "
            "cards of the models (skdistmass models NAME); they are not part of this repository."
        )


def _features(table, m_h="FE_H"):
    return table.rename(columns={m_h: "M_H"})[list(FEATURES)].astype(float).reset_index(drop=True)


def split_by_star(star) -> np.ndarray:
    """Mark the fifth of the stars that is the test part; all rows of one star fall on the same side."""
    names = np.unique(star)
    chosen = np.random.default_rng(SPLIT_SEED).permutation(len(names)) < TEST_FRACTION * len(names)
    return chosen[np.searchsorted(names, star)]


def read_giants() -> pd.DataFrame:
    """Kepler giants with all five features, and ``test`` set by KIC."""
    giants = pd.read_csv(DATA / "kepler_giants.csv")
    giants = giants.dropna(subset=["TEFF", "LOGG", "FE_H", "C_FE", "N_FE"]).reset_index(drop=True)
    giants["test"] = split_by_star(giants.KIC.to_numpy())
    return giants


def mass_labels(giants) -> pd.DataFrame:
    """Seismic masses with errors below 10 %, as in section 5.3 of the paper."""
    used = giants[(giants.MASS_APOKASC3_FRAC_ERR < 0.1) & (giants.MASS_APOKASC3_FRAC_ERR > 0)].reset_index(
        drop=True
    )
    labels = _features(used)
    labels["label"] = used.MASS_APOKASC3
    labels["error"] = used.MASS_APOKASC3 * used.MASS_APOKASC3_FRAC_ERR
    labels["source"] = "APOKASC-3"
    return labels.assign(id=used.APOGEE_ID, evstate=used.EVSTATE, scale=used.SCALE, test=used.test)


def scaling_mass_labels(giants, label_set) -> pd.DataFrame:
    """Masses of one of the six label sets ("UNCOR_SS", ...) from consensus frequencies, errors below 10 %.

    Only stars of known evolutionary state: two of the corrections need it, and the six sets are to hold the
    same stars.
    """
    radii, correction = label_set.split("_")
    used = giants[giants.EVSTATE.isin(["RGB", "RC"]) & (giants.NU_MAX > 0) & (giants.DELTA_NU > 0)]
    masses = seismology.seismic_masses(
        *(used[name].to_numpy() for name in ("NU_MAX", "DELTA_NU", "TEFF", "LOGG", "FE_H", "EVSTATE")),
        nu_max_error=(used.NU_MAX * used.NU_MAX_FRAC_ERR).to_numpy(),
        delta_nu_error=(used.DELTA_NU * used.DELTA_NU_FRAC_ERR).to_numpy(),
        teff_error=TEFF_ERROR,
        correction=correction,
        radius_corrected=radii == "COR",
        pipeline="APOKASC2",
    )
    keep = masses.mass_fractional_error < MAX_MASS_ERROR
    used = used[keep].reset_index(drop=True)
    labels = _features(used)
    labels["label"] = masses.mass[keep]
    labels["error"] = (masses.mass * masses.mass_fractional_error)[keep]
    labels["source"] = "APOKASC-2 frequencies"
    return labels.assign(id=used.APOGEE_ID, evstate=used.EVSTATE, scale=used.SCALE, test=used.test)


def gaia_magnitude(giants):
    """M_K and its error from the zero-point corrected parallax [mag]."""
    zero_point, _ = parallax.zero_point(
        giants.PHOT_G_MEAN_MAG,
        giants.NU_EFF,
        giants.PSEUDOCOLOUR,
        giants.ECL_LAT,
        giants.ASTROMETRIC_PARAMS_SOLVED,
    )
    corrected = (giants.PARALLAX_EDR3 - zero_point).to_numpy()
    distance = 1000.0 / np.where(corrected > 0, corrected, np.nan)
    magnitude = photometry.absolute_magnitude(giants.K, A_K_PER_E_B_V * giants.EBV, distance)
    error = photometry.absolute_magnitude_error(distance, distance * giants.PARALLAX_EDR3_ERROR / corrected)
    return magnitude, np.hypot(error, EXTINCTION_ERROR)


def miglio_magnitude(giants):
    """M_K and its error from the seismic distances of Miglio et al. 2021 [mag]."""
    magnitude = photometry.absolute_magnitude(giants.K, A_K_PER_AV * giants.AV_MIGLIO, giants.DIST_MIGLIO)
    return magnitude, np.where(np.isfinite(magnitude), MIGLIO_ERROR, np.nan)


def seismic_magnitude(giants):
    """M_K and its error from the seismic radius and the bolometric correction [mag]."""
    magnitude = bolometric.absolute_magnitude_from_radius(
        giants.RADIUS_APOKASC3, giants.TEFF, giants.LOGG, giants.FE_H
    )
    # The table repeats the mass error as that of the radius; half of it is a radius error (R ~ nu, M ~ nu^3).
    radius_error = np.clip(0.5 * giants.RADIUS_APOKASC3_FRAC_ERR, 0.01, None)
    error = bolometric.absolute_magnitude_error_from_radius(
        radius_error, giants.TEFF, 50.0, giants.LOGG, giants.FE_H
    )
    return magnitude, np.where(giants.RADIUS_APOKASC3_FRAC_ERR < 0.2, error, np.nan)


def _direct_magnitude(giants):
    """Inverse-variance mean of Gaia and Miglio et al., its error, and which of them are in it."""
    clump = (giants.EVSTATE == "RC").to_numpy()
    gaia, gaia_error = gaia_magnitude(giants)
    miglio, miglio_error = miglio_magnitude(giants)
    miglio = miglio + np.where(clump, MIGLIO_OFFSET["RC"], MIGLIO_OFFSET["RGB"])
    weights = [
        np.where(np.isfinite(m), 1.0 / e**2, 0.0) for m, e in ((gaia, gaia_error), (miglio, miglio_error))
    ]
    total = np.where(weights[0] + weights[1] > 0, weights[0] + weights[1], np.nan)
    mean = (weights[0] * np.nan_to_num(gaia) + weights[1] * np.nan_to_num(miglio)) / total
    return (
        mean,
        1.0 / np.sqrt(total),
        np.select([weights[0] > 0, weights[1] > 0], ["Gaia EDR3", "Miglio+ 2021"], ""),
    )


def _rescaled(seismic, direct, giants):
    """Bring seismic magnitudes to the scale of the direct ones, linearly in radius, mass, Teff and [Fe/H].

    One relation for each evolutionary state, robust, fitted on the training stars that have both.
    """
    terms = np.column_stack(
        [
            np.log10(giants.RADIUS_APOKASC3 / 10.0),
            np.log10(giants.MASS_APOKASC3),
            (giants.TEFF - 4800.0) / 1000.0,
            giants.FE_H,
        ]
    )
    known = np.isfinite(terms).all(axis=1) & np.isfinite(seismic)
    both = known & np.isfinite(direct) & ~giants.test.to_numpy()
    rescaled = np.full(len(giants), np.nan)
    for state in ("RGB", "RC", None):
        rows = (giants.EVSTATE.isna() if state is None else giants.EVSTATE.eq(state)).to_numpy()
        relation = HuberRegressor().fit(terms[rows & both], (direct - seismic)[rows & both])
        rescaled[rows & known] = seismic[rows & known] + relation.predict(terms[rows & known])
    return rescaled


def giant_magnitudes(giants) -> pd.DataFrame:
    """Absolute magnitudes of giants: Gaia and Miglio et al. averaged, the seismic radius where neither is."""
    direct, direct_error, source = _direct_magnitude(giants)
    seismic, seismic_error = seismic_magnitude(giants)
    labels = _features(giants)
    labels["label"] = np.where(source == "", _rescaled(seismic, direct, giants), direct)
    labels["error"] = np.where(source == "", seismic_error, direct_error)
    labels["source"] = np.where(source == "", "seismic radius", source)
    labels = labels.assign(id=giants.APOGEE_ID, evstate=giants.EVSTATE, test=giants.test)
    return labels[np.isfinite(labels.label) & (labels.error < 0.25)].reset_index(drop=True)


def _log_g_of_dwarf(absolute_magnitude, teff, raw_log_g, m_h):
    """Surface gravity from luminosity, temperature and a main-sequence mass [dex]."""
    radius = bolometric.radius_from_absolute_magnitude(
        absolute_magnitude, teff, np.clip(raw_log_g, 3.5, 5.0), m_h
    )
    # Main sequence: M ~ L^(1/4) (Eker et al. 2015 within 5 % of a mass, 0.02 dex in log g).
    mass = (radius**2 * (teff / SOLAR_EFFECTIVE_TEMPERATURE) ** 4) ** 0.25
    return 4.438 + np.log10(mass) - 2.0 * np.log10(radius)


def read_dwarfs() -> pd.DataFrame:
    """Absolute magnitudes of dwarfs and subgiants from Hipparcos parallaxes and Kepler radii.

    Their raw DR12 gravities are some tenths too high or too low. The gravity is replaced by that of the
    parallax (Hipparcos) or of seismology (Kepler), with noise of the survey's errors, which is what DR17
    calibrates dwarfs to.
    """
    hipparcos = pd.read_csv(DATA / "hipparcos.csv").query("LOGG_RAW > 3.4 and TEFF_RAW < 6500")
    hipparcos = hipparcos[hipparcos.PLX_HIP_ERR < 0.1 * hipparcos.PLX_HIP]
    distance = (1000.0 / hipparcos.PLX_HIP).to_numpy()
    magnitude = photometry.absolute_magnitude(hipparcos.K, np.zeros(len(hipparcos)), distance)
    error = photometry.absolute_magnitude_error(
        distance, distance * (hipparcos.PLX_HIP_ERR / hipparcos.PLX_HIP)
    )
    log_g = _log_g_of_dwarf(magnitude, hipparcos.TEFF_RAW, hipparcos.LOGG_RAW, hipparcos.M_H_RAW)
    parts = [
        _dwarf_rows(hipparcos, hipparcos.APOGEE_ID, log_g, magnitude, np.hypot(error, 0.03), "Hipparcos")
    ]

    kepler = pd.read_csv(DATA / "kepler_dwarfs.csv").query("TEFF_RAW < 6500 and RAD_C14 > 0")
    magnitude = bolometric.absolute_magnitude_from_radius(
        kepler.RAD_C14, kepler.TEFF_RAW, kepler.LOGG_C14, kepler.M_H_RAW
    )
    error = bolometric.absolute_magnitude_error_from_radius(
        0.05, kepler.TEFF_RAW, 100.0, kepler.LOGG_C14, kepler.M_H_RAW
    )
    ids = kepler.TMASS.str.replace("^J", "2M", regex=True)
    parts.append(_dwarf_rows(kepler, ids, kepler.LOGG_C14, magnitude, error, "Chaplin+ 2014"))
    dwarfs = pd.concat(parts, ignore_index=True)
    dwarfs["LOGG"] += np.random.default_rng(SPLIT_SEED).normal(0.0, DWARF_LOG_G_ERROR, len(dwarfs))
    dwarfs = dwarfs[np.isfinite(dwarfs[["label", "error", "LOGG"]]).all(axis=1) & (dwarfs.M_H > -1.0)]
    return (
        dwarfs.drop_duplicates("id")
        .reset_index(drop=True)
        .assign(test=lambda t: split_by_star(t.id.to_numpy(str)))
    )


def _dwarf_rows(table, ids, log_g, magnitude, error, source):
    return pd.DataFrame(
        {
            "TEFF": table.TEFF_RAW,
            "LOGG": log_g,
            "M_H": table.M_H_RAW,
            "C_FE": table.C_M_RAW,
            "N_FE": table.N_M_RAW,
            "label": magnitude,
            "error": error,
            "source": source,
            "id": ids,
            "evstate": "",
        }
    )


def magnitude_labels() -> pd.DataFrame:
    """All absolute magnitudes that the distance model learns from."""
    giants = giant_magnitudes(read_giants())
    dwarfs = read_dwarfs()
    return pd.concat([giants, dwarfs[~dwarfs.id.isin(giants.id)]], ignore_index=True)


def distance_errors(model) -> dict[str, np.ndarray]:
    """Fractional distance errors of giants of the test part, against two published distances."""
    giants = read_giants()
    giants = giants[giants.test].reset_index(drop=True)
    X = _features(giants).to_numpy()
    errors = {}
    for name, reference, extinction, rows in (
        (
            "RGB against R_MED_PHOTOGEO",
            giants.R_MED_PHOTOGEO,
            A_K_PER_E_B_V * giants.EBV,
            giants.EVSTATE == "RGB",
        ),
        (
            "giants against DIST_MIGLIO",
            giants.DIST_MIGLIO,
            A_K_PER_AV * giants.AV_MIGLIO,
            giants.EVSTATE != "",
        ),
    ):
        distance = model.predict_distance(X, giants.K.to_numpy(), extinction.to_numpy())
        errors[name] = (distance / reference - 1.0).to_numpy()[rows.to_numpy()]
    return errors
