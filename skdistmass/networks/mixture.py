"""Log density of a Gaussian mixture: NumPy for a few stars, compiled for many, equal to the last bit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from skdistmass.networks.activations import exponential
from skdistmass.networks.forward import NUMPY_ROWS

FloatArray = NDArray[np.float64]

# Beyond any star, and its square is still a number.
LARGEST = 1e100


def mixture_log_density(
    X: NDArray[np.floating],
    center: FloatArray,
    scale: FloatArray,
    means: FloatArray,
    choleskys: FloatArray,
    log_weights: FloatArray,
) -> FloatArray:
    """Log density of a Gaussian mixture in scaled features.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Features, float32 or float64.
    center, scale : ndarray of shape (n_features,)
        What to subtract from the features and what to divide by.
    means : ndarray of shape (n_components, n_features)
        Centres of the Gaussians.
    choleskys : ndarray of shape (n_components, n_features, n_features)
        Cholesky factors of their inverse covariances.
    log_weights : ndarray of shape (n_components,)
        Their log weights, with the normalisation.

    Returns
    -------
    ndarray of shape (n_samples,)
        Natural log of the density; that of a row does not depend on the rows beside it.
    """
    if len(X) <= NUMPY_ROWS:
        with np.errstate(over="ignore"):
            scaled = np.clip((X - center) / scale, -LARGEST, LARGEST)
        top, total = _sums_numpy(scaled, means, choleskys, log_weights)
    else:
        from skdistmass.networks.kernel import mixture_sums

        top, total = np.empty(len(X)), np.empty(len(X))
        rows = np.ascontiguousarray(X, dtype=np.float64)
        flat = choleskys.reshape(len(choleskys), -1)
        gaussians = map(np.ascontiguousarray, (means, flat, log_weights))
        mixture_sums(rows, center, scale, LARGEST, *gaussians, top, total)
    return top + np.log(total)


def _sums_numpy(
    scaled: FloatArray, means: FloatArray, choleskys: FloatArray, log_weights: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Log density of the densest Gaussian at each star, and the sum of all in units of that one."""
    features, terms = np.ascontiguousarray(scaled.T), np.empty((len(means), len(scaled)))
    # Sums of features one by one: the last bits of a product of matrices depend on how many rows it has.
    for term, mean, cholesky, log_weight in zip(terms, means, choleskys, log_weights, strict=True):
        distance = features - mean[:, None]
        term[:] = 0.0
        for column in cholesky.T:
            whitened = np.zeros(len(scaled))
            for value, factor in zip(distance, column, strict=True):
                whitened += factor * value
            term += whitened * whitened
        term *= -0.5
        term += log_weight
    top, total = terms.max(axis=0), np.zeros(len(scaled))
    for term in terms:
        total += exponential(term - top)
    return top, total
