"""The 785-400-26 network on its two weight matrices: initial distributions, hidden layer, logits.

The notation is the derivation's: x with a constant 1 appended, a = V x, h = tanh(a) with a constant 1 appended,
b = W h, g = softmax(b). Here the appended 1 is never stored: the last column of V and of W is the bias, and is added.
"""

import torch
from torch import Tensor


def initial_weights(
    inputs: int,
    hidden: int,
    classes: int,
    seed: int,
    dtype: torch.dtype = torch.float32,
    scale: float = 1.0,
) -> tuple[Tensor, Tensor]:
    """Draws the notebook's initial weights: V ~ N(0, 1/inputs) and W ~ N(0, 1/hidden), biases included.

    They are drawn in float64 and rounded, so that every precision starts from the same draw.

    Args:
        inputs: number of inputs, without the constant.
        hidden: number of hidden units.
        classes: number of classes.
        seed: the same seed draws the same weights.
        dtype: of the result.
        scale: both are multiplied by it.

    Returns:
        V, (hidden, inputs + 1), and W, (classes, hidden + 1); the second numbers above are variances.
    """
    generator = torch.Generator().manual_seed(seed)
    V = torch.randn(hidden, inputs + 1, generator=generator, dtype=torch.float64) / inputs**0.5
    W = torch.randn(classes, hidden + 1, generator=generator, dtype=torch.float64) / hidden**0.5
    return (scale * V).to(dtype), (scale * W).to(dtype)


def hidden_units(V: Tensor, x: Tensor) -> Tensor:
    """h = tanh(V x), without the constant: x (N, inputs) -> (N, hidden)."""
    return torch.tanh(torch.addmm(V[:, -1], x, V[:, :-1].T))


def logits(V: Tensor, W: Tensor, x: Tensor) -> Tensor:
    """b = W h: x (N, inputs) -> (N, classes), before the softmax."""
    return torch.addmm(W[:, -1], hidden_units(V, x), W[:, :-1].T)
