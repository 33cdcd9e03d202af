"""Microseconds a single-sample step: ours and its peers, in the same run."""

from benchmarks.check import check
from benchmarks.contenders import available
from benchmarks.contenders.base import Contender
from benchmarks.problem import Problem
from benchmarks.settings import UNIT
from benchmarks.table import Table, number
from benchmarks.timing import Times, measure

HEADING = (
    "contender",
    "µs a step",
    "lowest..highest",
    "times ours",
    "lowest..highest",
    "goal",
    "µs of ours at the goal",
    "off the reference",
)


def table(problem: Problem, rounds: int, seconds: float) -> Table:
    """Checks every contender, times them in turn, and tells how many times as long as ours each takes."""
    kinds, missing = available()
    off = {kind.name: check(kind, problem, UNIT) for kind in kinds}
    contenders = {kind.name: kind(problem) for kind in kinds}
    times = measure({name: each.seconds for name, each in contenders.items()}, rounds, seconds, UNIT)
    title = f"One single-sample step, {problem.hidden} hidden units, {rounds} rounds"
    rows = [_row(kind, times, off[kind.name]) for kind in kinds]
    return Table("peers", title, HEADING, list(rows), [_NOTE, *missing])


def _row(kind: type[Contender], times: Times, off: float) -> list[str]:
    own, ratio = times.of(kind.name), times.ratio(kind.name, kind.rival)
    return [
        kind.name,
        number(own.median),
        f"{number(own.low)}..{number(own.high)}",
        "1" if kind.name == kind.rival else f"{number(ratio.median)}x",
        "" if kind.name == kind.rival else f"{number(ratio.low)}..{number(ratio.high)}",
        "" if kind.goal is None else f"{kind.goal}x",
        "" if kind.goal is None else number(own.median / kind.goal),
        f"{off:.0e}",
    ]


_NOTE = (
    "A ratio is taken within a round, against ours with augmentation where the contender augments, and without where"
    f" it does not. Off the reference: distance of the weights after {UNIT} steps without augmentation from"
    " formulas.py in float64, as a part of the way they went."
)
