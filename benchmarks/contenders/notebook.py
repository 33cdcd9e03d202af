"""The notebook's step: NumPy in float64, one sample at a time, its own augmentation included."""

from typing import ClassVar

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from benchmarks.contenders.base import Contender
from benchmarks.problem import Array


class Notebook(Contender):
    """Roll, rotation by a spline, forward, gradients, update."""

    name = "the notebook's NumPy step, augmented"
    augments = True
    rival = "ours, augmented"
    dtype: ClassVar[npt.DTypeLike] = np.float64

    def prepare(self) -> None:
        V, W = self.problem.weights()
        self.V, self.W = (weights.numpy().astype(self.dtype) for weights in (V, W))
        self.x, self.one_hot = self.problem.x.numpy().astype(self.dtype), np.eye(len(W), dtype=self.dtype)
        self.random = np.random.RandomState(0)

    def advance(self, steps: int) -> None:
        labels, pool = self.problem.y.numpy(), self.problem.pool
        for step in range(self.step, self.step + steps):
            x = self.x[step % pool]
            if self.augment:
                x = changed(x.reshape(28, 28), self.random.rand(5)).ravel()
            self._update(_with_one(x), self.one_hot[labels[step % pool]])

    def _update(self, x: Array, y: Array) -> None:
        lr, twice_lambda = self.problem.stage.lr, self.problem.stage.weight_decay
        h = _with_one(np.tanh(self.V.dot(x)))
        b = self.W.dot(h)
        g = np.exp(b - b.max())
        g /= g.sum()
        dW = np.outer(g - y, h) + twice_lambda * self.W
        dV = np.outer((self.W.T.dot(g - y) * (1 - h**2))[:-1], x) + twice_lambda * self.V
        self.W -= lr * dW
        self.V -= lr * dV

    def weights(self) -> tuple[Array, Array]:
        return self.V, self.W


class NotebookFloat32(Notebook):
    """The same in the precision of ours."""

    name = "the same in float32"
    dtype = np.float32


def _with_one(x: Array) -> Array:
    return np.append(x, x.dtype.type(1))


def changed(image: Array, u: Array) -> Array:
    """A roll of 0..3 pixels and a turn of less than 10 degrees, by five uniform draws."""
    shift = int(u[0] / 0.3) * (-1 if u[1] < 0.5 else 1)
    rolled = np.roll(image, shift, axis=int(u[2] * 2))
    angle = 10 * u[3] * (-1 if u[4] < 0.5 else 1)
    return ndimage.rotate(rolled, angle, reshape=False, order=3, mode="nearest")
