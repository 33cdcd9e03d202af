"""The lines that a fit prints: which letters, where the run is kept, and one line per validation."""

from typing import Any

from pytorch_lightning.callbacks import Callback

from letters_torch.console import say
from letters_torch.exact_sgd import Team


class ConsoleLog(Callback):
    """Prints which letters are used, then one line per validation in the words of the original notebook."""

    def on_fit_start(self, trainer: Any, pl_module: Any) -> None:
        data = getattr(trainer, "datamodule", None)
        if data is not None and data.sets is not None:
            say(f"letters: {data.sets.origin}")
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
