"""Time isoclassify's grid classifier; `_isochrone_speed.py` starts it with a Python that has isoclassify.

Usage: ``python -W ignore _isoclassify_peer.py FILE.npz``. The file has stars (``X``, ``sigma``) and the
columns that the classifier wants of its models. Prints processor seconds and median masses [Msun] as JSON.
"""

import contextlib
import io
import json
import sys
import time

import numpy as np
from isoclassify.grid import classify


def main():
    """Classify each star from its spectroscopic labels alone."""
    file = np.load(sys.argv[1])
    models = {name: file[name] for name in file.files if name not in ("X", "sigma")}
    masses = []
    start = time.process_time()
    for labels, errors in zip(file["X"], file["sigma"], strict=True):
        star = classify.obsdata()
        star.addspec(labels, errors)
        with contextlib.redirect_stdout(io.StringIO()):
            masses.append(float(classify.classify(star, models, plot=0, band=np.nan).mass))
    print(json.dumps({"seconds": time.process_time() - start, "mass": masses}))


if __name__ == "__main__":
    main()
