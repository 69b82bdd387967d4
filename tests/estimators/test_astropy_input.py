"""Estimators and physics take tables and quantities of astropy, and what is masked is missing."""

import numpy as np
import pytest
from astropy import units
from astropy.table import Column, MaskedColumn, QTable, Table
from astropy.utils.masked import Masked
from numpy.testing import assert_allclose, assert_array_equal

from skdistmass import (
    BinaryPruner,
    DistanceRegressor,
    IsochroneDistance,
    LabelScale,
    fit_blocks,
    load_label_scale,
    load_model,
    load_predictor,
)
from skdistmass.columns import FEATURES, as_floats
from skdistmass.estimators.domain import author_domain
from skdistmass.models.red_clump import red_clump_probability
from skdistmass.physics import (
    bolometric,
    coordinates,
    extinction,
    galaxy,
    parallax,
    photometry,
    seismology,
)
from skdistmass.physics.initial_mass_function import kroupa_imf
from skdistmass.physics.isochrones import total_metallicity
from skdistmass.physics.statistics import robust_sigma

SENTINEL = -9999.0
ROW = 3


@pytest.fixture(scope="module")
def features(stars):
    X = np.column_stack([np.asarray(stars[name], dtype=float) for name in FEATURES])
    return X[np.isfinite(X).all(axis=1)][:40]


def masked(values, row=ROW):
    """Return numbers of which one is missing, with a sentinel under its mask."""
    values = np.array(values, dtype=float)
    mask = np.arange(len(values)) == row
    values[mask] = SENTINEL
    return MaskedColumn(values, mask=mask)


def masked_table(X):
    return Table(
        [masked(column) if name == "LOGG" else column for name, column in zip(FEATURES, X.T, strict=True)],
        names=FEATURES,
    )


@pytest.mark.parametrize("load", [load_model, load_predictor])
def test_a_table_is_predicted_by_the_names_of_its_columns(load, features):
    model = load("distance")
    expected = model.predict(features)
    assert_array_equal(model.predict(Table(features, names=FEATURES)), expected)
    table = QTable(features, names=FEATURES)
    table["TEFF"] = (table["TEFF"] * units.K).to("kK")
    table["LOGG"] = table["LOGG"] * units.dex(units.cm / units.s**2)
    assert_allclose(model.predict(table), expected, rtol=1e-12)
    with pytest.raises(ValueError, match=r"columns|feature names"):
        model.predict(Table(features[:, ::-1], names=FEATURES[::-1]))


def test_errors_and_labels_may_be_tables_too(features):
    errors, model = np.full((len(features), 5), 0.2), load_model("distance")
    expected = model.predict(features, return_std=True, X_error=errors)
    found = model.predict(features, return_std=True, X_error=Table(errors, names=FEATURES))
    assert_array_equal(found, expected)
    assert_array_equal(
        red_clump_probability(Table(features, names=FEATURES)), red_clump_probability(features)
    )
    isochrones = IsochroneDistance(n_jobs=1).fit()
    expected = isochrones.predict(features, X_error=errors[:, :3])
    found = isochrones.predict(features, X_error=Table(errors[:, :3], names=FEATURES[:3]))
    assert_array_equal(found, expected)


def test_a_table_is_fitted():
    X = np.random.default_rng(0).normal(size=(60, 5))
    settings = {"max_iter": 5, "n_restarts": 1, "random_state": 0}
    model = DistanceRegressor(**settings).fit(Table(X, names=FEATURES), X[:, 1])
    assert list(model.feature_names_in_) == list(FEATURES)
    assert_array_equal(
        model.predict(Table(X, names=FEATURES)), DistanceRegressor(**settings).fit(X, X[:, 1]).predict(X)
    )


@pytest.mark.parametrize(
    "make", [masked_table, lambda X: np.ma.masked_equal(np.where(np.eye(*X.shape), SENTINEL, X), SENTINEL)]
)
def test_masked_features_are_missing(make, features):
    X = make(features)
    model = load_model("distance")
    for refuse in (
        model.predict,
        model.predict_quantiles,
        load_predictor("distance").predict,
    ):
        with pytest.raises(ValueError, match=r"NaN|finite"):
            refuse(X)
    with pytest.raises(ValueError, match="NaN"):
        DistanceRegressor().fit(X, np.zeros(len(features)))
    if isinstance(X, np.ndarray):  # the domain was fitted without names
        with pytest.raises(ValueError, match="NaN"):
            model.domain_.contains(X)


