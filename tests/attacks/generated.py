"""Tables that anyone could hand in, generated from a number: written, read back, made into a catalogue."""

from __future__ import annotations

import tempfile
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from astropy import units
from astropy.table import MaskedColumn, Table
from astropy.units.format import base as unit_formats

from skdistmass import build_catalog, read_catalog, read_stars, write_table
from skdistmass.columns import CATALOG_COLUMNS, FEATURES, INPUT_COLUMNS, NAMINGS, SENTINEL
from skdistmass.survey.models import load_models
from skdistmass.survey.options import CatalogOptions

SUFFIXES = (".fits", ".fits.gz", ".csv", ".csv.gz", ".tsv", ".ecsv", ".parquet", ".vot", ".vot.gz")
CENTRES = {
    "TEFF": (4800, 600),
    "LOGG": (2.5, 0.8),
    "M_H": (-0.2, 0.3),
    "C_FE": (0.0, 0.1),
    "N_FE": (0.2, 0.2),
}
OTHER_UNITS = {
    "K": ("K", "kK"),
    "mag": ("mag", "mmag"),
    "deg": ("deg", "rad", "arcmin"),
    "mas": ("mas", "arcsec"),
}
OTHER_UNITS |= {"pc": ("pc", "kpc"), "dex": ("dex", "")}
WORDS = [
    "",
    "#1",
    "2M03303368+4052058",
    "a,b",
    'a "b" c',
    "a;b",
    "a\tb",
    "two\nlines",
    "two\r\nlines",
    "é",
    "😀",
    "\x85x",
]
WORDS += [
    "1",
    "1.5",
    "true",
    "\\",
    "&lt;",
    "]]>",
    "|",
    "5'10\"",
    "x" * 60,
    "a  b",
    "-",
    "0x10",
    "1_000",
    "\u2028y",
    "'",
]
ASCII_WORDS = [word for word in WORDS if word.isascii() and word.isprintable()]
OPTIONAL = (
    "K",
    "J",
    "H",
    "A_K",
    "AK_TARG",
    "AK_WISE",
    "SFD_EBV",
    "RA",
    "DEC",
    "SNR",
    "GLAT",
    "TEFF_ERR",
    "K_ERR",
)
OPTIONAL += (
    "GAIAEDR3_PARALLAX",
    "GAIAEDR3_PARALLAX_ERROR",
    "GAIAEDR3_R_MED_GEO",
    "GAIAEDR3_SOURCE_ID",
    "EXTRATARG",
)
OPTIONAL += ("ASPCAPFLAG", "APOGEE_ID", "FIELD", "TELESCOPE")
NULLS = (0.0, 0.0, 0.05, 0.5, 1.0)


def spelled(rng: np.random.Generator, name: str) -> str:
    """Spell a name as some release might: an alias of more than one letter, in another case."""
    names = [name, *(alias for alias in INPUT_COLUMNS[name].aliases if len(alias) > 2)]
    chosen = str(rng.choice(names))
    return chosen if len(chosen) < 3 else str(rng.choice([chosen, chosen.lower(), chosen.upper()]))


def numbers(rng: np.random.Generator, name: str, n_rows: int) -> np.ndarray:
    """Draw values in the canonical unit, now and then none that a star can have."""
    centre, width = CENTRES.get(name, (10.0, 2.0))
    values = rng.normal(centre, width, n_rows)
    if rng.random() < 0.2:
        odd = rng.choice([0.0, -1e5, 1e5, 89.9, -99.9, 1e30, -1e300, 1e-300, np.inf, -np.inf, 3.0], n_rows)
        values = np.where(rng.random(n_rows) < 0.3, odd, values)
    return np.where(rng.random(n_rows) < rng.choice(NULLS), np.nan, values)


