"""Write the page that runs the shipped networks in the browser, docs/_build/html/try.html by default.

Run ``python docs/make_try_page.py [FILE]``. The page holds the arrays of the model files, so it is made anew
with the site and never kept in the repository. The density of training stars that it shows is that of the
mixture in the model file, which holds no star.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from string import Template
from typing import Any

HERE = Path(__file__).resolve().parent
SOURCES = HERE / "_try"
OUTPUTS = (
    *("ABS_MAG", "ABS_MAG_ERR", "DISTANCE", "DISTANCE_ERR", "MASS", "MASS_ERR"),
    *("AGE", "AGE_ERR_UP", "AGE_ERR_DOWN", "P_RC"),
)
# Field, its words, its unit, and a red clump star to begin with.
FIELDS = (
    ("TEFF", "Teff", "K", "4800"),
    ("LOGG", "log g", "dex", "2.45"),
    ("M_H", "[M/H]", "dex", "-0.1"),
    ("C_FE", "[C/Fe]", "dex", "-0.1"),
    ("N_FE", "[N/Fe]", "dex", "0.2"),
    ("K", "Ks", "mag, for the distance", "10.5"),
    ("A_K", "A_K", "mag, for the distance", "0.05"),
    ("ALPHA_M", "[α/M]", "dex, if known", ""),
)
KIEL_CELLS = (90, 90)
KIEL_RANGES = {"teff": (3300.0, 6800.0), "log_g": (0.0, 5.0)}


def network(model: Any) -> dict[str, Any]:
    """Arrays of an ensemble of networks."""
    return {
        "activation": model.activation,
        "mean": model.scaler_mean_.tolist(),
        "scale": model.scaler_scale_.tolist(),
        "kernels": [kernel.tolist() for kernel in model.coefs_],
        "biases": [bias.tolist() for bias in model.intercepts_],
    }


def domain(fitted: Any) -> dict[str, Any]:
    """Arrays of a training domain."""
    return {
        "center": fitted.center_.tolist(),
        "scale": fitted.scale_.tolist(),
        "means": fitted.means_.tolist(),
        "cholesky": fitted.precisions_cholesky_.tolist(),
        "log_weights": fitted.log_weights_.tolist(),
        "offset": fitted.offset_,
    }


def regressor(model: Any) -> dict[str, Any]:
    """Arrays of a model, of its errors and of its domains."""
    error = model.error_model_
    anchored = getattr(model, "anchored_domain_", None)
    head = getattr(model, "distribution_", None)
    return network(model) | {
        "error": {name: getattr(error, name) for name in ("coefficients", "low", "high", "floor")},
        "error_column": model._error_column(),
        "domain": domain(model.domain_),
        "anchored": None if anchored is None else domain(anchored),
        "distribution": None if head is None else distribution(head),
    }


def distribution(head: Any) -> dict[str, Any]:
    """Network of the distribution of the residuals."""
    from skdistmass.columns import MAX_GIANT_LOG_G
    from skdistmass.estimators import uncertainty
    from skdistmass.networks.activations import LOG_WIDTHS

    arrays = {name: getattr(head, name).tolist() for name in ("center", "scale", "low", "high")}
    return arrays | {
        "kernels": [kernel.tolist() for kernel in head.coefs],
        "biases": [bias.tolist() for bias in head.intercepts],
        "unit": head.unit,
        "widening": head.widening,
        "sparse": head.sparse,
        "max_depth": uncertainty.MAX_DEPTH,
        "dwarf_log_g": MAX_GIANT_LOG_G,
        "one_sigma": uncertainty.ONE_SIGMA,
        "log_widths": LOG_WIDTHS,
    }


def ages() -> dict[str, Any]:
    """Arrays of the relation of mass, metallicity and age, with what state and metallicity do to it."""
    from skdistmass import load_predictor
    from skdistmass.columns import MAX_AGE_GYR
    from skdistmass.estimators import age_inference
    from skdistmass.physics import giants

    steps = giants.LOG_MASSES
    shifts = giants._shift_tables(*age_inference.METALLICITY_RANGE)
    return {
        "network": network(load_predictor("age")),
        "mass_range": age_inference.MASS_RANGE,
        "metallicity_range": age_inference.METALLICITY_RANGE,
        "max_log_g": age_inference.MAX_GIANT_LOG_G,
        "least_side": age_inference.LEAST_SIDE,
        "sampled_masses": age_inference.SAMPLED_MASSES,
        "isochrone_metallicities": age_inference.ISOCHRONE_METALLICITIES,
        "oldest": age_inference.OLDEST_ISOCHRONE,
        "max_age": MAX_AGE_GYR,
        "log_masses": {"first": float(steps[0]), "step": float(steps[1] - steps[0]), "n": len(steps)},
        "fe_h": giants.load_giant_ages().fe_h.tolist(),
        # A billionth of a dex is far finer than any use, and half the size.
        "shifts": [[float(f"{value:.9f}") for value in state] for state in shifts.tolist()],
    }


def clump() -> dict[str, Any]:
    """Network of the evolutionary state."""
    from skdistmass.models import red_clump

    arrays = red_clump._network()
    layers = range(sum(name.startswith("kernel") for name in arrays))
    return {
        "activation": "tanh",
        "mean": arrays["mean"].tolist(),
        "scale": arrays["scale"].tolist(),
        "kernels": [[arrays[f"kernel_{i}"].tolist()] for i in layers],
        "biases": [[arrays[f"bias_{i}"].tolist()] for i in layers],
    }


def kiel_density(fitted: Any) -> list[list[float]]:
    """Density of the training stars in the Kiel diagram, relative to its peak and to the power of 1/2.

    The mixture of the domain without its other features: a sum of Gaussians in two dimensions.
    """
    import numpy as np

    n_rows, n_columns = KIEL_CELLS
    teff, log_g = (
        low + (np.arange(n) + 0.5) / n * (high - low)
        for n, (low, high) in zip((n_columns, n_rows), KIEL_RANGES.values(), strict=True)
    )
    grid = np.stack(np.meshgrid(teff, log_g), axis=-1)
    scaled = (grid - fitted.center_[:2]) / fitted.scale_[:2]
    density = np.zeros(grid.shape[:2])
    half = 0.5 * fitted.n_features_in_ * np.log(2 * np.pi)
    for mean, cholesky, log_weight in zip(
        fitted.means_, fitted.precisions_cholesky_, fitted.log_weights_, strict=True
    ):
        weight = np.exp(log_weight - np.log(np.diagonal(cholesky)).sum() + half)
        covariance = np.linalg.inv(cholesky @ cholesky.T)[:2, :2]
        off = scaled - mean[:2]
        square = np.einsum("...i,ij,...j", off, np.linalg.inv(covariance), off)
        density += weight * np.exp(-0.5 * square) / np.sqrt(np.linalg.det(covariance))
    return np.sqrt(density / density.max()).round(3).tolist()


def page_data() -> dict[str, Any]:
    """Everything that the page's scripts need, from the model files and the facts of the package."""
    from skdistmass import load_model
    from skdistmass.columns import BITS, FEATURES, INPUT_COLUMNS, MAX_EXTINCTION, PHYSICAL_RANGES, SENTINEL
    from skdistmass.physics.photometry import MAG_PER_FRACTION
    from skdistmass.survey.quantities.distances import COLOUR_ERROR, TYPICAL_K_ERROR

    distance, mass = load_model("distance"), load_model("mass")
    inputs = (*FEATURES, "K", "A_K", "ALPHA_M")
    aliases = {name: [name, *INPUT_COLUMNS[name].aliases] for name in inputs}
    aliases["A_K"] += ["AK_WISE", "AK_TARG"]
    ranges = {name: PHYSICAL_RANGES.get(name, (-1e30, 1e30)) for name in inputs}
    return {
        "features": FEATURES,
        "outputs": OUTPUTS,
        "aliases": aliases,
        "ranges": ranges | {"A_K": (-MAX_EXTINCTION, MAX_EXTINCTION)},
        "sentinel": SENTINEL,
        "bits": BITS | {},
        "distance": regressor(distance),
        "mass": regressor(mass),
        "age": ages(),
        "clump": clump(),
        "k_error": TYPICAL_K_ERROR,
        "colour_error": COLOUR_ERROR,
        "mag_per_fraction": MAG_PER_FRACTION,
        "kiel": KIEL_RANGES | {"density": kiel_density(distance.domain_)},
        "hashes": {name: model.sha256_ for name, model in (("distance", distance), ("mass", mass))},
    }


