"""Letters to learn in a moment, and runs on them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

import letters_torch._torchvision_guard  # noqa: F401  isort: skip
from pytorch_lightning.callbacks import Callback
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from letters_torch.cli import main
from letters_torch.data.datamodule import LettersDataModule
from letters_torch.exact_sgd.schedule import Stage
from letters_torch.lightning.module import LettersModule
from letters_torch.lightning.trainer import StepTrainer
from tests.support.making import save_mat

ROWS, TEST_ROWS, VALIDATION, PROBE, HIDDEN = 200, 40, 50, 60, 6
STAGES = (Stage(120, 0.02, 0.01), Stage(80, 0.005, 0.1))


def letters(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Pictures (N, 784) that are much alike within a class, and their labels (N, 1) in a random order."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(count) % 26 + 1).astype(np.uint8)
    patterns = 255 * (np.random.default_rng(0).random((27, 784)) < 0.3)
    noisy = rng.random((count, 784)) < 0.2
    pixels = np.where(noisy, rng.integers(0, 256, (count, 784)), patterns[labels]).astype(np.uint8)
    return pixels, labels[:, None]


def save_letters(path: Path, rows: int = ROWS, seed: int = 1, labelled_test: bool = False) -> Path:
    """A small letters_data.mat."""
    (train_x, train_y), (test_x, test_y) = letters(rows, seed), letters(TEST_ROWS, seed + 1)
    content = {"train_x": train_x, "train_y": train_y, "test_x": test_x}
    return save_mat(path, {**content, "test_y": test_y} if labelled_test else content)


def data_module(path: Path, **settings: Any) -> LettersDataModule:
    return LettersDataModule(path=path, **{"validation": VALIDATION, "probe": PROBE, **settings})


@dataclass
class Fit:
    """A fit that is over."""

    trainer: StepTrainer
    model: LettersModule
    data: LettersDataModule


def fit(
    folder: Path,
    *,
    stages: tuple[Stage, ...] = STAGES,
    model: dict[str, Any] | None = None,
    data: dict[str, Any] | None = None,
    **trainer: Any,
) -> Fit:
    """Trains a small network in `folder` by Lightning's API, quietly unless told otherwise."""
    path = folder / "letters_data.mat"
    if not path.exists():
        save_letters(path)
    module = LettersModule(list(stages), **{"hidden": HIDDEN, **(model or {})})
    settings = {"default_root_dir": folder, "logger": False, "enable_checkpointing": False, "accelerator": "cpu"}
    runner = StepTrainer(**{**settings, "val_check_interval": 50, **trainer})
    datamodule = data_module(path, **(data or {}))
    runner.fit(module, datamodule=datamodule)
    return Fit(runner, module, datamodule)


CONFIG: dict[str, Any] = {
    "model": {
        "hidden": HIDDEN,
        "schedule": [{"steps": s.steps, "lr": s.lr, "weight_decay": s.weight_decay} for s in STAGES],
    },
    "data": {"path": "letters_data.mat", "validation": VALIDATION, "probe": PROBE},
    "trainer": {"val_check_interval": 50, "accelerator": "cpu"},
}


KEEP: dict[str, Any] = {"enable_checkpointing": True, "enable_progress_bar": False}


def trainer(folder: Path, **settings: Any) -> StepTrainer:
    return StepTrainer(**{"default_root_dir": folder, "logger": False, "val_check_interval": 50, **KEEP, **settings})


def module(**settings: Any) -> LettersModule:
    return LettersModule(list(STAGES), **{"hidden": HIDDEN, **settings})


def same_weights(one: LettersModule, other: LettersModule) -> bool:
    return torch.equal(one.V, other.V) and torch.equal(one.W, other.W)


class Validations(Callback):
    """The steps at which accuracy was measured, and on how many rows of each set."""

    def __init__(self) -> None:
        self.steps: list[int] = []
        self.rows = [0, 0]

    def on_validation_start(self, trainer: Any, pl_module: Any) -> None:
        self.steps.append(trainer.global_step)
        self.rows = [0, 0]

    def on_validation_batch_end(
        self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        self.rows[dataloader_idx] += len(batch.x)


def validations(folder: Path, **settings: Any) -> tuple[list[int], Fit]:
    seen = Validations()
    done = fit(folder, callbacks=[seen], **settings)
    return seen.steps, done


def prepare(folder: Path) -> None:
    """A small letters_data.mat and a config small.yaml that uses it."""
    save_letters(folder / "letters_data.mat")
    (folder / "small.yaml").write_text(yaml.safe_dump(CONFIG))


def refused(capsys: pytest.CaptureFixture[str], *args: str) -> str:
    """Runs a command that a user got wrong; returns its one line on stderr."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as stop:
        main(list(args))
    assert stop.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.endswith("\n")
    assert error.count("\n") == 1
    return error


def scalars(run: Path) -> dict[str, list[tuple[int, float]]]:
    """TensorBoard's curves of a run folder: (step, value) by tag."""
    events = EventAccumulator(str(run)).Reload()
    return {tag: [(event.step, event.value) for event in events.Scalars(tag)] for tag in events.Tags()["scalars"]}
