"""The report page in headless Chromium: hover, selection, the panel of a star, no errors, accessibility."""

import pytest

from skdistmass.report import write_report

pytestmark = pytest.mark.slow
WIDTHS = {"wide": 1400, "narrow": 390}


@pytest.fixture(scope="module")
def report(catalogue, tmp_path_factory):
    pytest.importorskip("bokeh")
    return write_report(catalogue, tmp_path_factory.mktemp("report") / "report.html")


@pytest.fixture
def page(opened, report):
    with opened(report) as page:
        yield page


def model(name):
    return f"Bokeh.documents[0].get_model_by_name({name!r})"


def place_of(page, row):
    """Where a star of the Kiel diagram is on the screen."""
    page.locator("#explore").scroll_into_view_if_needed()
    return page.evaluate(
        f"""(i) => {{
            const view = Bokeh.index.get_by_id({model("kiel")}.id);
            const data = {model("stars")}.data;
            const box = view.canvas_view.el.getBoundingClientRect();
            return [box.x + view.frame.x_scale.compute(data.TEFF[i]),
                    box.y + view.frame.y_scale.compute(data.LOGG[i])];
        }}""",
        row,
    )


def lone_star(page):
    """A star of the middle of the diagram with an age, far from its neighbours on the screen."""
    return page.evaluate(
        f"""() => {{
            const d = {model("stars")}.data, n = d.ID.length;
            let best = -1, far = 0;
            for (let i = 0; i < n; i++) {{
                if (!(d.AGE[i] > 0 && d.AGE_ERR_UP[i] > 0 && d.LOGG[i] > 0.5 && d.LOGG[i] < 4)) continue;
                let near = Infinity;
                for (let j = 0; j < n; j++) {{
                    const away = Math.hypot((d.TEFF[i] - d.TEFF[j]) / 4000, (d.LOGG[i] - d.LOGG[j]) / 5);
                    if (j !== i) near = Math.min(near, away);
                }}
                if (near > far) [best, far] = [i, near];
            }}
            return best;
        }}"""
    )


def test_hover_names_the_star(page):
    row = lone_star(page)
    page.mouse.move(*place_of(page, row))
    page.wait_for_selector(".bk-Tooltip", state="attached", timeout=5000)
    name = page.evaluate(f"(i) => {model('stars')}.data.ID[i]", row)
    page.get_by_text(name).first.wait_for(timeout=5000)


def test_click_fills_the_panel_and_both_diagrams(page, catalogue):
    row = lone_star(page)
    page.mouse.click(*place_of(page, row))
    page.wait_for_selector("#star h3", timeout=5000)
    assert page.evaluate(f"Array.from({model('stars')}.selected.indices)") == [row]
    text = page.inner_text("#star")
    star = catalogue[page.evaluate(f"(i) => {model('stars')}.data.ROW[i]", row)]
    assert star["APOGEE_ID"] in text
    assert f"BITMASK {star['BITMASK']}" in text
    digits = max(0, min(3, 2 - int(f"{star['MASS']:e}".split("e")[1])))
    assert f"{star['MASS']:.{digits}f} ± " in text
    assert page.locator("#star svg").count() == 3


def test_selection_of_many_is_summed_up(page):
    page.evaluate(f"{model('stars')}.selected.indices = [1, 2, 3, 4, 5]")
    assert page.inner_text("#selection").startswith("5 stars selected; medians: ")
    page.click("#clear")
    assert page.inner_text("#selection") == ""


def test_colours_and_search(page):
    before = page.evaluate(f"{model('colors')}.high")
    page.select_option("#color", index=1)
    assert page.evaluate(f"{model('colors')}.high") != before
    assert page.evaluate(f"{model('bar')}.title") == "mass [M☉]"
    page.fill("#find", page.evaluate(f"{model('stars')}.data.ID[7]").lower())
    page.press("#find", "Enter")
    page.wait_for_selector("#star h3", timeout=5000)
    page.fill("#find", "nobody")
    page.press("#find", "Enter")
    assert "not among" in page.inner_text("#selection")


@pytest.mark.parametrize("size", WIDTHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wider_than_the_screen(opened, report, size, scheme):
    with opened(report, size, scheme) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= WIDTHS[size]
        paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (paper == "rgb(255, 255, 255)") == (scheme == "light")


@pytest.mark.parametrize("size", WIDTHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_accessibility(opened, serious_findings, report, size, scheme):
    with opened(report, size, scheme) as page:
        page.evaluate(f"{model('stars')}.selected.indices = [3]")
        assert serious_findings(page) == []
