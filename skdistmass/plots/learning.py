"""How the loss of a network fell during its training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from skdistmass.plots._drawing import COLORS, Display

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes


class LearningCurveDisplay(Display):
    """Training loss of one or several networks against the iteration.

    Parameters
    ----------
    losses : mapping of str to sequence of float
        Loss after each iteration or epoch, by the name of the network.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        Axes that were drawn into.
    figure_ : matplotlib.figure.Figure
        The figure they belong to.

    See Also
    --------
    sklearn.model_selection.LearningCurveDisplay : Score against the number of training stars.
    sklearn.model_selection.ValidationCurveDisplay : Score against a setting, such as `alpha`.
    """

    def __init__(self, losses: Mapping[str, Any]):
        self.losses = {name: np.asarray(curve, dtype=float) for name, curve in losses.items()}

    @classmethod
    def from_models(cls, models: Mapping[str, Any], *, ax: Axes | None = None) -> LearningCurveDisplay:
        """Draw the losses of fitted networks.

        Parameters
        ----------
        models : mapping of str to DistanceRegressor, MassRegressor or MassToAge
            Fitted networks by name. A BinaryPruner counts as the network it has fitted.
        ax : matplotlib.axes.Axes, optional
            Axes to draw into.

        Returns
        -------
        LearningCurveDisplay
            The drawn display.

        Raises
        ------
        ValueError
            If a model has no record of its training.
        """
        losses = {}
        for name, model in models.items():
            fitted = getattr(model, "estimator_", model)
            curve = getattr(fitted, "loss_curve_", None)
            if curve is None or not len(curve):
                raise ValueError(f"model {name!r} has no loss_curve_; give a fitted network.")
            losses[name] = curve
        return cls(losses).plot(ax)

    def plot(self, ax: Axes | None = None) -> LearningCurveDisplay:
        """Draw.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Axes to draw into.

        Returns
        -------
        LearningCurveDisplay
            The drawn display.
        """
        ax = self._panels(ax)[0, 0]
        for (name, curve), color in zip(self.losses.items(), COLORS, strict=False):
            ax.plot(np.arange(1, len(curve) + 1), curve, color=color, label=name, linewidth=1.8)
        ax.set_yscale("log")
        ax.set(xlabel="iteration", ylabel="training loss [target unit squared]")
        ax.legend()
        return self
