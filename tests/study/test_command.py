"""The command without Ray: what it refuses, writes and prints; that it runs nothing twice."""

import csv
import io
import re
import socket
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from letters_torch.cli import main, others
from letters_torch.errors import UserError
from letters_torch.study import cluster, command, outcome, results
from letters_torch.study.results import Results
from letters_torch.study.study_file import Study, Trial
from tests.study.small import InProcess, assert_same_weights, run, study
from tests.support.pages import Page
from tests.support.running import refused, save_letters

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*configure_optimizers.*:UserWarning",
    r"ignore:\s*(By default only one Jsonargparse|.+ was deprecated in v4):DeprecationWarning",
)


@pytest.fixture(scope="module")
def conducted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Study, Path, str]:
    """A study that is over, its folder, and what it printed."""
    folder = tmp_path_factory.mktemp("study")
    found = study(folder, final={"seeds": [7]}, cases={"wild": {"model.schedule.0.lr": 1e4}})
    with pytest.MonkeyPatch.context() as patch:
        said: list[str] = []
        patch.setattr(cluster, "Runner", InProcess)
        patch.setattr(command, "say", said.append)
        others.study([str(found.file), "--folder", str(folder / "out")])
    return found, folder / "out", "\n".join(said)


def test_every_trial_has_the_bits_of_one_that_is_run_alone(conducted: tuple[Study, Path, str], tmp_path: Path) -> None:
    found, folder, _ = conducted
    for one in (Trial(found.base, 0), Trial(found.settings[1], 3)):
        run(tmp_path, one)
        assert_same_weights(outcome.folder_of(folder, one), outcome.folder_of(tmp_path, one))


def test_results_csv_has_a_row_for_each_trial(conducted: tuple[Study, Path, str]) -> None:
    found, folder, _ = conducted
    rows = list(csv.DictReader(io.StringIO((folder / "results.csv").read_text())))
    final = {found.base.label, Results.read(found, folder, found.settings).ranked[0].label}
    assert [row["part"] for row in rows] == ["study"] * 10 + ["final"] * len(final)
    assert [row["seed"] for row in rows] == ["0", "3"] * 5 + ["7"] * len(final)
    assert [row["status"] for row in rows if row["setting"] == "wild"] == ["diverged"] * 2
    first = outcome.result_of(folder, Trial(found.base, 0))
    assert first is not None
    assert float(rows[0]["val/acc"]) == pytest.approx(first.curves["val/acc"][-1][1], abs=1e-6)
    assert rows[0]["steps"] == "200"


def test_a_study_that_is_started_again_runs_nothing_twice(
    conducted: tuple[Study, Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found, folder, _ = conducted
    said: list[str] = []
    monkeypatch.setattr(command, "say", said.append)
    before = {name: (folder / name).read_bytes() for name in ("results.csv", "best.yaml", "study.html")}
    stamps = {file: file.stat().st_mtime_ns for file in (folder / "runs").rglob("*")}
    monkeypatch.setattr(cluster.Runner, "_connect", None)  # Ray is not started
    others.study([str(found.file), "--folder", str(folder)])
    assert {name: (folder / name).read_bytes() for name in before} == before
    assert {file: file.stat().st_mtime_ns for file in (folder / "runs").rglob("*")} == stamps
    assert said[0] == "10 of 10 trials are finished already"


def test_a_trial_that_failed_is_told_of_and_makes_the_exit_code_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(command, "say", said.append)
    monkeypatch.setattr(cluster, "Runner", InProcess)
    monkeypatch.setattr(command, "FAILED", outcome.DIVERGED)  # a run that diverges stands for one that fails
    found = study(tmp_path, vary=None, cases={"wild": {"model.schedule.0.lr": 1e4}}, seeds=[0])
    with pytest.raises(SystemExit) as end:
        others.study([str(found.file), "--folder", str(tmp_path / "out")])
    assert end.value.code == 1
    assert said[-1] == "some trials failed (see above); start the study again to try them once more"


@pytest.mark.parametrize("error", [ConnectionError("nobody answers\nand more"), ValueError("no such scheme")], ids=repr)
@pytest.mark.parametrize("where", ["init", "socket"])
def test_an_address_without_a_cluster_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str, error: Exception
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(socket, "create_connection", fail if where == "socket" else lambda *_, **__: io.BytesIO())
    init = fail if where == "init" else lambda **_: pytest.fail("Ray waits for a quarter of an hour")
    runner = cluster.Runner(study(tmp_path), tmp_path, 1, "10.0.0.1:6379", lambda _: None)
    with pytest.raises(UserError) as refusal:
        runner._connect(SimpleNamespace(init=init))
    assert str(refusal.value) == (
        f"--address 10.0.0.1:6379: no Ray cluster there ({str(error).splitlines()[0]});"
        " start one with `ray start --head`"
    )


@pytest.mark.skipif(sys.platform != "linux", reason="Ray makes its own folder there")
def test_a_folder_that_ray_cannot_use_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path / "nowhere"))
    runner = cluster.Runner(study(tmp_path), tmp_path, 1, None, lambda _: None)
    with pytest.raises(UserError, match=r"^Ray cannot be started \(.*nowhere.*\); RAY_TMPDIR can name another"):
        runner._connect(SimpleNamespace())


