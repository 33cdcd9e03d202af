"""What is kept of a run: its last state, the best by validation accuracy, each stage's end; and how it is stopped."""

import shutil
import signal
from pathlib import Path
from types import FrameType
from typing import Any

from pytorch_lightning.callbacks import Checkpoint

from letters_torch.watching.line import say

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class RunCheckpoints(Checkpoint):
    """Writes `last.ckpt` after each check, `best-step=N-val_acc=A.ckpt`, and `stageK-step=N.ckpt` at a stage's end.

    Ctrl-C and SIGTERM end the run after the block at hand, with `last.ckpt` written at that step.

    Attributes:
        best: the highest validation accuracy of a check so far, and the file of that check.
        regular_best: the same of the checks that every such run makes, however it is stopped and resumed. A resumed
            run goes on from this one, to end with the same best as one that was never stopped.
    """

    def __init__(self) -> None:
        self.best = self.regular_best = (-1.0, "")
        self.stopped_by: signal.Signals | None = None
        self._handlers: dict[signal.Signals, Any] = {}

    @property
    def best_model_path(self) -> str:
        """Lightning's name for the file of the best check."""
        return self.best[1]

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """Takes over the signals; Lightning's own handlers would throw the block at hand away."""
        self.folder(trainer).mkdir(parents=True, exist_ok=True)
        self._restore_best(trainer)
        self._handlers = {which: signal.signal(which, self._on_signal) for which in SIGNALS}

    def _on_signal(self, which: int, frame: FrameType | None) -> None:
        if self.stopped_by is not None:
            raise KeyboardInterrupt  # asked twice: at once
        self.stopped_by = signal.Signals(which)

    def _restore_best(self, trainer: Any) -> None:
        """A run killed between writing last.ckpt and best-...ckpt at one check has only the first; they are equal."""
        last, best = self.folder(trainer) / "last.ckpt", self.folder(trainer) / self.best[1]
        if f"step={trainer.global_step}-" in self.best[1] and not best.exists() and last.exists():
            _copy(last, best)

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Keeps a stage's end, and heeds the signals."""
        ends = pl_module.schedule.ends
        if trainer.global_step in ends:
            stage = ends.index(trainer.global_step) + 1
            trainer.save_checkpoint(self.folder(trainer) / f"stage{stage}-step={trainer.global_step}.ckpt")
        if self.stopped_by is not None:
            trainer.should_stop = True

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        """Keeps the state of a check, and its copy if it is the best."""
        if trainer.state.fn != "fit" or trainer.sanity_checking or "val/acc" not in trainer.callback_metrics:
            return
        score, step, before = float(trainer.callback_metrics["val/acc"]), trainer.global_step, self.best
        if score > before[0]:
            self.best = (score, f"best-step={step}-val_acc={score:.4f}.ckpt")
        if trainer.is_regular_check(step):
            self.regular_best = self.best
        folder = self.folder(trainer)
        trainer.save_checkpoint(folder / "last.ckpt")
        if self.best != before:
            _copy(folder / "last.ckpt", folder / self.best[1])
            for old in folder.glob("best-*.ckpt"):
                if old.name not in (self.best[1], self.regular_best[1]):
                    old.unlink(missing_ok=True)

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        """Where the run stands now, if that is not on file already; and what to do with it."""
        last = self.folder(trainer) / "last.ckpt"
        if pl_module.checked_at != trainer.global_step:
            trainer.save_checkpoint(last)
        if self.stopped_by is not None:
            say(f"{self.stopped_by.name}: stopped after step {trainer.global_step}; saved {last}")
            say(f"to go on: python -m letters_torch fit --ckpt_path {last}")

    def teardown(self, trainer: Any, pl_module: Any, stage: str) -> None:
        """Gives the signals back."""
        for which, handler in self._handlers.items():
            signal.signal(which, handler)
        self._handlers = {}

    def folder(self, trainer: Any) -> Path:
        """The run's checkpoints/."""
        return Path(trainer.log_dir or trainer.default_root_dir) / "checkpoints"

    def state_dict(self) -> dict[str, Any]:
        """For the checkpoint."""
        return {"best": list(self.regular_best)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """From the checkpoint."""
        score, name = state_dict["best"]
        self.best = self.regular_best = (score, name)


def _copy(source: Path, target: Path) -> None:
    """Copies a file so that the target is whole or absent whenever the program dies."""
    part = target.with_name(target.name + ".part")
    shutil.copyfile(source, part)
    part.replace(target)
