"""In float32 the blocked updates stray no further from the float64 run than updates one at a time do."""

import numpy as np
import pytest
import torch
from torch import Tensor

from letters_torch.exact_sgd.blocked import Blocked
from letters_torch.exact_sgd.one_at_a_time import OneAtATime
from letters_torch.exact_sgd.schedule import Rates
from tests.support.updates import Problem, Result, Updates, constant, problem

SEEDS = range(3)
STEPS = 300
SETTINGS = [(1e-3, 2e-3), (1e-2, 2e-3), (1e-4, 2e-3), (1e-3, 0.2)]
Errors = np.ndarray


@pytest.fixture(scope="module", params=SETTINGS, ids=lambda s: f"lr={s[0]:g}-wd={s[1]:g}")
def runs(request: pytest.FixtureRequest) -> tuple[list[tuple[Problem, Result]], Errors]:
    """Problems in float32 with where float64 leads from the same start, and the errors of one at a time on them."""
    tasks = [
        problem(constant(STEPS, *request.param), seed, inputs=196, hidden=40, classes=26, dtype=torch.float32)
        for seed in SEEDS
    ]
    references = [(task, task.to(torch.float64).train(Blocked())) for task in tasks]
    return references, errors(OneAtATime(), references)


def errors(engine: Updates, runs: list[tuple[Problem, Result]]) -> Errors:
    """The relative error (norms) of V, W and the losses, in the mean over the runs."""
    of_runs = []
    for task, reference in runs:
        pairs = zip(task.train(engine), reference, strict=True)
        of_runs.append([float((a.double() - b).norm() / b.norm()) for a, b in pairs])
    return np.mean(of_runs, axis=0)


@pytest.mark.parametrize(("compiled", "panel"), [(True, 1), (True, 7), (True, 100), (False, 7), (False, 100)])
def test_no_further_than_one_at_a_time(
    runs: tuple[list[tuple[Problem, Result]], Errors], compiled: bool, panel: int
) -> None:
    references, one_at_a_time = runs
    blocked = errors(Blocked(panel, compiled), references)
    assert (blocked <= 1.25 * one_at_a_time).all(), f"V, W, losses: {blocked}, one at a time {one_at_a_time}"


class DecayByItself:
    """One at a time, but a weight takes its decay before the gradient, and is rounded after each."""

    def __init__(self, as_a_factor: bool) -> None:
        self.as_a_factor = as_a_factor

    def __call__(self, V: Tensor, W: Tensor, x: Tensor, y: Tensor, rates: Rates, first_step: int = 0) -> Tensor:
        losses = torch.empty(len(x))
        for k in range(len(x)):
            before = V.clone(), W.clone()
            piece = slice(k, k + 1)
            losses[k] = OneAtATime()(V, W, x[piece], y[piece], Rates(rates.lr[piece], np.zeros(1)), first_step + k)[0]
            shrink = float(rates.lr[k] * rates.weight_decay[k])
            for now, then in zip((V, W), before, strict=True):
                pull = now - then
                now.copy_(then * (1 - shrink) if self.as_a_factor else then - shrink * then).add_(pull)
        return losses


@pytest.mark.parametrize("as_a_factor", [False, True])
def test_a_small_decay_rounded_by_itself_would_be_seen(as_a_factor: bool) -> None:
    task = problem(constant(STEPS, 1e-4, 2e-3), inputs=196, hidden=40, classes=26, dtype=torch.float32)
    runs = [(task, task.to(torch.float64).train(Blocked()))]
    mutant, one_at_a_time = errors(DecayByItself(as_a_factor), runs), errors(OneAtATime(), runs)
    assert (mutant[:2] > 5 * one_at_a_time[:2]).all(), f"V, W, losses: {mutant}, one at a time {one_at_a_time}"


@pytest.mark.parametrize("compiled", [False, True])
def test_little_left_of_v_is_not_its_rounding_error(compiled: bool) -> None:
    """Of this panel's first weights 1e-6 is left, and the gradients add far less."""
    task = problem(constant(100, 1e-12, (1 - 1e-6 ** (1 / 100)) / 1e-12), dtype=torch.float32)
    reference = task.to(torch.float64).train(Blocked(100))
    V = task.train(Blocked(100, compiled)).V
    assert float((V - reference.V).norm() / reference.V.norm()) < 1e-6