def test_masked_labels_are_missing_for_isochrones_and_scales(features):
    found = IsochroneDistance(n_jobs=1).fit().predict(masked_table(features[:, :5]))
    assert np.isnan(found[ROW])
    assert np.isfinite(np.delete(found, ROW)).sum() > 20
    assert np.isnan(load_label_scale("dr16-giants").transform(masked_table(features))[ROW]).any()


def test_masked_targets_and_weights_are_refused(features):
    y = features[:, 1]
    with pytest.raises(ValueError, match="y contains NaN"):
        DistanceRegressor().fit(features, masked(y))
    with pytest.raises(ValueError, match="sample_weight contains NaN"):
        DistanceRegressor().fit(features, y, sample_weight=masked(np.ones(len(y))))


@pytest.mark.parametrize("load", [load_model, load_predictor])
def test_masked_magnitudes_have_no_distance(load, features):
    model, bright, dust = load("distance"), np.full(len(features), 10.0), np.full(len(features), 0.1)
    expected = model.predict_distance(features, bright, dust)
    for arguments in ((masked(bright), dust), (bright, masked(dust))):
        found = model.predict_distance(features, *arguments)
        assert type(found) is np.ndarray
        assert np.isnan(found[ROW])
        assert_array_equal(np.delete(found, ROW), np.delete(expected, ROW))
    plx = masked(np.full(len(features), 0.5))
    without = model.predict_distance_distribution(features, bright, dust).mean()
    mean = model.predict_distance_distribution(
        features, bright, dust, parallax=plx, parallax_error=0.01 + 0 * bright
    ).mean()
    assert mean[ROW] == without[ROW]


def test_masked_masses_have_no_age():
    ages = load_model("age").predict_age(masked(np.full(5, 1.2)), np.zeros(5), 0.1 + np.zeros(5)).age
    assert_array_equal(np.isnan(ages), np.arange(5) == ROW)


NUMBERS = np.full(6, 1.0)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: photometry.distance(10 * x, 0.1, 0.0),
        lambda x: photometry.absolute_magnitude(10.0, 0.1, 500 * x),
        lambda x: extinction.rjce_extinction(10.0, 9 * x),
        lambda x: extinction.choose_extinction(0.1 * x)[0],
        lambda x: parallax.zero_point(12 * x, 1.5, np.nan, 30.0, 31)[0],
        lambda x: bolometric.absolute_magnitude_from_radius(10 * x, 4800.0, 2.5, 0.0),
        lambda x: coordinates.galactic_latitude(100 * x, 20.0),
        lambda x: seismology.seismic_masses(35 * x, 4.0, 4800.0, 2.5, 0.0, "RGB").mass,
        lambda x: total_metallicity(-0.5 * x, 0.2),
        lambda x: photometry.distance_residual(4 * x, 4.1),
        lambda x: galaxy.galactocentric_position(30 * x, 20.0, 1000.0)[0],
        lambda x: galaxy.dust_extinction(30.0, 20.0, 1000 * x),
        lambda x: galaxy.birth_carbon_nitrogen(0.1 * x, 0.0)[0],
        lambda x: galaxy.dredge_up_change(1.2 * x, 2.5, 0.0, 3),
        lambda x: kroupa_imf(1.2 * x),
    ],
)
def test_masked_values_have_no_result(function):
    found, expected = np.asarray(function(masked(NUMBERS))), np.asarray(function(NUMBERS))
    assert np.isnan(found[ROW])
    assert_array_equal(np.delete(found, ROW), np.delete(expected, ROW))
    assert np.isfinite(expected).all()


def test_every_kind_of_mask():
    expected = [1.0, np.nan]
    for values in (
        np.ma.array([1, SENTINEL], mask=[False, True]),
        MaskedColumn([1.0, SENTINEL], mask=[False, True]),
        Masked(np.array([1.0, SENTINEL]), mask=[False, True]),
    ):
        assert_array_equal(as_floats(values), expected)
    assert_array_equal(as_floats([1, 2]), [1.0, 2.0])


def test_masked_labels_of_scales_and_blocks(features):
    other = features[:, :3] + 0.01
    whole = LabelScale().fit(features[:, :3], other)
    hidden = np.ma.array(other, mask=np.zeros(other.shape, dtype=bool))
    hidden[ROW] = np.ma.masked
    hidden.data[ROW] = SENTINEL
    fitted = LabelScale().fit(features[:, :3], hidden)
    assert_array_equal(fitted.n_stars_, whole.n_stars_ - 1)
    assert np.abs(fitted.offset_).max() < 0.02
    with pytest.raises(ValueError, match="of a block must be finite"):
        fit_blocks(DistanceRegressor(), [(features, masked(features[:, 1]), None)])
    assert not author_domain(features[:, 0], masked(features[:, 1]), features[:, 2])[ROW]


