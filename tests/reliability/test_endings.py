"""Ends that a run may come to: signals, a full disk, numbers that are none, another run in its way."""

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from letters_torch import checkpoint
from tests.reliability import runs
from tests.reliability.killing import Killer

PROGRAM = (sys.executable, "-W", "ignore", "-m", "letters_torch")


def started(*args: object, **how: Any) -> subprocess.Popen[str]:
    """The program, in a process of its own."""
    command = [*PROGRAM, *(str(arg) for arg in args)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **how)


def ended(process: subprocess.Popen[str], seconds: float) -> tuple[str, str]:
    out, err = process.communicate(timeout=seconds)
    assert "Traceback" not in err
    return out, err


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + 120
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.02)


def endless(folder: Path, **model: Any) -> Path:
    schedule = [{"steps": 100_000_000, "lr": 1.0e-3, "weight_decay": 0.0}]
    return runs.make(folder, model={"hidden": 16, "schedule": schedule, **model})


def last_of(folder: Path) -> Path:
    return folder / "lightning_logs/version_0/checkpoints/last.ckpt"


def test_a_signal_in_a_run(tmp_path: Path) -> None:
    """In slow blocks too: nobody waits for a thousand steps by autograd for longer than this."""
    config = endless(tmp_path, engine="autograd", hidden=400)
    process = started("fit", "--config", config, "--data.block", 1000, "--trainer.val_check_interval", 100_000)
    wait_for(last_of(tmp_path).exists, process)
    time.sleep(3)  # past the check before the first step
    process.send_signal(signal.SIGTERM)
    out, err = ended(process, 30)
    assert process.returncode == 143
    assert "error" not in err
    assert f"to go on: python -m letters_torch fit --ckpt_path {last_of(tmp_path)}" in out
    assert checkpoint.load(last_of(tmp_path))["letters_torch"]["step"] > 0


@pytest.mark.parametrize("which", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("after", [0.3, 1.5])
def test_a_signal_while_it_starts(tmp_path: Path, which: signal.Signals, after: float) -> None:
    process = started("fit", "--config", endless(tmp_path))
    time.sleep(after)
    process.send_signal(which)
    ended(process, 30)
    assert process.returncode in (-which, 128 + which)


def test_a_second_signal_ends_it_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from letters_torch.watching.checkpoints import RunCheckpoints

    sent: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "kill", lambda *args: sent.append(args))
    keeper = RunCheckpoints()
    keeper._handlers = {signal.SIGINT: signal.SIG_DFL}
    before = signal.getsignal(signal.SIGINT)
    try:
        keeper._on_signal(signal.SIGINT, None)
        assert not sent
        keeper._on_signal(signal.SIGINT, None)
        assert sent == [(os.getpid(), signal.SIGINT)]
        assert signal.getsignal(signal.SIGINT) == signal.SIG_DFL
    finally:
        signal.signal(signal.SIGINT, before)


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
    assert "cannot write" in error
    assert "No space left on device" in error
    assert checkpoint.load(last_of(tmp_path))["letters_torch"]["step"] == 120
    assert not list(tmp_path.rglob("*.part"))
    assert runs.fit(config, "--ckpt_path", last_of(tmp_path)) == 0  # there is room again


@pytest.mark.parametrize("limit", [1_000, 40_000])
def test_files_that_may_not_grow(tmp_path: Path, killer: Killer, limit: int) -> None:
    """A limit in earnest, for the checkpoint (69 kB) or for the config and the curve as well."""
    answer = killer.run("fit", "--config", runs.make(tmp_path), limit=limit)
    assert answer["code"] == 2
    assert "Traceback" not in answer["output"]
    (error,) = (line for line in answer["output"].splitlines() if line.startswith("error: "))
    assert "File too large" in error
    assert not list(tmp_path.rglob("*.ckpt"))


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
    content = checkpoint.load(last_of(tmp_path))  # which refuses weights that are no numbers
    assert 120 <= content["letters_torch"]["step"] <= step


def test_weights_that_just_became_infinite_are_not_saved(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loss of a step is that of the weights before it: here, no loss ever tells."""
    from letters_torch.updates.blocked import Blocked

    true = Blocked.__call__

    def spoil(self: Blocked, V: Any, W: Any, x: Any, y: Any, rates: Any, first_step: int = 0) -> Any:
        losses = true(self, V, W, x, y, rates, first_step)
        if first_step + len(x) == 240:
            V.data[3, 5] = torch.inf
        return losses

    config = runs.make(tmp_path)
    monkeypatch.setattr(Blocked, "__call__", spoil)
    assert "step 239: the weights are no longer finite" in runs.mistake(capsys, "fit", "--config", config)
    assert checkpoint.load(last_of(tmp_path))["letters_torch"]["step"] == 120


@pytest.mark.parametrize("count", [2, pytest.param(5, marks=pytest.mark.slow)])
def test_fits_at_once(tmp_path: Path, count: int) -> None:
    config = runs.make(tmp_path)
    processes = [started("fit", "--config", config, "--seed_everything", seed) for seed in range(count)]
    for process in processes:
        ended(process, 300)
        assert process.returncode == 0
    folders = sorted((tmp_path / "lightning_logs").iterdir())
    assert [folder.name for folder in folders] == [f"version_{n}" for n in range(count)]
    seeds = set()
    for folder in folders:
        assert len(list(folder.glob("events.*"))) == 1
        assert [step for step, _ in runs.points(folder)["val/acc"]] == [0, 120, 240, 360, 480, 540]
        seeds.add((folder / "config.yaml").read_text().split("seed_everything: ")[1].split()[0])
    assert len(seeds) == count


def test_a_run_that_goes_on_is_not_resumed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = runs.make(tmp_path)
    assert runs.fit(config, "--trainer.max_steps", 130) == 0
    from letters_torch.watching.run_folder import Lock

    lock = Lock(last_of(tmp_path).parent)
    assert "another fit is writing there" in runs.mistake(
        capsys, "fit", "--config", config, "--ckpt_path", last_of(tmp_path)
    )
    lock.release()
    assert runs.fit(config, "--ckpt_path", last_of(tmp_path)) == 0


@pytest.mark.parametrize("engine", ["blocked", "autograd"])
def test_the_same_seed_gives_the_same_run(tmp_path: Path, engine: str) -> None:
    one, other = runs.make(tmp_path / "one"), runs.make(tmp_path / "other")
    for config, workers in ((one, 0), (other, 2)):
        assert runs.fit(config, "--model.engine", engine, "--data.workers", workers) == 0
    runs.assert_same(runs.left(one.parent), runs.left(other.parent))
