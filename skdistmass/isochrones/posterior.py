"""Posteriors of stars: summaries in the units of users, with a status for each star."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from enum import IntEnum
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from skdistmass.isochrones.index import (
    LOG_AGE_BIN,
    LOG_G_CELL,
    LOG_MASS_BIN,
    M_H_CELL,
    MAG_BIN,
    SUMMARIES,
    PointIndex,
)
from skdistmass.progress import follow, is_running

# Stars that a thread takes at a time.
CHUNK = 2048


def summarise(
    index: PointIndex,
    stars: npt.NDArray[np.float64],
    sigmas: npt.NDArray[np.float64],
    seen: npt.NDArray[np.float64],
    length: float,
    probabilities: npt.NDArray[np.float64],
    n_jobs: int,
    progress: bool,
) -> tuple[npt.NDArray[np.float64], dict[str, npt.NDArray[np.float64]]]:
    """Summarise the posterior of each star.

    Parameters
    ----------
    index : PointIndex
        The isochrones.
    stars, sigmas : ndarray of shape (n_stars, 3)
        Teff [K], log g [dex], [M/H] [dex] and their 1σ errors.
    seen : ndarray of shape (n_stars, 2)
        Distance of a star of absolute magnitude 0 [pc] and 1σ error of the apparent magnitude [mag].
    length : float
        Scale length of the volume prior [pc]; 0 for none.
    probabilities : ndarray of shape (n_probabilities,)
        Cumulative probabilities at which the absolute magnitude is wanted.
    n_jobs : int
        Number of threads; -1 takes all processors.
    progress : bool
        Show a progress bar.

    Returns
    -------
    quantiles : ndarray of shape (n_stars, n_probabilities)
        Absolute magnitudes [mag].
    rest : dict of str to ndarray of shape (n_stars,)
        What `SUMMARIES` names: magnitudes [mag], masses [Msun], ages [Gyr].
    """
    task = partial(_summarise_chunk, index, length, probabilities)
    quantiles, rest = _map_chunks(task, (stars, sigmas, seen), n_jobs, progress)
    return quantiles, dict(zip(SUMMARIES, rest.T, strict=True))


def densities(
    index: PointIndex,
    stars: npt.NDArray[np.float64],
    sigmas: npt.NDArray[np.float64],
    magnitudes: npt.NDArray[np.float64],
    n_jobs: int,
    progress: bool,
) -> npt.NDArray[np.float64]:
    """Probability density of the absolute magnitude of each star.

    Parameters
    ----------
    index : PointIndex
        The isochrones.
    stars, sigmas : ndarray of shape (n_stars, 3)
        Teff [K], log g [dex], [M/H] [dex] and their 1σ errors.
    magnitudes : ndarray of shape (n_magnitudes,)
        Increasing absolute magnitudes [mag].
    n_jobs : int
        Number of threads; -1 takes all processors.
    progress : bool
        Show a progress bar.

    Returns
    -------
    ndarray of shape (n_stars, n_magnitudes)
        Mean densities over the intervals that reach half way to the neighbours [1/mag].
    """
    from skdistmass.isochrones.kernel import distributions

    middle = (magnitudes[1:] + magnitudes[:-1]) / 2
    ends = [2 * magnitudes[0] - middle[0]], [2 * magnitudes[-1] - middle[-1]]
    edges = np.concatenate([ends[0], middle, ends[1]])
    positions = (edges - index.mag_zero) / MAG_BIN
    fixed = index.n_sigma, index.arrays, len(index.centres), index.sizes, positions
    task = lambda *rows: (distributions(*rows, *fixed),)  # noqa: E731
    (cumulative,) = _map_chunks(task, (stars, sigmas), n_jobs, progress)
    return np.diff(cumulative, axis=1) / np.diff(edges)


def _summarise_chunk(
    index: PointIndex,
    length: float,
    probabilities: npt.NDArray[np.float64],
    stars: npt.NDArray[np.float64],
    sigmas: npt.NDArray[np.float64],
    seen: npt.NDArray[np.float64],
) -> tuple[npt.NDArray[np.floating], npt.NDArray[np.floating]]:
    # Importing the compiler takes longer than a few stars.
    from skdistmass.isochrones.kernel import posteriors

    seen = seen / np.array([1.0, MAG_BIN])
    fixed = index.n_sigma, probabilities, index.arrays, index.centres, index.sizes
    out = posteriors(stars, sigmas, seen, length, *fixed)
    n = len(probabilities)
    quantiles, rest = index.magnitude(out[:, :n]), out[:, n:]
    for i, name in enumerate(SUMMARIES):
        if name.startswith("mass"):
            rest[:, i] = 10.0 ** (index.log_mass_zero + LOG_MASS_BIN * rest[:, i])
        elif name.startswith("age"):
            # A bin reaches half a step beyond the oldest isochrone; no age does.
            log_age = np.clip(index.log_age_zero + LOG_AGE_BIN * rest[:, i], *index.log_age_range)
            rest[:, i] = 10.0 ** (log_age - 9.0)
        elif name not in ("mean_scale", "chi2"):
            rest[:, i] = index.magnitude(rest[:, i])
    return quantiles, rest


def _map_chunks(
    function: Callable[..., tuple[npt.NDArray, ...]],
    arrays: Sequence[npt.NDArray],
    n_jobs: int,
    progress: bool,
) -> list[npt.NDArray]:
    """Apply a function to chunks of the rows of arrays in threads; return its results in order.

    Stars of like labels, the first array, follow each other there: their points are in the processor's cache.
    """
    n_rows, (teff, log_g, m_h) = len(arrays[0]), arrays[0].T
    order = np.lexsort((teff, np.floor(log_g / LOG_G_CELL), np.floor(m_h / M_H_CELL)))
    chunks = [slice(i, min(i + CHUNK, n_rows)) for i in range(0, n_rows, CHUNK)]
    with ThreadPoolExecutor(_n_threads(n_jobs, len(chunks))) as pool:
        results = pool.map(lambda chunk: function(*(values[order[chunk]] for values in arrays)), chunks)
        parts = list(_count(results, chunks, progress))
    out = []
    for blocks in zip(*parts, strict=True):
        out.append(np.empty((n_rows, blocks[0].shape[1])))
        for chunk, block in zip(chunks, blocks, strict=True):
            out[-1][order[chunk]] = block
    return out


def _n_threads(n_jobs: int, n_chunks: int) -> int:
    """Count the threads that a user wants, as joblib does."""
    if n_jobs == -1 and n_chunks < 2:
        return 1  # importing joblib takes longer than so few stars
    from joblib import effective_n_jobs

    return effective_n_jobs(n_jobs)


def _count(results: Iterable[Any], chunks: list[slice], progress: bool) -> Iterator[Any]:
    """Pass results on and show how many stars are done, in a bar of its own only if that is asked for."""
    if not progress and not is_running():
        return iter(results)
    sizes = (chunk.stop - chunk.start for chunk in chunks)
    return follow(results, sizes, "isochrones", chunks[-1].stop, "stars", shown=progress)


class IsochroneStatus(IntEnum):
    """Why a value of `IsochroneDistance` is there or not.

    ``OK``: all values are there. ``MISSING_INPUT``: a label is missing. ``OUT_OF_REACH``: no isochrone lies
    within `n_sigma` of the star, or the error of a label exceeds what the isochrones tell apart.
    ``NO_MAGNITUDE``: only the distances are missing, for want of an extinction or of an apparent magnitude
    known to 1 mag.
    """

    OK = 0
    MISSING_INPUT = 1
    OUT_OF_REACH = 2
    NO_MAGNITUDE = 3


def named_summaries(
    stars: npt.NDArray[np.float64],
    quantiles: npt.NDArray[np.float64],
    rest: dict[str, npt.NDArray[np.float64]],
) -> dict[str, npt.NDArray]:
    """Name the summaries of posteriors, and give each star a status.

    Parameters
    ----------
    stars : ndarray of shape (n_stars, 3)
        Labels of each star; NaN where missing, infinite where its errors are too large.
    quantiles : ndarray of shape (n_stars, 3)
        16th, 50th and 84th percentile of the absolute magnitude [mag].
    rest : dict of str to ndarray of shape (n_stars,)
        The other summaries.

    Returns
    -------
    dict of str to ndarray of shape (n_stars,)
        The columns that `IsochroneDistance.predict_posterior` lists.
    """
    status = np.full(len(stars), int(IsochroneStatus.OK), dtype=np.int8)
    status[np.isnan(quantiles[:, 1])] = IsochroneStatus.OUT_OF_REACH
    status[np.isnan(stars).any(axis=1)] = IsochroneStatus.MISSING_INPUT
    named: dict[str, npt.NDArray] = {
        "absolute_magnitude_mode": rest["mode"],
        "absolute_magnitude_median": quantiles[:, 1],
        "absolute_magnitude_mean": rest["mean"],
        "absolute_magnitude_p16": quantiles[:, 0],
        "absolute_magnitude_p84": quantiles[:, 2],
    }
    for name in ("mass", "age"):
        for part, source in (("median", "p50"), ("p16", "p16"), ("p84", "p84")):
            named[f"{name}_{part}"] = rest[f"{name}_{source}"]
    return named | {"chi2": rest["chi2"], "status": status}


def with_distances(
    named: dict[str, npt.NDArray], unit: npt.NDArray[np.float64], rest: dict[str, npt.NDArray[np.float64]]
) -> dict[str, npt.NDArray]:
    """Put distances before the columns of a posterior and correct its status.

    Parameters
    ----------
    named : dict of str to ndarray of shape (n_stars,)
        Result of `named_summaries`.
    unit : ndarray of shape (n_stars,)
        Distance of a star of absolute magnitude 0 [pc]; NaN where it is not known.
    rest : dict of str to ndarray of shape (n_stars,)
        The other summaries.

    Returns
    -------
    dict of str to ndarray of shape (n_stars,)
        The columns that `IsochroneDistance.predict_distance` lists.
    """
    # A larger absolute magnitude is a smaller distance: the percentiles change places.
    sources = {"mode": "seen_mode", "median": "seen_p50", "mean": None, "p16": "seen_p84", "p84": "seen_p16"}
    ratios = {
        f"distance_{name}": rest["mean_scale"] if source is None else 10.0 ** (-0.2 * rest[source])
        for name, source in sources.items()
    }
    unseen = (named["status"] == IsochroneStatus.OK) & np.isnan(unit)
    status = np.where(unseen, np.int8(IsochroneStatus.NO_MAGNITUDE), named["status"])
    return {name: unit * ratio for name, ratio in ratios.items()} | named | {"status": status}
