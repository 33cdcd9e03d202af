"""Learning rate and weight decay of each step, given by stages."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

Float64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Stage:
    """Consecutive steps with a constant weight decay and a constant or linearly changing learning rate.

    Args:
        steps: number of steps, 1 or more.
        lr: learning rate; with `lr_end`, the learning rate of the first step.
        weight_decay: torch's, 2 * lambda of the notebook.
        lr_end: learning rate that the line reaches one step after the last; None keeps `lr`. With 0 no step is taken at
            0, and a following stage that starts at this `lr_end` continues the line without a jump.

    Raises:
        ValueError: `steps` is less than 1, or another value is negative or not finite.
    """

    steps: int
    lr: float
    weight_decay: float = 0.0
    lr_end: float | None = None

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ValueError(f"a stage's steps must be 1 or more, not {self.steps}")
        for name in ("lr", "weight_decay", "lr_end"):
            value = getattr(self, name)
            if value is not None and not (np.isfinite(value) and value >= 0):
                raise ValueError(f"a stage's {name} must be a finite number, 0 or more, not {value}")


class _Rates(NamedTuple):
    lr: Float64
    weight_decay: Float64


class Rates(_Rates):
    """Learning rate and weight decay of consecutive steps.

    Args:
        lr: learning rate, a number for all steps or one for each, (N,).
        weight_decay: torch's, 2 * lambda of the notebook; a number for all steps or one for each, (N,).

    Attributes:
        lr: float64 array, () or (N,).
        weight_decay: float64 array, () or (N,).
    """

    __slots__ = ()

    def __new__(cls, lr: npt.ArrayLike, weight_decay: npt.ArrayLike = 0.0) -> Self:  # noqa: D102
        return super().__new__(cls, np.asarray(lr, np.float64), np.asarray(weight_decay, np.float64))


class Schedule:
    """The learning rate and weight decay of every step of a run.

    Args:
        stages: one or more, in order.

    Raises:
        ValueError: there is no stage.
    """

    def __init__(self, stages: Sequence[Stage]) -> None:
        if not stages:
            raise ValueError("a schedule needs at least one stage")
        self.stages = tuple(stages)
        self.ends = tuple(accumulate(stage.steps for stage in stages))
        self._starts = np.array([0, *self.ends[:-1]])
        rows = [(s.steps, s.lr, s.lr if s.lr_end is None else s.lr_end, s.weight_decay) for s in stages]
        self._columns = np.array(rows, np.float64).T

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
        step = np.arange(first, first + count)
        stage = np.searchsorted(self.ends, step, side="right")
        steps, lr, lr_end, weight_decay = self._columns[:, stage]
        # Computed from the stage's start, not from the previous rate: a resumed run has the same rates.
        done = (step - self._starts[stage]) / steps
        return Rates(lr + (lr_end - lr) * done, weight_decay)
