"""Lightning's loops and its search for checkpoints, with steps in place of batches."""

from typing import Any

from pytorch_lightning.loops.fit_loop import _FitLoop
from pytorch_lightning.loops.training_epoch_loop import _TrainingEpochLoop
from pytorch_lightning.trainer.connectors.checkpoint_connector import _CheckpointConnector

from letters_torch.data.prefetch import Block


class StepFitLoop(_FitLoop):
    """Lightning's outer loop, which is not over before the last step is validated."""

    @property
    def done(self) -> bool:
        """Whether the run is over; not if it was resumed at the last step, killed before its validation."""
        loop: Any = self.epoch_loop
        return super().done and (self.trainer.should_stop or not loop.is_validation_due)


class StepLoop(_TrainingEpochLoop):
    """Lightning's loop over training batches, on the clock of the module."""

    trainer: Any  # a StepTrainer

    @property
    def global_step(self) -> int:
        """Steps done."""
        return 0 if self.trainer.lightning_module is None else self.trainer.clock.step

    @property
    def max_steps(self) -> int:
        """The last step: the one that was asked for, and in a fit never -1."""
        if self.trainer.lightning_module is None or self.trainer.state.fn != "fit":
            return self.requested_steps
        return self.trainer.clock.max_steps

    @max_steps.setter
    def max_steps(self, value: int) -> None:
        """What is asked for."""
        self.requested_steps = value

    @property
    def _batches_that_stepped(self) -> int:
        """The x-axis of the loggers."""
        return self.global_step

    @_batches_that_stepped.setter
    def _batches_that_stepped(self, value: int) -> None:
        """Ignored: Lightning counts here what the clock has counted already."""

    def on_run_start(self, data_fetcher: Any) -> None:
        """Validates before the first step, and after a resume if the validation is still due."""
        super().on_run_start(data_fetcher)
        self._first_step = self.global_step
        if self.is_validation_due and not self.trainer.should_stop:
            self._validate()

    def advance(self, data_fetcher: Any) -> None:
        """Gives a block the index of its last step in this fit: Lightning's progress bars count by it."""
        block = data_fetcher.batches[0][0] if data_fetcher.batches else None
        if isinstance(block, Block):
            self.batch_progress.current.ready = block.first_step + len(block.x) - 1 - self._first_step
        super().advance(data_fetcher)

    @property
    def is_validation_due(self) -> bool:
        """Whether a validation is due after this step and not done. A barebones run has none."""
        clock = self.trainer.clock
        due = clock.is_validation(clock.step) and clock.validated_at != clock.step and not self.trainer.barebones
        return bool(due and self._should_check_val_epoch())

    def _should_check_val_fx(self, data_fetcher: Any) -> bool:
        return self.is_validation_due

    def _validate(self) -> None:
        """As Lightning does in on_advance_end."""
        self.trainer.validating = True
        self.val_loop.run()
        self.trainer.training = True


class StepCheckpointConnector(_CheckpointConnector):
    """Finds "last" and "best" as the command line does."""

    def _parse_ckpt_path(self, state_fn: Any, ckpt_path: Any, model_provided: bool, model_connected: bool) -> Any:
        trainer: Any = self.trainer
        if ckpt_path in ("last", "best"):
            return trainer.find_checkpoint(ckpt_path)
        return super()._parse_ckpt_path(state_fn, ckpt_path, model_provided, model_connected)
