"""One sample at a time in machine code: the best that can be done without taking samples together.

The second layer, the softmax and the tanh are the very routines of our sweep. What differs is V: here it is read for
every sample, and read and written again for its update, decay and gradient fused. In the one-pass form a row of V is
updated for a sample and multiplied by the next one while it is at hand.
"""

import numpy as np
from numba import njit

from benchmarks.contenders.base import Contender
from benchmarks.problem import Array
from letters_torch.exact_sgd._kernel import REORDERED, _back_and_update, _logit, _tanh, _update_biases, output_error


class CompiledLoop(Contender):
    """Forward, gradient, update."""

    name = "a compiled loop (Numba)"
    tries_one_thread = False

    def prepare(self) -> None:
        self.threads = 1  # by nature
        self.V, self.W = (weights.numpy() for weights in self.problem.weights())
        self.loop = two_passes

    def advance(self, steps: int) -> None:
        lr, weight_decay = (np.float32(rate) for rate in (self.problem.stage.lr, self.problem.stage.weight_decay))
        for x, y in self.problem.pieces(self.step, steps, self.problem.pool):
            self.loop(self.V, self.W, x.numpy(), y.numpy(), lr, lr * weight_decay)

    def weights(self) -> tuple[Array, Array]:
        return self.V, self.W


class CompiledOnePass(CompiledLoop):
    """The same with a sample's update of V and the next one's forward in one pass."""

    name = "the same, one pass over V a step"

    def prepare(self) -> None:
        super().prepare()
        self.loop = one_pass


@njit(fastmath=REORDERED, error_model="numpy")
def two_passes(V, W, x, y, lr, shrink):  # type: ignore[no-untyped-def]
    """len(x) steps, V and W in place."""
    hidden, inputs = len(V), x.shape[1]
    h, d, error = np.empty(hidden, V.dtype), np.empty(hidden, V.dtype), np.empty(len(W), V.dtype)
    for k in range(len(x)):
        for i in range(hidden):
            h[i] = _dot(V[i], x[k])
        _second_layer(W, h, y[k], error, lr, shrink, d)
        for i in range(hidden):
            scale = lr * d[i]
            for j in range(inputs):
                V[i, j] -= shrink * V[i, j] + scale * x[k, j]
            V[i, inputs] -= shrink * V[i, inputs] + scale


@njit(fastmath=REORDERED, error_model="numpy")
def one_pass(V, W, x, y, lr, shrink):  # type: ignore[no-untyped-def]
    """As `two_passes`; after the last sample the forward is of no use, and is of that sample again."""
    hidden, inputs = len(V), x.shape[1]
    h, d, error = np.empty(hidden, V.dtype), np.empty(hidden, V.dtype), np.empty(len(W), V.dtype)
    for i in range(hidden):
        h[i] = _dot(V[i], x[0])
    for k in range(len(x)):
        _second_layer(W, h, y[k], error, lr, shrink, d)
        following = x[min(k + 1, len(x) - 1)]
        for i in range(hidden):
            scale = lr * d[i]
            V[i, inputs] -= shrink * V[i, inputs] + scale
            total = V[i, inputs]
            for j in range(inputs):
                v = V[i, j] - (shrink * V[i, j] + scale * x[k, j])
                V[i, j] = v
                total += v * following[j]
            h[i] = total


@njit(fastmath=REORDERED, error_model="numpy", inline="always")
def _dot(row, x):  # type: ignore[no-untyped-def]
    total = row[len(x)]
    for j in range(len(x)):
        total += row[j] * x[j]
    return total


@njit(fastmath=REORDERED, error_model="numpy", inline="always")
def _second_layer(W, h, label, error, lr, shrink, d):  # type: ignore[no-untyped-def]
    """From V x in `h` to the hidden layer's error in `d`, W updated on the way."""
    for i in range(len(h)):
        h[i] = _tanh(h[i])
    for c in range(len(W)):
        error[c] = _logit(W, c, h)
    output_error(error, label, 0.0, "cross_entropy")
    _back_and_update(W, h, error, lr, shrink, d)
    _update_biases(W, error, lr, shrink)
    for i in range(len(h)):
        d[i] *= d.dtype.type(1) - h[i] * h[i]
