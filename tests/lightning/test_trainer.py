"""The trainer counts single-sample steps, and means what it is told."""

from pathlib import Path
from typing import Any

import pytest
import torch
from pytorch_lightning import callbacks
from pytorch_lightning.callbacks import EarlyStopping, ModelCheckpoint
from pytorch_lightning.plugins import HalfPrecision, MixedPrecision

from letters_torch.errors import UserError
from letters_torch.exact_sgd.schedule import Stage
from letters_torch.lightning.trainer import StepTrainer, _accelerator
from tests.support.making import message
from tests.support.running import PROBE, ROWS, STAGES, VALIDATION, Validations, fit, validations

TOTAL = sum(stage.steps for stage in STAGES)


def test_max_steps_beyond_the_schedule(tmp_path: Path) -> None:
    with pytest.raises(UserError) as error:
        fit(tmp_path, max_steps=TOTAL + 1)
    message(error, "--trainer.max_steps", TOTAL + 1, TOTAL, "model.schedule")


REFUSED: list[dict[str, Any]] = [
    {"max_epochs": 3},
    {"devices": 2},
    {"devices": "2"},
    {"devices": [0, 1]},
    {"precision": "16-mixed"},
    {"precision": "bf16-true"},
    {"precision": 16},
    {"val_check_interval": 0},
    {"val_check_interval": -5},
    {"val_check_interval": 0.0},
    {"val_check_interval": 1.5},
    {"limit_train_batches": 3},
    {"limit_train_batches": 0.5},
    {"overfit_batches": 1},
    {"min_steps": 10},
    {"num_nodes": 2},
    {"val_check_interval": float("nan")},
    {"min_epochs": 1},
    {"check_val_every_n_epoch": 2},
    {"reload_dataloaders_every_n_epochs": 1},
]


EPOCHS = "{value}: a run is measured in steps, not in epochs; set --trainer.max_steps or --trainer.val_check_interval"
CHAIN = "{value}: single-sample SGD is one chain of steps; use 1 "
SAYS = {
    **dict.fromkeys(("limit_train_batches", "overfit_batches", "min_steps", "min_epochs", "max_epochs"), EPOCHS),
    **dict.fromkeys(("check_val_every_n_epoch", "reload_dataloaders_every_n_epochs"), EPOCHS),
    "devices": CHAIN + "device",
    "num_nodes": CHAIN + "node",
    "precision": "{value}: updates are exact in 32-true or 64-true only",
}


@pytest.mark.parametrize("setting", REFUSED, ids=str)
def test_settings_that_cannot_mean_anything_are_refused(setting: dict[str, Any]) -> None:
    with pytest.raises(UserError) as error:
        StepTrainer(**setting)
    [(name, value)] = setting.items()
    message(error, f"--trainer.{name}", SAYS.get(name, "").format(value=value))
    if name == "val_check_interval":
        above = f"{value} is a fraction of the run, so at most 1.0; give steps as a whole number"
        message(error, above if value == 1.5 else f"must be more than 0, not {value}")


@pytest.mark.parametrize("plugin", [MixedPrecision("bf16-mixed", "cpu"), HalfPrecision()], ids=type)
def test_a_plugin_of_another_precision_is_refused(plugin: Any) -> None:
    said = f"--trainer.plugins {type(plugin).__name__}: updates are exact in 32-true or 64-true only"
    for given in (plugin, [plugin]):
        with pytest.raises(UserError) as error:
            StepTrainer(plugins=given)
        assert str(error.value) == said


OF_BATCHES = [
    callbacks.BackboneFinetuning(),
    callbacks.BatchSizeFinder(),
    callbacks.GradientAccumulationScheduler({0: 2}),
    callbacks.LearningRateFinder(),
    callbacks.ModelPruning("l1_unstructured", amount=0.5),
    callbacks.SpikeDetection(),
    callbacks.StochasticWeightAveraging(0.01),
]


@pytest.mark.parametrize("callback", OF_BATCHES, ids=type)
def test_a_callback_for_batches_is_refused(callback: Any) -> None:
    with pytest.raises(UserError) as error:
        StepTrainer(callbacks=[callback])
    assert str(error.value) == (
        f"--trainer.callbacks {type(callback).__name__}: it changes an optimizer's batches, and a step here is one"
        " single-sample update; leave it out"
    )


