"""Label scales that ship with the package."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skdistmass.models.load import read_model

if TYPE_CHECKING:
    from skdistmass.estimators.label_scale import LabelScale

REGISTRY = "label_scales.json"


def read_scales() -> dict[str, Any]:
    """Read the registry of the shipped label scales.

    Returns
    -------
    dict
        For each name its "file", "sha256" and "card".
    """
    return json.loads((resources.files("skdistmass.models") / REGISTRY).read_text(encoding="utf-8"))


def list_label_scales() -> list[str]:
    """Return the names of the shipped label scales.

    Returns
    -------
    list of str
        Names for `load_label_scale`.

    Examples
    --------
    >>> from skdistmass import list_label_scales
    >>> list_label_scales()
    ['dr12-dwarfs', 'dr16-dwarfs', 'dr16-giants']
    """
    return sorted(read_scales())


def load_label_scale(name: str | Path, trusted: bool = False) -> LabelScale:
    """Load a fitted label scale: a shipped one by its name, or a file of `save_model`.

    Parameters
    ----------
    name : str or path-like
        Name of a shipped scale (`list_label_scales`) or path of a file.
    trusted : bool, default=False
        As in `load_model`.

    Returns
    -------
    LabelScale
        Fitted scale of the five features, with its `card_`: from which labels to which, stars in common,
        scatter.

    Raises
    ------
    ValueError
        If there is no such scale or file, or it holds something else.

    Examples
    --------
    >>> from skdistmass import load_label_scale
    >>> load_label_scale("dr16-dwarfs").card_["to"]
    'asteroseismic gravities'
    """
    from skdistmass.estimators.label_scale import LabelScale

    scale = read_model(name, read_scales(), trusted)
    if not isinstance(scale, LabelScale):
        raise ValueError(f"{name} must hold a LabelScale; it holds a {type(scale).__name__}.")
    return scale
