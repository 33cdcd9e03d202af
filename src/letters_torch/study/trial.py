"""Runs one trial in its run folder, from the last checkpoint of an earlier attempt if there is one."""

import json
import time
import traceback
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from filelock import AcquireReturnProxy, FileLock, Timeout

import letters_torch._torchvision_guard  # noqa: F401  isort: skip
import pytorch_lightning as pl

from letters_torch import checkpoint, files
from letters_torch.data.shared import SharedLetters
from letters_torch.errors import Diverged, UserError
from letters_torch.lightning.logger import RunLogger
from letters_torch.pages import logged
from letters_torch.run_folder import CHECKPOINTS, LAST
from letters_torch.study import building
from letters_torch.study.outcome import DIVERGED, FAILED, FINISHED, RESULT, Result, folder_of, result_of
from letters_torch.study.study_file import Trial

WAIT = 120.0  # seconds to wait for an earlier attempt that is still running, such as one on a node that is cut off

Letters = Mapping[building.LettersKey, SharedLetters]


def run(study: Path, trial: Trial, letters: Letters) -> Result:
    """Runs a trial to its end and writes its result. Does nothing if the trial is over.

    A signal that stops it leaves no result: another attempt resumes from the last checkpoint.

    Args:
        study: the study's folder.
        trial: the trial.
        letters: by `building.letters_key`; must contain those that the trial's config names.
    """
    folder = folder_of(study, trial)
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder):
        earlier = result_of(study, trial)
        if earlier is not None and earlier.is_final:
            return earlier
        try:
            result = _fit(folder, trial, letters)
        except Diverged as error:
            result = Result(DIVERGED, message=str(error))
        except Exception as error:
            (folder / "error.txt").write_text(traceback.format_exc(), encoding="utf-8")
            reason = str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
            result = Result(FAILED, message=" ".join(reason.split()))
        files.write(folder / RESULT, json.dumps(asdict(result), indent=1).encode())
        return result


def _locked(folder: Path) -> AcquireReturnProxy:
    """A context that keeps a second attempt out of the run folder, and waits for one that is still running.

    Raises:
        UserError: it runs for more than WAIT seconds.
    """
    try:
        return FileLock(folder / ".trial.lock", timeout=WAIT).acquire()
    except Timeout as error:
        raise UserError(f"{folder}: another process has been training there for {WAIT:g} s; stop it") from error


def _fit(folder: Path, trial: Trial, letters: Letters) -> Result:
    parsed = building.parse(trial.config)
    last = folder / CHECKPOINTS / LAST
    logger = _TrialLogger(folder, trial)  # the trainer cuts its curves where the run resumes
    pl.seed_everything(trial.seed, verbose=False)
    trainer, module, data = building.build(parsed, logger)
    data.shared = letters[building.letters_key(parsed)]
    if torch.get_num_threads() == 1:
        data.workers = 0  # blocks are made between the updates, not by a second thread
    checkpoint.write(folder / "config.yaml", building.as_yaml(parsed).encode())
    begin = time.monotonic()
    trainer.fit(module, datamodule=data, ckpt_path=str(last) if last.is_file() else None)
    history = logged.read(folder)
    seconds = history.seconds or time.monotonic() - begin
    return Result(FINISHED, module.clock.step, history.curves, seconds, data.digest)


class _TrialLogger(RunLogger):
    """Shows the keys that differ between the trials in TensorBoard's HPARAMS tab, instead of all settings."""

    def __init__(self, folder: Path, trial: Trial) -> None:
        super().__init__(folder.parent.parent, folder)
        self._trial = trial

    def _shown(self) -> dict[str, Any]:
        setting = self._trial.setting
        return {"setting": setting.label, "seed": self._trial.seed, **setting.changes}
