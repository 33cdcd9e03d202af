"""Checks what callbacks monitor before a run begins."""

from collections.abc import Sequence
from typing import Any

from letters_torch.console import did_you_mean
from letters_torch.errors import UserError

METRICS = ("val/acc", "val/loss", "train/acc", "train/loss", "lr", "weight_decay")  # that a validation logs
_OURS = ("letters_torch", "pytorch_lightning", "lightning")


def check_monitors(callbacks: Sequence[Any]) -> None:
    """Refuses a callback, such as EarlyStopping, that monitors a metric which is not logged, or in the wrong direction.

    A callback of another package may log metrics of its own; with one, any name is accepted.
    """
    foreign = any(type(callback).__module__.partition(".")[0] not in _OURS for callback in callbacks)
    for callback in callbacks:
        monitor = getattr(callback, "monitor", None)
        if not isinstance(monitor, str):
            continue
        name = type(callback).__name__
        if monitor not in METRICS and not foreign:
            raise UserError(
                f"--trainer.callbacks: {name} monitors {monitor!r}, which is not logged; the metrics are"
                f" {', '.join(METRICS)}{did_you_mean(monitor, METRICS)}"
            )
        if monitor.endswith("/acc") and getattr(callback, "mode", "max") == "min":
            raise UserError(
                f"--trainer.callbacks: {name} monitors {monitor} with mode min, as if lower were better; set mode max"
            )
