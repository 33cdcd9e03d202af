"""One step of single-sample SGD taken apart: every quantity by the derivation's formulas, and by autograd."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from letters_torch.exact_sgd import formulas

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Walk:
    """A step with its inputs, and all that is computed on the way, in the derivation's notation and order.

    Attributes:
        V: first layer before the step, (hidden, inputs + 1).
        W: second layer before the step, (classes, hidden + 1).
        x: the sample with its last 1, (inputs + 1,).
        y: the label, one-hot or smoothed, (classes,).
        lr: the learning rate.
        lam: the strength of the L2 term, half of torch's weight_decay.
        by_hand: quantities by formulas.py, by name: "a", "h", ..., "V after".
        by_autograd: the same by torch.
    """

    V: Array
    W: Array
    x: Array
    y: Array
    lr: float
    lam: float
    by_hand: dict[str, Array]
    by_autograd: dict[str, Array]

    def difference(self, name: str) -> float:
        """The largest by which the two differ in any entry."""
        return float(np.abs(self.by_hand[name] - self.by_autograd[name]).max())


def walk(V: Array, W: Array, x: Array, y: Array, lr: float, lam: float) -> Walk:
    """Takes one step both ways, in float64; arguments as those of `formulas.step`."""
    by_hand, by_autograd = _by_hand(V, W, x, y, lr, lam), _by_autograd(V, W, x, y, lr, lam)
    return Walk(V, W, np.append(x, 1.0), y, lr, lam, by_hand, by_autograd)


def _by_hand(V: Array, W: Array, x: Array, y: Array, lr: float, lam: float) -> dict[str, Array]:
    s = formulas.forward(V, W, x)
    dL_dV, dL_dW = formulas.gradients(V, W, x, y, lam=0)
    dJ_dV, dJ_dW = formulas.gradients(V, W, x, y, lam)
    new_V, new_W = formulas.step(V, W, x, y, lr, lam)
    dL_dh = W.T @ (s.g - y)
    return {
        "a": s.a,
        "h": s.h,
        "b": s.b,
        "g": s.g,
        "L": np.array(formulas.loss(s.b, y)),
        "∂g/∂b": formulas.softmax_jacobian(s.g),
        "∂L/∂g": -y / s.g,
        "∂L/∂b": s.g - y,
        "∂L/∂W": dL_dW,
        "∂L/∂h": dL_dh,
        "∂L/∂a": dL_dh[:-1] * (1 - s.h[:-1] ** 2),
        "∂L/∂V": dL_dV,
        "J": np.array(formulas.objective(V, W, x, y, lam)),
        "∂J/∂W": dJ_dW,
        "∂J/∂V": dJ_dV,
        "W after": new_W,
        "V after": new_V,
    }


def _by_autograd(V: Array, W: Array, x: Array, y: Array, lr: float, lam: float) -> dict[str, Array]:
    """Nothing of ours but the forward pass; every derivative and the update are torch's."""
    v, w = (torch.tensor(weights, dtype=torch.float64, requires_grad=True) for weights in (V, W))
    one = torch.ones(1, dtype=torch.float64)
    a = v @ torch.cat([torch.tensor(x, dtype=torch.float64), one])
    h = torch.cat([a.tanh(), one])
    b = w @ h
    g = b.softmax(0)
    L = -(torch.tensor(y, dtype=torch.float64) * g.log()).sum()
    J = L + lam * (v.square().sum() + w.square().sum())
    L_slopes = torch.autograd.grad(L, [g, b, w, h, a, v], retain_graph=True)
    J_slopes = torch.autograd.grad(J, [w, v])
    jacobian = torch.autograd.functional.jacobian(lambda z: z.softmax(0), b.detach())
    sgd = torch.optim.SGD([w, v], lr=lr, weight_decay=2 * lam)
    w.grad, v.grad = L_slopes[2], L_slopes[5]
    values = [a, h, b, g, L, jacobian, *L_slopes, J, *J_slopes]
    kept = [_numpy(value) for value in values]
    sgd.step()
    names = ["a", "h", "b", "g", "L", "∂g/∂b", "∂L/∂g", "∂L/∂b", "∂L/∂W", "∂L/∂h", "∂L/∂a", "∂L/∂V"]
    names += ["J", "∂J/∂W", "∂J/∂V", "W after", "V after"]
    return dict(zip(names, [*kept, _numpy(w), _numpy(v)], strict=True))


def _numpy(value: Tensor) -> Array:
    result: Array = value.detach().numpy().copy()
    return result
