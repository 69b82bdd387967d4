"""What a report tells of a catalogue: counts that add up, and tables of its accuracy."""

import numpy as np
import pytest

from skdistmass import build_catalog
from skdistmass.columns import BITS, CUTS, good_stars
from skdistmass.physics.statistics import robust_sigma
from skdistmass.report import accuracy, contents, interactive
from skdistmass.report.contents import read_contents


@pytest.fixture(scope="module")
def read(catalogue):
    return read_contents(catalogue)


@pytest.mark.parametrize("quantity", CUTS)
def test_the_steps_of_a_cut_end_at_the_recommended_stars(quantity, read, catalogue):
    steps = read.cut_steps(quantity)
    assert [step.bit for step in steps[:-1]] == list(CUTS[quantity])
    assert steps[-1].n_left == np.count_nonzero(good_stars(catalogue, quantity))
    left = len(catalogue)
    mask = np.asarray(catalogue["BITMASK"])
    for step in steps:
        left -= step.n_removed
        assert step.n_left == left
        if step.bit in BITS:
            assert step.n_with == np.count_nonzero(mask & BITS[step.bit][0])


def test_inputs_are_counted(read, catalogue):
    counts = {name: n for name, _, n in read.inputs()}
    for name in ("TEFF", "N_FE", "MAG", "GAIAEDR3_DIST"):
        assert counts[name] == np.count_nonzero(np.isfinite(catalogue[name]))


def test_distances_against_gaia(read, catalogue):
    network, isochrones = accuracy.against_gaia(read)
    good = good_stars(catalogue) & np.isfinite(catalogue["GAIAEDR3_DIST"])
    fraction = np.asarray(catalogue["DISTANCE"] / catalogue["GAIAEDR3_DIST"])[good].astype(float) - 1
    _, n, offset, sigma, _ = network.rows[0]
    assert n == good.sum()
    assert offset == pytest.approx(np.median(fraction), abs=1e-4)
    assert sigma == pytest.approx(robust_sigma(fraction), abs=1e-4)
    assert sum(row[1] for row in network.rows[1:]) <= n
    assert isochrones.title.startswith("Isochrone")


def test_cards_are_those_of_the_models_that_filled_it(read):
    cards = read.cards()
    assert cards["DISTANCE"]["kind"] == "DistanceRegressor"
    assert cards["MASS_COR_MO"]["label_set"] == "COR_MO"
    table = accuracy.of_card("MASS", cards["MASS"])
    assert table.rows[0][0] == "all"
    assert table.rows[0][1] == cards["MASS"]["test_metrics"]["all"]["n"]


def test_a_choice_of_stars_is_drawn_where_there_are_many(read, monkeypatch):
    assert not read.is_sample
    everyone = read.shown_rows()
    monkeypatch.setattr(contents, "N_SHOWN", 200)
    chosen = read.shown_rows()
    assert read.is_sample
    assert len(chosen) == len(set(chosen)) == 200
    assert set(chosen) <= set(everyone)
    np.testing.assert_array_equal(chosen, read.shown_rows())


def test_a_set_of_labels_stands_in_where_there_is_no_mass(stars, loaded):
    model = next(iter(loaded["masses"].values()))
    catalog = build_catalog(stars, masses={"COR_MO": model}, isochrone=False)
    assert "MASS" not in catalog.colnames
    told = read_contents(catalog)
    assert told.label_set == "COR_MO"
    np.testing.assert_array_equal(told.table["MASS"], catalog["MASS_COR_MO"])
    np.testing.assert_array_equal(told.table["AGE_ERR"], catalog["AGE_ERR"])
    assert told.cut_steps("mass")[-1].n_left > 0


def test_a_survey_table_is_no_catalogue(stars):
    with pytest.raises(ValueError, match="no column BITMASK"):
        read_contents(stars)


def test_colours_are_grey_outside_the_cut(read):
    pytest.importorskip("bokeh")
    rows = read.shown_rows()
    colors = interactive._color_choices(read, rows)
    assert [choice["name"] for choice in colors][:3] == ["AGE", "MASS", "M_H"]
    columns = interactive._columns(read, rows, colors)
    good = good_stars(read.table, "age")[rows]
    np.testing.assert_array_equal(np.isfinite(columns["COLOR"]), good)
    np.testing.assert_allclose(columns["AGE"][good], read.table["AGE"][rows][good] / 1e9, rtol=1e-5)
    np.testing.assert_allclose(columns["DISTANCE"], read.table["DISTANCE"][rows] / 1e3, rtol=1e-5)
