"""The page that runs the networks in the browser, as it is made; tests/browser runs it."""

import json
import re
import runpy
from pathlib import Path

import numpy as np
import pytest

from skdistmass import TrainingDomain, load_predictor

SCRIPT = Path(__file__).resolve().parents[1] / "docs" / "make_try_page.py"


@pytest.fixture(scope="module")
def script():
    return runpy.run_path(str(SCRIPT))


def test_page_holds_the_shipped_networks_and_asks_for_nothing(script):
    page = script["render"]()
    assert not re.search(r"(?:src|href)=\"(?!data:|index\.html)", page)
    assert len(page) < 2e6
    text = re.search(r"<script type=\"application/json\" id=\"model\">(.*?)</script>", page, re.DOTALL)[1]
    model = json.loads(text)
    for name in ("distance", "mass"):
        predictor = load_predictor(name)
        assert predictor.sha256_[:12] in page
        for kernel, shipped in zip(model[name]["kernels"], predictor.coefs_, strict=True):
            np.testing.assert_array_equal(kernel, shipped)
    assert model["aliases"]["TEFF"][0] == "TEFF"


def test_density_is_that_of_the_stars_without_the_other_features(script):
    rng = np.random.default_rng(0)
    groups = [(4800, 2.5, 0.0), (4300, 1.5, -0.5), (5800, 4.3, 0.1)]
    X = np.concatenate([rng.normal(centre, [120, 0.25, 0.2], (2000, 3)) for centre in groups])
    density = np.array(script["kiel_density"](TrainingDomain(n_components=3).fit(X))) ** 2
    counts, _, _ = np.histogram2d(
        X[:, 1],
        X[:, 0],
        bins=script["KIEL_CELLS"],
        range=[script["KIEL_RANGES"]["log_g"], script["KIEL_RANGES"]["teff"]],
    )
    assert density.max() == 1.0
    # Blocks of ten by ten cells have enough stars to be counted.
    blocks = [part.reshape(9, 10, 9, 10).sum(axis=(1, 3)) for part in (density, counts)]
    shares = [part / part.sum() for part in blocks]
    np.testing.assert_allclose(shares[0], shares[1], atol=0.01)
