"""[C/N] against other quantities, in panels."""

import numpy as np
import pytest

from skdistmass.physics.giants import SPOO_RANGE
from skdistmass.plots import CarbonNitrogenDisplay


def test_panels_are_bins_of_surface_gravity(catalog, usable):
    display = CarbonNitrogenDisplay.from_catalog(catalog, "MASS", by="LOGG", edges=(1, 2, 3.5))
    log_g = np.asarray(catalog["LOGG"])
    for panel, (low, high) in zip(display.ax_.ravel(), [(1, 2), (2, 3.5)], strict=True):
        rows = usable & (log_g >= low) & (log_g < high)
        np.testing.assert_allclose(panel.lines[0].get_xdata(), catalog["MASS"][rows])
        np.testing.assert_allclose(panel.lines[0].get_ydata(), (catalog["C_FE"] - catalog["N_FE"])[rows])
        assert f"{rows.sum():,} stars" in panel.get_title()
        assert panel.get_xlabel() == r"mass [$M_\odot$]"
    assert display.ax_[0, 0].get_ylabel() == "[C/N] [dex]"
    assert display.ax_[0, 1].get_ylabel() == ""
    assert display.ax_[0, 0].get_ylim() == display.ax_[0, 1].get_ylim()
    assert display.ax_[0, 0].get_title().startswith(r"1 ≤ $\log\,g$ < 2")
    assert display.n_shown_ == (usable & (log_g >= 1) & (log_g < 3.5)).sum()


def test_panels_share_one_scale_of_density(catalog):
    edges = (0.5, 4.0, 4.9)
    display = CarbonNitrogenDisplay.from_catalog(catalog, "MASS", by="LOGG", edges=edges, median=False)
    left, right = (panel.images[0] for panel in display.ax_.ravel())
    assert left.get_clim() == right.get_clim()
    assert left.get_clim()[1] == np.nanmax(np.ma.filled(left.get_array().astype(float), np.nan))
    assert left.get_array().shape == right.get_array().shape


def test_several_masses_make_columns_with_one_range(catalog):
    display = CarbonNitrogenDisplay.from_catalog(
        catalog, ("MASS_UNCOR_SS", "MASS_COR_TW"), by="LOGG", edges=(1, 2, 3), color="M_H", median=False
    )
    assert display.ax_.shape == (2, 2)
    assert display.ax_[0, 0].get_xlim() == display.ax_[0, 1].get_xlim()
    assert display.ax_[1, 1].get_xlabel() == r"mass, COR_TW [$M_\odot$]"
    assert display.ax_[0, 1].get_xlabel() == ""
    dots = [panel.collections[0] for panel in display.ax_.ravel()]
    np.testing.assert_allclose(
        dots[1].get_offsets()[:, 0] - dots[0].get_offsets()[:, 0], 0.25
    )  # the sixth set lies 0.25 Msun above the first
    assert len({dot.get_clim() for dot in dots}) == 1
    assert display.figure_.axes[-1].get_ylabel() == "[M/H] [dex]"


def test_relation_of_clusters_is_drawn_where_it_holds(catalog):
    display = CarbonNitrogenDisplay.from_catalog(catalog, "LOG_AGE", by="M_H", spoo=True, median=False)
    line = next(line for line in display.ax_[0, 0].lines if line.get_label() == "Spoo et al. 2022")
    # 10.14 + 2.23 [C/N]: a star of [C/N] = -0.3 is 2.96 Gyr old.
    c_n = np.interp(np.log10(2.958e9), line.get_xdata(), line.get_ydata())
    assert c_n == pytest.approx(-0.3, abs=0.001)
    assert (line.get_xdata()[0], line.get_xdata()[-1]) == SPOO_RANGE
    assert len(display.ax_.ravel()) == 4


def test_galactocentric_radius_needs_positions(catalog):
    ra, dec = np.full(len(catalog), 266.405), np.full(len(catalog), -28.936)
    display = CarbonNitrogenDisplay.from_catalog(catalog, "R_GAL", ra=ra, dec=dec)
    assert display.ax_.get_xlabel() == "Galactocentric radius [kpc]"
    # All stars lie towards the centre, up to ten kpc from the Sun.
    assert display.panels[0][0]["x"].min() < 0.1
    assert display.panels[0][0]["x"].max() < 8.2


def test_one_bar_shows_the_median_error(catalog, usable):
    display = CarbonNitrogenDisplay.from_catalog(catalog, "MASS", error="MASS_ERR")
    assert display.panels[0][0]["error"] == pytest.approx(np.median(catalog["MASS_ERR"][usable]))
    bar = display.ax_.containers[0].lines[2][0].get_segments()[0]
    assert bar[1, 0] - bar[0, 0] == pytest.approx(2 * np.median(catalog["MASS_ERR"][usable]))


def test_panels_with_few_stars_have_no_legend(catalog):
    display = CarbonNitrogenDisplay.from_catalog(catalog, "MASS", rows=np.arange(400, 405))
    assert display.ax_.get_legend() is None
    assert display.n_shown_ == 5


def test_other_quantities_need_edges(catalog):
    with pytest.raises(ValueError, match=r"edges of TEFF must be two or more increasing numbers"):
        CarbonNitrogenDisplay.from_catalog(catalog, by="TEFF")
    with pytest.raises(ValueError, match=r"received \(2, 1\)"):
        CarbonNitrogenDisplay.from_catalog(catalog, by="LOGG", edges=(2, 1))
