"""A small checkpoint, saved and refused."""

from pathlib import Path
from typing import Any

import pytest
import torch

from letters_torch import checkpoint
from letters_torch.errors import UserError
from tests.support.making import message


def content(**changes: Any) -> dict[str, Any]:
    """A checkpoint of a network with 3 hidden units."""
    table = torch.full((28, 28), 0.5, dtype=torch.float64)
    whole: dict[str, Any] = {
        "state_dict": {"V": torch.zeros(3, 785), "W": torch.zeros(26, 4)},
        "global_step": 7,
        "letters_torch": {"step": 7, "validated_at": -1, "loss_sum": 1.5, "loss_count": 7},
        "LettersDataModule": {
            "origin": "letters.mat",
            "letters": "0f",
            "seed": 0,
            "validation": 5,
            "validation_writers": "any",
            "split": "0f",
            "scaling": "pixel",
            "standardizer": {"mean": table, "inv_std": table, "fill": 0.0, "moments": None, "directions": False},
        },
        "callbacks": {"RunCheckpoints": {"best": [0.5, "best-step=7-val_acc=0.5000.ckpt"]}},
    }
    return {**whole, **changes}


def save(path: Path, whole: Any) -> Path:
    torch.save(whole, path)
    return path


def refused(path: Path) -> str:
    with pytest.raises(UserError) as error:
        checkpoint.load(path)
    return message(error, path)
