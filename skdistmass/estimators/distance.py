"""Spectroscopic distances: the network of absolute magnitudes."""

from __future__ import annotations

from skdistmass.estimators.base import NetworkRegressor
from skdistmass.estimators.inference import DistanceInference
from skdistmass.estimators.settings import document_settings


@document_settings
class DistanceRegressor(DistanceInference, NetworkRegressor):
    """Absolute magnitude M_K [mag] and distance [pc] of a star from five numbers of its spectrum.

    The columns of `X` are Teff [K], log g [dex], [M/H], [C/Fe] and [N/Fe] [dex], in this order; `y` is the
    absolute magnitude in 2MASS Ks [mag]; `sample_weight` is 1/σ² of `y`.

    Parameters
    ----------
    {settings}

    Attributes
    ----------
    {attributes}

    See Also
    --------
    MassRegressor : The same network for masses.
    skdistmass.BinaryPruner : Keeps unresolved binaries out of the training.

    Notes
    -----
    The distance is d = 10^(1 + 0.2 (m - A - M)) pc, its error σ_d = (ln 10 / 5) d σ_M.

    References
    ----------
    Stone-Martinez A., et al. 2024, AJ 167, 73, section 4.

    Examples
    --------
    >>> import numpy as np
    >>> from skdistmass import DistanceRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = np.column_stack([rng.uniform(4000, 5000, 200), rng.uniform(1, 3, 200), rng.normal(size=(200, 3))])
    >>> y = 2.5 * X[:, 1] - 8.0
    >>> model = DistanceRegressor(random_state=0).fit(X, y)
    >>> bool(np.allclose(model.predict(X), y, atol=0.1))
    True
    >>> model.predict_distance(X[:1], apparent_mag=[10.0], extinction=[0.1]).shape
    (1,)
    """
