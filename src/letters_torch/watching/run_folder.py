"""The folder of a run, `lightning_logs/version_N`: claimed once, found again by a checkpoint in it, logged into."""

from collections.abc import Mapping
from pathlib import Path

from pytorch_lightning.loggers import TensorBoardLogger

RUNS = "lightning_logs"


class RunLogger(TensorBoardLogger):
    """Lightning's TensorBoard logger for a run here: it claims its folder, and keeps no curve of epochs.

    A new run's folder is made when it is first needed, so that a fit that fails before leaves none.

    Args:
        root: the folder of `lightning_logs`.
        folder: of the run to go on with; None for a new one.
        resumed_at: the step at which it goes on. What an earlier process logged beyond it, TensorBoard drops, so that
            no point is doubled.
    """

    def __init__(self, root: Path, folder: Path | None = None, resumed_at: int = 0) -> None:
        if folder is None:
            super().__init__(root, RUNS, default_hp_metric=False)
        else:
            where = (folder.parent.parent, folder.parent.name, folder.name)
            super().__init__(*where, default_hp_metric=False, purge_step=resumed_at + 1)

    def _get_next_version(self) -> int:
        """Makes the next `version_N`; no other process gets the same."""
        runs = Path(self.root_dir)
        runs.mkdir(parents=True, exist_ok=True)
        number = 1 + max((_number(folder) for folder in runs.iterdir()), default=-1)
        while True:
            try:
                (runs / f"version_{number}").mkdir()
            except FileExistsError:
                number += 1
            else:
                return number

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Scalars at a step."""
        super().log_metrics({name: value for name, value in metrics.items() if name != "epoch"}, step)


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
