"""Run folders are numbered once, and found by their checkpoints."""

import os
from pathlib import Path

import pytest

from letters_torch import run_folder
from letters_torch.errors import UserError


def run(root: Path, name: str, *checkpoints: str) -> Path:
    folder = root / "lightning_logs" / name / "checkpoints"
    folder.mkdir(parents=True)
    for place, file in enumerate(checkpoints):
        (folder / file).touch()
        os.utime(folder / file, (place, place))
    return folder


def test_each_run_gets_the_next_number(tmp_path: Path) -> None:
    names = [run_folder.claim(tmp_path, name).name for name in (None, "first-try", None)]
    assert names == ["version_0", "version_1-first-try", "version_2"]


@pytest.mark.parametrize("name", ["a/b", "", "a b", "x" * 81])
def test_a_name_that_is_no_part_of_a_folders_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError) as error:
        run_folder.claim(tmp_path, name)
    assert str(error.value) == f"--name {name!r}: use letters, digits and the signs - _ . + =, at most 80"


def test_two_fits_cannot_write_into_the_same_folder(tmp_path: Path) -> None:
    lock = run_folder.lock(tmp_path)
    with pytest.raises(UserError) as error:
        run_folder.lock(tmp_path)
    assert str(error.value) == f"{tmp_path}: another fit is writing there; wait until it ends, or stop it"
    lock.release()
    run_folder.lock(tmp_path).release()


def test_the_last_and_the_best_checkpoint_of_the_newest_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(tmp_path, "version_9", "last.ckpt", "best-step=1-val_acc=0.1000.ckpt")
    folder = run(
        tmp_path, "version_10-x", "best-step=1-val_acc=0.1000.ckpt", "best-step=2-val_acc=0.2000.ckpt", "last.ckpt"
    )
    run(tmp_path, "version_11")
    best = folder / "best-step=2-val_acc=0.2000.ckpt"
    for named, file in ((None, best), ("best", best), ("last", folder / "last.ckpt"), (best, best)):
        assert run_folder.named_checkpoint(named, tmp_path) == file
        assert capsys.readouterr().out == f"checkpoint: {file}\n"


@pytest.mark.parametrize("which", ["last", "best"])
def test_without_a_run_the_error_says_how_to_get_one(tmp_path: Path, which: str) -> None:
    with pytest.raises(UserError) as error:
        run_folder.named_checkpoint(which, tmp_path)
    assert str(error.value) == (
        f"no run with a {which} checkpoint under {tmp_path / 'lightning_logs'}; train one with"
        " `python -m letters_torch fit`, or name a file with --ckpt_path"
    )
