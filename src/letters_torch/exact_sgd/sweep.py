"""The sweep through one panel: all that depends, sample by sample, on the samples before it.

Two forms of one computation: `plain` in torch, for reading, for any device and for machines without Numba; `compiled`
for the CPU. Both take and leave the same:

    A       (K, hidden)  V_0 x_k, with V_0 the weights at the panel's start
    G       (K, K)       x_j . x_k where j < k, the constant 1 of both included
    W       (classes, hidden + 1), updated in place
    y       (K,)         classes, int64
    lr, weight_decay     (K,) each, float64 arrays of NumPy
    D       (K, hidden)  result: lr_j c_(j+1) .. c_(K-1) d_j, so that V_K = c_0 .. c_(K-1) V_0 - D^T X
    losses  (K,)         result: the cross-entropy of each sample before its update, smoothed or not
    smoothing            of the labels: the target is smoothing / classes everywhere, 1 - smoothing more at the label

and return c_0 .. c_(K-1), where c_k = 1 - lr_k weight_decay_k. The coefficients are kept as running products, in
float64: a quotient of two of them would blow up where a c is 0, and in float32 a c that is nearly 1 loses its decay.
"""

import numpy as np
import torch
from torch import Tensor

from letters_torch.exact_sgd.schedule import Float64

try:
    from letters_torch.exact_sgd import _kernel

    COMPILED = True
except ImportError:  # no Numba for this Python or this machine
    COMPILED = False


@np.errstate(over="ignore", invalid="ignore")  # a run that diverges is known by its losses
def plain(
    A: Tensor,
    G: Tensor,
    W: Tensor,
    y: Tensor,
    lr: Float64,
    weight_decay: Float64,
    D: Tensor,
    losses: Tensor,
    smoothing: float = 0.0,
) -> float:
    """The sweep in torch. Arguments and result: see the module."""
    decay = 1.0
    taken = np.zeros(len(lr))  # what V_k has taken so far of each d_j: lr_j c_(j+1) .. c_(k-1)
    for k in range(len(lr)):
        a = decay * A[k] - (torch.from_numpy(taken[:k]).to(G) * G[k, :k]) @ D[:k]
        h = torch.tanh(a)
        b = torch.addmv(W[:, -1], W[:, :-1], h)
        log_g = torch.log_softmax(b, 0)
        losses[k] = -log_g[y[k]]
        error = log_g.exp() - smoothing / len(W)
        error[y[k]] -= 1 - smoothing  # dL/db = g - y
        D[k] = (W[:, :-1].T @ error) * (1 - h * h)
        shrink = lr[k] * weight_decay[k]
        step = W * shrink
        step[:, :-1].addr_(error, h, alpha=lr[k])
        step[:, -1].add_(error, alpha=lr[k])
        W.sub_(step)
        taken[:k] *= 1 - shrink
        taken[k] = lr[k]
        decay *= 1 - shrink
    D.mul_(torch.from_numpy(taken).to(D)[:, None])
    return decay


def compiled(
    A: Tensor,
    G: Tensor,
    W: Tensor,
    y: Tensor,
    lr: Float64,
    weight_decay: Float64,
    D: Tensor,
    losses: Tensor,
    smoothing: float = 0.0,
) -> float:
    """The sweep in machine code, one thread. Arguments and result: see the module."""
    # The short ones contiguous: Numba compiles anew, which takes seconds, for an array that lies in memory otherwise.
    rates = np.ascontiguousarray(lr), np.ascontiguousarray(weight_decay)
    arrays = (A.numpy(), G.numpy(), W.numpy(), y.contiguous().numpy(), *rates, D.numpy(), losses.numpy())
    return _kernel.sweep(*arrays, float(smoothing))
