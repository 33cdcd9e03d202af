"""Logits of 1e4 to 1e38, of either sign: the loss is exact and the step right, in every form.

The logits are the biases of W: two hidden units that are alike meet weights w and -w, so nothing is added to them.
"""

from decimal import Decimal
from typing import NamedTuple

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from letters_torch.exact_sgd import formulas
from letters_torch.exact_sgd.blocked import Blocked
from letters_torch.exact_sgd.network import logits
from letters_torch.exact_sgd.one_at_a_time import OneAtATime
from letters_torch.exact_sgd.schedule import Rates
from tests.support.updates import Problem, Result, Updates, apart, constant, problem

# Logits as multiples of the scale, what is added to them, the label, and whether its probability rounds to 0.
CASES: dict[str, tuple[list[int], list[int], int, bool]] = {
    "right": ([1, -1, 0, -1], [0, 0, 0, 0], 0, False),
    "wrong, at the bottom": ([1, -1, 0, 1], [0, 0, 0, 0], 1, True),
    "wrong, in the middle": ([1, -1, 0, -1], [0, 0, 0, 0], 2, True),
    "wrong, all but one far below": ([-1, 0, -1, -1], [0, 0, 0, 0], 3, True),
    "all alike, high": ([1, 1, 1, 1], [0, 0, 0, 0], 2, False),
    "all alike, low": ([-1, -1, -1, -1], [0, 0, 0, 0], 2, False),
    "high and close together": ([1, 1, 1, -1], [0, -1, -3, 0], 1, False),  # at 1e20 the same numbers
    "low and close together": ([-1, -1, -1, -1], [0, 2, 1, 0], 3, False),
}
SCALES = (1e4, 1e20, 1e38)
LR = 0.125


def case_of(name: str, scale: float, dtype: torch.dtype) -> Problem:
    multiples, added, label, _ = CASES[name]
    w = torch.tensor([0.5, -1.5, 2.0, 0.75], dtype=torch.float64)
    b = scale * torch.tensor(multiples, dtype=torch.float64) + torch.tensor(added, dtype=torch.float64)
    V = torch.tensor([[0.5, -0.25, 1.0, 0.125]] * 2, dtype=torch.float64)
    x = torch.tensor([[1.0, 2.0, -0.5]], dtype=torch.float64)
    rates = constant(1, LR, 0.0)
    return Problem(V, torch.stack([w, -w, b], 1), x, torch.tensor([label]), rates).to(dtype)


class Exact(NamedTuple):
    loss: float
    error: Tensor  # g - y, (classes,), float64


def exact(b: list[float], label: int) -> Exact:
    """Loss and dL/db in decimals, where the smallest exponential is 1e-999999."""
    shifted = [Decimal(each) - Decimal(max(b)) for each in b]
    exponentials = [each.exp() for each in shifted]
    total = sum(exponentials, Decimal(0))
    error = [float(each / total - (c == label)) for c, each in enumerate(exponentials)]
    return Exact(float(total.ln() - shifted[label]), torch.tensor(error, dtype=torch.float64))


def check(task: Problem, result: Result) -> None:
    """Compares one step with the one that follows from the exact softmax."""
    V, W, x, y, _ = task.to(torch.float64)
    wanted = exact(W[:, -1].tolist(), int(y[0]))
    h = torch.tanh(V @ F.pad(x[0], (0, 1), value=1.0))
    d = (W[:, :-1].T @ wanted.error) * (1 - h * h)
    expected = Result(
        V - LR * torch.outer(d, F.pad(x[0], (0, 1), value=1.0)),
        W - LR * torch.outer(wanted.error, F.pad(h, (0, 1), value=1.0)),
        torch.tensor([wanted.loss], dtype=torch.float64),
    )
    some = 4 * torch.finfo(task.V.dtype).eps
    for got, want in zip(result, expected, strict=True):
        torch.testing.assert_close(got.double(), want, rtol=some, atol=2 * some)


def by_formulas(V: Tensor, W: Tensor, x: Tensor, y: Tensor, rates: Rates, first_step: int = 0) -> Tensor:
    """The formulas as an engine of one step."""
    v, w, one_hot = V.numpy(), W.numpy(), np.eye(len(W))[y[0]]
    loss = formulas.loss(formulas.forward(v, w, x[0].numpy()).b, one_hot)
    for weights, after in zip((V, W), formulas.step(v, w, x[0].numpy(), one_hot, rates.lr[0], 0.0), strict=True):
        weights.copy_(torch.from_numpy(after))
    return torch.tensor([loss], dtype=V.dtype)


def naive(V: Tensor, W: Tensor, x: Tensor, y: Tensor, rates: Rates, first_step: int = 0) -> Tensor:
    """What must not pass: exp(b) / sum exp(b) as it is written."""
    v, w = V.clone().requires_grad_(), W.clone().requires_grad_()
    exponentials = logits(v, w, x)[0].exp()
    loss = -torch.log(exponentials[y[0]] / exponentials.sum())
    loss.backward()
    for weights, parameter in ((V, v), (W, w)):
        assert parameter.grad is not None
        weights.sub_(parameter.grad, alpha=LR)
    return loss.detach()[None]


EVERY_CASE = pytest.mark.parametrize("name", CASES)
EVERY_SCALE = pytest.mark.parametrize("scale", SCALES)
EITHER = pytest.mark.parametrize("dtype", [torch.float32, torch.float64])


@EVERY_CASE
@EVERY_SCALE
@EITHER
@pytest.mark.parametrize(
    "engine", [OneAtATime(), Blocked(compiled=False), Blocked(compiled=True)], ids=["one", "plain", "compiled"]
)
def test_a_step_of_every_engine(engine: Updates, name: str, scale: float, dtype: torch.dtype) -> None:
    task = case_of(name, scale, dtype)
    check(task, task.train(engine))


@EVERY_CASE
@EVERY_SCALE
def test_a_step_of_the_formulas(name: str, scale: float) -> None:
    task = case_of(name, scale, torch.float64)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        check(task, task.train(by_formulas))


@EVERY_CASE
@EVERY_SCALE
@EITHER
def test_a_naive_softmax_would_be_seen(name: str, scale: float, dtype: torch.dtype) -> None:
    task = case_of(name, scale, dtype)
    with pytest.raises(AssertionError):
        check(task, task.train(naive))


@EVERY_SCALE
@EITHER
def test_the_cases_are_what_they_say(scale: float, dtype: torch.dtype) -> None:
    for name, (_, _, label, impossible) in CASES.items():
        b = case_of(name, scale, dtype).W[:, -1]
        assert b.isfinite().all()
        assert bool(torch.softmax(b, 0)[label] == 0) == impossible


@pytest.mark.parametrize("compiled", [False, True], ids=["plain", "compiled"])
def test_many_steps_from_impossible_labels(compiled: bool) -> None:
    """The blocked engine goes on from such a step as the other does: its error is in all later sums of the panel."""
    task = problem(constant(60, 0.01, 0.1))
    task.W[:, -1] += torch.linspace(-1e4, 1e4, len(task.W), dtype=torch.float64)
    reference = task.train(OneAtATime())
    assert (reference.losses > 5e3).sum() > 5
    assert apart(task.train(Blocked(20, compiled)), reference) < 1e-12
