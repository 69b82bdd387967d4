"""Isochrone points sorted into cells, so that the compiled sums find the neighbours of a star."""

from __future__ import annotations

from dataclasses import fields
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from skdistmass.columns.ranges import ISOCHRONE_RANGES
from skdistmass.physics.isochrones import IsochroneTable

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
# Points of an isochrone are merged over so many errors, and so much in magnitude [mag] and log mass [dex].
MERGED_SIGMA, MERGED_MAG, MERGED_LOG_MASS = 0.25, 0.02, 0.005
# Room at the ends of the magnitudes for smoothing and for errors of the apparent magnitude [mag].
MAG_MARGIN = 2.0
# The likelihood at this many sigma is below the smallest number.
MAX_N_SIGMA = 35
# Priors of the age by name.
STAR_FORMATIONS = ("constant", "log-uniform")


def check_table(table: IsochroneTable) -> None:
    """Check that a user's isochrones can be summed over.

    Parameters
    ----------
    table : IsochroneTable
        The points.

    Raises
    ------
    TypeError
        If it is no `IsochroneTable`.
    ValueError
        If it holds no point, a column has another length or values that are not finite or not possible.
    """
    if not isinstance(table, IsochroneTable):
        raise TypeError(f"table must be an IsochroneTable or None; received {type(table).__name__}")
    if not len(table):
        raise ValueError("table must hold at least one point; received none")
    for name in (field.name for field in fields(table) if field.name != "provenance"):
        values = getattr(table, name)
        if np.shape(values) != (len(table),):
            raise ValueError(f"table.{name} must have shape ({len(table)},); received {np.shape(values)}")
        bad = (~np.isfinite(values)).sum()
        if bad:
            raise ValueError(f"table.{name} must be finite; {bad} of {len(table)} points are not")
    for name, (low, high) in ISOCHRONE_RANGES.items():
        values = getattr(table, name)
        if not (np.min(values) >= low and np.max(values) <= high):
            raise ValueError(
                f"table.{name} must lie between {low:g} and {high:g}; received {np.min(values):g} to "
                f"{np.max(values):g}; is it in the unit that `IsochroneTable` names?"
            )
    if not np.max(table.weight) > 0:
        raise ValueError("table.weight must be positive for at least one point")


def star_formation_factor(
    log_age: npt.NDArray[np.floating], star_formation: str | float
) -> npt.NDArray[np.floating]:
    """Rate of star formation in units of a constant one.

    Parameters
    ----------
    log_age : ndarray of shape (n_points,)
        Ages [log10 yr].
    star_formation : {"constant", "log-uniform"} or float
        Prior of the age, as in `IsochroneDistance`; a number is a time scale [Gyr].

    Returns
    -------
    ndarray of shape (n_points,)
        Factors of the weights.
    """
    if star_formation == "constant":
        return np.ones_like(log_age)
    if isinstance(star_formation, str):
        return 10.0 ** (9.0 - log_age)
    return np.exp((10.0 ** (log_age - 9.0) - 14.0) / star_formation)


