"""Isochrone distances: what Teff, log g and metallicity say of a star by themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.metrics import r2_score
from sklearn.utils.validation import check_array, check_is_fitted

from skdistmass.columns import as_floats
from skdistmass.estimators.persistence import StablePickle
from skdistmass.estimators.settings import (
    Constraint,
    check_settings,
    for_sklearn,
    number,
    one_of,
    validate_features,
)
from skdistmass.isochrones import index, labels, posterior
from skdistmass.isochrones.index import CENTRAL_QUANTILES, MAX_N_SIGMA, STAR_FORMATIONS
from skdistmass.isochrones.inference import IsochroneInference
from skdistmass.physics.isochrones import IsochroneTable

if TYPE_CHECKING:
    import pandas as pd

_Given = ArrayLike | None
_Result = NDArray[np.float64]
_ROWS: dict[str, Any] = {"ensure_all_finite": "allow-nan", "dtype": np.float64}
_POSITIVE = number("be a positive number", lambda value: value > 0)


class IsochroneDistance(StablePickle, RegressorMixin, IsochroneInference, BaseEstimator):
    r"""Bayesian absolute magnitude, distance, mass and age of a star from isochrones.

    The first three columns of `X` are Teff [K], log g [log10 cm s-2] and [M/H] [dex]; further columns, such
    as the abundances that the networks use, are allowed and ignored, and without the third every metallicity
    is equally likely. Nothing is learnt from `X` and `y`: `fit` prepares the isochrones.

    Parameters
    ----------
    table : IsochroneTable, default=None
        Isochrone points with weights; the shipped PARSEC isochrones if None.
    m_h_step : float, default=0.05
        Largest step in metallicity of the shipped isochrones [dex].
    band : {"K", "H", "J"}, default="K"
        2MASS band of the absolute and the apparent magnitudes.
    teff_error_floor : float, default=50.0
        Smallest error of Teff [K]; also that of stars whose error is not given.
    log_g_error_floor : float, default=0.05
        Smallest error of log g [dex].
    m_h_error_floor : float, default=0.05
        Smallest error of [M/H] [dex].
    n_sigma : float, default=4.0
        Points farther than this from a star, in units of its errors, do not count.
    star_formation : {"constant", "log-uniform"} or float, default="constant"
        Prior of the age: as many stars born each year, as many each interval of log age, or a rate that fell
        exponentially with this time scale [Gyr].
    volume_prior : bool, default=False
        Let `predict_distance` count the volume in which a star can be: :math:`d^2 e^{-d/L}`.
    length_scale : float, default=1350.0
        Scale length L of that volume [pc].
    alpha_enhancement : bool, default=True
        Take the isochrones of the `total_metallicity` of the star where `alpha_m` is given.
    n_jobs : int, default=-1
        Number of threads; -1 takes all processors.
    progress : bool, default=False
        Show a progress bar.

    Attributes
    ----------
    table_ : IsochroneTable
        The isochrones in use.
    magnitudes_ : ndarray of shape (n_magnitudes,)
        Absolute magnitudes at which `predict_pdf` gives the density by default [mag].
    prior_age_interval_ : float
        68 % interval of the age of all stars of the isochrones [Gyr]: where `predict_posterior` has one of
        nearly this width, the labels say nothing of the age.
    n_features_in_ : int
        Number of columns of `X`, which later ones must then have too; only if `fit` was given one.

    See Also
    --------
    skdistmass.DistanceRegressor : Distances from a network trained on stars of known distance.
    skdistmass.physics.isochrones.load_isochrones : The shipped isochrones.

    Notes
    -----
    The weight of point i for a star is

    .. math:: w_i \propto \xi(m_i)\,\Delta m_i\,\Delta t_i \,\psi(t_i)
        \exp\left(-\tfrac{1}{2} \sum_k (x_k - x_{ik})^2 / \sigma_k^2\right)

    with the Kroupa initial mass function :math:`\xi`, the star formation rate :math:`\psi` and k running over
    Teff, log g and [M/H]. The sums of the weights in bins of absolute magnitude (0.01 mag), log mass (0.01
    dex) and log age (0.05 dex) are the posteriors. All metallicities are equally likely beforehand. Rows with
    a missing label, or with no isochrone within `n_sigma` of the star, are NaN. Points of one isochrone that
    follow each other within a quarter of the smallest errors are merged beforehand.

    References
    ----------
    Stone-Martinez A., et al. 2024, AJ 167, 73, section 4.2. Bressan A., et al. 2012, MNRAS 427, 127.
    Kroupa P. 2001, MNRAS 322, 231. Salaris M., Chieffi A., Straniero O. 1993, ApJ 414, 580.

    Examples
    --------
    >>> from skdistmass.estimators.isochrone import IsochroneDistance
    >>> model = IsochroneDistance().fit()
    >>> result = model.predict_distance([[4750.0, 2.45, 0.0]], apparent_mag=[8.4], extinction=[0.0])
    >>> result["distance_median"].round(-2).tolist()
    [1000.0]
    """

    _parameter_constraints: ClassVar[Mapping[str, Constraint]] = {
        "band": one_of("J", "H", "K"),
        **dict.fromkeys(
            ("teff_error_floor", "log_g_error_floor", "m_h_error_floor", "length_scale"), _POSITIVE
        ),
        "n_sigma": number(f"be a positive number of at most {MAX_N_SIGMA}", lambda n: 0 < n <= MAX_N_SIGMA),
        "star_formation": Constraint(
            f"be one of {STAR_FORMATIONS} or a positive time scale [Gyr]",
            lambda value: value in STAR_FORMATIONS if isinstance(value, str) else _POSITIVE.holds(value),
        ),
    }

    def __init__(
        self,
        table: IsochroneTable | None = None,
        *,
        m_h_step: float = IsochroneInference.m_h_step,
        band: str = IsochroneInference.band,
        teff_error_floor: float = IsochroneInference.teff_error_floor,
        log_g_error_floor: float = IsochroneInference.log_g_error_floor,
        m_h_error_floor: float = IsochroneInference.m_h_error_floor,
        n_sigma: float = IsochroneInference.n_sigma,
        star_formation: str | float = IsochroneInference.star_formation,
        volume_prior: bool = IsochroneInference.volume_prior,
        length_scale: float = IsochroneInference.length_scale,
        alpha_enhancement: bool = IsochroneInference.alpha_enhancement,
        n_jobs: int = IsochroneInference.n_jobs,
        progress: bool = IsochroneInference.progress,
    ):
        self.table = table
        self.m_h_step = m_h_step
        self.band = band
        self.teff_error_floor = teff_error_floor
        self.log_g_error_floor = log_g_error_floor
        self.m_h_error_floor = m_h_error_floor
        self.n_sigma = n_sigma
        self.star_formation = star_formation
        self.volume_prior = volume_prior
        self.length_scale = length_scale
        self.alpha_enhancement = alpha_enhancement
        self.n_jobs = n_jobs
        self.progress = progress

    def fit(self, X: _Given = None, y: _Given = None) -> IsochroneDistance:
        """Prepare the isochrones.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), default=None
            Only its number of columns (at least 2) and their names are kept.
        y : array-like of shape (n_samples,), default=None
            Not used.

        Returns
        -------
        IsochroneDistance
            The estimator itself; a ValueError if a setting is out of its range or the table is unusable.
        """
        check_settings(self, self._parameter_constraints)
        if self.table is not None:
            index.check_table(self.table)
        if X is not None:
            seen = validate_features(self, X, "no_validation" if y is None else y, **_ROWS)
            labels.check_columns(seen if y is None else seen[0])
        self._prepare()
        return self

    def prepared(self) -> Self:
        """Give a fitted estimator.

        Returns
        -------
        IsochroneDistance
            The estimator itself if it is fitted, and else a fitted clone.
        """
        return self if hasattr(self, "magnitudes_") else clone(self).fit()

    def __getstate__(self) -> dict[str, Any]:
        """Keep a user's table as a dict of arrays."""
        state = super().__getstate__()
        if isinstance(self.table, IsochroneTable):
            state["table"] = asdict(self.table)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Make the table of a dict of arrays again."""
        if isinstance(state.get("table"), dict):
            state = state | {"table": IsochroneTable(**state["table"])}
        super().__setstate__(state)

    def __sklearn_tags__(self) -> Any:
        """Say that NaN is allowed and that predictions do not follow `y`."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.target_tags.required = False
        tags.regressor_tags.poor_score = True
        return tags

    def _checked(self, X: Any) -> _Result:
        """Return the rows as an array of floats, of the columns of the fit if it was given any."""
        check_is_fitted(self)
        if hasattr(self, "n_features_in_"):
            return validate_features(self, X, reset=False, **_ROWS)
        return check_array(for_sklearn(X), estimator=self, **_ROWS)

    def _labels_of(self, X: Any, X_error: _Given, alpha_m: _Given) -> tuple[_Result, _Result]:
        return self._labels_and_errors(self._checked(X), X_error, alpha_m)

    def predict(self, X: ArrayLike, *, X_error: _Given = None, alpha_m: _Given = None) -> _Result:
        """Predict the median absolute magnitude.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Teff [K], log g [dex], [M/H] [dex] of each star; further columns are ignored.
        X_error : array-like of shape (n_samples, 3) or (3,), default=None
            1σ errors of the three labels [K, dex, dex]; NaN and values below the floors become the floors.
            A star has no values where an error exceeds the extent of the isochrones / sqrt(12).
        alpha_m : array-like of shape (n_samples,), default=None
            [α/M] [dex]; solar if None, and a row of NaN counts as a missing label.

        Returns
        -------
        ndarray of shape (n_samples,)
            Median of the posterior of the absolute magnitude [mag]; NaN where there is none.
        """
        return self.predict_quantiles(X, (0.5,), X_error=X_error, alpha_m=alpha_m)[:, 0]

    def predict_quantiles(
        self,
        X: ArrayLike,
        quantiles: ArrayLike = CENTRAL_QUANTILES,
        *,
        X_error: _Given = None,
        alpha_m: _Given = None,
    ) -> _Result:
        """Predict quantiles of the absolute magnitude.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            As in `predict`.
        quantiles : array-like of shape (n_quantiles,), default=(0.158655, 0.5, 0.841345)
            Cumulative probabilities; a ValueError if one is not between 0 and 1.
        X_error, alpha_m : array-like, default=None
            As in `predict`.

        Returns
        -------
        ndarray of shape (n_samples, n_quantiles)
            Absolute magnitudes [mag]; NaN where there are none.
        """
        at = np.atleast_1d(np.asarray(quantiles, dtype=float))
        if at.ndim != 1 or not ((at >= 0) & (at <= 1)).all():
            raise ValueError(f"quantiles must lie between 0 and 1; received {at}")
        return self._summarise(*self._labels_of(X, X_error, alpha_m), at)[0]

    def predict_pdf(
        self, X: ArrayLike, magnitudes: _Given = None, *, X_error: _Given = None, alpha_m: _Given = None
    ) -> _Result:
        """Predict the probability density of the absolute magnitude.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            As in `predict`.
        magnitudes : array-like of shape (n_magnitudes,), default=None
            At least 2 increasing absolute magnitudes [mag], else a ValueError; `magnitudes_` if None. The
            density is the mean over the interval that reaches half way to the neighbours.
        X_error, alpha_m : array-like, default=None
            As in `predict`.

        Returns
        -------
        ndarray of shape (n_samples, n_magnitudes)
            Probability density [1/mag], smoothed by an eighth of its 68 % interval since isochrones are made
            of points; NaN where there is none. The modes are the maxima of this density.
        """
        stars, sigmas = self._labels_of(X, X_error, alpha_m)
        at = self.magnitudes_ if magnitudes is None else np.asarray(magnitudes, dtype=float)
        if at.ndim != 1 or len(at) < 2 or not (np.diff(at) > 0).all():
            raise ValueError("magnitudes [mag] must be at least 2 increasing values")
        return posterior.densities(self._index, stars, sigmas, at, self.n_jobs, self.progress)

    def predict_posterior(
        self, X: ArrayLike, *, X_error: _Given = None, alpha_m: _Given = None
    ) -> pd.DataFrame:
        """Predict absolute magnitude, mass and age with their central 68 % intervals.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            As in `predict`.
        X_error, alpha_m : array-like, default=None
            As in `predict`.

        Returns
        -------
        DataFrame of n_samples rows
            ``absolute_magnitude_`` ``mode``, ``median``, ``mean``, ``p16``, ``p84`` [mag]; ``mass_``
            ``median``, ``p16``, ``p84`` [Msun] (current mass); ``age_`` ``median``, ``p16``, ``p84`` [Gyr];
            ``chi2`` of the nearest isochrone point; ``status``, an `isochrones.posterior.IsochroneStatus`.
        """
        return _frame(X, self.posteriors_checked(self._checked(X), X_error, alpha_m))

    def predict_distance(
        self,
        X: ArrayLike,
        apparent_mag: ArrayLike,
        extinction: ArrayLike,
        *,
        X_error: _Given = None,
        alpha_m: _Given = None,
        apparent_mag_error: _Given = None,
    ) -> pd.DataFrame:
        """Predict distances, and all of `predict_posterior`.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            As in `predict`.
        apparent_mag : array-like of shape (n_samples,)
            Apparent magnitude in `band` [mag].
        extinction : array-like of shape (n_samples,)
            Extinction in that band [mag].
        X_error, alpha_m : array-like, default=None
            As in `predict`.
        apparent_mag_error : array-like of shape (n_samples,), default=None
            1σ error of the apparent magnitude less the extinction [mag]; it widens the distances. NaN counts
            as zero, and there is no distance where it exceeds 1 mag.

        Returns
        -------
        DataFrame of n_samples rows
            ``distance_`` ``mode``, ``median``, ``mean``, ``p16``, ``p84`` [pc] before the columns of
            `predict_posterior`. With the volume prior the latter include it too.

        Raises
        ------
        ValueError
            If an argument has another length than `X` or an error is negative.
        """
        errors = {"X_error": X_error, "alpha_m": alpha_m, "apparent_mag_error": apparent_mag_error}
        return _frame(X, self.distances_checked(self._checked(X), apparent_mag, extinction, **errors))

    def score(self, X: ArrayLike, y: ArrayLike, sample_weight: _Given = None) -> float:
        """Return the R² of `predict` over the rows that have a prediction.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            As in `predict`.
        y : array-like of shape (n_samples,)
            Absolute magnitudes [mag].
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        float
            Coefficient of determination; NaN with fewer than 2 such rows.
        """
        prediction = self.predict(X)
        there = np.isfinite(prediction)
        if there.sum() < 2:
            return np.nan
        weight = None if sample_weight is None else as_floats(sample_weight)[there]
        return r2_score(as_floats(y)[there], prediction[there], sample_weight=weight)


def _frame(X: Any, columns: dict[str, NDArray]) -> pd.DataFrame:
    """Make a table of columns, with the index of what the user gave, if it has one."""
    import pandas as pd

    return pd.DataFrame(columns, index=X.index if isinstance(X, pd.DataFrame) else None)
