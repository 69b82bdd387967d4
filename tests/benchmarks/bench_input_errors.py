"""Errors of features carried through the shipped networks, against Monte Carlo.

Run ``python tests/benchmarks/bench_input_errors.py [--stars 1000] [--draws 20000]``. Simulated stars with the
errors of their own labels, of which the part beyond the typical ones counts. Compared is the whole error:
standard deviation of the distribution with that part, and that without it with the scatter of the draws in
quadrature. The scatter itself is known to 0.5 % with 20,000 draws.
"""

from __future__ import annotations

import argparse

import numpy as np

from skdistmass import load_model, make_survey
from skdistmass.columns import FEATURES

MODELS = ("distance", "mass", "mass-uncor-ss")
BAR = 0.02


def measure(model, X, errors, n_draws):
    """Whole errors over those by Monte Carlo, and by the gradient alone over these, less one."""
    passed = model._network_pass(X, gradient=True)
    quiet, found = model._mixture(X, passed).std(), model._mixture(X, passed, errors).std()
    excess = np.sqrt(np.clip(errors**2 - model.distribution_.x_error**2, 0.0, None))
    rng = np.random.default_rng(0)
    drawn = [
        model._network_output(star + excess_of_star * rng.standard_normal((n_draws, X.shape[1]))).std()
        for star, excess_of_star in zip(X, excess, strict=True)
    ]
    expected = np.hypot(quiet, drawn)
    straight = np.hypot(quiet, np.sqrt(((passed.gradient * excess) ** 2).sum(axis=1)))
    return found / expected - 1.0, straight / expected - 1.0


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stars", type=int, default=1000)
    parser.add_argument("--draws", type=int, default=20_000)
    options = parser.parse_args()
    stars, _ = make_survey(2 * options.stars, random_state=7)
    X = np.column_stack([np.asarray(stars[name], dtype=float) for name in FEATURES])
    errors = np.column_stack([np.asarray(stars[f"{name}_ERR"], dtype=float) for name in FEATURES])
    rows = np.flatnonzero(np.isfinite(X).all(axis=1) & np.isfinite(errors).all(axis=1))[: options.stars]
    print(f"| {len(rows)} stars | within, for 90 % | beyond 2 % | by the gradient alone, beyond 2 % |")
    print("|---|---|---|---|")
    for name in MODELS:
        off, straight = measure(load_model(name), X[rows], errors[rows], options.draws)
        shares = [np.mean(np.abs(values) > BAR) for values in (off, straight)]
        print(f"| {name} | {np.quantile(np.abs(off), 0.9):.2%} | {shares[0]:.1%} | {shares[1]:.1%} |")


if __name__ == "__main__":
    main()
