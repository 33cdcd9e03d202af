"""Problems to train on, the loop of NumPy to hold the results against, and how far two results are apart."""

from collections.abc import Iterator
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from letters_torch.exact_sgd import formulas
from letters_torch.exact_sgd.model import DEFAULT, Model
from letters_torch.exact_sgd.network import initial_weights
from letters_torch.exact_sgd.schedule import Rates, Schedule, Stage


class Updates(Protocol):
    """An engine, or another function that is called like one."""

    def __call__(self, V: Tensor, W: Tensor, x: Tensor, y: Tensor, rates: Rates, first_step: int = 0) -> Tensor: ...


class Result(NamedTuple):
    V: Tensor
    W: Tensor
    losses: Tensor


class Problem(NamedTuple):
    """Weights to start from, samples and the settings of their steps."""

    V: Tensor
    W: Tensor
    x: Tensor
    y: Tensor
    rates: Rates

    def to(self, target: torch.dtype | str) -> "Problem":
        y = self.y if self.y.dtype == torch.int64 and isinstance(target, torch.dtype) else self.y.to(target)
        return Problem(self.V.to(target), self.W.to(target), self.x.to(target), y, self.rates)

    def train(self, engine: Updates, lengths: list[int] | None = None, first_step: int = 0) -> Result:
        """Runs the engine over all samples, handed over in blocks of these lengths: in one block, if None."""
        V, W = self.V.clone(), self.W.clone()
        losses, begin = [], 0
        for length in lengths or [len(self.x)]:
            block = slice(begin, begin + length)
            rates = Rates(self.rates.lr[block], self.rates.weight_decay[block])
            # cloned, because a block of a run is a tensor of its own
            losses.append(engine(V, W, self.x[block].clone(), self.y[block].clone(), rates, first_step + begin))
            begin += length
        assert begin == len(self.x)
        return Result(V, W, torch.cat(losses))


def problem(
    rates: Rates,
    seed: int = 0,
    inputs: int = 48,
    hidden: int = 24,
    classes: int = 7,
    dtype: torch.dtype = torch.float64,
) -> Problem:
    """As many standard normal samples as there are rates, with labels that a fixed linear map of them decides."""
    generator = torch.Generator().manual_seed(seed)
    V, W = initial_weights(inputs, hidden, classes, seed=seed, dtype=dtype)
    x = torch.randn(len(rates.lr), inputs, generator=generator, dtype=torch.float64)
    teacher = torch.randn(inputs, classes, generator=generator, dtype=torch.float64)
    return Problem(V, W, x.to(dtype), (x @ teacher).argmax(1), rates)


def constant(count: int, lr: float, weight_decay: float) -> Rates:
    return Rates(np.full(count, lr), np.full(count, weight_decay))


def stages(count: int = 2_000) -> Rates:
    """Settings that change inside panels of any length, one of them for one step only."""
    steps = [1, 332, 1, 403, 150, 614, 499]
    lr = [0.02, 0.01, 0.05, 0.003, 0.0, 0.01, 0.002]
    weight_decay = [0.1, 0.002, 0.3, 0.05, 0.1, 0.0, 0.01]
    return Schedule([Stage(*stage) for stage in zip(steps, lr, weight_decay, strict=True)]).rates(0, count)


def ramp(count: int = 2_000) -> Rates:
    """A learning rate and a weight decay that are different at every step."""
    t = np.arange(count) / count
    return Rates(0.02 * t, 0.05 * (1 + np.cos(20 * t)))


def by_numpy(problem: Problem, model: Model = DEFAULT, weights: Tensor | None = None) -> Result:
    """The reference: `formulas.step`, one sample at a time, with the loss of y as it is before each step."""
    V, W = problem.V.numpy(), problem.W.numpy()
    Y = np.eye(len(W))[problem.y.numpy()] if problem.y.ndim == 1 else problem.y.numpy()
    each = np.ones(len(Y)) if weights is None else weights.numpy()
    losses = []
    for x, y, weight, lr, weight_decay in zip(problem.x.numpy(), Y, each, *problem.rates, strict=True):
        losses.append(formulas.loss(formulas.forward(V, W, x, model.activation).b, y, model.loss))
        target = formulas.smoothed(y, model.label_smoothing) if model.label_smoothing else y
        V, W = formulas.step(V, W, x, target, lr, weight_decay / 2, model, weight)
    return Result(torch.from_numpy(V), torch.from_numpy(W), torch.tensor(losses, dtype=torch.float64))


def apart(one: Result, other: Result) -> float:
    """The largest difference of any entry of V, W or the losses, relative to the largest entry of the three each."""
    pairs = [(a.double().cpu(), b.double().cpu()) for a, b in zip(one, other, strict=True) if a.numel()]
    return max((float((a - b).abs().max() / b.abs().max().clamp(min=1e-300)) for a, b in pairs), default=0.0)


def random_cuts(total: int, seed: int, longest: int = 150) -> list[int]:
    """Lengths of 1 to `longest` that sum up to `total`."""
    return list(_cuts(total, np.random.default_rng(seed), longest))


def _cuts(left: int, rng: np.random.Generator, longest: int) -> Iterator[int]:
    while left:
        length = min(left, int(rng.integers(1, longest + 1)))
        yield length
        left -= length
