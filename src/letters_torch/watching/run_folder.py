"""The folder of a run, `lightning_logs/version_N`: claimed once, found again by a checkpoint in it, logged into."""

from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import TensorBoardLogger

RUNS = "lightning_logs"


class RunLogger(TensorBoardLogger):
    """Lightning's TensorBoard logger without its curve of epochs: a run here has only one.

    Args:
        folder: of the run; it exists.
        resumed_at: the step of the checkpoint that the run goes on from. What an earlier process logged beyond it,
            TensorBoard drops, so that no point is doubled.
    """

    def __init__(self, folder: Path, resumed_at: int | None = None) -> None:
        purge = {} if resumed_at is None else {"purge_step": resumed_at + 1}
        super().__init__(folder.parent.parent, folder.parent.name, folder.name, default_hp_metric=False, **purge)

    def log_metrics(self, metrics: Any, step: int | None = None) -> None:
        """Scalars at a step."""
        super().log_metrics({name: value for name, value in metrics.items() if name != "epoch"}, step)


def claim(root: Path) -> Path:
    """Makes the next `lightning_logs/version_N` under `root`; no other process gets the same."""
    runs = root / RUNS
    runs.mkdir(parents=True, exist_ok=True)
    number = 1 + max((_number(folder) for folder in runs.iterdir()), default=-1)
    while True:
        folder = runs / f"version_{number}"
        try:
            folder.mkdir()
        except FileExistsError:
            number += 1
        else:
            return folder


def _number(folder: Path) -> int:
    digits = folder.name.removeprefix("version_")
    return int(digits) if folder.name.startswith("version_") and digits.isdecimal() else -1


def of_checkpoint(checkpoint: Path) -> Path | None:
    """The run folder that a checkpoint lies in; None where it lies elsewhere."""
    folder = checkpoint.resolve().parent
    return folder.parent if folder.name == "checkpoints" and (folder.parent / "config.yaml").is_file() else None


def newest(root: Path) -> Path | None:
    """The run folder with the highest number that holds a checkpoint; None where there is none."""
    folders = sorted((root / RUNS).glob("version_*"), key=_number, reverse=True)
    return next((folder for folder in folders if any((folder / "checkpoints").glob("*.ckpt"))), None)
