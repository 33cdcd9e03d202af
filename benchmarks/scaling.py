"""How the cost of a step grows: with the width of the network, the length of a panel, the number of threads."""

import os
from collections.abc import Sequence

import torch

from benchmarks.contenders.ours import Ours
from benchmarks.problem import Problem
from benchmarks.table import Table, number, ratio
from benchmarks.timing import Seconds, Times
from letters_torch.exact_sgd import PANEL
from letters_torch.exact_sgd.threads import torch_threads

WIDTHS = (100, 200, 400, 800, 1600, 3200)
PANELS = (16, 32, 64, PANEL, 128, 256, 512)
OURS = Ours.name  # the config's width, PANEL and all threads: timed once, and a row of every table


class Scaling:
    """Widths, panels and numbers of threads; the config's network where it is not what varies.

    Attributes:
        contenders: what is to be timed, by name.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem, hidden = problem, problem.hidden
        self.widths = {width: OURS if width == hidden else f"width {width}" for width in sorted({*WIDTHS, hidden})}
        self.panels = {panel: OURS if panel == PANEL else f"panel {panel}" for panel in PANELS}
        self.threads = {count: threads_name(count) for count in thread_counts()}
        self.contenders: dict[str, Seconds] = {OURS: Ours(problem).seconds}
        for width, name in self.widths.items():
            self.contenders.setdefault(name, Ours(Problem(problem.data, width, problem.stage, problem.pool)).seconds)
        for panel, name in self.panels.items():
            self.contenders.setdefault(name, Ours(problem, panel=panel).seconds)
        for count, name in self.threads.items():
            self.contenders.setdefault(name, with_threads(count, Ours(problem).seconds))

    def tables(self, times: Times) -> list[Table]:
        """One table each."""
        return [self._widths(times), self._panels(times), self._threads(times)]

    def _widths(self, times: Times) -> Table:
        rows = []
        for width, name in self.widths.items():
            taken = times.of(name).median
            flops = products_flops(width, self.problem)
            rows.append(
                [f"{width:,}", number(taken), ratio(times.ratio(name, OURS).median), f"{flops / taken / 1e3:,.0f}"]
            )
        heading = ("hidden units", "µs a step", f"times that of {self.problem.hidden}", "GFLOP/s of its two products")
        return Table("widths", "Width", heading, rows)

    def _panels(self, times: Times) -> Table:
        rows = [
            [str(p), number(times.of(n).median), ratio(times.ratio(n, OURS).median)] for p, n in self.panels.items()
        ]
        return Table("panels", "Panel length", ("panel", "µs a step", f"times that of {PANEL}"), rows)

    def _threads(self, times: Times) -> Table:
        one = self.threads[1]
        rows = [
            [str(c), number(times.of(n).median), ratio(times.ratio(one, n).median)] for c, n in self.threads.items()
        ]
        return Table("threads", "Threads", ("threads", "µs a step", "times as fast as 1"), rows)


def products_flops(hidden: int, problem: Problem) -> float:
    """Of the two products a sample that no exact method avoids: V x, and the update of V."""
    return 2 * 2 * hidden * (problem.x.shape[1] + 1)


def thread_counts() -> Sequence[int]:
    """1, 2, 4 and so on, as far as there are cores."""
    cores = os.cpu_count() or 1
    return [2**power for power in range(cores.bit_length()) if 2**power <= cores]


def threads_name(count: int) -> str:
    """Of the step with so many threads."""
    return OURS if count == torch.get_num_threads() else f"threads {count}"


def with_threads(count: int, work: Seconds) -> Seconds:
    """The same work with so many threads of torch."""

    def run(steps: int) -> float:
        with torch_threads(count):
            return work(steps)

    return run
