"""The rules of a resume."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from letters_torch import checkpoint, resume
from letters_torch.data.augment import RollAndRotate
from letters_torch.data.datamodule import LettersDataModule
from letters_torch.data.moments import Moments
from letters_torch.errors import UserError
from tests.checkpoint.test_checkpoint import content
from tests.support.making import message
from tests.support.running import ROWS, data_module, save_letters

MOMENTS = Moments(5.0, 0.5, 0.5)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return save_letters(tmp_path / "letters_data.mat")


def state(path: Path, **settings: Any) -> dict[str, Any]:
    data: LettersDataModule = data_module(path, **settings)
    data.setup("fit")
    return data.state_dict()


PIXELS = "and its weights do not fit other pixels; give "
SPLIT = "with another, rows that it was trained on would be validation rows; give "
CHANGES: list[tuple[dict[str, Any], str, str, str]] = [
    ({"seed": 4}, "--seed_everything 4", "started with 3", SPLIT),
    ({"validation": 49}, "--data.validation 49", "started with 50", SPLIT),
    ({"scaling": "global"}, "--data.scaling global", "started with pixel", PIXELS),
    ({"moments": None}, "--data.moments null", "started with {spread: 5.0, slant: 0.5, aspect: 0.5}", PIXELS),
    ({"moments": Moments(5.5, 0.5, 0.5)}, "--data.moments {spread: 5.5, slant: 0.5, aspect: 0.5}", "5.0", PIXELS),
    ({"directions": True}, "--data.directions true", "started with false", PIXELS),
]


@pytest.mark.parametrize(("change", "flag", "began", "why"), CHANGES, ids=lambda value: str(value))
def test_a_run_goes_on_with_the_split_and_the_pixels_that_it_began_with(
    path: Path, change: dict[str, Any], flag: str, began: str, why: str
) -> None:
    settings: dict[str, Any] = {"seed": 3, "validation": 50, "scaling": "pixel", "moments": MOMENTS}
    saved = state(path, **settings)
    resume.require_same_data(saved, state(path, **settings, augment=RollAndRotate(), block=7, workers=0, probe="all"))
    with pytest.raises(UserError) as error:
        resume.require_same_data(saved, state(path, **{**settings, **change}))
    message(error, flag, began, why)


def test_a_run_goes_on_with_the_letters_that_it_began_with_wherever_they_are(path: Path, tmp_path: Path) -> None:
    saved = state(path)
    resume.require_same_data(saved, state(path.rename(tmp_path / "moved.mat")))
    other = state(save_letters(tmp_path / "other.mat", seed=9))
    with pytest.raises(UserError) as error:
        resume.require_same_data(saved, other)
    message(error, "--ckpt_path", "other.mat", "--data.path")


def test_other_letters_may_be_split_in_any_way(path: Path, tmp_path: Path) -> None:
    saved = state(path, seed=3)
    with pytest.raises(UserError):
        resume.require_same_split(saved, state(path, seed=4))
    resume.require_same_split(saved, state(save_letters(tmp_path / "other.mat", seed=9), seed=4, validation=20))


def test_a_step_beyond_the_schedule_is_refused() -> None:
    resume.require_step_in_schedule({"letters_torch": {"step": 2000}}, 2000)
    with pytest.raises(UserError) as error:
        resume.require_step_in_schedule({"letters_torch": {"step": 2001}}, 2000)
    message(
        error,
        "--ckpt_path: the run is at step 2,001, but model.schedule ends at step 2,000; lengthen a stage or add one",
    )


def at_step(file: Path, step: int) -> bytes:
    """Writes a checkpoint of this step."""
    whole = content(global_step=step)
    whole["letters_torch"]["step"] = step
    checkpoint.write(file, checkpoint.encode(whole))
    return file.read_bytes()


def test_a_folder_is_prepared_for_a_resume(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, aside = tmp_path / "checkpoints", tmp_path / resume.SET_ASIDE
    now, earlier = ("stage1-step=120.ckpt", "best-step=120-val_acc=0.5000.ckpt"), "stage0-step=50.ckpt"
    names = {"last.ckpt": 300, "stage2-step=200.ckpt": 200, **dict.fromkeys(now, 120), earlier: 50}
    written = {name: at_step(folder / name, step) for name, step in names.items()}
    resume.prepare_folder(folder / "stage1-step=120.ckpt", folder, 120)
    assert capsys.readouterr().out == f"resuming from step 120; later checkpoints are kept in {aside}\n"
    assert (folder / "last.ckpt").read_bytes() == written["stage1-step=120.ckpt"]
    assert {file.name for file in folder.iterdir()} == {"last.ckpt", *now, earlier}
    kept = {file.name: file.read_bytes() for file in aside.iterdir()}
    assert kept == {name: written[name] for name in ("last.ckpt", "stage2-step=200.ckpt")}


def test_a_checkpoint_of_another_folder_or_the_last_one_changes_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoints"
    last = at_step(folder / "last.ckpt", 300)
    at_step(tmp_path / "other" / "stage1-step=120.ckpt", 120)
    resume.prepare_folder(tmp_path / "other" / "stage1-step=120.ckpt", folder, 120)
    resume.prepare_folder(folder / "last.ckpt", folder, 300)
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == {"last.ckpt": last}
    assert not (tmp_path / resume.SET_ASIDE).exists()


def test_writers_that_were_replaced_are_another_split(path: Path, tmp_path: Path) -> None:
    """They may change where they decide nothing."""
    beside, writers = tmp_path / "train_writers.npy", np.arange(ROWS) // 5
    np.save(beside, writers)
    saved = {kind: state(path, validation_writers=kind) for kind in ("any", "unseen")}
    np.save(beside, np.roll(writers, 2))
    resume.require_same_data(saved["any"], state(path, validation_writers="any"))
    for require in (resume.require_same_data, resume.require_same_split):
        with pytest.raises(UserError) as error:
            require(saved["unseen"], state(path, validation_writers="unseen"))
        message(error, "validation rows are others", "train_writers")
