"""Star clusters of the simulated survey."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Cluster:
    """One star cluster: all members share distance, age, metallicity and mean extinction.

    Attributes
    ----------
    name : str
        Name as in the survey's column MEMBER.
    ra, dec : float
        Centre, ICRS [deg].
    distance : float
        Distance [pc].
    age : float
        Age [Gyr].
    m_h : float
        Metallicity [dex].
    e_b_v : float
        Reddening E(B-V) [mag].
    alpha_m : float
        [alpha/M] [dex].
    """

    name: str
    ra: float
    dec: float
    distance: float
    age: float
    m_h: float
    e_b_v: float
    alpha_m: float


# Distances: Table 1 of the DistMass paper. Open clusters: ages and metallicities commonly adopted (Donor et
# al. 2020, AJ 159, 199 for [Fe/H]). Globular clusters: ages of VandenBerg et al. 2013, ApJ 775, 134 (N6388:
# the paper), [Fe/H] and E(B-V) of Harris 2010 (arXiv:1012.3224), rounded.
CLUSTERS: tuple[Cluster, ...] = (
    Cluster("N2243", 97.395, -31.282, 4500.0, 4.4, -0.45, 0.05, 0.08),
    Cluster("N2158", 91.863, 24.099, 4000.0, 2.0, -0.20, 0.40, 0.03),
    Cluster("N2420", 114.603, 21.577, 2500.0, 1.7, -0.20, 0.04, 0.03),
    Cluster("N188", 11.798, 85.255, 1700.0, 7.1, 0.08, 0.09, 0.02),
    Cluster("M67", 132.846, 11.814, 900.0, 4.0, 0.00, 0.04, 0.01),
    Cluster("N7789", 359.334, 56.726, 2200.0, 1.6, -0.02, 0.28, 0.01),
    Cluster("N6791", 290.221, 37.778, 4078.0, 8.3, 0.35, 0.14, 0.03),
    Cluster("N6388", 264.072, -44.736, 10000.0, 11.3, -0.55, 0.37, 0.20),
    Cluster("47TUC", 6.024, -72.081, 5000.0, 11.75, -0.72, 0.04, 0.25),
    Cluster("M107", 248.133, -13.054, 6000.0, 12.75, -1.02, 0.33, 0.26),
    Cluster("N362", 15.809, -70.849, 9000.0, 10.75, -1.26, 0.05, 0.20),
    Cluster("M5", 229.638, 2.081, 8000.0, 11.5, -1.29, 0.03, 0.25),
    Cluster("N288", 13.188, -26.583, 8800.0, 11.5, -1.32, 0.03, 0.26),
    Cluster("M12", 251.809, -1.949, 5000.0, 13.0, -1.37, 0.19, 0.26),
    Cluster("M3", 205.548, 28.377, 10000.0, 11.75, -1.50, 0.01, 0.26),
    Cluster("M13", 250.423, 36.460, 6800.0, 12.0, -1.53, 0.02, 0.26),
    Cluster("N6752", 287.717, -59.985, 4000.0, 12.5, -1.54, 0.04, 0.26),
    Cluster("N3201", 154.403, -46.412, 5000.0, 11.5, -1.59, 0.24, 0.26),
    Cluster("M2", 323.363, -0.823, 12000.0, 11.75, -1.65, 0.06, 0.26),
    Cluster("M55", 294.999, -30.965, 5000.0, 13.0, -1.94, 0.08, 0.26),
)
