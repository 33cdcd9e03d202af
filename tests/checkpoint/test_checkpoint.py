"""What a checkpoint may hold, and what is refused before torch reads it."""

import io
import pickle
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from letters_torch import checkpoint
from letters_torch.checkpoint import archive
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


def changed(path: str, value: Any) -> dict[str, Any]:
    """`content()` with the value at "a.b.c" replaced."""
    whole = content()
    *parts, last = path.split(".")
    inner = whole
    for part in parts:
        inner = inner[part]
    inner[last] = value
    return whole


def save(path: Path, whole: Any) -> Path:
    torch.save(whole, path)
    return path


def refused(path: Path) -> str:
    with pytest.raises(UserError) as error:
        checkpoint.load(path)
    return message(error, path)


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
    message(error, "would be unreadable", says)


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
        error, f"cannot save a {type(value).__name__} in a checkpoint (callbacks.Mine.kept[0]);", "may hold tensors"
    )


def with_pickle(path: Path, stream: bytes) -> Path:
    """A sound archive but for its pickle."""
    buffer = io.BytesIO()
    torch.save(content(), buffer)
    with zipfile.ZipFile(buffer) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            new.writestr(name, stream if name.endswith("/data.pkl") else old.read(name))
    return path


@pytest.mark.parametrize(
    "stream",
    [
        b"\x80\x02c__builtin__\nbytearray\nJ" + (2_000_000_000).to_bytes(4, "little") + b"\x85R.",
        b"\x80\x05\x96" + (6_000_000_000).to_bytes(8, "little") + b".",  # BYTEARRAY8
        b"\x80\x02}r\xff\xff\xff\x7f.",  # LONG_BINPUT far out, for which the compiled unpickler makes room
        b"\x80\x02c_codecs\nencode\n.",
    ],
    ids=["bytearray", "bytearray8", "memo", "function"],
)
def test_a_pickle_that_asks_for_memory_or_functions_is_refused(tmp_path: Path, stream: bytes) -> None:
    file = with_pickle(tmp_path / "greedy.ckpt", stream)
    tracemalloc.start()
    try:
        refused(file)
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


def test_a_tensor_larger_than_its_record_is_refused(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    torch.save(content(), buffer)
    with zipfile.ZipFile(buffer) as sound:
        stream = sound.read("archive/data.pkl")
    count = (3 * 785).to_bytes(2, "little")
    assert stream.count(b"M" + count) == 1  # BININT2: the number of elements of V's storage
    larger = stream.replace(b"M" + count, b"M" + (60_000).to_bytes(2, "little"))
    assert "not loaded" in refused(with_pickle(tmp_path / "larger.ckpt", larger))


def test_overlapping_records_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = save(tmp_path / "sound.ckpt", content())
    monkeypatch.setattr(zipfile.ZipFile, "infolist", lambda self: list(self.filelist) * 2)
    assert "overlap" in refused(file)


def test_a_large_pickle_is_refused(tmp_path: Path) -> None:
    assert "not loaded" in refused(save(tmp_path / "long.ckpt", {**content(), "text": "x" * archive.LARGEST_PICKLE}))


def test_reading_needs_no_lightning() -> None:
    import subprocess
    import sys

    code = "import sys, letters_torch.checkpoint, letters_torch.resume; print('pytorch_lightning' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"


def test_another_programs_checkpoint(tmp_path: Path) -> None:
    assert "not one of letters_torch" in refused(save(tmp_path / "other.ckpt", {"state_dict": {}}))
    file = tmp_path / "plain.ckpt"
    file.write_bytes(pickle.dumps({"a": 1}))
    refused(file)
