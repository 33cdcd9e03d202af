"""The 785-400-26 network on its two weight matrices: initial distributions, hidden layer, logits.

The notation is the derivation's: x with a constant 1 appended, a = V x, h = tanh(a) with a constant 1 appended,
b = W h, g = softmax(b). Here the appended 1 is never stored: the last column of V and of W is the bias, and is added.
"""

import torch
from torch import Tensor, nn

from letters_torch.exact_sgd.activations import activate


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


def hidden_units(V: Tensor, x: Tensor, activation: str = "tanh") -> Tensor:
    """h = f(V x), without the constant: x (N, inputs) -> (N, hidden)."""
    return activate(torch.addmm(V[:, -1], x, V[:, :-1].T), activation)


def logits(V: Tensor, W: Tensor, x: Tensor, activation: str = "tanh") -> Tensor:
    """b = W h: x (N, inputs) -> (N, classes), before the softmax."""
    return torch.addmm(W[:, -1], hidden_units(V, x, activation), W[:, :-1].T)


def from_linear(first: nn.Linear, second: nn.Linear) -> tuple[Tensor, Tensor]:
    """The weights of two layers, copied. A layer without biases gets biases of 0.

    Args:
        first: from inputs to hidden units; the activation comes between the two.
        second: from hidden units to classes.

    Returns:
        V, (hidden, inputs + 1), and W, (classes, hidden + 1), detached.

    Raises:
        ValueError: `second` does not take what `first` gives.
    """
    if second.in_features != first.out_features:
        raise ValueError(f"second has {second.in_features} inputs, but first has {first.out_features} outputs")
    return _with_biases(first), _with_biases(second)


def _with_biases(layer: nn.Linear) -> Tensor:
    weight = layer.weight.detach()
    bias = weight.new_zeros(len(weight)) if layer.bias is None else layer.bias.detach()
    return torch.cat([weight, bias[:, None]], 1)


def to_linear(V: Tensor, W: Tensor) -> tuple[nn.Linear, nn.Linear]:
    """Two layers with these weights, copied: the reverse of `from_linear`.

    Args:
        V: (hidden, inputs + 1).
        W: (classes, hidden + 1).

    Returns:
        From inputs to hidden units, and from hidden units to classes, of V's and W's dtype and device.
    """
    return _layer(V), _layer(W)


def _layer(weights: Tensor) -> nn.Linear:
    outputs, inputs = weights.shape
    layer = nn.Linear(inputs - 1, outputs, dtype=weights.dtype, device=weights.device)
    with torch.no_grad():
        layer.weight.copy_(weights[:, :-1])
        layer.bias.copy_(weights[:, -1])
    return layer
