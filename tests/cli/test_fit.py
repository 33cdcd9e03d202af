"""A fit from the command line: the lines that it prints and the files that it leaves."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from letters_torch import checkpoint
from letters_torch.data.datamodule import LettersDataModule
from letters_torch.lightning.module import LettersModule
from tests.support.commands import LAST, LINE, RUN, by_hand, files, said
from tests.support.running import HIDDEN, VALIDATION, refused


def test_fit_leaves_a_run_and_says_the_notebooks_lines(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = files(folder)
    lines = said(capsys, "fit", "--config", "small.yaml").splitlines()
    assert [line.split(":")[0] for line in lines if LINE.fullmatch(line)] == [f"step {n}" for n in range(0, 201, 50)]
    assert lines[4].endswith("loss = -")
    assert "letters_data.mat" in lines[0]
    assert lines[1] == "150 rows to train on, 50 for validation, 40 to test"
    assert lines[2].startswith("updates: ")
    assert str(RUN) in lines[3]
    made = files(folder) - before
    names = {re.sub(r"best-step=\d+-val_acc=\d\.\d{4}", "best", re.sub(r"events.*", "events", name)) for name in made}
    kept = ("last", "best", "stage1-step=120", "stage2-step=200")
    wanted = {"config.yaml", "hparams.yaml", "events", *(f"checkpoints/{name}.ckpt" for name in kept)}
    wanted |= {
        "checkpoints/.lock",
        "metrics.csv",
        *(f"../notebook_on_other_letters/{name}" for name in (".lock", "events")),
    }
    assert names == {os.path.normpath(RUN / name) for name in wanted}


def test_a_run_of_the_command_line_is_loaded_from_python(trained: Path) -> None:
    file = trained / RUN / "checkpoints/last.ckpt"
    module, data = LettersModule.load_from_checkpoint(file), LettersDataModule.load_from_checkpoint(file)
    assert (module.step, len(module.V)) == (200, HIDDEN)
    assert torch.equal(module.V, checkpoint.load(file)["state_dict"]["V"])
    assert data.hparams["data"]["validation"] == VALIDATION


def test_a_second_fit_is_another_run(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = {name: (trained / name).read_bytes() for name in files(trained)}
    said(capsys, "fit", "--config", "small.yaml", "--trainer.max_steps", "50")
    assert {name: (trained / name).read_bytes() for name in first} == first
    assert (trained / "lightning_logs/version_1/checkpoints/last.ckpt").exists()


@pytest.mark.usefixtures("trained")
def test_the_runs_config_repeats_the_run(capsys: pytest.CaptureFixture[str]) -> None:
    said(capsys, "fit", "--config", str(RUN / "config.yaml"))
    again = torch.load("lightning_logs/version_1/checkpoints/last.ckpt", weights_only=True)["state_dict"]
    for name, value in torch.load(LAST, weights_only=True)["state_dict"].items():
        assert torch.equal(again[name], value)


def test_default_root_dir_moves_everything(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = files(folder)
    elsewhere = ["--trainer.default_root_dir", "else/where"]
    said(capsys, "fit", "--config", "small.yaml", *elsewhere)
    made = files(folder) - before
    assert made
    assert all(name.startswith("else/where/lightning_logs/") for name in made)
    assert "else/where" in said(capsys, "validate", *elsewhere)
    said(capsys, "predict", *elsewhere, "--output", "else/mine.csv")
    assert files(folder) - before - made == {"else/mine.csv"}


@pytest.mark.parametrize("logger", ["true", "false"])
def test_a_dry_run_leaves_nothing(folder: Path, capsys: pytest.CaptureFixture[str], logger: str) -> None:
    before = files(folder)
    said(capsys, "fit", "--config", "small.yaml", "--trainer.fast_dev_run", "true", "--trainer.logger", logger)
    assert files(folder) == before
    assert not (folder / "lightning_logs").exists()


@pytest.mark.usefixtures("folder")
def test_a_diverging_run_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    schedule = '[{"steps": 100, "lr": 1e30}]'
    error = refused(capsys, "fit", "--config", "small.yaml", "--model.schedule", schedule)
    assert re.match(r"error: step \d+: .*learning rate.*1e\+30.*model\.schedule", error)


def by_process(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-m", "letters_torch", *args]
    return subprocess.run(program, cwd=folder, capture_output=True, text=True, check=False)


def test_as_a_program(folder: Path) -> None:
    done = by_process(folder, "fit", "--config", "small.yaml", "--trainer.callbacks", "EarlyStopping",
                      "--trainer.callbacks.monitor", "val/acc", "--trainer.callbacks.mode", "max",
                      "--trainer.callbacks.patience", "1", "--trainer.callbacks.min_delta", "1")  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    lines = [line for line in done.stdout.splitlines() if LINE.fullmatch(line)]
    assert [line.split(":")[0] for line in lines] == ["step 0", "step 50"]  # nothing gets better by 1


def test_accuracy_rises(trained: Path) -> None:
    """The runs of these tests learn something: what they compare is not noise."""
    best = next((trained / RUN / "checkpoints").glob("best-*.ckpt")).name
    accuracy = re.search(r"val_acc=([\d.]+)\.ckpt", best)
    assert accuracy is not None
    assert float(accuracy[1]) > 5 / 26
    assert len(np.unique(by_hand(LAST))) > 5
