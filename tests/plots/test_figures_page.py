"""The page of figures: made from the table of expressions, each of which draws."""

import runpy
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAPER = {str(number) for number in range(1, 19)}


@pytest.fixture(scope="module")
def script():
    return runpy.run_path(str(DOCS / "make_figures.py"))


def test_page_is_made_by_the_script(script):
    assert (DOCS / "figures.md").read_text(encoding="utf-8") == script["render"]()


def test_every_figure_of_the_paper_has_a_call(script):
    covered = {part.strip(" ab") for figure in script["FIGURES"] for part in figure.paper.split(",")} - {""}
    assert covered == PAPER


@pytest.mark.slow
def test_every_expression_draws_labelled_axes(script):
    from matplotlib import pyplot

    for figure, display in script["draw"](3000):
        for ax in display.figure_.axes:
            if ax.get_visible() and ax.get_subplotspec() is not None and ax.get_subplotspec().is_last_row():
                assert ax.get_xlabel() or ax.get_ylabel(), figure.name
        assert display.figure_.axes, figure.name
        pyplot.close("all")
