"""The compiled side of team.py: what one thread of the team does, from the first panel of a call to the last."""

from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from letters_torch.exact_sgd._kernel import (
    FUSED,
    REORDERED,
    _back_and_update,
    _hidden_inputs,
    _update_biases,
    activate,
    multiply_by_slope,
    output_error,
)
from letters_torch.exact_sgd._native import AS_IS, TRANSPOSED, call, gemm, load, store

LINE = 8  # int64s in a cache line: every thread's counter has a line of its own
LOOKS = 2000  # at the counter of another thread, some 20 µs, before the core is given away and the clock asked
STOPPED = 2**62  # on top of the counter of a thread that broke off
BANDS = 4  # pieces of the Gram matrix: bands of rows


class Run(NamedTuple):
    """What a call is about: NumPy arrays, shared by the threads. An array that is not asked for has no rows."""

    V: Any  # (hidden, inputs + 1)
    W: Any  # (classes, hidden + 1)
    outputs: Any  # (N, classes), result
    losses: Any  # (N,), result
    x: Any  # (N, inputs)
    y: Any  # (N,) int64 labels, or (N, classes) targets
    sample_weight: Any  # (N,)
    lr: Any  # (N,) float64
    weight_decay: Any  # (N,) float64
    panels: Any  # (P + 1,) int64: where panels begin, and the end of the last
    smoothing: float
    train: Any  # (second layer, biases, decay of the biases), 0.0 or 1.0 each


class Workspace(NamedTuple):
    """Memory of the team. A slice of the hidden units is written by one thread only.

    Outside a panel V and W are up to date; within one, V is as it was at its start and so is W, but for the copy here.
    """

    cuts: Any  # (slices + 1,) int64: where slices begin, and the end of the last
    A: Any  # (slices, panel, width): V_0 x_k
    D: Any  # (slices, panel, width): the hidden layer's errors d_k; at the panel's end scaled
    G: Any  # (panel, panel): x_j . x_k where j < k
    h: Any  # (slices, width)
    slope: Any  # (slices, width)
    biases: Any  # (slices, width): those of V, where they do not decay or are not trained
    W: Any  # (slices, classes, width)
    U: Any  # (slices, width, inputs): D^T X
    logits: Any  # (2, slices, classes, padded): what each slice adds to them, in even and in odd steps
    progress: Any  # (threads * LINE,) int64: how many meetings each thread has come to
    gemm: int  # address of the BLAS's
    system: Any  # (4,) int64, see `blas.system`
    time: Any  # (threads, 4) int64: what the clock writes


def _sources() -> list[int]:
    """The times of the files whose functions are compiled into those of this file."""
    return [(Path(__file__).parent / name).stat().st_mtime_ns for name in ("_kernel.py", "_native.py")]


