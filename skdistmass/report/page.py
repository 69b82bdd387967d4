"""The report page of a catalogue: one HTML file that needs no network."""

from __future__ import annotations

import platform
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from skdistmass._version import __version__
from skdistmass.columns import BITS, CUTS
from skdistmass.report.accuracy import AccuracyTable, against_gaia, of_card
from skdistmass.report.comparison import OtherCatalog, compare_catalogs
from skdistmass.report.contents import Contents, read_contents
from skdistmass.report.figures import draw_pictures
from skdistmass.report.interactive import bokeh_script, make_diagrams
from skdistmass.report.libraries import require_libraries
from skdistmass.tables.atomic import check_file, new_file
from skdistmass.training.peers import read_peer

if TYPE_CHECKING:
    from skdistmass.plots._stars import Catalog

_CITATIONS = ("Stone-Martinez A., Holtzman J. A., Imig J., et al. 2024, AJ 167, 73",)


def write_report(
    catalog: Catalog,
    output: str | Path,
    *,
    training: str | Path | None = None,
    compare: Catalog | None = None,
    on: str = "APOGEE_ID",
    overwrite: bool = False,
) -> Path:
    """Write the report page of a catalogue.

    Parameters
    ----------
    catalog : path, astropy.table.Table or pandas.DataFrame
        A catalogue in any of its namings.
    output : str or Path
        Page to write.
    training : str or Path, optional
        Name or file of a model whose training to tell of; the shipped models that filled the catalogue are
        told of in any case.
    compare : path, astropy.table.Table or pandas.DataFrame, optional
        Another catalogue of the same stars, as it was published: see `skdistmass.columns.peers.PEERS`.
    on : str, default="APOGEE_ID"
        Identifier by which the stars of the two are matched.
    overwrite : bool, default=False
        Whether to replace an existing page.

    Returns
    -------
    Path
        What was written.

    Raises
    ------
    ValueError
        If the table is no catalogue, or the other one is not known or has no star in common.
    FileExistsError
        If the page exists and must not be replaced.
    ImportError
        If matplotlib or Bokeh is not installed.

    Notes
    -----
    The diagrams that answer to the mouse hold 10,000 stars, a random choice, over the density of all.

    Examples
    --------
    >>> import tempfile
    >>> from skdistmass import build_catalog, make_survey
    >>> from skdistmass.report import write_report
    >>> catalog = build_catalog(make_survey(200, random_state=0)[0], isochrone=False)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     page = write_report(catalog, f"{folder}/report.html").read_text(encoding="utf-8")
    >>> "200 stars" in page
    True
    """
    path = check_file(output, overwrite)
    require_libraries()
    contents = read_contents(catalog)
    others = None if compare is None else compare_catalogs(contents, read_peer(compare), on)
    text = render(contents, _card(training), others)
    with new_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return path


def _card(training: str | Path | None) -> tuple[str, dict[str, Any]] | None:
    if training is None:
        return None
    from skdistmass.models.load import load_predictor

    return str(training), load_predictor(training).card_


def render(
    contents: Contents,
    training: tuple[str, dict[str, Any]] | None = None,
    others: OtherCatalog | None = None,
) -> str:
    """Write the page as text.

    Parameters
    ----------
    contents : Contents
        The catalogue.
    training : tuple of (str, dict), optional
        Name and card of a model.
    others : OtherCatalog, optional
        Another catalogue beside this one.

    Returns
    -------
    str
        HTML.
    """
    from jinja2 import Environment
    from markupsafe import Markup

    room = files("skdistmass.report")
    style, script, page = (
        (room / name).read_text(encoding="utf-8") for name in ("page.css", "page.js", "page.html")
    )
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"count": "{:,}".format, "number": _number, "percent": _percent}
    diagrams = make_diagrams(contents)
    cards = contents.cards()
    return environment.from_string(page).render(
        contents=contents,
        summary=contents.summary,
        bits=[
            (name, value, meaning, contents.summary.bits[name])
            for name, (value, meaning) in BITS.items()
            if contents.summary.bits[name]
        ],
        cuts=[(name, contents.cut_steps(name)) for name in CUTS if name.upper() in contents.table.colnames],
        accuracy=_accuracy(contents, cards, training),
        pictures=draw_pictures(contents),
        diagrams=diagrams,
        library=Markup(bokeh_script()),
        diagram_script=Markup(diagrams.script),
        places={name: Markup(place) for name, place in diagrams.places.items()},
        style=Markup(style),
        script=Markup(script),
        provenance=_provenance(contents, training),
        citations=_citations([*cards.values(), *([training[1]] if training else [])], others),
        others=others,
        training=training,
        version=__version__,
    )


def _number(value: float, digits: int = 3) -> str:
    if not np.isfinite(value):
        return "–"
    return f"{value:,.0f}" if abs(value) >= 10**digits else f"{value:.{digits}g}"


def _percent(part: float | None, digits: int = 1) -> str:
    if part is None or not np.isfinite(part):
        return "–"
    return f"{round(100 * part, digits) + 0.0:.{digits}f} %".replace("-", "−")


def _accuracy(
    contents: Contents, cards: dict[str, dict[str, Any]], training: tuple[str, dict[str, Any]] | None
) -> list[AccuracyTable]:
    tables = list(against_gaia(contents))
    if training is not None:
        tables.append(of_card(*training))
    tables += [of_card(name, card) for name, card in cards.items() if name in ("DISTANCE", "MASS")]
    return [table for table in tables if table.rows]


def _citations(cards: list[dict[str, Any]], others: OtherCatalog | None) -> list[str]:
    """Give what to cite, each once, in the order of the models."""
    texts = [*_CITATIONS, *(text for card in cards for text in card.get("citation", ()))]
    return list(dict.fromkeys([*texts, *([others.peer.citation] if others else [])]))


def _provenance(contents: Contents, training: tuple[str, dict[str, Any]] | None) -> list[tuple[str, str]]:
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    lines = [
        ("catalogue", contents.label),
        ("page made", f"{now}, skdistmass {__version__}, Python {platform.python_version()}"),
    ]
    for key, value in contents.meta.items():
        if key == "models" and isinstance(value, dict):
            lines += [(f"model of {column}", str(model)) for column, model in value.items()]
        elif isinstance(value, str | int | float):
            lines.append((key.replace("_", " "), str(value)))
    if training is not None:
        lines.append(("model told of", training[0]))
    return lines
