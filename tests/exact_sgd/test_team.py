"""The team's updates are the derivation's, and the number of threads changes no bit of them."""

import ctypes
import os
import pickle
from itertools import count
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from letters_torch.exact_sgd import OneAtATime, team
from letters_torch.exact_sgd.blocked import Blocked
from letters_torch.exact_sgd.model import Model
from letters_torch.exact_sgd.network import initial_weights, logits
from letters_torch.exact_sgd.schedule import Rates
from letters_torch.exact_sgd.team import Levels, Team, parallel_logits, slices, uses_levels
from letters_torch.exact_sgd.threads import torch_threads
from tests.support.updates import Problem, Result, apart, by_numpy, constant, problem, ramp, random_cuts, stages

pytestmark = pytest.mark.skipif(not team.COMPILED, reason="needs Numba")
EXACT = 1e-10
THREADS = pytest.mark.parametrize("threads", [1, 2, 3, 5])
DTYPES = pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
WIDE = 1100  # hidden units: enough slices for 5 threads on any machine


@pytest.fixture(scope="module", params=[stages, ramp])
def long_run(request: pytest.FixtureRequest) -> tuple[Problem, Result]:
    """2,000 steps of a narrow network, two slices of it, and where they lead."""
    task = problem(request.param())
    return task, by_numpy(task)


@pytest.mark.parametrize("panel", [1, 7, 100, 256])
def test_2000_steps_are_the_derivation(long_run: tuple[Problem, Result], panel: int) -> None:
    task, reference = long_run
    assert apart(task.train(Team(panel, num_threads=1)), reference) < EXACT
    cuts = random_cuts(len(task.x), seed=panel)
    assert apart(task.train(Team(panel, num_threads=2), cuts, first_step=12_345), reference) < EXACT


@THREADS
def test_the_785_400_26_network(threads: int) -> None:
    rates = stages(200)
    task = problem(Rates(rates.lr / 10, rates.weight_decay), inputs=784, hidden=400, classes=26)
    assert apart(task.train(Team(num_threads=threads)), by_numpy(task)) < EXACT


@pytest.mark.parametrize(("lr", "weight_decay"), [(0.01, 0.0), (0.5**6, 2.0**6), (0.01, 150.0), (0.01, 250.0)])
def test_any_decay(lr: float, weight_decay: float) -> None:
    task = problem(constant(110, lr, weight_decay))
    assert apart(task.train(Team(num_threads=2)), by_numpy(task)) < EXACT


@settings(max_examples=40, deadline=None)
@given(
    inputs=st.integers(1, 40),
    hidden=st.integers(1, 40),
    classes=st.integers(1, 19),
    count=st.integers(0, 40),
    panel=st.integers(1, 17),
    first_step=st.integers(0, 1_000),
    threads=st.integers(1, 5),
    seed=st.integers(0, 2**32 - 1),
)
def test_any_shape(
    inputs: int, hidden: int, classes: int, count: int, panel: int, first_step: int, threads: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    task = problem(Rates(rng.uniform(0, 0.2, count), rng.uniform(0, 6, count)), seed, inputs, hidden, classes)
    cuts = random_cuts(count, seed, longest=20)
    assert apart(task.train(Team(panel, num_threads=threads), cuts, first_step), by_numpy(task)) < EXACT


def test_a_team_may_serve_networks_of_different_sizes_and_precisions() -> None:
    """One after another: also where they have as many slices, of other widths."""
    engine = Team(10, num_threads=2)
    for hidden, dtype in ((100, torch.float64), (100, torch.float32), (90, torch.float32), (40, torch.float64)):
        task = problem(constant(30, 0.01, 0.1), hidden=hidden, dtype=dtype)
        fresh = task.train(Team(10, num_threads=2))
        assert all(torch.equal(a, b) for a, b in zip(task.train(engine), fresh, strict=True))


MODELS = [
    Model("erf", "squared_error", decay_biases=False),
    Model("relu", label_smoothing=0.1, train_biases=False),
    Model("tanh", train_second_layer=False),
]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.activation)
def test_any_model(model: Model) -> None:
    """Distributions for targets, sample weights, and the outputs before each update."""
    task = problem(stages(150))
    generator = torch.Generator().manual_seed(1)
    y = torch.softmax(torch.randn(150, 7, generator=generator, dtype=torch.float64), 1)
    weight = torch.rand(150, generator=generator, dtype=torch.float64)
    results = []
    for engine in (OneAtATime(model), Team(30, model, num_threads=2)):
        V, W, outputs = task.V.clone(), task.W.clone(), torch.empty(150, 7, dtype=torch.float64)
        losses = engine(V, W, task.x, y, task.rates, sample_weight=weight, outputs=outputs)
        results.append((Result(V, W, losses), outputs))
    (expected, b), (got, b_team) = results
    assert apart(got, expected) < EXACT
    assert torch.allclose(b_team, b, rtol=1e-9, atol=1e-10)


