"""From a Gaia parallax to a distance: zero point, posterior of the distance.

A negative or noisy parallax is a legal measurement. The distance is therefore read from a posterior with the
exponentially decreasing space density prior of Bailer-Jones (2015), not from the inverse of the parallax.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from functools import cache
from types import ModuleType

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skdistmass.columns import as_floats

FloatArray = NDArray[np.float64]

DEFAULT_LENGTH_SCALE = 1350.0  # Astraatmadja & Bailer-Jones 2016 [pc]

_FIVE_PARAMETERS, _SIX_PARAMETERS = 31, 95
_MAGNITUDE_RANGE = (6.0, 21.0)
_NU_EFF_RANGE = (1.1, 1.9)
_PSEUDOCOLOUR_RANGE = (1.24, 1.72)

# Three real roots of the mode's cubic need parallax / error above sqrt(6); below that any second or third
# root is a rounding error.
_SINGLE_ROOT_BELOW = 2.44

_BLOCK = 1024
_GRID_SIZE = 257
_LOG_DROP = 25.0


class ZeroPointReason(IntEnum):
    """Why a source has no parallax zero point.

    Notes
    -----
    ======================= ===== ================================================================
    member                  value meaning
    ======================= ===== ================================================================
    ``VALID``               0     the zero point is given
    ``MISSING_INPUT``       1     an input that the solution type needs is NaN
    ``NO_SOLUTION_TYPE``    2     neither a five- (31) nor a six-parameter (95) astrometric solution
    ``MAGNITUDE_RANGE``     3     G is not inside 6-21 mag
    ``COLOUR_RANGE``        4     effective wavenumber not inside 1.1-1.9, or pseudocolour not inside
                                  1.24-1.72 per micrometre
    ======================= ===== ================================================================
    """

    VALID = 0
    MISSING_INPUT = 1
    NO_SOLUTION_TYPE = 2
    MAGNITUDE_RANGE = 3
    COLOUR_RANGE = 4


@cache
def _zero_point_module() -> ModuleType:
    from zero_point import zpt

    zpt.load_tables()
    return zpt


def _strictly_inside(values: FloatArray, limits: tuple[float, float]) -> NDArray[np.bool_]:
    return (values > limits[0]) & (values < limits[1])


def zero_point(
    phot_g_mean_mag: ArrayLike,
    nu_eff: ArrayLike,
    pseudocolour: ArrayLike,
    ecl_lat: ArrayLike,
    astrometric_params_solved: ArrayLike,
) -> tuple[FloatArray, NDArray[np.int8]]:
    """Parallax zero point of Gaia EDR3 and DR3 sources [mas].

    Subtract it from the catalogue's parallax.

    Parameters
    ----------
    phot_g_mean_mag : array-like
        Gaia G magnitude [mag].
    nu_eff : array-like
        Effective wavenumber used in the astrometry [1/µm]; needed by five-parameter solutions.
    pseudocolour : array-like
        Astrometrically estimated pseudocolour [1/µm]; needed by six-parameter solutions.
    ecl_lat : array-like
        Ecliptic latitude [deg], see `skdistmass.physics.coordinates.ecliptic_latitude`.
    astrometric_params_solved : array-like
        Gaia's code of the solution: 31 for five parameters, 95 for six.

    Returns
    -------
    zero_point : ndarray of float
        Zero point [mas]; NaN where there is none.
    reason : ndarray of int8
        Value of `ZeroPointReason` for each source, 0 where the zero point is given.

    Raises
    ------
    ValueError
        If the inputs do not broadcast against each other.

    Notes
    -----
    The coefficients are those of the package ``gaiadr3-zeropoint``. Where several reasons hold, the one that
    comes first in `ZeroPointReason` is reported.

    References
    ----------
    Lindegren et al. 2021, A&A 649, A4.

    Examples
    --------
    >>> value, reason = zero_point([13.0, 5.0], 1.45, float("nan"), 60.0, 31)
    >>> value.round(4)
    array([-0.0211,     nan])
    >>> [ZeroPointReason(r).name for r in reason]
    ['VALID', 'MAGNITUDE_RANGE']
    """
    inputs = (phot_g_mean_mag, nu_eff, pseudocolour, ecl_lat, astrometric_params_solved)
    shape = np.broadcast_shapes(*(np.shape(values) for values in inputs))
    units = ("mag", "1/um", "1/um", "deg", "")
    magnitude, nu_eff, pseudocolour, latitude, solved = (
        np.broadcast_to(as_floats(*given), shape).ravel() for given in zip(inputs, units, strict=True)
    )
    reason = _zero_point_reason(magnitude, nu_eff, pseudocolour, latitude, solved)
    valid = reason == ZeroPointReason.VALID
    value = np.full(magnitude.shape, np.nan)
    if valid.any():
        value[valid] = _zero_point_module().get_zpt(
            magnitude[valid], nu_eff[valid], pseudocolour[valid], latitude[valid], solved[valid]
        )
    return value.reshape(shape), reason.reshape(shape)


def _zero_point_reason(
    magnitude: FloatArray,
    nu_eff: FloatArray,
    pseudocolour: FloatArray,
    latitude: FloatArray,
    solved: FloatArray,
) -> NDArray[np.int8]:
    six = solved == _SIX_PARAMETERS
    colour = np.where(six, pseudocolour, nu_eff)
    colour_inside = np.where(
        six, _strictly_inside(colour, _PSEUDOCOLOUR_RANGE), _strictly_inside(colour, _NU_EFF_RANGE)
    )
    typed = six | (solved == _FIVE_PARAMETERS)
    missing = ~np.isfinite(magnitude) | ~np.isfinite(latitude) | np.isnan(solved)
    missing |= typed & ~np.isfinite(colour)
    conditions = [missing, ~typed, ~_strictly_inside(magnitude, _MAGNITUDE_RANGE), ~colour_inside]
    reasons = [
        ZeroPointReason.MISSING_INPUT,
        ZeroPointReason.NO_SOLUTION_TYPE,
        ZeroPointReason.MAGNITUDE_RANGE,
        ZeroPointReason.COLOUR_RANGE,
    ]
    return np.select(conditions, [int(r) for r in reasons], default=0).astype(np.int8)


def _scaled(
    parallax: ArrayLike, parallax_error: ArrayLike, length_scale: ArrayLike
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Parallax and error in units of the inverse length scale, NaN where the error is not positive."""
    scale = as_floats(length_scale, "pc") / 1000.0
    if not np.all(scale > 0):
        raise ValueError(
            f"`length_scale` [pc] must be positive; received a minimum of {np.min(length_scale)}. "
            f"The default is {DEFAULT_LENGTH_SCALE:g} pc"
        )
    w = as_floats(parallax, "mas") * scale
    s = as_floats(parallax_error, "mas") * scale
    w, s, scale = np.broadcast_arrays(w, np.where(s > 0, s, np.nan), scale * 1000.0)
    return w, s, scale


