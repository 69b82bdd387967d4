"""The clickable picture of the package: what goes where, each box a link to its page."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any, NamedTuple

API = "generated/api/skdistmass."
WIDTH, HEIGHT = 940, 440


class Box(NamedTuple):
    """A box of the picture: place, words, page."""

    x: int
    y: int
    width: int
    title: str
    words: str
    page: str
    kind: str = "code"


BOXES = {
    "survey": Box(10, 20, 165, "survey table", "FITS, CSV, Parquet, HATS", "columns.html#input", "data"),
    "read": Box(205, 20, 150, "read_stars", "names, units, missing", f"{API}read_stars.html"),
    "build": Box(385, 20, 170, "build_catalog", "skdistmass catalog", f"{API}build_catalog.html"),
    "catalog": Box(585, 20, 160, "catalogue", "values, errors, bits", "columns.html#catalogue", "data"),
    "plots": Box(775, 0, 155, "figures, report", "skdistmass.plots, report", "figures.html"),
    "good": Box(775, 56, 155, "good_stars", "which to trust", f"{API}good_stars.html"),
    "scale": Box(205, 120, 150, "LabelScale", "labels of other surveys", f"{API}LabelScale.html"),
    "distance": Box(385, 120, 170, "DistanceRegressor", "M_K and distance", f"{API}DistanceRegressor.html"),
    "isochrone": Box(
        585, 120, 160, "IsochroneDistance", "without training stars", f"{API}IsochroneDistance.html"
    ),
    "mass": Box(385, 180, 170, "MassRegressor", "mass of giants", f"{API}MassRegressor.html"),
    "age": Box(585, 180, 160, "MassToAge", "age of giants", f"{API}MassToAge.html"),
    "domain": Box(775, 180, 155, "TrainingDomain", "what a model knows", f"{API}TrainingDomain.html"),
    "labels": Box(10, 290, 165, "labels", "Gaia, seismology, yours", "models.html#labels", "data"),
    "set": Box(205, 290, 150, "training sets", "cuts, weights, anchors", f"{API}training.TrainingSet.html"),
    "train": Box(
        385, 290, 170, "training recipes", "train_distance, train_mass", f"{API}train_distance.html"
    ),
    "pruner": Box(385, 360, 170, "BinaryPruner", "without binaries", f"{API}BinaryPruner.html"),
    "model": Box(585, 290, 160, "model file", "load_model, cards", "generated/cards.html", "data"),
    "simulate": Box(10, 120, 165, "make_survey", "stars with known truth", f"{API}make_survey.html"),
}
ARROWS = [
    ("survey", "read", "h"),
    ("read", "build", "h"),
    ("build", "catalog", "h"),
    ("catalog", "plots", "h"),
    ("catalog", "good", "h"),
    ("simulate", "survey", "v"),
    ("scale", "read", "v"),
    ("distance", "build", "v"),
    ("labels", "set", "h"),
    ("set", "train", "h"),
    ("train", "model", "h"),
    ("pruner", "train", "v"),
    ("model", "age", "v"),
]
_BOX_HEIGHT = 46


def draw() -> str:
    """Draw the picture.

    Returns
    -------
    str
        SVG for a page at the top of the site; its colours are those of the theme, light or dark.
    """
    parts = [
        f'<div class="package-map"><svg viewBox="0 0 {WIDTH} {HEIGHT}" role="group" '
        'aria-label="Map of the package; every box is a link" xmlns="http://www.w3.org/2000/svg">',
        '<defs><marker id="map-tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
        'orient="auto-start-reverse"><path d="M0 0 L8 4 L0 8 z"/></marker></defs>',
        '<rect class="frame" x="372" y="106" width="566" height="134" rx="8"/>',
        '<text class="caption" x="385" y="258">scikit-learn estimators</text>',
    ]
    parts += [_arrow(BOXES[start], BOXES[end], way) for start, end, way in ARROWS]
    parts += [_box(box) for box in BOXES.values()]
    return "\n".join([*parts, "</svg></div>\n"])


def _arrow(start: Box, end: Box, way: str) -> str:
    if way == "h":
        points = start.x + start.width, start.y + _BOX_HEIGHT // 2, end.x, end.y + _BOX_HEIGHT // 2
    else:
        up = start.y > end.y
        middle = min(start.x + start.width, end.x + end.width) // 2 + max(start.x, end.x) // 2
        points = (middle, start.y + (0 if up else _BOX_HEIGHT), middle, end.y + (_BOX_HEIGHT if up else 0))
    x1, y1, x2, y2 = points
    return f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" marker-end="url(#map-tip)"/>'


def _box(box: Box) -> str:
    middle = box.x + box.width // 2
    return (
        f'<a href="{escape(box.page)}"><g class="{box.kind}">'
        f'<rect x="{box.x}" y="{box.y}" width="{box.width}" height="{_BOX_HEIGHT}" rx="6"/>'
        f'<text class="title" x="{middle}" y="{box.y + 20}">{escape(box.title)}</text>'
        f'<text class="words" x="{middle}" y="{box.y + 37}">{escape(box.words)}</text></g></a>'
    )


def _write(app: Any) -> None:
    folder = Path(app.srcdir) / "generated"
    folder.mkdir(exist_ok=True)
    (folder / "map.html").write_text(draw(), encoding="utf-8")


def setup(app: Any) -> dict[str, bool]:
    """Draw the picture before the pages are read.

    Parameters
    ----------
    app : sphinx.application.Sphinx
        The application.

    Returns
    -------
    dict
        What Sphinx wants to know of an extension.
    """
    app.connect("builder-inited", _write, priority=100)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
