"""Stages: what holds at each step, where they meet, and what no stage can be."""

import numpy as np
import pytest

from letters_torch.exact_sgd.schedule import Schedule, Stage

THREE = Schedule([Stage(3, 0.1, 0.5), Stage(1, 0.2), Stage(2, 0.3, 0.25)])


def test_each_step_has_its_stage() -> None:
    rates = THREE.rates(0, 6)
    assert THREE.total == 6
    assert rates.lr.tolist() == [0.1, 0.1, 0.1, 0.2, 0.3, 0.3]
    assert rates.weight_decay.tolist() == [0.5, 0.5, 0.5, 0.0, 0.25, 0.25]
    assert rates.lr.dtype == rates.weight_decay.dtype == np.float64


def test_any_stretch_is_part_of_the_whole() -> None:
    whole = THREE.rates(0, 6)
    for first in range(7):
        for count in range(7 - first):
            part = THREE.rates(first, count)
            assert part.lr.tolist() == whole.lr[first : first + count].tolist()
            assert part.weight_decay.tolist() == whole.weight_decay[first : first + count].tolist()


RAMPS = Schedule([Stage(4, 0.1, 0.5, lr_end=0.5), Stage(3, 0.5, lr_end=0.2), Stage(2, 0.3), Stage(1, 0.7, lr_end=9.0)])


def test_a_ramp_goes_from_its_first_rate_in_equal_parts_and_would_arrive_in_the_step_after() -> None:
    lr = RAMPS.rates(0, 10).lr
    np.testing.assert_allclose(lr, [0.1, 0.2, 0.3, 0.4, 0.5, 0.4, 0.3, 0.3, 0.3, 0.7], rtol=1e-15)
    assert RAMPS.rates(0, 10).weight_decay.tolist() == [0.5] * 4 + [0.0] * 6


def test_a_fall_to_zero_has_no_step_at_zero() -> None:
    lr = Schedule([Stage(1000, 3e-3, lr_end=0.0)]).rates(0, 1000).lr
    assert (np.diff(lr) < 0).all()
    assert lr[0] == 3e-3
    assert lr[-1] == pytest.approx(3e-3 / 1000)


def test_a_ramp_between_equal_rates_is_no_ramp() -> None:
    rates = Schedule([Stage(7, 0.3, 0.1, lr_end=0.3)]).rates(0, 7)
    assert rates.lr.tolist() == Schedule([Stage(7, 0.3, 0.1)]).rates(0, 7).lr.tolist()


def test_any_stretch_of_a_ramp_is_part_of_the_whole() -> None:
    schedule = Schedule([Stage(1_234, 3e-3, 1e-4, lr_end=1.7e-4), Stage(77, 1e-3, lr_end=0.0)])
    whole = schedule.rates(0, schedule.total).lr
    for first, count in [(0, 1), (1, 333), (617, 1), (1_200, 100), (1_234, 77), (1_310, 1)]:
        assert schedule.rates(first, count).lr.tolist() == whole[first : first + count].tolist()


@pytest.mark.parametrize(("first", "count"), [(-1, 1), (0, 7), (6, 1), (5, 2), (100, 1)])
def test_steps_that_the_schedule_does_not_have(first: int, count: int) -> None:
    with pytest.raises(IndexError, match="of a schedule of 6"):
        THREE.rates(first, count)


@pytest.mark.parametrize("bad", [-1e-9, float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["lr", "weight_decay", "lr_end"])
def test_values_that_no_stage_can_have(name: str, bad: float) -> None:
    with pytest.raises(ValueError, match=f"stage's {name} must be a finite number"):
        Stage(**{"steps": 1, "lr": 0.1, "weight_decay": 0.1, "lr_end": 0.1, name: bad})  # type: ignore[arg-type]


@pytest.mark.parametrize("steps", [0, -5])
def test_a_stage_of_no_steps(steps: int) -> None:
    with pytest.raises(ValueError, match="steps must be 1 or more"):
        Stage(steps, 0.1)


def test_a_schedule_of_no_stages() -> None:
    with pytest.raises(ValueError, match="at least one stage"):
        Schedule([])
