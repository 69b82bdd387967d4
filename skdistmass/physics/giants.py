"""Masses and ages of giants: of MIST by age, metallicity and mass, and relations of the literature."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skdistmass.columns import as_floats
from skdistmass.physics.isochrones import read_arrays

FloatArray = NDArray[np.float64]

LOG_MASSES = np.linspace(np.log10(0.5), np.log10(10.0), 261)
"""Log masses of `GiantAges.log_age_table` [log10 Msun]: lines between them are good to 1e-3 dex."""


@dataclass(frozen=True, eq=False)
class GiantAges:
    """Mean mass of giants for each age and metallicity, from `load_giant_ages`.

    Parameters
    ----------
    log_age : ndarray of shape (n_ages,)
        Log age [log10 yr], increasing.
    fe_h : ndarray of shape (n_fe_h,)
        [Fe/H] [dex], increasing.
    initial_mass : ndarray of shape (n_ages, n_fe_h)
        Mean initial mass of the giants [Msun].
    current_mass : ndarray of shape (n_ages, n_fe_h)
        Mean current mass of the giants, after mass loss [Msun].
    branch_mass, clump_mass : ndarray of shape (n_ages, n_fe_h)
        Mean current mass of those on the red giant branch and in the red clump [Msun].
    log_age_table : ndarray of shape (n_log_masses, n_fe_h, 3)
        Log age [log10 yr] at `LOG_MASSES` by the current masses of all giants, the branch and the clump.
    provenance : dict
        Grid, versions, hash of the source, cuts, date and citation.
    """

    log_age: FloatArray
    fe_h: FloatArray
    initial_mass: FloatArray
    current_mass: FloatArray
    branch_mass: FloatArray
    clump_mass: FloatArray
    log_age_table: FloatArray
    provenance: dict


@functools.cache
def load_giant_ages() -> GiantAges:
    """Load the shipped table of the mean mass of giants for each age and [Fe/H].

    Returns
    -------
    GiantAges
        The table; its arrays are shared and read-only.

    Notes
    -----
    Giants are stars after the main sequence with log g < 3.5, up to the early asymptotic giant branch (MIST
    phases 2, 3 and 4); those of the branch are of phase 2, those of the clump, which burn helium, of phase 3.
    Each point of an isochrone counts with the Kroupa initial mass function times its interval of initial
    mass, that is with the number of stars that dwell there.

    References
    ----------
    Choi, J., et al. 2016, ApJ, 823, 102 (MIST). Dotter, A. 2016, ApJS, 222, 8.

    Examples
    --------
    >>> from skdistmass.physics.giants import load_giant_ages
    >>> table = load_giant_ages()
    >>> bool((table.current_mass[:-1] > table.current_mass[1:]).all())  # older giants have lower masses
    True
    """
    arrays, provenance = read_arrays("giant_ages_mist.npz")
    for array in arrays.values():
        array.flags.writeable = False
    return GiantAges(**arrays, provenance=provenance)


def log_age_of_mass(log_mass: FloatArray, masses: FloatArray, log_age: FloatArray) -> FloatArray:
    """Log age of giants of each metallicity of the table by their mass.

    Parameters
    ----------
    log_mass : ndarray of shape (n_masses,)
        log10 of the mass [log10 Msun].
    masses : ndarray of shape (n_ages, n_fe_h)
        One of the four masses of `GiantAges` [Msun].
    log_age : ndarray of shape (n_ages,)
        Log age of each row of these [log10 yr].

    Returns
    -------
    ndarray of shape (n_masses, n_fe_h)
        log10 of the age in years [dex].

    Notes
    -----
    Log age is a monotonic function of log mass (PCHIP interpolation). Masses below the oldest isochrone's
    and above the youngest one's follow the slope at that end.
    """
    from scipy.interpolate import PchipInterpolator

    columns = []
    for nodes in np.log10(masses).T:
        # Nodes run from young and massive to old and light.
        found = PchipInterpolator(nodes[::-1], log_age[::-1], extrapolate=False)(log_mass)
        for edge, inner, beyond in ((-1, -5, log_mass < nodes[-1]), (0, 4, log_mass > nodes[0])):
            slope = (log_age[edge] - log_age[inner]) / (nodes[edge] - nodes[inner])
            found[beyond] = log_age[edge] + slope * (log_mass[beyond] - nodes[edge])
        columns.append(found)
    return np.stack(columns, axis=1)


@functools.cache
def _shift_tables(low: float, high: float) -> FloatArray:
    """Shifts of all giants, the branch and the clump, each along log mass and, running faster, [Fe/H]."""
    table = load_giant_ages()
    ages = table.log_age_table
    inside = np.clip(table.fe_h, low, high)
    reference = np.stack([np.interp(inside, table.fe_h, row) for row in ages[..., 0]])
    return (ages - reference[..., None]).reshape(-1, ages.shape[-1]).T.copy()


def log_age_shift(
    mass: FloatArray, m_h: FloatArray, p_rc: FloatArray, m_h_range: tuple[float, float]
) -> FloatArray:
    r"""Difference of log age between giants of one state and metallicity and all giants.

    Parameters
    ----------
    mass : ndarray of shape (n_samples,) or (n_masses, n_samples)
        Current mass [Msun], 0.5 to 10; several for each star if it has two dimensions.
    m_h : ndarray of shape (n_samples,)
        Total metallicity [dex]; held at the ends of the isochrones, -2.5 and 0.5.
    p_rc : ndarray of shape (n_samples,)
        Probability that the star is in the red clump and not on the red giant branch; NaN for the mean of all
        giants.
    m_h_range : tuple of float
        Metallicities between which the relation of all giants is known, nodes of the isochrones [dex].

    Returns
    -------
    ndarray of the shape of `mass`
        What to add to the log age of all giants of that mass, at the metallicity or, outside `m_h_range`, at
        its nearer end [dex]; NaN for NaN in mass or metallicity.

    Notes
    -----
    With :math:`t_s(M, z)` the log age of giants of state s, :math:`p\,t_{RC}(M, z) + (1 - p)\,t_{RGB}(M, z)
    - t(M, z')`, z' being z held inside `m_h_range`. A clump star of 10 Gyr has lost 0.04 Msun: at equal
    current mass it is younger than a star on the branch.

    Examples
    --------
    >>> import numpy as np
    >>> from skdistmass.physics.giants import log_age_shift
    >>> one = np.ones(3)
    >>> log_age_shift(one, 0 * one, np.array([np.nan, 0.0, 1.0]), (-0.5, 0.5)).round(2)
    array([ 0.  ,  0.01, -0.04])
    """
    table, shifts = load_giant_ages(), _shift_tables(*m_h_range)
    missing = ~(np.isfinite(mass) & np.isfinite(m_h))
    step = LOG_MASSES[1] - LOG_MASSES[0]
    place = (np.log10(np.where(missing, 1.0, mass)) - LOG_MASSES[0]) / step
    row = np.clip(place.astype(np.intp), 0, len(LOG_MASSES) - 2)
    metallicity = np.clip(np.where(missing, 0.0, m_h), table.fe_h[0], table.fe_h[-1])
    column = np.clip(np.searchsorted(table.fe_h, metallicity, side="right") - 1, 0, len(table.fe_h) - 2)
    x = place - row
    y = (metallicity - table.fe_h[column]) / (table.fe_h[column + 1] - table.fe_h[column])
    unknown = np.isnan(p_rc)
    known = np.where(unknown, 0.0, p_rc)
    shares = unknown, 1.0 - unknown - known, known
    corner = row * len(table.fe_h) + column
    shift = np.zeros(mass.shape)
    for step_m, weight_m in ((0, 1 - x), (len(table.fe_h), x)):
        for step_z, weight_z in ((0, 1 - y), (1, y)):
            at = corner + (step_m + step_z)
            value = sum(share * state.take(at) for share, state in zip(shares, shifts, strict=True))
            shift += weight_m * weight_z * value
    return np.where(missing, np.nan, shift)


SPOO_INTERCEPT, SPOO_SLOPE = 10.14, 2.23
"""log10 of the age [yr] at [C/N] = 0, and its change a dex of [C/N]: Spoo et al. 2022, AJ 163, 229."""

SPOO_RANGE = (8.62, 9.82)
"""Ages [log10 yr] between which that relation holds."""

# Carbon and nitrogen of the Sun, log10 of their number where hydrogen has 12: Asplund et al. 2005.
_SOLAR_CARBON, _SOLAR_NITROGEN = 8.39, 7.78
_MARTIG_TEMPERATURE = 4000.0


def spoo_log_age(c_n: ArrayLike) -> FloatArray:
    """Age of a giant from its [C/N], by clusters of known age.

    Parameters
    ----------
    c_n : array-like of shape (n_samples,)
        [C/N] [dex].

    Returns
    -------
    ndarray of shape (n_samples,)
        log10 of the age in years; NaN outside `SPOO_RANGE`.

    References
    ----------
    Spoo T., et al. 2022, AJ 163, 229.

    Examples
    --------
    >>> spoo_log_age([-0.3, 0.5]).round(3)
    array([9.471,   nan])
    """
    log_age = SPOO_INTERCEPT + SPOO_SLOPE * as_floats(c_n)
    inside = (log_age >= SPOO_RANGE[0]) & (log_age <= SPOO_RANGE[1])
    return np.where(inside, log_age, np.nan)


def martig_terms(labels: ArrayLike) -> FloatArray:
    """Labels in which masses and log ages of giants are full quadratics.

    Parameters
    ----------
    labels : array-like of shape (n_samples, 5)
        Teff [K], log g, [M/H], [C/Fe] and [N/Fe] [dex]; [C/M] and [N/M] are taken to be these.

    Returns
    -------
    ndarray of shape (n_samples, 6)
        [M/H], [C/M], [N/M], [(C+N)/M], Teff / 4000 K and log g.

    References
    ----------
    Martig M., et al. 2016, MNRAS 456, 3655.

    Examples
    --------
    >>> martig_terms([[4800.0, 2.5, 0.0, -0.1, -0.1]]).round(3)
    array([[ 0. , -0.1, -0.1, -0.1,  1.2,  2.5]])
    """
    teff, log_g, m_h, carbon, nitrogen = as_floats(labels).T
    solar = 10.0**_SOLAR_CARBON + 10.0**_SOLAR_NITROGEN
    both = np.log10((10.0 ** (carbon + _SOLAR_CARBON) + 10.0 ** (nitrogen + _SOLAR_NITROGEN)) / solar)
    return np.column_stack([m_h, carbon, nitrogen, both, teff / _MARTIG_TEMPERATURE, log_g])
