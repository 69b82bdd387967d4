"""Zero point, ecliptic latitude and distance posterior, against analytic limits and direct integration."""

import itertools

import numpy as np
import pytest
from scipy.integrate import quad

from skdistmass.physics import parallax as plx
from skdistmass.physics.parallax import ZeroPointReason


def log_posterior(distance_kpc, parallax, error, length_kpc):
    return (
        2 * np.log(distance_kpc)
        - distance_kpc / length_kpc
        - 0.5 * ((parallax - 1 / distance_kpc) / error) ** 2
    )


def random_parallaxes(n, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(0.8, 1.5, n), 10 ** rng.uniform(-2, 0.7, n)


class TestZeroPoint:
    def test_published_values(self):
        # Lindegren+ 2021, tables 9 and 10 [µas]. At ν_eff = 1.48 and sin²β = 1/3 it is q00 + q01 sin β.
        sine = np.array([1.0, -1.0]) / np.sqrt(3)
        latitude = np.rad2deg(np.arcsin(sine))
        five, _ = plx.zero_point(13.1, 1.48, np.nan, latitude, 31)
        np.testing.assert_allclose(five, 1e-3 * (-37.99 + 2.63 * sine), atol=1.1e-6)
        halfway, _ = plx.zero_point(14.5, 1.48, np.nan, latitude, 31)
        np.testing.assert_allclose(halfway, 1e-3 * (-38.16 + 4.12 * sine), atol=1.1e-6)
        six, _ = plx.zero_point(17.5, np.nan, 1.48, latitude, 95)
        np.testing.assert_allclose(six, 1e-3 * (-24.68 - 1.37 * sine), atol=1.1e-6)

    def test_every_reason(self):
        value, reason = plx.zero_point(
            [13.0, 13.0, np.nan, 13.0, 13.0, 13.0, 5.9, 21.1, 13.0, 13.0],
            [1.45, np.nan, 1.45, 1.45, np.nan, 1.45, 1.45, 1.45, 2.0, 1.45],
            [np.nan, 1.45, np.nan, np.nan, np.nan, np.nan, np.nan, np.nan, np.nan, 1.8],
            [60.0, 60.0, 60.0, np.nan, 60.0, 60.0, 60.0, 60.0, 60.0, 60.0],
            [31, 95, 31, 31, 31, 3, 31, 31, 31, 95],
        )
        expected = [
            ZeroPointReason.VALID,
            ZeroPointReason.VALID,
            ZeroPointReason.MISSING_INPUT,
            ZeroPointReason.MISSING_INPUT,
            ZeroPointReason.MISSING_INPUT,
            ZeroPointReason.NO_SOLUTION_TYPE,
            ZeroPointReason.MAGNITUDE_RANGE,
            ZeroPointReason.MAGNITUDE_RANGE,
            ZeroPointReason.COLOUR_RANGE,
            ZeroPointReason.COLOUR_RANGE,
        ]
        assert reason.tolist() == expected
        assert reason.dtype == np.int8
        np.testing.assert_array_equal(np.isfinite(value), reason == ZeroPointReason.VALID)

    def test_unused_colour_does_not_matter(self):
        five, reason = plx.zero_point(15.0, 1.5, [np.nan, 99.0, 1.5], 20.0, 31)
        assert (reason == 0).all()
        assert (five == five[0]).all()

    def test_none_of_all_invalid_and_empty(self):
        value, reason = plx.zero_point([3.0, 4.0], 1.5, 1.5, 20.0, 31)
        assert np.isnan(value).all()
        assert (reason == ZeroPointReason.MAGNITUDE_RANGE).all()
        value, reason = plx.zero_point([], [], [], [], [])
        assert value.shape == reason.shape == (0,)

    def test_scalars_none_and_two_dimensions(self):
        value, reason = plx.zero_point(13.0, 1.45, None, 60.0, 31)
        assert value.shape == reason.shape == ()
        grid, _ = plx.zero_point(np.full((2, 3), 13.0), 1.45, None, 60.0, 31)
        assert grid.shape == (2, 3)
        assert (grid == value).all()

    def test_shapes_that_do_not_fit(self):
        with pytest.raises(ValueError, match="broadcast"):
            plx.zero_point([13.0, 14.0], [1.4, 1.4, 1.4], 1.4, 60.0, 31)


class TestMode:
    def test_is_a_maximum(self):
        parallax, error = random_parallaxes(5000)
        mode = plx.edsd_mode(parallax, error, 1350.0) / 1000
        assert (mode > 0).all()
        here = log_posterior(mode, parallax, error, 1.35)
        for factor in (0.999, 1.001):
            assert (log_posterior(mode * factor, parallax, error, 1.35) < here).all()

    def test_is_the_global_maximum_where_there_is_one_only(self):
        parallax, error = random_parallaxes(300, seed=4)
        single = parallax / error < 2.4
        grid = np.geomspace(1e-3, 1e3, 20001)[:, None]
        best = grid[np.argmax(log_posterior(grid, parallax, error, 1.35), axis=0), 0]
        mode = plx.edsd_mode(parallax, error) / 1000
        np.testing.assert_allclose(mode[single], best[single], rtol=1e-3)

    def test_of_two_maxima_the_parallax_makes_the_one_taken(self):
        # ϖ = 12, σ = 3 mas: cubic d³/L - 2d² + (ϖ/σ²) d - 1/σ² has three real roots.
        roots = np.roots([1 / 1.35, -2.0, 12 / 9, -1 / 9])
        assert np.isreal(roots).all()
        assert plx.edsd_mode(12.0, 3.0) == pytest.approx(1000 * roots.real.min(), rel=1e-10)

    def test_agrees_with_polynomial_roots(self):
        parallax, error = random_parallaxes(300, seed=5)
        for w, s, mode in zip(parallax, error, plx.edsd_mode(parallax, error), strict=True):
            roots = np.roots([1 / 1.35, -2.0, w / s**2, -1 / s**2])
            real = roots.real[(np.abs(roots.imag) < 1e-7 * np.abs(roots)) & (roots.real > 0)]
            assert mode == pytest.approx(1000 * real.min(), rel=1e-6)

    @pytest.mark.parametrize("length_scale", [500.0, 1350.0, 8000.0])
    def test_limits(self, length_scale):
        parallax = np.array([0.05, 0.5, 5.0, 500.0])
        np.testing.assert_allclose(
            plx.edsd_mode(parallax, 1e-6 * parallax, length_scale), 1000 / parallax, rtol=1e-9
        )
        prior = plx.edsd_mode([-3.0, 0.0, 1.0], [1e5, np.inf, 1e6], length_scale)
        np.testing.assert_allclose(prior, 2 * length_scale, rtol=1e-4)

    def test_bad_values(self):
        mode = plx.edsd_mode([np.nan, 1.0, 1.0, 1.0], [0.1, 0.0, -0.1, np.nan])
        assert np.isnan(mode).all()
        with pytest.raises(ValueError, match=r"`length_scale` \[pc\] must be positive; received .* 0"):
            plx.edsd_mode(1.0, 0.1, 0.0)


class TestQuantiles:
    @pytest.mark.parametrize(
        ("parallax", "error"),
        [(2.0, 0.02), (1.0, 0.15), (0.3, 0.3), (-0.2, 0.1), (-2.0, 1.0), (0.0, 0.5), (12.0, 3.0)],
    )
    def test_against_integration(self, parallax, error):
        quantiles = (0.05, 0.16, 0.5, 0.84, 0.99)
        found = plx.edsd_quantiles(parallax, error, 1350.0, quantiles) / 1000
        peak = log_posterior(plx.edsd_mode(parallax, error) / 1000, parallax, error, 1.35)

        def density(d):
            return np.exp(log_posterior(d, parallax, error, 1.35) - peak)

        edges = np.r_[1e-3, found, 20 * found[-1]]
        parts = [quad(density, a, b, limit=500)[0] for a, b in itertools.pairwise(edges)]
        np.testing.assert_allclose(np.cumsum(parts)[:-1] / np.sum(parts), quantiles, atol=1e-4)

    def test_prior_limit_is_a_gamma_distribution(self):
        from scipy.stats import gamma

        found = plx.edsd_quantiles(0.0, np.inf, 1000.0, (0.1, 0.5, 0.9))
        np.testing.assert_allclose(found, 1000 * gamma(3).ppf([0.1, 0.5, 0.9]), rtol=1e-4)

    def test_small_error_limit_is_gaussian(self):
        low, median, high = plx.edsd_quantiles(2.0, 0.002)
        assert median == pytest.approx(500.0, rel=1e-4)
        # The 84th percentile of a Gaussian stands 0.99446 σ from its mean.
        assert high - low == pytest.approx(2 * 0.99446 * 500.0 * 0.001, rel=2e-3)

    def test_blocks_order_and_missing(self):
        parallax, error = random_parallaxes(5000, seed=7)
        parallax[[3, 2500]] = np.nan
        error[10] = 0.0
        found = plx.edsd_quantiles(parallax, error)
        assert found.shape == (3, 5000)
        missing = np.isnan(found).all(axis=0)
        assert np.flatnonzero(missing).tolist() == [3, 10, 2500]
        assert (np.diff(found[:, ~missing], axis=0) > 0).all()
        one_by_one = np.array(
            [plx.edsd_quantiles(w, s) for w, s in zip(parallax[-5:], error[-5:], strict=True)]
        )
        np.testing.assert_allclose(found[:, -5:], one_by_one.T, rtol=1e-12)

    def test_bad_probability(self):
        with pytest.raises(ValueError, match="`quantiles` must lie inside 0-1; received"):
            plx.edsd_quantiles(1.0, 0.1, quantiles=(0.5, 16.0))

    def test_coverage_of_simulated_parallaxes(self):
        rng = np.random.default_rng(8)
        distance = 1.35 * rng.gamma(3.0, size=20_000)
        error = 10 ** rng.uniform(-2, 0, distance.size)
        parallax = 1 / distance + error * rng.normal(size=distance.size)
        low, high = plx.edsd_quantiles(parallax, error, quantiles=(0.16, 0.84)) / 1000
        inside = np.mean((distance > low) & (distance < high))
        assert inside == pytest.approx(0.68, abs=0.012)
