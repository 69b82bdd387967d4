"""Maps of the Galaxy."""

import numpy as np
import pytest
from astropy.table import Table

from skdistmass.physics.galaxy import SUN_RADIUS
from skdistmass.plots import GalaxyMapDisplay
from skdistmass.tables.aliases import MissingColumnsError


@pytest.fixture
def stars():
    """Stars at 2 kpc in four directions of the plane: l = 0, 90, 180 and 270 degrees."""
    glon = np.array([0.0, 90.0, 180.0, 270.0])
    age = np.array([1e9, 2e9, 3e9, 4e9])
    return Table({"GLON": glon, "GLAT": np.zeros(4), "DISTANCE": np.full(4, 2000.0), "AGE": age})


def test_map_from_above_has_the_sun_left_of_the_centre(stars):
    display = GalaxyMapDisplay.from_catalog(stars)
    dots = display.ax_.collections[0]
    expected = [[2 - SUN_RADIUS, 0], [-SUN_RADIUS, 2], [-2 - SUN_RADIUS, 0], [-SUN_RADIUS, -2]]
    np.testing.assert_allclose(dots.get_offsets(), expected, atol=1e-9)
    np.testing.assert_allclose(dots.get_array(), [1, 2, 3, 4])
    sun = next(line for line in display.ax_.lines if line.get_label() == "Sun")
    assert (sun.get_xdata()[0], sun.get_ydata()[0]) == (-SUN_RADIUS, 0.0)
    assert display.ax_.get_aspect() == 1.0
    assert display.ax_.get_xlabel() == "Galactocentric $X$ [kpc]"
    assert display.figure_.axes[1].get_ylabel() == "age [Gyr]"
    assert display.n_shown_ == 4


def test_radius_and_height(stars):
    stars["GLAT"] = [0.0, 0.0, 90.0, -90.0]
    display = GalaxyMapDisplay.from_catalog(stars, plane="rz", color=None)
    x, y = display.ax_.lines[0].get_data()
    np.testing.assert_allclose(x, [SUN_RADIUS - 2, np.hypot(SUN_RADIUS, 2), SUN_RADIUS, SUN_RADIUS])
    np.testing.assert_allclose(y, [0.021, 0.021, 2.021, -1.979], atol=1e-9)
    assert display.ax_.get_ylabel() == "height above the plane [kpc]"


def test_positions_can_be_given(stars):
    stars.remove_columns(["GLON", "GLAT"])
    with pytest.raises(MissingColumnsError, match="RA"):
        GalaxyMapDisplay.from_catalog(stars)
    display = GalaxyMapDisplay.from_catalog(stars, ra=np.full(4, 266.405), dec=np.full(4, -28.936))
    np.testing.assert_allclose(display.x_values, 2 - SUN_RADIUS, atol=0.01)
    with pytest.raises(ValueError, match="plane must be one of"):
        GalaxyMapDisplay.from_catalog(stars, plane="yz")
