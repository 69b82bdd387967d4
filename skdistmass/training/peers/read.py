"""Catalogues and relations of others: read in their own conventions, matched by star, fitted anew."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from skdistmass.columns import Column, good_stars
from skdistmass.columns.peers import PEERS, CatalogQuantity, Peer, PeerQuantity
from skdistmass.physics.constants import YEARS_PER_GYR
from skdistmass.survey.read_catalog import read_catalog
from skdistmass.tables.aliases import MissingColumnsError
from skdistmass.tables.clean import clean_column
from skdistmass.tables.open import open_source

if TYPE_CHECKING:
    import pandas as pd
    from astropy.table import Table
    from numpy.typing import NDArray

    from skdistmass.tables.source import TableSource

_TO_CATALOG = {"pc": 1.0, "kpc": 1e3, "solMass": 1.0, "Gyr": YEARS_PER_GYR, "yr": 1.0}
_QUANTITIES: tuple[CatalogQuantity, ...] = ("DISTANCE", "MASS", "AGE")


@dataclass(frozen=True)
class PeerValues:
    """One quantity of another catalogue, in the units of ours.

    Attributes
    ----------
    value : ndarray of shape (n_rows,)
        Distances [pc], masses [Msun] or ages [yr]; NaN where missing or not positive.
    upper, lower : ndarray of shape (n_rows,)
        1σ errors upward and downward; NaN where not known.
    advised : ndarray of bool of shape (n_rows,)
        Rows inside the cuts of its authors that its own columns can tell.
    """

    value: NDArray[np.float64]
    upper: NDArray[np.float64]
    lower: NDArray[np.float64]
    advised: NDArray[np.bool_]


@dataclass(frozen=True)
class PeerCatalog:
    """A catalogue of others as it was read.

    Attributes
    ----------
    peer : Peer
        Which one it is.
    identifiers : dict of str to ndarray
        Identifiers of its rows, by our names for them.
    quantities : dict of str to PeerValues
        What it has of "DISTANCE", "MASS" and "AGE".
    """

    peer: Peer
    identifiers: dict[str, NDArray[Any]]
    quantities: dict[CatalogQuantity, PeerValues]

    def rows_of(self, catalog: Table, on: str = "APOGEE_ID") -> NDArray[np.intp]:
        """Find the stars of a catalogue of ours.

        Parameters
        ----------
        catalog : astropy.table.Table
            Our catalogue.
        on : str, default="APOGEE_ID"
            Identifier that both have.

        Returns
        -------
        ndarray of int of shape (len(catalog),)
            Row of the other catalogue, its first one of the star; -1 where it does not have the star.

        Raises
        ------
        ValueError
            If one of the two lacks the identifier.
        """
        name = on.upper()
        if name not in catalog.colnames or name not in self.identifiers:
            raise ValueError(
                f"both catalogues need the identifier {on}; ours has "
                f"{[key for key in ('APOGEE_ID', 'SDSS_ID') if key in catalog.colnames]}, {self.peer.name} "
                f"{list(self.identifiers)}."
            )
        theirs, ours = self.identifiers[name], np.asarray(catalog[name]).astype(str)
        known, first = np.unique(theirs, return_index=True)
        place = np.clip(np.searchsorted(known, ours), 0, max(len(known) - 1, 0))
        found = (
            (known[place] == ours) & ~np.isin(ours, ("", "0")) if len(known) else np.zeros(len(ours), bool)
        )
        return np.where(found, first[place] if len(known) else -1, -1)


def read_peer(path: str | Path | Table | pd.DataFrame) -> PeerCatalog:
    """Read a catalogue of distances, masses or ages by others.

    Parameters
    ----------
    path : path, astropy.table.Table or pandas.DataFrame
        The catalogue as it was published: one of `skdistmass.columns.peers.PEERS`, or one of DistMass or of
        this package.

    Returns
    -------
    PeerCatalog
        Its values in the units of ours, with the meaning of its errors and its authors' cuts.

    Raises
    ------
    MissingColumnsError
        If it is none of them.
    """
    opened = open_source(path, lambda names: _recognize(names) is not None)
    peer = _recognize(opened.names)
    if peer is None:
        return _read_own(path, opened)
    by_key = {name.lower(): name for name in opened.names}
    identifiers = {}
    for name, columns in peer.identifiers.items():
        actual = next((by_key[column.lower()] for column in columns if column.lower() in by_key), None)
        if actual is not None:
            identifiers[name] = _fetch(opened, actual, Column(name, "", "", kind="str")).astype(str)
    quantities = {}
    for quantity, choices in peer.quantities.items():
        values = [
            _values(opened, by_key, peer, quantity, one) for one in choices if one.column.lower() in by_key
        ]
        if values:
            quantities[quantity] = _first_known(values)
    return PeerCatalog(peer, identifiers, quantities)


def _recognize(names: list[str] | tuple[str, ...] | Any) -> Peer | None:
    present = {name.lower() for name in names}
    for peer in PEERS.values():
        if any({mark.lower() for mark in marks} <= present for marks in peer.marks):
            return peer
    return None


def _fetch(opened: TableSource, name: str, column: Column) -> NDArray:
    raw = opened.fetch({name: column.kind}, slice(0, opened.n_rows))[name]
    return clean_column(raw._replace(unit=""), column, name)


def _values(
    opened: TableSource, by_key: dict[str, str], peer: Peer, quantity: CatalogQuantity, one: PeerQuantity
) -> PeerValues:
    def numbers(name: str) -> NDArray[np.float64]:
        return _fetch(opened, by_key[name.lower()], Column(name, "", ""))

    value = numbers(one.column)
    blank = np.full(len(value), np.nan)
    there = [name for name in one.errors if name.lower() in by_key]
    parts = [numbers(name) for name in there] if len(there) == len(one.errors) else []
    upper, lower = _errors(value, parts, one) if parts else (blank, blank)
    if one.is_log:
        log_value, value = value, 10.0**value
        upper, lower = 10.0 ** (log_value + upper) - value, value - 10.0 ** (log_value - lower)
    scale = _TO_CATALOG[one.unit]
    missing = ~(value > 0)
    value, upper, lower = (
        np.where(missing, np.nan, part * scale) for part in (value, np.abs(upper), np.abs(lower))
    )
    advised = np.ones(len(value), dtype=bool)
    for cut in peer.cuts:
        name = next((column for column in cut.columns if column.lower() in by_key), None)
        if quantity in cut.quantities and name is not None:
            told = numbers(name)
            advised &= (told >= cut.low) & (told <= cut.high)
    return PeerValues(value, upper, lower, advised)


def _errors(
    value: NDArray[np.float64], parts: list[NDArray[np.float64]], one: PeerQuantity
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    if one.error_kind == "percentiles":
        return parts[0] - value, value - parts[1]
    return parts[0], parts[-1]


def _first_known(choices: list[PeerValues]) -> PeerValues:
    """Take each row from the first of the columns that has it, as APOKASC-3's ages of two kinds of giants."""
    value, upper, lower, advised = (
        np.array(getattr(choices[0], name)) for name in ("value", "upper", "lower", "advised")
    )
    for other in choices[1:]:
        empty = ~np.isfinite(value)
        value[empty], upper[empty] = other.value[empty], other.upper[empty]
        lower[empty], advised[empty] = other.lower[empty], other.advised[empty]
    return PeerValues(value, upper, lower, advised)


