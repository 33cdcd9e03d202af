"""Checkpoint files: written whole or not at all, read without running code, refused with a reason."""

import os
import pickle
from pathlib import Path
from typing import Any

import torch
from lightning_fabric.plugins.io.torch_io import TorchCheckpointIO

from letters_torch.errors import UserError


def load(path: Path) -> dict[str, Any]:
    """Reads a checkpoint of this project onto the CPU.

    Raises:
        UserError: no such file, a damaged one, one that wants to run code, or another program's.
    """
    if not path.is_file():
        raise UserError(f"--ckpt_path {path}: no such file")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise UserError(
            f"--ckpt_path {path}: not a checkpoint, or one that holds more than tensors and plain values; not loaded"
        ) from error
    except Exception as error:  # a damaged archive fails wherever the damage lies
        raise UserError(f"--ckpt_path {path}: damaged or not a checkpoint ({_first_line(error)})") from error
    if not isinstance(content, dict) or "letters_torch" not in content or "state_dict" not in content:
        raise UserError(f"--ckpt_path {path}: a checkpoint, but not one of letters_torch")
    return content


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


class AtomicCheckpointIO(TorchCheckpointIO):
    """Lightning's way to files, made proof against kills: a checkpoint has its name only once it is whole."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None) -> None:
        """Writes beside the target, then renames.

        Raises:
            UserError: the file cannot be written; the one before it is untouched.
        """
        target = Path(path)
        part = target.with_name(f"{target.name}.{os.getpid()}.part")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            torch.save(checkpoint, part)
            part.replace(target)
        except (OSError, RuntimeError) as error:  # torch reports a full disk as a RuntimeError
            part.unlink(missing_ok=True)
            raise UserError(
                f"cannot write {target} ({_first_line(error)}); the last good checkpoint is kept"
            ) from error

    def load_checkpoint(self, path: Any, map_location: Any = None, weights_only: bool | None = None) -> dict[str, Any]:
        """See `load`."""
        return load(Path(path))
