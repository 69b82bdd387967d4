"""Which columns of a table stand for which quantity, and what can be derived from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from skdistmass.columns import AUXILIARY_COLUMNS, DERIVED, INPUT_COLUMNS, Column, Derivation, column_key
from skdistmass.exceptions import MissingColumnsError as MissingColumnsError
from skdistmass.physics.coordinates import galactic_latitude
from skdistmass.tables.clean import clean_column, to_native
from skdistmass.tables.source import RawColumn

_APSTAR_PARTS = ("TELESCOPE", "FIELD", "APOGEE_ID")
_APSTAR_FORM = "apogee.{}.stars.{}.{}"
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
        canonical name but for case, else those equal to the first alias that there is.

    Examples
    --------
    >>> match_columns(["kmag", "k", "teff"], {"K": INPUT_COLUMNS["K"], "TEFF": INPUT_COLUMNS["TEFF"]})
    {'K': ['k'], 'TEFF': ['teff']}
    """
    by_key: dict[str, list[str]] = {}
    for name in names:
        by_key.setdefault(column_key(name), []).append(name)
    found = {}
    for canonical, column in wanted.items():
        for candidate in (column.name, *column.aliases):
            hits = by_key.get(column_key(candidate), [])
            if len(candidate) == 1 and candidate != column.name:
                # `b` is a latitude, but `B` is as likely a magnitude.
                hits = [hit for hit in hits if hit == candidate]
            if hits:
                found[canonical] = hits
                break
    return found


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
    """

    def __init__(self, names: Sequence[str], wanted: Mapping[str, Column], extras: Sequence[str] = ()):
        self.wanted = wanted
        self.found = match_columns(names, wanted)
        self.extras = match_columns(names, {name: Column(name, "", "") for name in extras})
        self.absent_extras = [name for name in extras if name not in self.extras]
        absent = [name for name in wanted if name not in self.found]
        self.derivations: list[Derivation] = []
        self.auxiliary: dict[str, list[str]] = {}
        for name in absent:
            self._plan_derivation(name, names)
        self.apstar_parts = self._parts("APSTAR_ID", _APSTAR_PARTS, absent, names)
        self.position = self._parts("GLAT", ("RA", "DEC"), absent, names)

    def _plan_derivation(self, name: str, names: Sequence[str]) -> None:
        if name not in DERIVED:
            return
        terms = DERIVED[name].terms
        found = match_columns(names, {term: AUXILIARY_COLUMNS[term] for term in terms})
        if len(found) == len(terms):
            self.derivations.append(DERIVED[name])
            self.auxiliary.update(found)

    def _parts(self, target: str, parts: tuple[str, ...], absent: list[str], names: Sequence[str]) -> bool:
        found = match_columns(names, {part: INPUT_COLUMNS[part] for part in parts})
        usable = target in absent and len(found) == len(parts)
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
        made |= {"APSTAR_ID"} if self.apstar_parts else set()
        made |= {"GLAT"} if self.position else set()
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

    def text_width(self, name: str, widths: Mapping[str, int]) -> int | None:
        """Tell how long the values of a column of text can be.

        Parameters
        ----------
        name : str
            Canonical name.
        widths : mapping of str to int
            Bytes that the table reserves for a value of its columns, where it tells them.

        Returns
        -------
        int or None
            Number of characters; None if the table does not tell.
        """
        parts = (name,) if name in self.found else _APSTAR_PARTS
        known = [widths.get(hits[0]) for hits in ({**self.auxiliary, **self.found}[part] for part in parts)]
        if None in known:
            return None
        return sum(known) + (0 if name in self.found else len(_APSTAR_FORM.format("", "", "")))

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
            total = np.sqrt(sum(term**2 for term in terms)) if derivation.quadrature else sum(terms)
            arrays[derivation.target] = total + total.dtype.type(derivation.constant)
        if self.apstar_parts:
            arrays["APSTAR_ID"] = apstar_id(*(arrays[part] for part in _APSTAR_PARTS))
        if self.position:
            arrays["GLAT"] = galactic_latitude(arrays["RA"], arrays["DEC"])


def apstar_id(telescope: NDArray, field: NDArray, apogee_id: NDArray) -> NDArray[np.str_]:
    """Join the identifier of the combined spectrum of a star.

    Parameters
    ----------
    telescope, field, apogee_id : ndarray of str of shape (n_samples,)
        Telescope, field and star.

    Returns
    -------
    ndarray of str of shape (n_samples,)
        `apogee.<telescope>.stars.<field>.<apogee_id>`, "" where a part is missing.

    Examples
    --------
    >>> apstar_id(["apo25m"], ["K21_071+10"], ["2M00000002+7417074"])
    array(['apogee.apo25m.stars.K21_071+10.2M00000002+7417074'], dtype='<U...')
    """
    parts = [np.asarray(part, dtype=str) for part in (telescope, field, apogee_id)]
    # "apogee." + telescope + ".stars." + field + "." + star
    joined = np.full(parts[0].shape, "")
    for words in zip(_APSTAR_FORM.split("{}"), (*parts, ""), strict=True):
        for word in words:
            joined = np.char.add(joined, word)
    joined[(parts[0] == "") | (parts[1] == "") | (parts[2] == "")] = ""
    return joined
