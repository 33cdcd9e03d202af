"""Prints which settings of a resumed run differ from those that it was started with."""

from pathlib import Path
from typing import Any

from jsonargparse import Namespace

from letters_torch import config_files
from letters_torch.console import say
from letters_torch.errors import UserError


def tell_changes(saved: Path, config: Namespace) -> None:
    """Prints the settings that a resumed run changes. The new values are used, unless they are refused."""
    try:
        before = config_files.read(saved, flag="")
    except UserError:  # not needed for the resume, which replaces it
        return
    now = _plain(config)
    for section in ("seed_everything", "model", "data", "trainer"):
        for name, old, new in _differences(before.get(section), now.get(section), section):
            if name == "trainer.default_root_dir":  # the same folder, or the run would not be resumed in it
                continue
            say(f"changed since the checkpoint: {name} is {new}, was {old}")


def _plain(value: Any) -> Any:
    if isinstance(value, Namespace):
        value = vars(value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value if isinstance(value, (int, float, str, bool, type(None))) else str(value)


def _differences(before: Any, now: Any, name: str) -> list[tuple[str, Any, Any]]:
    if isinstance(before, dict) and isinstance(now, dict):
        shared = [key for key in before if key in now]
        return [row for key in shared for row in _differences(before[key], now[key], f"{name}.{key}")]
    return [] if before == now else [(name, before, now)]
