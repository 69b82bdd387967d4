"""Relations of a simple Milky Way: stars, dust, metallicity, birth carbon and nitrogen, dredge-up.

Forms come from the papers named in each docstring; coefficients are rounded, or chosen so that the result
resembles APOGEE giants. They are good for making test stars with known truth, not for measuring the Galaxy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skdistmass.columns import as_floats

FloatArray = NDArray[np.float64]

SUN_RADIUS = 8.2  # kpc, Bland-Hawthorn & Gerhard (2016)
SUN_HEIGHT = 0.021  # kpc, Bennett & Bovy (2019)
SOLAR_C_TO_N = 10 ** (8.43 - 7.83)  # number ratio, Asplund et al. (2009)

_DUST_LENGTH, _DUST_HEIGHT = 3.2, 0.125  # kpc
_DUST_LOCAL = 0.08  # mag of A_K per kpc in the plane at the Sun
_DUST_NODES, _DUST_WEIGHTS = np.polynomial.legendre.leggauss(32)


@dataclass(frozen=True)
class Population:
    """One stellar population: shape, age range and chemistry.

    Attributes
    ----------
    name : str
        Name, as it stands in the truth table.
    shape : {"disc", "halo", "bulge"}
        Which density law holds.
    scale_length : float
        Radial scale [kpc] (disc, bulge).
    scale_height : float
        Vertical scale [kpc] (disc, bulge); for the halo its flattening z/R.
    local_density : float
        Star density relative to all thin discs in the plane at the Sun; for the bulge at the centre.
    age_min, age_max : float
        Range of ages [Gyr], constant star-formation rate between them.
    metallicity : float
        Mean [M/H] [dex] of the youngest stars at the Sun.
    metallicity_scatter : float
        Standard deviation of [M/H] [dex] of the youngest stars.
    age_slope, scatter_slope : float
        Change of the mean and of the scatter with age [dex / Gyr].
    radial_slope : float
        Gradient of [M/H] with Galactocentric radius [dex / kpc].
    alpha_rich : bool
        Whether [alpha/M] follows the high sequence.
    """

    name: str
    shape: str
    scale_length: float
    scale_height: float
    local_density: float
    age_min: float
    age_max: float
    metallicity: float
    metallicity_scatter: float
    age_slope: float = 0.0
    scatter_slope: float = 0.0
    radial_slope: float = 0.0
    alpha_rich: bool = False


# Metallicity: mean, scatter, slopes of both with age, slope of the mean with radius.
_THIN = (0.06, 0.06, -0.018, 0.015, -0.06)

#: Thin disc in three age steps (older is thicker), thick disc, halo and bulge.
POPULATIONS: tuple[Population, ...] = (
    Population("thin", "disc", 2.6, 0.10, 0.22, 0.1, 1.0, *_THIN),
    Population("thin", "disc", 2.6, 0.20, 0.36, 1.0, 4.0, *_THIN),
    Population("thin", "disc", 2.6, 0.32, 0.42, 4.0, 9.5, *_THIN),
    Population("thick", "disc", 2.0, 0.90, 0.10, 8.0, 12.6, -0.10, 0.22, age_slope=-0.04, alpha_rich=True),
    Population("halo", "halo", 0.0, 0.64, 0.005, 10.5, 13.3, -1.4, 0.4, alpha_rich=True),
    Population("bulge", "bulge", 0.9, 0.4, 20.0, 6.0, 12.6, 0.35, 0.30, age_slope=-0.05, alpha_rich=True),
)


def galactocentric_position(
    glon: ArrayLike, glat: ArrayLike, distance: ArrayLike
) -> tuple[FloatArray, FloatArray]:
    """Turn sky position and distance into Galactocentric radius and height.

    Parameters
    ----------
    glon, glat : array-like of shape (n_stars,)
        Galactic longitude and latitude [deg].
    distance : array-like of shape (n_stars,)
        Heliocentric distance [pc].

    Returns
    -------
    radius : ndarray of shape (n_stars,)
        Cylindrical Galactocentric radius [kpc].
    height : ndarray of shape (n_stars,)
        Height above the plane [kpc].

    Notes
    -----
    R² = R☉² + (d cos b)² - 2 R☉ d cos b cos l and z = d sin b + z☉, with R☉ = 8.2 kpc, z☉ = 21 pc.

    Examples
    --------
    >>> radius, height = galactocentric_position(0.0, 0.0, 8200.0)
    >>> float(radius), float(height)
    (0.0, 0.021)
    """
    glon, glat = np.radians(as_floats(glon, "deg")), np.radians(as_floats(glat, "deg"))
    distance = as_floats(distance, "pc") / 1000.0
    along = distance * np.cos(glat)
    squared = SUN_RADIUS**2 + along**2 - 2.0 * SUN_RADIUS * along * np.cos(glon)
    return np.sqrt(np.maximum(squared, 0.0)), distance * np.sin(glat) + SUN_HEIGHT


def stellar_density(population: Population, radius: ArrayLike, height: ArrayLike) -> FloatArray:
    """Evaluate the star density of one population, relative to the thin disc at the Sun.

    Parameters
    ----------
    population : Population
        One of `POPULATIONS`.
    radius : array-like of shape (n_stars,)
        Galactocentric radius [kpc].
    height : array-like of shape (n_stars,)
        Height above the plane [kpc].

    Returns
    -------
    density : ndarray of shape (n_stars,)
        Density [thin disc in the plane at the Sun = 1].

    Notes
    -----
    Discs: double exponential. Halo: power law of index -2.77 in sqrt(R² + (z/q)²) with a core of 1 kpc.
    Bulge: a flattened Gaussian. Scales after [1]_ (thin disc, thick disc, halo flattening) and [2]_ (thick
    disc length, bulge size); shares are rounded.

    References
    ----------
    .. [1] Jurić et al. 2008, ApJ 673, 864.
    .. [2] Bland-Hawthorn & Gerhard 2016, ARA&A 54, 529.
    """
    radius, z = as_floats(radius, "kpc"), np.abs(as_floats(height, "kpc"))
    if population.shape == "disc":
        exponent = (radius - SUN_RADIUS) / population.scale_length + z / population.scale_height
        return population.local_density * np.exp(-exponent)
    if population.shape == "bulge":
        squared = (radius / population.scale_length) ** 2 + (z / population.scale_height) ** 2
        return population.local_density * np.exp(-0.5 * squared)
    ellipsoidal = radius**2 + (z / population.scale_height) ** 2
    return population.local_density * ((ellipsoidal + 1.0) / (SUN_RADIUS**2 + 1.0)) ** (-2.77 / 2.0)


def dust_extinction(glon: ArrayLike, glat: ArrayLike, distance: ArrayLike) -> FloatArray:
    """Integrate an exponential dust disc from the Sun to a star.

    Parameters
    ----------
    glon, glat : array-like of shape (n_stars,)
        Galactic longitude and latitude [deg].
    distance : array-like of shape (n_stars,)
        Heliocentric distance [pc]; 60,000 pc is the whole line of sight.

    Returns
    -------
    extinction : ndarray of shape (n_stars,)
        Extinction A_K [mag].

    Notes
    -----
    ``A_K = κ ∫ exp(-(R - R☉)/3.2 kpc - |z|/0.125 kpc) ds`` with κ = 0.08 mag/kpc, by Gauss-Legendre
    quadrature of 32 nodes in s = d u², in two pieces past the Galactic centre. The form is that of [1]_;
    κ and the scales give A_K = 0.01 at the pole and about 3 at the centre.

    References
    ----------
    .. [1] Drimmel, Cabrera-Lavers & López-Corredoira 2003, A&A 409, 205.

    Examples
    --------
    >>> float(dust_extinction(0.0, 90.0, 60000.0).round(3))
    0.008
    """
    glon, glat, distance = np.broadcast_arrays(*map(as_floats, (glon, glat, distance), ("deg", "deg", "pc")))
    nearest = np.clip(1000.0 * SUN_RADIUS * np.cos(np.radians(glon)), 0.0, distance)
    total = np.zeros(distance.shape)
    for u, w in zip(0.5 * (_DUST_NODES + 1.0), 0.5 * _DUST_WEIGHTS, strict=True):
        before = _dust_density(glon, glat, nearest * u**2) * nearest
        after = _dust_density(glon, glat, nearest + (distance - nearest) * u**2) * (distance - nearest)
        total += 2.0 * w * u * (before + after)
    return _DUST_LOCAL * total / 1000.0


def _dust_density(glon: FloatArray, glat: FloatArray, distance: FloatArray) -> FloatArray:
    """Dust density relative to that at the Sun's radius in the plane."""
    radius, height = galactocentric_position(glon, glat, distance)
    return np.exp(-(radius - SUN_RADIUS) / _DUST_LENGTH - np.abs(height) / _DUST_HEIGHT)


