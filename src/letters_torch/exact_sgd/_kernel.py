"""The sweep's loops, compiled by Numba. `sweep.py` says what they compute and holds the same in plain torch.

Written for the vector units: the inner loops run over the hidden units, contiguous in memory, with no branch; each
passes once over as much as it can, because the weights (42 kB) and the errors of the panel (160 kB) come from the
second-level cache. Products may be fused into sums (`contract`), and only the inner product of `_logit` may be
reordered (`reassoc`): elsewhere the order of operations is what keeps small decays and small numbers from being
rounded away. Infinities and NaN are kept, since a diverging run must be noticed.
"""

import math

import numpy as np
from numba import njit
from numba.extending import overload

FUSED = {"contract", "nsz"}
REORDERED = {"reassoc", "contract", "nsz"}


def _tanh(x):  # type: ignore[no-untyped-def]
    return math.tanh(x)


# tanh as a quotient of polynomials, the approximation of the Eigen library (Eigen/src/Core/MathFunctionsImpl.h,
# ptanh_float), up to an edge where 1 is as good. Unlike a call of tanh, it vectorises.
_EDGE = np.float32(8.6)
_ONE = np.float32(1)
_P13, _P11, _P9, _P7, _P5, _P3, _P1 = np.array(
    [
        -2.76076847742355e-16,
        2.00018790482477e-13,
        -8.60467152213735e-11,
        5.12229709037114e-08,
        1.48572235717979e-05,
        6.37261928875436e-04,
        4.89352455891786e-03,
    ],
    np.float32,
)
_Q6, _Q4, _Q2, _Q0 = np.array(
    [1.19825839466702e-06, 1.18534705686654e-04, 2.26843463243900e-03, 4.89352518554385e-03], np.float32
)


def _tanh_float32(x):  # type: ignore[no-untyped-def]
    s = x * x
    p = (((((_P13 * s + _P11) * s + _P9) * s + _P7) * s + _P5) * s + _P3) * s + _P1
    q = ((_Q6 * s + _Q4) * s + _Q2) * s + _Q0
    t = x * (p / q)  # not (x * p) / q, which would lose a tiny x among the subnormal numbers
    return _ONE if x > _EDGE else (-_ONE if x < -_EDGE else t)  # in this form a NaN stays one


def _tanh_float64(x):  # type: ignore[no-untyped-def]
    return math.tanh(x)


@overload(_tanh, jit_options={"fastmath": FUSED}, inline="always")
def _(x):  # type: ignore[no-untyped-def]
    return _tanh_float32 if getattr(x, "bitwidth", 64) == 32 else _tanh_float64


@njit(cache=True, nogil=True, fastmath=FUSED, error_model="numpy")
def sweep(A, G, W, y, lr, weight_decay, D, losses, smoothing):  # type: ignore[no-untyped-def]
    """Arguments and result: see sweep.py; here all are NumPy arrays."""
    samples, hidden = A.shape
    real = A.dtype.type
    floor, peak = real(smoothing / len(W)), real(1 - smoothing)  # the target: floor everywhere, peak more at the label
    h = np.empty(hidden, A.dtype)
    error = np.empty(len(W), A.dtype)
    taken = np.zeros(samples)  # what V_k has taken so far of each d_j: lr_j c_(j+1) .. c_(k-1)
    decay = 1.0
    for k in range(samples):
        _hidden_units(A[k], G[k], D, taken, k, real(decay), h)
        losses[k] = _softmax_error(W, h, y[k], floor, peak, error)
        shrink = lr[k] * weight_decay[k]
        _back_and_update(W, h, error, real(lr[k]), real(shrink), D[k])
        for j in range(k):
            taken[j] *= 1 - shrink
        taken[k] = lr[k]
        decay *= 1 - shrink
    for k in range(samples):
        scale = real(taken[k])
        for i in range(hidden):
            D[k, i] *= scale
    return decay