@DTYPES
def test_the_number_of_threads_changes_no_bit(dtype: torch.dtype) -> None:
    assert len(slices(WIDE)) > 5
    task = problem(ramp(50), inputs=60, hidden=WIDE, classes=26, dtype=dtype)
    whole, *others = [task.train(Team(20, num_threads=threads)) for threads in (1, 2, 3, 5)]
    for other in others:
        assert all(torch.equal(expected, got) for expected, got in zip(whole, other, strict=True))


@pytest.mark.parametrize("patience", [0, 1e-5])
def test_a_team_that_breaks_off_leaves_the_same_bits(monkeypatch: pytest.MonkeyPatch, patience: float) -> None:
    """At any meeting; one thread then goes on from where the panel began."""
    task = problem(ramp(300), hidden=WIDE)
    expected = task.train(Team(10, num_threads=1))
    monkeypatch.setattr(team, "PATIENCE", patience)
    monkeypatch.setattr(team, "MOST_ALONE", 0)
    for threads in (2, 5):
        got = task.train(Team(10, num_threads=threads), [30] * 10)
        assert all(torch.equal(a, b) for a, b in zip(expected, got, strict=True))


def test_a_clock_that_is_put_back_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's clock is not monotonic. A thread that took a negative wait for a break was waited for forever."""
    task, ticks = problem(ramp(300), hidden=WIDE), count(10**9, -1000)
    expected = task.train(Team(10, num_threads=1))

    def clock(times: Any, _: Any) -> None:
        times[0], times[1] = next(ticks), 0

    pointer = ctypes.POINTER(ctypes.c_int64)
    callback = ctypes.CFUNCTYPE(None, pointer, pointer)(clock)
    real = team.blas.system

    def system(limit: float) -> Any:
        give_way, _, unit, ticks_of_limit = real(limit)
        return np.array([give_way, ctypes.cast(callback, ctypes.c_void_p).value, unit, ticks_of_limit], np.int64)

    monkeypatch.setattr(team.blas, "system", system)
    got = task.train(engine := Team(10, num_threads=2))
    assert engine._broken_off == 0
    assert all(torch.equal(a, b) for a, b in zip(expected, got, strict=True))


@THREADS
@DTYPES
def test_blocks_cut_at_multiples_of_the_panel_give_the_same_bits(dtype: torch.dtype, threads: int) -> None:
    task = problem(stages(90), inputs=784, hidden=40, dtype=dtype)
    whole = task.train(Team(20, num_threads=1), first_step=40)
    for lengths in ([20, 60, 10], [20] * 4 + [10]):
        for expected, got in zip(whole, task.train(Team(20, num_threads=threads), lengths, first_step=40), strict=True):
            assert torch.equal(expected, got)


def test_float32_is_no_further_from_float64_than_one_sample_at_a_time() -> None:
    task = problem(stages(2_000), hidden=40)
    reference = by_numpy(task)
    single = task.to(torch.float32)
    team_error, one_error = (apart(single.train(engine), reference) for engine in (Team(num_threads=2), OneAtATime()))
    assert team_error < 1.5 * one_error


def test_weights_that_are_not_contiguous() -> None:
    task = problem(constant(60, 0.01, 0.1))
    expected = task.train(Team(20))
    V, W = task.V.T.contiguous().T, task.W.T.contiguous().T
    losses = Team(20)(V, W, task.x, task.y, task.rates)
    assert all(torch.equal(a, b) for a, b in zip(expected, (V, W, losses), strict=True))


def test_a_pickled_team_keeps_no_address() -> None:
    """Those of the BLAS and of the system's functions are other ones in another process."""
    task = problem(constant(60, 0.01, 0.1))
    engine = Team(20)
    expected = task.train(engine)
    addresses = [*team.blas.fastest()[1:], *team.blas.system(team.PATIENCE)[:2].tolist()]
    pickled = pickle.dumps(engine)
    assert not [address for address in addresses if address.to_bytes(8, "little") in pickled]
    got = task.train(pickle.loads(pickled))
    assert all(torch.equal(a, b) for a, b in zip(expected, got, strict=True))


