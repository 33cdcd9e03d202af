"""The progress bar, in steps."""

import sys
from typing import Any

from pytorch_lightning.callbacks import TQDMProgressBar
from pytorch_lightning.callbacks.progress.tqdm_progress import Tqdm

# `12%|██| 50.0k/438k [00:40 left, 95.2k steps/s, acc=0.7512]`: fits into 60 columns.
BAR = "{percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} [{remaining} left, {rate_noinv_fmt}{postfix}]"


class StepProgressBar(TQDMProgressBar):
    """Lightning's bar in steps: steps done, time left, steps per second, the last validation accuracy.

    A validation in a fit takes a fraction of a second and prints a line: it has no bar of its own. Nothing is drawn
    unless the output is a terminal.
    """

    @property
    def is_disabled(self) -> bool:
        return super().is_disabled or not sys.stderr.isatty()

    def init_train_tqdm(self) -> Tqdm:
        return Tqdm(
            bar_format=BAR,
            total=self.trainer.max_steps,
            initial=self.trainer.global_step,
            unit=" steps",
            unit_scale=True,
            disable=self.is_disabled,
            dynamic_ncols=True,
            smoothing=0.1,
        )

    def get_metrics(self, trainer: Any, pl_module: Any) -> dict[str, int | str | float | dict[str, float]]:
        accuracy = trainer.callback_metrics.get("val/acc")
        return {} if accuracy is None else {"acc": f"{float(accuracy):.4f}"}

    def init_validation_tqdm(self) -> Tqdm:
        """Disabled in a fit, and if the caller wants nothing printed."""
        quiet = self.trainer.state.fn == "fit" or not self.trainer.validate_loop.verbose
        return Tqdm(disable=True) if quiet else super().init_validation_tqdm()

    def on_train_epoch_start(self, *_: Any) -> None:
        """Nothing; Lightning would set the bar to a number of batches."""

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        self.train_progress_bar.update(trainer.global_step - self.train_progress_bar.n)

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        """Leaves the bar as it is."""
