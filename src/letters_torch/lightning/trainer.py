"""A Lightning Trainer that counts single-sample steps.

Lightning counts calls of training_step, and one of ours carries a block of hundreds of steps. Here `global_step`,
`max_steps`, `val_check_interval`, checkpoints and the loggers' x-axis are all in steps. The number of steps done is
the module's (`LettersModule.step`), and Lightning's own bookkeeping of a resumed run is left out: where a run stands is
that one number.
"""

from typing import Any, Literal

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.loops.fit_loop import _FitLoop
from pytorch_lightning.loops.training_epoch_loop import _TrainingEpochLoop

from letters_torch.checkpoint import AtomicCheckpointIO
from letters_torch.errors import UserError
from letters_torch.exact_sgd.threads import sharing
from letters_torch.lightning.callbacks.checkpoints import RunCheckpoints
from letters_torch.lightning.callbacks.lines import LetterTable, Lines
from letters_torch.lightning.callbacks.pictures import Pictures
from letters_torch.lightning.callbacks.progress import StepBar


class StepTrainer(pl.Trainer):
    """Lightning's Trainer, with a step for a sample.

    Args:
        max_steps: last step of the run; -1 for the schedule's end.
        val_check_interval: steps between two checks, or the part of the run between them if it is a float.
        pictures: when TensorBoard gets pictures: at the checks that come with the "stages"' ends and at the last one,
            also whenever so many steps more are done, or "never".
        **kwargs: as the Trainer's, save what cannot mean anything for single-sample SGD.

    Raises:
        UserError: a setting that makes no sense here.
    """

    def __init__(
        self,
        *,
        max_steps: int = -1,
        val_check_interval: int | float | None = 2000,
        pictures: int | Literal["stages", "never"] = "stages",
        **kwargs: Any,
    ) -> None:
        _refuse(kwargs)
        kwargs["devices"] = 1 if kwargs.get("devices", "auto") == "auto" else kwargs["devices"]
        if val_check_interval is not None and val_check_interval <= 0:
            raise UserError(f"--trainer.val_check_interval must be more than 0, not {val_check_interval}")
        if isinstance(pictures, int) and pictures < 1:
            raise UserError(f"--trainer.pictures must be 1 step or more, stages or never, not {pictures}")
        if isinstance(val_check_interval, float) and val_check_interval > 1:
            raise UserError(
                f"--trainer.val_check_interval {val_check_interval} is a part of the run, so at most 1.0;"
                " give steps as a whole number"
            )
        keep = kwargs.get("enable_checkpointing") is not False and not kwargs.get("fast_dev_run")
        self.run_checkpoints = RunCheckpoints() if keep else None
        kwargs["callbacks"] = [*_as_list(kwargs.get("callbacks")), *self._callbacks(kwargs), *_pictures(pictures)]
        kwargs["plugins"] = [*_as_list(kwargs.get("plugins")), AtomicCheckpointIO()]
        kwargs["enable_model_summary"] = bool(kwargs.get("enable_model_summary"))
        super().__init__(max_steps=max_steps, max_epochs=-1, num_sanity_val_steps=0, **kwargs)
        self.check_every = val_check_interval
        self.check_val_every_n_epoch = None  # a run is one long epoch: EarlyStopping is to look at every check instead
        loop = _StepLoop(self, self.fit_loop.min_steps, self.fit_loop.max_steps)
        self.fit_loop = _StepFitLoop(self, min_epochs=self.fit_loop.min_epochs, max_epochs=self.fit_loop.max_epochs)
        self.fit_loop.epoch_loop = loop

    def _callbacks(self, kwargs: dict[str, Any]) -> list[Callback]:
        bar = [StepBar()] if kwargs.get("enable_progress_bar") is not False else []
        return [*bar, Lines(), LetterTable(), *([self.run_checkpoints] if self.run_checkpoints else [])]

    def _run_stage(self) -> Any:
        """Lightning's: the run itself, whatever it is. Its threads share its work."""
        with sharing():
            return super()._run_stage()

    def limit_steps(self, total: int) -> None:
        """Ends the run with the schedule, unless `max_steps` ends it before.

        Raises:
            UserError: `max_steps` lies beyond the schedule's end.
        """
        if self.max_steps > total:
            raise UserError(
                f"--trainer.max_steps {self.max_steps} goes beyond the schedule, which ends at step {total};"
                " lengthen a stage of model.schedule or add one"
            )
        if self.max_steps == -1:
            self.fit_loop.epoch_loop.max_steps = total

    def is_check(self, step: int) -> bool:
        """Whether accuracy is measured after this many steps: at every `val_check_interval`, and at the last."""
        return step >= self.max_steps or self.is_regular_check(step)

    def is_regular_check(self, step: int) -> bool:
        """Whether every run with this interval is checked there, wherever it was stopped and resumed."""
        module: Any = self.lightning_module
        return step == module.schedule.total or (self._interval is not None and step % self._interval == 0)

    def always_pauses(self, step: int) -> bool:
        """Whether blocks end there in every run with this interval, however far it or its schedule goes."""
        module: Any = self.lightning_module
        return step in module.schedule.ends[:-1] or (self._interval is not None and step % self._interval == 0)

    def next_pause(self, step: int) -> int | None:
        """The first step after `step` at which something is to be done; None where the run is over."""
        if step >= self.max_steps:
            return None
        module: Any = self.lightning_module
        stops = [self.max_steps, *(end for end in module.schedule.ends if end > step)]
        if self._interval is not None:
            stops.append(step - step % self._interval + self._interval)
        return min(stops)

    @property
    def _interval(self) -> int | None:
        if isinstance(self.check_every, float):
            return max(1, int(self.check_every * self.max_steps))
        return self.check_every


