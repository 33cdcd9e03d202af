# ruff: noqa: ARG001 (the variants of a function take the same arguments, needed or not)
"""The sweep's loops, compiled by Numba. `sweep.py` says what they compute and holds the same in plain torch.

The inner loops run over the hidden units, contiguous in memory, without branches, for the vector units. Each passes
once over as much as it can, because the weights (42 kB) and the errors of the panel (160 kB) come from the second-level
cache. Products may be fused into sums (`contract`). Only the inner product of `_logit` may be reordered (`reassoc`):
elsewhere the order of operations keeps small decays and small numbers from being rounded away. Infinities and NaN are
kept, since a diverging run must be noticed.

Numba caches compiled code beside this file and compiles anew when this file changes, not when a file that it imports
does. So all that the sweep calls is in this file.
"""

import math
from functools import cache
from typing import Any

import numpy as np
from numba import njit, types
from numba.extending import overload

FUSED = {"contract", "nsz"}
REORDERED = {"reassoc", "contract", "nsz"}
OPTIONS: Any = {"fastmath": FUSED, "error_model": "numpy"}


@cache
def make_sweep(activation: str, loss: str):  # type: ignore[no-untyped-def]
    """The compiled sweep for an activation and a loss, which are constants in it: no other variant is compiled."""

    @njit(cache=True, nogil=True, fastmath=FUSED, error_model="numpy")
    def sweep(  # type: ignore[no-untyped-def]
        A, G, W, biases, y, sample_weight, lr, weight_decay, D, losses, outputs, smoothing, train
    ):
        # As sweep.Panel has them, in NumPy. train: (second layer, biases, decay of the biases), 0.0 or 1.0 each.
        samples, hidden = A.shape
        real = A.dtype.type
        second, free, decayed = train
        h, slope, error = np.empty(hidden, A.dtype), np.empty(hidden, A.dtype), np.empty(len(W), A.dtype)
        taken = np.zeros(samples)  # what V_k has taken so far of each d_j: lr_j c_(j+1) .. c_(k-1)
        decay = 1.0
        for k in range(samples):
            _hidden_inputs(A[k], G[k], D, taken, k, real(decay), h)
            if biases is not None:
                for i in range(hidden):
                    h[i] += biases[i]
            activate(h, slope, activation)
            for c in range(len(W)):
                error[c] = _logit(W, c, h)
            if outputs is not None:
                outputs[k, :] = error
            losses[k] = output_error(error, y[k], smoothing, loss)
            if sample_weight is not None:
                for c in range(len(W)):
                    error[c] *= sample_weight[k]
            shrink = lr[k] * weight_decay[k]
            _back_and_update(W, h, error, real(second * lr[k]), real(second * shrink), D[k])
            _update_biases(W, error, real(second * free * lr[k]), real(second * free * decayed * shrink))
            multiply_by_slope(D[k], h, slope, activation)
            if biases is not None:
                for i in range(hidden):
                    biases[i] -= real(free * lr[k]) * D[k, i]
            for j in range(k):
                taken[j] *= 1 - shrink
            taken[k] = lr[k]
            decay *= 1 - shrink
        for k in range(samples):
            scale = real(taken[k])
            for i in range(hidden):
                D[k, i] *= scale
        return decay

    return sweep


@njit(fastmath=FUSED, error_model="numpy", inline="always")
def _hidden_inputs(a0, gram, D, taken, k, decay, a):  # type: ignore[no-untyped-def]
    """Leaves decay a0 - sum over j < k of taken_j (x_j . x_k) d_j in `a`, four d_j a pass."""
    real = D.dtype.type
    for i in range(len(a)):
        a[i] = decay * a0[i]
    j = 0
    while j + 4 <= k:
        t0, t1 = real(taken[j] * gram[j]), real(taken[j + 1] * gram[j + 1])
        t2, t3 = real(taken[j + 2] * gram[j + 2]), real(taken[j + 3] * gram[j + 3])
        for i in range(len(a)):
            a[i] -= t0 * D[j, i] + t1 * D[j + 1, i] + t2 * D[j + 2, i] + t3 * D[j + 3, i]
        j += 4
    while j < k:
        t0 = real(taken[j] * gram[j])
        for i in range(len(a)):
            a[i] -= t0 * D[j, i]
        j += 1


