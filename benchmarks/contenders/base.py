"""What a contender is."""

import time
from abc import ABC, abstractmethod
from typing import ClassVar

from benchmarks.problem import Array, Problem


class Contender(ABC):
    """One way to do single-sample SGD.

    Args:
        problem: samples, initial weights, rates.
        augment: with augmentation, where the contender has one; without, every contender sees the same samples.

    Attributes:
        name: in the table.
        augments: augmentation is part of what it is timed on.
        decays_biases: weight decay reaches the biases too, as in torch and in the notebook.
        rival: which form of ours it is compared with.
        goal: how many times as fast as it ours is meant to be; None where nothing was set.
    """

    name: ClassVar[str]
    augments: ClassVar[bool] = False
    decays_biases: ClassVar[bool] = True
    rival: ClassVar[str] = "ours"
    goal: ClassVar[float | None] = None

    def __init__(self, problem: Problem, augment: bool | None = None) -> None:
        self.problem = problem
        self.augment = self.augments if augment is None else augment
        self.step = 0
        self.prepare()

    @abstractmethod
    def prepare(self) -> None:
        """Everything that is done once, before the first step."""

    @abstractmethod
    def advance(self, steps: int) -> None:
        """Does so many steps, from self.step on."""

    @abstractmethod
    def weights(self) -> tuple[Array, Array]:
        """V (hidden, 785) and W (26, hidden + 1), biases in the last column."""

    def seconds(self, steps: int) -> float:
        """Does so many steps and says how long they took."""
        begin = time.perf_counter()
        self.advance(steps)
        taken = time.perf_counter() - begin
        self.step += steps
        return taken
