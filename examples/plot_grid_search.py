"""
Choosing a network with GridSearchCV
====================================

How many neurons? The estimators are scikit-learn's in every respect, so its own tools answer:
``GridSearchCV`` for the settings, ``LearningCurveDisplay`` for the question whether more stars would help.
The same search runs on a cluster, see :doc:`/clusters`.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import GridSearchCV, KFold, LearningCurveDisplay

from skdistmass import DistanceRegressor, make_survey
from skdistmass.columns import FEATURES

stars, truth = make_survey(4000, random_state=0)
X = np.column_stack([np.asarray(stars[name], dtype=float) for name in FEATURES])
y = np.asarray(truth["absolute_magnitude_system"], dtype=float)
used = np.isfinite(X).all(axis=1) & (X[:, 1] < 3.5)
X, y = X[used], y[used] + np.random.default_rng(0).normal(0.0, 0.1, used.sum())

# %%
# Weights of 1/σ² would go in as ``sample_weight``; here all errors are 0.1 mag.
search = GridSearchCV(
    DistanceRegressor(activation="tanh", max_iter=150, random_state=0),
    {"hidden_layer_sizes": [(2,), (4,), (8,), (16,), (8, 8)], "alpha": [1e-5, 1e-2]},
    scoring="neg_root_mean_squared_error",
    cv=KFold(3, shuffle=True, random_state=0),
).fit(X, y)
print(f"best: {search.best_params_}, {-search.best_score_:.4f} mag")

# %%
# Few neurons are too stiff; more of them gain nothing that the noise of the labels would not hide.
results = search.cv_results_
figure, axis = plt.subplots(figsize=(7, 4), layout="constrained")
for alpha, marker in ((1e-5, "o"), (1e-2, "s")):
    rows = np.flatnonzero(np.asarray(results["param_alpha"]) == alpha)
    sizes = [str(results["param_hidden_layer_sizes"][row]) for row in rows]
    errors = results["std_test_score"][rows] / 2
    axis.errorbar(
        sizes, -results["mean_test_score"][rows], errors, marker=marker, capsize=3, label=f"{alpha=}"
    )
axis.set(xlabel="hidden layers", ylabel="error of stars left out [mag]")
axis.legend()

# %%
# Would more stars help?
display = LearningCurveDisplay.from_estimator(
    search.best_estimator_,
    X,
    y,
    train_sizes=[0.05, 0.1, 0.3, 1.0],
    cv=3,
    scoring="neg_root_mean_squared_error",
    negate_score=True,
    score_name="error [mag]",
)
display.ax_.set(xlabel="stars in the training", xscale="log")
plt.show()
