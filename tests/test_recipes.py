"""Learning rates that change at every step: in both engines, through a resume, in the configs that use them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from letters_torch import checkpoint, config_files
from letters_torch.cli import main
from letters_torch.exact_sgd.blocked import Blocked
from letters_torch.exact_sgd.one_at_a_time import OneAtATime
from letters_torch.exact_sgd.schedule import Schedule, Stage
from letters_torch.lightning.module import LettersModule
from letters_torch.lightning.trainer import StepTrainer
from tests.support.running import HIDDEN, data_module, fit, save_letters
from tests.support.updates import apart, problem, random_cuts

# What Lightning tells of itself: that there is no optimizer of its own, and how it asks torch.
pytestmark = pytest.mark.filterwarnings(
    "ignore:.*configure_optimizers.*:UserWarning", "ignore:.isinstance.treespec, LeafSpec.. is deprecated:FutureWarning"
)

RAMPS = (Stage(70, 0.0, 0.01, lr_end=0.03), Stage(430, 0.03, 0.02, lr_end=0.001), Stage(250, 0.005, 0.1, lr_end=0.0))
EXACT = 1e-10


@pytest.mark.parametrize("compiled", [False, True], ids=["plain", "compiled"])
def test_a_ramp_by_blocks_is_a_plain_loop(compiled: bool) -> None:
    schedule = Schedule(RAMPS)
    task = problem(schedule.rates(0, schedule.total))
    reference = task.train(OneAtATime())
    assert apart(task.train(Blocked(compiled=compiled)), reference) < EXACT
    assert apart(task.train(Blocked(compiled=compiled), random_cuts(schedule.total, seed=1)), reference) < EXACT
    level = problem(Schedule([Stage(s.steps, s.lr, s.weight_decay) for s in RAMPS]).rates(0, schedule.total))
    assert apart(level.train(Blocked(compiled=compiled)), reference) > 1e-3  # the ramps make a difference


@pytest.mark.parametrize("cut", [35, 100, 333, 501, 749])
def test_a_run_taken_up_in_a_ramp_ends_in_the_same_bits(tmp_path: Path, cut: int) -> None:
    whole = fit(tmp_path, stages=RAMPS).model
    first = fit(tmp_path, stages=RAMPS, max_steps=cut)
    first.trainer.save_checkpoint(tmp_path / "cut.ckpt")
    rest = LettersModule(list(RAMPS), hidden=HIDDEN, seed=1)  # other weights, until it has read the checkpoint
    settings: dict[str, Any] = {"logger": False, "enable_checkpointing": False, "accelerator": "cpu"}
    trainer = StepTrainer(default_root_dir=tmp_path, val_check_interval=50, **settings)  # 50, as in `fit`
    trainer.fit(rest, datamodule=data_module(tmp_path / "letters_data.mat"), ckpt_path=tmp_path / "cut.ckpt")
    assert rest.step == whole.step == sum(stage.steps for stage in RAMPS)
    assert torch.equal(rest.V, whole.V)
    assert torch.equal(rest.W, whole.W)


def test_what_is_logged_is_the_rate_of_the_last_step_done(tmp_path: Path) -> None:
    done = fit(tmp_path, stages=RAMPS, max_steps=200)
    expected = Schedule(RAMPS).rates(199, 1).lr[0]
    assert done.trainer.logged_metrics["lr"].item() == pytest.approx(expected)
    assert not np.isclose(expected, Schedule(RAMPS).rates(200, 1).lr[0], rtol=1e-4)


def test_the_ramps_are_among_the_hyperparameters() -> None:
    saved = LettersModule(list(RAMPS), hidden=HIDDEN).hparams["schedule"]
    assert [Stage(**stage) for stage in yaml.safe_load(yaml.safe_dump(saved))] == list(RAMPS)


@pytest.mark.parametrize(("config", "most"), [("best-438k", 438_000), ("best", 5_000_000)])
def test_the_configs_train_the_notebooks_network_down_to_a_learning_rate_of_0(config: str, most: int) -> None:
    settings = yaml.safe_load(config_files.find(config).read_text())
    schedule = Schedule([Stage(**stage) for stage in settings["model"]["schedule"]])
    assert schedule.total <= most
    assert schedule.stages[-1].lr_end == 0
    assert settings["model"]["hidden"] == 400


@pytest.mark.parametrize("config", ["best-438k", "best"])
def test_the_configs_train(config: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    save_letters(tmp_path / "letters_data.mat")
    quickly = ["--data.validation", "50", "--trainer.accelerator", "cpu", "--trainer.max_steps", "2_100"]
    main(["fit", "--config", config, "--data.path", "letters_data.mat", *quickly])
    (last,) = tmp_path.glob("**/last.ckpt")
    assert checkpoint.load(last)["letters_torch"]["step"] == 2_100
    (saved,) = tmp_path.glob("**/hparams.yaml")
    assert "lr_end: 0.0" in saved.read_text()
