"""Times the steps of several tables in one measurement: what they share is timed once and has one time in all."""

import argparse
from collections.abc import Sequence
from typing import Protocol

from benchmarks.problem import Problem, letters
from benchmarks.settings import UNIT
from benchmarks.table import Table
from benchmarks.timing import Seconds, Times, measure


class Part(Protocol):
    """Contenders to be timed, equal names for equal things, and the tables of their times."""

    contenders: dict[str, Seconds]

    def __init__(self, problem: Problem) -> None: ...

    def tables(self, times: Times) -> list[Table]:
        """Made of the times of all contenders, its own among them."""
        ...


def measured(kinds: Sequence[type[Part]], options: argparse.Namespace) -> list[Table]:
    """The tables of all parts, their contenders timed in turn."""
    problem = Problem.of(letters(options.data))
    parts = [kind(problem) for kind in kinds]
    contenders: dict[str, Seconds] = {}
    for part in parts:
        contenders = {**part.contenders, **contenders}
    times = measure(contenders, options.rounds, options.seconds, UNIT)
    return [table for part in parts for table in part.tables(times)]
