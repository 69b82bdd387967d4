"""A sample of the attacks of `tests/attacks/run.py`, which makes them by the thousand."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # whence processes of their own import them, too

import generated
import mutated
import processes


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("suffix", generated.SUFFIXES)
def test_generated_tables_are_read_made_and_written_right(suffix):
    first = generated.SUFFIXES.index(suffix)
    for number in range(first, 4 * len(generated.SUFFIXES), len(generated.SUFFIXES)):
        assert generated.attack(number) == []


@pytest.mark.parametrize("kind", mutated.FORMATS)
def test_damaged_files_are_read_whole_or_refused_by_name(kind):
    outcomes, faults = mutated.run(kind, 0, 60)
    assert faults == []
    assert outcomes["refused by name"] > 0
    assert sum(outcomes.values()) == 60


def test_a_killed_run_goes_on():
    outcomes, faults = processes.run_kills(2, 0, seed=1)
    assert faults == []
    assert sum(outcomes.values()) == 2


def test_of_two_racing_processes_one_writes():
    outcomes, faults = processes.run_races(1)
    assert faults == []
    assert sum(outcomes.values()) == 1


def test_the_attacks_find_faults():
    # The test of the tests: a reader that loses a row, and an infinite distance, are seen.
    catalog = generated.Table({"DISTANCE": [generated.np.inf], "EXTINCTION": [0.0], "ABS_MAG": [1.0]})
    stars = generated.Table({"K": [10.0]})
    assert "inf in DISTANCE" in generated.check_catalog(stars, catalog)
    catalog["DISTANCE"] = [100.0]
    assert generated.check_catalog(stars, catalog) == ["DISTANCE is not that of its magnitudes"]
    assert (
        generated.check_catalog(generated.Table({"K": [10.0, 9.0]}), catalog[[0, 0]][:1])[0] == "1 rows of 2"
    )
