"""The lines that a fit prints."""

import re
from pathlib import Path

import pytest

from tests.support.running import PROBE, ROWS, TEST_ROWS, VALIDATION, fit


def test_what_a_fit_prints(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done = fit(tmp_path, max_steps=50, enable_checkpointing=True, enable_progress_bar=False)
    said = capsys.readouterr().out.splitlines()
    seen = done.trainer.callback_metrics
    assert said[0] == f"letters: {tmp_path / 'letters_data.mat'} (the competition's schema)"
    assert said[1] == f"{ROWS - VALIDATION} rows to train on, {VALIDATION} for validation, {TEST_ROWS} to test"
    assert said[2] == f"run folder: {tmp_path / 'lightning_logs' / 'version_0'}"
    assert re.fullmatch(r"step 0: train acc = 0\.\d{4}, validate acc = 0\.\d{4}, loss = -", said[3])
    train, validation, loss = (float(seen[name]) for name in ("train/acc", "val/acc", "train/loss"))
    assert train != validation
    assert said[4] == f"step 50: train acc = {train:.4f}, validate acc = {validation:.4f}, loss = {loss:.4f}"
    assert round(train * PROBE) == pytest.approx(train * PROBE, abs=1e-4)  # the two sets differ in size
    assert round(validation * VALIDATION) == pytest.approx(validation * VALIDATION, abs=1e-4)
    assert said[5].startswith("ended at step 50")
