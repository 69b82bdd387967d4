"""Files that tools read: citation, issue forms, release list."""

import configparser
import re
from pathlib import Path

import pytest
import yaml
from packaging.version import Version

import skdistmass

ROOT = Path(__file__).resolve().parents[1]
FORMS = sorted(path for path in (ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml") if path.stem != "config")


def read(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def test_citation_names_this_version_and_licence():
    citation = read(ROOT / "CITATION.cff")
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    assert citation["version"] == skdistmass.__version__
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"## [{skdistmass.__version__}] - {citation['date-released']}" in changes
    assert citation["license"] == setup["metadata"]["license"]
    assert citation["cff-version"] == "1.2.0"
    for work in (citation, *citation["references"]):
        assert {"title", "authors"} <= set(work)
        assert all("name" in author or "family-names" in author for author in work["authors"])


def test_works_to_cite_are_those_of_the_readme():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for work in read(ROOT / "CITATION.cff")["references"]:
        assert f"{work['volume']}, {work['start']}" in readme


@pytest.mark.parametrize("form", FORMS, ids=lambda path: path.stem)
def test_issue_forms_have_what_a_form_needs(form):
    content = read(form)
    assert {"name", "description", "body"} <= set(content)
    ids = [field["id"] for field in content["body"]]
    assert len(ids) == len(set(ids))
    for field in content["body"]:
        assert field["type"] in ("input", "textarea", "dropdown", "checkboxes")
        assert field["attributes"]["label"]


def test_contributing_and_release_pages_name_files_that_exist():
    for page in ("CONTRIBUTING.md", "release.md"):
        words = (ROOT / "docs" / page).read_text(encoding="utf-8").replace("`", " ").split()
        paths = {word.rstrip(".,;:()") for word in words if "/" in word and word.endswith((".py", ".json"))}
        assert paths
        assert all((ROOT / path).exists() for path in paths)
        assert (ROOT / ".ci" / "run").exists()


def test_supported_versions_are_those_that_were_shown():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    lines = (ROOT / "docs" / "environments.md").read_text(encoding="utf-8").splitlines()
    head, _, *rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if "|" in line]
    shown = [dict(zip(head, row, strict=True)) for row in rows]
    assert len(shown) == 6
    for row in shown:
        assert {row[step] for step in ("names, catalogue", "golden", "others' models")} == {"yes"}
        assert "passed" in row["tests"]
        assert not re.search("failed|error", row["tests"])
    pythons = re.findall(r":: Python :: (3\.\d+)", setup["metadata"]["classifiers"])
    assert sorted({row["Python"] for row in shown}) == sorted(pythons)
    assert setup["options"]["python_requires"] == f">={min(pythons)}"
    # `>= 2.1, < 3`: the lowest libraries are releases of 2.1, and the newest lie below 3.
    bounds = re.findall(r"([\w-]+) >= ([\d.]+), < ([\d.]+)", setup["options"]["install_requires"])
    for name, lower, upper in bounds:
        for row in shown if name in head else ():
            assert Version(lower) <= Version(row[name]) < Version(upper)
            assert row["libraries"] != "lowest" or f"{row[name]}.".startswith(f"{lower}."), name
