"""Text reports: what a catalogue holds, what a model is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skdistmass.columns import (
    BITS,
    CATALOG_COLUMNS,
    CUTS,
    LABEL_SETS,
    canonical_catalog_name,
    good_stars,
)
from skdistmass.physics.constants import YEARS_PER_GYR

if TYPE_CHECKING:
    from astropy.table import Table

_SUMMARISED: tuple[str, ...] = ("DISTANCE", "WEIGHTED_DIST", "NMSU_DIST")
_SUMMARISED += tuple(
    f"{name}{suffix}" for name in ("MASS", "AGE") for suffix in ("", *(f"_{s}" for s in LABEL_SETS))
)


_PERCENTILES = {"p16": 16, "median": 50, "p84": 84}
_EXACT_VALUES = 2**16
_DROPPED_BITS = 14  # of the mantissa of a float32, which leaves steps of 0.2 %


def summarize_catalog(catalog: Table) -> str:
    """Summarise a catalogue in a short table.

    Parameters
    ----------
    catalog : astropy.table.Table
        Catalogue of `build_catalog`, in any naming.

    Returns
    -------
    str
        Lines of text: number of values, quartiles and median relative error of each quantity, and how
        many rows have each bit.
    """
    summary = CatalogSummary()
    summary.update(catalog.columns)
    return summary.text()


class QuantitySummary(NamedTuple):
    """What a catalogue has of one quantity.

    Attributes
    ----------
    name : str
        Column of the catalogue.
    n : int
        Rows that have a value.
    low, median, high : float
        16th, 50th and 84th percentile in `unit`; NaN without values.
    unit : str
        Gyr for ages, else the unit of the catalogue.
    error : str
        Median error with its unit: a percentage, or upward and downward in dex; empty where not known.
    """

    name: str
    n: int
    low: float
    median: float
    high: float
    unit: str
    error: str


class CatalogSummary:
    """Summary of a catalogue that comes in blocks; it needs little memory, whatever the number of rows.

    Quantiles are exact up to 65,536 values, and good to 0.1 % beyond.

    Attributes
    ----------
    n_rows : int
        Number of rows.
    bits : dict of str to int
        Rows that have each bit of BITMASK.
    good : dict of str to int
        Rows of the recommended cut of each quantity.
    """

    def __init__(self) -> None:
        self.n_rows = 0
        self.bits = dict.fromkeys(BITS, 0)
        self.good: dict[str, int] = {}
        self._samples: dict[tuple[str, *tuple[int, ...]], _Sample] = {}

    def update(self, columns: Mapping[str, ArrayLike]) -> None:
        """Take in a block of rows.

        Parameters
        ----------
        columns : mapping of str to array-like of shape (n_samples, ...)
            Columns of the catalogue in any naming.
        """
        column = {canonical_catalog_name(name): np.asarray(values) for name, values in columns.items()}
        bits = column["BITMASK"]
        self.n_rows += len(bits)
        for name, (value, _) in BITS.items():
            self.bits[name] += int(np.count_nonzero(bits & value))
        for quantity in CUTS:
            if quantity.upper() in column:
                n_good = int(np.count_nonzero(good_stars(column, quantity)))
                self.good[quantity] = self.good.get(quantity, 0) + n_good
        for name in _SUMMARISED:
            if name in column:
                values = column[name].astype(float)
                if values.ndim > 1:  # Maximum, median and mean of the isochrone distance in the database.
                    values = values[:, 1]
                self._add(name, values, _errors_of(name, column))

    def _add(self, name: str, values: NDArray, errors: NDArray | None) -> None:
        good = np.isfinite(values)
        self._sample(name).add(values[good])
        if errors is None:
            return
        errors = errors.astype(float).reshape(len(errors), -1)
        good &= np.isfinite(errors).all(axis=1)
        # Errors of ages are in dex, upward and downward; the others are told as a fraction.
        scale = 1.0 if name.startswith("AGE") else values[good]
        for number, error in enumerate(errors[good].T):
            self._sample(name, number).add(error / scale)

    def _sample(self, *key: *tuple[str, *tuple[int, ...]]) -> _Sample:
        return self._samples.setdefault(key, _Sample())

    def text(self) -> str:
        """Give the summary.

        Returns
        -------
        str
            Lines of text, as `summarize_catalog` gives them.
        """
        lines = [f"{'':14s} {'rows':>9s} {'16 %':>9s} {'median':>9s} {'84 %':>9s}  unit    median error"]
        lines += [_line(each) for each in self.quantities()]
        lines.append(f"rows: {self.n_rows}")
        for quantity, n_good in self.good.items():
            lines.append(f"{n_good:9d}  in the recommended cut, good_stars(catalog, {quantity!r})")
        for name, (value, meaning) in BITS.items():
            if self.bits[name]:
                lines.append(f"{self.bits[name]:9d}  {name} ({value}): {meaning}")
        return "\n".join(lines)

    def data(self) -> dict[str, Any]:
        """Give the numbers of the summary, for machines.

        Returns
        -------
        dict
            "rows"; "recommended", rows in each cut of `good_stars`; "bits", rows with each bit; and
            "quantities": unit, number of values, percentiles, and median of the errors, as a fraction, of
            ages as [upward, downward] in dex.
        """
        return {
            "rows": self.n_rows,
            "recommended": self.good,
            "bits": {name: count for name, count in self.bits.items() if count},
            "quantities": {name: self._numbers(name) for name in _SUMMARISED if (name,) in self._samples},
        }

    def _numbers(self, name: str) -> dict[str, Any]:
        numbers: dict[str, Any] = {
            "unit": str(CATALOG_COLUMNS[name].unit),
            "rows": (sample := self._samples[name,]).size,
        }
        if sample.size:
            numbers |= {key: float(sample.percentile(q)) for key, q in _PERCENTILES.items()}
            errors = self._median_errors(name)
            if errors:
                numbers["median_error"] = errors if len(errors) == 2 else errors[0]
        return numbers

    def _median_errors(self, name: str) -> list[float]:
        samples = [self._samples.get((name, number)) for number in (0, 1)]
        return [float(sample.percentile(50)) for sample in samples if sample is not None and sample.size]

    def quantities(self) -> list[QuantitySummary]:
        """Summarise the quantities.

        Returns
        -------
        list of QuantitySummary
            Those that the catalogue has.
        """
        return [self._quantity(name) for name in _SUMMARISED if (name,) in self._samples]

    def _quantity(self, name: str) -> QuantitySummary:
        sample = self._samples[name,]
        scale, unit = (
            (YEARS_PER_GYR, "Gyr") if name.startswith("AGE") else (1.0, str(CATALOG_COLUMNS[name].unit))
        )
        if not sample.size:
            return QuantitySummary(name, 0, np.nan, np.nan, np.nan, unit, "")
        low, median, high = (sample.percentile(q) / scale for q in (16, 50, 84))
        return QuantitySummary(name, sample.size, low, median, high, unit, self._error(name))

    def _error(self, name: str) -> str:
        medians = self._median_errors(name)
        if len(medians) == 2:
            return f"+{medians[0]:.2f} -{medians[1]:.2f} dex"
        return f"{100 * medians[0]:.1f} %" if medians else ""


def _line(one: QuantitySummary) -> str:
    if not one.n:
        return f"{one.name:14s} {0:9d}"
    numbers = f"{one.n:9d} {one.low:9.3g} {one.median:9.3g} {one.high:9.3g}"
    return f"{one.name:14s} {numbers}  {one.unit:7s} {one.error}"


def _error_name(name: str) -> str:
    """Name of the errors of a quantity: those of a label set have it at the end, MASS_ERR_COR_SS."""
    quantity, _, label_set = name.partition("_")
    return f"{quantity}_ERR_{label_set}" if label_set in LABEL_SETS else f"{name}_ERR"


def _errors_of(name: str, column: Mapping[str | None, NDArray]) -> NDArray | None:
    """Errors of a quantity; for a label set without its own those that the published file has for all."""
    quantity, _, label_set = name.partition("_")
    shared = column.get(f"{quantity}_ERR") if label_set in LABEL_SETS else None
    return column.get(_error_name(name), shared)


class _Sample:
    """Quantiles of positive numbers that come in blocks."""

    def __init__(self) -> None:
        self.size = 0
        self._kept: list[NDArray] = []
        self._counts: NDArray | None = None

    def add(self, values: NDArray) -> None:
        self.size += len(values)
        self._kept.append(values)
        if self.size > _EXACT_VALUES:
            # The order of positive floats is that of their bits.
            positive = np.maximum(np.concatenate(self._kept), 0.0).astype(np.float32)
            counts = np.bincount(
                positive.view(np.uint32) >> _DROPPED_BITS, minlength=2 ** (31 - _DROPPED_BITS)
            )
            self._counts = counts if self._counts is None else self._counts + counts
            self._kept = []

    def percentile(self, percent: float) -> float:
        if self._counts is None:
            return np.percentile(np.concatenate(self._kept), percent)
        cumulative = np.cumsum(self._counts)
        rank = percent / 100 * (self.size - 1)
        step = int(np.searchsorted(cumulative, rank, side="right"))
        edges = (np.array([step, step + 1], dtype=np.uint32) << _DROPPED_BITS).view(np.float32).astype(float)
        part = (rank - cumulative[step] + self._counts[step] + 0.5) / self._counts[step]
        return edges[0] + min(part, 1.0) * (edges[1] - edges[0])


def describe_model(name: str, entry: dict[str, Any]) -> str:
    """Describe a model by its card.

    Parameters
    ----------
    name : str
        Name of the model.
    entry : dict
        Its entry in the registry: "file", "sha256" and "card".

    Returns
    -------
    str
        Lines of text.
    """
    card = entry["card"]
    lines = [f"{name}: {card['kind']}, predicts {card['target']} [{card['target_unit']}]"]
    lines.append("  features: " + ", ".join(f"{key} [{unit}]" for key, unit in card["features"].items()))
    for key in (
        "scale",
        "n_training",
        "n_test",
        "split",
        "error_model",
        "domain",
        "notes",
        "made_by",
        "date",
    ):
        if key in card:
            lines.append(f"  {key.replace('_', ' ')}: {card[key]}")
    lines.append(
        "  training set: " + ", ".join(f"{n} {source}" for source, n in card["training_set"].items())
    )
    if "feature_ranges" in card:
        ranges = (f"{key} {low:.5g} to {high:.5g}" for key, (low, high) in card["feature_ranges"].items())
        lines.append("  feature ranges: " + ", ".join(ranges))
    for key, value in card["test_metrics"].items():
        text = ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else value
        lines.append(f"  test stars, {key}: {text}")
    lines.append(
        "  versions: " + ", ".join(f"{package} {number}" for package, number in card["versions"].items())
    )
    lines += [f"  cite: {citation}" for citation in card["citation"]]
    lines.append(f"  sha256: {entry['sha256']}")
    return "\n".join(lines)
