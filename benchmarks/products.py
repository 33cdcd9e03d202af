"""What of a step's time the matrix products of its panel take: the rest is the sweep, meetings and passes over V.

The products are those of the team, by the same BLAS, cut among the threads in the same way, panel after panel of the
same samples, but one kind at a time and without anything between them.
"""

from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numba import njit

from benchmarks.contenders.ours import Ours
from benchmarks.problem import Problem
from benchmarks.table import Table, number
from benchmarks.timing import Seconds, Times, clocked
from letters_torch.exact_sgd import PANEL
from letters_torch.exact_sgd import blas as libraries
from letters_torch.exact_sgd._native import AS_IS, TRANSPOSED, gemm
from letters_torch.exact_sgd._team import BANDS
from letters_torch.exact_sgd.team import slices
from letters_torch.exact_sgd.threads import num_threads, one_thread_per_operation, run_parallel

HEADING = ("part", "µs a step", "of the step", "GFLOP/s")
FIRST, GRAM, UPDATE = "X V^T", "X X^T, the Gram matrix", "D^T X"


class Products:
    """The three products of a panel, each kind by itself.

    Attributes:
        contenders: what is to be timed, by name.
    """

    def __init__(self, problem: Problem) -> None:
        V, _ = problem.weights()
        self.samples, self.hidden, self.inputs = problem.x.numpy(), problem.hidden, problem.x.shape[1]
        self.V, self.D = V.numpy(), np.random.default_rng(0).normal(size=(PANEL, self.hidden)).astype(np.float32)
        shapes = self.D.shape, (self.hidden, self.inputs), (PANEL, PANEL)
        self.A, self.U, self.G = (np.empty(shape, np.float32) for shape in shapes)
        self.flops = {  # a step; the team leaves out a part of the Gram matrix that nothing needs
            FIRST: 2 * self.hidden * self.inputs,
            GRAM: 2 * self.inputs * sum(size * last for _, size, last in _bands()) / PANEL,
            UPDATE: 2 * self.hidden * self.inputs,
        }
        self.contenders: dict[str, Seconds] = {Ours.name: Ours(problem).seconds}
        for name in self.flops:
            self.contenders[name] = clocked(partial(self._multiply, name))

    def _multiply(self, name: str, steps: int) -> None:
        with one_thread_per_operation():
            threads = num_threads()
            run_parallel([partial(self._part, name, t, threads, steps // PANEL) for t in range(threads)], threads)

    def _part(self, name: str, thread: int, threads: int, count: int) -> None:
        """The share of one thread in so many products."""
        address, cuts = libraries.fastest().gemm(torch.float32), slices(self.hidden)
        if name == GRAM:
            for band, (first, size, last) in enumerate(_bands()):
                if min(band, BANDS - 1 - band) % threads == thread:
                    x, shape = self.samples, (size, last, self.inputs)
                    _gram(address, shape, x, first, self.G[first:], count)
            return
        for begin, end in list(pairwise(cuts))[thread::threads]:
            if name == FIRST:
                _first_layer(address, self.samples, self.V[begin:end], self.A[:, begin:end], count)
            else:
                _update(address, self.D[:, begin:end], self.samples, self.U[begin:end], count)

    def tables(self, times: Times) -> list[Table]:
        """A row for each kind of product, and one for the rest of a step."""
        step = times.of(Ours.name).median
        taken = {name: times.of(name).median for name in self.flops}
        rows = [[n, number(t), f"{t / step:.0%}", f"{self.flops[n] / t / 1e3:,.0f}"] for n, t in taken.items()]
        rest = step - sum(taken.values())
        rows += [["the rest", number(rest), f"{rest / step:.0%}", ""], ["a step", number(step), "100%", ""]]
        return [Table("products", f"Where the time of a step goes, panels of {PANEL}, all threads", HEADING, rows)]


def _bands() -> list[tuple[int, int, int]]:
    """First row, number of rows and number of columns of each band of the Gram matrix."""
    cuts = [band * PANEL // BANDS for band in range(BANDS + 1)]
    return [(first, last - first, last) for first, last in pairwise(cuts)]


@njit(nogil=True)
def _first_layer(address: int, x: Any, V: Any, A: Any, count: int) -> None:
    for p in range(count):
        panel = x[p * len(A) % len(x) :]
        gemm(address, (len(A), len(V), x.shape[1]), panel, AS_IS, V, TRANSPOSED, 0, A)


@njit(nogil=True)
def _update(address: int, D: Any, x: Any, U: Any, count: int) -> None:
    for p in range(count):
        panel = x[p * len(D) % len(x) :]
        gemm(address, (len(U), x.shape[1], len(D)), D, TRANSPOSED, panel, AS_IS, 0, U)


@njit(nogil=True)
def _gram(address: int, shape: Any, x: Any, first: int, G: Any, count: int) -> None:
    for p in range(count):
        panel = x[p * G.shape[1] % len(x) :]
        gemm(address, shape, panel[first:], AS_IS, panel, TRANSPOSED, 0, G)