def edsd_mode(
    parallax: ArrayLike, parallax_error: ArrayLike, length_scale: ArrayLike = DEFAULT_LENGTH_SCALE
) -> FloatArray:
    """Mode of the distance posterior with an exponentially decreasing space density prior [pc].

    Parameters
    ----------
    parallax : array-like
        Parallax, zero point subtracted [mas]; may be negative.
    parallax_error : array-like
        Its standard error [mas].
    length_scale : float or array-like, default=1350
        Length scale L of the prior [pc].

    Returns
    -------
    ndarray of float
        Distance [pc]; NaN where the parallax is missing or its error is not positive.

    Raises
    ------
    ValueError
        If a length scale is not positive.

    Notes
    -----
    The posterior is p(d) ∝ d² exp(-d/L) exp(-(ϖ - 1/d)²/(2σ²)), and its extrema solve

    d³/L - 2d² + (ϖ/σ²) d - 1/σ² = 0  (d in kpc, ϖ and σ in mas).

    A negative parallax leaves one positive root. A positive one leaves one or three; of three the smallest is
    the mode that the parallax makes and the largest the prior's, so the smallest is taken. The limits are 1/ϖ
    for small errors and 2L for large ones.

    References
    ----------
    Bailer-Jones 2015, PASP 127, 994. Astraatmadja & Bailer-Jones 2016, ApJ 832, 137.

    Examples
    --------
    >>> edsd_mode([2.0, 0.5, -0.1], [0.01, 0.05, 0.2]).round(1)
    array([ 500. , 2010.3, 4838.9])
    """
    w, s, scale = _scaled(parallax, parallax_error, length_scale)
    return _mode(w, s) * scale


