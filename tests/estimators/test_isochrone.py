"""Isochrone distances against sums over all points, analytic cases and simulated stars."""

import pickle
from dataclasses import asdict, replace

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import parametrize_with_checks

from skdistmass.estimators.isochrone import IsochroneDistance
from skdistmass.isochrones.index import merge_neighbours
from skdistmass.isochrones.posterior import IsochroneStatus
from skdistmass.physics.isochrones import IsochroneTable, load_isochrones

ERRORS = np.array([60.0, 0.07, 0.06])
GIANTS = np.array([[4800.0, 2.5, 0.0], [4300.0, 1.5, -0.4], [5777.0, 4.44, 0.0], [5100.0, 3.4, 0.2]])


@pytest.fixture(scope="module")
def model():
    return IsochroneDistance().fit()


@pytest.fixture(scope="module")
def table():
    return load_isochrones()


def draw_points(table, rng, log_g, n_stars):
    """Points of the table near a range of log g, as often as their weights say."""
    near = np.flatnonzero((table.log_g > log_g[0] - 0.5) & (table.log_g < log_g[1] + 0.5))
    weight = table.weight[near].astype(float)
    return rng.choice(near, n_stars, p=weight / weight.sum())


def labels(table, points):
    return np.column_stack([table.teff, table.log_g, table.m_h])[points].astype(float)


def simple_table(**columns):
    """Make a table of one's own; what is not given is that of a star like the Sun."""
    n = len(next(iter(columns.values())))
    usual = {
        "m_h": 0.0,
        "log_age": 9.5,
        "initial_mass": 1.0,
        "mass": 1.0,
        "teff": 5000.0,
        "log_g": 3.0,
        "abs_mag_j": 1.0,
        "abs_mag_h": 0.5,
        "abs_mag_k": 0.0,
        "phase": 3.0,
        "weight": 1.0,
    }
    arrays = {name: np.broadcast_to(columns.get(name, value), n).copy() for name, value in usual.items()}
    return IsochroneTable(**arrays, provenance={})


@pytest.fixture(scope="module")
def stars(table):
    """Stars as common as the prior says, in ranges of the observed log g."""
    rng = np.random.default_rng(8)
    points = []
    X = []
    for limits in [(0.0, 1.0), (1.0, 2.0), (2.0, 3.0), (3.0, 4.0), (4.0, 5.0)]:
        drawn = draw_points(table, rng, limits, 4000)
        seen = labels(table, drawn) + rng.normal(size=(4000, 3)) * ERRORS
        kept = np.flatnonzero((seen[:, 1] > limits[0]) & (seen[:, 1] < limits[1]))[:900]
        points.append(drawn[kept])
        X.append(seen[kept])
    return np.concatenate(points), np.concatenate(X)


class TestAgainstBruteForce:
    def test_median_magnitude(self, model, table):
        rng = np.random.default_rng(4)
        ranges = [(-0.2, 1.0), (1.0, 2.0), (2.0, 3.0), (3.0, 4.0), (4.0, 5.0)]
        points = np.concatenate([draw_points(table, rng, limits, 24) for limits in ranges])
        X = labels(table, points) + rng.normal(size=(len(points), 3)) * ERRORS
        fast = model.predict(X, X_error=ERRORS)
        order = np.argsort(table.m_h, kind="stable")
        all_points = labels(table, order)
        magnitude, weight = table.abs_mag_k[order].astype(float), table.weight[order].astype(float)
        slow = np.empty(len(X))
        for i, star in enumerate(X):
            # Beyond 8 sigma in one label a point weighs less than 1e-14.
            ends = np.searchsorted(all_points[:, 2], star[2] + 8 * ERRORS[2] * np.array([-1, 1]))
            near = slice(*ends)
            chi2 = (((all_points[near] - star) / ERRORS) ** 2).sum(axis=1)
            share = weight[near] * np.exp(-0.5 * chi2)
            brightest_first = np.argsort(magnitude[near])
            cumulative = np.cumsum(share[brightest_first])
            slow[i] = magnitude[near][brightest_first][np.searchsorted(cumulative, 0.5 * cumulative[-1])]
        assert np.isfinite(fast).all()
        assert np.quantile(abs(fast - slow), 0.99) < 0.01


