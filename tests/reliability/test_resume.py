"""A run that is stopped and resumed ends as one that never was: weights, curve, best checkpoint and submission."""

import json
import os
import re
import signal
from pathlib import Path
from typing import Any

import pytest

from letters_torch import checkpoint
from letters_torch.errors import UserError
from letters_torch.exact_sgd.threads import torch_threads
from letters_torch.lightning.module import LettersModule
from tests.reliability import runs
from tests.support import making, running

ENGINES = ("blocked", "autograd")
# In the first panel, at a check, inside a panel, at a stage's end, just behind it, one step before the end.
STOPS = (251, *(pytest.param(stop, marks=pytest.mark.slow) for stop in (1, 120, 233, 250, 370, 539)))


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, runs.Left]:
    result = {}
    for engine in ENGINES:
        folder = tmp_path_factory.mktemp(engine)
        assert runs.fit(runs.make(folder), "--model.engine", engine) == 0
        result[engine] = runs.left(folder)
        assert result[engine].step == runs.LAST
        assert [step for step, _ in result[engine].points["val/acc"]] == [0, 120, 240, 360, 480, 540]
    return result


def kept(folder: Path, pattern: str) -> Path:
    (file,) = (folder / "lightning_logs/version_0/checkpoints").glob(pattern)
    return file


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("stop", STOPS)
def test_a_run_resumed_once(tmp_path: Path, undisturbed: dict[str, runs.Left], engine: str, stop: int) -> None:
    config, engine_flag = runs.make(tmp_path), ("--model.engine", engine)
    assert runs.fit(config, *engine_flag, "--trainer.max_steps", stop) == 0
    last = kept(tmp_path, "last.ckpt")
    assert runs.fit(config, *engine_flag, "--ckpt_path", last) == 0
    runs.assert_same(runs.left(tmp_path), undisturbed[engine])


@pytest.mark.parametrize(("engine", "hidden"), [("blocked", 400), ("blocked", 1100), ("autograd", 400)])
def test_a_wide_run_resumed_with_other_numbers_of_threads(tmp_path: Path, engine: str, hidden: int) -> None:
    """785-400-26, and a network wide enough for five threads on any machine; autograd has one thread throughout."""
    model = {"schedule": runs.CONFIG["model"]["schedule"], "hidden": hidden, "engine": engine}
    whole, parts = (runs.make(tmp_path / name, model=model) for name in ("whole", "parts"))
    assert runs.fit(whole) == 0
    for stop, threads in ((120, 2), (233, 5), (366, 3), (runs.LAST, 1)):
        resume = ("--ckpt_path", "last") if stop > 120 else ()
        with torch_threads(1 if engine == "autograd" else threads):
            assert runs.fit(parts, "--trainer.max_steps", stop, *resume) == 0
    runs.assert_same(runs.left(parts.parent), runs.left(whole.parent))


@pytest.mark.parametrize("workers", [*(pytest.param(count, marks=pytest.mark.slow) for count in (0, 1)), 3])
def test_a_run_resumed_again_and_again(tmp_path: Path, undisturbed: dict[str, runs.Left], workers: int) -> None:
    config = runs.make(tmp_path)
    for count, stop in enumerate((7, 130, 131, 250, 466, runs.LAST)):
        resume = ("--ckpt_path", "last") if count else ()
        assert runs.fit(config, "--data.workers", workers, "--trainer.max_steps", stop, *resume) == 0
    runs.assert_same(runs.left(tmp_path), undisturbed["blocked"])


@pytest.mark.parametrize(
    "pattern", ["stage1-*.ckpt", pytest.param("stage2-*.ckpt", marks=pytest.mark.slow), "best-*.ckpt"]
)
@pytest.mark.parametrize("interrupted", [False, True], ids=["whole", "stopped again"])
def test_a_run_resumed_from_an_earlier_checkpoint(
    tmp_path: Path, undisturbed: dict[str, runs.Left], pattern: str, interrupted: bool
) -> None:
    """Also if it is stopped before its first check there: nothing of the first life may mix with the second."""
    config = runs.make(tmp_path)
    assert runs.fit(config) == 0
    earlier = kept(tmp_path, pattern)
    if interrupted:
        step = checkpoint.load(earlier)["letters_torch"]["step"]
        with_signal_after(step + 10, config, "--ckpt_path", earlier)
        earlier = kept(tmp_path, "last.ckpt")
    assert runs.fit(config, "--ckpt_path", earlier) == 0
    runs.assert_same(runs.left(tmp_path), undisturbed["blocked"])


def with_signal_after(step: int, config: Path, *args: object, which: int = signal.SIGINT) -> int:
    """A fit to which a signal comes as soon as this step is done; its exit code."""

    def on_train_batch_start(self: LettersModule, batch: Any, batch_idx: int) -> None:
        assert batch_idx >= 0
        if self.step <= step < self.step + len(batch.x):
            os.kill(os.getpid(), which)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LettersModule, "on_train_batch_start", on_train_batch_start)
        return runs.fit(config, *args)


