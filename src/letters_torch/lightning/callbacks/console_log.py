"""The lines that a fit prints: which letters, where the run is kept, one line per validation, how it ended."""

import shlex
import time
from pathlib import Path
from typing import Any

from pytorch_lightning.callbacks import Callback, EarlyStopping, Timer
from pytorch_lightning.callbacks.early_stopping import EarlyStoppingReason

from letters_torch.console import duration, say
from letters_torch.data.sources import announce
from letters_torch.exact_sgd import Team
from letters_torch.lightning.callbacks.stop import StopOnSignal
from letters_torch.reading.intervals import wilson

PROGRAM = "python -m letters_torch"


class ConsoleLog(Callback):
    """Prints which letters are used, one line per validation in the words of the original notebook, and a summary."""

    def on_fit_start(self, trainer: Any, pl_module: Any) -> None:
        self._began = time.monotonic()
        data = getattr(trainer, "datamodule", None)
        if data is not None and data.sets is not None:
            announce(data.sets)
            say(f"{len(data.train):,} rows to train on, {len(data.val):,} for validation, {len(data.test):,} to test")

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        if isinstance(pl_module.updates, Team) and pl_module.device.type == "cpu":
            say(f"updates: {pl_module.updates}")
        if trainer.run_folder is not None:
            say(f"run folder: {trainer.run_folder}")

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        """`step 2000: train acc = 0.4807, validate acc = 0.4838, loss = 2.9034`."""
        if trainer.state.fn != "fit" or trainer.sanity_checking:
            return
        seen = trainer.callback_metrics
        loss = f"{seen['train/loss']:.4f}" if "train/loss" in seen and trainer.global_step else "-"
        train, validation = (f"{seen[key]:.4f}" if key in seen else "-" for key in ("train/acc", "val/acc"))
        say(f"step {trainer.global_step}: train acc = {train}, validate acc = {validation}, loss = {loss}")

    def on_fit_end(self, trainer: Any, pl_module: Any) -> None:
        """Why the fit ended, the best accuracy, the time, and what to do next.

        After a signal, `StopOnSignal` has said why it ended and how to resume it.
        """
        if trainer.fast_dev_run:
            return
        signalled = any(isinstance(callback, StopOnSignal) and callback.received for callback in trainer.callbacks)
        reason, flags = _ending(trainer, pl_module)
        if not signalled:
            say(f"ended at step {trainer.global_step:,} of {pl_module.schedule.total:,}: {reason}")
        kept = trainer.run_checkpoints
        best = Path(kept.best_model_path) if kept is not None and kept.best_model_path else None
        if best is not None:
            say(_best(kept.best[0], best, len(trainer.datamodule.val)))
        where = f"; run folder: {trainer.run_folder}" if trainer.run_folder is not None else ""
        say(f"trained for {duration(time.monotonic() - self._began)}{where}")
        if best is not None and not signalled:
            file = shlex.quote(str(best))
            say(f"next: {PROGRAM} predict --ckpt_path {file}\n      {PROGRAM} report --ckpt_path {file}")
            if flags is not None:
                say(f"to resume: {PROGRAM} fit --ckpt_path {shlex.quote(str(kept.last))} {flags}".rstrip())


def _ending(trainer: Any, module: Any) -> tuple[str, str | None]:
    """Why a fit is over, and the flags of a `fit` that resumes it; None if the end is meant to be one."""
    if trainer.global_step >= module.schedule.total:
        return "the end of the schedule", None
    if trainer.clock.is_over:
        return "trainer.max_steps", "--trainer.max_steps -1"
    for callback in trainer.callbacks:
        if isinstance(callback, EarlyStopping) and callback.stopping_reason != EarlyStoppingReason.NOT_STOPPED:
            patient = callback.stopping_reason == EarlyStoppingReason.PATIENCE_EXHAUSTED
            more = f"--early_stopping {2 * callback.patience}" if patient and callback.monitor == "val/acc" else None
            return f"early stopping, {_why(callback)}", more
        if isinstance(callback, Timer) and (callback.time_remaining() or 1.0) <= 0:
            return "trainer.max_time", "--trainer.max_time null"
    return "a callback stopped it", ""


def _why(callback: EarlyStopping) -> str:
    if callback.stopping_reason == EarlyStoppingReason.PATIENCE_EXHAUSTED:
        count = callback.wait_count
        return f"no better {callback.monitor} in {count} validation{'s' if count > 1 else ''}"
    return " ".join((callback.stopping_reason_message or "its criterion is met").split())


def _best(accuracy: float, file: Path, rows: int) -> str:
    """`best accuracy 0.8933 at step 438,000 (95% interval 0.8843 to 0.9018, 4,800 validation rows)`."""
    step = int(file.name.removeprefix("best-step=").partition("-")[0])
    low, high = wilson(round(accuracy * rows), rows)
    return (
        f"best accuracy {accuracy:.4f} at step {step:,}"
        f" (95% interval {low:.4f} to {high:.4f}, {rows:,} validation rows)"
    )
