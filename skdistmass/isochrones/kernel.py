"""Compiled sums over the isochrone points near a star.

The points are sorted by cells of metallicity and surface gravity and, inside a cell, by temperature, so that
the neighbours of a star are a few contiguous runs. The kernels release the global lock and treat each star on
its own: any number of threads may share the points (numba's own parallel loops may not be entered from two
threads at once), and the result does not depend on how the stars are divided.
"""

from __future__ import annotations

import math

import numba
import numpy as np

from skdistmass.isochrones.index import CENTRAL_QUANTILES, EXP_STEPS, SUMMARIES

N_SUMMARIES = len(SUMMARIES)
# The points are discrete: densities are smoothed by this share of half the width of the central 68 %.
SMOOTHING = 0.25


def _compile(function):
    """Compile without the global lock, and keep the result on disk where there is a place for it."""
    try:
        return numba.njit(nogil=True, cache=True)(function)
    except RuntimeError:  # neither the package nor the home directory can be written to
        return numba.njit(nogil=True)(function)


@_compile
def _quantile(hist, low, high, total, probability):
    """Position in bins where the cumulative sum of a histogram reaches a share of its total."""
    target = probability * total
    below = 0.0
    for i in range(low, high):
        if below + hist[i] >= target and hist[i] > 0.0:
            return i + (target - below) / hist[i]
        below += hist[i]
    return float(high)


@_compile
def _smooth(hist, low, high, sigma, out):
    """Convolve a histogram with a Gaussian of `sigma` bins; return the new range of filled bins."""
    reach = math.ceil(4.0 * sigma)
    new_low, new_high = max(0, low - reach), min(len(hist), high + reach)
    out[new_low:new_high] = 0.0
    norm = 0.0
    for k in range(-reach, reach + 1):
        norm += math.exp(-0.5 * (k / sigma) ** 2)
    for k in range(-reach, reach + 1):
        share = math.exp(-0.5 * (k / sigma) ** 2) / norm
        for i in range(max(low, new_low - k), min(high, new_high - k)):
            out[i + k] += share * hist[i]
    return new_low, new_high


@_compile
def _peak(hist, low, high, width, slope, scratch):
    """Position of the largest value of a smoothed histogram times exp(slope * bin).

    `width` is half that of the central 68 %.
    """
    low, high = _smooth(hist, low, high, max(SMOOTHING * width, 1.0), scratch)
    best, where = -1.0, low
    for i in range(low, high):
        value = scratch[i] * math.exp(slope * (i - low))
        if value > best:
            best, where = value, i
    return where + 0.5


@_compile
def _central(hist, out):
    """Write the 16th, 50th and 84th percentile of a histogram as positions in bins."""
    low, high = _filled(hist)
    total = hist[low:high].sum()
    for i in range(3):
        out[i] = _quantile(hist, low, high, total, CENTRAL_QUANTILES[i])
    return low, high


@_compile
def _search(values, low, high, target):
    """First row in [low, high) whose first value, in increasing order, is not below the target."""
    while low < high:
        middle = (low + high) // 2
        if values[middle, 0] < target:
            low = middle + 1
        else:
            high = middle
    return low


@_compile
def _filled(hist):
    """Range of bins outside which a histogram is empty."""
    low, high = 0, len(hist)
    while low < high and hist[low] == 0.0:
        low += 1
    while high > low and hist[high - 1] == 0.0:
        high -= 1
    return low, high


@_compile
def _reach(value, sigma, n_sigma, zero, step, n_cells):
    """First and one past the last cell within reach of a value."""
    low = math.floor((value - n_sigma * sigma - zero) / step)
    high = math.floor((value + n_sigma * sigma - zero) / step) + 1.0
    return int(min(max(low, 0.0), n_cells)), int(min(max(high, 0.0), n_cells))


