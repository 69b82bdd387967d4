"""Text reports: what a catalogue holds, what a model is."""

from __future__ import annotations

import numpy as np

from skdistmass.columns import BITS, CATALOG_COLUMNS

_SUMMARISED = ("DISTANCE", "WEIGHTED_DIST", "NMSU_DIST", "MASS", "AGE")


def summarize_catalog(catalog) -> str:
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
    naming = catalog.meta.get("naming", "released")
    column = {name: catalog[c.name_in(naming)] for name, c in CATALOG_COLUMNS.items() if c.name_in(naming) in catalog.colnames}
    lines = [f"{'':14s} {'rows':>9s} {'16 %':>9s} {'median':>9s} {'84 %':>9s}  unit    median error"]
    for name in _SUMMARISED:
        if name in column:
            lines.append(_summary_line(name, column))
    bits = np.asarray(column["BITMASK"])
    lines.append(f"rows: {len(catalog)}")
    for name, (value, meaning) in BITS.items():
        count = np.count_nonzero(bits & value)
        if count:
            lines.append(f"{count:9d}  {name} ({value}): {meaning}")
    return "\n".join(lines)


def _summary_line(name, column) -> str:
    values = np.asarray(column[name], dtype=float)
    scale, unit = (1e9, "Gyr") if name == "AGE" else (1.0, str(CATALOG_COLUMNS[name].unit))
    good = values[np.isfinite(values)] / scale
    if not good.size:
        return f"{name:14s} {0:9d}"
    low, median, high = np.percentile(good, [16, 50, 84])
    return f"{name:14s} {good.size:9d} {low:9.3g} {median:9.3g} {high:9.3g}  {unit:7s} {_median_error(name, column)}"


def _median_error(name, column) -> str:
    if name == "AGE":
        up, down = np.nanmedian(np.asarray(column["AGE_ERR"], dtype=float), axis=0)
        return f"+{up:.2f} -{down:.2f} dex"
    error = column.get(f"{name}_ERR")
    if error is None:
        return ""
    with np.errstate(invalid="ignore", divide="ignore"):
        relative = np.asarray(error, dtype=float) / np.asarray(column[name], dtype=float)
    return f"{100 * np.nanmedian(relative):.1f} %"


def describe_model(name: str, entry: dict) -> str:
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
    for key in ("scale", "n_training", "n_test", "split", "error_model", "domain", "notes", "made_by", "date"):
        if key in card:
            lines.append(f"  {key.replace('_', ' ')}: {card[key]}")
    lines.append("  training set: " + ", ".join(f"{n} {source}" for source, n in card["training_set"].items()))
    if "feature_ranges" in card:
        ranges = (f"{key} {low:.5g} to {high:.5g}" for key, (low, high) in card["feature_ranges"].items())
        lines.append("  feature ranges: " + ", ".join(ranges))
    for key, value in card["test_metrics"].items():
        text = ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else value
        lines.append(f"  test stars, {key}: {text}")
    lines.append("  versions: " + ", ".join(f"{package} {number}" for package, number in card["versions"].items()))
    lines += [f"  cite: {citation}" for citation in card["citation"]]
    lines.append(f"  sha256: {entry['sha256']}")
    return "\n".join(lines)
