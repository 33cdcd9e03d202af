"""The page's network is the derivation's: forward, gradient, step and training, against formulas.py in float64."""

from typing import Any

import numpy as np
import pytest

from letters_torch.exact_sgd import formulas
from tests.support.javascript import Engine
from tests.support.walk import walk

LR, LAM = 0.05, 1e-3
EXACT: dict[str, Any] = {"rtol": 1e-10, "atol": 1e-10}


def weights(hidden: int, inputs: int, classes: int = 26) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(hidden)
    return rng.normal(size=(hidden, inputs + 1)) / inputs**0.5, rng.normal(size=(classes, hidden + 1)) / hidden**0.5


def engine(V: np.ndarray, W: np.ndarray, X: np.ndarray, labels: np.ndarray, smoothing: float = 0.0) -> Engine:
    """With `net`, samples `X` side by side, and `y(i)`."""
    js = Engine("network", "walk")
    js.set(V=V, W=W, X=X, labels=labels.astype(np.uint8), lr=LR, lam=LAM, smoothing=smoothing)
    hidden, inputs, classes = len(V), V.shape[1] - 1, len(W)
    js.run(f"var net = {{V, W, hidden: {hidden}, inputs: {inputs}, classes: {classes}}}")
    js.run(f"var x = (i) => X.subarray(i * {inputs}, (i + 1) * {inputs})")
    js.run(f"var y = (i) => network.label(labels[i], {classes}, smoothing)")
    return js


def sample(count: int, inputs: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    return rng.normal(size=(count, inputs)), rng.integers(0, 26, count)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_forward_objective_and_step_at_full_size(smoothing: float) -> None:
    (V, W), (X, labels) = weights(400, 784), sample(1, 784)
    js, y = engine(V, W, X, labels, smoothing), formulas.smoothed(np.eye(26)[labels[0]], smoothing)
    expected = formulas.forward(V, W, X[0])
    found = js.get("network.forward(net, x(0))")
    for name in "ahbg":
        np.testing.assert_allclose(found[name], getattr(expected, name), **EXACT, err_msg=name)
    assert js.get("network.objective(net, x(0), y(0), lam)") == pytest.approx(
        formulas.objective(V, W, X[0], y, LAM), rel=1e-12
    )
    loss = js.get("network.step(net, x(0), y(0), lr, lam)")
    assert loss == pytest.approx(formulas.loss(expected.b, y), rel=1e-12)
    for name, value in zip("VW", formulas.step(V, W, X[0], y, LR, LAM), strict=True):
        np.testing.assert_allclose(js.get(f"net.{name}"), value.ravel(), **EXACT, err_msg=name)


def test_two_thousand_steps() -> None:
    (V, W), (X, labels) = weights(24, 100), sample(2000, 100)
    js = engine(V, W, X, labels)
    js.run("for (let i = 0; i < labels.length; i++) network.step(net, x(i), y(i), lr, lam)")
    after = formulas.train(V, W, X, np.eye(26)[labels], LR, LAM)
    assert np.abs(after[0] - V).max() > 0.1
    for name, value in zip("VW", after, strict=True):
        np.testing.assert_allclose(js.get(f"net.{name}"), value.ravel(), **EXACT, err_msg=name)


def test_logits_of_any_size() -> None:
    js = Engine("network")
    js.set(b=np.array([1000.0, 0, -1000]), y=np.array([0.0, 1, 0]))
    assert js.get("network.softmax(b)") == [1, 0, 0]
    assert js.get("network.loss(b, y)") == 1000


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_every_quantity_of_the_walk_is_the_formulas_and_autograds(smoothing: float) -> None:
    """The part "One step by hand" shows these; autograd and torch.optim.SGD compute them independently."""
    (V, W), (X, labels) = weights(30, 784), sample(1, 784)
    js = engine(V, W, X, labels, smoothing)
    found = js.get("walk.take(net, x(0), y(0), lr, lam)")
    expected = walk(V, W, X[0], formulas.smoothed(np.eye(26)[labels[0]], smoothing), LR, LAM)
    assert found.keys() == expected.by_hand.keys()
    for name, value in found.items():
        for way in (expected.by_hand, expected.by_autograd):
            np.testing.assert_allclose(value, way[name].ravel(), **EXACT, err_msg=name)


def test_the_measured_slope_is_the_gradient() -> None:
    (V, W), (X, labels) = weights(30, 784), sample(1, 784)
    js, (dV, dW) = engine(V, W, X, labels), formulas.gradients(V, W, X[0], np.eye(26)[labels[0]], LAM)
    for name, slopes in (("V", dV), ("W", dW)):
        at = int(np.abs(slopes).argmax())
        measured = js.get(f"walk.quotient(net, '{name}', {at}, x(0), y(0), lam)")
        assert measured == pytest.approx(slopes.flat[at], rel=1e-6)


def test_fresh_weights_have_the_notebooks_distribution() -> None:
    js = Engine("network")
    js.run("var net = network.fresh(400, 784, 26, 0.5, network.generator(1))")
    for name, size, fan in (("V", 400 * 785, 784), ("W", 26 * 401, 400)):
        drawn = np.array(js.get(f"net.{name}"))
        assert drawn.shape == (size,)
        assert drawn.std() == pytest.approx(0.5 / fan**0.5, rel=0.03)
        assert abs(drawn.mean()) < 4 * drawn.std() / size**0.5
    js.run("var again = network.fresh(400, 784, 26, 0.5, network.generator(2))")
    assert js.get("net.V[0] === again.V[0]") is False
