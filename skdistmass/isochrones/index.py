"""Isochrone points sorted for the compiled sums, and results in the units of users."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from joblib import effective_n_jobs

# Cells of the neighbour search [dex] and bins of the posterior: magnitude [mag], log mass and log age [dex].
M_H_CELL, LOG_G_CELL = 0.05, 0.1
MAG_BIN, LOG_MASS_BIN, LOG_AGE_BIN = 0.01, 0.01, 0.05
# One standard deviation below, middle and one above, of a Gaussian.
CENTRAL_QUANTILES = (0.158655, 0.5, 0.841345)
# What the compiled sums give for each star after the quantiles of the absolute magnitude; magnitudes, log
# masses and log ages are positions in bins there. "seen" is the absolute magnitude blurred by the error of
# the apparent one: what a distance follows from. "mean_scale" is the mean of 10^(-0.2 M).
SUMMARIES = (
    "mean",
    "mode",
    "seen_mode",
    "seen_p16",
    "seen_p50",
    "seen_p84",
    "mean_scale",
    "mass_p16",
    "mass_p50",
    "mass_p84",
    "age_p16",
    "age_p50",
    "age_p84",
    "chi2",
)
# Room at the ends of the magnitudes for smoothing and for errors of the apparent magnitude [mag].
MAG_MARGIN = 2.0
# Stars that a thread takes at a time.
CHUNK = 2048


def map_chunks(function, arrays, n_jobs, progress):
    """Apply a function to chunks of the rows of arrays in threads; return its results in order."""
    n_rows = len(arrays[0])
    chunks = [slice(i, min(i + CHUNK, n_rows)) for i in range(0, n_rows, CHUNK)]
    with ThreadPoolExecutor(effective_n_jobs(n_jobs)) as pool:
        results = pool.map(lambda chunk: function(*(values[chunk] for values in arrays)), chunks)
        return list(_count(results, chunks) if progress else results)


def _count(results, chunks):
    """Pass results on and show how many stars are done."""
    from tqdm.auto import tqdm

    with tqdm(total=chunks[-1].stop, desc="isochrones", unit=" stars", unit_scale=True) as bar:
        for chunk, result in zip(chunks, results, strict=True):
            yield result
            bar.update(chunk.stop - chunk.start)


def star_formation_factor(log_age, star_formation):
    """Return star formation in units of a constant rate at each log age [log10 yr]."""
    if star_formation == "constant":
        return np.ones_like(log_age)
    if star_formation == "log-uniform":
        return 10.0 ** (9.0 - log_age)
    return np.exp((10.0 ** (log_age - 9.0) - 14.0) / star_formation)


class PointIndex:
    """Points of a table in cells of ([M/H], log g), sorted by Teff inside a cell.

    Parameters
    ----------
    table : IsochroneTable
        The points.
    band : str
        Band of the absolute magnitude, "J", "H" or "K".
    star_formation : str or float
        Prior of the age, as in `IsochroneDistance`.
    n_sigma : float
        Reach of the sums in units of the errors.

    Attributes
    ----------
    arrays : tuple of ndarray
        What the compiled sums take: Teff [K], log g [dex], [M/H] [dex] and weight of each point; its bins of
        absolute magnitude, log mass and log age; the first point of each cell, with one more column for the
        end; the range of [M/H] of each row of cells; zero and step of the cells in [M/H], then in log g;
        values of exp(-x).
    """

    def __init__(self, table, band, star_formation, n_sigma):
        magnitude = np.asarray(getattr(table, f"abs_mag_{band.lower()}"), dtype=float)
        log_mass = np.log10(np.asarray(table.mass, dtype=float))
        log_age = np.asarray(table.log_age, dtype=float)
        self.magnitude_range = magnitude.min(), magnitude.max()
        self.mag_zero = magnitude.min() - MAG_MARGIN
        self.log_mass_zero = log_mass.min() - LOG_MASS_BIN / 2
        self.log_age_zero = log_age.min() - LOG_AGE_BIN / 2
        self.log_age_range = log_age.min(), log_age.max()
        bins = np.column_stack(
            [
                (magnitude - self.mag_zero) / MAG_BIN,
                (log_mass - self.log_mass_zero) / LOG_MASS_BIN,
                (log_age - self.log_age_zero) / LOG_AGE_BIN,
            ]
        ).astype(np.int16)
        self.sizes = int(bins[:, 1].max()) + 1, int(bins[:, 2].max()) + 1
        n_bins = int(bins[:, 0].max() + MAG_MARGIN / MAG_BIN) + 1
        self.centres = 10.0 ** (-0.2 * self.magnitude(np.arange(n_bins) + 0.5))
        self.n_sigma = float(n_sigma)
        weight = np.asarray(table.weight, dtype=float) * star_formation_factor(log_age, star_formation)
        self._sort(np.column_stack([table.teff, table.log_g, table.m_h, weight / weight.max()]), bins)

    def _sort(self, points, bins):
        """Put the arrays of the kernels into `arrays`."""
        from skdistmass.isochrones.kernel import EXP_STEPS

        zero = points[:, 2].min() - M_H_CELL / 2, points[:, 1].min()
        row = ((points[:, 2] - zero[0]) / M_H_CELL).astype(np.int64)
        column = ((points[:, 1] - zero[1]) / LOG_G_CELL).astype(np.int64)
        shape = row.max() + 1, column.max() + 1
        cell = row * shape[1] + column
        order = np.lexsort((points[:, 0], cell))
        ends = np.searchsorted(cell[order], np.arange(shape[0] * shape[1] + 1))
        start = np.column_stack([ends[:-1].reshape(shape), ends[shape[1] :: shape[1]]])
        m_h_range = np.tile([np.inf, -np.inf], (shape[0], 1))
        np.minimum.at(m_h_range[:, 0], row, points[:, 2])
        np.maximum.at(m_h_range[:, 1], row, points[:, 2])
        self.arrays = (
            np.ascontiguousarray(points[order], dtype=np.float32),
            np.ascontiguousarray(bins[order]),
            np.ascontiguousarray(start),
            m_h_range,
            np.array([zero[0], M_H_CELL, zero[1], LOG_G_CELL]),
            np.exp(-np.arange(int(0.5 * self.n_sigma**2 * EXP_STEPS) + 3) / EXP_STEPS),
        )

    def magnitude(self, position):
        """Return the absolute magnitude [mag] at a position in bins."""
        return self.mag_zero + MAG_BIN * position

    def posteriors(self, stars, sigmas, seen, length, probabilities):
        """Summarise the posterior of each star.

        Parameters
        ----------
        stars, sigmas : ndarray of shape (n_stars, 3)
            Teff [K], log g [dex], [M/H] [dex] and their 1σ errors.
        seen : ndarray of shape (n_stars, 2)
            Distance of a star of absolute magnitude 0 [pc] and 1σ error of the apparent magnitude [mag].
        length : float
            Scale length of the volume prior [pc]; 0 for none.
        probabilities : ndarray of shape (n_probabilities,)
            Cumulative probabilities at which the absolute magnitude is wanted.

        Returns
        -------
        quantiles : ndarray of shape (n_stars, n_probabilities)
            Absolute magnitudes [mag].
        rest : ndarray of shape (n_stars, n_summaries)
            The columns named in `SUMMARIES`: magnitudes [mag], masses [Msun], ages [Gyr].
        """
        from skdistmass.isochrones import kernel as compiled

        seen = seen / np.array([1.0, MAG_BIN])
        out = compiled.posteriors(
            stars, sigmas, seen, length, self.n_sigma, probabilities, self.arrays, self.centres, self.sizes
        )
        n = len(probabilities)
        quantiles, rest = self.magnitude(out[:, :n]), out[:, n:]
        for i, name in enumerate(SUMMARIES):
            if name.startswith("mass"):
                rest[:, i] = 10.0 ** (self.log_mass_zero + LOG_MASS_BIN * rest[:, i])
            elif name.startswith("age"):
                # A bin reaches half a step beyond the oldest isochrone; no age does.
                log_age = np.clip(self.log_age_zero + LOG_AGE_BIN * rest[:, i], *self.log_age_range)
                rest[:, i] = 10.0 ** (log_age - 9.0)
            elif name not in ("mean_scale", "chi2"):
                rest[:, i] = self.magnitude(rest[:, i])
        return quantiles, rest

    def cumulative(self, stars, sigmas, magnitudes):
        """Return the probability of a smaller absolute magnitude than each given one, for each star."""
        from skdistmass.isochrones.kernel import distributions

        positions = (magnitudes - self.mag_zero) / MAG_BIN
        return distributions(
            stars, sigmas, self.n_sigma, self.arrays, len(self.centres), self.sizes, positions
        )


def summarise_in_threads(index, stars, sigmas, seen, length, quantiles, n_jobs, progress):
    """Return quantiles of the absolute magnitude and a dict of the other summaries of each star."""
    parts = map_chunks(
        lambda *rows: index.posteriors(*rows, length, quantiles), (stars, sigmas, seen), n_jobs, progress
    )
    magnitudes, rest = (np.concatenate(blocks) for blocks in zip(*parts, strict=True))
    return magnitudes, dict(zip(SUMMARIES, rest.T, strict=True))
