"""What a checkpoint of this project may hold."""

import pickle
from pathlib import Path
from typing import Any

import pytest
import torch

from letters_torch import checkpoint
from letters_torch.errors import UserError
from tests.support.checkpoints import content, refused, save
from tests.support.making import message


def changed(path: str, value: Any) -> dict[str, Any]:
    """`content()` with the value at "a.b.c" replaced."""
    whole = content()
    *parts, last = path.split(".")
    inner = whole
    for part in parts:
        inner = inner[part]
    inner[last] = value
    return whole


WRONG: list[tuple[str, Any, str]] = [
    ("state_dict.V", torch.full((3, 785), torch.nan), "weights are not finite"),
    ("state_dict.W", torch.full((26, 4), torch.inf), "weights are not finite"),
    ("state_dict.W", torch.zeros(26, 5), "do not make a network"),
    ("global_step", -1, "invalid step"),
    ("letters_torch.step", 10**30, "invalid step"),
    ("letters_torch.validated_at", -2, "invalid step"),
    ("letters_torch.validated_at", torch.zeros(2, 2), "invalid step"),
    ("letters_torch.loss_count", 10**400, "invalid sum of losses"),
    ("letters_torch.loss_sum", float("nan"), "invalid sum of losses"),
    ("LettersDataModule.standardizer.mean", torch.full((28, 28), 1e38), "in their range"),
    ("LettersDataModule.standardizer.inv_std", torch.full((28, 28), -1.0), "in their range"),
    ("LettersDataModule.standardizer.moments", {"spread": 6.0}, "invalid moments"),
    (
        "LettersDataModule.standardizer.directions",
        "yes",
        "statistics of the pixels or the split of the rows are missing",
    ),
    (
        "callbacks.RunCheckpoints",
        {"best": [0.5, "best-step=7-val_acc=0.5000.ckpt\0"]},
        "invalid best-checkpoint record",
    ),
    ("callbacks.RunCheckpoints", {"best": [0.5, "../other.ckpt"]}, "invalid best-checkpoint record"),
    ("hyper_parameters", [1], "invalid hyper_parameters"),
    ("LettersDataModule", None, "the step or the statistics of the pixels are missing"),
    ("state_dict", {"V": torch.zeros(3, 785)}, "the weights are not the two matrices V and W"),
    ("LettersDataModule.seed", "0", "the statistics of the pixels or the split of the rows are missing"),
    ("current_model_state", {"V": torch.zeros(4, 785), "W": torch.zeros(26, 5)}, "differ in shape"),
]


@pytest.mark.parametrize(
    ("path", "value", "says"), WRONG, ids=[f"{path} {type(value).__name__} {says}" for path, value, says in WRONG]
)
def test_wrong_values_are_refused_when_read_and_when_written(tmp_path: Path, path: str, value: Any, says: str) -> None:
    assert says in refused(save(tmp_path / "wrong.ckpt", changed(path, value)))
    with pytest.raises(UserError) as error:
        checkpoint.encode(changed(path, value))
    message(error, "the checkpoint would be unreadable: ", says, "; the last checkpoint is kept")


def test_another_programs_checkpoint(tmp_path: Path) -> None:
    assert "not one of letters_torch" in refused(save(tmp_path / "other.ckpt", {"state_dict": {}}))
    file = tmp_path / "plain.ckpt"
    file.write_bytes(pickle.dumps({"a": 1}))
    refused(file)
