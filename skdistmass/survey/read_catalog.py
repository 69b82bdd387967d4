"""Reading of catalogues of distances, masses and ages, in any of their namings and formats."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from skdistmass.columns import CATALOG_COLUMNS, FEATURES, LABEL_SETS, PERCENTILES, canonical_catalog_name
from skdistmass.physics.constants import YEARS_PER_GYR
from skdistmass.survey.read import as_table
from skdistmass.tables.aliases import MissingColumnsError
from skdistmass.tables.clean import clean_column, decode, to_native
from skdistmass.tables.open import open_source
from skdistmass.tables.source import RawColumn, quiet_astropy

if TYPE_CHECKING:
    import pandas as pd
    from astropy.table import Column as TableColumn
    from astropy.table import Table

# What a survey table has as well: beside one of these a column "mass" makes no catalogue.
_INPUTS = {"APOGEE_ID", "APSTAR_ID", "SDSS_ID", "GAIAEDR3_SOURCE_ID", "RA", "DEC", "SNR", *FEATURES}
_RESULTS = ("DISTANCE", "WEIGHTED_DIST", "MASS", "AGE", "NMSU_DIST")
_PAIRS = ("AGE_ERR", *(f"AGE_ERR_{name}" for name in LABEL_SETS))
_WIDTHS = {name: len(PERCENTILES) for name in CATALOG_COLUMNS if "_PERCENTILES" in name}
_WIDTHS |= dict.fromkeys(_PAIRS, 2)
_PART = re.compile(r"(.+?)[ _.\[(]*(\d+)[\])]*")
_NUMBER = re.compile(r"[+-]?(?:nan|inf|\d*\.?\d+(?:e[+-]?\d+)?|\d+\.)", re.IGNORECASE)
_MIN_AGE = 1e5  # yr: ages below, all of them, are in Gyr or logarithms
_MAX_NEAR = 60.0  # pc: distances below, all of many, are in kpc
_MAX_MASS = 1e3  # solMass
_MANY = 10


def read_catalog(path: str | Path | Table | pd.DataFrame) -> Table:
    """Read a catalogue of distances, masses and ages, in whichever of the three namings it is written.

    Parameters
    ----------
    path : path, astropy.table.Table or pandas.DataFrame
        A catalogue of this package in any of its formats and namings, or the published file.

    Returns
    -------
    astropy.table.Table
        Canonical columns with canonical units: distances in pc, masses in solMass, AGE and the ages of the
        six label sets in yr, AGE_ERR (AGE_ERR_UNCOR_SS, ...) of shape (n_samples, 2) in dex (upward,
        downward). For each age column there is one in Gyr besides (AGE_GYR, AGE_GYR_UNCOR_SS, ...) and its
        errors (AGE_GYR_ERR, AGE_GYR_ERR_UNCOR_SS, ...) of shape (n_samples, 2) in Gyr (upward, downward),
        from those of AGE_ERR for a label set without errors of its own, as in the published file. Columns
        that the catalogue does not define follow as they are. `meta` is that of the file.

    Raises
    ------
    MissingColumnsError
        If there are not two columns of results (a distance, mass or age, and an error, a bitmask or another
        one): it is no catalogue.
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged or of unknown format, a column has the wrong kind of values or unit, or has
        no unit and values that cannot be in the canonical one (ages in Gyr, distances in kpc).

    Notes
    -----
    With errors of +a and -b dex the age of t Gyr has errors of t (10^a - 1) and t (1 - 10^-b) Gyr.
    """
    opened = open_source(path, _is_catalog)
    if not _is_catalog(opened.names):
        needed = "two of DISTANCE, MASS, AGE, NMSU_DIST, their errors and BITMASK"
        raise MissingColumnsError(opened.label, [needed], opened.names)
    pairs = _vector_parts(opened.names)
    halves = {name for pair in pairs.values() for name in pair}
    known = _catalog_names([name for name in opened.names if name not in halves], opened.label)
    kinds = {name: CATALOG_COLUMNS[known[name]].kind if name in known else "" for name in opened.names}
    kinds |= {name: "" for name, canonical in known.items() if canonical in _PAIRS}
    raw = opened.fetch(kinds | dict.fromkeys(halves, "float"), slice(0, opened.n_rows))
    arrays = {}
    for canonical, pair in pairs.items():
        parts = [clean_column(raw[name], CATALOG_COLUMNS[canonical], name) for name in pair]
        arrays[canonical] = np.column_stack(parts)
    for name, canonical in known.items():
        column = raw[name] if canonical not in _PAIRS else _as_pairs(raw[name])
        values = clean_column(column, CATALOG_COLUMNS[canonical], name)
        arrays[canonical] = _settle_shape(values, canonical, opened.label)
        if not raw[name].unit:
            _check_assumed_unit(arrays[canonical], canonical, f"{opened.label}: column `{name}`")
    ordered = {name: arrays[name] for name in CATALOG_COLUMNS if name in arrays}
    table = as_table(ordered, CATALOG_COLUMNS, opened.meta)
    for name in opened.names:
        if name not in known and name not in halves:
            table[name] = _as_it_is(raw[name])
    _add_gyr(table)
    return table


def _is_catalog(names: Sequence[str]) -> bool:
    known = {own for name in names if (own := canonical_catalog_name(name))} - _INPUTS
    known |= _vector_parts(names).keys()
    return len(known) > 1 and any(name.startswith(_RESULTS) for name in known)


def _vector_parts(names: Sequence[str]) -> dict[str, list[str]]:
    """Find the columns that one of vectors became in a format without them: AGE_ERR_1, age_err[0] ..."""
    parts: dict[str, dict[int, str]] = {}
    for name in names:
        found = _PART.fullmatch(name)
        canonical = canonical_catalog_name(found[1]) if found else None
        if found and canonical and canonical_catalog_name(name) is None:
            parts.setdefault(canonical, {})[int(found[2])] = name
    # Of samples there are as many as were asked for.
    whole = {name for name, some in parts.items() if len(some) == _WIDTHS.get(name)}
    whole |= {name for name, some in parts.items() if name.endswith("_SAMPLES") and len(some) > 1}
    return {name: [parts[name][key] for key in sorted(parts[name])] for name in parts if name in whole}


def _as_pairs(raw: RawColumn) -> RawColumn:
    """Give pairs of numbers that are lists, or text such as "[0.1 0.2]", a second axis."""
    values, _, unit = raw
    if values.ndim != 1 or values.dtype.kind not in "OSU":
        return raw
    pairs = np.full((len(values), 2), np.nan)
    for row, value in enumerate(values.tolist()):
        if isinstance(value, bytes):
            value = value.decode("utf-8", "replace")
        if isinstance(value, str):
            value = [float(number) for number in _NUMBER.findall(value)]
        value = list(value.values()) if isinstance(value, dict) else value
        if value is not None and np.size(value) == 2:
            pairs[row] = [np.nan if part is None else float(part) for part in value]
    return RawColumn(pairs, None, unit)


def _check_assumed_unit(values: NDArray, name: str, what: str) -> None:
    """Refuse values without a unit that cannot be in the canonical one."""
    finite = np.abs(values[np.isfinite(values)]) if values.dtype.kind == "f" else values[:0]
    if not len(finite) or "_ERR" in name or not np.any(finite > 0):
        return
    unit, wrong, instead = CATALOG_COLUMNS[name].unit, False, ""
    if unit == "yr":
        wrong, instead = finite.max() < _MIN_AGE, "Gyr, or logarithms"
    elif unit == "pc":
        wrong, instead = len(finite) >= _MANY and finite.max() < _MAX_NEAR, "kpc"
    elif name.startswith("MASS"):
        wrong, instead = finite.min() > _MAX_MASS, "kg or g"
    if wrong:
        span = f"{finite.min():.4g} to {finite.max():.4g}"
        raise ValueError(
            f"{what} has no unit, and its {len(finite)} values ({span}) cannot be in {unit}: {instead}? Give "
            "it its unit, as in an astropy Table, FITS, ECSV, VOTable or Parquet"
        )


def _catalog_names(names: Sequence[str], label: str) -> dict[str, str]:
    known: dict[str, str] = {}
    for name in names:
        canonical = canonical_catalog_name(name)
        if canonical is None:
            continue
        if canonical in known.values():
            raise ValueError(f"{label}: column `{name}` is the second that stands for {canonical}; keep one")
        known[name] = canonical
    return known


def _settle_shape(values: NDArray, name: str, label: str) -> NDArray:
    if name == "NMSU_DIST" and values.ndim == 2 and values.shape[1] == 3:
        return values[:, 1]  # The published file has the maximum, the median and the mean of the PDF.
    expected = (len(values), 2) if name in _PAIRS else (len(values),)
    if "_PERCENTILES" in name:
        expected = (len(values), len(PERCENTILES))
    elif name.endswith("_SAMPLES") and values.ndim == 2:
        return values
    if values.shape != expected:
        raise ValueError(f"{label}: column {name} must have shape {expected}; it has {values.shape}")
    return values


def _as_it_is(raw: RawColumn) -> TableColumn:
    from astropy.table import Column as TableColumn
    from astropy.units import Unit

    values, mask, unit = raw
    values = decode(values, mask) if values.dtype.kind in "SUO" else to_native(values)
    with quiet_astropy():
        return TableColumn(values, unit=Unit(unit, parse_strict="silent") if unit else None)


def _add_gyr(table: Table) -> None:
    from astropy.table import Column as TableColumn

    for suffix in ("", *(f"_{label_set}" for label_set in LABEL_SETS)):
        if f"AGE{suffix}" not in table.colnames:
            continue
        ages = np.asarray(table[f"AGE{suffix}"], dtype=float) / YEARS_PER_GYR
        description = CATALOG_COLUMNS[f"AGE{suffix}"].description
        table[f"AGE_GYR{suffix}"] = TableColumn(ages, unit="Gyr", description=description)
        own = f"AGE_ERR{suffix}"
        errors_name = own if own in table.colnames else "AGE_ERR"
        if errors_name in table.colnames:
            upward, downward = np.abs(np.asarray(table[errors_name], dtype=float)).T
            with np.errstate(over="ignore", invalid="ignore"):
                errors = np.column_stack([ages * (10**upward - 1), ages * (1 - 10**-downward)])
            errors[~np.isfinite(errors)] = np.nan  # 300 dex are no error.
            description = f"Errors of AGE_GYR{suffix}: upward, downward"
            table[f"AGE_GYR_ERR{suffix}"] = TableColumn(errors, unit="Gyr", description=description)
