"""The network's initial weights are drawn as the notebook draws them, and its logits are the derivation's b."""

import numpy as np
import pytest
import torch
from torch import nn

from letters_torch.exact_sgd import formulas
from letters_torch.exact_sgd.network import from_linear, hidden_units, initial_weights, logits, to_linear
from letters_torch.letters import CLASSES, PIXELS


def test_a_scale_multiplies_both_layers() -> None:
    for usual, scaled in zip(
        initial_weights(PIXELS, 8, CLASSES, seed=3),
        initial_weights(PIXELS, 8, CLASSES, seed=3, scale=0.25),
        strict=True,
    ):
        assert torch.equal(scaled, usual / 4)


def test_initial_weights_have_their_distribution() -> None:
    """n draws from N(0, s^2): the mean is within 5 s / sqrt(n) of 0, the variance within 5 s^2 sqrt(2 / n) of s^2."""
    for weights, variance in zip(
        initial_weights(PIXELS, 400, CLASSES, seed=1, dtype=torch.float64), (1 / 784, 1 / 400), strict=True
    ):
        n = weights.numel()
        assert abs(weights.mean()) < 5 * (variance / n) ** 0.5
        assert abs(weights.var() / variance - 1) < 5 * (2 / n) ** 0.5
        beyond = (weights.abs() > 2 * variance**0.5).double().mean()  # 4.55 % of a normal distribution
        assert beyond == pytest.approx(0.0455, abs=5 * (0.0455 / n) ** 0.5)
        biases = weights[:, -1]
        assert abs(biases.var() / variance - 1) < 5 * (2 / len(biases)) ** 0.5


def test_the_constant_does_not_count_in_the_variance() -> None:
    """With one input, and with one hidden unit, counting the constant 1 too would halve the variance."""
    V, _ = initial_weights(1, 10_000, 1, seed=0)
    _, W = initial_weights(1, 1, 10_000, seed=0)
    for weights in (V, W):
        assert weights.var().item() == pytest.approx(1, abs=0.05)


def test_shapes_are_those_of_the_letters() -> None:
    V, W = initial_weights(PIXELS, 400, CLASSES, seed=0)
    assert (V.shape, W.shape) == ((400, 785), (26, 401))
    V, W = initial_weights(3, 5, 2, seed=0)
    assert (V.shape, W.shape) == ((5, 4), (2, 6))


def test_the_same_seed_draws_the_same_weights() -> None:
    torch.manual_seed(0)
    first = initial_weights(PIXELS, 8, CLASSES, seed=3)
    torch.manual_seed(1)  # the global generator has no say
    assert all(torch.equal(a, b) for a, b in zip(first, initial_weights(PIXELS, 8, CLASSES, seed=3), strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(first, initial_weights(PIXELS, 8, CLASSES, seed=4), strict=True))


def test_every_precision_starts_from_the_same_draw() -> None:
    single, double = (
        initial_weights(PIXELS, 8, CLASSES, seed=3),
        initial_weights(PIXELS, 8, CLASSES, seed=3, dtype=torch.float64),
    )
    for a, b in zip(single, double, strict=True):
        assert a.dtype == torch.float32
        assert b.dtype == torch.float64
        assert torch.equal(a, b.float())


def test_logits_are_those_of_the_derivation() -> None:
    V, W = initial_weights(PIXELS, 40, CLASSES, seed=0, dtype=torch.float64)
    x = torch.randn(10, 784, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    steps = [formulas.forward(V.numpy(), W.numpy(), sample) for sample in x.numpy()]
    np.testing.assert_allclose(hidden_units(V, x).numpy(), [s.h[:-1] for s in steps], rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(logits(V, W, x).numpy(), [s.b for s in steps], rtol=1e-12, atol=1e-14)


def test_linear_layers_there_and_back() -> None:
    V, W = initial_weights(9, 5, 3, seed=0, dtype=torch.float64)
    first, second = to_linear(V, W)
    x = torch.randn(4, 9, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    torch.testing.assert_close(second(torch.tanh(first(x))), logits(V, W, x), rtol=1e-12, atol=1e-14)
    again = from_linear(first, second)
    assert all(torch.equal(*pair) for pair in zip(again, (V, W), strict=True))
    assert not any(t.requires_grad for t in again)
    again[0].zero_()
    V.zero_()
    assert (first.weight != 0).all()  # copies: neither side changes the other


def test_layers_without_biases_have_biases_of_zero() -> None:
    first, second = nn.Linear(4, 3, bias=False), nn.Linear(3, 2, bias=False)
    V, W = from_linear(first, second)
    assert torch.equal(V, torch.cat([first.weight, torch.zeros(3, 1)], 1))
    assert torch.equal(W, torch.cat([second.weight, torch.zeros(2, 1)], 1))


def test_layers_that_do_not_follow_each_other() -> None:
    with pytest.raises(ValueError, match="second has 4 inputs, but first has 3 outputs"):
        from_linear(nn.Linear(5, 3), nn.Linear(4, 2))
