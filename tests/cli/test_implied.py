"""Which config a command uses."""

from pathlib import Path

import pytest
import torch
import yaml

from letters_torch.data.readers import kaggle
from tests.support.commands import LAST, RUN, by_hand, printed, said
from tests.support.running import CONFIG, HIDDEN, refused


@pytest.mark.parametrize("name", ["mine", "mine.yaml", "kaggle", "quick.yaml"])
def test_bare_config_names(folder: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    """In the current folder, in its configs/, or with the package: from any folder."""
    (folder / "configs").mkdir()
    (folder / "configs/mine.yaml").write_text(yaml.safe_dump(CONFIG))
    shown = yaml.safe_load(printed(capsys, "fit", "--config", name))
    assert shown["model"]["hidden"] == (HIDDEN if "mine" in name else 400)


def test_the_current_folders_config_comes_before_the_shipped_one(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "kaggle.yaml").write_text(yaml.safe_dump(CONFIG))
    shown = yaml.safe_load(printed(capsys, "fit", "--config=kaggle"))
    assert shown["model"]["hidden"] == HIDDEN


def best(run: Path = RUN) -> Path:
    [file] = (run / "checkpoints").glob("best-*.ckpt")
    return file


@pytest.fixture
def resumed(folder: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """The current folder with a run that was resumed once, from weights that are not its best."""
    said(capsys, "fit", "--config", "small.yaml", "--trainer.max_steps", "50")
    said(capsys, "fit", "--config", "small.yaml", "--ckpt_path", "last")
    return folder


@pytest.mark.parametrize("start", ["last", "best", str(LAST)])
def test_after_a_resume_a_bare_command_reads_the_best(
    folder: Path, capsys: pytest.CaptureFixture[str], start: str
) -> None:
    """Not the checkpoint resumed from, which may be replaced by now."""
    said(capsys, "fit", "--config", "small.yaml", "--trainer.max_steps", "50")
    first = best()
    said(capsys, "fit", "--config", "small.yaml", "--ckpt_path", start)
    assert best() != first
    assert f"checkpoint: {best()}\n" in said(capsys, "predict")
    readings = [int(line.split(",")[1]) for line in (folder / "result.csv").read_text().splitlines()[1:]]
    assert readings == by_hand(best())
    for command in ("validate", "report"):
        assert f"checkpoint: {best()}\n" in said(capsys, command)


@pytest.mark.usefixtures("resumed")
def test_the_checkpoint_resumed_from_is_not_saved(capsys: pytest.CaptureFixture[str]) -> None:
    assert "ckpt_path" not in yaml.safe_load((RUN / "config.yaml").read_text())
    assert "last.ckpt" not in (RUN / "config.yaml").read_text()


@pytest.mark.usefixtures("resumed")
def test_a_resumed_runs_config_repeats_it(capsys: pytest.CaptureFixture[str]) -> None:
    """In a new folder, from the first step, to the same weights."""
    lines = said(capsys, "fit", "--config", str(RUN / "config.yaml")).splitlines()
    assert any(line.startswith("step 0:") for line in lines)
    again = torch.load("lightning_logs/version_1/checkpoints/last.ckpt", weights_only=True)["state_dict"]
    for name, value in torch.load(LAST, weights_only=True)["state_dict"].items():
        assert torch.equal(again[name], value)


@pytest.mark.parametrize("command", ["validate", "predict", "report", "explain"])
@pytest.mark.usefixtures("trained")
def test_every_command_names_the_checkpoint_that_it_reads(capsys: pytest.CaptureFixture[str], command: str) -> None:
    for named, file in (("last", LAST), ("best", best()), (str(LAST), LAST)):
        assert f"checkpoint: {file}\n" in said(capsys, command, "--ckpt_path", named)


def test_a_run_is_used_from_another_folder(
    trained: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The paths in its config mean the same there."""
    (trained / "elsewhere").mkdir()
    monkeypatch.chdir(trained / "elsewhere")
    said(capsys, "predict", "--ckpt_path", "../" + str(LAST))
    said(capsys, "fit", "--config", f"../{RUN}/config.yaml", "--trainer.max_steps", "50")
    assert Path("lightning_logs/version_0/checkpoints/last.ckpt").exists()
    readings = [int(line.split(",")[1]) for line in Path("result.csv").read_text().splitlines()[1:]]
    monkeypatch.chdir(trained)
    assert readings == by_hand(LAST)
    assert len(kaggle.read(Path("letters_data.mat")).test) == len(readings)


def test_a_run_whose_folder_was_moved_is_resumed_where_it_is(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its config names the folder that it began in."""
    said(capsys, "fit", "--config", "small.yaml", "--trainer.max_steps", "50", "--trainer.default_root_dir", "first")
    Path("first").rename("second")
    moved = Path("second") / RUN
    said(capsys, "fit", "--ckpt_path", str(moved / "checkpoints/last.ckpt"), "--trainer.max_steps", "100")
    assert not Path("first").exists()
    assert [each.name for each in moved.parent.glob("version_*")] == ["version_0"]
    assert torch.load(moved / "checkpoints/last.ckpt", weights_only=True)["global_step"] == 100


@pytest.mark.usefixtures("trained")
def test_a_run_of_an_earlier_version_is_resumed(capsys: pytest.CaptureFixture[str]) -> None:
    """Its config.yaml has a setting of Lightning's that is no longer offered, as null."""
    config = RUN / "config.yaml"
    config.write_text(config.read_text().replace("trainer:\n", "trainer:\n  plugins: null\n"))
    assert "is the last of this run" in said(capsys, "fit", "--ckpt_path", "last")
    assert "ended at step 200" in said(capsys, "fit", "--config", str(config))


@pytest.mark.parametrize("text", ["a: [", "", "model: {hidden: 6, hidden: 7}\n", "modle: {}\n"])
@pytest.mark.usefixtures("trained")
def test_a_broken_config_of_a_run(capsys: pytest.CaptureFixture[str], text: str) -> None:
    (RUN / "config.yaml").write_text(text)
    for command in ("predict", "report"):
        assert str(RUN / "config.yaml") in refused(capsys, command)


@pytest.mark.parametrize("text", ["model: [1\n", "- 1\n", ""])
def test_a_run_whose_config_was_damaged_is_resumed_with_another(
    folder: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    said(capsys, "fit", "--config", "small.yaml", "--trainer.max_steps", "50")
    (RUN / "config.yaml").write_text(text)
    assert "changed since" not in said(capsys, "fit", "--config", "small.yaml", "--ckpt_path", str(LAST))
    assert yaml.safe_load((RUN / "config.yaml").read_text())["model"]["hidden"] == HIDDEN


def test_a_number_that_was_written_in_another_way_is_no_change(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said(capsys, "fit", "--config", "small.yaml", "--trainer.max_steps", "50")
    config = RUN / "config.yaml"
    config.write_text(config.read_text().replace("lr: 0.02", "lr: 2e-2"))
    told = said(capsys, "fit", "--config", "small.yaml", "--ckpt_path", str(LAST))
    assert "changed since the checkpoint: trainer.max_steps is -1, was 50" in told
    assert "model.schedule" not in told