@pytest.mark.parametrize(("which", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_saves_and_says_how_to_go_on(
    tmp_path: Path,
    undisturbed: dict[str, runs.Left],
    capsys: pytest.CaptureFixture[str],
    which: signal.Signals,
    code: int,
) -> None:
    config = runs.make(tmp_path)
    assert with_signal_after(130, config, which=which) == code
    last = kept(tmp_path, "last.ckpt")
    out = capsys.readouterr().out
    assert f"{which.name}: stopped after step 150; saved {last}" in out
    assert f"fit --ckpt_path {last}" in out
    assert with_signal_after(150, config, "--ckpt_path", last, which=which) == code
    assert runs.fit(config, "--ckpt_path", last) == 0
    runs.assert_same(runs.left(tmp_path), undisturbed["blocked"])


@pytest.mark.parametrize("stop", [*(pytest.param(stop, marks=pytest.mark.slow) for stop in (119, 233, 361)), 360])
def test_early_stopping_is_resumed_too(tmp_path: Path, stop: int) -> None:
    """A check that only a stopped run makes must not count for its patience."""
    patience = {
        "class_path": "pytorch_lightning.callbacks.EarlyStopping",
        "init_args": {"monitor": "val/acc", "mode": "max", "patience": 2, "min_delta": 0.2},
    }
    whole, parts = (runs.make(tmp_path / name, trainer={"callbacks": [patience]}) for name in ("whole", "parts"))
    assert runs.fit(whole) == 0
    expected = runs.left(whole.parent)
    assert [step for step, _ in expected.points["val/acc"]] == [0, 120, 240, 360]  # it did stop early
    assert runs.fit(parts, "--trainer.max_steps", stop) == 0
    for _ in range(2):  # resumed once it is over, it does not go on either
        assert runs.fit(parts, "--ckpt_path", kept(parts.parent, "last.ckpt")) == 0
        runs.assert_same(runs.left(parts.parent), expected)


def test_a_finished_run_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = runs.make(tmp_path, model={"panel": 20})
    assert runs.fit(config) == 0
    expected = runs.left(tmp_path)
    assert runs.fit(config, "--ckpt_path", kept(tmp_path, "last.ckpt")) == 0
    assert f"step {runs.LAST} is the last of this run" in capsys.readouterr().out
    runs.assert_same(runs.left(tmp_path), expected)


def test_what_a_run_came_to_is_set_aside(tmp_path: Path) -> None:
    config = runs.make(tmp_path)
    assert runs.fit(config) == 0
    before = {file.name: file.read_bytes() for file in (tmp_path / "lightning_logs/version_0/checkpoints").iterdir()}
    assert runs.fit(config, "--ckpt_path", kept(tmp_path, "stage1-*.ckpt"), "--trainer.max_steps", 260) == 0
    aside = {file.name: file.read_bytes() for file in (tmp_path / "lightning_logs/version_0/set_aside").iterdir()}
    assert {"last.ckpt", "stage2-step=540.ckpt"} <= aside.keys()
    assert all(before[name] == content for name, content in aside.items())


REFUSED: tuple[tuple[str, object], ...] = (
    ("--model.hidden", 20),
    ("--trainer.max_steps", 999),
    ("--data.path", "none.mat"),
    ("--data.path", "other.mat"),
    ("--data.transposed", "true"),
    ("--data.validation", 40),
    ("--data.scaling", "global"),
    ("--data.moments", "{slant: 0.5}"),
    ("--seed_everything", 4),
)


def test_a_resume_that_is_refused_changes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither in the run's folder nor, where it was to go on in another, there."""
    config = runs.make(tmp_path)
    assert runs.fit(config) == 0
    making.save_mat(tmp_path / "other.mat", {**(letters := runs.arrays()), "train_x": 255 - letters["train_x"]})
    before = {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    monkeypatch.chdir(tmp_path)
    earlier = kept(tmp_path, "stage1-*.ckpt")
    for flags in (*REFUSED, ("--seed_everything", 4, "--trainer.default_root_dir", "elsewhere")):
        error = runs.mistake(capsys, "fit", "--config", config, "--ckpt_path", earlier, *flags)
        assert str(flags[0]) in error
    assert {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()} == before


def test_a_resume_in_python_is_refused_too(tmp_path: Path) -> None:
    """Where no command line has looked at the checkpoint before Lightning does."""
    done = running.fit(tmp_path, enable_checkpointing=True, max_steps=120)
    last = kept(tmp_path, "last.ckpt")
    before = last.read_bytes()
    other = running.data_module(tmp_path / "letters_data.mat", seed=4)
    with pytest.raises(UserError, match=r"--seed_everything 4: .* started with 0"):
        done.trainer.fit(done.model, datamodule=other, ckpt_path=last)
    assert last.read_bytes() == before


def test_what_may_change_in_a_resumed_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A longer schedule, another rate to come, where the letters lie: said, and done."""
    config = runs.make(tmp_path)
    assert runs.fit(config, "--trainer.max_steps", 240) == 0
    moved = (tmp_path / "letters.mat").rename(tmp_path / "moved.mat")
    stages = [runs.CONFIG["model"]["schedule"][0], {"steps": 400, "lr": 1.0e-3, "weight_decay": 0.0}]
    changes = {"data.path": moved, "data.workers": 2, "model.schedule": json.dumps(stages), "trainer.pictures": "never"}
    capsys.readouterr()
    flags = [part for name, value in changes.items() for part in (f"--{name}", value)]
    assert runs.fit(config, "--ckpt_path", kept(tmp_path, "last.ckpt"), *flags) == 0
    out = capsys.readouterr().out
    assert "changed since the checkpoint: trainer.pictures is never, was stages\n" in out
    said = re.findall(r"changed since the checkpoint: (\S+) is", out)
    assert sorted(said) == sorted([*changes, "trainer.max_steps"])
    assert runs.left(tmp_path).step == 650
