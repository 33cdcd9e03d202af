"""Config keys as dotted paths: `model.schedule.0.lr` is the learning rate of the first stage."""

from collections.abc import Iterable, Mapping
from copy import deepcopy
from typing import Any

from letters_torch.errors import UserError

# A study sets these itself.
RESERVED = ("seed_everything", "model.seed", "data.seed", "trainer.default_root_dir", "trainer.logger", "ckpt_path")


def changed(config: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of a config with some keys set to other values.

    Args:
        config: nested tables and lists.
        changes: the new value of each dotted key.

    Raises:
        UserError: a key is reserved, or leads through something that is neither a table nor a list.
    """
    result = deepcopy(dict(config))
    for key, value in changes.items():
        if any(key == name or key.startswith(f"{name}.") for name in RESERVED):
            raise UserError(f"{key}: a study sets this itself; use `seeds` for seeds")
        _put(result, key, key.split("."), deepcopy(value))
    return result


def _put(node: Any, key: str, path: list[str], value: Any) -> None:
    name: Any = path[0]
    if isinstance(node, list):
        if not name.isdecimal() or int(name) >= len(node):
            raise UserError(f"{key}: {name!r} is no position in a list of {len(node)}; positions count from 0")
        name = int(name)
    elif not isinstance(node, dict):
        raise UserError(f"{key}: nothing can be set inside {node!r}; give the whole table")
    if len(path) == 1:
        node[name] = value
        return
    if isinstance(node, dict) and node.get(name) is None:
        node[name] = {}
    _put(node[name], key, path[1:], value)


def short_names(keys: Iterable[str]) -> dict[str, str]:
    """The shortest ending of each key that tells it from the others; list positions are no names of their own."""
    keys = list(dict.fromkeys(keys))
    return {key: _ending(key, [other for other in keys if other != key]) for key in keys}


def _ending(key: str, others: list[str]) -> str:
    parts = key.split(".")
    for length in range(1, len(parts)):
        ending = ".".join(parts[-length:])
        taken = any(other == ending or other.endswith(f".{ending}") for other in others)
        if not taken and not ending.split(".")[0].isdecimal():
            return ending
    return key


def text(value: Any) -> str:
    """A value as people write it in a config: `0.004`, `null`, `rounds`, `{spread: 6}`."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {text(item)}" for key, item in value.items()) + "}"
    return "[" + ", ".join(map(text, value)) + "]" if isinstance(value, list) else str(value)
