"""Commands run in this process, and what they leave."""

import re
from pathlib import Path

import pytest
import torch

from letters_torch.cli import main
from letters_torch.data.readers import kaggle
from letters_torch.exact_sgd import formulas

LINE = re.compile(r"step \d+: train acc = [01]\.\d{4}, validate acc = [01]\.\d{4}, loss = (-|\d+\.\d{4})")
RUN = Path("lightning_logs/version_0")
LAST = RUN / "checkpoints/last.ckpt"


def files(folder: Path) -> set[str]:
    return {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}


def said(capsys: pytest.CaptureFixture[str], *args: str) -> str:
    capsys.readouterr()
    main(list(args))
    shown = capsys.readouterr()
    assert shown.err == ""
    return shown.out


def printed(capsys: pytest.CaptureFixture[str], *args: str) -> str:
    """What `--print_config` prints: a config, and nothing else."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as stop:
        main([*args, "--print_config"])
    assert stop.value.code == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    return shown.out


def by_hand(checkpoint: Path) -> list[int]:
    """The readings 1..26 of the test rows, by the formulas, from nothing but the checkpoint and the pixels."""
    saved = torch.load(checkpoint, weights_only=True)
    V, W = (saved["state_dict"][name].double().numpy() for name in "VW")
    statistics = saved["LettersDataModule"]["standardizer"]
    images = kaggle.read(Path("letters_data.mat")).test.images
    X = ((images - statistics["mean"].numpy()) * statistics["inv_std"].numpy()).reshape(len(images), -1)
    return [int(formulas.forward(V, W, x).g.argmax()) + 1 for x in X]
