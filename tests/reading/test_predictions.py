"""What is said of a network's readings."""

import pytest
import torch

from letters_torch.reading.predictions import Readings, wilson

A, B, C = 0, 1, 2
READINGS = Readings(
    truth=torch.tensor([A, B, C, A, B, C]),
    reading=torch.tensor([A, C, C, B, B, A]),
    confidence=torch.tensor([0.5, 0.6, 0.7, 0.95, 0.9, 0.8]),
)


def test_the_surest_mistake_comes_first() -> None:
    assert READINGS.worst(10) == [3, 5, 1]
    assert READINGS.worst(2) == [3, 5]
    assert [READINGS.caption(row) for row in READINGS.worst(2)] == [("A read as B", "95.0%"), ("C read as A", "80.0%")]


def test_right_readings_come_in_the_order_of_the_rows() -> None:
    assert READINGS.right == 3
    assert READINGS.read_right(2) == [0, 2]
    assert READINGS.caption(4) == ("B", "90.0%")


@pytest.mark.parametrize(
    ("right", "rows", "low", "high"),
    [(8, 10, 0.4902, 0.9433), (0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (4145, 4800, 0.8535, 0.8729)],
)
def test_wilson_interval(right: int, rows: int, low: float, high: float) -> None:
    """Published values for n = 10; the last is the notebook's accuracy, where the plain interval is nearly the same."""
    assert wilson(right, rows) == pytest.approx((low, high), abs=1e-4)


def test_more_confidence_is_a_wider_interval() -> None:
    (low, high), (lower, higher) = wilson(8, 10, 0.95), wilson(8, 10, 0.99)
    assert lower < low < high < higher