@pytest.mark.parametrize(
    "setting", [{"devices": 1}, {"devices": "auto"}, {"max_epochs": -1}, {"precision": 32}, {"precision": "64-true"}]
)
def test_what_changes_nothing_is_taken(setting: dict[str, Any]) -> None:
    trainer = StepTrainer(accelerator="cpu", logger=False, **setting)
    assert trainer.num_devices == 1


def test_a_probe_of_a_part_and_of_all(tmp_path: Path) -> None:
    for probe, rows in ((PROBE, PROBE), ("all", ROWS - VALIDATION)):
        seen = Validations()
        fit(tmp_path, callbacks=[seen], max_steps=10, data={"probe": probe})
        assert seen.rows == [VALIDATION, rows]


def test_early_stopping_stops(tmp_path: Path) -> None:
    still = (Stage(1000, 0.0),)  # nothing is learned, so nothing gets better
    stopper = EarlyStopping("val/acc", patience=3, mode="max", check_finite=True)
    done = fit(tmp_path, stages=still, callbacks=[stopper])
    assert done.trainer.global_step == 150


def test_lightnings_own_checkpoint_callback_works_in_steps(tmp_path: Path) -> None:
    keeper = ModelCheckpoint(tmp_path / "mine", "{step}", monitor="val/acc", mode="max", save_top_k=-1)
    fit(tmp_path, callbacks=[keeper], enable_checkpointing=True)
    assert {file.name for file in (tmp_path / "mine").iterdir()} == {f"step={n}.ckpt" for n in range(50, 201, 50)}


@pytest.mark.filterwarnings("ignore:Using ModelCheckpoint with manual optimization")  # it keeps weights after the step
@pytest.mark.parametrize("data", [{}, {"workers": 2}, {"block": 7}], ids=str)
def test_lightnings_own_checkpoints_every_few_steps(tmp_path: Path, data: dict[str, Any]) -> None:
    """Blocks end there: else a checkpoint would be left out wherever none does."""
    keeper = ModelCheckpoint(tmp_path / "mine", "{step}", every_n_train_steps=30, save_top_k=-1)
    fit(tmp_path, callbacks=[keeper], data=data, enable_checkpointing=True)
    assert {file.name for file in (tmp_path / "mine").iterdir()} == {f"step={n}.ckpt" for n in range(30, 200, 30)}


def test_a_dry_run_is_short_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = fit(tmp_path, fast_dev_run=True, logger=True, enable_checkpointing=True)
    assert 0 < done.trainer.global_step < TOTAL
    assert [file.name for file in tmp_path.iterdir()] == ["letters_data.mat"]


def test_no_logger_no_checkpoints_no_bar_leave_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = fit(tmp_path, enable_progress_bar=False)
    assert done.trainer.global_step == TOTAL
    assert [file.name for file in tmp_path.iterdir()] == ["letters_data.mat"]


def test_no_logger_still_keeps_checkpoints(tmp_path: Path) -> None:
    fit(tmp_path, enable_checkpointing=True)
    assert (tmp_path / "lightning_logs" / "version_0" / "checkpoints" / "last.ckpt").exists()


@pytest.mark.parametrize(("limit", "rows"), [(1, [16, 16]), (0.5, [32, 32]), (1.0, [VALIDATION, PROBE])])
def test_limit_val_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: float, rows: list[int]) -> None:
    monkeypatch.setattr("letters_torch.data.datamodule.CHUNK", 16)
    seen = Validations()
    fit(tmp_path, callbacks=[seen], limit_val_batches=limit, max_steps=10)
    assert seen.rows == rows


def test_without_any_checks_the_run_is_still_trained(tmp_path: Path) -> None:
    steps, done = validations(tmp_path, limit_val_batches=0)
    assert steps == []
    assert torch.equal(done.model.V, fit(tmp_path).model.V)


@pytest.mark.parametrize(
    ("named", "used", "said"),
    [
        (
            "auto",
            "cpu",
            "computing on the CPU, the fastest for single-sample steps; --trainer.accelerator gpu works too\n",
        ),
        ("gpu", "gpu", "computing on gpu: single-sample steps are slower there than on the CPU\n"),
        ("cpu", "cpu", ""),
    ],
)
def test_what_is_said_of_another_device(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], named: str, used: str, said: str
) -> None:
    monkeypatch.setattr("letters_torch.lightning.trainer.CUDAAccelerator.is_available", lambda: True)
    assert _accelerator(named) == used
    assert capsys.readouterr().out == said
