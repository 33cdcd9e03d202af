"""The lines that a fit prints."""

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from letters_torch.lightning.callbacks.console_log import ConsoleLog
from tests.support.running import PROBE, ROWS, TEST_ROWS, VALIDATION, fit


def test_what_a_fit_prints(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done = fit(tmp_path, max_steps=50, enable_checkpointing=True, enable_progress_bar=False)
    said = capsys.readouterr().out.splitlines()
    seen = done.trainer.callback_metrics
    assert said[0] == f"letters: {tmp_path / 'letters_data.mat'} (the competition's schema)"
    assert said[1] == f"{ROWS - VALIDATION} rows to train on, {VALIDATION} for validation, {TEST_ROWS} to test"
    assert re.fullmatch(r"updates: panels of 100, \d+ threads?, products by .+", said[2])
    assert said[3] == f"run folder: {tmp_path / 'lightning_logs' / 'version_0'}"
    assert re.fullmatch(r"step 0: train acc = 0\.\d{4}, validate acc = 0\.\d{4}, loss = -", said[4])
    train, validation, loss = (float(seen[name]) for name in ("train/acc", "val/acc", "train/loss"))
    assert train != validation
    assert said[5] == f"step 50: train acc = {train:.4f}, validate acc = {validation:.4f}, loss = {loss:.4f}"
    assert round(train * PROBE) == pytest.approx(train * PROBE, abs=1e-4)  # the two sets differ in size
    assert round(validation * VALIDATION) == pytest.approx(validation * VALIDATION, abs=1e-4)
    assert said[6].startswith("ended at step 50")


def line(capsys: pytest.CaptureFixture[str], step: int, fn: str = "fit", **metrics: float) -> str:
    named = {name.replace("_", "/"): value for name, value in metrics.items()}
    state = SimpleNamespace(fn=fn)
    trainer: Any = SimpleNamespace(state=state, sanity_checking=False, callback_metrics=named, global_step=step)
    ConsoleLog().on_validation_end(trainer, None)
    return capsys.readouterr().out


def test_train_validation_and_loss(capsys: pytest.CaptureFixture[str]) -> None:
    shown = line(capsys, 2000, train_acc=0.48071, val_acc=0.12345, train_loss=2.90341, val_loss=9.0)
    assert shown == "step 2000: train acc = 0.4807, validate acc = 0.1235, loss = 2.9034\n"


def test_what_is_not_measured_is_a_dash(capsys: pytest.CaptureFixture[str]) -> None:
    assert line(capsys, 50, val_acc=0.5) == "step 50: train acc = -, validate acc = 0.5000, loss = -\n"
    assert line(capsys, 0, train_loss=2.0) == "step 0: train acc = -, validate acc = -, loss = -\n"


def test_only_in_a_fit(capsys: pytest.CaptureFixture[str]) -> None:
    assert line(capsys, 50, fn="validate", val_acc=0.5) == ""
