"""Settings of a model that are refused."""

import pytest

from letters_torch.exact_sgd import Model


@pytest.mark.parametrize("smoothing", [-0.1, 1.1, float("nan")])
def test_a_label_smoothing_out_of_range_is_refused(smoothing: float) -> None:
    with pytest.raises(ValueError, match="label_smoothing must be from 0 to 1"):
        Model(label_smoothing=smoothing)


def test_unknown_names_are_refused() -> None:
    with pytest.raises(
        ValueError, match="activation must be one of tanh, relu, logistic, identity, erf, not 'sigmoid'"
    ):
        Model("sigmoid")
    with pytest.raises(ValueError, match="loss must be one of cross_entropy, squared_error, not 'mse'"):
        Model(loss="mse")


def test_the_squared_error_has_no_labels_to_smooth() -> None:
    with pytest.raises(ValueError, match="label_smoothing needs loss='cross_entropy'"):
        Model(loss="squared_error", label_smoothing=0.1)
