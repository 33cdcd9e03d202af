"""The last lines of a fit: why it ended, the best accuracy, and what to do next."""

import re
import shlex
import signal
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pytorch_lightning.callbacks import Callback, EarlyStopping

from letters_torch.exact_sgd.schedule import Stage
from letters_torch.reading.intervals import wilson
from tests.support.running import VALIDATION, fit

STILL = (Stage(1000, 0.0),)  # nothing is learned


class Stop(Callback):
    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        trainer.should_stop = trainer.global_step >= 100


ENDS: list[tuple[dict[str, Any], str]] = [
    ({}, "ended at step 200 of 200: the end of the schedule"),
    ({"max_steps": 200}, "ended at step 200 of 200: the end of the schedule"),
    ({"max_steps": 70}, "ended at step 70 of 200: trainer.max_steps"),
    (
        {"stages": STILL, "callbacks": [EarlyStopping("val/acc", mode="max", patience=3)]},
        "ended at step 150 of 1,000: early stopping, no better val/acc in 3 validations",
    ),
    (
        {"stages": STILL, "callbacks": [EarlyStopping("val/acc", mode="max", patience=1)]},
        "ended at step 50 of 1,000: early stopping, no better val/acc in 1 validation",
    ),
    (
        {"stages": STILL, "callbacks": [EarlyStopping("val/acc", mode="max", stopping_threshold=0.0)]},
        "ended at step 0 of 1,000: early stopping, Stopping threshold reached: val/acc = ",
    ),
    ({"callbacks": [Stop()]}, "ended at step 100 of 200: a callback stopped it"),
]


@pytest.mark.parametrize(("settings", "said"), ENDS, ids=[said for _, said in ENDS])
def test_why_a_fit_ended(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], settings: dict[str, Any], said: str
) -> None:
    fit(tmp_path, **settings)
    [line] = [line for line in capsys.readouterr().out.splitlines() if line.startswith("ended")]
    assert line.startswith(said)


def test_the_longest_time_ends_a_fit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stages = (Stage(100_000_000, 1e-3),)
    fit(tmp_path, stages=stages, max_time=timedelta(seconds=0.5), val_check_interval=100_000)
    assert re.search(r"ended at step [\d,]+ of 100,000,000: trainer\.max_time\n", capsys.readouterr().out)


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
    assert "to go on: python -m letters_torch fit --ckpt_path" in out
    assert "best accuracy " in out
    assert "trained for " in out
    assert "ended at" not in out
    assert "next:" not in out
