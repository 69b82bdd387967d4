"""Which columns of a table stand for which quantity, and what can be derived from them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skdistmass.columns import AUXILIARY_COLUMNS, DERIVED, INPUT_COLUMNS, Column, Derivation, column_key
from skdistmass.exceptions import MissingColumnsError as MissingColumnsError
from skdistmass.tables.clean import clean_column, to_native
from skdistmass.tables.source import RawColumn

_COLUMNS = {**AUXILIARY_COLUMNS, **INPUT_COLUMNS}


def match_columns(names: Sequence[str], wanted: Mapping[str, Column]) -> dict[str, list[str]]:
    """Find the columns of a table that stand for canonical ones.

    Parameters
    ----------
    names : sequence of str
        Names of the columns of the table.
    wanted : mapping of str to Column
        Canonical columns.

    Returns
    -------
    dict of str to list of str
        For each canonical name that is found, the names in the table that stand for it: those equal to the
        canonical name but for case and punctuation, else those equal to the first alias that there is.

    Notes
    -----
    A name of one letter is ambiguous (`b` is a latitude or a magnitude): it stands behind all others, and as
    an alias it must have the same case. Where two letters are all that a name has, punctuation counts:
    `N_H` is an abundance, `NH` need not be.

    Examples
    --------
    >>> match_columns(["kmag", "k", "teff"], {"K": INPUT_COLUMNS["K"], "TEFF": INPUT_COLUMNS["TEFF"]})
    {'K': ['kmag'], 'TEFF': ['teff']}
    """
    by_key: dict[str, list[str]] = {}
    for name in names:
        by_key.setdefault(column_key(name), []).append(name)
    found = {}
    for canonical, column in wanted.items():
        for candidate in sorted((column.name, *column.aliases), key=lambda name: len(name) == 1):
            if len(column.name) == 1 and column.name in names:
                found[canonical] = [name for name in names if name == column.name]
                break
            hits = [hit for hit in by_key.get(column_key(candidate), []) if _alike(hit, candidate, column)]
            if hits:
                exact = [hit for hit in hits if hit.strip().lower() == candidate.lower()]
                found[canonical] = exact or hits
                break
    return found


def _alike(name: str, candidate: str, column: Column) -> bool:
    if len(candidate) == 1:
        return len(name.strip()) == 1 and (name == candidate or candidate == column.name)
    return len(column_key(candidate)) > 2 or name.strip().isalnum() == candidate.isalnum()


@dataclass(frozen=True)
class Combination:
    """A column made from others by a function, for tables that lack it.

    Attributes
    ----------
    target : str
        Canonical name of the column that is made.
    parts : tuple of str
        Canonical names of the columns that it is made from.
    make : callable
        `make(*parts)` gives the values.
    """

    target: str
    parts: tuple[str, ...]
    make: Callable[..., NDArray]


class ColumnPlan:
    """Which columns of a table to read, and what to make of them.

    Parameters
    ----------
    names : sequence of str
        Names of the columns of the table.
    wanted : mapping of str to Column
        Canonical columns to read where they are there or can be derived.
    extras : sequence of str, default=()
        Names of further columns, to be left as they are.
    combinations : sequence of Combination, default=()
        How to make columns of `wanted` that the table lacks.
    """

    def __init__(
        self,
        names: Sequence[str],
        wanted: Mapping[str, Column],
        extras: Sequence[str] = (),
        combinations: Sequence[Combination] = (),
    ):
        self.wanted = wanted
        self.found = match_columns(names, wanted)
        self.extras = match_columns(names, {name: Column(name, "", "") for name in extras})
        self.absent_extras = [name for name in extras if name not in self.extras]
        absent = [name for name in wanted if name not in self.found]
        self.derivations: list[Derivation] = []
        self.auxiliary: dict[str, list[str]] = {}
        for name in absent:
            self._plan_derivation(name, names)
        self.combinations = [made for made in combinations if self._plan_combination(made, absent, names)]

    def _plan_derivation(self, name: str, names: Sequence[str]) -> None:
        if name not in DERIVED:
            return
        terms = DERIVED[name].terms
        found = match_columns(names, {term: AUXILIARY_COLUMNS[term] for term in terms})
        if len(found) == len(terms):
            self.derivations.append(DERIVED[name])
            self.auxiliary.update(found)

    def _plan_combination(self, made: Combination, absent: list[str], names: Sequence[str]) -> bool:
        found = match_columns(names, {part: INPUT_COLUMNS[part] for part in made.parts})
        usable = made.target in absent and len(found) == len(made.parts)
        if usable:
            self.auxiliary.update(found)
        return usable

    def missing(self, needed: Iterable[str]) -> list[str]:
        """List the needed columns that the table cannot give.

        Parameters
        ----------
        needed : iterable of str
            Canonical names.

        Returns
        -------
        list of str
            Canonical names, and the extras that are not there.
        """
        made = {derivation.target for derivation in self.derivations}
        made |= {combination.target for combination in self.combinations}
        return [name for name in needed if name not in self.found and name not in made] + self.absent_extras

    def check_duplicates(self, label: str) -> None:
        """Refuse a table in which two columns stand for one quantity.

        Parameters
        ----------
        label : str
            Name of the table, for the message.

        Raises
        ------
        ValueError
            If there are such columns.
        """
        for canonical, hits in {**self.auxiliary, **self.found, **self.extras}.items():
            if len(hits) > 1:
                listed = " and ".join(f"`{hit}`" for hit in hits)
                raise ValueError(
                    f"{label}: the columns {listed} both stand for {canonical}; keep one of them"
                )

    @property
    def names(self) -> list[str]:
        """Canonical columns that the table has or gives, in the order of `wanted`."""
        return [name for name in self.wanted if not self.missing([name])]

    @property
    def kinds(self) -> dict[str, str]:
        """Columns of the table to fetch, and of which kind their values should be, as `fetch` wants it."""
        sources = {**self.auxiliary, **self.found}
        kinds = {hits[0]: "" for hits in self.extras.values()}
        return kinds | {hits[0]: _COLUMNS[name].kind for name, hits in sources.items()}

    def source(self, name: str) -> str:
        """Name in the table of a column that is read.

        Parameters
        ----------
        name : str
            Canonical name.

        Returns
        -------
        str
            The column of the table that stands for it.
        """
        return {**self.auxiliary, **self.found}[name][0]

    def describe(self) -> str:
        """Say which columns of the table stand for which quantities.

        Returns
        -------
        str
            Canonical names, those of the table where they differ, and what is made of others.
        """
        names = [
            name if hits[0] == name else f"{name} (`{hits[0]}`)"
            for name, hits in self.found.items()
            if len(hits) == 1
        ]
        made = [(derivation.target, tuple(derivation.terms)) for derivation in self.derivations]
        made += [(combination.target, combination.parts) for combination in self.combinations]
        for target, parts in made:
            listed = ", ".join(f"`{self.auxiliary[part][0]}`" for part in parts)
            names.append(f"{target} (made of {listed})")
        return ", ".join(names)

    def assemble(self, raw: Mapping[str, RawColumn], label: str, first_row: int = 0) -> dict[str, NDArray]:
        """Make the planned columns from those of the table.

        Parameters
        ----------
        raw : mapping of str to RawColumn
            The columns of `kinds`.
        label : str
            Name of the table, for messages.
        first_row : int, default=0
            Number of the first of these rows in the table, for messages.

        Returns
        -------
        dict of str to ndarray
            Canonical columns in the order of `wanted`, then the extras.
        """
        sources = {name: hits[0] for name, hits in {**self.auxiliary, **self.found}.items()}
        arrays = {}
        for name, actual in sources.items():
            if raw[actual].values.ndim != 1:
                shape = raw[actual].values.shape
                raise ValueError(f"{label}: column `{actual}` must have one value a row; shape {shape}")
            arrays[name] = clean_column(raw[actual], _COLUMNS[name], actual, first_row)
        self._derive(arrays)
        ordered = {name: arrays[name] for name in self.wanted if name in arrays}
        return ordered | {name: to_native(raw[hits[0]][0]) for name, hits in self.extras.items()}

    def _derive(self, arrays: dict[str, NDArray]) -> None:
        for derivation in self.derivations:
            terms = [arrays[term] * factor for term, factor in derivation.terms.items()]
            powers = [term**2 for term in terms] if derivation.quadrature else terms
            total: NDArray = np.sum(powers, axis=0)
            total = np.sqrt(total) if derivation.quadrature else total
            arrays[derivation.target] = total + total.dtype.type(derivation.constant)
        for made in self.combinations:
            arrays[made.target] = made.make(*(arrays[part] for part in made.parts))
