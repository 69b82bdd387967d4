"""The compiled networks against NumPy, finite differences, and themselves in other threads and blocks."""

import ast
import itertools
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skdistmass.networks import activations
from skdistmass.networks import forward as _network_output
from skdistmass.networks import kernel as _network_kernel
from skdistmass.networks import lbfgs as _lbfgs
from skdistmass.networks.activations import ACTIVATION_NAMES
from skdistmass.networks.forward import NUMPY_ROWS
from skdistmass.networks.training_table import split_blocks

# Textbook definitions, from NumPy's own functions.
REFERENCE = {
    "relu": lambda z: np.maximum(z, 0.0),
    "tanh": np.tanh,
    "logistic": lambda z: 1.0 / (1.0 + np.exp(-z)),
    "identity": lambda z: z,
    "softplus": lambda z: np.logaddexp(z, 0.0),
    "elu": lambda z: np.where(z > 0, z, np.expm1(np.minimum(z, 0.0))),
    "silu": lambda z: z / (1.0 + np.exp(-z)),
}


def networks(hidden, n_networks=3, seed=0):
    """Weights of an ensemble, and the scaling of its features."""
    rng, sizes = np.random.default_rng(seed), (5, *hidden, 1)
    coefs = [rng.normal(size=(n_networks, *pair)) for pair in itertools.pairwise(sizes)]
    intercepts = [rng.normal(size=(n_networks, size)) for size in sizes[1:]]
    return coefs, intercepts, np.array([4700.0, 2.5, 0.0, 0.0, 0.1]), np.array([500.0, 0.8, 0.3, 0.1, 0.2])


def features(n_rows, seed=1):
    _, _, mean, scale = networks((2,))
    return mean + 3.0 * scale * np.random.default_rng(seed).normal(size=(n_rows, 5))


def objective(activation, hidden, n_rows, alpha=1e-3, seed=0):
    rng = np.random.default_rng(seed)
    settings = _lbfgs.Settings((5, *hidden, 1), activation, alpha, 100, 1e-8, 2, None)
    X = rng.normal(size=(n_rows, 5))
    y, weight = np.sin(X[:, 0]) + X[:, 1], rng.uniform(0.1, 2.0, n_rows)
    return _lbfgs.Objective(settings, split_blocks(X, y, weight))


@pytest.mark.parametrize("hidden", [(8,), (16, 16), (3, 5, 2)])
@pytest.mark.parametrize("activation", ACTIVATION_NAMES)
def test_numpy_and_compiled_are_equal_to_the_last_bit(activation, hidden):
    coefs, intercepts, mean, scale = networks(hidden)
    X = features(NUMPY_ROWS + 300)
    compiled = _network_output.network_output(X, mean, scale, coefs, intercepts, activation)
    few = _network_output.network_output(X[:NUMPY_ROWS], mean, scale, coefs, intercepts, activation)
    assert_array_equal(compiled[:NUMPY_ROWS], few)
    layer = ((X - mean) / scale)[None]
    for i, (kernel, bias) in enumerate(zip(coefs, intercepts, strict=True)):
        layer = layer @ kernel + bias[:, None]
        layer = REFERENCE[activation](layer) if i < len(coefs) - 1 else layer
    assert_allclose(compiled, layer[:, :, 0].mean(axis=0), rtol=0, atol=1e-12)


