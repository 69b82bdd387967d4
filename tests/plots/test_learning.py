"""Loss of networks during training."""

import numpy as np
import pytest

from skdistmass import load_model
from skdistmass.plots import LearningCurveDisplay


def test_losses_of_shipped_models_are_drawn():
    models = {"distance": load_model("distance"), "mass": load_model("mass")}
    display = LearningCurveDisplay.from_models(models)
    assert [line.get_label() for line in display.ax_.lines] == ["distance", "mass"]
    for line, model in zip(display.ax_.lines, models.values(), strict=True):
        np.testing.assert_array_equal(line.get_ydata(), model.loss_curve_)
        assert line.get_xdata()[0] == 1
    assert display.ax_.get_yscale() == "log"
    assert display.ax_.get_xlabel() == "iteration"


def test_model_that_is_not_fitted_is_an_error():
    with pytest.raises(ValueError, match="model 'new' has no loss_curve_"):
        LearningCurveDisplay.from_models({"new": object()})
