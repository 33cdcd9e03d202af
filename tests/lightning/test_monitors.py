"""What callbacks monitor is checked before a run begins."""

from pathlib import Path
from typing import Any

import pytest
from pytorch_lightning.callbacks import Callback, EarlyStopping, ModelCheckpoint

from letters_torch.errors import UserError
from letters_torch.lightning.monitors import METRICS
from tests.support.making import message
from tests.support.running import fit


@pytest.mark.parametrize("kind", [EarlyStopping, ModelCheckpoint])
def test_a_metric_that_is_not_logged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: Any) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError) as error:
        fit(tmp_path, callbacks=[kind(monitor="val/accuracy", mode="max")], logger=True, enable_checkpointing=True)
    message(error, f"{kind.__name__} monitors 'val/accuracy'", ", ".join(METRICS), "did you mean val/acc?")
    assert [file.name for file in tmp_path.iterdir()] == ["letters_data.mat"]  # no run folder


def test_the_wrong_direction(tmp_path: Path) -> None:
    with pytest.raises(UserError) as error:
        fit(tmp_path, callbacks=[EarlyStopping(monitor="val/acc")])
    message(error, "EarlyStopping monitors val/acc with mode min, as if lower were better; set mode max")
    fit(tmp_path, callbacks=[EarlyStopping(monitor="val/loss")], max_steps=50)


def test_every_metric_there_is_can_be_monitored(tmp_path: Path) -> None:
    """None is missing from the list, none is on it that is not logged."""
    done = fit(tmp_path, max_steps=50)
    assert set(METRICS) == set(done.trainer.callback_metrics)


class Own(Callback):
    """Logs a metric of its own."""

    def on_validation_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        pl_module.log("own", 1.0)


def test_a_metric_of_a_users_callback(tmp_path: Path) -> None:
    stages = [Own(), EarlyStopping("own", mode="min", patience=1)]
    assert fit(tmp_path, callbacks=stages).trainer.global_step == 50
