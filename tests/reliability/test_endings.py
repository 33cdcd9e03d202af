"""Ends that a run may come to: signals, a disk that fills up, numbers that are none, another run in its way."""

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from letters_torch import checkpoint
from letters_torch.exact_sgd.threads import torch_threads
from tests.reliability import runs


@pytest.mark.parametrize("after", [0.3, 1.5])
def test_a_signal_while_it_starts(tmp_path: Path, after: float) -> None:
    """The program itself, in a process of its own."""
    command = [sys.executable, "-W", "ignore", "-m", "letters_torch", "fit", "--config", str(runs.endless(tmp_path))]
    signals = (signal.SIGINT, signal.SIGTERM)
    processes = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) for _ in signals
    ]
    try:
        time.sleep(after)
        for process, which in zip(processes, signals, strict=True):
            process.send_signal(which)
        for process, which in zip(processes, signals, strict=True):
            assert "Traceback" not in process.communicate(timeout=600)[0]
            assert process.returncode in (-which, 128 + which)
    finally:
        for process in processes:
            process.kill()


def test_a_second_signal_ends_it_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from letters_torch.lightning.callbacks.stop import StopOnSignal

    sent: list[int] = []
    monkeypatch.setattr(signal, "raise_signal", sent.append)
    before = signal.getsignal(signal.SIGINT)
    stop: Any = StopOnSignal()
    stop.on_fit_start(None, None)
    try:
        signal.getsignal(signal.SIGINT)(signal.SIGINT, None)  # type: ignore[operator, misc]
        assert not sent
        assert stop.received == signal.SIGINT
        signal.getsignal(signal.SIGINT)(signal.SIGINT, None)  # type: ignore[operator, misc]
        assert sent == [signal.SIGINT]
        assert signal.getsignal(signal.SIGINT) == before
    finally:
        stop.teardown(None, None, "fit")


def test_a_disk_that_fills_up(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: Any) -> None:
    config, count, synced = runs.make(tmp_path), 0, os.fsync

    def full(descriptor: int) -> None:
        nonlocal count
        count += 1
        if count > 3:  # the config and two checkpoints
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        synced(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        error = runs.mistake(capsys, "fit", "--config", config)
    assert "cannot write " in error
    assert "the previous file is kept" in error
    assert "No space left on device" in error
    assert checkpoint.load(runs.last_of(tmp_path))["letters_torch"]["step"] == 120
    assert not list(tmp_path.rglob("*.part"))
    assert runs.fit(config, "--ckpt_path", runs.last_of(tmp_path)) == 0  # there is room again


@pytest.mark.parametrize("engine", ["blocked", "autograd"])
@pytest.mark.parametrize("stage", [{"lr": 1e38}, {"lr": 10.0, "weight_decay": 1.0}], ids=["lr", "weight_decay"])
def test_a_run_that_diverges(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], engine: str, stage: dict[str, float]
) -> None:
    schedule = [{"steps": 120, "lr": 1e-2, "weight_decay": 0.0}, {"steps": 900, "weight_decay": 0.0, **stage}]
    config = runs.make(tmp_path, model={"hidden": 16, "schedule": schedule, "engine": engine})
    error = runs.mistake(capsys, "fit", "--config", config, "--trainer.val_check_interval", 60)
    step = int(error.split("step ")[1].split(":")[0])
    assert 120 <= step < 240
    assert f"learning rate {stage['lr']:g}" in error
    assert "model.schedule" in error
    content = checkpoint.load(runs.last_of(tmp_path))  # which refuses weights that are no numbers
    assert 120 <= content["letters_torch"]["step"] <= step


def test_weights_that_just_became_infinite_are_not_saved(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loss of a step is that of the weights before it: here, no loss ever tells."""
    from letters_torch.exact_sgd.team import Team

    true = Team.__call__

    def spoil(self: Team, V: Any, W: Any, x: Any, y: Any, rates: Any, first_step: int = 0) -> Any:
        losses = true(self, V, W, x, y, rates, first_step)
        if first_step + len(x) == 240:
            V.data[3, 5] = torch.inf
        return losses

    config = runs.make(tmp_path)
    monkeypatch.setattr(Team, "__call__", spoil)
    assert "step 239: the weights are no longer finite" in runs.mistake(capsys, "fit", "--config", config)
    assert checkpoint.load(runs.last_of(tmp_path))["letters_torch"]["step"] == 120


def test_a_run_that_goes_on_is_not_resumed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = runs.make(tmp_path)
    assert runs.fit(config, "--trainer.max_steps", 130) == 0
    from letters_torch.run_folder import lock

    held = lock(runs.last_of(tmp_path).parent)
    assert "another fit is writing there" in runs.mistake(
        capsys, "fit", "--config", config, "--ckpt_path", runs.last_of(tmp_path)
    )
    held.release()
    assert runs.fit(config, "--ckpt_path", runs.last_of(tmp_path)) == 0


@pytest.mark.parametrize("engine", ["blocked", "autograd"])
def test_the_same_seed_gives_the_same_run(tmp_path: Path, engine: str) -> None:
    """However many threads prepare its blocks, and torch may use."""
    one, other = runs.make(tmp_path / "one", rows=1500), runs.make(tmp_path / "other", rows=1500)
    for config, workers, threads in ((one, 0, 1), (other, 2, 3)):
        flags = ("--model.engine", engine, "--data.workers", workers, "--data.validation", 700, "--data.probe", "all")
        with torch_threads(threads):
            assert runs.fit(config, *flags) == 0
    runs.assert_same(runs.left(one.parent), runs.left(other.parent))
