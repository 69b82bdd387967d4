"""Stars and labels that cannot be trained on are refused, by name, before any fit."""

import numpy as np
import pytest
from astropy.table import Table

from skdistmass.estimators.mass import MassRegressor
from skdistmass.training import (
    distance_training_set,
    train_distance,
    train_mass,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def column(stars, name):
    return np.asarray(stars[name], dtype=float)


def test_no_gaia_columns(stars, never_fitted):
    bare = stars.copy()
    bare.remove_columns([name for name in stars.colnames if name.startswith("GAIAEDR3")])
    with pytest.raises(ValueError, match="labelled with Gaia") as error:
        train_distance(bare)
    assert "GAIAEDR3_PARALLAX [mas]" in str(error.value)
    assert "GAIAEDR3_R_MED_PHOTOGEO [pc]" in str(error.value)


@pytest.mark.parametrize("value", [np.nan, -0.5])
def test_no_positive_parallax(stars, value, never_fitted):
    spoilt = stars.copy()
    spoilt["GAIAEDR3_PARALLAX"] = value
    with pytest.raises(
        ValueError, match=r"`GAIAEDR3_PARALLAX` \[mas\] has no positive value: of the \d+ usable"
    ):
        train_distance(spoilt)


def test_errors_of_zero_or_below(stars, labels, never_fitted):
    spoilt = stars.copy()
    spoilt["GAIAEDR3_PARALLAX_ERROR"][:] = 0.0
    with pytest.raises(
        ValueError, match=r"`GAIAEDR3_PARALLAX_ERROR` \[mas\] must be positive; \d+ of \d+ .*first: row"
    ):
        train_distance(spoilt)
    spoilt = stars.copy()
    spoilt["GAIAEDR3_R_HI_PHOTOGEO"] = spoilt["GAIAEDR3_R_LO_PHOTOGEO"]
    with pytest.raises(ValueError, match="error of the photogeo distance must be positive"):
        train_distance(spoilt)
    for value in (0.0, -0.1):
        wrong = labels.copy()
        wrong["MASS_ERR"][7] = value
        with pytest.raises(ValueError, match=rf"`MASS_ERR` must be positive; 1 of .*row 7, 2M\S+, {value:g}"):
            train_mass(stars, wrong)


def test_identifiers_that_do_not_match(stars, labels, never_fitted):
    other = labels.copy()
    other["APOGEE_ID"] = [f"KIC{i:08d}" for i in range(len(other))]
    with pytest.raises(ValueError, match=r"0 of \d+ labels match one of 6000 stars .*'2M.*'KIC0000"):
        train_mass(stars, other)


def test_too_few_stars(stars, labels, never_fitted):
    with pytest.raises(
        ValueError, match=r"(?s)stars are left to train on; at least 100 are needed.*rows of the table"
    ):
        train_distance(stars[:60])
    with pytest.raises(ValueError, match=r"(?s)at least 100 are needed.*with one of the 50 labels"):
        train_mass(stars, labels[:50])
    with pytest.raises(ValueError, match="at least 100000 are needed"):
        distance_training_set(stars, min_stars=100_000)


def test_constant_columns(stars, labels, never_fitted):
    constant = stars.copy()
    constant["C_FE"] = 0.1
    with pytest.raises(ValueError, match=r"`C_FE` \[dex\] is 0.1 for all \d+ training stars"):
        train_distance(constant)
    one_mass = labels.copy()
    one_mass["MASS"], one_mass["MASS_ERR"] = 1.2, 0.05
    with pytest.raises(ValueError, match=r"the mass \[Msun\] is 1.2 for all"):
        train_mass(stars, one_mass)


def test_kiloparsecs_for_parsecs(survey, never_fitted):
    stars, truth = survey
    spoilt = stars.copy()
    for part in ("MED", "LO", "HI"):
        spoilt[f"GAIAEDR3_R_{part}_PHOTOGEO"] = np.asarray(stars[f"GAIAEDR3_R_{part}_PHOTOGEO"]) / 1000
    with pytest.raises(ValueError, match=r"photogeo distance must be in pc.*looks like distances in kpc"):
        train_distance(spoilt)
    spoilt["D"], spoilt["D_ERR"] = np.asarray(truth["distance"]) / 1000, 0.01
    without = spoilt.copy()
    without.remove_columns([name for name in stars.colnames if name.startswith("GAIAEDR3")])
    with pytest.raises(ValueError, match=r"column `D` \[pc\] gives absolute Ks magnitudes .* kpc"):
        train_distance(without, distance_source="D", max_parallax_error=None)
    with pytest.raises(ValueError, match="needs one of errors"):
        train_distance(spoilt, distance_source="SNR")
    own = Table({"name": ["M13"], "distance": [7.1]})
    with pytest.raises(ValueError, match="looks like kpc"):
        train_distance(stars, clusters=own)


@pytest.mark.parametrize("logarithm", [np.log10, np.log])
def test_log_masses_for_masses(stars, labels, logarithm, never_fitted):
    wrong = labels.copy()
    wrong["MASS"] = logarithm(np.asarray(labels["MASS"]))
    with pytest.raises(ValueError, match=r"`MASS` \[Msun\] must hold masses.*looks like the logarithm"):
        train_mass(stars, wrong)


def test_other_wrong_labels(stars, labels, never_fitted):
    grams = labels.copy()
    grams["MASS"] = np.asarray(labels["MASS"]) * 1.989e33
    with pytest.raises(ValueError, match="must hold masses in solar masses; their median is"):
        train_mass(stars, grams)
    per_cent = labels.copy()
    per_cent["MASS_ERR"] = 5.0
    with pytest.raises(ValueError, match="looks like per cent"):
        train_mass(stars, per_cent)
    with pytest.raises(ValueError, match="labels are needed"):
        train_mass(stars)
    with pytest.raises(ValueError, match="needs one of errors: there is none of MASS_ERR"):
        train_mass(stars, labels["APOGEE_ID", "MASS"])
    with pytest.raises(ValueError, match="MASS_APOKASC3"):
        train_mass(stars, labels, mass_column="MASS_APOKASC3", error_column="MASS_ERR")


def test_arguments_that_do_not_fit(stars, labels, never_fitted):
    with pytest.raises(ValueError, match="estimator must be a DistanceRegressor; received a MassRegressor"):
        train_distance(stars, estimator=MassRegressor())
    with pytest.raises(ValueError, match=r"shares of the stars with a sum below 1.*received 0.9 and 0.1"):
        train_distance(stars, test_size=0.9, validation_size=0.1)
    with pytest.raises(ValueError, match=r"calibration must be one of .*received 'cv'"):
        train_distance(stars, calibration="cv")
    training_set = distance_training_set(stars)
    with pytest.raises(ValueError, match="a mass model needs mass labels"):
        train_mass(training_set)
    with pytest.raises(ValueError, match="max_extinction cannot be given with a TrainingSet"):
        train_distance(training_set, max_extinction=0.3)
