"""Stages: what holds at each step, where they meet, and what no stage can be."""

import numpy as np
import pytest

from letters_torch.schedule import Schedule, Stage

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


@pytest.mark.parametrize(("first", "count"), [(-1, 1), (0, 7), (6, 1), (5, 2), (100, 1)])
def test_steps_that_the_schedule_does_not_have(first: int, count: int) -> None:
    with pytest.raises(IndexError, match="of a schedule of 6"):
        THREE.rates(first, count)


@pytest.mark.parametrize("bad", [-1e-9, float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["lr", "weight_decay"])
def test_values_that_no_stage_can_have(name: str, bad: float) -> None:
    with pytest.raises(ValueError, match=f"stage's {name} must be a finite number"):
        Stage(**{"steps": 1, "lr": 0.1, "weight_decay": 0.1, name: bad})  # type: ignore[arg-type]


@pytest.mark.parametrize("steps", [0, -5])
def test_a_stage_of_no_steps(steps: int) -> None:
    with pytest.raises(ValueError, match="steps must be 1 or more"):
        Stage(steps, 0.1)


def test_a_schedule_of_no_stages() -> None:
    with pytest.raises(ValueError, match="at least one stage"):
        Schedule([])
