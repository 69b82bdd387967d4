"""The shipped models predict the same on every Python and library version."""

import json
import runpy
from pathlib import Path

import numpy as np
import pytest

GOLDEN = runpy.run_path(str(Path(__file__).parent / "golden" / "make_predictions.py"))
EXPECTED = json.loads(GOLDEN["FILE"].read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def predictions():
    return GOLDEN["predictions"]()


def test_every_model_has_golden_predictions(predictions):
    assert predictions.keys() == EXPECTED.keys()


@pytest.mark.parametrize("name", EXPECTED)
def test_predictions_are_the_golden_ones(predictions, name):
    assert predictions[name].keys() == EXPECTED[name].keys()
    for quantity, expected in EXPECTED[name].items():
        actual = predictions[name][quantity]
        np.testing.assert_allclose(
            np.array(actual, dtype=float), np.array(expected, dtype=float), rtol=1e-6, err_msg=quantity
        )


def test_golden_predictions_are_of_real_stars():
    magnitude = np.array(EXPECTED["distance"]["prediction"])
    assert magnitude[4] < magnitude[1] < magnitude[0] < magnitude[2] < magnitude[5] < magnitude[6]
    assert magnitude[5] == pytest.approx(3.27, abs=0.2)  # M_Ks of the Sun, Willmer (2018)
