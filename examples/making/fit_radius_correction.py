"""Measure the factor that brings seismic radii to those of Gaia, for each correction of the large separation.

Radii of giants of the Kepler field follow from K, extinction, distance, the bolometric correction in Ks and
the effective temperature. Their ratio to the seismic radii, by Huber's loss, goes to
``skdistmass/data/radius_correction.json``.

- Red giant branch: Gaia EDR3 parallaxes with the zero point of Lindegren et al. (2021), A_K = 0.302 E(B-V); a
  function that is linear in ln R between knots.
- Red clump: Gaia DR2 parallaxes with the zero point of Zinn et al. (2019), the extinction of Hall et al.
  (2019) times 2.4, which is the A_K = 0.114 A_V of the stars in common with Miglio et al. (2021); one number.

Run it as ``python examples/making/fit_radius_correction.py kepler_giants.csv [--out FILE]``.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.linear_model import HuberRegressor

from skdistmass.physics.bolometric import radius_from_absolute_magnitude
from skdistmass.physics.constants import A_K_PER_E_B_V
from skdistmass.physics.delta_nu import EVOLUTIONARY_STATES
from skdistmass.physics.gaia_radius import CORRECTIONS
from skdistmass.physics.parallax import edsd_mode, zero_point
from skdistmass.physics.seismology import seismic_masses
from skdistmass.physics.statistics import robust_sigma

KNOTS = {"RGB": (4.5, 6.0, 8.0, 11.0, 16.0), "RC": (11.0,)}  # [Rsun]
LIMITS = {"RGB": (4.0, 18.0), "RC": (8.0, 14.0)}  # [Rsun]
HALL_SCALE = 2.4
ZERO_POINT_DR2 = -0.0528  # Zinn et al. 2019, ApJ 878, 136 [mas]
MAX_PARALLAX_ERROR = {"RGB": 0.05, "RC": 0.1}
MAX_RADIUS_ERROR = 0.05
TEFF_ERROR = 50.0  # [K]
N_BOOTSTRAP = 200
OUTPUT = Path(__file__).resolve().parents[2] / "skdistmass" / "data" / "radius_correction.json"


def gaia_radius(stars, state):
    """Radius from K, extinction, parallax and temperature [Rsun]; NaN for poor parallaxes."""
    if state == "RGB":
        offset, _ = zero_point(
            stars["PHOT_G_MEAN_MAG"],
            stars["NU_EFF"],
            stars["PSEUDOCOLOUR"],
            stars["ECL_LAT"],
            stars["ASTROMETRIC_PARAMS_SOLVED"],
        )
        release, extinction = "EDR3", A_K_PER_E_B_V * stars["EBV"]
    else:
        offset, release, extinction = ZERO_POINT_DR2, "DR2", HALL_SCALE * stars["AK_HALL"]
    parallax = stars[f"PARALLAX_{release}"].to_numpy() - offset
    error = stars[f"PARALLAX_{release}_ERROR"].to_numpy()
    distance = np.where(error < MAX_PARALLAX_ERROR[state] * parallax, edsd_mode(parallax, error), np.nan)
    magnitude = stars["K"] - extinction - 5 * np.log10(distance / 10)
    return radius_from_absolute_magnitude(magnitude, stars["TEFF"], stars["LOGG"], stars["FE_H"])


def seismic_labels(stars, correction):
    """Uncorrected masses and radii of one correction of the large separation."""
    return seismic_masses(
        stars["NU_MAX"],
        stars["DELTA_NU"],
        stars["TEFF"],
        stars["LOGG"],
        stars["FE_H"],
        stars["EVSTATE"],
        nu_max_error=stars["NU_MAX"] * stars["NU_MAX_FRAC_ERR"],
        delta_nu_error=stars["DELTA_NU"] * stars["DELTA_NU_FRAC_ERR"],
        teff_error=TEFF_ERROR,
        correction=correction,
    )


def hat_functions(radius, knots):
    """Value of each knot's linear hat function at each radius."""
    return np.array([np.interp(np.log(radius), np.log(knots), row) for row in np.eye(len(knots))]).T


def fit(radius, ratio, knots):
    """Value of the ratio at the knots."""
    model = HuberRegressor(alpha=0.0, fit_intercept=False, max_iter=2000)
    return model.fit(hat_functions(radius, knots), ratio).coef_


def measure(stars, radius_gaia, correction, state):
    """Knots, their errors by bootstrap and the scatter of one correction and state."""
    labels, knots, (low, high) = seismic_labels(stars, correction), KNOTS[state], LIMITS[state]
    ratio = radius_gaia / labels.radius
    good = np.isfinite(ratio) & (labels.radius > low) & (labels.radius < high)
    good &= labels.radius_fractional_error < MAX_RADIUS_ERROR
    radius, ratio = labels.radius[good], ratio[good]
    factor = fit(radius, ratio, knots)
    rng = np.random.default_rng(0)
    draws = [
        fit(radius[i], ratio[i], knots) for i in rng.integers(0, radius.size, (N_BOOTSTRAP, radius.size))
    ]
    residual = ratio / (hat_functions(radius, knots) @ factor) - 1
    return {
        "radius": list(knots),
        "factor": np.round(factor, 5).tolist(),
        "factor_error": np.round(np.std(draws, axis=0), 5).tolist(),
        "n_stars": int(good.sum()),
        "robust_sigma": round(float(robust_sigma(residual)), 5),
    }


def main():
    """Fit the three corrections, write and print them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table", type=Path, help="table of Kepler giants with Gaia parallaxes")
    parser.add_argument("--out", type=Path, default=OUTPUT)
    arguments = parser.parse_args()
    if not arguments.table.is_file():
        parser.error(f"{arguments.table}: no such file; it is a published table, no part of this repository")
    stars = pd.read_csv(arguments.table)
    corrections = {name: {} for name in CORRECTIONS}
    for state in EVOLUTIONARY_STATES:
        chosen = stars[stars["EVSTATE"] == state]
        radius_gaia = gaia_radius(chosen, state)
        for name, entry in corrections.items():
            entry[state] = measure(chosen, radius_gaia, name, state)
    result = {
        "quantity": "f_nu = R_Gaia / R_seis, linear in ln R between knots of seismic radius [Rsun]",
        "source": {
            "RGB": f"Gaia EDR3, zero point of Lindegren+ 2021, A_K = {A_K_PER_E_B_V} E(B-V) of Li+ 2024",
            "RC": f"Gaia DR2, zero point {ZERO_POINT_DR2} mas, A_K = {HALL_SCALE} times that of Hall+ 2019",
            "both": "Kepler giants: frequencies of APOKASC-2, temperatures of APOGEE",
        },
        "systematic_error": "0.01 for RGB (temperatures, bolometric corrections), 0.02 for RC (zero point)",
        "citation": "Pinsonneault et al. 2018, ApJS 239, 32; Lindegren et al. 2021, A&A 649, A4; "
        "Li et al. 2024; Zinn et al. 2019, ApJ 878, 136 and ApJ 885, 166; Hall et al. 2019, MNRAS 486, 3569",
        "made_by": "examples/making/fit_radius_correction.py",
        "corrections": corrections,
    }
    arguments.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    for name, entry in corrections.items():
        for state, numbers in entry.items():
            print(name, state, numbers)


if __name__ == "__main__":
    main()
