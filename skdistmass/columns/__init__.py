"""Every fact of a survey table, once: columns and units, namings, bits, ranges.

The reader, the writer, the error messages and the documentation take names, units and meanings from here.
"""

from skdistmass.columns.bits import (
    ASPCAPFLAG_BITS,
    BITS,
    CUTS,
    EXTRATARG_BITS,
    bit_names,
    good_stars,
    has_bit,
)
from skdistmass.columns.catalog import (
    CATALOG_COLUMNS,
    LABEL_SETS,
    NAMINGS,
    PERCENTILES,
    CatalogColumn,
    Naming,
    canonical_catalog_name,
    column_ucd,
)
from skdistmass.columns.inputs import (
    AUXILIARY_COLUMNS,
    BAD_MAGNITUDE,
    DERIVED,
    FEATURES,
    FLAG_SENTINEL,
    INPUT_COLUMNS,
    REQUIRED,
    RJCE_SLOPE,
    SENTINEL,
    Column,
    Derivation,
    Kind,
    column_key,
)
from skdistmass.columns.markdown import markdown
from skdistmass.columns.numbers import as_floats
from skdistmass.columns.ranges import (
    MAX_ABSOLUTE_MAGNITUDE,
    MAX_AGE_GYR,
    MAX_DISTANCE,
    MAX_EXTINCTION,
    MAX_GIANT_LOG_G,
    PHYSICAL_RANGES,
)

__all__ = [
    "ASPCAPFLAG_BITS",
    "AUXILIARY_COLUMNS",
    "BAD_MAGNITUDE",
    "BITS",
    "CATALOG_COLUMNS",
    "CUTS",
    "DERIVED",
    "EXTRATARG_BITS",
    "FEATURES",
    "FLAG_SENTINEL",
    "INPUT_COLUMNS",
    "LABEL_SETS",
    "MAX_ABSOLUTE_MAGNITUDE",
    "MAX_AGE_GYR",
    "MAX_DISTANCE",
    "MAX_EXTINCTION",
    "MAX_GIANT_LOG_G",
    "NAMINGS",
    "PERCENTILES",
    "PHYSICAL_RANGES",
    "REQUIRED",
    "RJCE_SLOPE",
    "SENTINEL",
    "CatalogColumn",
    "Column",
    "Derivation",
    "Kind",
    "Naming",
    "as_floats",
    "bit_names",
    "canonical_catalog_name",
    "column_key",
    "column_ucd",
    "good_stars",
    "has_bit",
    "markdown",
]
