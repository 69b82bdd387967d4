"""What a report page tells of a catalogue: its columns, its counts, its models, and the stars to show."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from skdistmass.columns import BITS, CUTS, FEATURES, LABEL_SETS
from skdistmass.models.load import read_registry
from skdistmass.plots._stars import Stars
from skdistmass.report.summary import CatalogSummary
from skdistmass.tables.open import open_source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from astropy.table import Table
    from numpy.typing import NDArray

    from skdistmass.plots._stars import Catalog

N_SHOWN = 10_000
"""Stars of the diagrams that answer to the mouse; more make the page large and slow."""

_VALUES = ("MASS", "AGE")
_LABEL_SETS = tuple(f"{name}_{label_set}" for name in _VALUES for label_set in LABEL_SETS)
_COLUMNS = (
    *("APOGEE_ID", "SDSS_ID", "RA", "DEC", "GLON", "GLAT", "SNR", *FEATURES, "MAG", "EXTINCTION"),
    *("ABS_MAG", "ABS_MAG_ERR", "DISTANCE", "DISTANCE_ERR", "WEIGHTED_DIST", "WEIGHTED_DIST_ERR"),
    *("GAIAEDR3_DIST", "NMSU_DIST", "NMSU_DIST_P16", "NMSU_DIST_P84", "MASS", "MASS_ERR", "AGE", "AGE_ERR"),
    *("P_RC", "BITMASK", *_LABEL_SETS),
)


class CutStep(NamedTuple):
    """One bit of a recommended cut.

    Attributes
    ----------
    bit, meaning : str
        Name of the bit, and what it says.
    n_with : int
        Rows that have it.
    n_removed : int
        Rows that it removes, after the bits before it.
    n_left : int
        Rows that remain.
    """

    bit: str
    meaning: str
    n_with: int
    n_removed: int
    n_left: int


@dataclass(frozen=True)
class Contents:
    """A catalogue as a report reads it.

    Parameters
    ----------
    label : str
        Name of the file.
    table : astropy.table.Table
        The columns that the report needs, with canonical names and units.
    meta : dict
        Provenance that the file carries.
    label_set : str, default=""
        Set of mass labels that stands for MASS and AGE in a catalogue without these, as the published one.
    """

    label: str
    table: Table
    meta: dict[str, Any]
    label_set: str = ""

    @cached_property
    def stars(self) -> Stars:
        """The columns in the units of the axes of figures."""
        return Stars(self.table)

    @cached_property
    def summary(self) -> CatalogSummary:
        """Counts and quantiles."""
        summary = CatalogSummary()
        summary.update({name: self.table[name] for name in self.table.colnames if name != "APOGEE_ID"})
        return summary

    @cached_property
    def has_position(self) -> bool:
        """Whether the stars have a place in the Galaxy."""
        names = set(self.table.colnames)
        return "DISTANCE" in names and ({"RA", "DEC"} <= names or {"GLON", "GLAT"} <= names)

    @cached_property
    def _has_labels(self) -> NDArray[np.bool_]:
        return np.isfinite(self.stars.values("TEFF")) & np.isfinite(self.stars.values("LOGG"))

    @property
    def is_sample(self) -> bool:
        """Whether the diagrams that answer to the mouse show a choice of the stars."""
        return int(np.count_nonzero(self._has_labels)) > N_SHOWN

    def inputs(self) -> Iterator[tuple[str, str, int]]:
        """Count the rows that have each input.

        Yields
        ------
        tuple of (str, str, int)
            Column, its unit and the number of finite values.
        """
        for name in (*FEATURES, "MAG", "EXTINCTION", "GAIAEDR3_DIST", "RA", "DEC"):
            if name in self.table.colnames:
                values = np.asarray(self.table[name], dtype=float)
                yield name, str(self.table[name].unit or ""), int(np.count_nonzero(np.isfinite(values)))

    def cut_steps(self, quantity: Any) -> list[CutStep]:
        """Apply the bits of the recommended cut one after the other.

        Parameters
        ----------
        quantity : {"distance", "mass", "age"}
            What the stars are wanted for.

        Returns
        -------
        list of CutStep
            First the bits, last the rows that have none of them and no value.
        """
        bits = np.asarray(self.table["BITMASK"])
        left = np.ones(len(bits), dtype=bool)
        steps = []
        for name in CUTS[quantity]:
            value, meaning = BITS[name]
            found = (bits & value) != 0
            n_removed = int(np.count_nonzero(left & found))
            left &= ~found
            steps.append(
                CutStep(name, meaning, int(np.count_nonzero(found)), n_removed, int(np.count_nonzero(left)))
            )
        empty = ~np.isfinite(np.asarray(self.table[quantity.upper()], dtype=float))
        n_removed = int(np.count_nonzero(left & empty))
        n_left = int(np.count_nonzero(left & ~empty))
        steps.append(CutStep("no value", "None of these, and no value", int(empty.sum()), n_removed, n_left))
        return steps

    def cards(self) -> dict[str, dict[str, Any]]:
        """Find the cards of the shipped models that filled the catalogue.

        Returns
        -------
        dict of str to dict
            By column, such as "DISTANCE"; only models whose SHA-256 is in the registry.
        """
        by_hash = {entry["sha256"]: entry["card"] for entry in read_registry().values()}
        used = self.meta.get("models") or {}
        found = {name: by_hash.get(str(text).rpartition(" ")[2]) for name, text in used.items()}
        return {name: card for name, card in found.items() if card is not None}

    def shown_rows(self) -> NDArray[np.intp]:
        """Draw the stars of the diagrams that answer to the mouse, at most `N_SHOWN`.

        Returns
        -------
        ndarray of int
            Rows in ascending order: all that have a place in the Kiel diagram, or a random choice of them
            that is the same every time.
        """
        rows = np.flatnonzero(self._has_labels)
        if self.is_sample:
            rows = np.sort(np.random.default_rng(0).choice(rows, N_SHOWN, replace=False))
        return rows


def read_contents(catalog: Catalog) -> Contents:
    """Read what a report needs of a catalogue.

    Parameters
    ----------
    catalog : path, astropy.table.Table or pandas.DataFrame
        A catalogue in any of its namings.

    Returns
    -------
    Contents
        Its columns.

    Raises
    ------
    ValueError
        If it has no BITMASK, no TEFF and LOGG, or no rows: it is no catalogue.
    """
    from astropy.table import Table

    opened = open_source(catalog, lambda names: bool(set(names) & {"BITMASK", "bitmask"}))
    stars = Stars(catalog)
    missing = [name for name in ("TEFF", "LOGG", "BITMASK") if name not in stars]
    if missing or not len(stars):
        what = f"it has no column {', '.join(missing)}" if missing else "it has no rows"
        raise ValueError(
            f"{opened.label}: {what}; a report needs a catalogue, such as `skdistmass catalog` writes."
        )
    table = Table()
    stars.load(*_COLUMNS)
    for name in _COLUMNS:
        if name in stars:
            table[name] = _column(stars, name)
    return Contents(opened.label, table, dict(opened.meta), _stand_in(stars, table))


def _stand_in(stars: Stars, table: Table) -> str:
    """Let the first set of mass labels stand for MASS and AGE where the catalogue has only sets."""
    label_set = next((name for name in LABEL_SETS if f"MASS_{name}" in stars), "")
    if "MASS" in stars or not label_set:
        return ""
    for quantity in _VALUES:
        for name in (quantity, f"{quantity}_ERR"):
            own = f"{name}_{label_set}"
            if name not in stars and own in stars:
                table[name] = _column(stars, own)
    return label_set


def _column(stars: Stars, name: str) -> Any:
    from astropy.table import Column

    from skdistmass.columns import CATALOG_COLUMNS, INPUT_COLUMNS

    known = CATALOG_COLUMNS.get(name) or INPUT_COLUMNS[name]
    values = stars.column(name)
    if name == "NMSU_DIST" and values.ndim == 2:
        values = values[:, 1]  # maximum, median and mean of the PDF
    return Column(values, unit=known.unit or None, description=known.description)
