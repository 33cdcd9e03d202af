"""The clock of a run: how many steps are done, and at which steps something else is due.

A step is a single-sample update. There is one clock, the module's. The trainer, its loops and callbacks, and the data
module, which cuts the samples into blocks, all ask it.
"""

from collections.abc import Sequence

from letters_torch.errors import UserError


class Clock:
    """Counts steps. `stage_ends` are the steps at which the stages of the schedule end."""

    def __init__(self, stage_ends: Sequence[int]) -> None:
        self.stage_ends = tuple(stage_ends)
        self.step = 0  # steps done
        self.validated_at = -1  # the step of the last validation, -1 before the first
        self.total = self.max_steps = self.stage_ends[-1]  # the last step of the schedule, and of this fit
        self.interval: int | None = None  # steps between two validations; None for none but the first and the last
        self._pauses: tuple[int, ...] = ()  # blocks end at the multiples of these

    def set_limits(self, max_steps: int, interval: int | float | None, others: Sequence[int] = ()) -> None:
        """Sets where a fit ends and how often it is validated.

        Args:
            max_steps: the last step; -1 for the end of the schedule.
            interval: steps between two validations, or as a float the fraction of the run between them.
            others: blocks also end at the multiples of these, because a callback counts steps.

        Raises:
            UserError: `max_steps` is beyond the end of the schedule.
        """
        if max_steps > self.total:
            raise UserError(
                f"--trainer.max_steps {max_steps} is beyond the schedule, which ends at step {self.total:,};"
                " lengthen a stage of model.schedule or add one"
            )
        self.max_steps = self.total if max_steps == -1 else max_steps
        self.interval = max(1, int(interval * self.max_steps)) if isinstance(interval, float) else interval
        self._pauses = (*others, *([] if self.interval is None else [self.interval]))

    @property
    def is_over(self) -> bool:
        """Whether the last step is done."""
        return self.step >= self.max_steps

    def is_validation(self, step: int) -> bool:
        """Whether a validation is due after this many steps."""
        return step >= self.max_steps or self.is_regular_validation(step)

    def is_regular_validation(self, step: int) -> bool:
        """Whether every run with this interval and schedule is validated here, wherever it is stopped and resumed."""
        return step == self.total or self._is_multiple(step)

    def last_regular_validation(self) -> int:
        """The step of the last regular validation up to now, done or (at `step` itself) only if done; 0 for none."""
        if self.validated_at == self.step:
            return self.step
        return 0 if self.interval is None or self.step == 0 else (self.step - 1) // self.interval * self.interval

    def always_pauses(self, step: int) -> bool:
        """Whether blocks end here in every run with this interval, however long it or its schedule is."""
        return step in self.stage_ends[:-1] or any(step % every == 0 for every in self._pauses)

    def next_pause(self, step: int) -> int | None:
        """The first step after `step` at which a block must end; None if the run is over."""
        if step >= self.max_steps:
            return None
        stops = [self.max_steps, *(end for end in self.stage_ends if end > step)]
        return min(*stops, *(step - step % every + every for every in self._pauses))

    def stage_ending_at(self, step: int) -> int | None:
        """The number, from 1, of the stage that ends at this step; None if none does."""
        return self.stage_ends.index(step) + 1 if step in self.stage_ends else None

    def _is_multiple(self, step: int) -> bool:
        return self.interval is not None and step % self.interval == 0
