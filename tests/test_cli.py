"""The command: what it writes, its exit codes, and what it leaves behind when it fails."""

import os
import re
import subprocess
import sys
from pathlib import Path

import joblib
import numpy as np
import pytest
from astropy.table import Table

from skdistmass import (
    __version__,
    build_catalog,
    load_model,
    make_survey,
    read_catalog,
    read_stars,
    write_table,
)
from skdistmass.cli import main
from skdistmass.cli.simulate import write_survey
from skdistmass.columns import CATALOG_COLUMNS

QUICK = ("--no-isochrone", "--mass-model", "mass")


@pytest.fixture(scope="module")
def survey():
    return make_survey(60, random_state=2)[0]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def stars(folder, survey):
    return write_table(survey, folder / "stars.fits").name


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def usage_error(*arguments):
    with pytest.raises(SystemExit) as stop:
        main(list(arguments))
    return stop.value.code


# What it does


def test_catalog(stars, survey, folder, capsys):
    assert main(["catalog", stars, "-o", "out.fits"]) == 0
    out, err = capsys.readouterr()
    assert re.search(r"^skdistmass: catalogue: 60 rows in [\d.]+ s \([\d,]+ rows/s\)$", err, re.MULTILINE)
    assert out.splitlines()[-1] == "wrote out.fits"
    for word in ("DISTANCE", "MASS", "AGE", "Gyr", "rows: 60"):
        assert word in out
    catalog = read_catalog("out.fits")
    assert list(catalog["APOGEE_ID"]) == list(survey["APOGEE_ID"])
    assert np.isfinite(catalog["DISTANCE"]).sum() > 50
    assert catalog.meta["source"] == "stars.fits"
    assert names(folder) == ["out.fits", "stars.fits"]


def test_without_input_it_simulates(folder, monkeypatch, capsys):
    monkeypatch.setattr(write_survey, "__defaults__", (None, 80, 0, False))
    assert main(["catalog", *QUICK]) == 0
    assert names(folder) == ["skdistmass-catalog.fits", "skdistmass-survey.fits"]
    assert len(read_catalog("skdistmass-catalog.fits")) == len(read_stars("skdistmass-survey.fits")) == 80
    out = capsys.readouterr().out
    assert "wrote skdistmass-survey.fits" in out
    assert "wrote skdistmass-catalog.fits" in out
    before = Path("skdistmass-catalog.fits").read_bytes()
    assert main(["catalog", *QUICK]) == 1
    assert "--overwrite" in capsys.readouterr().err
    assert Path("skdistmass-catalog.fits").read_bytes() == before
    assert main(["catalog", *QUICK, "--overwrite"]) == 0


@pytest.mark.parametrize("suffix", ["fits", "ecsv", "parquet", "vot"])
@pytest.mark.parametrize("naming", ["paper", "cas"])
def test_formats_and_namings(suffix, naming, stars):
    output = f"catalog.{suffix}"
    assert main(["catalog", stars, "-o", output, "--columns", naming, *QUICK]) == 0
    catalog = read_catalog(output)
    assert catalog.meta["naming"] == naming
    assert {"DISTANCE", "WEIGHTED_DIST", "MASS", "AGE_ERR", "AGE_GYR"} <= set(catalog.colnames)
    if suffix == "ecsv":
        written = Table.read(output, format="ascii.ecsv").colnames
        assert CATALOG_COLUMNS["WEIGHTED_DIST"].name_in(naming) in written


@pytest.mark.parametrize(
    ("source", "output"),
    [
        ("stars.fits", "stars-distmass.fits"),
        ("stars.v2.fits.gz", "stars.v2-distmass.fits"),
        ("sub/s.parquet", "s-distmass.fits"),
    ],
)
def test_name_of_the_output(source, output, survey, folder):
    Path("sub").mkdir()
    write_table(survey, source)
    assert main(["catalog", source, *QUICK]) == 0
    assert len(read_catalog(output)) == 60