def test_without_numba_blocked_does_the_updates(monkeypatch: pytest.MonkeyPatch) -> None:
    task = problem(constant(60, 0.01, 0.1))
    monkeypatch.setattr(team, "COMPILED", False)
    for expected, got in zip(task.train(Blocked(20)), task.train(Team(20)), strict=True):
        assert torch.equal(expected, got)
    x = task.x[:5]
    assert torch.allclose(parallel_logits(task.V, task.W, x), logits(task.V, task.W, x))


@pytest.mark.skipif(not team.COMPILED or team.blas.torchs() is None, reason="torch has no MKL that can be called")
def test_either_library_does_the_updates(monkeypatch: pytest.MonkeyPatch) -> None:
    task = problem(stages(200), inputs=784, hidden=40)
    reference = by_numpy(task)
    for library in (team.blas.torchs, team.blas.scipys):
        monkeypatch.setattr(team.blas, "fastest", library)
        assert apart(task.train(Team(num_threads=2)), reference) < EXACT


def test_fewer_threads_than_one_are_refused() -> None:
    with pytest.raises(ValueError, match="num_threads must be 1 or more, not 0"):
        Team(num_threads=0)


@pytest.mark.parametrize("failing", [0, 1])
@pytest.mark.parametrize("error", [ArithmeticError, KeyboardInterrupt])
def test_what_ends_one_thread_ends_all(
    monkeypatch: pytest.MonkeyPatch, failing: int, error: type[BaseException]
) -> None:
    """The others wait for it, in compiled code; they would wait forever."""
    real = team._team.make_member("tanh", "cross_entropy")
    ended = []

    def member(thread: int, *args: Any) -> None:
        if thread == failing:
            raise error
        real(thread, *args)
        ended.append(thread)

    monkeypatch.setattr(team._team, "make_member", lambda *_: member)
    with pytest.raises(error):
        problem(constant(60, 0.01, 0.1), hidden=40).train(Team(20, num_threads=2))
    assert len(ended) <= 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning", "ignore:.*fork.*:RuntimeWarning")
def test_a_forked_process_trains_to_the_same_bits() -> None:
    task = problem(constant(60, 0.01, 0.1), hidden=40)
    expected = task.train(Team(20, num_threads=2))
    child = os.fork()
    if child == 0:  # no assertion here: pytest would run on in both processes
        code = 1
        try:
            got = task.train(Team(20, num_threads=2))
            code = int(not all(torch.equal(a, b) for a, b in zip(expected, got, strict=True)))
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.parametrize("hidden", [1, 8, 24, 100, 400, 1100, 3200])
@pytest.mark.parametrize("cores", [1, 2, 16])
def test_slices(hidden: int, cores: int) -> None:
    cuts = slices(hidden, cores)
    assert (cuts[0], cuts[-1]) == (0, hidden)
    assert (np.diff(cuts) > 0).all()
    assert all(cut % 16 == 0 for cut in cuts[:-1])
    assert np.diff(cuts).max() <= 272
    if hidden >= 100:
        assert len(cuts) % 2 == 1  # an even number of slices
        assert np.diff(cuts).max() - np.diff(cuts).min() <= 16


@DTYPES
@pytest.mark.parametrize("rows", [0, 1, 199, 1234])
def test_logits_have_the_same_bits_for_any_number_of_threads(dtype: torch.dtype, rows: int) -> None:
    V, W = initial_weights(784, 100, 26, seed=0, dtype=dtype)
    x = torch.randn(rows, 784, generator=torch.Generator().manual_seed(0), dtype=dtype)
    results = []
    for threads in (1, 2, 3, 5):
        with torch_threads(threads):
            results.append(parallel_logits(V, W, x))
    assert all(torch.equal(results[0], other) for other in results[1:])
    assert torch.allclose(results[0], logits(V, W, x), atol=1e-5 if dtype == torch.float32 else 1e-12)


def test_logits_of_one_row_of_any_stride() -> None:
    """x[None] of NumPy's has a stride of 0."""
    V, W = initial_weights(30, 10, 4, seed=0, dtype=torch.float64)
    x = torch.from_numpy(np.linspace(-1, 1, 30)[None])
    assert x.stride() == (0, 1)
    assert torch.equal(parallel_logits(V, W, x), parallel_logits(V, W, x.clone(memory_format=torch.contiguous_format)))
    assert torch.allclose(parallel_logits(V, W, x), logits(V, W, x), atol=1e-12)


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (torch.zeros(5, 29), ValueError, r"x must have shape \(5, 30\), not \(5, 29\)"),
        (torch.zeros(5, 30, dtype=torch.float64), TypeError, "x must have V's dtype, torch.float32"),
        (torch.zeros(5, 30, dtype=torch.uint8), TypeError, "x must have V's dtype, torch.float32"),
    ],
)
def test_logits_of_what_does_not_fit(x: torch.Tensor, error: type[Exception], message: str) -> None:
    """The compiled code would read and write beyond the arrays."""
    V, W = initial_weights(30, 10, 4, seed=0)
    with pytest.raises(error, match=message):
        parallel_logits(V, W, x)


