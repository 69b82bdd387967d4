"""Labels on another scale, brought over before the catalogue is computed."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skdistmass import LabelScale, build_catalog, has_bit, load_label_scale, save_model
from skdistmass.cli import main
from skdistmass.columns import BITS, FEATURES
from skdistmass.simulate import make_survey
from skdistmass.survey.read_catalog import read_catalog
from skdistmass.tables.write import write_table

QUICK = {"isochrone": False, "masses": "mass"}


@pytest.fixture(scope="module")
def stars():
    return make_survey(300, random_state=8)[0]


@pytest.fixture(scope="module")
def scale(stars):
    X = np.column_stack([np.asarray(stars[name], dtype=float) for name in FEATURES])
    return LabelScale(columns=[1]).fit(X, X[:, 1] - 0.1)


def test_the_catalogue_is_that_of_the_mapped_table(stars, scale):
    mapped = stars.copy()
    mapped["LOGG"] = np.asarray(stars["LOGG"], dtype=float) - 0.1
    expected = build_catalog(mapped, **QUICK)
    found = build_catalog(stars, label_scale=scale, **QUICK)
    plain = build_catalog(stars, **QUICK)
    assert_allclose(found["LOGG"], expected["LOGG"], rtol=1e-6)
    assert_allclose(found["DISTANCE"], expected["DISTANCE"], rtol=1e-4)
    assert_array_equal(found["BITMASK"] & ~BITS["LABELS_EXTRAPOLATED"][0], expected["BITMASK"])
    ratio = np.ma.filled(found["DISTANCE"] / plain["DISTANCE"], np.nan)
    assert np.nanmedian(ratio) > 1.05


def test_provenance_names_the_scale(stars):
    catalog = build_catalog(stars[:20], label_scale="dr16-dwarfs", **QUICK)
    assert load_label_scale("dr16-dwarfs").sha256_ in str(catalog.meta)
    assert "LABEL_SCALE" not in str(build_catalog(stars[:20], **QUICK).meta)


def test_the_command_takes_a_name_or_a_file(stars, scale, tmp_path):
    write_table(stars[:50], tmp_path / "stars.fits")
    save_model(scale, tmp_path / "mine.joblib", {"from": "other", "to": "ours"})
    for option, estimator in (("mine.joblib", scale), ("dr16-giants", load_label_scale("dr16-giants"))):
        where = tmp_path / option if option.endswith("joblib") else option
        out = tmp_path / f"{option}.fits"
        command = ["catalog", str(tmp_path / "stars.fits"), "-o", str(out), "--label-scale", str(where)]
        main([*command, "--no-isochrone", "--mass-model", "mass"])
        expected = build_catalog(stars[:50], label_scale=estimator, **QUICK)
        assert_allclose(read_catalog(out)["DISTANCE"], expected["DISTANCE"], rtol=1e-5)


def test_what_is_no_scale_of_the_five_labels_is_refused(stars):
    with pytest.raises(ValueError, match="label_scale needs a LabelScale fitted on TEFF"):
        build_catalog(stars[:5], label_scale=LabelScale(), **QUICK)
    other = LabelScale().fit(np.eye(3), np.eye(3))
    with pytest.raises(ValueError, match="label_scale needs a LabelScale fitted on TEFF"):
        build_catalog(stars[:5], label_scale=other, **QUICK)
    with pytest.raises(ValueError, match="there is no model 'nothing'"):
        build_catalog(stars[:5], label_scale="nothing", **QUICK)


def test_a_bit_tells_where_a_scale_has_no_star_in_common(stars):
    X = np.column_stack([np.asarray(stars[name], dtype=float) for name in FEATURES])
    giants = LabelScale(columns=[1]).fit(X[X[:, 1] < 3.5], X[X[:, 1] < 3.5, 1] - 0.1)
    catalog = build_catalog(stars, label_scale=giants, **QUICK)
    usable = np.isfinite(X).all(axis=1)
    assert_array_equal(has_bit(catalog, "LABELS_EXTRAPOLATED"), usable & giants.extrapolated(X))
    assert has_bit(catalog, "LABELS_EXTRAPOLATED")[usable & (X[:, 1] > 4.2)].all()
    assert not has_bit(build_catalog(stars, **QUICK), "LABELS_EXTRAPOLATED").any()
