"""Fitted networks without scikit-learn, as `load_predictor` gives them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from skdistmass.columns import as_floats
from skdistmass.estimators.age_inference import AgeInference
from skdistmass.estimators.inference import DistanceInference, MassInference, NetworkInference
from skdistmass.networks.mixture import mixture_log_density

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    FloatArray = NDArray[np.float64]


class TrainingDensity:
    """Density of the training stars of a model, and the border of its domain, without scikit-learn.

    Parameters
    ----------
    state : dict
        Attributes of the fitted `TrainingDomain`.

    Attributes
    ----------
    offset_ : float
        Log density at the border of the domain.
    """

    def __init__(self, state: dict[str, Any]):
        names = ("center_", "scale_", "means_", "precisions_cholesky_", "log_weights_")
        self._mixture = [state[name] for name in names]
        self.offset_ = float(state["offset_"])

    def density_checked(self, X: NDArray[np.floating]) -> FloatArray:
        """Log density, as of the domain itself.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            Finite features in the order of the fit.

        Returns
        -------
        ndarray of shape (n_samples,)
            Natural log of the density.
        """
        return mixture_log_density(X, *self._mixture)


class Predictor(NetworkInference):
    """A fitted network without scikit-learn, as `load_predictor` gives it.

    It predicts what the estimator predicts, to the last bit, but is no estimator: it cannot be cloned, fitted
    or put into a pipeline, and does not warn of stars outside the training domain.

    Parameters
    ----------
    state : dict
        Attributes of the fitted estimator.

    Attributes
    ----------
    card_ : dict
        Training set, units, error model, metrics and citation.
    sha256_ : str
        SHA-256 of the model file.
    n_features_in_ : int
        Number of features.
    domain_, anchored_domain_ : TrainingDensity
        Density of the real training stars, and of these with isochrone anchors; for models that have them.

    See Also
    --------
    skdistmass.load_predictor : Loads one.
    skdistmass.load_model : Loads the estimator.
    """

    def __init__(self, state: dict[str, Any]):
        vars(self).update(state)

    def predict(
        self, X: ArrayLike, return_std: bool = False, *, X_error: ArrayLike | None = None
    ) -> FloatArray | tuple[FloatArray, FloatArray]:
        """Predict the target.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Features of each star, in the order and units of the estimator.
        return_std : bool, default=False
            Also return the 1σ error.
        X_error : array-like of shape (n_samples, n_features), default=None
            1σ errors of the features, as in the estimator.

        Returns
        -------
        y : ndarray of shape (n_samples,)
            Prediction, in the unit of the target.
        std : ndarray of shape (n_samples,)
            Its 1σ error. Only with ``return_std=True``.

        Raises
        ------
        ValueError
            If the table is not a finite one of that many columns.
        """
        return self._evaluate(self._checked(X), return_std, X_error)

    def _checked(self, X: Any) -> NDArray[np.floating]:
        own = getattr(self, "feature_names_in_", None)
        names = getattr(X, "columns", own)
        if own is not None and names is not None and list(names) != list(own):
            raise ValueError(f"X must have the columns {list(own)}; received {list(names)}.")
        X = as_floats(X) if hasattr(X, "colnames") or np.ma.isMaskedArray(X) else np.asarray(X)
        X = X if X.dtype in (np.float32, np.float64) else X.astype(np.float64)
        if X.ndim != 2 or X.shape[1] != self.n_features_in_:
            raise ValueError(
                f"X must have the shape (n_samples, {self.n_features_in_}), a row a star; received {X.shape}."
            )
        bad = np.flatnonzero(~np.isfinite(X).all(axis=1))
        if bad.size:
            raise ValueError(
                f"X must be finite; received {bad.size} of {len(X)} rows that are not (first: row {bad[0]}). "
                "Leave out stars without features."
            )
        return X


class DistancePredictor(DistanceInference, Predictor):
    """Absolute magnitudes and distances of stars; see `DistanceRegressor`.

    Parameters
    ----------
    state : dict
        Attributes of the fitted estimator.
    """


class MassPredictor(MassInference, Predictor):
    """Masses of giants; see `MassRegressor`.

    Parameters
    ----------
    state : dict
        Attributes of the fitted estimator.
    """


class AgePredictor(AgeInference, Predictor):
    """Ages of giants; see `MassToAge`.

    Parameters
    ----------
    state : dict
        Attributes of the fitted estimator.
    """