_OWN = Peer("DistMass", "Stone-Martinez A., et al. 2024, AJ 167, 73", (), {}, {})


def _read_own(path: Any, opened: TableSource) -> PeerCatalog:
    """Read DistMass or a catalogue of this package, by the recommended cut."""
    try:
        table = read_catalog(path)
    except MissingColumnsError as error:
        known = ", ".join(PEERS)
        raise MissingColumnsError(
            opened.label, [f"the columns of a known catalogue ({known}, DistMass)"], opened.names
        ) from error
    identifiers = {
        name: np.asarray(table[name]).astype(str)
        for name in ("APOGEE_ID", "SDSS_ID")
        if name in table.colnames
    }
    quantities = {}
    for quantity in _QUANTITIES:
        name = quantity if quantity in table.colnames else f"{quantity}_UNCOR_SS"
        if name in table.colnames:
            quantities[quantity] = _own_values(table, quantity, name)
    return PeerCatalog(_OWN, identifiers, quantities)


def _own_values(table: Table, quantity: CatalogQuantity, name: str) -> PeerValues:
    value = np.asarray(table[name], dtype=float)
    value = np.where(value > 0, value, np.nan)
    upper, lower = quantity_errors(table, quantity, value)
    advised = np.isfinite(value)
    if "BITMASK" in table.colnames:
        advised = good_stars({"BITMASK": table["BITMASK"], quantity: value}, quantity.lower())  # type: ignore[arg-type]
    return PeerValues(value, upper, lower, advised)


def quantity_errors(table: Table, quantity: str, value: NDArray[np.float64]) -> tuple[NDArray, NDArray]:
    """Give the errors of a quantity of our catalogue in its own unit.

    Parameters
    ----------
    table : astropy.table.Table
        The catalogue.
    quantity : {"DISTANCE", "MASS", "AGE"}
        Which quantity.
    value : ndarray of shape (n_samples,)
        Its values.

    Returns
    -------
    upper, lower : ndarray of shape (n_samples,)
        1σ errors upward and downward; NaN where the catalogue has none.
    """
    name = f"{quantity}_ERR"
    if name not in table.colnames:
        blank = np.full(len(value), np.nan)
        return blank, blank
    errors = np.asarray(table[name], dtype=float)
    if quantity != "AGE":
        return errors, errors
    upward, downward = np.abs(errors).T
    return value * (10.0**upward - 1.0), value * (1.0 - 10.0**-downward)