def _mode(w: FloatArray, s: FloatArray) -> FloatArray:
    """Smallest positive root of x³ - 2x² + (w/s²) x - 1/s², x = d/L."""
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        linear, constant = w / s / s, 1.0 / s / s
        root = _smallest_root(linear, constant, np.abs(w / s) >= _SINGLE_ROOT_BELOW)
        for _ in range(2):
            value = ((root - 2.0) * root + linear) * root - constant
            slope = (3.0 * root - 4.0) * root + linear
            step = value / slope
            # Newton's step only polishes; a step that would move the root is a double root's.
            root = np.where(np.abs(step) < 1e-3 * root, root - step, root)
    return root


def _smallest_root(linear: FloatArray, constant: FloatArray, may_have_three: NDArray[np.bool_]) -> FloatArray:
    """Analytic solution after the shift x = t + 2/3: t³ + pt + q = 0."""
    p = linear - 4.0 / 3.0
    q = 2.0 / 3.0 * linear - constant - 16.0 / 27.0
    size = np.sqrt(np.abs(p) / 3.0)
    size = np.where(size > 0, size, np.finfo(float).tiny)
    ratio = q / (2.0 * size) / size / size
    one_rising = -2.0 * size * np.sinh(np.arcsinh(ratio) / 3.0)
    one_wavy = -2.0 * np.sign(q) * size * np.cosh(np.arccosh(np.maximum(np.abs(ratio), 1.0)) / 3.0)
    angle = np.arccos(np.clip(-ratio, -1.0, 1.0)) / 3.0
    # In order of size the three roots are those with +2π/3, -2π/3 and 0; the smallest is the first, which is
    # negative only for a negative parallax, whose one positive root is the last.
    lowest = 2.0 * size * np.cos(angle + 2.0 * np.pi / 3.0)
    three = np.where(lowest + 2.0 / 3.0 > 0, lowest, 2.0 * size * np.cos(angle))
    wavy = np.where((np.abs(ratio) < 1.0) & may_have_three, three, one_wavy)
    return np.where(p > 0, one_rising, wavy) + 2.0 / 3.0


def edsd_quantiles(
    parallax: ArrayLike,
    parallax_error: ArrayLike,
    length_scale: ArrayLike = DEFAULT_LENGTH_SCALE,
    quantiles: Sequence[float] = (0.16, 0.5, 0.84),
) -> FloatArray:
    """Distance at quantiles of the posterior with an exponentially decreasing space density prior [pc].

    Parameters
    ----------
    parallax : array-like
        Parallax, zero point subtracted [mas]; may be negative.
    parallax_error : array-like
        Its standard error [mas].
    length_scale : float or array-like, default=1350
        Length scale L of the prior [pc].
    quantiles : sequence of float, default=(0.16, 0.5, 0.84)
        Probabilities, each inside 0-1.

    Returns
    -------
    ndarray of float, shape (n_quantiles, ...)
        Distances [pc]; the first axis runs over the quantiles as in `numpy.quantile`.

    Raises
    ------
    ValueError
        If a probability is not inside 0-1 or a length scale is not positive.

    Notes
    -----
    Quadrature in ln d over the range in which the density is above e⁻²⁵ of its maximum, with 257 points and
    the trapezoidal rule's first end correction; the error of a quantile is below 0.1 % of the posterior's
    width. Stars are taken in blocks, so that memory does not grow with the table.

    References
    ----------
    Bailer-Jones 2015, PASP 127, 994.

    Examples
    --------
    >>> p16, median, p84 = edsd_quantiles([2.0, -0.1], [0.1, 0.2])
    >>> median.round(0)
    array([ 505., 5670.])
    """
    probabilities = np.atleast_1d(as_floats(quantiles))
    if not np.all((probabilities > 0) & (probabilities < 1)):
        raise ValueError(f"`quantiles` must lie inside 0-1; received {list(probabilities)}")
    w, s, scale = _scaled(parallax, parallax_error, length_scale)
    shape = w.shape
    w, s, scale = w.ravel(), s.ravel(), scale.ravel()
    result = np.full((probabilities.size, w.size), np.nan)
    usable = np.flatnonzero(np.isfinite(w) & ~np.isnan(s))
    for start in range(0, usable.size, _BLOCK):
        block = usable[start : start + _BLOCK]
        result[:, block] = _block_quantiles(w[block], s[block], probabilities) * scale[block]
    return result.reshape(probabilities.shape + shape)


