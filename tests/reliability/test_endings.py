"""Ends that a run may come to: signals, a full disk, numbers that are none, another run in its way."""

import errno
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from letters_torch import checkpoint
from tests.reliability import runs
from tests.reliability.figures import FIGURES
from tests.reliability.killing import NOT_HERE, Killer


def endless(folder: Path, first: int = 1, **model: Any) -> Path:
    """A run that nobody waits for, with a stage of its own for its `first` steps."""
    schedule = [{"steps": steps, "lr": 1.0e-3, "weight_decay": 0.0} for steps in (first, 100_000_000)]
    return runs.make(folder, model={"hidden": 16, "schedule": schedule, **model})


def last_of(folder: Path) -> Path:
    return folder / "lightning_logs/version_0/checkpoints/last.ckpt"


def test_a_signal_in_a_run(tmp_path: Path, killer: Killer) -> None:
    """In slow blocks too: it ends with the block at hand, of a thousand steps by autograd."""
    config = endless(tmp_path, first=1000, engine="autograd", hidden=400)
    long_blocks = ("--data.block", 1000, "--trainer.val_check_interval", 100_000)
    first_block = last_of(tmp_path).with_name("stage1-step=1000.ckpt")
    answer = killer.run("fit", "--config", config, *long_blocks, once=first_block, signal=signal.SIGTERM)
    assert answer["code"] == 143
    assert not {"error", "Traceback"} & set(re.findall(r"\w+", answer["output"]))
    step = checkpoint.load(last_of(tmp_path))["letters_torch"]["step"]
    assert step % 1000 == 0
    assert f"SIGTERM: stopped after step {step}; saved {last_of(tmp_path)}" in answer["output"]
    assert f"to go on: python -m letters_torch fit --ckpt_path {last_of(tmp_path)}" in answer["output"]


@pytest.mark.parametrize("after", [0.3, 1.5])
def test_a_signal_while_it_starts(tmp_path: Path, after: float) -> None:
    """The program itself, in a process of its own."""
    command = [sys.executable, "-W", "ignore", "-m", "letters_torch", "fit", "--config", str(endless(tmp_path))]
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
    """The system's limit to a file's size, for the checkpoint (69 kB) or for the config and the curve as well."""
    answer = killer.run("fit", "--config", runs.make(tmp_path), limit=limit)
    assert "File too large" in the_error(answer)
    assert not list(tmp_path.rglob("*.ckpt"))


def the_error(answer: dict[str, Any]) -> str:
    """The one line of a fit that failed."""
    assert answer["code"] == 2
    assert "Traceback" not in answer["output"]
    (error,) = (line for line in answer["output"].splitlines() if line.startswith("error: cannot write "))
    return str(error)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> runs.Left:
    config = runs.make(tmp_path_factory.mktemp("undisturbed"))
    assert runs.fit(config) == 0
    return runs.left(config.parent)


# The whole run takes 920 kB. It is stopped by the curve, by a checkpoint, by the copy of the best one.
ROOMS = (60, 250, 350, 450, *(pytest.param(room, marks=pytest.mark.slow) for room in range(40, 900, 20)))


@pytest.mark.parametrize("room", ROOMS)
def test_a_disk_that_is_full(tmp_path: Path, killer: Killer, undisturbed: runs.Left, room: int) -> None:
    """A file system of so many kilobytes, in earnest. With more room the run goes on, and nothing is lost."""
    config = runs.make(tmp_path)
    answer = killer.run("fit", "--config", config, "--trainer.default_root_dir", tmp_path / "disk", room=1000 * room)
    if answer["code"] == NOT_HERE:
        pytest.skip(answer["output"].strip())
    assert "No space left on device" in the_error(answer)
    kept = tmp_path / "disk-kept"
    assert not list(kept.rglob("*.part"))
    for file in kept.rglob("*.ckpt"):
        checkpoint.load(file)
    assert last_of(kept).exists() or room < 250
    if last_of(kept).exists():
        elsewhere = ("--trainer.default_root_dir", kept)
        assert runs.fit(config, "--ckpt_path", last_of(kept), *elsewhere) == 0
        runs.assert_same(runs.left(kept), undisturbed)
    FIGURES["runs stopped by a full file system"] += 1


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
def test_fits_at_once(tmp_path: Path, killer: Killer, count: int) -> None:
    config = runs.make(tmp_path)
    answers = killer.together([("fit", "--config", config, "--seed_everything", seed) for seed in range(count)])
    assert [answer["code"] for answer in answers] == [0] * count, answers
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
