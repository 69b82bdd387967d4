"""Numbers that users give, as arrays: without masks, in the unit that is expected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from skdistmass.columns.inputs import INPUT_COLUMNS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def as_floats(values: Any, unit: str = "") -> NDArray[np.float64]:
    """Give numbers as an array, with NaN where they are masked, in a unit if they have one.

    Parameters
    ----------
    values : array-like or astropy.table.Table
        Numbers; masked arrays and columns of NumPy and astropy keep something else under their masks.
    unit : str, default=""
        Unit that quantities and columns with another one are brought to; "" takes numbers as they are.

    Returns
    -------
    ndarray of float64
        The numbers.

    Raises
    ------
    ValueError
        If they have a unit of another kind.

    Examples
    --------
    >>> import numpy as np
    >>> as_floats(np.ma.array([9.5, 99.99], mask=[False, True]))
    array([9.5, nan])
    """
    import numpy as np  # not with the module: the help of the command needs only names

    if hasattr(values, "colnames"):
        return np.column_stack([as_floats(values[name], _unit_of(name)) for name in values.colnames])
    own = getattr(values, "unit", None) if unit else None
    if hasattr(values, "unmasked"):  # astropy.utils.masked.Masked
        values = np.where(values.mask, np.nan, np.asarray(values.unmasked, dtype=np.float64))
    elif np.ma.isMaskedArray(values):
        values = np.ma.filled(values.astype(np.float64), np.nan)
    numbers = np.asarray(values, dtype=np.float64)
    return numbers if own is None else _in_unit(numbers, own, unit)


def _unit_of(name: str) -> str:
    """Give the unit of a column of survey tables; logarithms have none that could be another."""
    unit = INPUT_COLUMNS[name].unit if name in INPUT_COLUMNS else ""
    return "" if unit == "dex" else unit


def _in_unit(numbers: NDArray[np.float64], own: Any, unit: str) -> NDArray[np.float64]:
    """Convert numbers from their own unit, of astropy."""
    from astropy.units import Unit

    try:
        return Unit(own).to(Unit(unit), numbers)
    except (ValueError, TypeError) as error:  # one is the base of the errors of units
        raise ValueError(f"the unit of a quantity here must be one of {unit}; received {own}") from error