# The second layer.


@njit(fastmath=REORDERED, error_model="numpy")  # not inlined by Numba, which would drop this function's own fastmath
def _logit(W, c, h):  # type: ignore[no-untyped-def]
    """Row c of W times h and its 1."""
    b = W[c, len(h)]
    for i in range(len(h)):
        b += W[c, i] * h[i]
    return b


@njit(fastmath=FUSED, error_model="numpy", inline="always")
def _back_and_update(W, h, error, lr, shrink, d):  # type: ignore[no-untyped-def]
    """Leaves W^T (g - y) in `d` and updates W, biases excepted: both in one pass over W, two rows at a time.

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
        c += 2
    if c < len(W):
        e0 = error[c]
        s0 = lr * e0
        for i in range(hidden):
            w0 = W[c, i]
            d[i] += w0 * e0
            W[c, i] = w0 - (shrink * w0 + s0 * h[i])


@njit(fastmath=FUSED, error_model="numpy", inline="always")
def _update_biases(W, error, lr, shrink):  # type: ignore[no-untyped-def]
    """Updates the last column of W."""
    last = W.shape[1] - 1
    for c in range(len(W)):
        W[c, last] -= shrink * W[c, last] + lr * error[c]


# Activations and losses. Where compiled code calls one of the next three functions, Numba replaces it by the variant
# for the constant `activation` or `loss`, and for the type of y.


def activate(h, slope, activation):  # type: ignore[no-untyped-def]
    """Replaces a in `h` by f(a). Leaves f'(a) in `slope` for erf only: the others have it from h."""
    raise NotImplementedError("in compiled code only")


def multiply_by_slope(d, h, slope, activation):  # type: ignore[no-untyped-def]
    """Multiplies `d` by f'(a), given what `activate` left."""
    raise NotImplementedError("in compiled code only")


def output_error(b, y, smoothing, loss):  # type: ignore[no-untyped-def]
    """Replaces the outputs in `b` by dL/db, with y smoothed; returns the loss L, with y as it is.

    y is an integer, the label, or an array, a distribution or the targets.
    """
    raise NotImplementedError("in compiled code only")


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
    return _ONE if x > _EDGE else (-_ONE if x < -_EDGE else t)  # written so that NaN stays NaN


def _tanh_float64(x):  # type: ignore[no-untyped-def]
    return math.tanh(x)


@overload(_tanh, jit_options={"fastmath": FUSED}, inline="always")
def _(x):  # type: ignore[no-untyped-def]
    return _tanh_float32 if getattr(x, "bitwidth", 64) == 32 else _tanh_float64


def _activate_tanh(h, slope, activation):  # type: ignore[no-untyped-def]
    for i in range(len(h)):
        h[i] = _tanh(h[i])


def _activate_relu(h, slope, activation):  # type: ignore[no-untyped-def]
    for i in range(len(h)):
        h[i] = h.dtype.type(0) if h[i] < 0 else h[i]  # written so that NaN stays NaN


def _activate_logistic(h, slope, activation):  # type: ignore[no-untyped-def]
    half = h.dtype.type(0.5)
    for i in range(len(h)):
        h[i] = half + half * _tanh(half * h[i])


def _activate_identity(h, slope, activation):  # type: ignore[no-untyped-def]
    pass


def _activate_erf(h, slope, activation):  # type: ignore[no-untyped-def]
    real = h.dtype.type
    for i in range(len(h)):
        slope[i] = real(math.sqrt(2 / math.pi)) * math.exp(real(-0.5) * h[i] * h[i])
        h[i] = math.erf(real(math.sqrt(0.5)) * h[i])


def _slope_tanh(d, h, slope, activation):  # type: ignore[no-untyped-def]
    for i in range(len(d)):
        d[i] *= d.dtype.type(1) - h[i] * h[i]


