"""Settings of a model that are refused."""

import pytest

from letters_torch.exact_sgd import Model


@pytest.mark.parametrize("smoothing", [-0.1, 1.1, float("nan")])
def test_a_label_smoothing_out_of_range_is_refused(smoothing: float) -> None:
    with pytest.raises(ValueError, match="label_smoothing must be from 0 to 1"):
        Model(label_smoothing=smoothing)
