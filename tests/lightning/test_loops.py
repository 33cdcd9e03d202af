"""The loops count steps: where validations are, and where the run ends."""

from pathlib import Path

import pytest

from letters_torch.lightning.logger import RunLogger
from letters_torch.lightning.module import LettersModule
from letters_torch.lightning.trainer import StepTrainer
from tests.support.running import HIDDEN, STAGES, Validations, data_module, fit, scalars, validations

TOTAL = sum(stage.steps for stage in STAGES)


@pytest.mark.parametrize(
    ("every", "expected"),
    [
        (50, [0, 50, 100, 150, 200]),
        (70, [0, 70, 140, 200]),
        (1000, [0, 200]),
        (None, [200]),
        (0.25, [0, 50, 100, 150, 200]),
        (0.3, [0, 60, 120, 180, 200]),
        (1.0, [0, 200]),
    ],
)
def test_validations_are_at_0_at_every_interval_and_at_the_last_step(
    tmp_path: Path, every: float | None, expected: list[int]
) -> None:
    steps, done = validations(tmp_path, val_check_interval=every)
    assert steps == expected
    assert done.trainer.global_step == done.model.step == TOTAL


@pytest.mark.parametrize("max_steps", [1, 33, 50, 120, 121, TOTAL])
def test_max_steps_is_the_last_step(tmp_path: Path, max_steps: int) -> None:
    steps, done = validations(tmp_path, max_steps=max_steps)
    assert done.trainer.global_step == max_steps
    assert steps == [*range(0, max_steps, 50), max_steps]


def test_a_float_interval_is_a_part_of_the_run(tmp_path: Path) -> None:
    assert validations(tmp_path, max_steps=80, val_check_interval=0.5)[0] == [0, 40, 80]


@pytest.mark.parametrize("block", [1, 7, 1000])
def test_blocks_do_not_move_the_validations(tmp_path: Path, block: int) -> None:
    assert validations(tmp_path, data={"block": block}, max_steps=60)[0] == [0, 50, 60]


def test_a_run_resumed_at_its_last_step_is_validated_there(tmp_path: Path) -> None:
    """The checkpoint of the last stage is written before the last validation."""
    fit(tmp_path, enable_checkpointing=True)
    seen = Validations()
    trainer = StepTrainer(default_root_dir=tmp_path, logger=False, callbacks=[seen], val_check_interval=50)
    file = tmp_path / f"lightning_logs/version_0/checkpoints/stage2-step={TOTAL}.ckpt"
    data = data_module(tmp_path / "letters_data.mat")
    trainer.fit(LettersModule(list(STAGES), hidden=HIDDEN), datamodule=data, ckpt_path=file)
    assert seen.steps == [TOTAL]


def test_curves_are_in_steps(tmp_path: Path) -> None:
    done = fit(tmp_path, logger=RunLogger(tmp_path))
    run = tmp_path / "lightning_logs" / "version_0"
    assert done.trainer.log_dir == str(run)
    curves = scalars(run)
    assert set(curves) == {"train/loss", "train/acc", "val/loss", "val/acc", "lr", "weight_decay"}
    for tag, curve in curves.items():
        expected = [0, 50, 100, 150, 200] if tag != "train/loss" else [50, 100, 150, 200]
        assert [step for step, _ in curve] == expected, tag
    # The settings of the step before the check: the second stage's from step 121 on.
    first, second = STAGES
    assert [value for _, value in curves["lr"]] == pytest.approx([first.lr] * 3 + [second.lr] * 2)
    decays = [value for _, value in curves["weight_decay"]]
    assert decays == pytest.approx([first.weight_decay] * 3 + [second.weight_decay] * 2)
    hparams = (run / "hparams.yaml").read_text()
    for wanted in (f"hidden: {HIDDEN}", "lr: 0.02", "seed: 0", "letters_data.mat"):
        assert wanted in hparams
