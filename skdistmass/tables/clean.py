"""From the values of a file to canonical ones: native, decoded, without sentinels, in the canonical unit."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skdistmass.columns import BAD_MAGNITUDE, FLAG_SENTINEL, SENTINEL, CatalogColumn, Column
from skdistmass.tables.source import RawColumn, as_text, decode_bytes, quiet_astropy

_MAX_INTEGER = 2**63 - 1
_NO_TEXT = frozenset(("nan", "none", "null", "n/a", "<na>", "--"))
_TRUE, _FALSE = ("true", "t", "yes", "y"), ("false", "f", "no", "n")
_FIRST_LETTERS = np.array([ord(letter) for letter in "nN<-b"], np.uint32)
_E_NOTATION = re.compile(r"[+-]?\d+(\.\d+)?[eE]\+?\d+")
_COMMA_NUMBER = re.compile(r"[+-]?[\d.]*,[\d.,]*([eE][+-]?\d+)?")
_BYTES_TEXT = re.compile(r"b(['\"])([^\\'\"]*)\1")
_SPELLINGS = {"kelvin": "K", "degrees": "deg", "degree": "deg", "magnitude": "mag", "solar mass": "solMass"}
MISSING_WORDS = frozenset(
    ("", "nan", "none", "null", "n/a", "na", "--", "-", "<na>", "#n/a", "nat", "nil", "...", r"\n", "masked")
)
"""Words, in lower case, that stand for a missing number."""


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
        if values.dtype.kind in "iuf":
            values, raw = _numbers_as_names(values, raw.mask, name, first_row), raw._replace(mask=None)
        text = decode(values, raw.mask)
        return _without_words(text) if isinstance(column, Column) else text
    if column.kind == "int":
        return _clean_int(values, raw.mask, column, name, first_row)
    return _clean_float(values, raw, column, name, first_row)


def _numbers_as_names(
    values: NDArray, mask: NDArray[np.bool_] | None, name: str, first_row: int
) -> NDArray[np.object_]:
    """Write numbers of a column of names as integers; "" where there is none."""
    missing = np.isnan(values) if mask is None else np.isnan(values) | mask
    if values.dtype.kind == "f":
        # A fraction stays what it is; where floats are further apart than one, two names may have become one.
        exact = 2.0 ** (np.finfo(values.dtype).nmant + 1)
        if len(rows := np.flatnonzero(~missing & (np.abs(values) > exact))):
            raise ValueError(
                f"column `{name}` must hold names or exact integers; row {first_row + rows[0]} has the "
                f"{values.dtype} {values[rows[0]]!s}, whose last digits are lost; store the column as text"
            )
    words = [int(value) if value == value // 1 else value for value in np.where(missing, 0, values).tolist()]
    return np.where(missing, "", np.array(words, dtype=object))


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
        text = decode_bytes(values)
    elif values.dtype.kind == "U":
        text = values
    else:
        words = values.tolist()
        text = np.array(words if set(map(type, words)) == {str} else [*map(as_text, words)], dtype=str)
    text = np.char.strip(text)
    # A file reserves more room than its longest value needs, and here each character takes four bytes.
    width = int(np.char.str_len(text).max()) if text.size else 0
    return text.astype(f"U{max(width, 1)}")


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
        values = _whole_numbers(values, mask, name, first_row)
    elif values.dtype.kind == "u" and values.itemsize == 8 and np.any(values > _MAX_INTEGER):
        row = int(np.flatnonzero(values > _MAX_INTEGER)[0])
        raise ValueError(
            f"column `{name}` must hold integers below 2**63; row {first_row + row} has {values[row]}"
        )
    elif values.dtype.kind not in "iub":
        raise ValueError(f"column `{name}` must hold integers; it holds {values.dtype}")
    integers = values.astype(np.int64)
    missing = integers == FLAG_SENTINEL
    if column.name.endswith("_ID"):
        missing |= integers < 0  # Milky Way Mapper has -1 for none.
    if mask is not None:
        missing |= mask
    return np.where(missing, 0, integers) if missing.any() else integers


def _whole_numbers(
    values: NDArray, mask: NDArray[np.bool_] | None, name: str, first_row: int
) -> NDArray[np.floating]:
    missing = ~np.isfinite(values) | (values < SENTINEL)
    if mask is not None:
        missing |= mask
    values = np.where(missing, 0, values)
    if np.any(values % 1 != 0):
        row = int(np.flatnonzero(values % 1 != 0)[0])
        raise ValueError(f"column `{name}` must hold integers; row {first_row + row} has {values[row]!s}")
    # Above 2**53 (2**24 in single precision) not every integer is a float: neighbours become one.
    exact = 2.0 ** (np.finfo(values.dtype).nmant + 1)
    if np.any(np.abs(values) > exact):
        row = int(np.flatnonzero(np.abs(values) > exact)[0])
        raise ValueError(
            f"column `{name}` must hold exact integers; row {first_row + row} has the {values.dtype} "
            f"{values[row]!s}, whose last digits are lost; store the column as 64-bit integers"
        )
    return values


def _without_words(text: NDArray[np.str_]) -> NDArray[np.str_]:
    """Make words that other tools write for missing text "", and take bytes out of `b'...'`."""
    if not text.size:
        return text
    # Hardly a name begins as such a word does: most columns are done here.
    first = np.ascontiguousarray(text).view(np.uint32).reshape(len(text), -1)[:, 0]
    rows = np.flatnonzero(np.isin(first, _FIRST_LETTERS))
    if not len(rows):
        return text
    text = text.copy()
    for row in rows.tolist():
        word = str(text[row])
        if word.lower() in _NO_TEXT:
            text[row] = ""
        elif found := _BYTES_TEXT.fullmatch(word):
            text[row] = found[2].strip()
    return text


def _text_of_numbers(values: NDArray, mask: NDArray[np.bool_] | None) -> tuple[list[str], NDArray[np.bool_]]:
    decoded = decode(values.ravel(), None if mask is None else np.ravel(mask)).tolist()
    text = [found[2] if (found := _BYTES_TEXT.fullmatch(word)) else word for word in decoded]
    return text, np.array([word.lower() in MISSING_WORDS for word in text])


def _first_failure(text: list[str], parse: Callable[[str], object]) -> tuple[int, str]:
    for row, word in enumerate(text):
        try:
            parse(word)
        except ValueError:
            return row, word
    raise LookupError("every word is a number")


def _parse_numbers(
    values: NDArray, mask: NDArray[np.bool_] | None, name: str, unit: str, first_row: int
) -> NDArray[np.float64]:
    text, blank = _text_of_numbers(values, mask)
    text = ["nan" if empty else word for word, empty in zip(text, blank, strict=True)]
    try:
        if "_" in "".join(text):
            raise ValueError("Python takes 1_000 for a number, tables do not")
        return np.array([float(word) for word in text]).reshape(values.shape)
    except ValueError:
        row, word = _first_failure(text, _number)
        unit = f" [{unit}]" if unit else ""
        message = f"column `{name}`{unit} must hold numbers; row {first_row + row} has the text {word!r}"
        if _COMMA_NUMBER.fullmatch(word):
            message += " (a decimal comma, or a thousands separator?)"
        raise ValueError(message) from None


def _number(word: str) -> float:
    if "_" in word:
        raise ValueError(word)
    return float(word)


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
        if _E_NOTATION.fullmatch(word):
            message += ", whose last digits are lost; write the column without exponents"
        raise ValueError(message) from None
    return np.array(integers, dtype=np.int64).reshape(values.shape), blank.reshape(values.shape)


def _integer(word: str) -> int:
    try:
        number = int(word)
    except ValueError:
        if word.lower() in _TRUE or word.lower() in _FALSE:
            return int(word.lower() in _TRUE)
        value = float(word)
        # Whole, and not so large that a notation like 4.3E18 hides the last digits.
        if value != value // 1 or abs(value) > 2**53:
            raise
        number = int(value)
    if not -_MAX_INTEGER <= number <= _MAX_INTEGER or "_" in word:
        raise ValueError(word)
    return number


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
        given = _parse_unit(unit)
        if wanted == "dex" and _is_logarithmic(given):
            return _in_cgs(values, given)
        try:
            target = units.Unit(wanted)
            if isinstance(given, units.LogUnit):
                return np.asarray(given.to(target, values)).astype(values.dtype)
            factor = given.to(target)
        except (ValueError, TypeError, AttributeError):
            hint = "; it is not known" if isinstance(given, units.UnrecognizedUnit) else ""
            message = f"column `{name}` must have a unit convertible to {wanted}; it has {unit!r}{hint}"
            raise ValueError(message) from None
    return values if factor == 1 else (values * factor).astype(values.dtype)


def _parse_unit(unit: str) -> Any:
    from astropy import units

    try:
        return units.Unit(_SPELLINGS.get(unit.lower(), unit), parse_strict="silent")
    except ValueError:
        # A function unit of astropy, such as dex(cm/s2), has the spelling of its parts wrong.
        return units.UnrecognizedUnit(unit)


def _in_cgs(values: NDArray, unit: Any) -> NDArray:
    """Bring the logarithm of a quantity with a unit, such as dex(m/s2), to that of its value in cgs units."""
    from astropy import units

    physical = getattr(unit, "physical_unit", units.dimensionless_unscaled)
    factor = physical.to(physical.cgs / physical.cgs.scale)
    return values if factor == 1 else values + values.dtype.type(np.log10(factor))


def _is_logarithmic(unit: object) -> bool:
    # Files write the unit of log g and abundances in many ways: dex, dex(cm / s2), log(cgs), [-], none.
    from astropy import units

    if isinstance(unit, units.UnrecognizedUnit | units.DexUnit):
        return True
    return unit == units.dimensionless_unscaled or unit == units.dex
