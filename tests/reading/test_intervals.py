"""Wilson's interval."""

import pytest

from letters_torch.reading.intervals import wilson


@pytest.mark.parametrize(
    ("correct", "rows", "low", "high"),
    [(8, 10, 0.4902, 0.9433), (0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (4145, 4800, 0.8535, 0.8729)],
)
def test_wilson_interval(correct: int, rows: int, low: float, high: float) -> None:
    """Published values for n = 10; the last is the notebook's accuracy, where the plain interval is nearly the same."""
    assert wilson(correct, rows) == pytest.approx((low, high), abs=1e-4)


def test_more_confidence_is_a_wider_interval() -> None:
    (low, high), (lower, higher) = wilson(8, 10, 0.95), wilson(8, 10, 0.99)
    assert lower < low < high < higher
