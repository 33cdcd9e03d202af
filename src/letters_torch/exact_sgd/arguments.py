"""Validation of the arguments that every engine takes. The compiled sweep relies on it: it reads memory unguarded."""

import numpy as np
import torch
from torch import Tensor

from letters_torch.exact_sgd.schedule import Rates

DTYPES = (torch.float32, torch.float64)


def validated(V: Tensor, W: Tensor, x: Tensor, y: Tensor, rates: Rates, first_step: int) -> Rates:
    """Validates an engine's arguments; `Engine` describes them.

    Returns:
        The rates, broadcast to one learning rate and one weight decay for each sample, (N,) float64 each.

    Raises:
        TypeError: an argument is not a tensor or has the wrong dtype.
        ValueError: shapes or devices do not match, or `first_step` is negative.
        IndexError: a label is outside 0..classes - 1.
    """
    for name, value in {"V": V, "W": W, "x": x, "y": y}.items():
        if not isinstance(value, Tensor):
            raise TypeError(f"{name} must be a torch.Tensor, not {type(value).__name__}; see torch.from_numpy")
    _require_dtypes(V, W, x, y)
    _require_shapes(V, W, x, y)
    for name, value in {"W": W, "x": x, "y": y}.items():
        if value.device != V.device:
            raise ValueError(f"{name} must be on V's device, {V.device}, not on {value.device}")
    if first_step < 0:
        raise ValueError(f"first_step must be 0 or more, not {first_step}")
    _require_labels(y, len(W))
    return _broadcast(rates, len(x))


def _require_dtypes(V: Tensor, W: Tensor, x: Tensor, y: Tensor) -> None:
    if V.dtype not in DTYPES:
        raise TypeError(f"V must be float32 or float64, not {V.dtype}")
    for name, value in {"W": W, "x": x}.items():
        if value.dtype != V.dtype:
            raise TypeError(f"{name} must have V's dtype, {V.dtype}, not {value.dtype}")
    if y.dtype != torch.int64:
        raise TypeError(f"y must be torch.int64, not {y.dtype}; see Tensor.long")


def _require_shapes(V: Tensor, W: Tensor, x: Tensor, y: Tensor) -> None:
    for name, value in {"V": V, "W": W, "x": x}.items():
        if value.ndim != 2:
            raise ValueError(f"{name} must have 2 dimensions, not {value.ndim}")
    for name, value in {"V": V, "W": W}.items():
        if 0 in value.shape:
            raise ValueError(f"{name} must not be empty, but has shape {tuple(value.shape)}")
    expected = {
        "W": (W, (len(W), len(V) + 1), "(classes, hidden + 1), with V of shape (hidden, inputs + 1)"),
        "x": (x, (len(x), V.shape[1] - 1), "(N, inputs), with V of shape (hidden, inputs + 1)"),
        "y": (y, (len(x),), "(N,), with x of shape (N, inputs)"),
    }
    for name, (value, shape, meaning) in expected.items():
        if value.shape != shape:
            raise ValueError(f"{name} must have shape {shape}, not {tuple(value.shape)}: {meaning}")


def _require_labels(y: Tensor, classes: int) -> None:
    outside = (y < 0) | (y >= classes)
    if outside.any():
        k = int(outside.nonzero()[0])
        raise IndexError(f"y[{k}] is {int(y[k])}, outside the classes 0..{classes - 1}")


def _broadcast(rates: Rates, samples: int) -> Rates:
    each = []
    for name, value in zip(Rates._fields, rates, strict=True):
        values = np.asarray(value, np.float64)
        if values.shape not in ((), (samples,)):
            raise ValueError(f"rates.{name} must be a number or have shape ({samples},), not {values.shape}")
        each.append(np.broadcast_to(values, samples))
    return Rates(*each)