def _slope_relu(d, h, slope, activation):  # type: ignore[no-untyped-def]
    for i in range(len(d)):
        d[i] = d[i] if h[i] > 0 else d.dtype.type(0)


def _slope_logistic(d, h, slope, activation):  # type: ignore[no-untyped-def]
    for i in range(len(d)):
        d[i] *= h[i] - h[i] * h[i]


def _slope_identity(d, h, slope, activation):  # type: ignore[no-untyped-def]
    pass


def _slope_erf(d, h, slope, activation):  # type: ignore[no-untyped-def]
    for i in range(len(d)):
        d[i] *= slope[i]


def _cross_entropy_of_label(b, y, smoothing, loss):  # type: ignore[no-untyped-def]
    real = b.dtype.type
    top = _largest(b)
    result = top - b[y]
    total = _softmax(b, top)
    for c in range(len(b)):
        b[c] -= real(smoothing / len(b))
    b[y] -= real(1 - smoothing)
    return result + math.log(total)


def _cross_entropy_of_distribution(b, y, smoothing, loss):  # type: ignore[no-untyped-def]
    real = b.dtype.type
    top = _largest(b)
    result = real(0)
    for c in range(len(b)):
        result += y[c] * (top - b[c])
    total = _softmax(b, top)
    for c in range(len(b)):
        b[c] -= real(1 - smoothing) * y[c] + real(smoothing / len(b))
    return result + math.log(total)


def _squared_error(b, y, smoothing, loss):  # type: ignore[no-untyped-def]
    result = b.dtype.type(0)
    for c in range(len(b)):
        b[c] -= y[c]
        result += b[c] * b[c]
    return result * b.dtype.type(0.5)


@njit(fastmath=FUSED, error_model="numpy", inline="always")
def _largest(b):  # type: ignore[no-untyped-def]
    top = b.dtype.type(-np.inf)
    for c in range(len(b)):
        top = max(top, b[c])
    return top


@njit(fastmath=FUSED, error_model="numpy", inline="always")
def _softmax(b, top):  # type: ignore[no-untyped-def]
    """Replaces the logits b by their softmax; returns the sum of exp(b - top)."""
    real = b.dtype.type
    total = real(0)
    for c in range(len(b)):
        b[c] = math.exp(b[c] - top)
        total += b[c]
    # The tail of a softmax holds subnormal numbers, and arithmetic on those is many times slower. Below 1e-31 (float32)
    # they are taken for 0: next to a total of at least 1 no weight could tell the difference.
    faint = real(np.finfo(b.dtype).tiny / np.finfo(b.dtype).eps)
    for c in range(len(b)):
        b[c] = real(0) if b[c] <= faint else b[c] / total  # written so that NaN stays NaN
    return total


ACTIVATE = {
    "tanh": _activate_tanh,
    "relu": _activate_relu,
    "logistic": _activate_logistic,
    "identity": _activate_identity,
    "erf": _activate_erf,
}
MULTIPLY_BY_SLOPE = {
    "tanh": _slope_tanh,
    "relu": _slope_relu,
    "logistic": _slope_logistic,
    "identity": _slope_identity,
    "erf": _slope_erf,
}


@overload(activate, jit_options=OPTIONS, prefer_literal=True)
def _(h, slope, activation):  # type: ignore[no-untyped-def]
    return ACTIVATE[activation.literal_value]


@overload(multiply_by_slope, jit_options=OPTIONS, prefer_literal=True)
def _(d, h, slope, activation):  # type: ignore[no-untyped-def]
    return MULTIPLY_BY_SLOPE[activation.literal_value]


@overload(output_error, jit_options=OPTIONS, prefer_literal=True)
def _(b, y, smoothing, loss):  # type: ignore[no-untyped-def]
    if loss.literal_value == "squared_error":
        return _squared_error
    return _cross_entropy_of_label if isinstance(y, types.Integer) else _cross_entropy_of_distribution