class TestAnalyticCases:
    def test_one_point(self):
        model = IsochroneDistance(simple_table(abs_mag_k=[1.234], mass=[1.5], log_age=[9.3])).fit()
        row = model.predict_distance([[5010.0, 3.01, 0.02]], [11.234], [0.0]).iloc[0]
        assert row["absolute_magnitude_median"] == pytest.approx(1.234, abs=0.01)
        assert row["distance_median"] == pytest.approx(1000.0, rel=0.005)
        assert row["mass_median"] == pytest.approx(1.5, rel=0.02)
        assert row["age_median"] == pytest.approx(10**0.3, rel=0.06)
        assert row["chi2"] == pytest.approx(0.2**2 + 0.2**2 + 0.4**2, rel=1e-4)

    def test_gaussian(self):
        # M = 2.5 log g and equal weights: the posterior of M is a Gaussian of 2.5 sigma(log g).
        log_g = np.linspace(2.0, 4.0, 20_001)
        model = IsochroneDistance(simple_table(log_g=log_g, abs_mag_k=2.5 * log_g), n_sigma=5).fit()
        result = model.predict_posterior([[5000.0, 3.0, 0.0]], X_error=[50.0, 0.1, 0.05]).iloc[0]
        for name, expected in {"p16": 7.25, "median": 7.5, "p84": 7.75, "mean": 7.5, "mode": 7.5}.items():
            assert result[f"absolute_magnitude_{name}"] == pytest.approx(expected, abs=0.011), name
        density = model.predict_pdf([[5000.0, 3.0, 0.0]], [7.4, 7.5, 7.6], X_error=[50.0, 0.1, 0.05])
        # The density is smoothed by a quarter of the standard deviation.
        assert density[0, 1] == pytest.approx(1 / (np.hypot(0.25, 0.0625) * np.sqrt(2 * np.pi)), rel=0.01)

    def test_moments_of_distance(self):
        # Distances of a Gaussian magnitude are log-normal: median, mean and mode are known.
        log_g = np.linspace(2.0, 4.0, 20_001)
        model = IsochroneDistance(simple_table(log_g=log_g, abs_mag_k=2.5 * log_g), n_sigma=5).fit()
        row = model.predict_distance([[5000.0, 3.0, 0.0]], [17.5], [0.0], X_error=[50.0, 0.1, 0.05]).iloc[0]
        s = 0.2 * np.log(10) * 0.25
        assert row["distance_median"] == pytest.approx(1000.0, rel=0.003)
        assert row["distance_mean"] == pytest.approx(1000.0 * np.exp(s**2 / 2), rel=0.003)
        assert row["distance_mode"] == pytest.approx(1000.0 * np.exp(-(s**2)), rel=0.01)
        assert row["distance_p84"] == pytest.approx(1000.0 * np.exp(s), rel=0.005)

    def test_magnitude_error_adds_in_quadrature(self):
        log_g = np.linspace(2.0, 4.0, 20_001)
        model = IsochroneDistance(simple_table(log_g=log_g, abs_mag_k=2.5 * log_g), n_sigma=5).fit()
        row = model.predict_distance(
            [[5000.0, 3.0, 0.0]], [17.5], [0.0], X_error=[50.0, 0.1, 0.05], apparent_mag_error=[0.3]
        ).iloc[0]
        width = 2.5 * np.log10(row["distance_p84"] / row["distance_p16"])
        assert width == pytest.approx(np.hypot(0.25, 0.3), rel=0.01)
        assert row["absolute_magnitude_p84"] == pytest.approx(7.75, abs=0.01)

    def test_magnitude_error_that_is_missing_or_too_large(self, model):
        errors = [np.nan, 1.0, 1.01, np.inf]
        result = model.predict_distance(GIANTS, 10.0, 0.0, apparent_mag_error=errors)
        assert list(result["status"]) == [0, 0, IsochroneStatus.NO_MAGNITUDE, IsochroneStatus.NO_MAGNITUDE]
        assert list(result["distance_median"].isna()) == [False, False, True, True]
        assert result["absolute_magnitude_median"].notna().all()
        exact = model.predict_distance(GIANTS, 10.0, 0.0)
        assert result["distance_p84"][0] == exact["distance_p84"][0]

    def test_volume_prior(self):
        # Two kinds of star 1 mag apart: with d << L the prior is d^3 for equal steps of magnitude.
        pair = simple_table(abs_mag_k=[0.0, 1.0])
        plain = IsochroneDistance(pair).fit().predict_distance([[5000.0, 3.0, 0.0]], [5.0], [0.0]).iloc[0]
        volume = IsochroneDistance(pair, volume_prior=True, length_scale=1e7).fit()
        volume = volume.predict_distance([[5000.0, 3.0, 0.0]], [5.0], [0.0]).iloc[0]
        assert plain["absolute_magnitude_mean"] == pytest.approx(0.5, abs=0.011)
        share = 10**-0.6 / (1 + 10**-0.6)
        assert volume["absolute_magnitude_mean"] == pytest.approx(share, abs=0.011)

    @pytest.mark.parametrize(("history", "ratio"), [("constant", 1.0), ("log-uniform", 0.1), (9.0, np.e)])
    def test_star_formation(self, history, ratio):
        # Stars of 1 and 10 Gyr; an exponential with a scale of 9 Gyr made e times more of the older.
        pair = simple_table(log_age=[9.0, 10.0], abs_mag_k=[0.0, 1.0])
        density = IsochroneDistance(pair, star_formation=history).fit()
        density = density.predict_pdf([[5000.0, 3.0, 0.0]], [0.0, 0.5, 1.0])[0]
        assert density[2] / density[0] == pytest.approx(ratio, rel=1e-3)


