"""What fitted networks say of stars, from their arrays: shared by the estimators and by `Predictor`.

Nothing here needs scikit-learn, whose import takes longer than everything else that one star needs.
"""

from __future__ import annotations

import numpy as np

from skdistmass.networks.forward import network_output
from skdistmass.physics import photometry

# Far from any star the network can say anything: a mass that no star has, but a number.
MAX_LN_MASS = 80.0


def with_feature_names(estimator, X):
    """Give an array the column names that the estimator was fitted with, if it was fitted with any.

    Parameters
    ----------
    estimator : estimator
        Fitted estimator.
    X : ndarray of shape (n_samples, n_features)
        Features in the order of the fit.

    Returns
    -------
    ndarray or pandas.DataFrame of shape (n_samples, n_features)
        The features.
    """
    names = getattr(estimator, "feature_names_in_", None)
    if names is None:
        return X
    import pandas as pd

    return pd.DataFrame(X, columns=names)


class NetworkEvaluation:
    """Prediction and error from the arrays of a network."""

    # What the network fits, seen from what the user gives: overridden where the two differ.

    def _network_to_target(self, network_output):
        return network_output

    def _error_to_target(self, error, prediction):
        return error

    def _evaluate(self, X, return_std):
        """Predict the target, and its error if asked for, from checked features."""
        prediction = self._network_to_target(self._network_output(X))
        if not return_std:
            return prediction
        error = self.error_model_.predict(self._error_coordinate(X))
        return prediction, self._error_to_target(error, prediction)

    def _error_coordinate(self, X):
        """Return the column on which the error depends: the surface gravity, or nothing in a narrow table."""
        return np.asarray(X[:, 1], dtype=np.float64) if X.shape[1] > 1 else np.zeros(len(X))

    def _network_output(self, X):
        """Mean of the members' forward passes."""
        weights = self.coefs_, self.intercepts_
        return network_output(X, self.scaler_mean_, self.scaler_scale_, *weights, self.activation)


class MassEvaluation(NetworkEvaluation):
    """Masses from a network of masses or of their logarithms."""

    def _network_to_target(self, network_output):
        if self.target == "mass":
            return network_output
        return np.exp(np.clip(network_output, -MAX_LN_MASS, MAX_LN_MASS))

    def _error_to_target(self, error, prediction):
        return error * prediction if self.target == "log_mass" else error


class DistanceEvaluation(NetworkEvaluation):
    """Distances from a network of absolute magnitudes."""

    def predict_distance(self, X, apparent_mag, extinction, return_std=False):
        """Predict distances.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Features of each star.
        apparent_mag : array-like of shape (n_samples,)
            Apparent magnitude in 2MASS Ks [mag].
        extinction : array-like of shape (n_samples,)
            Extinction A_K [mag].
        return_std : bool, default=False
            Also return the 1σ error.

        Returns
        -------
        distance : ndarray of shape (n_samples,)
            Distance [pc]; NaN where magnitude or extinction is NaN.
        distance_error : ndarray of shape (n_samples,)
            Its 1σ error [pc]. Only with ``return_std=True``.

        Raises
        ------
        ValueError
            If the arrays differ in length.
        """
        magnitude, error = self.predict(X, return_std=True)
        for name, values in (("apparent_mag", apparent_mag), ("extinction", extinction)):
            if np.ndim(values) and np.shape(values) != magnitude.shape:
                raise ValueError(
                    f"{name} [mag] has shape {np.shape(values)}; expected one value for each of the "
                    f"{len(magnitude)} rows of X."
                )
        distance = photometry.distance(apparent_mag, extinction, magnitude)
        if not return_std:
            return distance
        return distance, photometry.distance_error(distance, error)
