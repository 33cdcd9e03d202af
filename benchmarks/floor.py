"""What a step of the blocked updates is made of, and the floor that no exact method on this machine gets below.

The floor is the two products with V that every sample needs, at the rate that the machine reaches on a matrix product
large enough to be at its best.
"""

import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import torch

from benchmarks.contenders.ours import Ours
from benchmarks.problem import Problem
from benchmarks.scaling import products_flops, thread_counts, with_threads
from benchmarks.table import Table, number
from benchmarks.timing import clocked, measure, spread
from letters_torch.exact_sgd.blocked import PANEL, Blocked

UNIT = 5 * PANEL
LARGE = 2048  # side of the product whose rate stands for the machine's
PARTS = {"_products": "products X V^T and X X^T", "_sweep": "sweep", "_take": "update of V, product D^T X and decay"}
REST = "Python, and all that is not named"


def table(problem: Problem, rounds: int, seconds: float) -> Table:
    """Times the parts of the running engine and a large product, by one thread and by all, in turn."""
    counts = sorted({1, thread_counts()[-1]})
    runs = {count: _Clocked(problem) for count in counts}
    large = torch.randn(LARGE, LARGE)

    def one_large_product(steps: int) -> None:
        for _ in range(steps // UNIT):  # it counts as a unit of steps
            large @ large

    contenders = {_whole(count): with_threads(count, run.seconds) for count, run in runs.items()}
    contenders |= {_large(count): with_threads(count, clocked(one_large_product)) for count in counts}
    times = measure(contenders, rounds, seconds, UNIT)
    rates = {count: 2 * LARGE**3 / (times.of(_large(count)).median * UNIT) / 1e3 for count in counts}  # GFLOP/s
    floors = {count: products_flops(problem.hidden, problem) / rate / 1e3 for count, rate in rates.items()}  # µs
    parts = {count: run.parts() for count, run in runs.items()}
    rows = [["floor: two products a sample at the best rate", *_cells(floors, floors)]]
    for name in (*PARTS.values(), REST):
        rows.append([name, *_cells({count: parts[count][name] for count in counts}, floors)])
    rows.append(["the whole step", *_cells({count: times.of(_whole(count)).median for count in counts}, floors)])
    by_threads = [f"{count} thread{'s' * (count > 1)}" for count in counts]
    heading = ("part", *(cell for name in by_threads for cell in (f"µs a step, {name}", "times the floor")))
    best = ", ".join(f"{rate:,.0f} GFLOP/s with {name}" for name, rate in zip(by_threads, rates.values(), strict=True))
    note = f"A product of {LARGE} x {LARGE} ran at {best}."
    return Table("floor", f"What a step is made of, panels of {PANEL}", heading, rows, [note])


def _whole(threads: int) -> str:
    return f"whole, {threads}"


def _large(threads: int) -> str:
    return f"large product, {threads}"


def _cells(taken: dict[int, float], floors: dict[int, float]) -> list[str]:
    return [cell for count, us in taken.items() for cell in (number(us), number(us / floors[count]))]


class _Clocked(Ours):
    """Ours, with a clock on each part of the engine."""

    def __init__(self, problem: Problem) -> None:
        self.rounds: list[dict[str, float]] = []
        super().__init__(problem)
        self.engine = self.clocked = _ClockedEngine()

    def advance(self, steps: int) -> None:
        self.clocked.seconds.clear()
        begin = time.perf_counter()
        super().advance(steps)
        whole = time.perf_counter() - begin
        taken = {PARTS[part]: seconds for part, seconds in self.clocked.seconds.items()}
        taken[REST] = whole - sum(taken.values())
        self.rounds.append({name: 1e6 * seconds / steps for name, seconds in taken.items()})

    def parts(self) -> dict[str, float]:
        """Microseconds a step: medians over the rounds, without the two that only warmed up."""
        return {name: spread(taken[name] for taken in self.rounds[2:]).median for name in (*PARTS.values(), REST)}


class _ClockedEngine(Blocked):
    def __init__(self) -> None:
        super().__init__()
        self.seconds: dict[str, float] = defaultdict(float)
        for part in PARTS:
            setattr(self, part, self._timed(part, getattr(self, part)))

    def _timed(self, part: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any) -> Any:
            begin = time.perf_counter()
            try:
                return work(*args)
            finally:
                self.seconds[part] += time.perf_counter() - begin

        return timed