class TestMergedPoints:
    def test_sums_with_and_without_merging_agree(self, model, table):
        rng, floors = np.random.default_rng(6), np.array([50.0, 0.05, 0.05])
        X = labels(table, draw_points(table, rng, (-0.2, 5.0), 500)) + rng.normal(size=(500, 3)) * floors
        # Errors as small as these tell any two points apart.
        single = IsochroneDistance(teff_error_floor=1e-9, log_g_error_floor=1e-9).fit()
        off = abs(model.predict_quantiles(X) - single.predict_quantiles(X, X_error=floors))
        there = np.isfinite(off[:, 1])
        assert there.sum() > 480
        assert (off[there, 1] < 0.01).mean() >= 0.99
        assert (off[there] < 0.02).all()

    def test_close_points_of_one_isochrone_only(self):
        point = [5000.0, 3.0, 1.0, 0.0, 0.0, 9.5]
        points = np.tile(point, (6, 1))
        points[1, 0] += 4.0  # close
        points[2, 0] += 30.0  # another temperature
        points[3, 4] = points[4, 4] = 0.05  # another metallicity
        points[4:, 5] = 9.6  # another age
        points[5, 4] = 0.05
        weight = np.array([1.0, 3.0, 1.0, 1.0, 0.0, 0.0])
        merged, total = merge_neighbours(points, weight, np.array([12.5, 0.0125, 0.02, 0.005]))
        np.testing.assert_array_equal(merged[:, 0], [5003.0, 5030.0, 5000.0, 5000.0])
        np.testing.assert_array_equal(merged[:, 4:], [[0, 9.5], [0, 9.5], [0.05, 9.5], [0.05, 9.6]])
        np.testing.assert_array_equal(total, [4.0, 1.0, 1.0, 0.0])
        np.testing.assert_array_equal(merge_neighbours(points[:3], weight[:3], np.zeros(4))[0], points[:3])


class TestSimulatedStars:
    def test_intervals_hold_68_percent(self, model, table, stars):
        points, X = stars
        rng = np.random.default_rng(0)
        result = model.predict_posterior(X, X_error=ERRORS)
        truth = {
            "absolute_magnitude": table.abs_mag_k[points],
            "mass": table.mass[points],
            # The age of a point stands for its step.
            "age": 10 ** (table.log_age[points] - 9 + rng.uniform(-0.025, 0.025, len(X))),
        }
        for name, values in truth.items():
            inside = (values > result[f"{name}_p16"]) & (values < result[f"{name}_p84"])
            assert 0.64 < inside.mean() < 0.72, name

    def test_magnitudes_are_unbiased(self, model, table, stars):
        points, X = stars
        residual = model.predict(X, X_error=ERRORS) - table.abs_mag_k[points]
        assert abs(np.median(residual)) < 0.02

    def test_distances_with_the_volume_prior(self, table, stars):
        points, X = stars
        rng = np.random.default_rng(2)
        distance = rng.gamma(3, 1350.0, len(X))
        magnitude = table.abs_mag_k[points] + 5 * np.log10(distance / 10) + 0.1
        model = IsochroneDistance(volume_prior=True).fit()
        result = model.predict_distance(X, magnitude, np.full(len(X), 0.1), X_error=ERRORS)
        inside = (distance > result["distance_p16"]) & (distance < result["distance_p84"])
        assert 0.64 < inside.mean() < 0.72