@pytest.mark.parametrize("hidden", [(8,), (16, 16), (3, 5, 2)])
@pytest.mark.parametrize("activation", ACTIVATION_NAMES)
def test_spread_and_gradient_in_both_ways(activation, hidden):
    coefs, intercepts, mean, scale = networks(hidden)
    coefs[-1][:, 1:3] = 0.0  # as in networks that are joined side by side
    X, wanted = features(NUMPY_ROWS + 300), {"spread": True, "gradient": True}
    network = mean, scale, coefs, intercepts, activation
    many = _network_output.network_pass(X, *network, **wanted)
    few = _network_output.network_pass(X[:NUMPY_ROWS], *network, **wanted)
    for name in ("output", "spread", "gradient"):
        assert_array_equal(getattr(many, name)[:NUMPY_ROWS], getattr(few, name))
    assert_array_equal(many.output, _network_output.network_output(X, *network))
    one = [[layer[k : k + 1] for layer in layers] for k in range(3) for layers in (coefs, intercepts)]
    members = [
        _network_output.network_output(X, mean, scale, *one[2 * k : 2 * k + 2], activation) for k in range(3)
    ]
    assert_allclose(many.spread, np.std(members, axis=0), rtol=0, atol=1e-12)
    for i, step in enumerate(1e-6 * np.diag(scale)):
        above, below = (_network_output.network_output(X + s, *network) for s in (step, -step))
        slope = (above - below) / (2e-6 * scale[i])
        # Within the step a relu may have its kink.
        assert np.mean(np.abs(many.gradient[:, i] - slope) < 1e-5 / scale[i]) > 0.999


def test_output_does_not_depend_on_type_layout_or_place(monkeypatch):
    coefs, intercepts, mean, scale = networks((8, 8))
    X = features(70_000).astype(np.float32)
    arguments = mean, scale, coefs, intercepts, "tanh"
    whole = _network_output.network_output(X, *arguments)
    assert_array_equal(_network_output.network_output(np.asfortranarray(X, dtype=float), *arguments), whole)
    assert_array_equal(_network_output.network_output(X[17:40_000], *arguments), whole[17:40_000])
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert_array_equal(_network_output.network_output(X, *arguments), whole)


def test_exponential_is_that_of_numpy():
    x = np.concatenate([np.linspace(-700, 700, 20_001), np.linspace(-1e-8, 1e-8, 101)])
    assert_allclose(activations.exponential(x), np.exp(x), rtol=1e-15)
    assert np.isfinite(activations.exponential(np.array([-1e300, 1e300]))).all()


@pytest.mark.parametrize("delta", [1e30, 0.3])
@pytest.mark.parametrize("activation", ACTIVATION_NAMES)
def test_gradient_is_the_slope_of_the_loss(activation, delta):
    loss = objective(activation, (4, 3), n_rows=700)
    theta = np.random.default_rng(2).normal(size=4 * 6 + 3 * 5 + 4)
    gradient = loss.evaluate(theta, delta)[1]
    steps = 1e-6 * np.eye(len(theta))
    slope = [(loss.evaluate(theta + s, delta)[0] - loss.evaluate(theta - s, delta)[0]) / 2e-6 for s in steps]
    assert_allclose(gradient, slope, rtol=0, atol=1e-6)


def test_loss_is_the_weighted_mean_with_penalty():
    rng, sizes = np.random.default_rng(3), (5, 6, 1)
    X, y, weight = rng.normal(size=(900, 5)), rng.normal(size=900), rng.uniform(size=900)
    settings = _lbfgs.Settings(sizes, "tanh", 0.01, 10, 1e-8, 1, None)
    theta = rng.normal(size=6 * 6 + 7)
    kernel, bias, last, intercept = _lbfgs.split_weights(theta, sizes)
    residual = np.tanh(X @ kernel + bias) @ last[:, 0] + intercept - y
    penalty = 0.01 * ((kernel**2).sum() + (last**2).sum())
    value, size = _lbfgs.Objective(settings, split_blocks(X, y, weight)), np.abs(residual)
    squared = np.average(residual**2, weights=weight)
    assert value.evaluate(theta)[0] == pytest.approx(squared + penalty, rel=1e-12)
    huber = np.average(np.where(size < 0.5, size**2, size - 0.25), weights=weight)
    assert value.evaluate(theta, 0.5)[0] == pytest.approx(huber + penalty, rel=1e-12)


