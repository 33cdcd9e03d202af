"""Lightning's TensorBoard logger for a run here."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from lightning_fabric.utilities.logger import _flatten_dict, _sanitize_params
from pytorch_lightning.loggers import TensorBoardLogger
from torch.utils.tensorboard.summary import hparams

from letters_torch import metrics_csv, run_folder
from letters_torch.errors import UserError, reason
from letters_torch.metrics_csv import MetricsCsv


class RunLogger(TensorBoardLogger):
    """Logs into a run folder of its own, in steps, and without Lightning's curve of epochs; also into metrics.csv.

    The folder of a new run is made, and the curve of a resumed run is cut, when the first thing is logged: a fit that
    fails earlier leaves no folder, and an old one as it was.

    Args:
        root: the folder of `lightning_logs`.
        folder: that of the run to resume; None for a new one, `version_N` or `version_N-name`.
        name: of a new run.
    """

    def __init__(self, root: Path, folder: Path | None = None, name: str | None = None) -> None:
        super().__init__(root, run_folder.RUNS, default_hp_metric=False)
        self._run_name = name
        self._table: MetricsCsv | None = None
        self._resumed: Path | None = None
        self.has_begun = False  # something is logged
        if folder is not None:
            self.resume(folder, 0)

    def resume(self, folder: Path, purge_from: int) -> None:
        """Continues in the folder of an earlier run.

        TensorBoard drops what an earlier process logged at the step `purge_from`, the first that will be logged, or
        beyond it, so that no point is doubled.
        """
        self._resumed = folder
        self._root_dir, self._name, self._version = str(folder.parent.parent), folder.parent.name, folder.name
        self._kwargs["purge_step"] = purge_from

    @property
    def experiment(self) -> Any:
        """TensorBoard's writer. Lightning asks for it before it knows whether the run will start: not there yet."""
        if not self.has_begun:
            raise AttributeError("nothing is logged yet")
        return super().experiment

    def log_hyperparams(self, *args: Any, **kwargs: Any) -> None:
        """Fills TensorBoard's TEXT and HPARAMS tabs. The metrics of HPARAMS are the run's own curves, by name."""
        self._begin()  # Lightning logs this first, once a run is ready to start
        super().log_hyperparams(*args, **kwargs)
        first = self._kwargs.get("purge_step") or 0
        settings = yaml.safe_dump(dict(self.hparams), sort_keys=False)
        self.experiment.add_text("settings", "\n".join(f"    {line}" for line in settings.splitlines()), first)
        metrics = dict.fromkeys(("val/acc", "val/loss", "train/acc", "train/loss"), 0.0)
        for summary in hparams(_sanitize_params(self._shown()), metrics):
            self.experiment._get_file_writer().add_summary(summary)

    def _shown(self) -> dict[str, Any]:
        """The settings that the HPARAMS tab shows."""
        return _flatten_dict(dict(self.hparams))

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        self._begin()
        kept = {name: float(value) for name, value in metrics.items() if name != "epoch"}
        super().log_metrics(kept, step)
        if kept:
            self._log_row(kept, step or 0)

    def _log_row(self, metrics: Mapping[str, float], step: int) -> None:
        with self._writing(metrics_csv.NAME):
            if self._table is None:
                self._table = MetricsCsv(Path(self.log_dir), self._kwargs.get("purge_step"))
            self._table.log(metrics, step)

    def save(self) -> None:
        if self.has_begun:
            super().save()

    def finalize(self, status: str) -> None:
        """Writes out the rest. An error of TensorBoard's writer, which is a thread, is raised here at the latest."""
        with self._writing("the curve"):
            super().finalize(status)

    @contextmanager
    def _writing(self, what: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            where = f"{what} in {self.log_dir}"
            raise UserError(f"cannot write {where} ({reason(error)}); what was there before is kept") from error

    def _get_next_version(self) -> Any:
        return run_folder.claim(Path(self.root_dir).parent, self._run_name).name

    def _begin(self) -> None:
        if not self.has_begun and self._resumed is not None:
            _outwait(self._resumed)
        self.has_begun = True


def _outwait(folder: Path) -> None:
    """Waits until a new file of events sorts behind those that are there: their names count seconds.

    A clock that was put back by more than a moment is not waited for.
    """
    stamps = [file.name.split(".")[3] for file in folder.glob("events.out.tfevents.*")]
    newest = max((int(stamp) for stamp in stamps if stamp.isdecimal()), default=0)
    while newest - 2 < int(time.time()) <= newest:
        time.sleep(0.02)