def age_metallicity_relation(
    population: Population, age: ArrayLike, radius: ArrayLike
) -> tuple[FloatArray, FloatArray]:
    """Give mean and scatter of the metallicity for an age and a Galactocentric radius.

    Parameters
    ----------
    population : Population
        One of `POPULATIONS`.
    age : array-like of shape (n_stars,)
        Age [Gyr].
    radius : array-like of shape (n_stars,)
        Galactocentric radius [kpc].

    Returns
    -------
    m_h : ndarray of shape (n_stars,)
        Mean metallicity [M/H] [dex].
    m_h_scatter : ndarray of shape (n_stars,)
        Standard deviation of [M/H] [dex].

    Notes
    -----
    Linear in age and radius: the gradient of -0.06 dex/kpc of the thin disc is that of Cepheids [1]_, held
    constant inside 4 kpc and outside 16 kpc; the flat age dependence and the scatter that grows with age
    resemble the solar neighbourhood [2]_.

    References
    ----------
    .. [1] Genovali et al. 2014, A&A 566, A37.
    .. [2] Casagrande et al. 2011, A&A 530, A138.

    Examples
    --------
    >>> m_h, scatter = age_metallicity_relation(POPULATIONS[0], 0.0, 8.2)
    >>> float(m_h), float(scatter)
    (0.06, 0.06)
    """
    age, radius = as_floats(age, "Gyr"), as_floats(radius, "kpc")
    outward = np.clip(radius, 4.0, 16.0) - SUN_RADIUS
    m_h = population.metallicity + population.age_slope * age + population.radial_slope * outward
    return m_h, population.metallicity_scatter + population.scatter_slope * age + 0.0 * radius


