"""Unresolved binaries kept out of the training of absolute magnitudes."""

from __future__ import annotations

import numbers
import warnings

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.signal import find_peaks
from sklearn.base import BaseEstimator, MetaEstimatorMixin, RegressorMixin, clone
from sklearn.model_selection import cross_val_predict
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from skdistmass.estimators.persistence import StablePickle
from skdistmass.exceptions import NoSecondModeWarning as NoSecondModeWarning

WHERE = ("dwarfs", "all")

# Where two modes are looked for: two equal stars are 0.75 mag brighter than one, a residual of 0.29.
_RESIDUAL_RANGE = (-0.6, 0.6)
_N_CELLS = 600
_MIN_MODE_STARS = 100
# The second mode has to stand this many times its own counting error above the minimum before it, and hold at
# least this fraction of the density of the first: noise makes lower ones.
_MIN_SIGNIFICANCE = 4.0
_MIN_HEIGHT = 0.01


def distance_residual(y, prediction):
    """Fractional distance residual of absolute magnitudes.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        Absolute magnitudes of the labels [mag].
    prediction : array-like of shape (n_samples,)
        Absolute magnitudes of the model [mag].

    Returns
    -------
    ndarray of shape (n_samples,)
        1 - d_model / d_label; positive where the star is brighter than its spectrum says.

    Notes
    -----
    d ∝ 10^(-0.2 M), so that apparent magnitude and extinction cancel in the ratio.

    Examples
    --------
    >>> distance_residual([4.0, 3.2474], [4.0, 4.0]).round(3)
    array([0.   , 0.293])
    """
    difference = np.subtract(prediction, y, dtype=float)
    return 1.0 - 10.0 ** np.clip(-0.2 * difference, -300.0, 300.0)


def valley_between_modes(residual):
    """Residual at the minimum between the main mode and the one of the binaries.

    Parameters
    ----------
    residual : array-like of shape (n_samples,)
        Fractional distance residuals.

    Returns
    -------
    float or None
        Where the density is lowest between the two modes; None if there is no second mode above the main one.

    Notes
    -----
    The density is a Gaussian kernel estimate with Silverman's bandwidth. A second mode counts if the number
    of stars by which it stands above the minimum is 4 times its own counting error and its density is at
    least 1 % of that of the main mode.

    References
    ----------
    Silverman B. W. 1986, Density Estimation for Statistics and Data Analysis, equation 3.31.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> single, binary = rng.normal(0.0, 0.04, 4000), rng.normal(0.27, 0.03, 800)
    >>> valley = valley_between_modes(np.append(single, binary))
    >>> 0.10 < valley < 0.20
    True
    >>> valley_between_modes(single) is None
    True
    """
    residual = np.asarray(residual, dtype=float)
    residual = residual[(residual > _RESIDUAL_RANGE[0]) & (residual < _RESIDUAL_RANGE[1])]
    if residual.size < _MIN_MODE_STARS:
        return None
    low, high = np.percentile(residual, [25, 75])
    bandwidth = 0.9 * min(residual.std(), (high - low) / 1.34) * residual.size**-0.2
    counts, edges = np.histogram(residual, _N_CELLS, _RESIDUAL_RANGE)
    cell = edges[1] - edges[0]
    smoothed = gaussian_filter1d(counts.astype(float), max(bandwidth / cell, 1.0))
    modes, _ = find_peaks(smoothed)
    if not modes.size:
        return None
    main = modes[np.argmax(smoothed[modes])]
    # Number of stars that a kernel of this width averages over, for a density in stars a cell.
    window = 2.0 * np.sqrt(np.pi) * max(bandwidth / cell, 1.0)
    best = None
    for mode in modes[modes > main]:
        valley = main + int(np.argmin(smoothed[main : mode + 1]))
        rise = (smoothed[mode] - smoothed[valley]) * window
        significant = rise > _MIN_SIGNIFICANCE * np.sqrt(smoothed[mode] * window)
        if significant and smoothed[mode] > _MIN_HEIGHT * smoothed[main] and (best is None or rise > best[0]):
            best = rise, 0.5 * (edges[valley] + edges[valley + 1])
    return None if best is None else float(best[1])


