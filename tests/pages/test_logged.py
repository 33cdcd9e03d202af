"""What is read from a run folder: events, metrics.csv or both, and what is said of a damaged file."""

import os
import shutil
import sys
from pathlib import Path

import pytest
import yaml
from pytorch_lightning.loggers import CSVLogger
from torch.utils.tensorboard import SummaryWriter

from letters_torch.errors import UserError
from letters_torch.pages import logged
from tests.support.making import message
from tests.support.running import CONFIG, fit, scalars


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("logged")
    fit(folder, logger=True, pictures="never")
    run = folder / "lightning_logs/version_0"
    (run / "config.yaml").write_text(yaml.safe_dump(CONFIG))
    return run


@pytest.fixture
def run(made: Path, tmp_path: Path) -> Path:
    """A run folder, to be changed."""
    return Path(shutil.copytree(made, tmp_path / "run"))


def test_a_run_is_read_whole(run: Path) -> None:
    found = logged.read(run)
    assert found.curves == {tag: sorted(points) for tag, points in scalars(run).items()}
    assert found.config == CONFIG
    assert found.steps == 200
    assert found.seconds > 0
    assert found.warnings == ()


def test_without_events_the_table_is_read(run: Path) -> None:
    expected = logged.read(run)
    [events] = run.glob("events*")
    events.unlink()
    found = logged.read(run)
    assert found.curves.keys() == expected.curves.keys()
    for tag, points in expected.curves.items():
        assert found.curves[tag] == [(step, pytest.approx(value, rel=1e-6)) for step, value in points]
    assert (found.steps, found.warnings) == (200, ())
    assert found.seconds == pytest.approx(expected.seconds, abs=0.5)


def test_a_run_of_lightnings_csv_logger(tmp_path: Path) -> None:
    logger = CSVLogger(tmp_path)
    done = fit(tmp_path, logger=logger)
    folder = Path(logger.log_dir)
    (folder / "config.yaml").write_text(yaml.safe_dump(CONFIG))
    found = logged.read(folder)
    assert [step for step, _ in found.curves["val/acc"]] == [0, 50, 100, 150, 200]
    assert found.last("val/acc") == pytest.approx(float(done.trainer.callback_metrics["val/acc"]))
    assert (found.seconds, found.steps) == (0, 0)  # it writes no times
    assert "epoch" not in found.curves


@pytest.mark.parametrize("cut", [1, 5, 20, 90])
def test_a_cut_file_of_events_is_said(run: Path, cut: int) -> None:
    """And what it lacks is taken from metrics.csv."""
    expected = logged.read(run)
    [events] = run.glob("events*")
    events.write_bytes(events.read_bytes()[:-cut])
    found = logged.read(run)
    [warning] = found.warnings
    assert warning.startswith(f"{events.name} ends in the middle of a record")
    assert [step for step, _ in found.curves["val/acc"]] == [step for step, _ in expected.curves["val/acc"]]
    assert found.last("val/acc") == pytest.approx(expected.last("val/acc"))


def test_a_folder_without_a_curve(run: Path) -> None:
    (run / "metrics.csv").unlink()
    [events] = run.glob("events*")
    events.unlink()
    with pytest.raises(UserError) as error:
        logged.read(run)
    whole = "a report needs the whole folder of a run (--ckpt_path)"
    message(error, f"{run} has no TensorBoard events and no metrics.csv; {whole}")
    (run / "metrics.csv").write_text("step,lr\n1,0.1\n")
    with pytest.raises(UserError) as error:
        logged.read(run)
    message(error, f"{run}: no validation was logged, so there is nothing to report; train on with `fit`")
    (run / "config.yaml").unlink()
    with pytest.raises(UserError) as error:
        logged.read(run)
    message(error, f"{run} has no config.yaml; {whole}")


@pytest.mark.skipif(sys.platform != "linux", reason="names are UTF-8 there")
def test_a_folder_that_tensorboard_cannot_read(run: Path) -> None:
    folder = run.rename(run.with_name(os.fsdecode(b"run\xff")))
    with pytest.raises(UserError, match=r"run\\udcff: not UTF-8, which TensorBoard's reader needs; rename the folder"):
        logged.read(folder)


def test_a_folder_that_tells_nothing_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"has no config\.yaml"):
        logged.read(tmp_path)
    (tmp_path / "config.yaml").write_text("seed_everything: 0\n")
    with pytest.raises(UserError, match="has no TensorBoard events"):
        logged.read(tmp_path)


def test_a_resumed_run_is_read_as_one(tmp_path: Path) -> None:
    """What the first process logged from step 60 on counts no more; the pause between the two is no training."""
    (tmp_path / "config.yaml").write_text("seed_everything: 0\n")
    first = ((0, 0.125, 100), (50, 0.25, 110), (60, 0.75, 112))
    second = ((60, 0.375, 1000), (100, 0.5, 1020))
    for number, (points, purge) in enumerate(((first, None), (second, 60))):
        with SummaryWriter(str(tmp_path), purge_step=purge) as writer:
            for step, value, time in points:
                writer.add_scalar("val/acc", value, step, walltime=time)
        (new,) = (file for file in tmp_path.glob("events.*") if file.suffix != ".run")
        new.rename(tmp_path / f"events.out.tfevents.{number}.run")
    history = logged.read(tmp_path)
    assert history.curves["val/acc"] == [(0, 0.125), (50, 0.25), (60, 0.375), (100, 0.5)]
    assert (history.seconds, history.steps) == (12 + 20, 60 + 40)
    assert history.last("val/acc") == 0.5
    assert history.last("train/acc") is None