def _pictures(when: int | str) -> list[Callback]:
    return [] if when == "never" else [Pictures(when if isinstance(when, int) else None)]


def _as_list(value: Any) -> list[Any]:
    return [] if value is None else list(value) if isinstance(value, list | tuple) else [value]


# Lightning's measures of epochs and batches, and the values that ask for nothing.
_OF_EPOCHS = {
    "max_epochs": (None, -1),
    "min_epochs": (None,),
    "min_steps": (None,),
    "limit_train_batches": (None, 1.0),
    "overfit_batches": (0.0,),
    "check_val_every_n_epoch": (1, None),
    "reload_dataloaders_every_n_epochs": (0,),
}


def _refuse(kwargs: dict[str, Any]) -> None:
    """Settings that Lightning's users know and that would be ignored, or worse, here."""
    for name, harmless in _OF_EPOCHS.items():
        if name in kwargs and kwargs[name] not in harmless:
            raise UserError(
                f"--trainer.{name} {kwargs[name]}: a run is measured in steps, not in epochs;"
                " set --trainer.max_steps or --trainer.val_check_interval"
            )
    kwargs.pop("max_epochs", None)
    if kwargs.get("devices", "auto") not in ("auto", 1, "1", -1, "-1") and not _is_one(kwargs["devices"]):
        raise UserError(f"--trainer.devices {kwargs['devices']}: single-sample SGD is one chain of steps; use 1 device")
    if str(kwargs.get("precision") or "32-true") not in ("32-true", "64-true", "32", "64"):
        raise UserError(f"--trainer.precision {kwargs['precision']}: updates are exact in 32-true or 64-true only")


def _is_one(devices: Any) -> bool:
    """Whether the list names one device, as [1] names the second GPU."""
    return isinstance(devices, list) and len(devices) == 1


class _StepFitLoop(_FitLoop):
    """Lightning's outer loop, which is not over before the last step is checked."""

    @property
    def done(self) -> bool:
        """Whether the run is over; not where it was resumed from the last step, killed before its check."""
        loop: Any = self.epoch_loop
        return super().done and (self.trainer.should_stop or not loop.is_check_due)


class _StepLoop(_TrainingEpochLoop):
    """Lightning's loop over training batches, with steps where it has batches."""

    trainer: StepTrainer

    @property
    def global_step(self) -> int:
        """Steps done."""
        module: Any = self.trainer.lightning_module
        return 0 if module is None else module.step

    @property
    def _batches_that_stepped(self) -> int:
        """What loggers take for their x-axis."""
        return self.global_step

    @_batches_that_stepped.setter
    def _batches_that_stepped(self, value: int) -> None:
        """Lightning counts; the module has counted already."""

    def on_run_start(self, data_fetcher: Any) -> None:
        """Checks before the first step, and after a resume where the check was still due."""
        super().on_run_start(data_fetcher)
        if self.is_check_due and not self.trainer.should_stop:
            self._check()

    @property
    def is_check_due(self) -> bool:
        """Whether this step is one to be checked at, and was not."""
        module: Any = self.trainer.lightning_module
        due = self.trainer.is_check(self.global_step) and module.checked_at != self.global_step
        return bool(due and self._should_check_val_epoch())

    def _should_check_val_fx(self, data_fetcher: Any) -> bool:
        return self.is_check_due

    def _check(self) -> None:
        """As Lightning runs a check in on_advance_end."""
        self.trainer.validating = True
        self.val_loop.run()
        self.trainer.training = True
