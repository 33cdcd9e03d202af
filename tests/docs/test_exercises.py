"""The exercise sheet: every broken gradient is found by its check, and the answers are right."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from letters_torch.exact_sgd import formulas

SHEET = Path(__file__).parents[2] / "docs" / "exercises.md"


@pytest.fixture(scope="module")
def sheet() -> dict[str, Any]:
    names: dict[str, Any] = {}
    for number, code in enumerate(re.findall(r"```python\n(.*?)```", SHEET.read_text(), re.DOTALL)):
        exec(compile(code, f"{SHEET.name}, block {number}", "exec"), names)
    return names


def sample() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    return rng.normal(size=(4, 6)), rng.normal(size=(3, 5)), rng.normal(size=5), np.eye(3)[1]


@pytest.mark.parametrize("number", range(1, 6))
def test_the_check_finds_the_mistake(sheet: dict[str, Any], number: int) -> None:
    assert sheet["check"](sheet[f"exercise_{number}"]) > 1e-2


def test_the_answer_passes(sheet: dict[str, Any]) -> None:
    assert max(sheet["check"](sheet["answer"], seed) for seed in range(5)) < 1e-6


def test_the_order_of_the_updates(sheet: dict[str, Any]) -> None:
    V, W, x, y = sample()
    expected = formulas.step(V, W, x, y, 0.1, 0.0)
    right, wrong = sheet["answer_6"](V, W, x, y), sheet["exercise_6"](V, W, x, y)
    np.testing.assert_allclose(right[0], expected[0], atol=1e-12)
    np.testing.assert_allclose(wrong[1], expected[1], atol=1e-12)
    assert np.abs(wrong[0] - expected[0]).max() > 1e-3


def test_answer_7(sheet: dict[str, Any]) -> None:
    """Which mistakes weaker checks find."""
    V, W, x, y = sample()

    def found(V: np.ndarray, W: np.ndarray, part: slice) -> set[int]:
        right = sheet["answer"](V, W, x, y)[part]

        def differs(gradients: Callable[..., Any]) -> bool:
            pairs = zip(gradients(V, W, x, y)[part], right, strict=True)
            return any(not np.allclose(ours, other) for ours, other in pairs)

        return {number for number in range(1, 6) if differs(sheet[f"exercise_{number}"])}

    assert found(V, W, slice(1, 2)) == {2, 3}
    assert found(V, 0 * W, slice(0, 2)) == {2, 3}