def alpha_enhancement(m_h: ArrayLike, *, alpha_rich: bool = False) -> FloatArray:
    """Give the mean [alpha/M] of the low or the high sequence at a metallicity.

    Parameters
    ----------
    m_h : array-like of shape (n_stars,)
        Metallicity [M/H] [dex].
    alpha_rich : bool, default=False
        High sequence (thick disc, halo, bulge) instead of the low one.

    Returns
    -------
    alpha_m : ndarray of shape (n_stars,)
        [alpha/M] [dex].

    Notes
    -----
    Straight lines between plateaus, drawn after the two sequences of [1]_.

    References
    ----------
    .. [1] Hayden et al. 2015, ApJ 808, 132.

    Examples
    --------
    >>> alpha_enhancement([-0.6, 0.0]).tolist(), alpha_enhancement([-0.6], alpha_rich=True).tolist()
    ([0.1, 0.01], [0.26])
    """
    m_h = as_floats(m_h)
    if alpha_rich:
        return np.interp(m_h, [-0.6, 0.3, 0.5], [0.26, 0.05, 0.03]) + 0.0 * m_h
    return np.interp(m_h, [-0.6, 0.0, 0.5], [0.10, 0.01, 0.0]) + 0.0 * m_h


def birth_carbon_nitrogen(m_h: ArrayLike, alpha_m: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Give the mean carbon and nitrogen abundances that stars are born with.

    Parameters
    ----------
    m_h, alpha_m : array-like of shape (n_stars,)
        Metallicity [M/H] and [alpha/M] [dex].

    Returns
    -------
    c_fe, n_fe : ndarray of shape (n_stars,)
        Birth [C/Fe] and [N/Fe] [dex].

    Notes
    -----
    [C/Fe] = 0.023 + 0.197 [M/H] + 0.101 [M/H]² + 0.757 [α/M], [N/Fe] = 0.004 + 0.220 [M/H] + 0.069 [M/H]² -
    0.125 [α/M], [M/H] held between -0.7 and 0.5. Fitted here to 2,267 Kepler red giants (log g 2.35-3.2) with
    masses of APOKASC-3 [1]_ and abundances of DR17, `dredge_up_change` undone; they scatter by 0.03 and 0.05
    dex. Birth [C/N] falls with [M/H], as subgiants show (second source): nitrogen is partly secondary.

    References
    ----------
    .. [1] Pinsonneault et al. 2025, ApJS 276, 69; Roberts et al. 2024, MNRAS 530, 149.
    """
    m_h, alpha_m = np.clip(as_floats(m_h), -0.7, 0.5), as_floats(alpha_m)
    carbon = 0.023 + (0.197 + 0.101 * m_h) * m_h + 0.757 * alpha_m
    return carbon, 0.004 + (0.220 + 0.069 * m_h) * m_h - 0.125 * alpha_m


def dredge_up_change(
    initial_mass: ArrayLike, log_g: ArrayLike, m_h: ArrayLike, phase: ArrayLike
) -> FloatArray:
    """Give the change of [C/N] by the first dredge-up and by mixing on the upper giant branch.

    Parameters
    ----------
    initial_mass : array-like of shape (n_stars,)
        Initial mass [Msun].
    log_g : array-like of shape (n_stars,)
        Surface gravity [log10 cm s-2].
    m_h : array-like of shape (n_stars,)
        Metallicity [M/H] [dex].
    phase : array-like of shape (n_stars,)
        Phase: 1 main sequence, 2 subgiant, 3 red giant, 4 core helium burning, 5 early AGB.

    Returns
    -------
    change : ndarray of shape (n_stars,)
        Change of [C/N] [dex], zero before the giant branch and negative after.

    Notes
    -----
    First dredge-up: -0.68 (1 - exp(-(M/1.75)^1.6)), reached smoothly between log g = 3.8 and 3.3. With
    `birth_carbon_nitrogen` at [M/H] = 0 it gives [C/N] = -0.19 at 1 Msun and -0.46 at 2.1 Msun, near the
    age relation of clusters, log age = 10.14 + 2.23 [C/N] [1]_. Above the luminosity bump
    (log g < 2.2) stars with [M/H] < -0.4 lose up to 0.45 (-0.4 - [M/H]) more, half of it after the helium
    flash; size and metallicity limit after [2]_.

    References
    ----------
    .. [1] Spoo et al. 2022, AJ 163, 229.
    .. [2] Shetrone et al. 2019, ApJ 872, 137.

    Examples
    --------
    >>> dredge_up_change([1.0, 2.0], [2.5, 2.5], [0.0, 0.0], [3, 4]).round(2).tolist()
    [-0.23, -0.48]
    """
    initial_mass, log_g, m_h, phase = map(as_floats, (initial_mass, log_g, m_h, phase), ("Msun", "", "", ""))
    first = -0.68 * (1.0 - np.exp(-((initial_mass / 1.75) ** 1.6)))
    started = np.where(phase >= 4, 1.0, _smooth_step((3.8 - log_g) / 0.5))
    above_bump = np.where(phase >= 4, 0.5, _smooth_step((2.2 - log_g) / 1.2))
    extra = -0.45 * np.clip(-0.4 - m_h, 0.0, 1.0) * above_bump
    return np.where(phase >= 3, first * started + extra, 0.0 * (initial_mass + log_g + m_h + phase))


def mix_carbon_nitrogen(c_fe: ArrayLike, n_fe: ArrayLike, change: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Lower [C/N] by turning carbon into nitrogen, atom by atom.

    Parameters
    ----------
    c_fe, n_fe : array-like of shape (n_stars,)
        Birth [C/Fe] and [N/Fe] [dex].
    change : array-like of shape (n_stars,)
        Change of [C/N] [dex].

    Returns
    -------
    c_fe, n_fe : ndarray of shape (n_stars,)
        Surface [C/Fe] and [N/Fe] [dex].

    Notes
    -----
    The CN cycle keeps the number C + N; with S = C + N and r = C/N after mixing, C = S r/(1 + r) and
    N = S/(1 + r). Solar C/N = 10^0.60 by number [1]_.

    References
    ----------
    .. [1] Asplund et al. 2009, ARA&A 47, 481.

    Examples
    --------
    >>> c_fe, n_fe = mix_carbon_nitrogen(0.0, 0.0, -0.3)
    >>> float((c_fe - n_fe).round(6))
    -0.3
    """
    c_fe, n_fe, change = as_floats(c_fe), as_floats(n_fe), as_floats(change)
    total = SOLAR_C_TO_N * 10**c_fe + 10**n_fe
    ratio = SOLAR_C_TO_N * 10 ** (c_fe - n_fe + change)
    return np.log10(total * ratio / (1.0 + ratio) / SOLAR_C_TO_N), np.log10(total / (1.0 + ratio))


def _smooth_step(x: FloatArray) -> FloatArray:
    """Rise smoothly from 0 at x = 0 to 1 at x = 1."""
    x = np.clip(x, 0.0, 1.0)
    return x * x * (3.0 - 2.0 * x)
