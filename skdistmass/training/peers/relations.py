"""Relations of others as estimators: the form of Martig et al., to be fitted, and ages of Spoo et al."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import validate_data

from skdistmass.columns import FEATURES
from skdistmass.physics.giants import martig_terms, spoo_log_age

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray
    from sklearn.pipeline import Pipeline


def martig_regressor() -> Pipeline:
    """Make the regression of Martig et al. 2016 (MNRAS 456, 3655), to be fitted on labels of one's own.

    Returns
    -------
    sklearn.pipeline.Pipeline
        Least squares of a full quadratic in `martig_terms`; X has the five features. Fit it on masses, as
        they did, or on log ages. Their own coefficients belong to the labels of DR12.

    See Also
    --------
    skdistmass.MassRegressor : The networks of this package.
    """
    from sklearn.linear_model import LinearRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, PolynomialFeatures, StandardScaler

    terms = FunctionTransformer(martig_terms)
    return make_pipeline(
        terms, StandardScaler(), PolynomialFeatures(2, include_bias=False), LinearRegression()
    )


class SpooRegressor(RegressorMixin, BaseEstimator):
    """Ages of giants from [C/N] by the relation of Spoo et al. 2022, as an estimator to compare with.

    Attributes
    ----------
    n_features_in_ : int
        Number of features.

    See Also
    --------
    skdistmass.physics.giants.spoo_log_age : The relation.
    """

    n_features_in_: int

    def fit(self, X: ArrayLike, y: ArrayLike | None = None) -> SpooRegressor:
        """Fit nothing: the relation is as it was published.

        Parameters
        ----------
        X : array-like of shape (n_samples, 5)
            Features, in the order of `skdistmass.columns.FEATURES`.
        y : array-like of shape (n_samples,), optional
            Not used.

        Returns
        -------
        SpooRegressor
            The estimator.
        """
        validate_data(self, X, ensure_all_finite="allow-nan")
        return self

    def predict(self, X: ArrayLike) -> NDArray[np.float64]:
        """Predict log ages.

        Parameters
        ----------
        X : array-like of shape (n_samples, 5)
            Features, in the order of `skdistmass.columns.FEATURES`.

        Returns
        -------
        ndarray of shape (n_samples,)
            log10 of the age in years; NaN outside the range of the relation.
        """
        X = np.asarray(validate_data(self, X, reset=False, ensure_all_finite="allow-nan"), dtype=float)
        return spoo_log_age(X[:, FEATURES.index("C_FE")] - X[:, FEATURES.index("N_FE")])
