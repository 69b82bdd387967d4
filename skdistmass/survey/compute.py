"""The catalogue of a block of stars: clean and flag, extinction, distances, masses, ages, columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from skdistmass._version import __version__
from skdistmass.columns import CATALOG_COLUMNS, FEATURES
from skdistmass.networks.forward import run_in_threads
from skdistmass.progress import tell
from skdistmass.survey.flags import StarInputs, clean_inputs
from skdistmass.survey.models import CatalogModels
from skdistmass.survey.options import CatalogOptions
from skdistmass.survey.quantities.distances import apparent, distances
from skdistmass.survey.quantities.evaluation import Values
from skdistmass.survey.quantities.isochrones import isochrone_values
from skdistmass.survey.quantities.masses import masses_and_ages

if TYPE_CHECKING:
    from astropy.table import Table

_COPIED = ("APOGEE_ID", "APSTAR_ID", "SDSS_ID", "GAIAEDR3_SOURCE_ID", "RA", "DEC", "SNR")
_BLOCK_ROWS = 2**15
_DOUBLE = ("RA", "DEC")  # In single precision an angle is good to 0.1 arcsec only.


def fill_catalog(
    stars: Table,
    models: CatalogModels,
    options: CatalogOptions,
    repeated: NDArray[np.bool_] | None = None,
    kept: Table | None = None,
) -> Table:
    """Build the catalogue of a table as it is read.

    Parameters
    ----------
    stars : astropy.table.Table of length n_samples
        Table with canonical columns, as `read_stars` gives it.
    models : CatalogModels
        Loaded models.
    options : CatalogOptions
        Rules and naming.
    repeated : ndarray of bool of shape (n_samples,), optional
        Rows of stars that have a better row, if `stars` is only a part of the table.
    kept : astropy.table.Table of length n_samples, optional
        Further columns, which follow as they are.

    Returns
    -------
    astropy.table.Table
        The catalogue, one row for each row of `stars`. What it says of a star does not depend on the others.
    """
    inputs = clean_inputs(stars, repeated, models.label_scale)
    values: Values = {name: inputs.columns[name] for name in _COPIED if name in inputs.columns}
    values |= dict(zip(FEATURES, inputs.features.T, strict=True))
    tell("distances, masses and ages")
    values |= _in_blocks(inputs, models, options)
    if models.isochrone is not None:
        tell("isochrones")
        values |= isochrone_values(inputs, values, models.isochrone)
    values["BITMASK"] = inputs.flags
    provenance = {
        "creator": f"skdistmass {__version__}",
        "source": stars.meta.get("source", "table in memory"),
        "source_rows": stars.meta.get("source_rows", len(stars)),
        "models": models.provenance(),
        "extinction_rule": options.extinction_rule,
        "sfd_coefficient": options.sfd_coefficient,
        "naming": options.columns,
    }
    return _as_table(values, options, provenance, kept)


def _in_blocks(inputs: StarInputs, models: CatalogModels, options: CatalogOptions) -> Values:
    """Magnitudes, distances, masses and ages: blocks of rows in threads, with arrays that fit the cache."""

    def fill(start: int) -> Values:
        part = inputs.part(slice(start, start + _BLOCK_ROWS))
        values: Values = {}
        if models.distance is not None or models.isochrone is not None:
            values |= apparent(part, options)
        if models.distance is not None:
            values |= distances(part, values, models.distance, options)
        masses = masses_and_ages(part, models.masses, models.age, options)
        return values | {name: _as_stored(name, data) for name, data in masses.items()}

    blocks = run_in_threads(fill, range(0, max(len(inputs.flags), 1), _BLOCK_ROWS))
    if len(blocks) == 1:
        return blocks[0]
    return {name: np.concatenate([block.pop(name) for block in blocks]) for name in list(blocks[0])}


def _as_stored(name: str, data: NDArray) -> NDArray:
    """Give the values of a column in the precision of the catalogue."""
    return data.astype(np.float32) if data.dtype == np.float64 and name not in _DOUBLE else data


def _as_table(
    values: Values, options: CatalogOptions, provenance: dict[str, Any], kept: Table | None
) -> Table:
    """Name the columns, with units and descriptions, in the order of the catalogue."""
    from astropy.table import Column, Table

    if options.columns == "cas" and "NMSU_DIST" in values:
        # The database holds maximum, median and mean of the distribution in one column.
        values = values | {"NMSU_DIST": values["NMSU_DIST_ALL"]}
    catalog = Table(meta=provenance)
    for name, column in CATALOG_COLUMNS.items():
        if name in values:
            data = _as_stored(name, values[name])
            written = column.name_in(options.columns)
            catalog[written] = Column(data, unit=column.unit or None, description=column.description)
    if kept is not None:
        for name in kept.colnames:
            catalog[name] = kept[name]
    return catalog
