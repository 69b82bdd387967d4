"""The documentation says what the code says."""

import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import skdistmass

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"


def test_column_page_is_made_from_the_column_table():
    render = runpy.run_path(str(DOCS / "make_columns.py"))["render"]
    assert (DOCS / "columns.md").read_text(encoding="utf-8") == render()


def test_readme_names_only_what_exists():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for estimator in (
        "DistanceRegressor",
        "MassRegressor",
        "MassToAge",
        "BinaryPruner",
        "TrainingDomain",
        "IsochroneDistance",
    ):
        assert f"| `{estimator}` |" in readme
        assert estimator in skdistmass.__all__


def test_readme_links_lead_somewhere():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    targets = [part.split(")")[0] for part in readme.split("](")[1:]]
    local = [target for target in targets if not target.startswith("http")]
    assert local
    assert all((ROOT / target).exists() for target in local)


GALLERY = sorted((ROOT / "examples").glob("plot_*.py"))


@pytest.mark.slow
@pytest.mark.parametrize("script", GALLERY, ids=lambda path: path.stem)
def test_gallery_script_runs_and_draws(script, tmp_path, monkeypatch):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [str(script)])
    import matplotlib.pyplot as plt

    monkeypatch.setattr(plt, "show", lambda: None)
    runpy.run_path(str(script), run_name="__main__")
    figures = [plt.figure(number) for number in plt.get_fignums()]
    saved = list(tmp_path.glob("*.png"))
    assert figures or saved
    plt.close("all")


MAKING = ROOT / "examples" / "making"


def test_readme_of_the_making_folder_names_every_script():
    readme = (MAKING / "Readme.md").read_text(encoding="utf-8")
    helpers = {"real_stars.py", "published_scale.py", "star_labels.py", "shipped_cards.py"}
    scripts = {path.name for path in MAKING.glob("*.py")} - helpers
    assert {name for name in scripts if f"| `{name}` |" in readme} == scripts


def test_makers_name_the_tables_that_are_not_there(tmp_path):
    module = runpy.run_path(str(MAKING / "real_stars.py"))
    module["check_tables"].__globals__["DATA"] = tmp_path
    for name in module["TABLES"][2:]:
        (tmp_path / name).touch()
    with pytest.raises(SystemExit, match=r"^kepler_giants\.csv, apokasc3\.csv: not in .*not part of this"):
        module["check_tables"]()


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        ("fit_radius_correction.py", "absent.csv"),
        ("fit_sharma_correction.py", "absent.csv"),
        ("fit_red_clump.py", "out"),
        ("make_shipped_models.py", "out"),
        ("select_architecture.py",),
    ],
    ids=lambda words: words[0],
)
def test_makers_say_that_their_tables_are_not_part_of_this_project(words, tmp_path, monkeypatch):
    """Run from a copy, beside which there are no tables of real stars."""
    making = tmp_path / "project" / "examples" / "making"
    shutil.copytree(MAKING, making, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.chdir(tmp_path)
    command = [sys.executable, making / words[0], *words[1:]]
    settings = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=settings)
    assert done.returncode != 0
    assert "part of this repository" in done.stderr
    assert "Traceback" not in done.stderr


def test_maker_of_the_shipped_models_makes_each_of_them(monkeypatch):
    monkeypatch.syspath_prepend(str(MAKING))
    module = runpy.run_path(str(MAKING / "make_shipped_models.py"))
    assert sorted(module["MAKERS"]) == skdistmass.list_models()
    assert sorted(module["SCALES"]) == skdistmass.list_label_scales()


BLOCK = re.compile(r"^```(python|sh)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PAGES = [
    page for page in (ROOT / "README.md", *sorted(DOCS.glob("*.md"))) if BLOCK.search(page.read_text("utf-8"))
]


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """A folder with the tables that the pages speak of, of simulated stars."""
    import numpy as np

    from skdistmass.columns import FEATURES

    folder = tmp_path_factory.mktemp("desk")
    stars, truth = skdistmass.make_survey(4000, random_state=8)
    for name in ("allStar-dr17-synspec_rev1.fits", "my-survey.fits", "survey.parquet"):
        skdistmass.write_table(stars, folder / name)
    labels = stars[["APOGEE_ID", *FEATURES]].copy()
    labels["MASS"] = np.asarray(truth["mass"]) * np.random.default_rng(0).normal(1.0, 0.05, len(stars))
    labels["MASS_ERR"] = 0.05 * labels["MASS"]
    giants = labels[np.asarray(stars["LOGG"]) < 3.3]
    skdistmass.write_table(giants, folder / "my-masses.csv")
    skdistmass.write_table(giants, folder / "my-giants.csv")
    (folder / "training").mkdir()
    labels["ABS_MAG"], labels["ABS_MAG_ERR"] = truth["absolute_magnitude"], np.full(len(stars), 0.1)
    complete = np.isfinite(np.column_stack([labels[name] for name in FEATURES])).all(axis=1)
    skdistmass.write_table(labels[complete], folder / "training" / "part.0.parquet")
    catalog = skdistmass.build_catalog(stars, masses="mass", isochrone=False)
    skdistmass.write_table(catalog, folder / "distmass.fits")
    return folder


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:The inplace keyword")  # Dask with the newest pandas
@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_code_blocks_run(page, desk, tmp_path, monkeypatch):
    pytest.importorskip("matplotlib").use("Agg")
    from skdistmass.cli import main

    for item in desk.iterdir():
        (tmp_path / item.name).symlink_to(item)
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "__main__"}
    for language, code in BLOCK.findall(page.read_text(encoding="utf-8")):
        if language == "python":
            # The anchors of a real training, but fewer of them.
            exec(compile(code.replace("60_000", "6_000"), str(page), "exec"), names)
            continue
        for line in code.splitlines():
            words = shlex.split(line)
            if words and words[0] == "skdistmass":
                assert main([*words[1:], "--overwrite", "--quiet"]) == 0
    import matplotlib.pyplot as plt

    plt.close("all")
