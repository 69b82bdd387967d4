"""Inference without scikit-learn, for fast start-up.

Prediction, its error and distances from the arrays of fitted networks: shared by the estimators and by
`skdistmass.models.predictor.Predictor`. Importing scikit-learn takes longer than all that one star needs.
"""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal, overload

import numpy as np

from skdistmass.columns import FEATURES, as_floats
from skdistmass.estimators.uncertainty import ONE_SIGMA, DistributionInference
from skdistmass.networks.forward import NetworkPass, check_magnitude, network_output, network_pass
from skdistmass.physics import photometry

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from skdistmass.estimators.uncertainty import ErrorModel
    from skdistmass.networks.mixture import Mixture

    FloatArray = NDArray[np.float64]

# Far from any star the network can say anything: a mass that no star has, but a number.
_MAX_LN_MASS = 80.0
# No star of the Galaxy has an A_K [mag] that is larger than this and than its K magnitude, too.
_MAX_FAINT_EXTINCTION = 5.0


def with_feature_names(estimator: Any, X: FloatArray) -> Any:
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
    if names is None or not hasattr(estimator, "get_params"):  # a predictor takes arrays as they are
        return X
    import pandas as pd

    return pd.DataFrame(X, columns=names)


class NetworkInference(DistributionInference):
    """Prediction and error from the arrays of a network."""

    # Columns of a table without names, in order.
    _columns: ClassVar[Sequence[str]] = FEATURES
    # For models that were saved before this was a parameter; so are the defaults of the subclasses.
    error_feature: str | int = "LOGG"

    activation: str
    n_features_in_: int
    scaler_mean_: FloatArray
    scaler_scale_: FloatArray
    coefs_: list[FloatArray]
    intercepts_: list[FloatArray]
    error_model_: ErrorModel

    # What the network fits, and the way back: overridden where it is not what the user gives.

    def _target_to_network(self, y: FloatArray, sample_weight: FloatArray) -> tuple[FloatArray, FloatArray]:
        return y, sample_weight

    def _network_to_target(self, network_output: FloatArray) -> FloatArray:
        return network_output

    def _error_to_target(self, error: FloatArray, prediction: FloatArray) -> FloatArray:
        return error

    @overload
    def _evaluate(self, X: NDArray[np.floating], return_std: Literal[False]) -> FloatArray: ...
    @overload
    def _evaluate(
        self, X: NDArray[np.floating], return_std: bool, X_error: ArrayLike | None = None
    ) -> FloatArray | tuple[FloatArray, FloatArray]: ...
    def _evaluate(self, X: Any, return_std: bool, X_error: ArrayLike | None = None) -> Any:
        """Predict the target, and its error if asked for, from checked features."""
        check_magnitude("X", X)
        if not return_std:
            return self._network_to_target(self._network_output(X))
        passed = self._network_pass(X, gradient=X_error is not None)
        prediction = self._network_to_target(passed.output)
        if self.distribution_ is None and X_error is None:
            error = self.error_model_.predict(self._error_coordinate(X))
            return prediction, self._error_to_target(error, prediction)
        mixture = self._mixture(X, passed, X_error)
        low, high = self._network_to_target(mixture.quantiles(ONE_SIGMA)).T
        return prediction, 0.5 * (high - low)

    def predict_quantiles(
        self, X: ArrayLike, quantiles: ArrayLike = (0.16, 0.5, 0.84), *, X_error: ArrayLike | None = None
    ) -> FloatArray:
        """Predict quantiles of the target's distribution.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Features of each star.
        quantiles : array-like of shape (n_quantiles,), default=(0.16, 0.5, 0.84)
            Probabilities between 0 and 1.
        X_error : array-like of shape (n_samples, n_features), default=None
            1σ errors of the features, as in `predict`.

        Returns
        -------
        ndarray of shape (n_samples, n_quantiles)
            The quantiles, in the unit of the target.

        Raises
        ------
        ValueError
            If the table or a probability is not usable.
        """
        return self._network_to_target(self._distribution(X, X_error).quantiles(quantiles))

    def predict_pdf(self, X: ArrayLike, grid: ArrayLike, *, X_error: ArrayLike | None = None) -> FloatArray:
        """Predict the probability density of the target.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Features of each star.
        grid : array-like of shape (n_grid,) or (n_samples, n_grid)
            Values of the target, the same for all stars or some for each.
        X_error : array-like of shape (n_samples, n_features), default=None
            1σ errors of the features, as in `predict`.

        Returns
        -------
        ndarray of shape (n_samples, n_grid)
            Density per unit of the target.

        Raises
        ------
        ValueError
            If the table is not usable.
        """
        points, jacobian = self._grid_to_network(np.asarray(grid, dtype=np.float64))
        return self._distribution(X, X_error).pdf(points) * jacobian

    def sample_posterior(
        self,
        X: ArrayLike,
        n_samples: int = 1,
        random_state: int | np.random.Generator | None = None,
        *,
        X_error: ArrayLike | None = None,
    ) -> FloatArray:
        """Draw from the target's distribution.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Features of each star.
        n_samples : int, default=1
            Number of draws for each star.
        random_state : int, numpy.random.Generator or None, default=None
            Seed of the draws.
        X_error : array-like of shape (n_samples, n_features), default=None
            1σ errors of the features, as in `predict`.

        Returns
        -------
        ndarray of shape (n_stars, n_samples)
            The draws, in the unit of the target.

        Raises
        ------
        ValueError
            If the table is not usable.
        """
        rng = np.random.default_rng(random_state)
        return self._network_to_target(self._distribution(X, X_error).sample(n_samples, rng))

    def distribution_checked(
        self, X: FloatArray, log_density: FloatArray | None = None, X_error: FloatArray | None = None
    ) -> tuple[FloatArray, Mixture]:
        """Predict for features that need no check, which takes a millisecond of every call of `predict`.

        Parameters
        ----------
        X : ndarray of float64 of shape (n_samples, n_features)
            Finite features in the order of the fit.
        log_density : ndarray of shape (n_samples,), default=None
            Log density of the training stars there, if it is known.
        X_error : ndarray of shape (n_samples, n_features), default=None
            As in `predict`.

        Returns
        -------
        y : ndarray of shape (n_samples,)
            As from `predict`, without a warning of stars outside the domain.
        distribution : Mixture
            Distribution of what the network fits.
        """
        derived = self._derived_distribution(X)
        if derived is not None:
            return derived
        check_magnitude("X", X)
        passed = self._network_pass(X, gradient=X_error is not None)
        return self._network_to_target(passed.output), self._mixture(X, passed, X_error, log_density)

    def _distribution(self, X: ArrayLike, X_error: ArrayLike | None) -> Mixture:
        table = self._checked(X)
        check_magnitude("X", table)
        return self._mixture(table, self._network_pass(table, gradient=X_error is not None), X_error)

    def _network_output(self, X: NDArray[np.floating]) -> FloatArray:
        """Mean of the members' forward passes."""
        weights = self.coefs_, self.intercepts_
        return network_output(X, self.scaler_mean_, self.scaler_scale_, *weights, self.activation)

    def _network_pass(self, X: NDArray[np.floating], gradient: bool = False) -> NetworkPass:
        """Mean of the members' forward passes with their spread and, if wanted, its gradient."""
        network = self.scaler_mean_, self.scaler_scale_, self.coefs_, self.intercepts_, self.activation
        return network_pass(X, *network, spread=True, gradient=gradient)

    def _error_coordinate(self, X: NDArray[np.floating]) -> FloatArray:
        """Return the column on which the error depends; zeros where the table has none."""
        column = self._error_column()
        return np.zeros(len(X)) if column is None else np.asarray(X[:, column], dtype=np.float64)

    def _error_column(self) -> int | None:
        """Find the place of `error_feature`; None if it is the default and the table lacks it."""
        feature, n_features = self.error_feature, self.n_features_in_
        if isinstance(feature, numbers.Integral):
            if 0 <= feature < n_features:
                return int(feature)
            raise ValueError(
                f"error_feature must be the index of one of {n_features} columns; received {feature!r}."
            )
        names = list(getattr(self, "feature_names_in_", self._columns))[:n_features]
        keys = [_name_key(str(name)) for name in names]
        if _name_key(str(feature)) in keys:
            return keys.index(_name_key(str(feature)))
        if feature == type(self).error_feature:
            return None
        raise ValueError(f"error_feature must be one of the columns {names}; received {feature!r}.")