def test_settings_reach_the_catalogue(stars, survey):
    options = ["--extinction-rule", "paper", "--sfd-coefficient", "0.31", "--age-model", "age-initial"]
    assert main(["catalog", stars, "-o", "out.fits", *options, *QUICK]) == 0
    expected = build_catalog(
        survey,
        extinction_rule="paper",
        sfd_coefficient=0.31,
        masses=("mass",),
        age="age-initial",
        isochrone=False,
    )
    catalog = read_catalog("out.fits")
    for name in ("EXTINCTION", "DISTANCE", "AGE"):
        np.testing.assert_array_equal(catalog[name], expected[name])
    assert catalog.meta["sfd_coefficient"] == 0.31
    assert "NMSU_DIST" not in catalog.colnames


def test_simulate(folder, capsys):
    arguments = ["simulate", "-n", "30", "--seed", "4", "-o", "a.fits", "--truth", "truth.ecsv"]
    assert main(arguments) == 0
    assert names(folder) == ["a.fits", "truth.ecsv"]
    assert capsys.readouterr().out == "wrote a.fits\nwrote truth.ecsv\n"
    stars, truth = make_survey(30, random_state=4)
    np.testing.assert_array_equal(read_stars("a.fits")["TEFF"], stars["TEFF"])
    assert len(Table.read("truth.ecsv", format="ascii.ecsv")) == len(truth)
    assert main(arguments) == 1
    assert main([*arguments, "--overwrite"]) == 0


def test_simulate_needs_two_files(folder, capsys):
    assert main(["simulate", "-n", "30", "-o", "a.fits", "--truth", "./a.fits", "--overwrite"]) == 1
    assert "need two files" in capsys.readouterr().err
    assert names(folder) == []


@pytest.mark.parametrize("number", ["0", "-5"])
def test_simulate_needs_stars(number, folder, capsys):
    assert main(["simulate", "-n", number, "-o", "a.fits"]) == 1
    assert number in capsys.readouterr().err
    assert names(folder) == []


# Exit codes


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("unknown",),
        ("catalog", "a.fits", "b.fits"),
        ("catalog", "--columns", "mine"),
        ("catalog", "--extinction-rule", "none"),
        ("catalog", "--sfd-coefficient", "much"),
        ("catalog", "--unknown-option"),
        ("simulate", "-n", "many"),
    ],
)
def test_wrong_usage_is_2(arguments, folder, capsys):
    assert usage_error(*arguments) == 2
    assert "usage: skdistmass" in capsys.readouterr().err
    assert names(folder) == []


def test_help_and_version(capsys):
    assert usage_error("--version") == 0
    assert capsys.readouterr().out == f"skdistmass {__version__}\n"
    assert usage_error("--help") == 0
    assert {"catalog", "models", "simulate"} <= set(capsys.readouterr().out.split())
    for command in ("catalog", "models", "simulate"):
        assert usage_error(command, "--help") == 0
        assert "--debug" in capsys.readouterr().out


