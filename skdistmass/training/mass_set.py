"""The training set of the mass model: a table of masses joined to the survey by identifier."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from skdistmass.columns import INPUT_COLUMNS, SENTINEL
from skdistmass.survey.read import read_stars
from skdistmass.tables.open import open_source
from skdistmass.training import label_checks as checks
from skdistmass.training.training_set import (
    Funnel,
    Step,
    TrainingSet,
    format_steps,
    keep_usable_spectra,
    star_ids,
)

SOURCES = ("APOKASC", "BERGER", "SERENELLI")
"""Origins of mass labels that have a bit of their own (8, 16, 32)."""

_ERROR_NAMES = ("{}_ERR", "{}_ERROR", "E_{}", "{}_FRAC_ERR", "{}_FRAC_ERROR")


@dataclass
class _Labels:
    ids: np.ndarray
    mass: np.ndarray
    error: np.ndarray
    source: np.ndarray


def mass_training_set(
    stars,
    labels,
    *,
    max_mass_error=0.10,
    max_log_g=None,
    mass_column="MASS",
    error_column=None,
    fractional_error=None,
    id_column="APOGEE_ID",
    source="APOKASC",
    source_column=None,
    drop_star_bad=True,
    keep_duplicates=True,
    min_stars=checks.MIN_STARS,
):
    """Choose the stars that the mass model is trained on, and label them with masses from a table.

    Parameters
    ----------
    stars : path, astropy.table.Table or pandas.DataFrame
        Survey table, anything `read_stars` reads.
    labels : path, astropy.table.Table or pandas.DataFrame
        Table of masses, with the identifiers of the survey. Of several masses of a star the one of the
        smallest fractional error counts.
    max_mass_error : float, default=0.10
        Largest error of a mass as a fraction of it, exclusive.
    max_log_g : float or None, default=None
        Largest surface gravity [dex]; the published set has dwarfs and subgiants too.
    mass_column : str, default="MASS"
        Column of the masses [Msun].
    error_column : str, optional
        Column of their 1σ errors; by default the name of the masses with "_ERR", "_ERROR" or "E_" [Msun], or
        "_FRAC_ERR" (a fraction).
    fractional_error : bool, optional
        Whether the errors are fractions of the mass; by default if the name of their column has "FRAC".
    id_column : str, default="APOGEE_ID"
        Identifier in both tables, under its canonical name or an alias: "APOGEE_ID", "SDSS_ID",
        "GAIAEDR3_SOURCE_ID" or "APSTAR_ID". Identifiers have to be equal, but for blanks around them.
    source : {"APOKASC", "BERGER", "SERENELLI"}, default="APOKASC"
        Origin of all masses, for the bits 8, 16 and 32 of BITMASK.
    source_column : str, optional
        Column of `labels` with the origin of each mass: a name, or the value of the bit.
    drop_star_bad : bool, default=True
        Drop stars that the survey's pipeline calls bad.
    keep_duplicates : bool, default=True
        Keep all rows of a star that was observed several times.
    min_stars : int, default=100
        Number of stars below which an error is raised.

    Returns
    -------
    TrainingSet
        Features, masses and their errors, weights, and how many stars each step kept.

    Raises
    ------
    MissingColumnsError
        If a table lacks a column.
    ValueError
        If no identifier matches, a mass or an error is not positive, masses are not in Msun, a column is
        constant, or there are too few stars.

    See Also
    --------
    train_mass : Trains on the set.
    skdistmass.physics.seismology.seismic_masses : Makes masses from frequencies.

    References
    ----------
    Stone-Martinez A., et al. 2024, AJ 167, 73, sections 2 and 5.3.

    Examples
    --------
    >>> from skdistmass import make_survey
    >>> from skdistmass.training import mass_training_set
    >>> stars, truth = make_survey(1000, random_state=0)
    >>> labels = {"APOGEE_ID": stars["APOGEE_ID"], "MASS": truth["mass"], "MASS_ERR": 0.05 * truth["mass"]}
    >>> from astropy.table import Table
    >>> training_set = mass_training_set(stars, Table(labels), max_log_g=3.5)
    >>> set(training_set.source_bits.tolist())
    {8}
    """
    settings = {k: v for k, v in locals().items() if isinstance(v, str | float | int | None) and k != "stars"}
    table = read_stars(stars)
    if id_column not in table.colnames:
        raise ValueError(
            f"{table.meta.get('source', 'the table')}: there is no column {id_column} to join the labels "
            f"by; it has {', '.join(table.colnames)}."
        )
    found = _read_labels(
        labels, mass_column, error_column, fractional_error, id_column, source, source_column
    )
    label = _join(np.asarray(table[id_column]), found.ids, id_column)

    funnel = Funnel(len(table))
    n_known = len(np.unique(found.ids))
    funnel.keep(f"with one of the {n_known} labels", label >= 0)
    X = keep_usable_spectra(funnel, table, drop_star_bad, keep_duplicates)
    mass, error = (np.where(label >= 0, values[label], np.nan) for values in (found.mass, found.error))
    funnel.keep("with a mass and its error", np.isfinite(mass) & np.isfinite(error))
    with np.errstate(invalid="ignore"):
        funnel.keep(f"mass error < {100 * max_mass_error:g} %", error / mass < max_mass_error)
        if max_log_g is not None:
            funnel.keep(f"log g <= {max_log_g:g}", X[:, 1] <= max_log_g)

    rows = np.flatnonzero(funnel.mask)
    checks.check_training_set(X[rows], mass[rows], "the mass [Msun]", min_stars, format_steps(funnel.steps))
    return TrainingSet(
        kind="mass",
        X=X[rows],
        y=mass[rows],
        y_error=error[rows],
        sample_weight=1.0 / error[rows] ** 2,
        ids=star_ids(table)[rows],
        rows=rows,
        source=found.source[label[rows]],
        steps=(Step("rows of the labels", len(found.mass)), *funnel.steps),
        settings=settings | {"table": str(table.meta.get("source", ""))},
    )


def _read_labels(labels, mass_column, error_column, fractional_error, id_column, source, source_column):
    names = open_source(labels, lambda found: mass_column in found).names
    candidates = [form.format(mass_column) for form in _ERROR_NAMES]
    error_column = error_column or next((name for name in candidates if name in names), None)
    if mass_column in names and error_column is None:
        raise ValueError(
            f"column `{mass_column}` of masses needs one of errors: there is none of "
            f"{', '.join(candidates)}. Name it with error_column."
        )
    wanted = [name for name in (id_column, mass_column, error_column, source_column) if name]
    table = read_stars(labels, columns=wanted)
    ids = np.asarray(table[id_column])
    ids = np.char.strip(ids.astype(str)) if ids.dtype.kind in "USO" else ids
    mass, error = (_floats(table[name], name) for name in (mass_column, error_column))
    checks.check_masses(mass, mass_column, ids)
    checks.check_positive_errors(error, np.isfinite(mass), f"column `{error_column}`", ids.astype(str))
    is_fraction = "FRAC" in error_column.upper() if fractional_error is None else fractional_error
    fraction = error if is_fraction else error / mass
    if np.nanmedian(fraction) > 1.0:
        raise ValueError(
            f"column `{error_column}` holds errors larger than the masses: the median is "
            f"{np.nanmedian(fraction):.3g} of the mass. It looks like per cent; errors have to be in Msun, "
            "or fractions (fractional_error=True)."
        )
    # Best label of each star first, so that a join finds it first.
    order = np.argsort(np.nan_to_num(fraction, nan=np.inf), kind="stable")
    origin = _origins(table, source, source_column)
    return _Labels(ids[order], mass[order], (fraction * mass)[order], origin[order])


def _floats(column, name):
    try:
        values = np.ma.filled(np.ma.asarray(column, dtype=float), np.nan)
    except ValueError as error:
        raise ValueError(f"column `{name}` of the labels must hold numbers: {error}") from error
    return np.where(values < SENTINEL, np.nan, values)


def _origins(table, source, source_column):
    if source_column is None:
        values = np.full(len(table), source, dtype="U9")
    else:
        values = np.char.upper(np.char.strip(np.asarray(table[source_column]).astype(str)))
    for value, name in (("8", "APOKASC"), ("16", "BERGER"), ("32", "SERENELLI")):
        values = np.where((values == value) | (np.char.find(values, name) >= 0), name, values)
    unknown = np.flatnonzero(~np.isin(values, SOURCES))
    if unknown.size:
        where = f"column `{source_column}`" if source_column else "source"
        raise ValueError(
            f"{where} has to name one of {', '.join(SOURCES)} or its bit (8, 16, 32); {unknown.size} of "
            f"{len(values)} values do not (first: row {unknown[0]}, {values[unknown[0]]!r})."
        )
    return values


def _join(star, label, id_column):
    """Row of the first label of each star, -1 for none."""
    if INPUT_COLUMNS[id_column].kind == "str":
        star = np.char.strip(star.astype(str))
    nothing = label.dtype.type()
    names, first = np.unique(label, return_index=True)
    position = np.minimum(np.searchsorted(names, star), len(names) - 1)
    matched = (names[position] == star) & (star != nothing)
    if not matched.any():
        shown = [values[values != nothing][:1] for values in (star, label)]
        example = [repr(value[0].item()) if len(value) else "nothing" for value in shown]
        raise ValueError(
            f"0 of {len(names)} labels match one of {len(star)} stars by {id_column}: the stars have names "
            f"like {example[0]}, the labels like {example[1]}. They have to be equal, letter by letter."
        )
    return np.where(matched, first[position], -1)
