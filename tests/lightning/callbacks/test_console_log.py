"""The line of a validation says which figure is which."""

from types import SimpleNamespace
from typing import Any

import pytest

from letters_torch.lightning.callbacks.console_log import ConsoleLog


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
