"""Label scales: from the labels of another survey or release to those that a model was trained on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_array, check_consistent_length, check_is_fitted

from skdistmass.estimators.persistence import StablePickle
from skdistmass.estimators.settings import (
    Constraint,
    check_settings,
    for_sklearn,
    number,
    positive_integer,
    validate_features,
)
from skdistmass.physics.statistics import robust_sigma

FloatArray = NDArray[np.float64]

_N_ITERATIONS = 50
_RANGE_PERCENTILES = (1.0, 99.0)
_MARGIN = 0.1  # of the range of the stars in common, beyond which a star counts as extrapolated
_RIDGE = 1e-6  # keeps a coordinate without spread from spoiling the others

_SETTINGS: dict[str, Constraint] = {
    "degree": positive_integer(),
    "n_coordinates": positive_integer(),
    "epsilon": number("be at least 1", lambda value: value >= 1),
}


class LabelScale(StablePickle, OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Label scale between two sets of spectroscopic labels, fitted on stars in common.

    The difference of each label between the two sets is a polynomial in Teff, log g and [M/H] of the set
    that is transformed, fitted with Huber's loss. Outside the range of the stars in common the correction
    keeps the value that it has at the border.

    Parameters
    ----------
    columns : sequence of int or str, default=None
        The labels that change, as places or names of the columns of `X`; `y` has them in this order. None:
        the first columns of `X`, as many as `y` has.
    degree : int, default=1
        Degree of the polynomial, without mixed terms: 1 for a hundred stars, 2 for many.
    n_coordinates : int, default=3
        The polynomial is one of so many of the first columns of `X`: 3 for Teff, log g and [M/H] of the
        five features.
    epsilon : float, default=1.35
        Residuals beyond so many robust standard deviations count linearly instead of quadratically.

    Attributes
    ----------
    columns_ : ndarray of int of shape (n_labels,)
        Places of the labels that change.
    coef_ : ndarray of shape (n_labels, 1 + degree * n_coordinates)
        Coefficients of 1, of the coordinates scaled to [-1, 1], of their squares, ...
    offset_ : ndarray of shape (n_labels,)
        Median difference of the stars in common, in the unit of the label.
    scatter_ : ndarray of shape (n_labels,)
        Robust standard deviation of what the polynomial leaves, in the unit of the label.
    n_stars_ : ndarray of int of shape (n_labels,)
        Stars in common that have the label in both sets.
    low_, high_ : ndarray of shape (n_coordinates,)
        Range of the stars in common, 1st to 99th percentile of each coordinate.
    n_features_in_ : int
        Number of columns of `X`.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of its columns, if it had any.

    See Also
    --------
    skdistmass.load_label_scale : Loads a scale that ships with the package.

    Notes
    -----
    In a pipeline of fitted steps the scale goes before a model: ``make_pipeline(scale, load_model("mass"))``.
    A pipeline that is still to be fitted would fit the scale anew; there put it into
    `sklearn.frozen.FrozenEstimator`. The scatter adds to the errors of the labels; it contains those of both
    sets.

    Examples
    --------
    >>> import numpy as np
    >>> from skdistmass import LabelScale
    >>> rng = np.random.default_rng(0)
    >>> other = rng.uniform([4000, 1, -0.5], [5200, 3, 0.3], (300, 3))
    >>> ours = other + [30.0, 0.1, -0.02] + rng.normal(0, [10, 0.03, 0.01], (300, 3))
    >>> scale = LabelScale().fit(other, ours)
    >>> np.abs(scale.transform(other) - ours).mean(axis=0).round(2).tolist()
    [8.65, 0.02, 0.01]
    >>> scale.extrapolated([[4800.0, 2.5, 0.0], [6000.0, 4.4, 0.0]]).tolist()
    [False, True]
    """

    def __init__(
        self,
        *,
        columns: Sequence[int | str] | None = None,
        degree: int = 1,
        n_coordinates: int = 3,
        epsilon: float = 1.35,
    ):
        self.columns = columns
        self.degree = degree
        self.n_coordinates = n_coordinates
        self.epsilon = epsilon

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.target_tags.required = True
        tags.target_tags.multi_output = True
        tags.target_tags.single_output = False
        return tags

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Fit the differences of the labels of stars in common.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Labels of the stars in the set that is to be transformed; NaN where one is missing.
        y : array-like of shape (n_samples, n_labels), or (n_samples,) for one label
            Their labels in the other set, the columns of `columns`; NaN where one is missing.

        Returns
        -------
        self : LabelScale
            The fitted scale.

        Raises
        ------
        ValueError
            If a setting or a table is not usable, or a label has too few stars in common.
        """
        check_settings(self, _SETTINGS)
        if y is None:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is None: it holds the "
                "labels of the same stars in the other set."
            )
        labels = validate_features(
            self, X, dtype=np.float64, ensure_all_finite="allow-nan", ensure_min_samples=2
        )
        target = check_array(
            for_sklearn(y), dtype=np.float64, ensure_all_finite="allow-nan", ensure_2d=False, input_name="y"
        )
        target = target[:, None] if target.ndim == 1 else target
        check_consistent_length(labels, target)
        self.columns_ = self._find_columns(target.shape[1])
        coordinates = labels[:, : self.n_coordinates]
        known = np.isfinite(coordinates).all(axis=1)
        if not known.any():
            raise ValueError("X must have stars with all coordinates; received none.")
        self.low_, self.high_ = np.percentile(coordinates[known], _RANGE_PERCENTILES, axis=0)
        design = self._design(labels)
        fits = []
        for place, (column, values) in enumerate(zip(self.columns_, target.T, strict=True)):
            difference = values - labels[:, column]
            rows = known & np.isfinite(difference)
            if not rows.any():
                raise ValueError(f"column {place} of y must have a star in common with X; received none.")
            fits.append(_fit_huber(design[rows], difference[rows], float(self.epsilon)))
        self.coef_ = np.array([fit[0] for fit in fits])
        self.offset_ = np.array([fit[1] for fit in fits])
        self.scatter_ = np.array([fit[2] for fit in fits])
        self.n_stars_ = np.array([fit[3] for fit in fits])
        return self

    def _find_columns(self, n_labels: int) -> NDArray[np.intp]:
        """Places of the labels, from their names or places."""
        names = list(getattr(self, "feature_names_in_", ()))
        given = range(n_labels) if self.columns is None else self.columns
        places = [names.index(c) if isinstance(c, str) and c in names else c for c in given]
        usable = all(isinstance(p, int | np.integer) and 0 <= p < self.n_features_in_ for p in places)
        if not usable or len(set(places)) != len(places) or len(places) != n_labels:
            raise ValueError(
                f"columns must name different columns of X ({self.n_features_in_}), one for each column of y "
                f"({n_labels}); received {self.columns!r}, y of {n_labels} columns."
            )
        return np.array(places, dtype=np.intp)

    def _design(self, X: FloatArray) -> FloatArray:
        """Powers of the scaled coordinates, held at the border outside the range; NaN where one misses."""
        half = 0.5 * (self.high_ - self.low_)
        middle = 0.5 * (self.high_ + self.low_)
        inside = np.clip(X[:, : self.n_coordinates], self.low_, self.high_)
        scaled = (inside - middle) / np.where(half > 0, half, 1.0)
        powers = [scaled**power for power in range(1, int(self.degree) + 1)]
        return np.column_stack([np.ones(len(X)), *powers])

    def transform(self, X: ArrayLike) -> FloatArray:
        """Bring labels to the other scale.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Labels, in the columns of the fit; NaN where one is missing.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
            The labels on the other scale; columns that the scale does not know stay as they are. A label is
            NaN where it, or a coordinate, is missing.

        Raises
        ------
        ValueError
            If the table has other columns than that of the fit.
        """
        check_is_fitted(self)
        labels = validate_features(
            self, X, dtype=np.float64, ensure_all_finite="allow-nan", reset=False, copy=True
        )
        labels[:, self.columns_] += self._design(labels) @ self.coef_.T
        return labels

    def extrapolated(self, X: ArrayLike) -> NDArray[np.bool_]:
        """Say which stars lie outside the range of the stars in common, by more than a tenth of it.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Labels before `transform`.

        Returns
        -------
        ndarray of bool of shape (n_samples,)
            True outside; also where a coordinate is missing.
        """
        check_is_fitted(self)
        labels = validate_features(self, X, dtype=np.float64, ensure_all_finite="allow-nan", reset=False)
        margin = _MARGIN * (self.high_ - self.low_)
        coordinates = labels[:, : self.n_coordinates]
        return ~((coordinates >= self.low_ - margin) & (coordinates <= self.high_ + margin)).all(axis=1)


def _fit_huber(
    design: FloatArray, difference: FloatArray, epsilon: float
) -> tuple[FloatArray, float, float, int]:
    """Coefficients by iteratively reweighted least squares; offset, scatter and number of stars."""
    weight = np.ones(len(difference))
    penalty = np.sqrt(_RIDGE * len(difference)) * np.eye(design.shape[1])
    penalty[0, 0] = 0.0
    for _ in range(_N_ITERATIONS):
        root = np.sqrt(weight)[:, None]
        rows = np.vstack([root * design, penalty])
        coef = np.linalg.lstsq(rows, np.append(root[:, 0] * difference, np.zeros(len(penalty))), rcond=None)[
            0
        ]
        residual = difference - design @ coef
        border = epsilon * robust_sigma(residual)
        # Where half of the stars agree to the last bit there is no scale to call a residual large.
        new = np.minimum(1.0, border / np.maximum(np.abs(residual), border)) if border > 0 else weight
        if np.allclose(new, weight, rtol=0, atol=1e-6):
            break
        weight = new
    return coef, float(np.median(difference)), robust_sigma(residual), len(difference)
