"""Red clump or red giant branch: the state of a giant from its five labels."""

from __future__ import annotations

import functools
from importlib import resources

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skdistmass.columns import as_floats
from skdistmass.networks.forward import network_output


@functools.cache
def _network() -> dict[str, NDArray[np.float64]]:
    with (
        resources.files("skdistmass.data").joinpath("red_clump.npz").open("rb") as stream,
        np.load(stream, allow_pickle=False) as file,
    ):
        return {name: file[name] for name in file.files if name != "provenance"}


def red_clump_probability(X: ArrayLike) -> NDArray[np.float64]:
    """Probability that a giant burns helium in the red clump.

    Parameters
    ----------
    X : array-like of shape (n_samples, 5)
        TEFF [K], LOGG, M_H, C_FE, N_FE [dex] of giants (log g < 3.5), calibrated as in DR17.

    Returns
    -------
    ndarray of shape (n_samples,)
        Probability of the red clump, the rest being that of the red giant branch. Stars on the asymptotic
        giant branch count to the latter. The labels of a star must be finite.

    Notes
    -----
    A network of two hidden layers of eight tanh neurons with a logistic output, trained on the asteroseismic
    states of 8,503 Kepler giants of log g 0.7 to 3.4 and [M/H] -2.3 to 0.5, and made by
    ``examples/making/fit_red_clump.py``. It is right for 97 % of the stars left out of its training.

    References
    ----------
    Pinsonneault, M. H., et al. 2025, ApJS, 276, 69 (APOKASC-3).

    Examples
    --------
    >>> from skdistmass.models.red_clump import red_clump_probability
    >>> clump, branch = [4800.0, 2.40, 0.0, -0.08, 0.20], [4600.0, 2.40, 0.0, -0.08, 0.20]
    >>> red_clump_probability([clump, branch]).round(1)
    array([1., 0.])
    """
    network = _network()
    layers = range(len([name for name in network if name.startswith("kernel")]))
    kernels = [network[f"kernel_{i}"][None] for i in layers]
    biases = [network[f"bias_{i}"][None] for i in layers]
    features = as_floats(X)
    logit = network_output(features, network["mean"], network["scale"], kernels, biases, "tanh")
    return 0.5 + 0.5 * np.tanh(0.5 * logit)
