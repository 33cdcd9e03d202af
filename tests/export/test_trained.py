"""What is read of a checkpoint to be exported, and of its run."""

import shutil
from pathlib import Path

import pytest

from letters_torch import metrics_csv
from letters_torch.cli import main
from letters_torch.export import trained
from tests.support.running import VALIDATION, prepare


def test_the_accuracy_of_its_step_and_its_letters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    prepare(tmp_path)
    main(["fit", "--config", "small.yaml"])
    run = Path("lightning_logs/version_0")
    measured = {row["step"]: row["val/acc"] for row in metrics_csv.read(run / "metrics.csv")}
    for file, step in ((run / "checkpoints/last.ckpt", 200), (run / "checkpoints/stage1-step=120.ckpt", 120)):
        read = trained.read(file)
        assert (read.step, read.validation) == (step, VALIDATION)
        assert read.accuracy == (pytest.approx(measured[step]) if step == 200 else None)
        assert read.origin == "letters_data.mat (the competition's schema)"
    alone = trained.read(Path(shutil.copy(run / "checkpoints/last.ckpt", "alone.ckpt")))
    assert (alone.accuracy, alone.config, alone.origin) == (None, {}, "letters_data.mat (the competition's schema)")
