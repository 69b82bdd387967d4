"""The scale of the published masses and radii of APOKASC-3, for giants that have preliminary ones alone."""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import HuberRegressor

from skdistmass.physics.statistics import robust_sigma

KNOTS = {"RGB": np.log([5.0, 8.0, 12.0, 18.0, 26.0, 40.0]), "RC": np.log([9.5, 11.0, 12.5])}  # ln Rsun
RC_WINDOW = (1.05, 1.6)  # Msun, preliminary
MAX_LOG_RATIO = 0.5  # of published and preliminary values; beyond, one of them is a failure


class PublishedScale:
    """Published over preliminary value as a smooth function of radius, one for each evolutionary state.

    The logarithm of the ratio is linear in ln R between knots, fitted by Huber's loss to the training
    stars. The published list of the clump is cut at 0.9-1.8 Msun: its relation is fitted on a window of
    *preliminary* mass well inside, so that the cut acts on no residual.

    Parameters
    ----------
    value, reference : str
        Columns of the preliminary and of the published value.
    """

    def __init__(self, value, reference):
        self.value, self.reference = value, reference

    def fit(self, giants):
        """Fit both relations."""
        self.relations_, self.scatter_ = {}, {}
        ratio = np.log(giants[self.reference] / giants[self.value]).to_numpy()
        x = np.log(giants.RADIUS_APOKASC3).to_numpy()
        good = np.isfinite(ratio + x) & ~giants.test.to_numpy() & (np.abs(ratio) < MAX_LOG_RATIO)
        for state in KNOTS:
            rows = good & giants.EVSTATE.eq(state).to_numpy()
            if state == "RC":
                rows &= giants.MASS_APOKASC3.between(*RC_WINDOW).to_numpy()
            terms = _hinges(x[rows], state)
            relation = HuberRegressor(epsilon=1.1, alpha=1e-6, max_iter=1000).fit(terms, ratio[rows])
            self.relations_[state] = relation
            self.scatter_[state] = robust_sigma(ratio[rows] - relation.predict(terms))
        return self

    def predict(self, giants):
        """Value on the published scale; between the states by the probability of the clump."""
        x = np.log(giants.RADIUS_APOKASC3).to_numpy()
        rows = np.isfinite(x)
        shift = {s: self.relations_[s].predict(_hinges(x[rows], s)) for s in KNOTS}
        clump = giants.p_rc.to_numpy()[rows]
        out = np.full(len(giants), np.nan)
        out[rows] = giants[self.value].to_numpy()[rows] * np.exp(
            clump * shift["RC"] + (1 - clump) * shift["RGB"]
        )
        return out


def _hinges(log_radius, state):
    """Logarithm of R, held a little outside the knots, and its excess over each inner knot."""
    knots = KNOTS[state]
    x = np.clip(log_radius, knots[0] - 0.4, knots[-1] + 0.25)
    return np.column_stack([x, *(np.maximum(x - knot, 0.0) for knot in knots[1:-1])])