def test_errors_are_one_line_and_1(folder, capsys):
    assert main(["catalog", "missing.fits", "-o", "out.fits"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "skdistmass: error: missing.fits: no such file\n"
    assert names(folder) == []


def test_debug_shows_the_traceback():
    with pytest.raises(FileNotFoundError, match=r"missing\.fits"):
        main(["catalog", "missing.fits", "-o", "out.fits", "--debug"])


def test_interruption_leaves_nothing(stars, folder, monkeypatch, capsys):
    from skdistmass.tables import atomic as writing

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(writing.os, "replace", interrupt)
    assert main(["catalog", stars, "-o", "out.fits", *QUICK]) == 130
    assert capsys.readouterr().err.splitlines()[-1] == "skdistmass: interrupted"
    assert names(folder) == ["stars.fits"]


def test_command_is_installed():
    command = Path(sys.executable).with_name("skdistmass")
    if not command.exists():
        pytest.skip("the package is on the path without being installed")
    result = subprocess.run([command, "models"], capture_output=True, text=True, check=False)
    assert result.returncode == 0
    assert result.stderr == ""
    assert "distance" in result.stdout
    assert subprocess.run([command], capture_output=True, check=False).returncode == 2


# Outputs


def test_existing_output_is_kept(stars, capsys):
    Path("out.fits").write_text("precious")
    assert main(["catalog", stars, "-o", "out.fits", *QUICK]) == 1
    assert capsys.readouterr().err.startswith(
        "skdistmass: error: out.fits: exists; give overwrite=True (--overwrite)"
    )
    assert Path("out.fits").read_text() == "precious"
    assert main(["catalog", stars, "-o", "out.fits", "--overwrite", *QUICK]) == 0
    assert len(read_catalog("out.fits")) == 60


def test_failure_keeps_the_old_output(survey, folder):
    write_table(survey["TEFF", "LOGG"], "two.fits")
    Path("out.fits").write_text("precious")
    assert main(["catalog", "two.fits", "-o", "out.fits", "--overwrite"]) == 1
    assert Path("out.fits").read_text() == "precious"
    assert names(folder) == ["out.fits", "two.fits"]


def test_input_is_not_replaced(stars, capsys):
    before = Path(stars).read_bytes()
    Path("link.fits").symlink_to(stars)
    for output in (stars, "link.fits"):
        assert main(["catalog", stars, "-o", output, "--overwrite", *QUICK]) == 1
        assert "would replace the table it is made from" in capsys.readouterr().err
    assert main(["catalog", "-o", "skdistmass-survey.fits", *QUICK]) == 1
    assert Path(stars).read_bytes() == before


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("out.txt", "unknown table format"),
        ("missing/out.fits", "its folder missing does not exist"),
        ("sub", "unknown table format"),
        ("sub.fits", "a folder"),
    ],
)
def test_impossible_outputs(output, message, stars, folder, capsys):
    Path("sub").mkdir()
    Path("sub.fits").mkdir()
    assert main(["catalog", stars, "-o", output, *QUICK]) == 1
    assert message in capsys.readouterr().err
    assert names(folder) == ["stars.fits", "sub", "sub.fits"]


# Models


def test_model_files(stars, folder, capsys):
    shipped = load_model("mass")
    joblib.dump(shipped, "mine.joblib")
    arguments = ["catalog", stars, "--no-isochrone", "--mass-model", "mine.joblib", "-o", "out.fits"]
    assert main(arguments) == 0
    assert read_catalog("out.fits").meta["models"]["MASS"].startswith("mine.joblib ")
    # What is no model of ours is not unpickled without a word of trust.
    joblib.dump({"card_": Path("mine.joblib")}, "other.joblib")
    arguments[4:] = ["other.joblib", "-o", "other.fits"]
    assert main(arguments) == 1
    assert "--trust-models" in capsys.readouterr().err
    assert main([*arguments, "--trust-models"]) == 1
    assert "holds a dict without a card" in capsys.readouterr().err
    assert names(folder) == ["mine.joblib", "other.joblib", "out.fits", "stars.fits"]


def test_model_that_cannot_be_read(stars, folder, capsys):
    from skdistmass import models

    content = (Path(models.__file__).parent / "distance.joblib").read_bytes()
    Path("distance.joblib").write_bytes(content[:1000])
    assert main(["catalog", stars, "--distance-model", "distance.joblib", "-o", "out.fits"]) == 1
    assert "model file distance.joblib cannot be read as a model" in capsys.readouterr().err
    assert main(["catalog", stars, "--distance-model", "none", "-o", "out.fits"]) == 1
    assert "there is no model 'none'" in capsys.readouterr().err
    assert main(["catalog", stars, "--distance-model", "mass", "-o", "out.fits"]) == 1
    assert "distance needs a DistanceRegressor" in capsys.readouterr().err
    assert names(folder) == ["distance.joblib", "stars.fits"]


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["torch", "jax"])
def test_another_backend_of_keras_in_the_environment_does_not_matter(backend, folder):
    stars = write_table(make_survey(2000, random_state=2)[0], folder / "stars.fits").name
    environment = os.environ | {"KERAS_BACKEND": backend}
    command = [sys.executable, "-m", "skdistmass"]
    training = ["train", "distance", stars, "-o", "own.joblib", "--hidden", "3", "--max-iter", "20"]
    for arguments in (training, ["catalog", stars, "--distance-model", "own.joblib", "-o", "out.fits"]):
        done = subprocess.run(
            [*command, *arguments], env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
    assert len(read_catalog("out.fits")) == 2000