@_compile
def _accumulate(star, sigma, n_sigma, scale, index, hists):
    """Add the weight of every point within reach of a star to the histograms.

    Parameters
    ----------
    star, sigma : ndarray of shape (3,)
        Teff [K], log g [dex], [M/H] [dex] and their 1σ errors.
    n_sigma : float
        Reach in units of the errors.
    scale : ndarray of shape (n_bins,)
        A factor for each bin of the absolute magnitude.
    index : tuple of ndarray
        `PointIndex.arrays`.
    hists : tuple of ndarray
        Histograms of absolute magnitude, log mass and log age; changed in place.

    Returns
    -------
    float
        Smallest chi square of any point; infinite if none is within reach.
    """
    coordinates, bins, start, m_h_range, axes, exp_table = index
    cut = n_sigma * n_sigma
    chi2_min = np.inf
    m_low, m_high = _reach(star[2], sigma[2], n_sigma, axes[0], axes[1], start.shape[0])
    teff, log_g, m_h = star
    per_teff, per_log_g, per_m_h = 1.0 / sigma[0], 1.0 / sigma[1], 1.0 / sigma[2]
    mag_hist, mass_hist, age_hist = hists
    for i in range(m_low, m_high):
        off = max(0.0, max(m_h_range[i, 0] - m_h, m_h - m_h_range[i, 1])) * per_m_h
        m_cut = cut - off * off
        if m_cut < 0.0:
            continue
        g_low, g_high = _reach(log_g, sigma[1], math.sqrt(m_cut), axes[2], axes[3], start.shape[1] - 1)
        for j in range(g_low, g_high):
            edge = axes[2] + j * axes[3]
            off = max(0.0, max(edge - log_g, log_g - edge - axes[3])) * per_log_g
            reach = math.sqrt(max(m_cut - off * off, 0.0)) * sigma[0]
            last = start[i, j + 1]
            for p in range(_search(coordinates, start[i, j], last, teff - reach), last):
                d_teff = coordinates[p, 0] - teff
                if d_teff > reach:
                    break
                d_teff *= per_teff
                d_log_g = (coordinates[p, 1] - log_g) * per_log_g
                d_m_h = (coordinates[p, 2] - m_h) * per_m_h
                chi2 = d_teff * d_teff + d_log_g * d_log_g + d_m_h * d_m_h
                if chi2 > cut:
                    continue
                chi2_min = min(chi2_min, chi2)
                position = chi2 * (0.5 * EXP_STEPS)
                k = int(position)
                value = exp_table[k] + (position - k) * (exp_table[k + 1] - exp_table[k])
                value *= coordinates[p, 3] * scale[bins[p, 0]]
                mag_hist[bins[p, 0]] += value
                mass_hist[bins[p, 1]] += value
                age_hist[bins[p, 2]] += value
    return chi2_min


@_compile
def _prepare(scale, centres, modulus_distance, length):
    """Fill the volume prior of each bin of absolute magnitude: d^3 exp(-d/L) for a step of ln d."""
    scale[:] = 1.0
    if modulus_distance > 0.0:
        for i in range(len(scale)):
            distance = modulus_distance * centres[i] / length
            scale[i] = distance**3 * math.exp(-distance)


@_compile
def _summarise(row, mag, mass, age, mag_error, centres, blurred, scratch):
    """Write what `SUMMARIES` names, without the last, from the histograms of one star."""
    low, high = _filled(mag)
    row[0] = (mag[low:high] * np.arange(low, high)).sum() / mag[low:high].sum() + 0.5
    _central(mag, row[3:6])
    row[1] = _peak(mag, low, high, 0.5 * (row[5] - row[3]), 0.0, scratch)
    hist = mag
    if mag_error > 0.0:
        blurred[:] = 0.0
        _smooth(mag, low, high, mag_error, blurred)
        hist = blurred
        low, high = _central(hist, row[3:6])
    # A distance has the density p(M) |dM/dd|, in proportion to p(M) / d.
    slope = math.log(centres[0] / centres[1])
    row[2] = _peak(hist, low, high, 0.5 * (row[5] - row[3]), slope, scratch)
    row[6] = (hist[low:high] * centres[low:high]).sum() / hist[low:high].sum()
    _central(mass, row[7:10])
    _central(age, row[10:13])


