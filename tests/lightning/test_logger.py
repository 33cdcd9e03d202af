"""What the logger of a run writes beside the curves, and the run's name."""

import errno
import os
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import metadata, plugin_data_pb2

from letters_torch import metrics_csv, run_folder
from letters_torch.errors import UserError
from letters_torch.lightning.logger import RunLogger
from letters_torch.metrics_csv import MetricsCsv
from tests.support.making import message
from tests.support.running import HIDDEN, fit, scalars


@pytest.fixture(scope="module", params=["last.ckpt", "stage1-step=120.ckpt"])
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run, resumed once: from its last step, which was validated, or from an earlier one."""
    folder = tmp_path_factory.mktemp("logger")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        settings: dict[str, Any] = {"logger": True, "enable_checkpointing": True, "run_name": "wide"}
        first = fit(folder, max_steps=150, **settings)
        file = first.trainer.run_checkpoints.folder / request.param  # type: ignore[union-attr]
        again = fit(folder, max_steps=1, **settings)  # only for a new trainer, module and data
        again.trainer.fit_loop.epoch_loop.max_steps = -1
        second = type(first.trainer)(
            default_root_dir=folder, val_check_interval=50, accelerator="cpu", pictures="never", run_name="other"
        )
        second.fit(again.model, datamodule=again.data, ckpt_path=file)
    return folder / "lightning_logs/version_0-wide"


def test_a_run_has_its_name_and_keeps_it(run: Path) -> None:
    assert run.is_dir()
    assert sorted(each.name for each in run.parent.glob("version_*")) == ["version_0-wide", "version_1-wide"]


def test_the_table_holds_the_points_of_tensorboard(run: Path) -> None:
    rows = metrics_csv.read(run / "metrics.csv")
    for name, points in scalars(run).items():
        table = [(int(row["step"]), pytest.approx(row[name], rel=1e-6)) for row in rows if name in row]
        assert table == points, name
    assert [int(row["step"]) for row in rows] == [0, 50, 100, 150, 200]
    assert [row["seconds"] for row in rows] == sorted(row["seconds"] for row in rows)


def test_the_events_of_a_resumed_run_come_after_those_that_are_there(tmp_path: Path) -> None:
    """TensorBoard reads the files in the order of their names, which begin with the second of their making."""
    (tmp_path / "lightning_logs/version_0").mkdir(parents=True)
    there = tmp_path / f"lightning_logs/version_0/events.out.tfevents.{int(time.time())}.zzz.1.0"
    there.touch()
    logger = RunLogger(tmp_path, there.parent)
    logger.log_metrics({"val/acc": 0.5}, 10)
    logger.finalize("success")
    [new] = [file for file in there.parent.glob("events.*") if file != there]
    assert new.name > there.name


def test_the_text_tab_shows_the_settings(run: Path) -> None:
    events = EventAccumulator(str(run)).Reload()
    [text] = {event.tensor_proto.string_val[0].decode() for event in events.Tensors("settings/text_summary")}
    settings = yaml.safe_load("\n".join(line.removeprefix("    ") for line in text.splitlines()))
    assert settings["hidden"] == HIDDEN
    assert [stage["steps"] for stage in settings["schedule"]] == [120, 80]
    assert all(line.startswith("    ") for line in text.splitlines())  # Markdown shows it as it is


def test_the_hparams_tab_names_settings_and_metrics(run: Path) -> None:
    events = EventAccumulator(str(run)).Reload()
    content = events.SummaryMetadata(metadata.EXPERIMENT_TAG).plugin_data.content
    experiment = metadata.parse_experiment_plugin_data(content)
    names = {info.name for info in experiment.hparam_infos}
    assert names >= {"hidden", "seed", "letters"}
    assert any(name.startswith("schedule") for name in names)
    assert {info.name.tag for info in experiment.metric_infos} == {"val/acc", "val/loss", "train/acc", "train/loss"}
    start = metadata.parse_session_start_info_plugin_data(
        events.SummaryMetadata(metadata.SESSION_START_INFO_TAG).plugin_data.content
    )
    assert isinstance(start, plugin_data_pb2.SessionStartInfo)
    assert start.hparams["hidden"].number_value == HIDDEN


@pytest.mark.parametrize("name", ["a/b", "..\\x", "", "x" * 81, "new\nline", "with space"])
def test_a_name_that_no_folder_can_have(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError) as error:
        run_folder.claim(tmp_path, name)
    message(error, "--name", "use letters, digits")
    assert not list(tmp_path.iterdir())


def test_a_curve_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(MetricsCsv, "log", full)
    with pytest.raises(UserError) as error:
        fit(tmp_path, logger=True, enable_checkpointing=True)
    folder = tmp_path / "lightning_logs/version_0"
    said = f"cannot write metrics.csv in {folder} (No space left on device); what was there before is kept"
    assert str(error.value) == said


def test_numbers_are_claimed_once_whatever_the_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also if another process claims the same number and renames its folder at the worst moment."""
    names = [run_folder.claim(tmp_path, name).name for name in ("a", None, "b-2")]
    assert names == ["version_0-a", "version_1", "version_2-b-2"]
    true = Path.mkdir

    def late(self: Path, *args: object, **kwargs: object) -> None:
        if self.name == "version_3":
            true(self.with_name("version_3-theirs"))
        true(self, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(Path, "mkdir", late)
    assert run_folder.claim(tmp_path, "ours").name == "version_4-ours"
    assert not (tmp_path / "lightning_logs/version_3").exists()
