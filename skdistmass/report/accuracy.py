"""Tables of accuracy on a report page: against Gaia, and on the test stars of the models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from skdistmass.columns import good_stars
from skdistmass.training.evaluation import summarize_residuals, table_by_log_g

if TYPE_CHECKING:
    from collections.abc import Iterator

    from skdistmass.report.contents import Contents


class AccuracyTable(NamedTuple):
    """One table of fractional errors.

    Attributes
    ----------
    title : str
        What is compared.
    note : str
        How to read it.
    rows : list of tuple
        Group of stars, their number, offset, robust σ, and the share within the 1σ errors or None.
    """

    title: str
    note: str
    rows: list[tuple[str, int, float, float, float | None]]


def against_gaia(contents: Contents) -> Iterator[AccuracyTable]:
    """Compare the distances of a catalogue with those of Gaia.

    Parameters
    ----------
    contents : Contents
        The catalogue.

    Yields
    ------
    AccuracyTable
        One for the network and one for the isochrones, in bins of surface gravity; stars of the recommended
        cut.
    """
    table = contents.table
    if not {"GAIAEDR3_DIST", "DISTANCE"} <= set(table.colnames):
        return
    gaia = np.asarray(table["GAIAEDR3_DIST"], dtype=float)
    log_g = np.asarray(table["LOGG"], dtype=float)
    good = good_stars(table) & np.isfinite(gaia) & (gaia > 0)
    for name, what in (("DISTANCE", "Distances of the network"), ("NMSU_DIST", "Isochrone distances")):
        if name not in table.colnames:
            continue
        values = np.asarray(table[name], dtype=float)
        stars = good & np.isfinite(values)
        if not stars.any():
            continue
        fraction = values[stars] / gaia[stars] - 1.0
        whole = summarize_residuals(fraction)
        rows: list[tuple[str, int, float, float, float | None]] = [
            ("all", whole["n"], whole["offset"], whole["robust_sigma"], None)
        ]
        rows += [
            (f"log g {row['log_g_low']:.1f}–{row['log_g_high']:.1f}", int(row["n"]), *_spread(row), None)
            for row in table_by_log_g(log_g[stars], fraction)
        ]
        yield AccuracyTable(
            f"{what} against Gaia",
            "Stars of the recommended cut. Gaia's own errors are part of the scatter: they rule among "
            "distant giants, at low log g.",
            rows,
        )


def _spread(row: Any) -> tuple[float, float]:
    return float(row["offset"]), float(row["robust_sigma"])


def of_card(name: str, card: dict[str, Any]) -> AccuracyTable:
    """Tabulate what a model reached on stars that it had not seen.

    Parameters
    ----------
    name : str
        What the model fills, or what it is called.
    card : dict
        Its card.

    Returns
    -------
    AccuracyTable
        One row for each group of test stars on the card.
    """
    rows: list[tuple[str, int, float, float, float | None]] = [
        (
            group,
            int(numbers["n"]),
            float(numbers["offset"]),
            float(numbers["robust_sigma"]),
            numbers.get("within_1_sigma"),
        )
        for group, numbers in card.get("test_metrics", {}).items()
        if isinstance(numbers, dict) and {"n", "offset", "robust_sigma"} <= numbers.keys()
    ]
    n_training = card.get("n_training")
    trained = f" It was trained on {n_training:,} stars." if isinstance(n_training, int) else ""
    return AccuracyTable(
        f"{name}: test stars of the model",
        f"Fractional errors on stars that the model had not seen.{trained}",
        rows,
    )
