r"""
Fit the classifier of the red clump
===================================

The five labels tell a red clump star from one on the red giant branch: a small network, trained on the
asteroseismic states of Kepler giants. Its accuracy is that of a cross-validation over the training part, and
of the stars left out; the network that ships is fitted to all stars::

    python examples/making/fit_red_clump.py [OUTPUT_DIRECTORY]

The tables of real stars are published ones, outside the repository (see ``real_stars.py``).
"""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import real_stars
from sklearn.metrics import log_loss
from sklearn.model_selection import cross_val_predict
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

OUTPUT = Path(__file__).resolve().parents[2] / "skdistmass" / "data"
LABELS = ["TEFF", "LOGG", "FE_H", "C_FE", "N_FE"]


def read_states() -> pd.DataFrame:
    """Kepler giants of known state; labels of the survey's release go before converted ones."""
    giants = real_stars.read_giants()
    published = pd.read_csv(real_stars.DATA / "apokasc3.csv").set_index("KIC")
    for name in LABELS:
        better = giants.KIC.map(published[name])
        giants[name] = better.where(better.notna(), giants[name])
    known = giants.EVSTATE.isin(["RGB", "RC"]) & giants[LABELS].notna().all(axis=1)
    return giants[known].reset_index(drop=True)


def make_classifier(seed: int = 0):
    """Return the classifier, not fitted."""
    network = MLPClassifier(
        (8, 8), activation="tanh", solver="lbfgs", alpha=0.3, max_iter=2000, random_state=seed
    )
    return make_pipeline(StandardScaler(), network)


def describe(clump, probability, log_g) -> dict[str, float]:
    """Accuracy, overall and where clump and branch overlap, and the mean logarithmic loss."""
    right, overlap = (probability > 0.5) == clump, (log_g > 2.3) & (log_g < 2.6)
    return {
        "n": len(clump),
        "right": round(float(right.mean()), 4),
        "right_log_g_2.3_2.6": round(float(right[overlap].mean()), 4),
        "log_loss": round(float(log_loss(clump, probability)), 4),
    }


def main() -> None:
    """Measure, fit and write the classifier."""
    parser = argparse.ArgumentParser(description="Fit the classifier of the red clump.")
    parser.add_argument(
        "output", nargs="?", type=Path, default=OUTPUT, help="directory (default: %(default)s)"
    )
    output = parser.parse_args().output
    real_stars.check_tables()
    stars = read_states()
    X, clump, log_g = stars[LABELS].to_numpy(float), stars.EVSTATE.eq("RC").to_numpy(), stars.LOGG.to_numpy()
    test = stars.test.to_numpy(bool)
    folds = cross_val_predict(make_classifier(), X[~test], clump[~test], cv=5, method="predict_proba")[:, 1]
    held_out = make_classifier().fit(X[~test], clump[~test]).predict_proba(X[test])[:, 1]
    metrics = {
        "cross_validation": describe(clump[~test], folds, log_g[~test]),
        "left_out": describe(clump[test], held_out, log_g[test]),
    }
    print(json.dumps(metrics, indent=1))
    scaler, network = make_classifier().fit(X, clump)
    provenance = {
        "content": "network of TEFF [K], LOGG, M_H, C_FE, N_FE [dex] to the log odds of the red clump",
        "stars": f"APOKASC-3, {int(clump.sum())} in the red clump, {int((~clump).sum())} on the branch",
        "range": dict(zip(LABELS, np.round([X.min(axis=0), X.max(axis=0)], 3).T.tolist(), strict=True)),
        "metrics": metrics,
        "made_by": "examples/making/fit_red_clump.py",
        "date": datetime.now(UTC).date().isoformat(),
        "citation": "Pinsonneault et al. 2025, ApJS 276, 69 (APOKASC-3)",
    }
    layers = {f"kernel_{i}": kernel for i, kernel in enumerate(network.coefs_)}
    layers |= {f"bias_{i}": bias for i, bias in enumerate(network.intercepts_)}
    np.savez_compressed(
        output / "red_clump.npz",
        mean=scaler.mean_,
        scale=scaler.scale_,
        provenance=json.dumps(provenance),
        **layers,
    )


if __name__ == "__main__":
    main()
