"""A simulated survey with known truth, in the columns of an APOGEE DR17 allStar file.

The stars come from PARSEC isochrones, weighted with the Kroupa (2001) initial mass function and constant star
formation inside the age range of each population. Everything else is a simple relation whose *form* is taken
from the literature and whose coefficients are rounded or chosen so that the table resembles APOGEE. The table
is for testing methods whose truth must be known, not for measuring the Galaxy.

Stars
    PARSEC 1.2S [1]_ between grid points, linear in [M/H], log age and phase; alpha-enhanced stars use the
    isochrone of their total metallicity [2]_.
Galaxy
    Thin disc in three ages, thick disc, halo and bulge [3]_ [4]_, the Sun at 8.2 kpc.
Age and metallicity
    Linear in age, radial gradient of -0.06 dex/kpc [5]_, scatter that grows with age. [alpha/M] on two
    sequences [6]_.
Carbon and nitrogen
    Birth [C/N] falls with [M/H] [7]_, dredge-up grows with mass to resemble the age relation of clusters
    [8]_, extra mixing for [M/H] < -0.4 [9]_; both elements scatter by 0.03 dex at birth. Formulas:
    `skdistmass.physics.galaxy`.
Dust
    Exponential disc [10]_ integrated to each star, 30 % scatter between fields and 10 % between stars; A_J
    and A_H are 2.5 and 1.55 A_K [11]_. RJCE errors of 0.02-0.045 mag make some A_K negative; SFD_EBV is the
    whole line of sight with 10 % error.
Selection
    Fields in disc, bulge, halo and the Kepler region; H between 7 and 12.2, 12.8 or 13.8; (J-K)_0 > 0.5, in
    the halo 0.3 [12]_; 12 % of the stars from dwarf programmes ((J-K)_0 > 0.2, EXTRATARG bit 0).
Spectra
    Gaussian errors of about the size of ASPCAP's scatter (not its smaller formal errors), growing with low
    SNR, low [M/H] and high Teff. The error columns are the true 1σ.
Gaia
    Parallax error against G as on Gaia's performance page, zero point of [13]_ inside the raw parallax;
    geometric distances are posteriors with L = 1350 pc [14]_, photogeometric ones the same combined with a
    photometric distance of 15 % (dwarfs) or 30 % error.
Binaries
    Mass ratio uniform in 0.1-1, same age and metallicity, fluxes added; the spectrum is pulled toward the
    companion by its share of the light. The bright limit acts on the system, the faint limit on the primary:
    binaries are not favoured at the limit.
Clusters
    `skdistmass.simulate.clusters`: one distance, age, metallicity and mean extinction each.

Not simulated: Magellanic Clouds and streams, multiple populations of globular clusters, triple stars,
asymptotic giants beyond the early phase or older than 1.6 Gyr, primaries below 0.8-1.4 Msun younger than
1.2 Gyr (the isochrones have neither), pulsators, rotation, correlated or non-Gaussian label errors,
astrometric binaries.

References
----------
.. [1] Bressan et al. 2012, MNRAS 427, 127.
.. [2] Salaris, Chieffi & Straniero 1993, ApJ 414, 580.
.. [3] Jurić et al. 2008, ApJ 673, 864.
.. [4] Bland-Hawthorn & Gerhard 2016, ARA&A 54, 529.
.. [5] Genovali et al. 2014, A&A 566, A37.
.. [6] Hayden et al. 2015, ApJ 808, 132.
.. [7] Roberts et al. 2024, MNRAS 530, 149.
.. [8] Spoo et al. 2022, AJ 163, 229.
.. [9] Shetrone et al. 2019, ApJ 872, 137.
.. [10] Drimmel, Cabrera-Lavers & López-Corredoira 2003, A&A 409, 205.
.. [11] Indebetouw et al. 2005, ApJ 619, 931.
.. [12] Zasowski et al. 2017, AJ 154, 198.
.. [13] Lindegren et al. 2021, A&A 649, A4.
.. [14] Bailer-Jones 2015, PASP 127, 994.
"""

from __future__ import annotations

from skdistmass.simulate.survey import make_survey

__all__ = ["make_survey"]
