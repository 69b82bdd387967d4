"""Star clusters with distances from the literature, for stars whose parallaxes are too small to measure."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from astropy.table import Table
    from numpy.typing import ArrayLike, NDArray

DISTANCE_FRACTIONAL_ERROR = 0.085
"""1σ error of the adopted distances as a fraction: the middle of the 7-10 % that the paper quotes."""


class _Cluster(NamedTuple):
    name: str
    kind: str
    distance: float = np.nan
    age: float = np.nan
    aliases: str = ""


# Names as in the survey's column MEMBER. Distances [kpc]: Table 1 of Stone-Martinez et al. 2024; M10 and
# N6752 are blank there and from Harris 2010 (arXiv:1012.3224). Ages [Gyr]: open clusters, values in common
# use; globular clusters, VandenBerg et al. 2013, ApJ 775, 134; N6388, Stone-Martinez et al. 2024. N6819 has
# an age only.
_CLUSTERS = (
    _Cluster("M92", "globular", 8.2, aliases="N6341"),
    _Cluster("M15", "globular", 10.0, aliases="N7078"),
    _Cluster("N5466", "globular", 15.9),
    _Cluster("N4147", "globular", 19.0),
    _Cluster("M2", "globular", 12.0, 11.75, "N7089"),
    _Cluster("M13", "globular", 6.8, 12.0, "N6205"),
    _Cluster("M3", "globular", 10.0, 11.75, "N5272"),
    _Cluster("M5", "globular", 8.0, 11.5, "N5904"),
    _Cluster("M12", "globular", 5.0, 13.0, "N6218"),
    _Cluster("M107", "globular", 6.0, 12.75, "N6171"),
    _Cluster("N2243", "open", 4.5, 4.4),
    _Cluster("N2158", "open", 4.0, 2.0),
    _Cluster("N2420", "open", 2.5, 1.7),
    _Cluster("N188", "open", 1.7, 7.1),
    _Cluster("M67", "open", 0.9, 4.0, "N2682"),
    _Cluster("N7789", "open", 2.2, 1.6),
    _Cluster("N6791", "open", 4.078, 8.3),
    _Cluster("N5053", "globular", 17.4),
    _Cluster("M68", "globular", 10.0, aliases="N4590"),
    _Cluster("N6397", "globular", 2.0),
    _Cluster("M55", "globular", 5.0, 13.0, "N6809"),
    _Cluster("M22", "globular", 3.0, aliases="N6656"),
    _Cluster("M79", "globular", 13.0, aliases="N1904"),
    _Cluster("N3201", "globular", 5.0, 11.5),
    _Cluster("M10", "globular", 4.4, aliases="N6254"),
    _Cluster("N6752", "globular", 4.0, 12.5),
    _Cluster("Omegacen", "globular", 5.0, aliases="N5139 OmegaCentauri OCen wCen"),
    _Cluster("M54", "globular", 27.0, aliases="N6715"),
    _Cluster("Pal5", "globular", 23.0, aliases="Palomar5"),
    _Cluster("N6544", "globular", 2.7),
    _Cluster("N288", "globular", 8.8, 11.5),
    _Cluster("N362", "globular", 9.0, 10.75),
    _Cluster("N1851", "globular", 12.0),
    _Cluster("M4", "globular", 2.0, aliases="N6121"),
    _Cluster("N2808", "globular", 9.6),
    _Cluster("47TUC", "globular", 5.0, 11.75, "N104 47Tucanae"),
    _Cluster("N6388", "globular", 10.0, 11.3),
    _Cluster("N6553", "globular", 6.01),
    _Cluster("N6819", "open", age=2.4),
)


def load_clusters() -> Table:
    """Load the clusters whose distances the published training set adopts.

    Returns
    -------
    astropy.table.Table
        "name" as in the survey's column MEMBER; "aliases", other names, separated by blanks; "kind", open or
        globular; "distance" and "distance_error" [pc]; "age" [Gyr], NaN where none is adopted.

    See Also
    --------
    cluster_distances : Distances of stars by the name of their cluster.

    Notes
    -----
    The error is 8.5 % of the distance for every cluster, the middle of the published 7-10 %. It is common to
    all members of a cluster.

    References
    ----------
    Stone-Martinez A., et al. 2024, AJ 167, 73, Table 1. Harris W. E. 2010, arXiv:1012.3224. VandenBerg D. A.,
    et al. 2013, ApJ 775, 134.

    Examples
    --------
    >>> clusters = load_clusters()
    >>> print(clusters[clusters["name"] == "M67"]["distance", "distance_error", "age"])
    distance distance_error age
       pc          pc       Gyr
    -------- -------------- ---
       900.0           76.5 4.0
    """
    from astropy.table import Table

    distance = 1000.0 * np.array([cluster.distance for cluster in _CLUSTERS])
    return Table(
        {
            "name": [cluster.name for cluster in _CLUSTERS],
            "aliases": [cluster.aliases for cluster in _CLUSTERS],
            "kind": [cluster.kind for cluster in _CLUSTERS],
            "distance": distance,
            "distance_error": DISTANCE_FRACTIONAL_ERROR * distance,
            "age": [cluster.age for cluster in _CLUSTERS],
        },
        units={"distance": "pc", "distance_error": "pc", "age": "Gyr"},
        descriptions={
            "name": "Name in the survey's column MEMBER",
            "aliases": "Other names, separated by blanks",
            "kind": "open or globular",
            "distance": "Adopted distance",
            "distance_error": "1σ error of the distance",
            "age": "Age in the literature",
        },
    )


def cluster_key(name: str) -> str:
    """Form of a cluster's name in which names are compared.

    Parameters
    ----------
    name : str
        Name as anybody writes it.

    Returns
    -------
    str
        Without blanks and signs, upper case, "NGC 0188" as "N188", "Messier 5" as "M5".

    Examples
    --------
    >>> [cluster_key(name) for name in ("NGC 0188", "Messier 5", "47 Tuc", "omega Cen")]
    ['N188', 'M5', '47TUC', 'OMEGACEN']
    """
    key = re.sub(r"[^A-Z0-9ΩΩ]", "", str(name).upper())
    match = re.fullmatch(r"(NGC|N|MESSIER|M|PALOMAR|PAL)0*([1-9]\d*)", key)
    if not match:
        return re.sub(r"^[ΩΩ]", "OMEGA", key)
    catalogue, number = match.groups()
    return {"NGC": "N", "MESSIER": "M", "PALOMAR": "PAL"}.get(catalogue, catalogue) + number


def match_clusters(member: ArrayLike, table: Table | None = None) -> NDArray[np.int64]:
    """Find the cluster of each star by its name.

    Parameters
    ----------
    member : array-like of str of shape (n_samples,)
        Name of the cluster of each star, such as the survey's column MEMBER; "" for none.
    table : astropy.table.Table, optional
        Clusters, with "name" and perhaps "aliases"; those of `load_clusters` by default.

    Returns
    -------
    ndarray of int64 of shape (n_samples,)
        Row of the cluster in the table, -1 where it has none of that name.

    Raises
    ------
    ValueError
        If two clusters of the table have one name.

    Examples
    --------
    >>> match_clusters(["NGC 6341", "", "Coma"])
    array([ 0, -1, -1])
    """
    table = load_clusters() if table is None else table
    rows = _rows_by_key(table)
    names, star = np.unique(np.asarray(member, dtype=str), return_inverse=True)
    found = np.array([rows.get(cluster_key(name), -1) for name in names], dtype=np.int64)
    return found[star] if len(names) else np.zeros(0, dtype=np.int64)


def _rows_by_key(table: Table) -> dict[str, int]:
    builtin = {
        cluster_key(alias): cluster_key(cluster.name)
        for cluster in _CLUSTERS
        for alias in (cluster.name, *cluster.aliases.split())
    }
    rows: dict[str, int] = {}
    for row, names in enumerate(_all_names(table)):
        for key in {cluster_key(name) for name in names}:
            if rows.setdefault(key, row) != row:
                raise ValueError(
                    f"the table of clusters has {key} in rows {rows[key]} and {row}; keep one of them."
                )
    # A user's table may call M92 by either name.
    for alias, name in builtin.items():
        siblings = [rows[key] for key, main in builtin.items() if main == name and key in rows]
        if siblings:
            rows.setdefault(alias, siblings[0])
    return rows


def _all_names(table: Table) -> list[list[str]]:
    aliases = table["aliases"] if "aliases" in table.colnames else [""] * len(table)
    return [[str(name), *str(more).split()] for name, more in zip(table["name"], aliases, strict=True)]


def cluster_distances(
    member: ArrayLike, table: Table | None = None, fractional_error: float = DISTANCE_FRACTIONAL_ERROR
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Look distances of cluster members up by the name of their cluster [pc].

    Parameters
    ----------
    member : array-like of str of shape (n_samples,)
        Name of the cluster of each star, such as the survey's column MEMBER; "" for none.
    table : astropy.table.Table, pandas.DataFrame or mapping, optional
        Clusters, with "name", "distance" [pc] and perhaps "distance_error" [pc] and "aliases"; those of
        `load_clusters` by default. Units of the columns are honoured.
    fractional_error : float, default=0.085
        1σ error as a fraction of the distance, for a table without "distance_error".

    Returns
    -------
    distance : ndarray of shape (n_samples,)
        Distance [pc]; NaN for stars of no cluster, or of one that the table does not know.
    distance_error : ndarray of shape (n_samples,)
        Its 1σ error [pc].

    Raises
    ------
    ValueError
        If the table lacks a column, has a cluster twice, or distances that cannot be parsecs.

    See Also
    --------
    load_clusters : The clusters and where their distances come from.

    Examples
    --------
    >>> distance, error = cluster_distances(["M 92", "", "NGC104"])
    >>> distance
    array([8200.,   nan, 5000.])
    >>> error
    array([697.,  nan, 425.])
    """
    clusters = load_clusters() if table is None else as_cluster_table(table, fractional_error)
    row = match_clusters(member, clusters)
    known = row >= 0
    result = []
    for name in ("distance", "distance_error"):
        values = np.full(len(row), np.nan)
        values[known] = np.asarray(clusters[name], dtype=float)[row[known]]
        result.append(values)
    return result[0], result[1]


