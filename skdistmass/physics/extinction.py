"""Extinction in Ks: the colour-excess method, the dust map, and the choice between them."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skdistmass.columns import as_floats
from skdistmass.physics.constants import A_K_PER_E_B_V, RJCE_SLOPE

RJCE_INTRINSIC_COLOUR = {"IRAC": 0.08, "WISE": 0.05}
"""Colour of an unreddened star [mag]: H - [4.5 µm] with IRAC, H - W2 with WISE."""

LATITUDE_LIMIT = 16.0
"""Galactic latitude [deg] above which the dust map is used."""


def rjce_extinction(
    h_mag: ArrayLike, mag_4p5: ArrayLike, band: Literal["IRAC", "WISE"] = "WISE"
) -> NDArray[np.float64]:
    r"""Extinction by the Rayleigh-Jeans colour excess [mag].

    Parameters
    ----------
    h_mag : array-like
        2MASS H magnitude [mag].
    mag_4p5 : array-like
        Magnitude near 4.5 µm: IRAC [4.5] or WISE W2 [mag].
    band : {"IRAC", "WISE"}, default="WISE"
        Instrument of `mag_4p5`.

    Returns
    -------
    ndarray
        A_K [mag], NaN where a magnitude is NaN. Noise makes it negative for some unreddened stars.

    Raises
    ------
    ValueError
        For an unknown `band`.

    Notes
    -----
    .. math:: A_K = 0.918 \, (H - [4.5] - 0.08) \quad \text{or} \quad 0.918 \, (H - W2 - 0.05)

    References
    ----------
    Majewski, S. R., Zasowski, G., Nidever, D. L. 2011, ApJ, 739, 25.

    Examples
    --------
    >>> rjce_extinction(10.0, 9.0, band="IRAC").round(4)
    np.float64(0.8446)
    """
    if band not in RJCE_INTRINSIC_COLOUR:
        raise ValueError(f"band must be one of {sorted(RJCE_INTRINSIC_COLOUR)}; received {band!r}")
    colour = as_floats(h_mag, "mag") - as_floats(mag_4p5, "mag")
    return RJCE_SLOPE * (colour - RJCE_INTRINSIC_COLOUR[band])


def sfd_extinction(sfd_ebv: ArrayLike, coefficient: float = A_K_PER_E_B_V) -> NDArray[np.float64]:
    """Extinction by the dust map of Schlegel, Finkbeiner & Davis [mag].

    Parameters
    ----------
    sfd_ebv : array-like
        Reddening E(B-V) of the map [mag].
    coefficient : float, default=0.302
        A_K for E(B-V) = 1 mag.

    Returns
    -------
    ndarray
        A_K of all the dust on the line of sight [mag].

    References
    ----------
    Schlegel, D. J., Finkbeiner, D. P., Davis, M. 1998, ApJ, 500, 525.

    Examples
    --------
    >>> sfd_extinction([0.5])
    array([0.151])
    """
    return coefficient * as_floats(sfd_ebv, "mag")


def choose_extinction(
    ak_wise: ArrayLike | None = None,
    ak_targ: ArrayLike | None = None,
    ak_targ_method: ArrayLike | None = None,
    sfd_ebv: ArrayLike | None = None,
    glat: ArrayLike | None = None,
    rule: Literal["survey", "paper"] = "survey",
    *,
    a_k: ArrayLike | None = None,
    sfd_coefficient: float = A_K_PER_E_B_V,
    latitude: float = LATITUDE_LIMIT,
    sfd_limit: float = 1.2,
    fallback: bool = True,
) -> tuple[NDArray[np.float64], NDArray[np.str_]]:
    """Choose the extinction of each star among the estimates of the survey [mag].

    Parameters
    ----------
    ak_wise : array-like of shape (n_samples,), optional
        RJCE extinction with WISE [mag].
    ak_targ : array-like of shape (n_samples,), optional
        Extinction adopted at targeting [mag].
    ak_targ_method : array-like of str of shape (n_samples,), optional
        Origin of `ak_targ`. Only what it contains matters: "IRAC", "WISE" or "SFD", in any case.
    sfd_ebv : array-like of shape (n_samples,), optional
        Reddening E(B-V) of the dust map [mag].
    glat : array-like of shape (n_samples,), optional
        Galactic latitude [deg]. Where it is missing the star counts as one of low latitude.
    rule : {"survey", "paper"}, default="survey"
        Both take RJCE first, with IRAC where there is such a measurement and with WISE elsewhere. Above the
        latitude limit "paper" replaces it by the dust map, "survey" only where the map says less than
        `sfd_limit` times RJCE, or RJCE is negative or missing.
    a_k : array-like of shape (n_samples,), optional
        Extinction from elsewhere, which goes before all others where it is finite [mag].
    sfd_coefficient : float, default=0.302
        A_K for E(B-V) = 1 mag.
    latitude : float, default=16.0
        Galactic latitude above which the dust map comes in [deg].
    sfd_limit : float, default=1.2
        See `rule`.
    fallback : bool, default=True
        Where the estimate that the rule prefers is missing, take what there is: RJCE, `ak_targ` of any
        method, or the dust map, which overestimates near the Galactic plane. If False, it stays missing.

    Returns
    -------
    extinction : ndarray of shape (n_samples,)
        A_K [mag], NaN where there is no estimate. May be negative.
    method : ndarray of str of shape (n_samples,)
        "COLUMN", "RJCE_IRAC", "RJCE_WISE", "SFD", "AK_TARG" or, without an estimate, "NONE".

    Raises
    ------
    ValueError
        For an unknown `rule`, no input at all, or inputs of different lengths.

    See Also
    --------
    rjce_extinction : The colour-excess method.
    sfd_extinction : The dust map.

    Examples
    --------
    >>> extinction, method = choose_extinction([0.2, 0.2], None, None, [0.1, 0.1], [5.0, 60.0])
    >>> extinction
    array([0.2   , 0.0302])
    >>> method
    array(['RJCE_WISE', 'SFD'], dtype='<U9')
    """
    if rule not in ("survey", "paper"):
        raise ValueError(f"rule must be 'survey' or 'paper'; received {rule!r}")
    n_samples = _common_length(
        ak_wise=ak_wise, ak_targ=ak_targ, ak_targ_method=ak_targ_method, sfd_ebv=sfd_ebv, glat=glat, a_k=a_k
    )
    wise, targ, ebv, column = (_floats(x, n_samples, "mag") for x in (ak_wise, ak_targ, sfd_ebv, a_k))
    b = _floats(glat, n_samples, "deg")
    methods = np.full(n_samples, "") if ak_targ_method is None else np.asarray(ak_targ_method, dtype=str)
    origin = np.char.upper(np.atleast_1d(methods))
    dust = sfd_extinction(ebv, sfd_coefficient)

    extinction = np.full(n_samples, np.nan)
    method = np.full(n_samples, "NONE", dtype="U9")

    def use(values: NDArray[np.float64], name: str, where: NDArray[np.bool_]) -> None:
        where = where & np.isfinite(values)
        extinction[where] = values[where]
        method[where] = name

    use(wise, "RJCE_WISE", np.full(n_samples, True))
    use(targ, "RJCE_WISE", np.isnan(extinction) & _contains(origin, "WISE") & fallback)
    use(targ, "RJCE_IRAC", _contains(origin, "IRAC"))
    with np.errstate(invalid="ignore"):
        high = np.abs(b) > latitude
        less = (dust < sfd_limit * extinction) | (extinction < 0) | np.isnan(extinction)
    use(dust, "SFD", high & less if rule == "survey" else high)
    if fallback:
        use(targ, "SFD", np.isnan(extinction) & _contains(origin, "SFD"))
        use(targ, "AK_TARG", np.isnan(extinction) & ~_contains(origin, "NONE"))
        use(dust, "SFD", np.isnan(extinction))
    use(column, "COLUMN", np.full(n_samples, True))
    return extinction, method


def _common_length(**inputs: ArrayLike | None) -> int:
    lengths = {
        name: np.shape(np.atleast_1d(values))[0] for name, values in inputs.items() if values is not None
    }
    if not lengths:
        raise ValueError(f"no extinction input: give at least one of {', '.join(inputs)}")
    if len(set(lengths.values())) > 1:
        found = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise ValueError(f"the extinction inputs must have one length; received {found}")
    return next(iter(lengths.values()))


def _floats(values: ArrayLike | None, n_samples: int, unit: str) -> NDArray[np.float64]:
    if values is None:
        return np.full(n_samples, np.nan)
    return np.atleast_1d(as_floats(values, unit))


def _contains(text: NDArray[np.str_], part: str) -> NDArray[np.bool_]:
    return np.char.find(text, part) >= 0
