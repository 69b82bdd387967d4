"""Compiled sums over the isochrone points near a star.

The points are sorted by cells of metallicity and surface gravity and, inside a cell, by temperature, so that
the neighbours of a star are a few contiguous runs. Their chi squares are worked out in vectors, those within
reach are collected, and each full collection gets its exponentials in vectors too. The kernels release the
global lock and treat each star on its own: any number of threads may share the points (numba's own parallel
loops may not be entered from two threads at once), and a star's result does not depend on those beside it.
"""

from __future__ import annotations

import math

import numba
import numpy as np

from skdistmass.compiled import OPTIONS, entry_point
from skdistmass.isochrones.index import CENTRAL_QUANTILES, SUMMARIES

N_SUMMARIES = len(SUMMARIES)
# The points are discrete: densities are smoothed by this share of half the width of the central 68 %.
SMOOTHING = 0.25
# Points taken from a run at a time, and collected before their exponentials are worked out.
RUN, COLLECTION = 512, 1024
# exp(x) = 2^k exp(x - k ln 2) with a Taylor series; adding 1.5 * 2^52 leaves k in the lowest bits.
_ROUND, _LOG2_E = 6755399441055744.0, 1.4426950408889634
_LN2_HIGH, _LN2_LOW = 0.6931471803691238, 1.9082149292705877e-10
_SERIES = tuple(1.0 / math.factorial(n) for n in range(7, -1, -1))

_part = numba.njit(**OPTIONS)


@_part
def _fill(row, value):
    # Plain loops compile in a tenth of the time that slices and methods of arrays need.
    for i in range(len(row)):
        row[i] = value


@_part
def _filled(hist):
    """Range of bins outside which a histogram is empty."""
    low, high = 0, len(hist)
    while low < high and hist[low] == 0.0:
        low += 1
    while high > low and hist[high - 1] == 0.0:
        high -= 1
    return low, high


@_part
def _quantiles(hist, low, high, probabilities, out):
    """Positions in bins where the cumulative sum of a histogram reaches shares of its total."""
    total = 0.0
    for i in range(low, high):
        total += hist[i]
    for q in range(len(probabilities)):
        target, below, i = probabilities[q] * total, 0.0, low
        while i < high and not (below + hist[i] >= target and hist[i] > 0.0):
            below += hist[i]
            i += 1
        out[q] = i + (target - below) / hist[i] if i < high else float(high)


@_part
def _add_pair(share, left, right, out):
    for i in range(len(out)):
        out[i] += share * (left[i] + right[i])


@_part
def _add_pairs(shares, left, right, out):
    """Add four neighbours on either side, each times its share, of which the nearest is first."""
    n = len(out)
    s0, s1, s2, s3 = shares[0], shares[1], shares[2], shares[3]
    l0, l1, l2, l3 = left[3 : 3 + n], left[2 : 2 + n], left[1 : 1 + n], left[:n]
    r0, r1, r2, r3 = right[:n], right[1 : 1 + n], right[2 : 2 + n], right[3 : 3 + n]
    for i in range(n):
        near = s0 * (l0[i] + r0[i]) + s1 * (l1[i] + r1[i])
        out[i] += near + (s2 * (l2[i] + r2[i]) + s3 * (l3[i] + r3[i]))


@_part
def _smooth(hist, low, high, sigma, room, out):
    """Convolve a histogram with a Gaussian of `sigma` bins; return the new range of filled bins."""
    reach = min(math.ceil(4.0 * sigma), len(hist))
    new_low, new_high = max(0, low - reach), min(len(hist), high + reach)
    # The histogram with zeros on either side, so that no sum ends before the others.
    first, n = low - 2 * reach, new_high - new_low
    shares, padded = room[:reach], room[len(hist) :]
    _fill(padded[: high - low + 4 * reach], 0.0)
    for i in range(low, high):
        padded[i - first] = hist[i]
    smoothed, middle = out[new_low:new_high], new_low - first
    for i in range(n):
        smoothed[i] = padded[middle + i]
    # Each share is the one before times a factor, which falls by another factor from one to the next.
    norm, share, factor, fall = 1.0, 1.0, math.exp(-0.5 / sigma**2), math.exp(-1.0 / sigma**2)
    for k in range(reach):
        share *= factor
        factor *= fall
        shares[k] = share
        norm += 2.0 * share
    k = 1
    while k <= reach:
        right = padded[middle + k :]
        if k + 3 <= reach:
            _add_pairs(shares[k - 1 :], padded[middle - k - 3 :], right, smoothed)
            k += 4
        else:
            _add_pair(shares[k - 1], padded[middle - k :], right, smoothed)
            k += 1
    for i in range(n):
        smoothed[i] /= norm
    return new_low, new_high


