"""The progress bar: steps, time left, speed and accuracy, in 60 columns."""

import io
import re
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from pytorch_lightning.callbacks import ProgressBar, RichProgressBar, TQDMProgressBar
from pytorch_lightning.callbacks.progress.tqdm_progress import Tqdm

from letters_torch.lightning.callbacks.progress import BAR, StepProgressBar
from letters_torch.lightning.module import LettersModule
from letters_torch.lightning.trainer import StepTrainer
from tests.support.running import HIDDEN, KEEP, STAGES, data_module, fit, module, same_weights, save_letters, trainer


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_it_fits(columns: int) -> None:
    text = io.StringIO()
    bar = Tqdm(
        total=4_500_000, initial=1_500_000, file=text, bar_format=BAR, unit=" steps", unit_scale=True, ncols=columns
    )
    bar.start_t -= 30.0
    bar.n = 4_000_000
    bar.set_postfix({"acc": "0.8933"})
    bar.close()
    lines = [line for line in text.getvalue().split("\r") if "acc" in line]
    assert lines
    for line in lines:
        assert len(line.rstrip("\n")) <= columns
        assert re.match(r" 89%\|.+\| 4\.00M/4\.50M \[\d\d:\d\d left, \d+\.\dk steps/s, acc=0\.8933\]", line)


def test_it_shows_the_accuracy_and_no_version() -> None:
    trainer: Any = SimpleNamespace(callback_metrics={"val/acc": torch.tensor(0.75), "val/loss": torch.tensor(1.0)})
    assert StepProgressBar().get_metrics(trainer, None) == {"acc": "0.7500"}
    trainer.callback_metrics.clear()
    assert StepProgressBar().get_metrics(trainer, None) == {}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_in_a_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal it is drawn, counts to the last step and ends with the accuracy; elsewhere nothing is drawn."""
    for kind, drawn in ((Terminal, True), (io.StringIO, False)):
        err = kind()
        monkeypatch.setattr(sys, "stderr", err)
        done = fit(tmp_path, max_steps=100, enable_progress_bar=True)
        assert bool(err.getvalue()) == drawn
        if drawn:
            assert "100/100 [00:00 left" in err.getvalue()
            assert f"acc={done.trainer.callback_metrics['val/acc']:.4f}]" in err.getvalue()
            assert "v_num" not in err.getvalue()


class Watched(StepProgressBar):
    """Notes the bar's count after each block."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: list[tuple[float, int]] = []

    def on_train_start(self, *args: Any) -> None:
        super().on_train_start(*args)
        bar = self.train_progress_bar
        self.begun: Any = (bar.initial, bar.total, bar.unit)

    def on_train_batch_end(self, trainer: Any, *args: Any) -> None:
        super().on_train_batch_end(trainer, *args)
        self.counts.append((self.train_progress_bar.n, trainer.global_step))


def test_it_is_in_steps_and_resumes_where_the_run_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fit(tmp_path, max_steps=50, enable_checkpointing=True, enable_progress_bar=False)
    monkeypatch.setattr(sys, "stderr", Terminal())
    bar = Watched()
    trainer = StepTrainer(logger=False, default_root_dir=tmp_path, val_check_interval=50, callbacks=[bar])
    module = LettersModule(list(STAGES), hidden=HIDDEN)
    last = tmp_path / "lightning_logs/version_0/checkpoints/last.ckpt"
    trainer.fit(module, datamodule=data_module(tmp_path / "letters_data.mat"), ckpt_path=last)
    assert bar.begun == (50, 200, " steps")
    assert bar.counts == [(step, step) for step in (100, 120, 150, 200)]


def test_another_progress_bar_takes_the_place_of_ours(tmp_path: Path) -> None:
    class Mine(TQDMProgressBar):
        pass

    for given, expected in (([], StepProgressBar), ([Mine()], Mine)):
        made = trainer(tmp_path, enable_progress_bar=True, callbacks=given)
        assert [type(each) for each in made.callbacks if isinstance(each, TQDMProgressBar)] == [expected]


def test_lightnings_rich_bar_takes_the_place_of_ours(tmp_path: Path) -> None:
    drawn = io.StringIO()
    bar = RichProgressBar(console_kwargs={"file": drawn, "force_terminal": True, "width": 120})
    shown = fit(tmp_path, callbacks=[bar], **{**KEEP, "enable_progress_bar": True})
    assert [each for each in shown.trainer.callbacks if isinstance(each, ProgressBar)] == [bar]
    assert all(part in drawn.getvalue() for part in ("step 200: train acc = ", "ended at step 200", "200/200", "it/s"))
    assert same_weights(shown.model, fit(tmp_path).model)


@pytest.mark.parametrize("begin", [0, 50])
def test_a_bar_that_is_not_ours_counts_steps(tmp_path: Path, begin: int) -> None:
    """From the start of this fit on, as Lightning's own total does."""

    class Counts(ProgressBar):
        def on_train_epoch_start(self, *_: Any) -> None:
            self.total, self.counts = self.total_train_batches, list[int]()

        def on_train_batch_end(self, trainer: Any, module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
            self.counts.append(batch_idx + 1)

    path = save_letters(tmp_path / "letters_data.mat")
    if begin:
        fit(tmp_path, max_steps=begin, **KEEP)
    bar = Counts()
    trainer(tmp_path, callbacks=[bar], **{**KEEP, "enable_progress_bar": True}).fit(
        module(), datamodule=data_module(path), ckpt_path="last" if begin else None
    )
    assert bar.total == 200 - begin
    assert bar.counts == [step - begin for step in (50, 100, 120, 150, 200) if step > begin]
    fit(tmp_path, callbacks=[bar], fast_dev_run=True)
    assert (bar.counts, bar.total) == ([1], 1)
