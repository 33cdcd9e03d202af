"""How far a step is from the floor that no exact method on this machine gets below.

The floor is the two products with V that every sample needs, at the rate that the machine reaches on a matrix product
large enough to be at its best.
"""

from collections.abc import Callable
from functools import partial

import torch

from benchmarks.contenders.ours import Ours
from benchmarks.problem import Problem
from benchmarks.scaling import products_flops, thread_counts, threads_name, with_threads
from benchmarks.settings import UNIT
from benchmarks.table import Table, number, ratio
from benchmarks.timing import Seconds, Times, clocked
from letters_torch.exact_sgd import PANEL
from letters_torch.exact_sgd.threads import blas_libraries

LARGE = 2048  # side of the product whose rate stands for the machine's
HEADING = ("threads", f"GFLOP/s in a product of {LARGE} x {LARGE}", "floor, µs", "a step, µs", "step / floor")


class Floor:
    """A step, and a large product by SciPy's BLAS and by torch's, with one thread and with all.

    Attributes:
        contenders: what is to be timed, by name; one product for every UNIT of steps.
    """

    def __init__(self, problem: Problem) -> None:
        from scipy.linalg import blas

        self.problem, self.counts = problem, sorted({1, thread_counts()[-1]})
        left, right = (torch.randn(LARGE, LARGE) for _ in range(2))
        a, b = (matrix.numpy().T for matrix in (left, right))  # columns contiguous, as BLAS has them
        self.products: dict[str, Callable[[], object]] = {
            "torch": lambda: left @ right,
            "SciPy": lambda: blas.sgemm(1.0, a, b),
        }
        self.contenders: dict[str, Seconds] = {}
        for count in self.counts:
            self.contenders[threads_name(count)] = with_threads(count, Ours(problem).seconds)
            for name, product in self.products.items():
                work = clocked(partial(_multiply, product, count))
                self.contenders[f"{name}, {count} threads"] = with_threads(count, work)

    def tables(self, times: Times) -> list[Table]:
        """The floor by the faster of the two libraries."""
        rows = [self._row(count, times) for count in self.counts]
        return [Table("floor", f"A step and the floor, panels of {PANEL}", HEADING, rows)]

    def _row(self, count: int, times: Times) -> list[str]:
        taken = {name: times.of(f"{name}, {count} threads").median * UNIT for name in self.products}
        fastest = min(taken, key=taken.__getitem__)
        rate = 2 * LARGE**3 / taken[fastest] / 1e3
        floor = products_flops(self.problem.hidden, self.problem) / rate / 1e3
        step = times.of(threads_name(count)).median
        return [str(count), f"{rate:,.0f} ({fastest})", number(floor), number(step), ratio(step / floor)]


def _multiply(product: Callable[[], object], threads: int, steps: int) -> None:
    """One product for every UNIT of steps."""
    with blas_libraries().limit(limits=threads, user_api="blas"):
        for _ in range(steps // UNIT):
            product()