def render() -> str:
    """Write the page."""
    from skdistmass import __version__

    data = page_data()
    fields = [
        f'    <p><label for="in-{name}">{label}</label> <input id="in-{name}" name="{name}" '
        f'inputmode="decimal" value="{value}"> <span class="unit">{unit}</span></p>'
        for name, label, unit, value in FIELDS
    ]
    scripts = [
        (SOURCES / name).read_text(encoding="utf-8") for name in ("networks.js", "tables.js", "try.js")
    ]
    return Template((SOURCES / "try.html").read_text(encoding="utf-8")).substitute(
        style=(SOURCES / "try.css").read_text(encoding="utf-8"),
        fields="\n".join(fields),
        version=__version__,
        hashes=" and ".join(f"{name} {text[:12]}" for name, text in data.pop("hashes").items()),
        model=json.dumps(data, separators=(",", ":"), allow_nan=False).replace("</", "<\\/"),
        script="\n".join(scripts),
    )


def main() -> None:
    """Write the page to a file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("output", nargs="?", type=Path, default=HERE / "_build" / "html" / "try.html")
    output = parser.parse_args().output
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(render(), encoding="utf-8")
    sys.stdout.write(f"wrote {output}: {output.stat().st_size / 1e6:.2f} MB\n")


if __name__ == "__main__":
    main()
