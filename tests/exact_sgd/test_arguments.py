"""Every engine refuses wrong arguments by name; rates may be numbers."""

from typing import Any

import numpy as np
import pytest
import torch

from letters_torch.exact_sgd import Blocked, Engine, OneAtATime, Rates, Team
from tests.support.updates import constant, problem

ENGINES = pytest.mark.parametrize(
    "engine",
    [OneAtATime(), Blocked(4, compiled=False), Blocked(4, compiled=True), Team(4)],
    ids=["one", "plain", "compiled", "team"],
)


def call(engine: Engine, first_step: Any = 0, **changes: Any) -> torch.Tensor:
    """Calls the engine on 10 samples, with some of its arguments replaced by functions of them."""
    arguments: dict[str, Any] = problem(constant(10, 0.01, 0.1))._asdict()
    before = {name: arguments[name].clone() for name in "VW"}
    for name, change in changes.items():
        arguments[name] = change(arguments[name])
    try:
        return engine(**arguments, first_step=first_step)
    except Exception:
        for name in before.keys() - changes.keys():  # a call that fails leaves the weights alone
            assert torch.equal(arguments[name], before[name])
        raise


@ENGINES
@pytest.mark.parametrize("name", ["V", "W", "x", "y"])
def test_an_array_is_no_tensor(engine: Engine, name: str) -> None:
    with pytest.raises(TypeError, match=rf"^{name} must be a torch\.Tensor, not ndarray"):
        call(engine, **{name: lambda t: t.numpy()})


@ENGINES
@pytest.mark.parametrize(
    ("name", "change", "expected"),
    [
        ("V", lambda t: t.half(), "V must be float32 or float64, not torch.float16"),
        ("V", lambda t: t.float(), "W must have V's dtype, torch.float32, not torch.float64"),
        ("W", lambda t: t.float(), "W must have V's dtype, torch.float64, not torch.float32"),
        ("x", lambda t: t.float(), "x must have V's dtype"),
        ("x", lambda t: t.to(torch.uint8), "x must have V's dtype, torch.float64, not torch.uint8"),
        ("y", lambda t: t.int(), "y must be torch.int64, not torch.int32"),
        ("y", lambda t: t.double(), "y must be torch.int64, not torch.float64"),
    ],
)
def test_a_wrong_dtype(engine: Engine, name: str, change: Any, expected: str) -> None:
    with pytest.raises(TypeError, match=f"^{expected}"):
        call(engine, **{name: change})


@ENGINES
@pytest.mark.parametrize(
    ("name", "change", "expected"),
    [
        ("V", lambda t: t[0], "V must have 2 dimensions, not 1"),
        ("x", lambda t: t[None], "x must have 2 dimensions, not 3"),
        ("W", lambda t: t[:0], r"W must not be empty, but has shape \(0, 25\)"),
        ("V", lambda t: t[:, :-1], r"x must have shape \(10, 47\), not \(10, 48\)"),
        ("V", lambda t: t[:-1], r"W must have shape \(7, 24\), not \(7, 25\)"),
        ("W", lambda t: t[:, :-1], r"W must have shape \(7, 25\), not \(7, 24\)"),
        ("x", lambda t: t[:, :-1], r"x must have shape \(10, 48\), not \(10, 47\)"),
        ("x", lambda t: t[:-1], r"y must have shape \(9,\), not \(10,\)"),
        ("y", lambda t: t[:-1], r"y must have shape \(10,\), not \(9,\)"),
        ("y", lambda t: t[:, None], r"y must have shape \(10,\), not \(10, 1\)"),
        ("rates", lambda r: Rates(r.lr[:-1], r.weight_decay), r"rates\.lr must be a number or have shape \(10,\)"),
        ("rates", lambda r: Rates(r.lr, r.weight_decay[:1]), r"rates\.weight_decay must be .*, not \(1,\)"),
        ("rates", lambda r: Rates(r.lr[:, None]), r"rates\.lr must be .*, not \(10, 1\)"),
    ],
)
def test_a_wrong_shape(engine: Engine, name: str, change: Any, expected: str) -> None:
    with pytest.raises(ValueError, match=f"^{expected}"):
        call(engine, **{name: change})


@ENGINES
@pytest.mark.parametrize("name", ["W", "x", "y"])
def test_another_device(engine: Engine, name: str) -> None:
    with pytest.raises(ValueError, match=f"^{name} must be on V's device, cpu, not on meta"):
        call(engine, **{name: lambda t: t.to("meta")})


@ENGINES
def test_a_negative_step(engine: Engine) -> None:
    with pytest.raises(ValueError, match=r"^first_step must be 0 or more, not -1"):
        call(engine, first_step=-1)


@ENGINES
@pytest.mark.parametrize("label", [-1, 7])
def test_a_label_that_w_does_not_have(engine: Engine, label: int) -> None:
    with pytest.raises(IndexError, match=rf"^y\[4\] is {label}, outside the classes 0\.\.6"):
        call(engine, y=lambda y: torch.where(torch.arange(10) == 4, label, y))


@ENGINES
def test_rates_may_be_numbers(engine: Engine) -> None:
    task = problem(constant(10, 0.01, 0.1))
    expected = task.train(engine)
    for rates in (Rates(0.01, 0.1), Rates(np.full(10, 0.01), 0.1), Rates([0.01] * 10, 0.1)):
        V, W = task.V.clone(), task.W.clone()
        losses = engine(V, W, task.x, task.y, rates)
        assert all(torch.equal(*pair) for pair in zip((V, W, losses), expected, strict=True))


def test_rates_without_a_decay_have_none() -> None:
    assert Rates(0.01).weight_decay == 0
