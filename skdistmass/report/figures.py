"""The still figures of a report page, as data that the page holds itself."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from skdistmass.tables.aliases import MissingColumnsError

if TYPE_CHECKING:
    from skdistmass.plots._drawing import Display
    from skdistmass.report.contents import Contents

_DPI = 110


class Picture(NamedTuple):
    """One figure of the page.

    Attributes
    ----------
    title : str
        What it shows.
    text : str
        The same in a sentence, for those who do not see it.
    source : str
        The image as a data URI; empty where the catalogue cannot fill it.
    problem : str
        Why not.
    wide : bool
        Whether it has many panels side by side.
    """

    title: str
    text: str
    source: str
    problem: str
    wide: bool = False


def _displays(contents: Contents) -> list[tuple[str, str, Callable[[], Display]]]:
    from skdistmass import plots

    catalog = contents.table

    def kiel(color: str) -> Callable[[], Display]:
        return lambda: plots.KielDisplay.from_catalog(catalog, color=color)

    return [
        (
            "Coverage by the training stars",
            "Kiel and metallicity diagrams: density of all stars to the left, of the stars that trained the "
            "distance model to the right.",
            lambda: plots.CoverageDisplay.from_catalog(catalog),
        ),
        (
            "Scatter against surface gravity",
            "Median absolute deviation and quartiles of the distances from those of Gaia, in bins of surface "
            "gravity.",
            lambda: plots.DeviationDisplay.from_catalog(catalog),
        ),
        ("Masses in the Kiel diagram", "Kiel diagram; colour is the median mass.", kiel("MASS")),
        ("Ages in the Kiel diagram", "Kiel diagram; colour is the median age.", kiel("AGE")),
        (
            "Carbon to nitrogen and mass",
            "[C/N] against mass in bins of surface gravity.",
            lambda: plots.CarbonNitrogenDisplay.from_catalog(catalog, "MASS", by="LOGG"),
        ),
        (
            "The Galaxy from the side",
            "Galactocentric radius and height above the plane; colour is the median metallicity.",
            lambda: plots.GalaxyMapDisplay.from_catalog(catalog, plane="rz", color="M_H"),
        ),
        (
            "Network and isochrones",
            "Distances of the network against isochrone distances, with the line of equality.",
            lambda: plots.ComparisonDisplay.from_catalog(catalog, "NMSU_DIST", column="DISTANCE"),
        ),
    ]


def draw_pictures(contents: Contents) -> list[Picture]:
    """Draw the figures of a catalogue.

    Parameters
    ----------
    contents : Contents
        The catalogue.

    Returns
    -------
    list of Picture
        One for each figure; those that the catalogue lacks columns for say so.
    """
    return [draw_picture(title, text, draw) for title, text, draw in _displays(contents)]


def draw_picture(title: str, text: str, draw: Callable[[], Display]) -> Picture:
    """Draw one figure.

    Parameters
    ----------
    title, text : str
        See `Picture`.
    draw : callable
        Draws it.

    Returns
    -------
    Picture
        The figure.
    """
    from matplotlib import pyplot

    try:
        figure = draw().figure_
    except (MissingColumnsError, ValueError) as error:
        return Picture(title, text, "", str(error))
    try:
        width, height = figure.get_size_inches()
        return Picture(title, text, _as_uri(figure), "", width > 2 * height)
    finally:
        pyplot.close(figure)


def _as_uri(figure: Any) -> str:
    stream = io.BytesIO()
    figure.savefig(stream, format="webp", dpi=_DPI, pil_kwargs={"quality": 82})
    return f"data:image/webp;base64,{base64.b64encode(stream.getvalue()).decode('ascii')}"
