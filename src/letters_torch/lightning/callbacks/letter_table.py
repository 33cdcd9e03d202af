"""The accuracy of each letter after `validate` and `test`."""

from typing import Any

import numpy as np
import numpy.typing as npt
from pytorch_lightning.callbacks import Callback

from letters_torch.console import say
from letters_torch.letters import ALPHABET, CLASSES
from letters_torch.reading.confusion import confusion, mistaken_for


class LetterTable(Callback):
    """Prints the accuracy of each letter and what it is most often taken for, after `validate` and `test`."""

    def __init__(self) -> None:
        self.confusion = np.zeros((CLASSES, CLASSES), np.int64)  # [truth, predicted]

    def on_validation_start(self, trainer: Any, pl_module: Any) -> None:
        self.confusion[:] = 0

    on_test_start = on_validation_start

    def on_validation_batch_end(
        self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        """Counts the predictions for the validation or test rows, those of the first loader; not in a fit."""
        if dataloader_idx == 0 and trainer.state.fn != "fit":
            self.confusion += confusion(batch.y.cpu(), outputs.argmax(1).cpu())

    on_test_batch_end = on_validation_batch_end

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        if trainer.state.fn != "fit" and trainer.validate_loop.verbose:
            say(table(self.confusion))

    def on_test_end(self, trainer: Any, pl_module: Any) -> None:
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