def merge_neighbours(
    points: npt.NDArray[np.float64], weight: npt.NDArray[np.float64], steps: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Merge points that follow each other on one isochrone more closely than the sums can tell.

    Parameters
    ----------
    points : ndarray of shape (n_points, 6)
        Teff [K], log g [dex], absolute magnitude [mag], log mass [dex]; then [M/H] [dex] and log age
        [log10 yr], which are the same all along an isochrone.
    weight : ndarray of shape (n_points,)
        Weights.
    steps : ndarray of shape (4,)
        No two points of which one of the first four differs by more are merged.

    Returns
    -------
    points : ndarray of shape (n_merged, 6)
        Weighted means.
    weight : ndarray of shape (n_merged,)
        Sums of the weights.
    """
    jump = abs(np.diff(points, axis=0))
    with np.errstate(divide="ignore", invalid="ignore"):
        length = np.nan_to_num(jump[:, :4] / steps, nan=0.0, posinf=1.0).max(axis=1)
    # Equal parts of the way along an isochrone, which is no shorter than the way in any of the four.
    length = np.where((jump[:, 4:] > 0).any(axis=1), 1.0, np.minimum(length, 1.0))
    part = np.floor(np.concatenate([[0.0], np.cumsum(length)]))
    first = np.flatnonzero(np.diff(part, prepend=-1.0))
    total, count = np.add.reduceat(weight, first), np.diff(first, append=len(part))
    # Points that weigh nothing are averaged evenly.
    share = np.where(total.repeat(count) > 0, weight, 1.0)
    share /= np.add.reduceat(share, first).repeat(count)
    off = (points - points[first].repeat(count, axis=0)) * share[:, None]
    merged = points[first] + np.add.reduceat(off, first)
    return merged, total


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
    floors : tuple of float, default=(0, 0, 0)
        Smallest errors of the labels [K, dex, dex]: points that they cannot tell apart are merged.

    Attributes
    ----------
    arrays : tuple of ndarray
        What the compiled sums take: a tuple of Teff [K], log g [dex] and [M/H] [dex] of each point; its
        weight; its bins of absolute magnitude, log mass and log age; the first point of each cell, with one
        more column for the end; the range of [M/H] of each row of cells; zero and step of the cells in [M/H],
        then in log g.
    n_sigma, floors : float, tuple of float
        As given.
    extent : ndarray of shape (3,)
        Range of Teff [K], log g [dex] and [M/H] [dex] that the points span.
    mag_zero, log_mass_zero, log_age_zero : float
        Where the first bin begins [mag, dex, log10 yr].
    magnitude_range, log_age_range : tuple of float
        Smallest and largest value of the points [mag, log10 yr].
    prior_age_interval : float
        Width of the central 68 % interval of the ages of all stars that the points stand for [Gyr].
    centres : ndarray of shape (n_bins,)
        10^(-0.2 M) at the centre of each bin of absolute magnitude.
    sizes : tuple of int
        Numbers of bins in log mass and log age.
    """

    def __init__(
        self,
        table: IsochroneTable,
        band: str,
        star_formation: str | float,
        n_sigma: float,
        floors: tuple[float, float, float] = (0.0, 0.0, 0.0),
    ):
        magnitude = np.asarray(getattr(table, f"abs_mag_{band.lower()}"), dtype=float)
        log_mass = np.log10(np.asarray(table.mass, dtype=float))
        log_age = np.asarray(table.log_age, dtype=float)
        self.magnitude_range = magnitude.min(), magnitude.max()
        self.mag_zero = magnitude.min() - MAG_MARGIN
        self.log_mass_zero = log_mass.min() - LOG_MASS_BIN / 2
        self.log_age_zero = log_age.min() - LOG_AGE_BIN / 2
        self.log_age_range = log_age.min(), log_age.max()
        self.extent = np.array([np.ptp(values) for values in (table.teff, table.log_g, table.m_h)])
        weight = np.asarray(table.weight, dtype=float) * star_formation_factor(log_age, star_formation)
        age_bin = ((log_age - self.log_age_zero) / LOG_AGE_BIN).astype(np.int64)
        share = np.bincount(age_bin, weight)
        quantiles = np.searchsorted(np.cumsum(share), np.array(CENTRAL_QUANTILES) * share.sum())
        ages = 10.0 ** (self.log_age_zero + LOG_AGE_BIN * (quantiles + 0.5) - 9.0)
        self.prior_age_interval = float(ages[2] - ages[0])
        points = np.column_stack([table.teff, table.log_g, magnitude, log_mass, table.m_h, log_age])
        steps = MERGED_SIGMA * floors[0], MERGED_SIGMA * floors[1], MERGED_MAG, MERGED_LOG_MASS
        points, weight = merge_neighbours(points.astype(float), weight / weight.max(), np.array(steps))
        zeros = np.array([self.mag_zero, self.log_mass_zero, self.log_age_zero])
        bins = ((points[:, [2, 3, 5]] - zeros) / (MAG_BIN, LOG_MASS_BIN, LOG_AGE_BIN)).astype(np.uint16)
        self.sizes = int(bins[:, 1].max()) + 1, int(bins[:, 2].max()) + 1
        n_bins = int((magnitude.max() - self.mag_zero) / MAG_BIN) + 1 + int(MAG_MARGIN / MAG_BIN)
        self.centres = 10.0 ** (-0.2 * self.magnitude(np.arange(n_bins) + 0.5))
        self.n_sigma, self.floors = float(n_sigma), floors
        self._sort(np.column_stack([points[:, [0, 1, 4]], weight]), bins)

    def _sort(self, points: npt.NDArray[np.float64], bins: npt.NDArray[np.uint16]) -> None:
        """Put the arrays of the kernels into `arrays`."""
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
        teff, log_g, m_h, weight = np.ascontiguousarray(points[order].T, dtype=np.float32)
        self.arrays = (
            (teff, log_g, m_h),
            weight,
            np.ascontiguousarray(bins[order]),
            np.ascontiguousarray(start),
            m_h_range,
            np.array([zero[0], M_H_CELL, zero[1], LOG_G_CELL]),
        )

    def magnitude(self, position: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
        """Absolute magnitude at a position in bins [mag].

        Parameters
        ----------
        position : ndarray
            Positions [bins].

        Returns
        -------
        ndarray
            Absolute magnitudes [mag].
        """
        return self.mag_zero + MAG_BIN * position


shared_index = lru_cache(maxsize=2)(PointIndex)
"""`PointIndex` of a table that never changes, sorted once in a process: the shipped isochrones."""
