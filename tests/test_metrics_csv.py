"""metrics.csv: whole after a kill, cut at a resume, and read with what Lightning's CSVLogger writes."""

import time
from pathlib import Path

import pytest
from pytorch_lightning.loggers import CSVLogger

from letters_torch import metrics_csv
from letters_torch.metrics_csv import MetricsCsv


def logged(folder: Path) -> list[tuple[int, float]]:
    return [(int(row["step"]), row["val/acc"]) for row in metrics_csv.read(folder / "metrics.csv")]


def test_a_row_is_on_file_at_once(tmp_path: Path) -> None:
    log = MetricsCsv(tmp_path)
    log.log({"val/acc": 0.1, "lr": 1e-3}, 0)
    log.log({"lr": 2e-3, "val/acc": 1 / 3}, 100)
    first, second = metrics_csv.read(tmp_path / "metrics.csv")
    assert (first["step"], first["val/acc"], first["lr"]) == (0, 0.1, 1e-3)
    assert (second["step"], second["val/acc"], second["lr"]) == (100, pytest.approx(1 / 3), 2e-3)
    assert (tmp_path / "metrics.csv").read_text().splitlines()[0] == "step,seconds,val/acc,lr"


def test_a_new_metric_gets_a_column(tmp_path: Path) -> None:
    log = MetricsCsv(tmp_path)
    for step, metrics in enumerate(({"a": 1.0}, {"b": 2.0}, {"a": 3.0})):
        log.log(metrics, step)
    rows = [{k: v for k, v in row.items() if k in "ab"} for row in metrics_csv.read(tmp_path / "metrics.csv")]
    assert rows == [{"a": 1.0}, {"b": 2.0}, {"a": 3.0}]


@pytest.mark.parametrize(("purge_from", "kept"), [(None, [0, 10, 20]), (20, [0, 10]), (15, [0, 10]), (0, [])])
def test_a_resumed_run_drops_what_it_does_again(tmp_path: Path, purge_from: int | None, kept: list[int]) -> None:
    log = MetricsCsv(tmp_path)
    for step in (0, 10, 20):
        log.log({"val/acc": step / 100}, step)
    MetricsCsv(tmp_path, purge_from).log({"val/acc": 0.5}, 30)
    assert logged(tmp_path) == [*((step, step / 100) for step in kept), (30, 0.5)]


def test_a_row_that_was_cut_by_a_kill_is_no_row(tmp_path: Path) -> None:
    log = MetricsCsv(tmp_path)
    for step in (0, 1000):
        log.log({"val/acc": 0.25}, step)
    file = tmp_path / "metrics.csv"
    for cut in range(1, len("1000,0.000,0.25\n")):
        file.write_text(file.read_text())
        text = file.read_text()[:-cut]
        (tmp_path / "cut").mkdir(exist_ok=True)
        (tmp_path / "cut/metrics.csv").write_text(text)
        assert logged(tmp_path / "cut") == [(0, 0.25)]


def test_the_time_goes_on_when_a_run_is_resumed(tmp_path: Path) -> None:
    for first in (0, 20):
        log = MetricsCsv(tmp_path)
        for step in (first, first + 10):
            time.sleep(0.02)
            log.log({"val/acc": 0.5}, step)
        time.sleep(0.5)  # a pause
    rows = metrics_csv.read(tmp_path / "metrics.csv")
    times = [row["seconds"] for row in rows]
    assert times == sorted(times)
    assert 0.08 <= times[-1] < 0.5
    assert metrics_csv.seconds(rows) == times[-1]
    assert metrics_csv.seconds([]) == 0


def test_lightnings_table_is_read_too(tmp_path: Path) -> None:
    logger = CSVLogger(tmp_path)
    logger.log_metrics({"val/acc": 0.5}, 10)
    logger.save()
    rows = metrics_csv.read(Path(logger.log_dir) / "metrics.csv")
    assert [(row["step"], row["val/acc"]) for row in rows] == [(10, 0.5)]


@pytest.mark.parametrize(
    "text", ["", "nonsense", "a,b\n1,2\n", "step,val/acc\nx,y\n", "step\n-1\n", "step\ninf\n", "\x00\n"]
)
def test_another_file_has_no_rows(tmp_path: Path, text: str) -> None:
    (tmp_path / "metrics.csv").write_text(text)
    assert metrics_csv.read(tmp_path / "metrics.csv") == []
    assert metrics_csv.read(tmp_path / "none.csv") == []


def test_a_time_that_is_no_number_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "metrics.csv").write_text("step,seconds\n0,0.0\n10,1.5\n20,nan\n30,inf\n40,\n")
    assert metrics_csv.seconds(metrics_csv.read(tmp_path / "metrics.csv")) == 1.5
