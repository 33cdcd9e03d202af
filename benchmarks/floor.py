"""What a step of the blocked updates is made of, and the floor that no exact method on this machine gets below.

The floor is the two products with V that every sample needs, at the rate that the machine reaches on a matrix product
large enough to be at its best.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from benchmarks.contenders.ours import Ours
from benchmarks.problem import Problem
from benchmarks.scaling import products_flops
from benchmarks.table import Table, number
from benchmarks.timing import Times, clocked, measure
from letters_torch.updates import sweep
from letters_torch.updates.blocked import PANEL

UNIT = 5 * PANEL
LARGE = 2048  # side of the product whose rate stands for the machine's
WHOLE, RATE = "the whole step", "a large product"


def table(problem: Problem, rounds: int, seconds: float) -> Table:
    """Times each part of a panel by itself, the whole, and a large product, in turn."""
    parts = {name: clocked(_by_panels(work)) for name, work in _Panel(problem).parts().items()}
    large = torch.randn(LARGE, LARGE)
    # One large product counts as a unit of steps.
    others = {WHOLE: Ours(problem).seconds, RATE: clocked(lambda n: [large @ large for _ in range(n // UNIT)])}
    times = measure({**parts, **others}, rounds, seconds, UNIT)
    rate = 2 * LARGE**3 / (times.of(RATE).median * UNIT) / 1e3  # GFLOP/s
    floor = products_flops(problem.hidden, problem) / rate / 1e3  # µs
    rows = [_row("floor: two products a sample at that rate", floor, floor), *_parts(times, list(parts), floor)]
    note = f"A product of {LARGE} x {LARGE} ran at {rate:,.0f} GFLOP/s, threads: {torch.get_num_threads()}."
    heading = ("part", "µs a step", "times the floor")
    return Table("floor", f"What a step is made of, panels of {PANEL}", heading, rows, [note])


def _parts(times: Times, names: list[str], floor: float) -> list[list[str]]:
    whole = times.of(WHOLE).median
    rest = whole - sum(times.of(name).median for name in names)
    shares = [(name, times.of(name).median) for name in names]
    shares += [("Python, and what the parts cost each other", rest), (WHOLE, whole)]
    return [_row(*share, floor) for share in shares]


def _row(name: str, taken: float, floor: float) -> list[str]:
    return [name, number(taken), number(taken / floor)]


def _by_panels(work: Callable[[], object]) -> Callable[[int], None]:
    def run(steps: int) -> None:
        for _ in range(steps // PANEL):
            work()

    return run


@dataclass
class _Panel:
    """The buffers of one panel, and the pieces of `Blocked._panel` that work on them."""

    problem: Problem

    def __post_init__(self) -> None:
        self.V, self.W = self.problem.weights()
        self.x, self.y = self.problem.x[:PANEL].clone(), self.problem.y[:PANEL]
        hidden = len(self.V)
        self.first_W, self.updated = self.W.clone(), self.V.clone()  # each time from the same state
        self.A, self.G, self.D = torch.empty(PANEL, hidden), torch.empty(PANEL, PANEL), torch.empty(PANEL, hidden)
        self.losses, self.rates = torch.empty(PANEL), self.problem.rates(PANEL)

    def parts(self) -> dict[str, Callable[[], object]]:
        """In the order of the step; each leaves what the next one needs."""
        return {
            "product X V^T": self._forward,
            "Gram matrix X X^T": lambda: torch.mm(self.x, self.x.T, out=self.G).add_(1),
            "sweep": self._sweep,
            "update of V, product D^T X": lambda: self.updated[:, :-1].addmm_(self.D.T, self.x, alpha=-1),
            "update of V, decay and bias": self._decay,
        }

    def _forward(self) -> Tensor:
        return torch.addmm(self.V[:, -1], self.x, self.V[:, :-1].T, out=self.A)

    def _sweep(self) -> None:
        self.W.copy_(self.first_W)
        run = sweep.compiled if sweep.COMPILED else sweep.plain
        run(self.A, self.G, self.W, self.y, *self.rates, self.D, self.losses)

    def _decay(self) -> None:
        self.updated.sub_(self.updated, alpha=self.problem.stage.lr * self.problem.stage.weight_decay * PANEL)
        self.updated[:, -1].sub_(self.D.sum(0))
