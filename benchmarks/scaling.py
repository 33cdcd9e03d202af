"""How the cost of a step grows: with the width of the network, the length of a panel, the number of threads."""

import os
from collections.abc import Callable, Sequence

from benchmarks.contenders.ours import Ours
from benchmarks.problem import Problem
from benchmarks.settings import UNIT
from benchmarks.table import Table, number
from benchmarks.timing import Seconds, Times, measure
from letters_torch.exact_sgd.threads import torch_threads

WIDTHS = (100, 200, 400, 800, 1600, 3200)
PANELS = (16, 32, 64, 128, 256, 512)


def tables(problem: Problem, rounds: int, seconds: float) -> list[Table]:
    """One table each for widths, panels and threads; the config's network where it is not what varies."""

    def timed(contenders: dict[str, Seconds]) -> Times:
        return measure(contenders, rounds, seconds, UNIT)

    return [_widths(problem, timed), _panels(problem, timed), _threads(problem, timed)]


def _widths(problem: Problem, timed: Callable[[dict[str, Seconds]], Times]) -> Table:
    each = {str(width): Ours(Problem(problem.data, width, problem.stage, problem.pool)) for width in WIDTHS}
    times = timed({name: ours.seconds for name, ours in each.items()})
    rows = [_row(times, name, str(problem.hidden), products_flops(int(name), problem)) for name in each]
    heading = ("hidden units", "µs a step", f"times that of {problem.hidden}", "GFLOP/s in the products")
    return Table("widths", "Width", heading, rows)


def products_flops(hidden: int, problem: Problem) -> float:
    """Of the two products a sample that no exact method avoids: V x, and the update of V."""
    return 2 * 2 * hidden * (problem.x.shape[1] + 1)


def _row(times: Times, name: str, base: str, flops: float) -> list[str]:
    taken = times.of(name).median
    return [name, number(taken), number(times.ratio(name, base).median), number(flops / taken / 1e3)]


def _panels(problem: Problem, timed: Callable[[dict[str, Seconds]], Times]) -> Table:
    each = {str(panel): Ours(problem, panel=panel) for panel in PANELS}
    times = timed({name: ours.seconds for name, ours in each.items()})
    shortest = {name: times.of(name).median for name in each}
    best = min(shortest, key=shortest.__getitem__)
    rows = [[name, number(taken), number(times.ratio(name, best).median)] for name, taken in shortest.items()]
    return Table("panels", "Panel length", ("panel", "µs a step", "times the best"), rows)


def _threads(problem: Problem, timed: Callable[[dict[str, Seconds]], Times]) -> Table:
    each = {str(count): with_threads(count, Ours(problem).seconds) for count in thread_counts()}
    times = timed(each)
    rows = [[name, number(times.of(name).median), number(times.ratio("1", name).median)] for name in each]
    return Table("threads", "Threads", ("threads", "µs a step", "times as fast as 1"), rows)


def thread_counts() -> Sequence[int]:
    """1, 2, 4 and so on, as far as there are cores."""
    cores = os.cpu_count() or 1
    return [2**power for power in range(cores.bit_length()) if 2**power <= cores]


def with_threads(count: int, work: Seconds) -> Seconds:
    """The same work with so many threads of torch."""

    def run(steps: int) -> float:
        with torch_threads(count):
            return work(steps)

    return run
