"""Checkpoint files: read without running code, refused with a reason, written whole or not at all.

Nothing here needs Lightning. `letters_torch.archive` reads the file format, `schema` says what a checkpoint holds.
"""

import io
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from letters_torch import archive, files
from letters_torch.checkpoint import schema
from letters_torch.errors import UserError, reason

# What a reader of a checkpoint gets; the rest is Lightning's own bookkeeping.
_KEPT = (
    *("state_dict", "global_step", "letters_torch", "LettersDataModule"),
    *("hyper_parameters", "datamodule_hyper_parameters", "current_model_state", "averaging_state"),
)


def load(path: Path) -> dict[str, Any]:
    """Reads a checkpoint of this project, the entries that `schema` describes, onto the CPU.

    Raises:
        UserError: the file is missing, damaged, of another program, or its pickle holds more than tensors and plain
            values.
    """
    with archive.opened(path) as file:
        content = archive.read(file)
        schema.require(content)
    return {"callbacks": content.get("callbacks", {}), **{key: content[key] for key in _KEPT if key in content}}


def encode(content: dict[str, Any]) -> bytes:
    """The bytes of a checkpoint file. They have passed the checks of `load`, all but those for damage.

    NumPy's numbers and arrays and paths become plain numbers, tensors and strings.

    Raises:
        UserError: the content holds something that a checkpoint cannot hold.
    """
    buffer, plain = io.BytesIO(), _plain(content, "")
    try:
        schema.require(plain)
        torch.save(plain, buffer)
        archive.verify(buffer, checksums=False)
    except archive.ArchiveError as error:
        raise UserError(f"the checkpoint would be unreadable: {error}; the last checkpoint is kept") from error
    return buffer.getvalue()


def write(path: Path, content: bytes, sync: bool = True) -> None:
    """Writes a file as `files.write`, and makes its folder if needed.

    Raises:
        UserError: the file cannot be written; the previous file is untouched.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        files.write(path, content, sync)
    except OSError as error:
        raise UserError(f"cannot write {path} ({reason(error)}); the previous file is kept") from error


def _plain(value: Any, where: str) -> Any:
    """The value with nothing but what `archive` reads: tensors, numbers, strings and containers of them."""
    if isinstance(value, Tensor):
        return value.detach().cpu().as_subclass(torch.Tensor)
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        return torch.from_numpy(value.copy())
    if isinstance(value, np.generic):
        return _plain(value.item(), where)
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, dict):
        return {_plain(key, where): _plain(item, f"{where}.{key}") for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        items = [_plain(item, f"{where}[{index}]") for index, item in enumerate(value)]
        return items if isinstance(value, list) else tuple(items)
    if value is None or type(value) in (bool, int, float, str):
        return value
    raise UserError(
        f"cannot save a {type(value).__name__} in a checkpoint ({where.lstrip('.')});"
        " a callback's state may hold tensors, numbers, strings, lists and dicts"
    )
