"""The clock: what is due after which step."""

import pytest

from letters_torch.errors import UserError
from letters_torch.lightning.clock import Clock
from tests.support.making import message


def clock(max_steps: int = -1, interval: int | float | None = 50) -> Clock:
    made = Clock((120, 200))
    made.set_limits(max_steps, interval)
    return made


def pauses(of: Clock) -> list[int]:
    step, found = 0, []
    while (step_or_none := of.next_pause(step)) is not None:
        step = step_or_none
        found.append(step)
    return found


@pytest.mark.parametrize(
    ("max_steps", "interval", "expected"),
    [
        (-1, 50, [50, 100, 120, 150, 200]),
        (130, 50, [50, 100, 120, 130]),
        (-1, None, [120, 200]),
        (80, 0.5, [40, 80]),
        (100, 0.001, list(range(1, 101))),
    ],
)
def test_pauses(max_steps: int, interval: int | float | None, expected: list[int]) -> None:
    assert pauses(clock(max_steps, interval)) == expected


def test_blocks_also_end_where_others_count_steps() -> None:
    made = Clock((120, 200))
    made.set_limits(-1, 50, [30, 80])
    assert pauses(made) == [30, 50, 60, 80, 90, 100, 120, 150, 160, 180, 200]
    assert [step for step in range(1, 200) if made.always_pauses(step)] == pauses(made)[:-1]


def test_validations() -> None:
    stopped = clock(130)
    due = [step for step in range(131) if stopped.is_validation(step)]
    assert due == [0, 50, 100, 130]
    assert [step for step in due if stopped.is_regular_validation(step)] == [0, 50, 100]
    assert clock(interval=70).is_regular_validation(200)
    assert [step for step in range(201) if clock().always_pauses(step)] == [0, 50, 100, 120, 150, 200]
    assert not clock(interval=None).always_pauses(200)  # a longer schedule would not pause here


@pytest.mark.parametrize(
    ("step", "validated_at", "expected"),
    [(0, -1, 0), (0, 0, 0), (49, 0, 0), (50, 0, 0), (50, 50, 50), (120, -1, 100), (150, 150, 150), (151, -1, 150)],
)
def test_the_last_regular_validation(step: int, validated_at: int, expected: int) -> None:
    at = clock()
    at.step, at.validated_at = step, validated_at
    assert at.last_regular_validation() == expected


def test_stages_and_the_end() -> None:
    at = clock(130)
    assert [at.stage_ending_at(step) for step in (119, 120, 121, 200)] == [None, 1, None, 2]
    over = []
    for step in (129, 130):
        at.step = step
        over.append(at.is_over)
    assert over == [False, True]
    assert at.total == 200
    with pytest.raises(UserError) as error:
        clock(201)
    message(error, "--trainer.max_steps 201", "200")
