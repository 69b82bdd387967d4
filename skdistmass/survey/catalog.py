"""The catalogue: one row for each row of the survey, with distances, masses, ages, errors and reasons."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count

import numpy as np

from skdistmass._version import __version__
from skdistmass.columns import CATALOG_COLUMNS, NAMINGS
from skdistmass.physics.constants import A_K_PER_E_B_V
from skdistmass.survey.compute import catalog_values
from skdistmass.survey.flags import repeated_stars
from skdistmass.survey.models import DEFAULT_MASSES, load_models
from skdistmass.survey.read import StarReader

BLOCK_ROWS = 2**17
# Text takes long to read.
_NOT_USED = ("TELESCOPE", "FIELD", "MEMBER")


def build_catalog(
    stars,
    *,
    distance="distance",
    masses=DEFAULT_MASSES,
    age="age",
    isochrone=True,
    extinction_rule="survey",
    sfd_coefficient=A_K_PER_E_B_V,
    columns="released",
    trusted=False,
):
    """Build the catalogue of a survey table.

    Parameters
    ----------
    stars : path, astropy.table.Table or pandas.DataFrame
        Survey table, anything `read_stars` reads.
    distance : str, path, DistanceRegressor or None, default="distance"
        Model of the distances: name of a shipped model, model file, or fitted estimator; None for none.
    masses : sequence of str, path or MassRegressor, or dict, or None, default=DEFAULT_MASSES
        Mass models; the first is the one whose errors and domain the catalogue tells. None: no masses and
        no ages.
    age : str, path, MassToAge or None, default="age"
        Relation of mass and age; None for none.
    isochrone : bool or IsochroneDistance, default=True
        Isochrone distances (NMSU_DIST): with default settings, none, or by the given estimator.
    extinction_rule : {"survey", "paper"}, default="survey"
        Rule of `choose_extinction`; a column A_K of the table goes before it.
    sfd_coefficient : float, default=0.302
        A_K for E(B-V) = 1 mag of the dust map.
    columns : {"released", "paper", "cas"}, default="released"
        Naming of the columns.
    trusted : bool, default=False
        Allow model files that the registry does not know.

    Returns
    -------
    astropy.table.Table
        One row for each row of `stars`, in the same order, with units, descriptions and provenance
        (``meta``). A value that cannot be had is NaN and BITMASK says why.

    Raises
    ------
    MissingColumnsError
        If the table lacks one of TEFF, LOGG, M_H, C_FE, N_FE.
    ValueError
        If the table is empty, an argument is not one of its choices or a model does not fit its place.

    Examples
    --------
    >>> from skdistmass import build_catalog, make_survey
    >>> stars, truth = make_survey(200, random_state=0)
    >>> catalog = build_catalog(stars)
    >>> len(catalog) == len(stars), str(catalog["DISTANCE"].unit)
    (True, 'pc')
    """
    models, settings = prepare_catalog(
        distance=distance,
        masses=masses,
        age=age,
        isochrone=isochrone,
        extinction_rule=extinction_rule,
        sfd_coefficient=sfd_coefficient,
        columns=columns,
        trusted=trusted,
    )
    return join_blocks(list(catalog_blocks(StarReader(stars), models, settings)))


def prepare_catalog(
    *,
    distance="distance",
    masses=DEFAULT_MASSES,
    age="age",
    isochrone=True,
    extinction_rule="survey",
    sfd_coefficient=A_K_PER_E_B_V,
    columns="released",
    trusted=False,
):
    """Load and check all that a catalogue needs besides the stars.

    Parameters
    ----------
    distance, masses, age, isochrone, extinction_rule, sfd_coefficient, columns, trusted
        See `build_catalog`.

    Returns
    -------
    models : CatalogModels
        Loaded models.
    settings : CatalogSettings
        Rules and naming.
    """
    settings = CatalogSettings(extinction_rule, sfd_coefficient, columns)
    return load_models(distance, masses, age, isochrone, trusted), settings


@dataclass(frozen=True)
class CatalogSettings:
    """What a catalogue depends on besides its models.

    Parameters
    ----------
    extinction_rule : {"survey", "paper"}, default="survey"
        Rule of `choose_extinction`.
    sfd_coefficient : float, default=0.302
        A_K for E(B-V) = 1 mag of the dust map.
    columns : {"released", "paper", "cas"}, default="released"
        Naming of the columns.
    """

    extinction_rule: str = "survey"
    sfd_coefficient: float = A_K_PER_E_B_V
    columns: str = "released"

    def __post_init__(self):
        """Check the naming; `choose_extinction` checks its rule."""
        if self.columns not in NAMINGS:
            raise ValueError(f"columns has to be one of {NAMINGS}; received {self.columns!r}.")


def catalog_blocks(reader, models, settings, *, block_rows=BLOCK_ROWS, first=0, repeated=None):
    """Build the catalogue block by block; what it says of a star does not depend on the blocks.

    Parameters
    ----------
    reader : StarReader
        The survey table.
    models : CatalogModels
        Loaded models.
    settings : CatalogSettings
        Rules and naming.
    block_rows : int, default=131072
        Rows of a block.
    first : int, default=0
        Row of the table to begin with.
    repeated : ndarray of bool of shape (n_rows,), optional
        Result of `repeated_stars` for this reader, if it is known already.

    Yields
    ------
    astropy.table.Table
        The catalogue of the next rows.
    """
    if repeated is None and reader.n_rows > block_rows:
        repeated = repeated_stars(reader, block_rows)
    needed = reader.select([name for name in reader.names if name not in _NOT_USED])

    def fill(stars, start):
        rows = slice(start, start + len(stars))
        return fill_catalog(stars, models, settings, None if repeated is None else repeated[rows])

    # A map, unlike a loop, has forgotten a block when it makes the next one.
    yield from map(fill, needed.blocks(block_rows, first), count(first, block_rows))


def fill_catalog(stars, models, settings, repeated=None):
    """Build the catalogue of a table as it is read.

    Parameters
    ----------
    stars : astropy.table.Table of length n_samples
        Table with canonical columns, as `read_stars` gives it.
    models : CatalogModels
        Loaded models.
    settings : CatalogSettings
        Rules and naming.
    repeated : ndarray of bool of shape (n_samples,), optional
        Rows of stars that have a better row, if `stars` is only a part of the table.

    Returns
    -------
    astropy.table.Table
        The catalogue, one row for each row of `stars`.
    """
    values = catalog_values(stars, models, settings, repeated)
    provenance = {
        "creator": f"skdistmass {__version__}",
        "source": stars.meta.get("source", "table in memory"),
        "source_rows": stars.meta.get("source_rows", len(stars)),
        "models": models.provenance(),
        "extinction_rule": settings.extinction_rule,
        "sfd_coefficient": settings.sfd_coefficient,
        "naming": settings.columns,
    }
    return _as_table(values, settings.columns, provenance)


def join_blocks(blocks):
    """Join the blocks of a catalogue.

    Parameters
    ----------
    blocks : list of astropy.table.Table
        Result of `catalog_blocks`.

    Returns
    -------
    astropy.table.Table
        The catalogue.
    """
    from astropy.table import Column, Table

    catalog = blocks[0]
    if len(blocks) > 1:
        catalog = Table(meta=catalog.meta)
        for name, column in blocks[0].columns.items():
            data = np.concatenate([block[name] for block in blocks])
            catalog[name] = Column(data, unit=column.unit, description=column.description)
    return catalog


def _as_table(values, naming, provenance):
    from astropy.table import Column, Table

    if naming == "cas" and "NMSU_DIST" in values:
        # The database holds maximum, median and mean of the distribution in one column.
        values = values | {"NMSU_DIST": values["NMSU_DIST_ALL"]}
    catalog = Table(meta=provenance)
    for name, column in CATALOG_COLUMNS.items():
        if name in values:
            data = values.pop(name)
            data = data.astype(np.float32) if data.dtype == np.float64 else data
            written = column.name_in(naming)
            catalog[written] = Column(data, unit=column.unit or None, description=column.description)
    return catalog
