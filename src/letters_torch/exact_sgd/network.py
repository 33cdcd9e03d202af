"""The two-layer network on its weight matrices V and W: initial weights, hidden units, logits, torch.nn.Linear.

The notation is that of the derivation: x with a constant 1 appended, a = V x, h = f(a) with a constant 1 appended,
b = W h. The constant is never stored: the last column of V and of W holds the biases, which are added.
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
    """Draws initial weights: V from N(0, 1 / inputs) and W from N(0, 1 / hidden), which are variances.

    Biases are drawn like the other weights. All are drawn in float64 and then rounded, so that every dtype starts from
    the same draw.

    Args:
        inputs: number of inputs, without the constant.
        hidden: number of hidden units, without the constant.
        classes: number of classes, or of outputs.
        seed: seed of the draw.
        dtype: dtype of the result.
        scale: factor on all weights.

    Returns:
        V, (hidden, inputs + 1), and W, (classes, hidden + 1), on the CPU.
    """
    generator = torch.Generator().manual_seed(seed)
    V = torch.randn(hidden, inputs + 1, generator=generator, dtype=torch.float64) / inputs**0.5
    W = torch.randn(classes, hidden + 1, generator=generator, dtype=torch.float64) / hidden**0.5
    return (scale * V).to(dtype), (scale * W).to(dtype)


def hidden_units(V: Tensor, x: Tensor, activation: str = "tanh") -> Tensor:
    """The hidden units h = f(V x), without the constant.

    Args:
        V: (hidden, inputs + 1).
        x: (N, inputs).
        activation: f, one of `ACTIVATIONS`.

    Returns:
        (N, hidden).
    """
    return activate(torch.addmm(V[:, -1], x, V[:, :-1].T), activation)


def logits(V: Tensor, W: Tensor, x: Tensor, activation: str = "tanh") -> Tensor:
    """The outputs b = W h, before the softmax.

    Args:
        V: (hidden, inputs + 1).
        W: (classes, hidden + 1).
        x: (N, inputs).
        activation: of the hidden units, one of `ACTIVATIONS`.

    Returns:
        (N, classes).
    """
    return torch.addmm(W[:, -1], hidden_units(V, x, activation), W[:, :-1].T)


def from_linear(first: nn.Linear, second: nn.Linear) -> tuple[Tensor, Tensor]:
    """Copies the weights of two layers. A layer without biases gets biases of 0.

    Args:
        first: from inputs to hidden units; the activation is applied between the two layers.
        second: from hidden units to classes.

    Returns:
        V, (hidden, inputs + 1), and W, (classes, hidden + 1), detached.

    Raises:
        ValueError: `second` does not have as many inputs as `first` has outputs.
    """
    if second.in_features != first.out_features:
        raise ValueError(f"second has {second.in_features} inputs, but first has {first.out_features} outputs")
    return _with_biases(first), _with_biases(second)


def _with_biases(layer: nn.Linear) -> Tensor:
    weight = layer.weight.detach()
    bias = weight.new_zeros(len(weight)) if layer.bias is None else layer.bias.detach()
    return torch.cat([weight, bias[:, None]], 1)


def to_linear(V: Tensor, W: Tensor) -> tuple[nn.Linear, nn.Linear]:
    """Copies the weights into two new layers: the inverse of `from_linear`.

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
