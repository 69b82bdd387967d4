"""Labels of real stars: one absolute magnitude or mass a star, on one scale, with error, weight and origin.

Frames have the five features, then label, error, weight, source, id, evstate, test. Distances are on the
scale of Gaia EDR3, masses on the published one of APOKASC-3.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from published_scale import PublishedScale
from real_stars import matrix, read_dwarfs, read_giants, read_luminous
from sklearn.linear_model import HuberRegressor

from skdistmass.columns import FEATURES
from skdistmass.physics import bolometric, parallax, photometry, seismology
from skdistmass.physics.constants import A_K_PER_E_B_V
from skdistmass.physics.coordinates import ecliptic_latitude
from skdistmass.survey.quantities.distances import star_extinction

A_K_PER_AV = 0.114
EXTINCTION_ERROR = 0.015  # mag
# Miglio et al. are 0.02 mag fainter than Gaia EDR3 for red giants (median over training stars in common);
# their clump lies at the literature's M_K and has no EDR3 parallaxes here.
MIGLIO_OFFSET = {"RGB": -0.020, "RC": 0.0}
MIGLIO_ERROR = 0.03  # mag; the networks' scatter around their clump stars, 0.045 mag, bounds it from above
TEFF_ERROR = 50.0  # K, in seismic masses
DWARF_TEFF_ERROR = 70.0  # K
MAX_MASS_ERROR = 0.1
MAX_MAGNITUDE_ERROR = 0.25

MASS_LIMITS = (0.6, 4.0)  # Msun; outside them a seismic mass is a failure
MAX_OFF_APOKASC2 = 0.30  # fraction by which two seismic masses of one star may differ
MASS_SCATTER = 0.06  # fraction by which masses scatter at one spectrum, in the weights
MAGNITUDE_SCATTER = 0.03  # mag, the same for magnitudes
PRELIMINARY_SCATTER = 0.012  # fraction, of the map to the published scale
# Labels that were converted to DR17 blur what they train: their noise, as that of the target.
CONVERTED_MASS_SCATTER = 0.04  # fraction
CONVERTED_MAGNITUDE_SCATTER = 0.10  # mag; 0.05 dex in log g is 0.12
# Groups of giants with a seismic radius alone lie up to 0.08 mag apart at the same spectrum.
SEISMIC_MAGNITUDE_SCATTER = 0.05  # mag
# Preliminary radii of luminous giants: the map to the published scale rests on few stars there.
LUMINOUS_LOG_G = 2.2
PRELIMINARY_MASS_SCATTER = 0.08  # fraction, of preliminary masses against published ones of like spectra
LUMINOUS_MAGNITUDE_SCATTER = 0.2  # mag

DR2_ZERO_POINT = -0.05  # mas, for Kepler dwarfs
BAD_PARALLAX = (4571904, 5689219)
BAD_EXTINCTION = (4739932,)
LOCAL_EXTINCTION = 0.01  # mag, of dwarfs without one
MAX_APART = 0.3  # mag between parallax and radius; beyond, one of them is of another star

# BP - RP [mag] and effective wavenumber [1/um] of Gaia's zero point.
_COLOUR = ([0.8, 1.0, 1.2, 1.4, 1.6, 2.0], [1.56, 1.51, 1.465, 1.425, 1.39, 1.335])
_STEP_EDGES = np.array([1.0, 1.5, 2.0, 2.5, 3.0, 3.5])
_NAMES = [*FEATURES, "KIC", "id", "label", "error", "weight", "source", "evstate", "test"]


# Masses


def mass_labels(giants=None) -> pd.DataFrame:
    """Seismic masses of giants on the published scale, and of dwarfs (Serenelli+ 2017), errors below 10 %."""
    giants = read_giants() if giants is None else giants
    preliminary = PublishedScale("MASS_APOKASC3", "PUBLISHED").fit(giants).predict(giants)
    published = giants.PUBLISHED.notna()
    label = np.where(published, giants.PUBLISHED, preliminary)
    fraction = np.where(
        published,
        giants.PUBLISHED_ERR / giants.PUBLISHED,
        np.hypot(giants.MASS_APOKASC3_FRAC_ERR, PRELIMINARY_SCATTER),
    )
    labels = giants.assign(label=label, fraction=fraction, published=published, id=giants.APOGEE_ID)
    labels["source"] = np.where(published, "APOKASC-3", "APOKASC-3, preliminary")
    labels["extra"] = np.hypot(
        np.where(published, 0.0, PRELIMINARY_MASS_SCATTER),
        np.where(giants.converted, CONVERTED_MASS_SCATTER, 0.0),
    )
    failed = ~labels.label.between(*MASS_LIMITS)
    failed |= np.abs(labels.label / giants.MASS_APOKASC2 - 1.0) > MAX_OFF_APOKASC2
    labels = labels[~failed].rename(columns={"EVSTATE": "evstate"})
    dwarfs = read_dwarfs()
    dwarfs = dwarfs[dwarfs.complete & ~dwarfs.binary & dwarfs.S17_MASS.notna()]
    dwarfs = dwarfs.assign(
        label=dwarfs.S17_MASS,
        fraction=0.5 * (dwarfs.S17_MASS_UP - dwarfs.S17_MASS_LO) / dwarfs.S17_MASS,
        published=False,
        source="Serenelli+ 2017",
        extra=0.0,
        id=dwarfs.APOGEE_ID,
        evstate="",
    )
    table = pd.concat([labels, dwarfs], ignore_index=True)
    table = table[(table.fraction > 0) & (table.fraction < MAX_MASS_ERROR)]
    table["error"] = table.fraction * table.label
    table["weight"] = 1.0 / (table.label**2 * (table.fraction**2 + MASS_SCATTER**2 + table.extra**2))
    return table[[*_NAMES, "published", "ALPHA_M", "AGE_RGB"]].reset_index(drop=True)


def scaling_mass_labels(giants, label_set) -> pd.DataFrame:
    """Masses of one of the six label sets ("UNCOR_SS", ...) from consensus frequencies, errors below 10 %.

    Only giants of known evolutionary state: two of the corrections need it, and the six sets are to hold the
    same stars. Dwarfs have the masses of Serenelli et al. 2017 in every set.
    """
    radii, correction = label_set.split("_")
    used = giants[giants.EVSTATE.isin(["RGB", "RC"]) & (giants.NU_MAX > 0) & (giants.DELTA_NU > 0)]
    masses = seismology.seismic_masses(
        *(used[name].to_numpy() for name in ("NU_MAX", "DELTA_NU", "TEFF", "LOGG", "M_H", "EVSTATE")),
        nu_max_error=(used.NU_MAX * used.NU_MAX_FRAC_ERR).to_numpy(),
        delta_nu_error=(used.DELTA_NU * used.DELTA_NU_FRAC_ERR).to_numpy(),
        teff_error=TEFF_ERROR,
        correction=correction,
        radius_corrected=radii == "COR",
        pipeline="APOKASC2",
    )
    labels = used.assign(label=masses.mass, fraction=masses.mass_fractional_error, id=used.APOGEE_ID)
    labels = labels[(labels.fraction < MAX_MASS_ERROR) & labels.label.between(*MASS_LIMITS)]
    labels["error"] = labels.label * labels.fraction
    labels["weight"] = 1.0 / (labels.label**2 * (labels.fraction**2 + MASS_SCATTER**2))
    labels = labels.assign(source="APOKASC-2 frequencies").rename(columns={"EVSTATE": "evstate"})
    everything = mass_labels(giants)
    dwarfs = everything[everything.source == "Serenelli+ 2017"]
    return pd.concat([labels[_NAMES], dwarfs[_NAMES]], ignore_index=True)


def scaling_step(labels, giants):
    """Ratio of the masses of a label set to those of `mass_labels`, as a function of log g.

    Medians of red giants of the training part in half dex of log g; 1 for subgiants and dwarfs. With it the
    masses of isochrones join each set without a step.
    """
    known = mass_labels(giants)
    known = known[known.source.str.startswith("APOKASC")].set_index("KIC").label
    branch = labels[~labels.test & (labels.evstate == "RGB")]
    ratio = branch.label / branch.KIC.map(known)
    medians = ratio.groupby(pd.cut(branch.LOGG, _STEP_EDGES), observed=False).median()
    centres = 0.5 * (_STEP_EDGES[1:] + _STEP_EDGES[:-1])
    return lambda log_g: np.interp(log_g, [*centres, 3.75], [*medians, 1.0])


# Absolute magnitudes


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


def _seismic_magnitude(giants):
    """M_K and its error from a seismic radius and the bolometric correction [mag]."""
    magnitude = bolometric.absolute_magnitude_from_radius(giants.RADIUS, giants.TEFF, giants.LOGG, giants.M_H)
    error = bolometric.absolute_magnitude_error_from_radius(
        np.clip(giants.RADIUS_FRAC_ERR, 0.01, None), giants.TEFF, TEFF_ERROR, giants.LOGG, giants.M_H
    )
    return magnitude, np.where(giants.RADIUS_FRAC_ERR < 0.1, error, np.nan)


def weighted_mean(*measurements):
    """Inverse-variance mean of several (value, error), its error, and the weights; NaN for none."""
    weights = [np.where(np.isfinite(value + error), 1.0 / error**2, 0.0) for value, error in measurements]
    total = np.sum(weights, axis=0)
    total = np.where(total > 0, total, np.nan)
    mean = sum(w * np.nan_to_num(value) for w, (value, _) in zip(weights, measurements, strict=True)) / total
    return mean, 1.0 / np.sqrt(total), weights


def direct_magnitude(giants):
    """Inverse-variance mean of Gaia and Miglio et al., its error, and which of them are in it."""
    miglio, miglio_error = miglio_magnitude(giants)
    offset = np.where(giants.EVSTATE == "RC", MIGLIO_OFFSET["RC"], MIGLIO_OFFSET["RGB"])
    mean, error, (gaia, other) = weighted_mean(gaia_magnitude(giants), (miglio + offset, miglio_error))
    return mean, error, np.select([gaia > 0, other > 0], ["Gaia EDR3", "Miglio+ 2021"], "")


def _rescaled(seismic, direct, giants):
    """Bring seismic magnitudes to the scale of the direct ones, linearly in radius, mass, Teff and [M/H].

    One relation for each evolutionary state, robust, fitted on the training stars that have both.
    """
    terms = np.column_stack(
        [
            np.log10(giants.RADIUS / 10.0),
            np.log10(giants.MASS),
            (giants.TEFF - 4800.0) / 1000.0,
            giants.M_H,
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
    published = giants.PUBLISHED_RADIUS.notna()
    mapped = {
        name: np.where(
            giants[reference].notna(),
            giants[reference],
            PublishedScale(f"{name}_APOKASC3", reference).fit(giants).predict(giants),
        )
        for name, reference in (("RADIUS", "PUBLISHED_RADIUS"), ("MASS", "PUBLISHED"))
    }
    # The first table repeats the mass error as that of the radius; half of it is one (R ~ nu, M ~ nu^3).
    mapped["RADIUS_FRAC_ERR"] = np.where(
        published,
        giants.PUBLISHED_RADIUS_ERR / giants.PUBLISHED_RADIUS,
        0.5 * giants.RADIUS_APOKASC3_FRAC_ERR,
    )
    giants = giants.assign(**mapped)
    direct, direct_error, source = direct_magnitude(giants)
    seismic, seismic_error = _seismic_magnitude(giants)
    none = source == ""
    labels = giants.assign(
        label=np.where(none, _rescaled(seismic, direct, giants), direct),
        error=np.where(none, seismic_error, direct_error),
        source=np.where(none, "seismic radius", source),
        id=giants.APOGEE_ID,
        evstate=giants.EVSTATE,
    )
    luminous = giants.LOGG < LUMINOUS_LOG_G
    extra = np.select(
        [none & ~published & luminous, none & ~luminous],
        [LUMINOUS_MAGNITUDE_SCATTER, SEISMIC_MAGNITUDE_SCATTER],
        0.0,
    )
    converted = np.where(giants.converted, CONVERTED_MAGNITUDE_SCATTER, 0.0)
    labels["weight"] = 1.0 / (labels.error**2 + MAGNITUDE_SCATTER**2 + extra**2 + converted**2)
    return labels[np.isfinite(labels.label) & (labels.error < MAX_MAGNITUDE_ERROR)][_NAMES].reset_index(
        drop=True
    )


def luminous_magnitudes() -> pd.DataFrame:
    """Absolute magnitudes of luminous giants with genuine DR17 rows, from Gaia EDR3."""
    table = read_luminous()
    colour = table.GAIAEDR3_PHOT_BP_MEAN_MAG - table.GAIAEDR3_PHOT_RP_MEAN_MAG
    zero_point, _ = parallax.zero_point(
        table.GAIAEDR3_PHOT_G_MEAN_MAG.to_numpy(),
        np.interp(colour, *_COLOUR),
        np.full(len(table), np.nan),
        ecliptic_latitude(table.RA.to_numpy(), table.DEC.to_numpy()),
        np.full(len(table), 31),
    )
    corrected = (table.GAIAEDR3_PARALLAX - zero_point).to_numpy()
    extinction = survey_extinction(table)
    error = photometry.absolute_magnitude_error(
        1000.0 / corrected, 1000.0 * table.GAIAEDR3_PARALLAX_ERROR.to_numpy() / corrected**2
    )
    error = np.hypot(error, EXTINCTION_ERROR)
    return table.assign(
        label=photometry.absolute_magnitude(table.K, extinction, 1000.0 / corrected),
        error=error,
        weight=1.0 / (error**2 + MAGNITUDE_SCATTER**2),
        source="Gaia EDR3, luminous",
        id=table.APOGEE_ID,
        evstate="RGB",
    )[_NAMES]


def survey_extinction(table):
    """A_K [mag] of rows of an allStar file, by the rule of the catalogue."""
    names = [n for n in ("AK_WISE", "AK_TARG", "AK_TARG_METHOD", "SFD_EBV", "GLAT") if n in table]
    columns = {n: table[n].to_numpy() for n in names}
    columns["AK_TARG_METHOD"] = columns["AK_TARG_METHOD"].astype(str)
    return star_extinction(columns, "survey", A_K_PER_E_B_V)[0]


def dwarf_magnitudes() -> pd.DataFrame:
    """Absolute magnitudes of dwarfs and subgiants: Gaia DR2 and the seismic radius, averaged."""
    dwarfs = read_dwarfs()
    known = dwarfs.AK_TARG.notna() & ~dwarfs.KIC.isin(BAD_EXTINCTION)
    extinction = np.where(known, dwarfs.AK_TARG.clip(lower=0.0), LOCAL_EXTINCTION)
    corrected = dwarfs.GAIA_DR2_PARALLAX - DR2_ZERO_POINT
    bad = dwarfs.KIC.isin(BAD_PARALLAX) | (0.1 * corrected < dwarfs.GAIA_DR2_PARALLAX_ERROR)
    corrected = corrected.mask(bad).to_numpy()
    gaia = np.asarray(photometry.absolute_magnitude(dwarfs.K, extinction, 1000.0 / corrected))
    gaia_error = photometry.absolute_magnitude_error(
        1000.0 / corrected, 1000.0 * dwarfs.GAIA_DR2_PARALLAX_ERROR.to_numpy() / corrected**2
    )
    log_g = dwarfs.S17_LOGG_SEIS.fillna(dwarfs.LOGG)
    seismic = bolometric.absolute_magnitude_from_radius(dwarfs.S17_RADIUS, dwarfs.TEFF, log_g, dwarfs.M_H)
    radius_error = np.clip(
        0.5 * (dwarfs.S17_RADIUS_UP - dwarfs.S17_RADIUS_LO) / dwarfs.S17_RADIUS, 0.01, None
    )
    seismic_error = bolometric.absolute_magnitude_error_from_radius(
        radius_error, dwarfs.TEFF, DWARF_TEFF_ERROR, log_g, dwarfs.M_H
    )
    seismic = np.asarray(seismic) + np.nanmedian((gaia - seismic)[~dwarfs.test])
    label, error, _ = weighted_mean((gaia, np.hypot(gaia_error, 0.02)), (seismic, seismic_error))
    doubtful = (np.abs(gaia - seismic) > MAX_APART) | dwarfs.binary
    dwarfs = dwarfs.assign(
        label=label,
        error=error,
        weight=1.0 / (error**2 + MAGNITUDE_SCATTER**2),
        source="Gaia DR2 and seismic radius, dwarfs",
        id=dwarfs.APOGEE_ID,
        evstate="",
    )
    return dwarfs[dwarfs.complete & ~doubtful & np.isfinite(label)][[*_NAMES, "RAW_LOGG"]].reset_index(
        drop=True
    )


def magnitude_labels() -> pd.DataFrame:
    """All absolute magnitudes that the distance model learns from."""
    luminous = luminous_magnitudes()
    giants = giant_magnitudes(read_giants())
    # Where both tables have a star its genuine DR17 row with the Gaia parallax goes before.
    giants = giants[~giants.KIC.isin(luminous.KIC)]
    return pd.concat([giants, luminous, dwarf_magnitudes()[_NAMES]], ignore_index=True)


def distance_errors(model) -> dict[str, np.ndarray]:
    """Fractional distance errors of giants of the test part, against two published distances."""
    giants = read_giants()
    giants = giants[giants.test].reset_index(drop=True)
    magnitude = model.predict(matrix(giants))
    errors = {}
    for name, reference, extinction, rows in (
        (
            "RGB against R_MED_PHOTOGEO",
            giants.R_MED_PHOTOGEO,
            A_K_PER_E_B_V * giants.EBV,
            giants.EVSTATE == "RGB",
        ),
        ("giants against DIST_MIGLIO", giants.DIST_MIGLIO, A_K_PER_AV * giants.AV_MIGLIO, giants.KIC > 0),
    ):
        distance = photometry.distance(giants.K.to_numpy(), extinction.to_numpy(), magnitude)
        errors[name] = (distance / reference.to_numpy() - 1.0)[rows.to_numpy()]
    return errors
