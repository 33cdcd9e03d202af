"""In float64 the blocked updates are the updates of a plain loop, to rounding; with a stale gradient they are not."""

import threading
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from letters_torch.exact_sgd import blocked, formulas, sweep
from letters_torch.exact_sgd.blocked import UNITS, Blocked, panels
from letters_torch.exact_sgd.model import Model
from letters_torch.exact_sgd.one_at_a_time import OneAtATime
from letters_torch.exact_sgd.schedule import Rates
from letters_torch.exact_sgd.threads import run_parallel, torch_threads
from tests.support.updates import (
    Problem,
    Result,
    apart,
    by_numpy,
    constant,
    problem,
    ramp,
    random_cuts,
    stages,
)

EXACT = 1e-10
SMOOTHED = Model(label_smoothing=0.1)
WRONG = 1e-3
FORMS = pytest.mark.parametrize("compiled", [False, True], ids=["plain", "compiled"])
PANELS = pytest.mark.parametrize("panel", [1, 2, 3, 7, 64, 100, 256])


@pytest.fixture(scope="module", params=[stages, ramp])
def long_run(request: pytest.FixtureRequest) -> tuple[Problem, Result]:
    """2,000 steps of a narrow network, and where they lead."""
    task = problem(request.param())
    return task, by_numpy(task)


def test_one_at_a_time_is_the_derivation(long_run: tuple[Problem, Result]) -> None:
    task, reference = long_run
    assert apart(task.train(OneAtATime()), reference) < EXACT


@FORMS
@PANELS
def test_2000_steps_are_the_derivation(long_run: tuple[Problem, Result], panel: int, compiled: bool) -> None:
    task, reference = long_run
    assert apart(task.train(Blocked(panel, compiled)), reference) < EXACT


@FORMS
@pytest.mark.parametrize("panel", [7, 64, 100, 256])
def test_blocks_may_be_cut_anywhere(long_run: tuple[Problem, Result], panel: int, compiled: bool) -> None:
    task, reference = long_run
    result = task.train(Blocked(panel, compiled), random_cuts(len(task.x), seed=panel), first_step=12_345)
    assert apart(result, reference) < EXACT


@pytest.fixture(scope="module")
def full_size() -> tuple[Problem, Result]:
    """The letters' own network, with settings that change within the first panels."""
    rates = stages(2_000)
    task = problem(Rates(rates.lr / 10, rates.weight_decay), inputs=784, hidden=400, classes=26)
    return task, by_numpy(task)


@FORMS
def test_the_785_400_26_network(full_size: tuple[Problem, Result], compiled: bool) -> None:
    task, reference = full_size
    assert apart(task.train(Blocked(compiled=compiled)), reference) < EXACT


@FORMS
@pytest.mark.parametrize("panel", [1, 7, 100])
@pytest.mark.parametrize(
    ("lr", "weight_decay"),
    [
        (0.01, 0.0),
        (0.5**6, 2.0**6),  # lr * weight_decay = 1: each step forgets all that was before it
        (0.01, 150.0),  # c = -0.5
        (0.01, 250.0),  # c = -1.5: weights grow without the gradient's help
        (0.01, 100 * (1 - 1e-9)),  # c = 1e-9: the product of 35 is less than the least number there is
        (0.0, 1.0),
    ],
)
def test_any_decay(lr: float, weight_decay: float, panel: int, compiled: bool) -> None:
    task = problem(constant(110, lr, weight_decay))
    result = task.train(Blocked(panel, compiled))
    assert all(t.isfinite().all() for t in result)
    assert apart(result, by_numpy(task)) < EXACT


@FORMS
def test_a_step_that_forgets_all_among_others(compiled: bool) -> None:
    rates = constant(110, 0.5**6, 0.1)
    rates.weight_decay[[3, 50, 51, 99, 100]] = 2.0**6
    task = problem(rates)
    assert apart(task.train(Blocked(100, compiled)), by_numpy(task)) < EXACT


