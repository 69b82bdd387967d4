"""The networks in JavaScript give what Python gives; the page that runs them reads tables."""

import runpy
from pathlib import Path

import numpy as np
import pytest
from astropy.table import Table

from skdistmass import build_catalog, make_survey
from skdistmass.columns import BITS, FEATURES

pytestmark = pytest.mark.slow
SCRIPT = Path(__file__).resolve().parents[2] / "docs" / "make_try_page.py"
WIDTHS = {"wide": 1400, "narrow": 390}
TOLD = (
    *("MISSING_INPUT", "NO_K", "NO_EXTINCTION", "NEGATIVE_EXTINCTION", "BAD_INPUT_VALUE"),
    *("OUTSIDE_DISTANCE_DOMAIN", "DISTANCE_HELD_BY_ISOCHRONES", "OUTSIDE_MASS_DOMAIN"),
    *("MASS_HELD_BY_ISOCHRONES", "NOT_A_GIANT", "OUTSIDE_AGE_RANGE", "OUTSIDE_PUBLISHED_AGES"),
    "OLDER_THAN_UNIVERSE",
)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    page = tmp_path_factory.mktemp("try") / "try.html"
    page.write_text(runpy.run_path(str(SCRIPT))["render"](), encoding="utf-8")
    return page


@pytest.fixture(scope="module")
def stars():
    """1,000 stars as a table of a user: some labels missing or absurd, some stars far from any other."""
    survey = make_survey(1000, random_state=11)[0]
    table = Table({name: np.asarray(survey[name], dtype=float) for name in (*FEATURES, "K", "ALPHA_M")})
    table["A_K"] = np.asarray(survey["AK_TARG"], dtype=float)
    table["TEFF"][0], table["K"][1], table["A_K"][2], table["A_K"][3] = -1.0, np.nan, np.nan, -0.03
    table["M_H"][4:8], table["LOGG"][8:12], table["N_FE"][12:16] = -2.6, 0.1, 1.8
    table["ALPHA_M"][16:20] = np.nan
    table.add_column(np.char.add("star ", np.arange(len(table)).astype(str)), 0, "APOGEE_ID")
    return table


@pytest.fixture(scope="module")
def expected(stars):
    return build_catalog(stars, masses=("mass",), isochrone=False)


def results_of(page, table_file, n):
    page.set_input_files("#file", table_file)
    page.wait_for_selector(f"html[data-stars='{n}']", timeout=60_000)
    return page.evaluate(
        "tryResults.map(s => Object.fromEntries(Object.entries(s).map(([k, v]) => "
        "[k, typeof v === 'number' && !Number.isFinite(v) ? null : v])))"
    )


@pytest.mark.parametrize("suffix", ["csv", "fits"])
def test_a_thousand_stars_as_in_python(opened, path, stars, expected, tmp_path, suffix):
    table_file = tmp_path / f"stars.{suffix}"
    stars.write(table_file)
    with opened(path) as page:
        results = results_of(page, table_file, len(stars))
    told = sum(BITS[name][0] for name in TOLD)
    np.testing.assert_array_equal([one["BITMASK"] for one in results], np.asarray(expected["BITMASK"]) & told)
    age_errors = {
        f"AGE_ERR_{end}": np.asarray(expected["AGE_ERR"])[:, i] for i, end in enumerate(("UP", "DOWN"))
    }
    for name in ("ABS_MAG", "ABS_MAG_ERR", "DISTANCE", "DISTANCE_ERR", "MASS", "MASS_ERR", "AGE", "P_RC"):
        compare(results, name, np.asarray(expected[name], dtype=float))
    for name, values in age_errors.items():
        compare(results, name, values.astype(float))


def compare(results, name, values):
    """Equal to 1e-6, the catalogue's own columns being rounded to 24 bits."""
    got = np.array([np.nan if one[name] is None else one[name] for one in results], dtype=float)
    assert np.isfinite(values).sum() > 300, name
    np.testing.assert_allclose(got, values, rtol=1e-6, atol=1e-6, err_msg=name)


def test_one_star(opened, path):
    with opened(path) as page:
        assert "pc" in page.inner_text("#answer")
        assert "inside" in page.inner_text("#place")
        page.fill("#in-LOGG", "4.4")
        page.click("button[type=submit]")
        assert "NOT_A_GIANT" in page.inner_text("#answer")
        page.fill("#in-TEFF", "")
        page.press("#in-TEFF", "Enter")
        assert "MISSING_INPUT" in page.inner_text("#answer")


def test_a_table_that_cannot_be_read_is_told(opened, path, tmp_path):
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    (tmp_path / "ragged.csv").write_text("TEFF,LOGG\n1,2,3\n")
    with opened(path) as page:
        page.set_input_files("#file", tmp_path / "other.csv")
        page.get_by_text("has no column TEFF, LOGG, M_H, C_FE, N_FE").wait_for(timeout=5000)
        page.set_input_files("#file", tmp_path / "ragged.csv")
        page.get_by_text("star 1 has 3 values for 2 columns").wait_for(timeout=5000)


def test_results_can_be_saved(opened, path, stars, tmp_path):
    stars[:5].write(tmp_path / "few.csv")
    with opened(path) as page:
        results = results_of(page, tmp_path / "few.csv", 5)
        with page.expect_download() as download:
            page.click("text=Save all as CSV")
        download.value.save_as(tmp_path / "saved.csv")
    saved = Table.read(tmp_path / "saved.csv")
    assert list(saved["STAR"]) == list(stars["APOGEE_ID"][:5])
    assert saved["MASS"][4] == pytest.approx(results[4]["MASS"], rel=1e-6)


@pytest.mark.parametrize("size", WIDTHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_is_accessible(opened, serious_findings, path, size, scheme):
    with opened(path, size, scheme) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= WIDTHS[size]
        assert serious_findings(page) == []