def _name_key(name: str) -> str:
    """Form in which LOGG, logg and log_g are one name."""
    return "".join(letter for letter in name.lower() if letter.isalnum())


class MassInference(NetworkInference):
    """Masses from a network of masses or of their logarithms."""

    target: str

    def _target_to_network(self, y: FloatArray, sample_weight: FloatArray) -> tuple[FloatArray, FloatArray]:
        if self.target == "mass":
            return y, sample_weight
        bad = np.flatnonzero(y <= 0)
        if bad.size:
            raise ValueError(
                f"y [Msun] must be positive with target='log_mass'; received {bad.size} of {y.size} values "
                f"that are not (first: row {bad[0]}, {y[bad[0]]:g}). Give masses, not log masses, or set "
                "target='mass'."
            )
        # σ(ln M) = σ(M) / M.
        return np.log(y), sample_weight * y**2

    def _network_to_target(self, network_output: FloatArray) -> FloatArray:
        if self.target == "mass":
            return network_output
        return np.exp(np.clip(network_output, -_MAX_LN_MASS, _MAX_LN_MASS))

    def _grid_to_network(self, grid: FloatArray) -> tuple[FloatArray, FloatArray | float]:
        if self.target == "mass":
            return grid, 1.0
        positive = np.where(grid > 0, grid, 1.0)
        return np.log(positive), np.where(grid > 0, 1.0 / positive, 0.0)

    def _error_to_target(self, error: FloatArray, prediction: FloatArray) -> FloatArray:
        return error * prediction if self.target == "log_mass" else error


