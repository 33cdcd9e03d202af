"""The sweep through one panel: everything that depends, sample by sample, on the samples before it.

Two forms of one computation: `plain` in torch, for reading, for any device and for machines without Numba; `compiled`
for the CPU. The coefficients are kept as running products, in float64: a quotient of two of them would divide by 0
where a c is 0, and in float32 a c that is nearly 1 loses its decay.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from letters_torch.exact_sgd.activations import activate, slope
from letters_torch.exact_sgd.model import Model
from letters_torch.exact_sgd.schedule import Float64, Rates

try:
    from letters_torch.exact_sgd import _kernel

    COMPILED = True
except ImportError:  # no Numba for this Python or this machine
    COMPILED = False


class Panel(NamedTuple):
    """What a sweep is given for K samples, and what it leaves.

    V_0 are the weights at the panel's start; c_k = 1 - lr_k weight_decay_k. The biases of V are a column of V_0, whose
    input is always 1; where they do not decay or are not trained, they are apart.

    Attributes:
        A: (K, hidden), given as V_0 x_k; may be overwritten.
        G: (K, K), given as x_j . x_k where j < k; elsewhere it is never read.
        W: (classes, hidden + 1), updated in place.
        biases: (hidden,), V's biases where they are apart, updated in place; else None.
        y: (K,) int64 labels, or (K, classes) targets.
        sample_weight: (K,) or None.
        rates: (K,) each.
        D: (K, hidden), left as lr_j c_(j+1) .. c_(K-1) d_j, so that V_K = c_0 .. c_(K-1) V_0 - D^T X.
        losses: (K,), left as each sample's loss before its update.
        outputs: (K, classes), left as each sample's b before its update; or None.
    """

    A: Tensor
    G: Tensor
    W: Tensor
    biases: Tensor | None
    y: Tensor
    sample_weight: Tensor | None
    rates: Rates
    D: Tensor
    losses: Tensor
    outputs: Tensor | None


def biases_are_apart(model: Model) -> bool:
    """Whether the sweep updates V's biases by themselves."""
    return not (model.train_biases and model.decay_biases)


@np.errstate(over="ignore", invalid="ignore")  # a run that diverges is known by its losses
def plain(panel: Panel, model: Model) -> float:
    """Sweeps a panel in torch. Between its first and last sample nothing moves to or from the device.

    Returns:
        c_0 .. c_(K-1).
    """
    A, G, W, biases, y, weight, rates, D, losses, outputs = panel
    decays, taken = coefficients(rates)
    scales = _like(np.column_stack([decays, taken]), A)  # (K + 1, 1 + K)
    A.mul_(scales[:-1, :1])
    T = scales[:-1, 1:] * G
    y_rows = y if y.ndim == 2 else _one_hot(y, W)
    target = y_rows * (1 - model.label_smoothing) + model.label_smoothing / len(W)
    h, S, B = A.new_ones(A.shape[1] + 1), torch.empty_like(W), A.new_empty(len(A), len(W))
    for k, (lr, weight_decay) in enumerate(zip(*rates, strict=True)):
        a = A[k].addmv_(D[:k].T, T[k, :k], alpha=-1)
        if biases is not None:
            a.add_(biases)
        h[:-1] = activate(a, model.activation)
        b = torch.mv(W, h, out=B[k])
        error = (torch.softmax(b, 0) if model.loss == "cross_entropy" else b) - target[k]  # dL/db
        if weight is not None:
            error.mul_(weight[k])
        d = torch.mv(W[:, :-1].T, error, out=D[k]).mul_(slope(a, h[:-1], model.activation))
        if model.train_second_layer:
            _update(W, S, error, h, float(lr), float(weight_decay), model)
        if biases is not None and model.train_biases:
            biases.sub_(d, alpha=float(lr))
    D.mul_(scales[-1, 1:, None])
    losses.copy_(_losses(B, y, model))
    if outputs is not None:
        outputs.copy_(B)
    return float(decays[-1])


def _update(W: Tensor, S: Tensor, error: Tensor, h: Tensor, lr: float, weight_decay: float, model: Model) -> None:
    """Takes one step of W, decay and gradient at once. S is memory of W's shape to work in."""
    torch.mul(W, lr * weight_decay, out=S)
    if not model.decay_biases:
        S[:, -1].zero_()
    S.addr_(error, h, alpha=lr)
    if not model.train_biases:
        S[:, -1].zero_()
    W.sub_(S)


def coefficients(rates: Rates) -> tuple[Float64, Float64]:
    """What V_k, k = 0..K, has of V_0 and of the updates before it.

    Returns:
        (K + 1,), c_0 .. c_(k-1); and (K + 1, K), whose entry k, j is lr_j c_(j+1) .. c_(k-1) where j < k, else 0.
    """
    samples = len(rates.lr)
    keep = 1 - rates.lr * rates.weight_decay
    taken = np.zeros((samples + 1, samples))
    for k in range(samples):
        taken[k + 1, :k] = taken[k, :k] * keep[k]
        taken[k + 1, k] = rates.lr[k]
    return np.concatenate([[1.0], np.cumprod(keep)]), taken


def _like(array: Float64, tensor: Tensor) -> Tensor:
    """The array in the tensor's dtype, on its device. Rounded before it moves: not every device has float64."""
    dtype: npt.DTypeLike = np.float32 if tensor.dtype == torch.float32 else np.float64
    return torch.from_numpy(array.astype(dtype)).to(tensor.device)


def _one_hot(y: Tensor, W: Tensor) -> Tensor:
    return (y[:, None] == torch.arange(len(W), device=W.device)).to(W.dtype)


def _losses(B: Tensor, y: Tensor, model: Model) -> Tensor:
    if model.loss == "squared_error":
        return 0.5 * (B - y).square().sum(1)
    return F.cross_entropy(B, y, reduction="none")


def compiled(panel: Panel, model: Model) -> float:
    """Sweeps a panel in machine code, on one thread. As `plain`, in one call."""
    A, G, W, biases, y, weight, rates, D, losses, outputs = panel
    arrays = [None if t is None else t.detach().numpy() for t in (A, G, W, biases, y, weight)]
    # Contiguous: Numba compiles anew, which takes seconds, for an array of another memory layout.
    lr, weight_decay = (np.ascontiguousarray(rate) for rate in rates)
    train = (float(model.train_second_layer), float(model.train_biases), float(model.decay_biases))
    results = D.numpy(), losses.numpy(), None if outputs is None else outputs.numpy()
    sweep = _kernel.make_sweep(model.activation, model.loss)
    return sweep(*arrays, lr, weight_decay, *results, float(model.label_smoothing), train)
