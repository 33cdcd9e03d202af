"""Checkpoint files: what is written is read, and what cannot be saved is named."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from letters_torch import checkpoint
from letters_torch.errors import UserError
from tests.support.checkpoints import content
from tests.support.making import message


def test_what_is_written_is_read(tmp_path: Path) -> None:
    file = tmp_path / "a" / "last.ckpt"
    checkpoint.write(file, checkpoint.encode(content()))
    loaded = checkpoint.load(file)
    assert loaded["letters_torch"] == content()["letters_torch"]
    assert loaded["callbacks"] == content()["callbacks"]
    assert torch.equal(loaded["state_dict"]["V"], torch.zeros(3, 785))


def test_parameters_are_written_as_tensors(tmp_path: Path) -> None:
    weights = {"V": torch.nn.Parameter(torch.ones(3, 785)), "W": torch.zeros(26, 4, requires_grad=True)}
    checkpoint.write(tmp_path / "last.ckpt", checkpoint.encode(content(state_dict=weights)))
    loaded = checkpoint.load(tmp_path / "last.ckpt")["state_dict"]
    assert {name: (type(t), t.requires_grad) for name, t in loaded.items()} == dict.fromkeys(
        "VW", (torch.Tensor, False)
    )
    assert torch.equal(loaded["V"], torch.ones(3, 785))


def test_numpy_in_a_callbacks_state_is_saved_as_plain_values(tmp_path: Path) -> None:
    state = {"best": np.float64(0.5), "count": np.int64(3), "on": np.bool_(True), "curve": np.arange(3.0)}
    whole = content(callbacks={"Mine": {**state, "folder": Path("a") / "b", "pair": (np.float32(1), [np.int8(2)])}})
    file = tmp_path / "last.ckpt"
    checkpoint.write(file, checkpoint.encode(whole))
    loaded = checkpoint.load(file)["callbacks"]["Mine"]
    assert torch.equal(loaded.pop("curve"), torch.arange(3.0, dtype=torch.float64))
    assert loaded == {"best": 0.5, "count": 3, "on": True, "folder": str(Path("a") / "b"), "pair": (1.0, [2])}


@pytest.mark.parametrize(
    "value", [{1, 2}, object(), np.array(["a"]), lambda: 0], ids=["set", "object", "str", "lambda"]
)
def test_what_cannot_be_saved_is_named(value: Any) -> None:
    with pytest.raises(UserError) as error:
        checkpoint.encode(content(callbacks={"Mine": {"kept": [value]}}))
    message(
        error,
        f"cannot save a {type(value).__name__} in a checkpoint (callbacks.Mine.kept[0]);",
        "a callback's state may hold tensors, numbers, strings, lists and dicts",
    )


def test_reading_needs_no_lightning() -> None:
    import subprocess
    import sys

    code = "import sys, letters_torch.checkpoint, letters_torch.resume; print('pytorch_lightning' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"