def _log_density(log_x: FloatArray, w: FloatArray, s: FloatArray) -> FloatArray:
    """Logarithm of the posterior density of ln x, but for a constant."""
    x = np.exp(log_x)
    return 3.0 * log_x - x - 0.5 * ((w - 1.0 / x) / s) ** 2


def _edge(
    inside: FloatArray, outside: FloatArray, floor: FloatArray, w: FloatArray, s: FloatArray
) -> FloatArray:
    """Bisect between a point of high density and one of low density for the floor."""
    for _ in range(45):
        middle = 0.5 * (inside + outside)
        high = _log_density(middle, w, s) > floor
        inside, outside = np.where(high, middle, inside), np.where(high, outside, middle)
    return outside


def _block_quantiles(w: FloatArray, s: FloatArray, probabilities: FloatArray) -> FloatArray:
    lowest = np.log(_mode(w, s))
    # The prior's own mode bounds the other one from above: beyond it the density falls for every parallax.
    highest = np.log(np.maximum(np.exp(lowest), 3.0))
    top = np.maximum(_log_density(lowest, w, s), _log_density(highest, w, s))
    floor = top - _LOG_DROP
    highest = np.where(_log_density(highest, w, s) > floor, highest, lowest)
    left = _edge(lowest, lowest - 12.0, floor, w, s)
    right = _edge(highest, np.log(np.exp(highest) + 100.0), floor, w, s)

    fraction = np.linspace(0.0, 1.0, _GRID_SIZE)[:, None]
    log_x = left + (right - left) * fraction
    step = (right - left) / (_GRID_SIZE - 1)
    x = np.exp(log_x)
    residual = (w - 1.0 / x) / s
    density = np.exp(3.0 * log_x - x - 0.5 * residual**2 - top)
    slope = density * (3.0 - x - residual / (s * x))
    cumulative = np.zeros_like(density)
    np.cumsum(0.5 * step * (density[1:] + density[:-1]), axis=0, out=cumulative[1:])
    cumulative += step**2 / 12.0 * (slope[0] - slope)
    np.maximum.accumulate(cumulative, axis=0, out=cumulative)
    return np.exp([_invert(p, log_x, step, density, cumulative) for p in probabilities])


def _invert(
    probability: float, log_x: FloatArray, step: FloatArray, density: FloatArray, cumulative: FloatArray
) -> FloatArray:
    """Point of one cumulative probability, the density taken as linear inside a cell."""
    target = probability * cumulative[-1]
    cell = np.clip(np.sum(cumulative < target, axis=0) - 1, 0, _GRID_SIZE - 2)
    star = np.arange(log_x.shape[1])
    below, above = cumulative[cell, star], cumulative[cell + 1, star]
    share = np.divide(target - below, above - below, out=np.zeros_like(target), where=above > below)
    first, second = density[cell, star], density[cell + 1, star]
    mean = 0.5 * (first + second)
    # Root of first·t + (second - first)·t²/2 = share·mean in the form that has no cancellation.
    discriminant = np.sqrt(first**2 + 2.0 * (second - first) * share * mean)
    total = first + discriminant
    offset = np.divide(2.0 * share * mean, total, out=np.zeros_like(total), where=total > 0)
    return log_x[cell, star] + step * np.clip(offset, 0.0, 1.0)
