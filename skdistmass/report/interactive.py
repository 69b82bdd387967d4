"""The diagrams of a report page that answer to the mouse: Kiel diagram and map of the Galaxy, with Bokeh."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from skdistmass.columns import BITS
from skdistmass.plots._drawing import Limits, limits_of
from skdistmass.plots._quantities import Quantity, quantity

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skdistmass.report.contents import Contents

# Numbers of the star panel, in its order; the page's script knows which error belongs to which value.
_PANEL = (
    *("TEFF", "LOGG", "M_H", "C_FE", "N_FE", "SNR", "MAG", "EXTINCTION", "ABS_MAG", "DISTANCE"),
    *("DISTANCE_ERR", "WEIGHTED_DIST", "WEIGHTED_DIST_ERR", "GAIAEDR3_DIST", "NMSU_DIST", "NMSU_DIST_P16"),
    *("NMSU_DIST_P84", "MASS", "MASS_ERR", "AGE", "P_RC"),
)
_COLORED_BY = ("AGE", "MASS", "M_H", "C_N", "DISTANCE", "SNR", "P_RC")
_N_CELLS = 120
_GREY = "#8a8a8a"
_SUN = "#D55E00"
_CLEAR = "#00000000"
_TOOLS = "pan,wheel_zoom,box_zoom,box_select,lasso_select,tap,reset,save"
_HINTS: dict[str, Any] = {
    "tools": _TOOLS,
    "sizing_mode": "stretch_width",
    "height": 430,
    "toolbar_location": "above",
}


class Diagrams(NamedTuple):
    """The diagrams as parts of a page.

    Attributes
    ----------
    script : str
        Element that draws them.
    places : dict of str to str
        Elements they are drawn into: "kiel", and "galaxy" where the stars have positions.
    facts : dict
        What the page's script needs: bits, quantities for colours, units.
    n_shown : int
        Number of stars.
    """

    script: str
    places: dict[str, str]
    facts: dict[str, Any]
    n_shown: int


def bokeh_script() -> str:
    """Give the library that the page needs, as elements that hold all of it.

    Returns
    -------
    str
        Script elements of about 1.3 MB.
    """
    from bokeh.resources import Resources

    return Resources(mode="inline", components=["bokeh"]).render()


def make_diagrams(contents: Contents) -> Diagrams:
    """Make the diagrams of a catalogue.

    Parameters
    ----------
    contents : Contents
        The catalogue.

    Returns
    -------
    Diagrams
        Script, places and facts.
    """
    from bokeh.embed import components
    from bokeh.models import ColumnDataSource, LinearColorMapper

    rows = contents.shown_rows()
    colors = _color_choices(contents, rows)
    columns: dict[str, Any] = _columns(contents, rows, colors)
    source = ColumnDataSource(columns, name="stars")
    first = colors[0] if colors else {"low": 0.0, "high": 1.0}
    mapper = LinearColorMapper(
        palette="Viridis256", low=first["low"], high=first["high"], nan_color=_GREY, name="colors"
    )
    stars = contents.stars
    planes = {"kiel": ("TEFF", "LOGG")} | ({"galaxy": ("X_GAL", "Y_GAL")} if contents.has_position else {})
    figures = {}
    for name, axes in planes.items():
        everyone = [stars.values(axis) for axis in axes]
        figures[name] = _figure(name, axes, everyone, source, mapper, contents.is_sample)
    _add_color_bar(figures["kiel"], mapper, str(first.get("label", "")))
    script, places = components(figures)
    facts = {
        "bits": [[value, name, meaning] for name, (value, meaning) in BITS.items()],
        "colors": colors,
        "units": {name: quantity(name).unit.replace("$M_\\odot$", "M☉") for name in _PANEL},
        "forbidden": {name: quantity(name).forbidden for name in ("DISTANCE", "MASS", "AGE")},
    }
    return Diagrams(script, places, facts, len(rows))


def _columns(contents: Contents, rows: NDArray[np.intp], colors: list[dict[str, Any]]) -> dict[str, Any]:
    stars = contents.stars
    columns: dict[str, Any] = {"ID": _identifiers(contents, rows)}
    made = ("X_GAL", "Y_GAL") if contents.has_position else ()
    names = [name for name in _PANEL if name in stars]
    for name in dict.fromkeys([*names, *made, *(choice["name"] for choice in colors)]):
        columns[name] = stars.values(name)[rows].astype(np.float32)
    if "AGE_ERR" in stars:
        upward, downward = np.abs(stars.column("AGE_ERR")[rows]).astype(np.float32).T
        columns |= {"AGE_ERR_UP": upward, "AGE_ERR_DOWN": downward}
    columns["BITMASK"] = stars.column("BITMASK")[rows].astype(np.int32)
    columns["ROW"] = rows.astype(np.int32)
    columns["COLOR"] = _usable(columns, colors[0]) if colors else np.full(len(rows), np.nan, np.float32)
    return columns


def _usable(columns: dict[str, Any], choice: dict[str, Any]) -> NDArray[np.float32]:
    """Values of a quantity; NaN, which is grey, for stars outside its recommended cut."""
    outside = (columns["BITMASK"] & choice["forbidden"]) != 0
    return np.where(outside, np.float32(np.nan), columns[choice["name"]])


def _identifiers(contents: Contents, rows: NDArray[np.intp]) -> list[str]:
    for name in ("APOGEE_ID", "SDSS_ID"):
        if name in contents.table.colnames:
            return np.asarray(contents.table[name])[rows].astype(str).tolist()
    return [f"row {row}" for row in rows]


def _color_choices(contents: Contents, rows: NDArray[np.intp]) -> list[dict[str, Any]]:
    """Quantities that can colour the stars, with the range of their colours."""
    stars, choices = contents.stars, []
    for name in _COLORED_BY:
        if name not in stars and not (name == "C_N" and {"C_FE", "N_FE"} <= set(stars.names)):
            continue
        shown = quantity(name)
        values = stars.values(name)[rows]
        outside = (stars.column("BITMASK")[rows] & shown.forbidden) != 0
        values = values[np.isfinite(values) & ~outside]
        if values.size:
            low, high = np.quantile(values, [0.02, 0.98])
            choices.append(
                {
                    "name": name,
                    "label": plain_label(shown),
                    "forbidden": shown.forbidden,
                    "low": float(low),
                    "high": float(max(high, low + 1e-6)),
                }
            )
    return choices


def plain_label(shown: Quantity) -> str:
    r"""Label of an axis without the marks of TeX.

    Parameters
    ----------
    shown : Quantity
        The quantity.

    Returns
    -------
    str
        Name and unit.

    Examples
    --------
    >>> plain_label(quantity("TEFF")), plain_label(quantity("MASS"))
    ('Teff [K]', 'mass [M☉]')
    """
    text = re.sub(r"\\mathrm\{(\w+)\}", r"\1", shown.label)
    for mark, plain in ((r"M_\odot", "M☉"), (r"\log\,", "log "), ("_", ""), ("$", "")):
        text = text.replace(mark, plain)
    return text


def _figure(
    name: str, axes: tuple[str, str], everyone: list[NDArray], source: Any, mapper: Any, is_sample: bool
) -> Any:
    from bokeh.models import HoverTool
    from bokeh.plotting import figure

    known = np.isfinite(everyone[0]) & np.isfinite(everyone[1])
    limits = [limits_of(values[known]) for values in everyone]
    shown = [quantity(axis) for axis in axes]
    ranges: list[Any] = [
        each[::-1] if one.reversed else each for each, one in zip(limits, shown, strict=True)
    ]
    drawn = figure(
        name=name,
        x_range=ranges[0],
        y_range=ranges[1],
        x_axis_label=plain_label(shown[0]),
        y_axis_label=plain_label(shown[1]),
        match_aspect=name == "galaxy",
        **_HINTS,
    )
    drawn.toolbar.logo = None
    # The page shows through, in its own light or dark colour.
    drawn.border_line_color = drawn.border_fill_color = drawn.background_fill_color = None
    if is_sample:
        _add_density(drawn, [values[known] for values in everyone], limits)
    stars = drawn.scatter(
        axes[0],
        axes[1],
        source=source,
        size=5,
        line_color=None,
        fill_color={"field": "COLOR", "transform": mapper},
        fill_alpha=0.75,
        nonselection_fill_alpha=0.15,
    )
    stars.selection_glyph = stars.glyph.clone(size=8, fill_alpha=1.0, line_color=_SUN, line_width=1.5)
    if name == "galaxy":
        from skdistmass.physics.galaxy import SUN_RADIUS

        drawn.scatter([-SUN_RADIUS], [0.0], marker="circle_x", size=13, fill_color=None, line_color=_SUN)
    tips = [("star", "@ID"), ("Teff, log g", "@TEFF{0} K, @LOGG{0.00}"), ("[M/H]", "@M_H{0.00}")]
    tips += [
        (label, f"@{column}{{0.00}} {unit}")
        for column, label, unit in (
            ("DISTANCE", "distance", "kpc"),
            ("MASS", "mass", "M☉"),
            ("AGE", "age", "Gyr"),
        )
        if column in source.data
    ]
    drawn.add_tools(HoverTool(renderers=[stars], tooltips=tips))
    return drawn


def _add_density(drawn: Any, everyone: list[NDArray], limits: list[Limits]) -> None:
    """Draw all stars as a density behind those that can be asked."""
    from bokeh.models import LinearColorMapper
    from bokeh.palettes import Greys256

    counts, _, _ = np.histogram2d(everyone[1], everyone[0], bins=_N_CELLS, range=limits[::-1])
    with np.errstate(divide="ignore"):
        image = np.where(counts > 0, np.log10(counts), np.nan).astype(np.float32)
    (left, right), (low, high) = limits
    mapper = LinearColorMapper(
        palette=Greys256[::-1], low=0.0, high=float(np.nanmax(image)), nan_color=_CLEAR
    )
    place = {"x": left, "y": low, "dw": right - left, "dh": high - low}
    drawn.image([image], color_mapper=mapper, **place)


def _add_color_bar(drawn: Any, mapper: Any, label: str) -> None:
    from bokeh.models.annotations import ColorBar

    bar = ColorBar(color_mapper=mapper, title=label, name="bar", width=10, background_fill_alpha=0.0)
    drawn.add_layout(bar, "right")
