"""Correction of seismic radii and masses to the scale of Gaia's radii."""

import json
from importlib import resources

import numpy as np
import pytest

from skdistmass.physics import gaia_radius as gaia


class TestRadiusCorrection:
    @pytest.mark.parametrize("correction", gaia.CORRECTIONS)
    @pytest.mark.parametrize("state", ["RGB", "RC"])
    def test_mass_goes_as_cube(self, correction, state):
        radius = np.linspace(3, 40, 50)
        factor = gaia.radius_correction(radius, correction, state)
        mass, corrected = gaia.apply_radius_correction(1.2, radius, correction, state)
        np.testing.assert_allclose(corrected, factor * radius)
        np.testing.assert_allclose(mass, 1.2 * factor**3)
        assert (np.abs(factor - 1) < 0.06).all()

    def test_edges_missing_and_states(self):
        factor = gaia.radius_correction([1.0, 4.5, 16.0, 200.0, np.nan, -3.0], "SS", "RGB")
        assert factor[0] == factor[1]
        assert factor[2] == factor[3]
        assert np.isnan(factor[4:]).all()
        clump = gaia.radius_correction([8.0, 14.0, np.nan], "SS", "RC")
        assert clump[0] == clump[1]
        assert np.isnan(clump[2])
        assert np.isnan(gaia.radius_correction(10.0, "SS", [None, "", "AGB"])).all()

    def test_unknown(self):
        with pytest.raises(ValueError, match=r"`correction` must be one of .*'SS'.*; received 'ss'"):
            gaia.radius_correction(10.0, "ss", "RGB")

    def test_shipped_file(self):
        content = json.loads((resources.files("skdistmass.data") / "radius_correction.json").read_text())
        assert {"quantity", "source", "systematic_error", "citation", "made_by"} <= content.keys()
        assert tuple(content["corrections"]) == gaia.CORRECTIONS
        fits = [fit for entry in content["corrections"].values() for fit in entry.values()]
        assert len(fits) == 6
        for fit in fits:
            assert len(fit["radius"]) == len(fit["factor"]) == len(fit["factor_error"])
            assert np.max(fit["factor_error"]) < 0.01
            assert fit["robust_sigma"] < 0.06
