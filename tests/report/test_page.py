"""The report page as a file: whole, safe, and told of before the work where it cannot be made."""

import json
import re

import pytest

from skdistmass import make_survey, write_table
from skdistmass.cli import main
from skdistmass.report import write_report

pytest.importorskip("bokeh")
pytest.importorskip("matplotlib")


@pytest.fixture(scope="module")
def page(catalogue, tmp_path_factory):
    path = write_report(catalogue, tmp_path_factory.mktemp("report") / "report.html", training="age")
    return path.read_text(encoding="utf-8")


@pytest.mark.slow
def test_page_holds_all_it_needs(page, catalogue):
    assert not re.search(r"<(?:script|img|link|iframe)[^>]+(?:src|href)=\"(?!data:)", page)
    assert page.count("data:image/webp;base64,") >= 5
    assert f"{len(catalogue):,} stars" in page
    for section in ("What it holds", "Why not all", "Accuracy", "Provenance", "How to cite"):
        assert section in page
    assert "Stone-Martinez" in page
    assert catalogue.meta["models"]["DISTANCE"].split()[1] in page
    assert len(page) < 6e6


@pytest.mark.slow
def test_facts_for_the_script_are_json(page):
    text = re.search(r"<script type=\"application/json\" id=\"facts\">(.*?)</script>", page, re.DOTALL)[1]
    facts = json.loads(text)
    assert [2**9, "STAR_BAD"] in [entry[:2] for entry in facts["bits"]]
    assert facts["units"]["DISTANCE"] == "kpc"


@pytest.mark.slow
def test_text_of_the_file_cannot_become_markup(tmp_path, catalogue):
    few = catalogue[:50].copy()
    few.meta = {"source": "<script>alert(1)</script>"}
    few["APOGEE_ID"][0] = "</script><b>"
    written = write_report(few, tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<script>alert(1)" not in written
    assert "</script><b>" not in written


@pytest.mark.slow
def test_command_writes_the_page_beside_the_catalogue(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_table(make_survey(60, random_state=2)[0], "stars.fits")
    assert main(["catalog", "stars.fits", "--report", "--no-isochrone", "--mass-model", "mass"]) == 0
    assert "wrote stars-distmass-report.html" in capsys.readouterr().out
    assert main(["report", "stars-distmass.fits", "-o", "again.html", "--training", "distance"]) == 0
    assert {path.name for path in tmp_path.iterdir()} == {
        "stars.fits",
        "stars-distmass.fits",
        "stars-distmass-report.html",
        "again.html",
    }


def test_an_existing_page_stays(tmp_path, catalogue):
    (tmp_path / "report.html").write_text("mine")
    with pytest.raises(FileExistsError):
        write_report(catalogue, tmp_path / "report.html")
    assert (tmp_path / "report.html").read_text() == "mine"


def test_missing_libraries_are_told_before_the_work(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(
        "skdistmass.report.libraries.find_spec", lambda name: None if name == "bokeh" else name
    )
    assert main(["report", "nothing.fits", "-o", str(tmp_path / "report.html")]) == 1
    assert "pip install 'skdistmass[report]'" in capsys.readouterr().err
