"""Terminal manners: verbosity, JSON, early errors, examples, completion, progress."""

import argparse
import io
import json
import logging
import shlex
import subprocess
import sys
import time

import pytest

from skdistmass import progress, write_table
from skdistmass.cli import main, make_parser

QUICK = ("--no-isochrone", "--mass-model", "mass")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch, stars):
    monkeypatch.chdir(tmp_path)
    table = stars[:60].copy()
    table.rename_column("TEFF", "teff")
    write_table(table, "stars.csv")
    return tmp_path


def parsers(parser, words=()):
    """Every parser of the command, with the words that lead to it."""
    yield words, parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, inner in action.choices.items():
                yield from parsers(inner, (*words, name))


LEAVES = [
    (words, parser)
    for words, parser in parsers(make_parser())
    if not any(isinstance(action, argparse._SubParsersAction) for action in parser._actions)
]


@pytest.mark.parametrize(("words", "parser"), LEAVES, ids=[" ".join(words) for words, _ in LEAVES])
def test_every_command_has_examples_that_it_understands(words, parser):
    lines = [line.strip() for line in (parser.epilog or "").splitlines()]
    commands = [shlex.split(line)[1:] for line in lines if line.startswith("skdistmass ")]
    assert len(commands) >= 2
    for command in commands:
        args = make_parser().parse_args([*command, "-v", "--json"])
        assert command[: len(words)] == list(words)
        assert args.json
        assert args.verbose == 1


def test_verbosity(capsys):
    assert main(["catalog", "stars.csv", "-o", "a.fits", *QUICK, "-v"]) == 0
    out, err = capsys.readouterr()
    assert "stars.csv: 60 rows; columns " in err
    assert "TEFF (`teff`), TEFF_ERR, LOGG, " in err
    assert "extinction of 60 stars by the rule 'survey': " in err
    assert "rows: 60" in out
    assert main(["catalog", "stars.csv", "-o", "b.fits", *QUICK, "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")
    assert main(["catalog", "stars.csv", "-o", "b.fits", *QUICK, "--quiet"]) == 1
    assert "b.fits: exists" in capsys.readouterr().err
    assert logging.getLogger("skdistmass").level == logging.NOTSET, "as it was before"
    assert logging.getLogger("skdistmass").handlers == []


def test_summary_as_json(capsys):
    assert main(["catalog", "stars.csv", "-o", "a.fits", *QUICK, "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["command"] == "catalog"
    assert summary["outputs"] == ["a.fits"]
    assert summary["rows"] == 60
    distance = summary["quantities"]["DISTANCE"]
    assert distance["unit"] == "pc"
    assert distance["p16"] < distance["median"] < distance["p84"]
    assert 0.02 < distance["median_error"] < 0.3
    assert len(summary["quantities"]["AGE"]["median_error"]) == 2
    assert 0 < summary["recommended"]["distance"] <= 60
    assert main(["catalog", "stars.csv", "-o", "a.fits", "--json"]) == 1
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["type"] == "FileExistsError"
    assert "a.fits" in error["message"]


def test_models_and_simulated_surveys_as_json(capsys):
    assert main(["models", "--json", "--quiet"]) == 0
    listed = {model["name"]: model for model in json.loads(capsys.readouterr().out)["models"]}
    assert listed["mass"]["target_unit"].startswith("solMass")
    assert main(["models", "mass", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["card"]["target"] == "MASS"
    assert main(["simulate", "-n", "30", "-o", "s.fits", "--truth", "t.fits", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["outputs"] == ["s.fits", "t.fits"]


MISTAKES = {
    "no such file": ["catalog", "missing.fits", "--workers", "2"],
    "unknown table format": ["catalog", "stars.csv", "-o", "out.docx", "--scheduler", "tcp://nowhere:1"],
    "exists": ["catalog", "stars.csv", "-o", "stars.parquet"],
    "there is no model 'mine'": ["catalog", "stars.csv", "--mass-model", "mine"],
    "there is no model 'dr99'": ["catalog", "stars.csv", "--label-scale", "dr99"],
    "labels.fits: no such file": ["train", "mass", "stars.csv", "-o", "m.joblib", "--labels", "labels.fits"],
    "not a positive integer": ["catalog", "stars.csv", "--chunk-rows", "0"],
    "its folder absent does not exist": ["train", "distance", "stars.csv", "-o", "absent/m.joblib"],
}
_RUN = """
import json, sys
from skdistmass.cli import main
for arguments in json.loads(sys.argv[1]):
    try:
        main(arguments)
    except SystemExit:
        pass
sys.stderr.write(json.dumps(sorted({name.split(".")[0] for name in sys.modules})))
"""


def test_mistakes_are_told_before_anything_heavy_is_imported(folder):
    (folder / "stars.parquet").touch()
    command = [sys.executable, "-c", _RUN, json.dumps(list(MISTAKES.values()))]
    *messages, modules = subprocess.run(
        command, capture_output=True, text=True, check=True
    ).stderr.splitlines()
    errors = [line for line in messages if "error: " in line]
    assert len(errors) == len(MISTAKES)
    for expected, line in zip(MISTAKES, errors, strict=True):
        assert expected in line
    heavy = {"sklearn", "scipy", "astropy", "numba", "tensorflow", "keras", "dask", "distributed", "pandas"}
    assert heavy.isdisjoint(json.loads(modules))


def test_completion_knows_commands_options_and_models(capsys):
    pytest.importorskip("shtab")
    with pytest.raises(SystemExit) as stop:
        main(["--print-completion", "bash"])
    assert stop.value.code == 0
    script = capsys.readouterr().out
    for word in ("catalog", "--label-scale", "mass-cor-ss", "_shtab_compgen_files"):
        assert word in script


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_bar_moves_while_nothing_is_counted(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(progress, "_REFRESH", 0.05)
    with progress.progress("filling", 100, "rows") as task:
        task.advance(25)
        before = terminal.tell()
        time.sleep(0.4)
        assert terminal.getvalue()[before:].count("25/100") >= 3
        with progress.progress("isochrones", 8, "stars") as part:
            part.advance(2)
        time.sleep(0.2)
    shown = terminal.getvalue()
    for word in ("filling:  25 %", " rows/s", " left", "isochrones 25 %"):
        assert word in shown
    assert progress._REFRESH < 2


def test_without_a_terminal_there_is_a_line_for_each_stage(caplog, capsys, monkeypatch):
    caplog.set_level(logging.INFO, "skdistmass.progress")
    monkeypatch.setattr(progress, "_HEARTBEAT", 0.05)
    with progress.progress("filling", 100, "rows", done=20) as task:
        task.advance(40)
        time.sleep(0.12)
        task.advance(40)
    lines = [record.getMessage() for record in caplog.records]
    assert lines[0].startswith("filling: 60 rows of 100, 0 s left")
    assert lines[-1].startswith("filling: 100 rows in 0.")
    assert capsys.readouterr().err == ""


def test_a_failed_stage_does_not_say_that_it_is_done(caplog):
    caplog.set_level(logging.INFO, "skdistmass.progress")

    def fail():
        with progress.progress("filling", 100):
            raise ValueError("bad row")

    with pytest.raises(ValueError, match="bad row"):
        fail()
    assert caplog.records == []
    assert not progress.is_running()