@njit(fastmath=FUSED, error_model="numpy", inline="always")
def _hidden_units(a0, gram, D, taken, k, decay, h):  # type: ignore[no-untyped-def]
    """h = tanh(decay a0 - sum over j < k of taken_j (x_j . x_k) d_j), four d_j a pass."""
    real = D.dtype.type
    for i in range(len(h)):
        h[i] = decay * a0[i]
    j = 0
    while j + 4 <= k:
        t0, t1 = real(taken[j] * gram[j]), real(taken[j + 1] * gram[j + 1])
        t2, t3 = real(taken[j + 2] * gram[j + 2]), real(taken[j + 3] * gram[j + 3])
        for i in range(len(h)):
            h[i] -= t0 * D[j, i] + t1 * D[j + 1, i] + t2 * D[j + 2, i] + t3 * D[j + 3, i]
        j += 4
    while j < k:
        t0 = real(taken[j] * gram[j])
        for i in range(len(h)):
            h[i] -= t0 * D[j, i]
        j += 1
    for i in range(len(h)):
        h[i] = _tanh(h[i])


@njit(fastmath=FUSED, error_model="numpy", inline="always")
def _softmax_error(W, h, label, floor, peak, error):  # type: ignore[no-untyped-def]
    """Leaves g - y in `error`, returns the cross-entropy, from b = W h by way of log-sum-exp."""
    real = W.dtype.type
    top = real(-np.inf)
    for c in range(len(W)):
        error[c] = _logit(W, c, h)
        top = max(top, error[c])
    loss = top - error[label]
    total = real(0)
    for c in range(len(W)):
        error[c] = math.exp(error[c] - top)
        total += error[c]
    # The far tail of a softmax is made of subnormal numbers, and they slow all that touches them many times over. They
    # are 1e-31 (float32) of a sum that is at least 1: nothing that a weight could feel.
    faint = real(np.finfo(W.dtype).tiny / np.finfo(W.dtype).eps)
    for c in range(len(W)):
        error[c] = (real(0) if error[c] <= faint else error[c] / total) - floor  # in this form a NaN stays one
    error[label] -= peak
    return loss + math.log(total)


@njit(fastmath=REORDERED, error_model="numpy")  # not inlined by Numba, which would drop this function's own fastmath
def _logit(W, c, h):  # type: ignore[no-untyped-def]
    """Row c of W times h and its 1."""
    b = W[c, len(h)]
    for i in range(len(h)):
        b += W[c, i] * h[i]
    return b


@njit(fastmath=FUSED, error_model="numpy", inline="always")
def _back_and_update(W, h, error, lr, shrink, d):  # type: ignore[no-untyped-def]
    """Leaves d = W^T (g - y) (1 - h^2) in `d`, and steps W: both in one pass over W, two rows at a time.

    The decay is added to the gradient before a weight takes both, as torch.optim.SGD does. Taken by itself, a decay of
    a few units in the last place would be rounded the same way step after step.
    """
    real = W.dtype.type
    hidden = len(h)
    for i in range(hidden):
        d[i] = real(0)
    c = 0
    while c + 2 <= len(W):
        e0, e1 = error[c], error[c + 1]
        s0, s1 = lr * e0, lr * e1
        for i in range(hidden):
            w0, w1 = W[c, i], W[c + 1, i]
            d[i] += w0 * e0 + w1 * e1
            W[c, i] = w0 - (shrink * w0 + s0 * h[i])
            W[c + 1, i] = w1 - (shrink * w1 + s1 * h[i])
        W[c, hidden] -= shrink * W[c, hidden] + s0
        W[c + 1, hidden] -= shrink * W[c + 1, hidden] + s1
        c += 2
    if c < len(W):
        e0 = error[c]
        s0 = lr * e0
        for i in range(hidden):
            w0 = W[c, i]
            d[i] += w0 * e0
            W[c, i] = w0 - (shrink * w0 + s0 * h[i])
        W[c, hidden] -= shrink * W[c, hidden] + s0
    for i in range(hidden):
        d[i] *= real(1) - h[i] * h[i]
