"""From the values of a file to canonical ones: native, decoded, without sentinels, in the canonical unit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from skdistmass.columns import BAD_MAGNITUDE, FLAG_SENTINEL, SENTINEL, CatalogColumn, Column
from skdistmass.tables.source import RawColumn, quiet_astropy

_SPELLINGS = {"kelvin": "K", "degrees": "deg", "degree": "deg", "magnitude": "mag", "solar mass": "solMass"}
_BLANKS = ("", "nan", "none", "null", "n/a", "na", "--")


def to_native(values: NDArray) -> NDArray:
    """Array in the byte order of the machine, without a copy where it already is.

    Parameters
    ----------
    values : ndarray
        Any array.

    Returns
    -------
    ndarray
        The same values.
    """
    values = np.asarray(values)
    return values if values.dtype.isnative else values.astype(values.dtype.newbyteorder("="))


def clean_column(raw: RawColumn, column: Column | CatalogColumn, name: str, first_row: int = 0) -> NDArray:
    """Bring the values of one column into canonical form.

    Parameters
    ----------
    raw : RawColumn
        Values, mask and unit of the file.
    column : Column or CatalogColumn
        What the values should be.
    name : str
        Name in the file, for messages.
    first_row : int, default=0
        Number of the first of the values in the file, for messages.

    Returns
    -------
    ndarray
        Floats in the canonical unit with NaN for missing, int64 with 0 for missing, or stripped text.

    Raises
    ------
    ValueError
        If a numeric column holds text, or the unit cannot be converted.
    """
    values = to_native(raw.values)
    if column.kind == "str":
        return decode(values, raw.mask)
    if column.kind == "int":
        return _clean_int(values, raw.mask, column, name, first_row)
    return _clean_float(values, raw, column, name, first_row)


def decode(values: NDArray, mask: NDArray[np.bool_] | None = None) -> NDArray[np.str_]:
    """Text without surrounding blanks, "" for missing.

    Parameters
    ----------
    values : ndarray
        Bytes, text, objects or numbers.
    mask : ndarray of bool, optional
        True where the value is missing.

    Returns
    -------
    ndarray of str
        The text.
    """
    if mask is not None and np.any(mask):
        values = values.copy()
        values[mask] = "" if values.dtype.kind in "SUO" else 0
    if values.dtype.kind == "S":
        text = _decode_bytes(values)
    elif values.dtype.kind == "U":
        text = values
    else:
        text = np.array([_as_text(value) for value in values.tolist()], dtype=str)
    text = np.char.strip(text)
    # A file reserves more room than its longest value needs, and here each character takes four bytes.
    width = int(np.char.str_len(text).max()) if text.size else 0
    return text.astype(f"U{max(width, 1)}")


def _decode_bytes(values: NDArray[np.bytes_]) -> NDArray[np.str_]:
    width = values.dtype.itemsize
    if not width or not values.size:
        return values.astype(str)
    codes = np.ascontiguousarray(values).view(np.uint8).reshape(*values.shape, width)
    if codes.max() < 128:
        # One ASCII byte is one code point: widening the bytes is many times faster than decoding.
        return codes.astype(np.uint32).view(f"U{width}").reshape(values.shape)
    return np.char.decode(values, "utf-8", errors="replace")


def encode(
    text: NDArray[np.str_], encoding: str = "ascii", errors: str = "backslashreplace"
) -> NDArray[np.bytes_]:
    """Bytes of text, as wide as the longest of them needs.

    Parameters
    ----------
    text : ndarray of str
        Text.
    encoding, errors : str
        As in `str.encode`; for characters that are not ASCII.

    Returns
    -------
    ndarray of bytes
        The encoded text.
    """
    width = text.dtype.itemsize // 4
    if not width or not text.size:
        return np.char.encode(text, encoding, errors)
    codes = np.ascontiguousarray(text).view(np.uint32).reshape(-1, width)
    if codes.max() >= 128:
        return np.char.encode(text, encoding, errors)
    # A code point below 128 is one byte in either encoding: this is many times faster than encoding.
    width = max(np.flatnonzero(codes.any(axis=0)), default=0) + 1
    return codes[:, :width].astype(np.uint8).view(f"S{width}").reshape(text.shape)


def _as_text(value: object) -> str:
    if value is None or value != value:
        return ""
    return value.decode("utf-8", errors="replace") if isinstance(value, bytes) else str(value)


def _clean_float(
    values: NDArray, raw: RawColumn, column: Column | CatalogColumn, name: str, first_row: int
) -> NDArray:
    if values.dtype.kind in "SUO":
        values = _parse_numbers(values, raw.mask, name, column.unit, first_row)
    elif values.dtype.kind in "iub":
        values = values.astype(np.float64)
    elif values.dtype.kind != "f":
        raise ValueError(f"column `{name}` must hold numbers; it holds {values.dtype}")
    elif values.dtype.itemsize not in (4, 8):
        values = values.astype(np.float64)
    # Infinities stay: they are no sentinel, and the quality flags name them.
    with np.errstate(invalid="ignore"):
        missing = (values < SENTINEL) & np.isfinite(values)
        if column.unit == "mag":
            missing |= (values > BAD_MAGNITUDE) & np.isfinite(values)
    if raw.mask is not None:
        missing |= raw.mask
    if missing.any():
        values = np.where(missing, values.dtype.type(np.nan), values)
    return convert_unit(values, raw.unit, column.unit, name)


def _clean_int(
    values: NDArray, mask: NDArray[np.bool_] | None, column: Column | CatalogColumn, name: str, first_row: int
) -> NDArray[np.int64]:
    if values.dtype.kind in "SUO":
        values, mask = _parse_integers(values, mask, name, first_row)
    elif values.dtype.kind == "f":
        missing = ~np.isfinite(values) | (values < SENTINEL)
        if np.any(values[~missing] % 1 != 0):
            row = int(np.flatnonzero(~missing & (values % 1 != 0))[0])
            raise ValueError(f"column `{name}` must hold integers; row {first_row + row} has {values[row]!s}")
        values = np.where(missing, 0, values)
    elif values.dtype.kind not in "iub":
        raise ValueError(f"column `{name}` must hold integers; it holds {values.dtype}")
    integers = values.astype(np.int64)
    missing = integers == FLAG_SENTINEL
    if column.name.endswith("_ID"):
        missing |= integers < 0  # Milky Way Mapper has -1 for none.
    if mask is not None:
        missing |= mask
    return np.where(missing, 0, integers) if missing.any() else integers


def _text_of_numbers(values: NDArray, mask: NDArray[np.bool_] | None) -> tuple[list[str], NDArray[np.bool_]]:
    text = decode(values.ravel(), None if mask is None else np.ravel(mask)).tolist()
    return text, np.array([word.lower() in _BLANKS for word in text])


def _first_failure(text: list[str], parse) -> tuple[int, str] | None:
    for row, word in enumerate(text):
        try:
            parse(word)
        except ValueError:
            return row, word
    return None


def _parse_numbers(
    values: NDArray, mask: NDArray[np.bool_] | None, name: str, unit: str, first_row: int
) -> NDArray[np.float64]:
    text, blank = _text_of_numbers(values, mask)
    text = ["nan" if empty else word for word, empty in zip(text, blank, strict=True)]
    try:
        return np.array([float(word) for word in text]).reshape(values.shape)
    except ValueError:
        row, word = _first_failure(text, float)
        unit = f" [{unit}]" if unit else ""
        message = f"column `{name}`{unit} must hold numbers; row {first_row + row} has the text {word!r}"
        raise ValueError(message) from None


def _parse_integers(
    values: NDArray, mask: NDArray[np.bool_] | None, name: str, first_row: int
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    text, blank = _text_of_numbers(values, mask)
    text = ["0" if empty else word for word, empty in zip(text, blank, strict=True)]
    try:
        integers = [_integer(word) for word in text]
    except ValueError:
        row, word = _first_failure(text, _integer)
        message = f"column `{name}` must hold integers; row {first_row + row} has the text {word!r}"
        raise ValueError(message) from None
    return np.array(integers, dtype=np.int64).reshape(values.shape), blank.reshape(values.shape)


def _integer(word: str) -> int:
    try:
        return int(word)
    except ValueError:
        if word.lower() in ("true", "false"):
            return int(word.lower() == "true")
        number = float(word)
        if number != number // 1:
            raise
        return int(number)


def convert_unit(values: NDArray, unit: str, wanted: str, name: str) -> NDArray:
    """Convert values to the canonical unit.

    Parameters
    ----------
    values : ndarray
        Values as the file has them.
    unit : str
        Their unit, "" for none given.
    wanted : str
        Canonical unit, "" for a quantity without one.
    name : str
        Name of the column, for messages.

    Returns
    -------
    ndarray
        Converted values, the array itself where nothing changes.

    Raises
    ------
    ValueError
        If the unit is another kind of quantity, or not known.
    """
    unit = unit.strip()
    if not unit or not wanted or unit == wanted:
        return values
    from astropy import units

    with quiet_astropy():
        given = units.Unit(_SPELLINGS.get(unit.lower(), unit), parse_strict="silent")
    if wanted == "dex" and _is_logarithmic(given):
        return values
    try:
        factor = given.to(units.Unit(wanted))
    except (units.UnitConversionError, units.UnitTypeError, TypeError, AttributeError):
        message = f"column `{name}` must have a unit convertible to {wanted}; it has {unit!r}"
        raise ValueError(message) from None
    return values if factor == 1 else (values * factor).astype(values.dtype)


def _is_logarithmic(unit: object) -> bool:
    # Files write the unit of log g and abundances in many ways: dex, dex(cm / s2), log(cgs), [-], none.
    from astropy import units

    if isinstance(unit, units.UnrecognizedUnit | units.DexUnit):
        return True
    return unit == units.dimensionless_unscaled or unit == units.dex