class TestResults:
    def test_reasons(self, model):
        X = np.tile([4800.0, 2.5, 0.0], (5, 1))
        X[1:3, 0] = np.nan, 30_000.0
        result = model.predict_distance(X, [10, 10, 10, np.nan, 10], [0.1, 0.1, 0.1, 0.1, np.inf])
        assert [IsochroneStatus(code).name for code in result["status"]] == [
            "OK",
            "MISSING_INPUT",
            "OUT_OF_REACH",
            "NO_MAGNITUDE",
            "NO_MAGNITUDE",
        ]
        assert result.iloc[0].notna().all()
        assert result.iloc[1:3].drop(columns="status").isna().all(axis=None)
        distances = [name for name in result if name.startswith("distance")]
        assert result.iloc[3:][distances].isna().all(axis=None)
        assert result.iloc[3:].drop(columns=distances).notna().all(axis=None)

    def test_quantiles_are_ordered_and_agree_with_the_density(self, model):
        quantiles = model.predict_quantiles(GIANTS, [0.05, 0.25, 0.5, 0.75, 0.95])
        assert (np.diff(quantiles, axis=1) > 0).all()
        step = np.diff(model.magnitudes_).mean()
        density = model.predict_pdf(GIANTS)
        np.testing.assert_allclose(density.sum(axis=1) * step, 1.0, rtol=1e-9)
        fine = np.arange(-8.0, 9.0, 0.01)
        density = model.predict_pdf(GIANTS, fine)
        for i, at in enumerate(quantiles):
            found = np.interp(at, fine + 0.005, np.cumsum(density[i]) * 0.01)
            # The density is smoothed, the quantiles are not.
            np.testing.assert_allclose(found, [0.05, 0.25, 0.5, 0.75, 0.95], atol=0.04)
        mode = model.predict_posterior(GIANTS)["absolute_magnitude_mode"]
        np.testing.assert_allclose(fine[density.argmax(axis=1)], mode, atol=0.02)

    def test_distance_follows_from_the_magnitude(self, model):
        result = model.predict_distance(GIANTS, np.full(4, 12.0), 0.2)
        for ours, theirs in (("median", "median"), ("p16", "p84"), ("p84", "p16")):
            expected = 10 ** (1 + 0.2 * (11.8 - result[f"absolute_magnitude_{theirs}"]))
            np.testing.assert_allclose(result[f"distance_{ours}"], expected, rtol=1e-9)
        for name in ("distance", "mass", "age"):
            assert (result[f"{name}_p16"] > 0).all()
            assert (result[f"{name}_p16"] < result[f"{name}_median"]).all()
            assert (result[f"{name}_median"] < result[f"{name}_p84"]).all()
        assert (result["age_p84"] <= 14.13).all()  # the oldest isochrone

    def test_threads_order_and_neighbours_do_not_matter(self, table):
        rng = np.random.default_rng(0)
        X = labels(table, draw_points(table, rng, (1.0, 3.0), 5000))
        one, two = IsochroneDistance(n_jobs=1).fit(), IsochroneDistance(n_jobs=2).fit()
        result = one.predict_posterior(X)
        pd.testing.assert_frame_equal(result, two.predict_posterior(X), check_exact=True)
        order = rng.permutation(len(X))
        pd.testing.assert_frame_equal(
            result.iloc[order].reset_index(drop=True), two.predict_posterior(X[order]), check_exact=True
        )

    def test_larger_errors_widen_and_missing_ones_are_the_floors(self, model):
        plain = model.predict_quantiles(GIANTS)
        errors = np.tile([50.0, np.nan, 0.01], (4, 1))
        np.testing.assert_array_equal(model.predict_quantiles(GIANTS, X_error=errors), plain)
        wide = model.predict_quantiles(GIANTS, X_error=[50.0, 0.2, 0.05])
        assert (wide[:, 2] - wide[:, 0] > plain[:, 2] - plain[:, 0]).all()

    def test_alpha_enhancement_is_metallicity(self, model):
        richer = GIANTS.copy()
        richer[:, 2] += np.log10(0.638 * 10**0.3 + 0.362)
        np.testing.assert_array_equal(model.predict(GIANTS, alpha_m=np.full(4, 0.3)), model.predict(richer))
        ignoring = IsochroneDistance(alpha_enhancement=False).fit()
        np.testing.assert_array_equal(ignoring.predict(GIANTS, alpha_m=0.3), model.predict(GIANTS))

    def test_bands_differ_by_the_colour(self, model):
        # A clump giant has J - Ks = 0.6-0.65 and H - Ks = 0.1.
        magnitudes = [IsochroneDistance(band=band).fit().predict(GIANTS[:1])[0] for band in "JHK"]
        assert magnitudes[2] == model.predict(GIANTS[:1])[0]
        assert 0.5 < magnitudes[0] - magnitudes[2] < 0.75
        assert 0.03 < magnitudes[1] - magnitudes[2] < 0.18

    def test_without_a_table_in_fit_any_serves(self, model):
        frame = pd.DataFrame(np.column_stack([GIANTS, GIANTS]), columns=list("abcdef"))
        np.testing.assert_array_equal(model.predict(frame), model.predict(GIANTS))

    def test_more_columns_are_ignored_and_without_metallicity_it_is_free(self, model):
        five = IsochroneDistance().fit(np.column_stack([GIANTS, np.zeros((4, 2))]))
        np.testing.assert_array_equal(
            five.predict(np.column_stack([GIANTS, np.ones((4, 2))])), model.predict(GIANTS)
        )
        # Two kinds of star 1 mag apart, of which the metallicity would tell which.
        pair = IsochroneDistance(simple_table(m_h=[-0.5, 0.5], abs_mag_k=[0.0, 1.0]))
        assert pair.fit().predict_posterior([[5000.0, 3.0, 0.5]])["absolute_magnitude_mean"][0] > 0.99
        free = pair.fit([[5000.0, 3.0]]).predict_posterior([[5000.0, 3.0]])
        assert free["absolute_magnitude_mean"][0] == pytest.approx(0.5, abs=0.011)

    @pytest.mark.parametrize("column", range(3))
    @pytest.mark.parametrize("error", [1e5, 1e38])
    def test_an_error_beyond_the_isochrones_is_no_measurement(self, model, column, error):
        errors = np.tile([80.0, 0.1, 0.1], (4, 1))
        expected = model.predict_distance(GIANTS, 10.0, 0.0, X_error=errors)
        errors[1, column] = error
        result = model.predict_distance(GIANTS, 10.0, 0.0, X_error=errors)
        assert list(result["status"]) == [0, IsochroneStatus.OUT_OF_REACH, 0, 0]
        assert result.iloc[1].drop("status").isna().all()
        pd.testing.assert_frame_equal(result.drop(index=1), expected.drop(index=1), check_exact=True)

    def test_vague_labels_up_to_the_spread_of_the_isochrones_count(self, model, table):
        spread = [np.ptp(values) / np.sqrt(12) for values in (table.teff, table.log_g, table.m_h)]
        for factor, status in ((0.99, IsochroneStatus.OK), (1.01, IsochroneStatus.OUT_OF_REACH)):
            result = model.predict_posterior(GIANTS[:1], X_error=np.multiply(factor, spread))
            assert result["status"][0] == status
        # A table of stars of one metallicity is narrow; errors of stars are not.
        narrow = IsochroneDistance(simple_table(log_g=np.linspace(2.0, 4.0, 101))).fit()
        assert np.isfinite(narrow.predict([[5000.0, 3.0, 0.0]], X_error=[300.0, 0.3, 0.3])).all()

    def test_progress_bar(self, capsys):
        IsochroneDistance(progress=True, m_h_step=0.25).fit().predict(GIANTS)
        assert "isochrones" in capsys.readouterr().err