def column(rng: np.random.Generator, name: str, n_rows: int, suffix: str) -> MaskedColumn | np.ndarray:
    """Draw the column of a survey table, with a unit, in some type, with missing values in some guise."""
    entry = INPUT_COLUMNS[name]
    if entry.kind == "str":
        return rng.choice(ASCII_WORDS if suffix.startswith(".fits") else WORDS, n_rows)
    if entry.kind == "int":
        values = rng.integers(0, rng.choice([2, 2**31, 2**62]), n_rows)
        return MaskedColumn(values, mask=rng.random(n_rows) < rng.choice(NULLS))
    values = numbers(rng, name, n_rows)
    unit = str(rng.choice(OTHER_UNITS.get(entry.unit, (entry.unit,))))
    if entry.unit and unit and entry.unit != "dex":
        values = (values * units.Unit(entry.unit)).to_value(unit)
    if rng.random() < 0.3:
        with np.errstate(over="ignore"):
            values = values.astype(np.float32)
    if rng.random() < 0.3 and unit == entry.unit:
        values = np.where(np.isnan(values), values.dtype.type(rng.choice([-9999.0, -9999.99])), values)
    return MaskedColumn(values, mask=np.isnan(values) if rng.random() < 0.5 else None, unit=unit or None)


def survey(rng: np.random.Generator, suffix: str) -> Table:
    """Draw a survey table."""
    n_rows = int(rng.integers(1, 30))
    chosen = [*FEATURES, *rng.choice(OPTIONAL, rng.integers(0, len(OPTIONAL)), replace=False).tolist()]
    rng.shuffle(chosen)
    return Table({spelled(rng, name): column(rng, name, n_rows, suffix) for name in chosen})


def write(rng: np.random.Generator, table: Table, path: Path) -> None:
    """Write the table by this package, or as the tools of others do."""
    suffix = "".join(path.suffixes)
    if rng.random() < 0.6 or suffix.endswith(".gz"):
        write_table(table, path)
    elif suffix in (".csv", ".tsv"):
        table.to_pandas().to_csv(path, index=False, sep="\t" if suffix == ".tsv" else ",")
    elif suffix == ".parquet" and not any(column.unit for column in table.columns.values()):
        table.to_pandas().to_parquet(path)
    elif suffix == ".ecsv":
        table.write(path, format="ascii.ecsv")
    elif suffix == ".fits" and not any(column.unit == "dex" for column in table.columns.values()):
        table.write(path)
    else:
        write_table(table, path)


def same(one: np.ndarray, other: np.ndarray) -> bool:
    """Tell whether a column was read back equal, in the precision that it had."""
    one, other = np.asarray(one), np.asarray(other)
    if one.dtype.kind != "f":
        return np.array_equal(one, other)
    with np.errstate(over="ignore"):
        return np.array_equal(one, other.astype(one.dtype), equal_nan=True)


def check_read(table: Table, path: Path) -> list[str]:
    """Compare a file with the table that it was made from."""
    # Text formats have no units: what is compared with is the table without them.
    plain = table.copy()
    if path.suffixes[0] in (".csv", ".tsv"):
        for entry in plain.columns.values():
            entry.unit = None
    expected, found = read_stars(plain), read_stars(path)
    if len(found) != len(table) or found.colnames != expected.colnames:
        return [f"{len(found)} rows of {len(table)}, columns {found.colnames}"]
    faults = [name for name in expected.colnames if not same(expected[name], found[name])]
    # A latitude that the table lacks comes from right ascension and declination, which text rounds.
    latitude = [np.asarray(stars["GLAT"]) for stars in (expected, found) if "GLAT" in stars.colnames]
    if "GLAT" in faults and not {"glat", "b", "b_deg"} & {name.lower() for name in table.colnames}:
        faults = [name for name in faults if name != "GLAT"]
        faults += [] if np.allclose(*latitude, rtol=0.0, atol=1e-4, equal_nan=True) else ["GLAT"]
    return faults


