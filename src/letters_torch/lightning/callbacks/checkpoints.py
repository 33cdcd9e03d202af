"""What is kept of a run: its last state, the best by validation accuracy, each stage's end; and how it is stopped."""

import os
import re
import signal
from copy import deepcopy
from pathlib import Path
from types import FrameType
from typing import Any

from pytorch_lightning.callbacks import Checkpoint, EarlyStopping
from pytorch_lightning.callbacks.early_stopping import EarlyStoppingReason

from letters_torch import checkpoint as files
from letters_torch.console import say
from letters_torch.errors import UserError
from letters_torch.lightning import run_folder

SIGNALS = (signal.SIGINT, signal.SIGTERM)
SET_ASIDE = "set_aside"


class RunCheckpoints(Checkpoint):
    """Writes `last.ckpt` after each check, `best-step=N-val_acc=A.ckpt`, and `stageK-step=N.ckpt` at a stage's end.

    Ctrl-C and SIGTERM end the run after the block at hand, with `last.ckpt` written at that step.

    Attributes:
        best: the highest validation accuracy of a check so far, and the name of its file.
        stopped_by: the signal that ended the run, if one did.
    """

    def __init__(self) -> None:
        self.best = (-1.0, "")
        self.stopped_by: signal.Signals | None = None
        self._handlers: dict[signal.Signals, Any] = {}
        self._lock: run_folder.Lock | None = None
        self._whole = True  # the weights of the checkpoint gone on from are those of the step it goes on from
        # The callbacks' states before a check that only this run makes, because it was told to stop here. A resumed
        # run goes on from these, to end as one that was never stopped.
        self._before: dict[str, Any] = {}

    @property
    def best_model_path(self) -> str:
        """Lightning's name for the file of the best check."""
        return self.best[1]

    def on_load_checkpoint(self, trainer: Any, pl_module: Any, checkpoint: dict[str, Any]) -> None:
        """Notes whether the file can stand for the step that it goes on from."""
        self._whole = "V" not in checkpoint["letters_torch"]

    def on_fit_start(self, trainer: Any, pl_module: Any) -> None:
        """Takes the run's folder, and the signals."""
        folder = self.folder(trainer)
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = run_folder.Lock(folder)
        for part in folder.glob("*.part"):  # of a process that was killed while it wrote
            part.unlink(missing_ok=True)
        if trainer.ckpt_path:
            self._go_on_from(Path(trainer.ckpt_path), folder, trainer.global_step)
        if trainer.global_step >= trainer.max_steps:
            say(
                f"step {trainer.global_step} is the run's last;"
                " to go on, raise --trainer.max_steps or lengthen model.schedule"
            )
        # A signal that the caller has switched off (nohup, a shell's background job) stays off.
        taken = [which for which in SIGNALS if signal.getsignal(which) != signal.SIG_IGN]
        self._handlers = {which: signal.signal(which, self._on_signal) for which in taken}

    def _on_signal(self, which: int, frame: FrameType | None) -> None:
        if self.stopped_by is not None or not self._handlers:  # asked twice, or nothing left to save: at once
            signal.signal(which, signal.SIG_DFL)
            os.kill(os.getpid(), which)
        self.stopped_by = signal.Signals(which)

    def _go_on_from(self, source: Path, folder: Path, step: int) -> None:
        """Makes the folder one whose run stands at `step`, so that a kill from here on cannot mix two futures."""
        last = folder / "last.ckpt"
        if source.resolve().parent == folder.resolve() and source.name != last.name:
            self._set_aside(source, folder, step)
            _copy(source, last)
        best = folder / self.best[1]
        if self.best[1] and not best.exists():
            # Killed between last.ckpt and its copy; or in another folder, where the best has to be found anew.
            if self._whole and f"step={step}-" in best.name:
                _copy(source, best)
            else:
                self.best = (-1.0, "")

    def _set_aside(self, source: Path, folder: Path, step: int) -> None:
        """Keeps, out of the way, what the run had come to beyond `step`."""
        last, aside = folder / "last.ckpt", folder.parent / SET_ASIDE
        beyond = [file for file in folder.glob("*-step=*.ckpt") if _step(file) > step and file.name != source.name]
        if last.exists() and _step(last) > step:
            aside.mkdir(exist_ok=True)
            _copy(last, aside / last.name)
            say(f"going on from step {step}; what the run came to beyond it is kept in {aside}")
        for file in beyond:
            aside.mkdir(exist_ok=True)
            file.replace(aside / file.name)

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """A run that is over already, by a signal or by early stopping, does not start."""
        for which in self._handlers:  # again: Lightning has put its own beside them, which would throw a block away
            signal.signal(which, self._on_signal)
        trainer._signal_connector.received_sigterm = False
        over = [callback for callback in trainer.callbacks if _has_stopped(callback)]
        if over:
            say(f"early stopping ended this run at step {trainer.global_step}; raise its patience or leave it out")
        trainer.should_stop = trainer.should_stop or bool(over)
        self._heed_signals(trainer)

    def _heed_signals(self, trainer: Any) -> None:
        if self.stopped_by is not None:
            trainer.should_stop = True

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Keeps a stage's end, and heeds the signals."""
        ends = pl_module.schedule.ends
        if trainer.global_step in ends:
            stage = ends.index(trainer.global_step) + 1
            self._save(trainer, f"stage{stage}-step={trainer.global_step}.ckpt")
        self._heed_signals(trainer)

    def on_validation_start(self, trainer: Any, pl_module: Any) -> None:
        """Notes the callbacks' states where a run that is not stopped here would make no check."""
        if trainer.state.fn == "fit" and not trainer.is_regular_check(trainer.global_step):
            self._before = {callback.state_key: deepcopy(callback.state_dict()) for callback in trainer.callbacks}

    def on_save_checkpoint(self, trainer: Any, pl_module: Any, checkpoint: dict[str, Any]) -> None:
        """The states to go on from."""
        for key, state in self._before.items():
            if key in checkpoint["callbacks"]:
                checkpoint["callbacks"][key] = state

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        """Keeps the state of a check, and its copy if it is the best."""
        if trainer.state.fn != "fit" or trainer.sanity_checking or "val/acc" not in trainer.callback_metrics:
            return
        score, step, before = float(trainer.callback_metrics["val/acc"]), trainer.global_step, self.best
        if score > before[0]:
            self.best = (score, f"best-step={step}-val_acc={score:.4f}.ckpt")
        folder = self.folder(trainer)
        self._save(trainer, "last.ckpt")
        if self.best != before:
            _copy(folder / "last.ckpt", folder / self.best[1])
        kept = {self.best[1]} if trainer.is_regular_check(step) else {self.best[1], before[1]}
        for old in folder.glob("best-*.ckpt"):
            if old.name not in kept:
                old.unlink(missing_ok=True)
        self._heed_signals(trainer)

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        """Where the run stands now, if that is not on file already; and what to do with it."""
        last = self.folder(trainer) / "last.ckpt"
        if pl_module.checked_at != trainer.global_step:
            self._save(trainer, last.name)
        if self.stopped_by is not None:
            say(f"{self.stopped_by.name}: stopped after step {trainer.global_step}; saved {last}")
            say(f"to go on: python -m letters_torch fit --ckpt_path {last}")

    def _save(self, trainer: Any, name: str) -> None:
        """The logged points first: a checkpoint must not be ahead of its curve when the program is killed."""
        for logger in trainer.loggers:
            logger.save()
        trainer.save_checkpoint(self.folder(trainer) / name)

    def teardown(self, trainer: Any, pl_module: Any, stage: str) -> None:
        """Gives the signals and the folder back."""
        handlers, self._handlers = self._handlers, {}
        for which, handler in handlers.items():
            signal.signal(which, handler)
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        """As `teardown`, which Lightning leaves out then."""
        self.teardown(trainer, pl_module, "fit")

    def folder(self, trainer: Any) -> Path:
        """The run's checkpoints/."""
        return Path(trainer.log_dir or trainer.default_root_dir) / "checkpoints"

    def state_dict(self) -> dict[str, Any]:
        """For the checkpoint."""
        return {"best": list(self.best)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """From the checkpoint."""
        score, name = state_dict["best"]
        self.best = (score, name)


def _has_stopped(callback: Any) -> bool:
    """Whether early stopping ended the run before, and would again."""
    if not isinstance(callback, EarlyStopping) or callback.stopping_reason == EarlyStoppingReason.NOT_STOPPED:
        return False
    by_patience = callback.stopping_reason == EarlyStoppingReason.PATIENCE_EXHAUSTED
    return not by_patience or callback.wait_count >= callback.patience


def _step(file: Path) -> float:
    """The step at which a checkpoint was written, by its name or, for last.ckpt, by its content."""
    named = re.search(r"-step=(\d+)", file.name)
    if named:
        return int(named[1])
    try:
        return float(files.load(file)["letters_torch"]["step"])
    except UserError:
        return float("inf")  # unreadable: out of the way, rather than overwritten


def _copy(source: Path, target: Path) -> None:
    """Copies a file so that the target is whole or absent whenever the program dies."""
    files.write(target, source.read_bytes(), sync=False)  # should the power go, there still is the source
