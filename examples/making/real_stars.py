"""Real stars for the shipped models, from published tables kept outside the repository.

The functions return plain data frames with the five features on the scale of DR17, identifiers, and
``test``, the fifth of the stars that takes no part in any choice. Every map between scales is fitted on the
other stars. `star_labels` makes labels of them.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.linear_model import HuberRegressor
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdistmass import LabelScale
from skdistmass.columns import FEATURES

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
TABLES = (
    "kepler_giants.csv",
    "apokasc3.csv",
    "allstar_dr17_luminous.csv",
    "allstar_dr17_rows.fits",
    "dr16_labels.csv",
    "dwarfs_dr16.csv",
    "kepler_dwarfs.csv",
)
TEST_FRACTION = 0.2
SPLIT_SEED = 20_240_117
MISSING = -9000.0  # below this a number of the dwarfs' table is a sentinel
MAX_VELOCITY_SCATTER = 1.0  # km/s; above it a dwarf is a binary


def check_tables() -> None:
    """Leave with a message if a table is not there."""
    missing = [name for name in TABLES if not (DATA / name).is_file()]
    if missing:
        raise SystemExit(
            f"{', '.join(missing)}: not in {DATA}. The tables of real stars are published ones, named in the "
            "cards of the models (skdistmass models NAME); they are not part of this repository."
        )


def matrix(table) -> np.ndarray:
    """Return the five features of a frame as an array."""
    return table[list(FEATURES)].to_numpy(float)


def split_by_star(star) -> np.ndarray:
    """Mark the fifth of the stars that is the test part; all rows of one star fall on the same side."""
    names = np.unique(star)
    chosen = np.random.default_rng(SPLIT_SEED).permutation(len(names)) < TEST_FRACTION * len(names)
    return chosen[np.searchsorted(names, star)]


@lru_cache(maxsize=1)
def _kepler_giants():
    """Return the giants of the first table, with the split by KIC on which that of all others rests."""
    giants = pd.read_csv(DATA / "kepler_giants.csv")
    giants = giants.dropna(subset=["TEFF", "LOGG", "FE_H", "C_FE", "N_FE"]).reset_index(drop=True)
    return giants.assign(test=split_by_star(giants.KIC.to_numpy()))


def split_by_kic(kic) -> np.ndarray:
    """Mark the test part: that of the giants; stars that are not among them are split by themselves."""
    kic = np.asarray(kic)
    giants = _kepler_giants()
    known = dict(zip(giants.KIC, giants.test, strict=True))
    inside = np.isin(kic, giants.KIC)
    test = np.array([known.get(star, False) for star in kic])
    if not inside.all():
        test[~inside] = split_by_star(kic[~inside])
    return test


def _replace(table, other, names):
    """Replace values of a frame by those of another, which is indexed by KIC, where it has them."""
    for target, source in names.items():
        new = table.KIC.map(other[source])
        table[target] = np.where(new.notna(), new, table[target])


@lru_cache(maxsize=1)
def _published():
    published = pd.read_csv(DATA / "apokasc3.csv").set_index("KIC")
    return published.rename(columns={"ALPHA_FE": "GOLD_ALPHA_M"})


@lru_cache(maxsize=1)
def read_giants() -> pd.DataFrame:
    """Kepler giants: DR17 labels value by value wherever a table has them, mended conversions elsewhere.

    Beside the columns of the first table: ``M_H`` and ``ALPHA_M``, the published values ``PUBLISHED``
    (APOKASC-3 mass [Msun]), ``PUBLISHED_RADIUS`` [Rsun] with ``_ERR``, ``AGE_RGB`` [Gyr], and ``p_rc``, the
    probability of the red clump (from the labels for stars of unknown state), and ``converted``, True where
    the log g is a conversion.
    """
    published = _published()
    giants = _kepler_giants()
    extra = published[~published.index.isin(giants.KIC)].dropna(subset=["LOGG", "M_H", "C_FE", "N_FE"])
    extra = extra.reset_index()[["KIC", "TEFF", "LOGG", "FE_H", "C_FE", "N_FE", "EVSTATE"]]
    extra = extra.assign(
        SCALE="DR17", APOGEE_ID="KIC" + extra.KIC.astype(str), test=split_by_kic(extra.KIC.to_numpy())
    )
    giants = pd.concat([giants, extra], ignore_index=True)
    giants["M_H"] = _m_h_from_fe_h(giants, published)
    giants["ALPHA_M"] = np.nan
    giants = _mend_conversion(giants, published)
    gold = {"ALPHA_M": "GOLD_ALPHA_M", "M_H": "FE_H"}  # their FE_H is [M/H] of DR17
    is_gold = published.C_FE.notna() & published.M_H.isna()
    _replace(giants, published[is_gold], gold)
    _replace(giants, published, {name: name for name in (*FEATURES, "ALPHA_M")})
    giants["converted"] = giants.SCALE.eq("converted") & giants.KIC.map(published.LOGG).isna()
    for other in (read_luminous(), read_metal_poor()):
        index = other.dropna(subset=["KIC"]).drop_duplicates("KIC").set_index("KIC")
        _replace(giants, index, {name: name for name in (*FEATURES, "ALPHA_M")})
        giants["converted"] &= ~giants.KIC.isin(index.index)
    for name, source in {
        "PUBLISHED": "MASS",
        "PUBLISHED_ERR": "MASS_ERR",
        "PUBLISHED_RADIUS": "RADIUS",
        "PUBLISHED_RADIUS_ERR": "RADIUS_ERR",
        "AGE_RGB": "AGE_RGB",
    }.items():
        giants[name] = giants.KIC.map(published[source])
    giants["EVSTATE"] = giants.EVSTATE.fillna(giants.KIC.map(published.EVSTATE))
    giants["p_rc"] = giants.EVSTATE.map({"RC": 1.0, "RGB": 0.0})
    unknown = giants.p_rc.isna().to_numpy()
    giants.loc[unknown, "p_rc"] = _clump_probability(giants)(matrix(giants[unknown]))
    return giants


def _m_h_from_fe_h(giants, published):
    """[M/H] from [Fe/H]: linear in [Fe/H] and Teff, robust, from training stars with both."""
    m_h = giants.KIC.map(published.M_H).to_numpy(float)
    both = np.isfinite(m_h) & ~giants.test.to_numpy()
    terms = np.column_stack([giants.FE_H, giants.TEFF / 1000 - 4.8])
    return giants.FE_H + HuberRegressor().fit(terms[both], (m_h - giants.FE_H)[both]).predict(terms)


def _mend_conversion(giants, published):
    """Remove what the linear conversion of DR16-era labels left, by training stars with exact labels too.

    Only red giants have exact gravities beside converted ones; the clump's are moved by what their difference
    from seismology differs from that of clump stars with exact ones.
    """
    giants = giants.copy()
    names = list(FEATURES)
    exact = np.column_stack([giants.KIC.map(published[name]).to_numpy(float) for name in names])
    converted = giants.SCALE.eq("converted").to_numpy()
    clump = giants.EVSTATE.eq("RC").to_numpy()
    X = matrix(giants)
    for state, labels in (
        (False, ["TEFF", "LOGG", "C_FE", "N_FE"]),
        (True, ["TEFF", "C_FE", "N_FE"]),
    ):
        columns = [names.index(label) for label in labels]
        stars = converted & (clump == state)
        training = stars & ~giants.test.to_numpy()
        scale = LabelScale(columns=columns, degree=2).fit(X[training], exact[training][:, columns])
        giants.loc[stars, names] = scale.transform(X[stars])
    seismic = giants.LOGG - giants.KIC.map(published.LOGG_SEIS)
    known = clump & ~giants.test.to_numpy()
    shift = np.nanmedian(seismic[known & ~converted]) - np.nanmedian(seismic[known & converted])
    giants.loc[converted & clump, "LOGG"] += shift
    return giants


def _clump_probability(giants):
    """Probability of the red clump from the five labels, by a small classifier of the training stars."""
    known = giants[giants.p_rc.notna() & ~giants.test]
    network = MLPClassifier(
        (8, 8), activation="tanh", solver="lbfgs", alpha=0.3, max_iter=2000, random_state=0
    )
    model = make_pipeline(StandardScaler(), network).fit(matrix(known), known.p_rc == 1.0)
    return lambda X: model.predict_proba(X)[:, 1]


def read_luminous() -> pd.DataFrame:
    """Genuine allStarLite rows of luminous Kepler giants, with Gaia EDR3."""
    table = pd.read_csv(DATA / "allstar_dr17_luminous.csv").copy()  # in one piece
    return table.assign(test=split_by_kic(table.KIC.to_numpy()))


def read_metal_poor() -> pd.DataFrame:
    """Genuine allStar rows of metal-poor Kepler giants, all columns of numbers; KIC where it is known."""
    from astropy.table import Table

    table = Table.read(DATA / "allstar_dr17_rows.fits")
    frame = table[[name for name in table.colnames if table[name].ndim == 1]].to_pandas()
    for name in frame.select_dtypes(exclude="number").columns:
        frame[name] = [v.decode() if isinstance(v, bytes) else v for v in frame[name]]
    frame["APOGEE_ID"] = frame.APOGEE_ID.str.strip()
    numbers = frame.select_dtypes("number").columns
    frame[numbers] = frame[numbers].mask(frame[numbers] < MISSING)
    giants = _kepler_giants()
    kic = frame.APOGEE_ID.map(dict(zip(giants.APOGEE_ID, giants.KIC, strict=True)))
    complete = frame[list(FEATURES)].notna().all(axis=1)
    return frame.copy().assign(KIC=kic.where(complete))


@lru_cache(maxsize=1)
def read_dwarfs() -> pd.DataFrame:
    """Kepler dwarfs and subgiants; ``LOGG`` on the scale of seismology, ``RAW_LOGG`` the survey's of DR16."""
    dwarfs = pd.read_csv(DATA / "dwarfs_dr16.csv")
    numbers = dwarfs.select_dtypes("number").columns
    dwarfs[numbers] = dwarfs[numbers].mask(dwarfs[numbers] < MISSING)
    dwarfs["test"] = split_by_kic(dwarfs.KIC.to_numpy())
    dwarfs["complete"] = dwarfs[list(FEATURES)].notna().all(axis=1)
    dwarfs["binary"] = dwarfs.VSCATTER > MAX_VELOCITY_SCATTER
    dwarfs["RAW_LOGG"] = dwarfs.LOGG
    dwarfs["LOGG"] = dwarf_gravity_scale(dwarfs).transform(matrix(dwarfs))[:, 1]
    return dwarfs


def dwarf_gravity_scale(dwarfs) -> LabelScale:
    """Fit the map from DR16 gravities of dwarfs to those of asteroseismology, to which DR17 is calibrated."""
    rows = ~dwarfs.test.to_numpy() & ~dwarfs.binary.to_numpy()
    X = matrix(dwarfs.assign(LOGG=dwarfs.RAW_LOGG))
    return LabelScale(columns=[1]).fit(X[rows], dwarfs.S17_LOGG_SEIS.to_numpy(float)[rows])