def check_catalog(stars: Table, catalog: Table) -> list[str]:
    """Check a catalogue against what is computed here, in other ways."""
    if len(catalog) != len(stars):
        return [f"{len(catalog)} rows of {len(stars)}"]
    faults = []
    for name in catalog.colnames:
        values = np.asarray(catalog[name])
        if values.dtype.kind == "f" and np.isinf(values).any():
            faults.append(f"inf in {name}")
    # m - A - M = 5 log10(d / 10 pc)
    with np.errstate(all="ignore"):
        modulus = 5 * np.log10(np.asarray(catalog["DISTANCE"], float)) - 5
        magnitude = np.asarray(stars["K"], float) if "K" in stars.colnames else np.full(len(stars), np.nan)
        expected = magnitude - np.asarray(catalog["EXTINCTION"]) - np.asarray(catalog["ABS_MAG"])
    known = np.isfinite(modulus)
    if not np.allclose(modulus[known], expected[known], atol=1e-3):
        faults.append("DISTANCE is not that of its magnitudes")
    for name in ("DISTANCE", "MASS"):
        if name in catalog.colnames and (np.asarray(catalog[name], float) <= 0).any():
            faults.append(f"{name} is not positive")
    return faults


def check_output(rng: np.random.Generator, catalog: Table, folder: Path) -> list[str]:
    """Write the catalogue in some format and naming and read it back."""
    suffix, naming = str(rng.choice(SUFFIXES)), str(rng.choice(NAMINGS))
    written = catalog.copy()
    for name in catalog.colnames:
        if name in CATALOG_COLUMNS and CATALOG_COLUMNS[name].name_in(naming) != name:
            written.rename_column(name, CATALOG_COLUMNS[name].name_in(naming))
    ascii_only = suffix.startswith(".fits")
    path = write_table(written, folder / f"out{suffix}")
    try:
        back = read_catalog(path)
    except ValueError as error:
        # Text has no units: distances of a thousandth of a parsec are not taken for parsecs.
        unsure = suffix.removesuffix(".gz") in (".csv", ".tsv") and "cannot be in" in str(error)
        return [] if unsure else [f"{suffix}, {naming}: {error}"]
    faults = [] if len(back) == len(catalog) else [f"{suffix}, {naming}: {len(back)} rows of {len(catalog)}"]
    for name in catalog.colnames:
        if name not in CATALOG_COLUMNS or faults:
            continue
        one = np.asarray(catalog[name])
        if ascii_only and one.dtype.kind == "U" and not "".join(one.tolist()).isascii():
            continue  # FITS has ASCII only: other characters are escaped.
        if one.dtype.kind in "US":
            one = np.char.strip(one)
        elif one.dtype.kind == "f":
            one = np.where(one < SENTINEL, np.nan, one)  # Such a right ascension stands for none.
        if not same(one, back[name]):
            faults.append(f"{suffix}, {naming}: {name} is not read back equal")
    return faults


@cache
def loaded() -> dict[str, Any]:
    """Load the models of a catalogue, once for all tables."""
    models = load_models(CatalogOptions(masses=("mass",)))
    return {name: getattr(models, name) for name in ("distance", "masses", "age", "isochrone")}


def attack(number: int) -> list[str]:
    """Generate a table, and name what went wrong with it."""
    rng = np.random.default_rng([number, 10])
    suffix = SUFFIXES[number % len(SUFFIXES)]
    table = survey(rng, suffix)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / f"stars{suffix}"
        write(rng, table, path)
        faults = [f"{suffix}: {fault}" for fault in check_read(table, path)]
        stars = read_stars(path)
        models = loaded()
        if number % 10:
            models = models | {"isochrone": False}
        catalog = build_catalog(path, **models)
        faults += check_catalog(stars, catalog)
        return faults + check_output(rng, catalog, folder)


def run(first: int, last: int) -> tuple[Counter[str], list[str]]:
    """Attack with the tables of a range of numbers; count what happened, and list the faults."""
    outcomes: Counter[str] = Counter()
    faults: list[str] = []
    # What else an unknown unit might mean, which nobody reads here, takes a quarter of the time.
    unit_formats.did_you_mean = lambda *arguments, **options: ""
    for number in range(first, last):
        try:
            found = attack(number)
        except Exception as error:
            found = [f"{type(error).__name__}: {error}"[:300]]
        outcomes["with a fault" if found else "read, made and written right"] += 1
        faults += [f"table {number}: {fault}" for fault in found]
    return outcomes, faults
