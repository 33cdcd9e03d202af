"""The engines at the edges: odd memory, nothing to do, numbers that are none, mistakes of the caller, no Numba."""

import importlib.util
import sys

import numpy as np
import pytest
import torch
from numba import njit
from torch import nn

from letters_torch import exact_sgd as updates
from letters_torch.exact_sgd import _kernel, blocked, sweep
from letters_torch.exact_sgd.blocked import Blocked
from letters_torch.exact_sgd.one_at_a_time import OneAtATime
from letters_torch.exact_sgd.schedule import Rates
from letters_torch.exact_sgd.team import Team
from tests.support.updates import Updates, apart, constant, problem

ENGINES = pytest.mark.parametrize(
    "engine",
    [OneAtATime(), Blocked(7, compiled=False), Blocked(7, compiled=True), Team(7, num_threads=2)],
    ids=["one", "plain", "compiled", "team"],
)
FORMS = pytest.mark.parametrize("compiled", [False, True], ids=["plain", "compiled"])


@ENGINES
def test_no_samples_change_nothing(engine: Updates) -> None:
    task = problem(constant(0, 0.1, 0.1))
    result = task.train(engine)
    assert torch.equal(result.V, task.V)
    assert torch.equal(result.W, task.W)
    assert result.losses.shape == (0,)


@ENGINES
def test_a_panel_longer_than_the_block(engine: Updates) -> None:
    task = problem(constant(3, 0.01, 0.1))
    assert apart(task.train(Blocked(100)), task.train(engine)) < 1e-12


@ENGINES
def test_weights_and_samples_may_be_strided(engine: Updates) -> None:
    """Parts of larger tensors, every second sample, and settings that are one number in memory."""
    task = problem(constant(30, 0.01, 0.1))
    expected = task.train(engine)
    V, W = (torch.full((2 * len(t), t.shape[1] + 3), 7.0, dtype=torch.float64) for t in (task.V, task.W))
    (v := V[::2, 2:-1]).copy_(task.V)
    (w := W[::2, 2:-1]).copy_(task.W)
    x, y = task.x.T.contiguous().T, task.y.repeat_interleave(2)[::2]
    rates = Rates(np.broadcast_to(0.01, 30), np.broadcast_to(0.1, 30))
    losses = engine(v, w, x, y, rates)
    for got, wanted in zip((v, w, losses), expected, strict=True):
        assert torch.allclose(got, wanted, rtol=1e-12, atol=1e-14)
    v.fill_(7)
    w.fill_(7)
    assert bool((V == 7).all())  # nothing was written around them
    assert bool((W == 7).all())


@ENGINES
def test_a_single_row_may_have_any_stride(engine: Updates) -> None:
    """NumPy's x[None] has a stride of 0: a single sample, a single hidden unit, a single class."""
    for classes, hidden in ((1, 12), (5, 1)):
        task = problem(constant(1, 0.01, 0.1), hidden=hidden, classes=classes)
        expected = task.train(OneAtATime())
        V, W, x = (t.clone() for t in (task.V, task.W, task.x))
        V, W, x = (torch.from_numpy(t.numpy()[0][None]) if len(t) == 1 else t for t in (V, W, x))
        assert x.stride() == (0, 1)
        losses = engine(V, W, x, task.y, task.rates)
        for got, wanted in zip((V, W, losses), expected, strict=True):
            assert torch.allclose(got, wanted, rtol=1e-12, atol=1e-14)


@ENGINES
def test_a_network_without_inputs_is_its_biases(engine: Updates, capfd: pytest.CaptureFixture[str]) -> None:
    task = problem(constant(20, 0.01, 0.1), inputs=1)
    task = task._replace(V=task.V[:, 1:], x=task.x[:, 1:])
    assert apart(task.train(engine), task.train(OneAtATime())) < 1e-12
    assert capfd.readouterr() == ("", "")  # a BLAS that refuses an argument says so


@ENGINES
def test_what_is_only_read_may_be_expanded_or_part_of_a_graph(engine: updates.Engine) -> None:
    task = problem(constant(20, 0.01, 0.1))
    y, weight = torch.softmax(torch.ones(20, 7, dtype=torch.float64), 1), torch.tensor(0.5, dtype=torch.float64)
    results = []
    for x, given in ((task.x[0].expand(20, -1), weight.expand(20)), (task.x[:1].repeat(20, 1), weight.repeat(20))):
        for graph in (False, True):
            V, W = task.V.clone(), task.W.clone()
            read = [t * 1 if graph else t for t in (t.detach().requires_grad_(graph) for t in (x, y, given))]
            losses = engine(V, W, read[0], read[1], task.rates, sample_weight=read[2])
            assert not losses.requires_grad
            results.append((V, W, losses))
    for other in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], other, strict=True))


@ENGINES
def test_parameters_are_updated_in_place_without_gradients(engine: Updates) -> None:
    task = problem(constant(20, 0.01, 0.1))
    V, W = nn.Parameter(task.V.clone()), nn.Parameter(task.W.clone())
    losses = engine(V, W, task.x, task.y, task.rates)
    assert not losses.requires_grad
    assert V.grad is None
    assert W.grad is None
    assert torch.equal(V, task.train(engine).V)
    assert torch.equal(W, task.train(engine).W)


def test_an_engine_may_serve_networks_of_different_sizes_and_precisions() -> None:
    engine = Blocked(10)
    for hidden, dtype in ((8, torch.float64), (8, torch.float32), (5, torch.float32), (8, torch.float64)):
        task = problem(constant(30, 0.01, 0.1), hidden=hidden, inputs=48 - hidden, dtype=dtype)  # whole panels
        fresh = task.train(Blocked(10))
        assert all(torch.equal(a, b) for a, b in zip(task.train(engine), fresh, strict=True))


