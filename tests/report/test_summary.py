"""Text reports of catalogues and models."""

import re

import numpy as np
import pytest

from skdistmass import build_catalog, make_survey, read_catalog, write_table
from skdistmass.columns import BITS, NAMINGS
from skdistmass.report import describe_model, summarize_catalog

CARD = {
    "kind": "MassRegressor",
    "target": "MASS",
    "target_unit": "solMass",
    "features": {"TEFF": "K", "LOGG": "dex"},
    "training_set": {"APOKASC-3": 12, "other": 3},
    "n_training": 15,
    "feature_ranges": {"TEFF": [3685.4179, 5200.0]},
    "test_metrics": {"all": {"n": 5, "offset": -0.01}, "within_1_sigma": 0.68},
    "versions": {"numpy": "2.4.0"},
    "citation": ["First A. 2020", "Second B. 2021"],
}


@pytest.fixture(scope="module")
def stars():
    return make_survey(400, random_state=1)[0]


@pytest.fixture(scope="module")
def catalog(stars):
    return build_catalog(stars, masses=("mass",))


def rows_of(text):
    """The table's lines as {quantity: the rest in words}."""
    return {line.split()[0]: line.split()[1:] for line in text.splitlines() if re.match(r"[A-Z]", line)}


def test_quantities(catalog):
    rows = rows_of(summarize_catalog(catalog))
    assert list(rows) == ["DISTANCE", "WEIGHTED_DIST", "NMSU_DIST", "MASS", "AGE"]
    for name, words in rows.items():
        values = np.asarray(catalog[name], dtype=float)
        values = values[np.isfinite(values)] / (1e9 if name == "AGE" else 1.0)
        assert int(words[0]) == len(values)
        for word, quantile in zip(words[1:4], (16, 50, 84), strict=True):
            assert float(word) == pytest.approx(np.percentile(values, quantile), rel=0.006)
    assert [words[4] for words in rows.values()] == ["pc", "pc", "pc", "solMass", "Gyr"]
    relative = np.nanmedian(catalog["DISTANCE_ERR"] / catalog["DISTANCE"])
    assert float(rows["DISTANCE"][5]) == pytest.approx(100 * relative, abs=0.06)
    assert rows["DISTANCE"][6] == "%"
    upward, downward = np.nanmedian(catalog["AGE_ERR"], axis=0)
    assert rows["AGE"][5:] == [f"+{upward:.2f}", f"-{downward:.2f}", "dex"]


def test_bits(catalog):
    text = summarize_catalog(catalog)
    assert "\nrows: 400\n" in text
    mask = np.asarray(catalog["BITMASK"])
    for name, (value, meaning) in BITS.items():
        count = np.count_nonzero(mask & value)
        line = f"{count:9d}  {name} ({value}): {meaning}"
        assert (line in text.splitlines()) == (count > 0)


@pytest.mark.parametrize("naming", NAMINGS)
def test_every_naming_has_the_same_summary(naming, stars, catalog, tmp_path):
    other = build_catalog(stars, masses=("mass",), columns=naming)
    expected = summarize_catalog(catalog)
    if naming != "cas":  # whose NMSU_DIST holds three values a row
        assert summarize_catalog(other) == expected
    assert summarize_catalog(read_catalog(write_table(other, tmp_path / "catalog.fits"))) == expected


def test_cas_naming_can_be_summarised(stars, catalog):
    text = summarize_catalog(build_catalog(stars, masses=("mass",), columns="cas"))
    assert rows_of(text)["NMSU_DIST"] == rows_of(summarize_catalog(catalog))["NMSU_DIST"]


def test_label_sets(stars):
    rows = rows_of(
        summarize_catalog(
            build_catalog(stars, masses={"UNCOR_SS": "mass", "COR_TW": "mass"}, isochrone=False)
        )
    )
    assert list(rows) == [
        "DISTANCE",
        "WEIGHTED_DIST",
        "MASS_UNCOR_SS",
        "MASS_COR_TW",
        "AGE_UNCOR_SS",
        "AGE_COR_TW",
    ]
    assert rows["MASS_UNCOR_SS"] == rows["MASS_COR_TW"]
    assert rows["MASS_UNCOR_SS"][6] == "%"
    assert rows["AGE_COR_TW"][4] == "Gyr"


def test_catalogue_of_nothing(stars):
    bare = stars[:20].copy()
    bare["TEFF"] = np.nan
    rows = rows_of(summarize_catalog(build_catalog(bare, masses=("mass",))))
    for name in ("DISTANCE", "NMSU_DIST", "MASS", "AGE"):
        assert rows[name] == ["0"]
    dwarfs = stars[:20].copy()
    dwarfs["LOGG"] = 4.5
    assert rows_of(summarize_catalog(build_catalog(dwarfs, masses=("mass",), isochrone=False)))["AGE"] == [
        "0"
    ]


def test_describe_model():
    lines = describe_model("mass", {"file": "mass.joblib", "sha256": "ab12", "card": CARD}).splitlines()
    assert lines[0] == "mass: MassRegressor, predicts MASS [solMass]"
    assert "  features: TEFF [K], LOGG [dex]" in lines
    assert "  n training: 15" in lines
    assert "  training set: 12 APOKASC-3, 3 other" in lines
    assert "  feature ranges: TEFF 3685.4 to 5200" in lines
    assert "  test stars, all: n 5, offset -0.01" in lines
    assert "  test stars, within_1_sigma: 0.68" in lines
    assert "  cite: Second B. 2021" in lines
    assert lines[-1] == "  sha256: ab12"