class TestScikitLearn:
    def test_clone_and_pickle(self, model):
        again = pickle.loads(pickle.dumps(model))
        np.testing.assert_array_equal(again.predict(GIANTS), model.predict(GIANTS))
        assert clone(model).get_params() == model.get_params()
        with pytest.raises(NotFittedError):
            pickle.loads(pickle.dumps(clone(model))).predict(GIANTS)

    def test_pickled_state_is_arrays_and_builtins(self, model):
        assert len(pickle.dumps(model)) < 10_000
        own = IsochroneDistance(simple_table(log_g=np.linspace(2, 3, 11))).fit()
        state = own.__getstate__()
        assert isinstance(state["table"], dict)
        assert all(isinstance(values, np.ndarray | dict) for values in state["table"].values())
        again = pickle.loads(pickle.dumps(own))
        assert again.predict([[5000.0, 2.5, 0.0]]) == own.predict([[5000.0, 2.5, 0.0]])

    def test_pipeline_cross_validation_and_frames(self, model):
        frame = pd.DataFrame(np.repeat(GIANTS, 3, axis=0), columns=["TEFF", "LOGG", "M_H"])
        expected = model.predict(frame.to_numpy())
        pipeline = make_pipeline(FunctionTransformer(), IsochroneDistance())
        np.testing.assert_array_equal(cross_val_predict(pipeline, frame, expected, cv=3), expected)
        named = IsochroneDistance().fit(frame)
        assert named.predict_posterior(frame.set_index(frame.index + 5)).index[0] == 5
        assert named.score(frame, expected) == 1.0

    def test_score_leaves_out_rows_without_prediction(self, model):
        X = np.vstack([GIANTS, [[np.nan, 2.0, 0.0]]])
        y = np.append(model.predict(GIANTS), 0.0)
        assert model.score(X, y) == 1.0
        assert np.isnan(model.score(X[-1:], y[-1:]))


