"""`runs`: one line per run, with the settings in which the runs differ."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from letters_torch.cli import main, runs
from letters_torch.metrics_csv import MetricsCsv
from tests.support.running import CONFIG, refused

STAGES = [{"steps": 1000, "lr": 0.01, "weight_decay": 1e-4}, {"steps": 500, "lr": 0.01, "lr_end": 0.0}]


def run(root: Path, name: str, best: tuple[int, float] | None = None, **sections: Any) -> Path:
    """A run folder as a fit leaves it."""
    folder = root / "lightning_logs" / name
    (folder / "checkpoints").mkdir(parents=True)
    config = {**CONFIG, **{key: {**CONFIG.get(key, {}), **value} for key, value in sections.items()}}
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    if best is not None:
        step, accuracy = best
        (folder / f"checkpoints/best-step={step}-val_acc={accuracy:.4f}.ckpt").touch()
        log = MetricsCsv(folder)
        log._began -= 75
        log.log({"val/acc": accuracy}, step + 500)
    return folder


@pytest.fixture
def three(tmp_path: Path) -> Path:
    run(tmp_path, "version_0", (1000, 0.5))
    run(tmp_path, "version_2-wide", (2000, 0.75), model={"hidden": 800, "schedule": STAGES})
    run(tmp_path, "version_10", data={"augment": {"class_path": "a.b.RandomAffine", "init_args": {"degrees": 5}}})
    return tmp_path


def lines(capsys: pytest.CaptureFixture[str], *args: str) -> list[str]:
    capsys.readouterr()
    main(["runs", *args])
    return capsys.readouterr().out.splitlines()


def test_a_line_for_each_run(three: Path, capsys: pytest.CaptureFixture[str]) -> None:
    head, first, second, third = lines(capsys, str(three))
    assert head.split("  ")[0] == "run"
    assert head.split() == ["run", "accuracy", "at", "step", "steps", "time", "settings", "that", "differ"]
    assert first.split()[:7] == ["version_0", "0.5000", "1,000", "1,500", "1", "min", "15"]
    assert second.split()[:7] == ["version_2-wide", "0.7500", "2,000", "2,500", "1", "min", "15"]
    assert "hidden=800" in second
    assert "hidden=6" in first
    assert "schedule=1,000 at 0.01, decay 0.0001 + 500 at 0.01 to 0" in second
    assert third.split()[:5] == ["version_10", "-", "-", "-", "-"]
    assert "augment=RandomAffine  degrees=5" in third
    assert "augment" not in first
    assert len({line.find("hidden=") for line in (first, second, third)}) == 1  # aligned
    assert "val_check_interval" not in first  # the same in all


def test_the_best_first(three: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = [line.split()[0] for line in lines(capsys, str(three), "--sort", "accuracy")[1:]]
    assert names == ["version_2-wide", "version_0", "version_10"]


@pytest.mark.parametrize("where", [".", "lightning_logs"])
def test_the_folder_may_be_either(
    three: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    monkeypatch.chdir(three)
    assert len(lines(capsys, where)) == 4


def test_two_settings_of_one_name_are_told_apart() -> None:
    one = runs.Run("a", settings={"model.seed": 1, "data.seed": 2, "model.hidden": 3})
    other = runs.Run("b", settings={"model.seed": 2, "data.seed": 3, "model.hidden": 3})
    assert runs.differences([one, other]) == [
        {"model.seed": "1", "data.seed": "2"},
        {"model.seed": "2", "data.seed": "3"},
    ]


def test_early_stopping_comes_with_its_patience(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for patience in (2, 5):
        stopping = {"class_path": "a.EarlyStopping", "init_args": {"monitor": "val/acc", "patience": patience}}
        run(tmp_path, f"version_{patience}", trainer={"callbacks": [stopping, {"class_path": "a.Timer"}]})
    assert [line.split("  ")[-1] for line in lines(capsys, str(tmp_path))[1:]] == [
        f"callbacks=EarlyStopping(patience={patience}) + Timer" for patience in (2, 5)
    ]


def test_a_broken_config_is_said(three: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (three / "lightning_logs/version_0/config.yaml").write_text("a: [")
    assert lines(capsys, str(three))[1].endswith("config.yaml cannot be read")


def test_a_log_without_times(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Lightning's CSVLogger writes none."""
    (run(tmp_path, "version_0") / "metrics.csv").write_text("epoch,step,val/acc\n0,1000,0.5\n")
    assert lines(capsys, str(tmp_path))[1].split() == ["version_0", "-", "-", "1,000", "-"]


def test_no_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    error = refused(capsys, "runs", str(tmp_path))
    assert f"no runs in {tmp_path / 'lightning_logs'}" in error
    assert "did you mean --sort?" in refused(capsys, "runs", "--srt", "x")
    assert "invalid choice" in refused(capsys, "runs", "--sort", "time")


def test_a_real_run_is_listed(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    [line] = lines(capsys, str(trained))[1:]
    best = next((trained / "lightning_logs/version_0/checkpoints").glob("best-*.ckpt")).stem
    assert f"{float(best.rpartition('=')[2]):.4f}" in line
    assert line.split()[3] == "200"
