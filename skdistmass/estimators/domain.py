"""Where a model has seen stars: the density of its training set."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted

from skdistmass.columns import as_floats
from skdistmass.estimators.persistence import StablePickle
from skdistmass.estimators.settings import (
    Constraint,
    check_settings,
    number,
    positive_integer,
    validate_features,
)
from skdistmass.networks.mixture import mixture_log_density

# Standard deviations from the mean of the training stars; the next star is far away from there.
_FAR_OUTSIDE = 10.0


class OutsideDomainWarning(UserWarning):
    """Predictions are asked for stars that are far from all those that trained the model."""


_caller_flags_outside = ContextVar("_caller_flags_outside", default=False)


@contextlib.contextmanager
def without_domain_warning() -> Iterator[None]:
    """Predict without `OutsideDomainWarning`, for callers that flag such stars themselves.

    Yields
    ------
    None
        Nothing.
    """
    token = _caller_flags_outside.set(True)
    try:
        yield
    finally:
        _caller_flags_outside.reset(token)


# Not an attribute of the class: a common check of outlier detectors wants scikit-learn's constraints there.
_SETTINGS: Mapping[str, Constraint] = {
    "n_components": positive_integer(),
    "contamination": number("lie in [0, 0.5]", lambda value: 0 <= value <= 0.5),
    "covariance_floor": number("be a positive number", lambda value: value > 0),
}


def author_domain(teff: npt.ArrayLike, log_g: npt.ArrayLike, m_h: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """Say which stars lie inside the domain that the author of the published catalogue drew by hand.

    For comparison with `TrainingDomain`; its complement is bit value 2 of the published catalogue.

    Parameters
    ----------
    teff : array-like
        Effective temperature [K].
    log_g : array-like
        Surface gravity [dex].
    m_h : array-like
        Metallicity [M/H] [dex].

    Returns
    -------
    ndarray of bool
        True inside; False where a value is missing.

    Notes
    -----
    Outside is any of: T < 4500 K and log g > 3; log g > 4.9; T > 6800 K; T > 5500 K and log g < 3.1;
    log g < 1.1; log g < 0.000906 T - 2.525; log g < 2 and 4800 K < T < 5500 K;
    log g > 0.002 T - 6.2 and log g < 4.1; [M/H] < -0.5.

    Examples
    --------
    >>> author_domain([4800.0, 4800.0, 7000.0], [2.5, 2.5, 4.5], [0.0, -0.6, 0.0])
    array([ True, False, False])
    """
    teff, log_g, m_h = np.broadcast_arrays(*map(as_floats, (teff, log_g, m_h)))
    outside = (teff < 4500) & (log_g > 3)
    outside |= (log_g > 4.9) | (teff > 6800) | (log_g < 1.1) | (m_h < -0.5)
    outside |= (teff > 5500) & (log_g < 3.1)
    outside |= log_g < 0.000906 * teff - 2.525
    outside |= (log_g < 2) & (teff > 4800) & (teff < 5500)
    outside |= (log_g > 0.002 * teff - 6.2) & (log_g < 4.1)
    return ~outside & np.isfinite(teff + log_g + m_h)


class TrainingDomain(StablePickle, OutlierMixin, BaseEstimator):
    """Region of the features in which a model was trained.

    A Gaussian mixture describes the density of the training stars in the standardised features. A star is
    inside where that density exceeds the one that all but a fraction `contamination` of the training stars
    exceed.

    Parameters
    ----------
    n_components : int, default=16
        Number of Gaussians; small training sets get fewer, one for each 25 stars at most.
    contamination : float, default=0.01
        Fraction of the training stars that count as outside.
    covariance_floor : float, default=0.003
        Added to the variances of every Gaussian, in units of those of the features: none is narrower than
        its square root.
    random_state : int, RandomState instance or None, default=0
        Seed of the mixture's start.

    Attributes
    ----------
    center_, scale_ : ndarray of shape (n_features,)
        Mean and standard deviation of the training features.
    log_weights_ : ndarray of shape (n_components,)
        Log weight of each Gaussian with its normalisation.
    means_ : ndarray of shape (n_components, n_features)
        Centres in the standardised features.
    precisions_cholesky_ : ndarray of shape (n_components, n_features, n_features)
        Cholesky factors of the inverse covariances.
    offset_ : float
        Log density at the border of the domain.
    n_features_in_ : int
        Number of features seen in `fit`.

    See Also
    --------
    skdistmass.build_catalog : Sets a bit for each star outside.

    Notes
    -----
    The mixture holds no training star: a domain can be published where its stars cannot. On held-out stars
    its density foretells errors above 25 % as well as the distance to the nearest training stars does, and
    better than a single Gaussian, the box of ranges or `author_domain`; more components take more stars of
    the training set's own kind for strangers (``tests/benchmarks/bench_domain.py``). A label on another
    scale, such as a raw gravity, can put a star inside the domain: no density sees that.

    Examples
    --------
    >>> import numpy as np
    >>> from skdistmass import TrainingDomain
    >>> X = np.random.default_rng(0).normal(size=(500, 2))
    >>> domain = TrainingDomain().fit(X)
    >>> domain.contains([[0.0, 0.0], [9.0, 9.0]])
    array([ True, False])
    """

    def __init__(
        self,
        *,
        n_components: int = 16,
        contamination: float = 0.01,
        covariance_floor: float = 0.003,
        random_state: int | np.random.RandomState | None = 0,
    ):
        self.n_components = n_components
        self.contamination = contamination
        self.covariance_floor = covariance_floor
        self.random_state = random_state

    def fit(self, X: npt.ArrayLike, y: None = None) -> TrainingDomain:
        """Describe the density of the training stars.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Features of the training stars.
        y : None
            Not used.

        Returns
        -------
        self : TrainingDomain
            The fitted domain.

        Raises
        ------
        ValueError
            If a setting or the table is not usable.
        """
        from sklearn.mixture import GaussianMixture

        check_settings(self, _SETTINGS)
        features = validate_features(self, X, dtype=np.float64, ensure_min_samples=2)
        self.center_ = features.mean(axis=0)
        spread = features.std(axis=0)
        self.scale_ = np.where(spread > 0, spread, 1.0)
        mixture = GaussianMixture(
            max(1, min(len(features) // 25, self.n_components)),
            reg_covar=self.covariance_floor,
            max_iter=300,
            random_state=self.random_state,
        )
        with warnings.catch_warnings():
            # The last decimals of the likelihood do not move the border.
            warnings.simplefilter("ignore", ConvergenceWarning)
            mixture.fit((features - self.center_) / self.scale_)
        self.means_ = mixture.means_
        self.precisions_cholesky_ = mixture.precisions_cholesky_
        log_determinant = np.log(np.diagonal(mixture.precisions_cholesky_, axis1=1, axis2=2)).sum(axis=1)
        self.log_weights_ = np.log(mixture.weights_) + log_determinant - 0.5 * len(spread) * np.log(2 * np.pi)
        self.offset_ = float(np.percentile(self.density_checked(features), 100.0 * float(self.contamination)))
        return self

    def score_samples(self, X: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Return the log density of the training stars.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Features.

        Returns
        -------
        ndarray of shape (n_samples,)
            Natural log of the density, per unit volume of the standardised features.
        """
        check_is_fitted(self)
        return self.density_checked(validate_features(self, X, dtype=[np.float64, np.float32], reset=False))

    def score(self, X: npt.ArrayLike, y: None = None) -> float:
        """Mean log density of stars, by which model selection compares domains.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Features of stars that were not in the fit.
        y : None
            Not used.

        Returns
        -------
        float
            Mean of `score_samples`; larger is better.
        """
        return float(self.score_samples(X).mean())

    def density_checked(self, X: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        """`score_samples` for features that need no check.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            Finite features in the order of the fit.

        Returns
        -------
        ndarray of shape (n_samples,)
            As from `score_samples`.
        """
        mixture = self.means_, self.precisions_cholesky_, self.log_weights_
        return mixture_log_density(X, self.center_, self.scale_, *mixture)

    def decision_function(self, X: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Return how far the log density lies above that of the border.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Features.

        Returns
        -------
        ndarray of shape (n_samples,)
            Positive inside, negative outside.
        """
        return self.score_samples(X) - self.offset_

    def contains(self, X: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Say which stars lie inside the domain.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Features.

        Returns
        -------
        ndarray of bool of shape (n_samples,)
            True inside.
        """
        return self.decision_function(X) >= 0

    def predict(self, X: npt.ArrayLike) -> npt.NDArray[np.int_]:
        """Say which stars lie inside the domain, as scikit-learn's outlier detectors do.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Features.

        Returns
        -------
        ndarray of int of shape (n_samples,)
            1 inside, -1 outside.
        """
        return np.where(self.contains(X), 1, -1)


def warn_far_outside(model: Any, X: npt.NDArray[np.floating]) -> None:
    """Warn of features that no training star comes near: cheaper than the domain's own density.

    Parameters
    ----------
    model : NetworkRegressor
        Fitted model, with a `domain_` or without.
    X : ndarray of shape (n_samples, n_features)
        Features.
    """
    domain = getattr(model, "domain_", None)
    if domain is None or _caller_flags_outside.get():
        return
    reach = _FAR_OUTSIDE * domain.scale_
    low, high = domain.center_ - reach, domain.center_ + reach
    # Column by column: several times faster than a reduction along the first axis.
    columns = zip(X.T, low, high, strict=True)
    if all(column.min() >= least and column.max() <= most for column, least, most in columns):
        return
    far = np.less(X, low) | np.greater(X, high)
    rows = np.flatnonzero(far.any(axis=1))
    column = int(np.argmax(far[rows[0]]))
    names = getattr(model, "feature_names_in_", model._columns)
    warnings.warn(
        f"{rows.size} of {len(X)} rows are far outside the training domain (first: row {rows[0]}): "
        f"{names[column]} must lie near the training stars, {domain.center_[column]:.4g} ± "
        f"{domain.scale_[column]:.2g}, for a prediction that means something; received "
        f"{X[rows[0], column]:.6g}. model.domain_.contains(X) says which stars are inside.",
        OutsideDomainWarning,
        stacklevel=5,
    )