@_compile
def posteriors(stars, sigmas, seen, length, n_sigma, probabilities, index, centres, sizes):
    """Summarise the posterior of each star.

    Parameters
    ----------
    stars, sigmas : ndarray of shape (n_stars, 3)
        Teff [K], log g [dex], [M/H] [dex] and their 1σ errors.
    seen : ndarray of shape (n_stars, 2)
        Distance at which the absolute magnitude would be 0 [pc], 0 switches the volume prior off, and the
        error of the apparent magnitude [bins].
    length : float
        Scale length of the volume prior [pc]; 0 for none.
    n_sigma : float
        Reach in units of the errors.
    probabilities : ndarray of shape (n_probabilities,)
        Cumulative probabilities at which the absolute magnitude is wanted.
    index : tuple of ndarray
        `PointIndex.arrays`.
    centres : ndarray of shape (n_bins,)
        10^(-0.2 M) at the centre of each bin of absolute magnitude.
    sizes : tuple of int
        Numbers of bins in log mass and log age.

    Returns
    -------
    ndarray of shape (n_stars, n_probabilities + N_SUMMARIES)
        Quantiles, then the columns of `SUMMARIES`; NaN where no point is within reach.
    """
    n = len(probabilities)
    out = np.full((len(stars), n + N_SUMMARIES), np.nan)
    n_bins = len(centres)
    mag, mass, age = np.zeros(n_bins), np.zeros(sizes[0]), np.zeros(sizes[1])
    blurred, scratch, scale = np.zeros(n_bins), np.zeros(n_bins), np.ones(n_bins)
    for s in range(len(stars)):
        if not np.isfinite(stars[s].sum()):
            continue
        mag[:], mass[:], age[:] = 0.0, 0.0, 0.0
        if length > 0.0:
            _prepare(scale, centres, seen[s, 0], length)
        chi2 = _accumulate(stars[s], sigmas[s], n_sigma, scale, index, (mag, mass, age))
        low, high = _filled(mag)
        if low == high:
            continue
        total = mag[low:high].sum()
        for i in range(n):
            out[s, i] = _quantile(mag, low, high, total, probabilities[i])
        _summarise(out[s, n:], mag, mass, age, seen[s, 1], centres, blurred, scratch)
        out[s, n + N_SUMMARIES - 1] = chi2
    return out


@_compile
def distributions(stars, sigmas, n_sigma, index, n_bins, sizes, edges):
    """Evaluate the cumulative distribution of the smoothed absolute magnitude of each star.

    Parameters
    ----------
    stars, sigmas, n_sigma, index, sizes
        As for `posteriors`.
    n_bins : int
        Number of bins of absolute magnitude.
    edges : ndarray of shape (n_edges,)
        Where to evaluate [bins].

    Returns
    -------
    ndarray of shape (n_stars, n_edges)
        Probability of a smaller absolute magnitude; NaN where no point is within reach.
    """
    out = np.full((len(stars), len(edges)), np.nan)
    mag, mass, age = np.zeros(n_bins), np.zeros(sizes[0]), np.zeros(sizes[1])
    scale, blurred, central = np.ones(n_bins), np.zeros(n_bins), np.zeros(3)
    cumulative = np.zeros(n_bins + 1)
    for s in range(len(stars)):
        if not np.isfinite(stars[s].sum()):
            continue
        mag[:] = 0.0
        _accumulate(stars[s], sigmas[s], n_sigma, scale, index, (mag, mass, age))
        low, high = _central(mag, central)
        if low == high:
            continue
        blurred[:] = 0.0
        _smooth(mag, low, high, max(SMOOTHING * 0.5 * (central[2] - central[0]), 1.0), blurred)
        for i in range(n_bins):
            cumulative[i + 1] = cumulative[i] + blurred[i]
        for e in range(len(edges)):
            position = min(max(edges[e], 0.0), float(n_bins))
            i = min(int(position), n_bins - 1)
            out[s, e] = (cumulative[i] + (position - i) * blurred[i]) / cumulative[n_bins]
    return out
