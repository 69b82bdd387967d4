"""Isochrone posteriors without scikit-learn, for fast start-up: settings, isochrones, arrays of summaries."""

from __future__ import annotations

import copy
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skdistmass.isochrones import index, labels, posterior
from skdistmass.isochrones.index import CENTRAL_QUANTILES
from skdistmass.physics.isochrones import IsochroneTable, load_isochrones, total_metallicity
from skdistmass.physics.parallax import DEFAULT_LENGTH_SCALE

_Given = ArrayLike | None
_Result = NDArray[np.float64]

# What is made of the settings, and made again after unpickling.
_PREPARED = ("table_", "magnitudes_", "prior_age_interval_", "_index")


class IsochroneInference:
    """Posteriors of stars from isochrones, from arrays that need no check.

    The settings and their defaults are those of `skdistmass.IsochroneDistance`, which says what they mean.
    """

    table: IsochroneTable | None = None
    m_h_step: float = 0.05
    band: str = "K"
    teff_error_floor: float = 50.0
    log_g_error_floor: float = 0.05
    m_h_error_floor: float = 0.05
    n_sigma: float = 4.0
    star_formation: str | float = "constant"
    volume_prior: bool = False
    length_scale: float = DEFAULT_LENGTH_SCALE
    alpha_enhancement: bool = True
    n_jobs: int = -1
    progress: bool = False

    def prepared(self) -> Self:
        """Give the isochrones in use.

        Returns
        -------
        IsochroneInference
            This one if it is prepared, and else a copy that is.
        """
        if hasattr(self, "magnitudes_"):
            return self
        ready = copy.copy(self)
        ready._prepare()
        return ready

    def with_threads(self, n_jobs: int) -> Self:
        """Give the same isochrones with another number of threads.

        Parameters
        ----------
        n_jobs : int
            Number of threads.

        Returns
        -------
        IsochroneInference
            A copy.
        """
        other = copy.copy(self)
        other.n_jobs = n_jobs
        return other

    def _prepare(self) -> None:
        self.table_ = load_isochrones(self.m_h_step) if self.table is None else self.table
        sort = index.shared_index if self.table is None else index.PointIndex
        floors = self.teff_error_floor, self.log_g_error_floor, self.m_h_error_floor
        self._index = sort(self.table_, self.band, self.star_formation, self.n_sigma, floors)
        self.prior_age_interval_ = self._index.prior_age_interval
        low, high = self._index.magnitude_range
        self.magnitudes_ = np.arange(np.floor(low * 20) / 20, high + 0.05, 0.05)

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what `__setstate__` makes again."""
        state: dict[str, Any] = dict(super().__getstate__() or {})  # type: ignore[call-overload]
        state["fitted"] = "table_" in state
        return {name: value for name, value in state.items() if name not in _PREPARED}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Prepare the isochrones again if what was pickled had them."""
        state = dict(state)
        fitted = state.pop("fitted")
        getattr(super(), "__setstate__", vars(self).update)(state)
        if fitted:
            self._prepare()

    def posteriors_checked(
        self, X: _Result, X_error: _Given = None, alpha_m: _Given = None
    ) -> dict[str, NDArray]:
        """Summarise absolute magnitude, mass and age of labels that need no check.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            Teff [K], log g [dex] and, if there is a third column, [M/H] [dex]; NaN where one is missing.
        X_error, alpha_m : array-like, default=None
            As in `IsochroneDistance.predict`.

        Returns
        -------
        dict of str to ndarray of shape (n_samples,)
            The columns of `IsochroneDistance.predict_posterior`.
        """
        stars, sigmas = self._labels_and_errors(X, X_error, alpha_m)
        return posterior.named_summaries(stars, *self._summarise(stars, sigmas))

    def distances_checked(
        self,
        X: _Result,
        apparent_mag: ArrayLike,
        extinction: ArrayLike,
        *,
        X_error: _Given = None,
        alpha_m: _Given = None,
        apparent_mag_error: _Given = None,
    ) -> dict[str, NDArray]:
        """Summarise distances, and all of `posteriors_checked`.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            As in `posteriors_checked`.
        apparent_mag, extinction, X_error, alpha_m, apparent_mag_error : array-like
            As in `IsochroneDistance.predict_distance`.

        Returns
        -------
        dict of str to ndarray of shape (n_samples,)
            The columns of `IsochroneDistance.predict_distance`.
        """
        stars, sigmas = self._labels_and_errors(X, X_error, alpha_m)
        unit, seen = labels.distance_unit(apparent_mag, extinction, apparent_mag_error, len(stars))
        quantiles, rest = self._summarise(stars, sigmas, seen=seen)
        return posterior.with_distances(posterior.named_summaries(stars, quantiles, rest), unit, rest)

    def _labels_and_errors(self, X: _Result, X_error: _Given, alpha_m: _Given) -> tuple[_Result, _Result]:
        """Return labels and errors of every row; NaN labels stay."""
        labels.check_columns(X)
        stars, sigmas = labels.labels_and_errors(X, X_error, self._index.floors, self._index.extent)
        if alpha_m is not None and self.alpha_enhancement:
            enhancement = labels.per_star("alpha_m [dex]", alpha_m, len(stars))
            stars[:, 2] = total_metallicity(stars[:, 2], enhancement)
        return stars, sigmas

    def _summarise(
        self, stars: _Result, sigmas: _Result, at: ArrayLike = CENTRAL_QUANTILES, seen: _Result | None = None
    ) -> tuple[_Result, dict[str, _Result]]:
        """Return quantiles of the absolute magnitude and a dict of the other summaries."""
        length = float(self.length_scale) if seen is not None and self.volume_prior else 0.0
        seen = np.zeros((len(stars), 2)) if seen is None else seen
        settings = length, np.array(at), self.n_jobs, self.progress
        return posterior.summarise(self._index, stars, sigmas, seen, *settings)