class BinaryPruner(StablePickle, MetaEstimatorMixin, RegressorMixin, BaseEstimator):
    """Regressor of absolute magnitudes that is trained without the stars that look like unresolved binaries.

    Two stars in one spectrum are brighter than the spectrum says. The estimator is fitted on all stars; those
    whose fractional distance residual 1 - d_model / d_label exceeds a threshold are dropped, and the
    estimator is fitted again.

    Parameters
    ----------
    estimator : estimator
        Regressor of absolute magnitudes [mag], such as `DistanceRegressor`.
    threshold : float or "auto", default=0.13
        Largest residual of a star that stays, as a fraction of the distance. "auto" takes the minimum between
        the two modes of the residuals, and keeps all stars, with a `NoSecondModeWarning`, where there is one
        mode only.
    where : {"dwarfs", "all"}, default="dwarfs"
        Which stars can be dropped: those of `log_g` of at least `dwarf_log_g`, or all. A giant outshines its
        companion, and its residual is mostly noise.
    log_g_column : int, default=1
        Column of `X` with the surface gravity [dex]; used with ``where="dwarfs"``.
    dwarf_log_g : float, default=3.5
        Surface gravity from which on a star counts as a dwarf [dex].
    cv : int, cross-validation generator or None, default=None
        Splits for out-of-fold residuals, as in `sklearn.model_selection.cross_val_predict`. None: residuals
        of the fitted stars themselves, as published; enough for a network that is small for its training set.
    n_passes : int, default=1
        How often stars are dropped and the estimator fitted again. The first fit is drawn towards the
        binaries; each pass starts from all stars with the model of the one before.

    Attributes
    ----------
    estimator_ : estimator
        Estimator fitted on the stars that stayed.
    support_ : ndarray of bool of shape (n_samples,)
        Which stars stayed.
    threshold_ : float
        Threshold that was used; infinite where "auto" found no second mode.
    residual_ : ndarray of shape (n_samples,)
        Residuals of the last pass, before dropping.
    has_second_mode_ : bool or None
        Whether "auto" found a second mode; None with a given threshold.
    n_features_in_ : int
        Number of features seen in `fit`.

    Warns
    -----
    NoSecondModeWarning
        If ``threshold="auto"`` finds no second mode.

    See Also
    --------
    DistanceRegressor : The regressor it is made for.
    skdistmass.training.train_distance : The published recipe.

    Notes
    -----
    Stars are lost that are no binaries: all whose error is larger than the threshold. Companions much fainter
    than the primary stay. Predictions for binaries remain too faint by up to 0.75 mag.

    References
    ----------
    Stone-Martinez A., et al. 2024, AJ 167, 73, section 4.1.1.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from skdistmass import BinaryPruner
    >>> rng = np.random.default_rng(0)
    >>> X = np.column_stack([rng.uniform(5000, 6000, 500), rng.uniform(4.0, 4.6, 500)])
    >>> y = 5.0 - 0.001 * (X[:, 0] - 5500) + rng.normal(0, 0.05, 500)
    >>> y[:50] -= 0.75
    >>> pruner = BinaryPruner(LinearRegression()).fit(X, y)
    >>> int(np.sum(~pruner.support_[:50])), int(np.sum(~pruner.support_[50:]))
    (50, 0)
    """

    def __init__(
        self,
        estimator,
        *,
        threshold=0.13,
        where="dwarfs",
        log_g_column=1,
        dwarf_log_g=3.5,
        cv=None,
        n_passes=1,
    ):
        self.estimator = estimator
        self.threshold = threshold
        self.where = where
        self.log_g_column = log_g_column
        self.dwarf_log_g = dwarf_log_g
        self.cv = cv
        self.n_passes = n_passes

    def fit(self, X, y, sample_weight=None):
        """Fit, drop the stars that look like binaries, fit again.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Features of each star.
        y : array-like of shape (n_samples,)
            Absolute magnitudes [mag].
        sample_weight : array-like of shape (n_samples,), default=None
            1/σ² of each magnitude, passed to the estimator. None: the estimator gets none.

        Returns
        -------
        self : BinaryPruner
            The fitted meta-estimator.

        Raises
        ------
        ValueError
            If a setting or the table is not usable, or no star would stay.
        """
        self._check_settings()
        X, y = validate_data(self, X, y, dtype=np.float64, y_numeric=True, ensure_min_samples=2)
        y = np.asarray(y, dtype=np.float64)
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        candidate = self._candidates(X)
        self.support_ = np.ones(len(X), dtype=bool)
        self.estimator_ = None
        for _ in range(self.n_passes):
            self.residual_ = distance_residual(y, self._predict_all(X, y, sample_weight))
            self._set_threshold(candidate, sample_weight)
            support = ~(candidate & (self.residual_ > self.threshold_))
            if np.array_equal(support, self.support_):
                break
            self.support_ = support
            self._check_support(sample_weight)
            self.estimator_ = self._fit_supported(X, y, sample_weight)
        return self

    def _predict_all(self, X, y, sample_weight):
        """Predict every star with the model of the stars that stayed so far, out of fold if asked for."""
        if self.estimator_ is None:
            self.estimator_ = self._fit_supported(X, y, sample_weight)
        prediction = self.estimator_.predict(X)
        if self.cv is not None:
            stay = self.support_
            params = {} if sample_weight is None else {"sample_weight": sample_weight[stay]}
            prediction[stay] = cross_val_predict(
                clone(self.estimator), X[stay], y[stay], cv=self.cv, params=params
            )
        return prediction

    def _fit_supported(self, X, y, sample_weight):
        stay = self.support_
        params = {} if sample_weight is None else {"sample_weight": sample_weight[stay]}
        return clone(self.estimator).fit(X[stay], y[stay], **params)

    def _check_support(self, sample_weight):
        stay = self.support_
        n_used = np.count_nonzero(stay if sample_weight is None else sample_weight[stay])
        if n_used < 2:
            raise ValueError(
                f"a threshold of {self.threshold_:g} leaves {n_used} of {len(stay)} stars to train on; it "
                "is a fraction of the distance, and y has to be absolute magnitudes [mag]. Raise it, or "
                "give where='dwarfs'."
            )

    def _candidates(self, X):
        if self.where == "all":
            return np.ones(len(X), dtype=bool)
        if not -X.shape[1] <= self.log_g_column < X.shape[1]:
            raise ValueError(
                f"where='dwarfs' reads the surface gravity from column {self.log_g_column} of X, which has "
                f"n_features = {X.shape[1]}. Set log_g_column, or where='all'."
            )
        return X[:, self.log_g_column] >= self.dwarf_log_g

    def _set_threshold(self, candidate, sample_weight):
        self.has_second_mode_ = None
        if self.threshold != "auto":
            self.threshold_ = float(self.threshold)
            return
        counted = candidate if sample_weight is None else candidate & (sample_weight > 0)
        valley = valley_between_modes(self.residual_[counted])
        self.has_second_mode_ = valley is not None
        self.threshold_ = np.inf if valley is None else valley
        if valley is None:
            warnings.warn(
                f"the residuals of {np.count_nonzero(counted)} stars have no second mode above the main "
                "one: threshold='auto' keeps every star. Give a number, such as the published 0.13, to "
                "cut nevertheless.",
                NoSecondModeWarning,
                stacklevel=3,
            )

    def predict(self, X, return_std=False):
        """Predict absolute magnitudes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Features of each star.
        return_std : bool, default=False
            Also return the 1σ error, if the estimator has one.

        Returns
        -------
        y : ndarray of shape (n_samples,)
            Absolute magnitudes [mag].
        std : ndarray of shape (n_samples,)
            Their 1σ errors [mag]. Only with ``return_std=True``.
        """
        check_is_fitted(self)
        X = validate_data(self, X, dtype=[np.float64, np.float32], reset=False)
        return self.estimator_.predict(X, return_std=True) if return_std else self.estimator_.predict(X)

    def looks_binary(self, X, y, prediction=None):
        """Say which stars the fitted threshold would drop.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Features of each star.
        y : array-like of shape (n_samples,)
            Their absolute magnitudes [mag].
        prediction : array-like of shape (n_samples,), default=None
            Predictions for them [mag], where they have been made already.

        Returns
        -------
        ndarray of bool of shape (n_samples,)
            True for a star that is brighter than its spectrum says by more than the threshold, among those
            that `where` allows to drop.
        """
        check_is_fitted(self)
        X, y = validate_data(self, X, y, dtype=np.float64, y_numeric=True, reset=False)
        prediction = self.estimator_.predict(X) if prediction is None else prediction
        return self._candidates(X) & (distance_residual(y, prediction) > self.threshold_)

    def _check_settings(self):
        if self.where not in WHERE:
            raise ValueError(f"where has to be one of {WHERE}; received {self.where!r}.")
        threshold = self.threshold
        if threshold != "auto" and not (isinstance(threshold, numbers.Real) and 0 < threshold < 1):
            raise ValueError(
                "threshold has to be 'auto' or a fraction of the distance between 0 and 1, such as 0.13; "
                f"received {threshold!r}."
            )
        if not isinstance(self.n_passes, numbers.Integral) or self.n_passes < 1:
            raise ValueError(f"n_passes has to be a positive integer; received {self.n_passes!r}.")
        if not isinstance(self.log_g_column, numbers.Integral):
            raise ValueError(
                f"log_g_column has to be the number of a column; received {self.log_g_column!r}."
            )
