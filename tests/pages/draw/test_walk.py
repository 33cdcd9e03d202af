"""The formulas of one step by hand, against autograd and against the numbers of docs/derivation.md."""

import numpy as np
import pytest

from tests.support.javascript import Engine
from tests.support.walk import walk

LN2, LN3 = np.log(2), np.log(3)
V, W = np.array([[0.5, 1, LN2], [-0.5, -1, -LN3]]), np.array([[-1, 0.5, 1], [1, 0.75, LN3]])
X, Y = np.array([2.0, -1]), np.array([1.0, 0])
EXPECTED = {
    "a": [LN2, -LN3],
    "h": [0.6, -0.8, 1],
    "b": [0, LN3],
    "g": [0.25, 0.75],
    "L": 2 * LN2,
    "∂g/∂b": [[0.1875, -0.1875], [-0.1875, 0.1875]],
    "∂L/∂g": [-4, 0],
    "∂L/∂b": [-0.75, 0.75],
    "∂L/∂W": [[-0.45, 0.6, -0.75], [0.45, -0.6, 0.75]],
    "∂L/∂a": [0.96, 0.0675],
    "∂L/∂V": [[1.92, -0.96, 0.96], [0.135, -0.0675, 0.0675]],
    "∂J/∂W": [[-0.55, 0.65, -0.65], [0.55, -0.525, 0.75 + 0.1 * LN3]],
    "∂J/∂V": [[1.97, -0.86, 0.96 + 0.1 * LN2], [0.085, -0.1675, 0.0675 - 0.1 * LN3]],
    "W after": [[-0.945, 0.435, 1.065], [0.945, 0.8025, 0.99 * LN3 - 0.075]],
    "V after": [[0.303, 1.086, 0.99 * LN2 - 0.096], [-0.5085, -0.98325, -0.99 * LN3 - 0.00675]],
}


def test_the_worked_example_of_the_derivation() -> None:
    """docs/derivation.md, section 9: every number can be checked on paper. By hand, by autograd, and in the page."""
    js = Engine("network", "walk")
    js.set(V=V, W=W, x=X, y=Y)
    page = js.get("walk.take({V, W, hidden: 2, inputs: 2, classes: 2}, x, y, 0.1, 0.05)")
    s = walk(V, W, X, Y, lr=0.1, lam=0.05)
    for way in (s.by_hand, s.by_autograd, page):
        assert set(way) == {*EXPECTED, "∂L/∂h", "J"}
        for name, value in EXPECTED.items():
            np.testing.assert_allclose(np.ravel(way[name]), np.ravel(value), atol=1e-12, err_msg=name)
        np.testing.assert_allclose(way["∂L/∂h"][:-1], [1.5, 0.1875], atol=1e-12)


def test_a_difference_is_noticed() -> None:
    s = walk(V, W, X, Y, lr=0.1, lam=0.05)
    s.by_hand["∂L/∂V"][1, 0] += 0.25
    assert s.difference("∂L/∂V") == pytest.approx(0.25)
    assert s.difference("∂L/∂W") < 1e-12