@cache
def make_member(activation: str, loss: str) -> Any:
    """The compiled work of a thread, for an activation and a loss."""
    version = str(_sources())  # Numba's cache looks at this file and at what the function closes over, nowhere else

    @njit(nogil=True, cache=True, fastmath=FUSED, error_model="numpy")
    def member(thread, threads, run, work):  # type: ignore[no-untyped-def]
        """Slices `thread`, `thread + threads`, ... of the hidden units, in all panels.

        Returns the number of panels done: all of them, or those before the one in which the team broke off. V and W are
        then as that panel found them.
        """
        version  # noqa: B018
        real = run.V.dtype.type
        slices, classes = len(work.cuts) - 1, len(run.W)
        second, free, decayed = run.train
        apart = free * decayed == 0
        bias, error = run.W[:, run.W.shape[1] - 1 :].copy(), np.empty(classes, run.V.dtype)
        taken = np.empty(len(work.G))  # as in the plain sweep
        meeting = 0
        for s in range(thread, slices, threads):
            _copy(run.W[:, work.cuts[s] : work.cuts[s + 1]], work.W[s])
        for p in range(len(run.panels) - 1):
            waited = 0
            begin, samples = run.panels[p], run.panels[p + 1] - run.panels[p]
            for s in range(thread, slices, threads):
                _first_layer(run, work, s, begin, samples, apart)
            for band in range(BANDS):
                if min(band, BANDS - 1 - band) % threads == thread:  # a long band and a short one together
                    _gram(run, work, begin, band * samples // BANDS, (band + 1) * samples // BANDS, apart)
            meeting += 1
            waited = _meet(work, thread, threads, meeting, waited, False)
            if waited < 0:
                return p
            decay = 1.0
            for k in range(samples):
                n = begin + k
                logits = work.logits[k % 2]
                for s in range(thread, slices, threads):
                    width = work.cuts[s + 1] - work.cuts[s]
                    h, slope = work.h[s, :width], work.slope[s, :width]
                    _hidden_inputs(work.A[s, k], work.G[k], work.D[s], taken, k, real(decay), h)
                    if apart:
                        for i in range(width):
                            h[i] += work.biases[s, i]
                    activate(h, slope, activation)
                    _partial_logits(work.W[s], h, logits[s, :classes])
                meeting += 1
                waited = _meet(work, thread, threads, meeting, waited, k == samples - 1)
                if waited < 0:
                    return p
                for c in range(classes):  # every thread for itself: cheaper than to wait for one that does it
                    error[c] = bias[c, 0]
                    for s in range(slices):
                        error[c] += logits[s, c]
                if thread == 0 and len(run.outputs):
                    for c in range(classes):
                        run.outputs[n, c] = error[c]
                value = output_error(error, run.y[n], run.smoothing, loss)
                if thread == 0:
                    run.losses[n] = value
                if len(run.sample_weight):
                    for c in range(classes):
                        error[c] *= run.sample_weight[n]
                lr = run.lr[n]
                shrink = lr * run.weight_decay[n]
                for s in range(thread, slices, threads):
                    width = work.cuts[s + 1] - work.cuts[s]
                    h, slope, d = work.h[s, :width], work.slope[s, :width], work.D[s, k, :width]
                    _back_and_update(work.W[s], h, error, real(second * lr), real(second * shrink), d)
                    multiply_by_slope(d, h, slope, activation)
                    if apart:
                        for i in range(width):
                            work.biases[s, i] -= real(free * lr) * d[i]
                _update_biases(bias, error, real(second * free * lr), real(second * free * decayed * shrink))
                for j in range(k):
                    taken[j] *= 1 - shrink
                taken[k] = lr
                decay *= 1 - shrink
            for s in range(thread, slices, threads):
                _take(run, work, s, begin, samples, taken, decay, apart)
                _copy(work.W[s, :, : work.cuts[s + 1] - work.cuts[s]], run.W[:, work.cuts[s] :])
            if thread == 0:
                _copy(bias, run.W[:, run.W.shape[1] - 1 :])
        return len(run.panels) - 1

    return member


@cache
def make_evaluate(activation: str) -> Any:
    """The compiled forward pass, for an activation."""
    version = str(_sources())

    @njit(nogil=True, cache=True, fastmath=FUSED, error_model="numpy")
    def evaluate(V, biases, W, x, b, first, second):  # type: ignore[no-untyped-def]
        """Leaves the logits of x (N, inputs) in b (N, classes).

        V is a sum of matrices (K, hidden, inputs or more), of x's type. `first` and `second` are addresses of a gemm,
        for x and for b.
        """
        version  # noqa: B018
        hidden, classes = len(biases), len(W)
        h, slope = np.empty((len(x), hidden), W.dtype), np.empty(hidden, W.dtype)
        for n in range(len(x)):
            for i in range(hidden):
                h[n, i] = biases[i]
            for c in range(classes):
                b[n, c] = W[c, hidden]
        for k in range(len(V)):
            gemm(first, (len(x), hidden, x.shape[1]), x, AS_IS, V[k], TRANSPOSED, 1, h)
        for n in range(len(x)):
            activate(h[n], slope, activation)
        gemm(second, (len(x), classes, hidden), h, AS_IS, W, TRANSPOSED, 1, b)

    return evaluate


@njit
def _meet(work, thread, threads, meeting, waited, last):  # type: ignore[no-untyped-def]
    """Waits until all threads have come to this meeting. What was written before it can be read after it.

    A thread that has waited too long in this panel breaks off, but not at the last meeting: the others may be past it
    and have begun to write to V.

    Returns:
        How long the thread has waited in this panel; -1 if it or another one broke off.
    """
    if load(work.progress, thread * LINE) >= STOPPED:
        return -1
    store(work.progress, thread * LINE, meeting)
    for other in range(threads):
        looks, begin = 0, 0
        while True:
            there = load(work.progress, other * LINE)
            if there % STOPPED >= meeting:  # who broke off at a meeting had come to it
                break
            if there >= STOPPED:
                return -1
            looks += 1
            if looks % LOOKS == 0:
                now = _now(work, thread)
                begin = begin or now
                if waited + now - begin > work.system[3] and not last:
                    store(work.progress, thread * LINE, STOPPED + meeting)
                    return -1
                call(work.system[0], ())
        if begin:
            waited += max(_now(work, thread) - begin, 0)  # the system's clock may be put back
    return waited


@njit
def _now(work, thread):  # type: ignore[no-untyped-def]
    time = work.time[thread]
    call(work.system[1], (time, time[2:]))
    return time[0] * work.system[2] + time[1]


@njit
def _copy(source, target):  # type: ignore[no-untyped-def]
    for r in range(source.shape[0]):
        for c in range(source.shape[1]):
            target[r, c] = source[r, c]


@njit
def _first_layer(run, work, s, begin, samples, apart):  # type: ignore[no-untyped-def]
    """Leaves V_0 x_k of a panel in A."""
    first, width, inputs = work.cuts[s], work.cuts[s + 1] - work.cuts[s], run.x.shape[1]
    biases, A = work.biases[s], work.A[s]
    for i in range(width):
        biases[i] = run.V[first + i, inputs]
    for k in range(samples):
        for i in range(width):
            A[k, i] = 0 if apart else biases[i]
    gemm(work.gemm, (samples, width, inputs), run.x[begin:], AS_IS, run.V[first:], TRANSPOSED, 1, A)


@njit
def _gram(run, work, begin, first, last, apart):  # type: ignore[no-untyped-def]
    """Leaves x_j . x_k in the rows k = first .. last - 1 of G, at least for j < k."""
    for k in range(first, last):
        for j in range(last):
            work.G[k, j] = 0 if apart else 1  # the biases are the weights of an input that is 1
    if last > first:
        x = run.x[begin:]
        gemm(work.gemm, (last - first, last, x.shape[1]), x[first:], AS_IS, x, TRANSPOSED, 1, work.G[first:])


@njit(fastmath=REORDERED, error_model="numpy")
def _partial_logits(W, h, b):  # type: ignore[no-untyped-def]
    """Leaves W h in `b`: four rows of W a pass, so that no sum waits for itself."""
    real = W.dtype.type
    c = 0
    while c + 4 <= len(b):
        b0, b1, b2, b3 = real(0), real(0), real(0), real(0)
        for i in range(len(h)):
            b0 += W[c, i] * h[i]
            b1 += W[c + 1, i] * h[i]
            b2 += W[c + 2, i] * h[i]
            b3 += W[c + 3, i] * h[i]
        b[c], b[c + 1], b[c + 2], b[c + 3] = b0, b1, b2, b3
        c += 4
    while c < len(b):
        b0 = real(0)
        for i in range(len(h)):
            b0 += W[c, i] * h[i]
        b[c] = b0
        c += 1


@njit(fastmath=FUSED, error_model="numpy")
def _take(run, work, s, begin, samples, taken, decay, apart):  # type: ignore[no-untyped-def]
    """V_K from V_0, for one slice."""
    real = run.V.dtype.type
    first, width, inputs = work.cuts[s], work.cuts[s + 1] - work.cuts[s], run.x.shape[1]
    D, U = work.D[s], work.U[s]
    for k in range(samples):
        scale = real(taken[k])
        for i in range(width):
            D[k, i] *= scale
    gemm(work.gemm, (width, inputs, samples), D, TRANSPOSED, run.x[begin:], AS_IS, 0, U)
    # As in Blocked: V takes gradients and decay at once, unless little is left of it.
    keep = real(1) if 0.5 < decay < 2 else real(decay)
    lose = real(1 - decay) if 0.5 < decay < 2 else real(0)
    for i in range(width):
        v, u = run.V[first + i], U[i]
        for n in range(inputs):
            v[n] = keep * v[n] - (u[n] + lose * v[n])
        if apart:
            v[inputs] = work.biases[s, i]
        else:
            total = real(0)
            for k in range(samples):
                total += D[k, i]
            v[inputs] = keep * v[inputs] - (total + lose * v[inputs])
