"""How far a step is from the floor that no exact method on this machine gets below.

The floor is the two products with V that every sample needs, at the rate that the machine reaches on a matrix product
large enough to be at its best.
"""

from collections.abc import Callable
from functools import partial

import torch

from benchmarks.contenders.ours import Ours
from benchmarks.problem import Problem
from benchmarks.scaling import products_flops, thread_counts, with_threads
from benchmarks.table import Table, number
from benchmarks.timing import clocked, measure
from letters_torch.exact_sgd import PANEL
from letters_torch.exact_sgd.threads import blas_libraries

UNIT = 5 * PANEL
LARGE = 2048  # side of the product whose rate stands for the machine's


def table(problem: Problem, rounds: int, seconds: float) -> Table:
    """Times steps and a large product by SciPy's BLAS and by torch's, by one thread and by all, in turn."""
    from scipy.linalg import blas

    counts = sorted({1, thread_counts()[-1]})
    left, right = (torch.randn(LARGE, LARGE) for _ in range(2))
    a, b = (matrix.numpy().T for matrix in (left, right))  # columns contiguous, as BLAS has them
    products: dict[str, Callable[[], object]] = {"torch": lambda: left @ right, "SciPy": lambda: blas.sgemm(1.0, a, b)}
    contenders = {}
    for count in counts:
        contenders[f"step, {count}"] = with_threads(count, Ours(problem).seconds)
        for name, product in products.items():
            contenders[f"{name}, {count}"] = with_threads(count, clocked(partial(_multiply, product, count)))
    times = measure(contenders, rounds, seconds, UNIT)
    rows = []
    for count in counts:
        taken = {name: times.of(f"{name}, {count}").median * UNIT for name in products}
        fastest = min(taken, key=taken.__getitem__)
        rate = 2 * LARGE**3 / taken[fastest] / 1e3
        floor, step = products_flops(problem.hidden, problem) / rate / 1e3, times.of(f"step, {count}").median
        rows.append([str(count), f"{rate:,.0f} ({fastest})", number(floor), number(step), number(step / floor)])
    heading = ("threads", f"GFLOP/s in a product of {LARGE} x {LARGE}", "floor, µs", "a step, µs", "step / floor")
    return Table("floor", f"A step and the floor, panels of {PANEL}", heading, rows)


def _multiply(product: Callable[[], object], threads: int, steps: int) -> None:
    """One product for every UNIT of steps."""
    with blas_libraries().limit(limits=threads, user_api="blas"):
        for _ in range(steps // UNIT):
            product()
