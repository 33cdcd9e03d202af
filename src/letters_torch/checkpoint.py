"""Checkpoint files: written whole or not at all, read without running code, refused with a reason."""

import io
import math
import pickle
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import letters_torch.data  # noqa: F401  isort: skip  # installs the torchvision guard, which Lightning's import needs
import pytorch_lightning as pl
import torch
from lightning_fabric.plugins.io.torch_io import TorchCheckpointIO
from torch import Tensor

from letters_torch import files
from letters_torch.data.moments import Moments
from letters_torch.errors import UserError
from letters_torch.letters import CLASSES, PIXELS


def load(path: Path) -> dict[str, Any]:
    """Reads a checkpoint of this project onto the CPU.

    Returns:
        What the project keeps in it. Of Lightning's own bookkeeping only what Lightning wants to see.

    Raises:
        UserError: no such file, a damaged one, one that wants to run code, or another program's.
    """
    if not path.is_file():
        raise UserError(f"--ckpt_path {path}: no such file")
    try:
        _verify(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise UserError(
            f"--ckpt_path {path}: not a checkpoint, or one that holds more than tensors and plain values; not loaded"
        ) from error
    except Exception as error:  # a damaged archive fails wherever the damage lies
        raise UserError(f"--ckpt_path {path}: damaged or not a checkpoint ({_first_line(error)})") from error
    if not isinstance(content, dict) or "letters_torch" not in content or "state_dict" not in content:
        raise UserError(f"--ckpt_path {path}: a checkpoint, but not one of letters_torch")
    wrong = next(_faults(content), None)
    if wrong is not None:
        raise UserError(f"--ckpt_path {path}: {wrong}; use another checkpoint of the run")
    kept = {key: content[key] for key in ("state_dict", "letters_torch", "callbacks", "LettersDataModule")}
    step = content["letters_torch"]["step"]
    empty = {"epoch": 0, "global_step": step, "optimizer_states": [], "lr_schedulers": []}
    return {**kept, **empty, "pytorch-lightning_version": pl.__version__}


def _verify(path: Path) -> None:
    """Compares every record with its checksum, which torch does not."""
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            # torch stores its records as they are; a compressed one could unfold to any size
            if entry.compress_type != zipfile.ZIP_STORED or entry.file_size != entry.compress_size:
                raise zipfile.BadZipFile(f"{entry.filename} is compressed")
        damaged = archive.testzip()
    if damaged is not None:
        raise zipfile.BadZipFile(f"{damaged} does not match its checksum")


def _faults(content: dict[Any, Any]) -> Iterator[str]:
    """What is wrong with a checkpoint's values, the first fault first. A later one may rely on its absence."""
    state, data, callbacks = (content.get(key) for key in ("letters_torch", "LettersDataModule", "callbacks"))
    if not all(isinstance(part, dict) for part in (content["state_dict"], state, data, callbacks)):
        yield "it lacks the weights, the step, the callbacks or the pixels' statistics"
        return
    assert isinstance(state, dict)
    assert isinstance(data, dict)
    assert isinstance(callbacks, dict)
    yield from _weight_faults(content["state_dict"])
    if "V" in state or "W" in state:
        yield from _weight_faults({name: state.get(name) for name in "VW"})
        if state["V"].shape != content["state_dict"]["V"].shape:
            yield "its two sets of weights differ in shape"
    whole = (("step", 0), ("checked_at", -1), ("loss_count", 0))
    if not all(type(state.get(name)) is int and state[name] >= least for name, least in whole):
        yield "its count of steps is no count"
    if not _is_number(state.get("loss_sum")):
        yield "its sum of losses is no number"
    yield from _data_faults(data)
    best = callbacks.get("RunCheckpoints", {"best": [-1.0, ""]})
    match best:
        case {"best": [score, str(name)]} if _is_number(score) and Path(name).name == name:
            pass
        case _:
            yield "its note of the best checkpoint is none"


def _weight_faults(weights: dict[Any, Any]) -> Iterator[str]:
    V, W = weights.get("V"), weights.get("W")
    if len(weights) != 2 or not all(_is_plain(tensor, 2) for tensor in (V, W)):
        yield "its weights are not the two matrices V and W"
    assert isinstance(V, Tensor)
    assert isinstance(W, Tensor)
    if not len(V) or V.shape[1] != PIXELS + 1 or W.shape != (CLASSES, len(V) + 1):
        yield f"weights of shapes {tuple(V.shape)} and {tuple(W.shape)} make no network of {PIXELS} pixels"
    if not (V.isfinite().all() and W.isfinite().all()):
        yield "its weights are not all finite numbers"


def _data_faults(data: dict[Any, Any]) -> Iterator[str]:
    match data:
        case {
            "letters": str(),
            "seed": int(),
            "validation": int(),
            "validation_writers": str(),
            "scaling": str(),
            "standardizer": {"mean": mean, "inv_std": inv_std, "fill": fill, **rest},
        }:
            tables = all(_is_plain(t, 2) and t.shape == (28, 28) and t.isfinite().all() for t in (mean, inv_std))
            if rest.keys() - {"moments"} or not tables or not _is_number(fill):
                yield "its statistics of the pixels are not two tables of 28 x 28 finite numbers"
            if not _are_moments(rest.get("moments")):
                yield "the moments that its letters were brought to are none"
        case _:
            yield "it lacks the statistics of the pixels, or which rows are for validation"


def _are_moments(value: Any) -> bool:
    if value is None:
        return True
    if not isinstance(value, dict) or not all(_is_number(number) for number in value.values()):
        return False
    try:
        Moments(**value)
    except (TypeError, ValueError):
        return False
    return True


def _is_plain(value: Any, dimensions: int) -> bool:
    """Whether it is a tensor of floats that takes the memory it claims."""
    return (
        isinstance(value, Tensor)
        and value.dtype in (torch.float32, torch.float64)
        and value.layout == torch.strided
        and value.device.type == "cpu"
        and value.dim() == dimensions
        and value.is_contiguous()
    )


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def write(path: Path, content: bytes, sync: bool = True) -> None:
    """Writes beside the target, then renames: whenever the program is killed, the file is whole or the one before.

    Args:
        path: the file.
        content: all of it.
        sync: waits until the disk has it, so that it is so when the power goes, too.

    Raises:
        UserError: the file cannot be written; the one before it is untouched.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        files.write(path, content, sync)
    except OSError as error:
        raise UserError(f"cannot write {path} ({_first_line(error)}); what was there before is kept") from error


class AtomicCheckpointIO(TorchCheckpointIO):
    """Lightning's way to files, made proof against kills: a checkpoint has its name only once it is whole."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None) -> None:
        """See `write`. The file is made in memory first: a megabyte, and the disk's errors stay plain ones."""
        buffer = io.BytesIO()
        torch.save(checkpoint, buffer)
        write(Path(path), buffer.getvalue())

    def load_checkpoint(self, path: Any, map_location: Any = None, weights_only: bool | None = None) -> dict[str, Any]:
        """See `load`."""
        return load(Path(path))
