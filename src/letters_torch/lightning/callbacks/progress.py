"""The progress bar, in steps."""

import sys
from typing import Any

from pytorch_lightning.callbacks import TQDMProgressBar
from pytorch_lightning.callbacks.progress.tqdm_progress import Tqdm


class StepBar(TQDMProgressBar):
    """Lightning's bar with steps for batches: steps done, steps a second, time left.

    Checks take a fraction of a second and print a line: they get no bar of their own. Where the output is no terminal
    nothing is drawn.
    """

    @property
    def is_disabled(self) -> bool:
        """Whether nothing is drawn."""
        return super().is_disabled or not sys.stderr.isatty()

    def init_train_tqdm(self) -> Tqdm:
        """The bar of the run."""
        return Tqdm(
            desc="fit",
            total=self.trainer.max_steps,
            initial=self.trainer.global_step,
            unit=" steps",
            disable=self.is_disabled,
            dynamic_ncols=True,
            smoothing=0.1,
        )

    def init_validation_tqdm(self) -> Tqdm:
        """None inside a run, nor where the caller wants no print."""
        quiet = self.trainer.state.fn == "fit" or not self.trainer.validate_loop.verbose
        return Tqdm(disable=True) if quiet else super().init_validation_tqdm()

    def on_train_epoch_start(self, *_: Any) -> None:
        """Lightning would set the bar to a count of batches."""

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Moves on by the steps of a block."""
        self.train_progress_bar.update(trainer.global_step - self.train_progress_bar.n)

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        """Leaves the bar as it stands."""
