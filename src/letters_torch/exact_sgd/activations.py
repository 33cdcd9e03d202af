"""The activations and their derivatives in torch, on any device."""

from collections.abc import Callable

import torch
from torch import Tensor

_ROOT_HALF = 0.5**0.5
_ERF_PEAK = (2 / torch.pi) ** 0.5


def activate(a: Tensor, activation: str) -> Tensor:
    """f(a), elementwise; `activation` is one of `model.ACTIVATIONS`."""
    return _ACTIVATE[activation](a)


def slope(a: Tensor, h: Tensor, activation: str) -> Tensor:
    """f'(a), elementwise, where h = f(a)."""
    match activation:
        case "tanh":
            return 1 - h * h
        case "relu":
            return (h > 0).to(h.dtype)
        case "logistic":
            return h * (1 - h)
        case "identity":
            return torch.ones_like(h)
        case _:  # erf
            return _ERF_PEAK * torch.exp(-0.5 * a * a)


_ACTIVATE: dict[str, Callable[[Tensor], Tensor]] = {
    "tanh": torch.tanh,
    "relu": torch.relu,
    "logistic": torch.sigmoid,
    "identity": lambda a: a,
    "erf": lambda a: torch.erf(a * _ROOT_HALF),
}
