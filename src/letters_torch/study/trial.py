"""Runs one trial in a folder of its own, from wherever an earlier attempt left it."""

import json
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout

import letters_torch._torchvision_guard  # noqa: F401  isort: skip
import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback
from torch.utils.tensorboard.summary import hparams

from letters_torch import checkpoint, files
from letters_torch.data.shared import SharedLetters
from letters_torch.errors import Diverged, UserError
from letters_torch.lightning.logger import RunLogger
from letters_torch.pages import logged
from letters_torch.study import building, keys
from letters_torch.study.study_file import Trial

FINISHED, DIVERGED, FAILED = "finished", "diverged", "failed"
RESULT = "result.json"
RUNS = "runs"
WAIT = 120.0  # seconds for an attempt on another node that is cut off but not over yet


Letters = Mapping[building.LettersKey, SharedLetters]


@dataclass(frozen=True)
class Result:
    """What a trial came to.

    Attributes:
        status: FINISHED; DIVERGED, which another attempt would be, too; or FAILED.
        steps: that were done.
        curves: by TensorBoard's tag, (step, value) of each validation.
        seconds: from the first validation to the last.
        letters: digest of the labelled letters.
        message: why it is not finished.
    """

    status: str
    steps: int = 0
    curves: dict[str, list[tuple[int, float]]] = field(default_factory=dict)
    seconds: float = 0.0
    letters: str = ""
    message: str = ""

    def last(self, tag: str) -> float | None:
        """A curve's value at the end; None where the trial did not get there."""
        return self.curves[tag][-1][1] if self.status == FINISHED and self.curves.get(tag) else None

    @property
    def is_final(self) -> bool:
        """Whether another attempt would come to the same."""
        return self.status in (FINISHED, DIVERGED)


def folder_of(study: Path, trial: Trial) -> Path:
    """The run folder of a trial."""
    return study / RUNS / trial.key


def result_of(study: Path, trial: Trial) -> Result | None:
    """What an earlier attempt came to; None where there is none, or it was cut off."""
    try:
        content = json.loads((folder_of(study, trial) / RESULT).read_text(encoding="utf-8"))
        curves = {
            tag: [(int(step), float(value)) for step, value in points] for tag, points in content["curves"].items()
        }
        return Result(**{**content, "curves": curves})
    except (OSError, ValueError, KeyError, TypeError):
        return None


def run(study: Path, trial: Trial, letters: Letters, factors: dict[str, Any], metric: str) -> Result:
    """Runs a trial to its end and writes its result. Nothing is done if it is finished already.

    A signal that stops it leaves no result: another attempt resumes from the last checkpoint.

    Args:
        study: the study's folder.
        trial: the trial.
        letters: by `building.letters_key`, those that its config names among them.
        factors: what the HPARAMS tab of TensorBoard shows of it.
        metric: what that tab compares.
    """
    folder = folder_of(study, trial)
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder):
        earlier = result_of(study, trial)
        if earlier is not None and earlier.is_final:
            return earlier
        try:
            result = _fit(folder, trial, letters, [_Hparams(factors, metric)])
        except Diverged as error:
            result = Result(DIVERGED, message=str(error))
        except Exception as error:
            (folder / "error.txt").write_text(traceback.format_exc(), encoding="utf-8")
            reason = str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
            result = Result(FAILED, message=" ".join(reason.split()))
        files.write(folder / RESULT, json.dumps(asdict(result), indent=1).encode())
        return result


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keeps a second attempt out, such as one on a node that the cluster has given up and that still computes."""
    lock = FileLock(folder / ".trial.lock", timeout=WAIT)
    try:
        lock.acquire()
    except Timeout as error:
        raise UserError(f"{folder}: another process has been training there for {WAIT:g} s; stop it") from error
    try:
        yield
    finally:
        lock.release()


def _fit(folder: Path, trial: Trial, letters: Letters, callbacks: list[Callback]) -> Result:
    parsed = building.parse(trial.config)
    last = folder / "checkpoints" / "last.ckpt"
    logger = RunLogger(folder.parent.parent, folder)  # the trainer cuts its curve where the run is resumed
    pl.seed_everything(trial.seed, verbose=False)
    trainer, module, data = building.build(parsed, logger, callbacks)
    data.shared = letters[building.letters_key(parsed)]
    if torch.get_num_threads() == 1:
        data.workers = 0  # blocks are made in between, not by a second thread
    checkpoint.write(folder / "config.yaml", building.as_yaml(parsed).encode())
    begin = time.monotonic()
    trainer.fit(module, datamodule=data, ckpt_path=str(last) if last.is_file() else None)
    history = logged.read(folder)
    seconds = history.seconds or time.monotonic() - begin
    return Result(FINISHED, module.clock.step, history.curves, seconds, data.digest)


class _Hparams(Callback):
    """Writes what TensorBoard's HPARAMS tab needs into the run's events."""

    def __init__(self, factors: dict[str, Any], metric: str) -> None:
        self.factors = {name: _plain(value) for name, value in factors.items()}
        self.metric = metric

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """Writes it, after Lightning's first records."""
        for logger in trainer.loggers:
            for summary in hparams(self.factors, {self.metric: 0.0}):
                logger.experiment._get_file_writer().add_summary(summary)


def _plain(value: Any) -> Any:
    return value if isinstance(value, (bool, int, float, str)) else keys.text(value)
