"""Microseconds a single-sample step: ours and its peers, in the same run."""

from benchmarks.check import check
from benchmarks.contenders import available
from benchmarks.contenders.base import Contender
from benchmarks.problem import Problem
from benchmarks.settings import UNIT
from benchmarks.table import Table, number, ratio
from benchmarks.timing import Seconds, Times

HEADING = (
    "contender",
    "threads",
    "µs a step",
    "lowest..highest",
    "times ours",
    "lowest..highest",
    "off the reference",
)


class Peers:
    """Checks every contender, and gives each the number of threads that is faster for it.

    Attributes:
        contenders: what is to be timed, by name.
    """

    def __init__(self, problem: Problem) -> None:
        self.hidden = problem.hidden
        self.kinds, self.missing = available()
        self.off = {kind.name: check(kind, problem, UNIT) for kind in self.kinds}
        self.made = {kind.name: faster(kind, problem) for kind in self.kinds}
        self.contenders: dict[str, Seconds] = {name: each.seconds for name, each in self.made.items()}

    def tables(self, times: Times) -> list[Table]:
        """How long each takes, and how many times as long as ours."""
        rounds = len(times.by_name["ours"])
        title = f"One single-sample step, {self.hidden} hidden units, {rounds} rounds"
        return [Table("peers", title, HEADING, [self._row(kind, times) for kind in self.kinds], [_NOTE, *self.missing])]

    def _row(self, kind: type[Contender], times: Times) -> list[str]:
        own, times_ours = times.of(kind.name), times.ratio(kind.name, kind.rival)
        return [
            kind.name,
            "1" if self.made[kind.name].threads == 1 else "all",
            number(own.median),
            f"{number(own.low)}..{number(own.high)}",
            "1" if kind.name == kind.rival else ratio(times_ours.median),
            "" if kind.name == kind.rival else f"{ratio(times_ours.low)}..{ratio(times_ours.high)}",
            f"{self.off[kind.name]:.0e}",
        ]


def faster(kind: type[Contender], problem: Problem) -> Contender:
    """The contender with one thread or with as many as its libraries take, whichever is faster in a short trial."""
    if not kind.tries_one_thread:
        return kind(problem)
    forms = [kind(problem, threads=1), kind(problem)]
    for form in forms:
        form.seconds(UNIT)  # compiles
    taken = [min(pair) for pair in zip(*([form.seconds(UNIT) for form in forms] for _ in range(2)), strict=True)]
    return forms[taken.index(min(taken))]


_NOTE = (
    "A ratio is taken within a round, against ours with augmentation where the contender augments, and without where"
    " it does not. Threads: 1 where a contender was faster with one thread than with all. Off the reference: distance"
    f" of the weights after {UNIT} steps without augmentation from formulas.py in float64, as a part of the way they"
    " went."
)