@pytest.mark.parametrize("activation", ["relu", "erf"])
def test_logits_of_other_activations(activation: str) -> None:
    V, W = initial_weights(30, 10, 4, seed=0, dtype=torch.float64)
    x = torch.randn(50, 30, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert torch.allclose(parallel_logits(V, W, x, activation), logits(V, W, x, activation), atol=1e-12)


def levels_of(rows: int, inputs: int = 784) -> tuple[Levels, Tensor]:
    """Pixels, most of them black, and what they are after standardisation, float64."""
    pixels = torch.randint(0, 256, (rows, inputs), generator=torch.Generator().manual_seed(0))
    pixels[torch.rand(rows, inputs, generator=torch.Generator().manual_seed(1)) < 0.6] = 0
    shift, scale = pixels.double().mean(0), 1 / pixels.double().std(0)
    return Levels(pixels.bfloat16(), shift, scale), (pixels - shift) * scale


def test_three_bfloat16_matrices_are_the_float32_matrix() -> None:
    levels, x = levels_of(50)
    V = torch.randn(40, 785, generator=torch.Generator().manual_seed(2))
    bits, biases = team._on_levels(V, levels)
    matrices = bits.view(torch.bfloat16)
    assert torch.equal(matrices.float().sum(0), V[:, :-1] * levels.scale.float())
    inputs = levels.numbers.double() @ matrices.double().sum(0).T + biases.double()
    assert torch.allclose(inputs, x @ V[:, :-1].double().T + V[:, -1].double(), atol=1e-5)


NEEDS_LEVELS = pytest.mark.skipif(not uses_levels(torch.float32), reason="no unit for bfloat16 products")


@NEEDS_LEVELS
def test_logits_by_levels_are_as_exact_as_by_inputs() -> None:
    levels, x = levels_of(1_000)
    task = problem(stages(1), inputs=784, hidden=400)
    exact = logits(task.V, task.W, x)
    V, W = task.V.float(), task.W.float()
    by_inputs, by_levels = (parallel_logits(V, W, x.float(), levels=given) for given in (None, levels))
    assert not torch.equal(by_levels, by_inputs)
    assert (by_levels - exact).abs().max() < 1.5 * (by_inputs - exact).abs().max()


@NEEDS_LEVELS
def test_no_bit_of_logits_by_levels_depends_on_the_threads() -> None:
    levels, x = levels_of(1_000)
    task = problem(stages(1), inputs=784, hidden=400).to(torch.float32)
    found = []
    for threads in (1, 2, 3, 5):
        with torch_threads(threads):
            found.append(parallel_logits(task.V, task.W, x.float(), levels=levels))
    assert all(torch.equal(found[0], other) for other in found)


def test_levels_make_no_difference_where_they_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    levels, x = levels_of(100)
    task = problem(stages(1), inputs=784, hidden=40)
    assert torch.equal(parallel_logits(task.V, task.W, x, levels=levels), parallel_logits(task.V, task.W, x))
    plain = team.blas.fastest()._replace(bgemm=0)
    monkeypatch.setattr(team.blas, "fastest", lambda: plain)
    V, W, x = task.V.float(), task.W.float(), x.float()
    assert torch.equal(parallel_logits(V, W, x, levels=levels), parallel_logits(V, W, x))


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"numbers": torch.zeros(9, 784)}, TypeError, "bfloat16, not torch.float32"),
        ({"numbers": torch.zeros(8, 784).bfloat16()}, ValueError, r"levels.numbers must have shape \(9, 784\)"),
        ({"shift": torch.zeros(783)}, ValueError, r"levels.shift must have shape \(784,\)"),
        ({"scale": torch.zeros(1)}, ValueError, r"levels.scale must have shape \(784,\)"),
    ],
)
def test_levels_of_other_inputs_are_refused(changes: dict[str, Tensor], error: type[Exception], words: str) -> None:
    levels, x = levels_of(9)
    task = problem(stages(1), inputs=784, hidden=40)
    with pytest.raises(error, match=words):
        parallel_logits(task.V, task.W, x, levels=levels._replace(**changes))
