"""The watch over speed: what counts as slower, and its history."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

ABOUT = {"commit": "b", "against": "a", "machine": "none", "load": 0.0, "date": "2026-01-01"}


@pytest.fixture
def watch(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).with_name("benchmarks"))
    return importlib.import_module("watch")


def runs(*seconds):
    return [{"wall": 2 * value, "cpu": value, "peak_gb": 0.1 * value} for value in seconds]


def test_ratios_are_those_of_pairs(watch):
    # A machine that slows down by a factor of ten between the pairs changes no ratio.
    done = watch.compare("fit", runs(1.2, 12.0, 2.4), runs(1.0, 10.0, 2.0), ABOUT)
    assert (done.ratio, done.ratio_low, done.ratio_high, done.pairs) == (1.2, 1.2, 1.2, 3)
    assert (done.cpu, done.cpu_before, done.wall) == (2.4, 2.0, 4.8)
    assert (done.peak_gb, done.peak_gb_before) == (1.2, 1.0)
    assert done.slower


@pytest.mark.parametrize(
    ("now", "slower"), [((1.2, 1.3, 0.9), False), ((1.05, 1.06, 1.07), False), ((1.11, 1.3, 1.01), True)]
)
def test_noise_and_a_few_percent_are_not_slower(now, slower, watch):
    assert watch.compare("fit", runs(*now), runs(1.0, 1.0, 1.0), ABOUT).slower is slower


def test_history_comes_back_and_marks_what_got_slower(watch, tmp_path):
    path = tmp_path / "history.jsonl"
    assert watch.read_history(path) == []
    first = watch.compare("fit", runs(1.0), runs(2.0), ABOUT)
    watch.append([first], path)
    second = watch.compare("fit", runs(3.0), runs(1.0), ABOUT | {"against": "b", "commit": "c"})
    watch.append([second], path)
    assert watch.read_history(path) == [first, second]
    told = watch.report([first, second]).splitlines()
    assert told[0] == "fit"
    assert "a -> b" in told[1]
    assert "SLOWER" not in told[1]
    assert "b -> c" in told[2]
    assert told[2].endswith("x 3.00  SLOWER")
    assert "SLOWER" in watch.table([second])
