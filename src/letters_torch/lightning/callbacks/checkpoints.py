"""The checkpoints of a run: its last state, the best by validation accuracy, and the end of each stage."""

from copy import deepcopy
from pathlib import Path
from typing import Any

from filelock import FileLock
from pytorch_lightning.callbacks import Checkpoint, EarlyStopping
from pytorch_lightning.callbacks.early_stopping import EarlyStoppingReason

from letters_torch import resume, run_folder
from letters_torch.console import say
from letters_torch.errors import UserError

NO_BEST = (-1.0, "")


class RunCheckpoints(Checkpoint):
    """Writes `last.ckpt` after each validation and at the end, `best-step=N-val_acc=A.ckpt`, and
    `stageK-step=N.ckpt` at the end of a stage.
    """

    def __init__(self) -> None:
        self.best = NO_BEST  # the highest validation accuracy so far, and the name of its file
        self.folder: Path | None = None  # where the files are; None before the first fit
        self._lock: FileLock | None = None
        self._whole = True  # the weights of the checkpoint resumed from are those of the step it resumes at
        # The states of the callbacks before a validation that only this run makes, because it is to stop here. A
        # resumed run starts from these, to end as one that was never stopped.
        self._before: dict[str, Any] = {}

    @property
    def last(self) -> Path | None:
        """The file of the last state."""
        return None if self.folder is None else self.folder / run_folder.LAST

    @property
    def best_model_path(self) -> str:
        """The file of the best validation; "" before the first."""
        return str(self.folder / self.best[1]) if self.folder is not None and self.best[1] else ""

    @property
    def best_model_score(self) -> float | None:
        """The accuracy of the best validation; None before the first."""
        return self.best[0] if self.best[1] else None

    def on_load_checkpoint(self, trainer: Any, pl_module: Any, checkpoint: dict[str, Any]) -> None:
        """A new patience replaces the saved one."""
        states = checkpoint["callbacks"]
        if trainer.state.fn != "fit":
            states.pop(self.state_key, None)  # the best of that run is not the best of this one
            return
        self._whole = "V" not in checkpoint["letters_torch"]
        for callback in trainer.callbacks:
            if isinstance(callback, EarlyStopping) and callback.state_key in states:
                states[callback.state_key]["patience"] = callback.patience

    def on_fit_start(self, trainer: Any, pl_module: Any) -> None:
        """Takes the folder of the run; UserError if another fit has it, or it holds another run."""
        source, self._before = trainer.ckpt_path and Path(trainer.ckpt_path), {}
        folder = self._folder(trainer, source)
        if source is None and trainer.global_step == 0:
            self.best = NO_BEST
            if any(folder.glob("*.ckpt")):
                raise UserError(
                    f"{folder} holds a run already; use a new trainer and, of a logger, a new run (wandb.finish() ends"
                    " one of W&B), or resume it with ckpt_path='last'"
                )
        folder.mkdir(parents=True, exist_ok=True)
        self._lock, self.folder = run_folder.lock(folder), folder
        resume.sweep(folder)
        resume.sweep(folder.parent)
        if source is not None:
            resume.prepare_folder(source, folder, trainer.global_step)
            self._keep_best(source, folder, trainer.global_step)
        if trainer.clock.is_over:
            say(
                f"step {trainer.global_step:,} is the last of this run;"
                " to resume it, raise --trainer.max_steps or lengthen model.schedule"
            )

    def _folder(self, trainer: Any, source: Path | None) -> Path:
        """The logger's folder; without a logger, that of the resumed run, or a new one."""
        root = Path(trainer.default_root_dir)
        if trainer.logger is not None:
            return run_folder.of_logger(trainer.logger, root) / run_folder.CHECKPOINTS
        if source is None and trainer.global_step and self.folder is not None:
            return self.folder
        resumed = run_folder.resumed(source, trainer.asked_root) if source is not None else None
        return (resumed or run_folder.claim(root)) / run_folder.CHECKPOINTS

    def _keep_best(self, source: Path, folder: Path, step: int) -> None:
        """Restores a missing best checkpoint: the run was killed before the copy, or is resumed in another folder."""
        best = folder / self.best[1]
        if self.best[1] and not best.exists():
            if self._whole and f"step={step}-" in best.name:
                resume.copy(source, best)
            else:
                self.best = NO_BEST

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """A run that early stopping has ended does not start again."""
        if any(_has_stopped(callback) for callback in trainer.callbacks):
            say(f"early stopping ended this run at step {trainer.global_step:,}; to resume it, raise the patience")
            trainer.should_stop = True

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        stage = trainer.clock.stage_ending_at(trainer.global_step)
        if stage is not None:
            self._save(trainer, f"stage{stage}-step={trainer.global_step}.ckpt")

    def on_validation_start(self, trainer: Any, pl_module: Any) -> None:
        if _is_validation_of_fit(trainer) and not trainer.clock.is_regular_validation(trainer.global_step):
            self._before = {callback.state_key: deepcopy(callback.state_dict()) for callback in trainer.callbacks}

    def on_save_checkpoint(self, trainer: Any, pl_module: Any, checkpoint: dict[str, Any]) -> None:
        for key, state in self._before.items():
            if key in checkpoint["callbacks"]:
                checkpoint["callbacks"][key] = state

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        """Keeps the state at a validation, and a copy if it is the best."""
        if not _is_validation_of_fit(trainer) or "val/acc" not in trainer.callback_metrics:
            return
        assert self.folder is not None
        score, step, before = float(trainer.callback_metrics["val/acc"]), trainer.global_step, self.best
        if score > before[0]:  # the first of equals stays
            self.best = (score, f"best-step={step}-val_acc={score:.4f}.ckpt")
        self._save(trainer, run_folder.LAST)
        if self.best != before:
            resume.copy(self.folder / run_folder.LAST, self.folder / self.best[1])
        kept = {self.best[1]} if trainer.clock.is_regular_validation(step) else {self.best[1], before[1]}
        for old in self.folder.glob("best-*.ckpt"):
            if old.name not in kept:
                old.unlink(missing_ok=True)

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        """Saves the last state if it is not saved yet; before WeightAveraging puts the average in its place."""
        if trainer.clock.validated_at != trainer.global_step:
            self._save(trainer, run_folder.LAST)

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        """Saves the state of a run that was stopped before its first step."""
        assert self.last is not None
        if not self.last.exists():
            self._save(trainer, run_folder.LAST)

    def _save(self, trainer: Any, name: str) -> None:
        """Saves the logged points first: a checkpoint must not be ahead of its curve when the program is killed."""
        assert self.folder is not None
        for logger in trainer.loggers:
            logger.save()
        trainer.save_checkpoint(self.folder / name)

    def teardown(self, trainer: Any, pl_module: Any, stage: str) -> None:
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        self.teardown(trainer, pl_module, "fit")  # Lightning leaves it out then

    def state_dict(self) -> dict[str, Any]:
        return {"best": list(self.best)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.best = tuple(state_dict["best"])


def _is_validation_of_fit(trainer: Any) -> bool:
    return trainer.state.fn == "fit" and not trainer.sanity_checking


def _has_stopped(callback: Any) -> bool:
    """Whether early stopping ended the run before, and would again."""
    if not isinstance(callback, EarlyStopping) or callback.stopping_reason == EarlyStoppingReason.NOT_STOPPED:
        return False
    by_patience = callback.stopping_reason == EarlyStoppingReason.PATIENCE_EXHAUSTED
    return not by_patience or callback.wait_count >= callback.patience
