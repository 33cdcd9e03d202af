"""The test for numbers that are not finite."""

import math

import pytest
import torch

from letters_torch.finite import all_finite


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_one_number_that_is_not_finite_is_found(value: float) -> None:
    x = torch.zeros(400, 785)
    x[399, 784] = value
    assert not all_finite(x)


def test_infinities_that_cancel_are_found() -> None:
    assert not all_finite(torch.tensor([math.inf, -math.inf]))


def test_finite_numbers_whose_sum_is_not_finite_are_finite() -> None:
    x = torch.full((8,), torch.finfo(torch.float32).max)
    assert not x.sum().isfinite()
    assert all_finite(x)