def test_the_terminal_tells_of_each_trial_and_of_the_whole(conducted: tuple[Study, Path, str]) -> None:
    _, _, said = conducted
    lines = [line for line in said.splitlines() if re.match(r"\d+/\d+ ", line)]
    assert len(lines) >= 11
    assert sum("val/acc = " in line for line in lines) == len(lines) - 2
    assert sum("diverged: step" in line for line in lines) == 2
    for text in (
        "Settings",
        "Effect of each key",
        "With fresh seeds",
        "Trials that did not end",
        "Best by mean val/acc",
    ):
        assert text in said


def test_the_page_shows_the_same_figures(conducted: tuple[Study, Path, str]) -> None:
    found, folder, said = conducted
    shown = Page((folder / "study.html").read_text())
    [base] = [row for row in shown.rows if row[0] == found.base.label and "base" in row]
    assert base[1] in said
    for setting in found.settings:
        assert setting.label in shown.text
    assert "A small study." in shown.text


def test_best_yaml_is_a_config_of_the_best_setting(conducted: tuple[Study, Path, str], tmp_path: Path) -> None:
    found, folder, _ = conducted
    everything = Results.read(found, folder, found.settings)
    best = everything.best
    assert best is not None
    assert everything.estimate(best).mean == max(
        everything.estimate(s).mean for s in found.settings if everything.values(s)
    )
    config = yaml.safe_load((folder / "best.yaml").read_text())
    assert config == {"seed_everything": 0, **best.config}
    main(["fit", "--config", str(folder / "best.yaml"), "--trainer.default_root_dir", str(tmp_path)])
    assert_same_weights(tmp_path / "lightning_logs/version_0", outcome.folder_of(folder, Trial(best, 0)))


def test_results_come_in_the_order_of_the_study_whatever_ended_first(conducted: tuple[Study, Path, str]) -> None:
    found, folder, _ = conducted
    table = results.table(Results.read(found, folder, found.settings))
    again = results.table(Results.read(found, folder, found.settings))
    assert table == again
    assert [line.split(",")[0] for line in table.splitlines()] == ["part"] + ["study"] * 10


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"cases": {"a": {"model.hiden": 3}}}, "hiden"),
    ({"cases": {"a": {"model.hidden": "many"}}}, "many"),
    ({"cases": {"a": {"model.hidden": 0}}}, "--model.hidden must be 1 or more"),
    ({"cases": {"a": {"model.schedule.0.lr": -1.0}}}, "must be"),
    ({"cases": {"a": {"data.validation": 500}}}, "leaves nothing to train on"),
    ({"cases": {"a": {"data.path": "nowhere.mat"}}}, "nowhere.mat"),
    ({"cases": {"a": {"data.path": "~nouser/x"}}}, "data.path ~nouser/x: there is no user of that name"),
    ({"cases": {"a": {"trainer.max_steps": 10_000}}}, "beyond the schedule"),
]


@pytest.mark.parametrize(("changed", "message"), REFUSED, ids=[str(changed["cases"]) for changed, _ in REFUSED])
def test_settings_that_cannot_be_used_are_refused_before_the_first_run(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    changed: dict[str, Any],
    message: str,
) -> None:
    monkeypatch.setattr(cluster, "Runner", InProcess)
    file = study(tmp_path, **changed).file
    error = refused(capsys, "study", str(file), "--folder", str(tmp_path / "out"))
    assert message in error
    assert str(file) in error or "nowhere" in error
    assert not (tmp_path / "out/runs").exists()


def test_other_letters_than_before_are_refused(
    conducted: tuple[Study, Path, str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    found, folder, _ = conducted
    letters = found.file.parent / "letters_data.mat"
    kept = letters.read_bytes()
    try:
        save_letters(letters, seed=9)
        error = refused(capsys, "study", str(found.file), "--folder", str(folder))
    finally:
        letters.write_bytes(kept)
    assert "its runs were trained on other letters; name another folder with --folder" in error


def test_two_studies_do_not_share_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = study(tmp_path).file
    with command._alone(tmp_path / "out"):
        assert "another study runs there" in refused(capsys, "study", str(file), "--folder", str(tmp_path / "out"))


def test_ray_is_asked_for_by_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = study(tmp_path).file
    monkeypatch.setitem(sys.modules, "ray", None)
    assert "pip install 'letters-torch[study]'" in refused(capsys, "study", str(file), "--folder", str(tmp_path / "o"))
