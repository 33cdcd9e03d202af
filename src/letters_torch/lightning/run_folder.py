"""The folder of a run, `lightning_logs/version_N`: claimed once, found again by a checkpoint in it, logged into."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import TensorBoardLogger

from letters_torch.errors import UserError

try:
    import fcntl
except ImportError:  # Windows: no locks, the rest works
    fcntl = None  # type: ignore[assignment]

RUNS = "lightning_logs"


class Lock:
    """Keeps a second fit from writing into the same folder. The system drops it when the process ends in any way.

    Args:
        folder: what is written into.

    Raises:
        UserError: another process holds it.
    """

    def __init__(self, folder: Path) -> None:
        self._file = (folder / ".lock").open("w")
        try:
            if fcntl is not None:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._file.close()
            raise UserError(f"{folder}: another fit is writing there; wait until it ends, or stop it") from error

    def release(self) -> None:
        """Lets others in."""
        self._file.close()


class RunLogger(TensorBoardLogger):
    """Lightning's TensorBoard logger for a run here: it claims its folder, and keeps no curve of epochs.

    A new run's folder is made, and an old one's curve cut off, when the first thing is logged: a fit that fails before
    leaves no folder, and an old one as it was.

    Args:
        root: the folder of `lightning_logs`.
        folder: of the run to go on with; None for a new one.
        purge_from: the first step that it will log. What an earlier process logged there or beyond, TensorBoard drops,
            so that no point is doubled.
    """

    def __init__(self, root: Path, folder: Path | None = None, purge_from: int = 0) -> None:
        if folder is None:
            super().__init__(root, RUNS, default_hp_metric=False)
        else:
            where = (folder.parent.parent, folder.parent.name, folder.name)
            super().__init__(*where, default_hp_metric=False, purge_step=purge_from)
        self._resumed, self._begun = folder, False

    @property
    def experiment(self) -> Any:
        """TensorBoard's writer. Lightning asks for it before it knows whether the run will start: not there yet."""
        if not self._begun:
            raise AttributeError("nothing is logged yet")
        return super().experiment

    def log_hyperparams(self, *args: Any, **kwargs: Any) -> None:
        """The first thing that Lightning logs, once a run is ready to start."""
        self._begin()
        super().log_hyperparams(*args, **kwargs)

    def save(self) -> None:
        """Writes out what is logged."""
        if self._begun:
            super().save()

    def finalize(self, status: str) -> None:
        """Writes out the rest. An error of TensorBoard's writer, which is a thread, is raised here at the latest.

        Raises:
            UserError: something could not be written.
        """
        try:
            super().finalize(status)
        except OSError as error:
            raise UserError(
                f"cannot write the curve in {self.log_dir} ({error.strerror or error}); what was there before is kept"
            ) from error

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
        self._begin()
        super().log_metrics({name: value for name, value in metrics.items() if name != "epoch"}, step)

    def _begin(self) -> None:
        if not self._begun and self._resumed is not None:
            _outwait(self._resumed)
        self._begun = True


def _outwait(folder: Path) -> None:
    """Waits until a new file of events sorts behind those that are there: their names count seconds.

    A clock that was put back by more than a moment is not waited for.
    """
    stamps = [file.name.split(".")[3] for file in folder.glob("events.out.tfevents.*")]
    newest = max((int(stamp) for stamp in stamps if stamp.isdecimal()), default=0)
    while newest - 2 < int(time.time()) <= newest:
        time.sleep(0.02)


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
