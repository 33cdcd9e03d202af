"""The lines that a fit prints."""

import re
import shlex
import signal
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pytorch_lightning.callbacks import Callback, EarlyStopping

from letters_torch.exact_sgd.schedule import Stage
from letters_torch.lightning.callbacks.console_log import ConsoleLog
from letters_torch.reading.intervals import wilson
from tests.support.running import PROBE, ROWS, TEST_ROWS, VALIDATION, fit


def test_what_a_fit_prints(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done = fit(tmp_path, max_steps=50, enable_checkpointing=True, enable_progress_bar=False)
    said = capsys.readouterr().out.splitlines()
    seen = done.trainer.callback_metrics
    assert said[0] == f"letters: {tmp_path / 'letters_data.mat'} (the competition's schema)"
    assert said[1] == f"{ROWS - VALIDATION} rows to train on, {VALIDATION} for validation, {TEST_ROWS} to test"
    assert re.fullmatch(r"updates: panels of 100, (1 thread|up to \d+ threads), products by .+", said[2])
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


STILL = (Stage(1000, 0.0),)  # nothing is learned


class Stop(Callback):
    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        trainer.should_stop = trainer.global_step >= 100


LONG = {"stages": (Stage(100_000_000, 1e-3),), "val_check_interval": 100_000}
# The settings, why the fit ended, and the flags that resume it; None where no command to resume it is offered.
ENDS: list[tuple[dict[str, Any], str, str | None]] = [
    ({}, "ended at step 200 of 200: the end of the schedule", None),
    ({"max_steps": 200}, "ended at step 200 of 200: the end of the schedule", None),
    ({"max_steps": 70}, "ended at step 70 of 200: trainer.max_steps", "--trainer.max_steps -1"),
    (
        {"stages": STILL, "callbacks": [EarlyStopping("val/acc", mode="max", patience=3)]},
        "ended at step 150 of 1,000: early stopping, no better val/acc in 3 validations",
        "--early_stopping 6",
    ),
    (
        {"stages": STILL, "callbacks": [EarlyStopping("val/loss", patience=1)]},
        "ended at step 50 of 1,000: early stopping, no better val/loss in 1 validation",
        None,
    ),
    (
        {"stages": STILL, "callbacks": [EarlyStopping("val/acc", mode="max", stopping_threshold=0.0)]},
        "ended at step 0 of 1,000: early stopping, Stopping threshold reached: val/acc = ",
        None,
    ),
    ({"callbacks": [Stop()]}, "ended at step 100 of 200: a callback stopped it", ""),
    (
        {**LONG, "max_time": timedelta(seconds=0.5)},
        r"ended at step [\d,]+ of 100,000,000: trainer\.max_time$",
        "--trainer.max_time null",
    ),
]


@pytest.mark.parametrize(("settings", "said", "flags"), ENDS, ids=[said for _, said, _ in ENDS])
def test_why_a_fit_ended_and_how_to_resume_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], settings: dict[str, Any], said: str, flags: str | None
) -> None:
    done = fit(tmp_path, **settings, enable_checkpointing=True)
    lines = capsys.readouterr().out.splitlines()
    [line] = [line for line in lines if line.startswith("ended")]
    assert re.match(said, line)
    last = done.trainer.run_checkpoints.last  # type: ignore[union-attr]
    expected = [] if flags is None else [f"to resume: python -m letters_torch fit --ckpt_path {last} {flags}".strip()]
    assert [line for line in lines if line.startswith("to resume")] == expected


def test_a_resume_that_ends_at_once_took_no_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done = fit(tmp_path, max_steps=50, enable_checkpointing=True)
    capsys.readouterr()
    done.trainer.fit(done.model, datamodule=done.data, ckpt_path="last")
    out = capsys.readouterr().out
    assert "step 50 is the last of this run; to resume it, raise --trainer.max_steps or lengthen model.schedule" in out
    assert "trained for 0." in out


def test_the_best_accuracy_and_the_next_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "with space"
    folder.mkdir()
    done = fit(folder, enable_checkpointing=True, logger=True)
    out = capsys.readouterr().out
    accuracy, name = done.trainer.run_checkpoints.best  # type: ignore[union-attr]
    step = int(re.findall(r"step=(\d+)", name)[0])
    low, high = wilson(round(accuracy * VALIDATION), VALIDATION)
    assert f"best accuracy {accuracy:.4f} at step {step} " in out
    assert f"(95% interval {low:.4f} to {high:.4f}, 50 validation rows)\n" in out
    run = folder / "lightning_logs/version_0"
    assert re.search(rf"trained for \d+\.\d s; run folder: {re.escape(str(run))}\n", out)
    commands = [shlex.split(line.removeprefix("next: ")) for line in out.splitlines() if "--ckpt_path" in line]
    for command, words in zip(("predict", "report"), commands, strict=True):
        assert words == ["python", "-m", "letters_torch", command, "--ckpt_path", str(run / "checkpoints" / name)]


def test_without_checkpoints_only_the_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fit(tmp_path, max_steps=50)
    out = capsys.readouterr().out
    assert re.search(r"^ended at step 50 of 200: trainer\.max_steps\ntrained for \d+\.\d s\n\Z", out, re.MULTILINE)


def test_a_dry_run_has_no_summary(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fit(tmp_path, fast_dev_run=True)
    assert "ended" not in capsys.readouterr().out


def test_after_a_signal_only_what_it_has_not_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Why the run ended and how to resume it are said already."""

    class CtrlC(Callback):
        def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
            if trainer.global_step == 100:
                signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        fit(tmp_path, callbacks=[CtrlC()], enable_checkpointing=True, logger=True)
    out = capsys.readouterr().out
    assert "SIGINT: stopped after step" in out
    assert "to resume: python -m letters_torch fit --ckpt_path" in out
    assert "best accuracy " in out
    assert "trained for " in out
    assert "ended at" not in out
    assert "next:" not in out