@settings(max_examples=50, deadline=None)
@given(
    inputs=st.integers(1, 40),
    hidden=st.integers(1, 20),
    classes=st.integers(1, 7),
    count=st.integers(0, 40),
    panel=st.integers(1, 17),
    first_step=st.integers(0, 1_000),
    seed=st.integers(0, 2**32 - 1),
)
def test_any_shape(inputs: int, hidden: int, classes: int, count: int, panel: int, first_step: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    task = problem(Rates(rng.uniform(0, 0.2, count), rng.uniform(0, 6, count)), seed, inputs, hidden, classes)
    reference = task.train(OneAtATime())
    cuts = random_cuts(count, seed, longest=20)
    assert apart(by_numpy(task), reference) < EXACT
    for compiled in (False, True):
        assert apart(task.train(Blocked(panel, compiled), cuts, first_step), reference) < EXACT


@given(first_step=st.integers(0, 10**7), count=st.integers(0, 500), panel=st.integers(1, 200))
def test_panels_start_at_multiples(first_step: int, count: int, panel: int) -> None:
    pieces = list(panels(first_step, count, panel))
    assert [k for begin, end in pieces for k in range(begin, end)] == list(range(count))
    assert all((first_step + begin) % panel == 0 for begin, _ in pieces[1:])
    assert all(0 < end - begin <= panel for begin, end in pieces)


@FORMS
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_blocks_cut_at_multiples_of_the_panel_give_the_same_bits(dtype: torch.dtype, compiled: bool) -> None:
    """A panel is the same computation however the run is cut. The letters' own inputs: rows keep their alignment."""
    task = problem(stages(330), inputs=784, dtype=dtype)
    whole = task.train(Blocked(20, compiled), first_step=40)
    for lengths in ([20, 300, 10], [100, 100, 100, 30], [20] * 16 + [10]):
        for expected, got in zip(whole, task.train(Blocked(20, compiled), lengths, first_step=40), strict=True):
            assert torch.equal(expected, got)


def in_threads(count: int, jobs: Sequence[Callable[[], object]]) -> None:
    """As `run_parallel`, by exactly so many threads: the first jobs begin when each thread has one."""
    together = threading.Barrier(min(count, len(jobs)), timeout=10)

    def begin(job: Callable[[], object]) -> None:
        together.wait()
        job()

    first = [partial(begin, job) for job in jobs[: together.parties]]
    run_parallel([*first, *jobs[together.parties :]], threads=count)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_number_of_threads_makes_no_difference(dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three pieces of hidden units, the last one short, and two of the Gram matrix, done by one thread to five."""
    task = problem(ramp(330), inputs=784, hidden=2 * UNITS + 30, dtype=dtype)
    results = []
    for threads in (1, 2, 5):
        monkeypatch.setattr(blocked, "run_parallel", partial(in_threads, threads))
        results.append(task.train(Blocked()))
    for result in results[1:]:
        assert all(torch.equal(*pair) for pair in zip(results[0], result, strict=True))
    if dtype == torch.float64:
        assert apart(results[1], by_numpy(task)) < EXACT


@pytest.mark.parametrize("compiled", [False, True])
def test_torchs_number_of_threads_makes_no_difference(compiled: bool) -> None:
    """A wide layer: torch shares its products among threads, and rounds differently then."""
    task = problem(constant(30, 0.01, 0.1), inputs=100, hidden=3200, classes=26, dtype=torch.float32)
    results = []
    for threads in (1, 2, 4):
        with torch_threads(threads):
            results.append(task.train(Blocked(30, compiled)))
    for result in results[1:]:
        assert all(torch.equal(*pair) for pair in zip(results[0], result, strict=True))


@pytest.fixture(scope="module")
def short_run() -> tuple[Problem, Result]:
    task = problem(stages(400))
    return task, by_numpy(task)


def by_stale_gradients(task: Problem, panel: int, stale_V: bool, stale_W: bool) -> Result:
    """What the updates would be if each gradient were taken at the V, or the W, that its panel began with."""
    V, W = task.V.numpy(), task.W.numpy()
    one_hot = np.eye(len(W))[task.y.numpy()]
    losses = []
    for k, (x, y, lr, weight_decay) in enumerate(zip(task.x.numpy(), one_hot, *task.rates, strict=True)):
        if k % panel == 0:
            V_0, W_0 = V, W
        at = V_0 if stale_V else V, W_0 if stale_W else W
        losses.append(formulas.loss(formulas.forward(*at, x).b, y))
        dL_dV, dL_dW = formulas.gradients(*at, x, y, lam=0)
        V, W = V - lr * (dL_dV + weight_decay * V), W - lr * (dL_dW + weight_decay * W)
    return Result(torch.from_numpy(V), torch.from_numpy(W), torch.tensor(losses, dtype=torch.float64))


@pytest.mark.parametrize(("stale_V", "stale_W"), [(True, True), (True, False), (False, True)])
def test_a_gradient_frozen_at_the_panels_start_would_be_seen(
    short_run: tuple[Problem, Result], stale_V: bool, stale_W: bool
) -> None:
    task, reference = short_run
    assert apart(by_stale_gradients(task, 1, stale_V, stale_W), reference) < EXACT
    for panel in (2, 7, 100):
        assert apart(by_stale_gradients(task, panel, stale_V, stale_W), reference) > WRONG


@FORMS
def test_a_sweep_without_inner_products_would_be_seen(
    short_run: tuple[Problem, Result], compiled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    task, reference = short_run
    name = "compiled" if compiled else "plain"
    whole: Callable[..., float] = getattr(sweep, name)

    def without(panel: sweep.Panel, model: Model) -> float:
        return whole(panel._replace(G=torch.zeros_like(panel.G)), model)

    monkeypatch.setattr(sweep, name, without)
    assert apart(task.train(Blocked(1, compiled)), reference) < EXACT
    assert apart(task.train(Blocked(2, compiled)), reference) > WRONG
    assert apart(task.train(Blocked(100, compiled)), reference) > WRONG


@pytest.fixture(scope="module")
def smoothed_run(long_run: tuple[Problem, Result]) -> tuple[Problem, Result]:
    """The long run with labels smoothed by 0.1."""
    task = long_run[0]
    return task, by_numpy(task, SMOOTHED)


def test_one_at_a_time_smooths_as_the_derivation(smoothed_run: tuple[Problem, Result]) -> None:
    task, reference = smoothed_run
    assert apart(task.train(OneAtATime(SMOOTHED)), reference) < EXACT
    assert apart(task.train(OneAtATime()), reference) > WRONG


@FORMS
@pytest.mark.parametrize("panel", [1, 7, 100])
def test_smoothing_is_the_derivations(smoothed_run: tuple[Problem, Result], panel: int, compiled: bool) -> None:
    task, reference = smoothed_run
    cuts = random_cuts(len(task.x), seed=panel)
    assert apart(task.train(Blocked(panel, compiled, SMOOTHED), cuts), reference) < EXACT


@FORMS
@pytest.mark.parametrize("smoothing", [0.01, 0.5, 1.0])
def test_the_785_400_26_network_smoothed(smoothing: float, compiled: bool) -> None:
    task = problem(constant(300, 0.005, 0.01), inputs=784, hidden=400, classes=26)
    model = Model(label_smoothing=smoothing)
    assert apart(task.train(Blocked(compiled=compiled, model=model)), by_numpy(task, model)) < EXACT
