"""Fits in processes of their own: killed, signalled, out of room, several at once.

Those that are killed are of full size, 785-400-26. Resumed, they end as one that was not killed.
"""

import re
import signal
from pathlib import Path
from typing import Any

import pytest

from letters_torch import checkpoint
from tests.reliability import runs
from tests.reliability.figures import FIGURES
from tests.reliability.killing import MOMENTS, NOT_HERE, Killer, survive

# Long enough to be killed in, with a check, and so a checkpoint, every 20 steps.
SCHEDULE = [{"steps": steps, "lr": 3.0e-3, "weight_decay": 1.0e-4} for steps in (250, 390)]


def long_config(folder: Path, steps: int) -> Path:
    schedule = [SCHEDULE[0], {**SCHEDULE[1], "steps": steps - 250}]
    return runs.make(folder, model={"schedule": schedule, "hidden": 400}, trainer={"val_check_interval": 20})


def fitted(killer: Killer, config: Path, *args: object, **how: Any) -> None:
    answer = killer.run("fit", "--config", config, *args, **how)
    assert answer["code"] == (-signal.SIGKILL if how else 0), answer["output"]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, killer: Killer) -> runs.Left:
    config = long_config(tmp_path_factory.mktemp("undisturbed"), 640)
    fitted(killer, config)
    return runs.left(config.parent)


QUICK = ("half a checkpoint written", "validation logged, not saved")


@pytest.mark.parametrize("moment", [m if m in QUICK else pytest.param(m, marks=pytest.mark.slow) for m in MOMENTS])
def test_killed_at_the_worst_moment(tmp_path: Path, killer: Killer, undisturbed: runs.Left, moment: str) -> None:
    config = long_config(tmp_path, 640)
    fitted(killer, config, moment=moment, count=6)
    fitted(killer, config, "--ckpt_path", "last", moment=moment, count=1)
    fitted(killer, config, "--ckpt_path", "last")
    runs.assert_same(runs.left(tmp_path), undisturbed)


def test_killed_before_there_is_a_checkpoint(tmp_path: Path, killer: Killer) -> None:
    config = long_config(tmp_path, 640)
    fitted(killer, config, moment="half a checkpoint written", count=1)
    answer = killer.run("fit", "--config", config, "--ckpt_path", "last")
    assert answer["code"] == 2
    assert "error: no run with a last checkpoint" in answer["output"]


def test_killed_at_random(tmp_path: Path, killer: Killer, undisturbed: runs.Left) -> None:
    assert survive(killer, long_config(tmp_path, 640), kills=3, seed=1, longest=1.0).kills == 3
    runs.assert_same(runs.left(tmp_path), undisturbed)


@pytest.mark.slow
def test_killed_fifty_times(tmp_path: Path, killer: Killer) -> None:
    steps = 40_000  # more than 50 lives get through
    whole, killed = long_config(tmp_path / "whole", steps), long_config(tmp_path / "killed", steps)
    fitted(killer, whole)
    assert survive(killer, killed, kills=50, seed=2, longest=1.5).kills == 50
    runs.assert_same(runs.left(killed.parent), runs.left(whole.parent))


def test_a_signal_in_a_run(tmp_path: Path, killer: Killer) -> None:
    """In slow blocks too: it ends with the block at hand, of a thousand steps by autograd."""
    config = runs.endless(tmp_path, first=1000, engine="autograd", hidden=400)
    long_blocks = ("--data.block", 1000, "--trainer.val_check_interval", 100_000)
    first_block = runs.last_of(tmp_path).with_name("stage1-step=1000.ckpt")
    answer = killer.run("fit", "--config", config, *long_blocks, once=first_block, signal=signal.SIGTERM)
    assert answer["code"] == 143
    assert not {"error", "Traceback"} & set(re.findall(r"\w+", answer["output"]))
    step = checkpoint.load(runs.last_of(tmp_path))["letters_torch"]["step"]
    assert step % 1000 == 0
    assert f"SIGTERM: stopped after step {step:,}; saved {runs.last_of(tmp_path)}" in answer["output"]
    assert f"to resume: python -m letters_torch fit --ckpt_path {runs.last_of(tmp_path)}" in answer["output"]


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
def small(tmp_path_factory: pytest.TempPathFactory) -> runs.Left:
    config = runs.make(tmp_path_factory.mktemp("small"))
    assert runs.fit(config) == 0
    return runs.left(config.parent)


# The whole run takes 920 kB. It is stopped by the curve, by a checkpoint, by the copy of the best one.
ROOMS = (60, 250, 350, 450, *(pytest.param(room, marks=pytest.mark.slow) for room in range(40, 900, 20)))


@pytest.mark.parametrize("room", ROOMS)
def test_a_disk_that_is_full(tmp_path: Path, killer: Killer, small: runs.Left, room: int) -> None:
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
    assert runs.last_of(kept).exists() or room < 250
    if runs.last_of(kept).exists():
        elsewhere = ("--trainer.default_root_dir", kept)
        assert runs.fit(config, "--ckpt_path", runs.last_of(kept), *elsewhere) == 0
        runs.assert_same(runs.left(kept), small)
    FIGURES["runs stopped by a full file system"] += 1


@pytest.mark.parametrize("count", [2, pytest.param(5, marks=pytest.mark.slow)])
def test_fits_at_once(tmp_path: Path, killer: Killer, count: int) -> None:
    config = runs.make(tmp_path)
    answers = killer.together([("fit", "--config", config, "--seed_everything", seed) for seed in range(count)])
    assert [answer["code"] for answer in answers] == [0] * count, answers
    folders = sorted((tmp_path / "lightning_logs").glob("version_*"))
    assert [folder.name for folder in folders] == [f"version_{n}" for n in range(count)]
    seeds = set()
    for folder in folders:
        assert len(list(folder.glob("events.*"))) == 1
        assert [step for step, _ in runs.points(folder)["val/acc"]] == [0, 120, 240, 360, 480, 540]
        seeds.add((folder / "config.yaml").read_text().split("seed_everything: ")[1].split()[0])
    assert len(seeds) == count