class TestBadInput:
    @pytest.mark.parametrize(
        ("setting", "value"),
        [
            ("band", "Ks"),
            ("teff_error_floor", 0.0),
            ("log_g_error_floor", -1.0),
            ("m_h_error_floor", np.nan),
            ("n_sigma", "4"),
            ("n_sigma", 1e4),
            ("star_formation", "bursty"),
            ("star_formation", -3.0),
            ("star_formation", None),
            ("length_scale", 0.0),
            ("m_h_step", 0.0),
        ],
    )
    def test_settings(self, setting, value):
        with pytest.raises(ValueError, match=setting):
            IsochroneDistance(**{setting: value}).fit()

    def test_tables(self):
        good = simple_table(log_g=np.linspace(2, 3, 5))
        with pytest.raises(TypeError, match="IsochroneTable"):
            IsochroneDistance(asdict(good)).fit()
        for name, values, message in (
            ("mass", good.mass[:2], "shape"),
            ("teff", np.append(good.teff[1:], np.nan), "1 of 5"),
            ("weight", np.zeros(5), "positive"),
            ("log_age", np.full(5, 3e9), "unit"),
            ("teff", np.full(5, 3.7), "teff must lie between 100 and"),
        ):
            with pytest.raises(ValueError, match=message):
                IsochroneDistance(replace(good, **{name: values})).fit()
        with pytest.raises(ValueError, match="at least one point"):
            IsochroneDistance(simple_table(log_g=np.array([]))).fit()

    def test_arguments(self, model):
        with pytest.raises(ValueError, match="X_error"):
            model.predict(GIANTS, X_error=np.ones((4, 2)))
        with pytest.raises(ValueError, match="negative"):
            model.predict(GIANTS, X_error=[-1.0, 0.1, 0.1])
        with pytest.raises(ValueError, match=r"alpha_m.*4 rows"):
            model.predict(GIANTS, alpha_m=[0.1])
        with pytest.raises(ValueError, match="apparent_mag "):
            model.predict_distance(GIANTS, [1.0], 0.0)
        with pytest.raises(ValueError, match=r"apparent_mag_error.* 4 of 4 rows.*row 0"):
            model.predict_distance(GIANTS, 10.0, 0.0, apparent_mag_error=-0.1)
        with pytest.raises(ValueError, match="between 0 and 1"):
            model.predict_quantiles(GIANTS, [1.5])
        with pytest.raises(ValueError, match="increasing"):
            model.predict_pdf(GIANTS, [1.0, 0.0])
        with pytest.raises(ValueError, match="at least 2"):
            IsochroneDistance().fit([[1.0], [2.0]])


@parametrize_with_checks([IsochroneDistance(m_h_step=0.25)])
def test_common_checks(estimator, check):
    check(estimator)
