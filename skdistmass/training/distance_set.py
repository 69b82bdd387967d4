"""Training set of the distance model: labels from Gaia and from star clusters, and the cuts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from skdistmass.physics import parallax as gaia_parallax
from skdistmass.physics import photometry
from skdistmass.physics.constants import A_K_PER_E_B_V
from skdistmass.physics.coordinates import ecliptic_latitude
from skdistmass.survey.clusters import as_cluster_table, cluster_distances, load_clusters, match_clusters
from skdistmass.survey.flags import physical_values
from skdistmass.survey.quantities.distances import star_extinction
from skdistmass.survey.read import read_stars
from skdistmass.tables.aliases import MissingColumnsError
from skdistmass.training import label_checks as checks
from skdistmass.training.funnel import Funnel, format_steps, keep_usable_spectra, star_ids
from skdistmass.training.label_table import LabelTable
from skdistmass.training.training_set import ClusterMembers, TrainingSet

if TYPE_CHECKING:
    from astropy.table import Table

    from skdistmass.survey.options import ExtinctionRule
    from skdistmass.training.label_table import LabelSource

GLOBAL_ZERO_POINT = -0.017
"""Zero point of the parallaxes of quasars [mas] (Lindegren+ 2021), for stars without one of their own."""

TYPICAL_NU_EFF = 1.43
"""Effective wavenumber of a K giant, BP - RP = 1.4 mag [1/µm], for tables without that of the stars."""

_ZERO_POINT_INPUTS = (
    "GAIAEDR3_PHOT_G_MEAN_MAG",
    "NU_EFF",
    "PSEUDOCOLOUR",
    "RA",
    "DEC",
    "ASTROMETRIC_PARAMS_SOLVED",
)
_PARALLAX = ("GAIAEDR3_PARALLAX", "GAIAEDR3_PARALLAX_ERROR")
_ERROR_NAMES = ("{}_ERR", "{}_ERROR", "E_{}")


def distance_training_set(
    stars: LabelSource,
    *,
    max_parallax_error: float | None = 0.15,
    max_extinction: float = 0.5,
    min_extinction: float = 0.0,
    distance_source: str = "photogeo",
    distance_error: str | None = None,
    zero_point: float | str = "auto",
    clusters: bool | Table = True,
    drop_star_bad: bool = True,
    keep_duplicates: bool = True,
    magnitude_scatter: float = 0.1,
    extinction_rule: ExtinctionRule = "survey",
    sfd_coefficient: float = A_K_PER_E_B_V,
    min_stars: int = checks.MIN_STARS,
) -> TrainingSet:
    """Choose the stars that the distance model is trained on, and label them with absolute magnitudes.

    Parameters
    ----------
    stars : path, astropy.table.Table or pandas.DataFrame
        Survey table with Gaia columns, anything `read_stars` reads.
    max_parallax_error : float or None, default=0.15
        Largest error of the parallax as a fraction of it. None: no such cut, and no parallaxes needed.
    max_extinction : float, default=0.5
        Largest A_K [mag], exclusive.
    min_extinction : float, default=0.0
        Smallest A_K [mag]: negative values are noise or bad photometry.
    distance_source : str, default="photogeo"
        Where distances come from: "photogeo" or "geo" (Bailer-Jones+ 2021), "edsd" (posterior of the
        parallax, see `skdistmass.physics.parallax`), or the name of a column of distances [pc].
    distance_error : str, optional
        Column of the 1σ errors [pc] of a distance column; by default its name with ``_ERR``, ``_ERROR`` or
        ``E_``.
    zero_point : float or "auto", default="auto"
        Zero point of the parallaxes [mas] for "edsd". "auto": Lindegren+ 2021 from G magnitude, colour and
        position; the survey's file has no colour, that of a K giant is assumed then. -0.017 mas for stars
        without G or position.
    clusters : bool or table, default=True
        Give members of star clusters (column MEMBER) that the parallax cut removed back, with the distance of
        their cluster: those of `load_clusters`, or a table of your own, see `cluster_distances`. False: no.
    drop_star_bad : bool, default=True
        Drop stars that the survey's pipeline calls bad.
    keep_duplicates : bool, default=True
        Keep all rows of a star that was observed several times, as published.
    magnitude_scatter : float, default=0.1
        Scatter of absolute magnitudes at one spectrum [mag], added in quadrature to the errors for the
        weights. Without it, dwarfs with parallaxes good to a thousandth would leave no weight to giants.
    extinction_rule : {"survey", "paper"}, default="survey"
        Rule of `choose_extinction`; that of the catalogue should be the same.
    sfd_coefficient : float, default=0.302
        A_K for E(B-V) = 1 mag of the dust map.
    min_stars : int, default=100
        Number of stars below which an error is raised.

    Returns
    -------
    TrainingSet
        Features, absolute magnitudes and their errors, weights, and how many stars each step kept.

    Raises
    ------
    MissingColumnsError
        If the table lacks the features or the Gaia columns.
    ValueError
        If no parallax is positive, an error is not positive, distances are not in pc, a column is constant,
        or there are too few stars.

    See Also
    --------
    train_distance : Trains on the set.

    Notes
    -----
    M = K - A_K - 5 log10(d / pc) + 5, σ_M² = ((5 / ln 10) σ_d / d)² + σ_K², weights 1 / (σ_M² + scatter²).
    The errors of Bailer-Jones distances are half their 16-84 % ranges.

    References
    ----------
    Stone-Martinez A., et al. 2024, AJ 167, 73, sections 2 and 4.1.
    Bailer-Jones C. A. L., et al. 2021, AJ 161, 147.

    Examples
    --------
    >>> from skdistmass import make_survey
    >>> from skdistmass.training import distance_training_set
    >>> stars, truth = make_survey(1000, random_state=0)
    >>> training_set = distance_training_set(stars)
    >>> training_set.X.shape == (len(training_set), 5)
    True
    >>> [step.name for step in training_set.steps][:2]
    ['rows of the table', 'with TEFF, LOGG, M_H, C_FE, N_FE']
    """
    settings = {k: v for k, v in locals().items() if k != "stars" and isinstance(v, str | float | int | None)}
    table = read_stars(stars)
    _check_gaia_columns(table, distance_source, max_parallax_error)
    labels = _distances(stars, table, distance_source, distance_error, zero_point)

    funnel = Funnel(len(table))
    X = keep_usable_spectra(funnel, table, drop_star_bad, keep_duplicates)
    k_mag = physical_values(table, "K")
    extinction, _ = star_extinction(table, extinction_rule, sfd_coefficient)
    funnel.keep("with K", np.isfinite(k_mag))
    in_range = (extinction >= min_extinction) & (extinction < max_extinction)
    funnel.keep(f"{min_extinction:g} <= A_K < {max_extinction:g} mag", in_range)
    usable = funnel.mask
    if max_parallax_error is not None:
        good = _good_parallaxes(table, usable, max_parallax_error)
        funnel.keep(f"parallax error < {100 * max_parallax_error:g} %", good)
    _check_labels(table, labels, funnel.mask)
    funnel.keep(f"with {labels.name} and its error", (labels.distance > 0) & np.isfinite(labels.error))
    members = None
    if clusters is not False and "MEMBER" in table.colnames:
        members = _cluster_members(table, usable, X, k_mag, extinction, clusters)
        _add_members(funnel, labels, members, clusters)

    rows = np.flatnonzero(funnel.mask)
    y = photometry.absolute_magnitude(k_mag[rows], extinction[rows], labels.distance[rows])
    y_error = photometry.absolute_magnitude_error(labels.distance[rows], labels.error[rows])
    y_error = np.hypot(y_error, np.nan_to_num(physical_values(table, "K_ERR")[rows]))
    checks.check_training_set(X[rows], y, "the absolute magnitude", min_stars, format_steps(funnel.steps))
    checks.check_magnitudes(y, labels.name)
    return TrainingSet(
        kind="distance",
        X=X[rows],
        y=y,
        y_error=y_error,
        sample_weight=1.0 / (y_error**2 + magnitude_scatter**2),
        ids=star_ids(table)[rows],
        rows=rows,
        source=labels.source[rows],
        steps=tuple(funnel.steps),
        settings=settings | {"table": str(table.meta.get("source", ""))},
        members=members,
    )


@dataclass
class _Labels:
    """Distances of all rows [pc], their errors [pc], where they are from, and what to call them."""

    distance: NDArray[np.float64]
    error: NDArray[np.float64]
    source: NDArray[np.str_]
    name: str


def _check_gaia_columns(table: Table, distance_source: str, max_parallax_error: float | None) -> None:
    needed = [] if max_parallax_error is None and distance_source != "edsd" else list(_PARALLAX)
    if distance_source in ("photogeo", "geo"):
        needed += [f"GAIAEDR3_R_{part}_{distance_source.upper()}" for part in ("MED", "LO", "HI")]
    missing = [name for name in needed if name not in table.colnames]
    if missing:
        label = (
            f"{table.meta.get('source', 'the table')}: distances are labelled with Gaia, or with a column "
            "of your own (distance_source) and max_parallax_error=None"
        )
        raise MissingColumnsError(label, missing, table.colnames)


def _good_parallaxes(table: Table, usable: NDArray[np.bool_], max_parallax_error: float) -> NDArray[np.bool_]:
    parallax, error = (physical_values(table, name) for name in _PARALLAX)
    with np.errstate(invalid="ignore", divide="ignore"):
        positive = usable & (parallax > 0)
        if not positive.any():
            n_missing = np.count_nonzero(usable & np.isnan(parallax))
            raise ValueError(
                f"column {checks.name_column(_PARALLAX[0])} has no positive value: of the "
                f"{np.count_nonzero(usable)} usable stars {n_missing} have none, the others a negative one. "
                "Are they parallaxes [mas], with the right sign?"
            )
        checks.check_positive_errors(
            np.asarray(table[_PARALLAX[1]], dtype=float),
            positive,
            checks.name_column(_PARALLAX[1]),
            star_ids(table),
        )
        return positive & (error / parallax < max_parallax_error)


def _distances(
    stars: LabelSource,
    table: Table,
    distance_source: str,
    distance_error: str | None,
    zero_point: float | str,
) -> _Labels:
    source = np.full(len(table), distance_source, dtype="U32")
    if distance_source in ("photogeo", "geo"):
        median, low, high = (
            physical_values(table, f"GAIAEDR3_R_{part}_{distance_source.upper()}")
            for part in ("MED", "LO", "HI")
        )
        return _Labels(median, 0.5 * (high - low), source, f"the {distance_source} distance")
    if distance_source == "edsd":
        parallax, error = (physical_values(table, name) for name in _PARALLAX)
        low, median, high = gaia_parallax.edsd_quantiles(parallax - _zero_points(table, zero_point), error)
        return _Labels(median, 0.5 * (high - low), source, "the distance of the parallax")
    distance, error = _user_distances(stars, distance_source, distance_error)
    return _Labels(distance, error, source, f"column `{distance_source}` [pc]")


def _zero_points(table: Table, zero_point: float | str) -> NDArray[np.float64]:
    if zero_point != "auto":
        return np.full(len(table), float(zero_point))
    given = {
        name: np.asarray(table[name], dtype=float) for name in _ZERO_POINT_INPUTS if name in table.colnames
    }
    if not all(name in given for name in ("GAIAEDR3_PHOT_G_MEAN_MAG", "RA", "DEC")):
        return np.full(len(table), GLOBAL_ZERO_POINT)
    value, _ = gaia_parallax.zero_point(
        given["GAIAEDR3_PHOT_G_MEAN_MAG"],
        given.get("NU_EFF", TYPICAL_NU_EFF),
        given.get("PSEUDOCOLOUR", np.nan),
        ecliptic_latitude(given["RA"], given["DEC"]),
        given.get("ASTROMETRIC_PARAMS_SOLVED", 31),
    )
    return np.where(np.isnan(value), GLOBAL_ZERO_POINT, value)


def _user_distances(
    stars: LabelSource, name: str, error_name: str | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    labels = LabelTable(stars, [part for part in (name, error_name) if part])
    if error_name is None:
        errors = [form.format(name) for form in _ERROR_NAMES]
        error_name = next(filter(labels.find, errors), None)
        if error_name is None:
            raise ValueError(
                f"column `{name}` of distances [pc] needs one of errors [pc]: there is none of "
                f"{', '.join(errors)}. Name it with distance_error."
            )
    return labels.numbers(name, "pc"), labels.numbers(error_name, "pc")


def _check_labels(table: Table, labels: _Labels, where: NDArray[np.bool_]) -> None:
    if not np.any(labels.distance[where] > 0):
        raise ValueError(
            f"{labels.name} has no positive value for any of the {np.count_nonzero(where)} stars left."
        )
    known = where & np.isfinite(labels.distance)
    checks.check_positive_errors(labels.error, known, f"the error of {labels.name}", star_ids(table))
    if labels.source[0] != "edsd":
        parallax, error = (physical_values(table, name) for name in _PARALLAX)
        with np.errstate(invalid="ignore"):
            clear = known & (parallax > 5.0 * error)
        checks.check_parsecs(labels.distance, parallax, clear, labels.name)


def _cluster_members(
    table: Table,
    usable: NDArray[np.bool_],
    X: NDArray[np.float64],
    k_mag: NDArray[np.float64],
    extinction: NDArray[np.float64],
    clusters: bool | Table,
) -> ClusterMembers:
    """Return usable members of clusters with a distance."""
    known = load_clusters() if clusters is True else as_cluster_table(clusters)
    cluster = match_clusters(table["MEMBER"], known)
    distance = np.where(cluster >= 0, np.asarray(known["distance"], dtype=float)[cluster], np.nan)
    rows = np.flatnonzero(usable & np.isfinite(distance))
    names = np.asarray(known["name"], dtype=str)[cluster[rows]]
    return ClusterMembers(X[rows], k_mag[rows], extinction[rows], names, distance[rows], rows)


def _add_members(funnel: Funnel, labels: _Labels, members: ClusterMembers, clusters: bool | Table) -> None:
    """Bring back the members that the parallax cut removed, at the distance of their cluster."""
    removed = ~funnel.mask[members.rows]
    rows = members.rows[removed]
    distance, error = cluster_distances(members.name[removed], None if clusters is True else clusters)
    labels.distance[rows], labels.error[rows], labels.source[rows] = distance, error, "cluster"
    funnel.mask[rows] = True
    funnel.count("with cluster members that the parallax cut removed")
