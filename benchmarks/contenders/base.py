"""What a contender is."""

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

from benchmarks.problem import Array, Problem
from letters_torch.exact_sgd.threads import blas_libraries, torch_threads


class Contender(ABC):
    """One way to do single-sample SGD.

    Args:
        problem: samples, initial weights, rates.
        augment: with augmentation, where the contender has one; without, every contender sees the same samples.
        threads: 1 holds its libraries to one thread; None leaves them as they are.

    Attributes:
        name: in the table.
        augments: augmentation is part of what it is timed on.
        decays_biases: weight decay reaches the biases too, as in torch and in the notebook.
        rival: which form of ours it is compared with.
        tries_one_thread: it is timed with one thread if that is faster for it.
    """

    name: ClassVar[str]
    augments: ClassVar[bool] = False
    decays_biases: ClassVar[bool] = True
    rival: ClassVar[str] = "ours"
    tries_one_thread: ClassVar[bool] = True

    def __init__(self, problem: Problem, augment: bool | None = None, threads: int | None = None) -> None:
        self.problem, self.threads = problem, threads
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
        with _limited(self.threads):
            taken = self.timed(steps)
        self.step += steps
        return taken

    def timed(self, steps: int) -> float:
        """The seconds of so many steps, from self.step on."""
        begin = time.perf_counter()
        self.advance(steps)
        return time.perf_counter() - begin


@contextmanager
def _limited(threads: int | None) -> Iterator[None]:
    if threads is None:
        yield
        return
    with torch_threads(threads), blas_libraries().limit(limits=threads, user_api="blas"):
        yield
