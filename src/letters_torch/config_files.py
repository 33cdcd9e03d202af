"""Config files: finds the one that a bare name means, and reads it as a table of settings."""

import re
from pathlib import Path
from typing import Any

import yaml

from letters_torch.console import did_you_mean
from letters_torch.errors import UserError, reason
from letters_torch.paths import expanded

_PACKAGE = Path(__file__).parent
# Beside the installed package's modules; or, if the package runs from its repository, two folders up.
_SHIPPED = (_PACKAGE / "configs", _PACKAGE.parents[1] / "configs")

# Settings of Lightning's Trainer that a run of single-sample steps on one device refuses or cannot use.
NOT_OFFERED = (
    "accumulate_grad_batches",
    "barebones",
    "check_val_every_n_epoch",
    "enable_autolog_hparams",
    "gradient_clip_algorithm",
    "gradient_clip_val",
    "limit_train_batches",
    "max_epochs",
    "min_epochs",
    "min_steps",
    "model_registry",
    "num_nodes",
    "num_sanity_val_steps",
    "overfit_batches",
    "plugins",
    "reload_dataloaders_every_n_epochs",
    "sync_batchnorm",
    "use_distributed_sampler",
)

# Those of them that are null in each config.yaml of an earlier version. Null means nothing there and is accepted.
NO_LONGER_OFFERED = ("plugins",)

LARGEST = 1_000_000  # bytes; a config has some thousand
MOST_VALUES = 10_000  # keys and values, each counted as often as an alias repeats it


def places() -> list[Path]:
    """Where a bare name is looked for, in order."""
    return [Path(), Path("configs"), *_SHIPPED]


def find(name: str) -> Path:
    """The file that `name` means; ".yaml" may be left out of a bare name.

    Raises:
        UserError: there is none; the message lists those that come with the package.
    """
    given = expanded(name, "--config")
    if given.is_file():
        return given
    if given.name == name:
        for place in places():
            for file in (place / name, place / f"{name}.yaml"):
                if file.is_file():
                    return file
    known = sorted({file.name for place in places()[1:] for file in place.glob("*.yaml")})
    hint = did_you_mean(name.removesuffix(".yaml"), [each.removesuffix(".yaml") for each in known])
    listed = f"the configs that come with letters_torch are {', '.join(known)}"
    what = "a folder" if given.is_dir() else "no such file"
    raise UserError(f"--config {name}: {what}{hint or f'; {listed}'}")


def read(path: Path, flag: str = "--config") -> dict[str, Any]:
    """Reads a config as a table of settings. Whether the settings are right is for the parser to say.

    Args:
        path: the file.
        flag: for the message: what named it.

    Raises:
        UserError: the file cannot be read, is not YAML, repeats a key, holds too much, or is not a table.
    """
    where = f"{flag} {path}".strip()
    try:
        if path.stat().st_size > LARGEST:
            raise UserError(f"{where}: too large for a config; the limit is {LARGEST:,} bytes")
        text = path.read_text(encoding="utf-8")
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        if root is not None:
            _check_tree(root)
        settings = yaml.load(text, _Loader)
    except _DuplicateError as error:
        raise UserError(f"{where}, line {error.line}: the key {error.key!r} is given twice; leave one out") from error
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise UserError(f"{where}{line}: invalid YAML ({error.problem})") from error
    except (OSError, yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        raise UserError(f"{where}: cannot be read as YAML ({reason(error)})") from error
    if not isinstance(settings, dict):
        raise UserError(f"{where}: no settings in it; see the configs that come with letters_torch")
    return settings


class _Loader(yaml.SafeLoader):
    """YAML that takes 1e-3 for a number, as jsonargparse does and YAML 1.1 does not."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?(\d[\d_]*)(\.\d*)?[eE][-+]?\d+$"), list("-+0123456789")
)


class _DuplicateError(Exception):
    def __init__(self, key: str, line: int) -> None:
        super().__init__(key, line)
        self.key, self.line = key, line


def _check_tree(root: yaml.Node) -> None:
    """Refuses repeated keys, and aliases that stand for too many values or for themselves.

    A few hundred bytes of nested aliases describe 10**9 values (the "billion laughs"). They are counted here on the
    graph of nodes, in which an alias is an edge; nothing is expanded.
    """
    counts: dict[int, int] = {}
    open_nodes: set[int] = set()

    def count(node: yaml.Node) -> int:
        if id(node) in open_nodes:
            raise ValueError("a value contains itself")
        if id(node) not in counts:
            open_nodes.add(id(node))
            counts[id(node)] = 1 + sum(count(child) for child in _children(node))
            open_nodes.remove(id(node))
        if counts[id(node)] > MOST_VALUES:
            raise ValueError(f"more than {MOST_VALUES:,} values")
        return counts[id(node)]

    count(root)


def _children(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.SequenceNode):
        return list(node.value)
    if not isinstance(node, yaml.MappingNode):
        return []
    seen: set[tuple[str, Any]] = set()
    for key, _ in node.value:
        if isinstance(key, yaml.ScalarNode):
            if (key.tag, key.value) in seen:
                raise _DuplicateError(key.value, key.start_mark.line + 1)
            seen.add((key.tag, key.value))
    return [part for pair in node.value for part in pair]