def test_a_panel_of_nothing() -> None:
    with pytest.raises(ValueError, match="panel must be 1 or more, not 0"):
        Blocked(0)


@FORMS
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("bad", [float("inf"), float("-inf"), float("nan")])
@pytest.mark.parametrize("at", [0, 6, 17])
def test_a_sample_that_is_no_number_is_seen_no_later_than_one_at_a_time_sees_it(
    at: int, bad: float, dtype: torch.dtype, compiled: bool
) -> None:
    task = problem(constant(30, 0.01, 0.1), dtype=dtype)
    task.x[at, 5] = bad
    for engine in (OneAtATime(), Blocked(7, compiled)):
        finite = task.train(engine).losses.isfinite()
        assert finite[:at].all()
        assert not finite[at + 1 :].any()


@FORMS
@pytest.mark.parametrize(("dtype", "lr"), [(torch.float32, 1e38), (torch.float64, 1e300)])
def test_a_run_that_diverges_is_seen(dtype: torch.dtype, lr: float, compiled: bool) -> None:
    task = problem(constant(40, lr, 1e-3), dtype=dtype)
    assert not task.train(OneAtATime()).losses[-1].isfinite()
    assert not task.train(Blocked(7, compiled)).losses[-1].isfinite()


@pytest.mark.parametrize(("dtype", "kept", "flushed"), [(torch.float32, 60, 75), (torch.float64, 600, 680)])
def test_the_flushed_tail_of_the_softmax_is_all_that_differs(dtype: torch.dtype, kept: int, flushed: int) -> None:
    """The kernel takes a probability far below the least normal number times 1 / eps for 0, and no larger one."""
    task = problem(constant(1, 1.0, 0.0), classes=3, dtype=dtype)
    task.W.zero_()[:, -1] = torch.tensor([0.0, -kept, -flushed])
    task.y.zero_()
    taken = {form: task.train(Blocked(1, form)).W[1:, 0].tolist() for form in (False, True)}
    assert taken[True][1] == 0
    assert 0 < abs(taken[False][1]) < 2 * np.exp(-flushed)
    assert abs(taken[True][0]) > np.exp(-kept) / 100
    assert taken[True][0] == pytest.approx(taken[False][0], rel=1e-5, abs=0)


@FORMS
def test_products_are_in_full_precision(compiled: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    task = problem(constant(30, 0.01, 0.1), dtype=torch.float32)
    expected = task.train(Blocked(7, compiled))
    seen = set()
    name = "compiled" if compiled else "plain"
    whole = getattr(sweep, name)

    def watched(*arguments: object) -> float:
        seen.add((torch.get_float32_matmul_precision(), torch.is_autocast_enabled("cpu")))
        return whole(*arguments)

    monkeypatch.setattr(sweep, name, watched)
    torch.set_float32_matmul_precision("medium")
    try:
        with torch.autocast("cpu", torch.bfloat16):
            got = task.train(Blocked(7, compiled))
        assert torch.get_float32_matmul_precision() == "medium"
        task.y[0] = -1
        with pytest.raises(IndexError):
            task.train(Blocked(7, compiled))
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision("highest")
    assert seen == {("highest", False)}
    assert all(torch.equal(a, b) for a, b in zip(got, expected, strict=True))


def test_without_numba_the_plain_sweep_takes_over(monkeypatch: pytest.MonkeyPatch) -> None:
    task = problem(constant(30, 0.01, 0.1))
    expected = task.train(Blocked(7, compiled=False))
    monkeypatch.setitem(sys.modules, "numba", None)  # an import of it fails
    monkeypatch.delitem(sys.modules, "letters_torch.exact_sgd._kernel")
    monkeypatch.delattr(updates, "_kernel")
    spec = importlib.util.spec_from_file_location("sweep_without_numba", sweep.__file__)
    assert spec is not None
    assert spec.loader is not None
    without = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(without)
    assert not without.COMPILED
    monkeypatch.setattr(blocked, "sweep", without)
    assert all(torch.equal(a, b) for a, b in zip(task.train(Blocked(7)), expected, strict=True))
    with pytest.raises(ValueError, match="Numba"):
        Blocked(7, compiled=True)


@njit(fastmath=_kernel.FUSED, error_model="numpy")
def _tanh_of_each(x, result):  # type: ignore[no-untyped-def]
    for i in range(len(x)):
        result[i] = _kernel._tanh(x[i])


def test_the_tanh_of_the_kernel_is_within_5_units_in_the_last_place() -> None:
    """Of every 499th float32 there is, subnormal numbers included."""
    bits = np.arange(0, 2**31, 499, dtype=np.uint32)
    x = np.concatenate([bits, bits | np.uint32(2**31)]).view(np.float32)
    x = x[np.isfinite(x)]
    got = np.empty_like(x)
    _tanh_of_each(x, got)
    exact = np.tanh(x.astype(np.float64))
    ulps = np.abs(got - exact) / np.spacing(np.abs(exact).astype(np.float32))
    assert ulps.max() < 5, f"{ulps.max()} at {x[ulps.argmax()]}"
    assert np.abs(got - exact).max() < 3e-7
    assert np.abs(got).max() <= 1 + np.finfo(np.float32).eps


def test_the_tanh_of_the_kernel_at_infinity() -> None:
    got = np.empty(3, np.float32)
    _tanh_of_each(np.array([np.inf, -np.inf, np.nan], np.float32), got)
    assert got[:2].tolist() == [1, -1]
    assert np.isnan(got[2])


def test_the_compiled_kernel_needs_numba(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "COMPILED", False)
    with pytest.raises(ValueError, match="compiled=True needs Numba, which cannot be imported here"):
        Blocked(7, compiled=True)