@_part
def _smooth_points(hist, low, high, central, room, out):
    """Smooth away that the points are discrete; `central` has the 16th and, last, the 84th percentile."""
    return _smooth(hist, low, high, max(SMOOTHING * 0.5 * (central[2] - central[0]), 1.0), room, out)


@_part
def _mode(hist, low, high):
    """Position of the largest value of a histogram."""
    best = low
    for i in range(low, high):
        if hist[i] > hist[best]:
            best = i
    return best + 0.5


@_part
def _search(values, low, high, target):
    """First row in [low, high) whose value, in increasing order, is not below the target."""
    while low < high:
        middle = (low + high) // 2
        if values[middle] < target:
            low = middle + 1
        else:
            high = middle
    return low


@_part
def _reach(value, sigma, n_sigma, zero, step, n_cells):
    """First and one past the last cell within reach of a value."""
    low = math.floor((value - n_sigma * sigma - zero) / step)
    high = math.floor((value + n_sigma * sigma - zero) / step) + 1.0
    return int(min(max(low, 0.0), n_cells)), int(min(max(high, 0.0), n_cells))


@_part
def _collect(star, per_sigma, cut, labels, run, work, chosen, n):
    """Append chi square and number of each point of a run within reach; return how many there are now."""
    teff, log_g, m_h = labels
    # Unsigned numbers cannot count from the end, which would keep the loop out of vectors.
    first, chi2 = np.uint64(run[0]), work[1]
    for k in range(np.uint64(run[1] - run[0])):
        d_teff = (teff[first + k] - star[0]) * per_sigma[0]
        d_log_g = (log_g[first + k] - star[1]) * per_sigma[1]
        d_m_h = (m_h[first + k] - star[2]) * per_sigma[2]
        chi2[k] = d_teff * d_teff + d_log_g * d_log_g + d_m_h * d_m_h
    for k in range(np.uint64(run[1] - run[0])):
        # Written always and counted if within reach: a branch would be guessed wrong too often.
        work[0, n] = chi2[k]
        chosen[n] = first + k
        n += np.uint64(chi2[k] <= cut)
    return n


@_part
def _add(n, work, chosen, weight, scale, bins, hists):
    """Add the weights of the collected points to the histograms; return the smallest chi square."""
    chi2, power, value = work[0], work[1], work[2]
    for b in range(n):
        power[b] = chi2[b] * (-0.5 * _LOG2_E) + _ROUND
    for b in range(n):
        k = power[b] - _ROUND
        rest = (-0.5 * chi2[b] - k * _LN2_HIGH) - k * _LN2_LOW
        series = _SERIES[0]
        for i in range(1, len(_SERIES)):
            series = series * rest + _SERIES[i]
        value[b] = series
    bits = power.view(np.int64)
    for b in range(n):
        bits[b] = (bits[b] + 1023) << 52
    for b in range(n):
        value[b] *= power[b]
    mag_hist, mass_hist, age_hist = hists
    least = np.inf
    for b in range(n):
        least = min(least, chi2[b])
        p = chosen[b]
        share = value[b] * weight[p] * scale[bins[p, 0]]
        mag_hist[bins[p, 0]] += share
        mass_hist[bins[p, 1]] += share
        age_hist[bins[p, 2]] += share
    return least


