"""Training set of the mass model: masses from a table, joined to the survey by identifier."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from skdistmass.survey.read import read_stars
from skdistmass.training import label_checks as checks
from skdistmass.training.funnel import (
    Funnel,
    Step,
    format_steps,
    keep_usable_spectra,
    name_rows,
    star_ids,
)
from skdistmass.training.label_table import LabelTable
from skdistmass.training.training_set import MASS_SOURCES, TrainingSet

if TYPE_CHECKING:
    from skdistmass.training.label_table import LabelSource

_ERROR_NAMES = ("{}_ERR", "{}_ERROR", "E_{}", "{}_FRAC_ERR", "{}_FRAC_ERROR")


@dataclass
class _Labels:
    """Identifiers, masses [Msun], their errors [Msun] and origins, best label of a star first."""

    ids: NDArray
    mass: NDArray[np.float64]
    error: NDArray[np.float64]
    source: NDArray[np.str_]


def mass_training_set(
    stars: LabelSource,
    labels: LabelSource,
    *,
    max_mass_error: float = 0.10,
    max_log_g: float | None = None,
    mass_column: str = "MASS",
    error_column: str | None = None,
    fractional_error: bool | None = None,
    id_column: str = "APOGEE_ID",
    source: str = "APOKASC",
    source_column: str | None = None,
    drop_star_bad: bool = True,
    keep_duplicates: bool = True,
    min_stars: int = checks.MIN_STARS,
) -> TrainingSet:
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
        Column of the masses; those without a unit are in Msun. Columns of labels are found in any case.
    error_column : str, optional
        Column of their 1σ errors; by default the name of the masses with ``_ERR``, ``_ERROR`` or ``E_``
        [Msun], or ``_FRAC_ERR`` (a fraction).
    fractional_error : bool, optional
        Whether the errors are fractions of the mass; by default if the name of their column has "FRAC".
    id_column : str, default="APOGEE_ID"
        Identifier in both tables: "APOGEE_ID", "SDSS_ID", "GAIAEDR3_SOURCE_ID" or an alias of them, or any
        other column that both tables have, such as "KIC". Identifiers must be equal, but for blanks around
        them.
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
    known = id_column.upper() in table.colnames
    identifiers = (
        np.asarray(table[id_column.upper()])
        if known
        else LabelTable(stars, [id_column]).identifiers(id_column)
    )
    found = _read_labels(
        labels, mass_column, error_column, fractional_error, id_column, source, source_column
    )
    label = _join(identifiers, found.ids, id_column)

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
        ids=(star_ids(table) if "APOGEE_ID" in table.colnames else name_rows(identifiers))[rows],
        rows=rows,
        source=found.source[label[rows]],
        steps=(Step("rows of the labels", len(found.mass)), *funnel.steps),
        settings=settings | {"table": str(table.meta.get("source", ""))},
    )


def _read_labels(
    labels: LabelSource,
    mass_column: str,
    error_column: str | None,
    fractional_error: bool | None,
    id_column: str,
    source: str,
    source_column: str | None,
) -> _Labels:
    table = LabelTable(
        labels, [name for name in (id_column, mass_column, error_column, source_column) if name]
    )
    candidates = [form.format(mass_column) for form in _ERROR_NAMES]
    error_column = error_column or next(filter(table.find, candidates), None)
    if error_column is None:
        raise ValueError(
            f"column `{mass_column}` of masses needs one of errors: there is none of "
            f"{', '.join(candidates)}. Name it with error_column."
        )
    if fractional_error is None:
        fractional_error = "FRAC" in error_column.upper()
    ids, mass = table.identifiers(id_column), table.numbers(mass_column, "solMass")
    error = table.numbers(error_column, "" if fractional_error else "solMass")
    checks.check_masses(mass, mass_column, ids)
    checks.check_positive_errors(error, np.isfinite(mass), f"column `{error_column}`", ids.astype(str))
    fraction = error if fractional_error else error / mass
    checks.check_mass_errors(fraction, error_column)
    # Best label of each star first, so that a join finds it first.
    order = np.argsort(np.nan_to_num(fraction, nan=np.inf), kind="stable")
    origin = _origins(table, source, source_column)
    return _Labels(ids[order], mass[order], (fraction * mass)[order], origin[order])


def _origins(table: LabelTable, source: str, source_column: str | None) -> NDArray[np.str_]:
    given = np.full(table.n_rows, source) if source_column is None else table.text(source_column)
    values = np.char.upper(given)
    for value, name in (("8", "APOKASC"), ("16", "BERGER"), ("32", "SERENELLI")):
        values = np.where((values == value) | (np.char.find(values, name) >= 0), name, values)
    unknown = np.flatnonzero(~np.isin(values, MASS_SOURCES))
    if unknown.size:
        where = f"column `{source_column}`" if source_column else "source"
        raise ValueError(
            f"{where} must name one of {', '.join(MASS_SOURCES)} or its bit (8, 16, 32); {unknown.size} of "
            f"{len(values)} values do not (first: row {unknown[0]}, {str(given[unknown[0]])!r})."
        )
    return values


def _join(star: NDArray, label: NDArray, id_column: str) -> NDArray[np.intp]:
    """Row of the first label of each star, -1 for none."""
    if star.dtype.kind != label.dtype.kind:
        star, label = (
            np.where(values == values.dtype.type(), "", values.astype(str)) for values in (star, label)
        )
    nothing = label.dtype.type()
    names, first = np.unique(label, return_index=True)
    position = np.minimum(np.searchsorted(names, star), len(names) - 1)
    matched = (names[position] == star) & (star != nothing)
    if not matched.any():
        shown = [values[values != nothing][:1] for values in (star, label)]
        example = [repr(value[0].item()) if len(value) else "nothing" for value in shown]
        raise ValueError(
            f"0 of {len(names)} labels match one of {len(star)} stars by {id_column}: the stars have names "
            f"like {example[0]}, the labels like {example[1]}. They must be equal, letter by letter."
        )
    return np.where(matched, first[position], -1)
