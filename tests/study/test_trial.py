"""A trial is a fit: the same bits, whether it runs through, is cut off, or goes on somewhere else."""

import json
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from letters_torch.cli import main
from letters_torch.lightning.module import LettersModule
from letters_torch.study import outcome, trial
from letters_torch.study.study_file import Trial
from tests.study.small import assert_same_weights, run, study
from tests.support.running import scalars

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*configure_optimizers.*:UserWarning",
    r"ignore:\s*(By default only one Jsonargparse|.+ was deprecated in v4):DeprecationWarning",
)


@pytest.fixture
def one(tmp_path: Path) -> Trial:
    found = study(tmp_path)
    return Trial(found.settings[-1], 3)


def by_hand(one: Trial, folder: Path, run_folder: Path) -> Path:
    """The same by `fit`, from the trial's config.yaml."""
    main(["fit", "--config", str(run_folder / "config.yaml"), "--trainer.default_root_dir", str(folder)])
    return folder / "lightning_logs/version_0"


def test_a_trial_ends_in_the_bits_of_a_fit_by_hand(tmp_path: Path, one: Trial) -> None:
    result = run(tmp_path / "study", one)
    folder = outcome.folder_of(tmp_path / "study", one)
    assert (result.status, result.steps) == (outcome.FINISHED, 200)
    hand = by_hand(one, tmp_path / "hand", folder)
    assert_same_weights(folder, hand)
    curves = scalars(hand)
    assert result.curves["val/acc"] == [(step, pytest.approx(value)) for step, value in curves["val/acc"]]
    assert result.last("val/acc") == result.curves["val/acc"][-1][1]
    assert {file.name for file in (hand / "checkpoints").glob("*.ckpt")} == {
        file.name for file in (folder / "checkpoints").glob("*.ckpt")
    }


@pytest.mark.parametrize("steps", [70, 100, 200], ids=["between checks", "after a check", "before the result"])
def test_a_trial_that_was_cut_off_goes_on_from_its_last_checkpoint(
    tmp_path: Path, one: Trial, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    straight = run(tmp_path / "straight", one)
    begun: list[int] = []
    update = LettersModule._update

    def cut_off(module: LettersModule, block: Any) -> None:
        if block.first_step + len(block.x) > steps:
            raise KeyboardInterrupt  # Lightning saves nothing more
        update(module, block)

    def counted(module: LettersModule, block: Any) -> None:
        begun.append(block.first_step)
        update(module, block)

    if steps < 200:
        with monkeypatch.context() as patch:
            patch.setattr(LettersModule, "_update", cut_off)
            with pytest.raises((KeyboardInterrupt, SystemExit)):
                run(tmp_path / "cut", one)
    else:  # the process died after the last checkpoint
        run(tmp_path / "cut", one)
        (outcome.folder_of(tmp_path / "cut", one) / outcome.RESULT).unlink()
    assert outcome.result_of(tmp_path / "cut", one) is None
    monkeypatch.setattr(LettersModule, "_update", counted)
    result = run(tmp_path / "cut", one)
    assert (begun[0] if begun else 200) == steps - steps % 50  # a check at every 50 steps
    assert (result.status, result.steps, result.curves) == (straight.status, straight.steps, straight.curves)
    assert_same_weights(*(outcome.folder_of(tmp_path / name, one) for name in ("straight", "cut")))


def test_a_run_leaves_the_key_of_its_folder(tmp_path: Path, one: Trial) -> None:
    before = one.key
    run(tmp_path, one)
    assert one.key == before


def test_a_finished_trial_is_not_run_again(tmp_path: Path, one: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    first = run(tmp_path, one)
    monkeypatch.setattr(trial, "_fit", None)
    assert run(tmp_path, one) == first == outcome.result_of(tmp_path, one)


def test_a_trial_that_diverges_is_a_result(tmp_path: Path) -> None:
    [_, wild] = study(tmp_path, vary=None, cases={"wild": {"model.schedule.0.lr": 1e4}}).settings
    result = run(tmp_path, Trial(wild, 0))
    assert result.status == outcome.DIVERGED
    assert result.is_final
    assert result.last("val/acc") is None
    assert "learning rate 10000" in result.message


def test_a_trial_that_fails_is_tried_again(tmp_path: Path, one: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(trial, "_fit", full)
        result = run(tmp_path, one)
    assert (result.status, result.is_final) == (outcome.FAILED, False)
    assert "No space left" in result.message
    assert "Traceback" in (outcome.folder_of(tmp_path, one) / "error.txt").read_text()
    assert run(tmp_path, one).status == outcome.FINISHED


def test_a_damaged_result_counts_for_nothing(tmp_path: Path, one: Trial) -> None:
    run(tmp_path, one)
    file = outcome.folder_of(tmp_path, one) / outcome.RESULT
    for text in ("", "{", "[]", json.dumps({"status": "finished"}), json.dumps({"curves": {}, "odd": 1})):
        file.write_text(text)
        assert outcome.result_of(tmp_path, one) is None


def test_tensorboards_hparams_tab_shows_the_trial(tmp_path: Path, one: Trial) -> None:
    run(tmp_path, one)
    events = EventAccumulator(str(outcome.folder_of(tmp_path, one))).Reload()
    content = events.PluginTagToContent("hparams")
    shown = content["_hparams_/session_start_info"]
    assert b"data.moments" in shown
    assert b"seed" in shown
    assert b"data/block" not in shown  # as of all runs that are shown beside it
    assert b"val/acc" in content["_hparams_/experiment"]


def test_a_second_attempt_waits_for_the_first(tmp_path: Path, one: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = outcome.folder_of(tmp_path, one)
    folder.mkdir(parents=True)
    monkeypatch.setattr(trial, "WAIT", 0.2)
    with (
        FileLock(folder / ".trial.lock"),
        pytest.raises(Exception, match=r"another process has been training there for 0\.2 s; stop it"),
    ):
        run(tmp_path, one)
    assert run(tmp_path, one).status == outcome.FINISHED
