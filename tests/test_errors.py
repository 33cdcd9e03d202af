"""What an error says, and checks of settings."""

from typing import Any

import numpy as np
import pytest

from letters_torch.errors import UserError, reason, require_choice, require_int
from tests.support.making import message


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (FileNotFoundError(2, "No such file or directory", "/a/b"), "No such file or directory"),
        (OSError("no number"), "no number"),
        (ValueError("two\n  lines"), "two lines"),
        (ValueError("x" * 500), "x" * 120),
        (KeyError(), "KeyError"),
    ],
)
def test_the_reason_is_one_line(error: Exception, said: str) -> None:
    assert reason(error) == said


@pytest.mark.parametrize("value", ["rounds", "replacement"])
def test_a_choice(value: str) -> None:
    require_choice("--data.sampling", value, ("replacement", "rounds"))


@pytest.mark.parametrize("value", ["round", "", None, 3, ["rounds"], {}])
def test_no_choice(value: Any) -> None:
    with pytest.raises(UserError) as error:
        require_choice("--data.sampling", value, ("replacement", "rounds"))
    message(error, f"--data.sampling must be one of replacement, rounds, not {value!r}")


@pytest.mark.parametrize("value", [1, 5, np.int64(1), np.uint8(1), 10**30])
def test_a_whole_number(value: Any) -> None:
    require_int("--data.block", value, 1)


@pytest.mark.parametrize("value", [0, -1, True, 1.0, "5", None, float("nan"), np.array([1, 2])])
def test_no_whole_number(value: Any) -> None:
    with pytest.raises(UserError) as error:
        require_int("--data.block", value, 1)
    message(error, f"--data.block must be a whole number, 1 or more, not {value!r}")
