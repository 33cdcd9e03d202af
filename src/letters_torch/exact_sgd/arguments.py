"""Validation of the arguments that every engine takes. The compiled sweep relies on it: it reads memory unguarded."""

import numpy as np
import torch
from torch import Tensor

from letters_torch.exact_sgd.model import Model
from letters_torch.exact_sgd.schedule import Rates

DTYPES = (torch.float32, torch.float64)
SUM_TOLERANCE = 1e-4  # of a distribution's sum from 1; float32 loses some 1e-6


def validated(
    V: Tensor,
    W: Tensor,
    x: Tensor,
    y: Tensor,
    rates: Rates,
    first_step: int,
    model: Model,
    sample_weight: Tensor | None = None,
    outputs: Tensor | None = None,
) -> Rates:
    """Validates an engine's arguments; `Engine` describes them.

    Returns:
        The rates, broadcast to one learning rate and one weight decay for each sample, (N,) float64 each.

    Raises:
        TypeError: an argument is not a tensor or has the wrong dtype.
        ValueError: shapes or devices do not match, a target is no distribution, or `first_step` is negative.
        IndexError: a label is outside 0..classes - 1.
    """
    tensors = {"V": V, "W": W, "x": x, "y": y}
    optional = {"sample_weight": sample_weight, "outputs": outputs}
    tensors |= {name: value for name, value in optional.items() if value is not None}
    for name, value in tensors.items():
        if not isinstance(value, Tensor):
            raise TypeError(f"{name} must be a torch.Tensor, not {type(value).__name__}; see torch.from_numpy")
    labels = model.loss == "cross_entropy" and (y.ndim == 1 or not y.is_floating_point())
    require_match(tensors, labels)
    if first_step < 0:
        raise ValueError(f"first_step must be 0 or more, not {first_step}")
    if labels:
        _require_labels(y, len(W))
    elif model.loss == "cross_entropy":
        _require_distributions(y)
    return _broadcast(rates, len(x))


def require_match(tensors: dict[str, Tensor], labels: bool = False) -> None:
    """Validates dtypes, shapes and devices of V, W and x, and of an engine's other tensors if they are given.

    Args:
        tensors: by the names that `Engine` gives them.
        labels: whether y holds labels.

    Raises:
        TypeError: a tensor has the wrong dtype.
        ValueError: shapes or devices do not match.
    """
    _require_dtypes(tensors, labels)
    _require_shapes(tensors, labels)
    device = tensors["V"].device
    for name, value in tensors.items():
        if value.device != device:
            raise ValueError(f"{name} must be on V's device, {device}, not on {value.device}")


def _require_dtypes(tensors: dict[str, Tensor], labels: bool) -> None:
    dtype = tensors["V"].dtype
    if dtype not in DTYPES:
        raise TypeError(f"V must be float32 or float64, not {dtype}")
    for name, value in tensors.items():
        if name == "y" and labels:
            if value.dtype != torch.int64:
                raise TypeError(f"y must be torch.int64, not {value.dtype}; see Tensor.long")
        elif value.dtype != dtype:
            raise TypeError(f"{name} must have V's dtype, {dtype}, not {value.dtype}")


def _require_shapes(tensors: dict[str, Tensor], labels: bool) -> None:
    for name in ("V", "W", "x"):
        if tensors[name].ndim != 2:
            raise ValueError(f"{name} must have 2 dimensions, not {tensors[name].ndim}")
    for name in ("V", "W"):
        if 0 in tensors[name].shape:
            raise ValueError(f"{name} must not be empty, but has shape {tuple(tensors[name].shape)}")
    (hidden, columns), classes, samples = tensors["V"].shape, len(tensors["W"]), len(tensors["x"])
    expected = {
        "W": ((classes, hidden + 1), "(classes, hidden + 1), with V of shape (hidden, inputs + 1)"),
        "x": ((samples, columns - 1), "(N, inputs), with V of shape (hidden, inputs + 1)"),
        "y": ((samples,), "(N,)") if labels else ((samples, classes), "(N, classes)"),
        "sample_weight": ((samples,), "(N,)"),
        "outputs": ((samples, classes), "(N, classes)"),
    }
    for name, (shape, meaning) in expected.items():
        if name in tensors and tensors[name].shape != shape:
            raise ValueError(f"{name} must have shape {shape}, not {tuple(tensors[name].shape)}: {meaning}")


def _require_labels(y: Tensor, classes: int) -> None:
    outside = (y < 0) | (y >= classes)
    if outside.any():
        k = int(outside.nonzero()[0])
        raise IndexError(f"y[{k}] is {int(y[k])}, outside the classes 0..{classes - 1}")


def _require_distributions(y: Tensor) -> None:
    wrong = ~((y >= 0).all(1) & ((y.sum(1) - 1).abs() <= SUM_TOLERANCE))  # NaN is wrong, too
    if wrong.any():
        k = int(wrong.nonzero()[0])
        raise ValueError(f"y[{k}] must be a distribution: values of 0 or more that sum to 1")


def _broadcast(rates: Rates, samples: int) -> Rates:
    each = []
    for name, value in zip(Rates._fields, rates, strict=True):
        values = np.asarray(value, np.float64)
        if values.shape not in ((), (samples,)):
            raise ValueError(f"rates.{name} must be a number or have shape ({samples},), not {values.shape}")
        each.append(np.broadcast_to(values, samples))
    return Rates(*each)