@_part
def _accumulate(star, sigma, n_sigma, scale, index, work, chosen, hists):
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
    work, chosen : ndarray
        Room for the collection, from `_room`.
    hists : tuple of ndarray
        Histograms of absolute magnitude, log mass and log age; changed in place.

    Returns
    -------
    float
        Smallest chi square of any point; infinite if none is within reach.
    """
    labels, weight, bins, start, m_h_range, axes = index
    cut, chi2_min, n = n_sigma * n_sigma, np.inf, np.uint64(0)
    per_sigma = 1.0 / sigma[0], 1.0 / sigma[1], 1.0 / sigma[2]
    m_low, m_high = _reach(star[2], sigma[2], n_sigma, axes[0], axes[1], start.shape[0])
    for i in range(m_low, m_high):
        off = max(0.0, max(m_h_range[i, 0] - star[2], star[2] - m_h_range[i, 1])) * per_sigma[2]
        m_cut = cut - off * off
        if m_cut < 0.0:
            continue
        g_low, g_high = _reach(star[1], sigma[1], math.sqrt(m_cut), axes[2], axes[3], start.shape[1] - 1)
        for j in range(g_low, g_high):
            edge = axes[2] + j * axes[3]
            off = max(0.0, max(edge - star[1], star[1] - edge - axes[3])) * per_sigma[1]
            reach = math.sqrt(max(m_cut - off * off, 0.0)) * sigma[0]
            first = _search(labels[0], start[i, j], start[i, j + 1], star[0] - reach)
            last = _search(labels[0], first, start[i, j + 1], star[0] + reach)
            while first < last:
                stop = min(first + RUN, last)
                n = _collect(star, per_sigma, cut, labels, (first, stop), work, chosen, n)
                if n >= np.uint64(COLLECTION):
                    chi2_min = min(chi2_min, _add(n, work, chosen, weight, scale, bins, hists))
                    n = np.uint64(0)
                first = stop
    return min(chi2_min, _add(n, work, chosen, weight, scale, bins, hists))


@_part
def _room():
    """Room for what `_accumulate` collects: chi square, power of two and value of a point, and its number."""
    size = COLLECTION + RUN
    return np.empty((3, size)), np.empty(size, np.uint64)


@_part
def _prepare(scale, centres, modulus_distance, length):
    """Fill the volume prior of each bin of absolute magnitude: d^3 exp(-d/L) for a step of ln d."""
    for i in range(len(scale)):
        distance = modulus_distance * centres[i] / length
        scale[i] = distance**3 * math.exp(-distance) if modulus_distance > 0.0 else 1.0


@_part
def _summarise(row, hists, low, high, mag_error, centres, room, blurred, smoothed):
    """Write what `SUMMARIES` names, without the last; magnitudes fill the bins from `low` to `high`."""
    hist, mass, age = hists
    _quantiles(hist, low, high, CENTRAL_QUANTILES, row[3:6])
    total, mean = 0.0, 0.0
    for i in range(low, high):
        total += hist[i]
        mean += hist[i] * i
    row[0] = mean / total + 0.5
    s_low, s_high = _smooth_points(hist, low, high, row[3:6], room, smoothed)
    row[1] = _mode(smoothed, s_low, s_high)
    if mag_error > 0.0:
        low, high = _smooth(hist, low, high, mag_error, room, blurred)
        hist = blurred
        _quantiles(hist, low, high, CENTRAL_QUANTILES, row[3:6])
        s_low, s_high = _smooth_points(hist, low, high, row[3:6], room, smoothed)
    # A distance has the density p(M) |dM/dd|, in proportion to p(M) / d.
    for i in range(s_low, s_high):
        smoothed[i] /= centres[i]
    row[2] = _mode(smoothed, s_low, s_high)
    total, scale = 0.0, 0.0
    for i in range(low, high):
        total += hist[i]
        scale += hist[i] * centres[i]
    row[6] = scale / total
    _quantiles(mass, 0, len(mass), CENTRAL_QUANTILES, row[7:10])
    _quantiles(age, 0, len(age), CENTRAL_QUANTILES, row[10:13])


@entry_point("the sums over isochrones")
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
    hists = np.zeros(n_bins), np.zeros(sizes[0]), np.zeros(sizes[1])
    blurred, smoothed, scale = np.zeros(n_bins), np.zeros(n_bins), np.ones(n_bins)
    room, (work, chosen) = np.empty(6 * n_bins), _room()
    for s in range(len(stars)):
        if not math.isfinite(stars[s, 0] + stars[s, 1] + stars[s, 2]):
            continue
        for hist in hists:
            _fill(hist, 0.0)
        if length > 0.0:
            _prepare(scale, centres, seen[s, 0], length)
        chi2 = _accumulate(stars[s], sigmas[s], n_sigma, scale, index, work, chosen, hists)
        low, high = _filled(hists[0])
        if low == high:
            continue
        _quantiles(hists[0], low, high, probabilities, out[s, :n])
        _summarise(out[s, n:], hists, low, high, seen[s, 1], centres, room, blurred, smoothed)
        out[s, n + N_SUMMARIES - 1] = chi2
    return out


@entry_point("the densities from isochrones")
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
    hists = np.zeros(n_bins), np.zeros(sizes[0]), np.zeros(sizes[1])
    scale, smoothed, central = np.ones(n_bins), np.zeros(n_bins), np.zeros(3)
    cumulative, room = np.zeros(n_bins + 1), np.empty(6 * n_bins)
    work, chosen = _room()
    for s in range(len(stars)):
        if not math.isfinite(stars[s, 0] + stars[s, 1] + stars[s, 2]):
            continue
        _fill(hists[0], 0.0)
        _accumulate(stars[s], sigmas[s], n_sigma, scale, index, work, chosen, hists)
        low, high = _filled(hists[0])
        if low == high:
            continue
        _quantiles(hists[0], low, high, CENTRAL_QUANTILES, central)
        _fill(smoothed, 0.0)
        _smooth_points(hists[0], low, high, central, room, smoothed)
        for i in range(n_bins):
            cumulative[i + 1] = cumulative[i] + smoothed[i]
        for e in range(len(edges)):
            position = min(max(edges[e], 0.0), float(n_bins))
            i = min(int(position), n_bins - 1)
            out[s, e] = (cumulative[i] + (position - i) * smoothed[i]) / cumulative[n_bins]
    return out