@pytest.mark.parametrize("n_rows", [3000, 70_000])
def test_training_does_not_depend_on_the_number_of_threads(monkeypatch, n_rows):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_rows, 5))
    y, weight = np.tanh(X[:, 0] * X[:, 1]), rng.uniform(0.5, 1.5, n_rows)
    settings = _lbfgs.Settings((5, 4, 1), "tanh", 1e-4, 15, 1e-8, 2, 1.35)
    found = []
    for threads in ("1", "3"):
        monkeypatch.setenv("OMP_NUM_THREADS", threads)
        seeds = np.random.SeedSequence(0).spawn(2)
        found.append(_lbfgs.train(split_blocks(X, y, weight), settings, seeds))
    for one, other in zip(*found, strict=True):
        assert one.loss == other.loss
        for a, b in zip(one.weights, other.weights, strict=True):
            assert_array_equal(a, b)


def test_chunks_of_the_table_add_up():
    rows = 2 * _network_kernel.CHUNK_ROWS + 100
    whole = objective("relu", (8,), rows, alpha=0.0)
    theta = np.random.default_rng(4).normal(size=57)
    one = whole.evaluate(theta)
    calls = []

    def share(function, n_chunks):
        for chunk in reversed(range(n_chunks)):
            calls.append(chunk)
            function((chunk, chunk + 1))

    other = whole.evaluate(theta, share=share)
    assert calls == [2, 1, 0]
    assert one[0] == other[0]
    assert_array_equal(one[1], other[1])


# Loss and gradient of a table in hexadecimal digits, before or after a prediction of the compiled network.
ORDERS = """
import sys
import numpy as np
from skdistmass.networks.forward import NUMPY_ROWS, network_output
from skdistmass.networks.lbfgs import Objective, Settings
from skdistmass.networks.training_table import split_blocks

def predict():
    network = [np.ones((1, 5, 3)), np.ones((1, 3, 1))], [np.ones((1, 3)), np.ones((1, 1))]
    network_output(np.ones((NUMPY_ROWS + 1, 5)), np.zeros(5), np.ones(5), *network, "tanh")

def evaluate():
    rng = np.random.default_rng(0)
    table = rng.normal(size=(3000, 5)), rng.normal(size=3000), rng.uniform(size=3000)
    objective = Objective(Settings((5, 6, 1), "tanh", 1e-3, 1, 1e-8, 1, None), split_blocks(*table))
    for delta in (1e30, 0.3):
        loss, gradient = objective.evaluate(rng.normal(size=43), delta)
        print(np.append(gradient, loss).tobytes().hex())

for step in sys.argv[1:]:
    {"predict": predict, "evaluate": evaluate}[step]()
"""


def test_loops_whose_sums_may_be_reordered_write_nothing():
    # Otherwise the compiler asks at run time how the arrays lie in memory and takes one of two orders.
    tree = ast.parse(Path(_network_kernel.__file__).read_text())
    reordered = [
        node
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
        and any(isinstance(name, ast.Name) and name.id == "_reordered" for name in node.decorator_list)
    ]
    assert reordered
    for loop in (node for function in reordered for node in ast.walk(function) if isinstance(node, ast.For)):
        written = [node for node in ast.walk(loop) if isinstance(node, ast.Subscript | ast.Attribute)]
        assert not [node for node in written if isinstance(node.ctx, ast.Store)], ast.unparse(loop)


@pytest.mark.slow
def test_gradient_does_not_depend_on_what_was_compiled_before(tmp_path):
    def run(cache, *steps):
        environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / cache)}
        command = [sys.executable, "-c", ORDERS, *steps]
        return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout

    compiled = run("empty", "evaluate")
    assert len(compiled.split()) == 2
    assert run("empty", "evaluate") == compiled, "loaded from the cache"
    run("predicted", "predict")
    assert run("predicted", "evaluate") == compiled, "compiled beside a cached prediction"
    assert run("both", "predict", "evaluate") == compiled, "compiled after a prediction"
