"""The lines that a person reads: which letters, the notebook's line at each check, the table per letter."""

from typing import Any

import numpy as np
import numpy.typing as npt
from pytorch_lightning.callbacks import Callback

from letters_torch.console import say
from letters_torch.letters import ALPHABET, CLASSES
from letters_torch.reading.confusion import confusion, mistaken_for


class Lines(Callback):
    """Says which letters are used, then one line a check in the notebook's words."""

    def on_fit_start(self, trainer: Any, pl_module: Any) -> None:
        """Which letters, and where the run is kept."""
        data = getattr(trainer, "datamodule", None)
        if data is not None and data.sets is not None:
            say(f"letters: {data.sets.origin}")
            say(f"{len(data.train):,} rows to train on, {len(data.val):,} for validation, {len(data.test):,} to test")
        if trainer.loggers:
            say(f"run folder: {trainer.log_dir}")

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        """`step 2000: train acc = 0.4807, validate acc = 0.4838, loss = 2.9034`."""
        if trainer.state.fn != "fit" or trainer.sanity_checking:
            return
        seen = trainer.callback_metrics
        loss = f"{seen['train/loss']:.4f}" if "train/loss" in seen and trainer.global_step else "-"
        accuracies = (f"{seen[key]:.4f}" if key in seen else "-" for key in ("train/acc", "val/acc"))
        say("step {}: train acc = {}, validate acc = {}, loss = {}".format(trainer.global_step, *accuracies, loss))


class LetterTable(Callback):
    """After `validate` and `test`: accuracy of each letter, and what it is most often taken for."""

    def __init__(self) -> None:
        self.confusion = np.zeros((CLASSES, CLASSES), np.int64)  # [truth, predicted]

    def on_validation_start(self, trainer: Any, pl_module: Any) -> None:
        """Counts from nothing."""
        self.confusion[:] = 0

    on_test_start = on_validation_start

    def on_validation_batch_end(
        self,
        trainer: Any,
        pl_module: Any,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Counts the predictions of the first loader: the validation or test rows."""
        if dataloader_idx == 0:
            self.confusion += confusion(batch.y.cpu(), outputs.cpu())

    on_test_batch_end = on_validation_batch_end

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        """Prints the table, unless a fit is checking or the caller wants no print."""
        if trainer.state.fn != "fit" and trainer.validate_loop.verbose:
            say(table(self.confusion))

    def on_test_end(self, trainer: Any, pl_module: Any) -> None:
        """Prints the table, unless the caller wants no print."""
        if trainer.test_loop.verbose:
            say(table(self.confusion))


def table(counts: npt.NDArray[np.int64]) -> str:
    """The accuracy of each letter as lines of text; `counts` as `confusion` gives them."""
    lines = ["letter   rows   accuracy   most often taken for"]
    for letter, row in zip(ALPHABET, counts.tolist(), strict=True):
        own, total = row[ALPHABET.index(letter)], sum(row)
        taken = ", ".join(f"{other} ({share:.1%})" for other, share in mistaken_for(letter, row))
        lines.append(f"{letter:>6} {total:>6}   {f'{own / total:.4f}' if total else '-':>8}   {taken}".rstrip())
    return "\n".join(lines)
