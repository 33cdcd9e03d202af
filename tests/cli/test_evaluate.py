"""`validate`, `test` and `report` from the command line."""

import re
import signal
from pathlib import Path
from typing import Any

import pytest

from letters_torch.cli import main
from letters_torch.lightning.module import LettersModule
from tests.support.commands import RUN, files, said
from tests.support.running import TEST_ROWS, VALIDATION, refused, save_letters


def test_validate_says_accuracy_and_a_table_of_the_letters(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = files(trained)
    out = said(capsys, "validate")
    best = next((trained / RUN / "checkpoints").glob("best-*.ckpt")).name
    assert best in out
    rows = re.findall(r"^ +([A-Z]) +(\d+) +(\d\.\d{4}|-)", out, re.MULTILINE)
    assert [letter for letter, _, _ in rows] == list("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    assert sum(int(count) for _, count, _ in rows) == VALIDATION
    right = sum(int(count) * float(accuracy) for _, count, accuracy in rows if accuracy != "-")
    shown = re.search(r"val/acc\W+([01]\.\d+)", out)
    assert shown is not None
    assert float(shown[1]) == pytest.approx(right / VALIDATION, abs=1e-4)
    assert f"val_acc={float(shown[1]):.4f}" in best
    assert files(trained) == before


def test_test_needs_labels(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "predict" in refused(capsys, "test")
    save_letters(trained / "labelled.mat", labelled_test=True)
    out = said(capsys, "test", "--data.path", "labelled.mat")
    rows = re.findall(r"^ +[A-Z] +(\d+) +(?:\d\.\d{4}|-)", out, re.MULTILINE)
    assert sum(map(int, rows)) == TEST_ROWS
    assert re.search(r"test/acc\W+[01]\.\d+", out)


def test_a_report_warns_of_a_cut_file_of_events(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said(capsys, "report", "--output", "whole.html")
    [events] = (trained / RUN).glob("events*")
    events.write_bytes(events.read_bytes()[:-9])
    said(capsys, "report", "--output", "cut.html")
    warning = f"{events.name[1:]} ends in the middle of a record"
    assert warning not in (trained / "whole.html").read_text()
    assert warning in (trained / "cut.html").read_text()


def test_a_report_of_a_run_with_lightnings_csv_logger(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said(capsys, "fit", "--config", "small.yaml", "--trainer.logger", "CSVLogger", "--trainer.logger.save_dir", ".")
    assert not list(folder.rglob("events*"))
    said(capsys, "report", "--output", "page.html")
    assert "Curves" in (folder / "page.html").read_text()


@pytest.mark.parametrize(("command", "step"), [("validate", "validation_step"), ("predict", "predict_step")])
def test_ctrl_c_ends_it_without_a_traceback(
    trained: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: str, step: str
) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(LettersModule, step, interrupted)
    before = files(trained)
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(SystemExit) as end:
            main([command])
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, handler)
    assert end.value.code == 128 + signal.SIGINT
    assert capsys.readouterr().err == ""
    assert files(trained) == before