def as_cluster_table(table: Any, fractional_error: float = DISTANCE_FRACTIONAL_ERROR) -> Table:
    """Check a user's table of clusters and complete it.

    Parameters
    ----------
    table : astropy.table.Table, pandas.DataFrame or mapping
        Clusters, see `cluster_distances`.
    fractional_error : float, default=0.085
        1σ error as a fraction of the distance, for a table without "distance_error".

    Returns
    -------
    astropy.table.Table
        A table with "name", "distance" and "distance_error" [pc].

    Raises
    ------
    ValueError
        If it lacks a column or has distances that cannot be parsecs.
    """
    import pandas as pd
    from astropy.table import Table

    table = Table.from_pandas(table) if isinstance(table, pd.DataFrame) else Table(table)
    missing = [name for name in ("name", "distance") if name not in table.colnames]
    if missing:
        raise ValueError(
            f"the table of clusters lacks {' and '.join(missing)}; it needs 'name' and 'distance' [pc] and "
            f"has {', '.join(table.colnames)}."
        )
    distance = _in_parsecs(table["distance"])
    error = fractional_error * distance
    if "distance_error" in table.colnames:
        error = _in_parsecs(table["distance_error"])
    bad = np.flatnonzero(~(np.isnan(distance) | ((distance > 40.0) & (distance < 1e6) & (error > 0))))
    if bad.size:
        hint = "; it looks like kpc" if np.nanmax(distance) < 1000.0 else ""
        raise ValueError(
            "column `distance` [pc] of the clusters must lie between 40 and 1e6 pc, with a positive error; "
            f"{bad.size} of {len(table)} rows do not (first: {table['name'][bad[0]]}, {distance[bad[0]]:g} "
            f"± {error[bad[0]]:g}){hint}."
        )
    clean = Table(
        {"name": np.asarray(table["name"], dtype=str), "distance": distance, "distance_error": error}
    )
    if "aliases" in table.colnames:
        clean["aliases"] = np.asarray(table["aliases"], dtype=str)
    return clean


def read_clusters(path: str | Path) -> Table:
    """Read a table of clusters of your own.

    Parameters
    ----------
    path : path-like
        CSV, ECSV, FITS, VOTable or Parquet file with columns "name" and "distance" [pc], and perhaps
        "distance_error" [pc] and "aliases" (separated by blanks).

    Returns
    -------
    astropy.table.Table
        The table, for `cluster_distances`.

    Raises
    ------
    ValueError
        If it lacks a column, or its distances cannot be parsecs.
    OSError
        If there is no such file.
    """
    from astropy.table import Table

    from skdistmass.survey.read import read_stars
    from skdistmass.tables.open import open_source

    opened = open_source(path)
    known = [name for name in ("name", "distance", "distance_error", "aliases") if name in opened.names]
    if not {"name", "distance"} <= set(known):
        return as_cluster_table(Table(names=opened.names))
    return as_cluster_table(read_stars(path, columns=known))


def _in_parsecs(column: Any) -> NDArray[np.float64]:
    unit = getattr(column, "unit", None)
    values: NDArray[np.float64] = np.asarray(
        np.ma.filled(np.ma.asarray(getattr(column, "value", column), dtype=float), np.nan)
    )
    return values if unit is None else values * unit.to("pc")