def test_quantities_are_brought_to_the_units_of_the_arguments(features):
    model, isochrones = load_model("distance"), IsochroneDistance(n_jobs=1).fit()
    bright, dust = np.full(len(features), 10.0), np.full(len(features), 0.1)
    expected = model.predict_distance(features, bright, dust)
    for k, a_k in (
        (1000 * bright * units.mmag, dust * units.mag),
        (Column(1000 * bright, unit="mmag"), dust),
    ):
        assert_allclose(model.predict_distance(features, k, a_k), expected, rtol=1e-12)
    plx, error = {"parallax": 0.5 + 0 * bright}, {"parallax_error": 0.02 + 0 * bright}
    expected = model.predict_distance_distribution(features, bright, dust, **plx, **error).mean()
    arcsec = {"parallax": plx["parallax"] / 1000 * units.arcsec, **error}
    assert_allclose(
        model.predict_distance_distribution(features, bright, dust, **arcsec).mean(), expected, rtol=1e-9
    )
    found = isochrones.predict_distance(features, 1000 * bright * units.mmag, dust).distance_median
    assert_allclose(found, isochrones.predict_distance(features, bright, dust).distance_median, rtol=1e-9)
    with pytest.raises(ValueError, match="unit of a quantity here must be one of mag; received K"):
        model.predict_distance(features, bright * units.K, dust)
    age = load_model("age").predict_age
    assert_allclose(age(([1.2] * units.Msun).to("kg"), [0.0]).age, age([1.2], [0.0]).age, rtol=1e-6)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (lambda: photometry.absolute_magnitude(10.0, 0.0, 2 * units.kpc), -1.50515),
        (lambda: photometry.distance_error(1 * units.kpc, 0.2171), 217.1 / photometry.MAG_PER_FRACTION),
        (lambda: parallax.edsd_quantiles([500.0] * units.uas, [50.0] * units.uas)[1, 0], 2052.118),
        (
            lambda: coordinates.galactic_latitude(np.pi / 2 * units.rad, 20.0),
            coordinates.galactic_latitude(90, 20),
        ),
        (
            lambda: seismology.seismic_mass(0.035 * units.mHz, 4.0, 4.8 * units.kK),
            seismology.seismic_mass(35, 4, 4800),
        ),
        (lambda: bolometric.bolometric_magnitude(1 * units.Rsun, 5772 * units.K), 4.74),
    ],
)
def test_physics_takes_quantities(found, expected):
    assert found() == pytest.approx(expected, rel=1e-6)


def test_what_is_masked_does_not_count():
    values = np.arange(100.0)
    assert robust_sigma(masked(values)) == robust_sigma(np.delete(values, ROW))
    # Without the map of dust of that star there is the colour excess.
    chosen, method = extinction.choose_extinction(
        np.full(6, 0.1), sfd_ebv=masked(np.full(6, 0.1)), glat=np.full(6, 60.0)
    )
    assert method.tolist() == ["SFD", "SFD", "SFD", "RJCE_WISE", "SFD", "SFD"]
    assert chosen[ROW] == 0.1


def test_masked_weights_of_a_pruner_are_refused(features):
    pruner = BinaryPruner(DistanceRegressor(max_iter=3, n_restarts=1))
    with pytest.raises(ValueError, match="sample_weight contains NaN"):
        pruner.fit(features, features[:, 1], sample_weight=masked(np.ones(len(features))))


def test_positions_and_zero_points_take_quantities():
    expected = parallax.zero_point(12.0, 1.5, np.nan, 30.0, 31)[0]
    found = parallax.zero_point(12 * units.mag, 1.5 / units.um, np.nan, np.pi / 6 * units.rad, 31)[0]
    assert found == pytest.approx(expected, rel=1e-9)
    expected = galaxy.galactocentric_position(30.0, 20.0, 1000.0)
    found = galaxy.galactocentric_position(np.pi / 6 * units.rad, 20.0, 1 * units.kpc)
    assert_allclose(found, expected, rtol=1e-12)
    expected = extinction.choose_extinction([0.1], sfd_ebv=[0.1], glat=[60.0])[0]
    found = extinction.choose_extinction([100.0] * units.mmag, sfd_ebv=[0.1], glat=[np.pi / 3] * units.rad)[0]
    assert_allclose(found, expected, rtol=1e-12)
