"""Times contenders in turn, round after round, so that whatever else the machine does falls on all of them.

A round runs every contender once. Ratios are taken within a round, and their median and spread over the rounds are
what is reported: a slow minute then changes a round's times, hardly its ratios.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from statistics import median
from typing import NamedTuple

PAUSE = 0.05  # seconds between two contenders: some libraries' threads go on spinning for a while
Seconds = Callable[[int], float]  # does so many steps and says how many seconds they took


class Spread(NamedTuple):
    """The median of some measurements, with the smallest and the largest."""

    median: float
    low: float
    high: float


class Times:
    """Microseconds a step: of each contender, in each round."""

    def __init__(self, by_name: Mapping[str, list[float]]) -> None:
        self.by_name = dict(by_name)

    def of(self, name: str) -> Spread:
        """Of one contender over the rounds."""
        return spread(self.by_name[name])

    def ratio(self, name: str, base: str) -> Spread:
        """How many times as long as `base` it took in the same round."""
        return spread(a / b for a, b in zip(self.by_name[name], self.by_name[base], strict=True))


def spread(values: Iterable[float]) -> Spread:
    """Median, smallest, largest."""
    kept = list(values)
    return Spread(median(kept), min(kept), max(kept))


def measure(contenders: Mapping[str, Seconds], rounds: int, seconds: float, unit: int) -> Times:
    """Times all contenders in interleaved rounds.

    Args:
        contenders: what is timed, by name.
        rounds: how often each is timed.
        seconds: about how long it is timed each time, and no less than a unit.
        unit: steps are done in multiples of this.
    """
    steps = {name: unit * _units(run, seconds, unit) for name, run in contenders.items()}
    taken: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, run in contenders.items():
            time.sleep(PAUSE)
            taken[name].append(1e6 * run(steps[name]) / steps[name])
    return Times(taken)


def _units(run: Seconds, seconds: float, unit: int) -> int:
    """How many units take that long; the first one only warms up and compiles."""
    run(unit)
    return max(1, round(seconds / run(unit)))


def clocked(work: Callable[[int], object]) -> Seconds:
    """Puts a clock to something that does so many steps."""

    def run(steps: int) -> float:
        begin = time.perf_counter()
        work(steps)
        return time.perf_counter() - begin

    return run
