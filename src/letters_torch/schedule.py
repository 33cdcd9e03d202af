"""What the learning rate and the weight decay are at each step: stages, one after another."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Float64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Stage:
    """A stretch of steps with one learning rate and one weight decay.

    Args:
        steps: how many single-sample updates.
        lr: learning rate.
        weight_decay: torch's, 2 * lambda of the notebook.

    Raises:
        ValueError: a value that no stage can have.
    """

    steps: int
    lr: float
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ValueError(f"a stage's steps must be 1 or more, not {self.steps}")
        for name in ("lr", "weight_decay"):
            value = getattr(self, name)
            if not (np.isfinite(value) and value >= 0):
                raise ValueError(f"a stage's {name} must be a finite number, 0 or more, not {value}")


class Rates(NamedTuple):
    """The settings of consecutive steps: two float64 arrays of one length."""

    lr: Float64
    weight_decay: Float64


class Schedule:
    """Stages in order.

    Args:
        stages: at least one.

    Raises:
        ValueError: there is no stage.
    """

    def __init__(self, stages: Sequence[Stage]) -> None:
        if not stages:
            raise ValueError("a schedule needs at least one stage")
        self.stages = tuple(stages)
        self.ends = tuple(accumulate(stage.steps for stage in stages))

    @property
    def total(self) -> int:
        """The number of steps of all stages."""
        return self.ends[-1]

    def rates(self, first: int, count: int) -> Rates:
        """The learning rate and weight decay of the steps first .. first + count - 1.

        Raises:
            IndexError: the schedule has no such step.
        """
        if first < 0 or first + count > self.total:
            raise IndexError(f"steps {first}..{first + count - 1} of a schedule of {self.total}")
        stage = np.searchsorted(self.ends, np.arange(first, first + count), side="right")
        lr = np.array([s.lr for s in self.stages], np.float64)
        weight_decay = np.array([s.weight_decay for s in self.stages], np.float64)
        return Rates(lr[stage], weight_decay[stage])