class DistanceInference(NetworkInference):
    """Distances from a network of absolute magnitudes."""

    def predict_distance(
        self, X: ArrayLike, apparent_mag: ArrayLike, extinction: ArrayLike, return_std: bool = False
    ) -> FloatArray | tuple[FloatArray, FloatArray]:
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
            If the arrays differ in length, or an extinction is above 5 mag and above the apparent magnitude
            as well, as where the two arguments are swapped.
        """
        magnitude, error = self.predict(X, return_std=True)  # type: ignore[attr-defined]
        given = {"apparent_mag": as_floats(apparent_mag, "mag"), "extinction": as_floats(extinction, "mag")}
        for name, values in given.items():
            if values.ndim and values.shape != magnitude.shape:
                raise ValueError(
                    f"{name} [mag] must have one value for each of the {len(magnitude)} rows of X; received "
                    f"the shape {values.shape}."
                )
        _check_photometry(**given)
        distance = photometry.distance(given["apparent_mag"], given["extinction"], magnitude)
        if not return_std:
            return distance
        return distance, photometry.distance_error(distance, error)

    def predict_distance_distribution(
        self,
        X: ArrayLike,
        apparent_mag: ArrayLike,
        extinction: ArrayLike,
        *,
        apparent_error: ArrayLike = 0.0,
        parallax: ArrayLike | None = None,
        parallax_error: ArrayLike | None = None,
        X_error: ArrayLike | None = None,
    ) -> photometry.DistancePosterior:
        """Predict distributions of distance, with the likelihood of a parallax if there is one.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Features of each star.
        apparent_mag, extinction : array-like of shape (n_samples,)
            As in `predict_distance`.
        apparent_error : array-like of shape (n_samples,), default=0.0
            1σ error of the apparent magnitude less the extinction [mag].
        parallax, parallax_error : array-like of shape (n_samples,), default=None
            Parallax less its zero point (`skdistmass.physics.parallax.zero_point`) and its 1σ error [mas].
        X_error : array-like of shape (n_samples, n_features), default=None
            1σ errors of the features, as in `predict`.

        Returns
        -------
        DistancePosterior
            With ``quantiles([0.16, 0.5, 0.84])`` and ``mean()`` [pc].

        Raises
        ------
        ValueError
            If the table is not usable, or magnitudes and extinctions look swapped.
        """
        given = as_floats(apparent_mag, "mag"), as_floats(extinction, "mag")
        _check_photometry(*given)
        mixture = self._distribution(X, X_error)
        mixture = mixture.widened(np.broadcast_to(as_floats(apparent_error, "mag"), len(mixture)))
        modulus = np.broadcast_to(given[0] - given[1], len(mixture))
        plx, error = (
            np.full(len(mixture), np.nan) if values is None else as_floats(values, "mas")
            for values in (parallax, parallax_error)
        )
        return photometry.DistancePosterior(
            modulus[:, None] - mixture.means, mixture.widths, mixture.weights, plx, error
        )


def _check_photometry(apparent_mag: FloatArray, extinction: FloatArray) -> None:
    magnitude, a_k = np.broadcast_arrays(np.atleast_1d(apparent_mag), np.atleast_1d(extinction))
    bad = np.flatnonzero((a_k > _MAX_FAINT_EXTINCTION) & (a_k > magnitude))
    if bad.size:
        raise ValueError(
            f"extinction A_K [mag] must not be above {_MAX_FAINT_EXTINCTION:g} mag and above apparent_mag "
            f"[mag]; received {bad.size} of {a_k.size} rows that are (first: row {bad[0]}, extinction "
            f"{a_k[bad[0]]:g}, apparent_mag {magnitude[bad[0]]:g}). Are the two arguments swapped? The order "
            "is predict_distance(X, apparent_mag, extinction)."
        )
