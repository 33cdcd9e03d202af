"""A run that is killed ends, once it is resumed, as one that was not: the network of 785-400-26, as it is trained."""

import signal
from pathlib import Path
from typing import Any

import pytest

from tests.reliability import runs
from tests.reliability.killing import MOMENTS, Killer, survive

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


QUICK = ("half a checkpoint written", "check logged, not saved")


@pytest.mark.parametrize("moment", [m if m in QUICK else pytest.param(m, marks=pytest.mark.slow) for m in MOMENTS])
def test_killed_at_the_worst_moment(tmp_path: Path, killer: Killer, undisturbed: runs.Left, moment: str) -> None:
    config = long_config(tmp_path, 640)
    fitted(killer, config, moment=moment, count=12)
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
    steps = 5000
    whole, killed = long_config(tmp_path / "whole", steps), long_config(tmp_path / "killed", steps)
    fitted(killer, whole)
    assert survive(killer, killed, kills=50, seed=2, longest=2.0).kills == 50
    runs.assert_same(runs.left(killed.parent), runs.left(whole.parent))
