"""`draw` and `explain` put the run's weights, preprocessing, letters and rates into the page."""

import base64
import json
import re
import webbrowser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from letters_torch import checkpoint
from letters_torch.cli import main
from letters_torch.letters import ALPHABET
from letters_torch.pages.draw import command
from letters_torch.synthetic.make import make
from tests.support.running import HIDDEN, STAGES, VALIDATION, data_module, prepare, refused, save_letters


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With letters, a config, and a run of the command line."""
    root = tmp_path_factory.mktemp("draw")
    prepare(root)
    data = ["--data.path", str(root / "letters_data.mat")]
    main(["fit", "--config", str(root / "small.yaml"), *data, "--trainer.default_root_dir", str(root)])
    return root


def last(folder: Path) -> Path:
    return next(folder.rglob("last.ckpt"))


def carried(file: Path) -> dict[str, Any]:
    found = re.search(r'type="application/json">(.*?)</script>', file.read_text(encoding="utf-8"))
    assert found
    data: dict[str, Any] = json.loads(found[1])
    return data


def halves(text: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), "<f2").astype(np.float64)


def explain(folder: Path, *flags: str) -> dict[str, Any]:
    output, letters = folder / "explained.html", ["--data.path", str(folder / "letters_data.mat")]
    main(["explain", "--config", str(folder / "small.yaml"), *letters, "--output", str(output), *flags])
    return carried(output)


def test_draw_carries_the_run(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = folder / "page.html"
    main(["draw", "--ckpt_path", str(last(folder)), "--output", str(output)])
    page, content = carried(output), checkpoint.load(last(folder))
    for name in "VW":
        weights = content["state_dict"][name].numpy().ravel()
        np.testing.assert_allclose(halves(page[name]), weights, rtol=1e-3, atol=1e-7)
    data = data_module(folder / "letters_data.mat")
    data.setup("validate")
    assert data.val.labels is not None
    assert page["labels"] == "".join(ALPHABET[label - 1] for label in data.val.labels)
    assert (page["lr"], page["lam"], page["smoothing"]) == (STAGES[0].lr, STAGES[0].weight_decay / 2, 0)
    assert (page["hidden"], page["row"], page["open"]) == (HIDDEN, 0, "")
    said = capsys.readouterr().out.splitlines()
    assert said == [
        f"checkpoint: {last(folder)}",
        f"{output}: {output.stat().st_size / 1e6:.2f} MB; open it in a browser",
    ]
    assert "after 200 steps" in output.read_text(encoding="utf-8")
    assert 'class="warn"' not in output.read_text(encoding="utf-8")


def test_letters_that_have_moved(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Named, they are found; unnamed, built-in letters stand in, and the page says so."""
    there, here = folder / "letters_data.mat", tmp_path / "letters_data.mat"
    there.rename(here)
    monkeypatch.setattr(command, "MOST_LETTERS", 30)
    try:
        named = command.draw(last(folder), here, tmp_path / "named.html")
        command.draw(last(folder), None, tmp_path / "builtin.html")
    finally:
        here.rename(there)
    assert len(carried(named)["labels"]) == 30
    text = (tmp_path / "builtin.html").read_text(encoding="utf-8")
    assert "these are built-in letters, drawn by the program" in text
    labels = make(30, test=True).labels
    assert labels is not None
    assert carried(tmp_path / "builtin.html")["labels"] == "".join(ALPHABET[label - 1] for label in labels)


def test_letters_that_are_named_must_be_there(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flags = ["--ckpt_path", str(last(folder)), "--data.path", str(tmp_path / "none.mat")]
    assert "none.mat" in refused(capsys, "draw", *flags, "--output", str(tmp_path / "page.html"))
    assert not (tmp_path / "page.html").exists()


def test_other_letters_may_be_shown(folder: Path, tmp_path: Path) -> None:
    other = save_letters(tmp_path / "letters_data.mat", seed=9)
    assert len(carried(command.draw(last(folder), other, tmp_path / "page.html"))["labels"]) == VALIDATION


def test_a_page_that_cannot_be_written(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "none" / "page.html"
    error = refused(capsys, "draw", "--ckpt_path", str(last(folder)), "--output", str(output))
    assert error.startswith(f"error: --output {output}: cannot be written")


def test_the_page_is_opened_when_asked_for(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    output = tmp_path / "page.html"
    main(["draw", "--ckpt_path", str(last(folder)), "--output", str(output)])
    assert not opened
    main(["draw", "--ckpt_path", str(last(folder)), "--output", str(output), "--open"])
    assert opened == [output.as_uri()]


def test_explain_opens_at_the_row_with_the_checkpoints_weights(folder: Path) -> None:
    page = explain(folder, "--ckpt_path", str(last(folder)), "--row", "7")
    assert (page["row"], page["open"]) == (7, "hand")
    V = torch.load(last(folder), weights_only=True)["state_dict"]["V"].numpy().ravel()
    np.testing.assert_allclose(halves(page["V"]), V, rtol=1e-3, atol=1e-7)


def test_explain_without_a_checkpoint_takes_fresh_weights(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "MOST_LETTERS", 20)
    page = explain(folder, "--row", "33", "--model.hidden", "4")
    assert page["hidden"] == 4
    assert page["rows"] == [*range(19), 33]
    assert "Weights: freshly drawn." in (folder / "explained.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("row", ["-1", "50"])
def test_a_row_that_is_not_there(folder: Path, capsys: pytest.CaptureFixture[str], row: str) -> None:
    flags = ["--config", str(folder / "small.yaml"), "--data.path", str(folder / "letters_data.mat")]
    error = refused(capsys, "explain", *flags, f"--row={row}")
    assert f"--row must be 0 to 49, a validation row, not {row}" in error


def test_explain_standardizes_other_letters_as_the_weights_were_trained(folder: Path) -> None:
    """By the statistics in the checkpoint, which are not those of the letters shown."""
    other = save_letters(folder / "elsewhere.mat", seed=9)
    shown = explain(folder, "--ckpt_path", str(last(folder)), "--data.path", str(other))
    saved = checkpoint.load(last(folder))["LettersDataModule"]["standardizer"]
    np.testing.assert_allclose(
        np.frombuffer(base64.b64decode(shown["mean"]), "<f4"), saved["mean"].numpy().ravel(), rtol=1e-3
    )
